--- The log-normal distribution: exp of a normal variable.
-- @module tocha.distributions.lognormal

local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local TransformedDistribution = require 'tocha.distributions.transformed'
local Normal = require 'tocha.distributions.normal'
local transforms = require 'tocha.distributions.transforms'

local LogNormal = class('LogNormal', TransformedDistribution)
LogNormal.has_rsample, LogNormal.support = true, constraints.positive
LogNormal.arg_constraints = {loc = constraints.real, scale = constraints.positive}

local read = args.spec('LogNormal', 'loc', 'scale', 'validate_args:bool=nil')

--- Numbers whose logarithm is normal.
-- @param loc mean of the logarithm
-- @param scale standard deviation of the logarithm, above 0
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.LogNormal(0, 0.5)
-- d:log_prob(tocha.tensor(1))  --> -0.2258
-- d.mean  --> 1.133
-- d.variance  --> 0.3647
-- d:sample{3}.shape  --> {3}
function LogNormal:__init(...)
  local loc, scale, validate_args = read(...)
  TransformedDistribution.__init(self, Normal(loc, scale, validate_args), transforms.ExpTransform(), validate_args)
end

function LogNormal:get_loc() return self.base_dist.loc end
function LogNormal:get_scale() return self.base_dist.scale end
function LogNormal:get_mean() return (self.loc + self.scale:square() * 0.5):exp() end
function LogNormal:get_mode() return (self.loc - self.scale:square()):exp() end

function LogNormal:get_variance()
  local squared = self.scale:square()
  return squared:expm1() * (self.loc * 2 + squared):exp()
end

function LogNormal:entropy() return self.base_dist:entropy() + self.loc end

return LogNormal
