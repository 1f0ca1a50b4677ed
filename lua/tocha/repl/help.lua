--- What `?name` shows: of operators the signature and text of tocha.h, of Lua functions and classes the comment above them.
-- @module tocha.repl.help

local binding = require 'tocha.binding'
local tocha = require 'tocha'
local forms = require 'tocha.repl.forms'
local examples = require 'tocha.repl.examples'
local args = require 'tocha.args'
local names = require 'tocha.repl.names'
local classdoc = require 'tocha.repl.classdoc'

local WIDTH = 78

-- Breaks text into lines; code in `backquotes` and words are never cut.
local function wrap(text, indent)
  local lines, line = {}, indent
  for word in text:gmatch('%S+') do
    if #line + #word > WIDTH and line ~= indent then
      lines[#lines + 1] = line
      line = indent
    end
    line = line .. (line == indent and '' or ' ') .. word
  end
  lines[#lines + 1] = line
  return table.concat(lines, '\n')
end

---------------------------------------------------------------- operators
local function operator_text(fn)
  local out = {}
  for _, form in ipairs(forms(fn)) do out[#out + 1] = form end
  out[#out + 1] = wrap(fn.text, '  ')
  if fn.tags.alias then out[#out + 1] = '  Also called ' .. table.concat(fn.tags.alias, ', ') .. '.' end
  if examples[fn.name] then out[#out + 1] = '  ' .. examples[fn.name] end
  return table.concat(out, '\n')
end

---------------------------------------------------------------- Lua functions
local function lines_of(path)
  local file = io.open(path)
  if not file then return nil end
  local lines = {}
  for line in file:lines() do lines[#lines + 1] = line end
  file:close()
  return lines
end

local comment_above = classdoc.above

-- '@tparam[opt=0.9] number momentum how much' as '  momentum (number, 0.9)  how much'
local function parameter_line(line)
  local mark, rest = line:match('^@t?param(%b[])%s*(.*)$')
  rest = rest or line:match('^@t?param%s+(.*)$')
  local kind
  if line:sub(1, 2) == '@t' then kind, rest = rest:match('^(%S+)%s*(.*)$') end
  local name, text = rest:match('^(%S+)%s*(.*)$')
  local notes = {kind}
  if mark then notes[#notes + 1] = mark:match('=(.*)%]') or 'optional' end
  return ('    %s%s  %s'):format(name or '', #notes > 0 and ' (' .. table.concat(notes, ', ') .. ')' or '', text or '')
end

local function readable(block)
  local out = {}
  for _, line in ipairs(block) do
    if line:find('^@t?param') then line = parameter_line(line)
    else line = line:gsub('^@t?return%s+', '    gives '):gsub('^@module.*', ''):gsub('^@%a+%s*', '    ') end
    if line:find('%S') then out[#out + 1] = '  ' .. line end
  end
  return table.concat(out, '\n')
end

local function parameters(f, info)
  local list = {}
  for i = 1, info.nparams or 0 do list[i] = debug.getlocal(f, i) end
  if info.isvararg then list[#list + 1] = '...' end
  return '(' .. table.concat(list, ', ') .. ')'
end

local function function_text(f, path, fn)
  f = args.original[f] or f
  local info = debug.getinfo(f, 'Su')
  if info.what == 'C' then return path .. ': a function written in C, without documentation' end
  local lines = info.source:sub(1, 1) == '@' and lines_of(info.source:sub(2))
  local text = lines and readable(comment_above(lines, info.linedefined)) or ''
  local where = ('  %s:%d'):format(info.short_src, info.linedefined)
  if text == '' and fn then return operator_text(fn) .. '\n' .. where end
  return path .. parameters(f, info) .. '\n' .. (text ~= '' and text .. '\n' or '') .. where
end

---------------------------------------------------------------- classes, modules, values
-- the package whose part the path names, if it is one that classdoc knows
local function place_of(path)
  local before = path:match('^(.*)%.[%w_]+$')
  local package = before and select(1, names.value(before))
  for _, place in ipairs(classdoc.packages) do
    if package ~= nil and package == names.value(place.path) then return place, package end
  end
end

local function documented(path, value)
  local place, package = place_of(path)
  if not place then return nil end
  local name = path:match('[%w_]+$')
  local doc = classdoc.of(name, value, classdoc.module_of(package, place.path, name))
  return doc.text and classdoc.render(doc, path .. '(' .. doc.signature .. ')')
end

local function class_text(cls, path)
  local init = args.original[cls.__init or false] or cls.__init
  local info = type(init) == 'function' and debug.getinfo(init, 'Su')
  local text = documented(path, cls)
  if not text and info then
    text = path .. parameters(init, info):gsub('^%(self,? ?', '(')
    local above = readable(comment_above(lines_of(info.source:sub(2)) or {}, info.linedefined))
    if above ~= '' then text = text .. '\n' .. above end
  end
  if not info then return text or path .. ': class ' .. cls.__name end
  return ('%s\n  class %s, %s:%d'):format(text, cls.__name, info.short_src, info.linedefined)
end

local function table_text(t, path)
  local list = {}
  for _, name in ipairs(names.of(t)) do
    if name:sub(1, 1) ~= '_' then list[#list + 1] = name end
  end
  return ('%s has %d names:\n%s'):format(path, #list, wrap(table.concat(list, ' '), '  '))
end

local function value_text(value, path, fn)
  if type(value) == 'function' then return documented(path, value) or function_text(value, path, fn) end
  if tocha.is_tensor(value) then return path .. ' is a tensor:\n' .. tostring(value) end
  if type(value) == 'table' then
    if rawget(value, '__name') and rawget(value, '__index') then return class_text(value, path) end
    local mt = getmetatable(value)
    if type(mt) == 'table' and rawget(mt, '__name') then return path .. ' is an object:\n' .. tostring(value) end
    return table_text(value, path)
  end
  return ('%s is the %s %s'):format(path, type(value), tostring(value))
end

---------------------------------------------------------------- the question
local general = [[
An expression shows its value; `_` is the last one. Outermost locals stay for the whole session.
Ctrl-C stops what runs, Tab completes, Ctrl-D leaves.
  ?name          what a function, class or value is: ?tocha.softmax, ?nn.Linear, ?x:sum
  ??word         all operators whose name or text has the word
  :time code     runs it, and says how long it took
  :quit          leaves]]

local function search(word)
  local out = {}
  for _, fn in ipairs(binding.functions()) do
    if fn.name and not fn.tags.only and (fn.name .. ' ' .. fn.text):lower():find(word:lower(), 1, true) then
      out[#out + 1] = ('  %-28s %s'):format(fn.name, #fn.text > 90 and fn.text:sub(1, 88) .. '..' or fn.text)
    end
  end
  if #out == 0 then return "nothing found for '" .. word .. "'" end
  return table.concat(out, '\n')
end

-- operators are generated: their documentation is the schema's, whatever name they were reached by
-- Gives the operator of that name, and whether the value is that operator itself and not a Lua function of the same name.
local function find_operator(value, last)
  local fn = last and (binding.describe(last) or last:find('_$') and binding.describe(last:sub(1, -2)))
  if not fn or fn.tags.only then return nil, false end
  if value == nil then return fn, true end
  return fn, type(value) == 'function' and debug.getinfo(value, 'S').source:find('^=tocha%.') ~= nil
end

local function unknown(path)
  return ("there is no '%s'; ??%s looks for the word"):format(path, path:match('[%w_]*$'))
end

--- The answer to a question: what stands after the question mark.
-- @tparam string question a path, `?word` for a search, or nothing
-- @treturn string
return function(question)
  local path = question:match('^%s*(.-)%s*$'):gsub('%b()%s*$', '')
  if path == '' then return general end
  if path:sub(1, 1) == '?' then return search((path:match('^%?%s*(.-)$'))) end
  if path:find('[^%w_%.:]') then return unknown(path) end
  local value, owner, last = names.value(path)
  if owner == _G and value == nil and tocha[path] ~= nil then value, path = tocha[path], 'tocha.' .. path end
  if value == nil and path:find('^%a+:%a') then value = require('tocha.tensor').methods[last] end
  local fn, is_operator = find_operator(value, last)
  if is_operator then return operator_text(fn) end
  if value == nil then return unknown(path) end
  return value_text(value, path, fn)
end
