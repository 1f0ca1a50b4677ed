--- A weight divided by its largest singular value, which power iteration estimates.
--
-- Source: T. Miyato et al., "Spectral normalization for generative adversarial networks", 2018.
-- @module tocha.nn.utils.spectral_norm

local tocha = require 'tocha'
local args = require 'tocha.args'
local F = require 'tocha.nn.functional'
local Parameter = require 'tocha.nn.parameter'

local spectral = {}

--- The weight as a matrix whose rows are those of dimension `dim`.
function spectral.matrix(weight, dim)
  if dim ~= 1 then weight = weight:transpose(1, dim) end
  return weight:reshape(weight:size(1), -1)
end

--- `n` steps of power iteration on the matrix, in place on the vectors u (rows) and v (columns), unrecorded.
function spectral.iterate(matrix, u, v, n, eps)
  local w = matrix:detach()
  for _ = 1, n do
    v:copy_(F.normalize(w:t():mv(u), {dim = 1, eps = eps}))
    u:copy_(F.normalize(w:mv(v), {dim = 1, eps = eps}))
  end
end

--- First vectors u and v.
function spectral.start(matrix, eps)
  local w = matrix:detach()
  local u = F.normalize(w:new_empty(w:size(1)):normal_(0, 1), {dim = 1, eps = eps})
  local v = F.normalize(w:new_empty(w:size(2)):normal_(0, 1), {dim = 1, eps = eps})
  spectral.iterate(w, u, v, 15, eps)
  return u, v
end

local function compute(module, name, o, iterate)
  local w = module[name .. '_orig']
  local u, v = module[name .. '_u'], module[name .. '_v']
  local matrix = spectral.matrix(w, o.dim)
  if iterate then spectral.iterate(matrix, u, v, o.n, o.eps) end
  return w / u:clone():dot(matrix:mv(v:clone()))
end

local read = args.spec('spectral_norm', 'module:module', 'name:str="weight"', 'n_power_iterations:int=1', 'eps:num=1e-12',
  'dim:int=nil')

--- Replaces a parameter by `name_orig` and divides it by its largest singular value before each forward.
-- @param module
-- @tparam[opt='weight'] string name
-- @tparam[opt=1] int n_power_iterations for each forward in training mode
-- @tparam[opt=1e-12] number eps
-- @tparam[opt] int dim of the outputs: 1, but 2 for transposed convolutions
-- @return the module
-- @usage
-- local layer = nn.utils.spectral_norm(nn.Linear(3, 3), {n_power_iterations = 50})
-- layer(tocha.ones(1, 3)).shape  --> {1, 3}
-- tocha.linalg.matrix_norm(layer.weight, 2)  --> 1
function spectral.spectral_norm(...)
  local module, name, n, eps, dim = read(...)
  local w = module[name]
  if not tocha.is_tensor(w) then args.fail("spectral_norm: %s has no parameter '%s'", tostring(module.__name), name) end
  if n < 1 then args.fail('spectral_norm: n_power_iterations: got %d, takes at least 1', n) end
  if dim == nil then dim = module.__name:find('^ConvTranspose') and 2 or 1 end
  local o = {n = n, eps = eps, dim = dim}
  local u, v = spectral.start(spectral.matrix(w, dim), eps)
  module:unregister(name)
  module:register_parameter(name .. '_orig', Parameter(w:detach()))
  rawset(module, name, w:detach())
  module:register_buffer(name .. '_u', u)
  module:register_buffer(name .. '_v', v)
  o.hook = module:register_forward_pre_hook(function(m) rawset(m, name, compute(m, name, o, m.training)) end)
  local noted = rawget(module, '_spectral_norms') or {}
  noted[name] = o
  rawset(module, '_spectral_norms', noted)
  return module
end

local read_remove = args.spec('remove_spectral_norm', 'module:module', 'name:str="weight"')

--- Makes the weight a plain parameter again, with its normalised value.
-- @usage
-- local layer = nn.utils.spectral_norm(nn.Linear(3, 2))
-- nn.utils.remove_spectral_norm(layer).weight.is_leaf  --> true
function spectral.remove_spectral_norm(...)
  local module, name = read_remove(...)
  local noted = rawget(module, '_spectral_norms')
  local o = noted and noted[name]
  if not o then args.fail("remove_spectral_norm: '%s' of %s is not normalised", name, tostring(module.__name)) end
  local w = compute(module, name, o, false):detach()
  o.hook:remove()
  noted[name] = nil
  for _, part in ipairs{'_orig', '_u', '_v'} do module:unregister(name .. part) end
  rawset(module, name, nil)
  module:register_parameter(name, Parameter(w))
  return module
end

return spectral
