--- Layers that are a function with its options kept: activations, pooling, padding, losses without weights.
-- @module tocha.nn.simple

local class = require 'tocha.class'
local args = require 'tocha.args'
local show = require 'tocha.nn.show'
local Module = require 'tocha.nn.module'

--- Makes such a class.
-- @tparam string name
-- @tparam table parameters as for `args.spec`; each is kept in a field of its name
-- @tparam function forward
-- @param[opt] repr the names of the fields to print, a function of the module, or nil for all fields
-- @param[opt] parent the class it is derived from
-- @tparam[opt] function setup called with the new module to check or complete its fields
return function(name, parameters, forward, repr, parent, setup)
  local Class = class(name, parent or Module)
  Class.pure = true
  local _, store = args.spec(name, unpack(parameters))
  function Class:__init(...)
    store(self, ...)
    if setup then setup(self) end
  end
  Class.forward = forward
  if type(repr) == 'function' then
    Class.extra_repr = repr
  else
    local names = repr
    if not names then
      names = {}
      for i, p in ipairs(parameters) do names[i] = p:match('^[%w_]+') end
    end
    function Class:extra_repr() return show.fields(self, unpack(names)) end
  end
  return Class
end
