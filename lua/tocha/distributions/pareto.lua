--- The Pareto distribution (type 1).
-- @module tocha.distributions.pareto

local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'
local TransformedDistribution = require 'tocha.distributions.transformed'
local Exponential = require 'tocha.distributions.exponential'
local transforms = require 'tocha.distributions.transforms'

local Pareto = class('Pareto', TransformedDistribution)
Pareto.has_rsample = true
Pareto.arg_constraints = {alpha = constraints.positive, scale = constraints.positive}

local read = args.spec('Pareto', 'scale', 'alpha', 'validate_args:bool=nil')

--- alpha scale^alpha / x^(alpha + 1) above scale.
-- @param scale the smallest value, above 0
-- @param alpha the exponent, above 0
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.Pareto(1, 3)
-- d:log_prob(tocha.tensor(2))  --> -1.674
-- d.mean  --> 1.5
-- d.variance  --> 0.75
-- d:sample{3}.shape  --> {3}
function Pareto:__init(...)
  local scale, alpha, validate_args = read(...)
  self.scale, self.alpha = utils.broadcast_all(scale, alpha)
  local steps = {transforms.ExpTransform(), transforms.AffineTransform(0, self.scale)}
  TransformedDistribution.__init(self, Exponential(self.alpha, false), steps, false)
  Distribution.__init(self, self.batch_shape, {}, validate_args)
end

function Pareto:get_mean()
  local a = self.alpha:clamp_min(1)
  return a * self.scale / (a - 1)
end

function Pareto:get_mode() return self.scale end

function Pareto:get_variance()
  local a = self.alpha:clamp_min(2)
  return self.scale:square() * a / ((a - 1):square() * (a - 2))
end

function Pareto:get_support() return constraints.greater_than_eq(self.scale) end

function Pareto:entropy() return (self.scale / self.alpha):log() + self.alpha:reciprocal() + 1 end

return Pareto
