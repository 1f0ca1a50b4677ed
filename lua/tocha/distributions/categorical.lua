--- The categorical distribution: one of K classes, counted from 1.
-- @module tocha.distributions.categorical

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'
local binary = require 'tocha.distributions.binary'

local Categorical = class('Categorical', Distribution)
Categorical.has_enumerate_support = true
Categorical.arg_constraints = {probs = constraints.simplex, logits = constraints.real_vector}
binary.fields(Categorical, false)

local read = args.spec('Categorical', 'probs=nil', 'logits=nil', 'validate_args:bool=nil')

--- One of n classes, numbered from 1.
-- @param probs weights of the classes along the last dim, brought to the sum 1; or
-- @param logits their logarithms, plus any number
-- @shape probs (..., n): batch (...); `sample{m}` gives int64 (m, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.Categorical(tocha.tensor{1, 1, 2})
-- d:log_prob(tocha.int64(3))  --> -0.6931
-- d.probs  --> {0.25, 0.25, 0.5}
-- d:entropy()  --> 1.04
-- d:enumerate_support()  --> {1, 2, 3}
-- d:sample{3}.shape  --> {3}
function Categorical:__init(...)
  local probs, logits, validate_args = read(...)
  local param = binary.set(self, 'Categorical', probs, logits)
  if param:dim() < 1 then args.fail('Categorical: %s: takes a tensor of 1 or more dims', probs and 'probs' or 'logits') end
  if probs ~= nil then
    self.probs = param / param:sum(-1, true)
  else
    self.logits = param - param:logsumexp(-1, true)
  end
  local shape = param.shape
  self._num_events = shape[#shape]
  Distribution.__init(self, utils.slice(shape, 1, #shape - 1), {}, validate_args)
end

function Categorical:get_support() return constraints.integer_interval(1, self._num_events) end
function Categorical:get_param_shape() return self._param.shape end
function Categorical:get_mean() return utils.full(self.batch_shape, tocha.nan, self._param) end
function Categorical:get_mode() return self._param:argmax(-1) end
function Categorical:get_variance() return utils.full(self.batch_shape, tocha.nan, self._param) end

--- Drawn for each row of the batch at once, then laid out as sample_shape + batch_shape.
function Categorical:draw(shape)
  local n, whole = utils.count(shape), self:extended(shape)
  local rows = self.probs:detach():reshape(-1, self._num_events)
  if n == 0 or rows:size(1) == 0 then return tocha.zeros(whole, {dtype = 'int64', device = rows.device}) end
  return tocha.multinomial(rows, n, true):t():reshape(whole)
end

function Categorical:log_prob(value)
  value = self:checked(value):long()
  local logits = self.logits
  local shape = tocha.broadcast_shapes(value.shape, utils.slice(logits.shape, 1, logits:dim() - 1))
  local all = logits:expand(utils.join(shape, {self._num_events}))
  return all:gather(-1, value:expand(shape):unsqueeze(-1)):squeeze(-1)
end

function Categorical:entropy()
  local logits = self.logits
  return -(logits:clamp_min(-tocha.finfo(logits.dtype).max) * self.probs):sum(-1)
end

--- 1, 2, ... K along a new first dim; the batch dims behind it are expanded unless `expand` is false.
function Categorical:enumerate_support(expand)
  local n, ones = self._num_events, {}
  for i = 1, #self.batch_shape do ones[i] = 1 end
  local values = tocha.arange(1, n + 1, 1, {dtype = 'int64', device = self._param.device}):view(utils.join({n}, ones))
  if expand ~= false then values = values:expand(utils.join({n}, self.batch_shape)) end
  return values
end

return Categorical
