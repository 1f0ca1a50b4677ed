--- Hooks on nodes of the graph.

local tocha = require 'tocha'
local S = require 'spec.support'

local function leaf(...) return tocha.tensor({...}, {dtype = 'float64'}):requires_grad_() end

describe('Node:register_prehook', function()
  it('sees and replaces the gradients of the results', function()
    local x, seen = leaf(1, 2), nil
    local y = x * 3
    local h = y.grad_fn:register_prehook(function(g)
      seen = g[1]
      return {g[1] * 10}
    end)
    y:sum():backward()
    S.close(seen, {1, 1})
    S.close(x.grad, {30, 30})
    h:remove()
    x.grad = nil
    y = x * 3
    y:sum():backward()
    S.close(x.grad, {3, 3})
  end)
end)

describe('Node:register_hook', function()
  it('sees the gradients of inputs and results, and replaces the first', function()
    local x, w, ins, outs = leaf(1, 2), leaf(3, 4), nil, nil
    local y = x * w
    y.grad_fn:register_hook(function(i, o)
      ins, outs = i, o
      return {i[1] + 1, nil}
    end)
    y:sum():backward()
    S.close(outs[1], {1, 1})
    S.close(ins[2], {1, 2})
    S.close(x.grad, {4, 5})
    S.close(w.grad, {1, 2})
  end)

  it('runs for matrix products, whose gradients are otherwise added in place', function()
    local x, w = tocha.randn(2, 3, {dtype = 'float64'}), tocha.randn(3, 2, {dtype = 'float64'}):requires_grad_()
    w.grad = tocha.ones(3, 2, {dtype = 'float64'})
    local y, seen = x:matmul(w), nil
    y.grad_fn:register_hook(function(i) seen = i[2] end)
    y:sum():backward()
    S.close(seen, x:sum(1, true):t():expand(3, 2):totable())
    S.close(w.grad - 1, seen:totable())
  end)

  it('runs after custom functions and leaves', function()
    local Double = tocha.class('Double', tocha.autograd.Function)
    function Double.forward(_, v) return v * 2 end
    function Double.backward(_, g) return g * 2 end
    local x, calls, outputs = leaf(1), 0, nil
    local y = Double.apply(x)
    y.grad_fn:register_hook(function(i, o)
      calls = calls + 1
      outputs = o
      return i[1] * 5
    end)
    y:sum():backward()
    assert.equal(1, calls)
    S.close(outputs[1], {1})
    S.close(x.grad, {10})
  end)

  it('may be differentiated', function()
    local x = leaf(2)
    local y = x * x
    y.grad_fn:register_hook(function(i) return {i[1] * x, i[2]} end)
    local g = tocha.autograd.grad(y:sum(), x, {create_graph = true})
    g = type(g) == 'table' and g[1] or g
    S.close(g, {2 * 2 + 2})
    local gg = tocha.autograd.grad(g:sum(), x)
    gg = type(gg) == 'table' and gg[1] or gg
    S.close(gg, {2 * 2 + 1})
  end)

  it('refuses what is no function and gradients of other shapes', function()
    local x = leaf(1, 2)
    local y = x * 2
    assert.error_matches(function() y.grad_fn:register_hook(3) end, 'register_hook: got .*takes a function')
    assert.error_matches(function() y.grad_fn:register_prehook('f') end, 'register_prehook: got .*takes a function')
    y.grad_fn:register_hook(function() return {tocha.zeros(3, {dtype = 'float64'})} end)
    assert.error_matches(function() y:sum():backward() end, 'a hook gave a gradient of shape')
    y = x * 2
    y.grad_fn:register_hook(function() return 7 end)
    assert.error_matches(function() y:sum():backward() end, 'register_hook: the hook gave')
  end)
end)
