--- tocha.gradient: differences on even and uneven grids, both orders at the edges.

local tocha = require 'tocha'
local S = require 'spec.support'

local function parabola(points) return tocha.tensor(points, {dtype = 'float64'}):square() end
local function near(want, got) assert.is_nil(S.difference(S.plain(got), {shape = {#want}, unpack(want)}, 1e-12, 1e-12)) end

describe('gradient', function()
  it('is exact for parabolas inside, and everywhere with edges of order 2', function()
    near({3, 4, 6, 8, 9}, tocha.gradient(parabola {1, 2, 3, 4, 5})[1])
    near({2, 4, 6, 8, 10}, tocha.gradient(parabola {1, 2, 3, 4, 5}, {edge_order = 2})[1])
  end)

  it('takes a spacing, or coordinates that are uneven', function()
    near({6, 8, 12, 16, 18}, tocha.gradient(parabola {1, 2, 3, 4, 5}, {spacing = 0.5})[1])
    local x = tocha.tensor({1, 2, 4, 5, 9}, {dtype = 'float64'})
    near({2, 4, 8, 10, 18}, tocha.gradient(x:square(), {spacing = {x}, edge_order = 2})[1])
  end)

  it('gives one tensor for each dim', function()
    local x = tocha.tensor {{1, 2, 4}, {2, 4, 8}}
    local down, across = unpack(tocha.gradient(x))
    assert.same({shape = {2, 3}, 1, 2, 4, 1, 2, 4}, S.plain(down))
    assert.same({shape = {2, 3}, 1, 1.5, 2, 2, 3, 4}, S.plain(across))
    assert.same(S.plain(across), S.plain(tocha.gradient(x, {dim = -1})[1]))
  end)

  it('can be differentiated', function()
    local x = tocha.tensor({1, 2, 4}, {dtype = 'float64'}):requires_grad_()
    tocha.gradient(x)[1]:sum():backward()
    near({-1.5, 0, 1.5}, x.grad)
  end)

  it('says what is wrong', function()
    assert.error_matches(function() tocha.gradient(tocha.ones(3), {dim = 2}) end, 'gradient: dim: got 2')
    assert.error_matches(function() tocha.gradient(tocha.ones(1)) end, 'at least 2')
    assert.error_matches(function() tocha.gradient(tocha.ones(3), {spacing = {1, 2}}) end, 'spacing')
  end)
end)
