--- The normal distribution of vectors.
-- @module tocha.distributions.multivariatenormal

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'
local cholesky = require 'tocha.distributions.cholesky'

local MultivariateNormal = class('MultivariateNormal', Distribution)
MultivariateNormal.has_rsample, MultivariateNormal.support = true, constraints.real_vector
MultivariateNormal.arg_constraints = {
  loc = constraints.real_vector, covariance_matrix = constraints.positive_definite,
  precision_matrix = constraints.positive_definite, scale_tril = constraints.lower_cholesky,
}

local read = args.spec('MultivariateNormal', 'loc', 'covariance_matrix=nil', 'precision_matrix=nil', 'scale_tril=nil',
  'validate_args:bool=nil')

--- Normal vectors.
-- @param loc the mean, (..., n)
-- @param covariance_matrix (..., n, n), positive definite; or
-- @param precision_matrix its inverse; or
-- @param scale_tril its lower Cholesky factor
-- @shape batch (...), event (n): `sample{m}` gives (m, batch..., n)
-- @raise unless just one matrix is given
-- @usage
-- local d = D.MultivariateNormal(tocha.zeros(2), tocha.tensor{{2, 1}, {1, 2}})
-- d:log_prob(tocha.zeros(2))  --> -2.387
-- d.variance  --> {2, 2}
-- d:entropy()  --> 3.387
-- d:sample{5}.shape  --> {5, 2}
-- D.MultivariateNormal(tocha.zeros(2), {scale_tril = tocha.eye(2)}).covariance_matrix  --> {{1, 0}, {0, 1}}
function MultivariateNormal:__init(...)
  local loc, covariance, precision, scale_tril, validate_args = read(...)
  utils.one_of('MultivariateNormal', 'covariance_matrix', covariance, 'precision_matrix', precision, 'scale_tril', scale_tril)
  local key = covariance and 'covariance_matrix' or precision and 'precision_matrix' or 'scale_tril'
  local matrix = utils.tensor(covariance or precision or scale_tril)
  loc = utils.tensor(loc, matrix)
  if loc:dim() < 1 then args.fail('MultivariateNormal: loc: takes a tensor of 1 or more dims') end
  if matrix:dim() < 2 or matrix:size(-1) ~= matrix:size(-2) or matrix:size(-1) ~= loc:size(-1) then
    args.fail('MultivariateNormal: %s: got shape %s, takes square matrices of loc\'s size %d', key, utils.show(matrix.shape),
      loc:size(-1))
  end
  local n = loc:size(-1)
  local batch = tocha.broadcast_shapes(cholesky.batch(matrix), utils.slice(loc.shape, 1, loc:dim() - 1))
  self.loc, self[key] = loc:expand(utils.join(batch, {n})), matrix:expand(utils.join(batch, {n, n}))
  Distribution.__init(self, batch, {n}, validate_args)
  -- the factor before broadcasting: each matrix is decomposed once
  self._scale_tril = scale_tril and matrix or covariance and cholesky.cholesky(matrix)
    or cholesky.precision_to_scale_tril(matrix)
end

local function whole(self, matrix) return matrix:expand(utils.join(self.batch_shape, self.event_shape, self.event_shape)) end

function MultivariateNormal:get_scale_tril() return whole(self, self._scale_tril) end
function MultivariateNormal:get_covariance_matrix() return whole(self, self._scale_tril:matmul(self._scale_tril.mT)) end
function MultivariateNormal:get_precision_matrix() return whole(self, cholesky.inverse(self._scale_tril)) end
function MultivariateNormal:get_mean() return self.loc end
function MultivariateNormal:get_mode() return self.loc end
function MultivariateNormal:get_variance() return self._scale_tril:square():sum(-1):expand(self:extended()) end

function MultivariateNormal:draw(shape)
  local eps = utils.randn(self:extended(shape), self.loc)
  return self.loc + self._scale_tril:matmul(eps:unsqueeze(-1)):squeeze(-1)
end

function MultivariateNormal:log_prob(value)
  value = self:checked(value)
  local n = self.event_shape[1]
  local distance = cholesky.mahalanobis(self._scale_tril, value - self.loc)
  return (distance + n * math.log(2 * math.pi)) * -0.5 - cholesky.half_log_det(self._scale_tril)
end

function MultivariateNormal:entropy()
  local n = self.event_shape[1]
  return (cholesky.half_log_det(self._scale_tril) + 0.5 * n * (1 + math.log(2 * math.pi))):expand(self.batch_shape)
end

return MultivariateNormal
