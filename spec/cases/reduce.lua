--- Cases of reductions: sums, means, products, extremes, norms, variances, tests.

local H = require 'spec.harness'
local P = require 'spec.plain'
local T = H.T
local huge, abs, nan = math.huge, math.abs, 0 / 0
local all_float = {'float64', 'float32', 'float16', 'bfloat16'}
local real_float = {'float64', 'float32'}

local function options(a, b)
  if type(a) == 'table' and a.dim ~= nil then return a.dim, a.keepdim end
  return a, b
end

-- the reference of a fold with the arguments (x, dim, keepdim)
local function folding(f)
  return function(x, dim, keepdim)
    dim, keepdim = options(dim, keepdim)
    return (P.fold(x, dim, keepdim, f))
  end
end

local function sum(list) return P.sum(list) end
local function mean(list) return P.sum(list) / #list end
local function prod(list)
  local p = 1
  for _, v in ipairs(list) do p = p * v end
  return p
end
local function extreme(better)
  return function(list)
    local best, at = list[1], 1
    for i = 2, #list do
      if best == best and (better(list[i], best) or list[i] ~= list[i]) then best, at = list[i], i end
    end
    return best, at
  end
end
local largest = extreme(function(a, b) return a > b end)
local smallest = extreme(function(a, b) return a < b end)
local function numbers(list)
  local out = {}
  for _, v in ipairs(list) do if v == v then out[#out + 1] = v end end
  return out
end
local function variance(correction)
  return function(list)
    local m, s = mean(list), 0
    for _, v in ipairs(list) do s = s + (v - m) ^ 2 end
    return s / math.max(#list - correction, 0), m
  end
end
local function deviation(correction)
  local f = variance(correction)
  return function(list)
    local v, m = f(list)
    return math.sqrt(v), m
  end
end
local function norm(p)
  return function(list)
    local s = 0
    if p == huge then
      for _, v in ipairs(list) do s = math.max(s, abs(v)) end
      return s
    elseif p == -huge then
      s = huge
      for _, v in ipairs(list) do s = math.min(s, abs(v)) end
      return s
    end
    for _, v in ipairs(list) do s = s + (p == 0 and (v ~= 0 and 1 or 0) or abs(v) ^ p) end
    return p == 0 and s or s ^ (1 / p)
  end
end
local function logsumexp(list)
  local m = -huge
  for _, v in ipairs(list) do m = math.max(m, v) end
  if m == -huge then return m end
  local s = 0
  for _, v in ipairs(list) do s = s + math.exp(v - m) end
  return m + math.log(s)
end
local function any(list)
  for _, v in ipairs(list) do if v ~= 0 then return 1 end end
  return 0
end
local function all(list)
  for _, v in ipairs(list) do if v == 0 then return 0 end end
  return 1
end
local function count(list)
  local n = 0
  for _, v in ipairs(list) do if v ~= 0 then n = n + 1 end end
  return n
end
local function summed(d) return (d:find('^u?int') or d == 'bool') and 'int64' or d end
local function tested(d) return d == 'uint8' and 'uint8' or 'bool' end

-- the ways to name dims, for shapes with every kind of loop: rows, columns, images, narrow ones
local function dims_args(options_of)
  local o = options_of or {}
  local function X(shape)
    local t = {}
    for i, n in ipairs(shape) do t[i] = n end
    for k, v in pairs(o) do t[k] = v end
    return T(t)
  end
  return {
    {X{2, 3}}, {X{}}, {X{37}}, {X{2, 3, 4}, 2}, {X{2, 3, 4}, {1, 3}}, {X{2, 3, 4}, -1, true}, {X{3, 70}, 1}, {X{70, 3}, 1}, {X{5, 4, 2, 3}, {1, 3, 4}},
    {X{2, 3}, {dim = {1, 2}, keepdim = true}}, {X{9, 1, 5}, 2}, {X{2, 3}, {}},
  }
end
local function one_dim_args(o) -- for functions of one dim
  local list = {}
  for _, args in ipairs(dims_args(o)) do
    if args[2] == nil or type(args[2]) == 'number' then list[#list + 1] = args end
  end
  return list
end
local function with_dim(args) -- for functions that need one
  local list = {}
  for _, a in ipairs(args) do if type(a[2]) == 'number' then list[#list + 1] = a end end
  return list
end
local function with_empty(args)
  local list = {unpack(args)}
  list[#list + 1] = {T{0, 3}}
  list[#list + 1] = {T{0, 3}, 1}
  list[#list + 1] = {T{0, 3}, 2}
  return list
end

local bad_dims = {{T{2, 3}, 3, says = {'3', '2'}}, {T{2, 3}, {1, -2}, says = {'twice'}}, {T{2, 3}, 0, says = {'0'}}}
local empty = {{T{0, 3}, 1, says = {'empty'}}, {T{0}, says = {'empty'}}}
local values_with_nan = {{T{2, 3, values = {1, nan, 2, 4, 5, nan}}}, {T{2, 3, values = {1, nan, 2, 4, 5, nan}}, 2}}

local rows = {
  {name = 'sum', args = with_empty(dims_args{range = {-9, 9}}), reference = folding(sum), grad = true, dtypes = 'all', result = summed, half = 4,
    wrong = bad_dims},
  {name = 'sum', label = 'dtype', args = {{T{2, 3}, {dtype = 'float64'}}, {T{2, 3}, 1, {dtype = 'float64'}}},
    reference = function(x, dim) return (P.fold(x, type(dim) == 'number' and dim or nil, false, sum)) end, grad = true, dtypes = 'all',
    result = function() return 'float64' end},
  {name = 'nansum', args = with_empty(dims_args()), reference = folding(sum), grad = true, dtypes = 'number', result = summed, half = 4},
  {name = 'nansum', label = 'nan', args = values_with_nan, reference = folding(function(l) return sum(numbers(l)) end), dtypes = all_float,
    layouts = false},
  {name = 'mean', args = dims_args{range = {-9, 9}}, reference = folding(mean), grad = true, dtypes = 'float', half = 2,
    wrong = {{T{2, dtype = 'int64'}, says = {'mean', 'int64', 'float'}}, bad_dims[1]}},
  {name = 'nanmean', args = dims_args(), reference = folding(mean), grad = true, dtypes = 'float', half = 2},
  {name = 'nanmean', label = 'nan', args = values_with_nan, reference = folding(function(l) return mean(numbers(l)) end), dtypes = all_float,
    layouts = false},
  {name = 'prod', args = one_dim_args{range = {0.7, 1.4}}, reference = folding(prod), grad = true, dtypes = 'all', result = summed, half = 4},
  {name = 'prod', label = 'zeros', args = {{T{2, 3, values = {1, 0, 3, 2, 4, 5}}, 2}, {T{2, 3, values = {1, 0, 3, 0, 4, 5}}, 2},
    {T{4, values = {0, 2, 0, 3}}}, {T{2, 2, values = {0, 2, 3, 4}}}}, reference = folding(prod), grad = true, dtypes = 'number'},
  {name = 'amax', args = dims_args{distinct = true}, reference = folding(largest), grad = true, dtypes = 'all', result = 'same', wrong = empty},
  {name = 'amin', args = dims_args{distinct = true}, reference = folding(smallest), grad = true, dtypes = 'all', result = 'same', wrong = empty},
  {name = 'max_all', args = {{T{2, 3, distinct = true}}, {T{}}, {T{100, distinct = true}}}, reference = folding(largest), grad = true,
    dtypes = 'all', result = 'same', wrong = {empty[2]}},
  {name = 'min_all', args = {{T{2, 3, distinct = true}}, {T{}}, {T{100, distinct = true}}}, reference = folding(smallest), grad = true,
    dtypes = 'all', result = 'same', wrong = {empty[2]}},
  {name = 'max_dim', args = with_dim(dims_args{distinct = true}), reference = function(x, d, k) return P.fold(x, d, k, largest) end,
    grad = true, dtypes = 'all', result = 'same', wrong = {empty[1]}},
  {name = 'min_dim', args = with_dim(dims_args{distinct = true}), reference = function(x, d, k) return P.fold(x, d, k, smallest) end,
    grad = true, dtypes = 'all', result = 'same', wrong = {empty[1]}},
  {name = 'aminmax', args = {{T{2, 3, distinct = true}}, {T{2, 3, distinct = true}, {dim = 2, keepdim = true}}, {T{}}}, reference = function(x, o)
    o = o or {}
    return P.fold(x, o.dim, o.keepdim, function(l) return (smallest(l)), (largest(l)) end)
  end, grad = true, dtypes = 'all', result = 'same'},
  {name = 'argmax', args = one_dim_args{distinct = true}, reference = folding(function(l) return (select(2, largest(l))) end), dtypes = 'all',
    result = 'int64', wrong = empty},
  {name = 'argmin', args = one_dim_args{distinct = true}, reference = folding(function(l) return (select(2, smallest(l))) end), dtypes = 'all',
    result = 'int64', wrong = empty},
  {name = 'any', args = with_empty(dims_args{int = {0, 1}, dtype = 'bool'}), reference = folding(any), result = tested},
  {name = 'any', label = 'numbers', args = {{T{3, 5, range = {-1.4, 1.4}}, 2}, {T{2}}}, reference = folding(any), dtypes = 'all', result = tested},
  {name = 'all', args = with_empty(dims_args{int = {0, 1}, dtype = 'bool'}), reference = folding(all), result = tested},
  {name = 'all', label = 'numbers', args = {{T{3, 5, range = {-9, 9}}, 2}, {T{2}}}, reference = folding(all), dtypes = 'all', result = tested},
  {name = 'count_nonzero', args = {{T{2, 3}}, {T{2, 3}, 1}, {T{2, 3, 4}, {1, 3}}, {T{}}, {T{0, 3}}}, reference = folding(count), dtypes = 'all',
    result = 'int64'},
  {name = 'var', args = {{T{2, 3}}, {T{37}}, {T{2, 3, 4}, 2}, {T{2, 3, 4}, {1, 3}, {keepdim = true}}, {T{70, 3}, 1}, {T{5, 4, 2, 3}, {1, 3, 4}}},
    reference = function(x, d, k) return (P.fold(x, d, k and k.keepdim, variance(1))) end, grad = true, dtypes = 'float', half = 4, layouts = false},
  {name = 'var', label = 'correction', args = {{T{2, 5}, 2, {correction = 2}}, {T{7}, {correction = 2}}}, reference = function(x, d)
    return (P.fold(x, type(d) == 'number' and d or nil, false, variance(2)))
  end, grad = true, dtypes = real_float},
  {name = 'var', label = 'biased', args = {{T{2, 5}, 2, {unbiased = false}}, {T{7}, {unbiased = false}}}, reference = function(x, d)
    return (P.fold(x, type(d) == 'number' and d or nil, false, variance(0)))
  end, grad = true, dtypes = 'float', half = 4, wrong = {{T{2, dtype = 'int64'}, says = {'var', 'int64'}}}},
  {name = 'std', args = {{T{2, 3}}, {T{2, 3, 4}, 2}, {T{2, 3, 4}, {1, 3}, {keepdim = true}}, {T{70, 3}, 1}}, reference = function(x, d, k)
    return (P.fold(x, d, k and k.keepdim, deviation(1)))
  end, grad = true, dtypes = 'float', half = 4, layouts = false},
  {name = 'var_mean', args = {{T{2, 3}}, {T{2, 3, 4}, 2}, {T{70, 3}, 1}}, reference = function(x, d) return P.fold(x, d, false, variance(1)) end,
    grad = true, dtypes = 'float', half = 4, layouts = false},
  {name = 'std_mean', args = {{T{2, 3}}, {T{2, 3, 4}, 2}, {T{70, 3}, 1}}, reference = function(x, d) return P.fold(x, d, false, deviation(1)) end,
    grad = true, dtypes = 'float', half = 4, layouts = false},
  {name = 'logsumexp', args = {{T{2, 3}, 2}, {T{2, 3, 4}, {1, 3}}, {T{2, 3}, -1, true}, {T{}, 1}, {T{0, 3}, 1}}, reference = folding(logsumexp),
    grad = true, dtypes = 'number', result = 'float', half = 3},
  {name = 'logsumexp', label = 'infinite', args = {{T{2, 2, values = {-huge, -huge, 1000, 1000}}, 2}}, reference = folding(logsumexp),
    dtypes = real_float, layouts = false},
}

local function norm_row(p, grad, range)
  return {name = 'vector_norm', label = 'order ' .. tostring(p), call = function(x, ...) return require('tocha').linalg.vector_norm(x, p, ...) end,
    args = dims_args{away = {0}, distinct = abs(p) == huge, range = range}, reference = folding(norm(p)), grad = grad, dtypes = 'float', half = 4,
    gtol = {1e-4, 1e-6}, wrong = {{T{2, dtype = 'int64'}, says = {'int64'}}}}
end
for p, grad in pairs {[2] = true, [1] = 'first', [0.5] = true, [3] = true, [3.5] = true, [-1] = true, [huge] = 'first', [-huge] = 'first'} do
  rows[#rows + 1] = norm_row(p, grad, {-3.1, 3})
end
rows[#rows + 1] = norm_row(0)

return rows
