--- Compiled functions and modules whose backward is called outside: gradients are replayed as well, and equal eager's.

local tocha = require 'tocha'
local nn, optim, F = tocha.nn, tocha.optim, tocha.nn.functional

local function close(a, b, what)
  assert.is_true(tocha.allclose(a:detach():double(), b:detach():double(), 1e-5, 1e-6), what)
end

local function net()
  return nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3))
end

-- values of parameters and buffers after 15 steps; `loss_of(f)` calls the module as it likes
local function train(loss_of, compiled, make)
  tocha.manual_seed(4)
  local m = (make or net)()
  local o = optim.Adam(m:parameters(), {lr = 0.02})
  local f = compiled and tocha.compile(m) or m
  for i = 1, 15 do
    o:zero_grad()
    loss_of(f, i):backward()
    o:step()
  end
  local list = {}
  for _, p in m:named_parameters() do list[#list + 1] = p end
  for _, b in m:named_buffers() do list[#list + 1] = b end
  return list, f
end

local function agrees(loss_of, make)
  local want, got, f = train(loss_of, false, make), train(loss_of, true, make)
  for i = 1, #want do close(got[i], want[i], 'tensor ' .. i) end
  return f
end

describe('a module compiled alone, trained outside,', function()
  it('learns what it would learn uncompiled, by replays', function()
    local f = agrees(function(g) return F.cross_entropy(g(tocha.randn(6, 4)), tocha.randint(1, 4, {6})) end)
    assert.equal(1, f:figures().programs)
    assert.equal(2, f:figures().recordings)
  end)

  it('may be called several times before backward, with other shapes between', function()
    local f = agrees(function(g, i)
      local a = g(tocha.randn(6, 4))
      local b = g(tocha.randn(i % 2 == 0 and 6 or 5, 4))
      local c = g(tocha.randn(6, 4))
      return (a * c):sum() + b:square():mean()
    end)
    assert.equal(2, f:figures().programs)
  end)

  it('stands between other layers', function()
    local before, after
    local f = agrees(function(g) return after(g(before(tocha.randn(6, 4)):tanh())):square():sum() end, function()
      before, after = nn.Linear(4, 4), nn.Linear(3, 2)
      return net()
    end)
    assert.equal(1, f:figures().programs)
  end)

  it('gives gradients to its arguments through what made them', function()
    local w = tocha.randn(4, 4)
    local f = tocha.compile(function(x, y) return (x * y):tanh(), {sum = (x + y):sum(1)} end)
    for _ = 1, 5 do
      local a, b = tocha.randn(3, 4):requires_grad_(), tocha.randn(3, 4):requires_grad_()
      local function slopes(g)
        local h = a:matmul(w)
        local r, more = g(h, b)
        return tocha.autograd.grad({r, more.sum}, {a, b}, {tocha.ones(3, 4), tocha.tensor({1, 2, 3, 4})})
      end
      local da, db = slopes(f)
      local wa, wb = slopes(f.f)
      close(da, wa)
      close(db, wb)
    end
    assert.equal(2, f:figures().recordings)
  end)

  it('is right for LSTM, attention, convolution, complex numbers', function()
    local cases = {
      {nn.LSTM(3, 4), function() return tocha.randn(5, 2, 3) end}, {nn.TransformerEncoderLayer(8, 2, {dim_feedforward = 8}),
        function() return tocha.randn(3, 2, 8) end}, {nn.Sequential(nn.Conv2d(2, 3, 3), nn.GroupNorm(3, 3), nn.MaxPool2d(2)),
        function() return tocha.randn(2, 2, 6, 6) end}}
    for _, case in ipairs(cases) do
      local m, data = case[1], case[2]
      local f = tocha.compile(m)
      for round = 1, 4 do
        local function slopes(g, x)
          tocha.manual_seed(round)
          x = x:clone():requires_grad_()
          m:zero_grad()
          g(x):square():sum():backward()
          local list = {x.grad}
          for _, p in m:named_parameters() do list[#list + 1] = p.grad:clone() end
          return list
        end
        local x = data()
        local got, want = slopes(f, x), slopes(m, x)
        for i = 1, #want do close(got[i], want[i], tostring(m)) end
      end
      assert.equal(1, f:figures().programs)
    end
    local f = tocha.compile(function(z) return (z * z):abs() end)
    for _ = 1, 4 do
      local z = tocha.randn(3, {dtype = 'complex64'}):requires_grad_()
      f(z):sum():backward()
      local got = z.grad
      z.grad = nil
      f.f(z):sum():backward()
      assert.is_true(tocha.allclose(tocha.view_as_real(got), tocha.view_as_real(z.grad)))
    end
  end)

  it('notices that parameters are frozen, and that a result gets no gradient', function()
    local m = nn.Linear(3, 2)
    local f = tocha.compile(function(x) return m(x), m(x):exp() end)
    for i = 1, 12 do
      m.weight:requires_grad_(i % 4 > 1)
      m:zero_grad()
      local x = tocha.randn(5, 3)
      local y = f(x)
      y:sum():backward()
      close(m.bias.grad, tocha.full({2}, 5))
      assert.equal(i % 4 > 1, m.weight.grad ~= nil)
    end
  end)

  it('allows backward twice where the graph is kept, and no more', function()
    local w = tocha.randn(3):requires_grad_()
    local f = tocha.compile(function(x) return (x * w):sin():sum() end)
    for _ = 1, 3 do f(tocha.randn(3)):backward() end
    local x = tocha.randn(3)
    local y = f(x)
    w.grad = nil
    y:backward({retain_graph = true})
    local once = w.grad:clone()
    y:backward()
    close(w.grad, once * 2)
    assert.is_false((pcall(y.backward, y)))
  end)
end)

describe('clear errors:', function()
  local w = tocha.randn(3):requires_grad_()
  local function ready()
    local f = tocha.compile(function(x) return (x * w * w):sin() end)
    for _ = 1, 3 do f(tocha.randn(3)):sum():backward() end
    assert.equal(1, f:figures().programs)
    return f
  end
  local function fails(says, g, ...)
    local ok, message = pcall(g, ...)
    assert.is_false(ok)
    assert.truthy(tostring(message):find(says, 1, true), tostring(message))
  end

  it('second derivatives', function()
    local y = ready()(tocha.randn(3)):sum()
    fails('cannot be differentiated', tocha.autograd.grad, y, w, {create_graph = true})
  end)

  it('values that were changed before backward', function()
    local f, x = ready(), tocha.randn(3)
    local y = f(x):sum()
    x:add_(1)
    fails('changed in place', y.backward, y)
    y = f(x):sum()
    tocha.no_grad(function() w:add_(1) end)
    fails('changed in place', y.backward, y)
    f(x):sum():backward()
  end)

  it('a backward that another recording meets', function()
    local y = ready()(tocha.randn(3)):sum()
    local g = tocha.compile(function() y:backward({retain_graph = true}) end)
    fails('compile', g)
  end)
end)

describe('left to eager', function()
  it('are custom functions, hooks inside, and changes of what has a graph outside', function()
    local Double = tocha.class('Double', tocha.autograd.Function)
    function Double.forward(_, x) return x * 2 end
    function Double.backward(_, g) return g * 2 end
    local w = tocha.randn(3):requires_grad_()
    local calls = 0
    for _, body in ipairs{
      function(x) return Double.apply(x * w) end,
      function(x)
        local y = x * w
        y:register_hook(function() calls = calls + 1 end)
        return y * 2
      end,
      function(x)
        x:mul_(w)
        return x * 2
      end,
      function(x) return (x * w):view(3), x:view(3) end} do
      local f = tocha.compile(body)
      for _ = 1, 4 do
        w.grad = nil
        local x = tocha.ones(3)
        f(x):sum():backward()
        assert.is_true(w.grad ~= nil)
      end
    end
    assert.equal(4, calls)
  end)
end)

describe('memory', function()
  it('of runs goes with their graphs, also when backward never comes and programs are forgotten', function()
    local w = tocha.randn(300):requires_grad_()
    local function once(k)
      local f = tocha.compile(function(x) return (x * w):exp():sin() end)
      local y
      for _ = 1, 4 do y = f(tocha.randn(300)) end
      f:reset()
      if k % 2 == 0 then y:sum():backward() end
    end
    once(1)
    collectgarbage() collectgarbage()
    local before = tocha.memory_stats().allocated
    for k = 1, 60 do once(k) end
    w.grad = nil
    collectgarbage() collectgarbage()
    assert.is_true(tocha.memory_stats().allocated - before < 20000)
  end)
end)
