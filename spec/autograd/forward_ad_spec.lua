-- tocha.autograd.forward_ad: tangents against derivatives written out and against func.jvp.
local tocha = require 'tocha'
local S = require 'spec.support'

local ad = tocha.autograd.forward_ad
local function t(...) return tocha.tensor({...}, {dtype = 'float64'}) end

describe('forward_ad', function()
  it('carries the derivative along a direction', function()
    local primal, tangent, plain = ad.dual_level(function()
      local x = ad.make_dual(t(2, 3), t(1, 10))
      local y = ad.unpack_dual(x * x * x)
      assert.equal(y[1], y.primal)
      return y.primal, y.tangent, ad.unpack_dual(t(5)).tangent
    end)
    S.close(primal, {8, 27})
    S.close(tangent, {12, 270})
    assert.is_nil(plain)
    assert.is_false(primal.requires_grad)
    assert.is_false(tangent.requires_grad)
  end)

  it('adds up the directions of several duals, and gives what jvp gives', function()
    local function f(a, b) return (a:sin():unsqueeze(2) * b:exp()):sum(1) / a:norm() end
    local a, b, da, db = tocha.randn(3):double(), tocha.randn(3, 2):double(), tocha.randn(3):double(), tocha.randn(3, 2):double()
    local _, want = tocha.func.jvp(f, {a, b}, {da, db})
    local got = ad.dual_level(function() return ad.unpack_dual(f(ad.make_dual(a, da), ad.make_dual(b, db))).tangent end)
    S.close(got, want)
  end)

  it('goes through operators that are linear, constant or complex', function()
    ad.dual_level(function()
      local x = ad.make_dual(t(1, 2), t(3, 4))
      S.close(ad.unpack_dual(x * 5 - 1).tangent, {15, 20})
      S.close(ad.unpack_dual(x:sign()).tangent, {0, 0})
      S.close(ad.unpack_dual(x).tangent, {3, 4})
      local z = ad.make_dual(tocha.complex(t(1), t(2)), tocha.complex(t(0), t(1)))
      local square = ad.unpack_dual(z * z).tangent -- 2 z dz = (2 + 4i) i
      S.close(square.real, {-4})
      S.close(square.imag, {2})
    end)
  end)

  it('can be walked back through where an argument requires grad', function()
    local x = t(2):requires_grad_()
    local tangent = ad.dual_level(function() return ad.unpack_dual(ad.make_dual(x, t(1)) ^ 3).tangent end)
    S.close(tangent, {12})
    tangent:sum():backward()
    S.close(x.grad, {12}) -- d (3 x^2) / dx
  end)

  it('works where gradients are not recorded, and leaves that as it was', function()
    tocha.no_grad(function()
      S.close(ad.dual_level(function() return ad.unpack_dual(ad.make_dual(t(3), t(1)):square()).tangent end), {6})
      assert.is_false(tocha.is_grad_enabled())
    end)
    S.fails(function() ad.dual_level(function() error('inside') end) end, 'inside')
    assert.is_true(tocha.is_grad_enabled())
    ad.enter_dual_level()
    S.close(ad.unpack_dual(ad.make_dual(t(3), t(1)):square()).tangent, {6})
    ad.exit_dual_level()
    assert.is_nil(ad.unpack_dual(t(1)).tangent)
  end)

  it('says what it takes', function()
    S.fails(function() ad.make_dual(t(1), t(1)) end, 'make_dual', 'no level')
    S.fails(function() ad.exit_dual_level() end, 'no level')
    S.fails(function() ad.dual_level(3) end, 'dual_level', 'takes a function')
    ad.dual_level(function()
      S.fails(function() ad.make_dual(t(1), t(1, 2)) end, 'make_dual: tangent', 'same shape')
      S.fails(function() ad.make_dual(t(1), tocha.ones(1)) end, 'make_dual: tangent', 'dtype')
      S.fails(function() ad.make_dual(t(1), 2) end, 'make_dual: tangent', 'takes a tensor')
      S.fails(function() ad.make_dual(tocha.int64{1}, tocha.int64{1}) end, 'floating point')
      S.fails(function() ad.unpack_dual(1) end, 'unpack_dual', 'takes a tensor')
      S.fails(function() ad.enter_dual_level() end, 'do not nest')
    end)
  end)
end)

describe('grad with is_grads_batched', function()
  it('walks once for each slice of the gradients to begin with', function()
    local x = t(1, 2, 3):requires_grad_()
    local y = x * x
    local rows = tocha.autograd.grad(y, x, {grad_outputs = tocha.eye(3):double(), is_grads_batched = true})
    S.close(rows, {{2, 0, 0}, {0, 4, 0}, {0, 0, 6}})
    S.fails(function() tocha.autograd.grad(x * 2, x, {grad_outputs = t(1):sum(), is_grads_batched = true}) end, 'grad_outputs', 'first dim')
    S.fails(function() tocha.autograd.grad(x:sum(), x, {is_grads_batched = true}) end, 'is_grads_batched', 'first dim')
  end)
end)
