--- Cases of operators that choose elements by position or mask, and that put them there.

local H = require 'spec.harness'
local P = require 'spec.plain'
local T = H.T
local moved = 'all' -- operators that only move elements take every dtype

local function position(v, size) return v < 0 and v + size + 1 or v end

-- a copy of `at` with another entry at d
local function with(at, d, value)
  local out = {unpack(at)}
  out[d] = value
  return out
end

local function flat_places(index)
  local out = {}
  for i = 1, #index do out[i] = index[i] end
  return out
end

---------------------------------------------------------------- slices along a dim
local function index_select(x, dim, index)
  local d, list = P.dim(x, dim), flat_places(index)
  if #x.shape == 0 then return P.copy(x) end
  local shape = with(x.shape, d, #list)
  return P.build(shape, function(...)
    local at = {...}
    return P.get(x, unpack(with(at, d, position(list[at[d]], x.shape[d]))))
  end)
end

-- f(old, new) for each element of source, in order, at its place in a copy of x
local function index_put_along(x, dim, index, source, f)
  local y, d, list = P.copy(x), P.dim(x, dim), flat_places(index)
  P.each(source.shape, function(at, k)
    local to = with(at, d, position(list[at[d]], x.shape[d]))
    P.set(y, to, f(P.get(y, unpack(to)), source[k]))
  end)
  return y
end

local function index_fill(x, dim, index, value)
  local d = P.dim(x, dim)
  local source = P.full(with(x.shape, d, #index), P.wrap(value)[1])
  return index_put_along(x, dim, index, source, function(_, v) return v end)
end

---------------------------------------------------------------- a place for each element
local function gather(x, dim, index)
  local d = P.dim(x, dim)
  if #x.shape == 0 then return P.full(index.shape, x[1]) end
  return P.build(index.shape, function(...)
    local at = {...}
    return P.get(x, unpack(with(at, d, position(P.get(index, ...), x.shape[d]))))
  end)
end

local function scatter(x, dim, index, src, f)
  local y, d = P.copy(x), P.dim(x, dim)
  P.each(index.shape, function(at, k)
    local to = with(at, d, position(index[k], x.shape[d]))
    local value = type(src) == 'number' and src or P.get(src, unpack(at))
    P.set(y, to, f(P.get(y, unpack(to)), value))
  end)
  return y
end

local function put(_, new) return new end
local function sum(old, new) return old + new end
local function product(old, new) return old * new end

-- lists of all that lands in each place, then one number of each list
local function scatter_reduce(x, dim, index, src, reduce, include_self)
  local y, d, lists = P.copy(x), P.dim(x, dim), {}
  P.each(index.shape, function(at, k)
    local place = P.place(x, with(at, d, position(index[k], x.shape[d])))
    lists[place] = lists[place] or (include_self and {x[place]} or {})
    table.insert(lists[place], P.get(src, unpack(at)))
  end)
  for place, list in pairs(lists) do
    local r = list[1]
    for i = 2, #list do
      if reduce == 'prod' then r = r * list[i]
      elseif reduce == 'amax' then r = math.max(r, list[i])
      elseif reduce == 'amin' then r = math.min(r, list[i])
      else r = r + list[i] end
    end
    y[place] = reduce == 'mean' and r / #list or r
  end
  return y
end

local function option(options) return options == nil or options.include_self ~= false end

local function index_reduce(x, dim, index, source, reduce, options)
  local d = P.dim(x, dim)
  local wide = P.build(source.shape, function(...) return index[select(d, ...)] end)
  return scatter_reduce(x, dim, wide, source, reduce, option(options))
end

---------------------------------------------------------------- the flattened tensor
local function take(x, index) return P.map(function(i) return x[position(i, #x)] end, index) end

local function put_flat(x, index, source, accumulate)
  local y = P.copy(x)
  for k = 1, #index do
    local i = position(index[k], #x)
    y[i] = accumulate and y[i] + source[k] or source[k]
  end
  return y
end

-- index_put with index tensors for the first dims
local function index_put(x, indices, values, accumulate)
  local y, shapes, sizes = P.copy(x), {}, {}
  for i, index in ipairs(indices) do shapes[i] = index.shape end
  local common = P.broadcast(unpack(shapes))
  for i, index in ipairs(indices) do sizes[i] = P.expand(index, common) end
  local part = {unpack(common)}
  for d = #indices + 1, #x.shape do part[#part + 1] = x.shape[d] end
  local wide = P.expand(P.wrap(values), part)
  P.each(part, function(at, k)
    local to = {}
    for i = 1, #indices do to[i] = position(P.get(sizes[i], unpack(at, 1, #common)), x.shape[i]) end
    for d = #indices + 1, #x.shape do to[d] = at[#common + d - #indices] end
    P.set(y, to, accumulate and P.get(y, unpack(to)) + wide[k] or wide[k])
  end)
  return y
end

---------------------------------------------------------------- masks
local function masked_fill(x, mask, value)
  value = P.wrap(value)
  return P.map(function(a, m) return m ~= 0 and value[1] or a end, x, mask)
end

local function masked_select(x, mask)
  local shape = P.broadcast(x.shape, mask.shape)
  local wide, where, out = P.expand(x, shape), P.expand(mask, shape), {}
  for i = 1, #wide do
    if where[i] ~= 0 then out[#out + 1] = wide[i] end
  end
  out.shape = {#out}
  return out
end

local function masked_scatter(x, mask, source)
  local shape, k = P.broadcast(x.shape, mask.shape), 0
  local wide, where = P.copy(P.expand(x, shape)), P.expand(mask, shape)
  for i = 1, #wide do
    if where[i] ~= 0 then
      k = k + 1
      wide[i] = source[k]
    end
  end
  return wide
end

local function argwhere(x)
  local out = {}
  P.each(x.shape, function(at, k)
    if x[k] ~= 0 then
      for d = 1, #x.shape do out[#out + 1] = at[d] end
    end
  end)
  local count = 0
  for i = 1, #x do count = count + (x[i] ~= 0 and 1 or 0) end
  out.shape = {count, #x.shape}
  return out
end

local function one_hot(labels, classes)
  local most = classes or -1
  if most < 0 then
    for i = 1, #labels do most = math.max(most, labels[i]) end
  end
  local shape = {unpack(labels.shape)}
  shape[#shape + 1] = most
  return P.build(shape, function(...)
    local at = {...}
    return P.get(labels, unpack(at, 1, #labels.shape)) == at[#at] and 1 or 0
  end)
end

local function I(options) -- positions: not differentiable, always int64
  options.int = options.int or {1, options.max}
  return T(options)
end
local function mask(...) return T{dtype = 'bool', int = {0, 1}, ...} end

local select_args = {
  {T{3, 4}, 1, I{5, max = 3}}, {T{3, 4}, 2, I{2, max = 4}}, {T{3, 4}, -1, I{4, int = {-4, -1}}}, {T{5}, 1, I{7, max = 5}},
  {T{2, 3, 4}, 2, I{4, max = 3}}, {T{3, 4}, 1, I{0, max = 3}}, {T{0, 3}, 2, I{2, max = 3}}, {T{}, 1, I{1, max = 1}}, {T{6, 20}, 1, I{9, max = 6}},
}
local gather_args = {
  {T{3, 4}, 1, I{2, 4, max = 3}}, {T{3, 4}, 2, I{3, 6, max = 4}}, {T{3, 4}, -1, I{2, 2, int = {-4, -1}}}, {T{5}, 1, I{7, max = 5}},
  {T{2, 3, 4}, 2, I{2, 5, 4, max = 3}}, {T{3, 4}, 1, I{0, 4, max = 3}}, {T{}, 1, I{max = 1}}, {T{6, 20}, 1, I{9, 20, max = 6}},
}
local scatter_args = {
  {T{3, 4}, 1, I{2, 4, max = 3}, T{2, 4}}, {T{3, 4}, 2, I{3, 6, max = 4}, T{3, 6}}, {T{3, 4}, -1, I{2, 2, int = {-4, -1}}, T{3, 3}},
  {T{5}, 1, I{7, max = 5}, T{7}}, {T{2, 3, 4}, 2, I{2, 5, 4, max = 3}, T{2, 5, 4}}, {T{3, 4}, 1, I{0, 4, max = 3}, T{0, 4}},
  {T{6, 20}, 1, I{9, 20, max = 6}, T{9, 20}},
}
-- every place is named once: which value wins is not differentiable
local once_args = {
  {T{3, 4}, 1, T{2, 4, int = {1, 3}, values = {1, 2, 3, 1, 2, 3, 1, 3}}, T{2, 4}},
  {T{2, 3}, 2, T{2, 3, int = {1, 3}, values = {3, 1, 2, -1, 1, -2}}, T{2, 4}}, {T{3}, 1, T{2, int = {1, 3}, values = {3, 1}}, T{2}},
}
local source_args = {
  {T{3, 4}, 1, I{5, max = 3}, T{5, 4}}, {T{3, 4}, 2, I{2, max = 4}, T{3, 2}}, {T{3, 4}, -1, I{4, int = {-4, -1}}, T{3, 4}},
  {T{5}, 1, I{7, max = 5}, T{7}}, {T{2, 3, 4}, 2, I{4, max = 3}, T{2, 4, 4}}, {T{3, 4}, 1, I{0, max = 3}, T{0, 4}}, {T{6, 20}, 1, I{9, max = 6}, T{9, 20}},
}
local copy_args = {
  {T{3, 4}, 1, T{2, int = {1, 3}, values = {3, 1}}, T{2, 4}}, {T{3, 4}, 2, T{2, int = {1, 3}, values = {-1, 1}}, T{3, 2}},
  {T{5}, 1, T{1, int = {1, 5}}, T{1}}, {T{3, 4}, 1, I{0, max = 3}, T{0, 4}},
}

local function reduced_args(reduce, options)
  local list = {}
  for i, args in ipairs(scatter_args) do list[i] = {T{distinct = true, unpack(args[1].shape)}, args[2], args[3], T{distinct = true, range = {0.53, 2.07}, unpack(args[4].shape)}, reduce, options} end
  return list
end

local rows = {
  {name = 'index_select', args = select_args, reference = index_select, grad = true, dtypes = moved, result = 'same', wrong = {
    {T{2, 3}, 2, T{2, values = {1, 9}, dtype = 'int64'}, says = {'index_select', 'index 9', 'position 2', 'dim 2', 'size 3'}},
    {T{2, 3}, 2, T{1, values = {0}, dtype = 'int64'}, says = {'index_select', 'index 0', 'position 1'}},
    {T{2, 3}, 2, T{1, values = {-4}, dtype = 'int64'}, says = {'index_select', '-4', '3'}},
    {T{2, 3}, 2, T{2, dtype = 'float32'}, says = {'index_select', ':long()'}},
    {T{2, 3}, 2, T{2, 2, int = {1, 2}}, says = {'index_select', '2 x 2'}}, {T{2, 3}, 3, T{1, int = {1, 1}}, says = {'index_select', '3'}}}},
  {name = 'gather', args = gather_args, reference = gather, grad = true, dtypes = moved, result = 'same', wrong = {
    {T{2, 3}, 2, T{2, 2, values = {1, 2, 3, 4}, dtype = 'int64'}, says = {'gather', 'index 4', '{2, 2}', 'dim 2', 'size 3'}},
    {T{2, 3}, 2, T{3, 2, int = {1, 3}}, says = {'gather', '3 x 2', '2 x 3'}}, {T{2, 3}, 2, T{2, int = {1, 3}}, says = {'gather', '[2]'}},
    {T{2, 3}, 2, T{2, 3}, says = {'gather', ':long()'}}}},
  {name = 'take_along_dim', args = {{T{3, 4}, I{3, 2, max = 4}, 2}, {T{3, 4}, I{1, 4, max = 3}, 1}, {T{1, 4}, I{3, 2, max = 4}, 2}},
    reference = function(x, index, dim)
      local common = P.broadcast(with(x.shape, dim, 1), with(index.shape, dim, 1))
      return gather(P.expand(x, with(common, dim, x.shape[dim])), dim, P.expand(index, with(common, dim, index.shape[dim])))
    end, grad = true, dtypes = moved, result = 'same'},
  {name = 'take_along_dim', label = 'flattened', args = {{T{3, 4}, I{2, 3, max = 12}}}, grad = true, dtypes = moved, result = 'same',
    reference = function(x, index) return P.copy(take(x, index), {6}) end},
  {name = 'take', args = {{T{3, 4}, I{2, 3, max = 12}}, {T{5}, I{max = 5}}, {T{2, 2}, I{3, int = {-4, -1}}}, {T{}, I{2, max = 1}}, {T{3}, I{0, max = 3}}},
    reference = take, grad = true, dtypes = moved, result = 'same',
    wrong = {{T{2, 3}, T{1, values = {7}, dtype = 'int64'}, says = {'take', 'index 7', '6 elements'}}}},
  {name = 'put', args = {{T{3, 4}, T{3, int = {1, 12}, values = {2, 12, -5}}, T{3}}, {T{3, 4}, I{6, max = 3}, T{2, 3}, true}}, reference = put_flat, grad = true,
    dtypes = 'number', result = 'same', range = {0, 9}, wrong = {{T{3}, T{2, int = {1, 3}}, T{3}, says = {'put', '3', '2'}}}},

  {name = 'index_add', args = source_args, reference = function(x, dim, index, source) return index_put_along(x, dim, index, source, sum) end, grad = true,
    dtypes = 'number', result = 'same', range = {0, 9}, half = 8, wrong = {{T{2, 3}, 1, T{2, int = {1, 2}}, T{2, 2}, says = {'index_add', '2 x 2', '2 x 3'}},
      {T{2, dtype = 'int64', int = {1, 2}}, 1, T{2, int = {1, 2}}, T{2, dtype = 'float32'}, says = {'index_add', 'float32', 'int64'}}}},
  {name = 'index_add', label = 'alpha', args = {{T{3, 4}, 1, I{5, max = 3}, T{5, 4}, {alpha = 2}}}, grad = true, dtypes = 'number', range = {0, 4}, half = 8,
    reference = function(x, dim, index, source) return index_put_along(x, dim, index, source, function(a, b) return a + 2 * b end) end},
  {name = 'index_copy', args = copy_args, reference = function(x, dim, index, source) return index_put_along(x, dim, index, source, put) end,
    grad = true, dtypes = moved, result = 'same'},
  {name = 'index_fill', args = {{T{3, 4}, 1, I{2, max = 3}, 2}, {T{3, 4}, 2, I{2, max = 4}, T{}}, {T{3, 4}, 2, I{5, max = 3}, T{}}, {T{}, 1, I{1, max = 1}, 1}, {T{3, 4}, -1, I{0, max = 3}, 1}},
    reference = index_fill, grad = true, dtypes = 'number', result = 'same', wrong = {{T{3}, 1, T{1, int = {1, 3}}, T{2}, says = {'index_fill', '[2]'}}}},

  {name = 'scatter', args = once_args, reference = function(x, dim, index, src) return scatter(x, dim, index, src, put) end, grad = true, dtypes = moved,
    result = 'same', wrong = {{T{2, 3}, 2, T{2, 3, int = {1, 3}}, T{1, 3}, says = {'scatter', '1 x 3', '2 x 3'}},
      {T{2, 3}, 2, T{2, 3, int = {1, 3}}, T{2, 3}, {reduce = 'sum'}, says = {'scatter', "'sum'", 'multiply'}},
      {T{2, 3}, 2, T{1, 1, values = {4}, dtype = 'int64'}, T{1, 1}, says = {'scatter', 'index 4', 'dim 2', 'size 3'}}}},
  {name = 'scatter', label = 'duplicates', args = scatter_args, reference = function(x, dim, index, src) return scatter(x, dim, index, src, put) end,
    dtypes = moved, result = 'same'},
  {name = 'scatter', label = 'a number', args = {{T{3, 4}, 2, I{3, 2, max = 4}, 2}, {T{3, 4}, 1, I{2, 4, max = 3}, 0}}, grad = true, dtypes = 'number', result = 'same',
    reference = function(x, dim, index, src) return scatter(x, dim, index, src ~= 0 and src or 0, put) end, inplace = false, range = {0, 1}},
  {name = 'scatter', label = 'add', args = {{T{3, 4}, 2, I{3, 6, max = 4}, T{3, 6}, {reduce = 'add'}}}, grad = true, dtypes = 'number', range = {0, 5}, half = 8,
    reference = function(x, dim, index, src) return scatter(x, dim, index, src, sum) end},
  {name = 'scatter', label = 'multiply', args = {{T{3, 4}, 2, I{3, 2, max = 4}, T{3, 2}, {reduce = 'multiply'}}}, grad = true, dtypes = 'number', range = {1, 3}, half = 8,
    reference = function(x, dim, index, src) return scatter(x, dim, index, src, product) end},
  {name = 'scatter_add', args = scatter_args, reference = function(x, dim, index, src) return scatter(x, dim, index, src, sum) end, grad = true,
    dtypes = 'number', range = {0, 5}, result = 'same', half = 8},

  {name = 'masked_fill', args = {{T{3, 4}, mask(3, 4), 2}, {T{3, 4}, mask(4), T{}}, {T{4}, mask(3, 4), 0.5}, {T{}, mask(), 1}, {T{0, 4}, mask(4), 1}},
    reference = masked_fill, grad = true, dtypes = 'float', result = 'same', wrong = {{T{2}, T{2}, 1, says = {'masked_fill', 'bool'}},
      {T{2, 3}, mask(2), 1, says = {'masked_fill', '2 x 3', '[2]'}}, {T{2}, mask(2), T{2}, says = {'masked_fill', 'value'}}}},
  {name = 'masked_select', args = {{T{3, 4}, mask(3, 4)}, {T{3, 4}, mask(4)}, {T{4}, mask(3, 4)}, {T{}, mask()}, {T{0, 4}, mask(4)}}, reference = masked_select,
    grad = true, dtypes = moved, result = 'same'},
  {name = 'masked_scatter', args = {{T{3, 4}, mask(3, 4), T{12}}, {T{3, 4}, mask(4), T{4, 3}}, {T{4}, mask(3, 4), T{13}}, {T{}, mask(), T{1}}},
    reference = masked_scatter, grad = true, dtypes = moved, result = 'same',
    wrong = {{T{3}, T{3, dtype = 'bool', values = {1, 1, 1}}, T{2}, says = {'masked_scatter', '2', '3'}}}},
  {name = 'argwhere', args = {{T{3, 4, int = {0, 1}}}, {T{5, int = {0, 1}}}, {T{0, 2}}, {T{}}, {T{2, 3, 2, int = {-1, 1}}}}, reference = argwhere, dtypes = {'float64'}, result = 'int64'},
  {name = 'argwhere', label = 'dtypes', args = {{T{4, values = {0, 1, 0, 2}}}}, dtypes = moved, result = 'int64',
    reference = function() return {shape = {2, 1}, 2, 4} end, layouts = false},
  {name = 'one_hot', args = {{T{4, int = {1, 5}}, 5}, {T{2, 3, int = {1, 4}}, 6}, {T{int = {1, 2}}, 3}}, reference = one_hot, dtypes = {'int64'},
    result = 'int64', inplace = false, wrong = {{T{2, values = {1, 4}, dtype = 'int64'}, 3, says = {'one_hot', '4', '3'}}, {T{2, dtype = 'float32'}, 3, says = {'one_hot', ':long()'}}}},
}

for _, reduce in ipairs{'sum', 'prod', 'mean', 'amax', 'amin'} do
  for _, own in ipairs{true, false} do
    rows[#rows + 1] = {name = 'scatter_reduce', label = reduce .. (own and '' or ' without self'), args = reduced_args(reduce, {include_self = own}),
      reference = function(x, dim, index, src, how, options) return scatter_reduce(x, dim, index, src, how, option(options)) end, grad = true,
      dtypes = {'float64', 'float32', 'float16'}, result = 'same', half = 4, gtol = {1e-5, 1e-6}, range = {0.5, 2}}
    rows[#rows + 1] = {name = 'index_reduce', label = reduce .. (own and '' or ' without self'), reference = index_reduce, grad = true,
      args = {{T{3, 4, distinct = true}, 1, I{5, max = 3}, T{5, 4, distinct = true, range = {-1.93, 2.17}}, reduce, {include_self = own}},
        {T{2, 3, distinct = true}, 2, I{4, max = 3}, T{2, 4, distinct = true, range = {-1.93, 2.17}}, reduce, {include_self = own}}}, dtypes = {'float64', 'float32'}, result = 'same',
      gtol = {1e-5, 1e-6}}
  end
end
rows[#rows + 1] = {name = 'scatter_reduce', label = 'zeros in a product', grad = true, eps = 1e-4, gtol = {1e-4, 1e-5}, dtypes = {'float64'}, layouts = false, inplace = false,
  args = {{T{4, values = {0, 2, 3, 1.5}}, 1, T{5, int = {1, 4}, values = {1, 2, 2, 3, 4}}, T{5, values = {2, 0, 1.5, 0, 4}}, 'prod'}},
  reference = function(x, dim, index, src, how) return scatter_reduce(x, dim, index, src, how, true) end}
rows[#rows + 1] = {name = 'scatter_reduce', label = 'whole numbers', dtypes = {'int64', 'int32', 'uint8'}, result = 'same', range = {0, 9},
  args = {{T{3, 4}, 1, I{6, 4, max = 3}, T{6, 4}, 'amax'}, {T{3, 4}, 1, I{6, 4, max = 3}, T{6, 4}, 'sum'}},
  reference = function(x, dim, index, src, how) return scatter_reduce(x, dim, index, src, how, true) end}
for _, accumulate in ipairs{false, true} do
  rows[#rows + 1] = {name = 'index_put', label = accumulate and 'accumulating' or nil, reference = index_put, grad = true, dtypes = accumulate and 'number' or moved,
    result = 'same', range = {0, 5}, half = 8, args = {
      {T{3, 4}, {T{2, int = {1, 3}, values = {3, 1}}, T{2, int = {1, 4}, values = {2, -1}}}, T{2}, accumulate},
      {T{3, 4}, {T{2, int = {1, 3}, values = {3, 1}}}, T{2, 4}, accumulate}, {T{3, 4}, {T{2, int = {1, 3}, values = {3, 1}}}, T{4}, accumulate},
      {T{3, 4}, {T{2, 1, int = {1, 3}, values = {3, 1}}, T{2, int = {1, 4}, values = {2, 4}}}, T{2, 2}, accumulate},
      {T{2, 3, 2}, {T{int = {1, 2}}, T{2, int = {1, 3}, values = {1, 3}}}, T{}, accumulate}}}
end

return rows
