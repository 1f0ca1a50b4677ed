--- Layers of Torch7 that take or give lists of tensors: joining, splitting, choosing, arithmetic between entries.
-- A list may also come as several arguments.
-- @module tocha.nn.tables

local tocha = require 'tocha'
local args = require 'tocha.args'
local define = require 'tocha.nn.simple'
local F = require 'tocha.nn.functional'
local list_of = require('tocha.nn.container').list_of

local M = {}

-- What they give may be held by others: a Sequential must not free it.
local function add(name, parameters, forward, setup)
  M[name] = define(name, parameters, forward, nil, nil, setup)
  M[name].pure = false
end

-- A dim that is meant for `n` dims without batch, in a tensor that may have a batch dim before them
local function batched(x, dim, n)
  if n and dim > 0 and x:dim() == n + 1 then return dim + 1 end
  return dim
end

-- ------------------------------------------------------------------------------------------------- lists and tensors

local n_dims = 'n_input_dims:int=nil'

--- JoinTable(dim, n_input_dims): the entries joined along a dim; with one dim more than n_input_dims the first is the batch.
add('JoinTable', {'dim:int', n_dims}, function(self, ...)
  local list = list_of(self, ...)
  return tocha.cat(list, batched(list[1], self.dim, self.n_input_dims))
end)

--- SplitTable(dim, n_input_dims): the slices along a dim, as a list.
add('SplitTable', {'dim:int', n_dims}, function(self, input)
  return input:unbind(batched(input, self.dim, self.n_input_dims))
end)

--- SelectTable(index): one entry; negative ones count from the end.
add('SelectTable', {'index'}, function(self, ...)
  local list, i = list_of(self, ...), self.index
  if type(i) == 'number' and i < 0 then i = #list + 1 + i end
  if list[i] == nil then args.fail('SelectTable: the list has no entry %s', args.show(self.index)) end
  return list[i]
end)

--- NarrowTable(offset, length = 1): some neighbouring entries.
add('NarrowTable', {'offset:int', 'length:int=1'}, function(self, ...)
  local list, out = list_of(self, ...), {}
  if self.offset < 1 or self.offset + self.length - 1 > #list then
    args.fail('NarrowTable: entries %d to %d of a list of %d', self.offset, self.offset + self.length - 1, #list)
  end
  for i = 1, self.length do out[i] = list[self.offset + i - 1] end
  return out
end)

local function flatten(list, out)
  for _, v in ipairs(list) do
    if tocha.is_tensor(v) then out[#out + 1] = v else flatten(v, out) end
  end
  return out
end

--- Nested lists as one list.
add('FlattenTable', {}, function(self, ...) return flatten(list_of(self, ...), {}) end)

--- {{a, b}, {c, d}} becomes {{a, c}, {b, d}}.
add('ZipTable', {}, function(self, ...)
  local out = {}
  for k, list in ipairs(list_of(self, ...)) do
    for i, v in ipairs(list) do
      out[i] = out[i] or {}
      out[i][k] = v
    end
  end
  return out
end)

--- {a, {b, c}} becomes {{a, b}, {a, c}}.
add('ZipTableOneToMany', {}, function(self, ...)
  local list, out = list_of(self, ...), {}
  for i, v in ipairs(list[2]) do out[i] = {list[1], v} end
  return out
end)

-- ------------------------------------------------------------------------------------------------- arithmetic

local function fold(name, f)
  add(name, {}, function(self, ...)
    local list = list_of(self, ...)
    local out = list[1]
    for i = 2, #list do out = f(out, list[i]) end
    return out
  end)
end

--- The sum of the entries.
fold('CAddTable', function(a, b) return a + b end)
--- The first entry minus the others.
fold('CSubTable', function(a, b) return a - b end)
--- The product of the entries, element by element.
fold('CMulTable', function(a, b) return a * b end)
--- The first entry over the others.
fold('CDivTable', function(a, b) return a / b end)
--- The largest of the entries, element by element.
fold('CMaxTable', function(a, b) return a:maximum(b) end)
--- The smallest of the entries, element by element.
fold('CMinTable', function(a, b) return a:minimum(b) end)

--- CAddTensorTable: {a, {b, c}} becomes {a + b, a + c}.
add('CAddTensorTable', {}, function(self, ...)
  local list, out = list_of(self, ...), {}
  for i, v in ipairs(list[2]) do out[i] = list[1] + v end
  return out
end)

--- MM(trans_a = false, trans_b = false): the matrix product of two entries, (batches of) matrices.
add('MM', {'trans_a:bool=false', 'trans_b:bool=false'}, function(self, ...)
  local list = list_of(self, ...)
  local a, b = list[1], list[2]
  return (self.trans_a and a.mT or a):matmul(self.trans_b and b.mT or b)
end)

--- MV(trans = false): matrix times vector, for two entries or batches of them.
add('MV', {'trans:bool=false'}, function(self, ...)
  local list = list_of(self, ...)
  local m = self.trans and list[1].mT or list[1]
  return m:matmul(list[2]:unsqueeze(-1)):squeeze(-1)
end)

--- The dot product of two entries over the last dim.
add('DotProduct', {}, function(self, ...)
  local list = list_of(self, ...)
  return (list[1] * list[2]):sum(-1)
end)

--- The cosine of the angle between two entries over the last dim.
add('CosineDistance', {}, function(self, ...)
  local list = list_of(self, ...)
  return F.cosine_similarity(list[1], list[2], -1)
end)

--- MixtureTable(dim): {gates (batch, n), experts} as the sum of the experts, weighted by the gates. The experts are a list of n
-- tensors whose first dim is the batch, or one tensor with the experts along `dim` (2 by default).
add('MixtureTable', {'dim:int=2'}, function(self, ...)
  local list = list_of(self, ...)
  local gates, experts = list[1], list[2]
  local x = tocha.is_tensor(experts) and experts:movedim(self.dim, 2) or tocha.stack(experts, 2)
  local shape = {gates:size(1), gates:size(2)}
  for d = 3, x:dim() do shape[d] = 1 end
  return (gates:view(shape) * x):sum(2)
end)

return M
