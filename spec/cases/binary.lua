--- Cases of pointwise operators of two and three operands.

local H = require 'spec.harness'
local P = require 'spec.plain'
local S = require 'spec.special_functions'
local T = H.T
local exp, log, floor, huge = math.exp, math.log, math.floor, math.huge
local float = {'float64', 'float32', 'float16', 'bfloat16'}

local function truthy(v) return v and 1 or 0 end
local function quotient_floor(x, y) return floor(x / y) end
local function quotient_trunc(x, y) return S.trunc(x / y) end
local function modulo(x, y) return x - y * floor(x / y) end

local function gcd(a, b)
  a, b = math.abs(a), math.abs(b)
  while b ~= 0 do a, b = b, a % b end
  return a
end

local function power(x, y) return x ^ y end

local rows = {
  {name = 'add', n = 2, point = function(x, y) return x + y end, grad = true, dtypes = 'number', range = {{0, 9}, {0, 9}}, result = 'same'},
  {name = 'add', label = 'alpha', n = 2, extra = {{alpha = 3}}, point = function(x, y) return x + 3 * y end, grad = true, dtypes = 'number',
    range = {0, 9}},
  {name = 'add', label = 'numbers', args = {{T{2, 3}, 2.5}, {1, T{3}}, {T{}, -1}},
    reference = function(x, y) return P.map(function(a, b) return a + b end, x, y) end, grad = true, dtypes = float, optional = true},
  {name = 'sub', n = 2, point = function(x, y) return x - y end, grad = true, range = {{10, 19}, {0, 9}}, dtypes = 'number', result = 'same',
    wrong = {{T{2, dtype = 'bool'}, T{2, dtype = 'bool'}, says = {'sub', 'bool'}}, {T{2}, T{3}, says = {'sub', '2', '3'}}}},
  {name = 'sub', label = 'alpha', n = 2, extra = {{alpha = 0.5}}, point = function(x, y) return x - 0.5 * y end, grad = true, dtypes = float},
  {name = 'rsub', n = 2, point = function(x, y) return y - x end, grad = true, dtypes = float},
  {name = 'mul', n = 2, point = function(x, y) return x * y end, grad = true, dtypes = 'number', range = {0, 9}, result = 'same'},
  {name = 'mul', label = 'numbers', args = {{T{2, 3}, 2.5}, {3, T{3}}}, optional = true,
    reference = function(x, y) return P.map(function(a, b) return a * b end, x, y) end, grad = true, dtypes = float},
  {name = 'div', n = 2, point = function(x, y) return x / y end, grad = true, range = {{-3, 3}, {1, 3}}, dtypes = 'number', result = 'float'},
  {name = 'div', label = 'floor', n = 2, extra = {{rounding_mode = 'floor'}}, point = quotient_floor, range = {{-9, 9}, {1.1, 3}}, dtypes = 'number',
    result = 'same', half = 100, inplace = false, layouts = false, tol = {0, 0}},
  {name = 'div', label = 'trunc', n = 2, extra = {{rounding_mode = 'trunc'}}, point = quotient_trunc, range = {{-9, 9}, {1.1, 3}},
    dtypes = {'float64', 'int64', 'int32', 'int8', 'uint8'}, result = 'same', wrong = {{T{2}, T{2}, {rounding_mode = 'up'}, says = {'div', 'up'}}}},
  {name = 'true_divide', n = 2, point = function(x, y) return x / y end, grad = true, range = {{-3, 3}, {1, 3}}, dtypes = 'number', result = 'float'},
  {name = 'floor_divide', n = 2, point = quotient_floor, range = {{-9, 9}, {1.1, 3}}, dtypes = {'float64', 'int64', 'int32', 'int16', 'int8', 'uint8'},
    result = 'same'},
  {name = 'remainder', n = 2, point = modulo, grad = true, range = {{-9, 9}, {2.6, 2.9}}, dtypes = {'float64', 'float32', 'int64', 'int32', 'int16', 'int8'},
    result = 'same', single = {1e-4, 1e-5}, distinct = false},
  {name = 'remainder', label = 'signs', args = {{T{4, values = {7, -7, 7, -7}}, T{4, values = {3, 3, -3, -3}}}},
    reference = function() return {shape = {4}, 1, 2, -2, -1} end, dtypes = {'float64', 'float32', 'float16', 'bfloat16', 'int64', 'int32', 'int16', 'int8'},
    layouts = false},
  {name = 'fmod', n = 2, point = function(x, y) return x - y * S.trunc(x / y) end, grad = true, range = {{-9, 9}, {2.6, 2.9}},
    dtypes = {'float64', 'float32', 'int64', 'int32', 'int16', 'int8'}, result = 'same', single = {1e-4, 1e-5}},
  {name = 'fmod', label = 'signs', args = {{T{4, values = {7, -7, 7, -7}}, T{4, values = {3, 3, -3, -3}}}},
    reference = function() return {shape = {4}, 1, -1, 1, -1} end, dtypes = {'float64', 'float32', 'int64', 'int8'}, layouts = false},
  {name = 'pow', n = 2, point = power, grad = true, range = {{0.5, 3}, {-2, 3}}, dtypes = float},
  {name = 'pow', label = 'numbers', args = {{T{2, 3}, 2}, {T{3}, -1}, {T{}, 0.5}, {2, T{3}}, {T{4}, 3}, {T{2}, 0}, {T{2}, 1}}, range = {0.5, 3},
    reference = function(x, y) return P.map(power, x, y) end, grad = true, dtypes = float, optional = true},
  {name = 'pow', label = 'integers', args = {{T{4, int = {-4, 4}}, T{4, int = {0, 5}}}, {T{3, int = {0, 3}}, 4}},
    reference = function(x, y) return P.map(power, x, y) end, dtypes = {'int64', 'int32'}, result = 'same',
    wrong = {{T{3, int = {1, 3}}, -1, says = {'pow', 'negative'}}}},
  {name = 'float_power', n = 2, point = power, grad = true, range = {{0.5, 3}, {-2, 3}}, dtypes = {'float64', 'float32', 'int64'},
    result = function() return 'float64' end},
  {name = 'atan2', n = 2, point = math.atan2, grad = true, away = {0}, dtypes = float},
  {name = 'hypot', n = 2, point = function(x, y) return math.sqrt(x * x + y * y) end, grad = true, away = {0}, dtypes = float},
  {name = 'copysign', n = 2, point = function(x, y) return y < 0 and -math.abs(x) or math.abs(x) end, grad = true, away = {0}, dtypes = float},
  {name = 'nextafter', args = {{T{3, values = {1, 1, 0.5}}, T{3, values = {2, 0, 0.5}}}}, dtypes = {'float64'}, tol = {0, 0},
    reference = function() return {shape = {3}, 1 + 2 ^ -52, 1 - 2 ^ -53, 0.5} end, layouts = false},
  {name = 'nextafter', label = 'gradient', args = {{T{3, values = {1, 2, 0.5}}, T{3, values = {2, 0, 1.5}}}}, dtypes = {'float64'}, layouts = false, grad = true,
    reference = function(x) return x end},
  {name = 'nextafter', label = 'float32', args = {{T{3, values = {1, 1, 0.5}, dtype = 'float32'}, T{3, values = {2, 0, 0.5}, dtype = 'float32'}}},
    reference = function() return {shape = {3}, 1 + 2 ^ -23, 1 - 2 ^ -24, 0.5} end, layouts = false, dtypes = {'float32'}, single = {0, 0}, tol = {0, 0}},
  {name = 'logaddexp', n = 2, point = function(x, y) return log(exp(x) + exp(y)) end, grad = true, dtypes = float},
  {name = 'logaddexp2', n = 2, point = function(x, y) return log(2 ^ x + 2 ^ y) / log(2) end, grad = true, dtypes = float},
  {name = 'xlogy', n = 2, point = function(x, y) return x == 0 and 0 or x * log(y) end, grad = true, range = {0.3, 4}, dtypes = float, half = 3},
  {name = 'heaviside', n = 2, point = function(x, y) return x == 0 and y or truthy(x > 0) end, away = {0}, dtypes = 'number', result = 'same'},
  {name = 'ldexp', n = 2, point = function(x, y) return x * 2 ^ y end, grad = true, dtypes = {'float64', 'float32'}},
  {name = 'gcd', n = 2, point = gcd, int = {-30, 30}, dtype = 'int32', dtypes = {'int32'}, result = 'same'},
  {name = 'gcd', label = 'int64', args = {{T{4, int = {0, 90}}, T{4, int = {0, 90}}}}, reference = function(x, y) return P.map(gcd, x, y) end, dtypes = {'int64'}},
  {name = 'lcm', n = 2, point = function(x, y) return x * y == 0 and 0 or math.abs(x * y) / gcd(x, y) end, int = {-30, 30}, dtype = 'int32', dtypes = {'int32'},
    result = 'same'},
}

local function add(row) rows[#rows + 1] = row end

-- the larger and the smaller; the two operands are never close, so that differences do not step over the kink
for name, point in pairs {maximum = math.max, fmax = math.max, minimum = math.min, fmin = math.min} do
  add {name = name, args = {{T{2, 3, range = {-2, 0}}, T{2, 3, range = {0.1, 2}}}, {T{3, range = {0.5, 2}}, T{2, 1, range = {-2, 0}}}, {T{}, T{2, range = {3, 4}}}, {T{0}, T{1}}},
    reference = function(x, y) return P.map(point, x, y) end, grad = true, dtypes = 'all', result = 'same'}
  local nan = 0 / 0
  local keeps = name == 'maximum' or name == 'minimum'
  add {name = name, label = 'nan', args = {{T{3, values = {nan, 1, nan}}, T{3, values = {1, nan, nan}}}}, dtypes = 'float', layouts = false,
    reference = function() return {shape = {3}, keeps and nan or 1, keeps and nan or 1, nan} end}
end

for name, point in pairs {
  eq = function(x, y) return x == y end, ne = function(x, y) return x ~= y end, lt = function(x, y) return x < y end,
  le = function(x, y) return x <= y end, gt = function(x, y) return x > y end, ge = function(x, y) return x >= y end,
  logical_and = function(x, y) return x ~= 0 and y ~= 0 end, logical_or = function(x, y) return x ~= 0 or y ~= 0 end,
  logical_xor = function(x, y) return (x ~= 0) ~= (y ~= 0) end,
} do
  add {name = name, n = 2, point = point, dtypes = 'all', result = 'bool', inplace = false, wrong = {{T{2}, T{3}, says = {name, '2', '3'}}}}
  add {name = name, label = 'equal elements', args = {{T{4, values = {1, 2, 0, 0}}, T{4, values = {1, 1, 0, 3}}}, {T{2, values = {0, 3}}, 3}}, dtypes = 'number',
    reference = function(x, y) return P.map(point, x, y) end, result = 'bool'}
end

-- bits, by arithmetic on each binary digit
local function bits(x, y, f)
  local out, place = 0, 1
  for _ = 1, 8 do
    out = out + place * f(x % 2, y % 2)
    x, y, place = floor(x / 2), floor(y / 2), place * 2
  end
  return out
end
for name, f in pairs {
  bitwise_and = function(a, b) return a * b end,
  bitwise_or = function(a, b) return math.max(a, b) end,
  bitwise_xor = function(a, b) return (a + b) % 2 end,
} do
  add {name = name, args = {{T{2, 3, int = {0, 127}, dtype = 'int32'}, T{3, int = {0, 127}, dtype = 'int32'}}, {T{4, int = {0, 255}, dtype = 'uint8'}, T{4, int = {0, 255}, dtype = 'uint8'}},
    {T{4, int = {0, 1}, dtype = 'bool'}, T{4, int = {0, 1}, dtype = 'bool'}}, {T{3, int = {0, 99}}, 12}},
    reference = function(x, y) return P.map(function(a, b) return bits(a, b, f) end, x, y) end, dtypes = {'int64'},
    wrong = {{T{2, dtype = 'float32'}, T{2, dtype = 'float32'}, says = {name, 'float32'}}}}
end
add {name = 'bitwise_left_shift', args = {{T{2, 3, int = {-9, 9}}, T{3, int = {0, 6}}}, {T{3, int = {0, 9}}, 3}}, dtypes = {'int64'},
  reference = function(x, y) return P.map(function(a, b) return a * 2 ^ b end, x, y) end}
add {name = 'bitwise_right_shift', args = {{T{2, 3, int = {-99, 99}}, T{3, int = {0, 6}}}, {T{3, int = {0, 9}}, 1}}, dtypes = {'int64'},
  reference = function(x, y) return P.map(function(a, b) return floor(a / 2 ^ b) end, x, y) end}

add {name = 'isclose', args = {{T{4, values = {1, 1, 100, 0}}, T{4, values = {1 + 1e-6, 1.1, 100.0005, 1e-9}}}}, dtypes = {'float64'}, result = 'bool', layouts = false,
  reference = function() return {shape = {4}, 1, 0, 1, 1} end}
add {name = 'isclose', label = 'nan and infinities', args = {{T{4, values = {0 / 0, huge, huge, -huge}}, T{4, values = {0 / 0, huge, -huge, 1}}, 1e-5, 1e-8, true}},
  result = 'bool', dtypes = {'float64', 'float32'}, reference = function() return {shape = {4}, 1, 1, 0, 0} end, layouts = false}

local function choose(c, x, y) return c ~= 0 and x or y end
add {name = 'where', call = function(...) return require('tocha').where(...) end, args = {{T{2, 3, int = {0, 1}, dtype = 'bool'}, T{2, 3}, T{2, 3}}, {T{2, 1, int = {0, 1}, dtype = 'bool'}, T{3}, T{}},
  {T{3, int = {0, 1}, dtype = 'bool'}, T{3}, 0.5}, {T{3, int = {0, 1}, dtype = 'bool'}, 2, T{3}}, {T{0, int = {0, 1}, dtype = 'bool'}, T{0}, T{1}}},
  reference = function(c, x, y) return P.map(choose, c, x, y) end, grad = true, dtypes = 'number',
  wrong = {{T{2, dtype = 'float32'}, T{2}, T{2}, says = {'where', 'bool'}}}}

local function within(x, lo, hi) return math.min(math.max(x, lo), hi) end
add {name = 'clamp', args = {{T{2, 3}, -0.5, 0.5}, {T{}, -1, 1}, {T{0, 2}, 0, 1}}, range = {-2, 2}, dtypes = float, grad = true, gtol = {1e-4, 1e-6},
  reference = function(x, lo, hi) return P.map(function(v) return within(v, lo, hi) end, x) end}
add {name = 'clamp', label = 'one bound, integers', args = {{T{6, int = {-9, 9}}, -3, 3}, {T{6, int = {-9, 9}}, {max = 2}}, {T{6, int = {-9, 9}}, {min = 2}}}, dtypes = {'int64'}, result = 'same',
  reference = function(x, lo, hi)
    if type(lo) == 'table' then lo, hi = lo.min, lo.max end
    return P.map(function(v) return within(v, lo or -huge, hi or huge) end, x)
  end}
add {name = 'clamp', label = 'tensors', args = {{T{2, 3}, T{3, range = {-1, -0.5}}, T{2, 1, range = {0.5, 1}}}}, range = {-2, 2}, dtypes = float, grad = true,
  reference = function(x, lo, hi) return P.map(within, x, lo, hi) end}
add {name = 'clamp_min', args = {{T{2, 3, away = {0.2}}, 0.2}, {T{2, 3, range = {2, 3}}, T{3}}, {T{0}, 1}}, dtypes = float, grad = true,
  reference = function(x, y) return P.map(math.max, x, y) end}
add {name = 'clamp_max', args = {{T{2, 3, away = {0.2}}, 0.2}, {T{2, 3, range = {2, 3}}, T{3}}, {T{0}, 1}}, dtypes = float, grad = true,
  reference = function(x, y) return P.map(math.min, x, y) end}
add {name = 'lerp', n = 3, point = function(x, y, w) return x + w * (y - x) end, grad = true, dtypes = float}
add {name = 'lerp', label = 'a number', args = {{T{2, 3}, T{2, 3}, 0.3}, {T{2, 3}, T{3}, 0.8}}, grad = true, dtypes = float,
  reference = function(x, y, w) return P.map(function(a, b) return a + w * (b - a) end, x, y) end}
add {name = 'addcmul', n = 3, point = function(x, y, z) return x + y * z end, grad = true, dtypes = float}
add {name = 'addcmul', label = 'value', n = 3, extra = {{value = 2}}, point = function(x, y, z) return x + 2 * y * z end, grad = true, dtypes = 'number', range = {0, 5}}
add {name = 'addcdiv', n = 3, point = function(x, y, z) return x + y / z end, grad = true, range = {{-2, 2}, {-2, 2}, {1, 3}}, dtypes = float}
add {name = 'addcdiv', label = 'value', n = 3, extra = {{value = -0.5}}, point = function(x, y, z) return x - 0.5 * y / z end, grad = true,
  range = {{-2, 2}, {-2, 2}, {1, 3}}, dtypes = float}

return rows
