--- Cases of pointwise operators of one operand.

local H = require 'spec.harness'
local S = require 'spec.special_functions'
local T = H.T
local exp, log, abs, floor, ceil, pi, huge = math.exp, math.log, math.abs, math.floor, math.ceil, math.pi, math.huge
local nan = 0 / 0

-- functions of floating numbers, smooth inside their range; integers are computed in float32
local function smooth(name, range, point, more)
  local row = {name = name, range = range, point = point, grad = true, dtypes = 'float'}
  for key, value in pairs(more or {}) do row[key] = value end
  return row
end

local rows = {
  {name = 'neg', point = function(x) return -x end, grad = true, dtypes = {'float64', 'float32', 'float16', 'bfloat16', 'int64', 'int32', 'int16',
    'int8'}, result = 'same', wrong = {{T{2, dtype = 'bool'}}}},
  {name = 'abs', point = abs, grad = true, away = {0}, dtypes = 'number', result = 'same'},
  {name = 'sign', point = function(x) return x > 0 and 1 or x < 0 and -1 or 0 end, grad = true, away = {0}, dtypes = 'number', result = 'same'},
  {name = 'square', point = function(x) return x * x end, grad = true, dtypes = 'number', result = 'same'},
  smooth('reciprocal', {0.5, 3}, function(x) return 1 / x end, {result = 'float', dtypes = {'float64', 'float32', 'float16', 'bfloat16'}}),
  smooth('sqrt', {0.3, 5}, math.sqrt, {dtypes = 'number', result = 'float'}),
  smooth('rsqrt', {0.3, 5}, function(x) return 1 / math.sqrt(x) end),
  {name = 'floor', point = floor, grad = true, away = {-2, -1, 0, 1, 2}, dtypes = 'number', result = 'same'},
  {name = 'ceil', point = ceil, grad = true, away = {-2, -1, 0, 1, 2}, dtypes = 'number', result = 'same'},
  {name = 'trunc', point = S.trunc, grad = true, away = {-2, -1, 0, 1, 2}, dtypes = 'number', result = 'same'},
  {name = 'frac', point = function(x) return x - S.trunc(x) end, grad = true, away = {-2, -1, 0, 1, 2}},
  {name = 'round', point = S.rint, grad = true, away = {-1.5, -0.5, 0.5, 1.5}, dtypes = 'number', result = 'same'},
  {name = 'round', label = 'halves', args = {{T{8, values = {-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.5, 4.4}}}},
    reference = function(x) return {shape = x.shape, -2, -2, 0, 0, 2, 2, 4, 4} end, dtypes = 'float', layouts = false},
  {name = 'round', label = 'decimals', args = {{T{3, values = {1.2345, -2.7182, 0.05}}, 2}, {T{2, values = {1234, 5678}}, -2}},
    reference = function(x, decimals)
      local out = {shape = x.shape}
      for i = 1, #x do out[i] = S.rint(x[i] * 10 ^ decimals) / 10 ^ decimals end
      return out
    end, dtypes = {'float64', 'float32'}, layouts = false, inplace = false},

  smooth('exp', {-3, 3}, exp, {dtypes = 'all', result = 'float'}),
  smooth('exp2', {-3, 3}, function(x) return 2 ^ x end),
  smooth('expm1', {-2, 2}, S.expm1),
  smooth('expm1', {-1e-3, 1e-3}, S.expm1, {label = 'near 0', tol = {1e-13, 0}, single = {1e-6, 0}, dtypes = {'float64', 'float32'}}),
  smooth('log', {0.2, 5}, log, {dtypes = 'float', result = 'float'}),
  smooth('log2', {0.2, 5}, function(x) return log(x) / log(2) end),
  smooth('log10', {0.2, 5}, math.log10),
  smooth('log1p', {-0.7, 5}, S.log1p),
  smooth('log1p', {-1e-3, 1e-3}, S.log1p, {label = 'near 0', tol = {1e-13, 0}, single = {1e-6, 0}, dtypes = {'float64', 'float32'}}),

  smooth('sin', {-6, 6}, math.sin, {dtypes = 'number', result = 'float'}),
  smooth('sin', {900, 1000}, math.sin, {label = 'large arguments', dtypes = {'float64', 'float32'}, grad = false}),
  smooth('cos', {-6, 6}, math.cos, {dtypes = 'number', result = 'float'}),
  smooth('cos', {900, 1000}, math.cos, {label = 'large arguments', dtypes = {'float64', 'float32'}, grad = false}),
  smooth('tan', {-1.2, 1.2}, math.tan),
  smooth('asin', {-0.9, 0.9}, math.asin),
  smooth('acos', {-0.9, 0.9}, math.acos),
  smooth('atan', {-3, 3}, math.atan),
  smooth('sinh', {-3, 3}, math.sinh),
  smooth('cosh', {-3, 3}, math.cosh),
  smooth('tanh', {-3, 3}, math.tanh, {dtypes = 'number', result = 'float'}),
  smooth('asinh', {-3, 3}, S.asinh),
  smooth('acosh', {1.2, 5}, S.acosh),
  smooth('atanh', {-0.9, 0.9}, S.atanh),

  smooth('erf', {-2.5, 2.5}, S.erf),
  smooth('erfc', {-2.5, 2.5}, S.erfc),
  smooth('erfc', {3, 9}, S.erfc, {label = 'far out', tol = {1e-10, 0}, single = {1e-4, 0}, dtypes = {'float64', 'float32'}, grad = false}),
  smooth('lgamma', {0.3, 6}, S.lgamma, {tol = {1e-9, 1e-11}}),
  smooth('lgamma', {-2.9, -2.1}, S.lgamma, {label = 'below 0', tol = {1e-9, 1e-11}, dtypes = {'float64'}, single = {1e-4, 1e-5}}),
  smooth('digamma', {0.5, 6}, S.digamma, {tol = {1e-9, 1e-11}}),
  smooth('digamma', {-2.8, -2.2}, S.digamma, {label = 'below 0', tol = {1e-9, 1e-10}, dtypes = {'float64'}}),
  smooth('sigmoid', {-5, 5}, S.sigmoid, {dtypes = 'number', result = 'float'}),
  smooth('deg2rad', {-200, 200}, function(x) return x * pi / 180 end),
  smooth('rad2deg', {-3, 3}, function(x) return x * 180 / pi end),
  {name = 'sinc', point = function(x) return x == 0 and 1 or math.sin(pi * x) / (pi * x) end, range = {-2.5, 2.5}, away = {0}, grad = true},
  {name = 'polygamma', args = {{1, T{2, 3}}, {2, T{3}}, {3, T{}}, {0, T{3}}}, range = {0.6, 5},
    reference = function(n, x) return require('spec.plain').map(function(v) return S.polygamma(n, v) end, x) end,
    grad = true, dtypes = {'float64', 'float32'}, tol = {1e-9, 1e-11}, single = {1e-4, 1e-5}},
  {name = 'logit', point = function(x) return log(x / (1 - x)) end, range = {0.1, 0.9}, grad = true, single = {1e-4, 1e-5}, half = 4},
  {name = 'logit', label = 'eps', args = {{T{4, values = {-0.5, 0.2, 0.7, 1.5}}, 0.1}}, grad = true,
    reference = function(x, eps) return require('spec.plain').map(function(v)
      v = math.min(math.max(v, eps), 1 - eps)
      return log(v / (1 - v))
    end, x) end, dtypes = {'float64', 'float32'}},

  {name = 'nan_to_num', args = {{T{5, grad = false, values = {nan, huge, -huge, 1.5, -2}}, 3, 100, -100}, {T{0}, 3, 100, -100}, {T{4}, 3}}, grad = true,
    reference = function(x, a, b, c)
      return require('spec.plain').map(function(v) return v ~= v and a or v == huge and b or v == -huge and c or v end, x)
    end, dtypes = 'float'},
  {name = 'bitwise_not', point = function(x) return -x - 1 end, int = {-20, 20}, dtype = 'int32', dtypes = {'int32'}, result = 'same',
    wrong = {{T{2, dtype = 'float32'}, says = {'bitwise_not', 'float32'}}}},
  {name = 'bitwise_not', label = 'uint8', point = function(x) return 255 - x end, int = {0, 255}, dtype = 'uint8', dtypes = {'uint8'}},
  {name = 'bitwise_not', label = 'bool', point = function(x) return 1 - x end, int = {0, 1}, dtype = 'bool', dtypes = {'bool'}},
  {name = 'logical_not', point = function(x) return x == 0 end, dtypes = 'all', result = 'bool', inplace = false},
  {name = 'positive', point = function(x) return x end, grad = true, dtypes = 'number', wrong = {{T{2, dtype = 'bool'}}}},
}

local odd = {nan, huge, -huge, 0, -1.5, 2, -0.0}
local function test(name, point, dtypes)
  rows[#rows + 1] = {name = name, args = {{T{7, values = odd}}, {T{}}, {T{0, 2}}}, dtypes = dtypes or 'all', result = 'bool',
    reference = function(x) return require('spec.plain').map(point, x) end}
end
test('isnan', function(x) return x ~= x end)
test('isinf', function(x) return abs(x) == huge end)
test('isfinite', function(x) return x == x and abs(x) ~= huge end)
test('isposinf', function(x) return x == huge end)
test('isneginf', function(x) return x == -huge end)
rows[#rows + 1] = {name = 'signbit', point = function(x) return x < 0 end, away = {0}, dtypes = 'all', result = 'bool'}

return rows
