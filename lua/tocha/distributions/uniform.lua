--- The uniform distribution on an interval.
-- @module tocha.distributions.uniform

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'

local Uniform = class('Uniform', Distribution)
Uniform.has_rsample = true
Uniform.arg_constraints = {low = constraints.dependent, high = constraints.dependent}

local read = args.spec('Uniform', 'low', 'high', 'validate_args:bool=nil')

--- All values from low to below high are equally likely.
-- @param low the least value
-- @param high above low
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.Uniform(1, 5)
-- d:log_prob(tocha.tensor(2))  --> -1.386
-- d.mean  --> 3
-- d.variance  --> 1.333
-- d:entropy()  --> 1.386
-- d:cdf(tocha.tensor(2))  --> 0.25
-- d:sample{3}.shape  --> {3}
function Uniform:__init(...)
  local low, high, validate_args = read(...)
  self.low, self.high = utils.broadcast_all(low, high)
  Distribution.__init(self, self.low.shape, {}, validate_args)
  if self._validate_args and not self.low:lt(self.high):all():item() then
    args.fail('Uniform: low: takes values below high everywhere')
  end
end

function Uniform:get_mean() return (self.high + self.low) / 2 end
function Uniform:get_mode() return self.high * tocha.nan end
function Uniform:get_stddev() return (self.high - self.low) / math.sqrt(12) end
function Uniform:get_variance() return (self.high - self.low):square() / 12 end
function Uniform:get_support() return constraints.interval(self.low, self.high) end

function Uniform:draw(shape) return self.low + utils.rand(self:extended(shape), self.low) * (self.high - self.low) end

function Uniform:log_prob(value)
  value = self:checked(utils.tensor(value, self.low))
  local inside = value:ge(self.low):logical_and(value:lt(self.high)):to(self.low.dtype)
  return inside:log() - (self.high - self.low):log()
end

function Uniform:cdf(value)
  value = self:checked(value)
  return ((value - self.low) / (self.high - self.low)):clamp(0, 1)
end

function Uniform:icdf(value) return utils.tensor(value, self.low) * (self.high - self.low) + self.low end

function Uniform:entropy() return (self.high - self.low):log() end

return Uniform
