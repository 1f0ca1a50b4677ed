--- The inverse gamma distribution: 1 over a gamma variable.
-- @module tocha.distributions.inversegamma

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local TransformedDistribution = require 'tocha.distributions.transformed'
local Gamma = require('tocha.distributions.gamma').Gamma
local transforms = require 'tocha.distributions.transforms'

local InverseGamma = class('InverseGamma', TransformedDistribution)
InverseGamma.has_rsample, InverseGamma.support = true, constraints.positive
InverseGamma.arg_constraints = {concentration = constraints.positive, rate = constraints.positive}

local read = args.spec('InverseGamma', 'concentration', 'rate', 'validate_args:bool=nil')

--- 1 over a gamma variable.
-- @param concentration of the gamma variable
-- @param rate of the gamma variable
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.InverseGamma(3, 2)
-- d:log_prob(tocha.tensor(1))  --> -0.6137
-- d.mean  --> 1
-- d.variance  --> 1
-- d:sample{3}.shape  --> {3}
function InverseGamma:__init(...)
  local concentration, rate, validate_args = read(...)
  local base = Gamma(concentration, rate, validate_args)
  local power = transforms.PowerTransform(-tocha.ones({}, {dtype = base.rate.dtype, device = base.rate.device}))
  TransformedDistribution.__init(self, base, power, validate_args)
end

function InverseGamma:get_concentration() return self.base_dist.concentration end
function InverseGamma:get_rate() return self.base_dist.rate end
function InverseGamma:get_mode() return self.rate / (self.concentration + 1) end

function InverseGamma:get_mean()
  local a = self.concentration
  return tocha.where(a:gt(1), self.rate / (a - 1), math.huge)
end

function InverseGamma:get_variance()
  local a = self.concentration
  return tocha.where(a:gt(2), self.rate:square() / ((a - 1):square() * (a - 2)), math.huge)
end

function InverseGamma:entropy()
  local a = self.concentration
  return a + self.rate:log() + a:lgamma() - (a + 1) * a:digamma()
end

return InverseGamma
