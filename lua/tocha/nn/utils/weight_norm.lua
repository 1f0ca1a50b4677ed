--- A weight as direction and length: w = g v / |v|.
--
-- Source: T. Salimans, D. Kingma, "Weight normalization", 2016.
-- @module tocha.nn.utils.weight_norm

local tocha = require 'tocha'
local args = require 'tocha.args'
local Parameter = require 'tocha.nn.parameter'

local weight_norm = {}

--- The norm over all dimensions but one (over all of them without one), which stay with size 1.
function weight_norm.norm_except(v, dim)
  if dim == nil then return tocha.linalg.vector_norm(v) end
  local dims = {}
  if dim < 0 then dim = v:dim() + 1 + dim end
  for i = 1, v:dim() do
    if i ~= dim then dims[#dims + 1] = i end
  end
  return tocha.linalg.vector_norm(v, 2, dims, true)
end

local function compute(module, name, dim)
  local g, v = module[name .. '_g'], module[name .. '_v']
  return v * (g / weight_norm.norm_except(v, dim))
end

local read = args.spec('weight_norm', 'module:module', 'name:str="weight"', 'dim:int?=1')

--- Replaces a parameter by `name_g` (length) and `name_v` (direction); it is computed before each forward.
-- @param module
-- @tparam[opt='weight'] string name
-- @tparam[opt=1] int dim the dimension that keeps one length each; false: one length for all
-- @return the module
-- @usage
-- local layer = nn.utils.weight_norm(nn.Linear(3, 2))
-- layer.weight_g.shape  --> {2, 1}
-- layer.weight_v.shape  --> {2, 3}
function weight_norm.weight_norm(...)
  local module, name, dim = read(...)
  local noted = rawget(module, '_weight_norms') or {}
  if noted[name] then args.fail("weight_norm: parameter '%s' is normalised already", name) end
  local w = module[name]
  if not tocha.is_tensor(w) then args.fail("weight_norm: %s has no parameter '%s'", tostring(module.__name), name) end
  module:unregister(name)
  module:register_parameter(name .. '_g', Parameter(weight_norm.norm_except(w:detach(), dim):clone()))
  module:register_parameter(name .. '_v', Parameter(w:detach()))
  rawset(module, name, compute(module, name, dim))
  local hook = module:register_forward_pre_hook(function(m) rawset(m, name, compute(m, name, dim)) end)
  noted[name] = {hook = hook, dim = dim}
  rawset(module, '_weight_norms', noted)
  return module
end

local read_remove = args.spec('remove_weight_norm', 'module:module', 'name:str="weight"')

--- Makes the weight a plain parameter again.
-- @usage
-- local layer = nn.utils.weight_norm(nn.Linear(3, 2))
-- nn.utils.remove_weight_norm(layer).weight.is_leaf  --> true
function weight_norm.remove_weight_norm(...)
  local module, name = read_remove(...)
  local noted = rawget(module, '_weight_norms')
  local one = noted and noted[name]
  if not one then args.fail("remove_weight_norm: '%s' of %s is not normalised", name, tostring(module.__name)) end
  local w = compute(module, name, one.dim):detach()
  one.hook:remove()
  noted[name] = nil
  module:unregister(name .. '_g')
  module:unregister(name .. '_v')
  rawset(module, name, nil)
  module:register_parameter(name, Parameter(w))
  return module
end

return weight_norm
