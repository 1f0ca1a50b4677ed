--- Subset: some items of a dataset, in any order: `Subset(dataset, {3, 1})`.
-- @classmod tocha.utils.data.Subset

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'
local Dataset = require 'tocha.utils.data.dataset'

local Subset = class('Subset', Dataset)

--- @param dataset
-- @param indices positions in it: a table or an int64 tensor
-- @usage
-- data.Subset(data.TensorDataset(tocha.tensor{5, 6, 7}), {3, 1}):get(1)  --> 7
function Subset:__init(dataset, indices)
  if type(dataset) ~= 'table' then args.fail('Subset: dataset: got %s, takes a dataset', args.show(dataset)) end
  if type(indices) ~= 'table' and not tocha.is_tensor(indices) then
    args.fail('Subset: indices: got %s, takes a table or an int64 tensor', args.show(indices))
  end
  self.dataset = dataset
  self.indices = tocha.is_tensor(indices) and indices:totable() or indices
  self.get_batch = Dataset.has_batches(dataset) and Subset.batch_of_base or nil
end

function Subset:len() return #self.indices end

--- Item i of the subset.
function Subset:get(i)
  local dataset = self.dataset
  return Dataset.getter(dataset)(dataset, self.indices[Dataset.position(i, #self.indices, 'Subset')])
end
Subset.single = Subset.get

-- A batch through the dataset's own way to make one.
function Subset:batch_of_base(index, first, count)
  if not self.index then self.index = tocha.tensor(self.indices, {dtype = 'int64'}) end
  return self.dataset:get_batch(index and self.index:index_select(1, index) or self.index:narrow(1, first, count))
end

return Subset
