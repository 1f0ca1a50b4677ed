--- tocha.lobpcg: a few of the largest or smallest eigenvalues of a large symmetric matrix, with their vectors.
-- @module tocha.lobpcg

local tocha = require 'tocha'
local args = require 'tocha.args'
local autograd = require 'tocha.autograd'
local class = require 'tocha.class'

local fail = args.fail

-- columns that span what x does, orthonormal by the inner product of B; what has no length of its own is left out
local function orthonormal(x, b)
  local gram = x.mT:matmul(b and b:matmul(x) or x)
  local scale = gram:diagonal(0, -2, -1):sqrt():clamp_min(tocha.finfo(x.dtype).tiny)
  local w, v = tocha.linalg.eigh(gram / scale:unsqueeze(-1) / scale:unsqueeze(-2))
  local first = w:le(w[-1] * (x:size(-1) * 10 * tocha.finfo(x.dtype).eps)):sum():item() + 1
  local count = w:numel() - first + 1
  v, w = v:narrow(-1, first, count), w:narrow(-1, first, count)
  return (x / scale):matmul(v / w:sqrt())
end

-- without what lies along the orthonormal columns q; twice is enough
local function without(x, q, b)
  for _ = 1, 2 do x = x - q:matmul(q.mT:matmul(b and b:matmul(x) or x)) end
  return x
end

-- the k best eigenpairs within the span of the columns s, orthonormal by B (W. Ritz, 1909); the coordinates of the vectors too
local function best_within(a, s, k, largest)
  local e, c = tocha.linalg.eigh(s.mT:matmul(a:matmul(s)))
  if largest then e, c = e:flip(-1), c:flip(-1) end
  return e:narrow(-1, 1, k), c:narrow(-1, 1, k)
end

-- what is left of A x = e B x, and whether it is small enough, of each column
local function residual(a, b, x, e, tol, size_a, size_b)
  local r = a:matmul(x) - (b and b:matmul(x) or x) * e
  local scale = (size_a + e:abs() * size_b) * x:square():sum(-2):sqrt()
  return r, (r:square():sum(-2):sqrt() / scale):le(tol)
end

-- One matrix. x holds the approximations, p the direction of the last step, r what is left, preconditioned (A. Knyazev, 2001).
local function one(a, b, x, k, o)
  local size_a, size_b = a:square():sum():sqrt() / x:size(-2) ^ 0.5, b and b:square():sum():sqrt() / x:size(-2) ^ 0.5 or 1
  x = orthonormal(x, b)
  local n = x:size(-1)
  local e, c = best_within(a, x, n, o.largest)
  x = x:matmul(c)
  local p
  for step = 1, o.niter do
    local r, done = residual(a, b, x, e, o.tol, size_a, size_b)
    if o.tracker then o.tracker {istep = step - 1, E = e, X = x, R = r, converged_count = done:narrow(-1, 1, k):sum():item()} end
    if done:narrow(-1, 1, k):all():item() then break end
    local w = o.iK and o.iK:matmul(r) or r
    local more = without(p and tocha.cat({w, p}, -1) or w, x, b)
    if more:square():sum():item() == 0 then break end
    local s = tocha.cat({x, orthonormal(more, b)}, -1)
    e, c = best_within(a, s, n, o.largest)
    local rest = s:size(-1) - n
    p = s:narrow(-1, n + 1, rest):matmul(c:narrow(-2, n + 1, rest))
    x = s:matmul(c)
  end
  return e:narrow(-1, 1, k), x:narrow(-1, 1, k)
end

local function solve(a, b, x, k, o)
  if a:dim() == 2 then return one(a, b, x, k, o) end
  local es, xs, batch = {}, {}, {unpack(a:size(), 1, a:dim() - 2)}
  local function flat(t) return t and t:reshape(-1, t:size(-2), t:size(-1)) end
  local fa, fb, fx, fk = flat(a), flat(b), flat(x), flat(o.iK)
  for i = 1, fa:size(1) do
    local own = setmetatable({iK = fk and fk[i]}, {__index = o})
    es[i], xs[i] = one(fa[i], fb and fb[i], fx[i], k, own)
  end
  local m = a:size(-1)
  local function shaped(list, ...)
    local size = {unpack(batch)}
    for _, v in ipairs {...} do size[#size + 1] = v end
    return tocha.stack(list):reshape(size)
  end
  return shaped(es, k), shaped(xs, m, k)
end

local Pairs = class('lobpcg', autograd.Function)

function Pairs.forward(ctx, a, run)
  local e, x = run(a)
  ctx:save_for_backward(a, e, x)
  return e, x
end

-- de = x^T dA x; dx = (e - A)^+ dA x, with the pseudoinverse of each shifted matrix
Pairs.backward = autograd.once_differentiable(function(ctx, ge, gx)
  local a, e, x = unpack(ctx.saved_tensors)
  local one_matrix = tocha.eye(a:size(-1), {dtype = a.dtype, device = a.device})
  local shifted = e:unsqueeze(-1):unsqueeze(-1) * one_matrix - a:unsqueeze(-3)                   -- (..., k, m, m)
  local inverse = tocha.linalg.pinv(shifted, nil, tocha.finfo(a.dtype).eps ^ 0.5, {hermitian = true})
  local y = inverse:matmul(gx.mT:unsqueeze(-1)):squeeze(-1).mT                                   -- (..., m, k)
  local ga = (x * ge:unsqueeze(-2) + y):matmul(x.mT)
  return (ga + ga.mT) / 2
end)

local read = args.spec('lobpcg', 'A:tensor', 'k:int=nil', 'B:tensor=nil', 'X:tensor=nil', 'n:int=nil', 'iK:tensor=nil', 'niter:num=nil', 'tol:num=nil',
  'largest:bool=true', 'method=nil',
  'tracker=nil')

local function check(a, b, x, k, n)
  if a:dim() < 2 or a:size(-1) ~= a:size(-2) then fail('lobpcg: A: got %s, takes symmetric matrices', args.show(a)) end
  if not a:is_floating_point() then fail('lobpcg: A: got %s, takes a real floating dtype', args.show(a)) end
  local m = a:size(-1)
  if k < 1 or k > n or n > m then fail('lobpcg: k: got %d, n %d; takes 1 <= k <= n <= %d', k, n, m) end
  if b and (b:size(-1) ~= m or b:size(-2) ~= m) then fail('lobpcg: B: got %s, takes the shape of A, %s', args.show(b), args.show(a)) end
  if x:size(-2) ~= m then fail('lobpcg: X: got %s, takes columns of %d elements', args.show(x), m) end
end

--- lobpcg(A, k, {B, X, n, iK, niter, tol, largest = true, method, tracker}): the k largest (smallest unless `largest`) eigenvalues e (..., k) of symmetric
-- A (..., m, m) and vectors x (..., m, k), with A x = e B x and x^T B x = 1, by the locally optimal block preconditioned conjugate gradient method
-- (A. Knyazev, 2001). B is positive definite, the identity by default. X (..., m, n): first approximations, random ones of n columns otherwise (n = k);
-- iK: an approximation of A^-1. It ends after niter steps (1000 by default, no limit for -1), or when |A x - e B x| is below tol (the root of eps
-- by default) times the size of A. tracker(state) sees istep, E, X, R, converged_count before each step. Bases are orthonormalised whatever
-- `method` ('basic' or 'ortho') says. One derivative to A, where B is not given.
local function lobpcg(...)
  local a, k, b, x, n, iK, niter, tol, largest, method, tracker = read(...)
  if method and method ~= 'basic' and method ~= 'ortho' then fail("lobpcg: method: got '%s', takes 'basic' or 'ortho'", tostring(method)) end
  n = x and x:size(-1) or n or k or 1
  k = k or x and n or 1
  if not x then
    local size = a:size()
    size[#size] = n
    x = tocha.randn(size, {dtype = a.dtype, device = a.device})
  end
  check(a, b, x, k, n)
  local o = {iK = iK, tracker = tracker, largest = largest, tol = tol or tocha.finfo(a.dtype).eps ^ 0.5,
    niter = (niter == -1 and math.huge) or niter or 1000}
  if not (a.requires_grad and tocha.is_grad_enabled()) then return tocha.no_grad(solve, a, b, x, k, o) end
  if b then fail('lobpcg: with B there is no gradient: use A:detach()') end
  return Pairs.apply((a + a.mT) / 2, function(symmetric) return solve(symmetric, nil, x, k, o) end)
end

return {lobpcg = lobpcg}
