local tocha = require 'tocha'

describe('functions made of others', function()
  it('frexp takes numbers apart exactly', function()
    local x = tocha.tensor({1, -0.5, 3, 0, 1e-310, 1e300, 0.9999999, 1024, math.huge}, {dtype = 'float64'})
    local mantissa, exponent = x:frexp()
    for i = 1, 9 do
      local m, e = math.frexp(x[i]:item())
      if i == 9 then m, e = math.huge, 0 end
      assert.equal(m, mantissa[i]:item())
      assert.equal(e, exponent[i]:item())
    end
    assert.equal('int32', exponent.dtype.name)
  end)

  it('histogram counts, weighs, integrates to one', function()
    local x = tocha.tensor{0, 0.1, 0.5, 0.9, 1, 2, -1}
    local counts, edges = tocha.histogram(x, 2, {range = {0, 1}})
    assert.same({2, 3}, counts:tolist())
    assert.same({0, 0.5, 1}, edges:tolist())
    counts = tocha.histogram(x, tocha.tensor{-1, 0, 2}, {weight = tocha.tensor{1, 1, 1, 1, 1, 10, 5}})
    assert.same({5, 15}, counts:tolist())
    local density, at = tocha.histogram(tocha.randn(100), 7, {density = true})
    assert.near(1, (density * at:diff()):sum():item(), 1e-5)
    assert.has_error(function() tocha.histogram(x, 2, {range = {1, 0}}) end)
  end)

  it('narrow_copy, asarray, resize_as_, map_, get_device', function()
    local x = tocha.arange(1, 7):view(2, 3)
    local y = x:narrow_copy(2, 2, 2)
    y:zero_()
    assert.same({{1, 2, 3}, {4, 5, 6}}, x:tolist())
    assert.is_true(tocha.asarray(x) == x)
    assert.is_false(tocha.asarray(x, {copy = true}) == x)
    assert.is_true(tocha.asarray({1, 2}, {dtype = 'float32', requires_grad = true}).requires_grad)
    assert.same({3, 2}, tocha.zeros(1):resize_as_(tocha.ones(3, 2)):size())
    assert.same({{2, 3, 4}, {5, 6, 7}}, x:map_(tocha.ones(1), function(a, b) return a + b end):tolist())
    assert.equal(-1, x:get_device())
  end)
end)
