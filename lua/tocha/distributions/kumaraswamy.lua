--- The distribution of Kumaraswamy on 0..1.
-- @module tocha.distributions.kumaraswamy

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'
local TransformedDistribution = require 'tocha.distributions.transformed'
local Uniform = require 'tocha.distributions.uniform'
local transforms = require 'tocha.distributions.transforms'

local Kumaraswamy = class('Kumaraswamy', TransformedDistribution)
Kumaraswamy.has_rsample, Kumaraswamy.support = true, constraints.unit_interval
Kumaraswamy.arg_constraints = {concentration1 = constraints.positive, concentration0 = constraints.positive}

local read = args.spec('Kumaraswamy', 'concentration1', 'concentration0', 'validate_args:bool=nil')

--- Numbers between 0 and 1 with P(X < x) = 1 - (1 - x^a)^b.
-- @param concentration1 a, above 0
-- @param concentration0 b, above 0
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.Kumaraswamy(2, 3)
-- d:log_prob(tocha.tensor(0.5))  --> 0.5232
-- d.mean  --> 0.4571
-- d.variance  --> 0.04102
-- d:sample{3}.shape  --> {3}
function Kumaraswamy:__init(...)
  local concentration1, concentration0, validate_args = read(...)
  self.concentration1, self.concentration0 = utils.broadcast_all(concentration1, concentration0)
  local base = Uniform(tocha.zeros_like(self.concentration0), tocha.ones_like(self.concentration0), false)
  local steps = {transforms.PowerTransform(self.concentration0:reciprocal()), transforms.AffineTransform(1, -1),
    transforms.PowerTransform(self.concentration1:reciprocal())}
  TransformedDistribution.__init(self, base, steps, false)
  Distribution.__init(self, self.batch_shape, {}, validate_args)
end

-- the n-th moment: b B(1 + n/a, b)
local function moment(a, b, n)
  local x = a:reciprocal() * n + 1
  return b * (x:lgamma() + b:lgamma() - (x + b):lgamma()):exp()
end

function Kumaraswamy:get_mean() return moment(self.concentration1, self.concentration0, 1) end

--- ((a - 1) / (a b - 1))^(1/a); nan where there is no inner mode.
function Kumaraswamy:get_mode()
  local a, b = self.concentration1, self.concentration0
  local mode = ((a - 1) / (a * b - 1)):pow(a:reciprocal())
  return tocha.where(a:lt(1):logical_or(b:lt(1)), tocha.nan, mode)
end

function Kumaraswamy:get_variance()
  return moment(self.concentration1, self.concentration0, 2) - self.mean:square()
end

function Kumaraswamy:entropy()
  local a, b = self.concentration1, self.concentration0
  local harmonic = (b + 1):digamma() + utils.euler
  return (1 - b:reciprocal()) + (1 - a:reciprocal()) * harmonic - a:log() - b:log()
end

return Kumaraswamy
