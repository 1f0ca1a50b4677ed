--- From a constraint to a transform whose results satisfy it: `biject_to` (bijections) and `transform_to` (maybe simpler ones).
-- @module tocha.distributions.registry

local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local transforms = require 'tocha.distributions.transforms'

--- A registry: called with a constraint it gives a transform from real numbers to what satisfies it.
local ConstraintRegistry = class('ConstraintRegistry')
--- A registry: called with a constraint it gives a transform from real numbers to what satisfies it. D.biject_to gives bijections,
-- D.transform_to any map that reaches all values. `register(constraint, factory)` adds to it.
-- @type ConstraintRegistry biject_to transform_to
-- @shape a constraint -> a transform
-- @raise for a constraint without one
-- @usage
-- local positive = D.biject_to(D.constraints.positive)
-- positive(tocha.tensor(0))  --> 1
-- D.transform_to(D.constraints.simplex)(tocha.zeros(4))  --> {0.25, 0.25, 0.25, 0.25}
-- tocha.class.isinstance(D.biject_to, D.ConstraintRegistry)  --> true
function ConstraintRegistry:__init() self.factories = {} end

--- Says which transform belongs to a class of constraints (or that of a given constraint): factory(constraint).
function ConstraintRegistry:register(constraint, factory)
  local cls = class.isinstance(constraint, constraints.Constraint) and getmetatable(constraint) or constraint
  if not class.is_class(cls) or not class.issubclass(cls, constraints.Constraint) then
    args.fail('register: constraint: got %s, takes a constraint or a class of them', args.show(constraint))
  end
  self.factories[cls] = factory
  return factory
end

function ConstraintRegistry:__call(constraint)
  local factory = class.isinstance(constraint, constraints.Constraint) and self.factories[getmetatable(constraint)]
  if not factory then args.fail('transform_to: no transform is registered for %s', tostring(constraint)) end
  return factory(constraint)
end

local biject_to, transform_to = ConstraintRegistry(), ConstraintRegistry()

local function both(constraint, factory)
  biject_to:register(constraint, factory)
  transform_to:register(constraint, factory)
end

local function above(c)
  if c.lower_bound == 0 then return transforms.ExpTransform() end
  return transforms.ComposeTransform{transforms.ExpTransform(), transforms.AffineTransform(c.lower_bound, 1)}
end

local function below(c)
  return transforms.ComposeTransform{transforms.ExpTransform(), transforms.AffineTransform(c.upper_bound, -1)}
end

local function between(c)
  if c.lower_bound == 0 and c.upper_bound == 1 then return transforms.SigmoidTransform() end
  local affine = transforms.AffineTransform(c.lower_bound, c.upper_bound - c.lower_bound)
  return transforms.ComposeTransform{transforms.SigmoidTransform(), affine}
end

local function each(registry, list)
  local out = {}
  for i, c in ipairs(list) do out[i] = registry(c) end
  return out
end

both(constraints.real, function() return transforms.identity_transform end)
both(constraints.greater_than, above)
both(constraints.greater_than_eq, above)
both(constraints.less_than, below)
both(constraints.interval, between)
both(constraints.half_open_interval, between)
both(constraints.lower_cholesky, function() return transforms.LowerCholeskyTransform() end)
both(constraints.positive_definite, function() return transforms.PositiveDefiniteTransform() end)
both(constraints.positive_semidefinite, function() return transforms.PositiveDefiniteTransform() end)
both(constraints.corr_cholesky, function() return transforms.CorrCholeskyTransform() end)
biject_to:register(constraints.simplex, function() return transforms.StickBreakingTransform() end)
transform_to:register(constraints.simplex, function() return transforms.SoftmaxTransform() end)
for _, registry in ipairs{biject_to, transform_to} do
  registry:register(constraints.independent, function(c)
    return transforms.IndependentTransform(registry(c.base_constraint), c.reinterpreted_batch_ndims)
  end)
  registry:register(constraints.cat, function(c) return transforms.CatTransform(each(registry, c.cseq), c.dim, c.lengths) end)
  registry:register(constraints.stack, function(c) return transforms.StackTransform(each(registry, c.cseq), c.dim) end)
end

return {ConstraintRegistry = ConstraintRegistry, biject_to = biject_to, transform_to = transform_to}
