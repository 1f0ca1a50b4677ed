--- Cases of the losses that are composed: margins, likelihoods, triplets, CTC.

local H, P = require 'spec.harness', require 'spec.plain'
local T = H.T
local exp, log, abs, max, min, sqrt, huge, pi = math.exp, math.log, math.abs, math.max, math.min, math.sqrt, math.huge,
  math.pi
local rows = {}
local function add(row)
  row.dtypes, row.result, row.grad, row.half = row.dtypes or 'float', 'same', row.grad == nil and true or row.grad,
    row.half or 3
  row.inplace = false
  rows[#rows + 1] = row
end

local function reduced(list, reduction)
  if reduction == 'none' then return list end
  return reduction == 'sum' and P.sum(list) or P.sum(list) / #list
end
local function signs(values, shape)
  shape.values, shape.grad, shape.dtype = values, false, 'int64'
  return T(shape)
end
-- the rows of a matrix, or the vector as one row
local function lines(x)
  local out, n = {}, x.shape[#x.shape]
  for i = 1, P.numel(x.shape) / n do
    out[i] = {}
    for j = 1, n do out[i][j] = x[(i - 1) * n + j] end
  end
  return out
end
local function per_row(x, losses)
  losses.shape = #x.shape == 1 and {} or {x.shape[1]}
  return losses
end

add{name = 'gaussian_nll_loss',
  args = {{T{3, 4}, T{3, 4}, T{3, 4, range = {0.5, 2}}}, {T{3, 4}, T{3, 4}, T{3, range = {0.5, 2}},
    {reduction = 'none'}},
    {T{3, 4}, T{3, 4}, T{3, 1, range = {0.5, 2}}, {full = true, reduction = 'sum'}}, {T{3, 4}, T{3, 4}, 0.7}},
  wrong = {{T{3}, T{3}, T{3, range = {-2, -1}}, says = {'negative'}}, {T{3, 4}, T{3, 4}, T{4, range = {1, 2}},
    says = {'var', '[4]'}},
    {T{3}, T{4}, T{3}, says = {'[3]', '[4]'}}},
  reference = function(x, y, var, o)
    o = o or {}
    if P.is(var) and #var.shape == 1 then var = P.copy(var, {var.shape[1], 1}) end
    return reduced(P.map(function(a, b, v)
      return (log(v) + (a - b) ^ 2 / v) / 2 + (o.full and log(2 * pi) / 2 or 0)
    end, x, y, var), o.reduction)
  end}

add{name = 'poisson_nll_loss', label = 'rates, full', args = {{T{4, range = {0.5, 2}}, T{4, range = {1.5, 4}},
  {log_input = false, full = true}}},
  reference = function(x, y)
    return reduced(P.map(function(a, t) return a - t * log(a + 1e-8) + t * log(t) - t + log(2 * pi * t) / 2 end, x, y))
  end}

add{name = 'hinge_embedding_loss', args = {{T{4, range = {0.1, 0.9}}, signs({1, -1, -1, 1}, {4})}, {T{4, range = {1.2,
  2}}, signs({1, -1, -1, 1}, {4}),
    {margin = 3, reduction = 'none'}}}, grad = 'first',
  reference = function(x, y, o)
    o = o or {}
    return reduced(P.map(function(a, t) return t == 1 and a or max(0, (o.margin or 1) - a) end, x, y), o.reduction)
  end}

add{name = 'margin_ranking_loss', grad = 'first', wrong = {{T{3}, T{4}, T{3}, says = {'[3]', '[4]'}}},
  args = {{T{4, range = {1, 2}}, T{4, range = {-2, -1}}, signs({1, -1, -1, 1}, {4}), {margin = 0.5,
    reduction = 'sum'}}},
  reference = function(a, b, t, o)
    return reduced(P.map(function(x, y, s) return max(0, -s * (x - y) + o.margin) end, a, b, t), o.reduction)
  end}

add{name = 'cosine_embedding_loss', args = {{T{4, 3}, T{4, 3}, signs({1, -1, 1, -1}, {4}), {margin = -1.1,
  reduction = 'none'}},
    {T{3}, T{3}, signs({1}, {})}}, wrong = {{T{4, 3}, T{4, 3}, T{3}, says = {'[4 x 3]', '[3]'}}},
  reference = function(a, b, t, o)
    o = o or {}
    local x, y, out = lines(a), lines(b), {}
    for i = 1, #x do
      local dot, xx, yy = 0, 1e-12, 1e-12
      for j = 1, #x[i] do
        dot, xx, yy = dot + x[i][j] * y[i][j], xx + x[i][j] ^ 2, yy + y[i][j] ^ 2
      end
      local cosine = dot / sqrt(xx * yy)
      out[i] = t[i] == 1 and 1 - cosine or max(0, cosine - (o.margin or 0))
    end
    return reduced(per_row(a, out), o.reduction)
  end}

local function distance(x, y, p)
  local sum = 0
  for j = 1, #x do sum = sum + abs(x[j] - y[j] + 1e-6) ^ p end
  return sum ^ (1 / p)
end
add{name = 'triplet_margin_loss', args = {{T{3, 4}, T{3, 4}, T{3, 4}, {margin = 6}}, {T{3, 4}, T{3, 4}, T{3, 4},
  {margin = 9, p = 3, swap = true, reduction = 'none'}}},
  wrong = {{T{3, 4}, T{3, 4}, T{2, 4}, says = {'negative', '[2 x 4]'}}},
  reference = function(a, b, c, o)
    local x, y, z, out = lines(a), lines(b), lines(c), {}
    for i = 1, #x do
      local far = distance(x[i], z[i], o.p or 2)
      if o.swap then far = min(far, distance(y[i], z[i], o.p or 2)) end
      out[i] = max(0, distance(x[i], y[i], o.p or 2) - far + o.margin)
    end
    return reduced(per_row(a, out), o.reduction)
  end}

add{name = 'multi_margin_loss', args = {{T{3, 4, distinct = true}, T{3, int = {1, 4}}, 2, 5}, {T{3, 4}, T{3, int = {1,
  4}}, 1, 5, T{4, range = {0.5, 2}, grad = false}, 'none'},
    {T{4}, T{int = {1, 4}}, 1, 5}}, wrong = {{T{3, 4}, T{3, int = {1, 4}}, 3, says = {'p', '3', '1 or 2'}}, {T{3, 4},
      T{2, int = {1, 4}}, says = {'[3 x 4]', '[2]'}}},
  reference = function(x, t, p, margin, w, reduction)
    local out = {}
    for i, line in ipairs(lines(x)) do
      out[i] = 0
      for c = 1, #line do
        if c ~= t[i] then out[i] = out[i] + (w and w[t[i]] or 1) * max(0, (margin or 1) - line[t[i]] + line[c]) ^ (p or
          1) / #line end
      end
    end
    return reduced(per_row(x, out), reduction)
  end}

add{name = 'multilabel_margin_loss', grad = 'first',
  args = {{T{2, 4, range = {0, 0.4}}, T{2, 4, values = {3, 1, -1, 2, -1, 1, 1, 1}, dtype = 'int64'},
    {reduction = 'none'}},
    {T{4, range = {0, 0.4}}, T{4, values = {2, -1, 1, 1}, dtype = 'int64'}}},
  reference = function(x, t, o)
    local labels, out = lines(t), {}
    for i, line in ipairs(lines(x)) do
      local wanted, list, sum = {}, {}, 0
      for _, label in ipairs(labels[i]) do
        if label == -1 then break end
        wanted[label], list[#list + 1] = true, label
      end
      for _, label in ipairs(list) do
        for c = 1, #line do
          if not wanted[c] then sum = sum + max(0, 1 - line[label] + line[c]) end
        end
      end
      out[i] = sum / #line
    end
    return reduced(per_row(x, out), o and o.reduction)
  end}

add{name = 'multilabel_soft_margin_loss', args = {{T{3, 4}, T{3, 4, range = {0, 1}}}, {T{3, 4}, T{3, 4, range = {0, 1}},
  T{4, grad = false}, 'none'}},
  reference = function(x, t, w, reduction)
    local all = P.map(function(a, b) return b * log(1 + exp(-a)) + (1 - b) * log(1 + exp(a)) end, x, t)
    if w then all = P.map(function(a, b) return a * b end, all, w) end
    return reduced(P.fold(all, 2, false, function(list) return P.sum(list) / #list end), reduction)
  end}

---------------------------------------------------------------- CTC, against the sum over all alignments
local function collapsed(path, blank)
  local out, last = {}, nil
  for _, label in ipairs(path) do
    if label ~= last and label ~= blank then out[#out + 1] = label end
    last = label
  end
  return table.concat(out, ' ')
end
local function all_paths(p, steps, classes, wanted, blank)
  local total, path = 0, {}
  local function walk(t, weight)
    if t > steps then
      if collapsed(path, blank) == wanted then total = total + weight end
      return
    end
    for c = 1, classes do
      path[t] = c
      walk(t + 1, weight * p(t, c))
    end
    path[t] = nil
  end
  walk(1, 1)
  return -log(total)
end
local function ctc(x, targets, steps, lengths, o)
  o = o or {}
  local probabilities = P.along(x, 3, function(list)
    local most, sum = -huge, 0
    for i = 1, #list do most = max(most, list[i]) end
    for i = 1, #list do list[i] = exp(list[i] - most) sum = sum + list[i] end
    for i = 1, #list do list[i] = list[i] / sum end
    return list
  end)
  local out, first = {shape = {x.shape[2]}}, 0
  for n = 1, x.shape[2] do
    local wanted = {}
    for k = 1, lengths[n] do wanted[k] = #targets.shape == 2 and P.get(targets, n, k) or targets[first + k] end
    first = first + lengths[n]
    out[n] = all_paths(function(t, c) return P.get(probabilities, t, n, c) end, steps[n], x.shape[3],
      table.concat(wanted, ' '), o.blank or 1)
    if not o.reduction then out[n] = out[n] / lengths[n] end
  end
  return reduced(out, o.reduction)
end
local function numbers(values, shape)
  shape.values, shape.dtype = values, 'int64'
  return T(shape)
end
add{name = 'ctc_loss', grad = 'once', layouts = false, optional = true, dtypes = {'float64', 'float32'},
  call = function(x, ...)
    local tocha = require 'tocha'
    return tocha.nn.functional.ctc_loss(x:log_softmax(3), ...)
  end,
  args = {{T{5, 2, 4}, numbers({2, 3, 4, 4}, {2, 2}), numbers({5, 4}, {2}), numbers({2, 2}, {2})},
    {T{4, 2, 3}, numbers({2, 3, 3}, {3}), numbers({4, 3}, {2}), numbers({2, 1}, {2}), {reduction = 'none'}},
    {T{4, 1, 3}, numbers({1, 2}, {1, 2}), numbers({4}, {1}), numbers({2}, {1}), {reduction = 'sum', blank = 3}}},
  wrong = {{T{4, 1, 3}, numbers({1, 2}, {1, 2}), numbers({4}, {1}), numbers({2}, {1}), says = {'label 1 at position 1',
    'blank'}},
    {T{4, 1, 3}, numbers({2, 2}, {1, 2}), numbers({5}, {1}), numbers({2}, {1}), says = {'input_lengths', '5', '4'}}},
  reference = ctc}

return rows
