--- The binomial distribution: how many of several trials succeed.
-- @module tocha.distributions.binomial

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'
local binary = require 'tocha.distributions.binary'

local Binomial = class('Binomial', Distribution)
Binomial.has_enumerate_support = true
Binomial.arg_constraints = {
  total_count = constraints.nonnegative_integer, probs = constraints.unit_interval, logits = constraints.real,
}
binary.fields(Binomial, true)

local read = args.spec('Binomial', 'total_count=1', 'probs=nil', 'logits=nil', 'validate_args:bool=nil')

--- How many of total_count trials succeed.
-- @param total_count trials
-- @param probs the probability of success, from 0 to 1; or
-- @param logits log(p / (1 - p))
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.Binomial(4, tocha.tensor{0.5, 0.25})
-- d:log_prob(tocha.tensor{2, 0})  --> {-0.9808, -1.151}
-- d.mean  --> {2, 1}
-- d.variance  --> {1, 0.75}
-- d:sample{3}.shape  --> {3, 2}
function Binomial:__init(...)
  local total_count, probs, logits, validate_args = read(...)
  local param, count = binary.set(self, 'Binomial', probs, logits, total_count)
  self.total_count = count:to(param.dtype)
  Distribution.__init(self, param.shape, {}, validate_args)
end

function Binomial:get_support() return constraints.integer_interval(0, self.total_count) end
function Binomial:get_mean() return self.total_count * self.probs end
function Binomial:get_mode() return tocha.minimum(((self.total_count + 1) * self.probs):floor(), self.total_count) end
function Binomial:get_variance() return self.total_count * self.probs * (1 - self.probs) end

function Binomial:draw(shape)
  local whole = self:extended(shape)
  return tocha.binomial(self.total_count:expand(whole):contiguous(), self.probs:expand(whole):contiguous())
end

function Binomial:log_prob(value)
  value = self:checked(utils.tensor(value, self._param))
  local n, logits = self.total_count, self.logits
  local choices = (n + 1):lgamma() - (value + 1):lgamma() - (n - value + 1):lgamma()
  return choices + value * logits - n * tocha.nn.functional.softplus(logits)
end

-- the number of trials, if it is the same everywhere
local function common_count(self, who)
  local count = self.total_count:max():item()
  if self.total_count:min():item() ~= count then
    args.fail('Binomial: %s: total_count differs between the entries of the batch', who)
  end
  return count
end

function Binomial:entropy()
  common_count(self, 'entropy')
  local log_prob = self:log_prob(self:enumerate_support(false))
  return -(log_prob:exp() * log_prob):sum(1)
end

--- 0, 1, ... total_count along a new first dim; the batch dims behind it are expanded unless `expand` is false.
function Binomial:enumerate_support(expand)
  local n, ones = common_count(self, 'enumerate_support') + 1, {}
  for i = 1, #self.batch_shape do ones[i] = 1 end
  local values = utils.count_up(0, n, self._param):view(utils.join({n}, ones))
  if expand ~= false then values = values:expand(utils.join({n}, self.batch_shape)) end
  return values
end

return Binomial
