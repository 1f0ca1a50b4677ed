-- tocha.linalg and its older names: definitions that results must satisfy, gradients of both orders against central differences for real and
-- complex matrices, batches, empty matrices, singular ones, wrong arguments.
local tocha = require 'tocha'
local linalg = tocha.linalg
local gradcheck, gradgradcheck = tocha.autograd.gradcheck, tocha.autograd.gradgradcheck

local of_complex = false
local function random(...)
  local x = tocha.randn(...):double()
  if of_complex then x = tocha.complex(x, tocha.randn(...):double()) end
  return x:requires_grad_()
end
local function positive(a) return a:matmul(a.mH) + tocha.eye(a:size(-1), {dtype = a.dtype}) end
local function close(a, b, tolerance)
  assert.same(a:size(), b:size())
  if a:numel() > 0 then assert.is_true((a - b):abs():max():item() <= (tolerance or 1e-10), tostring(a) .. tostring(b)) end
end

-- functions and their arguments; where vectors are determined up to a factor only their absolute values are taken
local function differentiable() return {
  solve = {function(a, b) return linalg.solve(a, b) end, random(2, 3, 3), random(2, 3, 2)},
  solve_vec = {function(a, b) return linalg.solve(a, b) end, random(3, 3), random(3)},
  solve_right = {function(a, b) return linalg.solve(a, b, {left = false}) end, random(3, 3), random(2, 3)},
  inv = {linalg.inv, random(2, 3, 3)},
  det = {linalg.det, random(2, 3, 3)},
  slogdet = {function(a) return (select(2, linalg.slogdet(a))) end, random(2, 3, 3)},
  triangular = {function(a, b) return linalg.solve_triangular(a, b, {upper = true}) end, random(3, 3), random(2, 3, 2)},
  triangular_right = {function(a, b) return linalg.solve_triangular(a, b, {upper = false, left = false, unitriangular = true}) end, random(3, 3), random(2, 2, 3)},
  cholesky = {function(a) return linalg.cholesky(positive(a)) end, random(2, 3, 3)},
  cholesky_upper = {function(a) return linalg.cholesky(positive(a), {upper = true}) end, random(3, 3)},
  lu = {function(a) return (linalg.lu_factor(a)) end, random(2, 3, 3)},
  lu_wide = {function(a) return (linalg.lu_factor(a)) end, random(2, 4)},
  lu_tall = {function(a) return (linalg.lu_factor(a)) end, random(4, 2)},
  lu_solve = {function(a, b) local lu, p = linalg.lu_factor(a) return linalg.lu_solve(lu, p, b) end, random(3, 3), random(3, 2)},
  lu_solve_adjoint = {function(a, b) local lu, p = linalg.lu_factor(a) return linalg.lu_solve(lu, p, b, {adjoint = true}) end, random(3, 3), random(3, 2)},
  lu_solve_right = {function(a, b) local lu, p = linalg.lu_factor(a) return linalg.lu_solve(lu, p, b, {left = false}) end, random(3, 3), random(2, 3)},
  eigh = {function(a) local w, v = linalg.eigh(a + a.mH) return w, v:abs() end, random(2, 3, 3)},
  eigvalsh = {function(a) return linalg.eigvalsh(a + a.mH) end, random(3, 3)},
  eig = {function(a) local w, v = linalg.eig(a) return w, v:abs() end, random(3, 3)},
  eigvals = {function(a) return linalg.eigvals(a):abs() end, random(3, 3)},
  svdvals = {linalg.svdvals, random(2, 3, 4)},
  svd = {function(a) local u, s, v = linalg.svd(a, false) return u:abs(), s, v:abs() end, random(3, 3)},
  svd_tall = {function(a) local u, s, v = linalg.svd(a, false) return u:abs(), s, v:abs() end, random(4, 2)},
  svd_wide = {function(a) local u, s, v = linalg.svd(a, false) return u:abs(), s, v:abs() end, random(2, 4)},
  pinv = {linalg.pinv, random(2, 3, 2)},
  pinv_wide = {linalg.pinv, random(2, 3)},
  pinv_hermitian = {function(a) return linalg.pinv(a + a.mH, {hermitian = true}) end, random(3, 3)},
  lstsq = {function(a, b) return (linalg.lstsq(a, b)) end, random(4, 2), random(4, 3)},
  lstsq_wide = {function(a, b) return (linalg.lstsq(a, b)) end, random(2, 4), random(2, 3)},
  norm_nuc = {function(a) return linalg.matrix_norm(a, 'nuc') end, random(3, 2)},
  norm_2 = {function(a) return linalg.matrix_norm(a, 2) end, random(3, 2)},
  norm_fro = {linalg.matrix_norm, random(3, 2)},
  norm_1 = {function(a) return linalg.matrix_norm(a, 1) end, random(3, 2)},
  cond = {linalg.cond, random(3, 3)},
  cond1 = {function(a) return linalg.cond(a, 1) end, random(3, 3)},
  matrix_power = {function(a) return linalg.matrix_power(a, 3) end, random(2, 2)},
  power_negative = {function(a) return linalg.matrix_power(a, -2) end, random(2, 2)},
  matrix_exp = {linalg.matrix_exp, random(2, 3, 3)},
  exp_large = {function(a) return linalg.matrix_exp(a * 4) end, random(2, 2)},
  tensorinv = {function(a) return linalg.tensorinv(a, 1) end, random(4, 2, 2)},
  tensorsolve = {function(a, b) return linalg.tensorsolve(a, b) end, random(2, 3, 6), random(2, 3)},
  vander = {function(a) return linalg.vander(a, {N = 4}) end, random(3)},
  vecdot = {linalg.vecdot, random(2, 3), random(2, 3)},
  cross = {linalg.cross, random(2, 3), random(2, 3)},
  householder_product = {linalg.householder_product, random(4, 3), random(3)},
  polar = {linalg.polar, random(3, 3)},
  cholesky_solve = {function(b, a) return tocha.cholesky_solve(b, linalg.cholesky(positive(a))) end, random(3, 2), random(3, 3)},
  cholesky_inverse = {function(a) return tocha.cholesky_inverse(linalg.cholesky(positive(a))) end, random(3, 3)},
  qr = {linalg.qr, random(2, 3, 3)},
  qr_tall = {linalg.qr, random(4, 2)},
  qr_wide = {linalg.qr, random(2, 4)},
  qr_complete = {function(a) return linalg.qr(a, 'complete') end, random(2, 3)},
  multi_dot = {function(a, b, c) return linalg.multi_dot{a, b, c} end, random(2, 3), random(3, 4), random(4, 2)},
} end

for _, kind in ipairs{'real', 'complex'} do
  describe('gradients of linear algebra of ' .. kind .. ' matrices', function()
    of_complex = kind == 'complex'
    tocha.manual_seed(3)
    for name, case in pairs(differentiable()) do
      it(name .. ' equals central differences, twice', function()
        local f, inputs = case[1], {unpack(case, 2)}
        assert.is_true(gradcheck(f, inputs))
        assert.is_true(gradgradcheck(f, inputs))
      end)
    end
  end)
end

describe('linear algebra', function()
  before_each(function() tocha.manual_seed(5) end)

  local function matrices(m, n)
    return {tocha.randn(m, n):double(), tocha.randn(2, 3, m, n):double(), tocha.complex(tocha.randn(2, m, n):double(), tocha.randn(2, m, n):double()),
      tocha.randn(n, m):double().mT, tocha.randn(0, m, n):double()}
  end

  it('decomposes what its factors compose again', function()
    for _, sizes in ipairs{{4, 4}, {5, 3}, {3, 5}, {1, 1}} do
      for _, a in ipairs(matrices(unpack(sizes))) do
        local q, r = linalg.qr(a)
        close(q:matmul(r), a)
        close(q.mH:matmul(q), tocha.eye(q:size(-1), {dtype = a.dtype}):expand(q.mH:matmul(q):size()))
        local u, s, vh = linalg.svd(a, false)
        close((u * s:unsqueeze(-2):to(a.dtype)):matmul(vh), a)
        close(linalg.svdvals(a), s)
        local p, l, upper = linalg.lu(a)
        close(p:matmul(l):matmul(upper), a)
        local packed, tau = tocha.geqrf(a)
        if a:numel() > 0 and sizes[1] >= sizes[2] then close(linalg.householder_product(packed, tau), q) end
        if a:numel() > 0 then
          local other = tocha.randn(unpack(a:size())):to(a.dtype)
          local full = (linalg.qr(a, 'complete'))
          close(tocha.ormqr(packed, tau, other), full:matmul(other))
          close(tocha.ormqr(packed, tau, other, true, true), full.mH:matmul(other))
        end
        close(linalg.pinv(a):matmul(a):matmul(linalg.pinv(a)), linalg.pinv(a), 1e-8)
      end
    end
  end)

  it('finds eigenvalues', function()
    for _, a in ipairs(matrices(4, 4)) do
      local w, v = linalg.eig(a)
      close(a:to('complex128'):matmul(v), v * w:unsqueeze(-2))
      local h = a + a.mH
      local values, vectors = linalg.eigh(h)
      close(h:matmul(vectors), vectors * values:unsqueeze(-2):to(a.dtype))
      close(linalg.eigvalsh(h, 'U'), values)
    end
  end)

  it('solves, and its determinants multiply', function()
    for _, a in ipairs(matrices(4, 4)) do
      local b = tocha.randn(4, 2):to(a.dtype)
      close(a:matmul(linalg.solve(a, b)), b:expand(a:matmul(linalg.solve(a, b)):size()))
      close(linalg.det(a:matmul(a)), linalg.det(a):square(), 1e-7)
      local sign, logarithm = linalg.slogdet(a)
      close(sign * logarithm:exp():to(a.dtype), linalg.det(a), 1e-8)
      local ld, pivots = linalg.ldl_factor(a + a.mT)
      close((a + a.mT):matmul(linalg.ldl_solve(ld, pivots, b:expand(a:matmul(b):size()))), b:expand(a:matmul(b):size()), 1e-8)
    end
  end)

  it('knows the exponential of rotations and of nilpotent matrices', function()
    local x = tocha.tensor({{0, -2}, {2, 0}}, {dtype = 'float64'})
    close(linalg.matrix_exp(x), tocha.tensor({{math.cos(2), -math.sin(2)}, {math.sin(2), math.cos(2)}}, {dtype = 'float64'}))
    close(linalg.matrix_exp(tocha.tensor({{0, 30}, {0, 0}}, {dtype = 'float64'})), tocha.tensor({{1, 30}, {0, 1}}, {dtype = 'float64'}))
  end)

  it('counts ranks, and finds least squares of any rank', function()
    local a = tocha.randn(5, 2):double():matmul(tocha.randn(2, 4):double())
    assert.equal(2, linalg.matrix_rank(a):item())
    local b = tocha.randn(5, 3):double()
    local x, _, rank = linalg.lstsq(a, b)
    assert.equal(2, rank:item())
    close(a.mT:matmul(a:matmul(x) - b), tocha.zeros(4, 3, {dtype = 'float64'}), 1e-8)
  end)

  it('takes empty matrices', function()
    local none = tocha.zeros(0, 0, {dtype = 'float64'})
    assert.equal(1, linalg.det(none):item())
    assert.same({0, 0}, linalg.inv(none):size())
    assert.same({0, 0}, linalg.cholesky(none):size())
    assert.same({3, 0}, (linalg.qr(tocha.zeros(3, 0))):size())
    assert.same({0}, linalg.svdvals(tocha.zeros(3, 0)):size())
    assert.same({0}, linalg.eigvals(none):size())
  end)

  it('says what is wrong', function()
    local function says(pattern, f, ...)
      local good, text = pcall(f, ...)
      assert.is_false(good)
      assert.matches(pattern, text)
    end
    says('singular: element 2', linalg.inv, tocha.ones(2, 2))
    says('matrix 2 of the batch', linalg.solve, tocha.stack{tocha.eye(2), tocha.ones(2, 2)}, tocha.ones(2, 2, 1))
    says('not positive definite: the leading minor of order 2', linalg.cholesky, tocha.tensor{{1, 2}, {2, 1}})
    says('square', linalg.det, tocha.ones(2, 3))
    says('takes float32', linalg.qr, tocha.ones(2, 2, {dtype = 'int64'}))
    says('one dtype', linalg.solve, tocha.eye(2), tocha.eye(2):double())
    says('does not fit', linalg.solve, tocha.eye(2), tocha.ones(3, 2))
    says("takes 'reduced'", linalg.qr, tocha.eye(2), 'thin')
    says('pivots', linalg.lu_unpack, tocha.eye(2), tocha.tensor({3, 2}, {dtype = 'int32'}))
    says('upper', linalg.solve_triangular, tocha.eye(2), tocha.eye(2))
    assert.is_true(linalg.det(tocha.ones(2, 2)):item() == 0)
    local _, info = linalg.inv_ex(tocha.ones(2, 2))
    assert.equal(2, info:item())
  end)
end)

describe('compiled linear algebra', function()
  local function positive_of(x) return x:matmul(x.mH) + tocha.eye(x:size(-1), {dtype = x.dtype}) end
  local functions = {
    solve_ex = function(x) return (linalg.solve_ex(x, x:narrow(-1, 1, 2) * 3)) end, inv_ex = function(x) return (linalg.inv_ex(x)) end,
    cholesky_ex = function(x) return (linalg.cholesky_ex(positive_of(x))) end, lu_factor_ex = linalg.lu_factor_ex, qr = linalg.qr, det = linalg.det,
    householder = function(x) local r, tau = tocha.geqrf(x) return linalg.householder_product(r, tau), tocha.ormqr(r, tau, x) end,
    triangular = function(x) return linalg.solve_triangular(x, x * 2, {upper = true}) end,
    ldl = function(x) return linalg.ldl_factor_ex(x + x.mH, {hermitian = true}) end,
  }
  for name, f in pairs(functions) do
    it(name .. ' replays what it computes', function()
      for _, dtype in ipairs {'float64', 'complex128'} do
        tocha.manual_seed(6)
        local compiled = tocha.compile(f)
        for _ = 1, 4 do
          local x = tocha.randn({2, 4, 4}, {dtype = dtype})
          local want, got = {f(x)}, {compiled(x)}
          for i = 1, #want do assert.is_true(tocha.allclose(got[i], want[i], {rtol = 1e-9, atol = 1e-9})) end
        end
      end
    end)
  end
  it('is refused where values decide', function()
    local x = tocha.randn(3, 3)
    for _, f in ipairs {linalg.inv, linalg.eigh, function(a) local lu, p = linalg.lu_factor_ex(a) return linalg.lu_solve(lu, p, a) end} do
      local ok, message = pcall(tocha.compile(f), x)
      assert.is_false(ok)
      assert.truthy(tostring(message):find('cannot be read', 1, true))
    end
  end)
end)

describe('ormqr', function()
  it('turns by reflections with gradients of both orders, from both sides, as without', function()
    for _, dtype in ipairs{'float64', 'complex128'} do
      tocha.manual_seed(5)
      local packed, tau = tocha.geqrf(tocha.randn(2, 4, 3, {dtype = dtype}))
      for _, left in ipairs{true, false} do
        local other = left and tocha.randn(2, 4, 2, {dtype = dtype}) or tocha.randn(2, 2, 4, {dtype = dtype})
        for _, adjoint in ipairs{false, true} do
          local plain = tocha.ormqr(packed, tau, other, left, adjoint)
          local inputs = {packed:clone():requires_grad_(), tau:clone():requires_grad_(), other:clone():requires_grad_()}
          local function f(a, t, x) return tocha.ormqr(a, t, x, left, adjoint) end
          assert.is_true(tocha.allclose(f(unpack(inputs)):detach(), plain, {rtol = 1e-10, atol = 1e-12}))
          assert.is_true(gradcheck(f, inputs))
          if not left then assert.is_true(gradgradcheck(f, inputs)) end
        end
      end
    end
  end)
end)
