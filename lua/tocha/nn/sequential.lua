--- nn.Sequential: modules one after the other. `net[1]` is the first, called `0` in names.
-- @classmod tocha.nn.Sequential

local class = require 'tocha.class'
local args = require 'tocha.args'
local lists = require 'tocha.nn.lists'
local Module = require 'tocha.nn.module'
local everywhere = require('tocha.nn.module_hooks').everywhere

local Sequential = class('Sequential', Module)

local function is_pairs(list)
  local first = list[1]
  return type(first) == 'table' and getmetatable(first) == nil and type(first[1]) == 'string'
end

local function add_all(self, items)
  for i = 1, #items do
    if not Module.is_module(items[i]) then
      args.fail('%s: item %d: got %s, takes a module', self.__name, i, args.show(items[i]))
    end
    self[#self + 1] = items[i]
  end
end

--- Modules one after the other: each gets what the one before gave, several values as well.
-- @param ... the modules; or one list of them; or one list of `{name, module}`, which names them
-- @shape as the first takes -> as the last gives
-- @raise for what is no module
-- @usage
-- local net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
-- net(tocha.ones(5, 4)).shape  --> {5, 2}
-- #net  --> 3
-- net:append(nn.Softmax(2))(tocha.ones(5, 4)):sum(2)  --> {1, 1, 1, 1, 1}
function Sequential:__init(...)
  local first = ...
  if type(first) ~= 'table' or getmetatable(first) ~= nil or select('#', ...) > 1 then return add_all(self, {...}) end
  if not is_pairs(first) then return add_all(self, first) end
  self._named = {}
  for i = 1, #first do
    local name, module = first[i][1], first[i][2]
    self:add_module(name, module)
    self._named[i] = name
    rawset(self, i, module)
  end
end

local function no_names(self, what)
  if self._named then args.fail('%s: the modules of this %s have names, which fix the order', what, self.__name) end
end

-- The temporaries between layers are released at once where nothing else can hold them: layers of this library whose
-- class says so (`pure`: they keep neither input nor output), without hooks. `fresh` says that x is held by nobody
-- else.
local function run(self, x, fresh)
  local watched = everywhere._hooks
  for i = 1, #self do
    local layer = self[i]
    local cls = getmetatable(layer)
    local y
    if cls == Sequential and not layer._hooks and not watched then
      y, fresh = run(layer, x, fresh)
    else
      y = layer(x)
      local own = rawget(cls, 'pure') and not layer._hooks and not watched
      local same = rawequal(x, y)
      if fresh and own and not same then x:free() end
      fresh = own and (fresh or not same) or false
    end
    x = y
  end
  return x, fresh
end

--- Feeds the first module with `x`, each further one with what the one before it gave.
function Sequential:forward(x)
  return (run(self, x, false))
end

--- How many modules there are.
function Sequential:len() return #self end
Sequential.__len = Sequential.len

--- The module at a position; negative ones count from the end.
function Sequential:get(i)
  local m = rawget(self, i < 0 and #self + 1 + i or i)
  if not m then args.fail('%s: index %d is outside 1..%d', self.__name, i, #self) end
  return m
end

--- Adds a module at the end; returns the sequence.
function Sequential:append(module)
  add_all(self, {module})
  return self
end

--- Torch7's name of append.
Sequential.add = Sequential.append

--- Adds all modules of a list or another sequence at the end; returns the sequence.
function Sequential:extend(modules)
  add_all(self, modules)
  return self
end

--- Puts a module before the one at position `i`; returns the sequence.
function Sequential:insert(i, module)
  no_names(self, 'insert')
  if not Module.is_module(module) then args.fail('insert: got %s, takes a module', args.show(module)) end
  local n = #self
  if i < 0 then i = n + 1 + i end
  if i < 1 or i > n + 1 then args.fail('insert: index %d is outside 1..%d', i, n + 1) end
  for k = n, i, -1 do self[k + 1] = self[k] end
  self[i] = module
  return self
end

--- Takes the module at position `i` (the last one without it) out and returns it.
function Sequential:pop(i)
  no_names(self, 'pop')
  local n = #self
  i = i or n
  local module = self:get(i)
  for k = i < 0 and n + 1 + i or i, n do self[k] = self[k + 1] end
  return module
end

--- An iterator over position and module.
function Sequential:iter() return ipairs(self) end

--- The modules as a list.
function Sequential:items() return lists.values({unpack(self, 1, #self)}) end

return Sequential
