--- The logistic-normal distribution on the simplex: normal variables through stick breaking.
-- @module tocha.distributions.logisticnormal

local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local TransformedDistribution = require 'tocha.distributions.transformed'
local Normal = require 'tocha.distributions.normal'
local transforms = require 'tocha.distributions.transforms'

local LogisticNormal = class('LogisticNormal', TransformedDistribution)
LogisticNormal.has_rsample, LogisticNormal.support = true, constraints.simplex
LogisticNormal.arg_constraints = {loc = constraints.real, scale = constraints.positive}

local read = args.spec('LogisticNormal', 'loc', 'scale', 'validate_args:bool=nil')

--- Numbers that sum to 1: normal variables, through a stick-breaking transform.
-- @param loc of the normal variables along the last dim
-- @param scale of the normal variables
-- @shape parameters (..., n): batch (...), event (n + 1)
-- @usage
-- local d = D.LogisticNormal(tocha.zeros(2), tocha.ones(2))
-- d:sample{5}.shape  --> {5, 3}
-- d:sample():sum()  --> 1
-- d:log_prob(tocha.tensor{0.2, 0.3, 0.5})  --> 1.298
function LogisticNormal:__init(...)
  local loc, scale, validate_args = read(...)
  local base = Normal(loc, scale, validate_args)
  if #base.batch_shape == 0 then base = base:expand{1} end
  TransformedDistribution.__init(self, base, transforms.StickBreakingTransform(), validate_args)
end

function LogisticNormal:get_loc() return self.base_dist.base_dist.loc end
function LogisticNormal:get_scale() return self.base_dist.base_dist.scale end

return LogisticNormal
