--- The graph: what records, what does not, what is kept and for how long.

local tocha = require 'tocha'
local S = require 'spec.support'

local function leaf(...) return tocha.tensor({...}, {dtype = 'float64'}):requires_grad_() end

describe('requires_grad', function()
  it('spreads from inputs to results', function()
    local x, c = leaf(1, 2), tocha.ones(2, {dtype = 'float64'})
    assert.is_true((x * c).requires_grad)
    assert.is_false((c * c).requires_grad)
    assert.is_true(x.is_leaf)
    assert.is_false((x * c).is_leaf)
    assert.is_nil(x.grad_fn)
    assert.matches('mul', tostring((x * c).grad_fn))
  end)

  it('is for floating tensors alone', function()
    S.fails(function() tocha.int64{1, 2}:requires_grad_() end, 'requires_grad', 'int64', 'floating')
  end)

  it('can be switched off for a leaf, not inside a graph', function()
    local x = leaf(1, 2)
    assert.is_false(x:requires_grad_(false).requires_grad)
    S.fails(function() (leaf(1) * 2):requires_grad_(false) end, 'leaf', 'detach')
  end)

  it('is an option and a field', function()
    assert.is_true(tocha.zeros(2, {requires_grad = true}).requires_grad)
    local x = tocha.ones(2)
    x.requires_grad = true
    assert.is_true(x.requires_grad)
  end)
end)

describe('backward', function()
  it('adds into .grad', function()
    local x = leaf(1, 2)
    ;(x * x):sum():backward()
    ;(x * 3):sum():backward()
    S.close(x.grad, {5, 7})
  end)

  it('takes a gradient to begin with', function()
    local x = leaf(1, 2)
    ;(x * x):backward(tocha.tensor({10, 100}, {dtype = 'float64'}))
    S.close(x.grad, {20, 400})
  end)

  it('needs one unless there is a single element', function()
    local x = leaf(1, 2)
    S.fails(function() (x * x):backward() end, 'backward', '[2]', 'gradient')
    S.fails(function() (x * x):backward(tocha.ones(3)) end, 'backward', '[3]', '[2]')
    S.fails(function() (x * x):backward('one') end, 'backward', 'string')
  end)

  it('refuses a tensor outside any graph', function()
    S.fails(function() tocha.ones(1):backward() end, 'backward', 'require grad')
  end)

  it('refuses unknown options by name', function()
    local x = leaf(1)
    S.fails(function() (x * x):sum():backward({retain_grph = true}) end, 'backward', 'retain_grph', 'retain_graph')
  end)

  it('frees the graph, unless told to retain it', function()
    local x = leaf(1, 2)
    local y = (x * x):sum()
    y:backward({retain_graph = true})
    y:backward()
    S.close(x.grad, {4, 8})
    S.fails(function() y:backward() end, 'mul', 'second time', 'retain_graph')
  end)

  it('through operators that saved nothing can be repeated', function()
    local x = leaf(1, 2)
    local y = (x + 1):sum()
    y:backward()
    y:backward()
    S.close(x.grad, {2, 2})
  end)

  it('goes to the given inputs alone', function()
    local x, w = leaf(1, 2), leaf(3, 4)
    ;(x * w):sum():backward({inputs = {w}})
    assert.is_nil(x.grad)
    S.close(w.grad, {1, 2})
  end)

  it('reaches a leaf by many ways', function()
    local x = leaf(2)
    local y = x * x
    local z = y * x + y + x
    z:sum():backward()
    S.close(x.grad, {3 * 4 + 4 + 1})
  end)

  it('walks deep and wide graphs', function()
    local x = leaf(1)
    local y = x
    for _ = 1, 20000 do y = y + 0.001 end
    y:sum():backward()
    S.close(x.grad, {1})
    local s = 0
    for i = 1, 500 do s = s + (x * i):sum() end
    x.grad = nil
    s:backward()
    S.close(x.grad, {125250})
  end)

  it('frees a deep graph that was never walked, without recursion', function()
    local x = leaf(1)
    local y = x
    for _ = 1, 200000 do y = y * 1 end
    y = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
  end)

  it('brings broadcast gradients back to the shape of the input', function()
    local x, b = tocha.ones(4, 3, {dtype = 'float64', requires_grad = true}), tocha.ones(3, {dtype = 'float64', requires_grad = true})
    local c = tocha.ones(4, 1, {dtype = 'float64', requires_grad = true})
    ;(x * b + c):sum():backward()
    assert.same({4, 3}, x.grad.shape)
    S.close(b.grad, {4, 4, 4})
    S.close(c.grad, {{3}, {3}, {3}, {3}})
  end)

  it('casts gradients to the dtype of the input', function()
    local x = tocha.ones(2):requires_grad_()
    ;(x:double() * 2):sum():backward()
    assert.equal('float32', S.dtype(x.grad))
  end)

  it('leaves the gradient of one leaf independent of another and of the output', function()
    local x, y = leaf(1, 2), leaf(3, 4)
    local z = x + y
    z:backward(tocha.ones(2, {dtype = 'float64'}))
    x.grad:mul_(5)
    S.close(y.grad, {1, 1})
  end)

  it('of a custom scalar can be differentiated again with create_graph', function()
    local x = leaf(2, 3)
    ;(x ^ 3):sum():backward({create_graph = true})
    local g = x.grad
    assert.is_true(g.requires_grad)
    local second = tocha.autograd.grad(g:sum(), x)
    S.close(second, {12, 18})
    x.grad = nil
  end)
end)

describe('autograd.grad', function()
  it('gives one value per input and adds nothing into .grad', function()
    local x, y = leaf(1, 2), leaf(3, 4)
    local gx, gy = tocha.autograd.grad((x * x * y):sum(), {x, y})
    S.close(gx, {6, 16})
    S.close(gy, {1, 4})
    assert.is_nil(x.grad)
  end)

  it('reaches tensors inside the graph', function()
    local x = leaf(1, 2)
    local y = x * 2
    local g = tocha.autograd.grad((y * y):sum(), y)
    S.close(g, {4, 8})
  end)

  it('takes several outputs', function()
    local x, v = leaf(1, 2), tocha.ones(2, {dtype = 'float64'})
    local g = tocha.autograd.grad({x * x, x * 3}, {x}, {grad_outputs = {v, v * 10}})
    S.close(g, {32, 34})
  end)

  it('names an input that does not take part, unless that is allowed', function()
    local x, y = leaf(1), leaf(2)
    S.fails(function() tocha.autograd.grad(x:sum(), {x, y}) end, 'grad', 'input 2', 'allow_unused')
    local gx, gy = tocha.autograd.grad((x * 2):sum(), {x, y}, {allow_unused = true})
    S.close(gx, {2})
    assert.is_nil(gy)
    local _, zeros = tocha.autograd.grad((x * 2):sum(), {x, y}, {materialize_grads = true})
    S.close(zeros, {0})
  end)

  it('distinguishes no gradient from a zero gradient', function()
    local x = leaf(1.5, 2.5)
    S.close(tocha.autograd.grad(x:floor():sum(), x), {0, 0})
  end)

  it('gives third derivatives', function()
    local x = leaf(1, 2)
    local function derivative(y) return (tocha.autograd.grad(y:sum(), x, {create_graph = true})) end
    S.close(derivative(derivative(derivative(x ^ 4))), {24, 48})
  end)

  it('refuses what is no tensor', function()
    S.fails(function() tocha.autograd.grad('y', leaf(1)) end, 'grad', 'outputs')
    S.fails(function() tocha.autograd.grad(leaf(1) * 2, {1}) end, 'grad', 'inputs')
    S.fails(function() tocha.autograd.grad((leaf(1) * 2):sum(), tocha.ones(1)) end, 'grad', 'require grad')
    S.fails(function() tocha.autograd.grad(leaf(1):sum(), leaf(1), {alow_unused = true}) end, 'grad', 'alow_unused', 'allow_unused')
  end)
end)

describe('what does not record', function()
  it('no_grad gives results without a graph and restores the mode', function()
    local x = leaf(1, 2)
    local y, n = tocha.no_grad(function(a, b) return a * b, 7 end, x, 3)
    assert.is_false(y.requires_grad)
    assert.equal(7, n)
    assert.is_true((x * 2).requires_grad)
  end)

  it('no_grad restores the mode after an error, which keeps its message', function()
    local good, message = pcall(tocha.no_grad, function() error('boom') end)
    assert.is_false(good)
    assert.matches('boom', message)
    assert.is_true(tocha.is_grad_enabled())
  end)

  it('modes nest', function()
    local x = leaf(1)
    tocha.no_grad(function()
      assert.is_false((x * 2).requires_grad)
      tocha.enable_grad(function() assert.is_true((x * 2).requires_grad) end)
      assert.is_false((x * 2).requires_grad)
    end)
    assert.is_false(tocha.inference_mode(function() return x * 2 end).requires_grad)
  end)

  it('set_grad_enabled switches until the next switch', function()
    local x = leaf(1)
    tocha.set_grad_enabled(false)
    local y = x * 2
    tocha.set_grad_enabled(true)
    assert.is_false(y.requires_grad)
    assert.is_true((x * 2).requires_grad)
    S.fails(function() tocha.set_grad_enabled('off') end, 'set_grad_enabled', 'string')
    S.fails(function() tocha.no_grad(3) end, 'no_grad', 'number', 'function')
  end)

  it('detach shares the values and leaves the graph', function()
    local x = leaf(1, 2)
    local y = (x * 2):detach()
    assert.is_false(y.requires_grad)
    ;(y * x):sum():backward()
    S.close(x.grad, {2, 4})
    local d = x:detach()
    d:fill_(9)
    S.close(x, {9, 9})
  end)

  it('detach_ makes a leaf of a result', function()
    local y = leaf(1, 2) * 2
    assert.is_true(y:detach_() == y)
    assert.is_false(y.requires_grad)
    assert.is_true(y.is_leaf)
  end)
end)

describe('.grad', function()
  it('can be set, read, and dropped', function()
    local x = leaf(1, 2)
    assert.is_nil(x.grad)
    x.grad = tocha.ones(2, {dtype = 'float64'})
    S.close(x.grad, {1, 1})
    x.grad = nil
    assert.is_nil(x.grad)
  end)

  it('refuses another shape, dtype, or what is no tensor', function()
    local x = leaf(1, 2)
    S.fails(function() x.grad = tocha.ones(3, {dtype = 'float64'}) end, 'grad', '[3]', '[2]')
    S.fails(function() x.grad = tocha.ones(2) end, 'grad', 'float32', 'float64')
    S.fails(function() x.grad = 3 end, 'grad', 'number')
  end)

  it('is kept for a result under retain_grad', function()
    local x = leaf(1, 2)
    local y = x * 3
    y:retain_grad()
    ;(y * y):sum():backward()
    S.close(y.grad, {6, 12})
    S.close(x.grad, {18, 36})
  end)

  it('stays the same tensor when gradients are added', function()
    local x = leaf(1, 2)
    ;(x * 2):sum():backward()
    local g = x.grad
    ;(x * 2):sum():backward()
    assert.is_true(g == x.grad)
    S.close(g, {4, 4})
  end)
end)

describe('the gradient of nothing much', function()
  it('flows through empty tensors', function()
    local x = tocha.zeros(0, 3, {dtype = 'float64', requires_grad = true})
    ;(x * 2):sum():backward()
    assert.same({0, 3}, x.grad.shape)
  end)

  it('does not turn into nan where a zero gradient meets an infinite slope', function()
    local x = leaf(0, 4)
    tocha.where(x:gt(0), x:sqrt(), 0):sum():backward()
    S.close(x.grad, {0, 0.25})
    x.grad = nil
    tocha.where(x:gt(0), x:log(), 0):sum():backward()
    S.close(x.grad, {0, 0.25})
    x.grad = nil
    tocha.where(x:gt(0), 1 / x, 0):sum():backward()
    S.close(x.grad, {0, -1 / 16})
  end)
end)
