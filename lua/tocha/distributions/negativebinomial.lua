--- The negative binomial distribution: successes before a number of failures.
-- @module tocha.distributions.negativebinomial

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'
local binary = require 'tocha.distributions.binary'

local NegativeBinomial = class('NegativeBinomial', Distribution)
NegativeBinomial.support = constraints.nonnegative_integer
NegativeBinomial.arg_constraints = {
  total_count = constraints.nonnegative, probs = constraints.half_open_interval(0, 1), logits = constraints.real,
}
binary.fields(NegativeBinomial, true)

local read = args.spec('NegativeBinomial', 'total_count', 'probs=nil', 'logits=nil', 'validate_args:bool=nil')

--- How many successes come before total_count failures.
-- @param total_count failures to stop at, above 0; not only whole numbers
-- @param probs the probability of success, from 0 to 1; or
-- @param logits log(p / (1 - p))
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.NegativeBinomial(3, tocha.tensor(0.25))
-- d:log_prob(tocha.tensor(1))  --> -1.151
-- d.mean  --> 1
-- d.variance  --> 1.333
-- d:sample{3}.shape  --> {3}
function NegativeBinomial:__init(...)
  local total_count, probs, logits, validate_args = read(...)
  local param, count = binary.set(self, 'NegativeBinomial', probs, logits, total_count)
  self.total_count = count:to(param.dtype)
  Distribution.__init(self, param.shape, {}, validate_args)
end

function NegativeBinomial:get_mean() return self.total_count * self.logits:exp() end
function NegativeBinomial:get_mode() return ((self.total_count - 1) * self.logits:exp()):floor():clamp_min(0) end
function NegativeBinomial:get_variance() return self.mean / (-self.logits):sigmoid() end

--- A Poisson variable whose rate is a gamma variable.
function NegativeBinomial:draw(shape)
  local whole = self:extended(shape)
  local rate = tocha._standard_gamma(self.total_count:expand(whole)) * self.logits:exp()
  return tocha.poisson(rate:contiguous())
end

function NegativeBinomial:log_prob(value)
  value = self:checked(utils.tensor(value, self._param))
  local F, n, logits = tocha.nn.functional, self.total_count, self.logits
  local unnormalised = n * F.logsigmoid(-logits) + value * F.logsigmoid(logits)
  local total = n + value
  local normalisation = (value + 1):lgamma() + n:lgamma() - total:lgamma()
  return unnormalised - tocha.where(total:eq(0), 0, normalisation)
end

return NegativeBinomial
