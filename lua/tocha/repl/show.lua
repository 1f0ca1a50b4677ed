--- How the prompt shows a result: tensors and objects as they print, tables with what is in them, strings in quotes.
-- @module tocha.repl.show

local tocha = require 'tocha'

local MOST_ENTRIES, DEEPEST, WIDEST = 40, 3, 76

local describe

local function brief_tensor(x)
  local sizes = {}
  for d = 1, x:dim() do sizes[d] = tonumber(x:size(d)) end
  if #sizes == 0 then return ('%s %s'):format(tostring(x.dtype), tostring(x:item())) end
  return ('%s [%s]'):format(tostring(x.dtype), table.concat(sizes, ' x '))
end

local function key_text(key)
  if type(key) == 'string' and key:find('^[%a_][%w_]*$') then return key end
  return '[' .. describe(key, DEEPEST, {}) .. ']'
end

-- list entries first, then the others in the order of their names
local function entries(t)
  local list, others = {}, {}
  for i = 1, #t do list[i] = {nil, t[i]} end
  for key, value in pairs(t) do
    if not (type(key) == 'number' and key % 1 == 0 and key >= 1 and key <= #t) then others[#others + 1] = {key, value} end
  end
  table.sort(others, function(a, b) return tostring(a[1]) < tostring(b[1]) end)
  for _, entry in ipairs(others) do list[#list + 1] = entry end
  return list
end

local function table_text(t, depth, seen)
  if seen[t] then return '{...: itself}' end
  if depth >= DEEPEST then return '{...}' end
  seen[t] = true
  local parts, all = {}, entries(t)
  for i, entry in ipairs(all) do
    if i > MOST_ENTRIES then
      parts[i] = ('... %d more'):format(#all - MOST_ENTRIES)
      break
    end
    local value = describe(entry[2], depth + 1, seen)
    parts[i] = entry[1] == nil and value or key_text(entry[1]) .. ' = ' .. value
  end
  seen[t] = nil
  local line = '{' .. table.concat(parts, ', ') .. '}'
  if #line + 2 * depth <= WIDEST and not line:find('\n', 1, true) then return line end
  local indent = ('  '):rep(depth + 1)
  return '{\n' .. indent .. table.concat(parts, ',\n' .. indent) .. '\n' .. ('  '):rep(depth) .. '}'
end

local function has_text(v)
  local mt = debug.getmetatable(v)
  return type(mt) == 'table' and rawget(mt, '__tostring') ~= nil
end

function describe(v, depth, seen)
  local kind = type(v)
  if kind == 'string' then
    if depth == 0 and v:find('\n', 1, true) then return v end
    return (('%q'):format(v):gsub('\\\n', '\\n'):gsub('\r', '\\r'):gsub('%z', '\\0'))
  end
  if tocha.is_tensor(v) and depth > 0 then return brief_tensor(v) end
  if kind == 'table' and not has_text(v) then return table_text(v, depth, seen) end
  return tostring(v)
end

--- The text of one result.
return function(v) return describe(v, 0, {}) end
