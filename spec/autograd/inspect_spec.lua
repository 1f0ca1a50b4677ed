--- Anomaly mode, NaN checks, lines, live memory, pictures of graphs.

local tocha = require 'tocha'
local nn = tocha.nn
local A = tocha.autograd

local function line() return debug.getinfo(2, 'l').currentline end
local function leaf(...) return tocha.tensor({...}, {dtype = 'float64'}):requires_grad_() end

-- a function whose gradient is NaN
local Bad = tocha.class('Bad', A.Function)
function Bad.forward(_, x) return x * 2 end
function Bad.backward(_, g) return g * (0 / 0) end

describe('anomaly mode', function()
  it('names the operator, the line and the module of a gradient with NaN', function()
    local Net, at = tocha.class('Net', nn.Module), nil
    function Net:__init() self.inner = nn.Sequential(nn.Linear(2, 2), nn.ReLU()) end
    function Net:forward(x)
      local h = self.inner(x)
      at = line() + 1
      return (h - h):pow(0.5):sum() * tocha.tensor(1):float() -- slope inf at 0, times 0 within h - h
    end
    local net = Net()
    local message
    A.detect_anomaly(function()
      local loss = net(tocha.ones(1, 2)) + (net.inner[1].weight * 0):pow(-1):sum() * 0
      local ok, text = pcall(loss.backward, loss)
      assert.is_false(ok)
      message = text
    end)
    assert.matches('NaN', message)
    assert.matches('inspect_spec.lua:%d+', message)
    assert.is_number(at)
  end)

  it('names custom functions and where they were called', function()
    local at
    local ok, message = pcall(A.detect_anomaly, function()
      at = line() + 1
      local y = Bad.apply(leaf(1, 2))
      y:sum():backward()
    end)
    assert.is_false(ok)
    assert.matches('Bad.backward: the gradient of its input 1, a tensor of shape %[2%], has NaN', message)
    assert.matches('called at [^\n]*inspect_spec.lua:' .. at, message)
    assert.is_false(A.is_anomaly_enabled())
  end)

  it('says where the forward call was when backward fails', function()
    local at
    local ok, message = pcall(A.detect_anomaly, function()
      local x = leaf(1)
      at = line() + 1
      local y = x:exp()
      y:mul_(2)
      y:backward()
    end)
    assert.is_false(ok)
    assert.matches('mul_ changed it in place', message)
    assert.matches('called at [^\n]*inspect_spec.lua:' .. at, message)
  end)

  it('gives the path of the module that ran', function()
    local net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Identity(), nn.ReLU()))
    A.detect_anomaly(function()
      local y = net(tocha.randn(3, 2))
      assert.matches('%(in module 1%.1, a ReLU%)', y.grad_fn.origin)
      assert.matches('%(in module 0, a Linear%)', y.grad_fn.next_functions[1][1].origin)
    end)
  end)

  it('is switched by set_detect_anomaly, with or without the search for NaN', function()
    A.set_detect_anomaly(true, {check_nan = false})
    assert.is_true(A.is_anomaly_enabled())
    assert.is_false(A.is_anomaly_check_nan_enabled())
    local x = leaf(1)
    Bad.apply(x):backward()
    A.set_detect_anomaly(false)
    assert.is_false(A.is_anomaly_enabled())
    assert.is_nil((x * 2).grad_fn.origin)
    assert.is_true(x.grad:isnan():all():item())
  end)

  it('follows gradients that are differentiated again', function()
    A.detect_anomaly(function()
      local x = leaf(2)
      local at = line() + 1
      local y = x ^ 3
      local g = A.grad(y, x, {create_graph = true})
      assert.matches('inspect_spec.lua:' .. at, g.grad_fn.origin)
    end)
  end)
end)

describe('tocha.debug.nan', function()
  it('finds the first operator that makes NaN, forward', function()
    tocha.debug.nan(true)
    local ok, message = pcall(tocha.log, tocha.tensor{-1})
    tocha.debug.nan(false)
    assert.is_false(ok)
    assert.matches('log: the result, a tensor of shape %[1%], has NaN', message)
    assert.is_true(tocha.log(tocha.tensor{-1}):isnan():item())
  end)

  it('lets empty tensors of memory and infinities pass', function()
    tocha.debug.nan(true)
    local ok = pcall(function() return tocha.empty(100), tocha.log(tocha.tensor{0}), tocha.empty(0):sum() end)
    tocha.debug.nan(false)
    assert.is_true(ok)
  end)
end)

describe('tocha.debug.live', function()
  it('lists what is alive, the largest first, with the line that made it', function()
    tocha.debug.lines(true)
    local before = tocha.debug.live(0)
    local at = line() + 1
    local x = tocha.zeros(1000, 77)
    local live = tocha.debug.live(1)
    assert.equal(before.count + 1, live.count)
    assert.equal(before.bytes + 308000, live.bytes)
    assert.same({1000, 77}, live[1].shape)
    assert.equal('float32', live[1].dtype)
    assert.matches('inspect_spec.lua:' .. at, live[1].origin)
    assert.matches('%[1000 x 77%]', tostring(live))
    assert.matches('%[1000 x 77%]', tocha.memory_summary())
    tocha.debug.lines(false)
    x:free()
    assert.equal(before.count, tocha.debug.live(0).count)
  end)
end)

describe('tocha.debug.stats', function()
  it('tells what lies in a tensor', function()
    local s = tocha.debug.stats(tocha.tensor{1, 2, 3, 0 / 0, math.huge})
    assert.same({5, 1, 1, 1, 3, 2}, {s.numel, s.nan, s.inf, s.min, s.max, s.mean})
    assert.near(math.sqrt(2 / 3), s.std, 1e-12)
    assert.is_nil(tocha.debug.stats(tocha.zeros(0)).mean)
  end)
end)

describe('grad_fn', function()
  it('is a node that knows its operator and where its inputs come from', function()
    local x, w = leaf(1, 2), leaf(3, 4)
    local y = (x * w):sum()
    local node = y.grad_fn
    assert.equal('sum', node.name)
    local mul, output = node.next_functions[1][1], node.next_functions[1][2]
    assert.equal('mul', mul.name)
    assert.equal(1, output)
    assert.equal(2 * 16, mul.saved_bytes)
    assert.is_true(mul.next_functions[2][1].leaf == w)
    assert.equal(node, y.grad_fn)
    node.metadata.note = 'kept'
    assert.equal('kept', y.grad_fn.metadata.note)
    assert.equal('Bad', Bad.apply(x).grad_fn.name)
    assert.is_nil(x.grad_fn)
    assert.equal(x, A.graph.get_gradient_edge(x).node.leaf)
  end)

  it('keeps the graph that it refers to', function()
    local node
    do
      local x = leaf(1)
      node = (x:exp() * 2).grad_fn
    end
    collectgarbage()
    assert.equal('exp', node.next_functions[1][1].name)
  end)
end)

describe('tocha.graph', function()
  local net = nn.Sequential(nn.Linear(3, 4), nn.Tanh())
  local function picture(names) return tocha.graph(net(tocha.ones(2, 3)):sum(), names) end

  it('lists operators from first to last with shapes, dtypes and bytes', function()
    local g = picture(net)
    local names = {}
    for i, entry in ipairs(g) do names[i] = entry.label or entry.name end
    assert.same({'0.weight', '0.bias', 'linear', 'tanh', 'sum'}, names)
    assert.same({2, 4}, g[4].shape)
    assert.same({}, g[5].shape)
    assert.equal(g[3], g[4].inputs[1])
    assert.is_false(g[3].inputs[1])
    assert.equal(2 * 4 * 4, g[4].saved)
    assert.matches('%%4 = tanh%(%%3%)%s+float32 %[2 x 4%]%s+saves 32 B', tostring(g))
  end)

  it('names leaves by a table too, and shares what is used twice', function()
    local x = leaf(1)
    local y = x * 2
    local g = tocha.graph(y * y, {x = x})
    assert.equal(3, #g)
    assert.equal(g[2], g[3].inputs[1])
    assert.equal(g[2], g[3].inputs[2])
    assert.matches('leaf x', tostring(g))
  end)

  it('says what backward has used up', function()
    local x = leaf(1)
    local y = x:exp()
    y:backward()
    assert.matches('used up', tostring(tocha.graph(y)))
  end)

  it('goes deep without recursion', function()
    local y = leaf(1)
    for _ = 1, 20000 do y = y + 1 end
    assert.equal(20001, #tocha.graph(y))
  end)

  it('is written for graphviz', function()
    local path = os.tmpname() .. '.dot'
    local g = picture(net)
    g:save(path)
    local file = assert(io.open(path))
    local text = file:read('*a')
    file:close()
    os.remove(path)
    assert.equal(g:dot(), text)
    assert.matches('n4 %[label="tanh\\nfloat32 %[2 x 4%]\\nsaves 32 B"%];', text)
    assert.matches('n3 %-> n4;', text)
    local svg = os.tmpname() .. '.svg'
    local ok, message = pcall(g.save, g, svg)
    if os.execute('command -v dot >/dev/null 2>&1') == 0 then
      assert.is_true(ok, message)
    else
      assert.matches("graphviz's program `dot`", message)
    end
    os.remove(svg)
    assert.error_matches(function() g:save('graph.txt') end, 'takes a name that ends in')
  end)

  it('refuses what has no graph', function()
    assert.error_matches(function() tocha.graph(tocha.ones(1)) end, 'takes a tensor that requires grad')
  end)
end)
