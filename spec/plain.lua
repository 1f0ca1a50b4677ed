--- Plain arrays for references: `{shape = {2, 3}, 1, 2, 3, 4, 5, 6}`, row by row, numbers only. Nothing of the library is used here.
-- Booleans are 1 and 0. Dims and positions count from 1.
-- @module spec.plain

local P = {}

--- The number of elements of a shape.
function P.numel(shape)
  local n = 1
  for i = 1, #shape do n = n * shape[i] end
  return n
end

--- True for a plain array.
function P.is(v) return type(v) == 'table' and type(v.shape) == 'table' end

--- A number as a 0-dim array, a boolean as 1 or 0; arrays as they are.
function P.wrap(v)
  if type(v) == 'boolean' then v = v and 1 or 0 end
  return type(v) == 'number' and {shape = {}, v} or v
end

-- counts through all positions of a shape, the last dim fastest; calls f(position, number)
local function each(shape, f)
  local n, d = P.numel(shape), #shape
  local at = {}
  for i = 1, d do at[i] = 1 end
  for k = 1, n do
    f(at, k)
    local i = d
    while i > 0 do
      at[i] = at[i] + 1
      if at[i] <= shape[i] then break end
      at[i] = 1
      i = i - 1
    end
  end
end
P.each = each

--- The array of a shape whose element at (i, j, ...) is f(i, j, ...).
function P.build(shape, f)
  local out = {shape = shape}
  each(shape, function(at, k)
    local v = f(unpack(at))
    if type(v) == 'boolean' then v = v and 1 or 0 end
    out[k] = v
  end)
  return out
end

--- An array in which every element is the same.
function P.full(shape, value) return P.build(shape, function() return value end) end

--- The place of a position in the flat list.
function P.place(a, at)
  local k = 0
  for i = 1, #a.shape do k = k * a.shape[i] + at[i] - 1 end
  return k + 1
end

--- The element at (i, j, ...).
function P.get(a, ...) return a[P.place(a, {...})] end

--- Sets the element at a position (a list).
function P.set(a, at, value) a[P.place(a, at)] = value end

--- A copy, in another shape if one is given.
function P.copy(a, shape)
  local out = {shape = shape or a.shape}
  for i = 1, #a do out[i] = a[i] end
  return out
end

--- The dim counted from 1 for one that may count from the end.
function P.dim(a, dim) return dim < 0 and #a.shape + dim + 1 or dim end

--- The shape to which all the shapes broadcast.
function P.broadcast(...)
  local shapes, rank = {...}, 0
  for _, s in ipairs(shapes) do rank = math.max(rank, #s) end
  local out = {}
  for i = 1, rank do
    out[i] = 1
    for _, s in ipairs(shapes) do
      local n = s[i - rank + #s]
      if n and n ~= 1 then out[i] = n end
    end
  end
  return out
end

-- the element of a broadcast array for a position of the result
local function pick(a, at)
  local k, skip = 0, #at - #a.shape
  for i = 1, #a.shape do
    local n = a.shape[i]
    k = k * n + (n == 1 and 0 or at[i + skip] - 1)
  end
  return a[k + 1]
end

--- f of the elements of the arrays, which broadcast; numbers are arrays too.
function P.map(f, ...)
  local arrays, shapes = {...}, {}
  for i, a in ipairs(arrays) do
    arrays[i] = P.wrap(a)
    shapes[i] = arrays[i].shape
  end
  local values = {}
  return P.build(P.broadcast(unpack(shapes)), function(...)
    local at = {...}
    for i, a in ipairs(arrays) do values[i] = pick(a, at) end
    return f(unpack(values, 1, #arrays))
  end)
end

-- dims as a set: nil is all, a number is one
local function dim_set(a, dims)
  local set = {}
  if dims == nil or (type(dims) == 'table' and #dims == 0) then
    for i = 1, #a.shape do set[i] = true end
  else
    for _, d in ipairs(type(dims) == 'table' and dims or {dims}) do set[P.dim(a, d)] = true end
  end
  return set
end

--- Reduces dims (nil: all; a dim; a list): f(list of values) gives one number or several, each of which makes an array.
function P.fold(a, dims, keepdim, f)
  a = P.wrap(a)
  local set, shape, groups = dim_set(a, dims), {}, {}
  for i = 1, #a.shape do
    if not set[i] then shape[#shape + 1] = a.shape[i] elseif keepdim then shape[#shape + 1] = 1 end
  end
  local n = P.numel(shape)
  for k = 1, n do groups[k] = {} end
  each(a.shape, function(at, k)
    local where = 0
    for i = 1, #at do
      if not set[i] then where = where * a.shape[i] + at[i] - 1 end
    end
    local g = groups[where + 1]
    g[#g + 1] = a[k]
  end)
  local outs = {}
  for k = 1, n do
    local results = {f(groups[k])}
    for r, v in ipairs(results) do
      outs[r] = outs[r] or {shape = shape}
      outs[r][k] = P.wrap(v)[1]
    end
  end
  if n == 0 then return {shape = shape}, {shape = shape} end
  return unpack(outs)
end

--- Rewrites each line along a dim: f(list) gives a list (of the same or another length), or several.
function P.along(a, dim, f)
  a = P.wrap(a)
  if #a.shape == 0 then
    local results = {f({a[1]})}
    for r, list in ipairs(results) do results[r] = {shape = {}, list[1]} end
    return unpack(results)
  end
  dim = P.dim(a, dim)
  local n, before, after = a.shape[dim], 1, 1
  for i = 1, dim - 1 do before = before * a.shape[i] end
  for i = dim + 1, #a.shape do after = after * a.shape[i] end
  local outs = {}
  for b = 0, before - 1 do
    for c = 1, after do
      local line = {}
      for i = 1, n do line[i] = a[(b * n + i - 1) * after + c] end
      for r, list in ipairs({f(line)}) do
        local out = outs[r]
        if not out then
          local shape = {}
          for i = 1, #a.shape do shape[i] = a.shape[i] end
          shape[dim] = #list
          out = {shape = shape}
          outs[r] = out
        end
        for i = 1, #list do out[(b * #list + i - 1) * after + c] = P.wrap(list[i])[1] end
      end
    end
  end
  if not outs[1] then return P.copy(a), P.copy(a) end
  return unpack(outs)
end

--- The dims in another order.
function P.permute(a, dims)
  local shape = {}
  for i, d in ipairs(dims) do shape[i] = a.shape[P.dim(a, d)] end
  return P.build(shape, function(...)
    local from, at = {}, {...}
    for i, d in ipairs(dims) do from[P.dim(a, d)] = at[i] end
    return a[P.place(a, from)]
  end)
end

--- Two dims exchanged.
function P.transpose(a, d0, d1)
  local dims = {}
  for i = 1, #a.shape do dims[i] = i end
  d0, d1 = P.dim(a, d0), P.dim(a, d1)
  dims[d0], dims[d1] = dims[d1], dims[d0]
  return P.permute(a, dims)
end

--- length places of a dim from start on.
function P.narrow(a, dim, start, length)
  dim = P.dim(a, dim)
  local shape = {}
  for i, n in ipairs(a.shape) do shape[i] = i == dim and length or n end
  return P.build(shape, function(...)
    local at = {...}
    at[dim] = at[dim] + start - 1
    return a[P.place(a, at)]
  end)
end

--- One place of a dim.
function P.select(a, dim, index)
  dim = P.dim(a, dim)
  local shape = {}
  for i, n in ipairs(a.shape) do if i ~= dim then shape[#shape + 1] = n end end
  return P.build(shape, function(...)
    local at = {...}
    table.insert(at, dim, index)
    return a[P.place(a, at)]
  end)
end

--- The shape with its dims of size 1 from `set` removed, or all.
function P.expand(a, shape)
  return P.build(shape, function(...) return pick(a, {...}) end)
end

--- The matrix product of two matrices.
function P.mm(a, b)
  local inner = a.shape[2]
  return P.build({a.shape[1], b.shape[2]}, function(i, j)
    local s = 0
    for k = 1, inner do s = s + P.get(a, i, k) * P.get(b, k, j) end
    return s
  end)
end

--- Sums, for folds.
function P.sum(list)
  local s = 0
  for i = 1, #list do s = s + list[i] end
  return s
end

return P
