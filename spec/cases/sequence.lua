--- Cases of recurrent layers, attention and bags of embeddings.

local H, P = require 'spec.harness', require 'spec.plain'
local T, NIL = H.T, H.NIL
local exp, sqrt, huge, max, tanh = math.exp, math.sqrt, math.huge, math.max, math.tanh
local rows = {}
local function add(row)
  row.dtypes, row.result, row.grad, row.half = row.dtypes or 'float', 'same', row.grad == nil and true or row.grad,
    row.half or 4
  row.inplace = false
  rows[#rows + 1] = row
end

---------------------------------------------------------------- recurrence
local function sigmoid(v) return 1 / (1 + exp(-v)) end
-- w h + b for one sequence
local function projected(w, h, b)
  local out, n = {}, w.shape[2]
  for i = 1, w.shape[1] do
    out[i] = b and b[i] or 0
    for j = 1, n do out[i] = out[i] + w[(i - 1) * n + j] * h[j] end
  end
  return out
end
local cells = {}
function cells.tanh(x, y) return P.along({shape = {#x}, unpack(x)}, 1, function(list)
  for i = 1, #list do list[i] = tanh(list[i] + y[i]) end
  return list
end) end
function cells.relu(x, y)
  local out = {}
  for i = 1, #x do out[i] = max(0, x[i] + y[i]) end
  return out
end
function cells.lstm(x, y, _, c, proj)
  local n, out, cell = #x / 4, {}, {}
  for j = 1, n do
    local i, f = sigmoid(x[j] + y[j]), sigmoid(x[n + j] + y[n + j])
    local g, o = tanh(x[2 * n + j] + y[2 * n + j]), sigmoid(x[3 * n + j] + y[3 * n + j])
    cell[j] = f * c[j] + i * g
    out[j] = o * tanh(cell[j])
  end
  return proj and projected(proj, out) or out, cell
end
function cells.gru(x, y, h)
  local n, out = #x / 3, {}
  for j = 1, n do
    local r, z = sigmoid(x[j] + y[j]), sigmoid(x[n + j] + y[n + j])
    local new = tanh(x[2 * n + j] + r * y[2 * n + j])
    out[j] = (1 - z) * new + z * h[j]
  end
  return out
end
local function line(a, row)
  local n, out = a.shape[#a.shape], {}
  for j = 1, n do out[j] = a[row * n + j] end
  return out
end
local function store(a, row, list)
  for j = 1, #list do a[row * #list + j] = list[j] end
end
local function layer(kind, x, h, c, w, b, proj, sizes, reverse)
  if type(proj) == 'table' and not proj.shape then proj, sizes, reverse = proj.w_hr, proj.batch_sizes, proj.reverse end
  local batch, steps, first = h.shape[1], sizes and #sizes or x.shape[1], {}
  local h_n, c_n, rows_done = P.copy(h), c and P.copy(c), 0
  for t = 1, steps do
    first[t] = rows_done
    rows_done = rows_done + (sizes and sizes[t] or batch)
  end
  local shape = sizes and {rows_done, h.shape[2]} or {steps, batch, h.shape[2]}
  local out = P.full(shape, 0)
  for k = 1, steps do
    local t = reverse and steps + 1 - k or k
    for n = 0, (sizes and sizes[t] or batch) - 1 do
      local state = line(h_n, n)
      local new, cell = cells[kind](line(x, first[t] + n), projected(w, state, b), state, c and line(c_n, n), proj)
      store(out, first[t] + n, new)
      store(h_n, n, new)
      if cell then store(c_n, n, cell) end
    end
  end
  return out, h_n, c and c_n or h_n
end
local small = {range = {-1, 1}}
local function S(shape)
  shape.range = small.range
  return T(shape)
end
local function layers(kind, gates)
  return {
    {kind, S{3, 2, 2 * gates}, S{2, 2}, NIL, S{2 * gates, 2}, S{2 * gates}},
    {kind, S{3, 2, 2 * gates}, S{2, 2}, NIL, S{2 * gates, 2}, NIL, {reverse = true}},
    {kind, S{6, 2 * gates}, S{3, 2}, NIL, S{2 * gates, 2}, S{2 * gates}, {batch_sizes = {3, 2, 1}}},
    {kind, S{5, 2 * gates}, S{3, 2}, NIL, S{2 * gates, 2}, S{2 * gates}, {batch_sizes = {3, 2}, reverse = true}},
  }
end
for _, case in ipairs{{'tanh', 1}, {'gru', 3}} do
  local kind, gates = unpack(case)
  add{name = 'recurrent_layer', label = kind, args = layers(kind, gates), reference = layer, optional = true, wrong = {
    {kind, T{3, 2, 2 * gates + 1}, T{2, 2}, NIL, T{2 * gates, 2}, says = {'recurrent_layer', 'gates'}},
    {kind, T{6, 2 * gates}, T{3, 2}, NIL, T{2 * gates, 2}, {batch_sizes = {2, 3, 1}}, says = {'batch_sizes'}}}}
end
add{name = 'recurrent_layer', label = 'relu', args = {{'relu', S{3, 2, 2}, S{2, 2}, NIL, S{2, 2}, S{2}}},
  reference = layer, grad = 'first', optional = true}
add{name = 'recurrent_layer', label = 'lstm', reference = layer, optional = true, args = {
  {'lstm', S{3, 2, 8}, S{2, 2}, S{2, 2}, S{8, 2}, S{8}},
  {'lstm', S{6, 8}, S{3, 2}, S{3, 2}, S{8, 2}, S{8}, {batch_sizes = {3, 2, 1}, reverse = true}},
  {'lstm', S{2, 2, 12}, S{2, 2}, S{2, 3}, S{12, 2}, S{12}, S{2, 3}}},
  wrong = {{'lstn', T{3, 2, 8}, T{2, 2}, T{2, 2}, T{8, 2}, says = {'lstn', 'lstm'}}, {'lstm', T{3, 2, 8}, T{2, 2}, NIL,
    T{8, 2}, says = {'c', 'lstm'}}}}

local function whole(kind, x, h, c, w_ih, w_hh, b_ih, b_hh)
  local steps, batch, gates = x.shape[1], x.shape[2], w_ih.shape[1]
  local p = P.full({steps, batch, gates}, 0)
  for row = 0, steps * batch - 1 do store(p, row, projected(w_ih, line(x, row), b_ih)) end
  return layer(kind, p, h, c, w_hh, b_hh)
end
local by_library = require('tocha.binding').hidden('recurrent_whole')
for _, case in ipairs{{'tanh', 1}, {'gru', 3}} do
  local kind, gates = unpack(case)
  add{name = 'recurrent_whole', label = kind, reference = whole, call = by_library, args = {
    {kind, S{3, 2, 2}, S{2, 2}, NIL, S{2 * gates, 2}, S{2 * gates, 2}, S{2 * gates}, S{2 * gates}},
    {kind, S{2, 1, 3}, S{1, 2}, NIL, S{2 * gates, 3}, S{2 * gates, 2}}}, wrong = {
    {kind, T{3, 2, 2}, T{2, 2}, NIL, T{2 * gates, 2}, T{2 * gates + 1, 2}, says = {'w_hh'}}}}
end
add{name = 'recurrent_whole', label = 'lstm', reference = whole, call = by_library, args = {
  {'lstm', S{3, 2, 3}, S{2, 2}, S{2, 2}, S{8, 3}, S{8, 2}, S{8}, S{8}}},
  wrong = {{'lstm', T{3, 2, 3}, T{2, 2}, NIL, T{8, 3}, T{8, 2}, says = {'c', 'lstm'}}}}

---------------------------------------------------------------- attention, for (batch, length, size)
local function attention(q, k, v, o)
  o = o or {}
  local B, L, S_, E, D = q.shape[1], q.shape[2], k.shape[2], q.shape[3], v.shape[3]
  return P.build({B, L, D}, function(b, i, d)
    local scores, most, sum, out = {}, -huge, 0, 0
    for j = 1, S_ do
      local s = 0
      for e = 1, E do s = s + P.get(q, b, i, e) * P.get(k, b, j, e) end
      s = s * (o.scale or 1 / sqrt(E))
      if o.is_causal and j > i then s = -huge end
      if o.attn_mask then s = s + P.get(o.attn_mask, i, j) end
      scores[j], most = s, max(most, s)
    end
    for j = 1, S_ do
      local p = exp(scores[j] - most)
      sum, out = sum + p, out + p * P.get(v, b, j, d)
    end
    return out / sum
  end)
end
add{name = 'scaled_dot_product_attention', reference = attention, args = {
  {T{2, 3, 4}, T{2, 5, 4}, T{2, 5, 2}}, {T{2, 3, 4}, T{2, 3, 4}, T{2, 3, 2}, {is_causal = true}},
  {T{2, 3, 4}, T{2, 5, 4}, T{2, 5, 2}, {attn_mask = T{3, 5}, scale = 0.3}}},
  wrong = {{T{2, 3, 4}, T{2, 5, 3}, T{2, 5, 2}, says = {'[2 x 3 x 4]', '[2 x 5 x 3]'}}, {T{2, 3, 4}, T{2, 5, 4}, T{2, 4,
    2}, says = {'length', '5', '4'}}}}

---------------------------------------------------------------- bags
local function bags(index, w, offsets, o)
  if type(offsets) == 'table' and not offsets.shape then offsets, o = nil, offsets end
  o = o or {}
  local mode, width, count = o.mode or 'mean', w.shape[2], offsets and #offsets or index.shape[1]
  return P.build({count, width}, function(b, j)
    local first, last = offsets and offsets[b] or (b - 1) * index.shape[2] + 1, b * (index.shape[2] or 0)
    if offsets then last = (offsets[b + 1] or #index + 1) - 1 end
    local sum, n, most = 0, 0, -huge
    for i = first, last do
      local value = w[(index[i] - 1) * width + j] * (o.per_sample_weights and o.per_sample_weights[i] or 1)
      if index[i] ~= o.padding_idx then sum, n, most = sum + value, n + 1, max(most, value) end
    end
    if n == 0 then return 0 end
    return mode == 'sum' and sum or mode == 'mean' and sum / n or most
  end)
end
local function tokens() return T{6, values = {1, 3, 3, 5, 2, 1}, dtype = 'int64'} end
local function starts() return T{3, values = {1, 3, 3}, dtype = 'int64'} end
add{name = 'embedding_bag', reference = bags, args = {
  {tokens(), T{5, 3}, starts()}, {tokens(), T{5, 3}, starts(), {mode = 'sum', padding_idx = 3}}, {tokens(), T{5, 3},
    starts(), {mode = 'max'}},
  {T{2, 3, int = {1, 5}}, T{5, 2}, {mode = 'sum', per_sample_weights = T{2, 3}}}},
  wrong = {{T{3, int = {1, 5}}, T{5, 2}, says = {'embedding_bag', 'offsets'}}, {tokens(), T{5, 2}, starts(),
    {mode = 'min'}, says = {'min', 'sum'}}}}

return rows
