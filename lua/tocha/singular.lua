--- Determinants and pseudoinverses as functions with gradients of their own, which hold where the factorisations they come from have none:
-- at singular matrices, and where singular values are equal.
-- @module tocha.singular

local tocha = require 'tocha'
local class = require 'tocha.class'
local autograd = require 'tocha.autograd'

local singular = {}

local function eye(n, like) return tocha.eye(n, {dtype = like.dtype, device = like.device}) end

-- row i: the numbers from 1 to n but i
local function all_but_one(n, device)
  local list = {}
  for i = 1, n do
    list[i] = {}
    for j = 1, n do if j ~= i then list[i][#list[i] + 1] = j end end
  end
  return tocha.tensor(list, {dtype = 'int64', device = device})
end

-- cofactors (..., n, n) as determinants of minors: n^2 of them, but they can be differentiated again, whatever the rank
local function by_minors(a)
  local n, lead = a:size(-1), a:size()
  if n == 1 then return tocha.ones_like(a) end
  local others = all_but_one(n, a.device)
  lead[#lead], lead[#lead - 1] = nil, nil
  local function extended(...)
    local size = {unpack(lead)}
    for _, v in ipairs {...} do size[#size + 1] = v end
    return size
  end
  local rows = a:index_select(-2, others:reshape(-1)):reshape(extended(n, 1, n - 1, n))           -- (..., i, 1, n-1, n)
  local both = rows:index_select(-1, others:reshape(-1)):reshape(extended(n, n - 1, n, n - 1))    -- (..., i, n-1, j, n-1)
  local place = tocha.arange(1, n + 1, {dtype = a.dtype.is_complex and a.real.dtype or a.dtype, device = a.device})
  local sign = 1 - (place:unsqueeze(2) + place):remainder(2) * 2
  return tocha.linalg.det(both:transpose(-2, -3)) * sign
end

-- the same from A = U S V^H: det(U V^H) U diag(products of the other singular values) V^H, conjugated
local function by_singular_values(a)
  local linalg = tocha.linalg
  local u, s, vh = linalg.svd(a, false)
  local one = eye(s:size(-1), s):bool()
  local others = tocha.where(one, 1, s:unsqueeze(-2):expand_as(a)):prod(-1)
  local turn = linalg.det(u:matmul(vh)):unsqueeze(-1):unsqueeze(-1)
  return (u * others:unsqueeze(-2):to(u.dtype)):matmul(vh):conj() * turn
end

local Det = class('det', autograd.Function)

function Det.forward(ctx, a)
  ctx:save_for_backward(a)
  return tocha.linalg.det(a)
end

-- the derivative by A is the matrix of cofactors
function Det.backward(ctx, g)
  local a = ctx.saved_tensors[1]
  local cofactors = (tocha.is_grad_enabled() and by_minors or by_singular_values)(a)
  return g:unsqueeze(-1):unsqueeze(-1) * cofactors:conj()
end

--- det(a) of matrices some of which are singular: its gradient is made of cofactors, which exist at every rank.
singular.det = Det.apply

--- slogdet(a) of matrices some of which are singular (`bad`, (...)): these take the logarithm of the determinant as it is.
function singular.slogdet(a, bad)
  local wide = bad:unsqueeze(-1):unsqueeze(-1)
  local sign, log = tocha.linalg.slogdet(tocha.where(wide, eye(a:size(-1), a), a))
  local det = tocha.where(bad, singular.det(a), 1)
  return tocha.where(bad, 0, sign), tocha.where(bad, a.dtype.is_complex and det:abs():log() or det:log(), log)
end

local Pinv = class('pinv', autograd.Function)

function Pinv.forward(ctx, a, p)
  ctx:save_for_backward(a, p)
  return p
end

-- of a rank that does not change (G. Golub, V. Pereyra, 1973)
function Pinv.backward(ctx, g)
  local a = ctx.saved_tensors[1]
  local p = tocha.is_grad_enabled() and singular.pinv(a, ctx.saved_tensors[2]) or ctx.saved_tensors[2]
  local ph, gh = p.mH, g.mH
  local left = gh:matmul(p):matmul(ph)
  local right = ph:matmul(p):matmul(gh)
  return left - a:matmul(p):matmul(left) + right - right:matmul(p):matmul(a) - ph:matmul(g):matmul(ph)
end

--- The pseudoinverse `p` of `a`, computed without a graph, as a function of `a`.
function singular.pinv(a, p) return Pinv.apply(a, p) end

return singular
