--- tocha.compile: replays equal eager calls over many steps; what cannot be replayed is refused; memory stays flat.

local tocha = require 'tocha'
local S = require 'spec.support'
local nn, optim, F = tocha.nn, tocha.optim, tocha.nn.functional

local function values_of(model)
  local list = {}
  for _, p in model:named_parameters() do list[#list + 1] = p:detach():clone() end
  for _, b in model:named_buffers() do list[#list + 1] = b:clone() end
  return list
end

local function same(a, b, what)
  assert.equal(#a, #b)
  for i = 1, #a do
    local gap = (a[i]:double() - b[i]:double()):abs():max():item()
    assert.is_true(gap <= 1e-6 * (1 + b[i]:double():abs():max():item()), ('%s: tensor %d differs by %g'):format(what or '', i, gap))
  end
end

-- losses and values of 20 training steps, compiled or not; `setup` gives model, optimizer, what makes a batch, and the loss
local function train(setup, compiled, steps)
  tocha.manual_seed(3)
  local model, optimizer, batch, loss_of, each = setup()
  local function step(x, y)
    optimizer:zero_grad()
    local loss = loss_of(model, x, y)
    loss:backward()
    optimizer:step()
    return loss
  end
  local run = compiled and tocha.compile(step) or step
  local losses = {}
  for i = 1, steps or 20 do
    losses[i] = run(batch(i)):detach():clone()
    if each then each(i, model, optimizer) end
  end
  return losses, values_of(model), run
end

local function agrees(setup, steps)
  local a, va = train(setup, false, steps)
  local b, vb, run = train(setup, true, steps)
  same(b, a, 'losses')
  same(vb, va, 'values')
  return run
end

local function mlp() return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3)) end
local function classes(model, x, y) return F.cross_entropy(model(x), y) end
local function labelled(...)
  local size = {...}
  return function() return tocha.randn(unpack(size)), tocha.randint(1, 4, {size[1]}) end
end

describe('a compiled training step equals the eager one', function()
  for name, options in pairs{SGD = {lr = 0.1}, Adam = {lr = 0.01}, AdamW = {lr = 0.01, weight_decay = 0.1}, RMSprop = {lr = 0.01},
    Adagrad = {lr = 0.1}, Adadelta = {}, Adamax = {lr = 0.01}, NAdam = {lr = 0.01}, RAdam = {lr = 0.01}, ASGD = {lr = 0.01},
    Rprop = {lr = 0.01}} do
    it('with ' .. name, function()
      local run = agrees(function()
        local m = mlp()
        return m, optim[name](m:parameters(), options), labelled(6, 4), classes
      end)
      assert.equal(1, run:figures().programs)
      assert.is_true(run:figures().recordings <= 3)
    end)
  end

  it('with momentum, Nesterov, weight decay and groups', function()
    agrees(function()
      local m = mlp()
      local groups = {{params = m[1]:parameters(), lr = 0.2}, {params = m[3]:parameters()}, {params = m[5]:parameters(), weight_decay = 0.1}}
      return m, optim.SGD(groups, {lr = 0.05, momentum = 0.9, nesterov = true}), labelled(6, 4), classes
    end)
  end)

  it('with a scheduler outside, and options set by hand', function()
    local scheduler
    local run = agrees(function()
      local m = mlp()
      local o = optim.Adam(m:parameters(), {lr = 0.05})
      scheduler = optim.lr_scheduler.CosineAnnealingLR(o, {T_max = 10})
      return m, o, labelled(6, 4), classes, function(i)
        scheduler:step()
        if i == 12 then o.param_groups[1].betas = {0.8, 0.99} end
      end
    end)
    assert.is_true(run:figures().recordings <= 3)
  end)

  it('with dropout: the same random numbers in the same order', function()
    agrees(function()
      local m = nn.Sequential(nn.Linear(4, 16), nn.Dropout(0.3), nn.ReLU(), nn.Linear(16, 3))
      return m, optim.SGD(m:parameters(), {lr = 0.1}), labelled(6, 4), function(net, x, y)
        return classes(net, F.dropout(x + 0.01 * tocha.randn(6, 4), 0.1, true), y)
      end
    end)
  end)

  it('with batch normalisation and convolutions', function()
    agrees(function()
      local m = nn.Sequential(nn.Conv2d(1, 4, 3, {padding = 1}), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64, 3))
      return m, optim.Adam(m:parameters(), {lr = 0.01}), labelled(5, 1, 8, 8), classes
    end)
  end)

  it('with layer norm, attention, embeddings', function()
    agrees(function()
      local m = nn.Sequential(nn.Embedding(9, 8), nn.TransformerEncoderLayer(8, 2, {dim_feedforward = 16, dropout = 0.1, batch_first = true}),
        nn.LayerNorm(8), nn.Linear(8, 3))
      return m, optim.AdamW(m:parameters(), {lr = 0.01}), function() return tocha.randint(1, 10, {2, 5}), tocha.randint(1, 4, {10}) end,
        function(net, x, y) return F.cross_entropy(net(x):reshape(10, 3), y) end
    end)
  end)

  it('with LSTM and clipped gradients', function()
    agrees(function()
      local m = nn.LSTM(3, 5, {num_layers = 2, batch_first = true})
      return m, optim.SGD(m:parameters(), {lr = 0.1}), function() return tocha.randn(2, 4, 3), tocha.randn(2, 4, 5) end,
        function(net, x, y) return F.mse_loss((net(x)), y) end
    end)
  end)

  it('in float64, and with parameters that are frozen', function()
    agrees(function()
      local m = mlp():double()
      m[1].weight:requires_grad_(false)
      return m, optim.Adam(m:parameters()), function() return tocha.randn(6, 4, {dtype = 'float64'}), tocha.randint(1, 4, {6}) end, classes
    end)
  end)
end)

describe('clipping and accumulation', function()
  it('clip_grad_norm_ inside', function()
    local function go(compiled)
      tocha.manual_seed(1)
      local m = mlp()
      local o = optim.SGD(m:parameters(), {lr = 0.5})
      local function step(x, y)
        o:zero_grad()
        classes(m, x, y):backward()
        nn.utils.clip_grad_norm_(m:parameters(), 0.1)
        o:step()
      end
      if compiled then step = tocha.compile(step) end
      for _ = 1, 10 do step(tocha.randn(6, 4), tocha.randint(1, 4, {6})) end
      return values_of(m)
    end
    same(go(true), go(false))
  end)

  it('gradients that add up over calls, set to nil outside', function()
    local function go(compiled)
      tocha.manual_seed(1)
      local m = mlp()
      local o = optim.SGD(m:parameters(), {lr = 0.5})
      local function add(x, y) classes(m, x, y):backward() end
      if compiled then add = tocha.compile(add) end
      for i = 1, 30 do
        add(tocha.randn(6, 4), tocha.randint(1, 4, {6}))
        if i % 3 == 0 then
          o:step()
          o:zero_grad()
        end
      end
      return values_of(m), add
    end
    local got, run = go(true)
    same(got, (go(false)))
    assert.is_true(run:figures().programs <= 3)
  end)
end)

describe('signatures', function()
  it('get a program each', function()
    local f = tocha.compile(function(x, k) return x * k + 1 end)
    tocha.no_grad(function()
      for _ = 1, 5 do
        for _, shape in ipairs{{2, 3}, {3, 2}, {5}} do
          for _, k in ipairs{2, 3} do
            local x = tocha.randn(unpack(shape))
            same({f(x, k)}, {x * k + 1})
            same({f(x:double(), k)}, {x:double() * k + 1})
          end
        end
        local x = tocha.randn(3, 2):t()
        same({f(x, 2)}, {x * 2 + 1})
      end
    end)
    assert.equal(13, f:figures().programs)
    assert.equal(26, f:figures().recordings)
    f:reset()
    assert.equal(0, f:figures().programs)
  end)

  it('tell training from evaluation, grad mode from none', function()
    local m = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5))
    local f = tocha.compile(function(x) return m(x) end)
    for round = 1, 6 do
      for _, training in ipairs{true, false} do
        m:train(training)
        local x = tocha.randn(5, 4)
        tocha.no_grad(function()
          tocha.manual_seed(round)
          local before = m[2].running_mean:clone()
          local want = m(x)
          m[2].running_mean:copy_(before)
          tocha.manual_seed(round)
          same({f(x)}, {want})
        end)
      end
    end
    assert.equal(2, f:figures().programs)
  end)

  it('tell autocast and the default dtype from none', function()
    local m = nn.Linear(4, 8)
    local f = tocha.compile(function(x) return m(x), tocha.ones(2) end)
    tocha.no_grad(function()
      for round = 1, 12 do
        local x = tocha.randn(5, 4)
        local function both()
          local y, one = f(x)
          local want = m(x)
          assert.equal(want.dtype, y.dtype)
          assert.equal(tocha.ones(1).dtype, one.dtype)
          same({y}, {want})
        end
        if round % 3 == 0 then tocha.autocast('cpu', both)
        elseif round % 3 == 1 then
          tocha.set_default_dtype('float64')
          local ok, message = pcall(both)
          tocha.set_default_dtype('float32')
          assert(ok, message)
        else both() end
      end
    end)
    assert.equal(3, f:figures().programs)
  end)

  it('tables, several results, arguments that come back, constants', function()
    local kept = tocha.ones(2)
    local f = tocha.compile(function(batch, options)
      local s = batch.x + batch.list[1]
      return s, {twice = s * 2, same = batch.x, kept = kept}, options.name, nil, 5
    end)
    for _ = 1, 5 do
      local batch = {x = tocha.randn(2), list = {tocha.randn(2)}}
      local s, t, name, none, five = f(batch, {name = 'n'})
      same({s, t.twice}, {batch.x + batch.list[1], (batch.x + batch.list[1]) * 2})
      assert.equal(batch.x, t.same)
      assert.equal(kept, t.kept)
      assert.same({'n', 5}, {name, five})
      assert.is_nil(none)
    end
    assert.equal(1, f:figures().programs)
  end)

  it('views of arguments, and arguments that share memory', function()
    local f = tocha.compile(function(x, y)
      x:add_(1)
      return x[1], y * 2
    end)
    for i = 1, 8 do
      local a = tocha.randn(2, 3)
      local b = i % 2 == 0 and a or tocha.randn(2, 3)
      local wa = a + 1
      local wb = (i % 2 == 0 and a + 1 or b) * 2
      local row, y = f(a, b)
      same({a, row, y}, {wa, wa[1], wb})
      row:zero_()
      assert.equal(0, a[1]:abs():sum():item())
    end
  end)
end)

describe('results', function()
  it('are fresh tensors', function()
    local f = tocha.compile(function(x) return x + 1 end)
    local list = {}
    for i = 1, 6 do list[i] = f(tocha.full({3}, i)) end
    for i = 1, 6 do assert.equal(i + 1, list[i][1]:item()) end
  end)

  it('of random operators are new ones each time', function()
    local f = tocha.compile(function() return tocha.rand(3) end)
    tocha.manual_seed(5)
    local got = {}
    for i = 1, 5 do got[i] = f() end
    tocha.manual_seed(5)
    for i = 1, 5 do same({got[i]}, {tocha.rand(3)}) end
  end)

  it('can be gone backward from outside', function()
    local m = mlp()
    local f = tocha.compile(function(x) return m(x) end)
    for _ = 1, 4 do
      local x = tocha.randn(2, 4)
      f(x):sum():backward()
      local got = m[1].weight.grad
      m:zero_grad()
      m(x):sum():backward()
      same({got}, {m[1].weight.grad})
      m:zero_grad()
    end
  end)
end)

describe('modules', function()
  it('compile into modules', function()
    local m = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.ReLU())
    local c = tocha.compile(m)
    assert.is_true(nn.Module.is_module(c))
    assert.equal(2, #c:parameters())
    c:eval()
    assert.is_false(m.training)
    tocha.no_grad(function()
      for _ = 1, 5 do
        local x = tocha.randn(3, 4)
        same({c(x)}, {m(x)})
      end
    end)
    assert.equal(1, c:figures().programs)
  end)

  it('new weights by load_state_dict, data and to are seen', function()
    local m = nn.Linear(3, 2)
    local f = tocha.compile(function(x) return m(x) end)
    tocha.no_grad(function()
      local function check()
        for _ = 1, 4 do
          local x = tocha.randn(2, 3)
          same({f(x)}, {m(x)})
        end
      end
      check()
      m:load_state_dict(nn.Linear(3, 2):state_dict())
      check()
      m.weight.data = tocha.randn(2, 3)
      check()
    end)
  end)

  it('nest: a compiled function inside another runs as part of it', function()
    local inner = tocha.compile(function(x) return x * 2 end)
    local outer = tocha.compile(function(x) return inner(x) + 1 end)
    for _ = 1, 5 do
      local x = tocha.randn(3)
      same({outer(x), inner(x)}, {x * 2 + 1, x * 2})
    end
  end)
end)

describe('refused with an error:', function()
  local function refused(f, says, calls, ...)
    local g = tocha.compile(f)
    local ok, message
    for _ = 1, calls do
      ok, message = pcall(g, ...)
      if not ok then break end
    end
    assert.is_false(ok)
    assert.truthy(tostring(message):find(says, 1, true), tostring(message))
    assert.is_false(require('tocha.library').C.tc_capturing())
    same({tocha.ones(2) + 1}, {tocha.full({2}, 2)})
  end

  it('values that are read', function()
    local x = tocha.randn(3)
    refused(function(v) return v * v:sum():item() end, 'cannot be read', 1, x)
    refused(function(v) return tocha.tensor(v:tolist()) end, 'cannot be read', 1, x)
    refused(function(v) if v:gt(0):any():item() then return v end return -v end, 'cannot be read', 1, x)
    refused(function(v) return tostring(v) end, 'cannot be read', 1, x)
  end)

  it('shapes that follow values', function()
    refused(function(v) return v:masked_select(v:gt(0)) end, 'compile', 1, tocha.randn(5))
    refused(function(v) return v:nonzero() end, 'compile', 1, tocha.randn(5))
    refused(function(v) return v:unique() end, 'compile', 1, tocha.randn(5))
  end)

  it('numbers that Lua counts', function()
    local n = 0
    refused(function(v)
      n = n + 1
      return v * n
    end, 'something else at each call', 20, tocha.randn(3))
  end)

  it('tensors that the function replaces', function()
    local state = tocha.zeros(3)
    refused(function(v)
      state = state + v
      return state * 2
    end, 'something else at each call', 20, tocha.randn(3))
  end)

  it('a scheduler inside', function()
    local m = nn.Linear(2, 2)
    local o = optim.SGD(m:parameters(), {lr = 0.1})
    local scheduler = optim.lr_scheduler.StepLR(o, {step_size = 1, gamma = 0.5})
    refused(function(x)
      o:zero_grad()
      m(x):sum():backward()
      o:step()
      scheduler:step()
    end, 'scheduler:step() outside', 2, tocha.randn(3, 2))
  end)

  it('errors inside pass, and leave nothing behind', function()
    refused(function(v) return v + tocha.ones(7) end, 'broadcast', 1, tocha.randn(3))
    refused(function() error('mine') end, 'mine', 1)
  end)

  it('what is no function', function()
    assert.has_error(function() tocha.compile(5) end)
  end)
end)

describe('values may be read', function()
  it('if they are the same at every call', function()
    local f = tocha.compile(function(x)
      local k = tocha.tensor({1, 2, 3}):sum():item()
      return x * k
    end)
    for _ = 1, 4 do
      local x = tocha.randn(3)
      same({f(x)}, {x * 6})
    end
    assert.equal(1, f:figures().programs)
  end)
end)

describe('indices out of range', function()
  it('are an error of the replay too', function()
    local table_of = tocha.randn(5, 3)
    local f = tocha.compile(function(i) return table_of:index_select(1, i) end)
    for _ = 1, 4 do f(tocha.tensor({1, 5}, {dtype = 'int64'})) end
    local ok, message = pcall(f, tocha.tensor({1, 6}, {dtype = 'int64'}))
    assert.is_false(ok)
    assert.truthy(message:find('index_select', 1, true), message)
    same({f(tocha.tensor({2}, {dtype = 'int64'}))}, {table_of:narrow(1, 2, 1)})
  end)
end)

describe('memory', function()
  it('stays flat over thousands of replays', function()
    local sanitized = os.getenv('TOCHA_SANITIZED')
    if sanitized then return end
    local output = S.runs("local tocha = require 'tocha' tocha.set_num_threads(1)\n" .. S.memory_functions .. [[
      local nn = tocha.nn
      local m = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 2))
      local o = tocha.optim.Adam(m:parameters())
      local step = tocha.compile(function(x, y)
        o:zero_grad()
        local loss = nn.functional.cross_entropy(m(x), y)
        loss:backward()
        o:step()
        return loss
      end)
      local x, y = tocha.randn(64, 4), tocha.randint(1, 3, {64})
      for _ = 1, 200 do step(x, y) end
      collectgarbage()
      local tensors = tocha.live_tensors()
      local before = peak()
      for _ = 1, 10000 do step(x, y) end
      collectgarbage()
      print('tensors', tocha.live_tensors() - tensors, 'grown', peak() - before)]])
    local tensors, grown = output:match('tensors%s+(%-?%d+)%s+grown%s+([%-%d.]+)')
    assert.is_true(tonumber(tensors) <= 2, output)
    assert.is_true(tonumber(grown) < 8, output)
  end)

  it('of programs goes with their function', function()
    local function once()
      local f = tocha.compile(function(x) return (x * 2):exp():sum() end)
      for _ = 1, 3 do f(tocha.randn(1000)) end
    end
    once()
    collectgarbage() collectgarbage()
    local before = tocha.memory_stats().allocated
    for _ = 1, 50 do once() end
    collectgarbage() collectgarbage()
    assert.is_true(tocha.memory_stats().allocated - before < 20000)
  end)
end)
