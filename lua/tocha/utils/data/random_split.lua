--- random_split(dataset, lengths, generator = nil): a dataset dealt out at random, as a list of subsets.
-- @module tocha.utils.data.random_split

local args = require 'tocha.args'
local tocha = require 'tocha'
local Subset = require 'tocha.utils.data.subset'

local read = args.spec('random_split', 'dataset:list', 'lengths:list', 'generator=nil')

-- Shares that add up to 1 as numbers of items; what rounding leaves over goes to the first ones.
local function from_shares(lengths, n)
  local out, sum = {}, 0
  for i, share in ipairs(lengths) do
    out[i] = math.floor(n * share)
    sum = sum + out[i]
  end
  for i = 1, n - sum do
    local k = (i - 1) % #out + 1
    out[k] = out[k] + 1
  end
  return out
end

local function counts(lengths, n)
  local sum = 0
  for i, v in ipairs(lengths) do
    if type(v) ~= 'number' or v < 0 then args.fail('random_split: lengths: item %d is %s', i, args.show(v)) end
    sum = sum + v
  end
  if sum ~= n and math.abs(sum - 1) < 1e-6 then return from_shares(lengths, n) end
  if sum ~= n then args.fail('random_split: lengths: they add up to %g, the dataset has %d items', sum, n) end
  return lengths
end

--- A dataset dealt out at random, as a list of subsets.
-- @param lengths numbers of items, or shares that sum to 1
-- @raise if they do not sum to the dataset's length
-- @usage
-- local parts = data.random_split(data.TensorDataset(tocha.arange(10)), {7, 3})
-- {parts[1]:len(), parts[2]:len()}  --> {7, 3}
return function(...)
  local dataset, lengths, generator = read(...)
  if type(dataset) ~= 'table' or not dataset.len then args.fail('random_split: dataset: got %s, takes a dataset', args.show(dataset)) end
  local n = dataset:len()
  lengths = counts(lengths, n)
  local order = n > 0 and tocha.randperm(n, {generator = generator}):totable() or {}
  local out, at = {}, 0
  for k, length in ipairs(lengths) do
    local indices = {}
    for i = 1, length do indices[i] = order[at + i] end
    at = at + length
    out[k] = Subset(dataset, indices)
  end
  return out
end
