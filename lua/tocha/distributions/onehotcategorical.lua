--- One of K classes as a one-hot vector; with or without straight-through gradients.
-- @module tocha.distributions.onehotcategorical

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'
local Categorical = require 'tocha.distributions.categorical'

local OneHotCategorical = class('OneHotCategorical', Distribution)
OneHotCategorical.has_enumerate_support, OneHotCategorical.support = true, constraints.one_hot
OneHotCategorical.arg_constraints = {probs = constraints.simplex, logits = constraints.real_vector}

local read = args.spec('OneHotCategorical', 'probs=nil', 'logits=nil', 'validate_args:bool=nil')

--- One of n classes, as a row with a 1.
-- @param probs weights of the classes along the last dim, brought to the sum 1; or
-- @param logits their logarithms, plus any number
-- @shape batch (...), event (n): `sample{m}` gives (m, batch..., n)
-- @raise for parameters out of range
-- @usage
-- local d = D.OneHotCategorical(tocha.tensor{1, 1, 2})
-- d:log_prob(tocha.tensor{0, 0, 1})  --> -0.6931
-- d.mean  --> {0.25, 0.25, 0.5}
-- d.variance  --> {0.1875, 0.1875, 0.25}
-- d:sample{5}.shape  --> {5, 3}
-- d:sample():sum()  --> 1
function OneHotCategorical:__init(...)
  local probs, logits, validate_args = read(...)
  utils.one_of(getmetatable(self).__name, 'probs', probs, 'logits', logits)
  self._categorical = Categorical(probs, logits, validate_args)
  local shape = self._categorical.param_shape
  Distribution.__init(self, self._categorical.batch_shape, {shape[#shape]}, validate_args)
end

function OneHotCategorical:expand(...)
  local new = Distribution.expand(self, ...)
  new._categorical = self._categorical:expand(...)
  return new
end

function OneHotCategorical:get__param() return self._categorical._param end
function OneHotCategorical:get_probs() return self._categorical.probs end
function OneHotCategorical:get_logits() return self._categorical.logits end
function OneHotCategorical:get_param_shape() return self._categorical.param_shape end
function OneHotCategorical:get_mean() return self._categorical.probs end
function OneHotCategorical:get_mode()
  return utils.one_hot(self._categorical.mode, self.event_shape[1], self._categorical._param)
end
function OneHotCategorical:get_variance() return self.probs * (1 - self.probs) end

function OneHotCategorical:draw(shape)
  return utils.one_hot(self._categorical:sample(shape), self.event_shape[1], self._categorical._param)
end

function OneHotCategorical:log_prob(value)
  return self._categorical:log_prob(self:checked(value):argmax(-1))
end

function OneHotCategorical:entropy() return self._categorical:entropy() end

--- The K unit vectors along a new first dim; the batch dims behind it are expanded unless `expand` is false.
function OneHotCategorical:enumerate_support(expand)
  local n, ones, param = self.event_shape[1], {}, self._categorical._param
  for i = 1, #self.batch_shape do ones[i] = 1 end
  local values = tocha.eye(n, nil, {dtype = param.dtype, device = param.device}):view(utils.join({n}, ones, {n}))
  if expand ~= false then values = values:expand(utils.join({n}, self.batch_shape, {n})) end
  return values
end

--- OneHotCategorical whose rsample lends the probabilities' gradient to the sample. Source: Y. Bengio et al., 2013.
-- @type OneHotCategoricalStraightThrough
-- @param probs weights of the classes along the last dim; or
-- @param logits their logarithms, plus any number
-- @shape batch (...), event (n): `sample{m}` gives (m, batch..., n)
-- @usage
-- local weights = tocha.tensor({1, 1, 2}, {requires_grad = true})
-- local y = D.OneHotCategoricalStraightThrough(weights):rsample()
-- y:sum()  --> 1
-- y:select(1, 3):backward()
-- weights.grad  --> {-0.125, -0.125, 0.125}
local StraightThrough = class('OneHotCategoricalStraightThrough', OneHotCategorical)
StraightThrough.has_rsample = true

--- Samples whose gradient is that of the probabilities (Bengio et al. 2013).
function StraightThrough:rsample(...)
  local samples, probs = self:sample(...), self.probs
  return samples + (probs - probs:detach())
end

return {OneHotCategorical = OneHotCategorical, OneHotCategoricalStraightThrough = StraightThrough}
