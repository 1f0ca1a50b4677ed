--- The gamma and the chi-squared distribution.
-- @module tocha.distributions.gamma

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local ExponentialFamily = require 'tocha.distributions.exponentialfamily'

local Gamma = class('Gamma', ExponentialFamily)
Gamma.has_rsample, Gamma.support = true, constraints.nonnegative
Gamma.arg_constraints = {concentration = constraints.positive, rate = constraints.positive}

local read = args.spec('Gamma', 'concentration', 'rate', 'validate_args:bool=nil')

--- rate^a x^(a - 1) exp(-rate x) / Gamma(a).
-- @param concentration a, the shape, above 0
-- @param rate 1 over the scale, above 0
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.Gamma(3, 2)
-- d:log_prob(tocha.tensor(1))  --> -0.6137
-- d.mean  --> 1.5
-- d.variance  --> 0.75
-- d:entropy()  --> 1.154
-- d:sample{3}.shape  --> {3}
function Gamma:__init(...)
  local concentration, rate, validate_args = read(...)
  self.concentration, self.rate = utils.broadcast_all(concentration, rate)
  ExponentialFamily.__init(self, self.rate.shape, {}, validate_args)
end

function Gamma:get_mean() return self.concentration / self.rate end
function Gamma:get_mode() return ((self.concentration - 1) / self.rate):clamp_min(0) end
function Gamma:get_variance() return self.concentration / self.rate:square() end

function Gamma:draw(shape)
  local value = tocha._standard_gamma(self.concentration:expand(self:extended(shape))) / self.rate
  return value:clamp_min(tocha.finfo(value.dtype).tiny)
end

function Gamma:log_prob(value)
  value = self:checked(utils.tensor(value, self.rate))
  local a, rate = self.concentration, self.rate
  return a:xlogy(rate) + (a - 1):xlogy(value) - rate * value - a:lgamma()
end

function Gamma:cdf(value)
  value = self:checked(value)
  return tocha.special.gammainc(self.concentration, self.rate * value)
end

function Gamma:entropy()
  local a = self.concentration
  return a - self.rate:log() + a:lgamma() + (1 - a) * a:digamma()
end

function Gamma:natural_params() return {self.concentration - 1, -self.rate} end

function Gamma.log_normalizer(_, x, y) return (x + 1):lgamma() - (x + 1) * (-y):log() end

local Chi2 = class('Chi2', Gamma)
Chi2.arg_constraints = {df = constraints.positive}

local read_chi2 = args.spec('Chi2', 'df', 'validate_args:bool=nil')

--- The sum of df squared standard normal variables: Gamma(df / 2, 1 / 2).
-- @param df degrees of freedom, above 0
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.Chi2(4)
-- d:log_prob(tocha.tensor(1))  --> -1.886
-- d.mean  --> 4
-- d.variance  --> 8
-- d:sample{3}.shape  --> {3}
function Chi2:__init(...)
  local df, validate_args = read_chi2(...)
  self.df = utils.tensor(df)
  self.concentration, self.rate = utils.broadcast_all(self.df * 0.5, 0.5)
  ExponentialFamily.__init(self, self.rate.shape, {}, validate_args)
end

return {Gamma = Gamma, Chi2 = Chi2}
