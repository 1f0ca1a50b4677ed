--- Cases of complex products, sums and moments: like spec/cases/complex.lua, with references over whole arrays.

local tocha = require 'tocha'
local H = require 'spec.harness'
local P = require 'spec.plain'
local Z = require 'spec.complex_numbers'
local C = require 'spec.complex_parts'
local T = H.T

local rows = {}

-- The first `n` arguments are complex; reference works on arrays of {re, im}.
local function add(name, n, args, reference, o)
  local list = {}
  for _, layout in ipairs{'dense', 'strided'} do
    for _, variant in ipairs(args) do list[#list + 1] = {layout, unpack(variant)} end
  end
  local row = {name = name, label = 'complex', args = list, optional = true, inplace = false, layouts = false, grad = true,
    dtypes = {'float64', 'float32'}, tol = {1e-9, 1e-11}, single = {2e-5, 2e-5}}
  function row.call(layout, ...)
    local given = {...}
    for i = 1, n do given[i] = C.complex_of(given[i], layout) end
    return C.parts_of((o and o.f or tocha[name])(unpack(given)))
  end
  function row.reference(_, ...)
    local given = {...}
    for i = 1, n do given[i] = C.numbers(given[i]) end
    return C.pairs_of(reference(unpack(given)))
  end
  for key, value in pairs(o or {}) do if key ~= 'f' then row[key] = value end end
  rows[#rows + 1] = row
end

---------------------------------------------------------------- products
local function total(n, f)
  local sum = {0, 0}
  for k = 1, n do sum = Z.add(sum, f(k)) end
  return sum
end
local function mm(a, b)
  return P.build({a.shape[1], b.shape[2]}, function(i, j)
    return total(a.shape[2], function(k) return Z.mul(P.get(a, i, k), P.get(b, k, j)) end)
  end)
end
local function bmm(a, b)
  return P.build({a.shape[1], a.shape[2], b.shape[3]}, function(n, i, j)
    return total(a.shape[3], function(k) return Z.mul(P.get(a, n, i, k), P.get(b, n, k, j)) end)
  end)
end
local function scaled(k, a) return P.map(function(v) return Z.times(k, v) end, a) end
local function column(v) return P.copy(v, {#v, 1}) end
local function dot(a, b) return P.copy(mm(P.copy(a, {1, #a}), column(b)), {}) end
local function conj(a) return P.map(Z.conj, a) end
local matrices = {{T{2, 3, 2}, T{3, 4, 2}}, {T{1, 5, 2}, T{5, 1, 2}}, {T{9, 7, 2}, T{7, 6, 2}}}
local batches = {{T{2, 2, 3, 2}, T{2, 3, 2, 2}}, {T{1, 2, 2, 2}, T{1, 2, 1, 2}}}

add('mm', 2, matrices, mm)
add('matmul', 2, matrices, mm)
add('matmul', 2, batches, bmm, {label = 'complex batches'})
add('bmm', 2, batches, bmm)
add('einsum', 2, matrices, mm, {f = function(a, b, ...) return tocha.einsum('ij,jk->ik', a, b, ...) end})
add('mv', 2, {{T{2, 3, 2}, T{3, 2}}}, function(a, v) return P.copy(mm(a, column(v)), {a.shape[1]}) end)
add('dot', 2, {{T{4, 2}, T{4, 2}}}, dot)
add('vdot', 2, {{T{4, 2}, T{4, 2}}}, function(a, b) return dot(conj(a), b) end)
add('inner', 2, {{T{4, 2}, T{4, 2}}}, dot)
add('outer', 2, {{T{2, 2}, T{3, 2}}}, function(a, b) return mm(column(a), P.copy(b, {1, #b})) end)
add('addmm', 3, {{T{2, 4, 2}, T{2, 3, 2}, T{3, 4, 2}}}, function(c, a, b)
  return P.map(Z.add, scaled(0.5, c), scaled(2, mm(a, b)))
end, {f = function(c, a, b, o) return tocha.addmm(c, a, b, o or {beta = 0.5, alpha = 2}) end})
add('kron', 2, {{T{2, 2, 2}, T{1, 2, 2}}}, function(a, b)
  return P.build({2, 4}, function(i, j) return Z.mul(P.get(a, i, math.ceil(j / 2)), P.get(b, 1, 2 - j % 2)) end)
end)
add('adjoint', 1, {{T{2, 3, 2}}}, function(a) return conj(P.transpose(a, 1, 2)) end)
rows[#rows + 1] = {name = 'vdot', args = {{T{4}, T{4}}, {T{0}, T{0}}}, reference = function(a, b)
  local sum = 0
  for i = 1, #a do sum = sum + a[i] * b[i] end
  return sum
end, grad = true, dtypes = 'float', result = 'same', single = {1e-5, 1e-5}, half = 3}

---------------------------------------------------------------- sums, products, moments
local function all(a, f, first)
  local acc = first
  for i = 1, #a do acc = f(acc, a[i]) end
  return {shape = {}, acc}
end
local function by_row(a, f) -- f of the first i elements of a row, for each place
  return P.build(a.shape, function(i, j)
    local acc = P.get(a, i, 1)
    for k = 2, j do acc = f(acc, P.get(a, i, k)) end
    return acc
  end)
end
local function mean(a) return Z.times(1 / #a, all(a, Z.add, {0, 0})[1]) end
local function spread(a, correction)
  local m, sum = mean(a), 0
  for i = 1, #a do sum = sum + Z.abs(Z.sub(a[i], m)) ^ 2 end
  return sum / (#a - correction)
end
local some = {{T{2, 3, 2}}, {T{5, 2}}}

add('sum', 1, some, function(a) return all(a, Z.add, {0, 0}) end)
add('mean', 1, some, function(a) return {shape = {}, mean(a)} end)
add('prod', 1, some, function(a) return all(a, Z.mul, {1, 0}) end)
add('sum', 1, {{T{2, 3, 2}, 2}, {T{0, 3, 2}, 2}}, function(a)
  if #a == 0 then return {shape = {0}} end -- the parts' dim is added
  return P.build({2}, function(i) return total(3, function(k) return P.get(a, i, k) end) end)
end, {label = 'complex, dim'})
add('cumsum', 1, {{T{2, 4, 2}, 2}}, function(a) return by_row(a, Z.add) end)
add('cumprod', 1, {{T{2, 4, 2}, 2}}, function(a) return by_row(a, Z.mul) end)
add('cumprod', 1, {{T{1, 3, 2, values = {1, 2, 0, 0, 3, -1}}, 2}}, function(a) return by_row(a, Z.mul) end, {label = 'complex, a zero'})
add('logcumsumexp', 1, {{T{2, 4, 2, range = {-1, 1}}, 2}, {T{3, 1, 2}, 1}}, function(a)
  if a.shape[2] == 1 then return P.transpose(by_row(P.transpose(a, 1, 2), Z.logaddexp), 1, 2) end
  return by_row(a, Z.logaddexp)
end)
add('prod', 1, {{T{3, 2, values = {1, 2, 0, 0, 3, -1}}}}, function(a) return all(a, Z.mul, {1, 0}) end, {label = 'complex, a zero'})
add('var', 1, some, function(a) return spread(a, 1) end)
add('std', 1, some, function(a) return math.sqrt(spread(a, 1)) end)
add('var_mean', 1, some, function(a) return spread(a, 1) end)
add('vector_norm', 1, some, function(a) return math.sqrt(all(a, function(s, v) return s + Z.abs(v) ^ 2 end, 0)[1]) end, {grad = true})
add('vector_norm', 1, {{T{4, 2}, 3}}, function(a) return all(a, function(s, v) return s + Z.abs(v) ^ 3 end, 0)[1] ^ (1 / 3) end,
  {label = 'complex, 3'})
add('logsumexp', 1, {{T{4, 2, range = {-1, 1}}, 1}}, function(a)
  return {shape = {}, Z.log(all(a, function(s, v) return Z.add(s, Z.exp(v)) end, {0, 0})[1])}
end)
add('cov', 1, {{T{2, 4, 2}}}, function(a)
  return P.build({2, 2}, function(i, j)
    local x, y = P.select(a, 1, i), P.select(a, 1, j)
    local mx, my = mean(x), mean(y)
    return Z.times(1 / 3, total(4, function(k) return Z.mul(Z.sub(x[k], mx), Z.conj(Z.sub(y[k], my))) end))
  end)
end)
add('count_nonzero', 1, {{T{3, 2, values = {0, 0, 1, 0, 0, 2}}}}, function() return 2 end, {grad = false, result = 'int64'})
add('any', 1, {{T{3, 2, values = {0, 0, 0, 0, 0, 2}}}}, function() return true end, {grad = false, result = 'bool'})
add('all', 1, {{T{3, 2, values = {0, 0, 1, 0, 0, 2}}}}, function() return false end, {grad = false, result = 'bool'})

---------------------------------------------------------------- choosing and arranging
local function first_rows(a) return P.build({2, 2}, function(i, j) return P.get(a, i == 1 and 3 or 1, j) end) end
add('index_select', 1, {{T{3, 2, 2}, 1, T{2, values = {3, 1}, dtype = 'int64'}}}, first_rows)
add('cat', 2, {{T{1, 2, 2}, T{2, 2, 2}}}, function(a, b)
  return P.build({3, 2}, function(i, j) return i == 1 and P.get(a, 1, j) or P.get(b, i - 1, j) end)
end, {f = function(a, b, ...) return tocha.cat({a, b}, ...) end})
add('tril', 1, {{T{2, 2, 2}}}, function(a) return P.build({2, 2}, function(i, j) return j <= i and P.get(a, i, j) or {0, 0} end) end)
add('flip', 1, {{T{3, 2}, 1}}, function(a) return P.build({3}, function(i) return a[4 - i] end) end)
add('trace', 1, {{T{2, 2, 2}}}, function(a) return {shape = {}, Z.add(a[1], a[4])} end)
add('diagonal', 1, {{T{2, 2, 2}}}, function(a) return {shape = {2}, a[1], a[4]} end)

return rows
