--- nn.ModuleDict: modules by name, in order. `dict.a` and `dict['a']` give one.
-- @classmod tocha.nn.ModuleDict

local class = require 'tocha.class'
local args = require 'tocha.args'
local lists = require 'tocha.nn.lists'
local Module = require 'tocha.nn.module'

local ModuleDict = class('ModuleDict', Module)

-- {a = m} in the order of names; {{'a', m}, {'b', n}} in that order
local function each(items, what, f)
  if type(items) ~= 'table' then args.fail('%s: got %s, takes a table', what, args.show(items)) end
  if Module.is_module(items) then
    if not items.items then args.fail('%s: got %s, takes a table of names', what, args.show(items)) end
    items = items:items()
  end
  if items[1] ~= nil then
    for i = 1, #items do
      if type(items[i]) ~= 'table' then args.fail('%s: entry %d: got %s, takes {name, value}', what, i, args.show(items[i])) end
      f(items[i][1], items[i][2])
    end
    return
  end
  local names = {}
  for name in pairs(items) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do f(name, items[name]) end
end
ModuleDict.each_item = each

--- Modules by name.
-- @param modules `{a = m}`, or, to keep an order, `{{'a', m}, {'b', n}}`
-- @shape none
-- @usage
-- local dict = nn.ModuleDict{{'first', nn.Linear(2, 3)}, {'act', nn.ReLU()}}
-- dict:keys()  --> {'first', 'act'}
-- dict.act(tocha.tensor{-1, 1})  --> {0, 1}
-- dict:contains('last')  --> false
function ModuleDict:__init(modules)
  if modules ~= nil then self:update(modules) end
end

--- Adds or replaces modules, given as to the constructor.
function ModuleDict:update(modules)
  each(modules, 'ModuleDict', function(name, m) self:add_module(name, m) end)
end

--- The names in order, as a list that a `for` can walk too.
function ModuleDict:keys()
  local names, values, n = self:registered('module')
  local out = {}
  for i = 1, n do
    if values[i] then out[#out + 1] = names[i] end
  end
  return lists.values(out)
end

--- The modules in order.
function ModuleDict:values() return self:children() end

--- Names and modules in order: `for name, m in dict:items() do`.
function ModuleDict:items() return self:named_children() end

--- True if there is a module of that name.
function ModuleDict:contains(name) return self._kind[name] == 'module' and rawget(self, name) ~= nil end

--- The module of that name, or nil.
function ModuleDict:get(name) return self:contains(name) and rawget(self, name) or nil end

--- How many modules there are.
function ModuleDict:len() return #self:keys() end
ModuleDict.__len = ModuleDict.len

--- Takes a module out and returns it.
function ModuleDict:pop(name)
  local m = self:get(name)
  if not m then args.fail("pop: ModuleDict has no module '%s'", tostring(name)) end
  self:unregister(name)
  return m
end

--- Takes all modules out.
function ModuleDict:clear()
  for name in self:keys() do self:unregister(name) end
end

return ModuleDict
