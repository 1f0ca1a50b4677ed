--- default_collate(samples): items as one batch: tensors are stacked, numbers and booleans become tensors (whole
-- numbers
-- int64), lists and tables with names are collated entry by entry, other values come as a list.
-- @module tocha.utils.data.collate

local tocha = require 'tocha'
local args = require 'tocha.args'

local collate -- (samples, depth): a table may hold itself

--- Items as one batch: tensors are stacked, numbers and booleans become tensors (whole numbers int64), other values stay a list.
-- @type default_collate
-- @param samples a list
-- @usage
-- data.default_collate{1, 2, 3}  --> {1, 2, 3}
-- data.default_collate{tocha.ones(2), tocha.zeros(2)}  --> {{1, 1}, {0, 0}}
local function all(samples, test)
  for i = 1, #samples do
    if not test(samples[i]) then return false end
  end
  return true
end

local function whole(v) return v % 1 == 0 and math.abs(v) < 2 ^ 53 end

local function same_type(samples)
  local kind = type(samples[1])
  for i = 2, #samples do
    if type(samples[i]) ~= kind then
      args.fail('default_collate: item 1 is %s, item %d is %s', args.show(samples[1]), i, args.show(samples[i]))
    end
  end
  return kind
end

local function columns(samples, depth)
  local out = {}
  for key in pairs(samples[1]) do
    local column = {}
    for i, sample in ipairs(samples) do
      column[i] = sample[key]
      if column[i] == nil then args.fail('default_collate: item %d has no entry %s', i, tostring(key)) end
    end
    out[key] = collate(column, depth + 1)
  end
  return out
end

function collate(samples, depth)
  if depth > 100 then args.fail('default_collate: items are nested too deeply') end
  if type(samples) ~= 'table' or samples[1] == nil then
    args.fail('default_collate: samples: got %s, takes a list of items', args.show(samples))
  end
  if tocha.is_tensor(samples[1]) then return tocha.stack(samples, 1) end
  local kind = same_type(samples)
  if kind == 'number' then return tocha.tensor(samples, {dtype = all(samples, whole) and 'int64' or nil}) end
  if kind == 'boolean' then return tocha.tensor(samples) end
  if kind == 'table' and getmetatable(samples[1]) == nil then return columns(samples, depth) end
  return samples
end

return function(samples) return collate(samples, 1) end
