--- The Poisson distribution.
-- @module tocha.distributions.poisson

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local ExponentialFamily = require 'tocha.distributions.exponentialfamily'

local Poisson = class('Poisson', ExponentialFamily)
Poisson.support = constraints.nonnegative_integer
Poisson.arg_constraints = {rate = constraints.nonnegative}

local read = args.spec('Poisson', 'rate', 'validate_args:bool=nil')

--- How many events come, if they are independent.
-- @param rate the mean, at least 0
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.Poisson(3)
-- d:log_prob(tocha.tensor(2))  --> -1.496
-- d.mean  --> 3
-- d.variance  --> 3
-- d:sample{3}.shape  --> {3}
function Poisson:__init(...)
  local rate, validate_args = read(...)
  self.rate = utils.broadcast_all(rate)
  ExponentialFamily.__init(self, self.rate.shape, {}, validate_args)
end

function Poisson:get_mean() return self.rate end
function Poisson:get_mode() return self.rate:floor() end
function Poisson:get_variance() return self.rate end

function Poisson:draw(shape) return tocha.poisson(self.rate:expand(self:extended(shape)):contiguous()) end

function Poisson:log_prob(value)
  value = self:checked(utils.tensor(value, self.rate))
  return value:xlogy(self.rate) - self.rate - (value + 1):lgamma()
end

--- Has no closed form, as the carrier measure's mean has none.
function Poisson.entropy() args.fail('Poisson: entropy: is not known for this distribution') end

function Poisson:natural_params() return {self.rate:log()} end
function Poisson.log_normalizer(_, x) return x:exp() end

return Poisson
