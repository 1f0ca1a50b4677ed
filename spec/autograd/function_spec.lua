--- Operators written in Lua.

local tocha = require 'tocha'
local S = require 'spec.support'

local Function = tocha.autograd.Function
local function leaf(...) return tocha.tensor({...}, {dtype = 'float64'}):requires_grad_() end

local Cube = tocha.class('Cube', Function)
function Cube.forward(ctx, x, k)
  ctx:save_for_backward(x)
  ctx.k = k
  return x * x * x * k
end
function Cube.backward(ctx, g)
  local x = ctx.saved_tensors[1]
  return g * x * x * 3 * ctx.k
end

local Exp = tocha.class('Exp', Function)
function Exp.forward(ctx, x)
  local y = x:exp()
  ctx:save_for_backward(y)
  return y
end
function Exp.backward(ctx, g) return g * ctx.saved_tensors[1] end

describe('a custom function', function()
  it('has the gradient it says', function()
    local x = leaf(1, 2)
    local y = Cube.apply(x, 2)
    y:sum():backward()
    S.close(y, {2, 16})
    S.close(x.grad, {6, 24})
    assert.is_not_nil(y.grad_fn)
  end)

  it('runs forward without recording', function()
    local F, seen = tocha.class('F', Function), nil
    function F.forward(_, x)
      seen = (x * 2).requires_grad
      return x * 2
    end
    function F.backward(_, g) return g * 2 end
    F.apply(leaf(1))
    assert.is_false(seen)
  end)

  it('records nothing where nothing requires grad, or under no_grad', function()
    assert.is_false(Cube.apply(tocha.ones(2), 1).requires_grad)
    assert.is_false(tocha.no_grad(Cube.apply, leaf(1, 2), 1).requires_grad)
  end)

  it('can be differentiated any number of times', function()
    local x = leaf(1, 2)
    assert.is_true(tocha.autograd.gradcheck(function(a) return Cube.apply(a, 2) end, {x}))
    assert.is_true(tocha.autograd.gradgradcheck(function(a) return Cube.apply(a, 2) end, {x}))
    local function derivative(y) return (tocha.autograd.grad(y:sum(), x, {create_graph = true})) end
    S.close(derivative(derivative(derivative(Cube.apply(x, 1)))), {6, 6})
  end)

  it('may save its result without living forever, and be differentiated through it', function()
    local x = leaf(1, 2)
    local function derivative(y) return (tocha.autograd.grad(y:sum(), x, {create_graph = true})) end
    S.close(derivative(derivative(derivative(Exp.apply(x)))), {math.exp(1), math.exp(2)})
  end)

  it('tells which gradients are wanted', function()
    local M, seen = tocha.class('M', Function), nil
    function M.forward(ctx, a, b)
      ctx:save_for_backward(a, b)
      return a * b
    end
    function M.backward(ctx, g)
      seen = {ctx.needs_input_grad[1], ctx.needs_input_grad[2]}
      return g * 2, g * 3
    end
    local x, y = leaf(1), tocha.ones(1, {dtype = 'float64'})
    M.apply(x, y):sum():backward()
    assert.same({true, false}, seen)
    S.close(x.grad, {2})
    assert.is_nil(y.grad)
  end)

  it('has several results, of which some may be unused, and gets zeros for those', function()
    local Two, got = tocha.class('Two', Function), nil
    function Two.forward(_, x) return x * 2, x * 3, 'text' end
    function Two.backward(_, a, b)
      got = b
      return a * 2 + b * 3
    end
    local x = leaf(1, 2)
    local y, _, text = Two.apply(x)
    assert.equal('text', text)
    y:sum():backward()
    S.close(got, {0, 0})
    S.close(x.grad, {2, 2})
    x.grad = nil
    local a, b = Two.apply(x)
    ;(a * b):sum():backward()
    S.close(x.grad, {12, 24})
  end)

  it('gets nil for unused results if it does not want zeros', function()
    local Two, got = tocha.class('Two', Function), 'nothing'
    function Two.forward(ctx, x)
      ctx:set_materialize_grads(false)
      return x * 2, x * 3
    end
    function Two.backward(_, a, b)
      got = b
      return a * 2
    end
    local y = Two.apply(leaf(1, 2))
    y:sum():backward()
    assert.is_nil(got)
  end)

  it('can mark results as not differentiable', function()
    local Sort = tocha.class('Sort', Function)
    function Sort.forward(ctx, x)
      local values, index = x * 2, x * 0
      ctx:mark_non_differentiable(index)
      return values, index
    end
    function Sort.backward(_, g) return g * 2 end
    local values, index = Sort.apply(leaf(1, 2))
    assert.is_true(values.requires_grad)
    assert.is_false(index.requires_grad)
  end)

  it('can change an argument in place', function()
    local Double = tocha.class('Double', Function)
    function Double.forward(ctx, x)
      x:mul_(2)
      ctx:mark_dirty(x)
      return x
    end
    function Double.backward(_, g) return g * 2 end
    local x = leaf(1, 2)
    local y = x * 3
    local z = Double.apply(y)
    assert.is_true(z == y)
    S.close(y, {6, 12})
    ;(y * y):sum():backward()
    S.close(x.grad, {2 * 6 * 6, 2 * 12 * 6})
  end)

  it('can hand an argument through', function()
    local Reverse = tocha.class('Reverse', Function)
    function Reverse.forward(_, x) return x end
    function Reverse.backward(_, g) return -g end
    local x = leaf(1, 2)
    local y = Reverse.apply(x)
    y:sum():backward()
    S.close(x.grad, {-1, -1})
    assert.is_true(x.is_leaf)
  end)

  it('may use setup_context', function()
    local Square = tocha.class('Square', Function)
    function Square.forward(x) return x * x end
    function Square.setup_context(ctx, inputs) ctx:save_for_backward(inputs[1]) end
    function Square.backward(ctx, g) return g * ctx.saved_tensors[1] * 2 end
    local x = leaf(3)
    Square.apply(x):sum():backward()
    S.close(x.grad, {6})
  end)

  it('notices that a tensor it saved was changed in place', function()
    local x = leaf(1, 2)
    local y = x * 1
    local z = Cube.apply(y, 1):sum()
    y:add_(1)
    S.fails(function() z:backward() end, 'Cube', 'in place')
  end)

  it('frees what it saved, and says so the second time', function()
    local y = Cube.apply(leaf(1, 2), 1):sum()
    y:backward()
    S.fails(function() y:backward() end, 'second time', 'retain_graph')
    local x = leaf(1, 2)
    local z = Cube.apply(x, 1):sum()
    z:backward({retain_graph = true})
    z:backward()
    S.close(x.grad, {6, 24})
  end)

  it('may run backward inside its backward', function()
    local Inner = tocha.class('Inner', Function)
    function Inner.forward(ctx, x)
      ctx:save_for_backward(x)
      return x * x
    end
    function Inner.backward(ctx, g)
      local x = ctx.saved_tensors[1]:detach():requires_grad_()
      local inner = tocha.enable_grad(function() return tocha.autograd.grad((x * x):sum(), x) end)
      return g * inner
    end
    local x = leaf(3)
    Inner.apply(x):sum():backward()
    S.close(x.grad, {6})
  end)

  it('may raise an error, after which the next backward works', function()
    local Bad = tocha.class('Bad', Function)
    function Bad.forward(_, x) return x * 1 end
    function Bad.backward() error('on purpose') end
    local x = leaf(1, 2)
    S.fails(function() (Bad.apply(x * 2) * x):sum():backward() end, 'on purpose')
    assert.is_true(tocha.is_grad_enabled())
    ;(x * x):sum():backward()
    assert.is_number(x.grad[1]:item())
  end)

  it('with once_differentiable refuses a second derivative', function()
    local Once = tocha.class('Once', Function)
    function Once.forward(ctx, x)
      ctx:save_for_backward(x)
      return x * x
    end
    Once.backward = tocha.autograd.once_differentiable(function(ctx, g) return g * ctx.saved_tensors[1] * 2 end)
    local x = leaf(1, 2)
    Once.apply(x):sum():backward()
    S.close(x.grad, {2, 4})
    local g = tocha.autograd.grad((Once.apply(x) * x):sum(), x, {create_graph = true})
    S.fails(function() g:sum():backward() end, 'once')
  end)
end)

describe('wrong use of a custom function', function()
  local function broken(backward)
    local Broken = tocha.class('Broken', Function)
    function Broken.forward(_, x) return x * 1 end
    Broken.backward = backward
    return function() Broken.apply(leaf(1, 2)):sum():backward() end
  end

  it('is named: gradients that are no tensors, too many, of another shape', function()
    S.fails(broken(function() return 'text' end), 'Broken', 'string')
    S.fails(broken(function(_, g) return g, g end), 'Broken', '2', '1')
    S.fails(broken(function(_, g) return g:sum() end), 'shape', '[2]')
  end)

  it('is named: making an instance, no forward, no backward', function()
    S.fails(function() Cube() end, 'Cube', 'apply')
    S.fails(function() tocha.class('Empty', Function).apply(leaf(1)) end, 'Empty', 'forward')
    local Half = tocha.class('Half', Function)
    function Half.forward(_, x) return x * 1 end
    S.fails(function() Half.apply(leaf(1)) end, 'Half', 'backward')
    S.fails(function() Cube.apply(leaf(1), 1):backward('text') end, 'backward')
  end)

  it('is named: saving what is no tensor', function()
    local Saver = tocha.class('Saver', Function)
    function Saver.forward(ctx, x)
      ctx:save_for_backward(5)
      return x * 1
    end
    S.fails(function() Saver.apply(leaf(1)) end, 'save_for_backward', 'number')
  end)
end)

it('custom functions do not pile up in memory', function()
  local x = leaf(1, 2)
  collectgarbage()
  local before = collectgarbage('count')
  for _ = 1, 3000 do
    Exp.apply(x):sum():backward()
    Cube.apply(x, 1)
  end
  collectgarbage()
  collectgarbage()
  Cube.apply(x, 1)
  collectgarbage()
  assert.is_true(collectgarbage('count') - before < 300, 'kilobytes more: ' .. collectgarbage('count') - before)
end)
