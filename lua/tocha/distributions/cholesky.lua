--- Cholesky factors and triangular systems over batches, in differentiable operators; tocha.linalg's where it has them.
-- @module tocha.distributions.cholesky

local tocha = require 'tocha'
local args = require 'tocha.args'

local M = {}

local function linalg(name)
  local space = tocha.linalg
  return space and space[name]
end

-- Column by column: (..., n, n) to n columns of length n, zeros above the diagonal.
local function factor(a)
  local n, columns = a:size(-1), {}
  for j = 1, n do
    local c = a:select(-1, j):narrow(-1, j, n - j + 1)
    if j > 1 then
      local left = tocha.stack(columns, -1):narrow(-2, j, n - j + 1)
      c = c - left:matmul(left:narrow(-2, 1, 1).mT):squeeze(-1)
    end
    local pivot = c:narrow(-1, 1, 1)
    if not pivot:gt(0):all():item() then
      args.fail('cholesky: the matrix is not positive definite (the leading minor of order %d is not positive)', j)
    end
    columns[j] = tocha.nn.functional.pad(c / pivot:sqrt(), {j - 1, 0})
  end
  return tocha.stack(columns, -1)
end

--- The lower triangular L with L L' = a, for symmetric positive definite a (..., n, n).
function M.cholesky(a)
  local f = linalg('cholesky')
  if f then return f(a) end
  return factor((a + a.mT) * 0.5) -- so that the gradient is symmetric
end

local function substitute(l, b)
  local rows = {}
  for i = 1, l:size(-1) do
    local r = b:narrow(-2, i, 1)
    if i > 1 then r = r - l:narrow(-2, i, 1):narrow(-1, 1, i - 1):matmul(tocha.cat(rows, -2)) end
    rows[i] = r / l:narrow(-2, i, 1):narrow(-1, i, 1)
  end
  return tocha.cat(rows, -2)
end

-- batch dims of both, so that the rows that are joined have one shape
local function together(l, b)
  local lead = tocha.broadcast_shapes(M.batch(l), M.batch(b))
  local m, k = #lead + 1, #lead + 2
  lead[m], lead[k] = b:size(-2), b:size(-1)
  return b:expand(lead)
end

--- The shape without the last two dims.
function M.batch(x)
  local out = {}
  for i = 1, x:dim() - 2 do out[i] = x:size(i) end
  return out
end

--- The solution of l x = b for lower triangular l (..., n, n) and b (..., n, k); batches broadcast.
function M.solve_lower(l, b)
  local f = linalg('solve_triangular')
  if f then return f(l, b, {upper = false}) end
  return substitute(l, together(l, b))
end

--- The solution of l' x = b for lower triangular l.
function M.solve_upper(l, b)
  local f = linalg('solve_triangular')
  if f then return f(l.mT, b, {upper = true}) end
  local turned = substitute(l.mT:flip{-2, -1}, together(l, b):flip{-2})
  return turned:flip{-2}
end

--- The inverse of l l'.
function M.inverse(l)
  local eye = tocha.eye(l:size(-1), nil, {dtype = l.dtype, device = l.device})
  return M.solve_upper(l, M.solve_lower(l, eye))
end

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
