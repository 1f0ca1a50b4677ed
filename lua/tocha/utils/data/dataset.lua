--- Dataset: the base of all datasets. A class derived from it has `get(i)`, which gives item i (counted from 1) as
-- one or
-- several values, and `len()`, the number of items. The names `__getitem`, `__getitem__`, `__len`, `__len__` and `size`
-- do as well.
-- @classmod tocha.utils.data.Dataset

local class = require 'tocha.class'
local args = require 'tocha.args'

--- The base of all datasets. A class derived from it has `get(i)`, which gives item i (counted from 1) as one or several values, and
-- `len()`. `a + b` is both, one after the other.
-- @type Dataset
-- @usage
-- local Squares = tocha.class('Squares', data.Dataset)
-- function Squares:get(i) return i * i end
-- function Squares:len() return 5 end
-- data.DataLoader(Squares(), {batch_size = 5}):iter()()  --> {1, 4, 9, 16, 25}
-- (Squares() + Squares()):len()  --> 10
local Dataset = class('Dataset')

--- Item i.
function Dataset:get(i)
  local f = self.__getitem or self.__getitem__
  if not f then args.fail('%s: get(i) is not defined', self.__name) end
  return f(self, i)
end

-- For `#dataset`, where the interpreter asks for it.
local function length(self) return self:len() end
Dataset.__len = length

--- The number of items.
function Dataset:len()
  local own = self.__len
  local f = self.__len__ or self.size or own ~= length and own
  if not f then args.fail('%s: len() is not defined', self.__name) end
  return f(self)
end

--- The function that gives an item of a dataset, under whichever of its names.
function Dataset.getter(dataset) return dataset.__getitem or dataset.__getitem__ or dataset.get end

--- Whether `get_batch` gives what its items would: not if a class derived from it has an item of its own.
function Dataset.has_batches(dataset)
  return dataset.get_batch ~= nil and Dataset.getter(dataset) == dataset.single
end

--- Both datasets, one after the other.
function Dataset.__add(a, b)
  return require('tocha.utils.data.concatdataset')({a, b})
end

--- Raises unless `i` is a position in a dataset of n items; negative ones count from the end.
function Dataset.position(i, n, name)
  if type(i) ~= 'number' or i % 1 ~= 0 or i == 0 or i > n or i < -n then
    args.fail('%s: get: got %s, takes an integer from 1 to %d', name, args.show(i), n)
  end
  return i > 0 and i or n + 1 + i
end

return Dataset
