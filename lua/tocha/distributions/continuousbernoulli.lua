--- The continuous Bernoulli distribution on 0..1 (Loaiza-Ganem and Cunningham 2019).
-- @module tocha.distributions.continuousbernoulli

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local ExponentialFamily = require 'tocha.distributions.exponentialfamily'
local binary = require 'tocha.distributions.binary'

local ContinuousBernoulli = class('ContinuousBernoulli', ExponentialFamily)
ContinuousBernoulli.has_rsample, ContinuousBernoulli.support = true, constraints.unit_interval
ContinuousBernoulli.arg_constraints = {probs = constraints.unit_interval, logits = constraints.real}
binary.fields(ContinuousBernoulli, true)

local read = args.spec('ContinuousBernoulli', 'probs=nil', 'logits=nil', 'lims:list=nil', 'validate_args:bool=nil')

--- Numbers between 0 and 1: p^x (1 - p)^(1 - x), normalised. Source: G. Loaiza-Ganem, J. Cunningham, 2019.
-- @param probs the probability of success, from 0 to 1; or
-- @param logits log(p / (1 - p))
-- @param lims {0.499, 0.501}: between them, where the formulas divide 0 by 0, Taylor series take over
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.ContinuousBernoulli(tocha.tensor(0.3))
-- d:log_prob(tocha.tensor(0.5))  --> -0.02974
-- d.mean  --> 0.4302
-- d.variance  --> 0.08043
-- d:sample{3}.shape  --> {3}
function ContinuousBernoulli:__init(...)
  local probs, logits, lims, validate_args = read(...)
  local param = binary.set(self, 'ContinuousBernoulli', probs, logits)
  self.lims = lims or {0.499, 0.501}
  ExponentialFamily.__init(self, param.shape, {}, validate_args)
  if probs ~= nil then self.probs = utils.clamp_probs(self.probs) end
end

function ContinuousBernoulli:get_probs() return utils.clamp_probs(self.logits:sigmoid()) end

-- where the formulas hold, and probabilities that are safe in them everywhere
local function cut(self)
  local probs = self.probs
  local outside = probs:le(self.lims[1]):logical_or(probs:gt(self.lims[2]))
  return outside, tocha.where(outside, probs, self.lims[1]), probs
end

-- the logarithm of the constant that makes the density integrate to 1
local function log_norm(self)
  local outside, p, probs = cut(self)
  local low = p:le(0.5)
  local below, above = tocha.where(low, p, 0), tocha.where(p:ge(0.5), p, 1)
  local difference = ((-p):log1p() - p:log()):abs():log()
  local exact = difference - tocha.where(low, (below * -2):log1p(), (above * 2 - 1):log())
  local x = (probs - 0.5):square()
  return tocha.where(outside, exact, math.log(2) + (4 / 3 + 104 / 45 * x) * x)
end

function ContinuousBernoulli:get_mean()
  local outside, p, probs = cut(self)
  local exact = p / (p * 2 - 1) + ((-p):log1p() - p:log()):reciprocal()
  local x = probs - 0.5
  return tocha.where(outside, exact, 0.5 + (1 / 3 + 16 / 45 * x:square()) * x)
end

function ContinuousBernoulli:get_variance()
  local outside, p, probs = cut(self)
  local exact = p * (p - 1) / (1 - p * 2):square() + ((-p):log1p() - p:log()):square():reciprocal()
  local x = (probs - 0.5):square()
  return tocha.where(outside, exact, 1 / 12 - (1 / 15 - 128 / 945 * x) * x)
end

function ContinuousBernoulli:draw(shape) return self:icdf(utils.rand_open(self:extended(shape), self._param)) end

function ContinuousBernoulli:log_prob(value)
  local logits
  logits, value = utils.broadcast_all(self.logits, self:checked(value))
  local bce = tocha.nn.functional.binary_cross_entropy_with_logits(logits, value:to(logits.dtype), {reduction = 'none'})
  return log_norm(self) - bce
end

function ContinuousBernoulli:cdf(value)
  value = self:checked(utils.tensor(value, self._param))
  local outside, p = cut(self)
  local exact = (p:pow(value) * (1 - p):pow(1 - value) + p - 1) / (p * 2 - 1)
  local inner = tocha.where(outside, exact, value)
  return tocha.where(value:le(0), 0, tocha.where(value:ge(1), 1, inner))
end

function ContinuousBernoulli:icdf(value)
  value = utils.tensor(value, self._param)
  local outside, p = cut(self)
  local rest = (-p):log1p()
  return tocha.where(outside, ((value * (p * 2 - 1) - p):log1p() - rest) / (p:log() - rest), value)
end

function ContinuousBernoulli:entropy()
  local zero, one = (-self.probs):log1p(), self.probs:log()
  return self.mean * (zero - one) - log_norm(self) - zero
end

function ContinuousBernoulli:natural_params() return {self.logits} end

function ContinuousBernoulli:log_normalizer(x)
  local outside = x:le(self.lims[1] - 0.5):logical_or(x:gt(self.lims[2] - 0.5))
  local safe = tocha.where(outside, x, self.lims[1] - 0.5)
  local exact = (safe:expm1() / safe):abs():log()
  local squared = x:square()
  return tocha.where(outside, exact, 0.5 * x + squared / 24 - squared:square() / 2880)
end

return ContinuousBernoulli
