--- tocha.utils.data (also tocha.data): datasets, and loaders that make batches of them.
-- @module tocha.utils.data

local data = {}

local one = {dataset = 'Dataset', tensordataset = 'TensorDataset', subset = 'Subset', concatdataset = 'ConcatDataset',
  dataloader = 'DataLoader', collate = 'default_collate', random_split = 'random_split', mnist = 'MNIST'}
local several = {samplers = [[Sampler SequentialSampler RandomSampler SubsetRandomSampler WeightedRandomSampler
  BatchSampler DistributedSampler]], iterable = 'IterableDataset ChainDataset StackDataset'}

--- A value, or a list of them, with numbers and booleans as tensors: what a DataLoader gives of single items.
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

--- nil: batches are made where the loop runs, by no worker.
function data.get_worker_info() return nil end

local file_of = {read_idx = 'idx'}
for file, name in pairs(one) do file_of[name] = file end
for file, names in pairs(several) do
  for name in names:gmatch('%S+') do file_of[name] = file end
end

return setmetatable(data, {__index = function(self, name)
  local file = file_of[name]
  if not file then return nil end
  local value = require('tocha.utils.data.' .. file)
  if several[file] then value = value[name] end
  rawset(self, name, value)
  return value
end, __names = function()
  local names = {}
  for name in pairs(file_of) do names[#names + 1] = name end
  return names
end})
