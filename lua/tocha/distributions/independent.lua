--- Batch dims of a distribution taken as event dims: values along them are one joint value.
-- @module tocha.distributions.independent

local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local Distribution = require 'tocha.distributions.distribution'
local utils = require 'tocha.distributions.utils'

local Independent = class('Independent', Distribution)

local read = args.spec('Independent', 'base_distribution', 'reinterpreted_batch_ndims:int', 'validate_args:bool=nil')

--- A distribution whose last batch dims are event dims: log_prob sums over them.
-- @param base_distribution any
-- @param reinterpreted_batch_ndims how many
-- @shape batch (..., b), event (e...) -> batch (...), event (b, e...)
-- @raise if there are fewer batch dims
-- @usage
-- local d = D.Independent(D.Normal(tocha.zeros(4, 3), 1), 1)
-- d.batch_shape  --> {4}
-- d.event_shape  --> {3}
-- d:log_prob(tocha.zeros(4, 3)).shape  --> {4}
function Independent:__init(...)
  local base, n, validate_args = read(...)
  if not class.isinstance(base, Distribution) then
    args.fail('Independent: base_distribution: got %s, takes a distribution', args.show(base))
  end
  if n > #base.batch_shape or n < 0 then
    args.fail('Independent: reinterpreted_batch_ndims: got %d, takes 0 to the %d batch dims of the base', n, #base.batch_shape)
  end
  self.base_dist, self.reinterpreted_batch_ndims = base, n
  local whole, keep = utils.join(base.batch_shape, base.event_shape), #base.batch_shape - n
  Distribution.__init(self, utils.slice(whole, 1, keep), utils.slice(whole, keep + 1), validate_args)
  self.has_rsample, self.has_enumerate_support = base.has_rsample, n == 0 and base.has_enumerate_support
end

function Independent:expand(...)
  local batch_shape = utils.shape_of('batch_shape', ...)
  local new = self:bare_copy()
  new.base_dist = self.base_dist:expand(utils.join(batch_shape, utils.slice(self.event_shape, 1, self.reinterpreted_batch_ndims)))
  new.batch_shape = utils.slice(batch_shape, 1)
  return new
end

for _, field in ipairs{'mean', 'mode', 'variance'} do
  Independent['get_' .. field] = function(self) return self.base_dist[field] end
end

function Independent:get_support()
  local support = self.base_dist.support
  if self.reinterpreted_batch_ndims > 0 then return constraints.independent(support, self.reinterpreted_batch_ndims) end
  return support
end

function Independent:sample(...) return self.base_dist:sample(...) end
function Independent:rsample(...) return self.base_dist:rsample(...) end
function Independent:log_prob(value) return utils.sum_rightmost(self.base_dist:log_prob(value), self.reinterpreted_batch_ndims) end
function Independent:entropy() return utils.sum_rightmost(self.base_dist:entropy(), self.reinterpreted_batch_ndims) end

function Independent:enumerate_support(expand)
  if self.reinterpreted_batch_ndims > 0 then
    args.fail('Independent: enumerate_support: the support over several variables is their product; it is not listed')
  end
  return self.base_dist:enumerate_support(expand)
end

function Independent:__tostring()
  return ('Independent(%s, %d)'):format(tostring(self.base_dist), self.reinterpreted_batch_ndims)
end

return Independent
