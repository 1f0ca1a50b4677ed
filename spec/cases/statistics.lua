--- Cases of covariance, correlation, the trapezoidal rule, norms held below a bound, membership.

local H = require 'spec.harness'
local P = require 'spec.plain'
local T, NIL = H.T, H.NIL
local reals = {'float64', 'float32'}

-- rows are variables; w weighs the observations
local function covariance(x, correction, w, analytic)
  local n, m = #x.shape == 2 and x.shape[1] or 1, x.shape[#x.shape] or 1
  local total, squares, means = 0, 0, {}
  for k = 1, m do
    total = total + (w and w[k] or 1)
    squares = squares + (w and w[k] or 1) ^ 2
  end
  for i = 1, n do
    local s = 0
    for k = 1, m do s = s + x[(i - 1) * m + k] * (w and w[k] or 1) end
    means[i] = s / total
  end
  local freedom = total - correction * (analytic and squares / total or 1)
  local out = P.build(#x.shape == 2 and {n, n} or {}, function(i, j)
    local s = 0
    i, j = i or 1, j or 1
    for k = 1, m do s = s + (x[(i - 1) * m + k] - means[i]) * (x[(j - 1) * m + k] - means[j]) * (w and w[k] or 1) end
    return s / freedom
  end)
  return out
end

local function correlation(x)
  local c = covariance(x, 1)
  if #c.shape == 0 then return 1 end
  return P.build(c.shape, function(i, j) return P.get(c, i, j) / math.sqrt(P.get(c, i, i) * P.get(c, j, j)) end)
end

local function areas(y, x, step)
  return function(list)
    local out = {}
    for i = 1, #list - 1 do out[i] = (list[i] + list[i + 1]) / 2 * (x and x[i + 1] - x[i] or step) end
    return out
  end, y
end
local function integral(y, x, o)
  local dim = o and o.dim or -1
  return (P.fold(P.along(y, dim, (areas(y, x, o and o.dx or 1))), dim, false, P.sum))
end
local function running_integral(y, x, o)
  return (P.along(y, o and o.dim or -1, function(list)
    local out, s = areas(y, x, o and o.dx or 1)(list), 0
    for i, v in ipairs(out) do
      s = s + v
      out[i] = s
    end
    return out
  end))
end
local points = T{5, values = {0, 1, 1.5, 3, 4}, grad = false}

local function bounded(x, p, dim, most)
  local factors, others = {}, {}
  for d = 1, #x.shape do if d ~= P.dim(x, dim) then others[#others + 1] = d end end
  local norms = P.fold(x, others, true, function(list)
    local s = 0
    for _, v in ipairs(list) do s = s + math.abs(v) ^ p end
    return s ^ (1 / p)
  end)
  for i, n in ipairs(norms) do factors[i] = n > most and most / (n + 1e-7) or 1 end
  factors.shape = norms.shape
  return P.map(function(a, b) return a * b end, x, factors)
end

local function member(x, set, options)
  return P.map(function(v)
    local found = false
    for _, s in ipairs(P.wrap(set)) do found = found or s == v end
    return found ~= (options and options.invert or false)
  end, x)
end

local function summed_to(x, ...)
  local size, dims = {...}, {}
  if type(size[1]) == 'table' then size = size[1] end
  local skip = #x.shape - #size
  for d = 1, #x.shape do if d <= skip or size[d - skip] ~= x.shape[d] then dims[#dims + 1] = d end end
  return P.copy(dims[1] and P.fold(x, dims, true, P.sum) or x, size)
end

local function distance(a, b, p)
  local s = 0
  for k = 1, #a do
    local d = math.abs(a[k] - b[k])
    s = p == math.huge and math.max(s, d) or s + d ^ p
  end
  return p == math.huge and s or s ^ (1 / p)
end
local function distances(a, b, p)
  local n, m, width = a.shape[#a.shape - 1], b.shape[#b.shape - 1], a.shape[#a.shape]
  local batch = #a.shape == 3 and a.shape[1] or 1
  local function row(x, k, i, rows)
    if #x.shape == 2 then k = 1 end
    local at = ((k - 1) * rows + i - 1) * width
    return {unpack(x, at + 1, at + width)}
  end
  return P.build(#a.shape == 3 and {batch, n, m} or {n, m}, function(k, i, j)
    if #a.shape == 2 then k, i, j = 1, k, i end
    return distance(row(a, k, i, n), row(b, k, j, m), p or 2)
  end)
end

return {
  {name = 'cov', args = {{T{3, 5}}, {T{6}}, {T{2, 4}, {correction = 0}}}, reference = function(x, o) return covariance(x, o and o.correction or 1) end,
    grad = true, dtypes = reals, single = {1e-4, 1e-5}, wrong = {{T{2, 2, 2}, says = {'[2 x 2 x 2]'}}, {T{3, dtype = 'bool'}, says = {'bool'}}},
    layouts = false},
  {name = 'cov', label = 'weights', args = {{T{3, 4}, {fweights = T{4, values = {1, 3, 2, 1}, dtype = 'int64'}}}}, reference = function(x, o)
    return covariance(x, 1, o.fweights)
  end, grad = true, dtypes = reals, single = {1e-4, 1e-5}, layouts = false, wrong = {{T{3, 4}, {fweights = T{3, int = {1, 2}}}, says = {'fweights', '4'}}}},
  {name = 'cov', label = 'analytic weights', args = {{T{3, 4}, {aweights = T{4, range = {0.5, 2}, grad = false}}}}, reference = function(x, o)
    return covariance(x, 1, o.aweights, true)
  end, grad = true, dtypes = reals, single = {1e-4, 1e-5}, layouts = false},
  {name = 'corrcoef', args = {{T{3, 5}}, {T{6}}}, reference = correlation, grad = 'first', dtypes = reals, single = {1e-4, 1e-5}, gtol = {1e-4, 1e-6},
    layouts = false},
  {name = 'trapezoid', args = {{T{5}}, {T{2, 5}, points}, {T{2, 5}, NIL, {dx = 0.5, dim = 1}}, {T{1}}}, reference = integral, grad = true, dtypes = reals,
    wrong = {{T{}, says = {'dim'}}, {T{2, 4}, points, says = {'5', '4'}}}},
  {name = 'cumulative_trapezoid', args = {{T{5}}, {T{2, 5}, points}, {T{3, 5}, NIL, {dx = 0.5, dim = 1}}}, reference = running_integral, grad = true,
    dtypes = reals, layouts = false},
  {name = 'renorm', args = {{T{3, 4}, 2, 1, 1.5}, {T{3, 4}, 1, 2, 1}, {T{2, 3, 2}, 3, -1, 0.7}}, reference = bounded, grad = true, dtypes = reals,
    gtol = {1e-4, 1e-6}, wrong = {{T{3}, 2, 1, 1, says = {'2 dims'}}, {T{2, 2}, -1, 1, 1, says = {'p'}}}},
  {name = 'isin', args = {{T{2, 4, int = {1, 9}}, T{4, int = {1, 9}}}, {T{5, int = {1, 5}}, T{3, int = {1, 5}}, {invert = true}}, {T{5, int = {1, 5}}, 3},
    {T{3, int = {1, 2}}, T{0, int = {1, 2}}}}, reference = member, layouts = false},
  {name = 'sum_to_size', args = {{T{2, 3}, 3}, {T{2, 3}, {2, 1}}, {T{2, 3, 4}, {3, 1}}, {T{2, 3}, {2, 3}}, {T{3}, {1}}}, reference = summed_to, grad = true,
    dtypes = 'float', half = 4, wrong = {{T{2, 3}, 2, says = {'[2]', '[2 x 3]'}}}},
  {name = 'cdist', args = {{T{3, 2}, T{4, 2}}, {T{2, 3, 5}, T{4, 5}}, {T{2, 1, 3}, T{2, 2, 3}}, {T{0, 3}, T{2, 3}}, {T{2, 19}, T{2, 19}}}, reference = distances,
    grad = true, dtypes = 'float', half = 4, gtol = {1e-4, 1e-6}, wrong = {{T{2, 3}, T{2, 4}, says = {'[2 x 3]', '[2 x 4]'}}, {T{3}, T{2, 3}, says = {'2 dims'}}},
    layouts = false},
  {name = 'cdist', label = 'p', args = {{T{3, 4}, T{2, 4}, 1}, {T{3, 4}, T{2, 4}, 3}, {T{3, 4}, T{2, 4}, 0.5}, {T{3, 4}, T{2, 4}, math.huge}, {T{2, 3, 4}, T{2, 4, 4}, 1.5}},
    reference = distances, grad = 'first', dtypes = 'float', half = 8, gtol = {1e-4, 1e-6}, layouts = false},
}
