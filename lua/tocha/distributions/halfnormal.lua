--- The half-normal distribution: the absolute value of a normal variable.
-- @module tocha.distributions.halfnormal

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'
local TransformedDistribution = require 'tocha.distributions.transformed'
local Normal = require 'tocha.distributions.normal'
local transforms = require 'tocha.distributions.transforms'

local HalfNormal = class('HalfNormal', TransformedDistribution)
HalfNormal.has_rsample, HalfNormal.support = true, constraints.nonnegative
HalfNormal.arg_constraints = {scale = constraints.positive}

local read = args.spec('HalfNormal', 'scale', 'validate_args:bool=nil')

--- The absolute value of Normal(0, scale).
-- @param scale of the normal variable, above 0
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.HalfNormal(2)
-- d:log_prob(tocha.tensor(1))  --> -1.044
-- d.mean  --> 1.596
-- d.variance  --> 1.454
-- d:sample{3}.shape  --> {3}
function HalfNormal:__init(...)
  local scale, validate_args = read(...)
  TransformedDistribution.__init(self, Normal(0, utils.tensor(scale), false), transforms.AbsTransform(), false)
  self.scale = self.base_dist.scale
  Distribution.__init(self, self.batch_shape, {}, validate_args)
end

function HalfNormal:get_mean() return self.scale * math.sqrt(2 / math.pi) end
function HalfNormal:get_mode() return tocha.zeros_like(self.scale) end
function HalfNormal:get_variance() return self.scale:square() * (1 - 2 / math.pi) end

function HalfNormal:log_prob(value)
  value = self:checked(utils.tensor(value, self.scale))
  local inside = self.base_dist:log_prob(value) + math.log(2)
  return tocha.where(value:ge(0), inside, -math.huge)
end

function HalfNormal:cdf(value)
  value = self:checked(value)
  return self.base_dist:cdf(value) * 2 - 1
end

function HalfNormal:icdf(value) return self.base_dist:icdf((utils.tensor(value, self.scale) + 1) / 2) end

function HalfNormal:entropy() return self.base_dist:entropy() - math.log(2) end

return HalfNormal
