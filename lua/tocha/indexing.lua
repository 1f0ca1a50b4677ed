--- x[...] and x[...] = value: numbers, ranges, masks, index tensors, in braces one entry for each dim.
-- @module tocha.indexing

local binding = require 'tocha.binding'
local errors = require 'tocha.errors'
local arguments = require 'tocha.arguments'
local is_tensor = arguments.is_tensor

local indexing = {}

--- Stands for all the dims that the other entries leave: x[{tocha.ellipsis, 1}].
indexing.ellipsis = setmetatable({}, {__tostring = function() return 'tocha.ellipsis' end})
--- Makes a new dim of size 1: x[{tocha.newaxis, {}}].
indexing.newaxis = setmetatable({}, {__tostring = function() return 'tocha.newaxis' end})
local ellipsis, newaxis = indexing.ellipsis, indexing.newaxis

local select_one, slice, index_get, unsqueeze, flip
local function load()
  select_one, slice = binding.get('select'), binding.hidden('slice')
  index_get, unsqueeze, flip = binding.hidden('index_get'), binding.get('unsqueeze'), binding.get('flip')
end

local function check_index_tensor(i)
  local d = i.dtype
  if d.is_floating_point or d.is_complex then
    errors.raise('index: got a %s tensor as index, takes int64 or bool: say :long()', d.name)
  end
end

-- a number as index of a dim: 0 is the error that those who count from 0 make
local function at(x, dim, v)
  if type(v) ~= 'number' or v % 1 ~= 0 then errors.raise('index: got %s, takes a whole number', errors.describe(v)) end
  if v == 0 then
    errors.raise('index: index 0 is outside dim %d of size %s: counting starts at 1', dim, x:dim() >= dim and x:size(dim) or '?')
  end
  return v
end

-- the same behind other entries, where a dim of x has another number than the user's
local function at_entry(x, dim, v, named)
  local size = x:size(dim)
  if v == 0 or v > size or v < -size then
    errors.raise('index: index %d is outside dim %d of size %d%s', v, named, size, v == 0 and ': counting starts at 1' or '')
  end
  return at(x, dim, v)
end

local function whole(v, what)
  if type(v) ~= 'number' or v % 1 ~= 0 then errors.raise('index: %s: got %s, takes a whole number', what, errors.describe(v)) end
  return v
end

-- The view of a range. A step below 0 goes from first down to last: the view is that of the same places upwards, and a second result says so.
-- An upward range may name the place after the last one as its end, as half-open ranges do: {i, i + n} at the end of a dim takes what is there.
local function range(x, dim, entry, named)
  if dim > x:dim() then errors.raise('index: too many entries for a tensor of %d dims', x:dim()) end
  local first, last, step = entry[1], entry[2], entry[3]
  if first == nil and last == nil then return x end
  local size = x:size(dim)
  first, last, step = whole(first or 1, 'first'), whole(last or size, 'last'), whole(step or 1, 'step')
  if step == 0 then errors.raise('index: step: got 0, takes a step up or down') end
  if step > 0 and last == size + 1 and first <= size then last = size end
  for _, v in ipairs{first, last} do
    if v == 0 or v > size or v < -size then
      errors.raise('index: range {%d, %d} is outside dim %d of size %d: counting starts at 1', first, last, named, size)
    end
  end
  if step > 0 then return slice(x, dim, first, last, step) end
  if first < 0 then first = first + size + 1 end
  if last < 0 then last = last + size + 1 end
  if first < last then errors.raise('index: range {%d, %d} of dim %d goes up, its step %d down', first, last, named, step) end
  return slice(x, dim, first - math.floor((first - last) / -step) * -step, first, -step), true
end

-- how many dims of x an entry takes up
local function takes(entry)
  if entry == newaxis or entry == ellipsis then return 0 end
  if is_tensor(entry) and entry.dtype.is_bool then return math.max(entry:dim(), 0) end
  return 1
end

local function count(entries, n)
  local taken, holes = 0, 0
  for i = 1, n do
    taken = taken + takes(entries[i])
    if entries[i] == ellipsis then holes = holes + 1 end
  end
  if holes > 1 then errors.raise('index: tocha.ellipsis can stand only once') end
  return taken
end

local function length(entries)
  local n = 0
  for i in pairs(entries) do
    if type(i) ~= 'number' or i % 1 ~= 0 or i < 1 then errors.raise('index: got the key %s in the braces, takes a list', tostring(i)) end
    if i > n then n = i end
  end
  return n
end

-- Applies numbers, ranges and new dims; gives the view, index tensors by dim of it (false where there are none), and a list of the dims that are
-- upside down in the view.
local function basic(x, entries)
  local n = length(entries)
  local free = x:dim() - count(entries, n)
  if free < 0 then errors.raise('index: %d entries for a tensor of %d dims', x:dim() - free, x:dim()) end
  local dim, indices, any = 1, {n = 0}, false
  local shift, turned = 0, nil -- shift: dims of x that are no more, less the new ones
  for i = 1, n do
    local entry = entries[i]
    if entry == ellipsis then dim = dim + free
    elseif entry == newaxis then
      x = unsqueeze(x, dim)
      dim, shift = dim + 1, shift - 1
    elseif type(entry) == 'number' then
      x = select_one(x, dim, at_entry(x, dim, entry, dim + shift))
      shift = shift + 1
    elseif is_tensor(entry) then
      check_index_tensor(entry)
      any = true
      for d = indices.n + 1, dim - 1 do indices[d] = false end
      indices[dim] = entry
      indices.n = dim
      dim = dim + math.max(takes(entry), 1)
      if entry.dtype.is_bool then -- one entry of the list stands for all dims of a mask
        for d = indices.n + 1, dim - 1 do indices[d] = nil end
      end
    elseif type(entry) == 'table' and getmetatable(entry) == nil then
      local view, down = range(x, dim, entry, dim + shift)
      x = view
      if down then
        turned = turned or {}
        turned[#turned + 1] = dim
      end
      dim = dim + 1
    else
      errors.raise('index: got %s, takes a number, a range {first, last[, step]}, a tensor, tocha.ellipsis or tocha.newaxis',
        errors.describe(entry))
    end
  end
  return x, any and indices, turned
end

-- index tensors as index_get takes them: a mask of k dims is one entry, so later entries move up
local function compact(indices)
  local list, n = {}, 0
  local d = 1
  while d <= indices.n do
    local entry = indices[d] or false
    n = n + 1
    list[n] = entry
    d = d + (entry and math.max(takes(entry), 1) or 1)
  end
  list.n = n
  return list
end

local function split(x, key)
  if type(key) == 'table' and getmetatable(key) == nil then return basic(x, key) end
  return basic(x, {key})
end

function indexing.get(x, key)
  if not select_one then load() end
  if type(key) == 'number' then return select_one(x, 1, at(x, 1, key)) end
  local view, indices, turned = split(x, key)
  if turned then view = flip(view, turned) end
  if indices then return index_get(view, compact(indices)) end
  return view
end

local put, copy, fill
local function assign(view, indices, value, dtype)
  if indices then
    if is_tensor(value) and value.dtype ~= dtype then value = value:to(dtype) end
    put(view, compact(indices), value)
  elseif is_tensor(value) then
    while value:dim() > view:dim() and value:size(1) == 1 do value = value:squeeze(1) end
    copy(view, value)
  else
    fill(view, value)
  end
end

function indexing.set(x, key, value)
  if not select_one then load() end
  put = put or binding.method('index_put_')
  copy, fill = copy or binding.method('copy_'), fill or binding.method('fill_')
  local view, indices, turned
  if type(key) == 'number' then view = select_one(x, 1, at(x, 1, key)) else view, indices, turned = split(x, key) end
  if type(value) == 'table' then value = require('tocha').tensor(value, {dtype = x.dtype}) end
  if type(value) == 'boolean' then value = value and 1 or 0 end
  if not turned then return assign(view, indices, value, x.dtype) end
  local upright = flip(view, turned) -- a copy: it goes back as it came
  assign(upright, indices, value, x.dtype)
  copy(view, flip(upright, turned))
end

return indexing
