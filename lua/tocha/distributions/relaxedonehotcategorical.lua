--- The relaxed one-hot categorical distribution on the simplex, and that of its logarithm.
-- @module tocha.distributions.relaxedonehotcategorical

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'
local TransformedDistribution = require 'tocha.distributions.transformed'
local Categorical = require 'tocha.distributions.categorical'
local transforms = require 'tocha.distributions.transforms'

local ExpRelaxed = class('ExpRelaxedCategorical', Distribution)
ExpRelaxed.has_rsample, ExpRelaxed.support = true, constraints.real_vector
ExpRelaxed.arg_constraints = {probs = constraints.simplex, logits = constraints.real_vector}

local read = args.spec('ExpRelaxedCategorical', 'temperature', 'probs=nil', 'logits=nil', 'validate_args:bool=nil')

--- The logarithm of a relaxed one-hot variable.
-- @param temperature above 0
-- @param probs weights of the classes along the last dim, brought to the sum 1; or
-- @param logits their logarithms, plus any number
-- @shape batch (...), event (n): `sample{m}` gives (m, batch..., n)
-- @usage
-- local d = D.ExpRelaxedCategorical(0.5, tocha.tensor{1, 1, 2})
-- d:rsample{5}.shape  --> {5, 3}
-- d:rsample():exp():sum()  --> 1
function ExpRelaxed:__init(...)
  local temperature, probs, logits, validate_args = read(...)
  utils.one_of('ExpRelaxedCategorical', 'probs', probs, 'logits', logits)
  self._categorical = Categorical(probs, logits, validate_args)
  self._temperature = utils.tensor(temperature, self._categorical._param)
  local shape = self._categorical.param_shape
  Distribution.__init(self, self._categorical.batch_shape, {shape[#shape]}, validate_args)
end

function ExpRelaxed:expand(...)
  local new = Distribution.expand(self, ...)
  new._categorical = self._categorical:expand(...)
  return new
end

function ExpRelaxed:get_temperature() return self._temperature end
function ExpRelaxed:get_probs() return self._categorical.probs end
function ExpRelaxed:get_logits() return self._categorical.logits end
function ExpRelaxed:get_param_shape() return self._categorical.param_shape end

function ExpRelaxed:draw(shape)
  local u = utils.rand_open(self:extended(shape), self._categorical._param)
  local scores = (self.logits - (-u:log()):log()) / self._temperature
  return scores - scores:logsumexp(-1, true)
end

function ExpRelaxed:log_prob(value)
  local logits
  logits, value = utils.broadcast_all(self.logits, self:checked(value))
  local k, t = self.event_shape[1], self._temperature
  local log_scale = (tocha.full_like(t, k)):lgamma() + t:log() * (k - 1)
  local score = logits - value * t
  return (score - score:logsumexp(-1, true)):sum(-1) + log_scale
end

local Relaxed = class('RelaxedOneHotCategorical', TransformedDistribution)
Relaxed.has_rsample, Relaxed.support = true, constraints.simplex
Relaxed.arg_constraints = {probs = constraints.simplex, logits = constraints.real_vector}

local read_relaxed = args.spec('RelaxedOneHotCategorical', 'temperature', 'probs=nil', 'logits=nil', 'validate_args:bool=nil')

--- Numbers that sum to 1, differentiable and nearly one-hot for small temperatures. Source: C. Maddison et al., 2017.
-- @param temperature above 0
-- @param probs weights of the classes along the last dim, brought to the sum 1; or
-- @param logits their logarithms, plus any number
-- @shape batch (...), event (n): `sample{m}` gives (m, batch..., n)
-- @usage
-- local d = D.RelaxedOneHotCategorical(0.5, tocha.tensor{1, 1, 2})
-- d:rsample{5}.shape  --> {5, 3}
-- d:log_prob(tocha.tensor{0.2, 0.3, 0.5})  --> -0.5305
function Relaxed:__init(...)
  local temperature, probs, logits, validate_args = read_relaxed(...)
  utils.one_of('RelaxedOneHotCategorical', 'probs', probs, 'logits', logits)
  TransformedDistribution.__init(self, ExpRelaxed(temperature, probs, logits, validate_args), transforms.ExpTransform(),
    validate_args)
end

function Relaxed:get_temperature() return self.base_dist.temperature end
function Relaxed:get_probs() return self.base_dist.probs end
function Relaxed:get_logits() return self.base_dist.logits end

return {RelaxedOneHotCategorical = Relaxed, ExpRelaxedCategorical = ExpRelaxed}
