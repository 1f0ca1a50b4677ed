--- The host's side of CUDA: memory, copies, streams, events, graphs, faults, several devices, what is refused. On a real device or the emulated one.

local tocha = require 'tocha'
local S = require 'spec.support'
local D = require 'spec.cuda.device'
local nn, optim, cuda = tocha.nn, tocha.optim, tocha.cuda

describe('CUDA where there is none', function()
  it('says why', function()
    local text = S.runs([[
      local cuda = require('tocha').cuda
      print(cuda.is_available(), cuda.device_count(), cuda.reason() ~= nil)
      print(select(2, pcall(require('tocha').zeros, 3, {device = 'cuda'})))
      print(select(2, pcall(cuda.Stream)))
    ]], {env = 'TOCHA_CUDA_LIBRARY=/nowhere/libtocha_cuda.so'})
    assert.is_truthy(text:find('false\t0\ttrue', 1, true), text)
    assert.is_truthy(text:find("zeros: device 'cuda' is not available", 1, true), text)
    assert.is_truthy(text:find('Stream: CUDA is not available', 1, true), text)
  end)
end)

-- runs Lua in a process of its own on the device of this one
local function runs(source, env)
  local said = os.getenv('TOCHA_CUDA_LIBRARY')
  return S.runs("local tocha = require 'tocha'\nlocal cuda = tocha.cuda\n" .. source, {env = (said and 'TOCHA_CUDA_LIBRARY=' .. said .. ' ' or '') .. (env or '')})
end

if not D.there() then return end

describe('CUDA memory', function()
  it('is counted, reused and given back', function()
    local text = runs[[
      local before = cuda.memory_allocated()
      local x = tocha.zeros(1000, {device = 'cuda'})
      assert(cuda.memory_allocated() - before >= 4000)
      assert(cuda.max_memory_allocated() >= cuda.memory_allocated())
      local calls = cuda.memory_stats().device_allocations
      for _ = 1, 50 do local y = x + 1 y:free() end
      assert(cuda.memory_stats().device_allocations <= calls + 1)
      x:free()
      cuda.empty_cache()
      assert(cuda.memory_allocated() == before)
      assert(cuda.memory_reserved() <= 2 ^ 21)
      local free, total = cuda.mem_get_info()
      assert(free <= total)
      assert(cuda.memory_summary():find 'in tensors')
      print 'good']]
    assert.equal('good\n', text)
  end)

  it('says what takes it when it is exhausted', function()
    local text = runs([[
      cuda.set_per_process_memory_fraction(0.01)
      local kept = {}
      local good, message = pcall(function()
        for i = 1, 1000 do kept[i] = tocha.zeros(2 ^ 20, {device = 'cuda'}) end
      end)
      print(good, message)]], D.emulated() and 'TOCHA_EMU_MEMORY=1e9' or '')
    if D.emulated() then
      assert.is_truthy(text:find('out of memory: 4.0 MiB asked for on cuda:0', 1, true), text)
      assert.is_truthy(text:find('The largest: 4.0 MiB of zeros', 1, true), text)
    end
  end)

  it('collects garbage before it gives up', function()
    local text = runs([[
      cuda.set_per_process_memory_fraction(0.05)
      for _ = 1, 200 do local x = tocha.zeros(2 ^ 20, {device = 'cuda'}) end
      print 'good']], D.emulated() and 'TOCHA_EMU_MEMORY=1e9' or '')
    assert.equal('good\n', text)
  end)

  it('can be of one piece a tensor', function()
    assert.equal('good\n', runs("local x = tocha.ones(10, {device = 'cuda'}) * 2 assert(x:sum():item() == 20) print 'good'",
      'TOCHA_CUDA_ALLOC=plain'))
  end)
end)

describe('copies between host and GPU', function()
  it('keep values, dtypes and layouts', function()
    for _, dtype in ipairs{'float32', 'float64', 'float16', 'bfloat16', 'int64', 'int32', 'uint8', 'bool'} do
      local x = (tocha.randn(5, 7) * 10):to(dtype)
      assert.is_true(tocha.equal(x, x:to('cuda'):to('cpu')), dtype)
      assert.is_true(tocha.equal(x:t(), x:t():to('cuda'):to('cpu')), dtype)
      assert.is_true(tocha.equal(x:to('cuda'):t():to('cpu'), x:t()), dtype)
    end
    assert.is_true(tocha.equal(tocha.ones(3):to('cuda', 'int64'):to('cpu', 'float64'), tocha.ones(3):double()))
  end)

  it('go on by themselves from pinned memory', function()
    local x = tocha.randn(1000)
    assert.is_false(x:is_pinned())
    local pinned = x:pin_memory()
    assert.is_true(pinned:is_pinned())
    local y = pinned:to('cuda', {non_blocking = true})
    cuda.synchronize()
    assert.is_true(tocha.equal(y:to('cpu'), x))
    assert.is_true(pinned:pin_memory() == pinned)
  end)

  it('have gradients', function()
    local x = tocha.randn(4):requires_grad_()
    local total = (x:to('cuda') * 3):sum()
    total:backward()
    S.close(x.grad, {3, 3, 3, 3})
    assert.equal('cpu', tostring(x.grad.device))
  end)
end)

describe('operands on two devices', function()
  it('are refused by name', function()
    local x, y = tocha.randn(2, 2), tocha.randn(2, 2):to('cuda')
    S.fails(function() return x + y end, 'add', 'different devices', 'cuda:0', 'cpu')
    S.fails(function() return x:mm(y) end, 'mm', 'different devices')
  end)

  it('meet where one is a number or a single element', function()
    local y = tocha.ones(3, {device = 'cuda'})
    S.close((y + tocha.tensor(2)):to('cpu'), {3, 3, 3})
    S.close((2 - y):to('cpu'), {1, 1, 1})
    S.close(y:index_select(1, tocha.tensor({1, 3}):long()):to('cpu'), {1, 1})
  end)
end)

describe('streams and events', function()
  it('order work', function()
    local s, x = cuda.Stream(), tocha.randn(100):to('cuda')
    local y
    s:wait_stream(cuda.current_stream())
    cuda.stream(s, function()
      assert.is_true(cuda.current_stream() == s)
      y = x * 2
      y:record_stream(s)
    end)
    assert.is_true(cuda.current_stream() == cuda.default_stream())
    cuda.current_stream():wait_stream(s)
    assert.is_true(tocha.equal((y / 2):to('cpu'), x:to('cpu')))
    s:synchronize()
    assert.is_true(s:query())
  end)

  it('take the time', function()
    local a, b = cuda.Event{enable_timing = true}, cuda.Event{enable_timing = true}
    a:record()
    local _ = tocha.ones(1000, {device = 'cuda'}) + 1
    b:record()
    b:synchronize()
    assert.is_true(b:query() and a:elapsed_time(b) >= 0)
    S.fails(function() cuda.Event():record():elapsed_time(b) end, 'enable_timing')
  end)

  it('come back after an error', function()
    local s = cuda.Stream()
    S.fails(function() cuda.stream(s, function() error('broken') end) end, 'broken')
    assert.is_true(cuda.current_stream() == cuda.default_stream())
  end)
end)

describe('a CUDA graph', function()
  it('replays with new inputs', function()
    local x = tocha.tensor({1, 2, 3}):float():to('cuda')
    local calls = 0
    local graph = cuda.graph(function()
      calls = calls + 1
      return (x * 2 + 1):sum()
    end)
    assert.equal(4, calls)
    assert.is_true(graph:nodes() >= 3)
    assert.equal(15, graph():item())
    x:copy_(tocha.tensor({4, 5, 6}):float())
    assert.equal(33, graph:replay():item())
    assert.equal(4, calls)
  end)

  it('draws new random numbers each time, those of the generator', function()
    local x = tocha.zeros(8, {device = 'cuda'})
    local graph = cuda.graph(function() return tocha.rand_like(x) end, {warmup = 1})
    tocha.manual_seed(7)
    local first, second = graph():clone(), graph():clone()
    tocha.manual_seed(7)
    assert.is_true(tocha.equal(first:to('cpu'), tocha.rand_like(x):to('cpu')))
    assert.is_true(tocha.equal(second:to('cpu'), tocha.rand_like(x):to('cpu')))
  end)

  it('holds forward and backward pass', function()
    local p = tocha.randn(4, 3):to('cuda'):requires_grad_()
    local x = tocha.randn(5, 4):to('cuda')
    local graph = cuda.graph(function()
      p.grad = nil
      local loss = x:mm(p):pow(2):sum()
      loss:backward()
      return loss:detach()
    end)
    x:copy_(tocha.randn(5, 4))
    graph()
    local want = (x:t():mm(x:mm(p:detach())) * 2):to('cpu')
    S.close(p.grad:to('cpu'), S.plain(want), 1e-4, 1e-4)
  end)

  -- losses of `steps` steps on a small net, each with the learning rate that rate(i) gives
  local function losses(make, steps, graphed, device)
    tocha.manual_seed(3)
    local net = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1)):to(device)
    local x, y = tocha.randn(10, 6):to(device), tocha.randn(10, 1):to(device)
    local optimizer, seen, play = make(net:parameters()), {}, nil
    local function step()
      optimizer:zero_grad()
      local loss = nn.functional.mse_loss(net(x), y)
      loss:backward()
      optimizer:step()
      return loss:detach()
    end
    for i = 1, steps do
      for _, group in ipairs(optimizer.param_groups) do group.lr = 0.02 / (1 + 0.1 * i) end
      if graphed and i == 3 then play = cuda.graph(step, {warmup = 0}) end
      seen[i] = (play or step)():item()
    end
    return seen, optimizer
  end

  local makers = {
    SGD = function(p) return optim.SGD(p, {lr = 0.02, momentum = 0.9, weight_decay = 0.1}) end,
    Adam = function(p) return optim.Adam(p, {lr = 0.02}) end,
    AdamW = function(p) return optim.AdamW(p, {lr = 0.02, betas = {0.8, 0.9}}) end,
    NAdam = function(p) return optim.NAdam(p, {lr = 0.02}) end,
    ASGD = function(p) return optim.ASGD(p, {lr = 0.02, t0 = 2}) end,
    RAdam = function(p) return optim.RAdam(p, {lr = 0.02}) end,
    LAMB = function(p) return optim.LAMB(p, {lr = 0.02, weight_decay = 0.1}) end,
  }
  for name, make in pairs(makers) do
    it('steps on with ' .. name .. ' as eager steps do, at the rates that a schedule gives', function()
      local got, optimizer = losses(make, 20, true, 'cuda')
      local want, other = losses(make, 20, false, 'cuda')
      local cpu = losses(make, 20, false, 'cpu')
      for i = 1, 20 do
        assert.equal(want[i], got[i])
        assert.near(cpu[i], got[i], 1e-3 * math.abs(cpu[i]) + 1e-5)
      end
      local a, b = optimizer:state_dict().state[1].step, other:state_dict().state[1].step
      if a then assert.equal(b:item(), a:item()) end
    end)
  end

  local function matrices(params)
    local list = {}
    for p in params do list[#list + 1] = p:dim() == 2 and p or nil end
    return list
  end
  it('steps on with Muon, made of operators, nearly as eager steps do', function()
    local function make(p) return optim.Muon(matrices(p), {lr = 0.02, weight_decay = 0.1}) end
    local got = losses(make, 12, true, 'cuda')
    local want = losses(make, 12, false, 'cuda')
    for i = 1, 12 do assert.near(want[i], got[i], 1e-4 * math.abs(want[i])) end
    assert.is_true(got[12] < got[1])
  end)

  it('says what of an optimizer cannot be recorded', function()
    local p = tocha.ones(3, {device = 'cuda', requires_grad = true})
    local function step_of(o)
      return function()
        o:zero_grad()
        p:sum():backward()
        o:step()
      end
    end
    S.fails(function() cuda.graph(step_of(optim.Adam({p})), {warmup = 0}) end, 'warmup of at least 1')
    S.fails(function() cuda.graph(step_of(optim.Adafactor({p}))) end, 'cannot be recorded')
    local play = cuda.graph(step_of(optim.Adam({p})), {warmup = 1})
    play()
    play:reset()
    assert.equal(3, tocha.ones(3, {device = 'cuda'}):sum():item())
  end)

  it('cannot hold what asks for a value, and ends well then', function()
    local x = tocha.ones(3, {device = 'cuda'})
    S.fails(function() cuda.graph(function() return x:sum():item() end, {warmup = 0}) end, 'captured')
    assert.equal(3, x:sum():item())
  end)
end)

describe('a bad index', function()
  it('is found at the next wait and leaves the device usable', function()
    local text = runs[[
      local x = tocha.randn(4, 3):to('cuda')
      local good, message = pcall(function()
        local y = x:index_select(1, tocha.tensor({1, 9}):long():to('cuda'))
        return y:to('cpu')
      end)
      print(good, message)
      print((x * 0):sum():item())]]
    assert.is_truthy(text:find('^false'), text)
    assert.is_truthy(text:find('index_select', 1, true), text)
    assert.is_truthy(text:find('\n0\n$'), text)
  end)

  it('is reported where it happens under TOCHA_CUDA_SYNC=1', function()
    local text = runs([[
      local x = tocha.randn(4, 3):to('cuda')
      print(pcall(function() return x:index_select(1, tocha.tensor({1, 9}):long():to('cuda')) end))]], 'TOCHA_CUDA_SYNC=1')
    assert.is_truthy(text:find('index_select: index 9', 1, true), text)
  end)
end)

describe('devices', function()
  it('have properties', function()
    local p = cuda.get_device_properties()
    assert.equal('string', type(p.name))
    assert.is_true(p.total_memory > 0 and p.major >= 5 and p.multi_processor_count > 0)
    assert.equal(p.name, cuda.get_device_name(0))
    S.fails(function() cuda.get_device_name(99) end, 'get_device_properties', 'device')
  end)

  it('can be the default, for training too', function()
    local first = tocha.randn(3, 2)
    local function steps(device)
      tocha.set_default_device(device)
      local p = first:to(device):requires_grad_()
      for _, name in ipairs {'Adam', 'Adagrad', 'Adadelta', 'ASGD', 'Rprop', 'NAdam', 'RAdam', 'LAMB', 'Adafactor'} do
        local optimizer = tocha.optim[name]({p}, {lr = 0.01})
        for _ = 1, 2 do
          optimizer:zero_grad()
          p:sin():sum():backward()
          optimizer:step()
        end
      end
      return p:detach():to('cpu')
    end
    local good, there = pcall(steps, 'cuda')
    tocha.set_default_device('cpu')
    assert.is_true(good, tostring(there))
    assert.is_true(tocha.allclose(there, steps('cpu'), {rtol = 1e-4, atol = 1e-5}))
  end)

  if D.emulated() then
    it('may be several', function()
      local text = runs([[
        assert(cuda.device_count() == 2)
        local x = tocha.arange(6):to('cuda:0')
        local y = (x + 1):to('cuda:1')
        assert(y.device == 'cuda:1' or tostring(y.device) == 'cuda:1')
        assert((y * 2):sum():item() == 42)
        assert(not pcall(function() return x + y end))
        cuda.device(1, function() assert(tostring(tocha.zeros(1, {device = 'cuda'}).device) == 'cuda:1') end)
        assert(tostring(tocha.zeros(1, {device = 'cuda'}).device) == 'cuda:0')
        assert(cuda.memory_allocated(1) > 0)
        print 'good']], 'TOCHA_EMU_DEVICES=2')
      assert.equal('good\n', text)
    end)

    it('may lag behind the host', function()
      local text = runs([[
        local a, b = tocha.randn(20, 20), tocha.randn(20, 20)
        local x, y = a:to('cuda'), b:to('cuda')
        local z = x:mm(y):softmax(2):sum(1)
        x:free() y:free()
        local w = tocha.zeros(20, 20, {device = 'cuda'})
        assert((z:to('cpu') - a:mm(b):softmax(2):sum(1)):abs():max():item() < 1e-4)
        assert(w:sum():item() == 0)
        print 'good']], 'TOCHA_EMU_DEFER=1')
      assert.equal('good\n', text)
    end)
  end
end)
