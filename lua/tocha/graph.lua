--- A picture of a graph: `print(tocha.graph(loss))` lists the operators that lead to a tensor, with the shapes and dtypes of their results, the
-- bytes that each keeps for backward and, where lines are recorded (`tocha.debug.lines(true)`), where it was called; `:save('net.svg')` draws it.
-- @module tocha.graph

local errors = require 'tocha.errors'
local library = require 'tocha.library'
local Node = require 'tocha.autograd.node'
local is_tensor = require('tocha.arguments').is_tensor
local C = library.C

local Graph = {}
Graph.__index = Graph

---------------------------------------------------------------- reading it
-- names of tensors by their node: of a module's parameters, or of a table of tensors by name
local function names_of(names)
  local by_node = {}
  local function add(name, x)
    if is_tensor(x) and x.requires_grad then by_node[Node.take(C.tc_node_of(x._t))] = name end
  end
  if type(names) == 'table' and type(names.named_parameters) == 'function' then
    for name, x in names:named_parameters() do add(name, x) end
  else
    for name, x in pairs(names or {}) do add(name, x) end
  end
  return by_node
end

local function visit(node, seen, list)
  local waiting = {node}
  seen[node] = {node = node, inputs = {}}
  while #waiting > 0 do
    local entry = seen[table.remove(waiting)]
    list[#list + 1] = entry
    for i = 1, #entry.node.next_functions do
      local from = entry.node:input(i)
      if from and not seen[from.node] then
        seen[from.node] = {node = from.node, inputs = {}, shape = from.shape, dtype = from.dtype}
        waiting[#waiting + 1] = from.node
      end
      entry.inputs[i] = from and seen[from.node] or false
    end
  end
end

local function describe(entry, names)
  local node = entry.node
  local leaf = entry.time == 0
  entry.leaf, entry.name = leaf, leaf and 'leaf' or node.name
  entry.label = names[node]
  entry.saved, entry.origin, entry.freed = node.saved_bytes, not leaf and node.origin or nil, C.tc_node_freed(node._pointer)
end

--- The graph behind a tensor.
-- @param output a tensor that requires grad
-- @param[opt] names a module, whose parameters are named then, or a table of tensors by name
-- @treturn table a list of {name, label, inputs (entries, false for what needs no gradient), shape, dtype, saved (bytes), origin, leaf, freed},
--   what ran earlier first; `bytes` of all. tostring(), `:dot()` and `:save(path)` show it
local function graph(output, names)
  if not is_tensor(output) or not output.requires_grad then
    errors.raise('graph: output: got %s, takes a tensor that requires grad', errors.describe(output))
  end
  if names ~= nil and type(names) ~= 'table' then
    errors.raise('graph: names: got %s, takes a module or a table of tensors by name', errors.describe(names))
  end
  local list, by_node = setmetatable({bytes = 0}, Graph), names_of(names)
  local root = Node.take(C.tc_node_of(output._t))
  local seen = {}
  visit(root, seen, list)
  seen[root].shape, seen[root].dtype = output.shape, output.dtype
  for i, entry in ipairs(list) do entry.time, entry.found = entry.node.time, i end
  table.sort(list, function(a, b)
    if a.time ~= b.time then return a.time < b.time end
    return a.found > b.found
  end)
  for i, entry in ipairs(list) do
    entry.number = i
    describe(entry, by_node)
    list.bytes = list.bytes + entry.saved
  end
  return list
end

---------------------------------------------------------------- as text
local function bytes_text(bytes)
  for _, unit in ipairs{{2 ^ 30, 'GiB'}, {2 ^ 20, 'MiB'}, {2 ^ 10, 'KiB'}} do
    if bytes >= unit[1] then return ('%.4g %s'):format(bytes / unit[1], unit[2]) end
  end
  return ('%d B'):format(bytes)
end

local function call_text(entry)
  if entry.leaf then return entry.label and 'leaf ' .. entry.label or 'leaf' end
  local inputs = {}
  for i, from in ipairs(entry.inputs) do inputs[i] = from and '%' .. from.number or '.' end
  return ('%s(%s)'):format(entry.name, table.concat(inputs, ', ')) .. (entry.label and ' ' .. entry.label or '')
end

local function result_text(entry)
  return entry.shape and ('%s [%s]'):format(entry.dtype.name, table.concat(entry.shape, ' x ')) or ''
end

function Graph:__tostring()
  local rows, wide = {}, {0, 0, 0}
  for i, entry in ipairs(self) do
    local saved = entry.freed and not entry.leaf and 'used up' or entry.saved > 0 and 'saves ' .. bytes_text(entry.saved) or ''
    rows[i] = {('%%%d = %s'):format(i, call_text(entry)), result_text(entry), saved, entry.origin or ''}
    for k = 1, 3 do wide[k] = math.max(wide[k], #rows[i][k]) end
  end
  local lines = {}
  for i, row in ipairs(rows) do
    for k = 1, 3 do row[k] = row[k] .. (' '):rep(wide[k] - #row[k]) end
    lines[i] = table.concat(row, '  '):gsub('%s+$', '')
  end
  lines[#lines + 1] = ('%d nodes, %s saved for backward'):format(#self, bytes_text(self.bytes))
  return table.concat(lines, '\n')
end

---------------------------------------------------------------- as a picture
local function quoted(text) return '"' .. text:gsub('["\\]', '\\%0'):gsub('\n', '\\n') .. '"' end

--- The graph in the language of graphviz.
-- @treturn string
function Graph:dot()
  local lines = {'digraph {', '  node [shape=box, fontname="Helvetica", fontsize=10];'}
  for i, entry in ipairs(self) do
    local text = {entry.leaf and (entry.label or 'leaf') or entry.name, result_text(entry)}
    if entry.saved > 0 then text[#text + 1] = 'saves ' .. bytes_text(entry.saved) end
    text[#text + 1] = entry.origin
    lines[#lines + 1] = ('  n%d [label=%s%s];'):format(i, quoted(table.concat(text, '\n')), entry.leaf and ', style=filled, fillcolor=lightblue' or '')
    for _, from in ipairs(entry.inputs) do
      if from then lines[#lines + 1] = ('  n%d -> n%d;'):format(from.number, i) end
    end
  end
  lines[#lines + 1] = '}\n'
  return table.concat(lines, '\n')
end

local function write(path, text)
  local file, why = io.open(path, 'w')
  if not file then errors.raise('graph: save: %s', why) end
  file:write(text)
  file:close()
end

local function shell_word(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

--- Writes the graph: as text for graphviz if the name ends in .dot or .gv, as a picture if it ends in .svg, .png or .pdf; pictures are drawn by
-- graphviz's program `dot`.
-- @tparam string path
-- @raise if it cannot be written, or graphviz is not there
function Graph:save(path)
  if type(path) ~= 'string' then errors.raise('graph: save: got %s, takes the name of a file', errors.describe(path)) end
  local kind = path:match('%.(%a+)$')
  if kind == 'dot' or kind == 'gv' then return write(path, self:dot()) end
  if kind ~= 'svg' and kind ~= 'png' and kind ~= 'pdf' then
    errors.raise("graph: save: got '%s', takes a name that ends in .dot, .gv, .svg, .png or .pdf", path)
  end
  local text = os.tmpname()
  write(text, self:dot())
  local status = os.execute(('dot -T%s -o %s %s 2>/dev/null'):format(kind, shell_word(path), text))
  os.remove(text)
  if status ~= 0 and status ~= true then
    errors.raise("graph: save: '%s' could not be drawn: it takes graphviz's program `dot`; a name that ends in .dot does without", path)
  end
end

return graph
