--- The formulas of Kullback-Leibler divergences that are registered from the start: within one family, and for matrices.
-- @module tocha.distributions.kl_pairs

local tocha = require 'tocha'
local args = require 'tocha.args'
local cholesky = require 'tocha.distributions.cholesky'
local D = require 'tocha.distributions'
local kl = require 'tocha.distributions.kl'
local utils = require 'tocha.distributions.utils'
local F = tocha.nn.functional

local register = kl.register_kl
local function same(name, formula) register(D[name], D[name], formula) end

---------------------------------------------------------------- general
-- the Bregman divergence of the log normalizer
register(D.ExponentialFamily, D.ExponentialFamily, function(p, q)
  if getmetatable(p) ~= getmetatable(q) then
    args.fail('kl_divergence: no formula is registered for %s and %s', getmetatable(p).__name, getmetatable(q).__name)
  end
  local of_q, of_p = q:natural_params(), p:natural_params()
  local _, _, gradients = p:normalizer_gradients()
  local result = q:log_normalizer(unpack(of_q)) - p:log_normalizer(unpack(of_p))
  for i, gradient in ipairs(gradients) do
    result = result - utils.sum_rightmost((of_q[i] - of_p[i]) * gradient, of_q[i]:dim() - #q.batch_shape)
  end
  return result
end)

same('TransformedDistribution', function(p, q)
  local equal = #p.transforms == #q.transforms and utils.same(p.event_shape, q.event_shape)
  for i, t in ipairs(p.transforms) do equal = equal and t:equals(q.transforms[i]) end
  if not equal then args.fail('kl_divergence: the transforms of p and q differ: no formula is known') end
  return kl.kl_divergence(p.base_dist, q.base_dist)
end)

same('Independent', function(p, q)
  if p.reinterpreted_batch_ndims ~= q.reinterpreted_batch_ndims then
    args.fail('kl_divergence: reinterpreted_batch_ndims: got %d and %d, takes the same for p and q', p.reinterpreted_batch_ndims,
      q.reinterpreted_batch_ndims)
  end
  return utils.sum_rightmost(kl.kl_divergence(p.base_dist, q.base_dist), p.reinterpreted_batch_ndims)
end)

---------------------------------------------------------------- discrete
same('Bernoulli', function(p, q)
  local a, b = p.probs, q.probs
  local t1 = a * (F.softplus(-q.logits) - F.softplus(-p.logits))
  t1 = tocha.where(b:eq(0), math.huge, t1)
  t1 = tocha.where(a:eq(0), 0, t1)
  local t2 = (1 - a) * (F.softplus(q.logits) - F.softplus(p.logits))
  t2 = tocha.where(b:eq(1), math.huge, t2)
  return t1 + tocha.where(a:eq(1), 0, t2)
end)

same('Binomial', function(p, q)
  local n, m = p.total_count, q.total_count
  if n:lt(m):any():item() then args.fail('kl_divergence: Binomial: total_count of q is larger than that of p: no formula is known') end
  local inner = n * (p.probs * (p.logits - q.logits) + (-p.probs):log1p() - (-q.probs):log1p())
  return tocha.where(n:gt(m), math.huge, inner)
end)

same('Categorical', function(p, q)
  local a, b = utils.broadcast_all(p.probs, q.probs)
  local t = a * (p.logits - q.logits)
  t = tocha.where(b:eq(0), math.huge, t)
  return tocha.where(a:eq(0), 0, t):sum(-1)
end)

same('OneHotCategorical', function(p, q) return kl.kl_divergence(p._categorical, q._categorical) end)

same('ContinuousBernoulli', function(p, q)
  local log_norm = function(d) return d:log_normalizer(d.logits) end
  local t1 = p.mean * (p.logits - q.logits)
  return t1 - log_norm(p) + log_norm(q)
end)

same('Geometric', function(p, q)
  return -p:entropy() - (-q.probs):log1p() / p.probs - q.logits
end)

same('Poisson', function(p, q) return p.rate * (p.rate:log() - q.rate:log()) - (p.rate - q.rate) end)

---------------------------------------------------------------- continuous
same('Beta', function(p, q)
  local p1, p0, q1, q0 = p.concentration1, p.concentration0, q.concentration1, q.concentration0
  local sum_p, sum_q = p1 + p0, q1 + q0
  return q1:lgamma() + q0:lgamma() + sum_p:lgamma() - p1:lgamma() - p0:lgamma() - sum_q:lgamma()
    + (p1 - q1) * p1:digamma() + (p0 - q0) * p0:digamma() + (sum_q - sum_p) * sum_p:digamma()
end)

same('Cauchy', function(p, q)
  local t1 = ((p.scale + q.scale):square() + (p.loc - q.loc):square()):log()
  return t1 - (p.scale * q.scale * 4):log()
end)

same('Dirichlet', function(p, q)
  local a, b = p.concentration, q.concentration
  local t = a:sum(-1):lgamma() - b:sum(-1):lgamma() - (a:lgamma() - b:lgamma()):sum(-1)
  return t + ((a - b) * (a:digamma() - a:sum(-1, true):digamma())):sum(-1)
end)

same('Exponential', function(p, q)
  local ratio = q.rate / p.rate
  return -ratio:log() + ratio - 1
end)

same('Gamma', function(p, q)
  local a, b = p.concentration, q.concentration
  local t = b * (p.rate / q.rate):log() + b:lgamma() - a:lgamma()
  return t + (a - b) * a:digamma() + (q.rate - p.rate) * (a / p.rate)
end)

same('Gumbel', function(p, q)
  local ratio, shift = p.scale / q.scale, (q.loc - p.loc) / q.scale
  return -ratio:log() - shift + ratio * utils.euler + (shift + (ratio + 1):lgamma()):exp() - (1 + utils.euler)
end)

same('Laplace', function(p, q)
  local ratio, apart = p.scale / q.scale, (p.loc - q.loc):abs()
  return -ratio:log() + apart / q.scale + ratio * (-apart / p.scale):exp() - 1
end)

same('Normal', function(p, q)
  local ratio, shift = (p.scale / q.scale):square(), ((p.loc - q.loc) / q.scale):square()
  return (ratio + shift - 1 - ratio:log()) * 0.5
end)

same('HalfNormal', function(p, q)
  local ratio = (p.scale / q.scale):square()
  return (ratio - 1 - ratio:log()) * 0.5
end)

same('Pareto', function(p, q)
  local ratio, t = p.scale / q.scale, q.alpha / p.alpha
  local result = q.alpha * ratio:log() - t:log() + t - 1
  return tocha.where(p.scale:lt(q.scale), math.huge, result) -- the support of p is not within that of q
end)

same('Uniform', function(p, q)
  local result = ((q.high - q.low) / (p.high - p.low)):log()
  return tocha.where(q.low:gt(p.low):logical_or(q.high:lt(p.high)), math.huge, result)
end)

---------------------------------------------------------------- vectors
-- the sum of the squares of l^-1 x over the last two dims
local function trace(l, x) return cholesky.solve_lower(l, x):square():sum{-2, -1} end

local MVN, LowRank = D.MultivariateNormal, D.LowRankMultivariateNormal

local function check_sizes(p, q)
  if not utils.same(p.event_shape, q.event_shape) then
    args.fail('kl_divergence: got event shapes %s and %s, takes the same for p and q', utils.show(p.event_shape),
      utils.show(q.event_shape))
  end
end

local function combine(log_det, distance, traced, p) return (log_det + distance + traced - p.event_shape[1]) * 0.5 end

register(MVN, MVN, function(p, q)
  check_sizes(p, q)
  local log_det = (cholesky.half_log_det(q._scale_tril) - cholesky.half_log_det(p._scale_tril)) * 2
  return combine(log_det, cholesky.mahalanobis(q._scale_tril, q.loc - p.loc), trace(q._scale_tril, p._scale_tril), p)
end)

register(LowRank, MVN, function(p, q)
  check_sizes(p, q)
  local log_det = cholesky.half_log_det(q._scale_tril) * 2 - p:log_det()
  local traced = trace(q._scale_tril, p._factor) + trace(q._scale_tril, p._diag:sqrt():diag_embed())
  return combine(log_det, cholesky.mahalanobis(q._scale_tril, q.loc - p.loc), traced, p)
end)

-- the trace of S^-1 A A' for the low-rank covariance S of q
local function low_rank_trace(q, a)
  local scaled = q._factor / q._diag:unsqueeze(-1)
  return (a:square() / q._diag:unsqueeze(-1)):sum{-2, -1} - trace(q._capacitance_tril, scaled.mT:matmul(a))
end

register(MVN, LowRank, function(p, q)
  check_sizes(p, q)
  local log_det = q:log_det() - cholesky.half_log_det(p._scale_tril) * 2
  return combine(log_det, q:mahalanobis(q.loc - p.loc), low_rank_trace(q, p._scale_tril), p)
end)

register(LowRank, LowRank, function(p, q)
  check_sizes(p, q)
  local traced = low_rank_trace(q, p._factor) + low_rank_trace(q, p._diag:sqrt():diag_embed())
  return combine(q:log_det() - p:log_det(), q:mahalanobis(q.loc - p.loc), traced, p)
end)

require 'tocha.distributions.kl_mixed'

return kl
