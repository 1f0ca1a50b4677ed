--- The relaxed Bernoulli distribution on (0, 1), and that of its logits.
-- @module tocha.distributions.relaxedbernoulli

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'
local TransformedDistribution = require 'tocha.distributions.transformed'
local binary = require 'tocha.distributions.binary'
local transforms = require 'tocha.distributions.transforms'

local LogitRelaxed = class('LogitRelaxedBernoulli', Distribution)
LogitRelaxed.has_rsample, LogitRelaxed.support = true, constraints.real
LogitRelaxed.arg_constraints = {probs = constraints.unit_interval, logits = constraints.real}
binary.fields(LogitRelaxed, true)

local read = args.spec('LogitRelaxedBernoulli', 'temperature', 'probs=nil', 'logits=nil', 'validate_args:bool=nil')

--- The logit of a relaxed Bernoulli variable.
-- @param temperature above 0
-- @param probs the probability of success, from 0 to 1; or
-- @param logits log(p / (1 - p))
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @usage
-- local d = D.LogitRelaxedBernoulli(0.5, tocha.tensor(0.5))
-- d:rsample{3}.shape  --> {3}
-- d:log_prob(tocha.tensor(0))  --> -2.079
function LogitRelaxed:__init(...)
  local temperature, probs, logits, validate_args = read(...)
  local param = binary.set(self, 'LogitRelaxedBernoulli', probs, logits)
  self._temperature = utils.tensor(temperature, param)
  Distribution.__init(self, param.shape, {}, validate_args)
end

function LogitRelaxed:get_temperature() return self._temperature end

function LogitRelaxed:draw(shape)
  local u = utils.rand_open(self:extended(shape), self._param)
  local probs = utils.clamp_probs(self.probs)
  return (u:log() - (-u):log1p() + probs:log() - (-probs):log1p()) / self._temperature
end

function LogitRelaxed:log_prob(value)
  local logits
  logits, value = utils.broadcast_all(self.logits, self:checked(value))
  local difference = logits - value * self._temperature
  return self._temperature:log() + difference - tocha.nn.functional.softplus(difference) * 2
end

local RelaxedBernoulli = class('RelaxedBernoulli', TransformedDistribution)
RelaxedBernoulli.has_rsample, RelaxedBernoulli.support = true, constraints.unit_interval
RelaxedBernoulli.arg_constraints = {probs = constraints.unit_interval, logits = constraints.real}

local read_relaxed = args.spec('RelaxedBernoulli', 'temperature', 'probs=nil', 'logits=nil', 'validate_args:bool=nil')

--- Numbers between 0 and 1 that are differentiable and near 0 and 1 for small temperatures. Source: C. Maddison et al., 2017.
-- @param temperature above 0
-- @param probs the probability of success, from 0 to 1; or
-- @param logits log(p / (1 - p))
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @usage
-- local d = D.RelaxedBernoulli(0.5, tocha.tensor{0.25, 0.5})
-- d:rsample{3}.shape  --> {3, 2}
-- d:log_prob(tocha.tensor{0.5, 0.5})  --> {-0.9808, -0.6931}
function RelaxedBernoulli:__init(...)
  local temperature, probs, logits, validate_args = read_relaxed(...)
  utils.one_of('RelaxedBernoulli', 'probs', probs, 'logits', logits)
  TransformedDistribution.__init(self, LogitRelaxed(temperature, probs, logits, validate_args), transforms.SigmoidTransform(),
    validate_args)
end

function RelaxedBernoulli:get_temperature() return self.base_dist.temperature end
function RelaxedBernoulli:get_probs() return self.base_dist.probs end
function RelaxedBernoulli:get_logits() return self.base_dist.logits end

return {RelaxedBernoulli = RelaxedBernoulli, LogitRelaxedBernoulli = LogitRelaxed}
