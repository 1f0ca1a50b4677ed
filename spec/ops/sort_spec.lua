--- Sorting and searching beyond single values: every length class of the algorithms, stability, NaN and signed zeros, extreme integers.

local tocha = require 'tocha'
local S = require 'spec.support'

local function list(x) return S.plain(x) end
local function random(n, kinds) return tocha.arange(n):mul(2654435761):remainder(1000003):remainder(kinds or 1000003) end

-- are the values in order, the places those of the values, and places of equal values rising?
local function check_sorted(x, values, places, descending)
  local from, v, p, seen = list(x), list(values), list(places), {}
  for i = 1, #v do
    if from[p[i]] ~= v[i] or seen[p[i]] then return 'place ' .. i .. ' is wrong' end
    seen[p[i]] = true
    if i > 1 then
      local wrong = descending and v[i] > v[i - 1] or not descending and v[i] < v[i - 1]
      if wrong then return 'value ' .. i .. ' is out of order' end
      if v[i] == v[i - 1] and p[i] < p[i - 1] then return 'equal values ' .. i .. ' are exchanged' end
    end
  end
end

describe('sort', function()
  local dtypes = {'float64', 'float32', 'float16', 'bfloat16', 'int64', 'int32', 'int16', 'int8', 'uint8'}

  it('is right and stable for rows of every length', function()
    for _, n in ipairs {1, 2, 24, 25, 100, 256, 257, 1000, 1025, 8193, 20000} do
      for _, dtype in ipairs(dtypes) do
        local x = random(n, 100):to(dtype)
        for _, descending in ipairs {false, true} do
          local values, places = x:sort(1, descending)
          assert.is_nil(check_sorted(x, values, places, descending), dtype .. ' ' .. n)
        end
      end
    end
  end)

  it('orders numbers of all magnitudes', function()
    for _, dtype in ipairs {'float64', 'float32'} do
      local x = random(3000):to(dtype):sub(500000):div(7):pow(3)
      assert.is_nil(check_sorted(x, x:sort()))
    end
  end)

  it('orders the ends of int64', function()
    local low, high = -9223372036854775807LL - 1, 9223372036854775807LL
    local x = tocha.tensor({high, 0LL, low, -1LL, high}, {dtype = 'int64'})
    local values, places = x:sort()
    assert.equal(low, values[1]:item())
    assert.equal(high, values[5]:item())
    assert.same({shape = {5}, 3, 4, 2, 1, 5}, list(places))
  end)

  it('puts NaN last, or first if descending, and infinities before', function()
    local x = tocha.tensor {0 / 0, math.huge, -math.huge, 1, 0 / 0}
    assert.same({shape = {5}, 3, 4, 2, 1, 5}, list(select(2, x:sort())))
    assert.same({shape = {5}, 1, 5, 2, 4, 3}, list(select(2, x:sort(1, true))))
    assert.same({shape = {5}, 3, 4, 2, 1, 5}, list(select(2, x:double():sort())))
  end)

  it('takes the two zeros as equal and keeps their signs', function()
    local values, places = tocha.tensor({0, -0.0, 0, -1}):mul(tocha.tensor {1, 1, -1, 1}):sort()
    assert.same({shape = {4}, 4, 1, 2, 3}, list(places))
    assert.is_true(1 / values[2]:item() > 0)
    assert.is_true(1 / values[4]:item() < 0)
  end)

  it('leaves its input alone and works on views', function()
    local x = random(600):float():view(20, 30)
    local before = x:clone()
    local values, places = x:transpose(1, 2):sort(1)
    assert.is_nil(S.difference(list(values:transpose(1, 2)), list((x:sort(2))), 0, 0))
    assert.is_nil(S.difference(list(x), list(before), 0, 0))
    assert.same({30, 20}, S.shape(places))
  end)
end)

describe('topk, kthvalue and median', function()
  it('agree with sort for few and for many', function()
    for _, n in ipairs {10, 300, 5000} do
      local x = random(n, 50):float()
      local values, places = x:sort(1, true)
      for _, k in ipairs {1, 3, math.floor(n / 8), math.floor(n / 2), n} do
        local top, at = x:topk(k)
        assert.is_nil(S.difference(list(top), list(values:narrow(1, 1, k)), 0, 0))
        assert.is_nil(S.difference(list(at), list(places:narrow(1, 1, k)), 0, 0))
        assert.equal(values[n - k + 1]:item(), (x:kthvalue(k)):item())
      end
      assert.equal(values[n - math.floor((n + 1) / 2) + 1]:item(), x:median_all():item())
    end
  end)

  it('work for every dtype', function()
    for _, dtype in ipairs {'float64', 'float16', 'int64', 'int8', 'uint8'} do
      local x = random(9000, 120):to(dtype)
      assert.equal(tonumber((x:sort())[4500]:item()), tonumber(x:median_all():item()))
      assert.equal(tonumber((x:sort(1, true))[1]:item()), tonumber((x:topk(3))[1]:item()))
    end
  end)

  it('leave the first place to NaN', function()
    local x = tocha.tensor {1, 0 / 0, 3, 0 / 0}
    assert.same({shape = {2}, 2, 4}, list(select(2, x:topk(2))))
    assert.equal(2, select(2, x:median_dim(1)):item())
    assert.equal(1, x:nanmedian_all():item())
  end)

  it('give the gradient back to where the value was', function()
    local x = tocha.tensor({3, 1, 2}):requires_grad_();
    (x:kthvalue(2)):backward()
    assert.same({shape = {3}, 0, 0, 1}, list(x.grad))
  end)

  it('of nothing is an error that says so', function()
    assert.error_matches(function() tocha.zeros(0, 2):median(1) end, 'median: .*empty')
    assert.error_matches(function() tocha.zeros(3):topk(4) end, 'topk: k = 4')
    assert.error_matches(function() tocha.zeros(3):kthvalue(0) end, 'kthvalue: k = 0')
  end)
end)

describe('unique', function()
  it('of many elements gives the way back', function()
    local x = random(20000, 700)
    local values, inverse, counts = x:unique(true, true, true)
    assert.equal(700, values:numel())
    assert.equal(20000, counts:sum():item())
    assert.is_nil(S.difference(list(values:index_select(1, inverse)), list(x), 0, 0))
  end)

  it('orders rows as words are ordered', function()
    local rows = tocha.tensor({{2, 1}, {1, 9}, {2, 0}, {1, 9}}, {dtype = 'int64'})
    assert.same({shape = {3, 2}, 1, 9, 2, 0, 2, 1}, list((rows:unique {dim = 1})))
    assert.same({shape = {4, 2}, 1, 2, 9, 1, 0, 2, 9, 1}, list((rows:unique {dim = 2})))
  end)

  it('keeps each NaN apart', function()
    assert.equal(3, (tocha.tensor {0 / 0, 1, 0 / 0}):unique():numel())
  end)

  it('gives what was asked for, and no gaps', function()
    local values, counts = tocha.tensor({1, 1, 2}):unique {return_counts = true}
    assert.same({shape = {2}, 2, 1}, list(counts))
    assert.equal(2, values:numel())
  end)
end)

describe('search', function()
  it('counts every place from 1', function()
    local edges = tocha.tensor {1, 2, 3}
    assert.same({shape = {5}, 1, 1, 2, 3, 4}, list(tocha.bucketize(tocha.tensor {0, 1, 1.5, 3, 9}, edges)))
  end)

  it('finds places in long rows', function()
    local edges = tocha.arange(10000):float()
    local at = tocha.searchsorted(edges, edges, {right = true})
    assert.is_nil(S.difference(list(at), list(tocha.arange(2, 10002)), 0, 0))
  end)

  it('puts NaN behind everything', function()
    assert.equal(4, tocha.searchsorted(tocha.tensor {1, 2, 3}, 0 / 0):item())
  end)
end)
