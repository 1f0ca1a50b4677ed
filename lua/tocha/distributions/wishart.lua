--- The Wishart distribution of positive definite matrices.
-- @module tocha.distributions.wishart

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local ExponentialFamily = require 'tocha.distributions.exponentialfamily'
local cholesky = require 'tocha.distributions.cholesky'

local Wishart = class('Wishart', ExponentialFamily)
Wishart.has_rsample, Wishart.support = true, constraints.positive_definite
Wishart.arg_constraints = {
  df = constraints.greater_than(0), covariance_matrix = constraints.positive_definite,
  precision_matrix = constraints.positive_definite, scale_tril = constraints.lower_cholesky,
}

local read = args.spec('Wishart', 'df', 'covariance_matrix=nil', 'precision_matrix=nil', 'scale_tril=nil',
  'validate_args:bool=nil')

--- Covariance matrices of df normal vectors: the sum of their outer products.
-- @param df degrees of freedom, above n - 1
-- @param covariance_matrix the scale, (..., n, n); or
-- @param precision_matrix its inverse; or
-- @param scale_tril its lower Cholesky factor
-- @shape batch (...), event (n, n)
-- @raise unless just one matrix is given
-- @usage
-- local d = D.Wishart(4, tocha.eye(2))
-- d.mean  --> {{4, 0}, {0, 4}}
-- d:log_prob(tocha.eye(2))  --> -4.224
-- d:sample{3}.shape  --> {3, 2, 2}
function Wishart:__init(...)
  local df, covariance, precision, scale_tril, validate_args = read(...)
  utils.one_of('Wishart', 'covariance_matrix', covariance, 'precision_matrix', precision, 'scale_tril', scale_tril)
  local key = covariance and 'covariance_matrix' or precision and 'precision_matrix' or 'scale_tril'
  local matrix = utils.tensor(covariance or precision or scale_tril)
  if matrix:dim() < 2 or matrix:size(-1) ~= matrix:size(-2) then
    args.fail('Wishart: %s: got shape %s, takes square matrices', key, utils.show(matrix.shape))
  end
  df = utils.tensor(df, matrix)
  local n = matrix:size(-1)
  if df:le(n - 1):any():item() then args.fail('Wishart: df: takes values above %d, the size of the matrix less 1', n - 1) end
  local batch = tocha.broadcast_shapes(cholesky.batch(matrix), df.shape)
  self.df, self[key] = df:expand(batch), matrix:expand(utils.join(batch, {n, n}))
  ExponentialFamily.__init(self, batch, {n, n}, validate_args)
  self._scale_tril = scale_tril and matrix or covariance and cholesky.cholesky(matrix)
    or cholesky.precision_to_scale_tril(matrix)
end

local function whole(self, matrix) return matrix:expand(self:extended()) end
-- df, to be multiplied with matrices
local function df_of(self) return self.df:unsqueeze(-1):unsqueeze(-1) end

function Wishart:get_scale_tril() return whole(self, self._scale_tril) end
function Wishart:get_covariance_matrix() return whole(self, self._scale_tril:matmul(self._scale_tril.mT)) end
function Wishart:get_precision_matrix() return whole(self, cholesky.inverse(self._scale_tril)) end
function Wishart:get_mean() return df_of(self) * self.covariance_matrix end

function Wishart:get_mode()
  local factor = df_of(self) - (self.event_shape[1] + 1)
  return tocha.where(factor:le(0), tocha.nan, factor) * self.covariance_matrix
end

function Wishart:get_variance()
  local v = self.covariance_matrix
  local d = v:diagonal(0, -2, -1)
  return df_of(self) * (v:square() + d:unsqueeze(-1) * d:unsqueeze(-2))
end

--- By Bartlett's decomposition: chi variables on the diagonal, normal ones below.
function Wishart:draw(shape)
  local n, matrices = self.event_shape[1], self:extended(shape)
  local half = (self.df:unsqueeze(-1) - utils.count_up(0, n, self.df)) * 0.5
  local chi = (tocha._standard_gamma(half:expand(utils.slice(matrices, 1, #matrices - 1))) * 2):sqrt()
  chi = chi:clamp_min(tocha.finfo(chi.dtype).tiny)
  local l = self._scale_tril:matmul(utils.randn(matrices, self.df):tril(-1) + chi:diag_embed())
  return l:matmul(l.mT)
end

function Wishart:log_prob(value)
  value = self:checked(value)
  local df, n = self.df, self.event_shape[1]
  local l = cholesky.cholesky(value)
  local trace = cholesky.solve_lower(self._scale_tril, l):square():sum{-2, -1}
  return cholesky.half_log_det(l) * (df - (n + 1)) - trace * 0.5
    - df * (cholesky.half_log_det(self._scale_tril) + 0.5 * n * math.log(2)) - (df * 0.5):mvlgamma(n)
end

-- the derivative of mvlgamma
local function mvdigamma(x, n) return (x:unsqueeze(-1) - utils.count_up(0, n, x) * 0.5):digamma():sum(-1) end

function Wishart:entropy()
  local df, n = self.df, self.event_shape[1]
  local half = df * 0.5
  return (cholesky.half_log_det(self._scale_tril) + 0.5 * n * math.log(2)) * (n + 1) + half:mvlgamma(n)
    - (df - (n + 1)) * 0.5 * mvdigamma(half, n) + half * n
end

function Wishart:natural_params()
  return {self.df * 0.5, self.precision_matrix * -0.5}
end

function Wishart:log_normalizer(x, y)
  local n = self.event_shape[1]
  return x * (n * math.log(2) - cholesky.half_log_det(cholesky.cholesky(y * -2)) * 2) + x:mvlgamma(n)
end

return Wishart
