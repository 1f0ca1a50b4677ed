--- The multinomial distribution: how often each of K classes occurs in a number of trials.
-- @module tocha.distributions.multinomial

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'
local Binomial = require 'tocha.distributions.binomial'
local Categorical = require 'tocha.distributions.categorical'

local Multinomial = class('Multinomial', Distribution)
Multinomial.arg_constraints = {probs = constraints.simplex, logits = constraints.real_vector}

local read = args.spec('Multinomial', 'total_count:int=1', 'probs=nil', 'logits=nil', 'validate_args:bool=nil')

--- How often each class comes in total_count draws.
-- @param total_count draws
-- @param probs weights of the classes along the last dim, brought to the sum 1; or
-- @param logits their logarithms, plus any number
-- @shape batch (...), event (n): `sample{m}` gives (m, batch..., n)
-- @raise for parameters out of range
-- @usage
-- local d = D.Multinomial(4, tocha.tensor{1, 1, 2})
-- d:log_prob(tocha.tensor{1, 1, 2})  --> -1.674
-- d.mean  --> {1, 1, 2}
-- d.variance  --> {0.75, 0.75, 1}
-- d:sample{5}.shape  --> {5, 3}
-- d:sample():sum()  --> 4
function Multinomial:__init(...)
  local total_count, probs, logits, validate_args = read(...)
  utils.one_of('Multinomial', 'probs', probs, 'logits', logits)
  if total_count < 0 then args.fail('Multinomial: total_count: got %d, takes 0 or more', total_count) end
  self.total_count = total_count
  self._categorical = Categorical(probs, logits, validate_args)
  local shape = self._categorical.param_shape
  Distribution.__init(self, self._categorical.batch_shape, {shape[#shape]}, validate_args)
end

function Multinomial:expand(...)
  local new = Distribution.expand(self, ...)
  new._categorical = self._categorical:expand(...)
  return new
end

function Multinomial:get_support() return constraints.multinomial(self.total_count) end
function Multinomial:get_probs() return self._categorical.probs end
function Multinomial:get_logits() return self._categorical.logits end
function Multinomial:get_param_shape() return self._categorical.param_shape end
function Multinomial:get_mean() return self.probs * self.total_count end
function Multinomial:get_variance() return self.probs * (1 - self.probs) * self.total_count end

function Multinomial:draw(shape)
  local classes, param = self.event_shape[1], self._categorical._param
  local whole = self:extended(shape)
  if self.total_count == 0 then return utils.full(whole, 0, param) end
  local drawn = self._categorical:sample(utils.join({self.total_count}, shape))
  return utils.one_hot(drawn, classes, param):sum(1)
end

function Multinomial:log_prob(value)
  local logits
  logits, value = utils.broadcast_all(self.logits, self:checked(value))
  local never = value:eq(0):logical_and(logits:isneginf()) -- 0 times an impossible class
  local ways = (value:sum(-1) + 1):lgamma() - (value + 1):lgamma():sum(-1)
  return ways + (tocha.where(never, 0, logits) * value):sum(-1)
end

--- By the marginals of the classes, which are binomial.
function Multinomial:entropy()
  local n, probs = self.total_count, self.probs
  local marginal = Binomial(n, probs, {validate_args = false})
  local result = self._categorical:entropy() * n - (utils.full({}, n, probs) + 1):lgamma()
  if n == 0 then return result end
  local counts = marginal:enumerate_support(false):narrow(1, 2, n)
  return result + (marginal:log_prob(counts):exp() * (counts + 1):lgamma()):sum{1, -1}
end

return Multinomial
