--- Memory: loops of temporaries stay flat without a call to collectgarbage, what dies is given back, and running out is an error.

local tocha = require 'tocha'
local S = require 'spec.support'

local C = require('tocha.library').C

-- runs `body` in a process of its own; it prints the peak of resident megabytes
local function peak_of(body, options)
  local output = S.runs("local tocha = require 'tocha' tocha.set_num_threads(1)\n" .. S.memory_functions .. body .. "\nprint('peak', peak())", options)
  return tonumber(output:match('peak%s+([%d.]+)')), output
end

-- AddressSanitizer keeps freed memory back for a while, and maps more address space than any limit allows
local sanitized = os.getenv('TOCHA_SANITIZED')
local held_back, no_limit = 'the sanitizer keeps freed memory', 'the sanitizer needs address space without a limit'

describe('a loop of temporaries', function()
  -- 20,000 are plenty to see growth: without collections they would need 20 GB; TOCHA_OPERATORS=100000 takes longer
  it('of 1 MB, thousands of operators long, stays under 200 MB', function()
    local n = tonumber(os.getenv('TOCHA_OPERATORS')) or 20000
    local peak = peak_of('local x = tocha.ones(512, 512) for _ = 1, ' .. n .. ' do local y = x + 1 end')
    assert.is_true(peak < 200, peak .. ' MB')
  end)

  it('stays flat with a graph behind each', function()
    local peak = peak_of [[
      local x = tocha.ones(512, 512):requires_grad_()
      for _ = 1, 1000 do
        local y = (x * 2 + 1):sum()
        y:backward()
        x.grad = nil
      end]]
    assert.is_true(peak < 200, peak .. ' MB')
  end)

  it('stays flat where graphs are made and never walked', function()
    local peak = peak_of [[
      local x = tocha.ones(512, 512):requires_grad_()
      for _ = 1, 2000 do local y = (x * 2):exp() end]]
    assert.is_true(peak < 200, peak .. ' MB')
  end)

  it('stays under 300 MB with a Lua heap of 20 MB, whose collection is dear', function()
    if sanitized then return pending(held_back) end
    local peak = peak_of [[
      local heap = {}
      for i = 1, 200000 do heap[i] = {i, i + 1} end
      assert(collectgarbage('count') > 18000)
      local x = tocha.ones(512, 512)
      for _ = 1, 5000 do local y = x + 1 end]]
    assert.is_true(peak < 300, peak .. ' MB')
  end)

  it('stays flat beside Lua garbage, whose own cycles are under way whenever tensors ask for one', function()
    local peak = peak_of [[
      local x, kept = tocha.ones(256, 256), {}
      for i = 1, 8000 do
        local text = ('text '):rep(200) .. i
        local y = x + 1
        if i % 16 == 0 then kept[#kept + 1] = text end
      end]]
    assert.is_true(peak < 200, peak .. ' MB')
  end)

  it('stays flat when errors are caught', function()
    local peak = peak_of [[
      local x, bad = tocha.ones(512, 512), tocha.ones(3)
      for _ = 1, 3000 do
        assert(not pcall(function() return (x + 1) * 2 + bad end))
      end]]
    assert.is_true(peak < 200, peak .. ' MB')
  end)

  it('stays flat interpreted, and with finalisers instead of the allocator hook', function()
    local body = 'local x = tocha.ones(512, 512) for _ = 1, 2000 do local y = x + 1 end'
    local interpreted, finalised = peak_of(body, {flags = '-joff'}), peak_of(body, {env = 'TOCHA_HANDLES=finaliser'})
    assert.is_true(interpreted < 200, interpreted .. ' MB')
    assert.is_true(finalised < 250, finalised .. ' MB')
  end)

  it('of many sizes does not fill the cache without end', function()
    local peak = peak_of [[
      for i = 1, 3000 do local y = tocha.ones(1000 * i % 700000 + 1) end]]
    assert.is_true(peak < 300, peak .. ' MB')
  end)
end)

describe('tensors that are no longer used', function()
  it('are released by a collection', function()
    collectgarbage()
    collectgarbage()
    local before = C.tc_live_tensors()
    for _ = 1, 1000 do local _ = tocha.ones(10) * 2 end
    collectgarbage()
    collectgarbage()
    assert.is_true(C.tc_live_tensors() - before < 20)
  end)

  it('are released at once by free(), after which every use is an error', function()
    local x = tocha.ones(1000, 1000)
    local before = C.tc_memory_live()
    x:free()
    assert.is_true(before - C.tc_memory_live() >= 4e6)
    S.fails(function() return x + 1 end, 'add', 'released')
    S.fails(function() return x:sum() end, 'sum', 'released')
    S.fails(function() return x:dim() end, 'dim', 'released')
    S.fails(function() return x.dtype end, 'dtype', 'released')
    S.fails(function() return x:totable() end, 'released')
    S.fails(function() return x[1] end, 'released')
    assert.matches('released', tostring(x))
    x:free()
  end)

  it('live on in their views', function()
    local x = tocha.ones(4)
    local v = x:view(2, 2)
    x:free()
    S.close(v, {{1, 1}, {1, 1}})
  end)
end)

describe('running out of memory', function()
  it('is an error that says so, and the process goes on', function()
    S.fails(function() tocha.empty(1e6, 1e6, 100) end, 'empty', 'memory')
    S.fails(function() tocha.ones(1):expand(1e6, 1e6, 10):contiguous() end, 'contiguous', 'memory')
    S.close(tocha.ones(2) + 1, {2, 2})
  end)

  it('of sizes that no address can hold is an error too', function()
    S.fails(function() tocha.empty(2 ^ 40, 2 ^ 40) end, 'empty')
    S.fails(function() tocha.ones(1):expand(2 ^ 40, 2 ^ 40) end, 'expand')
  end)

  it('first collects garbage and tries again', function()
    if sanitized then return pending(no_limit) end
    local output = S.runs([[
      local tocha = require 'tocha'
      require('tocha.library').C.tc_pressure_reset(1e12) -- as if collecting were very dear: only failing allocations collect
      for i = 1, 100 do local x = tocha.zeros(10, 1000, 1000) end
      local kept, good, message = {}, nil, nil
      for i = 1, 300 do
        good, message = pcall(function() kept[i] = tocha.zeros(10, 1000, 1000) end)
        if not good then break end
      end
      assert(not good and tostring(message):find('out of memory'), message)
      kept = nil
      print('sum', tocha.ones(1000):sum():item(), tocha.zeros(10, 1000, 1000):numel())]], {before = 'ulimit -v 3000000;'})
    assert.matches('sum%s+1000%s+10000000', output)
  end)
end)
