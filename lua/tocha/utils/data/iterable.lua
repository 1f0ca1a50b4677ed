--- Datasets that are streams, and datasets that combine others: IterableDataset, ChainDataset, StackDataset.
-- @module tocha.utils.data.iterable

local class = require 'tocha.class'
local args = require 'tocha.args'
local Dataset = require 'tocha.utils.data.dataset'

local M = {}

--- The base of streams: a class derived from it has `iter()`, which gives an iterator over items (one or several values each).
-- @type IterableDataset ChainDataset
-- @param datasets (ChainDataset) streams, one after the other
-- @usage
-- local Count = tocha.class('Count', data.IterableDataset)
-- function Count:iter()
--   local i = 0
--   return function()
--     i = i + 1
--     if i <= 3 then return i end
--   end
-- end
-- local batches = {}
-- local both = data.ChainDataset{Count(), Count()}
-- for batch in data.DataLoader(both, {batch_size = 4}):iter() do batches[#batches + 1] = batch end
-- batches  --> {{1, 2, 3, 1}, {2, 3}}

--- The base of streams: a class derived from it has `iter()`, which gives an iterator over items (one or several values
-- each), and perhaps `len()`. A DataLoader makes batches of them as they come.
local Iterable = class('IterableDataset', Dataset)
M.IterableDataset = Iterable

function Iterable:iter() args.fail('%s: iter() is not defined', self.__name) end
function Iterable:get() args.fail('%s: a stream has no item of a number; takes iter()', self.__name) end

--- Two streams, one after the other.
function Iterable.__add(a, b) return M.ChainDataset{a, b} end

--- ChainDataset(datasets): streams, one after the other.
local Chain = class('ChainDataset', Iterable)
M.ChainDataset = Chain
function Chain:__init(datasets)
  if type(datasets) ~= 'table' or #datasets == 0 then args.fail('ChainDataset: datasets: takes a list of streams') end
  for i, d in ipairs(datasets) do
    if not class.isinstance(d, Iterable) then args.fail('ChainDataset: dataset %d: got %s, takes an IterableDataset', i, args.show(d)) end
  end
  self.datasets = datasets
end

function Chain:iter()
  local at, following = 1, self.datasets[1]:iter()
  local function advance(first, ...)
    if first ~= nil then return first, ... end
    at = at + 1
    if not self.datasets[at] then return nil end
    following = self.datasets[at]:iter()
    return advance(following())
  end
  return function()
    if not self.datasets[at] then return nil end
    return advance(following())
  end
end

function Chain:len()
  local n = 0
  for _, d in ipairs(self.datasets) do n = n + d:len() end
  return n
end

--- StackDataset(datasets...): item i is the items i of several datasets side by side; StackDataset{image = a, label = b} gives
-- tables with those names.
local Stack = class('StackDataset', Dataset)
M.StackDataset = Stack
--- Item i is the items i of several datasets side by side; `StackDataset{image = a, label = b}` gives tables with those names.
-- @type StackDataset
-- @param first a dataset, or a table of named ones
-- @param ... more datasets
-- @usage
-- local set = data.StackDataset(data.TensorDataset(tocha.tensor{1, 2}), data.TensorDataset(tocha.tensor{3, 4}))
-- set:len()  --> 2
-- {set:get(2)}  --> {2, 4}
function Stack:__init(first, ...)
  self.named = select('#', ...) == 0 and type(first) == 'table' and getmetatable(first) == nil
  self.datasets = self.named and first or {first, ...}
  local n
  for key, d in pairs(self.datasets) do
    if type(d) ~= 'table' or not d.len then
      args.fail('StackDataset: dataset %s: got %s, takes a dataset', tostring(key), args.show(d))
    end
    if n and d:len() ~= n then args.fail('StackDataset: size mismatch: %d and %d items', n, d:len()) end
    n = d:len()
  end
  if not n then args.fail('StackDataset: takes one or more datasets') end
  self.count = n
end

function Stack:len() return self.count end

local function one(...)
  if select('#', ...) > 1 then return {...} end
  return (...)
end

function Stack:get(i)
  i = Dataset.position(i, self.count, 'StackDataset')
  local out = {}
  for key, d in pairs(self.datasets) do out[key] = one(Dataset.getter(d)(d, i)) end
  if self.named then return out end
  return unpack(out, 1, #self.datasets)
end

return M
