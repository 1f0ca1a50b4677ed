--- The geometric distribution: failures before the first success.
-- @module tocha.distributions.geometric

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'
local binary = require 'tocha.distributions.binary'

local Geometric = class('Geometric', Distribution)
Geometric.support = constraints.nonnegative_integer
Geometric.arg_constraints = {probs = constraints.unit_interval, logits = constraints.real}
binary.fields(Geometric, true)

local read = args.spec('Geometric', 'probs=nil', 'logits=nil', 'validate_args:bool=nil')

--- How many failures come before the first success.
-- @param probs the probability of success, from 0 to 1; or
-- @param logits log(p / (1 - p))
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.Geometric(tocha.tensor(0.25))
-- d:log_prob(tocha.tensor(2))  --> -1.962
-- d.mean  --> 3
-- d.variance  --> 12
-- d:sample{3}.shape  --> {3}
function Geometric:__init(...)
  local probs, logits, validate_args = read(...)
  local param = binary.set(self, 'Geometric', probs, logits)
  Distribution.__init(self, param.shape, {}, validate_args)
  if self._validate_args and probs ~= nil and not self.probs:gt(0):all():item() then
    args.fail('Geometric: probs: takes values above 0')
  end
end

function Geometric:get_mean() return self.probs:reciprocal() - 1 end
function Geometric:get_mode() return tocha.zeros_like(self.probs) end
function Geometric:get_variance() return (self.probs:reciprocal() - 1) / self.probs end

function Geometric:draw(shape)
  local u = utils.rand_open(self:extended(shape), self._param)
  return (u:log() / (-self.probs):log1p()):floor()
end

function Geometric:log_prob(value)
  local probs
  value, probs = utils.broadcast_all(self:checked(value), self.probs)
  local sure = probs:eq(1):logical_and(value:eq(0)) -- 0 * log(0) is 0 here
  return value * (-tocha.where(sure, 0, probs)):log1p() + self.probs:log()
end

function Geometric:entropy()
  local bce = tocha.nn.functional.binary_cross_entropy_with_logits
  return bce(self.logits, self.probs, {reduction = 'none'}) / self.probs
end

return Geometric
