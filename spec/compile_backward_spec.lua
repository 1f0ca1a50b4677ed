--- tocha.compile where backward is called outside: a program with a forward and a backward half.

local tocha = require 'tocha'
local nn, F, optim = tocha.nn, tocha.nn.functional, tocha.optim

-- trains a network twice from the same seed, as it is and compiled; both must agree to the last bit
local function trains_alike(build, batch, steps)
  local function train(compiled)
    tocha.manual_seed(3)
    local net = build()
    local f = compiled and tocha.compile(net) or net
    local optimizer, losses = optim.SGD(net:parameters(), {lr = 0.05, momentum = 0.9}), {}
    for i = 1, steps or 6 do
      local x, y = batch()
      optimizer:zero_grad()
      local loss = F.cross_entropy(f(x), y)
      loss:backward()
      optimizer:step()
      losses[i] = loss:item()
    end
    return losses, net, f
  end
  local eager, a = train(false)
  local compiled, b, f = train(true)
  assert.same(eager, compiled)
  for name, p in a:named_parameters() do assert.is_true(p:equal(b:get_parameter(name)), name) end
  for name, p in a:named_buffers() do assert.is_true(p:equal(b:get_buffer(name)), name) end
  assert.equal(1, f:figures().programs)
  assert.equal(2, f:figures().recordings)
end

local function labels(n) return tocha.randint(1, 4, {n}) end

describe('a compiled module whose backward is called outside', function()
  it('trains as it does eagerly: linear layers, dropout, batch norm', function()
    trains_alike(function()
      return nn.Sequential(nn.Linear(4, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))
    end, function() return tocha.randn(8, 4), labels(8) end)
  end)

  it('trains as it does eagerly: convolutions', function()
    trains_alike(function()
      return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3))
    end, function() return tocha.randn(4, 1, 8, 8), labels(4) end)
  end)

  it('trains as it does eagerly: attention and layer norm', function()
    trains_alike(function()
      return nn.Sequential(nn.TransformerEncoderLayer(8, 2, 16, {batch_first = true}), nn.Flatten(), nn.Linear(24, 3))
    end, function() return tocha.randn(4, 3, 8), labels(4) end)
  end)

  it('notices parameters that are frozen or thawed, and other modes', function()
    local net = nn.Sequential(nn.Linear(3, 3), nn.Dropout(0.5), nn.Linear(3, 1))
    local fast = tocha.compile(net)
    local x = tocha.randn(2, 3)
    local function gradients()
      net:zero_grad()
      fast(x):sum():backward()
    end
    for _ = 1, 4 do gradients() end
    assert.is_not_nil(net[1].weight.grad)
    net[1].weight:requires_grad_(false)
    for _ = 1, 4 do gradients() end
    assert.is_nil(net[1].weight.grad)
    assert.is_not_nil(net[1].bias.grad)
    net[1].weight:requires_grad_(true)
    gradients()
    assert.is_not_nil(net[1].weight.grad)
    fast:eval()
    for _ = 1, 3 do assert.is_true(fast(x):equal(net(x))) end
  end)

  it('serves inference under no_grad as well', function()
    local net = nn.Linear(3, 2)
    local fast, x = tocha.compile(net), tocha.randn(4, 3)
    for _ = 1, 4 do fast(x):sum():backward() end
    for _ = 1, 4 do
      local y = tocha.no_grad(fast, x)
      assert.is_false(y.requires_grad)
      assert.is_true(y:equal(net(x)))
    end
  end)
end)

describe('a compiled function with a graph', function()
  local function expected(f, inputs, weights)
    local leaves = {}
    for i, x in ipairs(inputs) do leaves[i] = x:detach():requires_grad_(x.requires_grad) end
    local outs = {f(unpack(leaves))}
    local sum = 0
    for i, y in ipairs(outs) do sum = sum + (y * weights[i]):sum() end
    sum:backward()
    local grads = {}
    for i, x in ipairs(leaves) do grads[i] = x.grad or false end
    return outs, grads
  end

  local function agrees(f, make, weights, programs)
    local fast = tocha.compile(f)
    for _ = 1, 5 do
      local inputs = {make()}
      local outs, grads = expected(f, inputs, weights)
      local got, sum = {fast(unpack(inputs))}, 0
      for i, y in ipairs(got) do
        assert.is_true(y:equal(outs[i]))
        sum = sum + (y * weights[i]):sum()
      end
      sum:backward()
      for i, x in ipairs(inputs) do
        assert.equal(grads[i] and true or false, x.grad ~= nil)
        if grads[i] then assert.is_true(tocha.allclose(x.grad, grads[i]), 'gradient ' .. i) end
      end
    end
    assert.equal(programs or 1, fast:figures().programs)
    return fast
  end

  local function leaf(...) return tocha.randn(...):requires_grad_() end

  it('gives gradients to its arguments', function()
    agrees(function(x, w) return (x * w):tanh() end, function() return leaf(3, 4), leaf(4) end, {2})
  end)

  it('has several results; if some are views of arguments it stays eager, so that changes in place reach both', function()
    agrees(function(x, w) return (x * w):exp(), x:sum(), w * 2 end, function() return leaf(3, 4), leaf(4) end, {1, 3, -1})
    agrees(function(x, w) return (x * w):exp(), x:sum(), x:view(12), w * 2 end, function() return leaf(3, 4), leaf(4) end, {1, 3, 0.5, -1}, 0)
  end)

  it('takes arguments that stay out of the graph, and such that are not used', function()
    agrees(function(x, c) return (x * c):sin() end, function() return leaf(5), tocha.randn(5), leaf(2) end, {1})
  end)

  it('draws the same random numbers backward as forward', function()
    local f = tocha.compile(function(x) return F.dropout(x, 0.5, true) end)
    for _ = 1, 5 do
      local x = leaf(1000)
      local y = f(x)
      local other = f(leaf(1000)) -- a run in between
      y:sum():backward()
      assert.is_true(tocha.allclose(x.grad * x, y))
      assert.is_false(other:eq(y):all():item())
    end
  end)

  it('may run several times before backward comes, in any order', function()
    local w = leaf(4)
    local f = tocha.compile(function(x) return (x * w):tanh() * w end)
    for _ = 1, 4 do
      local a, b = tocha.randn(3, 4), tocha.randn(3, 4)
      local y, z = f(a), f(b)
      w.grad = nil
      y:sum():backward()
      z:sum():backward()
      local got = w.grad
      w.grad = nil
      ;((a * w):tanh() * w + (b * w):tanh() * w):sum():backward()
      assert.is_true(tocha.allclose(got, w.grad, 1e-5, 1e-6))
    end
  end)

  it('sits inside a larger graph', function()
    local f = tocha.compile(function(x) return x:tanh() end)
    for _ = 1, 4 do
      local x = leaf(3)
      f(f(x * 2) + x):sum():backward()
      local got = x.grad
      x.grad = nil
      ;((x * 2):tanh() + x):tanh():sum():backward()
      assert.is_true(tocha.allclose(got, x.grad))
    end
  end)

  it('keeps what it saved with retain_graph, and only then', function()
    local f = tocha.compile(function(x) return x:exp() end)
    for _ = 1, 3 do f(leaf(2)):sum():backward() end
    local x = leaf(2)
    local y = f(x):sum()
    y:backward{retain_graph = true}
    y:backward()
    assert.is_true(tocha.allclose(x.grad, x:exp() * 2))
    assert.error_matches(function() y:backward() end, 'a second time')
  end)

  it('refuses second derivatives with a clear error', function()
    local f = tocha.compile(function(x) return x:exp() end)
    for _ = 1, 3 do f(leaf(2)):sum():backward() end
    local x = leaf(2)
    local y = f(x):sum()
    assert.error_matches(function() tocha.autograd.grad(y, x, {create_graph = true}) end, 'cannot be differentiated')
  end)

  it('notices a change in place of what it needs', function()
    local f = tocha.compile(function(x, c) return x * c end)
    for _ = 1, 3 do f(leaf(2), tocha.ones(2)):sum():backward() end
    local c = tocha.ones(2)
    local y = f(leaf(2), c)
    c:add_(1)
    assert.error_matches(function() y:sum():backward() end, 'add_ changed in place after the call')
  end)

  it('runs eagerly where hooks lie behind its results', function()
    local w, calls = leaf(2), 0
    w:register_hook(function() calls = calls + 1 end)
    local f = tocha.compile(function(x) return x * w end)
    for i = 1, 4 do
      f(tocha.ones(2)):sum():backward()
      assert.equal(i, calls)
    end
    assert.equal(0, f:figures().programs)
  end)

  it('runs eagerly where a gradient cannot be recorded', function()
    local f = tocha.compile(function(x) return x:prod() end)
    for _ = 1, 4 do
      local x = leaf(3)
      f(x):backward()
      assert.is_true(tocha.allclose(x.grad, x:prod() / x))
    end
  end)

  it('gives memory back when backward never comes', function()
    local f = tocha.compile(function(x) return x:tanh():exp() end)
    for _ = 1, 3 do f(leaf(1000)):sum():backward() end
    local function many()
      for _ = 1, 200 do f(leaf(1000)) end
      collectgarbage()
      collectgarbage()
    end
    many()
    local before = tocha.memory_stats().allocated
    many()
    assert.is_true(tocha.memory_stats().allocated <= before + 4096)
  end)
end)

describe('backward through captured tensors', function()
  it('leaves out operators behind which nothing is asked for', function()
    local calls = 0
    local Count = tocha.class('Count', tocha.autograd.Function)
    function Count.forward(_, x) return x * 2 end
    function Count.backward(_, g)
      calls = calls + 1
      return g * 2
    end
    local x = tocha.ones(1):requires_grad_()
    local middle = Count.apply(x)
    local g = tocha.autograd.grad((middle * 3):sum(), middle)
    assert.equal(3, g:item())
    assert.equal(0, calls)
  end)
end)
