--- nn.Parameter: a tensor that a module trains.
-- @module tocha.nn.parameter

local tocha = require 'tocha'
local args = require 'tocha.args'
local C = require('tocha.library').C

local read = args.spec('Parameter', 'data:tensor=nil', 'requires_grad:bool=true')

--- Makes a parameter that shares the memory of a tensor: a leaf of the graph, which a module registers when it is
-- assigned to a field.
-- @function Parameter
-- @param[opt] data a tensor; without it the parameter is empty
-- @tparam[opt=true] bool requires_grad whether it is trained
return function(...)
  local data, requires_grad = read(...)
  if data == nil then data = tocha.empty(0) end
  local p = data:detach()
  C.tc_set_parameter(p._t, true)
  return p:requires_grad_(requires_grad)
end
