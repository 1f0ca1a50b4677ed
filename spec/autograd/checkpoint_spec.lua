--- tocha.utils.checkpoint.

local tocha = require 'tocha'
local S = require 'spec.support'

local checkpoint = tocha.utils.checkpoint.checkpoint
local function leaf(...) return tocha.tensor({...}, {dtype = 'float64'}):requires_grad_() end

describe('checkpoint', function()
  for _, reentrant in ipairs{false, true} do
    it('gives the values and gradients of the plain call, computing twice; reentrant: ' .. tostring(reentrant), function()
      local x, w, calls = leaf(1, 2), leaf(3, 4), 0
      local function f(a, k)
        calls = calls + 1
        return (a * w):sin() * k
      end
      local y = checkpoint(f, x, 2, {use_reentrant = reentrant})
      y:sum():backward()
      assert.equal(2, calls)
      local gx, gw = tocha.autograd.grad(((x * w):sin() * 2):sum(), {x, w})
      S.close(x.grad, gx)
      S.close(w.grad, gw)
    end)
  end

  it('gives gradients as values, of second order, and again while the graph is kept', function()
    local x, w, calls = leaf(1, 2), leaf(3, 4), 0
    local function f(a)
      calls = calls + 1
      return ((a * w):sin() * 2):exp()
    end
    local function both(y)
      local g = tocha.autograd.grad(y:sum(), x, {create_graph = true})
      local gx, gw = tocha.autograd.grad(g:sum(), {x, w}, {retain_graph = true})
      return g, gx, gw
    end
    local y = checkpoint(f, x)
    local g, gx, gw = both(y)
    assert.is_true(calls >= 2)
    local plain_g, plain_gx, plain_gw = both(f(x))
    S.close(g, plain_g)
    S.close(gx, plain_gx)
    S.close(gw, plain_gw)
    S.close((tocha.autograd.grad(y:sum(), x)), plain_g)
  end)

  it('keeps nothing of what is between', function()
    local x = tocha.zeros(1000, 100):requires_grad_()
    local function f(a)
      for _ = 1, 10 do a = a:sin() end
      return a
    end
    local function held(y_of)
      collectgarbage() collectgarbage()
      local before = tocha.memory_stats().allocated
      local y = y_of()
      collectgarbage() collectgarbage()
      local grown = tocha.memory_stats().allocated - before
      y:sum():backward()
      return tonumber(grown)
    end
    local bytes = 4 * x:numel()
    assert.is_true(held(function() return checkpoint(f, x) end) < 2.5 * bytes)
    assert.is_true(held(function() return f(x) end) > 8 * bytes)
  end)

  it('ends the second computation once all is there, unless told otherwise', function()
    local x, reached = leaf(2), 0
    local function f(a)
      local y = a * a
      reached = reached + 1 -- a * a was the last to save anything
      return y + 1
    end
    checkpoint(f, x):backward()
    assert.equal(1, reached)
    tocha.utils.checkpoint.set_checkpoint_early_stop(false, function() checkpoint(f, x):backward() end)
    assert.equal(3, reached)
    checkpoint(f, x):backward()
    assert.equal(4, reached)
    S.fails(function() tocha.utils.checkpoint.set_checkpoint_early_stop(1) end, 'set_checkpoint_early_stop', 'true or false')
  end)

  it('notices a function that does something else the second time', function()
    local x, calls = leaf(2), 0
    local y = checkpoint(function(a)
      calls = calls + 1
      return calls > 1 and a + 1 or a * a
    end, x)
    S.fails(function() y:backward() end, 'checkpoint', 'computed again')
    y = checkpoint(function(a)
      calls = calls + 1
      if calls % 2 == 0 then error('halfway') end
      return a * a
    end, x)
    S.fails(function() y:backward() end, 'halfway')
  end)

  it('reaches parameters where no argument requires grad', function()
    local w = leaf(3)
    checkpoint(function(a) return a * w end, tocha.ones(1, {dtype = 'float64'})):backward()
    S.close(w.grad, {1})
  end)

  it('gives the function the same random numbers again, and leaves the generator where it was', function()
    local x = tocha.ones(100, {requires_grad = true})
    tocha.manual_seed(3)
    local y = checkpoint(function(a) return a * tocha.rand(100) end, x)
    local after = tocha.get_rng_state()
    y:sum():backward()
    S.close(x.grad, y)
    assert.is_true(tocha.get_rng_state():equal(after))
  end)

  it('can be nested', function()
    local x = leaf(2)
    checkpoint(function(a) return checkpoint(function(b) return b * b end, a) * a end, x):backward()
    S.close(x.grad, {12})
  end)

  it('needs the graph no more than once', function()
    local x = leaf(2)
    local y = checkpoint(function(a) return a * a end, x, {use_reentrant = true})
    S.fails(function() tocha.autograd.grad(y, x, {create_graph = true}) end, 'checkpoint', 'create_graph')
    S.fails(function() checkpoint(3, x) end, 'checkpoint', 'function')
    S.fails(function() checkpoint(function(a) return a end, x, {reentrant = true}) end, 'checkpoint', 'reentrant', 'use_reentrant')
  end)

  it('runs a list of modules in segments', function()
    local x, k = leaf(1, 2), leaf(2)
    local modules = {function(a) return a * k end, function(a) return a:exp() end, function(a) return a * a end, function(a) return a:sum() end}
    local y = tocha.utils.checkpoint.checkpoint_sequential(modules, 2, x)
    y:backward()
    S.close(x.grad, {4 * math.exp(4), 4 * math.exp(8)})
    S.fails(function() tocha.utils.checkpoint.checkpoint_sequential(modules, 9, x) end, 'checkpoint_sequential', '9', '4')
  end)
end)
