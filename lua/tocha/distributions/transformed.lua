--- The distribution of a random variable after a chain of transforms.
-- @module tocha.distributions.transformed

local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local Distribution = require 'tocha.distributions.distribution'
local Independent = require 'tocha.distributions.independent'
local transform = require 'tocha.distributions.transform'
local utils = require 'tocha.distributions.utils'

local TransformedDistribution = class('TransformedDistribution', Distribution)

local read = args.spec('TransformedDistribution', 'base_distribution', 'transforms', 'validate_args:bool=nil')

local function as_list(value)
  if class.isinstance(value, transform.Transform) then return {value} end
  if type(value) == 'table' then return value end
  args.fail('TransformedDistribution: transforms: got %s, takes a transform or a list of them', args.show(value))
end

-- the base with the batch dims that the transforms broadcast to, and the dims that they treat as one event
local function widened(base, chain, whole)
  local expanded = chain:inverse_shape(chain:forward_shape(whole))
  if not utils.same(whole, expanded) then base = base:expand(utils.slice(expanded, 1, #expanded - #base.event_shape)) end
  local n = chain.domain.event_dim - #base.event_shape
  if n > 0 then base = Independent(base, n, false) end
  return base
end

--- What a variable becomes through transforms.
-- @param base_distribution any
-- @param transforms a transform, or a list of them, applied in order
-- @shape batch and event of the base, as the transforms change them
-- @usage
-- local d = D.TransformedDistribution(D.Normal(0, 1), {D.ExpTransform(), D.AffineTransform(0, 2)})
-- d:log_prob(tocha.tensor(2))  --> -1.612
-- D.LogNormal(math.log(2), 1):log_prob(tocha.tensor(2))  --> -1.612
-- d:sample{3}.shape  --> {3}
function TransformedDistribution:__init(...)
  local base, transforms, validate_args = read(...)
  if not class.isinstance(base, Distribution) then
    args.fail('TransformedDistribution: base_distribution: got %s, takes a distribution', args.show(base))
  end
  self.transforms = as_list(transforms)
  local chain, whole = transform.ComposeTransform(self.transforms, 0), utils.join(base.batch_shape, base.event_shape)
  if #whole < chain.domain.event_dim then
    args.fail('TransformedDistribution: base_distribution: got shape %s, takes %d or more dims', utils.show(whole),
      chain.domain.event_dim)
  end
  self.base_dist = widened(base, chain, whole)
  local events = #self.base_dist.event_shape + chain.codomain.event_dim - chain.domain.event_dim
  events = math.max(chain.codomain.event_dim, events)
  local shape = chain:forward_shape(whole)
  Distribution.__init(self, utils.slice(shape, 1, #shape - events), utils.slice(shape, #shape - events + 1), validate_args)
  self.has_rsample = self.base_dist.has_rsample
end

function TransformedDistribution:expand(...)
  local batch_shape = utils.shape_of('batch_shape', ...)
  local new = Distribution.expand(self, batch_shape)
  local shape = transform.ComposeTransform(self.transforms, 0):inverse_shape(utils.join(batch_shape, self.event_shape))
  new.base_dist = self.base_dist:expand(utils.slice(shape, 1, #shape - #self.base_dist.event_shape))
  return new
end

function TransformedDistribution:get_support()
  local n = #self.transforms
  if n == 0 then return self.base_dist.support end
  local support = self.transforms[n].codomain
  if #self.event_shape > support.event_dim then
    support = constraints.independent(support, #self.event_shape - support.event_dim)
  end
  return support
end

local function forward(self, x)
  for _, t in ipairs(self.transforms) do x = t(x) end
  return x
end

-- sample and rsample differ in the base's: one that is not reparameterised can still be sampled
function TransformedDistribution:draw(shape) return forward(self, self.base_dist:sample(shape)) end
function TransformedDistribution:rsample(...)
  if not self.has_rsample then return Distribution.rsample(self, ...) end
  return forward(self, self.base_dist:rsample(utils.shape_of('sample_shape', ...)))
end

--- The base's log-probability of the value before the transforms, less the logarithms of their Jacobians.
function TransformedDistribution:log_prob(value)
  local y, events, total = self:checked(value), #self.event_shape, nil
  for i = #self.transforms, 1, -1 do
    local t = self.transforms[i]
    local x = t.inv(y)
    events = events + t.domain.event_dim - t.codomain.event_dim
    local term = utils.sum_rightmost(t:log_abs_det_jacobian(x, y), events - t.domain.event_dim)
    total, y = total and total + term or term, x
  end
  local base = utils.sum_rightmost(self.base_dist:log_prob(y), events - #self.base_dist.event_shape)
  return total and base - total or base
end

-- cdf and icdf of falling chains are mirrored at 1/2
local function turned(self, value)
  local sign = 1
  for _, t in ipairs(self.transforms) do sign = sign * t.sign end
  if sign == 1 then return value end
  return sign * (value - 0.5) + 0.5
end

function TransformedDistribution:cdf(value)
  value = self:checked(value)
  for i = #self.transforms, 1, -1 do value = self.transforms[i].inv(value) end
  return turned(self, self.base_dist:cdf(value))
end

function TransformedDistribution:icdf(value)
  return forward(self, self.base_dist:icdf(turned(self, utils.tensor(value))))
end

return TransformedDistribution
