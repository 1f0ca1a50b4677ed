--- Worker processes of a DataLoader give what the loop itself would make, in the same order.

local ffi = require 'ffi'
local tocha = require 'tocha'
local data, S = tocha.utils.data, require 'spec.support'

local Items = tocha.class('Items', data.Dataset)
function Items:__init(n, make) self.n, self.make = n, make end
function Items:len() return self.n end
function Items:get(i) return self.make(i) end

local function collect(loader)
  local out = {}
  for x, y in loader:iter() do out[#out + 1] = {x, y} end
  return out
end

pcall(ffi.cdef, 'int getpid(void);')
local function children()
  local file = io.open(('/proc/%d/task/%d/children'):format(ffi.C.getpid(), ffi.C.getpid()))
  if not file then return '' end
  local text = file:read('*a')
  file:close()
  return text
end

describe('workers of a DataLoader', function()
  it('give the same batches in the same order', function()
    local items = Items(23, function(i) return tocha.full({2, 3}, i + 0.5), {name = 'item ' .. i, number = i, yes = i % 2 == 0} end)
    local options = {batch_size = 4, shuffle = true, seed = 3}
    local want = collect(data.DataLoader(items, options))
    for n = 1, 3 do
      options.num_workers = n
      local got = collect(data.DataLoader(items, options))
      assert.are.equal(#want, #got)
      for i, pair in ipairs(want) do
        assert.is_true(pair[1]:equal(got[i][1]))
        assert.are.same(pair[2].name, got[i][2].name)
        assert.is_true(pair[2].number:equal(got[i][2].number) and pair[2].yes:equal(got[i][2].yes))
      end
    end
    assert.are.equal('', children())
  end)

  it('hand over every dtype, empty tensors and lists of positions from any sampler', function()
    local items = Items(4, function(i)
      return {a = tocha.full({2}, i, {dtype = 'bfloat16'}), b = tocha.zeros({0, 3}), c = tocha.tensor{i > 2},
        d = tocha.complex(tocha.tensor(1.0), tocha.tensor(i))}
    end)
    local loader = data.DataLoader(items, {batch_sampler = data.BatchSampler(data.SequentialSampler(items), 3, false), num_workers = 2,
      collate_fn = function(list) return list[1], #list end})
    local seen = {}
    for first, n in loader:iter() do
      seen[#seen + 1] = n
      assert.are.equal('bfloat16', S.dtype(first.a))
      assert.are.same({0, 3}, S.shape(first.b))
      assert.are.equal('complex64', S.dtype(first.d))
    end
    assert.are.same({3, 1}, seen)
  end)

  it('say what went wrong in which of them', function()
    local items = Items(9, function(i)
      if i == 5 then error('item five is broken') end
      return i
    end)
    local iterator = data.DataLoader(items, {num_workers = 2}):iter()
    for _ = 1, 4 do iterator() end
    local message = S.fails(iterator, 'worker 0', 'item five is broken')
    assert.is_truthy(message:find('workers_spec.lua', 1, true))
    assert.are.equal('', children())
    local odd = Items(2, function() return print end)
    S.fails(data.DataLoader(odd, {num_workers = 1, collate_fn = function(list) return list[1] end}):iter(), 'worker 0', 'tensors, numbers')
    S.fails(function() data.DataLoader(items, {num_workers = -1}) end, 'num_workers')
  end)

  it('that end or hang are noticed', function()
    pcall(ffi.cdef, 'void _exit(int status); unsigned sleep(unsigned seconds);')
    local items = Items(4, function(i)
      if i == 2 then ffi.C._exit(7) end
      return i
    end)
    local iterator = data.DataLoader(items, {num_workers = 2}):iter()
    iterator()
    S.fails(iterator, 'worker 1', 'status 7')
    local slow = Items(2, function(i) ffi.C.sleep(60) return i end)
    S.fails(data.DataLoader(slow, {num_workers = 1, timeout = 0.05}):iter(), 'no batch within 0.05 seconds')
    assert.are.equal('', children())
  end)

  it('end when a loop is left early', function()
    local items = Items(100, function(i) return tocha.zeros(1000) + i end)
    data.DataLoader(items, {num_workers = 2}):iter()()
    for _ = 1, 3 do collectgarbage() end
    assert.are.equal('', children())
  end)

  it('have seeds that follow from the loader\'s generator', function()
    local items = Items(6, function() return tocha.rand(2), math.random() end)
    local function draw(seed, n) return collect(data.DataLoader(items, {num_workers = n, seed = seed, batch_size = 3})) end
    local a, b, c = draw(5, 2), draw(5, 2), draw(6, 2)
    for i = 1, 2 do
      assert.is_true(a[i][1]:equal(b[i][1]) and a[i][2]:equal(b[i][2]))
      assert.is_false(a[i][1]:equal(c[i][1]))
    end
    assert.is_false(a[1][1]:equal(a[2][1])) -- each worker has its own
  end)

  it('know who they are, so that streams are shared out', function()
    local Numbers = tocha.class('Numbers', data.IterableDataset)
    function Numbers.iter()
      local info, i = data.get_worker_info(), 0
      local at, step = info and info.id or 0, info and info.num_workers or 1
      return function()
        local value = at + step * i
        i = i + 1
        if value < 7 then return value end
      end
    end
    local started = {}
    local loader = data.DataLoader(Numbers(), {batch_size = 2, num_workers = 2, worker_init_fn = function(id) started[id] = true end})
    local seen, batches = {}, 0
    for x in loader:iter() do
      batches = batches + 1
      for _, v in ipairs(x:totable()) do seen[#seen + 1] = tonumber(v) end
    end
    table.sort(seen)
    assert.are.same({0, 1, 2, 3, 4, 5, 6}, seen)
    assert.are.equal(4, batches)
    assert.is_nil(data.get_worker_info())
    assert.are.same({}, started) -- there, not here
  end)

  it('are not started for tensors, whose batches are one operator', function()
    local loader = data.DataLoader(data.TensorDataset(tocha.arange(10)), {batch_size = 5, num_workers = 4})
    local iterator = loader:iter()
    assert.are.equal('', children())
    assert.is_true(iterator():equal(tocha.arange(5)))
  end)
end)
