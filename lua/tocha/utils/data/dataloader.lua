--- DataLoader: batches of a dataset: `for x, y in loader:iter() do ... end` is one epoch.
-- @classmod tocha.utils.data.DataLoader

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'
local Dataset = require 'tocha.utils.data.dataset'
local samplers = require 'tocha.utils.data.samplers'
local collate = require 'tocha.utils.data.collate'
local workers = require 'tocha.utils.data.workers'

local DataLoader = class('DataLoader')

local read = args.spec('DataLoader', 'dataset:list', 'batch_size:int=1', 'shuffle:bool=false', 'sampler=nil',
  'batch_sampler=nil', 'num_workers:int=0', 'collate_fn:callable=nil', 'pin_memory:bool=false', 'drop_last:bool=false',
  'timeout:num=0', 'worker_init_fn=nil', 'multiprocessing_context=nil', 'generator=nil', '*', 'seed:int=nil', 'prefetch_factor=nil',
  'persistent_workers:bool=false', 'pin_memory_device:str=""', 'in_order:bool=true')

-- A plain list serves as a dataset too.
local function as_dataset(value)
  if getmetatable(value) == nil and not Dataset.getter(value) then
    return {len = function() return #value end, get = function(_, i) return value[i] end}
  end
  if type(Dataset.getter(value)) ~= 'function' or type(value.len) ~= 'function' then
    args.fail('DataLoader: dataset: takes a Dataset: an object with get(i) and len(), or a list')
  end
  return value
end

local function check(self, shuffle)
  for _, name in ipairs{'num_workers', 'timeout'} do
    if self[name] < 0 then args.fail('DataLoader: %s: got %g, takes at least 0', name, self[name]) end
  end
  if self.batch_size < 1 then args.fail('DataLoader: batch_size: got %d, takes at least 1', self.batch_size) end
  if shuffle and self.sampler then args.fail('DataLoader: shuffle and sampler exclude each other') end
  if self.batch_sampler and (shuffle or self.sampler or self.drop_last or self.batch_size ~= 1) then
    args.fail('DataLoader: batch_sampler excludes batch_size, shuffle, sampler and drop_last')
  end
end

--- @param dataset a Dataset, an object with `get(i)` and `len()`, or a list
-- @tparam[opt=1] int batch_size items in a batch
-- @tparam[opt=false] bool shuffle whether every epoch has an order of its own
-- @param[opt] sampler gives the order instead
-- @param[opt] batch_sampler gives the lists of positions
-- @tparam[opt=0] int num_workers processes that make batches ahead; batches of tensor datasets, which are one operator each, are
-- made where the loop runs (docs/training.md)
-- @tparam[opt=0] number timeout seconds to wait for a worker's batch; 0 is without end
-- @param[opt] worker_init_fn called in each worker with its number (from 0)
-- @param[opt] multiprocessing_context taken for PyTorch's sake: workers are forked
-- @param[opt] prefetch_factor taken for PyTorch's sake: each worker is a batch ahead
-- @param[opt] persistent_workers taken for PyTorch's sake: each epoch has workers of its own
-- @param[opt] pin_memory_device taken for PyTorch's sake
-- @param[opt] in_order taken for PyTorch's sake: batches always come in order
-- @tparam[opt] function collate_fn makes a batch of a list of items; an item of several values is a list of them
-- @tparam[opt=false] bool pin_memory taken for PyTorch's sake
-- @tparam[opt=false] bool drop_last whether a last batch that is too small is left out
-- @param[opt] generator the tocha.Generator that shuffles; the default one if not given
-- @tparam[opt] int seed by name only: shuffles with a generator of this seed
-- @raise for options that exclude each other
-- @usage
-- local set = data.TensorDataset(tocha.arange(10):view(5, 2), tocha.int64{1, 2, 3, 4, 5})
-- local loader = data.DataLoader(set, {batch_size = 2, drop_last = true})
-- loader:len()  --> 2
-- local sizes = {}
-- for x, y in loader:iter() do sizes[#sizes + 1] = x:size(1) end
-- sizes  --> {2, 2}
-- local items = {'a', 'b', 'c'}
-- local joined = data.DataLoader(items, {batch_size = 3, collate_fn = table.concat})
-- joined:iter()()  --> 'abc'
function DataLoader:__init(...)
  local dataset, batch_size, shuffle, sampler, batch_sampler, num_workers, collate_fn, _, drop_last, timeout, worker_init_fn, _,
    generator, seed = read(...)
  self.dataset, self.batch_size, self.drop_last = as_dataset(dataset), batch_size, drop_last
  self.sampler, self.batch_sampler, self.collate_fn = sampler, batch_sampler, collate_fn
  self.num_workers, self.timeout, self.worker_init_fn = num_workers, timeout, worker_init_fn
  if seed and generator then args.fail('DataLoader: generator and seed exclude each other') end
  self.generator = seed and tocha.Generator():manual_seed(seed) or generator
  self.streams = class.isinstance(self.dataset, require('tocha.utils.data.iterable').IterableDataset)
  if self.streams and (shuffle or sampler or batch_sampler) then
    args.fail('DataLoader: an IterableDataset has an order of its own: takes neither shuffle nor samplers')
  end
  check(self, shuffle)
  if shuffle then self.sampler = samplers.RandomSampler(self.dataset, {generator = self.generator}) end
end

--- The number of batches of an epoch.
function DataLoader:len()
  if self.batch_sampler then return self.batch_sampler:len() end
  local n = (self.sampler or self.dataset):len() / self.batch_size
  return self.drop_last and math.floor(n) or math.ceil(n)
end
function DataLoader:__len() return self:len() end

-- ------------------------------------------------------------------------------------------------- batches

-- Each value that the items have, collated.
local function collated(samples, width)
  local out = {}
  for k = 1, width do
    local column = {}
    for i = 1, #samples do column[i] = samples[i][k] end
    out[k] = collate(column)
  end
  return unpack(out, 1, width)
end

local function pack(...) return {n = select('#', ...), ...} end

local function batch_of(self, samples)
  local width = samples[1].n
  if not self.collate_fn then return collated(samples, width) end
  for i, sample in ipairs(samples) do
    if width == 1 then samples[i] = sample[1] else sample.n = nil end
  end
  return self.collate_fn(samples)
end

local function make(self, list)
  local samples, dataset, get = {}, self.dataset, Dataset.getter(self.dataset)
  for i = 1, #list do samples[i] = pack(get(dataset, list[i])) end
  return batch_of(self, samples)
end

-- Streams: items are taken until a batch is full.
local function iterate_stream(self)
  local following, ended = self.dataset:iter(), false
  return function()
    local samples = {}
    while not ended and #samples < self.batch_size do
      local sample = pack(following())
      if sample[1] == nil then ended = true else samples[#samples + 1] = sample end
    end
    if #samples == 0 or (#samples < self.batch_size and self.drop_last) then return nil end
    return batch_of(self, samples)
  end
end

-- Datasets of tensors: one index_select a tensor for a batch.
local function iterate_fast(self, order, n)
  local at, size, dataset = 1, self.batch_size, self.dataset
  return function()
    local count = math.min(size, n - at + 1)
    if count < 1 or (count < size and self.drop_last) then return nil end
    local first = at
    at = at + count
    if order then return dataset:get_batch(order:narrow(1, first, count)) end
    return dataset:get_batch(nil, first, count)
  end
end

local function iterate_lists(self, following)
  return function()
    local list = following()
    if list then return make(self, list) end
  end
end

local function positions_of(sampler)
  if sampler.positions then return sampler:positions() end
  return samplers.Sampler.positions(sampler)
end

-- Workers make every n-th list of positions into a batch, or batches of their own run through a stream. Their seeds follow from the
-- loader's generator: the same program gives the same numbers.
local function iterate_workers(self, lists)
  self.worker_seed = tocha.randint(0, 2147483646, {1}, {generator = self.generator}):item()
  return workers.iterate(self, function(worker)
    if not lists then return iterate_stream(self) end
    local at = worker + 1 - self.num_workers
    return function()
      at = at + self.num_workers
      if lists[at] then return make(self, lists[at]) end
    end
  end)
end

local function collected(following)
  local out = {}
  for list in following do out[#out + 1] = list end
  return out
end

-- lists of positions as batches, here or by workers
local function iterate_positions(self, following)
  if self.num_workers == 0 then return iterate_lists(self, following) end
  return iterate_workers(self, collected(following))
end

--- An iterator over the batches of one epoch: `for x, y in loader:iter() do`.
function DataLoader:iter()
  if self.streams then
    if self.num_workers > 0 then return iterate_workers(self) end
    return iterate_stream(self)
  end
  if self.batch_sampler then return iterate_positions(self, self.batch_sampler:iter()) end
  local sampler = self.sampler
  if Dataset.has_batches(self.dataset) and not self.collate_fn then
    local order = sampler and positions_of(sampler)
    return iterate_fast(self, order, order and order:size(1) or self.dataset:len())
  end
  sampler = sampler or samplers.SequentialSampler(self.dataset)
  return iterate_positions(self, samplers.BatchSampler(sampler, self.batch_size, self.drop_last):iter())
end

return DataLoader
