--- read_idx(path): the tensor in a file of MNIST's format (IDX), plain or compressed by gzip, as uint8, int8, int16,
-- int32,
-- float32 or float64. Every field of the header is checked; an error names the file and what is wrong with it.
-- @module tocha.utils.data.idx

local args = require 'tocha.args'
local binding = require 'tocha.binding'

local read = binding.hidden('read_idx')

--- The tensor in a file of MNIST's format (IDX), plain or compressed by gzip.
-- @param path of the file
-- @raise names the file and what is wrong with it
-- @usage
-- local path = os.tmpname()
-- local file = io.open(path, 'wb')
-- file:write('\0\0\8\1\0\0\0\3\5\6\7')
-- file:close()
-- data.read_idx(path)  --> {5, 6, 7}
-- os.remove(path)
return function(path)
  if type(path) ~= 'string' then args.fail('read_idx: path: got %s, takes the name of a file', args.show(path)) end
  return read(path)
end
