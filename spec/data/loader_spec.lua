-- Datasets, samplers and DataLoader.
local tocha = require 'tocha'
local data = tocha.utils.data

local function fails(says, f, ...)
  local ok, message = pcall(f, ...)
  assert.is_false(ok)
  for _, part in ipairs(says) do
    assert(tostring(message):find(part, 1, true), ('%q does not say %q'):format(tostring(message), part))
  end
end

local function epoch(loader)
  local out = {}
  for a in loader:iter() do out[#out + 1] = a:totable() end
  return out
end

local function flat(loader)
  local out = {}
  for _, batch in ipairs(epoch(loader)) do
    for _, v in ipairs(batch) do out[#out + 1] = v end
  end
  return out
end

local function numbers(n) return data.TensorDataset(tocha.arange(1, n + 1)) end

describe('Datasets', function()
  it('TensorDataset gives items of all its tensors', function()
    local d = data.TensorDataset(tocha.tensor{{1, 2}, {3, 4}}, tocha.int64{5, 6})
    local x, y = d:get(2)
    assert.are.same({3, 4}, x:totable())
    assert.are.equal(6, y:item())
    assert.are.equal(5, (select(2, d:get(-2))):item())
    assert.are.equal(2, d:len())
    fails({'get', '3', '1 to 2'}, d.get, d, 3)
    fails({'size mismatch', '3', '2'}, data.TensorDataset, tocha.zeros(2), tocha.zeros(3))
    fails({'argument 1', 'a tensor'}, data.TensorDataset, {1, 2})
  end)

  it('Subset and ConcatDataset pass positions on', function()
    local d = data.Subset(numbers(9), {3, 1, 9})
    assert.are.equal(9, (d:get(3)):item())
    assert.are.equal(3, d:len())
    fails({'Subset', '4', '1 to 3'}, d.get, d, 4)
    local both = data.ConcatDataset{numbers(2), d}
    assert.are.same({1, 2, 3, 1, 9}, flat(data.DataLoader(both, {batch_size = 2})))
    assert.are.equal(5, (numbers(2) + d):len())
    assert.are.same({9, 1}, flat(data.DataLoader(data.Subset(d, tocha.int64{3, 2}), {batch_size = 4})))
  end)

  it('random_split deals every item out once', function()
    local parts = data.random_split(numbers(10), {7, 3}, tocha.Generator():manual_seed(1))
    local seen = {}
    for _, part in ipairs(parts) do
      for i = 1, part:len() do seen[#seen + 1] = (part:get(i)):item() end
    end
    table.sort(seen)
    assert.are.same({1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, seen)
    local shares = data.random_split(numbers(10), {0.5, 0.25, 0.25})
    assert.are.same({6, 2, 2}, {shares[1]:len(), shares[2]:len(), shares[3]:len()})
    fails({'add up to 9', '10'}, data.random_split, numbers(10), {7, 2})
  end)

  it('may be any class with get and len', function()
    local Squares = tocha.class('Squares', data.Dataset)
    function Squares:__init(n) self.n = n end
    function Squares:len() return self.n end
    function Squares.get(_, i) return tocha.tensor{i, i * i}, i, i / 2, i % 2 == 0, 'n' .. i, {a = i, b = {i}} end
    local x, n, half, even, name, more = data.DataLoader(Squares(3), {batch_size = 3}):iter()()
    assert.are.same({{1, 1}, {2, 4}, {3, 9}}, x:totable())
    assert.are.equal('int64', tostring(n.dtype):match('%w+$'))
    assert.are.same({0.5, 1, 1.5}, half:totable())
    assert.are.same({false, true, false}, even:totable())
    assert.are.same({'n1', 'n2', 'n3'}, name)
    assert.are.same({1, 2, 3}, more.b[1]:totable())
    local Nothing = tocha.class('Nothing', data.Dataset)
    fails({'Nothing', 'len() is not defined'}, function() return Nothing():len() end)
    fails({'Nothing', 'get(i) is not defined'}, function() return Nothing():get(1) end)
  end)
end)

describe('DataLoader', function()
  it('uses the items of a class derived from TensorDataset', function()
    for _, name in ipairs{'get', '__getitem'} do
      local Doubled = tocha.class('Doubled', data.TensorDataset)
      Doubled[name] = function(self, i) return data.TensorDataset.get(self, i) * 2 end
      local d = Doubled(tocha.arange(1, 4))
      assert.are.same({2, 4, 6}, flat(data.DataLoader(d, 2)))
      assert.are.same({6, 2}, flat(data.DataLoader(data.Subset(d, {3, 1}), 2)))
      assert.are.same({2, 4, 6, 2}, flat(data.DataLoader(data.ConcatDataset{d, data.Subset(d, {1})}, 2)))
    end
  end)

  it('gives nothing for an empty dataset', function()
    local empty = data.TensorDataset(tocha.zeros(0, 3))
    assert.are.same({}, epoch(data.DataLoader(empty, {batch_size = 2})))
    assert.are.same({}, epoch(data.DataLoader(empty, {batch_size = 2, shuffle = true})))
    assert.are.same({}, epoch(data.DataLoader({}, 3)))
  end)

  it('makes batches in order, the last one smaller or dropped', function()
    local loader = data.DataLoader(numbers(5), {batch_size = 2})
    assert.are.same({{1, 2}, {3, 4}, {5}}, epoch(loader))
    assert.are.same({{1, 2}, {3, 4}, {5}}, epoch(loader))
    assert.are.equal(3, loader:len())
    loader = data.DataLoader(numbers(5), {batch_size = 2, drop_last = true})
    assert.are.same({{1, 2}, {3, 4}}, epoch(loader))
    assert.are.equal(2, loader:len())
    assert.are.same({}, epoch(data.DataLoader(numbers(1), {batch_size = 2, drop_last = true})))
    assert.are.same({{1, 2}, {3}}, epoch(data.DataLoader({1, 2, 3}, 2)))
  end)

  it('gives copies: changing a batch leaves the dataset alone', function()
    local x = tocha.ones(4)
    for batch in data.DataLoader(data.TensorDataset(x), {batch_size = 2}):iter() do batch:zero_() end
    assert.are.equal(4, x:sum():item())
  end)

  it('shuffles anew every epoch, and the same way from the same seed', function()
    local function order(loader)
      local a, b = flat(loader), flat(loader)
      assert.are_not.same(a, b)
      local sorted = {unpack(a)}
      table.sort(sorted)
      assert.are.same(flat(data.DataLoader(numbers(20), 20)), sorted)
      return {a, b}
    end
    local function make(options)
      options.batch_size, options.shuffle = 3, true
      return data.DataLoader(numbers(20), options)
    end
    assert.are.same(order(make{seed = 5}), order(make{seed = 5}))
    assert.are_not.same(order(make{seed = 5}), order(make{seed = 6}))
    tocha.manual_seed(5)
    local first = order(make{})
    tocha.manual_seed(5)
    assert.are.same(first, order(make{}))
    assert.are.same(order(make{generator = tocha.Generator():manual_seed(5)}), order(make{seed = 5}))
  end)

  it('shuffles datasets of tensors and others alike', function()
    local slow = {len = function() return 12 end, get = function(_, i) return i end}
    local a = data.DataLoader(slow, {batch_size = 5, shuffle = true, seed = 2})
    local b = data.DataLoader(numbers(12), {batch_size = 5, shuffle = true, seed = 2})
    assert.are.same(epoch(a), epoch(b))
  end)

  it('takes samplers and a collate_fn', function()
    local source = numbers(6)
    assert.are.same({{1, 2, 3}, {4, 5, 6}}, epoch(data.DataLoader(source, {batch_size = 3,
      sampler = data.SequentialSampler(source)})))
    local weighted = data.WeightedRandomSampler({0, 1, 0, 0, 1, 0}, 50)
    for _, v in ipairs(flat(data.DataLoader(source, {sampler = weighted, batch_size = 7}))) do
      assert.is_true(v == 2 or v == 5)
    end
    local subset = flat(data.DataLoader(source, {sampler = data.SubsetRandomSampler{6, 2}}))
    table.sort(subset)
    assert.are.same({2, 6}, subset)
    assert.are.equal(40, #flat(data.DataLoader(source, {sampler = data.RandomSampler(source, true, 40)})))
    assert.are.same({{6, 1}, {2}}, epoch(data.DataLoader(source, {batch_sampler = data.BatchSampler(
      {iter = function() local at, l = 0, {6, 1, 2} return function() at = at + 1 return l[at] end end,
        len = function() return 3 end}, 2, false)})))
    local sums = {}
    for s, n in data.DataLoader(source, {batch_size = 4, collate_fn = function(items)
      local sum = 0
      for _, x in ipairs(items) do sum = sum + x:item() end
      return sum, #items
    end}):iter() do sums[#sums + 1] = {s, n} end
    assert.are.same({{10, 4}, {11, 2}}, sums)
  end)

  it('names what it cannot use', function()
    fails({'DataLoader', 'batch_size', '0'}, data.DataLoader, numbers(2), {batch_size = 0})
    fails({'DataLoader', "unknown option 'batchsize'", 'batch_size'}, data.DataLoader, numbers(2), {batchsize = 3})
    fails({'DataLoader', 'shuffle', 'sampler'}, data.DataLoader, numbers(2), {shuffle = true, sampler = {}})
    fails({'DataLoader', 'seed', 'generator'}, data.DataLoader, numbers(2), {seed = 1, generator = tocha.Generator()})
    fails({'default_collate', 'item 2'}, flat, data.DataLoader({1, 'x'}, 2))
  end)
end)
