--- tocha.linalg: PyTorch's torch.linalg. Functions take matrices (..., m, n) with any batch dims, of float32, float64, complex64 or complex128, and are
-- differentiable unless their text says otherwise. Factorisations are LAPACK's. Results that are several come as several values.
-- @module tocha.linalg

local tocha = require 'tocha'
local args = require 'tocha.args'
local binding = require 'tocha.binding'
local singular = require 'tocha.singular'
local space = require 'tocha.space'

local linalg = space('linalg', {})
local hidden = binding.hidden
local fail = args.fail

---------------------------------------------------------------- what all share
local function batch_text(x, flat) -- where in the batch number `flat` is
  if x:dim() == 0 then return '' end
  return (' (matrix %d of the batch)'):format(flat)
end

-- Raises if LAPACK failed anywhere; `format` tells what info > 0 means.
local function check(name, info, format)
  local bad = info:reshape(-1):tolist()
  for i, code in ipairs(bad) do
    if code == -1000 then fail('linalg.%s: A has values that are not finite%s', name, batch_text(info, i)) end
    if code ~= 0 then fail('linalg.%s: ' .. format .. '%s', name, code, batch_text(info, i)) end
  end
end

local function is_vector_of(a, b) -- PyTorch's rule: b has one dim, or a's batch dims and one more
  if b:dim() == 1 then return true end
  if b:dim() ~= a:dim() - 1 then return false end
  for d = 1, b:dim() do
    if b:size(d) ~= a:size(d) then return false end
  end
  return true
end

local function eye_like(a, n) return tocha.eye(n or a:size(-1), {dtype = a.dtype, device = a.device}) end
local function real_dtype(a) return a.dtype.is_complex and (a.dtype == tocha.complex128 and 'float64' or 'float32') or a.dtype end
local function square(name, a)
  if not tocha.is_tensor(a) or a:dim() < 2 or a:size(-1) ~= a:size(-2) then
    fail('linalg.%s: A: got %s, takes square matrices', name, args.show(a))
  end
end

---------------------------------------------------------------- triangular systems, Cholesky
local read_triangular = args.spec('linalg.solve_triangular', 'A:tensor', 'B:tensor', '*', 'upper:bool', 'left:bool=true', 'unitriangular:bool=false')

--- X of A X = B (X A = B unless `left`) for triangular A (..., n, n), B (..., n, k) or (..., k, n). The other triangle is not read.
function linalg.solve_triangular(...)
  local a, b, upper, left, unit = read_triangular(...)
  return hidden('solve_triangular')(a, b, upper, left, unit)
end

local read_cholesky_ex = args.spec('linalg.cholesky_ex', 'A:tensor', '*', 'upper:bool=false', 'check_errors:bool=false')

--- L (..., n, n) lower triangular with L L^H = A (or U = L^H if `upper`), and info (...): 0, or the order of the minor that is not positive.
function linalg.cholesky_ex(...)
  local a, upper, must = read_cholesky_ex(...)
  local l, info = hidden('cholesky')(a)
  if must then check('cholesky', info, 'the matrix is not positive definite: the leading minor of order %d is not positive') end
  return upper and l.mH or l, info
end

local read_cholesky = args.spec('linalg.cholesky', 'A:tensor', '*', 'upper:bool=false')

--- The Cholesky factor of a hermitian positive definite matrix; an error where it is not positive definite.
function linalg.cholesky(...)
  local a, upper = read_cholesky(...)
  return (linalg.cholesky_ex(a, {upper = upper, check_errors = true}))
end

---------------------------------------------------------------- LU
local no_inverse = 'the matrix is singular: element %d of the diagonal of U is zero'
local read_factor = args.spec('linalg.lu_factor_ex', 'A:tensor', '*', 'pivot:bool=true', 'check_errors:bool=false')

--- LU (..., m, n), L below and U in the upper triangle, pivots (..., min(m, n)), int32 from 1: row i was exchanged with row pivots[i]; info.
function linalg.lu_factor_ex(...)
  local a, pivot, must = read_factor(...)
  if not pivot then fail('linalg.lu_factor_ex: pivot: got false; LU without pivoting is not supported') end
  local lu, pivots, info = hidden('lu_factor')(a)
  if must then check('lu_factor', info, no_inverse) end
  return lu, pivots, info
end

--- lu_factor_ex without info.
function linalg.lu_factor(a, options)
  local lu, pivots = linalg.lu_factor_ex(a, options)
  return lu, pivots
end

local read_unpack = args.spec('lu_unpack', 'LU_data:tensor', 'LU_pivots:tensor', 'unpack_data:bool=true', 'unpack_pivots:bool=true')

--- P (..., m, m), L (..., m, k), U (..., k, n) with A = P L U of lu_factor's results; what is not unpacked is an empty tensor.
function linalg.lu_unpack(...)
  local lu, pivots, data, permutation = read_unpack(...)
  local m, n = lu:size(-2), lu:size(-1)
  local k = math.min(m, n)
  local none = tocha.empty(0, {dtype = lu.dtype, device = lu.device})
  local p = permutation and hidden('pivots_matrix')(pivots, m, lu.dtype) or none
  if not data then return p, none, none end
  local l = lu:narrow(-1, 1, k):tril(-1) + tocha.eye(m, k, {dtype = lu.dtype, device = lu.device})
  return p, l, lu:narrow(-2, 1, k):triu()
end

--- P, L, U with A = P L U.
function linalg.lu(a, options)
  local lu, pivots = linalg.lu_factor(a, options)
  return linalg.lu_unpack(lu, pivots)
end

local read_lu_solve = args.spec('linalg.lu_solve', 'LU:tensor', 'pivots:tensor', 'B:tensor', '*', 'left:bool=true', 'adjoint:bool=false')

--- X of A X = B (X A = B unless `left`; A^H in place of A if `adjoint`) from lu_factor's results.
function linalg.lu_solve(...)
  local lu, pivots, b, left, adjoint = read_lu_solve(...)
  local system = hidden('solve_triangular')
  if not left then return linalg.lu_solve(lu, pivots, b.mH, {adjoint = not adjoint}).mH end
  local p = hidden('pivots_matrix')(pivots, lu:size(-1), lu.dtype)
  if adjoint then return p:matmul(system(lu.mH, system(lu.mH, b, false, true, false), true, true, true)) end
  return system(lu, system(lu, p.mT:matmul(b), false, true, true), true, true, false)
end

---------------------------------------------------------------- systems and inverses
local read_solve = args.spec('linalg.solve_ex', 'A:tensor', 'B:tensor', '*', 'left:bool=true', 'check_errors:bool=false')

local function solve_ex(a, b, left, must)
  square('solve', a)
  local vector = left and is_vector_of(a, b)
  if vector then b = b:unsqueeze(-1) end
  local x, info
  if left then x, info = hidden('solve')(a, b)
  else
    x, info = hidden('solve')(a.mT, b.mT)
    x = x.mT
  end
  if must then check('solve', info, no_inverse) end
  return vector and x:squeeze(-1) or x, info
end

--- X of A X = B (X A = B unless `left`), and info (...): 0, or which element of U's diagonal is zero. B: (..., n, k), or vectors (..., n).
function linalg.solve_ex(...)
  local a, b, left, must = read_solve(...)
  return solve_ex(a, b, left, must)
end

local read_solve_only = args.spec('linalg.solve', 'A:tensor', 'B:tensor', '*', 'left:bool=true')

--- solve_ex without info; a singular matrix is an error.
function linalg.solve(...)
  local a, b, left = read_solve_only(...)
  return (solve_ex(a, b, left, true))
end

local read_inv = args.spec('linalg.inv_ex', 'A:tensor', '*', 'check_errors:bool=false')

--- The inverse, and info.
function linalg.inv_ex(...)
  local a, must = read_inv(...)
  square('inv', a)
  local x, info = hidden('solve')(a, eye_like(a))
  if must then check('inv', info, no_inverse) end
  return x, info
end

--- The inverse; a singular matrix is an error.
function linalg.inv(a) return (linalg.inv_ex(a, {check_errors = true})) end

-- the sign of the permutation: rows that moved flip it
local function parity(pivots, dtype)
  local rows = tocha.arange(1, pivots:size(-1) + 1, {dtype = 'int32', device = pivots.device})
  return (1 - pivots:ne(rows):sum(-1):remainder(2) * 2):to(dtype)
end

-- which of the factorised matrices are singular, if some are and a gradient is wanted
local function singular_ones(a, info)
  if not a.requires_grad or not tocha.is_grad_enabled() then return nil end
  local bad = info:ne(0)
  return bad:any():item() and bad or nil
end

--- The determinants (...). The gradient exists at singular matrices too: it is the matrix of cofactors.
function linalg.det(a)
  square('det', a)
  local lu, pivots, info = linalg.lu_factor_ex(a)
  if singular_ones(a, info) then return singular.det(a) end
  return lu:diagonal(0, -2, -1):prod(-1) * parity(pivots, lu.dtype)
end

--- Sign (of modulus 1 for complex matrices) and logarithm of the absolute value of the determinants; 0 and -inf for singular ones.
function linalg.slogdet(a)
  square('slogdet', a)
  local lu, pivots, info = linalg.lu_factor_ex(a)
  local bad = singular_ones(a, info)
  if bad then return singular.slogdet(a, bad) end
  local diagonal = lu:diagonal(0, -2, -1)
  return diagonal:sgn():prod(-1) * parity(pivots, lu.dtype), diagonal:abs():log():sum(-1)
end

---------------------------------------------------------------- QR
local read_qr = args.spec('linalg.qr', 'A:tensor', 'mode:str="reduced"')

--- Q, R with A = Q R. mode 'reduced': Q (..., m, k), R (..., k, n), k = min(m, n); 'complete': Q (..., m, m), R (..., m, n); 'r': an empty Q,
-- and R without gradient.
function linalg.qr(...)
  local a, mode = read_qr(...)
  if mode == 'r' then
    local _, r = hidden('qr')(a:detach(), false)
    return tocha.empty(0, {dtype = a.dtype, device = a.device}), r
  end
  if mode ~= 'reduced' and mode ~= 'complete' then fail("linalg.qr: mode: got '%s', takes 'reduced', 'complete' or 'r'", mode) end
  return hidden('qr')(a, mode == 'complete')
end

--- The first n columns (..., m, n) of the product of the Householder matrices I - tau_i v_i v_i^H whose vectors are the columns of `a` (..., m, n)
-- below ones on the diagonal, tau (..., k).
function linalg.householder_product(a, tau)
  local product = hidden('householder_product')(a, tau)
  if not (tocha.is_grad_enabled() and (a.requires_grad or tau.requires_grad)) then return product end
  local m, n = a:size(-2), a:size(-1)
  local v = a:tril(-1) + tocha.eye(m, n, {dtype = a.dtype, device = a.device})
  local q = tocha.eye(m, n, {dtype = a.dtype, device = a.device})
  for i = tau:size(-1), 1, -1 do -- from the right, so that only n columns are touched
    local column = v:narrow(-1, i, 1)
    q = q - tau:narrow(-1, i, 1):unsqueeze(-1) * column:matmul(column.mH:matmul(q))
  end
  return q
end

---------------------------------------------------------------- eigenvalues, singular values
local no_convergence = 'the algorithm did not converge (LAPACK: %d)'
local read_eigh = args.spec('linalg.eigh', 'A:tensor', 'UPLO:str="L"')
local function upper_of(name, text)
  local u = text:upper()
  if u ~= 'L' and u ~= 'U' then fail("linalg.%s: UPLO: got '%s', takes 'L' or 'U'", name, text) end
  return u == 'U'
end

--- Eigenvalues (..., n), real and ascending, and orthonormal eigenvectors (..., n, n) of hermitian matrices, of which one triangle is read.
function linalg.eigh(...)
  local a, uplo = read_eigh(...)
  local w, v, info = hidden('eigh')(a, upper_of('eigh', uplo), true)
  check('eigh', info, no_convergence)
  return w, v
end

--- The eigenvalues of eigh.
function linalg.eigvalsh(...)
  local a, uplo = read_eigh(...)
  local w, _, info = hidden('eigh')(a, upper_of('eigvalsh', uplo), false)
  check('eigvalsh', info, no_convergence)
  return w
end

--- Complex eigenvalues (..., n) in no order, and eigenvectors (..., n, n) of norm 1.
function linalg.eig(a)
  local w, v, info = hidden('eig')(a, true)
  check('eig', info, no_convergence)
  return w, v
end

--- The eigenvalues of eig.
function linalg.eigvals(a)
  local w, _, info = hidden('eig')(a, false)
  check('eigvals', info, no_convergence)
  return w
end

local read_svd = args.spec('linalg.svd', 'A:tensor', 'full_matrices:bool=true', '*', 'driver=nil')

--- U, S, V^H with A = U diag(S) V^H, S (..., k) descending. full_matrices: U (..., m, m) and V^H (..., n, n), else (..., m, k) and (..., k, n).
-- Full factors have a gradient only where they are square of themselves.
function linalg.svd(...)
  local a, full = read_svd(...)
  local u, s, vh, info = hidden('svd')(a, full, true)
  check('svd', info, no_convergence)
  return u, s, vh
end

--- The singular values (..., k), descending.
function linalg.svdvals(a)
  local _, s, _, info = hidden('svd')(a, false, false)
  check('svdvals', info, no_convergence)
  return s
end

local function largest(s) return s:amax(-1, true) end

-- the bound below which singular values count as zero: max(atol, rtol largest); given as numbers or tensors (...)
local function bound(a, s, atol, rtol)
  local function number(v) return tocha.is_tensor(v) and v:unsqueeze(-1) or v end
  if rtol == nil then rtol = atol and 0 or math.max(a:size(-1), a:size(-2)) * tocha.finfo(real_dtype(a)).eps end
  local relative = largest(s) * number(rtol)
  if not atol then return relative end
  local least = tocha.is_tensor(atol) and number(atol) or tocha.full({1}, atol, {dtype = relative.dtype, device = relative.device})
  return tocha.maximum(relative, least)
end

local read_rank = args.spec('linalg.matrix_rank', 'A:tensor', 'atol=nil', 'rtol=nil', 'hermitian:bool=false')

--- How many singular values (absolute eigenvalues if hermitian) exceed max(atol, rtol times the largest); rtol is max(m, n) eps unless given.
function linalg.matrix_rank(...)
  local a, atol, rtol, hermitian = read_rank(...)
  if a:size(-1) == 0 or a:size(-2) == 0 then return (a.dtype.is_complex and a.real or a):sum({-2, -1}):to('int64') end
  local s = hermitian and linalg.eigvalsh(a):abs() or linalg.svdvals(a)
  return s:gt(bound(a, s, atol, rtol)):sum(-1)
end

local function pseudoinverse(a, atol, rtol, hermitian)
  if hermitian then
    local w, v = linalg.eigh(a)
    local keep = w:abs():gt(bound(a, w:abs(), atol, rtol))
    local inverse = tocha.where(keep, tocha.where(keep, w, 1):reciprocal(), 0)
    return (v * inverse:unsqueeze(-2):to(v.dtype)):matmul(v.mH)
  end
  local u, s, vh = linalg.svd(a, false)
  local keep = s:gt(bound(a, s, atol, rtol))
  local inverse = tocha.where(keep, tocha.where(keep, s, 1):reciprocal(), 0)
  return (vh.mH * inverse:unsqueeze(-2):to(u.dtype)):matmul(u.mH)
end

local read_pinv = args.spec('linalg.pinv', 'A:tensor', 'atol=nil', 'rtol=nil', 'hermitian:bool=false')

--- The pseudoinverse (..., n, m): singular values up to max(atol, rtol times the largest) count as zero.
function linalg.pinv(...)
  local a, atol, rtol, hermitian = read_pinv(...)
  if a:numel() == 0 then return a.mH:clone() end
  return singular.pinv(a, tocha.no_grad(pseudoinverse, a, atol, rtol, hermitian))
end

-- PyTorch's names of LAPACK's methods; the solution is the same
local drivers = {gelsy = true, gelsd = true, gelss = true, gels = true}
local read_lstsq = args.spec('linalg.lstsq', 'A:tensor', 'B:tensor', 'rcond=nil', '*', 'driver=nil')

--- Least squares: X (..., n, k) of least norm that minimises |A X - B|, for B (..., m, k) or (..., m). Gives X, the squared residuals (..., k) (empty
-- unless m > n and A has full rank), rank (...), singular values (...). rcond: as rtol of pinv. driver: a name of PyTorch's,
-- without effect: full rank is solved by QR, less by the pseudoinverse.
function linalg.lstsq(...)
  local a, b, rcond, driver = read_lstsq(...)
  if driver and not drivers[driver] then fail("linalg.lstsq: driver: got '%s', takes 'gelsy', 'gelsd', 'gelss' or 'gels'", tostring(driver)) end
  local vector = is_vector_of(a, b)
  if vector then b = b:unsqueeze(-1) end
  local m, n = a:size(-2), a:size(-1)
  local rank = linalg.matrix_rank(a:detach(), nil, rcond)
  local full = m >= n and rank:eq(n):all():item()
  local x
  if full then
    local q, r = linalg.qr(a)
    x = linalg.solve_triangular(r, q.mH:matmul(b), {upper = true})
  else
    x = linalg.pinv(a, nil, rcond):matmul(b)
  end
  local residuals = full and m > n and (a:matmul(x) - b):abs():square():sum(-2) or tocha.empty(0, {dtype = real_dtype(a), device = a.device})
  return vector and x:squeeze(-1) or x, vector and residuals:dim() > 0 and residuals:numel() > 0 and residuals:squeeze(-1) or residuals, rank,
    linalg.svdvals(a:detach())
end

---------------------------------------------------------------- norms
local read_matrix_norm = args.spec('linalg.matrix_norm', 'A:tensor', 'ord="fro"', 'dim:list={-2,-1}', 'keepdim:bool=false', '*', 'dtype=nil')

local function with_dims(x, first, second, keepdim) -- puts the two reduced dims back as ones, where they were
  if not keepdim then return x end
  return x:unsqueeze(math.min(first, second)):unsqueeze(math.max(first, second))
end

--- Norms of matrices that lie along two dims: 'fro', 'nuc', inf, -inf, 1, -1, 2, -2.
function linalg.matrix_norm(...)
  local a, ord, dim, keepdim, dtype = read_matrix_norm(...)
  if dtype then a = a:to(dtype) end
  if a:dim() < 2 then fail('linalg.matrix_norm: A: got %d dims, takes 2 or more', a:dim()) end
  if #dim ~= 2 then fail('linalg.matrix_norm: dim: got %d dims, takes two', #dim) end
  local nd = a:dim()
  local first, second = dim[1] < 0 and dim[1] + nd + 1 or dim[1], dim[2] < 0 and dim[2] + nd + 1 or dim[2]
  if first == second then fail('linalg.matrix_norm: dim: got %d twice', first) end
  if ord == 'fro' then return tocha.linalg.vector_norm(a, 2, {first, second}, keepdim) end
  a = a:movedim({first, second}, {-2, -1})
  local value
  if ord == 'nuc' then value = linalg.svdvals(a):sum(-1)
  elseif ord == 2 then value = linalg.svdvals(a):amax(-1)
  elseif ord == -2 then value = linalg.svdvals(a):amin(-1)
  elseif ord == 1 then value = a:abs():sum(-2):amax(-1)
  elseif ord == -1 then value = a:abs():sum(-2):amin(-1)
  elseif ord == math.huge then value = a:abs():sum(-1):amax(-1)
  elseif ord == -math.huge then value = a:abs():sum(-1):amin(-1)
  else fail("linalg.matrix_norm: ord: got %s, takes 'fro', 'nuc', inf, -inf, 1, -1, 2 or -2", args.show(ord)) end
  return with_dims(value, first, second, keepdim)
end

local read_norm = args.spec('linalg.norm', 'A:tensor', 'ord=nil', 'dim=nil', 'keepdim:bool=false', '*', 'dtype=nil')

--- The 2-norm of all elements if neither ord nor dim is given; the norm of vectors along one dim (or of a 1-dim tensor), of matrices along two.
function linalg.norm(...)
  local a, ord, dim, keepdim, dtype = read_norm(...)
  local vector = tocha.linalg.vector_norm
  if ord == nil then return vector(a, 2, dim, keepdim, {dtype = dtype}) end
  local along = type(dim) == 'table' and #dim or dim and 1 or a:dim()
  if type(ord) == 'string' or along == 2 then
    return linalg.matrix_norm(a, ord, dim or {-2, -1}, keepdim, {dtype = dtype})
  end
  if dim == nil and a:dim() > 2 then fail('linalg.norm: A has %d dims; with ord and without dim it takes 1 or 2', a:dim()) end
  return vector(a, ord, dim, keepdim, {dtype = dtype})
end

local read_cond = args.spec('linalg.cond', 'A:tensor', 'p=nil')

--- The condition number |A| |A^-1| in the norm `p` (as ord of matrix_norm); largest over smallest singular value for nil, 2, and the inverse for -2.
function linalg.cond(...)
  local a, p = read_cond(...)
  if p == nil or p == 2 or p == -2 then
    local s = linalg.svdvals(a)
    local high, low = s:select(-1, 1), s:select(-1, -1)
    if p == -2 then return low / high end
    return high / low
  end
  square('cond', a)
  local inverse, info = linalg.inv_ex(a)
  local value = linalg.matrix_norm(a, p) * linalg.matrix_norm(inverse, p)
  return tocha.where(info:eq(0), value, math.huge)
end

---------------------------------------------------------------- powers, exponentials
local read_power = args.spec('linalg.matrix_power', 'A:tensor', 'n=nil')

--- A^n for a whole number n, of the inverse if it is negative, by repeated squaring.
function linalg.matrix_power(...)
  local a, n = read_power(...)
  square('matrix_power', a)
  if type(n) ~= 'number' or n % 1 ~= 0 then fail('linalg.matrix_power: n: got %s, takes a whole number', args.show(n)) end
  if n < 0 then return linalg.matrix_power(linalg.inv(a), -n) end
  local result
  while n > 0 do
    if n % 2 == 1 then result = result and result:matmul(a) or a end
    n = math.floor(n / 2)
    if n > 0 then a = a:matmul(a) end
  end
  if result then return result:clone() end
  return tocha.where(tocha.tensor(true, {device = a.device}), eye_like(a), a) -- of a's shape, with a gradient of zeros
end

-- coefficients of the Pade approximant [13/13] of e^x
local pade = {64764752532480000, 32382376266240000, 7771770303897600, 1187353796428800, 129060195264000, 10559470521600, 670442572800, 33522128640,
  1323241920, 40840800, 960960, 16380, 182, 1}

--- e^A by scaling, the Pade approximant of degree 13, and squaring (N. Higham, "The scaling and squaring method for the matrix exponential
-- revisited", 2005).
function linalg.matrix_exp(a)
  square('matrix_exp', a)
  if not a:is_floating_point() and not a:is_complex() then
    fail('linalg.matrix_exp: A: got %s, takes a floating or complex dtype (x:float() converts)', a.dtype.name)
  end
  if a:numel() == 0 then return a:clone() end
  if a.dtype.itemsize == 2 then return linalg.matrix_exp(a:float()):to(a.dtype) end
  local norm = linalg.matrix_norm(a:detach(), 1):amax():item()
  local squarings = norm > 5.37 and math.max(0, math.ceil(math.log(norm / 5.37) / math.log(2))) or 0
  if norm ~= norm or norm == math.huge then squarings = 0 end
  local x, one = a * 2 ^ -squarings, eye_like(a)
  local x2 = x:matmul(x)
  local x4 = x2:matmul(x2)
  local x6 = x4:matmul(x2)
  local u = x:matmul(x6:matmul(x6 * pade[14] + x4 * pade[12] + x2 * pade[10]) + x6 * pade[8] + x4 * pade[6] + x2 * pade[4] + one * pade[2])
  local v = x6:matmul(x6 * pade[13] + x4 * pade[11] + x2 * pade[9]) + x6 * pade[7] + x4 * pade[5] + x2 * pade[3] + one * pade[1]
  local result = hidden('solve')(v - u, v + u)
  for _ = 1, squarings do result = result:matmul(result) end
  return result
end

---------------------------------------------------------------- tensors as matrices
local function product(sizes, first, last)
  local n = 1
  for i = first, last do n = n * sizes[i] end
  return n
end

local read_tensorinv = args.spec('linalg.tensorinv', 'A:tensor', 'ind:int=2')

--- The inverse of a tensor of sizes (s, t) with as many elements in the first `ind` dims as in the rest: a tensor (t, s).
function linalg.tensorinv(...)
  local a, ind = read_tensorinv(...)
  local sizes, out, nd = a:size(), {}, a:dim()
  if type(ind) ~= 'number' or ind < 1 or ind % 1 ~= 0 then fail('linalg.tensorinv: ind: got %s, takes a whole number from 1', args.show(ind)) end
  local rows, columns = product(sizes, 1, math.min(ind, nd)), product(sizes, ind + 1, nd)
  if rows ~= columns then fail('linalg.tensorinv: A: the first %d dims hold %d elements, the others %d', ind, rows, columns) end
  for i = ind + 1, nd do out[#out + 1] = sizes[i] end
  for i = 1, ind do out[#out + 1] = sizes[i] end
  return linalg.inv(a:reshape(rows, rows)):reshape(out)
end

local read_tensorsolve = args.spec('linalg.tensorsolve', 'A:tensor', 'B:tensor', 'dims=nil')

--- X of tensordot(A, X, x:dim()) = B; `dims` of A are first moved to its end.
function linalg.tensorsolve(...)
  local a, b, dims = read_tensorsolve(...)
  if dims then
    local to = {}
    for i = 1, #dims do to[i] = i - #dims - 1 end
    a = a:movedim(dims, to)
  end
  local sizes, out = a:size(), {}
  for i = b:dim() + 1, a:dim() do out[#out + 1] = sizes[i] end
  local n = product(sizes, b:dim() + 1, a:dim())
  if n ~= b:numel() then fail('linalg.tensorsolve: A of %d elements is not square for B of %d', a:numel(), b:numel()) end
  return linalg.solve(a:reshape(n, n), b:reshape(n)):reshape(out)
end

local read_vander = args.spec('linalg.vander', 'x:tensor', '*', 'N:int=nil')

--- The Vandermonde matrices (..., n, N) of powers 0 to N-1 of x (..., n); N is n unless given.
function linalg.vander(...)
  local x, n = read_vander(...)
  if x:dim() == 0 then x = x:reshape(1) end
  n = n or x:size(-1)
  local ones = tocha.ones_like(x):unsqueeze(-1)
  if n < 2 then return n == 1 and ones or ones:narrow(-1, 1, 0) end
  local lead = x:unsqueeze(-1):expand(tocha.broadcast_shapes({n - 1}, x:unsqueeze(-1):size()))
  return tocha.cat({ones, lead:cumprod(-1)}, -1)
end

local read_vecdot = args.spec('linalg.vecdot', 'x:tensor', 'y:tensor', '*', 'dim:int=-1')

--- sum(conj(x) y) along dim.
function linalg.vecdot(...)
  local x, y, dim = read_vecdot(...)
  return ((x.dtype.is_complex and x:conj() or x) * y):sum(dim)
end

local read_diagonal = args.spec('linalg.diagonal', 'A:tensor', '*', 'offset:int=0', 'dim1:int=-2', 'dim2:int=-1')

--- tocha.diagonal of the last two dims.
function linalg.diagonal(...)
  local a, offset, dim1, dim2 = read_diagonal(...)
  return a:diagonal(offset, dim1, dim2)
end

local read_cross = args.spec('linalg.cross', 'input:tensor', 'other:tensor', '*', 'dim:int=-1')

--- The cross product of 3-vectors along dim.
function linalg.cross(...)
  local x, y, dim = read_cross(...)
  if x:size(dim) ~= 3 or y:size(dim) ~= 3 then fail('linalg.cross: got %d and %d elements along dim %d, takes 3', x:size(dim), y:size(dim), dim) end
  return x:roll(-1, dim) * y:roll(-2, dim) - x:roll(-2, dim) * y:roll(-1, dim)
end

local read_ldl = args.spec('linalg.ldl_factor_ex', 'A:tensor', '*', 'hermitian:bool=false', 'check_errors:bool=false')

--- L and D of a symmetric (or hermitian) matrix in one (..., n, n), pivots, info. Not differentiable.
function linalg.ldl_factor_ex(...)
  local a, hermitian, must = read_ldl(...)
  local ld, pivots, info = hidden('ldl_factor')(a, hermitian)
  if must then check('ldl_factor', info, 'D is singular: element %d of its diagonal is zero') end
  return ld, pivots, info
end

--- ldl_factor_ex without info.
function linalg.ldl_factor(a, options)
  local ld, pivots = linalg.ldl_factor_ex(a, options)
  return ld, pivots
end

--- A = U P of a matrix (..., m, n): U with orthonormal columns (rows if m < n), P hermitian and positive (the left factor P U if `side` is 'left').
function linalg.polar(a, side)
  local u, s, vh = linalg.svd(a, false)
  local q = u:matmul(vh)
  if side == 'left' then return q, (u * s:unsqueeze(-2):to(u.dtype)):matmul(u.mH) end
  return q, (vh.mH * s:unsqueeze(-2):to(u.dtype)):matmul(vh)
end

require('tocha.outs').all(linalg, 'cholesky cholesky_ex cond cross det eig eigh eigvals eigvalsh householder_product inv inv_ex ldl_factor ' ..
  'ldl_factor_ex ldl_solve lu lu_factor lu_factor_ex lu_solve matrix_norm matrix_power matrix_rank norm pinv ' ..
  'polar qr slogdet solve solve_ex solve_triangular svd svdvals tensorinv tensorsolve vecdot')

return linalg
