--- PackedSequence: sequences of several lengths as rows, time after time, the longest sequences first.
-- @classmod tocha.nn.utils.rnn.PackedSequence

local class = require 'tocha.class'
local checked = require 'tocha.checked'

local PackedSequence = class('PackedSequence')

function PackedSequence:__init(data, batch_sizes, sorted_indices, unsorted_indices)
  self.data, self.batch_sizes = data, batch_sizes
  if sorted_indices ~= nil and unsorted_indices == nil then unsorted_indices = sorted_indices:argsort() end
  self.sorted_indices, self.unsorted_indices = sorted_indices, unsorted_indices
end

local function moved(self, data)
  return PackedSequence(data, self.batch_sizes, self.sorted_indices, self.unsorted_indices)
end

--- Moves or casts the data, as a tensor's `to`.
function PackedSequence:to(...) return moved(self, self.data:to(...)) end

for _, name in ipairs{'cpu', 'cuda', 'float', 'double', 'half'} do
  PackedSequence[name] = function(self) return moved(self, self.data[name](self.data)) end
end

PackedSequence.__init = checked('PackedSequence', PackedSequence.__init, 'self', 'data:tensor', 'batch_sizes:tensor', 'sorted_indices:tensor?')

return PackedSequence
