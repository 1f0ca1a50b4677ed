--- Reductions and scans beyond single values: precision of long sums, independence of the number of threads, ties, NaN, empty dims, gradients
-- where formulas divide by zero.

local tocha = require 'tocha'
local S = require 'spec.support'

local function list(x) return S.plain(x) end
local function close(want, got, tolerance) assert.is_true(math.abs(got - want) <= tolerance * math.max(1, math.abs(want)), got .. ' for ' .. want) end
local function vector(values, dtype) return tocha.tensor(values, {dtype = dtype or 'float64'}) end
local function noise(...)
  local n = 1
  for _, size in ipairs {...} do n = n * size end
  return tocha.arange(n):mul(2654435761):remainder(1000003):float():div(1000003):sub(0.3):view(...)
end

describe('long sums', function()
  it('of a hundred million float32 are right to one in a million', function()
    local x = tocha.full({1}, 0.1):expand(100000000)
    close(1e7, x:sum():item(), 1e-6)
    close(0.1, x:mean():item(), 1e-6)
  end)

  it('are as good along every dim and from memory', function()
    local x = tocha.full({1024, 4096}, 0.1)
    close(409.6, x:sum(2):amax():item(), 1e-6)
    close(102.4, x:sum(1):amin():item(), 1e-6)
    close(0.1 * 1024 * 4096, x:sum():item(), 1e-6)
  end)

  it('keep float16 and bfloat16 from saturating', function()
    assert.equal(4096, tocha.ones(4096, {dtype = 'bfloat16'}):sum():item())
    assert.equal(4096, tocha.ones(4096, {dtype = 'float16'}):sum():item())
    assert.equal(1, tocha.full({100000}, 1, {dtype = 'float16'}):mean():item())
  end)

  it('of integers are exact beyond 2^53', function()
    local x = tocha.tensor({9007199254740993LL, 1LL, 2LL}, {dtype = 'int64'})
    assert.equal(9007199254740996LL, x:sum():item())
    assert.equal(9007199254740993LL, x:amax():item())
  end)

  it('of squares do not overflow float32', function()
    local x = tocha.full({4}, 1e30)
    close(2e30, tocha.linalg.vector_norm(x):item(), 1e-6)
    close(1e30, tocha.linalg.vector_norm(tocha.full({1}, 1e30), 3):item(), 1e-6)
  end)

  it('leave variances of data far from zero intact', function()
    local x = tocha.arange(100000):remainder(2):double():add(1e8)
    close(0.25, x:var(1, false):item(), 1e-9)
    close(0.25, x:view(50000, 2):transpose(1, 2):contiguous():var({1, 2}, false):item(), 1e-9)
    close(0, tocha.full({1000}, 0.1):var():item(), 1e-12)
  end)
end)

describe('the number of threads', function()
  local before
  before_each(function() before = tocha.get_num_threads() end)
  after_each(function() tocha.set_num_threads(before) end)

  local function same_for_all(f)
    local first
    for _, n in ipairs {1, 2, 3, 4} do
      tocha.set_num_threads(n)
      local y = f()
      first = first or y
      assert.is_true(tocha.equal and tocha.equal(first, y) or S.difference(S.plain(y), S.plain(first), 0, 0) == nil, n .. ' threads')
    end
  end

  it('does not change a bit of any reduction', function()
    local x = noise(300, 1000)
    for _, name in ipairs {'sum', 'mean', 'prod', 'amax', 'logsumexp', 'var', 'std', 'argmax', 'nansum'} do
      if name ~= 'logsumexp' then same_for_all(function() return x[name](x) end) end
      for dim = 1, 2 do same_for_all(function() return x[name](x, dim) end) end
    end
    same_for_all(function() return tocha.linalg.vector_norm(x) end)
  end)

  it('does not change a bit of reductions over images', function()
    local x = noise(40, 16, 8, 8)
    same_for_all(function() return x:sum {1, 3, 4} end)
    same_for_all(function() return x:var {1, 3, 4} end)
    same_for_all(function() return x:sum {2} end)
  end)

  it('does not change a bit of scans, sorts and selections', function()
    local x = noise(100, 1000)
    for _, name in ipairs {'cumsum', 'cumprod', 'logcumsumexp', 'sort', 'argsort'} do
      for dim = 1, 2 do same_for_all(function() return (x[name](x, dim)) end) end
    end
    same_for_all(function() return (x:topk(7)) end)
    same_for_all(function() return (x:kthvalue(7)) end)
  end)
end)

describe('NaN', function()
  local nan = 0 / 0
  it('wins every extreme, the first one names the place', function()
    local x = vector {1, nan, 3, nan}
    for _, y in ipairs {x:amax(), x:amin(), (x:max_dim(1)), (x:min_dim(1))} do assert.is_true(y:item() ~= y:item()) end
    assert.equal(2, x:argmax():item())
    assert.equal(2, x:argmin():item())
    assert.equal(2, select(2, x:max_dim(1)):item())
  end)

  it('wins in columns as in rows', function()
    local x = tocha.tensor {{1, 5}, {nan, 2}, {3, nan}}
    local v, i = x:max_dim(1)
    assert.is_true(v[1]:item() ~= v[1]:item() and v[2]:item() ~= v[2]:item())
    assert.same({shape = {2}, 2, 3}, list(i))
  end)

  it('far down a long row is found', function()
    local x = tocha.zeros(100000)
    x[77777] = nan
    assert.equal(77777, x:argmax():item())
    assert.is_true(x:sum():item() ~= x:sum():item())
    assert.equal(0, x:nansum():item())
  end)
end)

describe('ties', function()
  it('give the first place', function()
    assert.equal(2, vector({1, 3, 3, 3}):argmax():item())
    assert.equal(1, tocha.zeros(5000):argmin():item())
    assert.same({shape = {3}, 1, 1, 1}, list(tocha.zeros(4, 3):argmax(1)))
    assert.equal(1, tocha.zeros(300, 300):argmax():item())
  end)

  it('share the gradient of amax, amin and the overall extreme', function()
    local x = vector({1, 3, 3, 2}):requires_grad_()
    x:amax():backward()
    assert.same({shape = {4}, 0, 0.5, 0.5, 0}, list(x.grad))
  end)

  it('give the gradient of max along a dim to the place it names', function()
    local x = vector({1, 3, 3, 2}):requires_grad_()
    x:max_dim(1):backward()
    assert.same({shape = {4}, 0, 1, 0, 0}, list(x.grad))
  end)
end)

describe('an empty dim', function()
  local none = tocha.zeros(0, 3)
  it('sums to 0, multiplies to 1, is all and not any', function()
    assert.same({shape = {3}, 0, 0, 0}, list(none:sum(1)))
    assert.same({shape = {3}, 1, 1, 1}, list(none:prod(1)))
    assert.is_true(none:all():item())
    assert.is_false(none:any():item())
    assert.equal(0, none:count_nonzero():item())
    assert.equal(-math.huge, none:logsumexp(1)[1]:item())
    assert.equal(0, tocha.linalg.vector_norm(none):item())
  end)

  it('has no mean and no variance', function()
    for _, y in ipairs {none:mean(), none:mean(1)[1], none:var(), none:std(1)[2]} do assert.is_true(y:item() ~= y:item()) end
  end)

  it('has no extreme, which the error says', function()
    assert.error_matches(function() none:amax() end, 'amax: .*empty')
    assert.error_matches(function() none:max(1) end, 'max: .*empty')
    assert.error_matches(function() none:argmin() end, 'argmin: .*empty')
  end)

  it('that is kept gives an empty result', function()
    assert.same({shape = {0}}, list(none:amax(2)))
    assert.same({shape = {0}}, list(none:sum(2)))
    assert.same({shape = {0}}, list((none:max_dim(2))))
  end)

  it('passes gradients through', function()
    local x = tocha.zeros(0, 3):requires_grad_()
    x:sum():backward()
    assert.same({0, 3}, S.shape(x.grad))
  end)
end)

describe('gradients', function()
  local function gradient_of(f, values)
    local x = vector(values):requires_grad_()
    f(x):backward()
    return list(x.grad)
  end
  local norm = tocha.linalg.vector_norm

  it('of norms at zero are zero', function()
    for _, p in ipairs {2, 1, 3, 0.5, math.huge} do
      assert.same({shape = {2}, 0, 0}, gradient_of(function(x) return norm(x, p) end, {0, 0}), p)
    end
  end)

  it('of norms with zeros among others are finite', function()
    local g = gradient_of(function(x) return norm(x, 0.5) end, {0, 4})
    assert.equal(0, g[1])
    close(1, g[2], 1e-12)
  end)

  it('of a deviation of zero are zero', function()
    assert.same({shape = {3}, 0, 0, 0}, gradient_of(function(x) return x:std() end, {2, 2, 2}))
  end)

  it('of products with zeros are the products of the others', function()
    assert.same({shape = {3}, 0, 12, 0}, gradient_of(function(x) return x:prod() end, {3, 0, 4}))
    assert.same({shape = {3}, 0, 0, 0}, gradient_of(function(x) return x:prod() end, {0, 0, 4}))
  end)

  it('of logsumexp over nothing but -inf are zero', function()
    assert.same({shape = {2}, 0, 0}, gradient_of(function(x) return x:logsumexp(1) end, {-math.huge, -math.huge}))
    assert.same({shape = {2}, 0, 1}, gradient_of(function(x) return x:logsumexp(1) end, {-math.huge, 1000}))
  end)

  it('that arrive as zero leave as zero', function()
    local functions = {function(x) return x:std() end, function(x) return norm(x) end, function(x) return x:amax() end, function(x) return x:prod() end,
      function(x) return x:logsumexp(1) end, function(x) return x:cumprod(1):sum() end, function(x) return x:logcumsumexp(1):sum() end}
    for _, f in ipairs(functions) do
      assert.same({shape = {3}, 0, 0, 0}, gradient_of(function(x) return f(x) * 0 end, {0, 0, 0}))
    end
  end)
end)
