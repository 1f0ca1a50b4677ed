--- Cases of the pointwise activations.

local H = require 'spec.harness'
local S = require 'spec.special_functions'
local exp, max, min, abs = math.exp, math.max, math.min, math.abs

local function normal_cdf(x) return 0.5 * S.erfc(-x / math.sqrt(2)) end
local function gelu_tanh(x) return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ^ 3))) end
local function elu(x, alpha) return x > 0 and x or (alpha or 1) * S.expm1(x) end
local function soft(x, l) return x > l and x - l or x < -l and x + l or 0 end

local scale, alpha = 1.0507009873554805, 1.6732632423543772 -- Klambauer et al. 2017

local rows = {}
local function add(name, point, more)
  local row = {name = name, point = point, grad = true, dtypes = 'float', range = {-3, 3}, result = 'same'}
  for key, value in pairs(more or {}) do row[key] = value end
  rows[#rows + 1] = row
end

add('relu', function(x) return max(x, 0) end, {away = {0}, grad = true, dtypes = 'number'})
add('leaky_relu', function(x) return x > 0 and x or 0.01 * x end, {away = {0}, grad = true})
add('leaky_relu', function(x, slope) return x > 0 and x or slope * x end, {label = 'slope', extra = {0.2}, away = {0}, grad = true})
add('elu', elu, {away = {0}})
add('elu', elu, {label = 'alpha', extra = {1.7}, away = {0}})
add('celu', function(x) return x > 0 and x or S.expm1(x) end, {away = {0}})
add('celu', function(x, a) return x > 0 and x or a * S.expm1(x / a) end, {label = 'alpha', extra = {2}, away = {0}})
add('selu', function(x) return scale * elu(x, alpha) end, {away = {0}})
add('gelu', function(x) return x * normal_cdf(x) end)
add('gelu', gelu_tanh, {label = 'tanh', extra = {{approximate = 'tanh'}}, wrong = {{H.T{2}, {approximate = 'sinh'}, says = {'gelu', 'sinh'}}}})
add('silu', function(x) return x * S.sigmoid(x) end)
add('mish', function(x) return x * math.tanh(S.softplus(x)) end)
add('softplus', S.softplus)
add('softplus', function(x, beta, threshold) return x * beta > threshold and x or S.softplus(x * beta) / beta end,
  {label = 'beta, threshold', extra = {2, 3}, away = {1.5}})
add('softplus', S.softplus, {label = 'far out', range = {-500, 500}, grad = false, dtypes = {'float64', 'float32'}})
add('logsigmoid', function(x) return -S.softplus(-x) end)
add('logsigmoid', function(x) return -S.softplus(-x) end, {label = 'far out', range = {-500, 500}, grad = false, dtypes = {'float64', 'float32'}})
add('softsign', function(x) return x / (1 + abs(x)) end, {away = {0}})
add('tanhshrink', function(x) return x - math.tanh(x) end)
add('hardtanh', function(x) return min(max(x, -1), 1) end, {away = {-1, 1}, grad = true})
add('hardtanh', function(x, lo, hi) return min(max(x, lo), hi) end, {label = 'bounds', extra = {-2, 0.5}, away = {-2, 0.5}, grad = true})
add('relu6', function(x) return min(max(x, 0), 6) end, {range = {-8, 8}, away = {0, 6}, grad = true})
add('hardsigmoid', function(x) return min(max(x / 6 + 0.5, 0), 1) end, {range = {-5, 5}, away = {-3, 3}, grad = true})
add('hardswish', function(x) return x * min(max(x / 6 + 0.5, 0), 1) end, {range = {-5, 5}, away = {-3, 3}})
add('hardshrink', function(x) return abs(x) > 0.5 and x or 0 end, {away = {-0.5, 0.5}, grad = true})
add('softshrink', function(x) return soft(x, 0.5) end, {away = {-0.5, 0.5}, grad = true})
add('softshrink', function(x, l) return soft(x, l) end, {label = 'lambd', extra = {1}, away = {-1, 1}, grad = true})
add('threshold', function(x, t, v) return x > t and x or v end, {extra = {0.3, -2}, away = {0.3}, grad = true})
add('tanh', math.tanh, {label = 'as an activation, far out', range = {-40, 40}, grad = false})
add('sigmoid', function(x) return 1 / (1 + exp(-x)) end, {label = 'far out', range = {-60, 60}, grad = false})

return rows
