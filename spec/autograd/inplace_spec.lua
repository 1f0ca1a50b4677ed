--- Changes in place: what they may do, that their gradients are right, and that a saved tensor that was changed is noticed.

local tocha = require 'tocha'
local S = require 'spec.support'

local function leaf(...) return tocha.tensor({...}, {dtype = 'float64'}):requires_grad_() end
local function double(...) return tocha.tensor({...}, {dtype = 'float64'}) end

describe('in-place operators in a graph', function()
  it('have the gradients of the plain ones', function()
    local x = leaf(1, 2)
    local y = x * 2
    y:add_(1):mul_(x)
    y:sum():backward()
    S.close(x.grad, {5, 9})
  end)

  it('may follow on the same tensor many times', function()
    local x = leaf(1, 2)
    local y = x * 1
    for _ = 1, 50 do y:mul_(1.01) end
    y:sum():backward()
    S.close(x.grad, {1.01 ^ 50, 1.01 ^ 50})
  end)

  it('cut what they overwrite', function()
    local x = leaf(1, 2)
    local y = x * 2
    y:fill_(3)
    y:sum():backward()
    S.close(x.grad, {0, 0})
    y = x * 2
    y:copy_(x * x)
    y:sum():backward()
    S.close(x.grad, {2, 4})
  end)

  it('let a tensor outside the graph join it', function()
    local x, buffer = leaf(1, 2), tocha.zeros(2, {dtype = 'float64'})
    buffer:add_(x)
    assert.is_true(buffer.requires_grad)
    ;(buffer * buffer):sum():backward()
    S.close(x.grad, {2, 4})
  end)

  it('are refused for leaves that require grad, outside no_grad', function()
    local x = leaf(1, 2)
    S.fails(function() x:add_(1) end, 'add_', 'leaf', 'no_grad')
    S.fails(function() x[1] = 5 end, 'leaf')
    S.fails(function() x:view(2, 1):zero_() end, 'leaf')
    tocha.no_grad(function() x:sub_(1) end)
    S.close(x, {0, 1})
    assert.is_true(x.requires_grad)
  end)

  it('are refused for expanded tensors', function()
    S.fails(function() tocha.zeros(1):expand(4):add_(tocha.ones(4)) end, 'add_', 'expanded', 'clone')
  end)

  it('refuse results of another shape or a wider kind of numbers', function()
    S.fails(function() tocha.zeros(3):add_(tocha.ones(2, 3)) end, 'add_', '[2 x 3]', '[3]')
    S.fails(function() tocha.int64{1, 2}:add_(0.5) end, 'add_', 'int64')
    S.fails(function() tocha.int64{1, 2}:div_(2) end, 'div_', 'int64')
  end)
end)

describe('version counters', function()
  it('notice a saved result that was changed, and name both operators', function()
    local x = leaf(1, 2)
    local w = x:exp()
    local v = w:sum()
    w:mul_(2)
    local message = S.fails(function() v:backward() end, 'exp', 'mul_', 'in place', '[2]')
    assert.matches('version', message)
  end)

  it('notice a saved input that was changed, through a view of it too', function()
    local x, w = leaf(1, 2), double(3, 4)
    local y = (x * w):sum()
    w:view(2, 1):zero_()
    S.fails(function() y:backward() end, 'mul', 'zero_', 'in place')
  end)

  it('do not mind changes of what nobody saved', function()
    local x = leaf(1, 2)
    local y = x:exp()
    local z = y + 1
    z:mul_(3)
    z:sum():backward()
    S.close(x.grad, {3 * math.exp(1), 3 * math.exp(2)})
  end)

  it('do not mind a change before the operator', function()
    local x, w = leaf(1, 2), double(3, 4)
    w:add_(1)
    ;(x * w):sum():backward()
    S.close(x.grad, {4, 5})
  end)

  it('count changes', function()
    local x = double(1, 2)
    local before = x._version
    x:add_(1)
    x:view(2, 1):add_(1)
    assert.equal(before + 2, x._version)
  end)
end)

describe('views and their base', function()
  it('see each other change', function()
    local x = double(1, 2, 3, 4)
    local v = x:view(2, 2)
    v:add_(1)
    S.close(x, {2, 3, 4, 5})
    x:mul_(2)
    S.close(v, {{4, 6}, {8, 10}})
  end)

  it('share gradients when the view is changed in place', function()
    local x = leaf(1, 2, 3)
    local y = x * 1
    y:narrow(1, 2, 2):mul_(10)
    y:sum():backward()
    S.close(x.grad, {1, 10, 10})
  end)

  it('share gradients when the base is changed after the view was made', function()
    local x = leaf(1, 2, 3)
    local y = x * 1
    local v = y:select(1, 2)
    y:mul_(x)
    v:backward()
    S.close(x.grad, {0, 4, 0})
  end)

  it('share gradients through assignment by index', function()
    local x, a = leaf(1, 2, 3), leaf(5, 6)
    local y = x * 1
    y[{{2, 3}}] = a * 2
    ;(y * y):sum():backward()
    S.close(x.grad, {2, 0, 0})
    S.close(a.grad, {40, 48})
  end)

  it('share gradients through views of views', function()
    local x = leaf(1, 2, 3, 4)
    local y = x * 1
    local row = y:view(2, 2):select(1, 2)
    local element = row:select(1, 1)
    element:mul_(7)
    ;(y * double(1, 10, 100, 1000)):sum():backward()
    S.close(x.grad, {1, 10, 700, 1000})
    assert.is_true(row.requires_grad)
  end)

  it('share gradients through transposes, diagonals and steps', function()
    local x = tocha.ones(3, 3, {dtype = 'float64', requires_grad = true})
    local y = x * 1
    y:t():diagonal():mul_(5)
    y:as_strided({3}, {1}, 3):mul_(2)
    y:sum():backward()
    S.close(x.grad, {{5, 1, 1}, {2, 10, 2}, {1, 1, 5}})
  end)

  it('put a tensor that requires grad into a plain buffer', function()
    local buffer, x = tocha.zeros(2, 2, {dtype = 'float64'}), leaf(1, 2)
    buffer[1] = x
    buffer[2] = x * x
    ;(buffer * buffer):sum():backward()
    S.close(x.grad, {2 + 4, 4 + 32})
  end)
end)
