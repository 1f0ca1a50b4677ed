--- Sizes for one, two or three dimensions: `3` is `{3, 3}` where two are needed.
-- @module tocha.nn.sizes

local args = require 'tocha.args'

local sizes = {}

--- `n` times the value, if it is a number; a list must have n entries already.
-- @tparam string name who asks, for the error
-- @tparam string field which argument
function sizes.tuple(value, n, name, field)
  if type(value) ~= 'table' then
    local out = {}
    for i = 1, n do out[i] = value end
    return out
  end
  if #value == 1 and n > 1 then return sizes.tuple(value[1], n, name, field) end
  if #value ~= n then
    args.fail('%s: %s: got %s, takes %d value%s', name, field, args.show(value), n, n == 1 and '' or 's')
  end
  return value
end

--- True if all entries are `value`.
function sizes.all(list, value)
  for i = 1, #list do
    if list[i] ~= value then return false end
  end
  return true
end

--- The one value of a list of equal ones, else the list: operators take one number the fast way.
function sizes.collapse(list)
  if type(list) == 'table' and #list > 0 and sizes.all(list, list[1]) then return list[1] end
  return list
end

return sizes
