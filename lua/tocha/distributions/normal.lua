--- The normal distribution.
-- @module tocha.distributions.normal

local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local ExponentialFamily = require 'tocha.distributions.exponentialfamily'

local log_root = 0.5 * math.log(2 * math.pi)

local Normal = class('Normal', ExponentialFamily)
Normal.has_rsample, Normal.support = true, constraints.real
Normal.arg_constraints = {loc = constraints.real, scale = constraints.positive}

local read = args.spec('Normal', 'loc', 'scale', 'validate_args:bool=nil')

--- The normal distribution.
-- @param loc the mean
-- @param scale the standard deviation, above 0
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.Normal(tocha.tensor{0, 1}, 2)
-- d:log_prob(tocha.tensor{1, 1})  --> {-1.737, -1.612}
-- d.mean  --> {0, 1}
-- d.variance  --> {4, 4}
-- d:entropy()  --> {2.112, 2.112}
-- d:cdf(tocha.tensor{0, 1})  --> {0.5, 0.5}
-- d:icdf(tocha.tensor(0.975))  --> {3.92, 4.92}
-- d:rsample{3}.shape  --> {3, 2}
function Normal:__init(...)
  local loc, scale, validate_args = read(...)
  self.loc, self.scale = utils.broadcast_all(loc, scale)
  ExponentialFamily.__init(self, self.loc.shape, {}, validate_args)
end

function Normal:get_mean() return self.loc end
function Normal:get_mode() return self.loc end
function Normal:get_stddev() return self.scale end
function Normal:get_variance() return self.scale:square() end

function Normal:draw(shape)
  return self.loc + utils.randn(self:extended(shape), self.loc) * self.scale
end

function Normal:log_prob(value)
  value = self:checked(value)
  return -((value - self.loc) / self.scale):square() * 0.5 - self.scale:log() - log_root
end

function Normal:cdf(value)
  value = self:checked(value)
  return (((value - self.loc) / (self.scale * math.sqrt(2))):erf() + 1) * 0.5
end

function Normal:icdf(value) return self.loc + self.scale * (utils.tensor(value, self.loc) * 2 - 1):erfinv() * math.sqrt(2) end

function Normal:entropy() return self.scale:log() + (0.5 + log_root) end

function Normal:natural_params()
  local variance = self.variance
  return {self.loc / variance, -0.5 / variance}
end

function Normal.log_normalizer(_, x, y) return x:square() / y * -0.25 + (-math.pi / y):log() * 0.5 end

return Normal
