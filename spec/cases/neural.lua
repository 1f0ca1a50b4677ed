--- Cases of softmax, losses, normalisations, embeddings, distances and gated activations.

local H, P = require 'spec.harness', require 'spec.plain'
local T, NIL = H.T, H.NIL
local exp, log, abs, max, sqrt, huge = math.exp, math.log, math.abs, math.max, math.sqrt, math.huge
local rows = {}
local function add(row)
  row.dtypes, row.result, row.grad = row.dtypes or 'float', row.result or 'same', row.grad == nil and true or row.grad
  if row.inplace == nil then row.inplace = false end
  rows[#rows + 1] = row
end

---------------------------------------------------------------- softmax
local function softened(x)
  local most, sum, out = -huge, 0, {}
  for i = 1, #x do most = max(most, x[i]) end
  for i = 1, #x do
    out[i] = exp(x[i] - most)
    sum = sum + out[i]
  end
  for i = 1, #x do out[i] = out[i] / sum end
  return out
end
local function logs(list)
  for i = 1, #list do list[i] = log(list[i]) end
  return list
end
local function over_dim(f)
  return function(x, dim) return (P.along(x, dim, f)) end
end
local softmax_args = {
  {T{3, 4}, 2}, {T{3, 4}, 1}, {T{2, 3, 4}, -2}, {T{5}, 1}, {T{}, 1}, {T{2, 0}, 1}, {T{0, 2}, 2}, {T{2, 70, 3}, 2}, {T{2,
    3, 70}, 2},
}
add{name = 'softmax', args = softmax_args, reference = over_dim(softened), wrong = {{T{2, 3}, 4, says = {'softmax',
  '4'}}}}
add{name = 'log_softmax', args = softmax_args, reference = over_dim(function(x) return logs(softened(x)) end)}
add{name = 'softmax', label = 'far out', args = {{T{4, 3, range = {-500, 500}}, 2}}, reference = over_dim(softened),
  grad = false,
  dtypes = {'float64', 'float32'}, single = {1e-4, 1e-6}}
add{name = 'softmin', args = {{T{3, 4}, 2}}, reference = over_dim(function(x)
  for i = 1, #x do x[i] = -x[i] end
  return softened(x)
end)}

---------------------------------------------------------------- losses of a pair
local function reduced(list, reduction)
  if reduction == 'none' then return list end
  local sum = P.sum(list)
  return reduction == 'sum' and sum or sum / #list
end
local function pair(f)
  return function(x, y, options)
    local all = P.map(function(a, b) return f(a, b, options) end, x, y)
    return reduced(all, options and options.reduction)
  end
end
local function pair_args(first, second, options)
  local args = {{first{3, 4}, second{3, 4}}, {first{7}, second{7}, {reduction = 'sum'}}, {first{2, 1, 3}, second{2, 1,
    3}, {reduction = 'none'}}}
  for _, list in ipairs(args) do
    for key, value in pairs(options or {}) do
      list[3] = list[3] or {}
      list[3][key] = value
    end
  end
  return args
end
local function plain(shape) return T(shape) end
local function within(lo, hi)
  return function(shape)
    shape.range = {lo, hi}
    return T(shape)
  end
end
local wrong_pair = {{T{2, 3}, T{3}, says = {'[2 x 3]', '[3]'}}, {T{2}, T{2}, {reduction = 'avg'}, says = {'avg',
  'mean'}}}
local function add_pair(name, f, first, second, options, more)
  local row = {name = name, args = pair_args(first or plain, second or plain, options), reference = pair(f),
    wrong = wrong_pair, half = 2}
  for key, value in pairs(more or {}) do row[key] = value end
  add(row)
end
add_pair('mse_loss', function(x, y) return (x - y) ^ 2 end)
add_pair('l1_loss', function(x, y) return abs(x - y) end, within(0, 1), within(1.1, 2), nil, {grad = 'first'})
add_pair('smooth_l1_loss', function(x, y, o)
  local d, beta = abs(x - y), o.beta
  return d < beta and d * d / 2 / beta or d - beta / 2
end, nil, nil, {beta = 0.4})
add_pair('huber_loss', function(x, y, o)
  local d, delta = abs(x - y), o.delta
  return d <= delta and d * d / 2 or delta * (d - delta / 2)
end, nil, nil, {delta = 0.7})
add_pair('binary_cross_entropy', function(x, y) return -y * log(x) - (1 - y) * log(1 - x) end, within(0.1, 0.9),
  within(0, 1))
add_pair('binary_cross_entropy_with_logits', function(x, y) return max(x, 0) - x * y + log(1 + exp(-abs(x))) end, nil,
  within(0, 1))
add_pair('kl_div', function(x, y) return y * (log(y) - x) end, nil, within(0.1, 1))
add_pair('kl_div', function(x, y) return exp(y) * (y - x) end, nil, nil, {log_target = true}, {label = 'log_target'})
add_pair('poisson_nll_loss', function(x, y) return exp(x) - y * x end, nil, within(0, 3))
add_pair('soft_margin_loss', function(x, y) return log(1 + exp(-x * y)) end)

---------------------------------------------------------------- losses of labels
-- the sum of terms over the classes for each label, and what a mean divides by
local function labelled(x, y, o, log_softmax)
  o = o or {}
  local classes, dim = x.shape[#x.shape == 1 and 1 or 2], #x.shape == 1 and 1 or 2
  local lines = {}
  P.along(x, dim, function(line)
    lines[#lines + 1] = log_softmax and logs(softened(line)) or line
    return {0}
  end)
  local s, losses, divisor = o.label_smoothing or 0, {shape = y.shape}, 0
  for i, line in ipairs(lines) do
    local label, w = y[i], o.weight or P.full({classes}, 1)
    losses[i] = 0
    if label ~= (o.ignore_index or -100) then
      divisor = divisor + w[label]
      losses[i] = -(1 - s) * w[label] * line[label]
      for c = 1, classes do losses[i] = losses[i] - s / classes * w[c] * line[c] end
    end
  end
  if o.reduction == 'none' then return losses end
  return o.reduction == 'sum' and P.sum(losses) or P.sum(losses) / divisor
end
local function label_args(more)
  local args = {
    {T{4, 3}, T{4, int = {1, 3}}}, {T{3}, T{int = {1, 3}}}, {T{2, 3, 2, 2}, T{2, 2, 2, int = {1, 3}},
      {reduction = 'none'}},
    {T{5, 3}, T{5, values = {1, 2, 3, 2, 1}, dtype = 'int64'}, {reduction = 'sum', ignore_index = 2}},
    {T{5, 3}, T{5, values = {1, -100, 3, 2, 1}, dtype = 'int64'}, {weight = T{3, range = {0.5, 2}, grad = false}}},
  }
  for _, list in ipairs(more or {}) do args[#args + 1] = list end
  return args
end
local function wrong_labels(name)
  return {
    {T{2, 3}, T{2, values = {1, 4}, dtype = 'int64'}, says = {name, 'label 4 at position 2', '1..3'}},
    {T{2, 3}, T{2, values = {0, 1}, dtype = 'int64'}, says = {name, 'label 0 at position 1', '1..3'}},
    {T{2, 3}, T{3, int = {1, 3}}, says = {name, '[2 x 3]', '[3]'}}, {T{2, 3}, T{2}, says = {name, 'long()'}},
  }
end
add{name = 'nll_loss', args = label_args(), reference = function(x, y, o) return labelled(x, y, o, false) end,
  wrong = wrong_labels('nll_loss'),
  half = 4, grad = true}
add{name = 'cross_entropy', half = 4, wrong = wrong_labels('cross_entropy'),
  args = label_args{
    {T{4, 3}, T{4, int = {1, 3}}, {label_smoothing = 0.2}},
    {T{2, 3, 4}, T{2, 4, int = {1, 3}}, {label_smoothing = 0.1, weight = T{3, range = {0.5, 2}, grad = false},
      reduction = 'sum', ignore_index = 1}},
    {T{2, 3, 70}, T{2, 70, int = {1, 3}}},
  },
  reference = function(x, y, o) return labelled(x, y, o, true) end}
add{name = 'cross_entropy', label = 'probabilities', half = 4,
  args = {{T{4, 3}, T{4, 3, range = {0, 1}}}, {T{2, 3, 4}, T{2, 3, 4, range = {0, 1}}, {reduction = 'none'}}},
  reference = function(x, q, o)
    local p = P.along(x, 2, function(line) return logs(softened(line)) end)
    local losses = P.fold(P.map(function(a, b) return -a * b end, p, q), 2, false, P.sum)
    return reduced(losses, o and o.reduction)
  end}

---------------------------------------------------------------- normalisations
local function normalised(list, eps, rms)
  local n, mean, var, out = #list, 0, 0, {}
  if not rms then mean = P.sum(list) / n end
  for i = 1, n do var = var + (list[i] - mean) ^ 2 / n end
  for i = 1, n do out[i] = (list[i] - mean) / sqrt(var + eps) end
  return out
end
-- x in rows of n elements that follow each other
local function by_rows(x, n, f)
  local flat = P.along(P.copy(x, {P.numel(x.shape) / n, n}), 2, f)
  return P.copy(flat, x.shape)
end
local function count(shape)
  local n = 1
  for i = 1, #shape do n = n * shape[i] end
  return n
end
local function last_dims(rms)
  return function(x, shape, w, b, eps)
    if rms then w, b, eps = w, nil, b end
    local y = by_rows(x, count(shape), function(list) return normalised(list, eps or 1e-5, rms) end)
    if w then y = P.map(function(a, c) return a * c end, y, w) end
    if b then y = P.map(function(a, c) return a + c end, y, b) end
    return y
  end
end
add{name = 'layer_norm', reference = last_dims(false), half = 3, wrong = {
  {T{2, 3}, {4}, says = {'layer_norm', '[2 x 3]', '[4]'}}, {T{2, 3}, {3}, T{2}, says = {'weight', '[2]', '[3]'}}},
  args = {{T{3, 5}, {5}}, {T{3, 5}, {5}, T{5}, T{5}}, {T{2, 3, 4}, {3, 4}, T{3, 4}}, {T{40, 6}, {6}, T{6}, T{6}, 0.1},
    {T{0, 3}, {3}, T{3}}}}
add{name = 'rms_norm', reference = last_dims(true), half = 3, args = {{T{3, 5}, {5}, NIL, 1e-3}, {T{2, 3, 4}, {3, 4},
  T{3, 4}, 0.1}}}

-- channels in the second dim, a weight and a bias for each
local function affine(y, w, b)
  local shape = {1, y.shape[2]}
  for i = 3, #y.shape do shape[i] = 1 end
  if w then y = P.map(function(a, c) return a * c end, y, P.copy(w, shape)) end
  if b then y = P.map(function(a, c) return a + c end, y, P.copy(b, shape)) end
  return y
end
add{name = 'group_norm', half = 3, args = {{T{2, 4, 3}, 2, T{4}, T{4}}, {T{2, 6}, 3}, {T{1, 4, 2, 2}, 1, T{4}}, {T{2, 4,
  3}, 4, NIL, T{4}}},
  wrong = {{T{2, 4, 3}, 3, says = {'group_norm', '3', '4'}}},
  reference = function(x, groups, w, b)
    local y = by_rows(x, P.numel(x.shape) / x.shape[1] / groups, function(list) return normalised(list, 1e-5) end)
    return affine(y, w, b)
  end}
local function over_channels(x)
  local order, shape = {2, 1}, {x.shape[2], P.numel(x.shape) / x.shape[2]}
  for i = 3, #x.shape do order[i] = i end
  local turned = P.permute(x, order)
  local y = P.along(P.copy(turned, shape), 2, function(list) return normalised(list, 1e-5) end)
  return P.permute(P.copy(y, turned.shape), order)
end
add{name = 'batch_norm', label = 'training', half = 3,
  args = {{T{5, 3}, NIL, NIL, T{3}, T{3}, true}, {T{2, 3, 4}, NIL, NIL, NIL, NIL, true}, {T{3, 2, 2, 3}, NIL, NIL, T{2},
    T{2}, true},
    {T{3, 70}, NIL, NIL, T{70}, NIL, true}},
  wrong = {{T{1, 3}, NIL, NIL, NIL, NIL, true, says = {'batch_norm', 'more than 1 value'}}},
  reference = function(x, _, _, w, b) return affine(over_channels(x), w, b) end}
add{name = 'batch_norm', label = 'evaluation', half = 3,
  args = {{T{4, 3}, T{3, grad = false}, T{3, range = {0.5, 2}, grad = false}, T{3}, T{3}},
    {T{2, 3, 4}, T{3, grad = false}, T{3, range = {0.5, 2}, grad = false}}},
  wrong = {{T{2, 4}, T{3}, T{3}, says = {'running_mean', '[3]', '4'}}},
  reference = function(x, mean, var, w, b)
    local scale = P.map(function(v) return 1 / sqrt(v + 1e-5) end, var)
    return affine(affine(affine(x, nil, P.map(function(m) return -m end, mean)), scale), w, b)
  end}
add{name = 'instance_norm', half = 3, args = {{T{2, 3, 4}}, {T{2, 2, 3, 2}, NIL, NIL, T{2}, T{2}}},
  reference = function(x, _, _, w, b)
    local y = by_rows(x, P.numel(x.shape) / x.shape[1] / x.shape[2], function(list) return normalised(list, 1e-5) end)
    return affine(y, w, b)
  end}
add{name = 'local_response_norm', half = 3, args = {{T{2, 5, 3}, 3}, {T{1, 4, 2, 2}, 2, 0.1, 0.5, 2}, {T{1, 2, 2}, 5}},
  reference = function(x, size, alpha, beta, k)
    alpha, beta, k = alpha or 1e-4, beta or 0.75, k or 1
    return (P.along(x, 2, function(list)
      local out = {}
      for c = 1, #list do
        local sum = 0
        for j = c - math.floor(size / 2), c - math.floor(size / 2) + size - 1 do sum = sum + (list[j] or 0) ^ 2 end
        out[c] = list[c] / (k + alpha * sum / size) ^ beta
      end
      return out
    end))
  end}

---------------------------------------------------------------- distances
local function length(list, p)
  local sum = 0
  for i = 1, #list do sum = sum + abs(list[i]) ^ p end
  return sum ^ (1 / p)
end
add{name = 'normalize', half = 2, args = {{T{3, 4, away = {0}}}, {T{3, 4, away = {0}}, 3, 1}}, reference = function(x,
  p, dim)
  return (P.along(x, dim or 2, function(list)
    local out, n = {}, length(list, p or 2)
    for i = 1, #list do out[i] = list[i] / n end
    return out
  end))
end}
add{name = 'pairwise_distance', half = 3, args = {{T{3, 4, range = {0, 1}}, T{3, 4, range = {1.5, 2}}}, {T{3, 4,
  range = {0, 1}}, T{4, range = {1.5, 2}}, 3}},
  reference = function(x, y, p)
    local d = P.map(function(a, b) return a - b + 1e-6 end, x, y)
    return P.fold(d, 2, false, function(list) return length(list, p or 2) end)
  end}
add{name = 'cosine_similarity', half = 3, args = {{T{3, 4}, T{3, 4}}, {T{3, 2}, T{3, 2}, 1}}, reference = function(x, y,
  dim)
  dim = dim or 2
  local function norms(a) return P.fold(a, dim, false, function(list) return length(list, 2) end) end
  local dot = P.fold(P.map(function(a, b) return a * b end, x, y), dim, false, P.sum)
  return P.map(function(d, a, b) return d / a / b end, dot, norms(x), norms(y))
end}

---------------------------------------------------------------- embeddings, gates
local function picked(index, w)
  local shape = {}
  for i = 1, #index.shape do shape[i] = index.shape[i] end
  shape[#shape + 1] = w.shape[2]
  local out = {shape = shape}
  for i = 1, P.numel(index.shape) do
    for j = 1, w.shape[2] do out[#out + 1] = w[(index[i] - 1) * w.shape[2] + j] end
  end
  return out
end
add{name = 'embedding', reference = picked, args = {{T{2, 3, int = {1, 5}}, T{5, 4}}, {T{int = {1, 5}}, T{5, 2}}, {T{0,
  int = {1, 5}}, T{5, 2}}},
  wrong = {{T{2, values = {1, 7}, dtype = 'int64'}, T{5, 2}, says = {'embedding', '7', '5'}}, {T{2}, T{5, 2},
    says = {'embedding', 'long()'}}}}
add{name = 'glu', args = {{T{3, 4}}, {T{4, 3}, 1}}, half = 2, wrong = {{T{3}, says = {'glu', 'even'}}},
  reference = function(x, dim)
  return (P.along(x, dim or -1, function(list)
    local out, n = {}, #list / 2
    for i = 1, n do out[i] = list[i] / (1 + exp(-list[n + i])) end
    return out
  end))
end}
add{name = 'prelu', args = {{T{2, 3, away = {0}}, T{1}}, {T{2, 3, 2, away = {0}}, T{3}}}, wrong = {{T{2, 3}, T{2},
  says = {'prelu', '[2]', '3'}}},
  reference = function(x, w)
    local shape = {1, #w, 1}
    return P.map(function(a, c) return a > 0 and a or a * c end, x, #x.shape == 3 and P.copy(w, shape) or w)
  end}

return rows
