--- gradcheck and the functions of tocha.autograd.functional.

local tocha = require 'tocha'
local S = require 'spec.support'

local functional = tocha.autograd.functional
local function double(...) return tocha.tensor({...}, {dtype = 'float64'}) end

describe('gradcheck', function()
  it('passes right gradients and finds wrong ones', function()
    local x = double(0.3, 1.2):requires_grad_()
    assert.is_true(tocha.autograd.gradcheck(function(a) return a:sin() * a end, {x}))
    local Wrong = tocha.class('Wrong', tocha.autograd.Function)
    function Wrong.forward(_, a) return a * 2 end
    function Wrong.backward(_, g) return g * 3 end
    S.fails(function() tocha.autograd.gradcheck(Wrong.apply, x) end, 'gradcheck', 'input 1', '1.5', '1')
    assert.is_false(tocha.autograd.gradcheck(Wrong.apply, x, {raise_exception = false}))
  end)

  it('leaves the inputs as they were', function()
    local x = double(0.3, 1.2):requires_grad_()
    tocha.autograd.gradcheck(function(a) return a * a end, x)
    assert.same({0.3, 1.2}, x:totable())
    assert.is_nil(x.grad)
  end)

  it('needs an input that requires grad', function()
    S.fails(function() tocha.autograd.gradcheck(function(a) return a end, double(1)) end, 'gradcheck', 'requires grad')
  end)

  it('of second order finds a backward that is no derivative of itself', function()
    local x = double(0.3, 1.2):requires_grad_()
    assert.is_true(tocha.autograd.gradgradcheck(function(a) return a ^ 3 end, x))
    local Cut = tocha.class('Cut', tocha.autograd.Function)
    function Cut.forward(ctx, a)
      ctx:save_for_backward(a)
      return a * a
    end
    function Cut.backward(ctx, g) return g * ctx.saved_tensors[1]:detach() * 2 end
    assert.is_false(tocha.autograd.gradgradcheck(Cut.apply, x, {raise_exception = false}))
  end)
end)

describe('functional', function()
  local x = double(1, 2, 3)

  it('jacobian has the shape of the result, then of the input', function()
    local j = functional.jacobian(function(a) return a * a end, x)
    S.close(j, {{2, 0, 0}, {0, 4, 0}, {0, 0, 6}})
    assert.same({2, 3}, functional.jacobian(function(a) return tocha.stack{a:sum(), a:prod()} end, x).shape)
    assert.is_nil(x.grad)
    assert.is_false(x.requires_grad)
  end)

  it('jacobian of several inputs is a list, of several results a list of lists', function()
    local y = double(4, 5, 6)
    local list = functional.jacobian(function(a, b) return (a * b):sum() end, {x, y})
    S.close(list[1], {4, 5, 6})
    S.close(list[2], {1, 2, 3})
    local lists = functional.jacobian(function(a, b) return a:sum(), b * 2 end, {x, y})
    S.close(lists[1][1], {1, 1, 1})
    S.close(lists[2][2], {{2, 0, 0}, {0, 2, 0}, {0, 0, 2}})
    S.close(lists[1][2], {0, 0, 0})
  end)

  it('hessian', function()
    S.close(functional.hessian(function(a) return (a ^ 3):sum() + a[1] * a[2] end, x), {{6, 1, 0}, {1, 12, 0}, {0, 0, 18}})
  end)

  it('vjp and jvp give the result and the product', function()
    local v = double(1, 10, 100)
    local y, g = functional.vjp(function(a) return a * a end, x, v)
    S.close(y, {1, 4, 9})
    S.close(g, {2, 40, 600})
    local z, h = functional.jvp(function(a) return a:cumsum(1) end, x, v)
    S.close(z, {1, 3, 6})
    S.close(h, {1, 11, 111})
  end)

  it('hvp and vhp agree with the hessian', function()
    local v = double(1, 10, 100)
    local f = function(a) return (a ^ 3):sum() end
    local y, g = functional.hvp(f, x, v)
    S.close(y, 36)
    S.close(g, {6, 120, 1800})
    S.close(select(2, functional.vhp(f, x, v)), g)
  end)

  it('works inside no_grad and does not change the mode', function()
    tocha.no_grad(function()
      S.close(functional.jacobian(function(a) return a:sum() end, x), {1, 1, 1})
      assert.is_false(tocha.is_grad_enabled())
    end)
  end)

  it('can be differentiated with create_graph', function()
    local a = double(2, 3):requires_grad_()
    local j = functional.jacobian(function(b) return (b ^ 3):sum() end, a, {create_graph = true})
    j:sum():backward()
    S.close(a.grad, {12, 18})
  end)

  it('refuses wrong arguments by name', function()
    S.fails(function() functional.vjp(function(a) return a end, x) end, 'vjp', 'v')
    S.fails(function() functional.vjp(function(a) return a end, x, double(1)) end, 'vjp', '[1]', '[3]')
    S.fails(function() functional.hessian(function(a) return a end, x) end, 'hessian', 'one element')
    S.fails(function() functional.jacobian(function(a) return a end, 3) end, 'jacobian', 'inputs')
    S.fails(function() functional.jacobian(function() return 3 end, x) end, 'jacobian', 'result')
    S.fails(function() functional.jacobian(function(a) return a end, x, {strickt = true}) end, 'jacobian', 'strickt', 'strict')
  end)
end)
