--- What names a value has: what is in it, what its class and metatable lend it, what it would load if asked. For completion and help.
-- @module tocha.repl.names

local tocha = require 'tocha'
local binding = require 'tocha.binding'
local tensor = require 'tocha.tensor'

local names = {}

local function add_keys(set, t)
  for key in next, t do
    if type(key) == 'string' then set[key] = true end
  end
end

local function add_tensor(set)
  for _, name in ipairs(binding.names 'method') do set[name] = true end
  add_keys(set, tensor.methods)
  add_keys(set, tensor.fields)
  local lend = debug.getmetatable(tensor.methods).__names
  if lend then for _, name in ipairs(lend()) do set[name] = true end end
  set.data, set.grad = true, true
end

-- A module that loads on first use says what it could load through __names in its metatable.
local function add_table(set, t, seen)
  if seen[t] then return end
  seen[t] = true
  add_keys(set, t)
  local mt = debug.getmetatable(t)
  if type(mt) ~= 'table' then return end
  local lend = mt.__names
  if lend then for _, name in ipairs(lend()) do set[name] = true end end
  local index = rawget(mt, '__index')
  if type(index) == 'table' then add_table(set, index, seen)
  elseif rawget(mt, '__name') then add_table(set, mt, seen) end -- instances of a class: the class is the metatable
end

-- the parts of a module: children, parameters, buffers are fields, too
local function add_parts(set, object)
  if type(rawget(object, '_modules')) ~= 'table' and type(object.named_children) ~= 'function' then return end
  for _, list in ipairs{'_modules', '_parameters', '_buffers'} do
    local parts = rawget(object, list)
    if type(parts) == 'table' then add_keys(set, parts) end
  end
end

--- The names of `value` as a sorted list.
function names.of(value)
  local set = {}
  if tocha.is_tensor(value) then add_tensor(set)
  elseif type(value) == 'string' then add_keys(set, string)
  elseif type(value) == 'table' then
    add_table(set, value, {})
    pcall(add_parts, set, value)
  end
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return list
end

--- The value of a path such as `tocha.nn.Linear` or `x:sum`, without ever raising an error.
-- @return the value, or nil; what it was found in; its last name
function names.value(path)
  local value, owner, last = _G, nil, path:match('[%w_]*$')
  for name in path:gmatch('[%a_][%w_]*') do
    owner = value
    local ok, found = pcall(function() return owner[name] end)
    value = ok and found
    if not ok or found == nil then return nil, owner, last end
  end
  return value, owner, last
end

return names
