--- ConcatDataset: datasets one after another: `ConcatDataset{a, b}`.
-- @classmod tocha.utils.data.ConcatDataset

local class = require 'tocha.class'
local args = require 'tocha.args'
local Dataset = require 'tocha.utils.data.dataset'

local ConcatDataset = class('ConcatDataset', Dataset)

--- @param datasets a list of datasets
-- @usage
-- local both = data.ConcatDataset{data.TensorDataset(tocha.tensor{1, 2}), data.TensorDataset(tocha.tensor{3})}
-- both:len()  --> 3
-- both:get(3)  --> 3
function ConcatDataset:__init(datasets)
  if type(datasets) ~= 'table' or #datasets == 0 then
    args.fail('ConcatDataset: datasets: got %s, takes a list of datasets', args.show(datasets))
  end
  self.datasets, self.cumulative_sizes = datasets, {}
  local n = 0
  for k, d in ipairs(datasets) do
    if type(d) ~= 'table' or not d.len then args.fail('ConcatDataset: dataset %d: got %s, takes a dataset', k, args.show(d)) end
    n = n + d:len()
    self.cumulative_sizes[k] = n
  end
end

function ConcatDataset:len() return self.cumulative_sizes[#self.cumulative_sizes] end

--- Item i, counted through all of them.
function ConcatDataset:get(i)
  i = Dataset.position(i, self:len(), 'ConcatDataset')
  local before = 0
  for k, last in ipairs(self.cumulative_sizes) do
    local d = self.datasets[k]
    if i <= last then return Dataset.getter(d)(d, i - before) end
    before = last
  end
end

return ConcatDataset
