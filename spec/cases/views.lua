--- Cases of views, and of copies and conversions.

local H = require 'spec.harness'
local P = require 'spec.plain'
local T = H.T
local ffi = require 'ffi'

local rows = {}
local function add(name, args, reference, more)
  local row = {name = name, args = args, reference = reference, grad = true, dtypes = 'all', result = 'same'}
  for key, value in pairs(more or {}) do row[key] = value end
  rows[#rows + 1] = row
end

-- a list given as one table or as several numbers
local function list_of(...)
  local first = ...
  return type(first) == 'table' and first or {...}
end

-- a shape with its -1 worked out
local function shape_for(x, shape)
  local known, out, at = 1, {}, nil
  for i, n in ipairs(shape) do
    out[i] = n
    if n == -1 then at = i else known = known * n end
  end
  if at then out[at] = P.numel(x.shape) / known end
  return out
end

local function reshaped(x, ...) return P.copy(x, shape_for(x, list_of(...))) end

local function inserted(list, at, ...)
  local out = {}
  for i = 1, at - 1 do out[i] = list[i] end
  for _, v in ipairs {...} do out[#out + 1] = v end
  for i = at, #list do out[#out + 1] = list[i] end
  return out
end

local function without(list, first, last)
  local out = {}
  for i, v in ipairs(list) do
    if i < first or i > (last or first) then out[#out + 1] = v end
  end
  return out
end

add('select', {{T{2, 3}, 1, 2}, {T{2, 3, 2}, -1, -1}, {T{4}, 1, 3}, {T{2, 0}, 1, 1}}, function(x, dim, index)
  dim = P.dim(x, dim)
  return P.select(x, dim, index < 0 and x.shape[dim] + index + 1 or index)
end, {wrong = {{T{2, 3}, 1, 3, says = {'select', '3', '2'}}, {T{2, 3}, 3, 1, says = {'select', '3'}}, {T{2, 3}, 1, 0, says = {'select', '0'}},
  {T{}, 1, 1, says = {'select'}}}})

add('narrow', {{T{2, 5}, 2, 2, 3}, {T{4}, -1, 1, 4}, {T{3, 2}, 1, 2, 0}, {T{5}, 1, -2, 2}}, function(x, dim, start, length)
  dim = P.dim(x, dim)
  return P.narrow(x, dim, start < 0 and x.shape[dim] + start + 1 or start, length)
end, {wrong = {{T{2, 5}, 2, 4, 3, says = {'narrow', '5'}}, {T{2, 5}, 2, 1, -1, says = {'narrow', '-1'}}, {T{2}, 2, 1, 1, says = {'narrow', '2'}}}})

add('slice', {{T{7}, 1, 2, 6, 2}, {T{2, 5}, 2, 1, 5, 3}, {T{4, 2}, 1, 2, 3}}, function(x, dim, first, last, step)
  step = step or 1
  local n, shape = math.floor((last - first) / step) + 1, {}
  for i, size in ipairs(x.shape) do shape[i] = i == dim and n or size end
  return P.build(shape, function(...)
    local at = {...}
    at[dim] = first + (at[dim] - 1) * step
    return x[P.place(x, at)]
  end)
end, {call = function(...) return require('tocha.binding').hidden('slice')(...) end})

add('diagonal', {{T{3, 3}}, {T{2, 4}, 1}, {T{4, 2}, -1}, {T{2, 3, 4}, 0, 1, 3}, {T{2, 3}, 5}, {T{3, 2, 2}, {offset = 0, dim1 = -2, dim2 = -1}}},
  function(x, offset, dim1, dim2)
    if type(offset) == 'table' then offset, dim1, dim2 = offset.offset, offset.dim1, offset.dim2 end
    offset, dim1, dim2 = offset or 0, P.dim(x, dim1 or 1), P.dim(x, dim2 or 2)
    local rest, n = {}, 0
    for i = 1, #x.shape do if i ~= dim1 and i ~= dim2 then rest[#rest + 1] = i end end
    while 1 + n + math.max(-offset, 0) <= x.shape[dim1] and 1 + n + math.max(offset, 0) <= x.shape[dim2] do n = n + 1 end
    local shape = {}
    for i, d in ipairs(rest) do shape[i] = x.shape[d] end
    shape[#shape + 1] = n
    return P.build(shape, function(...)
      local at, where = {...}, {}
      for i, d in ipairs(rest) do where[d] = at[i] end
      where[dim1], where[dim2] = at[#at] + math.max(-offset, 0), at[#at] + math.max(offset, 0)
      return x[P.place(x, where)]
    end)
  end, {wrong = {{T{2, 3}, 0, 1, 1, says = {'diagonal'}}, {T{3}, says = {'diagonal'}}}})

add('unfold', {{T{7}, 1, 3, 2}, {T{2, 5}, 2, 2, 1}, {T{4, 2}, 1, 4, 1}}, function(x, dim, size, step)
  local shape = {unpack(x.shape)}
  shape[dim] = math.floor((x.shape[dim] - size) / step) + 1
  shape[#shape + 1] = size
  return P.build(shape, function(...)
    local at = {...}
    local place = {unpack(at, 1, #at - 1)}
    place[dim] = (at[dim] - 1) * step + at[#at]
    return x[P.place(x, place)]
  end)
end, {wrong = {{T{4}, 1, 5, 1, says = {'unfold', '5', '4'}}, {T{4}, 1, 2, 0, says = {'unfold', '0'}}},
  call = function(x, ...) return require('tocha').zeros(1).unfold(x, ...) end})

add('permute', {{T{2, 3, 4}, {3, 1, 2}}, {T{2, 3}, 2, 1}, {T{2, 3}, {-1, 1}}, {T{0, 2}, {2, 1}}}, function(x, ...) return P.permute(x, list_of(...)) end,
  {wrong = {{T{2, 3}, {1, 1}, says = {'permute'}}, {T{2, 3}, {1}, says = {'permute'}}, {T{2, 3}, {1, 3}, says = {'permute', '3'}}}})
add('transpose', {{T{2, 3}, 1, 2}, {T{2, 3, 4}, -1, 1}, {T{2, 0}, 1, 2}}, P.transpose,
  {wrong = {{T{2, 3}, 1, 3, says = {'transpose', '3'}}, {T{2, 3}, 0, 1, says = {'transpose', '0'}}}, inplace = false})
add('t', {{T{2, 3}}, {T{4}}, {T{}}}, function(x) return #x.shape == 2 and P.transpose(x, 1, 2) or x end, {wrong = {{T{2, 2, 2}, says = {'t', '2 x 2 x 2'}}}})

add('movedim', {{T{2, 3, 4}, 1, 3}, {T{2, 3, 4}, {1, 2}, {3, 1}}, {T{2, 3}, -1, 1}}, function(x, source, destination)
  source, destination = list_of(source), list_of(destination)
  local order, used, next_free = {}, {}, 1
  for i, d in ipairs(destination) do order[P.dim(x, d)] = P.dim(x, source[i]) end
  for _, d in ipairs(source) do used[P.dim(x, d)] = true end
  for i = 1, #x.shape do
    if not order[i] then
      while used[next_free] do next_free = next_free + 1 end
      order[i] = next_free
      next_free = next_free + 1
    end
  end
  return P.permute(x, order)
end, {wrong = {{T{2, 3}, {1, 2}, {1}, says = {'movedim'}}}})

add('view', {{T{2, 3}, 3, 2}, {T{2, 3}, {-1}}, {T{4}, 2, -1}, {T{}, 1, 1}, {T{0, 3}, 3, 0}}, reshaped,
  {layouts = false, wrong = {{T{2, 3}, 4, says = {'view', '6', '4'}}, {T{2, 3}, -1, -1, says = {'view', '-1'}}}})
add('reshape', {{T{2, 3}, 3, 2}, {T{2, 3}, {-1}}, {T{4}, {2, -1}}, {T{}, {1, 1}}, {T{0, 3}, {3, 0}}}, reshaped,
  {wrong = {{T{2, 3}, {2, 2}, says = {'reshape', '6', '4'}}}})
add('flatten', {{T{2, 3, 4}}, {T{2, 3, 4}, 2}, {T{2, 3, 4}, 1, 2}, {T{}}, {T{2, 0}}}, function(x, first, last)
  if #x.shape == 0 then return P.copy(x, {1}) end
  first, last = P.dim(x, first or 1), P.dim(x, last or -1)
  local n = 1
  for i = first, last do n = n * x.shape[i] end
  return P.copy(x, inserted(without(x.shape, first, last), first, n))
end, {wrong = {{T{2, 3}, 2, 1, says = {'flatten'}}}})
add('unflatten', {{T{2, 6}, 2, {2, 3}}, {T{6}, 1, {-1, 2}}, {T{4, 2}, -2, {2, 2}}}, function(x, dim, sizes)
  dim = P.dim(x, dim)
  local shape = shape_for({shape = {x.shape[dim]}}, sizes)
  return P.copy(x, inserted(without(x.shape, dim), dim, unpack(shape)))
end, {wrong = {{T{2, 6}, 2, {4, 2}, says = {'unflatten', '6'}}}})
add('squeeze', {{T{1, 2, 1}}, {T{1, 2, 1}, 1}, {T{2, 3}, 1}, {T{1, 2, 1}, {1, 3}}, {T{}}}, function(x, dims)
  local drop, shape = {}, {}
  for i = 1, #x.shape do drop[i] = dims == nil end
  for _, d in ipairs(dims and list_of(dims) or {}) do drop[P.dim(x, d)] = true end
  for i, n in ipairs(x.shape) do if n ~= 1 or not drop[i] then shape[#shape + 1] = n end end
  return P.copy(x, shape)
end, {wrong = {{T{1, 2}, 3, says = {'squeeze', '3'}}}})
add('unsqueeze', {{T{2, 3}, 1}, {T{2, 3}, 3}, {T{2, 3}, -1}, {T{}, 1}}, function(x, dim)
  return P.copy(x, inserted(x.shape, dim < 0 and #x.shape + 2 + dim or dim, 1))
end, {wrong = {{T{2, 3}, 4, says = {'unsqueeze', '4'}}}})
add('expand', {{T{1, 3}, 2, 3}, {T{3}, {2, -1}}, {T{}, 2, 2}, {T{2, 1}, -1, 4}, {T{1}, 0}}, function(x, ...)
  local shape = {unpack(list_of(...))}
  for i, n in ipairs(shape) do if n == -1 then shape[i] = x.shape[i - #shape + #x.shape] end end
  return P.expand(x, shape)
end, {wrong = {{T{2, 3}, 3, 3, says = {'expand', '2', '3'}}, {T{2}, -1, 2, says = {'expand', '-1'}}}})

local function strided(x, size, stride, offset)
  return P.build(size, function(...)
    local k = (offset or 0) + 1
    for i, at in ipairs {...} do k = k + (at - 1) * stride[i] end
    return x[k]
  end)
end
add('as_strided', {{T{8}, {2, 3}, {3, 1}}, {T{8}, {3, 2}, {2, 2}, 1}, {T{3, 3}, {3}, {4}}, {T{4}, {3, 2}, {1, 1}}}, strided, {layouts = false,
  wrong = {{T{4}, {3, 2}, {2, 1}, says = {'as_strided'}}, {T{4}, {2}, {1, 1}, says = {'as_strided'}}, {T{4}, {2}, {-1}, says = {'as_strided', '-1'}}}})

-- the bytes of each element of float32 or float64, in the order of this processor
local function bytes_of(width, kind)
  return function(x)
    local shape = {unpack(x.shape)}
    shape[#shape] = shape[#shape] * width
    local number = ffi.new(kind .. '[1]')
    local bytes = ffi.cast('uint8_t *', number)
    return P.build(shape, function(...)
      local at = {...}
      local byte = (at[#at] - 1) % width
      at[#at] = (at[#at] - 1 - byte) / width + 1
      number[0] = x[P.place(x, at)]
      return bytes[byte]
    end)
  end
end
for dtype, width in pairs{float32 = 4, float64 = 8} do
  local function F(size)
    size.dtype = dtype
    return T(size)
  end
  add('view_dtype', {{F{2, 3}, 'uint8'}, {F{1}, 'uint8'}, {F{0, 2}, 'uint8'}}, bytes_of(width, width == 4 and 'float' or 'double'),
    {grad = false, layouts = false, label = dtype, dtypes = {'float64'}, result = function() return 'uint8' end,
      wrong = {{F{}, 'uint8', says = {'view_dtype', 'last dim'}}, {T{3, dtype = 'uint8'}, 'int16', says = {'view_dtype', '2 bytes'}},
        {F{2}, 'bool', says = {'view_dtype', 'bool'}}}})
end

local function same(x) return x end
add('clone', {{T{2, 3}}, {T{}}, {T{0, 2}}}, same)
add('contiguous', {{T{2, 3}}, {T{}}, {T{0, 2}}}, same)

return rows
