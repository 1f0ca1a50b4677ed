--- tocha.utils.checkpoint.

local tocha = require 'tocha'
local S = require 'spec.support'

local checkpoint = tocha.utils.checkpoint.checkpoint
local function leaf(...) return tocha.tensor({...}, {dtype = 'float64'}):requires_grad_() end

describe('checkpoint', function()
  it('gives the values and gradients of the plain call, computing twice', function()
    local x, w, calls = leaf(1, 2), leaf(3, 4), 0
    local function f(a, k)
      calls = calls + 1
      return (a * w):sin() * k
    end
    local y = checkpoint(f, x, 2, {use_reentrant = false})
    y:sum():backward()
    assert.equal(2, calls)
    local gx, gw = tocha.autograd.grad(((x * w):sin() * 2):sum(), {x, w})
    S.close(x.grad, gx)
    S.close(w.grad, gw)
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
    local y = checkpoint(function(a) return a * a end, x)
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
