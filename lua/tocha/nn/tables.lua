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

-- entry i of a list, which must be a tensor
local function tensor_at(self, list, i)
  local v = list[i]
  if not tocha.is_tensor(v) then args.fail('%s: entry %d: got %s, takes a tensor', self.__name, i, args.show(v)) end
  return v
end
-- entry i of a list, which must be a list
local function list_at(self, list, i)
  local v = list[i]
  if type(v) ~= 'table' then args.fail('%s: entry %d: got %s, takes a list', self.__name, i, args.show(v)) end
  return v
end

-- A dim that is meant for `n` dims without batch, in a tensor that may have a batch dim before them
local function batched(x, dim, n)
  if n and dim > 0 and x:dim() == n + 1 then return dim + 1 end
  return dim
end

-- ------------------------------------------------------------------------------------------------- lists and tensors

local n_dims = 'n_input_dims:int=nil'

--- The entries of a list joined along a dim.
-- @type JoinTable
-- @param dim along which
-- @param n_input_dims dims without batch: inputs with one dim more have the batch first, and `dim` counts without it
-- @shape {(..., a, ...), (..., b, ...)} -> (..., a + b, ...)
-- @usage
-- nn.JoinTable(1)({tocha.tensor{1, 2}, tocha.tensor{3}})  --> {1, 2, 3}
add('JoinTable', {'dim:int', n_dims}, function(self, ...)
  local list = list_of(self, ...)
  return tocha.cat(list, batched(list[1], self.dim, self.n_input_dims))
end)

--- The slices along a dim, as a list.
-- @type SplitTable
-- @param dim along which
-- @param n_input_dims dims without batch, as for JoinTable
-- @shape (..., n, ...) -> n times (..., ...)
-- @usage
-- nn.SplitTable(2)(tocha.tensor{{1, 2}, {3, 4}})  --> {{1, 3}, {2, 4}}
add('SplitTable', {'dim:int', n_dims}, function(self, input)
  return tensor_at(self, {input}, 1):unbind(batched(input, self.dim, self.n_input_dims))
end)

--- One entry of a list.
-- @type SelectTable
-- @param index which; negative ones count from the end, a text is a key
-- @shape a list -> its entry
-- @raise if there is none
-- @usage
-- nn.SelectTable(-1)({tocha.tensor{1}, tocha.tensor{2}})  --> {2}
add('SelectTable', {'index'}, function(self, ...)
  local list, i = list_of(self, ...), self.index
  if type(i) == 'number' and i < 0 then i = #list + 1 + i end
  if list[i] == nil then args.fail('SelectTable: the list has no entry %s', args.show(self.index)) end
  return list[i]
end)

--- Some neighbouring entries of a list.
-- @type NarrowTable
-- @param offset the first
-- @param length how many
-- @shape a list -> a shorter list
-- @raise if there are fewer
-- @usage
-- nn.NarrowTable(2, 2)({tocha.ones(1), tocha.zeros(1), tocha.ones(1)})  --> {{0}, {1}}
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
    if tocha.is_tensor(v) then out[#out + 1] = v
    elseif type(v) == 'table' then flatten(v, out)
    else args.fail('FlattenTable: got %s, takes lists of tensors', args.show(v)) end
  end
  return out
end

--- Nested lists as one list.
-- @type FlattenTable
-- @shape lists of lists -> a list
-- @usage
-- nn.FlattenTable()({tocha.ones(1), {tocha.zeros(1), {tocha.ones(1)}}})  --> {{1}, {0}, {1}}
add('FlattenTable', {}, function(self, ...) return flatten(list_of(self, ...), {}) end)

--- {{a, b}, {c, d}} becomes {{a, c}, {b, d}}.
-- @type ZipTable
-- @shape m lists of n -> n lists of m
-- @usage
-- local a, b, c, d = tocha.tensor{1}, tocha.tensor{2}, tocha.tensor{3}, tocha.tensor{4}
-- nn.ZipTable()({{a, b}, {c, d}})  --> {{{1}, {3}}, {{2}, {4}}}
add('ZipTable', {}, function(self, ...)
  local out = {}
  local lists = list_of(self, ...)
  for k = 1, #lists do
    for i, v in ipairs(list_at(self, lists, k)) do
      out[i] = out[i] or {}
      out[i][k] = v
    end
  end
  return out
end)

--- {a, {b, c}} becomes {{a, b}, {a, c}}.
-- @type ZipTableOneToMany
-- @shape an entry and a list of n -> n lists of 2
-- @usage
-- nn.ZipTableOneToMany()({tocha.tensor{1}, {tocha.tensor{2}, tocha.tensor{3}}})  --> {{{1}, {2}}, {{1}, {3}}}
add('ZipTableOneToMany', {}, function(self, ...)
  local list, out = list_of(self, ...), {}
  for i, v in ipairs(list_at(self, list, 2)) do out[i] = {list[1], v} end
  return out
end)

-- ------------------------------------------------------------------------------------------------- arithmetic

--- The entries of a list combined element by element, from the first to the last: sum, difference, product, quotient, largest, smallest.
-- @type CAddTable CSubTable CMulTable CDivTable CMaxTable CMinTable
-- @shape a list of tensors that broadcast, or several arguments -> one of them
-- @usage
-- local a, b = tocha.tensor{6, 2}, tocha.tensor{3, 4}
-- nn.CAddTable()({a, b, b})  --> {12, 10}
-- nn.CSubTable()(a, b)  --> {3, -2}
-- nn.CMulTable()(a, b)  --> {18, 8}
-- nn.CDivTable()(a, b)  --> {2, 0.5}
-- nn.CMaxTable()(a, b)  --> {6, 4}
-- nn.CMinTable()(a, b)  --> {3, 2}
local function fold(name, f)
  add(name, {}, function(self, ...)
    local list = list_of(self, ...)
    local out = tensor_at(self, list, 1)
    for i = 2, #list do out = f(out, tensor_at(self, list, i)) end
    return out
  end)
end

fold('CAddTable', function(a, b) return a + b end)
fold('CSubTable', function(a, b) return a - b end)
fold('CMulTable', function(a, b) return a * b end)
fold('CDivTable', function(a, b) return a / b end)
fold('CMaxTable', function(a, b) return a:maximum(b) end)
fold('CMinTable', function(a, b) return a:minimum(b) end)

--- {a, {b, c}} becomes {a + b, a + c}.
-- @type CAddTensorTable
-- @shape a tensor and a list of n -> a list of n
-- @usage
-- nn.CAddTensorTable()({tocha.tensor{1}, {tocha.tensor{2}, tocha.tensor{3}}})  --> {{3}, {4}}
add('CAddTensorTable', {}, function(self, ...)
  local list, out = list_of(self, ...), {}
  for i, v in ipairs(list_at(self, list, 2)) do out[i] = tensor_at(self, list, 1) + v end
  return out
end)

--- The matrix product of two entries.
-- @type MM
-- @param trans_a whether the first is transposed
-- @param trans_b whether the second is transposed
-- @shape {(..., n, k), (..., k, m)} -> (..., n, m)
-- @usage
-- local a = tocha.tensor{{1, 2}}
-- nn.MM(false, true)({a, a})  --> {{5}}
-- nn.MM(true)({a, a})  --> {{1, 2}, {2, 4}}
add('MM', {'trans_a:bool=false', 'trans_b:bool=false'}, function(self, ...)
  local list = list_of(self, ...)
  local a, b = tensor_at(self, list, 1), tensor_at(self, list, 2)
  return (self.trans_a and a.mT or a):matmul(self.trans_b and b.mT or b)
end)

--- Matrix times vector, for two entries or batches of them.
-- @type MV
-- @param trans whether the matrix is transposed
-- @shape {(..., n, k), (..., k)} -> (..., n)
-- @usage
-- nn.MV()({tocha.tensor{{1, 2}, {3, 4}}, tocha.tensor{1, 1}})  --> {3, 7}
add('MV', {'trans:bool=false'}, function(self, ...)
  local list = list_of(self, ...)
  local m, v = tensor_at(self, list, 1), tensor_at(self, list, 2)
  return (self.trans and m.mT or m):matmul(v:unsqueeze(-1)):squeeze(-1)
end)

--- The dot product of two entries over the last dim.
-- @type DotProduct
-- @shape {(..., d), (..., d)} -> (...)
-- @usage
-- nn.DotProduct()({tocha.tensor{1, 2}, tocha.tensor{3, 4}})  --> 11
add('DotProduct', {}, function(self, ...)
  local list = list_of(self, ...)
  return (tensor_at(self, list, 1) * tensor_at(self, list, 2)):sum(-1)
end)

--- The cosine of the angle between two entries over the last dim.
-- @type CosineDistance
-- @shape {(..., d), (..., d)} -> (...)
-- @usage
-- nn.CosineDistance()({tocha.tensor{{1, 0}, {1, 0}}, tocha.tensor{{0, 1}, {2, 0}}})  --> {0, 1}
add('CosineDistance', {}, function(self, ...)
  local list = list_of(self, ...)
  return F.cosine_similarity(list[1], list[2], -1)
end)

--- The sum of experts, weighted by gates.
-- @type MixtureTable
-- @param dim where the experts lie, if they are one tensor
-- @shape {gates (n, k), experts}: a list of k tensors (n, ...), or one tensor with k along `dim` -> (n, ...)
-- @usage
-- local gates = tocha.tensor{{0.25, 0.75}}
-- nn.MixtureTable()({gates, {tocha.tensor{{4, 0}}, tocha.tensor{{0, 4}}}})  --> {{1, 3}}
add('MixtureTable', {'dim:int=2'}, function(self, ...)
  local list = list_of(self, ...)
  local gates, experts = tensor_at(self, list, 1), list[2]
  local x = tocha.is_tensor(experts) and experts:movedim(self.dim, 2) or tocha.stack(experts, 2)
  local shape = {gates:size(1), gates:size(2)}
  for d = 3, x:dim() do shape[d] = 1 end
  return (gates:view(shape) * x):sum(2)
end)

return M
