--- The Weibull distribution.
-- @module tocha.distributions.weibull

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'
local TransformedDistribution = require 'tocha.distributions.transformed'
local Exponential = require 'tocha.distributions.exponential'
local transforms = require 'tocha.distributions.transforms'

local Weibull = class('Weibull', TransformedDistribution)
Weibull.has_rsample, Weibull.support = true, constraints.positive
Weibull.arg_constraints = {scale = constraints.positive, concentration = constraints.positive}

local read = args.spec('Weibull', 'scale', 'concentration', 'validate_args:bool=nil')

--- scale e^(1 / concentration) for exponential e: times until something breaks.
-- @param scale above 0
-- @param concentration the shape, above 0
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.Weibull(2, 1.5)
-- d:log_prob(tocha.tensor(1))  --> -0.9878
-- d.mean  --> 1.805
-- d.variance  --> 1.503
-- d:sample{3}.shape  --> {3}
function Weibull:__init(...)
  local scale, concentration, validate_args = read(...)
  self.scale, self.concentration = utils.broadcast_all(scale, concentration)
  local base = Exponential(tocha.ones_like(self.scale), false)
  local steps = {transforms.PowerTransform(self.concentration:reciprocal()), transforms.AffineTransform(0, self.scale)}
  TransformedDistribution.__init(self, base, steps, false)
  Distribution.__init(self, self.batch_shape, {}, validate_args)
end

function Weibull:get_mean() return self.scale * (self.concentration:reciprocal() + 1):lgamma():exp() end

function Weibull:get_mode()
  local k = self.concentration
  return self.scale * ((k - 1) / k):pow(k:reciprocal())
end

function Weibull:get_variance()
  local r = self.concentration:reciprocal()
  return self.scale:square() * ((r * 2 + 1):lgamma():exp() - ((r + 1):lgamma() * 2):exp())
end

function Weibull:entropy()
  local k = self.concentration
  return (1 - k:reciprocal()) * utils.euler + (self.scale / k):log() + 1
end

return Weibull
