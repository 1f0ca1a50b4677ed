--- Cases of running sums, products and extremes, and of differences.

local H = require 'spec.harness'
local P = require 'spec.plain'
local T, NIL = H.T, H.NIL
local huge = math.huge

local function running(step)
  return function(x, dim)
    return (P.along(x, dim, function(list)
      local out, acc = {}, nil
      for i, v in ipairs(list) do
        acc = i == 1 and v or step(acc, v)
        out[i] = acc
      end
      return out
    end))
  end
end
local function add(a, b) return a + b end
local function mul(a, b) return a * b end
local function log_add(a, b)
  local m = math.max(a, b)
  if m == -huge then return m end
  return m + math.log(math.exp(a - m) + math.exp(b - m))
end
local function running_extreme(better)
  return function(x, dim)
    return P.along(x, dim, function(list)
      local values, places, best, at = {}, {}, nil, nil
      for i, v in ipairs(list) do
        if i == 1 or v ~= v or (best == best and (better(v, best) or v == best)) then best, at = v, i end
        values[i], places[i] = best, at
      end
      return values, places
    end)
  end
end
local function summed(d) return (d:find('^u?int') or d == 'bool') and 'int64' or d end

local function dims_args(options)
  local function X(shape)
    for k, v in pairs(options or {}) do shape[k] = v end
    return T(shape)
  end
  return {{X{7}, 1}, {X{2, 3}, 1}, {X{2, 3}, -1}, {X{2, 3, 4}, 2}, {X{3, 20}, 1}, {X{}, 1}, {X{0, 3}, 1}, {X{2, 0}, 1}}
end
local wrong = {{T{2, 3}, 3, says = {'3'}}, {T{2, 3}, 0, says = {'0'}}}

local function joined(x, before, after, dim)
  return (P.along(x, dim, function(list)
    local out = {}
    for i = 1, before do out[#out + 1] = i end
    for _, v in ipairs(list) do out[#out + 1] = v end
    for i = 1, after do out[#out + 1] = i end
    return out
  end))
end
local function difference(x, n, dim)
  for _ = 1, n or 1 do
    x = P.along(x, dim or -1, function(list)
      local out = {}
      for i = 2, #list do out[i - 1] = list[i] - list[i - 1] end
      return out
    end)
  end
  return x
end

return {
  {name = 'cumsum', args = dims_args{range = {-9, 9}}, reference = running(add), grad = true, dtypes = 'all', result = summed, half = 4, wrong = wrong,
    inplace = false},
  {name = 'cumsum', label = 'in place', args = {{T{2, 3}, 1}, {T{4}, 1}}, reference = running(add), grad = true, dtypes = 'float', half = 4},
  {name = 'cumprod', args = dims_args{range = {0.6, 1.5}}, reference = running(mul), grad = true, dtypes = 'all', result = summed, half = 4,
    wrong = wrong, inplace = false},
  {name = 'cumprod', label = 'zeros', args = {{T{5, values = {2, 3, 0, 4, 5}}, 1},
    {T{5, values = {2, 0, 3, 0, 5}}, 1},
    {T{2, 2, values = {0, 2, 3, 4}}, 2}, {T{3, 2, values = {1, 0, 0, 2, 3, 4}}, 1}}, reference = running(mul), grad = true, dtypes = 'number'},
  {name = 'logcumsumexp', args = dims_args(), reference = running(log_add), grad = true, dtypes = 'float', half = 3, wrong = wrong},
  {name = 'logcumsumexp', label = 'infinite', args = {{T{4, values = {-huge, -huge, 1000, 1000}}, 1}}, reference = running(log_add),
    dtypes = {'float64', 'float32'}},
  {name = 'cummax', args = dims_args{distinct = true}, reference = running_extreme(function(a, b) return a > b end), grad = true, dtypes = 'all',
    result = 'same', wrong = wrong},
  {name = 'cummin', args = dims_args{distinct = true}, reference = running_extreme(function(a, b) return a < b end), grad = true, dtypes = 'all',
    result = 'same', wrong = wrong},
  {name = 'cummax', label = 'nan', args = {{T{5, values = {1, 3, 0 / 0, 5, 2}}, 1}}, reference = running_extreme(function(a, b) return a > b end),
    dtypes = 'float', layouts = false},
  {name = 'diff', args = {{T{5}}, {T{2, 4}}, {T{2, 4}, 2}, {T{4, 2}, 1, 1}, {T{3}, 0}}, reference = difference, grad = true,
    dtypes = {'float64', 'float32', 'float16', 'int64', 'int8'}, range = {1, 9}, result = 'same', half = 8, wrong = {{T{}, says = {'dim'}}, {T{3}, -1, says = {'-1'}}}},
  {name = 'diff', label = 'ends', args = {{T{4}, 1, -1, T{1, values = {1}, grad = false}, T{2, values = {1, 2}, grad = false}},
    {T{4}, 1, -1, NIL, T{1, values = {1}, grad = false}}}, reference = function(x, n, dim, before, after)
    return difference(joined(x, before and #before or 0, #after, dim), n, dim)
  end, grad = true, dtypes = {'float64', 'float32', 'int64'}, layouts = false},
}
