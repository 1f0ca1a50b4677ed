--- Cases of what orders: sort, topk, k-th values, medians, modes, quantiles, distinct elements, search, histograms.

local tocha = require 'tocha'
local H = require 'spec.harness'
local P = require 'spec.plain'
local T, NIL = H.T, H.NIL
local floor, ceil, nan = math.floor, math.ceil, 0 / 0
local reals = {'float64', 'float32'}

local function before(a, b) -- NaN is the largest
  if a ~= a then return false end
  return b ~= b or a < b
end

-- the positions of a list in order, equal ones as they were
local function order(list, descending)
  local at = {}
  for i = 1, #list do at[i] = i end
  for i = 2, #at do -- insertion: stable
    local k, v = i, at[i]
    local function goes_before(j)
      if descending then return before(list[j], list[v]) end
      return before(list[v], list[j])
    end
    while k > 1 and goes_before(at[k - 1]) do at[k] = at[k - 1]; k = k - 1 end
    at[k] = v
  end
  return at
end

local function sorted(x, dim, descending)
  return P.along(x, dim or -1, function(list)
    local at, values = order(list, descending), {}
    for i, k in ipairs(at) do values[i] = list[k] end
    return values, at
  end)
end

local function top(x, k, dim, largest)
  return P.along(x, dim or -1, function(list)
    local at, values, places = order(list, largest ~= false), {}, {}
    for i = 1, k do values[i], places[i] = list[at[i]], at[i] end
    return values, places
  end)
end

local function kth(list, k)
  local at = order(list)
  return list[at[k]], at[k]
end
local function median(list)
  local first
  for i, v in ipairs(list) do if v ~= v and not first then first = i end end
  if first then return nan, first end
  return kth(list, floor((#list + 1) / 2))
end
local function nanmedian(list)
  local n = 0
  for _, v in ipairs(list) do if v == v then n = n + 1 end end
  return kth(list, math.max(1, floor((n + 1) / 2)))
end
local function mode(list)
  local best, most, at = nil, 0, nil
  for i, v in ipairs(list) do
    local n = 0
    for j = 1, #list do if list[j] == v then n = n + 1 end end
    if n > most or (n == most and v <= best) then best, most, at = v, n, i end
  end
  return best, at
end

local function quantile(list, q, how)
  local values = {}
  for i, k in ipairs(order(list)) do values[i] = list[k] end
  local place = q * (#values - 1)
  local low, high = floor(place) + 1, ceil(place) + 1
  if how == 'lower' then return values[low] elseif how == 'higher' then return values[high] end
  if how == 'midpoint' then return (values[low] + values[high]) / 2 end
  if how == 'nearest' then
    local near = floor(place + 0.5)
    if place + 0.5 == near and near % 2 == 1 then near = near - 1 end
    return values[near + 1]
  end
  return values[low] + (place - low + 1) * (values[high] - values[low])
end

local function distinct(list)
  local values, inverse, counts = {}, {}, {}
  for _, k in ipairs(order(list)) do
    if #values == 0 or values[#values] ~= list[k] then
      values[#values + 1], counts[#counts + 1] = list[k], 0
    end
    counts[#counts], inverse[k] = counts[#counts] + 1, #values
  end
  return values, inverse, counts
end
local function distinct_neighbours(list)
  local values, inverse, counts = {}, {}, {}
  for i, v in ipairs(list) do
    if i == 1 or v ~= list[i - 1] then values[#values + 1], counts[#counts + 1] = v, 0 end
    counts[#counts], inverse[i] = counts[#counts] + 1, #values
  end
  return values, inverse, counts
end
local function as_arrays(f)
  return function(x)
    local values, inverse, counts = f(x)
    values.shape, inverse.shape, counts.shape = {#values}, x.shape, {#counts}
    return values, inverse, counts
  end
end

local function place(seq, v, right)
  local n = 0
  for _, s in ipairs(seq) do
    if right and s <= v or not right and s < v then n = n + 1 end
  end
  return n + 1
end

local function dims_args(options)
  local function X(shape)
    for k, v in pairs(options or {}) do shape[k] = v end
    return T(shape)
  end
  return X, {{X{7}}, {X{2, 5}, 1}, {X{2, 5}, -1, true}, {X{2, 3, 4}, 2}, {X{3, 300}, 2}, {X{}}, {X{0, 3}, 1}}
end
local X, args = dims_args{distinct = true}
local few = {int = {0, 3}, dtype = 'float64', grad = false}
local F, ties = dims_args(few)

local function two(f) -- the results that were asked for, without the nil behind them
  return function(...)
    local a, b = f(...)
    return a, b
  end
end

local rows = {
  {name = 'sort', args = args, reference = sorted, grad = 'first', dtypes = 'number', half = 0, result = 'same',
    wrong = {{T{2}, 2, says = {'2'}}}},
  {name = 'sort', label = 'ties', args = ties, reference = sorted, dtypes = {'float64'}},
  {name = 'sort', label = 'few values', args = {{T{40, range = {0, 3}}}, {T{2, 40, range = {0, 3}}, 2, true}}, reference = sorted,
    dtypes = {'int64', 'int32', 'int16', 'int8', 'uint8', 'bool'}, result = 'same'},
  {name = 'sort', label = 'nan', args = {{T{6, values = {3, nan, 1, -math.huge, nan, math.huge}}},
    {T{6, values = {3, nan, 1, -math.huge, nan, math.huge}}, 1, true}}, reference = sorted, dtypes = 'float', layouts = false},
  {name = 'argsort', args = {{X{7}}, {X{2, 5}, 1}, {X{2, 5}, -1, true}, {X{}}},
    reference = function(x, d, down) return (select(2, sorted(x, d, down))) end,
    dtypes = 'number', half = 0, result = 'int64'},
  {name = 'msort', args = {{X{7}}, {X{5, 2}}}, reference = function(x) return (sorted(x, 1)) end, grad = 'first', dtypes = 'number', result = 'same'},
  {name = 'topk', args = {{X{9}, 3}, {X{9}, 9}, {X{9}, 0}, {X{3, 5}, 2, 1}, {X{3, 5}, 2, -1, false}, {X{2, 70}, 4, 2}, {X{}, 1}},
    reference = top, grad = 'first', dtypes = 'number', half = 0, result = 'same', wrong = {{T{3}, 4, says = {'k = 4', '3'}}, {T{3}, -1, says = {'-1'}}}},
  {name = 'topk', label = 'ties', args = {{F{30}, 5}, {F{30}, 12, 1, false}}, reference = top, dtypes = {'float64'}},
  {name = 'kthvalue', args = {{X{9}, 3}, {X{3, 5}, 2, 1}, {X{3, 5}, 5, 2, true}, {X{}, 1}}, reference = function(x, k, d, keep)
    return P.fold(x, d or -1, keep, function(list) return kth(list, k) end)
  end, grad = 'first', dtypes = 'number', half = 0, result = 'same', wrong = {{T{3}, 4, says = {'4', '3'}}, {T{3}, 0, says = {'0'}}}},
  {name = 'median_all', args = {{X{9}}, {X{3, 4}}, {X{}}}, reference = function(x)
    return (P.fold(x, nil, false, function(list) return (median(list)) end))
  end, grad = 'first', dtypes = 'number', half = 0, result = 'same'},
  {name = 'median_dim', args = {{X{9}, 1}, {X{3, 4}, 2}, {X{3, 4}, 1, true}, {X{}, 1}, {T{2, 3, values = {1, nan, 2, nan, 4, 5}, grad = false}, 2}},
    reference = function(x, d, k) return P.fold(x, d, k, median) end, grad = 'first', dtypes = 'float', layouts = false, result = 'same'},
  {name = 'nanmedian_all', args = {{X{9}}, {T{5, values = {3, nan, 1, nan, 2}, grad = false}}}, reference = function(x)
    return (P.fold(x, nil, false, function(list) return (nanmedian(list)) end))
  end, grad = 'first', dtypes = 'float', result = 'same', layouts = false},
  {name = 'nanmedian_dim', args = {{X{9}, 1}, {X{3, 4}, 2}, {T{2, 3, values = {1, nan, 2, nan, nan, nan}, grad = false}, 2}},
    reference = function(x, d, k) return P.fold(x, d, k, nanmedian) end, grad = 'first', dtypes = 'float', layouts = false, result = 'same'},
  {name = 'mode', args = {{F{9}, 1}, {F{3, 8}, 2}, {F{8, 3}, 1, true}, {F{}, 1}}, reference = function(x, d, k) return P.fold(x, d, k, mode) end,
    dtypes = {'float64'}},
  {name = 'mode', label = 'gradient', args = {{T{5, values = {1, 2, 2, 3, 1.5}}}, {T{1}}}, reference = function(x) return P.fold(x, -1, false, mode) end,
    dtypes = reals, layouts = false},
  {name = 'searchsorted', args = {{T{4, values = {1, 3, 5, 7}}, T{2, 3, range = {0, 8}}}, {T{4, values = {1, 3, 5, 7}}, T{3, values = {3, 5, 7}},
    {right = true}}, {T{4, values = {1, 3, 5, 7}}, T{3, values = {3, 5, 7}}, {side = 'right'}}}, reference = function(seq, v, o)
    return P.map(function(e) return place(seq, e, o and true) end, v)
  end, dtypes = 'number', result = 'int64', layouts = false, wrong = {{T{2, 3}, T{3, 3}, says = {'[2 x 3]', '[3 x 3]'}}, {T{}, T{2}, says = {'dim'}},
    {T{3}, T{2}, {side = 'up'}, says = {'up'}}, {T{3}, T{2}, {sorter = T{3, int = {4, 4}}}, says = {'sorter', '3'}}}},
  {name = 'searchsorted', label = 'rows', args = {{T{2, 3, values = {1, 3, 5, 2, 4, 6}}, T{2, 2, values = {3, 9, 2, 5}}, {out_int32 = true}}},
    reference = function() return {shape = {2, 2}, 2, 4, 1, 3} end, dtypes = 'number', result = function() return 'int32' end, layouts = false},
  {name = 'searchsorted', label = 'number', args = {{T{3, values = {1, 3, 5}}, 4}}, reference = function(seq, v) return place(seq, v) end,
    dtypes = 'number', result = 'int64', layouts = false},
  {name = 'bucketize', args = {{T{2, 3, range = {0, 8}}, T{3, values = {1, 3, 5}}}, {T{3, values = {1, 3, 5}}, T{3, values = {1, 3, 5}}, {right = true}}},
    reference = function(x, seq, o) return P.map(function(e) return place(seq, e, o and true) end, x) end, dtypes = 'number', result = 'int64',
    layouts = false, wrong = {{T{3}, T{2, 2}, says = {'boundaries'}}}},
  {name = 'histc', args = {{T{20}, 5, -2, 2}, {T{20}, 4, -1, 1}, {T{2, 10}, 10}, {T{3, values = {1, 1, 1}}, 2}}, reference = function(x, bins, lo, hi)
    if not lo then
      lo, hi = math.min(unpack(x)), math.max(unpack(x))
      if lo == hi then lo, hi = lo - 1, hi + 1 end
    end
    local out = P.full({bins}, 0)
    for _, v in ipairs(x) do
      local k = math.min(bins, floor((v - lo) * bins / (hi - lo)) + 1)
      if v >= lo and v <= hi then out[k] = out[k] + 1 end
    end
    return out
  end, dtypes = {'float64'}, result = 'same', wrong = {{T{2}, 0, says = {'bins', '0'}}, {T{2}, 2, 1, 0, says = {'max'}}}},
  {name = 'bincount', args = {{T{9, int = {1, 5}}}, {T{4, int = {1, 3}}, NIL, 7}, {T{0, int = {1, 1}}}, {T{4, int = {2, 3}}, T{4}}}, reference = function(x, w, n)
    local top_value = n or 0
    for _, v in ipairs(x) do top_value = math.max(top_value, v) end
    local out = P.full({top_value}, 0)
    for i, v in ipairs(x) do out[v] = out[v] + (w and w[i] or 1) end
    return out
  end, dtypes = reals, wrong = {{T{3, int = {0, 0}}, says = {'value 0', 'position 1'}}, {T{2, 2, int = {1, 2}}, says = {'vector'}},
    {T{2}, says = {'integers'}}}},
}

for _, how in ipairs {'linear', 'lower', 'higher', 'nearest', 'midpoint'} do
  rows[#rows + 1] = {name = 'quantile', label = how, args = {{X{9}, 0.3, {interpolation = how}}, {X{3, 4}, 0.62, 2, {interpolation = how}}},
    reference = function(x, q, d)
      return (P.fold(x, type(d) == 'number' and d or nil, false, function(list) return quantile(list, q, how) end))
    end, grad = 'first', dtypes = reals, layouts = false,
    wrong = {{T{2}, 1.5, says = {'q', '0'}}, {T{2}, 0.5, {interpolation = 'cubic'}, says = {'cubic'}}}}
end
rows[#rows + 1] = {name = 'quantile', label = 'several', args = {{X{3, 5}, T{3, values = {0, 0.5, 0.9}, grad = false}, 2}},
  reference = function(x, q)
  return P.build({3, 3}, function(i, r) return quantile({unpack(x, r * 5 - 4, r * 5)}, q[i], 'linear') end)
end, grad = 'first', dtypes = reals, layouts = false}
rows[#rows + 1] = {name = 'nanquantile', args = {{T{5, values = {1, nan, 3, 2, nan}, grad = false}, 0.5}}, reference = function() return 2 end, dtypes = reals,
  layouts = false}
rows[#rows + 1] = {name = 'unique', args = {{F{9}, true, true, true}, {F{2, 3}, true, true, true}}, reference = as_arrays(distinct),
  dtypes = {'float64'}}
rows[#rows + 1] = {name = 'unique', label = 'integers', args = {{T{40, range = {0, 4}}, true, true, true}}, reference = as_arrays(distinct),
  dtypes = {'int64', 'int32', 'int16', 'int8', 'uint8', 'bool', 'float32', 'float16', 'bfloat16'}, result = 'same', layouts = false}
rows[#rows + 1] = {name = 'unique', label = 'counts only', call = two(tocha.unique), args = {{F{9}, {return_counts = true}}}, reference = function(x)
  local values, _, counts = as_arrays(distinct)(x)
  return values, counts
end, dtypes = {'float64'}}
rows[#rows + 1] = {name = 'unique_consecutive', args = {{F{9}, true, true}, {F{2, 3}, true, true}}, reference = as_arrays(distinct_neighbours),
  dtypes = {'float64'}}
rows[#rows + 1] = {name = 'unique', label = 'dim', call = two(tocha.unique), args = {{T{4, 2, values = {1, 2, 0, 5, 1, 2, 0, 4}}, {dim = 1, return_inverse = true}}},
  reference = function() return {shape = {3, 2}, 0, 4, 0, 5, 1, 2}, {shape = {4}, 3, 2, 3, 1} end, dtypes = 'number', result = 'same', layouts = false}

return rows
