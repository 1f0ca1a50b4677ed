--- What several distributions do with Cholesky factors, over batches.
-- @module tocha.distributions.cholesky

local tocha = require 'tocha'

local M = {}

--- The lower triangular L with L L' = a, for symmetric positive definite a (..., n, n).
function M.cholesky(a) return tocha.linalg.cholesky(a) end

--- The shape without the last two dims.
function M.batch(x)
  local out = {}
  for i = 1, x:dim() - 2 do out[i] = x:size(i) end
  return out
end

--- The solution of l x = b for lower triangular l (..., n, n) and b (..., n, k); batches broadcast.
function M.solve_lower(l, b) return tocha.linalg.solve_triangular(l, b, {upper = false}) end

--- The solution of l' x = b for lower triangular l.
function M.solve_upper(l, b) return tocha.linalg.solve_triangular(l.mT, b, {upper = true}) end

--- The inverse of l l'.
function M.inverse(l) return tocha.cholesky_inverse(l) end

--- The sum of the logarithms of the diagonal: half the log determinant of l l'.
function M.half_log_det(l) return l:diagonal(0, -2, -1):log():sum(-1) end

--- x' (l l')^-1 x for vectors x (..., n).
function M.mahalanobis(l, x) return M.solve_lower(l, x:unsqueeze(-1)):squeeze(-1):square():sum(-1) end

--- The Cholesky factor of the inverse of a positive definite matrix.
function M.precision_to_scale_tril(p)
  local turned = M.cholesky(p:flip{-2, -1}):flip{-2, -1}.mT
  return M.solve_lower(turned, tocha.eye(p:size(-1), nil, {dtype = p.dtype, device = p.device}))
end

return M
