--- Where elements are: `nonzero` and `unravel_index`, whose results come in more than one form.
-- @module tocha.places

local binding = require 'tocha.binding'
local errors = require 'tocha.errors'
local is_tensor = require('tocha.arguments').is_tensor

local places = {}

local function as_tuple_of(options)
  if options == nil or type(options) == 'boolean' then return options end
  if type(options) ~= 'table' then errors.raise('nonzero: as_tuple: got %s, takes true or false', errors.describe(options)) end
  for key in pairs(options) do
    if key ~= 'as_tuple' then errors.raise("nonzero: unknown option '%s': takes as_tuple", tostring(key)) end
  end
  return options.as_tuple
end

--- The coordinates of the elements that are not zero: a tensor (count, dims), or with as_tuple one tensor for each dim.
-- @param input a tensor
-- @param as_tuple true, or {as_tuple = true}
function places.nonzero(input, as_tuple)
  if not is_tensor(input) then errors.raise('nonzero: input: got %s, takes a tensor', errors.describe(input)) end
  if not as_tuple_of(as_tuple) then return binding.get('argwhere')(input) end
  if input:dim() == 0 then input = input:unsqueeze(1) end
  local coordinates, list = binding.get('argwhere')(input), {}
  for d = 1, input:dim() do list[d] = coordinates:select(2, d) end
  return list
end

--- nonzero_static(input, {size, fill_value = -1}): the first `size` rows of nonzero, and rows of fill_value after them, so that the shape of the result,
-- (size, dims), does not depend on the values.
-- @param input a tensor
-- @param options {size = number of rows, fill_value = -1}
function places.nonzero_static(input, options)
  local tocha = require 'tocha'
  if not is_tensor(input) then errors.raise('nonzero_static: input: got %s, takes a tensor', errors.describe(input)) end
  local size, fill = type(options) == 'table' and options.size or options, type(options) == 'table' and options.fill_value or -1
  if type(size) ~= 'number' or size < 0 or size % 1 ~= 0 then
    errors.raise('nonzero_static: size: got %s, takes a whole number from 0', errors.describe(size))
  end
  local found = places.nonzero(input)
  local kept = math.min(size, found:size(1))
  local rest = tocha.full({size - kept, input:dim()}, fill, {dtype = 'int64', device = input.device})
  return tocha.cat({found:narrow(1, 1, kept), rest}, 1)
end

local function shape_list(shape)
  if type(shape) == 'number' then return {shape} end
  if is_tensor(shape) then shape = shape:totable() end
  if type(shape) ~= 'table' then errors.raise('unravel_index: shape: got %s, takes a table of sizes', errors.describe(shape)) end
  for i = 1, #shape do
    local n = shape[i]
    if type(n) ~= 'number' then errors.raise('unravel_index: shape: got %s, takes sizes', errors.describe(n)) end
  end
  return shape
end

--- The coordinates, in a tensor of the given shape, of places in the flattened tensor: a list of one tensor for each dim.
-- @param indices an int64 tensor (or table) of places that count from 1
-- @param shape a table of sizes
function places.unravel_index(indices, shape)
  if not is_tensor(indices) and (type(indices) ~= 'table' or next(indices) ~= nil and indices[1] == nil) then
    errors.raise('unravel_index: indices: got %s, takes an int64 tensor', errors.describe(indices))
  end
  if not is_tensor(indices) then indices = require('tocha').tensor(indices, {dtype = 'int64'}) end
  if indices:is_floating_point() or indices:is_complex() or indices.dtype.is_bool then
    errors.raise('unravel_index: indices: got %s, takes int64 (indices:long() converts)', indices.dtype.name)
  end
  local sizes, total = shape_list(shape), 1
  for i = 1, #sizes do total = total * sizes[i] end
  if indices:numel() > 0 then
    local least, most = indices:amin():item(), indices:amax():item()
    if least < 1 or most > total then
      errors.raise('unravel_index: index %s is outside a shape of %d elements', tostring(least < 1 and least or most), total)
    end
  end
  local list, rest = {}, indices:long() - 1
  for d = #sizes, 1, -1 do
    list[d] = rest:remainder(sizes[d]) + 1
    rest = rest:floor_divide(sizes[d])
  end
  return list
end

require('tocha.outs').all(places, 'nonzero')

return places
