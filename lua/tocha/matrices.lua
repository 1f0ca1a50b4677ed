--- The functions of linear algebra that PyTorch has outside of linalg, by their older names and argument orders; all are methods too.
-- @module tocha.matrices

local tocha = require 'tocha'
local args = require 'tocha.args'
local linalg = require 'tocha.linalg'

local matrices = {det = linalg.det, slogdet = linalg.slogdet, matrix_power = linalg.matrix_power, matrix_exp = linalg.matrix_exp,
  inverse = linalg.inv, orgqr = linalg.householder_product, lu_unpack = linalg.lu_unpack}

--- The logarithm of the determinants; nan where they are negative, -inf where they are zero.
function matrices.logdet(a)
  local sign, value = linalg.slogdet(a)
  if a.dtype.is_complex then return sign:log() + value end
  return tocha.where(sign:lt(0), 0 / 0, value)
end

local read_cholesky = args.spec('cholesky', 'input:tensor', 'upper:bool=false')

--- linalg.cholesky.
function matrices.cholesky(...)
  local a, upper = read_cholesky(...)
  return linalg.cholesky(a, {upper = upper})
end

local read_cholesky_solve = args.spec('cholesky_solve', 'B:tensor', 'L:tensor', 'upper:bool=false')

--- X of A X = B from the Cholesky factor L of A (or U if `upper`).
function matrices.cholesky_solve(...)
  local b, l, upper = read_cholesky_solve(...)
  if upper then l = l.mH end
  return linalg.solve_triangular(l.mH, linalg.solve_triangular(l, b, {upper = false}), {upper = true})
end

local read_cholesky_inverse = args.spec('cholesky_inverse', 'L:tensor', 'upper:bool=false')

--- The inverse of A from its Cholesky factor L (or U if `upper`).
function matrices.cholesky_inverse(...)
  local l, upper = read_cholesky_inverse(...)
  return matrices.cholesky_solve(tocha.eye(l:size(-1), {dtype = l.dtype, device = l.device}):expand_as(l), l, upper)
end

local read_qr = args.spec('qr', 'input:tensor', 'some:bool=true')

--- linalg.qr, reduced if `some`, else complete.
function matrices.qr(...)
  local a, some = read_qr(...)
  return linalg.qr(a, some and 'reduced' or 'complete')
end

local read_svd = args.spec('svd', 'input:tensor', 'some:bool=true', 'compute_uv:bool=true')

--- U, S, V with A = U diag(S) V^H: V itself, and reduced factors if `some`. Without compute_uv U and V are zeros.
function matrices.svd(...)
  local a, some, vectors = read_svd(...)
  if vectors then
    local u, s, vh = linalg.svd(a, not some)
    return u, s, vh.mH
  end
  local options = {dtype = a.dtype, device = a.device}
  return tocha.zeros(a:size(-2), a:size(-2), options), linalg.svdvals(a), tocha.zeros(a:size(-1), a:size(-1), options)
end

--- linalg.pinv with rtol `rcond`.
function matrices.pinverse(a, rcond) return linalg.pinv(a, nil, rcond or 1e-15) end

local read_lu = args.spec('lu', 'A:tensor', 'pivot:bool=true', 'get_infos:bool=false')

--- LU, pivots, and info if `get_infos`: linalg.lu_factor.
function matrices.lu(...)
  local a, pivot, infos = read_lu(...)
  local lu, pivots, info = linalg.lu_factor_ex(a, {pivot = pivot, check_errors = not infos})
  if infos then return lu, pivots, info end
  return lu, pivots
end

--- X of A X = b from lu's results.
function matrices.lu_solve(b, lu, pivots) return linalg.lu_solve(lu, pivots, b) end

local read_triangular = args.spec('triangular_solve', 'b:tensor', 'A:tensor', 'upper:bool=true', 'transpose:bool=false', 'unitriangular:bool=false')

--- X of A X = b (A^T X = b if `transpose`) for triangular A, and a copy of A.
function matrices.triangular_solve(...)
  local b, a, upper, transpose, unit = read_triangular(...)
  local x = linalg.solve_triangular(transpose and a.mT or a, b, {upper = upper ~= transpose, unitriangular = unit})
  return x, a:clone()
end

local read_cross = args.spec('cross', 'input:tensor', 'other:tensor', 'dim=nil')

--- The cross product along dim, or along the first dim of size 3.
function matrices.cross(...)
  local x, y, dim = read_cross(...)
  for d = 1, dim and 0 or x:dim() do
    if not dim and x:size(d) == 3 then dim = d end
  end
  return linalg.cross(x, y, {dim = dim or -1})
end

local read_vander = args.spec('vander', 'x:tensor', 'N=nil', 'increasing:bool=false')

--- The Vandermonde matrix of a vector: powers N-1 to 0, or 0 to N-1 if `increasing`.
function matrices.vander(...)
  local x, n, increasing = read_vander(...)
  local v = linalg.vander(x, {N = n})
  return increasing and v or v:flip(-1)
end

local read_lowrank = args.spec('svd_lowrank', 'A:tensor', 'q:int=6', 'niter:int=2', 'M=nil')

--- U, S, V of an approximation of rank q by a random subspace and `niter` subspace iterations (N. Halko et al., 2009, algorithms 4.4 and 5.1);
-- of A - M if M is given.
function matrices.svd_lowrank(...)
  local a, q, iterations, mean = read_lowrank(...)
  if mean then a = a - mean end
  local m, n = a:size(-2), a:size(-1)
  if m < n then
    local u, s, v = matrices.svd_lowrank(a.mH, q, iterations)
    return v, s, u
  end
  local range = linalg.qr(a:matmul(tocha.randn(n, math.min(q, n), {dtype = a.dtype, device = a.device})))
  for _ = 1, iterations do
    local back = linalg.qr(a.mH:matmul(range))
    range = linalg.qr(a:matmul(back))
  end
  local u, s, vh = linalg.svd(range.mH:matmul(a), false)
  return range:matmul(u), s, vh.mH
end

local read_pca = args.spec('pca_lowrank', 'A:tensor', 'q=nil', 'center:bool=true', 'niter:int=2')

--- svd_lowrank of A less the mean of its rows: V holds the principal directions.
function matrices.pca_lowrank(...)
  local a, q, center, iterations = read_pca(...)
  q = q or math.min(6, a:size(-2), a:size(-1))
  if center then a = a - a:mean(-2, true) end
  return matrices.svd_lowrank(a, q, iterations)
end

require('tocha.outs').all(matrices, 'cross cholesky cholesky_solve cholesky_inverse inverse det slogdet lu lu_solve lu_unpack matrix_power orgqr qr ' ..
  'svd triangular_solve')

return matrices
