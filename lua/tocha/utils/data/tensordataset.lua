--- TensorDataset: tensors whose first dim counts the items: `TensorDataset(images, labels)`.
-- @classmod tocha.utils.data.TensorDataset

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'
local Dataset = require 'tocha.utils.data.dataset'

local TensorDataset = class('TensorDataset', Dataset)

--- @param ... tensors with the same size in dim 1
-- @raise if the sizes differ
-- @usage
-- local set = data.TensorDataset(tocha.tensor{{1, 2}, {3, 4}}, tocha.int64{7, 8})
-- set:len()  --> 2
-- {set:get(2)}  --> {{3, 4}, 8}
function TensorDataset:__init(...)
  local n = select('#', ...)
  if n == 0 then args.fail('TensorDataset: takes one or more tensors') end
  self.tensors = {...}
  for i = 1, n do
    local x = self.tensors[i]
    if not tocha.is_tensor(x) or x:dim() == 0 then
      args.fail('TensorDataset: argument %d: got %s, takes a tensor of 1 or more dims', i, args.show(x))
    end
    if x:size(1) ~= self.tensors[1]:size(1) then
      args.fail('TensorDataset: size mismatch: argument %d has %d items, the first %d', i, x:size(1),
        self.tensors[1]:size(1))
    end
  end
end

function TensorDataset:len() return self.tensors[1]:size(1) end

--- Item i of each tensor.
function TensorDataset:get(i)
  i = Dataset.position(i, self:len(), 'TensorDataset')
  local out = {}
  for k, x in ipairs(self.tensors) do out[k] = x:select(1, i) end
  return unpack(out)
end

TensorDataset.single = TensorDataset.get

--- Several items at once: a copy of them from each tensor.
-- @param index int64 tensor of positions
-- @tparam[opt] int first instead: the first of a run of items
-- @tparam[opt] int count the length of the run
function TensorDataset:get_batch(index, first, count)
  local out = {}
  for k, x in ipairs(self.tensors) do
    out[k] = index and x:index_select(1, index) or x:narrow(1, first, count):clone()
  end
  return unpack(out)
end

return TensorDataset
