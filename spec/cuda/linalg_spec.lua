--- Linear algebra on the CUDA device (cuSOLVER, cuBLAS, our own LDL) against the CPU's: every function, dtype, single matrices, batches, sizes beyond
-- those of batched calls, empty and singular ones, gradients.

local tocha = require 'tocha'
local D = require 'spec.cuda.device'
local linalg = tocha.linalg

local TOL = {float32 = 2e-4, complex64 = 2e-4, float64 = 1e-10, complex128 = 1e-10}
local DTYPES = {'float32', 'float64', 'complex64', 'complex128'}

local function random(dtype, ...)
  local n = select('#', ...)
  local size = n == 1 and type(...) == 'table' and ... or {...}
  return tocha.randn(size, {dtype = dtype})
end
local function positive(a) return a:matmul(a.mH) + tocha.eye(a:size(-1), {dtype = a.dtype, device = a.device}) end

local function close(got, want, tol, what)
  assert.equal(tostring(want.dtype), tostring(got.dtype), what)
  assert.same(want:size(), got:size(), what)
  assert.equal('cuda', tostring(got.device):sub(1, 4), what)
  if want:numel() == 0 then return end
  local a, b = want:detach(), got:detach():to('cpu')
  local scale = a.dtype.is_floating_point and a:abs():max():item() or 1
  assert.is_true(tocha.allclose(b, a, {rtol = 0, atol = a.dtype.is_floating_point and tol * math.max(1, scale) or tol}), what)
end

-- all results of f on both devices; tensors among its inputs are moved
local function same(what, f, ...)
  local here, there, tol = {...}, {}, 0
  for i, x in ipairs(here) do
    there[i] = tocha.is_tensor(x) and x:to(D.device) or x
    if tocha.is_tensor(x) then tol = math.max(tol, TOL[tostring(x.dtype):gsub('^.*%.', '')] or 0) end
  end
  local want, got = {f(unpack(here))}, {f(unpack(there))}
  assert.equal(#want, #got)
  for i = 1, #want do
    if tocha.is_tensor(want[i]) then close(got[i], want[i], tol, ('%s, result %d'):format(what, i)) end
  end
end

-- name = {function, its inputs as functions of dtype and batch}
local function square(dtype, batch, n) return random(dtype, {batch, n or 4, n or 4}) end
local function tall(dtype, batch) return random(dtype, {batch, 5, 3}) end
local function wide(dtype, batch) return random(dtype, {batch, 3, 5}) end
local function hermitian(a) return a + a.mH end
local function symmetric(a) return a + a.mT end
local functions = {
  solve = {linalg.solve, square, tall = false, right = true}, inv = {linalg.inv, square}, det = {linalg.det, square},
  slogdet = {linalg.slogdet, square}, lu_factor = {linalg.lu_factor, square}, lu_tall = {linalg.lu_factor, tall}, lu_wide = {linalg.lu_factor, wide},
  lu = {linalg.lu, tall}, cholesky = {function(a) return linalg.cholesky(positive(a)) end, square},
  cholesky_upper = {function(a) return linalg.cholesky(positive(a), {upper = true}) end, square},
  cholesky_inverse = {function(a) return tocha.cholesky_inverse(linalg.cholesky(positive(a))) end, square},
  qr = {linalg.qr, square}, qr_tall = {linalg.qr, tall}, qr_wide = {linalg.qr, wide},
  qr_complete = {function(a) return linalg.qr(a, 'complete') end, tall}, qr_r = {function(a) return select(2, linalg.qr(a, 'r')) end, tall},
  eigh = {function(a) return linalg.eigh(hermitian(a)) end, square}, eigvalsh = {function(a) return linalg.eigvalsh(hermitian(a)) end, square},
  eigh_upper = {function(a) return linalg.eigh(hermitian(a), 'U') end, square},
  eig = {linalg.eig, square}, eigvals = {linalg.eigvals, square}, svdvals = {linalg.svdvals, wide}, svdvals_tall = {linalg.svdvals, tall},
  svd_back = {function(a) local u, s, vh = linalg.svd(a, false) return s, u:matmul(s:to(a.dtype):unsqueeze(-1) * vh) end, tall},
  svd_wide = {function(a) local u, s, vh = linalg.svd(a, false) return s, u:matmul(s:to(a.dtype):unsqueeze(-1) * vh) end, wide},
  svd_full = {function(a)
    local u, s, vh = linalg.svd(a, true)
    return s, u:narrow(-1, 1, 3):matmul(s:to(a.dtype):unsqueeze(-1) * vh), u:matmul(u.mH), vh:matmul(vh.mH)
  end, tall},
  pinv = {linalg.pinv, tall}, matrix_rank = {linalg.matrix_rank, wide}, norm_2 = {function(a) return linalg.matrix_norm(a, 2) end, wide},
  norm_nuc = {function(a) return linalg.matrix_norm(a, 'nuc') end, tall}, cond = {linalg.cond, square},
  matrix_exp = {linalg.matrix_exp, square}, matrix_power = {function(a) return linalg.matrix_power(a, -2) end, square},
  ldl = {function(a) return linalg.ldl_factor(hermitian(a), {hermitian = true}) end, square},
  ldl_symmetric = {function(a) return linalg.ldl_factor(symmetric(a)) end, square}, polar = {linalg.polar, square},
}
functions.solve = {function(a) return linalg.solve(a, a:narrow(-1, 1, 2)) end, square}
functions.lu_solve = {function(a)
  local lu, p = linalg.lu_factor(a)
  return linalg.lu_solve(lu, p, a:narrow(-1, 1, 2)), linalg.lu_solve(lu, p, a, {adjoint = true}), linalg.lu_solve(lu, p, a, {left = false})
end, square}
functions.triangular = {function(a)
  local b = a:narrow(-1, 1, 3)
  return linalg.solve_triangular(a, b, {upper = true}), linalg.solve_triangular(a, b.mH, {upper = false, left = false, unitriangular = true})
end, function(dtype, batch, n) return square(dtype, batch, n) * 0.3 + tocha.eye(n or 4, {dtype = dtype}) * 2 end}
functions.cholesky_solve = {function(a) return tocha.cholesky_solve(a:narrow(-1, 1, 2), linalg.cholesky(positive(a))) end, square}
functions.lstsq = {function(a) return (linalg.lstsq(a, a:narrow(-1, 1, 2) * 2)) end, tall}
functions.householder = {function(a)
  local packed, tau = tocha.geqrf(a)
  return packed, tau, linalg.householder_product(packed, tau), tocha.ormqr(packed, tau, packed), tocha.ormqr(packed, tau, packed.mH, false, true)
end, tall}
functions.ldl_solve = {function(a)
  local out = {}
  for _, of in ipairs {{hermitian(a), true}, {symmetric(a), false}} do
    local ld, p = linalg.ldl_factor(of[1], {hermitian = of[2]})
    out[#out + 1] = tocha.linalg.ldl_solve(ld, p, a, {hermitian = of[2]})
  end
  return unpack(out)
end, square}

local cases = {}
for name, f in pairs(functions) do
  cases[name .. ', every dtype, one matrix and batches'] = function()
    for _, dtype in ipairs(DTYPES) do
      for _, batch in ipairs {1, 3} do same(('%s of %s, batch of %d'):format(name, dtype, batch), f[1], f[2](dtype, batch)) end
    end
  end
end

cases['sizes beyond those of batched calls'] = function()
  local big = {'solve', 'inv', 'cholesky', 'qr', 'triangular', 'eigvalsh', 'svdvals'}
  for _, name in ipairs(big) do same(name, functions[name][1], square('float64', 2, 264) * 0.1 + tocha.eye(264, {dtype = 'float64'}) * 3) end
  same('svd', functions.svd_back[1], random('float64', {2, 40, 36}))
  same('ldl', function(a) return linalg.ldl_factor(symmetric(a)) end, square('float64', 1, 150))
  same('ldl', function(a) local ld, p = linalg.ldl_factor(hermitian(a), {hermitian = true}) return linalg.ldl_solve(ld, p, a, {hermitian = true}) end,
       square('complex128', 1, 140))
end

cases['pivots of every kind in LDL'] = function()
  for n = 1, 12 do
    for _, dtype in ipairs {'float64', 'complex128'} do
      local a = square(dtype, 4, n)
      a = a * (1 - tocha.eye(n, {dtype = dtype}) * 0.999) -- a small diagonal: most steps take two columns
      same('ldl', function(x)
        local ld, p = linalg.ldl_factor(hermitian(x), {hermitian = true})
        local ls, q = linalg.ldl_factor(symmetric(x))
        return ld, p, ls, q, linalg.ldl_solve(ld, p, x, {hermitian = true}), linalg.ldl_solve(ls, q, x)
      end, a)
    end
  end
end

cases['empty matrices and batches'] = function()
  for _, name in ipairs {'solve', 'inv', 'det', 'cholesky', 'eigvalsh', 'lu_factor'} do
    same(name, functions[name][1] == functions.solve[1] and function(a) return linalg.solve(a, a) end or functions[name][1], random('float64', {2, 0, 0}))
    same(name, functions[name][1], random('float64', {0, 3, 3}))
  end
  same('no right-hand sides', linalg.solve, random('float64', {3, 3}), random('float64', {3, 0}))
  same('qr', linalg.qr, random('float64', {3, 0}))
  same('householder_product without reflectors', linalg.householder_product, random('float64', {2, 4, 3}), random('float64', {2, 0}))
end

cases['info as on the CPU'] = function()
  local a = tocha.tensor({{{1, 2}, {2, 4}}, {{2, 1}, {1, 2}}}, {dtype = 'float64'})
  same('lu', function(x) return select(3, linalg.lu_factor_ex(x)) end, a)
  same('inv', function(x) return select(2, linalg.inv_ex(x)) end, a)
  same('cholesky', function(x) return select(2, linalg.cholesky_ex(x - tocha.eye(2, {dtype = 'float64', device = x.device}) * 1.5)) end, a)
  same('ldl', function(x) return select(3, linalg.ldl_factor_ex(x)) end, a * 0)
  assert.has_error(function() linalg.inv(a:to(D.device)) end)
  assert.has_error(function() linalg.cholesky((-a):to(D.device)) end)
end

cases['gradients'] = function()
  local list = {'solve', 'inv', 'slogdet', 'cholesky', 'lu_factor', 'lu_tall', 'lu_wide', 'qr', 'eigvalsh', 'eigvals', 'svd_back', 'pinv', 'triangular', 'lu_solve'}
  for _, name in ipairs(list) do
    for _, dtype in ipairs {'float64', 'complex128'} do
      local f = functions[name]
      tocha.manual_seed(5)
      same('gradient of ' .. name, function(a)
        local x = a:clone():requires_grad_()
        local total = 0
        for _, y in ipairs {f[1](x)} do
          if y.requires_grad then total = total + (y:is_complex() and tocha.view_as_real(y) or y):pow(2):sum() end
        end
        return tocha.autograd.grad(total, {x})[1]
      end, f[2](dtype, 2))
    end
  end
end

describe('linear algebra on CUDA', function()
  for name, f in pairs(D.there() and cases or {}) do
    it(name, function()
      tocha.manual_seed(3)
      f()
    end)
  end
end)
