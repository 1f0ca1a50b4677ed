--- tocha.nn.utils.parametrize: fields of a module that are computed from other parameters.
--
-- A module with a parametrized field gets a class of its own, in which reading the field computes it, and a submodule
-- `parametrizations`, which holds the originals: `parametrizations.weight.original`.
-- @module tocha.nn.utils.parametrize

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local Module = require 'tocha.nn.module'
local ModuleList = require 'tocha.nn.modulelist'
local ModuleDict = require 'tocha.nn.moduledict'
local Parameter = require 'tocha.nn.parameter'
local checked = require 'tocha.checked'

local parametrize = {}

-- ------------------------------------------------------------------------------------------------- one field's chain

local List = class('ParametrizationList', ModuleList)
parametrize.ParametrizationList = List

local function pack(...) return {n = select('#', ...), ...} end

-- The originals are parameters if the field was one, else buffers.
local function put(self, name, value, trained)
  if trained then self:register_parameter(name, Parameter(value:detach()))
  else self:register_buffer(name, value:detach()) end
end

--- The parametrizations of one field, applied in order: `module.parametrizations.weight`, with `original`. It computes the field when
-- it is called.
-- @type ParametrizationList
-- @param first the first parametrization, a module
-- @param original the value of the field so far
-- @param ... options
-- @usage
-- local layer = nn.Linear(2, 2)
-- local Double = tocha.class('Double', nn.Module)
-- function Double:forward(x) return x * 2 end
-- nn.utils.parametrize.register_parametrization(layer, 'weight', Double())
-- local list = layer.parametrizations.weight
-- list.__name  --> 'ParametrizationList'
-- (list() / list.original):mean()  --> 2
function List:__init(first, original)
  local values = first.right_inverse and pack(first:right_inverse(original:detach())) or {n = 1, original}
  self.trained = original.is_parameter
  self.count = values.n
  if values.n == 1 then put(self, 'original', values[1], self.trained)
  else
    for i = 1, values.n do put(self, 'original' .. (i - 1), values[i], self.trained) end
  end
  self:append(first)
end

--- The value of the field.
function List:forward()
  local x
  if self.count == 1 then x = self[1](self.original)
  else
    local originals = {}
    for i = 1, self.count do originals[i] = self['original' .. (i - 1)] end
    x = self[1](unpack(originals))
  end
  for i = 2, #self do x = self[i](x) end
  return x
end

--- Sets the originals so that the field has a value, as far as the parametrizations have a right inverse.
function List:right_inverse(value)
  for i = #self, 2, -1 do
    if not self[i].right_inverse then args.fail('right_inverse: %s does not define it', self[i].__name) end
    value = self[i]:right_inverse(value)
  end
  local values = self[1].right_inverse and pack(self[1]:right_inverse(value)) or {n = 1, value}
  for i = 1, values.n do
    local name = self.count == 1 and 'original' or 'original' .. (i - 1)
    self[name].data = values[i]:detach()
  end
end

-- ------------------------------------------------------------------------------------------------------ whole modules

local depth, cache = 0, nil

--- Calls f, in which each field is computed once at most; gives its results.
-- @param f a function
-- @param ... its arguments
-- @usage
-- local layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
-- nn.utils.parametrize.cached(function() return layer.weight == layer.weight end)  --> true
function parametrize.cached(f, ...)
  depth, cache = depth + 1, cache or setmetatable({}, {__mode = 'k'})
  local results = pack(pcall(f, ...))
  depth = depth - 1
  if depth == 0 then cache = nil end
  if not results[1] then error(results[2], 0) end
  return unpack(results, 2, results.n)
end

local function value_of(list)
  if not cache then return list() end
  if cache[list] == nil then cache[list] = list() end
  return cache[list]
end

local function inject(module)
  local Base = getmetatable(module)
  local Class = class(Base.__name, Base)
  local inherited = Base.__index
  function Class:_get_name() return 'Parametrized' .. Base.__name end -- luacheck: ignore self
  Class.__parametrized = Base
  Class.__index = function(self, key)
    local fields = rawget(self, 'parametrizations')
    local list = fields and rawget(fields, key)
    if list and fields._kind[key] then return value_of(list) end
    if type(inherited) == 'function' then return inherited(self, key) end
    return Class[key]
  end
  Class.__newindex = function(self, key, value)
    local fields = rawget(self, 'parametrizations')
    local list = fields and rawget(fields, key)
    if list and fields._kind[key] then return list:right_inverse(value) end
    return Base.__newindex(self, key, value)
  end
  Class.__call = Base.__call
  Class.__tostring = Base.__tostring
  setmetatable(module, Class)
  rawset(module, 'parametrizations', ModuleDict())
  module:set_submodule('parametrizations', rawget(module, 'parametrizations'))
end

local read = args.spec('register_parametrization', 'module:module', 'tensor_name:str', 'parametrization', '*',
  'unsafe:bool=false')

local function check_shape(name, before, after)
  if tostring(before.dtype) ~= tostring(after.dtype) or not before:is_same_size(after) then
    args.fail('register_parametrization: %s: the parametrization gives %s of %s, it was %s of %s', name,
      args.show(after),
      tostring(after.dtype), args.show(before), tostring(before.dtype))
  end
end

--- Computes a field by a module from now on.
-- @param module
-- @tparam string tensor_name a parameter or buffer of it
-- @param parametrization a module: forward(original) gives the field, right_inverse(value), where defined, the
-- original or originals
-- @tparam[opt=false] bool unsafe whether the result may differ in shape and dtype
-- @return the module
-- @usage
-- local layer = nn.Linear(2, 2)
-- local Symmetric = tocha.class('Symmetric', nn.Module)
-- function Symmetric:forward(x) return x:triu() + x:triu(1):t() end
-- nn.utils.parametrize.register_parametrization(layer, 'weight', Symmetric())
-- layer.weight:equal(layer.weight:t())  --> true
function parametrize.register_parametrization(...)
  local module, name, chain, unsafe = read(...)
  if not Module.is_module(chain) then
    args.fail('register_parametrization: parametrization: got %s, takes a module', args.show(chain))
  end
  chain:train(module.training)
  local before = module[name]
  if not tocha.is_tensor(before) then
    args.fail("register_parametrization: %s has no tensor '%s'", tostring(module.__name), name)
  end
  if parametrize.is_parametrized(module, name) then
    module.parametrizations[name]:append(chain)
  else
    local list = List(chain, before)
    if not unsafe then check_shape(name, before, list()) end
    if not parametrize.is_parametrized(module) then inject(module) end
    module:unregister(name)
    module.parametrizations:add_module(name, list)
  end
  return module
end

--- True if the module has a parametrized field, or that one.
-- @param module an nn.Module
-- @param[opt] name of a field
-- @usage
-- local layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
-- nn.utils.parametrize.is_parametrized(layer, 'weight')  --> true
-- nn.utils.parametrize.is_parametrized(layer, 'bias')  --> false
function parametrize.is_parametrized(module, name)
  local fields = type(module) == 'table' and rawget(module, 'parametrizations')
  if not fields then return false end
  if name == nil then return fields:len() > 0 end
  return fields:contains(name)
end

local read_remove = args.spec('remove_parametrizations', 'module:module', 'tensor_name:str', 'leave_parametrized:bool=true')

--- Makes a field plain again. Returns the module.
-- @param tensor_name which field
-- @param leave_parametrized whether it keeps its computed value, else its original
-- @usage
-- local layer = nn.utils.parametrizations.orthogonal(nn.Linear(3, 3))
-- nn.utils.parametrize.remove_parametrizations(layer, 'weight')
-- layer.weight.is_leaf  --> true
function parametrize.remove_parametrizations(...)
  local module, name, leave = read_remove(...)
  if not parametrize.is_parametrized(module, name) then
    args.fail("remove_parametrizations: '%s' of %s is not parametrized", name, tostring(module.__name))
  end
  local list = module.parametrizations[name]
  if not leave and list.count > 1 then
    args.fail("remove_parametrizations: '%s' has several originals: takes leave_parametrized = true", name)
  end
  local value = (leave and list() or list.original):detach():clone()
  module.parametrizations:unregister(name)
  if module.parametrizations:len() == 0 then
    setmetatable(module, getmetatable(module).__parametrized)
    module:unregister('parametrizations')
  end
  if list.trained then module:register_parameter(name, Parameter(value)) else module:register_buffer(name, value) end
  return module
end

--- The class of a module before its fields were parametrized.
-- @param module an nn.Module
-- @usage
-- local layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
-- nn.utils.parametrize.type_before_parametrizations(layer) == nn.Linear  --> true
function parametrize.type_before_parametrizations(module)
  return rawget(getmetatable(module), '__parametrized') or getmetatable(module)
end

local read_transfer = args.spec('transfer_parametrizations_and_params', 'from_module:module', 'to_module:module', 'tensor_name:str=nil')

--- Gives a module the parametrizations of another, or of one of its fields, with the originals' values.
-- @return to_module
-- @param from_module whose
-- @param to_module which gets them
-- @param tensor_name one field; all if not given
-- @usage
-- local a = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
-- local b = nn.utils.parametrize.transfer_parametrizations_and_params(a, nn.Linear(3, 2))
-- b.weight:equal(a.weight)  --> true
function parametrize.transfer_parametrizations_and_params(...)
  local from, to, name = read_transfer(...)
  if not parametrize.is_parametrized(from, name) then
    args.fail("transfer_parametrizations_and_params: '%s' of %s is not parametrized", name or 'no field', tostring(from.__name))
  end
  for field, list in from.parametrizations:named_children() do
    if not name or field == name then
      if to[field] == nil then
        local value = list():detach():clone()
        if list.trained then to:register_parameter(field, Parameter(value)) else to:register_buffer(field, value) end
      end
      for _, chain in list:iter() do parametrize.register_parametrization(to, field, chain, {unsafe = true}) end
      local mine = to.parametrizations[field]
      for _, kind in ipairs{'parameter', 'buffer'} do
        local names, values, n = list:registered(kind)
        for i = 1, n do
          if values[i] ~= nil and mine[names[i]] ~= nil then mine[names[i]]:detach():copy_(values[i]:detach()) end
        end
      end
    end
  end
  return to
end

checked.all(parametrize, '', {type_before_parametrizations = 'module:module', cached = 'f:callable'})
List.__init = checked('ParametrizationList', List.__init, 'self', 'first:module', 'original:tensor')

return parametrize
