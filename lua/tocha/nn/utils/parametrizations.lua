--- tocha.nn.utils.parametrizations: weights that are orthogonal, of spectral norm 1, or split into direction and
-- length.
-- @module tocha.nn.utils.parametrizations

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local Module = require 'tocha.nn.module'
local orthonormal = require 'tocha.nn.orthonormal'
local parametrize = require 'tocha.nn.utils.parametrize'
local spectral = require 'tocha.nn.utils.spectral_norm'
local weight_norm = require 'tocha.nn.utils.weight_norm'

local parametrizations = {}

local function weight_of(module, name, what)
  local w = module[name]
  if not tocha.is_tensor(w) then args.fail("%s: %s has no parameter '%s'", what, tostring(module.__name), name) end
  return w
end

-- --------------------------------------------------------------------------------------------------------- weight norm

local WeightNorm = class('WeightNorm', Module)

function WeightNorm:__init(dim) self.dim = dim end

function WeightNorm:forward(g, v) return v * (g / weight_norm.norm_except(v, self.dim)) end

function WeightNorm:right_inverse(weight) return weight_norm.norm_except(weight, self.dim), weight end

local read_weight = args.spec('weight_norm', 'module:module', 'name:str="weight"', 'dim:int?=1')

--- w = g v / |v|: the originals are original0 (g) and original1 (v). Returns the module.
-- @param dim the dimension that keeps one length each; false: one length for all
-- @usage
-- local layer = nn.utils.parametrizations.weight_norm(nn.Linear(3, 2))
-- layer.parametrizations.weight.original0.shape  --> {2, 1}
-- layer.weight.shape  --> {2, 3}
function parametrizations.weight_norm(...)
  local module, name, dim = read_weight(...)
  weight_of(module, name, 'weight_norm')
  return parametrize.register_parametrization(module, name, WeightNorm(dim), {unsafe = true})
end

-- ------------------------------------------------------------------------------------------------------- spectral norm

local SpectralNorm = class('SpectralNorm', Module)

function SpectralNorm:__init(weight, n, dim, eps)
  self.n, self.dim, self.eps = n, dim, eps
  if weight:dim() > 1 then
    local u, v = spectral.start(spectral.matrix(weight, dim), eps)
    self:register_buffer('_u', u)
    self:register_buffer('_v', v)
  end
end

function SpectralNorm:forward(weight)
  if weight:dim() == 1 then return tocha.nn.functional.normalize(weight, {dim = 1, eps = self.eps}) end
  local matrix = spectral.matrix(weight, self.dim)
  if self.training then spectral.iterate(matrix, self._u, self._v, self.n, self.eps) end
  return weight / self._u:clone():dot(matrix:mv(self._v:clone()))
end

function SpectralNorm:right_inverse(value) return value end -- luacheck: ignore self

local read_spectral = args.spec('spectral_norm', 'module:module', 'name:str="weight"', 'n_power_iterations:int=1',
  'eps:num=1e-12',
  'dim:int=nil')

--- The weight divided by its largest singular value. Returns the module.
-- @param n_power_iterations for each forward in training mode
-- @param dim of the outputs: 1, but 2 for transposed convolutions
-- @usage
-- local layer = nn.utils.parametrizations.spectral_norm(nn.Linear(3, 3), {n_power_iterations = 50})
-- tocha.linalg.matrix_norm(layer.weight, 2)  --> 1
function parametrizations.spectral_norm(...)
  local module, name, n, eps, dim = read_spectral(...)
  local weight = weight_of(module, name, 'spectral_norm')
  if dim == nil then dim = module.__name:find('^ConvTranspose') and 2 or 1 end
  return parametrize.register_parametrization(module, name, SpectralNorm(weight, n, dim, eps))
end

-- ---------------------------------------------------------------------------------------------------------- orthogonal

-- The weight is base * Q(original) with a fixed orthogonal base, the orthonormal factor of the weight so far; an
-- original of zeros gives Q = 1 for every map.
local Orthogonal = class('Orthogonal', Module)

function Orthogonal:__init(map, trivialize) self.map, self.trivialize = map, trivialize end

-- The skew-symmetric matrix of the lower triangle of a tall one, padded to a square.
local function skew(x)
  local n, k = x:size(-2), x:size(-1)
  local a = x:tril(-1)
  if n ~= k then a = tocha.cat({a, a:new_zeros({n, n - k})}, -1) end
  return a - a:transpose(-2, -1)
end

local maps = {}

local function identity(x) return tocha.eye(x:size(-2), x:size(-2), {dtype = x.dtype, device = x.device}) end

-- exp(a): a Taylor polynomial of a / 2^s, whose 1-norm is at most 1/2, squared s times.
function maps.matrix_exp(x)
  local a = skew(x)
  local norm = a:detach():abs():sum(1):amax():item()
  local s = math.max(0, math.ceil(math.log(2 * norm) / math.log(2)))
  if norm == 0 or norm ~= norm then s = 0 end
  local scaled, sum = a / 2 ^ s, identity(x)
  for k = 18, 1, -1 do sum = identity(x) + scaled:matmul(sum) / k end
  for _ = 1, s do sum = sum:matmul(sum) end
  return sum
end

function maps.cayley(x)
  local a, one = skew(x), identity(x)
  return tocha.linalg.solve(one - a * 0.5, one + a * 0.5)
end

-- A product of reflections 1 - 2 v v'/(v'v), each followed by the one of a unit vector, so that small v give nearly 1
function maps.householder(x)
  local q = identity(x)
  for i = 1, math.min(x:size(-1), x:size(-2) - 1) do
    local unit = q:new_zeros({x:size(-2), 1})
    unit[{i, 1}] = 1
    local v = unit + x:tril(-1):narrow(-1, i, 1)
    q = q - q:matmul(v):matmul(v:t()) * (2 / (v * v):sum())
    q = q - q:matmul(unit):matmul(unit:t()) * 2
  end
  return q
end

function Orthogonal:forward(x)
  local wide = x:size(-2) < x:size(-1)
  if wide then x = x:transpose(-2, -1) end
  local q = maps[self.map](x)
  if self.base ~= nil then q = self.base:matmul(q) end
  q = q:narrow(-1, 1, x:size(-1))
  return wide and q:transpose(-2, -1) or q
end

function Orthogonal:right_inverse(value)
  if not self.trivialize then return value end
  local x = value:size(-2) < value:size(-1) and value:transpose(-2, -1) or value
  local base = orthonormal(x, x:size(-2)):to(value.dtype)
  if self.base == nil then self:register_buffer('base', base) else self.base:copy_(base) end
  return tocha.zeros_like(value)
end

local read_orthogonal = args.spec('orthogonal', 'module:module', 'name:str="weight"', 'orthogonal_map:str=nil', '*',
  'use_trivialization:bool=true')

--- A matrix with orthonormal rows or columns.
-- @param module
-- @tparam[opt='weight'] string name
-- @tparam[opt] string orthogonal_map `'matrix_exp'` (default of square matrices), `'cayley'` or `'householder'`
-- (default of others)
-- @return the module. Source: M. Lezcano-Casado, "Trivializations for gradient-based optimization on manifolds", 2019.
-- @param use_trivialization whether the map is taken around the first weight, by name only
-- @usage
-- local layer = nn.utils.parametrizations.orthogonal(nn.Linear(3, 3))
-- local w = layer.weight
-- (w:mm(w:t()) - tocha.eye(3)):abs():max():item() < 1e-5  --> true
function parametrizations.orthogonal(...)
  local module, name, map, trivialize = read_orthogonal(...)
  local weight = weight_of(module, name, 'orthogonal')
  if weight:dim() ~= 2 then args.fail('orthogonal: %s: got %s, takes a matrix', name, args.show(weight)) end
  map = map or (weight:size(-2) == weight:size(-1) and 'matrix_exp' or 'householder')
  if not maps[map] then
    args.fail("orthogonal: orthogonal_map: got '%s', takes matrix_exp, cayley or householder", map)
  end
  return parametrize.register_parametrization(module, name, Orthogonal(map, trivialize))
end

return parametrizations
