--- Cases of complex operands. A complex tensor goes in and comes out as its parts, a last dim of 2, so that the harness's checks of values, of both
-- orders of derivatives (by real and imaginary part), and of dtypes hold as they are; the references are Lua arithmetic on pairs.

local tocha = require 'tocha'
local H = require 'spec.harness'
local P = require 'spec.plain'
local Z = require 'spec.complex_numbers'
local C = require 'spec.complex_parts'
local T = H.T

local rows = {}
local function add(row) rows[#rows + 1] = row end

local numbers, pairs_of, complex_of, taken, parts_of = C.numbers, C.pairs_of, C.complex_of, C.taken, C.parts_of

local function shaped(shape, pair, range, away)
  local o = {range = range, away = away}
  for i, n in ipairs(shape) do o[i] = n end
  if pair then o[#o + 1] = 2 end
  return T(o)
end

---------------------------------------------------------------- elementwise
-- f takes {re, im} for complex operands and gives {re, im}, a number or a boolean; `real` says which operands are real
local function elementwise(name, n, f, o)
  o = o or {}
  local real = o.real or {}
  local shapes = n == 1 and {{{2, 3}}, {{}}, {{0}}, {{5}}} or
    {{{2, 3}, {2, 3}, {2, 3}}, {{2, 1}, {3}, {1}}, {{}, {2}, {}}, {{0, 2}, {2}, {2}}}
  local args = {}
  for _, layout in ipairs{'dense', 'strided'} do
    for _, list in ipairs(shapes) do
      local variant = {layout}
      for i = 1, n do variant[i + 1] = shaped(list[i], not real[i], o.ranges and o.ranges[i] or o.range, o.away) end
      args[#args + 1] = variant
    end
  end
  local function call(layout, ...)
    local list = {...}
    for i = 1, n do list[i] = real[i] and list[i] or complex_of(list[i], layout) end
    if #list == n then for _, v in ipairs(o.extra or {}) do list[#list + 1] = v end end -- else the harness tries a wrong option
    return parts_of((o.f or tocha[name])(unpack(list)))
  end
  local function reference(_, ...)
    local list = {...}
    for i = 1, n do list[i] = real[i] and P.map(function(v) return {v, 0} end, list[i]) or numbers(list[i]) end
    local y = P.map(f, unpack(list))
    if #y > 0 then return pairs_of(y) end
    local sample = f({1, 1}, {1, 1}, {1, 1}) -- nothing to look at: is it a pair?
    if type(sample) == 'table' then y.shape[#y.shape + 1] = 2 end
    return y
  end
  add{name = name, label = o.label or 'complex', args = args, call = call, reference = reference, optional = true, inplace = false, layouts = false,
    grad = o.grad == nil and true or o.grad, dtypes = o.dtypes or {'float64', 'float32'}, tol = {1e-9, 1e-11}, single = {2e-5, 2e-5}}
end

local ring = {{0.3, 2}} -- keeps away from zeros, poles and cuts: both parts positive
local function smooth(name, range) elementwise(name, 1, Z[name], {range = range or ring[1]}) end

for _, name in ipairs{'neg', 'square', 'conj', 'exp', 'exp2', 'expm1', 'sin', 'cos', 'sinh', 'cosh', 'tanh', 'sigmoid', 'silu'} do
  smooth(name, {-1.2, 1.2})
end
elementwise('conj_physical', 1, Z.conj)
for _, name in ipairs{'reciprocal', 'sqrt', 'rsqrt', 'log', 'log2', 'log10', 'log1p', 'tan', 'asin', 'acos', 'atan', 'asinh', 'acosh', 'atanh', 'sinc',
  'abs', 'angle', 'sgn'} do
  smooth(name)
end
elementwise('expm1', 1, Z.expm1, {label = 'complex, negative', range = {-3, -0.5}})
for _, name in ipairs{'sqrt', 'log', 'asin', 'acosh', 'angle', 'sgn'} do
  elementwise(name, 1, Z[name], {label = 'complex, second quadrant', range = {-2, -0.3}})
end

for _, mode in ipairs{{'complex', {}}, {'real first', {true}}, {'real second', {false, true}}} do
  local function both(name, f, range) elementwise(name, 2, f, {label = mode[1], real = mode[2], range = range}) end
  both('add', Z.add)
  both('sub', Z.sub)
  both('mul', Z.mul)
  both('div', Z.div, ring[1])
  both('pow', Z.pow, {0.4, 1.5})
end
elementwise('add', 2, function(a, b) return Z.add(a, Z.times(0.5, b)) end, {label = 'complex, alpha', extra = {{alpha = 0.5}}})
elementwise('pow', 1, function(a) return Z.mul(a, Z.square(a)) end, {label = 'complex, whole', extra = {3}})
elementwise('pow', 1, function(a) return Z.pow(a, {1, 2}) end, {label = 'complex, a complex number', extra = {{1, 2}}, range = ring[1]})
elementwise('mul', 1, function(a) return Z.mul(a, {0.5, -1}) end, {label = 'complex, a complex number', extra = {{0.5, -1}}})
elementwise('logaddexp', 2, Z.logaddexp, {range = {-1, 1}})
elementwise('addcmul', 3, function(a, b, c) return Z.add(a, Z.times(0.5, Z.mul(b, c))) end, {extra = {{value = 0.5}}})
elementwise('addcdiv', 3, function(a, b, c) return Z.add(a, Z.times(0.5, Z.div(b, c))) end, {extra = {{value = 0.5}}, range = ring[1]})
elementwise('lerp', 3, function(a, b, c) return Z.add(a, Z.mul(c, Z.sub(b, a))) end)
elementwise('float_power', 2, Z.pow, {range = {0.4, 1.5}, dtypes = {'float64'}})

for name, f in pairs{eq = function(a, b) return a[1] == b[1] and a[2] == b[2] end, ne = function(a, b) return a[1] ~= b[1] or a[2] ~= b[2] end,
  logical_and = function(a, b) return Z.abs(a) > 0 and Z.abs(b) > 0 end, logical_or = function(a, b) return Z.abs(a) > 0 or Z.abs(b) > 0 end,
  logical_xor = function(a, b) return (Z.abs(a) > 0) ~= (Z.abs(b) > 0) end} do
  local few = {values = {0, 0, 1, 0, 0, 2, 1, 2}, 4, 2}
  local other = {values = {0, 0, 0, 0, 0, 2, 1, -2}, 4, 2}
  add{name = name, label = 'complex', args = {{T(few), T(other)}, {T{0, 2}, T{0, 2}}}, optional = true, inplace = false, layouts = false,
    result = 'bool', call = function(x, y, ...) return tocha[name](complex_of(x), complex_of(y), ...) end,
    reference = function(x, y)
      local answers = P.map(f, numbers(x), numbers(y))
      return answers
    end, dtypes = {'float64', 'float32'}}
end
local special = {0, 0, 1, 2, 0 / 0, 1, 1, 0 / 0, math.huge, 0, 0, -math.huge, math.huge, 0 / 0}
for name, want in pairs{isnan = {0, 0, 1, 1, 0, 0, 1}, isinf = {0, 0, 0, 0, 1, 1, 1}, isfinite = {1, 1, 0, 0, 0, 0, 0},
  logical_not = {1, 0, 0, 0, 0, 0, 0}} do
  add{name = name, label = 'complex', args = {{T{7, 2, values = special}}}, optional = true, inplace = false, layouts = false,
    result = 'bool', call = function(x, ...) return tocha[name](complex_of(x), ...) end, reference = function()
      local answers = {shape = {7}, unpack(want)}
      return answers
    end, dtypes = {'float64', 'float32'}}
end

add{name = 'isclose', label = 'complex', args = {{T{3, 2, values = {1, 1, 1, 1, 0 / 0, 1}}, T{3, 2, values = {1, 1 + 1e-7, 1, 1.1, 0 / 0, 1}}}}, optional = true,
  call = function(x, y, ...) return tocha.isclose(complex_of(x), complex_of(y), ...) end, reference = function() return {shape = {3}, 1, 0, 0} end,
  inplace = false, layouts = false, result = 'bool', dtypes = {'float64', 'float32'}}
add{name = 'where', label = 'complex', args = {{T{2, 3, 2}, T{3, 2}}}, optional = true, inplace = false, layouts = false, grad = true,
  call = function(x, y, ...) return parts_of(tocha.where(tocha.tensor({true, false, true}, {device = tocha.is_tensor(x) and x.device or 'cpu'}), complex_of(x), complex_of(y), ...)) end,
  reference = function(x, y) return P.build({2, 3, 2}, function(i, j, k) return j == 2 and P.get(y, j, k) or P.get(x, i, j, k) end) end,
  dtypes = {'float64', 'float32'}}
add{name = 'nan_to_num', label = 'complex', args = {{T{2, 2, values = {0 / 0, 1, 2, 0 / 0}}}}, optional = true, inplace = false, layouts = false,
  call = function(x, ...) return parts_of(tocha.nan_to_num(complex_of(x), ...)) end,
  reference = function(x) return P.map(function(v) return v ~= v and 0 or v end, x) end, dtypes = {'float64', 'float32'}}
elementwise('nan_to_num', 1, function(a) return a end, {label = 'complex, finite'})
elementwise('softsign', 1, function(a) return Z.times(1 / (1 + Z.abs(a)), a) end, {f = tocha.nn.functional.softsign})

---------------------------------------------------------------- parts
add{name = 'complex', args = {{T{2, 3}, T{2, 3}}, {T{2, 1}, T{3}}, {T{}, T{}}, {T{0, 2}, T{2}}}, call = function(...) return parts_of(tocha.complex(...)) end,
  reference = function(a, b)
    local y = P.map(function(v, w) return {v, w} end, a, b)
    if #y == 0 then return {shape = {0, 2, 2}} end
    return pairs_of(y)
  end, grad = true, dtypes = {'float64', 'float32'}, optional = true, wrong = {{T{2}, T{2, dtype = 'int64'}, says = {'complex', 'float', 'int64'}}}}
add{name = 'polar', args = {{T{2, 3}, T{2, 3}}, {T{2, 1}, T{3}}, {T{}, T{}}}, call = function(...) return parts_of(tocha.polar(...)) end,
  reference = function(a, b) return pairs_of(P.map(Z.polar, a, b)) end, grad = true, dtypes = {'float64', 'float32'}, optional = true}
add{name = 'view_as_complex', args = {{T{2, 3, 2}}, {T{2}}, {T{0, 2}}}, call = function(x, ...) return parts_of(tocha.view_as_complex(tocha.is_tensor(x) and x:clone() or x, ...)) end,
  reference = P.copy, grad = true, dtypes = {'float64', 'float32'}, optional = true,
  wrong = {{T{2, 3}, says = {'view_as_complex', '[2 x 3]', '2'}}, {T{2, dtype = 'int64'}, says = {'view_as_complex', 'int64'}}}}
add{name = 'view_as_real', args = {{T{2, 3, 2}}, {T{2}}, {T{0, 2}}}, call = function(x, ...) return tocha.view_as_real(taken(x), ...) end,
  reference = P.copy, grad = true, dtypes = {'float64', 'float32'}, optional = true, wrong = {{T{2, dtype = 'int64'}, says = {'view_as_real', 'int64'}}}}
for part, name in ipairs{'real', 'imag'} do
  add{name = name, args = {{T{2, 3, 2}}, {T{2}}, {T{0, 2}}}, call = function(x, ...) return tocha[name](taken(x), ...) end,
    reference = function(x)
      local z, out = numbers(x), {}
      for k = 1, #z do out[k] = z[k][part] end
      out.shape = z.shape
      return out
    end, grad = true, dtypes = {'float64', 'float32'}, optional = true,
    wrong = name == 'imag' and {{T{2, dtype = 'int64'}, says = {'imag', 'int64'}}} or nil}
end
add{name = 'angle', point = function(x) return x < 0 and math.pi or 0 end, away = {0}, grad = true, dtypes = 'number', result = 'float'}
for _, name in ipairs{'conj', 'conj_physical', 'resolve_conj', 'resolve_neg'} do
  add{name = name, point = function(x) return x end, grad = true, dtypes = 'all', result = 'same', inplace = name ~= 'conj_physical'}
end
for _, name in ipairs{'is_conj', 'is_neg'} do add{name = name, args = {{T{2}}}, reference = function() return false end, dtypes = 'all'} end
add{name = 'isreal', label = 'complex', args = {{T{3, 2, values = {1, 0, 0, 1, 2, -0.0}}}}, call = function(x, ...) return tocha.isreal(taken(x), ...) end,
  reference = function() return {shape = {3}, 1, 0, 1} end, optional = true, layouts = false, result = 'bool', dtypes = {'float64', 'float32'}}

return rows
