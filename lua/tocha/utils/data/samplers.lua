--- Samplers: in which order the items of a dataset come. `sampler:iter()` gives an iterator over positions,
-- `sampler:len()` their number.
-- @module tocha.utils.data.samplers

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'

local samplers = {}

--- The base of samplers: `iter()` gives an iterator over positions (from 1), `len()` their number.
-- @type Sampler SequentialSampler
-- @param data_source (SequentialSampler) what has the items: one after the other
-- @usage
-- local order = {}
-- for i in data.SequentialSampler{'a', 'b', 'c'}:iter() do order[#order + 1] = i end
-- order  --> {1, 2, 3}
-- tocha.class.issubclass(data.SequentialSampler, data.Sampler)  --> true
local Sampler = class('Sampler')
samplers.Sampler = Sampler
function Sampler:iter() args.fail('%s: iter() is not defined', self.__name) end
function Sampler:__len() return self:len() end

-- how many items something has: a dataset, or a plain list
local function count_of(source) return type(source.len) == 'function' and source:len() or #source end

local function each(list)
  local i = 0
  return function()
    i = i + 1
    return list[i]
  end
end

-- The positions as an int64 tensor, which batches are cut from.
function Sampler:positions()
  local list = {}
  for i in self:iter() do list[#list + 1] = i end
  return tocha.tensor(list, {dtype = 'int64'})
end

-- Samplers that have `positions` as a tensor give them one by one through it.
local function iterate(self) return each(self:positions():totable()) end

--- SequentialSampler(data_source): one after another.
local Sequential = class('SequentialSampler', Sampler)
samplers.SequentialSampler = Sequential
function Sequential:__init(data_source) self.data_source = data_source end
function Sequential:len() return count_of(self.data_source) end
function Sequential:iter()
  local i, n = 0, self:len()
  return function()
    i = i + 1
    if i <= n then return i end
  end
end

--- Positions in random order, or each drawn from all.
-- @type RandomSampler
-- @param data_source what has the items
-- @param replacement whether each is drawn from all
-- @param num_samples how many; all if not given
-- @usage
-- local sampler, sum = data.RandomSampler({'a', 'b', 'c'}), 0
-- for i in sampler:iter() do sum = sum + i end
-- sum  --> 6
-- sampler:len()  --> 3
local Random = class('RandomSampler', Sampler)
samplers.RandomSampler = Random
local read_random = args.spec('RandomSampler', 'data_source:list', 'replacement:bool=false', 'num_samples:int=nil',
  'generator=nil')
function Random:__init(...)
  self.data_source, self.replacement, self.num_samples, self.generator = read_random(...)
end
function Random:len() return self.num_samples or count_of(self.data_source) end
function Random:positions()
  local n, count, options = count_of(self.data_source), self:len(), {generator = self.generator}
  if self.replacement then
    if n == 0 then args.fail('RandomSampler: the dataset is empty') end
    return tocha.randint(1, n + 1, {count}, {generator = self.generator, dtype = 'int64'})
  end
  local order = tocha.randperm(n, options)
  while order:size(1) < count do order = tocha.cat({order, tocha.randperm(n, options)}, 1) end
  return order:narrow(1, 1, count)
end
Random.iter = iterate

--- The given positions in random order.
-- @type SubsetRandomSampler
-- @param indices a list
-- @usage
-- local sum = 0
-- for i in data.SubsetRandomSampler{2, 5, 7}:iter() do sum = sum + i end
-- sum  --> 14
local SubsetRandom = class('SubsetRandomSampler', Sampler)
samplers.SubsetRandomSampler = SubsetRandom
local read_subset = args.spec('SubsetRandomSampler', 'indices:list', 'generator=nil')
function SubsetRandom:__init(...) self.indices, self.generator = read_subset(...) end
function SubsetRandom:len() return #self.indices end
function SubsetRandom:positions()
  local all = tocha.tensor(self.indices, {dtype = 'int64'})
  return all:index_select(1, tocha.randperm(#self.indices, {generator = self.generator}))
end
SubsetRandom.iter = iterate

--- Positions drawn with the given weights.
-- @type WeightedRandomSampler
-- @param weights one for each item
-- @param num_samples how many
-- @param replacement whether an item can come again
-- @usage
-- local order = {}
-- for i in data.WeightedRandomSampler({0, 1, 0}, 3):iter() do order[#order + 1] = i end
-- order  --> {2, 2, 2}
local Weighted = class('WeightedRandomSampler', Sampler)
samplers.WeightedRandomSampler = Weighted
local read_weighted = args.spec('WeightedRandomSampler', 'weights', 'num_samples:int', 'replacement:bool=true',
  'generator=nil')
function Weighted:__init(...)
  local weights
  weights, self.num_samples, self.replacement, self.generator = read_weighted(...)
  self.weights = tocha.is_tensor(weights) and weights:double() or tocha.tensor(weights, {dtype = 'float64'})
end
function Weighted:len() return self.num_samples end
function Weighted:positions()
  return tocha.multinomial(self.weights, self.num_samples, self.replacement, {generator = self.generator})
end
Weighted.iter = iterate

--- Lists of positions.
-- @type BatchSampler
-- @param sampler gives the positions
-- @param batch_size how many in a list
-- @param drop_last whether a last list that is too short is left out
-- @usage
-- local lists = {}
-- local sampler = data.BatchSampler(data.SequentialSampler{'a', 'b', 'c'}, 2, false)
-- for list in sampler:iter() do lists[#lists + 1] = list end
-- lists  --> {{1, 2}, {3}}
local Batch = class('BatchSampler', Sampler)
samplers.BatchSampler = Batch
local read_batch = args.spec('BatchSampler', 'sampler:list', 'batch_size:int', 'drop_last:bool')
function Batch:__init(...) self.sampler, self.batch_size, self.drop_last = read_batch(...) end
function Batch:len()
  local n = self.sampler:len() / self.batch_size
  return self.drop_last and math.floor(n) or math.ceil(n)
end
function Batch:iter()
  local following = self.sampler:iter()
  return function()
    local batch = {}
    while #batch < self.batch_size do
      local i = following()
      if i == nil then break end
      batch[#batch + 1] = i
    end
    if #batch == self.batch_size or (#batch > 0 and not self.drop_last) then return batch end
  end
end

--- Every num_replicas-th position, from the rank-th on (ranks count from 0): a part for each of several processes. `set_epoch(n)` gives an
-- order of its own to each epoch; all see the same. Where the parts would differ in length, some positions come twice.
-- @type DistributedSampler
-- @param num_replicas how many parts
-- @param rank which of them
-- @param shuffle whether the order is random
-- @param seed of the order
-- @param drop_last whether positions are left out instead
-- @usage
-- local order = {}
-- local sampler = data.DistributedSampler({'a', 'b', 'c', 'd'}, 2, 1, {shuffle = false})
-- for i in sampler:iter() do order[#order + 1] = i end
-- order  --> {2, 4}
local Distributed = class('DistributedSampler', Sampler)
samplers.DistributedSampler = Distributed
local read_distributed = args.spec('DistributedSampler', 'dataset:list', 'num_replicas:int=1', 'rank:int=0', 'shuffle:bool=true',
  'seed:int=0', 'drop_last:bool=false')
function Distributed:__init(...)
  self.dataset, self.num_replicas, self.rank, self.shuffle, self.seed, self.drop_last = read_distributed(...)
  self.epoch = 0
  if self.rank < 0 or self.rank >= self.num_replicas then
    args.fail('DistributedSampler: rank: got %d, takes 0 to %d', self.rank, self.num_replicas - 1)
  end
end
--- The number of the epoch, on which the order depends.
function Distributed:set_epoch(epoch) self.epoch = epoch end
function Distributed:len()
  local share = count_of(self.dataset) / self.num_replicas
  return self.drop_last and math.floor(share) or math.ceil(share)
end
function Distributed:positions()
  local n, total = count_of(self.dataset), self:len() * self.num_replicas
  local order
  if self.shuffle then
    order = tocha.randperm(n, {generator = tocha.Generator():manual_seed(self.seed + self.epoch)})
  else
    order = tocha.arange(1, n + 1, 1, {dtype = 'int64'})
  end
  local all = order
  while all:size(1) < total do all = tocha.cat({all, order}, 1) end
  return all[{{self.rank + 1, total, self.num_replicas}}]
end
Distributed.iter = iterate

return samplers
