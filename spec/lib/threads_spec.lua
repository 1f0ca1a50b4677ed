--- The number of threads changes the time, not the numbers.

local tocha = require 'tocha'
local S = require 'spec.support'

local function with_threads(n, f)
  local before = tocha.get_num_threads()
  tocha.set_num_threads(n)
  local good, result = pcall(f)
  tocha.set_num_threads(before)
  if not good then error(result, 0) end
  return result
end

local function same_bits(f)
  local one, two, three = with_threads(1, f), with_threads(2, f), with_threads(3, f)
  for _, other in ipairs {two, three} do
    assert.is_true(one:eq(other):all():item() == true)
  end
end

describe('set_num_threads', function()
  it('is what get_num_threads gives', function()
    assert.equal(2, with_threads(2, function() return tonumber(tocha.get_num_threads()) end))
  end)

  it('refuses what is no count', function()
    S.fails(function() tocha.set_num_threads(0) end, 'set_num_threads')
    S.fails(function() tocha.set_num_threads('two') end, 'set_num_threads', 'string')
  end)
end)

describe('with any number of threads the same bits come out of', function()
  tocha.manual_seed(1)
  local x, w = tocha.randn(300, 1000), tocha.rand(300, 1000)

  it('elementwise operators', function() same_bits(function() return (x * w):exp():tanh() end) end)
  it('reductions to nothing', function() same_bits(function() return tocha.stack{x:sum(), x:mean(), x:var(), w:prod(), x:norm()} end) end)
  it('reductions of rows and of columns', function()
    same_bits(function() return tocha.cat{x:sum(1), x:sum(2), x:var(1), x:logsumexp(2)} end)
  end)
  it('softmax and running sums', function() same_bits(function() return x:softmax(2) + x:softmax(1) + x:cumsum(1) end) end)
  it('random numbers', function()
    same_bits(function()
      tocha.manual_seed(7)
      return tocha.cat{tocha.rand(200000), tocha.randn(200000), tocha.bernoulli(tocha.full({50000}, 0.3))}
    end)
  end)
  it('layer_norm and its gradient', function()
    same_bits(function()
      local a = x:clone():requires_grad_()
      local b = tocha.ones(1000):requires_grad_()
      local y = tocha.nn.functional.layer_norm(a, {1000}, b)
      y:backward(w)
      return tocha.cat{a.grad:reshape(-1), b.grad}
    end)
  end)
  it('gathered and scattered gradients', function()
    same_bits(function()
      local a = x:clone():requires_grad_()
      a:index_select(1, tocha.arange(2000):remainder(300):add(1)):sum():backward()
      return a.grad
    end)
  end)
end)
