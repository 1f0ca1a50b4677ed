--- The beta distribution on 0..1.
-- @module tocha.distributions.beta

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local ExponentialFamily = require 'tocha.distributions.exponentialfamily'
local Dirichlet = require 'tocha.distributions.dirichlet'

local Beta = class('Beta', ExponentialFamily)
Beta.has_rsample, Beta.support = true, constraints.unit_interval
Beta.arg_constraints = {concentration1 = constraints.positive, concentration0 = constraints.positive}

local read = args.spec('Beta', 'concentration1', 'concentration0', 'validate_args:bool=nil')

--- Numbers between 0 and 1: x^(a - 1) (1 - x)^(b - 1), normalised.
-- @param concentration1 a, above 0
-- @param concentration0 b, above 0
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.Beta(2, 3)
-- d:log_prob(tocha.tensor(0.5))  --> 0.4055
-- d.mean  --> 0.4
-- d.variance  --> 0.04
-- d:entropy()  --> -0.2349
-- d:sample{3}.shape  --> {3}
function Beta:__init(...)
  local concentration1, concentration0, validate_args = read(...)
  self.concentration1, self.concentration0 = utils.broadcast_all(concentration1, concentration0)
  ExponentialFamily.__init(self, self.concentration1.shape, {}, validate_args)
end

function Beta:get_mean() return self.concentration1 / (self.concentration1 + self.concentration0) end

function Beta:get_mode()
  local pair = Dirichlet(tocha.stack({self.concentration1, self.concentration0}, -1), false)
  return pair.mode:select(-1, 1)
end

function Beta:get_variance()
  local total = self.concentration1 + self.concentration0
  return self.concentration1 * self.concentration0 / (total:square() * (total + 1))
end

function Beta:draw(shape)
  local whole = self:extended(shape)
  local pair = tocha.stack({self.concentration1:expand(whole), self.concentration0:expand(whole)}, -1)
  return Dirichlet.draw_from(pair):select(-1, 1)
end

function Beta:log_prob(value)
  value = self:checked(utils.tensor(value, self.concentration1))
  local a, b = self.concentration1, self.concentration0
  return (a - 1):xlogy(value) + (b - 1):xlogy(1 - value) + (a + b):lgamma() - a:lgamma() - b:lgamma()
end

function Beta:entropy()
  local a, b = self.concentration1, self.concentration0
  local total = a + b
  return a:lgamma() + b:lgamma() - total:lgamma() - (a - 1) * a:digamma() - (b - 1) * b:digamma() + (total - 2) * total:digamma()
end

function Beta:natural_params() return {self.concentration1, self.concentration0} end

function Beta.log_normalizer(_, x, y) return x:lgamma() + y:lgamma() - (x + y):lgamma() end

return Beta
