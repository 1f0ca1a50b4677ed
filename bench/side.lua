--- Tocha's side of the benchmark: runs the workloads that match, prints 'name<TAB>seconds' of each. Started by run.lua.
-- The peer's side, peer/side.py, has the same workloads under the same names.

local ffi = require 'ffi'
local tocha = require 'tocha'
local nn, F, optim = tocha.nn, tocha.nn.functional, tocha.optim

local threads, budget, only = tonumber(arg[1]), tonumber(arg[2]), arg[3] or ''
tocha.set_num_threads(threads)
tocha.manual_seed(1)

ffi.cdef [[
  struct bench_time { long s, ns; };
  int clock_gettime(int clock, struct bench_time *now);
]]
local time = ffi.new('struct bench_time')
local function now()
  ffi.C.clock_gettime(1, time)
  return tonumber(time.s) + tonumber(time.ns) * 1e-9
end

---------------------------------------------------------------- measuring
-- Seconds of one call: the median over samples of at least 2 ms, collection included. `calls`: how many operators one f() does.
local function measure(name, f, calls)
  if not name:find(only) then return end
  local start = now()
  local n = 0
  repeat
    f()
    n = n + 1
  until now() - start > 0.05
  local inner = math.max(1, math.ceil(2e-3 / ((now() - start) / n)))
  local samples = {}
  start = now()
  repeat
    local t = now()
    for _ = 1, inner do f() end
    samples[#samples + 1] = (now() - t) / inner
  until now() - start > budget and #samples >= 5
  table.sort(samples)
  print(('%s\t%.9g'):format(name, samples[math.floor((#samples + 1) / 2)] / (calls or 1)))
  io.flush()
  collectgarbage()
end

---------------------------------------------------------------- what an operator costs
local function overhead()
  local a, b = tocha.ones(1), tocha.ones(1)
  local g = tocha.ones(1, {requires_grad = true})
  measure('op/add_1', function() for _ = 1, 1000 do local _ = a + b end end, 1000)
  measure('op/add_1_graph', function() for _ = 1, 1000 do local _ = g + b end end, 1000)
  local x, y = tocha.randn(64), tocha.randn(64)
  measure('op/add_64', function() for _ = 1, 1000 do local _ = x + y end end, 1000)
  measure('op/mul_number_64', function() for _ = 1, 1000 do local _ = x * 2 end end, 1000)
  measure('op/sum_64', function() for _ = 1, 1000 do local _ = x:sum() end end, 1000)
  measure('op/view_64', function() for _ = 1, 1000 do local _ = x:view(8, 8) end end, 1000)
  measure('op/backward_chain', function()
    local v = g
    for _ = 1, 100 do v = v + b end
    v:backward()
    g.grad = nil
  end, 100)
end

---------------------------------------------------------------- elementwise, by size
local function elementwise()
  for _, size in ipairs{{'64k', 65536}, {'1M', 1048576}, {'10M', 10485760}} do
    local x, y = tocha.rand(size[2]), tocha.rand(size[2])
    measure('elementwise/add_' .. size[1], function() return x + y end)
    measure('elementwise/exp_' .. size[1], function() return x:exp() end)
    measure('elementwise/tanh_' .. size[1], function() return x:tanh() end)
    measure('elementwise/gelu_' .. size[1], function() return F.gelu(x) end)
    measure('elementwise/sum_' .. size[1], function() return x:sum() end)
    measure('elementwise/add_in_place_' .. size[1], function() return x:add_(y) end)
  end
  local m, row = tocha.rand(1024, 1024), tocha.rand(1024)
  measure('elementwise/add_row_1024', function() return m + row end)
  measure('elementwise/transpose_1024', function() return m:t():contiguous() end)
  measure('elementwise/softmax_1024', function() return m:softmax(2) end)
end

---------------------------------------------------------------- products
local function products()
  for _, n in ipairs{64, 256, 512, 1024} do
    local a, b = tocha.randn(n, n), tocha.randn(n, n)
    measure('matmul/' .. n, function() return a:mm(b) end)
  end
  local a, b = tocha.randn(32, 128, 64), tocha.randn(32, 64, 128)
  measure('matmul/batch_32x128x64x128', function() return a:bmm(b) end)
  local x, w, c = tocha.randn(32, 64, 28, 28), tocha.randn(64, 64, 3, 3), tocha.zeros(64)
  measure('conv/32x64x28x28_64k3', function() return F.conv2d(x, w, c, 1, 1) end)
end

---------------------------------------------------------------- whole steps
local function step_of(net, opt, x, y)
  return function()
    opt:zero_grad()
    F.cross_entropy(net(x), y):backward()
    opt:step()
  end
end

local function tiny()
  return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))
end

local function steps()
  local x, y = tocha.randn(8, 4), tocha.randint(1, 3, {8})
  local net = tiny()
  measure('step/tiny_mlp_sgd', step_of(net, optim.SGD(net:parameters(), {lr = 1e-2}), x, y))
  net = tiny()
  measure('step/tiny_mlp_adam', step_of(net, optim.Adam(net:parameters()), x, y))
  measure('step/tiny_mlp_forward', function() return tocha.no_grad(net, x) end)
  net = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
  measure('step/mlp_784_512_512_10_b128', step_of(net, optim.Adam(net:parameters()), tocha.rand(128, 784), tocha.randint(1, 11, {128})))
  net = nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
    nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10))
  measure('step/lenet_b64', step_of(net, optim.Adam(net:parameters()), tocha.rand(64, 1, 28, 28), tocha.randint(1, 11, {64})))
end

overhead()
elementwise()
products()
steps()
