--- The formulas of Kullback-Leibler divergences between different families.
-- @module tocha.distributions.kl_mixed

local tocha = require 'tocha'
local D = require 'tocha.distributions'
local kl = require 'tocha.distributions.kl'
local utils = require 'tocha.distributions.utils'

local register = function(p, q, formula) kl.register_kl(D[p], D[q], formula) end
local log_2pi = math.log(2 * math.pi)

---------------------------------------------------------------- supports that do not fit: the divergence is infinite
-- a tensor of the batch shape of both
local function infinite(p, q)
  local param = rawget(p, 'loc') or rawget(p, 'rate') or rawget(p, 'low') or rawget(p, 'concentration1') or rawget(p, 'scale')
    or rawget(p, 'probs') or rawget(p, 'logits')
  return utils.full(tocha.broadcast_shapes(p.batch_shape, q.batch_shape), math.huge, param)
end

local never = {
  Beta = 'Pareto', ContinuousBernoulli = 'Pareto', Exponential = 'Beta ContinuousBernoulli Pareto Uniform',
  Gamma = 'Beta ContinuousBernoulli Pareto Uniform', Gumbel = 'Beta ContinuousBernoulli Exponential Gamma Pareto Uniform',
  Laplace = 'Beta ContinuousBernoulli Exponential Gamma Pareto Uniform',
  Normal = 'Beta ContinuousBernoulli Exponential Gamma Pareto Uniform', Pareto = 'Beta ContinuousBernoulli Uniform',
  Poisson = 'Bernoulli Binomial',
}
for p, names in pairs(never) do
  for q in names:gmatch('%S+') do register(p, q, infinite) end
end

register('Bernoulli', 'Poisson', function(p, q) return -p:entropy() - (p.probs * q.rate:log() - q.rate) end)

---------------------------------------------------------------- the negative entropy of p less the mean of log q
-- q normal: the second moment around q's loc
local function to_normal(p, q)
  local variance = q.scale:square()
  local moment = (p.variance + (p.mean - q.loc):square()) / variance
  return -p:entropy() + q.scale:log() + 0.5 * log_2pi + moment * 0.5
end
for _, p in ipairs{'Beta', 'ContinuousBernoulli', 'Exponential', 'Gamma', 'Gumbel', 'Laplace', 'Uniform', 'Pareto'} do
  register(p, 'Normal', to_normal)
end
-- a variance that is infinite makes the divergence infinite
register('Pareto', 'Normal', function(p, q)
  return tocha.where(p.alpha:le(2), math.huge, to_normal(p, q))
end)

local function to_exponential(p, q) return -p:entropy() - q.rate:log() + q.rate * p.mean end
for _, p in ipairs{'Beta', 'ContinuousBernoulli', 'Gamma'} do register(p, 'Exponential', to_exponential) end
register('Pareto', 'Exponential', function(p, q) return tocha.where(p.alpha:le(1), math.huge, to_exponential(p, q)) end)
register('Uniform', 'Exponential', function(p, q) return tocha.where(p.low:lt(0), math.huge, to_exponential(p, q)) end)

-- q gamma: needs the mean of log x under p
local function to_gamma(p, q, mean_log)
  local a = q.concentration
  return -p:entropy() - a * q.rate:log() + a:lgamma() - (a - 1) * mean_log + q.rate * p.mean
end
register('Beta', 'Gamma', function(p, q)
  return to_gamma(p, q, p.concentration1:digamma() - (p.concentration1 + p.concentration0):digamma())
end)
register('Exponential', 'Gamma', function(p, q) return to_gamma(p, q, -p.rate:log() - utils.euler) end)
register('Pareto', 'Gamma', function(p, q)
  return tocha.where(p.alpha:le(1), math.huge, to_gamma(p, q, p.scale:log() + p.alpha:reciprocal()))
end)

-- the integral of log x from 0 to x: x log x - x
local function log_integral(x) return x:xlogy(x) - x end
local function uniform_mean_log(p) return (log_integral(p.high) - log_integral(p.low)) / (p.high - p.low) end
register('Uniform', 'Gamma', function(p, q)
  return tocha.where(p.low:lt(0), math.huge, to_gamma(p, q, uniform_mean_log(p)))
end)

-- q beta on the unit interval
register('Uniform', 'Beta', function(p, q)
  local a, b = q.concentration1, q.concentration0
  local mean_rest = (log_integral(1 - p.low) - log_integral(1 - p.high)) / (p.high - p.low) -- of log(1 - x)
  local result = -p:entropy() - (a - 1) * uniform_mean_log(p) - (b - 1) * mean_rest + a:lgamma() + b:lgamma() - (a + b):lgamma()
  return tocha.where(p.high:gt(1):logical_or(p.low:lt(0)), math.huge, result)
end)

-- q uniform: p lies within it or not
register('Beta', 'Uniform', function(p, q)
  local result = -p:entropy() + (q.high - q.low):log()
  return tocha.where(q.low:gt(0):logical_or(q.high:lt(1)), math.huge, result)
end)
register('ContinuousBernoulli', 'Uniform', function(p, q)
  local result = -p:entropy() + (q.high - q.low):log()
  return tocha.where(q.low:gt(0):logical_or(q.high:lt(1)), math.huge, result)
end)

-- q Gumbel: needs the mean of exp(-x / scale) under p
local function to_gumbel(p, q, mean_exp)
  return -p:entropy() + q.scale:log() + (p.mean - q.loc) / q.scale + (q.loc / q.scale):exp() * mean_exp
end
register('Exponential', 'Gumbel', function(p, q)
  local product = p.rate * q.scale
  return to_gumbel(p, q, product / (product + 1))
end)
register('Gamma', 'Gumbel', function(p, q)
  return to_gumbel(p, q, (1 + (p.rate * q.scale):reciprocal()):pow(-p.concentration))
end)
register('Normal', 'Gumbel', function(p, q)
  return to_gumbel(p, q, ((p.scale / q.scale):square() * 0.5 - p.loc / q.scale):exp())
end)
register('Uniform', 'Gumbel', function(p, q)
  local width = (p.high - p.low) / q.scale
  return to_gumbel(p, q, ((-p.low / q.scale):exp() - (-p.high / q.scale):exp()) / width)
end)

register('Normal', 'Laplace', function(p, q)
  local d = p.loc - q.loc
  local z = d / p.scale
  local mean_apart = math.sqrt(2 / math.pi) * p.scale * (z:square() * -0.5):exp() + d * (z / math.sqrt(2)):erf()
  return -p:entropy() + (q.scale * 2):log() + mean_apart / q.scale
end)

register('Uniform', 'ContinuousBernoulli', function(p, q)
  local log_norm = q:log_normalizer(q.logits) -- log of the integral of exp(logits x)
  local result = -p:entropy() - p.mean * q.logits + log_norm
  return tocha.where(p.high:gt(1):logical_or(p.low:lt(0)), math.huge, result)
end)
register('Beta', 'ContinuousBernoulli', function(p, q)
  return -p:entropy() - p.mean * q.logits + q:log_normalizer(q.logits)
end)

register('Uniform', 'Pareto', function(p, q)
  local a = q.alpha
  local result = -p:entropy() - a:log() - a * q.scale:log() + (a + 1) * uniform_mean_log(p)
  return tocha.where(p.low:lt(q.scale), math.huge, result)
end)

return kl
