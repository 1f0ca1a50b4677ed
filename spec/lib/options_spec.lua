-- Options at the end of calls to operators: what the generated readers take is what the general reader takes, with its errors.
local tocha = require 'tocha'
local S = require 'spec.support'

describe('options of an operator', function()
  local x = tocha.tensor{{3, 1, 2}, {6, 5, 4}}

  it('stand for arguments, wherever the table comes', function()
    for _ = 1, 3 do -- the first call generates the reader
      assert.same({{6}, {15}}, x:sum(2, {keepdim = true}):totable())
      assert.same({{6}, {15}}, x:sum{dim = 2, keepdim = true}:totable())
      assert.same({{9, 6, 6}}, tocha.sum(x, {dim = 1, keepdim = true}):totable())
      assert.same({{6}, {15}}, tocha.sum{input = x, dim = {2}, keepdim = true}:totable())
      assert.same({{3, 2, 2}, {3, 3, 3}}, x:clamp({min = 2, max = 3}):totable())
      assert.equal('float64', x:sum(1, {dtype = 'float64'}).dtype.name)
      assert.equal('int64', x:sum(1, {dtype = tocha.int64, keepdim = true}).dtype.name)
      assert.same({{5, 3, 4}, {8, 7, 6}}, x:add(1, {alpha = 2}):totable())
      local values, places = x:sort(2, {descending = true, stable = true})
      assert.same({{3, 2, 1}, {6, 5, 4}}, values:totable())
      assert.same({{1, 3, 2}, {1, 2, 3}}, places:totable())
    end
  end)

  it('write into `out`, which keeps its memory where the shape fits', function()
    local out = tocha.zeros(3)
    local place = out:data_ptr()
    for _ = 1, 3 do assert.equal(out, tocha.sum(x, 1, {out = out})) end
    assert.same({9, 6, 6}, out:totable())
    assert.equal(place, out:data_ptr())
    assert.same({{9, 6, 6}}, tocha.sum(x, 1, {keepdim = true, out = out}):totable())
    assert.same({1, 3}, out:size())
    local values, places = tocha.zeros(2), tocha.zeros(2, {dtype = 'int64'})
    for _ = 1, 2 do tocha.max(x, 2, {out = {values, places}}) end
    assert.same({{3, 6}, {1, 1}}, {values:totable(), places:totable()})
  end)

  it('leave the operands of an in-place operator alone', function()
    local a, b = tocha.ones(2), tocha.zeros(2)
    for _ = 1, 2 do S.fails(function() a:add_(1, {out = b}) end, 'add_', "unknown option 'out'") end
    assert.same({1, 1}, a:totable())
  end)

  it('that are wrong are told as ever', function()
    for _ = 1, 3 do
      S.fails(function() return x:sum(1, {keepdims = true}) end, 'sum', "unknown option 'keepdims'", 'keepdim')
      S.fails(function() return x:sum(1, {keepdim = true, keepdims = true}) end, 'sum', "unknown option 'keepdims'")
      S.fails(function() return x:sum(1, {keepdim = 1}) end, 'sum: keepdim: got number 1, takes true or false')
      S.fails(function() return x:sum(1, {dim = 1}) end, 'sum: dim is given twice')
      S.fails(function() return x:sum(1, {dtype = 'floot'}) end, "sum: dtype: got string 'floot'")
      S.fails(function() return x:sum(1, {dtype = 3}) end, 'sum: dtype: got number 3')
      S.fails(function() return x:sum(1, true, nil, {keepdim = false}) end, 'sum: keepdim is given twice')
      S.fails(function() return x:sum({dim = {a = 1}}) end, 'sum: dim: got table')
      local own = {}
      own.dim = own
      S.fails(function() return x:sum(own) end, 'sum: dim: got table')
    end
  end)
end)

describe('einsum', function()
  it('does the same again for the same shapes, and anew for others', function()
    local function by_hand(a, b) return a:matmul(b:t()) end
    for _, shape in ipairs{{2, 3}, {2, 3}, {4, 1}, {2, 3}, {0, 3}} do
      local a, b = tocha.randn(shape[1], shape[2]):requires_grad_(), tocha.randn(5, shape[2])
      local y = tocha.einsum('ij,kj->ik', a, b)
      assert.is_true(tocha.allclose(y, by_hand(a, b)))
      y:sum():backward()
      assert.is_true(tocha.allclose(a.grad, b:sum(1):expand_as(a)))
    end
    S.fails(function() return tocha.einsum('ij,kj->ik', tocha.ones(2, 3), tocha.ones(5, 4)) end, 'einsum', "label 'j'")
    S.fails(function() return tocha.einsum('ij,kj->ik', tocha.ones(2, 3)) end, 'einsum', '2 operands')
    assert.same({2, 2}, tocha.einsum('ii->i', tocha.eye(2) * 2):totable())
    assert.same({3, 3}, tocha.einsum('ii->i', tocha.eye(2) * 3):totable())
  end)
end)
