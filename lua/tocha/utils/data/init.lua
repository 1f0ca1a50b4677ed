--- tocha.utils.data (also tocha.data): datasets, and loaders that make batches of them.
-- @module tocha.utils.data

local data = {}

--- A value, or a list of them, with numbers and booleans as tensors: what a DataLoader gives of single items.
-- @param value a tensor, number, boolean, or table
-- @usage
-- data.default_convert{1.5, true}  --> {1.5, true}
function data.default_convert(value)
  local tocha = require 'tocha'
  local kind = type(value)
  if kind == 'number' then return tocha.tensor(value, {dtype = value % 1 == 0 and 'int64' or nil}) end
  if kind == 'boolean' then return tocha.tensor(value) end
  if kind ~= 'table' or getmetatable(value) ~= nil then return value end
  local out = {}
  for key, v in pairs(value) do out[key] = data.default_convert(v) end
  return out
end

--- In a worker of a DataLoader `id` (from 0), `num_workers`, `seed` and `dataset`; nil elsewhere. Streams share out their items by it.
-- @usage
-- data.get_worker_info() == nil  --> true
function data.get_worker_info() return require('tocha.utils.data.workers').info end

return require 'tocha.onuse'(data, 'tocha.utils.data.', {
  dataset = 'Dataset', tensordataset = 'TensorDataset', subset = 'Subset', concatdataset = 'ConcatDataset',
  dataloader = 'DataLoader', collate = 'default_collate', random_split = 'random_split', mnist = 'MNIST', idx = 'read_idx',
  samplers = 'Sampler SequentialSampler RandomSampler SubsetRandomSampler WeightedRandomSampler BatchSampler DistributedSampler',
  iterable = 'IterableDataset ChainDataset StackDataset',
})
