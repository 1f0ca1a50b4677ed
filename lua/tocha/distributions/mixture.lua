--- Mixtures of distributions of one family.
-- @module tocha.distributions.mixture

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'
local Categorical = require 'tocha.distributions.categorical'

local MixtureSameFamily = class('MixtureSameFamily', Distribution)

local read = args.spec('MixtureSameFamily', 'mixture_distribution', 'component_distribution', 'validate_args:bool=nil')

--- A mixture of components of one family.
-- @param mixture_distribution a Categorical over the last batch dim of the components
-- @param component_distribution the components
-- @shape components batch (..., k) -> batch (...)
-- @usage
-- local d = D.MixtureSameFamily(D.Categorical(tocha.tensor{0.25, 0.75}), D.Normal(tocha.tensor{-1, 3}, 1))
-- d.mean  --> 2
-- d.variance  --> 4
-- d:log_prob(tocha.tensor(3))  --> -1.207
-- d:sample{5}.shape  --> {5}
function MixtureSameFamily:__init(...)
  local mixture, component, validate_args = read(...)
  if not class.isinstance(mixture, Categorical) then
    args.fail('MixtureSameFamily: mixture_distribution: got %s, takes a Categorical', tostring(mixture))
  end
  if not class.isinstance(component, Distribution) then
    args.fail('MixtureSameFamily: component_distribution: got %s, takes a distribution', args.show(component))
  end
  local shape = component.batch_shape
  if #shape < 1 or shape[#shape] ~= mixture._num_events then
    args.fail('MixtureSameFamily: component_distribution: got batch shape %s, takes one that ends in the number of classes, %d',
      utils.show(shape), mixture._num_events)
  end
  tocha.broadcast_shapes(mixture.batch_shape, utils.slice(shape, 1, #shape - 1))
  self.mixture_distribution, self.component_distribution = mixture, component
  Distribution.__init(self, utils.slice(shape, 1, #shape - 1), component.event_shape, validate_args)
end

function MixtureSameFamily:expand(...)
  local batch_shape = utils.shape_of('batch_shape', ...)
  local new = self:bare_copy()
  new.component_distribution = self.component_distribution:expand(utils.join(batch_shape, {self.mixture_distribution._num_events}))
  new.mixture_distribution = self.mixture_distribution:expand(batch_shape)
  new.batch_shape = utils.slice(batch_shape, 1)
  return new
end

function MixtureSameFamily:get_support()
  return constraints.MixtureSameFamilyConstraint(self.component_distribution.support)
end

-- the dim of the components, counted from the end
local function at(self) return -1 - #self.event_shape end

-- the weights with as many dims of size 1 behind as an event has
local function weights(self)
  local probs = self.mixture_distribution.probs
  for _ = 1, #self.event_shape do probs = probs:unsqueeze(-1) end
  return probs
end

function MixtureSameFamily:get_mean() return (weights(self) * self.component_distribution.mean):sum(at(self)) end

--- The mean of the variances and the variance of the means.
function MixtureSameFamily:get_variance()
  local probs, component, dim = weights(self), self.component_distribution, at(self)
  local deviation = component.mean - self.mean:unsqueeze(dim)
  return (probs * component.variance):sum(dim) + (probs * deviation:square()):sum(dim)
end

function MixtureSameFamily:cdf(value)
  value = self:checked(value)
  return (self.mixture_distribution.probs * self.component_distribution:cdf(value:unsqueeze(at(self)))):sum(-1)
end

function MixtureSameFamily:log_prob(value)
  value = self:checked(value)
  local each = self.component_distribution:log_prob(value:unsqueeze(at(self)))
  return (each + self.mixture_distribution.logits:log_softmax(-1)):logsumexp(-1)
end

--- Draws of all components, of which one each is picked.
function MixtureSameFamily:draw(shape)
  local values, chosen, n = self.component_distribution:sample(shape), self.mixture_distribution:sample(shape), #self.event_shape
  for _ = 0, n do chosen = chosen:unsqueeze(-1) end
  local dim = #shape + #self.batch_shape + 1
  local sizes = utils.join(shape, self.batch_shape, {1}, self.event_shape)
  return values:gather(dim, chosen:expand(sizes)):squeeze(dim)
end

return MixtureSameFamily
