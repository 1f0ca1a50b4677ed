--- The normal distribution of vectors whose covariance is W W' + diag(d), with few columns in W.
-- @module tocha.distributions.lowrankmultivariatenormal

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'
local cholesky = require 'tocha.distributions.cholesky'

local LowRank = class('LowRankMultivariateNormal', Distribution)
LowRank.has_rsample, LowRank.support = true, constraints.real_vector
LowRank.arg_constraints = {
  loc = constraints.real_vector, cov_factor = constraints.independent(constraints.real, 2),
  cov_diag = constraints.independent(constraints.positive, 1),
}

local read = args.spec('LowRankMultivariateNormal', 'loc', 'cov_factor', 'cov_diag', 'validate_args:bool=nil')

local function check(loc, w, d)
  if loc:dim() < 1 then args.fail('LowRankMultivariateNormal: loc: takes a tensor of 1 or more dims') end
  local n = loc:size(-1)
  if w:dim() < 2 or w:size(-2) ~= n then
    args.fail('LowRankMultivariateNormal: cov_factor: got shape %s, takes (..., %d, rank)', utils.show(w.shape), n)
  end
  if d:dim() < 1 or d:size(-1) ~= n then
    args.fail('LowRankMultivariateNormal: cov_diag: got shape %s, takes (..., %d)', utils.show(d.shape), n)
  end
end

--- Normal vectors with covariance W W' + diag(d), never stored as a matrix.
-- @param loc the mean, (..., n)
-- @param cov_factor W, (..., n, rank)
-- @param cov_diag d, (..., n), above 0
-- @shape batch (...), event (n): `sample{m}` gives (m, batch..., n)
-- @usage
-- local d = D.LowRankMultivariateNormal(tocha.zeros(2), tocha.ones(2, 1), tocha.ones(2))
-- d.covariance_matrix  --> {{2, 1}, {1, 2}}
-- d:log_prob(tocha.zeros(2))  --> -2.387
-- d:sample{5}.shape  --> {5, 2}
function LowRank:__init(...)
  local loc, w, d, validate_args = read(...)
  w = utils.tensor(w)
  loc, d = utils.tensor(loc, w), utils.tensor(d, w)
  check(loc, w, d)
  local n, rank = loc:size(-1), w:size(-1)
  local batch = tocha.broadcast_shapes(utils.slice(loc.shape, 1, loc:dim() - 1), cholesky.batch(w),
    utils.slice(d.shape, 1, d:dim() - 1))
  self.loc, self.cov_diag = loc:expand(utils.join(batch, {n})), d:expand(utils.join(batch, {n}))
  self.cov_factor = w:expand(utils.join(batch, {n, rank}))
  self._factor, self._diag = w, d
  -- of the small matrix I + W' D^-1 W (Woodbury)
  local scaled = w / d:unsqueeze(-1)
  self._capacitance_tril = cholesky.cholesky(w.mT:matmul(scaled) + tocha.eye(rank, nil, {dtype = w.dtype, device = w.device}))
  Distribution.__init(self, batch, {n}, validate_args)
end

local function whole(self, matrix) return matrix:expand(utils.join(self.batch_shape, self.event_shape, self.event_shape)) end

function LowRank:get_mean() return self.loc end
function LowRank:get_mode() return self.loc end
function LowRank:get_variance() return (self._factor:square():sum(-1) + self._diag):expand(self:extended()) end
function LowRank:get_covariance_matrix()
  return whole(self, self._factor:matmul(self._factor.mT) + self._diag:diag_embed())
end

function LowRank:get_scale_tril()
  local root = self._diag:sqrt():unsqueeze(-1)
  local inner = self._factor / root
  local n = self.event_shape[1]
  local eye = tocha.eye(n, nil, {dtype = inner.dtype, device = inner.device})
  return whole(self, root * cholesky.cholesky(inner:matmul(inner.mT) + eye))
end

function LowRank:get_precision_matrix()
  local scaled = (self._factor / self._diag:unsqueeze(-1)).mT
  local a = cholesky.solve_lower(self._capacitance_tril, scaled)
  return whole(self, self._diag:reciprocal():diag_embed() - a.mT:matmul(a))
end

function LowRank:draw(shape)
  local of_factor = utils.randn(utils.join(shape, self.batch_shape, {self.cov_factor:size(-1)}), self.loc)
  local of_diag = utils.randn(self:extended(shape), self.loc)
  return self.loc + self._factor:matmul(of_factor:unsqueeze(-1)):squeeze(-1) + self._diag:sqrt() * of_diag
end

--- x' S^-1 x for the covariance S, without forming it.
function LowRank:mahalanobis(x)
  local scaled = (self._factor / self._diag:unsqueeze(-1)).mT:matmul(x:unsqueeze(-1)):squeeze(-1)
  return (x:square() / self._diag):sum(-1) - cholesky.mahalanobis(self._capacitance_tril, scaled)
end

--- The logarithm of the covariance's determinant.
function LowRank:log_det() return cholesky.half_log_det(self._capacitance_tril) * 2 + self._diag:log():sum(-1) end

function LowRank:log_prob(value)
  value = self:checked(value)
  local n = self.event_shape[1]
  return (self:mahalanobis(value - self.loc) + self:log_det() + n * math.log(2 * math.pi)) * -0.5
end

function LowRank:entropy()
  return ((self:log_det() + self.event_shape[1] * (1 + math.log(2 * math.pi))) * 0.5):expand(self.batch_shape)
end

return LowRank
