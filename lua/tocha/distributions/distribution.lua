--- The base of all distributions: shapes, sampling, validation, and the fields that are computed from methods.
-- A derived class defines `draw(shape)` (or `sample` and `rsample` themselves), `log_prob(value)`, and `get_mean`,
-- `get_variance`, `get_support` and so on for the fields `mean`, `variance`, `support`.
-- @module tocha.distributions.distribution

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local fields = require 'tocha.distributions.fields'
local utils = require 'tocha.distributions.utils'

local Distribution = fields(class('Distribution'))
Distribution.has_rsample, Distribution.has_enumerate_support, Distribution.arg_constraints = false, false, {}

local validate_by_default = true

--- Switches the validation of parameters and values on or off for distributions made from now on.
function Distribution.set_default_validate_args(value)
  if type(value) ~= 'boolean' then args.fail('set_default_validate_args: value: got %s, takes true or false', args.show(value)) end
  validate_by_default = value
end

--- Are distributions made from now on validated?
function Distribution.get_default_validate_args() return validate_by_default end

--- The base of all distributions. All have batch_shape (independent variables with parameters of their own), event_shape (one value),
-- `sample(shape)`, `log_prob(value)`, `entropy()`, `expand(shape)`, the fields mean, mode, variance, stddev, support, arg_constraints, and
-- where it is known cdf, icdf, rsample (with gradients; has_rsample says so), enumerate_support and perplexity. A derived class gives
-- `draw(shape)`, `log_prob` and the `get_` functions of the fields, and calls this constructor when its parameters are set.
-- @param batch_shape a list of sizes, empty if not given
-- @param event_shape a list of sizes, empty if not given
-- @param validate_args whether parameters and values are checked; by default as set_default_validate_args said
-- @shape sample_shape + batch_shape + event_shape
-- @usage
-- local d = D.Normal(tocha.zeros(3), 1)
-- d.batch_shape  --> {3}
-- d:expand{2, 3}.batch_shape  --> {2, 3}
-- d:sample{5}.shape  --> {5, 3}
-- tocha.class.isinstance(d, D.Distribution)  --> true
-- d.has_rsample  --> true
-- D.Categorical(tocha.ones(4)):perplexity()  --> 4
function Distribution:__init(batch_shape, event_shape, validate_args)
  self.batch_shape, self.event_shape = batch_shape or {}, event_shape or {}
  if validate_args == nil then validate_args = validate_by_default end
  self._validate_args = validate_args
  if validate_args then self:check_arguments() end
end

local function name_of(d) return getmetatable(d).__name end

-- the first value that is not allowed, for the message
local function offender(value, good)
  if not utils.same(value.shape, good.shape) then return 'others' end
  return tostring(value:detach():masked_select(good:logical_not())[1]:item())
end

--- Raises an error unless each parameter satisfies its constraint.
function Distribution:check_arguments()
  local names = {}
  for name in pairs(self.arg_constraints) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local constraint, value = self.arg_constraints[name], rawget(self, name)
    if tocha.is_tensor(value) and not constraints.is_dependent(constraint) then
      local good = constraint:check(value)
      if not good:all():item() then
        args.fail('%s: %s: got a tensor %s with %s, takes values that satisfy the constraint %s', name_of(self), name,
          utils.show(value.shape), offender(value, good), tostring(constraint))
      end
    end
  end
end

local function check_shape(self, value)
  local whole, n = utils.join(self.batch_shape, self.event_shape), #self.event_shape
  local got = value.shape
  for i = 1, math.max(#whole, n) do
    local want, have = whole[#whole + 1 - i], got[#got + 1 - i]
    local fits = have == want or (i > n and (have == nil or have == 1 or want == 1))
    if not fits then
      args.fail('%s: value: got shape %s, takes one that fits batch shape %s and event shape %s', name_of(self),
        utils.show(got), utils.show(self.batch_shape), utils.show(self.event_shape))
    end
  end
end

--- The value as a tensor, checked against shape and support if the distribution validates.
function Distribution:checked(value)
  if type(value) == 'number' then value = tocha.tensor(value) end
  if not tocha.is_tensor(value) then args.fail('%s: value: got %s, takes a tensor', name_of(self), args.show(value)) end
  if not self._validate_args then return value end
  check_shape(self, value)
  local support = self.support
  if support == nil then return value end
  local good = support:check(value)
  if not good:all():item() then
    args.fail('%s: value: got a tensor %s with %s, takes values within the support %s', name_of(self),
      utils.show(value.shape), offender(value, good), tostring(support))
  end
  return value
end

--- sample_shape, batch_shape and event_shape one after another.
function Distribution:extended(sample_shape) return utils.join(sample_shape or {}, self.batch_shape, self.event_shape) end

---------------------------------------------------------------- samples
--- Random values of shape sample_shape + batch_shape + event_shape, without gradient: `d:sample()`, `d:sample{5}`.
function Distribution:sample(...) return tocha.no_grad(self.draw, self, utils.shape_of('sample_shape', ...)) end

--- Random values through which gradients flow to the parameters; only where `has_rsample`.
function Distribution:rsample(...)
  if not self.has_rsample then args.fail('%s: rsample: has no reparameterised samples; use sample', name_of(self)) end
  return self:draw(utils.shape_of('sample_shape', ...))
end

--- n values: sample{n}.
function Distribution:sample_n(n) return self:sample{n} end

local function missing(what)
  Distribution[what] = function(self) args.fail('%s: %s: is not known for this distribution', name_of(self), what) end
end
--- What derived classes may lack: each raises an error here.
for _, what in ipairs{'draw', 'log_prob', 'cdf', 'icdf', 'entropy', 'enumerate_support'} do missing(what) end

--- exp(entropy).
function Distribution:perplexity() return self:entropy():exp() end

--- The square root of the variance.
function Distribution:get_stddev() return self.variance:sqrt() end

for _, what in ipairs{'mean', 'mode', 'variance'} do
  Distribution['get_' .. what] = function(self) args.fail('%s: %s: is not known for this distribution', name_of(self), what) end
end

---------------------------------------------------------------- expand
--- A bare object of the same class, with all fields that are no public tensors: the beginning of an expanded copy.
function Distribution:bare_copy()
  local new = setmetatable({}, getmetatable(self))
  for key, value in pairs(self) do
    if key:sub(1, 1) == '_' or not tocha.is_tensor(value) then new[key] = value end
  end
  return new
end

--- The same distribution with its batch dims broadcast to batch_shape, without copying parameters.
function Distribution:expand(...)
  local batch_shape = utils.shape_of('batch_shape', ...)
  local new = self:bare_copy()
  for key, value in pairs(self) do
    if key:sub(1, 1) ~= '_' and tocha.is_tensor(value) then
      local constraint = self.arg_constraints[key]
      local n = constraint and constraint.event_dim or 0
      new[key] = value:expand(utils.join(batch_shape, utils.slice(value.shape, value:dim() - n + 1)))
    end
  end
  new.batch_shape = utils.slice(batch_shape, 1)
  return new
end

---------------------------------------------------------------- printing
function Distribution:__tostring()
  local parts = {}
  for name in pairs(self.arg_constraints) do
    local value = rawget(self, name)
    if tocha.is_tensor(value) then
      parts[#parts + 1] = name .. ': ' .. (value:numel() == 1 and tostring(value:item()) or utils.show(value.shape))
    elseif value ~= nil then
      parts[#parts + 1] = name .. ': ' .. tostring(value)
    end
  end
  table.sort(parts)
  return name_of(self) .. '(' .. table.concat(parts, ', ') .. ')'
end

return Distribution
