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

--- OneHotCategorical(probs): weights of the classes along the last dim, or their {logits = ...}.
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

local StraightThrough = class('OneHotCategoricalStraightThrough', OneHotCategorical)
StraightThrough.has_rsample = true

--- Samples whose gradient is that of the probabilities (Bengio et al. 2013).
function StraightThrough:rsample(...)
  local samples, probs = self:sample(...), self.probs
  return samples + (probs - probs:detach())
end

return {OneHotCategorical = OneHotCategorical, OneHotCategoricalStraightThrough = StraightThrough}
