--- Samplers: in which order the items of a dataset come. `sampler:iter()` gives an iterator over positions,
-- `sampler:len()` their number.
-- @module tocha.utils.data.samplers

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'

local samplers = {}

local Sampler = class('Sampler')
samplers.Sampler = Sampler
function Sampler:iter() args.fail('%s: iter() is not defined', self.__name) end
function Sampler:__len() return self:len() end

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
function Sequential:len() return self.data_source:len() end
function Sequential:iter()
  local i, n = 0, self:len()
  return function()
    i = i + 1
    if i <= n then return i end
  end
end

--- RandomSampler(data_source, replacement = false, num_samples = nil, generator = nil): in random order, or each
-- drawn from
-- all.
local Random = class('RandomSampler', Sampler)
samplers.RandomSampler = Random
local read_random = args.spec('RandomSampler', 'data_source:list', 'replacement:bool=false', 'num_samples:int=nil',
  'generator=nil')
function Random:__init(...)
  self.data_source, self.replacement, self.num_samples, self.generator = read_random(...)
end
function Random:len() return self.num_samples or self.data_source:len() end
function Random:positions()
  local n, count, options = self.data_source:len(), self:len(), {generator = self.generator}
  if self.replacement then
    if n == 0 then args.fail('RandomSampler: the dataset is empty') end
    return tocha.randint(1, n + 1, {count}, {generator = self.generator, dtype = 'int64'})
  end
  local order = tocha.randperm(n, options)
  while order:size(1) < count do order = tocha.cat({order, tocha.randperm(n, options)}, 1) end
  return order:narrow(1, 1, count)
end
Random.iter = iterate

--- SubsetRandomSampler(indices, generator = nil): the given positions in random order.
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

--- WeightedRandomSampler(weights, num_samples, replacement = true, generator = nil): drawn with the given weights.
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

--- BatchSampler(sampler, batch_size, drop_last): lists of positions.
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

--- DistributedSampler(dataset, num_replicas = 1, rank = 0, shuffle = true, seed = 0, drop_last = false): every num_replicas-th
-- position, from the rank-th on (ranks count from 0). `set_epoch(n)` gives an order of its own to each epoch; all replicas see the
-- same order. Where the parts would differ in length, some positions come twice, or, with drop_last, not at all.
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
  local share = self.dataset:len() / self.num_replicas
  return self.drop_last and math.floor(share) or math.ceil(share)
end
function Distributed:positions()
  local n, total = self.dataset:len(), self:len() * self.num_replicas
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
