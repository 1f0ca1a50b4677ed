--- Cases of operators that join, repeat, turn, pad and cut tensors.

local H = require 'spec.harness'
local P = require 'spec.plain'
local T, NIL = H.T, H.NIL
local moved = 'all' -- operators that only move elements take every dtype

local function with(list, d, value)
  local out = {unpack(list)}
  out[d] = value
  return out
end

local function insert(list, d, value)
  local out = {unpack(list)}
  table.insert(out, d, value)
  return out
end

local function remove(list, d)
  local out = {unpack(list)}
  table.remove(out, d)
  return out
end

local function numbers(...) -- {2, 3} and 2, 3 alike
  local first = ...
  if type(first) == 'table' then return first end
  return {...}
end

---------------------------------------------------------------- joining
local function cat(list, dim)
  local kept = {}
  for _, x in ipairs(list) do
    if not (#x.shape == 1 and x.shape[1] == 0) then kept[#kept + 1] = x end
  end
  if #kept == 0 then return list[1] end
  local d, total = P.dim(kept[1], dim or 1), 0
  for _, x in ipairs(kept) do total = total + x.shape[d] end
  return P.build(with(kept[1].shape, d, total), function(...)
    local at, first = {...}, 0
    for _, x in ipairs(kept) do
      if at[d] - first <= x.shape[d] then return P.get(x, unpack(with(at, d, at[d] - first))) end
      first = first + x.shape[d]
    end
  end)
end

local function stack(list, dim)
  dim = dim or 1
  local d = dim < 0 and #list[1].shape + 2 + dim or dim
  return P.build(insert(list[1].shape, d, #list), function(...)
    local at = {...}
    return P.get(list[at[d]], unpack(remove(at, d)))
  end)
end

local function widened(list, shape_of)
  local out = {}
  for i, x in ipairs(list) do out[i] = P.copy(x, shape_of(x)) end
  return out
end
local function row_shape(x) return #x.shape < 2 and {1, #x} or x.shape end

---------------------------------------------------------------- turning
local function flip(x, ...)
  local turned = {}
  for _, d in ipairs(numbers(...)) do turned[P.dim(x, d)] = true end
  return P.build(x.shape, function(...)
    local at = {...}
    for d in pairs(turned) do at[d] = x.shape[d] + 1 - at[d] end
    return P.get(x, unpack(at))
  end)
end

local function roll(x, shifts, dims)
  shifts = type(shifts) == 'number' and {shifts} or shifts
  if dims == nil then return P.copy(roll(P.copy(x, {#x}), shifts, 1), x.shape) end
  dims = type(dims) == 'number' and {dims} or dims
  return P.build(x.shape, function(...)
    local at = {...}
    for i, d in ipairs(dims) do
      d = P.dim(x, d)
      at[d] = (at[d] - 1 - shifts[i]) % x.shape[d] + 1
    end
    return P.get(x, unpack(at))
  end)
end

local function rot90(x, k, dims)
  local a, b = 1, 2
  if dims then a, b = P.dim(x, dims[1]), P.dim(x, dims[2]) end
  for _ = 1, (k or 1) % 4 do x = P.transpose(flip(x, b), a, b) end
  return x
end

local function repeated(x, ...)
  local times = numbers(...)
  local shape = {unpack(x.shape)}
  while #shape < #times do table.insert(shape, 1, 1) end
  local wide, out = P.copy(x, shape), {}
  for d = 1, #shape do out[d] = shape[d] * times[d] end
  return P.build(out, function(...)
    local at = {...}
    for d = 1, #shape do at[d] = (at[d] - 1) % shape[d] + 1 end
    return P.get(wide, unpack(at))
  end)
end

local function tile(x, ...)
  local times = {unpack(numbers(...))}
  while #times < #x.shape do table.insert(times, 1, 1) end
  return repeated(x, times)
end

local function repeat_interleave(x, times, dim)
  if dim == nil then x, dim = P.copy(x, {#x}), 1 end
  local d, from = P.dim(x, dim), {}
  local list = P.wrap(times)
  for i = 1, x.shape[d] do
    for _ = 1, #list == 1 and list[1] or list[i] do from[#from + 1] = i end
  end
  return P.build(with(x.shape, d, #from), function(...)
    local at = {...}
    return P.get(x, unpack(with(at, d, from[at[d]])))
  end)
end

---------------------------------------------------------------- borders
local sources = {
  reflect = function(i, n) return i < 1 and 2 - i or i > n and 2 * n - i or i end,
  replicate = function(i, n) return math.max(1, math.min(n, i)) end,
  circular = function(i, n) return (i - 1) % n + 1 end,
  constant = function(i, n) return i >= 1 and i <= n and i or nil end,
}

local function pad(x, pads, mode, value)
  local shape, before, rank = {unpack(x.shape)}, {}, #x.shape
  for k = 1, #pads / 2 do
    local d = rank + 1 - k
    before[d] = pads[2 * k - 1]
    shape[d] = shape[d] + pads[2 * k - 1] + pads[2 * k]
  end
  return P.build(shape, function(...)
    local at = {...}
    for d = 1, rank do
      at[d] = sources[mode or 'constant'](at[d] - (before[d] or 0), x.shape[d])
      if not at[d] then return value or 0 end
    end
    return P.get(x, unpack(at))
  end)
end

---------------------------------------------------------------- triangles, diagonals
local function triangle(upper)
  return function(x, diagonal)
    local rank = #x.shape
    return P.build(x.shape, function(...)
      local at, k = {...}, diagonal or 0
      local across = at[rank] - at[rank - 1]
      if upper then return across >= k and P.get(x, ...) or 0 end
      return across <= k and P.get(x, ...) or 0
    end)
  end
end

local function diag_embed(x, offset, dim1, dim2)
  offset, dim1, dim2 = offset or 0, dim1 or -2, dim2 or -1
  local rank, side = #x.shape + 1, x.shape[#x.shape] + math.abs(offset)
  local a, b = dim1 < 0 and rank + 1 + dim1 or dim1, dim2 < 0 and rank + 1 + dim2 or dim2
  local shape, k = {}, 0
  for d = 1, rank do
    if d == a or d == b then
      shape[d] = side
    else
      k = k + 1
      shape[d] = x.shape[k]
    end
  end
  return P.build(shape, function(...)
    local at, from = {...}, {}
    if at[b] - at[a] ~= offset then return 0 end
    for d = 1, rank do
      if d ~= a and d ~= b then from[#from + 1] = at[d] end
    end
    from[#from + 1] = math.min(at[a], at[b])
    return P.get(x, unpack(from))
  end)
end

local function diag(x, offset)
  offset = offset or 0
  if #x.shape == 1 then return diag_embed(x, offset) end
  local out, i, j = {}, 1 + math.max(0, -offset), 1 + math.max(0, offset)
  while i <= x.shape[1] and j <= x.shape[2] do
    out[#out + 1] = P.get(x, i, j)
    i, j = i + 1, j + 1
  end
  out.shape = {#out}
  return out
end

local function slice_scatter(x, src, dim, first, _, step)
  local y, d = P.copy(x), dim or 1
  P.each(src.shape, function(at, k) P.set(y, with(at, d, (first or 1) + (at[d] - 1) * (step or 1)), src[k]) end)
  return y
end

local function select_scatter(x, src, dim, index)
  local y, d = P.copy(x), P.dim(x, dim)
  local place = index < 0 and x.shape[d] + 1 + index or index
  P.each(src.shape, function(at, k) P.set(y, insert(at, d, place), src[k]) end)
  return y
end

local function diagonal_scatter(x, src, offset)
  local y = P.copy(x)
  offset = offset or 0
  for k = 1, #src do P.set(y, {k + math.max(0, -offset), k + math.max(0, offset)}, src[k]) end
  return y
end

local list_args = {{{T{2, 3}, T{2, 3}}}, {{T{3}, T{3}, T{3}}}, {{T{2, 3, 2}, T{2, 3, 2}}}, {{T{}, T{}}}}

local rows = {
  {name = 'cat', args = {{{T{2, 3}, T{4, 3}}}, {{T{2, 3}, T{2, 1}, T{2, 2}}, 2}, {{T{2, 3}, T{2, 3}}, -1}, {{T{3}, T{0}, T{2}}}, {{T{0}, T{2, 3}}}, {{T{0, 3}, T{2, 3}}},
    {{T{2, 3}}}, {{T{2, 2, 3}, T{2, 1, 3}}, 2}}, reference = cat, grad = true, dtypes = moved, result = 'same', wrong = {
    {{T{2, 3}, T{2, 4}}, 1, says = {'cat', '2 x 3', '2 x 4'}}, {{}, says = {'cat'}}, {{T{}, T{}}, says = {'cat', 'stack'}}, {{T{2}, T{2}}, 2, says = {'cat', '2'}}}},
  {name = 'stack', args = {{{T{2, 3}, T{2, 3}}}, {{T{2, 3}, T{2, 3}, T{2, 3}}, 2}, {{T{2, 3}, T{2, 3}}, -1}, {{T{}, T{}}}, {{T{0, 2}, T{0, 2}}, 3}}, reference = stack,
    grad = true, dtypes = moved, result = 'same', wrong = {{{T{2}, T{3}}, says = {'stack', '[2]', '[3]'}}, {{}, says = {'stack'}}}},
  {name = 'hstack', args = list_args, grad = true, dtypes = moved, result = 'same', reference = function(list)
    list = widened(list, function(x) return #x.shape == 0 and {1} or x.shape end)
    return cat(list, #list[1].shape == 1 and 1 or 2)
  end},
  {name = 'vstack', args = list_args, grad = true, dtypes = moved, result = 'same', reference = function(list) return cat(widened(list, row_shape), 1) end},
  {name = 'dstack', args = list_args, grad = true, dtypes = moved, result = 'same', reference = function(list)
    return cat(widened(list, function(x)
      local shape = row_shape(x)
      return #shape == 2 and {shape[1], shape[2], 1} or shape
    end), 3)
  end},
  {name = 'column_stack', args = list_args, grad = true, dtypes = moved, result = 'same', reference = function(list)
    return cat(widened(list, function(x) return #x.shape < 2 and {#x, 1} or x.shape end), 2)
  end},

  {name = 'flip', args = {{T{2, 3}, {1}}, {T{2, 3, 4}, {1, -1}}, {T{2, 3}, 1, 2}, {T{5}, 1}, {T{0, 3}, {2}}, {T{2, 3}, {}}}, reference = flip, grad = true, dtypes = moved,
    result = 'same', wrong = {{T{2, 3}, {3}, says = {'flip', '3'}}, {T{2, 3}, {1, 1}, says = {'flip', 'twice'}}}},
  {name = 'fliplr', args = {{T{2, 3}}, {T{2, 3, 2}}}, reference = function(x) return flip(x, 2) end, grad = true, dtypes = moved, result = 'same',
    wrong = {{T{3}, says = {'fliplr', '[3]'}}}},
  {name = 'flipud', args = {{T{2, 3}}, {T{3}}}, reference = function(x) return flip(x, 1) end, grad = true, dtypes = moved, result = 'same'},
  {name = 'roll', args = {{T{5}, 2}, {T{2, 3}, -1}, {T{3, 4}, 1, 2}, {T{3, 4}, {1, -6}, {1, 2}}, {T{3, 4}, {1, 1}, {2, 2}}, {T{0, 3}, 1, 1}, {T{}, 1}}, reference = function(x, s, d)
    if #x.shape == 0 then return x end
    return roll(x, s, d)
  end, grad = true, dtypes = moved, result = 'same', wrong = {{T{3, 4}, {1, 2}, 1, says = {'roll', '2', '1'}}, {T{3, 4}, {1, 2}, says = {'roll', '2'}}}},
  {name = 'rot90', args = {{T{2, 3}}, {T{2, 3}, 2}, {T{2, 3}, 3}, {T{2, 3}, 4}, {T{2, 3}, -1}, {T{2, 3, 4}, 1, {2, 3}}, {T{2, 3, 4}, 1, {3, 1}}}, reference = rot90, grad = true,
    dtypes = moved, result = 'same', wrong = {{T{2, 3}, 1, {1, 1}, says = {'rot90', '1'}}, {T{3}, says = {'rot90', '[3]'}}}},
  {name = 'repeat', args = {{T{2, 3}, 2, 1}, {T{2, 3}, {2, 3}}, {T{3}, 2, 2}, {T{}, 3}, {T{2, 3}, 1, 1}, {T{2, 3}, 0, 1}, {T{1, 3}, 2, 2, 2}}, reference = repeated, grad = true,
    dtypes = moved, result = 'same', wrong = {{T{2, 3}, 2, says = {'repeat', '1', '2'}}, {T{2, 3}, -1, 1, says = {'repeat', '-1'}}}},
  {name = 'tile', args = {{T{2, 3}, 2}, {T{2, 3}, {2, 3}}, {T{3}, 2, 2}, {T{2, 3}, {}}}, reference = tile, grad = true, dtypes = moved, result = 'same', optional = true},
  {name = 'repeat_interleave', args = {{T{2, 3}, 2}, {T{2, 3}, 2, 1}, {T{2, 3}, T{3, int = {0, 3}}, 2}, {T{3}, T{1, int = {2, 2}}, 1}, {T{}, 2}, {T{2, 3}, 0, 2}}, grad = true,
    reference = repeat_interleave, dtypes = moved, result = 'same', wrong = {{T{3}, T{2, int = {1, 2}}, 1, says = {'repeat_interleave', '2', '3'}},
      {T{3}, -1, says = {'repeat_interleave', '-1'}}, {T{3}, T{3}, 1, says = {'repeat_interleave', ':long()'}}}},
  {name = 'repeat_interleave', label = 'positions', args = {{T{3, values = {2, 0, 1}, dtype = 'int64'}}}, reference = function() return {shape = {3}, 1, 1, 3} end, dtypes = {'int64'},
    layouts = false},

  {name = 'pad', args = {{T{2, 3}, {1, 2}}, {T{2, 3}, {1, 0, 0, 2}, 'constant', 1.5}, {T{3, 4}, {-1, 1}}, {T{2, 3}, {1, -1, -1, 2}, 'constant', -1}, {T{3}, {0, 0}}, {T{0, 3}, {1, 1}},
    {T{2, 3, 4}, {-1, -1}}, {T{2, 2}, {}}}, reference = pad, grad = true, dtypes = 'float', result = 'same', wrong = {{T{3, 3}, {1, 2, 3}, says = {'pad', '3'}},
      {T{3}, {1, 1, 1, 1}, says = {'pad', '4', '1'}}, {T{3}, {-2, -2}, says = {'pad', '3'}}, {T{2, 3}, {1, 1}, 'mirror', says = {'pad', "'mirror'", 'reflect'}},
      {T{2, 3}, {3, 1}, 'reflect', says = {'pad', '3', '2'}}, {T{2, 3}, {4, 1}, 'circular', says = {'pad', '4', '3'}}, {T{3}, {1, 1}, 'reflect', says = {'pad'}}}},
  {name = 'tril', args = {{T{3, 4}}, {T{3, 4}, 1}, {T{4, 3}, -1}, {T{2, 3, 3}}, {T{3, 4}, 9}, {T{3, 4}, -9}, {T{0, 3}}}, reference = triangle(false), grad = true, dtypes = moved,
    result = 'same', wrong = {{T{3}, says = {'tril', '[3]'}}}},
  {name = 'triu', args = {{T{3, 4}}, {T{3, 4}, 1}, {T{4, 3}, -1}, {T{2, 3, 3}}, {T{3, 4}, 9}, {T{3, 4}, -9}, {T{3, 0}}}, reference = triangle(true), grad = true, dtypes = moved,
    result = 'same'},
  {name = 'tril_indices', args = {{3, 3}, {3, 4}, {4, 3, -1}, {2, 3, 5}, {3, 3, -9}, {0, 3}}, dtypes = {'int64'}, optional = false, reference = function(rows, columns, offset)
    local list, second = {}, {}
    for i = 1, rows do
      for j = 1, math.min(columns, i + (offset or 0)) do list[#list + 1], second[#second + 1] = i, j end
    end
    local count = #list
    for k = 1, count do list[count + k] = second[k] end
    list.shape = {2, count}
    return list
  end, layouts = false},
  {name = 'triu_indices', args = {{3, 3}, {3, 4}, {4, 3, -1}, {3, 3, 1}, {2, 3, 9}}, dtypes = {'int64'}, layouts = false, reference = function(rows, columns, offset)
    local list, second = {}, {}
    for i = 1, rows do
      for j = math.max(1, i + (offset or 0)), columns do list[#list + 1], second[#second + 1] = i, j end
    end
    local count = #list
    for k = 1, count do list[count + k] = second[k] end
    list.shape = {2, count}
    return list
  end},
  {name = 'diag', args = {{T{3}}, {T{3}, 1}, {T{3}, -2}, {T{3, 4}}, {T{3, 4}, 2}, {T{3, 4}, -1}, {T{3, 4}, 9}}, reference = diag, grad = true, dtypes = moved, result = 'same',
    wrong = {{T{2, 2, 2}, says = {'diag', '2 x 2 x 2'}}}},
  {name = 'diagflat', args = {{T{2, 2}}, {T{3}, 1}, {T{2, 2}, -1}}, reference = function(x, k) return diag_embed(P.copy(x, {#x}), k) end, grad = true, dtypes = moved, result = 'same'},
  {name = 'diag_embed', args = {{T{3}}, {T{2, 3}}, {T{2, 3}, 1}, {T{2, 3}, -1}, {T{2, 3}, 0, 1, 3}, {T{2, 3}, 1, 3, 1}}, reference = diag_embed, grad = true, dtypes = moved,
    result = 'same'},
  {name = 'trace', args = {{T{3, 3}}, {T{2, 4}}, {T{0, 0}}}, grad = true, dtypes = 'number', reference = function(x)
    local total = 0
    for i = 1, math.min(x.shape[1], x.shape[2]) do total = total + P.get(x, i, i) end
    return total
  end, wrong = {{T{3}, says = {'trace', '[3]'}}}},
  {name = 'slice_scatter', args = {{T{6}, T{2}, 1, 2, 3}, {T{2, 6}, T{2, 2}, 2, 2, 5, 2}, {T{4, 2}, T{4, 2}}, {T{4, 2}, T{2, 2}, 1, 3}}, reference = slice_scatter, grad = true,
    dtypes = moved, result = 'same', wrong = {{T{6}, T{3}, 1, 2, 3, says = {'slice_scatter', '3', '2'}}, {T{6}, T{2}, 1, 6, 7, says = {'slice_scatter', '7', '6'}}}},
  {name = 'select_scatter', args = {{T{2, 3}, T{3}, 1, 2}, {T{2, 3}, T{2}, 2, -1}}, reference = select_scatter, grad = true, dtypes = moved, result = 'same',
    wrong = {{T{2, 3}, T{2}, 1, 1, says = {'select_scatter', '[2]', '[3]'}}, {T{2, 3}, T{3}, 1, 4, says = {'select_scatter', '4', '2'}}}},
  {name = 'diagonal_scatter', args = {{T{3, 3}, T{3}}, {T{3, 4}, T{3}, 1}, {T{3, 4}, T{2}, -1}}, reference = diagonal_scatter, grad = true, dtypes = moved, result = 'same',
    wrong = {{T{3, 3}, T{2}, says = {'diagonal_scatter', '2', '3'}}}},
}

for _, mode in ipairs{'reflect', 'replicate', 'circular'} do
  rows[#rows + 1] = {name = 'pad', label = mode, reference = pad, grad = true, dtypes = moved, result = 'same', optional = true, args = {
    {T{2, 3}, {1, 2}, mode}, {T{1, 2, 5}, {2, 1}, mode}, {T{1, 2, 3, 4}, {1, 2, 2, 1}, mode}, {T{1, 2, 3, 2, 3}, {1, 1, 1, 0, 2, 1}, mode}, {T{2, 4}, {0, 2}, mode}}}
end

for _, row in ipairs(rows) do
  if row.name == 'pad' and not row.label then
    row.args[#row.args + 1] = {T{2, 2}, {1, 1}, 'constant', NIL}
  end
end

return rows
