--- Coordinates of places in the flattened tensor.
-- @module tocha.places

local errors = require 'tocha.errors'
local is_tensor = require('tocha.arguments').is_tensor

local places = {}

local function shape_list(shape)
  if type(shape) == 'number' then return {shape} end
  if is_tensor(shape) then return shape:totable() end
  if type(shape) ~= 'table' then errors.raise('unravel_index: shape: got %s, takes a table of sizes', errors.describe(shape)) end
  return shape
end

--- The coordinates, in a tensor of the given shape, of places in the flattened tensor: a list of one tensor for each dim.
-- @param indices an int64 tensor (or table) of places that count from 1
-- @param shape a table of sizes
function places.unravel_index(indices, shape)
  if not is_tensor(indices) then indices = require('tocha').tensor(indices, {dtype = 'int64'}) end
  if indices:is_floating_point() then errors.raise('unravel_index: indices: got %s, takes int64 (indices:long() converts)', indices.dtype.name) end
  local sizes, total = shape_list(shape), 1
  for i = 1, #sizes do total = total * sizes[i] end
  if indices:numel() > 0 then
    local least, most = indices:amin():item(), indices:amax():item()
    if least < 1 or most > total then
      errors.raise('unravel_index: index %s is outside a shape of %d elements', tostring(least < 1 and least or most), total)
    end
  end
  local list, rest = {}, indices - 1
  for d = #sizes, 1, -1 do
    list[d] = rest:remainder(sizes[d]) + 1
    rest = rest:floor_divide(sizes[d])
  end
  return list
end

return places
