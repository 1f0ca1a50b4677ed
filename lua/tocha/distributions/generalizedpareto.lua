--- The generalized Pareto distribution, of what exceeds a high threshold.
-- @module tocha.distributions.generalizedpareto

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'

local GeneralizedPareto = class('GeneralizedPareto', Distribution)
GeneralizedPareto.has_rsample = true
GeneralizedPareto.arg_constraints = {loc = constraints.real, scale = constraints.positive, concentration = constraints.real}

local read = args.spec('GeneralizedPareto', 'loc', 'scale', 'concentration', 'validate_args:bool=nil')

--- What exceeds a high threshold.
-- @param loc the threshold
-- @param scale above 0
-- @param concentration the shape; 0 is the exponential distribution
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.GeneralizedPareto(0, 2, 0.25)
-- d:log_prob(tocha.tensor(1))  --> -1.282
-- d.mean  --> 2.667
-- d.variance  --> 14.22
-- d:cdf(tocha.tensor(1))  --> 0.3757
-- d:sample{3}.shape  --> {3}
function GeneralizedPareto:__init(...)
  local loc, scale, concentration, validate_args = read(...)
  self.loc, self.scale, self.concentration = utils.broadcast_all(loc, scale, concentration)
  Distribution.__init(self, self.loc.shape, {}, validate_args)
end

function GeneralizedPareto:get_support()
  local k = self.concentration
  local upper = tocha.where(k:lt(0), self.loc - self.scale / k, math.huge)
  return constraints.interval(self.loc, upper)
end

-- where the shape is 0, and a shape that may be divided by
local function shapes(self)
  local zero = self.concentration:isclose(tocha.zeros_like(self.concentration))
  return zero, tocha.where(zero, 1, self.concentration)
end

function GeneralizedPareto:draw(shape) return self:icdf(utils.rand_open(self:extended(shape), self.loc)) end

function GeneralizedPareto:log_prob(value)
  value = self:checked(value)
  local zero, k = shapes(self)
  local z = (value - self.loc) / self.scale
  local power = k:reciprocal() + 1
  local curved = tocha.where(power:eq(0), 0, power * (k * z):log1p())
  return -tocha.where(zero, z, curved) - self.scale:log()
end

--- The logarithm of 1 - cdf(value).
function GeneralizedPareto:log_survival_function(value)
  value = self:checked(value)
  local zero, k = shapes(self)
  local z = (value - self.loc) / self.scale
  return -tocha.where(zero, z, (k * z):log1p() / k)
end

function GeneralizedPareto:log_cdf(value) return (-self:log_survival_function(value):exp()):log1p() end
function GeneralizedPareto:cdf(value) return -self:log_survival_function(value):expm1() end

function GeneralizedPareto:icdf(value)
  local zero, k = shapes(self)
  local log_rest = (-utils.tensor(value, self.loc)):log1p()
  return self.loc + self.scale * tocha.where(zero, -log_rest, (-k * log_rest):expm1() / k)
end

function GeneralizedPareto:get_mode() return self.loc end

function GeneralizedPareto:get_mean()
  local k = self.concentration
  return tocha.where(k:lt(1), self.loc + self.scale / (1 - k), math.huge)
end

function GeneralizedPareto:get_variance()
  local k = self.concentration
  return tocha.where(k:lt(0.5), self.scale:square() / ((1 - k):square() * (1 - k * 2)), math.huge)
end

function GeneralizedPareto:entropy() return self.scale:log() + self.concentration + 1 end

return GeneralizedPareto
