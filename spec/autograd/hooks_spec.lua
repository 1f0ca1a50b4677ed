--- Hooks on tensors.

local tocha = require 'tocha'
local S = require 'spec.support'

local function leaf(...) return tocha.tensor({...}, {dtype = 'float64'}):requires_grad_() end

describe('register_hook', function()
  it('sees the gradient of a leaf', function()
    local x, seen = leaf(1, 2), nil
    x:register_hook(function(g) seen = g end)
    ;(x * 3):sum():backward()
    S.close(seen, {3, 3})
    S.close(x.grad, {3, 3})
  end)

  it('sees the whole gradient, once, of a tensor that is used twice', function()
    local x, calls, seen = leaf(1, 2), 0, nil
    local y = x * 2
    y:register_hook(function(g)
      calls = calls + 1
      seen = g
    end)
    ;(y * 3 + y):sum():backward()
    assert.equal(1, calls)
    S.close(seen, {4, 4})
  end)

  it('replaces the gradient by what the hook returns; hooks run in order', function()
    local x = leaf(1, 2)
    local y = x * 2
    y:register_hook(function(g) return g * 10 end)
    y:register_hook(function(g) return g + 1 end)
    y:sum():backward()
    S.close(x.grad, {22, 22})
  end)

  it('can be removed', function()
    local x, calls = leaf(1), 0
    local handle = x:register_hook(function() calls = calls + 1 end)
    ;(x * 2):sum():backward()
    handle:remove()
    ;(x * 2):sum():backward()
    assert.equal(1, calls)
  end)

  it('works on one of several results', function()
    local x = leaf(3, 1, 2)
    local values = x:sort()
    values:register_hook(function(g) return g * 5 end)
    values:sum():backward()
    S.close(x.grad, {5, 5, 5})
  end)

  it('takes part in second derivatives, where the gradient passes it again', function()
    local x = leaf(1, 2)
    local y = x * x
    y:register_hook(function(g) return g * 2 end)
    local g = tocha.autograd.grad((y * y):sum(), x, {create_graph = true})
    S.close(g, {8, 64})
    S.close(tocha.autograd.grad(g:sum(), x), {40, 160})
  end)

  it('runs for autograd.grad too', function()
    local x, calls = leaf(1, 2), 0
    local y = x * 2
    y:register_hook(function() calls = calls + 1 end)
    tocha.autograd.grad(y:sum(), x)
    assert.equal(1, calls)
  end)

  it('may raise an error, which comes out of backward and leaves everything usable', function()
    local x = leaf(1, 2)
    local y = x * 2
    y:register_hook(function() error('on purpose') end)
    S.fails(function() y:sum():backward() end, 'on purpose')
    ;(x * 3):sum():backward()
    S.close(x.grad, {3, 3})
  end)

  it('refuses gradients of another shape, and what is no tensor', function()
    local x = leaf(1, 2)
    local y = x * 2
    y:register_hook(function(g) return g:sum() end)
    S.fails(function() y:sum():backward() end, 'hook', '[2]')
    y = x * 2
    y:register_hook(function() return 'text' end)
    S.fails(function() y:sum():backward() end, 'hook', 'string')
  end)

  it('refuses what is no function, and tensors without gradient', function()
    S.fails(function() leaf(1):register_hook('f') end, 'register_hook', 'string')
    S.fails(function() tocha.ones(1):register_hook(function() end) end, 'require grad')
  end)
end)

describe('register_post_accumulate_grad_hook', function()
  it('runs when the gradient is in .grad', function()
    local x, seen = leaf(1, 2), nil
    x:register_post_accumulate_grad_hook(function(p)
      seen = p.grad:clone()
      p.grad = nil
    end)
    ;(x * 3):sum():backward()
    S.close(seen, {3, 3})
    assert.is_nil(x.grad)
  end)

  it('is for leaves', function()
    S.fails(function() (leaf(1) * 2):register_post_accumulate_grad_hook(function() end) end, 'leaf')
  end)
end)

it('hooks do not keep a graph alive', function()
  local weak = setmetatable({}, {__mode = 'k'})
  local function make()
    local y = leaf(1, 2) * 2
    local hook = function() end
    y:register_hook(hook)
    weak[hook] = true
  end
  make()
  collectgarbage()
  collectgarbage()
  leaf(1):register_hook(function() end) -- the registry is swept when it is used
  collectgarbage()
  assert.is_nil(next(weak))
end)
