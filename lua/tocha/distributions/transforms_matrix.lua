--- Transforms of whole vectors and matrices: simplexes, Cholesky factors, several transforms side by side.
-- @module tocha.distributions.transforms_matrix

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local cholesky = require 'tocha.distributions.cholesky'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local base = require 'tocha.distributions.transform'
local Transform = base.Transform
local F = tocha.nn.functional

local M = {}

--- n real numbers to n + 1 positive ones that sum to 1: each takes its share of what is left.
-- @type StickBreakingTransform
-- @shape (..., n) -> (..., n + 1)
-- @usage
-- local t = D.StickBreakingTransform()
-- t(tocha.zeros(2))  --> {0.3333, 0.3333, 0.3333}
-- t.inv(t(tocha.tensor{1, 2}))  --> {1, 2}

--- A square matrix to a lower triangular one whose diagonal is positive.
-- @type LowerCholeskyTransform
-- @shape (..., n, n) -> (..., n, n)
-- @usage
-- D.LowerCholeskyTransform()(tocha.zeros(2, 2))  --> {{1, 0}, {0, 1}}

--- A square matrix to a positive definite one.
-- @type PositiveDefiniteTransform
-- @shape (..., n, n) -> (..., n, n)
-- @usage
-- D.PositiveDefiniteTransform()(tocha.tensor{{0, 9}, {1, 0}})  --> {{1, 1}, {1, 2}}

--- n (n - 1) / 2 real numbers to the Cholesky factor of a correlation matrix.
-- @type CorrCholeskyTransform
-- @shape (..., n (n - 1) / 2) -> (..., n, n)
-- @usage
-- local L = D.CorrCholeskyTransform()(tocha.tensor{1, 2, 3})
-- L.shape  --> {3, 3}
-- L:mm(L:t()):diag()  --> {1, 1, 1}

--- Real numbers to numbers that sum to 1, by a softmax; not a bijection.
-- @type SoftmaxTransform
-- @shape (..., n) -> (..., n)
-- @usage
-- D.SoftmaxTransform()(tocha.zeros(2))  --> {0.5, 0.5}
local function simple(name, domain, codomain, bijective)
  local cls = class(name, Transform)
  cls.domain, cls.codomain, cls.bijective = domain, codomain, bijective
  local read = args.spec(name, 'cache_size:int=0')
  function cls:__init(...) Transform.__init(self, (read(...))) end
  M[name] = cls
  return cls
end

local vector, matrix = constraints.real_vector, constraints.independent(constraints.real, 2)

-- the shape with its last entry changed
local function longer(shape, by)
  local n = #shape
  return utils.join(utils.slice(shape, 1, n - 1), {shape[n] + by})
end

--- From real vectors to the simplex by softmax; no bijection.
local Softmax = simple('SoftmaxTransform', vector, constraints.simplex, false)
function Softmax.call(_, x) return x:softmax(-1) end
function Softmax.inverse(_, y) return y:log() end

--- From real vectors to the simplex of one dim more, by breaking pieces off a stick.
local StickBreaking = simple('StickBreakingTransform', vector, constraints.simplex, true)

-- log(n), log(n - 1), ... log(1): shifts that put 0 in the middle of the simplex
local function offsets(n, x) return utils.count_up(1, n, x):flip{1}:log() end

function StickBreaking.call(_, x)
  local info = tocha.finfo(x.dtype)
  local z = (x - offsets(x:size(-1), x)):sigmoid():clamp(info.tiny, 1 - info.eps)
  local rest = (1 - z):cumprod(-1)
  return F.pad(z, {0, 1}, {value = 1}) * F.pad(rest, {1, 0}, {value = 1})
end

function StickBreaking.inverse(_, y)
  local head = y:narrow(-1, 1, y:size(-1) - 1)
  local rest = (1 - head:cumsum(-1)):clamp_min(tocha.finfo(y.dtype).tiny)
  return head:log() - rest:log() + offsets(head:size(-1), y)
end

function StickBreaking.log_abs_det_jacobian(_, x, y)
  local n = x:size(-1)
  x = x - offsets(n, x)
  return (F.logsigmoid(x) - x + y:narrow(-1, 1, n):log()):sum(-1)
end

function StickBreaking.forward_shape(_, shape) return longer(shape, 1) end
function StickBreaking.inverse_shape(_, shape) return longer(shape, -1) end

--- From matrices to lower triangular ones with positive diagonal.
local LowerCholesky = simple('LowerCholeskyTransform', matrix, constraints.lower_cholesky, true)
function LowerCholesky.call(_, x) return x:tril(-1) + x:diagonal(0, -2, -1):exp():diag_embed() end
function LowerCholesky.inverse(_, y) return y:tril(-1) + y:diagonal(0, -2, -1):log():diag_embed() end
function LowerCholesky.log_abs_det_jacobian(_, x) return x:diagonal(0, -2, -1):sum(-1) end

--- From matrices to positive definite ones.
local PositiveDefinite = simple('PositiveDefiniteTransform', matrix, constraints.positive_definite, true)
function PositiveDefinite.call(_, x)
  local l = LowerCholesky.call(nil, x)
  return l:matmul(l.mT)
end
function PositiveDefinite.inverse(_, y) return LowerCholesky.inverse(nil, cholesky.cholesky(y)) end

--- From real vectors of D (D - 1) / 2 entries to Cholesky factors of D x D correlation matrices.
local CorrCholesky = simple('CorrCholeskyTransform', vector, constraints.corr_cholesky, true)

function CorrCholesky.call(_, x)
  local eps = tocha.finfo(x.dtype).eps
  local r = utils.vec_to_tril_matrix(x:tanh():clamp(-1 + eps, 1 - eps), -1)
  local rest = (1 - r:square()):sqrt():cumprod(-1)
  local n = r:size(-1)
  r = r + tocha.eye(n, nil, {dtype = r.dtype, device = r.device})
  return r * F.pad(rest:narrow(-1, 1, n - 1), {1, 0}, {value = 1})
end

function CorrCholesky.inverse(_, y)
  local rest = 1 - y:square():cumsum(-1)
  local shifted = F.pad(rest:narrow(-1, 1, y:size(-1) - 1), {1, 0}, {value = 1})
  local t = utils.tril_matrix_to_vec(y, -1) / utils.tril_matrix_to_vec(shifted, -1):sqrt()
  return (t:log1p() - (-t):log1p()) / 2
end

function CorrCholesky.log_abs_det_jacobian(_, x, y)
  local rest = utils.tril_matrix_to_vec(1 - y:square():cumsum(-1), -2)
  local of_tanh = (x + F.softplus(x * -2) - math.log(2)):sum(-1) * -2
  return rest:log():sum(-1) * 0.5 + of_tanh
end

function CorrCholesky.forward_shape(_, shape)
  local n = shape[#shape]
  local d = math.floor(0.5 + math.sqrt(0.25 + 2 * n) + 0.5)
  if d * (d - 1) / 2 ~= n then args.fail('CorrCholeskyTransform: %d entries do not fill a triangle', n) end
  return utils.join(utils.slice(shape, 1, #shape - 1), {d, d})
end

function CorrCholesky.inverse_shape(_, shape)
  local d = shape[#shape]
  return utils.join(utils.slice(shape, 1, #shape - 2), {d * (d - 1) / 2})
end

---------------------------------------------------------------- side by side
local function all_bijective(list)
  for i, t in ipairs(list) do
    if type(t) ~= 'table' or not t.log_abs_det_jacobian then args.fail('transforms: entry %d: got %s, takes a transform', i, args.show(t)) end
    if not t.bijective then return false end
  end
  return true
end

local function gather(list, field)
  local out = {}
  for i, t in ipairs(list) do out[i] = t[field] end
  return out
end

local Cat = class('CatTransform', Transform)
M.CatTransform = Cat
local read_cat = args.spec('CatTransform', 'tseq:list', 'dim:int=1', 'lengths:list=nil', 'cache_size:int=0')

--- Each transform works on its part of a dim.
-- @param tseq a list of transforms
-- @param dim which
-- @param lengths of the parts; 1 each if not given
-- @shape (..., sum of lengths, ...) -> the same
-- @usage
-- D.CatTransform({D.ExpTransform(), D.identity_transform}, 1, {1, 2})(tocha.tensor{0, 5, 6})  --> {1, 5, 6}
function Cat:__init(...)
  local tseq, dim, lengths, cache_size = read_cat(...)
  Transform.__init(self, cache_size)
  if not lengths then
    lengths = {}
    for i = 1, #tseq do lengths[i] = 1 end
  end
  if #lengths ~= #tseq then args.fail('CatTransform: lengths: got %d, takes one for each of %d transforms', #lengths, #tseq) end
  self.transforms, self.dim, self.lengths, self.bijective = tseq, dim, lengths, all_bijective(tseq)
  self.domain = constraints.cat(gather(tseq, 'domain'), dim, lengths)
  self.codomain = constraints.cat(gather(tseq, 'codomain'), dim, lengths)
end

local function parts(self, x, f)
  local out, start, dim = {}, 1, self.dim < 0 and self.dim + x:dim() + 1 or self.dim
  for i, t in ipairs(self.transforms) do
    out[i] = f(t, x:narrow(dim, start, self.lengths[i]), start, self.lengths[i])
    start = start + self.lengths[i]
  end
  return out, dim
end

function Cat:call(x) return tocha.cat(parts(self, x, function(t, part) return t(part) end)) end
function Cat:inverse(y) return tocha.cat(parts(self, y, function(t, part) return t.inv(part) end)) end

function Cat:log_abs_det_jacobian(x, y)
  local n = self.domain.event_dim
  local terms, dim = parts(self, x, function(t, part, start, length)
    local at = self.dim < 0 and self.dim + y:dim() + 1 or self.dim
    local term = t:log_abs_det_jacobian(part, y:narrow(at, start, length))
    return utils.sum_rightmost(term, n - t.domain.event_dim)
  end)
  if x:dim() - dim >= n then return tocha.cat(terms, dim) end
  local total = terms[1]
  for i = 2, #terms do total = total + terms[i] end
  return total
end

local Stack = class('StackTransform', Transform)
M.StackTransform = Stack
local read_stack = args.spec('StackTransform', 'tseq:list', 'dim:int=1', 'cache_size:int=0')

--- Each transform works on one slice of a dim.
-- @param tseq a list of transforms
-- @param dim which
-- @shape (..., number of transforms, ...) -> the same
-- @usage
-- D.StackTransform({D.ExpTransform(), D.identity_transform}, 1)(tocha.tensor{{0, 0}, {5, 6}})  --> {{1, 1}, {5, 6}}
function Stack:__init(...)
  local tseq, dim, cache_size = read_stack(...)
  Transform.__init(self, cache_size)
  self.transforms, self.dim, self.bijective = tseq, dim, all_bijective(tseq)
  self.domain = constraints.stack(gather(tseq, 'domain'), dim)
  self.codomain = constraints.stack(gather(tseq, 'codomain'), dim)
end

local function slices(self, x, f)
  local out, dim = {}, self.dim < 0 and self.dim + x:dim() + 1 or self.dim
  for i, t in ipairs(self.transforms) do out[i] = f(t, x:select(dim, i), i) end
  return tocha.stack(out, dim)
end

function Stack:call(x) return slices(self, x, function(t, part) return t(part) end) end
function Stack:inverse(y) return slices(self, y, function(t, part) return t.inv(part) end) end
function Stack:log_abs_det_jacobian(x, y)
  local dim = self.dim < 0 and self.dim + y:dim() + 1 or self.dim
  return slices(self, x, function(t, part, i) return t:log_abs_det_jacobian(part, y:select(dim, i)) end)
end

return M
