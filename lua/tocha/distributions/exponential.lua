--- The exponential distribution.
-- @module tocha.distributions.exponential

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local ExponentialFamily = require 'tocha.distributions.exponentialfamily'

local Exponential = class('Exponential', ExponentialFamily)
Exponential.has_rsample, Exponential.support = true, constraints.nonnegative
Exponential.arg_constraints = {rate = constraints.positive}

local read = args.spec('Exponential', 'rate', 'validate_args:bool=nil')

--- Waiting times: rate exp(-rate x).
-- @param rate 1 over the mean, above 0
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.Exponential(2)
-- d:log_prob(tocha.tensor(1))  --> -1.307
-- d.mean  --> 0.5
-- d.variance  --> 0.25
-- d:entropy()  --> 0.3069
-- d:icdf(tocha.tensor(0.5))  --> 0.3466
-- d:sample{3}.shape  --> {3}
function Exponential:__init(...)
  local rate, validate_args = read(...)
  self.rate = utils.broadcast_all(rate)
  ExponentialFamily.__init(self, self.rate.shape, {}, validate_args)
end

function Exponential:get_mean() return self.rate:reciprocal() end
function Exponential:get_mode() return tocha.zeros_like(self.rate) end
function Exponential:get_stddev() return self.rate:reciprocal() end
function Exponential:get_variance() return self.rate:square():reciprocal() end

function Exponential:draw(shape)
  return utils.full(self:extended(shape), 0, self.rate):exponential_() / self.rate
end

function Exponential:log_prob(value)
  value = self:checked(value)
  return self.rate:log() - self.rate * value
end

function Exponential:cdf(value)
  value = self:checked(value)
  return -(-self.rate * value):expm1()
end

function Exponential:icdf(value) return -(-utils.tensor(value, self.rate)):log1p() / self.rate end

function Exponential:entropy() return 1 - self.rate:log() end

function Exponential:natural_params() return {-self.rate} end

function Exponential.log_normalizer(_, x) return -(-x):log() end

return Exponential
