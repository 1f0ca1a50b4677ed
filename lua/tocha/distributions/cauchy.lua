--- The Cauchy distribution, and that of the absolute value of a Cauchy variable.
-- @module tocha.distributions.cauchy

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'
local TransformedDistribution = require 'tocha.distributions.transformed'
local transforms = require 'tocha.distributions.transforms'

local Cauchy = class('Cauchy', Distribution)
Cauchy.has_rsample, Cauchy.support = true, constraints.real
Cauchy.arg_constraints = {loc = constraints.real, scale = constraints.positive}

local read = args.spec('Cauchy', 'loc', 'scale', 'validate_args:bool=nil')

--- 1 / (1 + ((x - loc) / scale)^2), normalised: it has no mean.
-- @param loc the median
-- @param scale half the width at half the maximum, above 0
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.Cauchy(0, 2)
-- d:log_prob(tocha.tensor(2))  --> -2.531
-- d.mode  --> 0
-- d:cdf(tocha.tensor(2))  --> 0.75
-- d:sample{3}.shape  --> {3}
function Cauchy:__init(...)
  local loc, scale, validate_args = read(...)
  self.loc, self.scale = utils.broadcast_all(loc, scale)
  Distribution.__init(self, self.loc.shape, {}, validate_args)
end

function Cauchy:get_mean() return utils.full(self.batch_shape, tocha.nan, self.loc) end
function Cauchy:get_mode() return self.loc end
function Cauchy:get_variance() return utils.full(self.batch_shape, math.huge, self.loc) end

function Cauchy:draw(shape)
  return self.loc + utils.full(self:extended(shape), 0, self.loc):cauchy_() * self.scale
end

function Cauchy:log_prob(value)
  value = self:checked(value)
  return -((value - self.loc) / self.scale):square():log1p() - self.scale:log() - math.log(math.pi)
end

function Cauchy:cdf(value)
  value = self:checked(value)
  return ((value - self.loc) / self.scale):atan() / math.pi + 0.5
end

function Cauchy:icdf(value)
  return ((utils.tensor(value, self.loc) - 0.5) * math.pi):tan() * self.scale + self.loc
end

function Cauchy:entropy() return self.scale:log() + math.log(4 * math.pi) end

local HalfCauchy = class('HalfCauchy', TransformedDistribution)
HalfCauchy.has_rsample, HalfCauchy.support = true, constraints.nonnegative
HalfCauchy.arg_constraints = {scale = constraints.positive}

local read_half = args.spec('HalfCauchy', 'scale', 'validate_args:bool=nil')

--- The absolute value of Cauchy(0, scale).
-- @param scale its median, above 0
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.HalfCauchy(2)
-- d:log_prob(tocha.tensor(2))  --> -1.838
-- d.mode  --> 0
-- d:cdf(tocha.tensor(2))  --> 0.5
-- d:sample{3}.shape  --> {3}
function HalfCauchy:__init(...)
  local scale, validate_args = read_half(...)
  TransformedDistribution.__init(self, Cauchy(0, utils.tensor(scale), false), transforms.AbsTransform(), false)
  self.scale = self.base_dist.scale
  Distribution.__init(self, self.batch_shape, {}, validate_args)
end

function HalfCauchy:get_mean() return utils.full(self.batch_shape, math.huge, self.scale) end
function HalfCauchy:get_mode() return tocha.zeros_like(self.scale) end
function HalfCauchy:get_variance() return self.base_dist.variance end

function HalfCauchy:log_prob(value)
  value = self:checked(utils.tensor(value, self.scale))
  local inside = self.base_dist:log_prob(value) + math.log(2)
  return tocha.where(value:ge(0), inside, -math.huge)
end

function HalfCauchy:cdf(value)
  value = self:checked(value)
  return self.base_dist:cdf(value) * 2 - 1
end

function HalfCauchy:icdf(value) return self.base_dist:icdf((utils.tensor(value, self.scale) + 1) / 2) end

function HalfCauchy:entropy() return self.base_dist:entropy() - math.log(2) end

return {Cauchy = Cauchy, HalfCauchy = HalfCauchy}
