--- nn.ParameterList: a list of parameters. `list[1]` is the first, called `0` in names.
-- @classmod tocha.nn.ParameterList

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local Module = require 'tocha.nn.module'
local Parameter = require 'tocha.nn.parameter'
local show = require 'tocha.nn.show'

local ParameterList = class('ParameterList', Module)

local function as_parameter(value, what)
  if not tocha.is_tensor(value) then args.fail('%s: got %s, takes a tensor', what, args.show(value)) end
  return value.is_parameter and value or Parameter(value)
end

--- Parameters by position; a tensor that is not a parameter becomes one.
-- @param values a list of parameters
-- @shape none
-- @usage
-- local list = nn.ParameterList{tocha.ones(2), tocha.zeros(3)}
-- #list  --> 2
-- list[2].requires_grad  --> true
function ParameterList:__init(values)
  if values ~= nil then self:extend(values) end
end

--- Adds a parameter at the end; returns the list.
function ParameterList:append(value)
  self[#self + 1] = as_parameter(value, 'ParameterList')
  return self
end

--- Adds all parameters of a list; returns the list.
function ParameterList:extend(values)
  if type(values) ~= 'table' then args.fail('ParameterList: got %s, takes a list of parameters', args.show(values)) end
  for i = 1, #values do self:append(values[i]) end
  return self
end

--- How many parameters there are.
function ParameterList:len() return #self end
ParameterList.__len = ParameterList.len

--- The parameter at a position; negative ones count from the end.
function ParameterList:get(i)
  local p = rawget(self, i < 0 and #self + 1 + i or i)
  if p == nil then args.fail('ParameterList: index %d is outside 1..%d', i, #self) end
  return p
end

--- An iterator over position and parameter.
function ParameterList:iter() return ipairs(self) end

function ParameterList:child_lines()
  local lines = {}
  for i = 1, #self do lines[i] = ('(%d): %s'):format(i - 1, show.parameter(self[i])) end
  return lines
end

return ParameterList
