--- Cases of products of vectors and matrices.

local H = require 'spec.harness'
local P = require 'spec.plain'
local T = H.T

local rows = {}
local single, half = {1e-5, 1e-5}, 3

local function add(name, args, reference, more)
  local row = {name = name, args = args, reference = reference, grad = true, dtypes = 'float', result = 'same', single = single, half = half}
  for key, value in pairs(more or {}) do row[key] = value end
  rows[#rows + 1] = row
end

-- one batch entry of a batch of matrices
local function entry(a, i) return P.select(a, 1, i) end

local function bmm(a, b)
  local n, products = a.shape[1], {}
  for i = 1, n do products[i] = P.mm(entry(a, i), entry(b, i)) end
  return P.build({n, a.shape[2], b.shape[3]}, function(i, j, k) return P.get(products[i], j, k) end)
end

local function column(v) return P.copy(v, {#v, 1}) end
local function row_of(v) return P.copy(v, {1, #v}) end
local function mv(a, v) return P.copy(P.mm(a, column(v)), {a.shape[1]}) end
local function outer(a, b) return P.mm(P.copy(a, {a.shape[1], 1}), P.copy(b, {1, b.shape[1]})) end
local function dot(a, b) return P.copy(P.mm(row_of(a), column(b)), {}) end

-- matmul by its rules: vectors become matrices, batches broadcast, the dims added go away again
local function matmul(a, b)
  local left, right = #a.shape == 1, #b.shape == 1
  if left then a = P.copy(a, {1, a.shape[1]}) end
  if right then b = P.copy(b, {b.shape[1], 1}) end
  local n, inner, m = a.shape[#a.shape - 1], a.shape[#a.shape], b.shape[#b.shape]
  local batch_a, batch_b = {unpack(a.shape, 1, #a.shape - 2)}, {unpack(b.shape, 1, #b.shape - 2)}
  local batch = P.broadcast(batch_a, batch_b)
  local full_a, full_b, shape = {unpack(batch)}, {unpack(batch)}, {unpack(batch)}
  full_a[#full_a + 1], full_b[#full_b + 1], shape[#shape + 1] = n, inner, n
  full_a[#full_a + 1], full_b[#full_b + 1], shape[#shape + 1] = inner, m, m
  a, b = P.expand(a, full_a), P.expand(b, full_b)
  local d = #batch
  local out = P.build(shape, function(...)
    local at, sum = {...}, 0
    local i, j = at[d + 1], at[d + 2]
    for k = 1, inner do
      at[d + 1], at[d + 2] = i, k
      local x = a[P.place(a, at)]
      at[d + 1], at[d + 2] = k, j
      sum = sum + x * b[P.place(b, at)]
    end
    return sum
  end)
  if right then table.remove(out.shape) end
  if left then table.remove(out.shape, #batch + 1) end
  return out
end

add('mm', {{T{2, 3}, T{3, 4}}, {T{1, 5}, T{5, 1}}, {T{0, 3}, T{3, 2}}, {T{2, 0}, T{0, 3}}, {T{17, 9}, T{9, 20}}}, P.mm,
  {dtypes = 'number', wrong = {{T{2, 3}, T{4, 5}, says = {'mm', '2 x 3', '4 x 5'}}, {T{3}, T{3, 2}, says = {'mm', '[3]'}},
    {T{2, 3}, T{3, 2, dtype = 'int64'}, says = {'mm', 'float64', 'int64'}}}})
add('bmm', {{T{2, 2, 3}, T{2, 3, 4}}, {T{3, 1, 2}, T{3, 2, 1}}, {T{0, 2, 3}, T{0, 3, 2}}}, bmm,
  {wrong = {{T{2, 2, 3}, T{3, 3, 4}, says = {'bmm', '2 x 2 x 3', '3 x 3 x 4'}}, {T{2, 3}, T{3, 4}, says = {'bmm'}}}})
add('mv', {{T{2, 3}, T{3}}, {T{4, 1}, T{1}}, {T{2, 0}, T{0}}}, mv, {wrong = {{T{2, 3}, T{2}, says = {'mv', '2 x 3', '2'}}}})
add('dot', {{T{3}, T{3}}, {T{1}, T{1}}, {T{0}, T{0}}}, dot, {wrong = {{T{3}, T{4}, says = {'dot', '3', '4'}}, {T{2, 2}, T{2, 2}, says = {'dot'}}}})
add('outer', {{T{3}, T{2}}, {T{1}, T{4}}, {T{0}, T{2}}}, outer, {wrong = {{T{2, 2}, T{2}, says = {'outer'}}}})
add('inner', {{T{3}, T{3}}, {T{2, 3}, T{4, 3}}, {T{2, 3}, T{3}}}, function(a, b)
  if #b.shape == 1 then return matmul(a, b) end
  return P.mm(a, P.transpose(b, 1, 2))
end, {wrong = {{T{2, 3}, T{2, 4}, says = {'inner'}}}})
add('matmul', {{T{3}, T{3}}, {T{2, 3}, T{3}}, {T{3}, T{3, 2}}, {T{2, 3}, T{3, 4}}, {T{2, 2, 3}, T{3, 2}}, {T{2, 2, 3}, T{2, 3, 2}}, {T{3}, T{2, 3, 2}},
  {T{2, 2, 3}, T{3}}, {T{2, 1, 2, 3}, T{2, 3, 2}}, {T{2, 3}, T{2, 3, 2}}}, matmul,
  {wrong = {{T{2, 3}, T{4, 5}, says = {'matmul', '2 x 3', '4 x 5'}}, {T{}, T{2}, says = {'matmul'}}, {T{2, 2, 3}, T{3, 3, 2}, says = {'matmul', '2 x 2 x 3', '3 x 3 x 2'}}}})
add('linear', {{T{2, 3}, T{4, 3}}, {T{2, 3}, T{4, 3}, T{4}}, {T{3}, T{2, 3}, T{2}}, {T{2, 2, 3}, T{2, 3}, T{2}}, {T{0, 3}, T{2, 3}, T{2}}}, function(x, w, b)
  local y = matmul(x, P.transpose(w, 1, 2))
  return b and P.map(function(v, c) return v + c end, y, b) or y
end, {wrong = {{T{2, 5}, T{4, 3}, says = {'linear', '2 x 5', '4 x 3'}}}})

-- beta * input + alpha * product
local function plus(product)
  return function(x, a, b, options)
    local beta, alpha = options and options.beta or 1, options and options.alpha or 1
    return P.map(function(u, v) return beta * u + alpha * v end, x, product(a, b))
  end
end
local function sum_of_batch(a, b) return (P.fold(bmm(a, b), 1, false, P.sum)) end
local scaled = {beta = 0.5, alpha = 2}
add('addmm', {{T{2, 4}, T{2, 3}, T{3, 4}}, {T{4}, T{2, 3}, T{3, 4}, scaled}, {T{2, 1}, T{2, 3}, T{3, 4}}}, plus(P.mm), {wrong = {{T{2, 4}, T{2, 3}, T{4, 4}, says = {'addmm', '2 x 3', '4 x 4'}}}})
add('addmv', {{T{2}, T{2, 3}, T{3}}, {T{1}, T{2, 3}, T{3}, scaled}}, plus(mv), {wrong = {{T{2}, T{2, 3}, T{4}, says = {'addmv'}}}})
add('addr', {{T{2, 3}, T{2}, T{3}}, {T{3}, T{2}, T{3}, scaled}}, plus(outer), {wrong = {{T{2, 3}, T{2}, T{4}, says = {'addr'}}}})
add('baddbmm', {{T{2, 2, 4}, T{2, 2, 3}, T{2, 3, 4}}, {T{1, 4}, T{2, 2, 3}, T{2, 3, 4}, scaled}}, plus(bmm), {wrong = {{T{2, 2, 4}, T{2, 2, 3}, T{3, 3, 4}, says = {'baddbmm'}}}})
add('addbmm', {{T{2, 4}, T{3, 2, 3}, T{3, 3, 4}}, {T{4}, T{2, 2, 3}, T{2, 3, 4}, scaled}}, plus(sum_of_batch), {wrong = {{T{2, 4}, T{2, 2, 3}, T{3, 3, 4}, says = {'addbmm'}}}})
add('multi_dot', {{{T{2, 3}, T{3, 4}, T{4, 2}}}, {{T{3}, T{3, 4}, T{4}}}, {{T{2, 5}, T{5, 1}, T{1, 6}, T{6, 2}}}}, function(list)
  local y = list[1]
  for i = 2, #list do y = matmul(y, list[i]) end
  return y
end, {call = function(...) return require('tocha').linalg.multi_dot(...) end, dtypes = {'float64', 'float32'},
  wrong = {{{T{2, 3}, T{4, 5}}, says = {'2 x 3', '4 x 5'}}}})

return rows
