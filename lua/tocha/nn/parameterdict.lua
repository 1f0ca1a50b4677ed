--- nn.ParameterDict: parameters by name, in order. `dict.a` and `dict['a']` give one.
-- @classmod tocha.nn.ParameterDict

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local lists = require 'tocha.nn.lists'
local Module = require 'tocha.nn.module'
local ModuleDict = require 'tocha.nn.moduledict'
local Parameter = require 'tocha.nn.parameter'
local show = require 'tocha.nn.show'

local ParameterDict = class('ParameterDict', Module)

--- Parameters by name; a tensor that is not a parameter becomes one.
-- @param values `{a = p}`, or, to keep an order, `{{'a', p}, {'b', q}}`
-- @shape none
-- @usage
-- local dict = nn.ParameterDict{{'scale', tocha.ones(2)}, {'shift', tocha.zeros(2)}}
-- dict:keys()  --> {'scale', 'shift'}
-- dict.shift.requires_grad  --> true
function ParameterDict:__init(values)
  if values ~= nil then self:update(values) end
end

--- Adds or replaces parameters, given as to the constructor.
function ParameterDict:update(values)
  ModuleDict.each_item(values, 'ParameterDict', function(name, value)
    if not tocha.is_tensor(value) then
      args.fail('ParameterDict: %s: got %s, takes a tensor', name, args.show(value))
    end
    self:register_parameter(name, value.is_parameter and value or Parameter(value))
  end)
end

--- Names and parameters in order: `for name, p in dict:items() do`.
function ParameterDict:items() return self:named_parameters('', false) end

--- The names in order, as a list that a `for` can walk too.
function ParameterDict:keys()
  local out = {}
  for name in self:items() do out[#out + 1] = name end
  return lists.values(out)
end

--- The parameters in order.
function ParameterDict:values() return self:parameters(false) end

--- True if there is a parameter of that name.
function ParameterDict:contains(name) return self._kind[name] == 'parameter' and rawget(self, name) ~= nil end

--- The parameter of that name, or `default`.
function ParameterDict:get(name, default)
  if self:contains(name) then return rawget(self, name) end
  return default
end

--- How many parameters there are.
function ParameterDict:len() return #self:items() end
ParameterDict.__len = ParameterDict.len

--- Takes a parameter out and returns it.
function ParameterDict:pop(name)
  local p = self:get(name)
  if p == nil then args.fail("pop: ParameterDict has no parameter '%s'", tostring(name)) end
  self:unregister(name)
  return p
end

function ParameterDict:child_lines()
  local lines = {}
  for name, p in self:items() do lines[#lines + 1] = ('(%s): %s'):format(name, show.parameter(p)) end
  return lines
end

return ParameterDict
