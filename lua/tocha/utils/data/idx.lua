--- read_idx(path): the tensor in a file of MNIST's format (IDX), plain or compressed by gzip, as uint8, int8, int16,
-- int32,
-- float32 or float64. Every field of the header is checked; an error names the file and what is wrong with it.
-- @module tocha.utils.data.idx

local args = require 'tocha.args'
local binding = require 'tocha.binding'

local read = binding.hidden('read_idx')

return function(path)
  if type(path) ~= 'string' then args.fail('read_idx: path: got %s, takes the name of a file', args.show(path)) end
  return read(path)
end
