--- Classes: `local Net = tocha.class('Net', nn.Module)`, made by calling them.
--
-- A class is its instances' metatable. Methods are found through the chain of parents. Metamethods (`__call`,
-- `__tostring`, ...), which Lua looks up in the metatable alone, are lent by parent to child, at the latest when the
-- child's first instance is made. Three names have a meaning: `__init(self, ...)` is the constructor, `__new(class)`
-- makes the bare table of an instance (so that a constructor need not call its parent's), and `__inherited(parent,
-- class)` is told of each new child.
-- @module tocha.class

local class = {}

local events = {}
local names = 'index newindex call tostring len eq lt le concat unm add sub mul div mod pow pairs ipairs gc mode'
for name in names:gmatch('%a+') do
  events[#events + 1] = '__' .. name
end

-- The metatable of a class notes what its parent lent, by event: what differs from that is the class's own.
local function settle(cls)
  local parent = rawget(cls, '__parent')
  if not parent then return end
  settle(parent)
  local had = getmetatable(cls).lent
  for _, event in ipairs(events) do
    local mine, theirs = rawget(cls, event), rawget(parent, event)
    if event == '__index' and rawequal(theirs, parent) then theirs = cls end
    if mine == nil or rawequal(mine, had[event]) then
      rawset(cls, event, theirs)
      had[event] = theirs
    end
  end
end

local function make(cls, ...)
  local mt = getmetatable(cls)
  if not mt.settled then
    settle(cls)
    mt.settled = true
  end
  local object = setmetatable(cls.__new(cls), cls)
  local init = cls.__init
  if init then init(object, ...) end
  return object
end

local function describe(cls) return 'class ' .. cls.__name end
local function bare() return {} end

-- Each class has a metatable of its own: looking a name up in the parent then costs no function call.
local function metatable_of(cls, parent)
  return {__index = parent, __call = make, __tostring = describe, is_class = true, lent = {__index = cls}}
end

--- True for a table made by `tocha.class`.
function class.is_class(value)
  local mt = type(value) == 'table' and getmetatable(value)
  return type(mt) == 'table' and rawget(mt, 'is_class') == true
end

--- True if `cls` is `ancestor` or derived from it.
function class.issubclass(cls, ancestor)
  if cls ~= nil and type(cls) ~= 'table' then return false end
  while cls do
    if rawequal(cls, ancestor) then return true end
    cls = rawget(cls, '__parent')
  end
  return false
end

--- True if `object` was made by `cls` or by a class derived from it.
function class.isinstance(object, cls)
  local own = type(object) == 'table' and getmetatable(object)
  return class.is_class(own) and class.issubclass(own, cls)
end

local function check(name, parent)
  local raise = require('tocha.errors').raise
  if type(name) ~= 'string' then raise('class: name: got a %s, takes a string', type(name)) end
  if parent ~= nil and not class.is_class(parent) then
    raise('class: parent of %s: got a %s, takes a class made by tocha.class', name, type(parent))
  end
end

local function create(_, name, parent)
  check(name, parent)
  local cls = {__name = name, __parent = parent}
  cls.__class = cls
  cls.__index = cls
  if not parent then cls.__new = bare end
  setmetatable(cls, metatable_of(cls, parent))
  settle(cls)
  if parent and parent.__inherited then parent.__inherited(parent, cls) end
  return cls
end

--- Makes a class.
-- @function class
-- @tparam string name what the class is called in messages and by `tostring`
-- @param[opt] parent the class it is derived from
-- @return the class: call it to make an instance
return setmetatable(class, {__call = create})
