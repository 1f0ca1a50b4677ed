--- The Bernoulli distribution: 1 with a probability, else 0.
-- @module tocha.distributions.bernoulli

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local ExponentialFamily = require 'tocha.distributions.exponentialfamily'
local binary = require 'tocha.distributions.binary'

local Bernoulli = class('Bernoulli', ExponentialFamily)
Bernoulli.has_enumerate_support, Bernoulli.support = true, constraints.boolean
Bernoulli.arg_constraints = {probs = constraints.unit_interval, logits = constraints.real}
binary.fields(Bernoulli, true)

local read = args.spec('Bernoulli', 'probs=nil', 'logits=nil', 'validate_args:bool=nil')

--- 1 with a probability, else 0.
-- @param probs the probability of success, from 0 to 1; or
-- @param logits log(p / (1 - p))
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.Bernoulli(tocha.tensor{0.25, 0.5})
-- d:log_prob(tocha.tensor{1, 0})  --> {-1.386, -0.6931}
-- d.mean  --> {0.25, 0.5}
-- d.variance  --> {0.1875, 0.25}
-- d:entropy()  --> {0.5623, 0.6931}
-- d:enumerate_support().shape  --> {2, 2}
function Bernoulli:__init(...)
  local probs, logits, validate_args = read(...)
  local param = binary.set(self, 'Bernoulli', probs, logits)
  ExponentialFamily.__init(self, param.shape, {}, validate_args)
end

function Bernoulli:get_mean() return self.probs end
function Bernoulli:get_mode()
  local probs = self.probs
  return tocha.where(probs:eq(0.5), tocha.nan, probs:ge(0.5):to(probs.dtype))
end
function Bernoulli:get_variance() return self.probs * (1 - self.probs) end

function Bernoulli:draw(shape) return tocha.bernoulli(self.probs:expand(self:extended(shape)):contiguous()) end

function Bernoulli:log_prob(value)
  local logits
  logits, value = utils.broadcast_all(self.logits, self:checked(value))
  return -tocha.nn.functional.binary_cross_entropy_with_logits(logits, value:to(logits.dtype), {reduction = 'none'})
end

function Bernoulli:entropy()
  return tocha.nn.functional.binary_cross_entropy_with_logits(self.logits, self.probs, {reduction = 'none'})
end

--- 0 and 1 along a new first dim; the batch dims behind it are expanded unless `expand` is false.
function Bernoulli:enumerate_support(expand)
  local ones = {}
  for i = 1, #self.batch_shape do ones[i] = 1 end
  local values = utils.count_up(0, 2, self._param):view(utils.join({2}, ones))
  if expand ~= false then values = values:expand(utils.join({2}, self.batch_shape)) end
  return values
end

function Bernoulli:natural_params() return {self.logits} end
function Bernoulli.log_normalizer(_, x) return tocha.nn.functional.softplus(x) end

return Bernoulli
