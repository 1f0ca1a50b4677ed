--- Cases of sums of products by labels, of products of Kronecker, of windows and of other functions that are few words in terms of others.

local H = require 'spec.harness'
local P = require 'spec.plain'
local T = H.T
local cos, pi, abs, sqrt = math.cos, math.pi, math.abs, math.sqrt

---------------------------------------------------------------- einsum: all labels run, all products are added up
-- ins: label strings with one letter a dim; out: the letters of the result
local function naive(ins, out, xs)
  local sizes, order, at = {}, {}, {}
  for k, labels in ipairs(ins) do
    for d = 1, #labels do
      local l = labels:sub(d, d)
      if not sizes[l] then order[#order + 1] = l end
      sizes[l] = math.max(sizes[l] or 1, xs[k].shape[d])
    end
  end
  local shape = {}
  for d = 1, #out do shape[d] = sizes[out:sub(d, d)] end
  local y = P.full(shape, 0)
  local function place(labels, x)
    local list = {}
    for d = 1, #labels do list[d] = x and x.shape[d] == 1 and 1 or at[labels:sub(d, d)] end
    return list
  end
  local function run(i)
    if order[i] then
      for v = 1, sizes[order[i]] do
        at[order[i]] = v
        run(i + 1)
      end
      return
    end
    local product = 1
    for k, labels in ipairs(ins) do product = product * P.get(xs[k], unpack(place(labels, xs[k]))) end
    local to = place(out)
    P.set(y, to, P.get(y, unpack(to)) + product)
  end
  run(1)
  return y
end

local rows = {}
local function einsum(equation, spelled, ...) -- spelled: the same with an output, without '...'
  local xs = {...}
  local left, out = spelled:match('^(.*)%->(.*)$')
  local ins = {}
  for labels in left:gmatch('[^,]+') do ins[#ins + 1] = labels end
  rows[#rows + 1] = {name = 'einsum', label = equation, args = {{equation, ...}, {equation, xs}}, grad = true, dtypes = {'float64', 'float32', 'int64'},
    result = 'same', gtol = {1e-4, 1e-6},
    reference = function(_, first, ...) return naive(ins, out, P.is(first) and {first, ...} or first) end}
end
einsum('ij->ji', 'ij->ji', T{2, 3})
einsum('ii', 'ii->', T{3, 3})
einsum('ii->i', 'ii->i', T{3, 3})
einsum('iji->j', 'iji->j', T{2, 3, 2})
einsum('ij->', 'ij->', T{2, 3})
einsum('i,j->ij', 'i,j->ij', T{2}, T{3})
einsum('i,i', 'i,i->', T{3}, T{3})
einsum('ij,jk', 'ij,jk->ik', T{2, 3}, T{3, 4})
einsum('ik,jk->ij', 'ik,jk->ij', T{2, 3}, T{4, 3})
einsum('bij,bjk->bik', 'bij,bjk->bik', T{2, 2, 3}, T{2, 3, 2})
einsum('bhqd,bhkd->bhqk', 'bhqd,bhkd->bhqk', T{2, 2, 3, 2}, T{2, 2, 2, 2})
einsum('...ij,...jk->...ik', 'bij,bjk->bik', T{2, 2, 3}, T{1, 3, 2})
einsum('...ij,...jk', 'abij,bjk->abik', T{2, 2, 2, 3}, T{2, 3, 1})
einsum('ij...->...', 'ijk->k', T{2, 3, 2})
einsum('i...,i...', 'ik,ik->k', T{2, 3}, T{2, 3})
einsum('bn,anm,bm->ba', 'bn,anm,bm->ba', T{2, 3}, T{2, 3, 2}, T{2, 2})
einsum('ijk,ij->k', 'ijk,ij->k', T{2, 3, 2}, T{2, 3})
einsum('i j , j B -> B i', 'ij,jB->Bi', T{2, 3}, T{3, 2})
einsum('ij,j->i', 'ij,j->i', T{2, 1}, T{3})
einsum('ab,bc,cd,de->ae', 'ab,bc,cd,de->ae', T{2, 2}, T{2, 3}, T{3, 1}, T{1, 2})
einsum('ba', 'ba->ab', T{2, 3})
rows[1].wrong = {{'ij,jk', T{2, 3}, T{2, 3}, says = {"'j'", '2', '3'}}, {'ij->k', T{2, 3}, says = {"'k'"}}, {'ij->ii', T{2, 3}, says = {"'i'", 'twice'}},
  {'ij', T{3}, says = {'[3]', '2 labels'}}, {'ij,j', T{2, 3}, says = {'2 operands'}}, {'i1', T{2, 2}, says = {"'1'"}}, {'ii->i', T{2, 3}, says = {'2 and 3'}},
  {3, says = {'equation', 'string'}}, {'...i...', T{2}, says = {'twice'}}, {'i', 3, says = {'operand 1', 'number'}},
  {T{2}, 3, says = {'argument 2', 'labels'}}, {T{2}, {'a'}, says = {'label'}}}
rows[#rows + 1] = {name = 'einsum', label = 'lists of labels', args = {{T{2, 3}, {1, 2}, T{3, 4}, {2, 3}, {3, 1}}}, grad = true,
  reference = function(x, _, y) return naive({'ij', 'jk'}, 'ki', {x, y}) end}

---------------------------------------------------------------- tensordot, kron
local function tensordot(a, b, dims)
  local of_a, of_b, labels_a, labels_b, out = {}, {}, {}, {}, ''
  if type(dims) == 'table' then of_a, of_b = dims[1], dims[2] else
    for i = 1, dims or 2 do of_a[i], of_b[i] = #a.shape - (dims or 2) + i, i end
  end
  for d = 1, #a.shape do labels_a[d] = string.char(64 + d) end
  for d = 1, #b.shape do labels_b[d] = string.char(96 + d) end
  local gone = {}
  for i, d in ipairs(of_a) do
    labels_b[P.dim(b, of_b[i])] = labels_a[P.dim(a, d)]
    gone[labels_a[P.dim(a, d)]] = true
  end
  for _, l in ipairs(labels_a) do if not gone[l] then out = out .. l end end
  for _, l in ipairs(labels_b) do if not gone[l] then out = out .. l end end
  return naive({table.concat(labels_a), table.concat(labels_b)}, out, {a, b})
end
rows[#rows + 1] = {name = 'tensordot', args = {{T{2, 3, 4}, T{3, 4, 2}}, {T{2, 3}, T{3, 2}, 1}, {T{2}, T{3}, 0}, {T{2, 3, 4}, T{4, 3, 2}, {{3, 2}, {1, 2}}},
  {T{2, 3}, T{2, 4}, {{1}, {-2}}}}, reference = tensordot, grad = true, dtypes = {'float64', 'float32', 'int64'}, result = 'same', gtol = {1e-4, 1e-6},
  wrong = {{T{2, 3}, T{2, 3}, 1, says = {'3 ~= 2'}}, {T{2}, T{2}, 2, says = {'dims'}}, {T{2, 2}, T{2, 2}, {{1, 1}, {1, 2}}, says = {'twice'}},
    {T{2, 2}, T{2, 2}, {{1}, {1, 2}}, says = {'1 of a', '2 of b'}}, {T{2}, T{2}, {{3}, {1}}, says = {'3'}}}}

local function kron(a, b)
  local n = math.max(#a.shape, #b.shape)
  local function padded(x)
    local shape = {}
    for d = 1, n do shape[d] = x.shape[d - n + #x.shape] or 1 end
    return P.copy(x, shape)
  end
  a, b = padded(a), padded(b)
  local shape = {}
  for d = 1, n do shape[d] = a.shape[d] * b.shape[d] end
  return P.build(shape, function(...)
    local of_a, of_b = {}, {}
    for d, v in ipairs {...} do of_a[d], of_b[d] = math.floor((v - 1) / b.shape[d]) + 1, (v - 1) % b.shape[d] + 1 end
    return P.get(a, unpack(of_a)) * P.get(b, unpack(of_b))
  end)
end
rows[#rows + 1] = {name = 'kron', args = {{T{2, 2}, T{2, 3}}, {T{2}, T{3}}, {T{2}, T{2, 3}}, {T{2, 1, 2}, T{3}}, {T{}, T{2}}, {T{0, 2}, T{2, 2}}}, reference = kron,
  grad = true, dtypes = 'number', result = 'same'}

---------------------------------------------------------------- shortcuts
local function flat(x) return P.copy(x, {#x}) end
rows[#rows + 1] = {name = 'ravel', args = {{T{2, 3}}, {T{}}, {T{0, 2}}, {T{4}}}, reference = flat, grad = true, dtypes = 'all', result = 'same'}
rows[#rows + 1] = {name = 'adjoint', args = {{T{2, 3}}, {T{2, 3, 4}}, {T{2, 0}}}, reference = function(x) return P.transpose(x, -2, -1) end, grad = true,
  dtypes = 'all', result = 'same', wrong = {{T{3}, says = {'2 dims'}}}}
rows[#rows + 1] = {name = 'sgn', point = function(x) return x > 0 and 1 or x < 0 and -1 or 0 end, grad = true, away = {0}, dtypes = 'number', result = 'same'}
rows[#rows + 1] = {name = 'isreal', point = function() return true end, dtypes = 'all', result = 'bool'}

---------------------------------------------------------------- windows: shape(t), t from 0 at the first place to 1 at the last
local function window(name, shape, more, wrong)
  local args = {{5}, {5, false}, {6, true}, {1}, {2}, {0}, {4, {periodic = false}}}
  for _, list in ipairs(more or {}) do args[#args + 1] = list end
  for _, list in ipairs(args) do
    local last = list[#list]
    if type(last) == 'table' then last.dtype = 'float64' else list[#list + 1] = {dtype = 'float64'} end
  end
  rows[#rows + 1] = {name = name .. '_window', args = args, layouts = false, dtypes = {'float64'}, wrong = wrong or {{-1, says = {'-1'}},
    {3, true, {dtype = 'int64'}, says = {'int64'}}, {3, true, {betta = 1}, says = {'betta'}}}, reference = function(n, ...)
      local given = {periodic = true}
      local list = {...}
      for key, v in pairs(list[#list]) do given[key] = v end
      if #list > 1 then given.periodic = list[1] end
      for i = 2, #list - 1 do given[i - 1] = list[i] end
      return P.build({n}, function(i) return n == 1 and 1 or shape((i - 1) / (given.periodic and n or n - 1), given) end)
    end}
end
local function i0(x) -- the mean of e^(x cos t), by the trapezoidal rule
  local sum = (math.exp(x) + math.exp(-x)) / 2
  for k = 1, 63 do sum = sum + math.exp(x * cos(pi * k / 64)) end
  return sum / 64
end
window('bartlett', function(t) return 1 - abs(2 * t - 1) end)
window('blackman', function(t) return 0.42 - 0.5 * cos(2 * pi * t) + 0.08 * cos(4 * pi * t) end)
window('hann', function(t) return 0.5 - 0.5 * cos(2 * pi * t) end)
window('hamming', function(t, o) return (o[1] or o.alpha or 0.54) - (o[2] or o.beta or 0.46) * cos(2 * pi * t) end,
  {{5, true, 0.5}, {5, true, 0.6, 0.3}, {5, {beta = 0.4}}})
window('kaiser', function(t, o)
  local beta = o[1] or o.beta or 12
  return i0(beta * sqrt(math.max(0, 1 - (2 * t - 1) ^ 2))) / i0(beta)
end, {{5, true, 8}, {5, {beta = 3}}})

return rows
