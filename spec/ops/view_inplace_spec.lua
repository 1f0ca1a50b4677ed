--- transpose_, t_, squeeze_, unsqueeze_: the tensor itself gets another shape.

local tocha = require 'tocha'

local function counted(...) return tocha.arange(6):double():view(...):clone() end

describe('a view in place', function()
  it('changes sizes and strides, not the elements', function()
    local x = counted(2, 3)
    assert.is_true(x:transpose_(1, 2) == x)
    assert.same({3, 2}, x.shape)
    assert.same({{0, 3}, {1, 4}, {2, 5}}, x:totable())
    assert.same({{0, 1, 2}, {3, 4, 5}}, x:t_():totable())
    assert.same({2, 1, 3}, x:unsqueeze_(2).shape)
    assert.same({2, 3}, x:squeeze_().shape)
    assert.same({1, 2, 3}, x:unsqueeze_(1).shape)
    assert.same({1, 2, 3}, x:squeeze_(2).shape)
    assert.same({2, 3}, x:squeeze_(1).shape)
    assert.same({3, 2}, x:swapaxes_(1, 2).shape)
    assert.same({2, 3}, x:swapdims_(-1, -2).shape)
    assert.is_true(x:is_contiguous())
  end)

  it('reaches the elements of the tensor it is a view of', function()
    local base = tocha.zeros(2, 3)
    local corner = base[{{}, {1, 2}}]
    corner:t_()
    corner[{1, 2}] = 5
    assert.same({{0, 0, 0}, {5, 0, 0}}, base:totable())
  end)

  it('is part of the graph', function()
    local x = tocha.ones(2, 3):requires_grad_()
    local y = x * 2
    y:t_()
    y:mul_(3)
    y:unsqueeze_(1):transpose_(2, 3);
    (y:squeeze_() * counted(2, 3):float()):sum():backward()
    assert.same({{0, 6, 12}, {18, 24, 30}}, x.grad:totable())
  end)

  it('refuses leaves that require grad, and notices a saved tensor', function()
    local x = tocha.ones(2, 3):requires_grad_()
    assert.error_matches(function() x:t_() end, 't_: a leaf that requires grad')
    tocha.no_grad(function() x:t_() end)
    assert.same({3, 2}, x.shape)
    local y = x * 1
    local z = (y * y):sum()
    y:t_()
    assert.error_matches(function() z:backward() end, 't_ changed it in place')
  end)

  it('names wrong dims', function()
    assert.error_matches(function() tocha.ones(2, 2):transpose_(1, 3) end, 'transpose_.*3')
    assert.error_matches(function() tocha.ones(2, 2, 2):t_() end, 't_: takes at most 2 dims')
    assert.error_matches(function() tocha.ones(2):unsqueeze_(4) end, 'unsqueeze_.*4')
    assert.error_matches(function() tocha.ones(2):squeeze_(2) end, 'squeeze_.*2')
  end)
end)
