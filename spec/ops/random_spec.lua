--- Random numbers: that they follow their distributions, that nothing but the seed decides them, and what the operators refuse.

local tocha = require 'tocha'
local S = require 'spec.support'
local F = tocha.nn.functional

local function list_of(x) return x:double():reshape(-1):totable() end

-- the largest distance between the empirical distribution of x and the cumulative distribution function (Kolmogorov and Smirnov)
local function distance(x, cdf)
  local list, worst = list_of(x), 0
  table.sort(list)
  local n = #list
  for i, v in ipairs(list) do
    local f = cdf(v)
    worst = math.max(worst, math.abs(f - i / n), math.abs(f - (i - 1) / n))
  end
  return worst * math.sqrt(n)
end

-- chi-square of counts against probabilities, as a number of standard deviations from what is expected
local function chi_square(x, first, probabilities)
  local counts, n, total = {}, 0, 0
  for _, v in ipairs(list_of(x)) do
    counts[v] = (counts[v] or 0) + 1
    n = n + 1
  end
  for i, p in ipairs(probabilities) do
    local expected, got = n * p, counts[first + i - 1] or 0
    total = total + (got - expected) ^ 2 / expected
  end
  local free = #probabilities - 1
  return (total - free) / math.sqrt(2 * free)
end

-- erf by its series, good for |x| < 5
local function normal_cdf(x)
  if x < -5 then return 0 elseif x > 5 then return 1 end
  local term, sum = x, x
  for k = 1, 200 do
    term = term * x * x / (2 * k + 1)
    sum = sum + term
  end
  return 0.5 + sum * math.exp(-x * x / 2) / math.sqrt(2 * math.pi)
end

local LIMIT = 1.95 -- passed by 99.9 in 100 good sequences
local float = {'float32', 'float64'}

describe('random numbers', function()
  before_each(function() tocha.manual_seed(20240607) end)

  it('of rand are spread evenly over [0, 1) in every floating dtype', function()
    for _, dtype in ipairs(float) do
      local x = tocha.rand(20000, {dtype = dtype})
      assert.is_true(distance(x, function(v) return v end) < LIMIT, dtype)
    end
    for _, dtype in ipairs{'float16', 'bfloat16', 'float32', 'float64'} do
      local x = tocha.rand(50000, {dtype = dtype})
      assert.equal(dtype, S.dtype(x))
      assert.is_true(x:amax():item() < 1 and x:amin():item() >= 0, dtype)
    end
  end)

  it('of randn are normal', function()
    for _, dtype in ipairs(float) do assert.is_true(distance(tocha.randn(20000, {dtype = dtype}), normal_cdf) < LIMIT, dtype) end
    for _, dtype in ipairs{'float16', 'bfloat16'} do
      local x = tocha.randn(20000, {dtype = dtype}):double()
      assert.near(0, x:mean():item(), 0.03)
      assert.near(1, (x * x):mean():item(), 0.05)
    end
  end)

  it('of randn are independent of their neighbours', function()
    local x = tocha.randn(40000, {dtype = 'float64'})
    for _, lag in ipairs{1, 2, 15, 16, 17, 32, 48, 64} do
      local product = (x:narrow(1, 1, 40000 - lag) * x:narrow(1, 1 + lag, 40000 - lag)):mean():item()
      assert.is_true(math.abs(product) < 4 / math.sqrt(40000), lag)
    end
  end)

  it('of randn are complex with variance 1 where asked', function()
    local squares = {0, 0}
    for _, z in ipairs(tocha.randn(20000, {dtype = 'complex64'}):totable()) do
      for part = 1, 2 do squares[part] = squares[part] + z[part] ^ 2 / 20000 end
    end
    assert.near(0.5, squares[1], 0.03)
    assert.near(0.5, squares[2], 0.03)
  end)

  it('of randint and random_ are equally likely', function()
    local tenth = {}
    for i = 1, 10 do tenth[i] = 0.1 end
    assert.is_true(chi_square(tocha.randint(-3, 7, {20000}), -3, tenth) < 4)
    assert.is_true(chi_square(tocha.randint(10, {20000}), 0, tenth) < 4)
    assert.is_true(chi_square(tocha.empty(20000, {dtype = 'int8'}):random_(1, 11), 1, tenth) < 4)
    assert.is_true(chi_square(tocha.empty(20000):random_(10), 0, tenth) < 4)
    assert.equal('float64', S.dtype(tocha.randint(3, {2}, {dtype = 'float64'})))
    assert.equal(2, tocha.randint(0, 2, {2, 3}):dim())
  end)

  it('of random_ cover what the dtype holds', function()
    for dtype, top in pairs{uint8 = 255, int8 = 127, int16 = 32767, int32 = 2147483647, bool = 1} do
      local x = tocha.empty(5000, {dtype = dtype}):random_():double()
      assert.is_true(x:amax():item() <= top and x:amax():item() >= 0.95 * top, dtype)
      assert.is_true(x:amin():item() >= 0, dtype)
    end
    assert.is_true(tocha.empty(100, {dtype = 'int64'}):random_():amin():double():item() >= 0)
    assert.is_true(tocha.empty(5000):random_():amax():item() <= 2 ^ 24)
  end)

  it('of uniform_, normal_, exponential_, cauchy_, log_normal_ follow their distributions', function()
    for _, dtype in ipairs(float) do
      local x = tocha.empty(20000, {dtype = dtype})
      assert.is_true(distance(x:uniform_(-1, 3), function(v) return (v + 1) / 4 end) < LIMIT)
      assert.is_true(distance(x:normal_(1, 0.5), function(v) return normal_cdf((v - 1) / 0.5) end) < LIMIT)
      assert.is_true(distance(x:exponential_(2), function(v) return 1 - math.exp(-2 * v) end) < LIMIT)
      assert.is_true(distance(x:cauchy_(1, 2), function(v) return 0.5 + math.atan((v - 1) / 2) / math.pi end) < LIMIT)
      assert.is_true(distance(x:log_normal_(0.5, 0.7), function(v) return normal_cdf((math.log(v) - 0.5) / 0.7) end) < LIMIT)
    end
  end)

  it('of geometric_ and poisson follow their distributions', function()
    local p = {}
    for k = 1, 12 do p[k] = 0.3 * 0.7 ^ (k - 1) end
    assert.is_true(chi_square(tocha.empty(20000):geometric_(0.3), 1, p) < 4)
    for _, rate in ipairs{0.5, 4, 9.9, 10, 25, 200} do
      local probabilities, first = {}, math.max(0, math.floor(rate - 2.5 * math.sqrt(rate)))
      local log_p = -rate
      for k = 1, first do log_p = log_p + math.log(rate / k) end
      for k = first, math.ceil(rate + 2.5 * math.sqrt(rate)) do
        if k > first then log_p = log_p + math.log(rate / k) end
        probabilities[#probabilities + 1] = math.exp(log_p)
      end
      local x = tocha.poisson(tocha.full({20000}, rate, {dtype = 'float64'}))
      assert.is_true(chi_square(x, first, probabilities) < 4, rate)
      assert.near(rate, x:mean():item(), 5 * math.sqrt(rate / 20000))
    end
    assert.equal(0, tocha.poisson(tocha.zeros(10)):sum():item())
  end)

  it('of bernoulli come with the given probability', function()
    assert.near(0.3, tocha.empty(50000):bernoulli_(0.3):mean():item(), 0.01)
    assert.near(0.5, tocha.empty(50000, {dtype = 'bool'}):bernoulli_():double():mean():item(), 0.01)
    local p = tocha.tensor{0, 0.2, 0.9, 1}:expand(20000, 4)
    local mean = tocha.bernoulli(p):mean(1):totable()
    assert.equal(0, mean[1])
    assert.equal(1, mean[4])
    assert.near(0.2, mean[2], 0.015)
    assert.near(0.9, mean[3], 0.015)
    assert.equal('int64', S.dtype(tocha.zeros(3, {dtype = 'int64'}):bernoulli_(0.5)))
    assert.near(0.9, tocha.empty(20000):bernoulli_(tocha.tensor(0.9)):mean():item(), 0.015)
  end)

  it('of binomial follow their distribution', function()
    for _, case in ipairs{{5, 0.3}, {40, 0.1}, {60, 0.5}, {1000, 0.03}, {300, 0.8}, {7, 1}, {7, 0}} do
      local n, p = case[1], case[2]
      local x = tocha.binomial(tocha.full({20000}, n, {dtype = 'float64'}), tocha.full({20000}, p, {dtype = 'float64'}))
      local mean, deviation = n * p, math.sqrt(n * p * (1 - p))
      assert.near(mean, x:mean():item(), 5 * deviation / math.sqrt(20000) + 1e-9)
      local first, probabilities = math.max(0, math.floor(mean - 2.5 * deviation)), {}
      for k = first, math.min(n, math.ceil(mean + 2.5 * deviation)) do
        local log_p = 0
        for i = 1, k do log_p = log_p + math.log((n - k + i) / i) end
        probabilities[#probabilities + 1] = p == k / n and (p == 0 or p == 1) and 1 or math.exp(log_p + k * math.log(p) + (n - k) * math.log(1 - p))
      end
      if deviation > 0 then assert.is_true(chi_square(x, first, probabilities) < 4, n .. ' ' .. p) end
    end
    S.fails(function() tocha.binomial(tocha.ones(2), tocha.tensor{0.5, 2}) end, 'binomial', 'prob', '2')
  end)

  -- the regularised incomplete gamma function by its series
  local function gamma_cdf(a, x)
    if x <= 0 then return 0 end
    local term, sum, log_gamma = 1, 1, 0
    for k = 1, 2000 do
      term = term * x / (a + k)
      sum = sum + term
    end
    local z = a + 1
    while z < 20 do
      log_gamma = log_gamma - math.log(z)
      z = z + 1
    end
    log_gamma = log_gamma + (z - 0.5) * math.log(z) - z + 0.5 * math.log(2 * math.pi) + 1 / (12 * z) - 1 / (360 * z ^ 3) + 1 / (1260 * z ^ 5)
    return math.exp(a * math.log(x) - x - log_gamma) * sum
  end

  it('of the gamma distribution follow it, and move with the shape along it', function()
    for _, a in ipairs{0.2, 1, 3.5, 30} do
      local shape = tocha.full({5000}, a, {dtype = 'float64'}):requires_grad_()
      local x = tocha._standard_gamma(shape)
      assert.is_true(distance(x:detach(), function(v) return gamma_cdf(a, v) end) < LIMIT, a)
      x:sum():backward()
      local values, slopes = x:detach():totable(), shape.grad:totable()
      for i = 1, 50 do
        local v, h = values[i], 1e-5 * a
        local moved = gamma_cdf(a + h, v + h * slopes[i]) - gamma_cdf(a - h, v - h * slopes[i])
        local stayed = gamma_cdf(a + h, v) - gamma_cdf(a - h, v)
        if v > 1e-3 then assert.is_true(math.abs(moved) < 1e-4 * math.abs(stayed) + 1e-12, a .. ' ' .. v) end
      end
    end
  end)

  it('of normal take tensors of means and deviations', function()
    local x = tocha.normal(tocha.tensor{0, 10}:expand(20000, 2), tocha.tensor{1, 0.1})
    assert.same({20000, 2}, x:size())
    assert.near(10, x:select(2, 2):mean():item(), 0.01)
    assert.near(0.1, x:select(2, 2):std():item(), 0.01)
    assert.same({2, 3}, tocha.normal(1, 2, {2, 3}):size())
    assert.same({4}, tocha.normal(tocha.zeros(4)):size())
    assert.same({4}, tocha.normal(0, tocha.ones(4)):size())
  end)

  it('of randperm are permutations, each equally likely', function()
    assert.same({}, tocha.randperm(0):totable())
    local counts = {}
    for _ = 1, 6000 do
      local key = table.concat(tocha.randperm(3):totable())
      counts[key] = (counts[key] or 0) + 1
    end
    local kinds, total = 0, 0
    for _, n in pairs(counts) do
      kinds = kinds + 1
      total = total + (n - 1000) ^ 2 / 1000
    end
    assert.equal(6, kinds)
    assert.is_true(total < 20.5) -- chi-square of 5 degrees, 99.9 in 100
    local seen = {}
    for _, v in ipairs(tocha.randperm(1000):totable()) do seen[v] = true end
    for i = 1, 1000 do assert.is_true(seen[i]) end
  end)

  it('of multinomial follow the weights', function()
    local w = tocha.tensor{1, 0, 3, 6}
    assert.is_true(chi_square(tocha.multinomial(w, 20000, true) , 1, {0.1, 1e-12, 0.3, 0.6}) < 4)
    local once = tocha.multinomial(w:expand(5000, 4), 3)
    assert.same({5000, 3}, once:size())
    assert.is_true(chi_square(once:select(2, 1), 1, {0.1, 1e-12, 0.3, 0.6}) < 4)
    assert.equal(5000 * (1 + 3 + 4), once:sum():item()) -- all that have weight, each once
    assert.equal(0, once:eq(2):sum():item())
  end)
end)

describe('the seed alone', function()
  local function sample()
    return tocha.cat{tocha.rand(1000):double(), tocha.randn(1001):double(), tocha.randn(33, {dtype = 'float64'}), tocha.randint(1000, {500}):double(),
      tocha.empty(77):exponential_():double(), tocha.randperm(50):double(), tocha.poisson(tocha.full({60}, 20.5)):double()}
  end

  it('decides the numbers, and they go on from call to call', function()
    tocha.manual_seed(5)
    local a, b = sample(), sample()
    tocha.manual_seed(5)
    assert.is_true(sample():equal(a))
    assert.is_true(sample():equal(b))
    assert.is_false(a:equal(b))
    assert.equal(5, tocha.initial_seed())
  end)

  it('decides them whatever the number of threads', function()
    local threads, n = tocha.get_num_threads(), 100003
    local function wide(f) return f(tocha.empty(n, {dtype = 'float64'})) end
    local samplers = {
      function() return tocha.randn(300001) end, function() return F.dropout(tocha.ones(300001), 0.4) end,
      function() return tocha.rand(n, {dtype = 'float64'}) end, function() return tocha.randint(-5, 1000, {n}) end,
      function() return tocha.randperm(n) end, function() return tocha.bernoulli(tocha.full({n}, 0.3)) end,
      function() return tocha.poisson(tocha.full({n}, 7.5)) end, function() return tocha.poisson(tocha.full({n}, 0.5)) end,
      function() return tocha.binomial(tocha.full({n}, 20):float(), tocha.full({n}, 0.4)) end,
      function() return tocha._standard_gamma(tocha.full({n}, 0.7)) end, function() return tocha.normal(tocha.zeros(n), 2) end,
      function() return tocha.multinomial(tocha.rand(50, 40), 20, true) end, function() return tocha.multinomial(tocha.rand(50, 40), 20) end,
      function() return wide(function(x) return x:uniform_(-2, 3) end) end, function() return wide(function(x) return x:normal_(1, 2) end) end,
      function() return wide(function(x) return x:exponential_(2) end) end, function() return wide(function(x) return x:cauchy_(1, 2) end) end,
      function() return wide(function(x) return x:log_normal_(0, 1) end) end, function() return wide(function(x) return x:geometric_(0.2) end) end,
      function() return wide(function(x) return x:random_(0, 77) end) end,
    }
    local function all()
      tocha.manual_seed(9)
      local list = {}
      for i, draw in ipairs(samplers) do list[i] = draw() end
      return list
    end
    tocha.set_num_threads(1)
    local one = all()
    for _, count in ipairs {2, 3} do
      tocha.set_num_threads(count)
      for i, x in ipairs(all()) do assert.is_true(x:equal(one[i]), 'sampler ' .. i .. ' with ' .. count .. ' threads') end
    end
    tocha.set_num_threads(threads)
  end)

  it('gives the same beginning to a shorter tensor, and to a view filled in place', function()
    tocha.manual_seed(4)
    local long = tocha.randn(200)
    tocha.manual_seed(4)
    assert.is_true(tocha.randn(70):equal(long:narrow(1, 1, 70)))
    tocha.manual_seed(4)
    local t = tocha.zeros(20, 10)
    t:t():normal_()
    assert.is_true(t:t():reshape(-1):equal(long))
  end)

  it('is Philox 4x32-10: the known answer for a zero counter and key', function()
    tocha.manual_seed(0)
    local x = tocha.rand(64, {dtype = 'float64'}):totable() -- words 0 and 1 of block 0 make element 1
    assert.equal(math.floor((0xe169c58d * 2 ^ 32 + 0x6627e8d5) / 2 ^ 11) * 2 ^ -53, x[1])
  end)

  it('can be kept and put back as a state', function()
    local state = tocha.get_rng_state()
    local a = tocha.rand(3)
    tocha.set_rng_state(state)
    assert.is_true(a:equal(tocha.rand(3)))
    assert.equal('uint8', S.dtype(state))
    S.fails(function() tocha.set_rng_state(tocha.zeros(3)) end, 'set_rng_state', 'uint8')
    S.fails(function() tocha.set_rng_state(3) end, 'set_rng_state')
  end)

  it('of a generator of its own leaves the default one alone', function()
    local g = tocha.Generator():manual_seed(3)
    tocha.manual_seed(1)
    local first = tocha.rand(4)
    tocha.manual_seed(1)
    local a = tocha.rand(3, {generator = g})
    assert.is_true(tocha.rand(4):equal(first))
    g:manual_seed(3)
    assert.is_true(a:equal(tocha.rand(3, {generator = g})))
    assert.equal(3, g:initial_seed())
    local state = g:get_state()
    local b = tocha.randn(5, {generator = g})
    assert.is_true(b:equal(tocha.randn(5, {generator = g:set_state(state)})))
    for _, f in ipairs{function() return tocha.randperm(9, {generator = g}) end, function() return tocha.randint(9, {9}, {generator = g}) end,
      function() return tocha.zeros(9):uniform_(0, 1, {generator = g}) end, function() return tocha.multinomial(tocha.ones(9), 5, true, {generator = g}) end,
      function() return tocha.bernoulli(tocha.full({9}, 0.5), {generator = g}) end, function() return tocha.normal(0, 1, {9}, {generator = g}) end} do
      g:manual_seed(8)
      local x = f()
      g:manual_seed(8)
      assert.is_true(x:equal(f()))
    end
    assert.is_number(g:seed())
    assert.is_true(tocha.rand(2, {generator = tocha.default_generator}):dim() == 1)
  end)

  it('is a fresh one in each process', function()
    local source = "io.write(tostring(require('tocha').rand(1):item()))"
    assert.not_equal(S.runs(source), S.runs(source))
  end)

  it('must be a whole number', function()
    S.fails(function() tocha.manual_seed('x') end, 'manual_seed', 'string')
    S.fails(function() tocha.manual_seed(1.5) end, 'manual_seed', '1.5')
  end)
end)

describe('filling in place', function()
  it('gives the tensor itself and its shape', function()
    local x = tocha.zeros(3, 4)
    assert.equal(x, x:uniform_())
    assert.equal(x, x:bernoulli_(0.5))
    assert.equal(x, x:random_(3))
  end)

  it('makes a constant of what has a history', function()
    local x = tocha.ones(3, {requires_grad = true})
    local y = x * 2
    y:normal_()
    local z = y * x
    z:sum():backward()
    assert.is_true(x.grad:equal(y))
  end)

  it('is refused for a leaf that requires grad, unless nothing records', function()
    local x = tocha.ones(3, {requires_grad = true})
    S.fails(function() x:uniform_() end, 'uniform_', 'leaf')
    tocha.no_grad(function() x:uniform_() end)
    assert.is_true(x:amax():item() < 1)
    assert.is_true(x.requires_grad)
  end)

  it('counts as a change of what backward needs', function()
    local x, y = tocha.ones(3, {requires_grad = true}), tocha.ones(3)
    local z = (x * y):sum()
    y:normal_()
    S.fails(function() z:backward() end, 'normal_')
  end)

  it('names what it does not take', function()
    local x = tocha.zeros(3)
    S.fails(function() x:uniform_(2, 1) end, 'uniform_', '2', '1')
    S.fails(function() x:normal_(0, -1) end, 'normal_', 'std', '-1')
    S.fails(function() x:exponential_(0) end, 'exponential_', 'lambd')
    S.fails(function() x:cauchy_(0, 0) end, 'cauchy_', 'sigma')
    S.fails(function() x:log_normal_(0, 0) end, 'log_normal_', 'std')
    S.fails(function() x:geometric_(0) end, 'geometric_', 'p')
    S.fails(function() x:bernoulli_(1.5) end, 'bernoulli_', '1.5')
    S.fails(function() x:random_(5, 5) end, 'random_', '5')
    S.fails(function() x:byte():random_(0, 300) end, 'random_', '300', 'uint8')
    S.fails(function() x:long():normal_() end, 'normal_', 'int64')
    S.fails(function() x:expand(2, 3):uniform_() end, 'uniform_', 'expand')
    S.fails(function() tocha.rand(3, {dtype = 'int64'}) end, 'rand', 'int64')
    S.fails(function() tocha.randint(3, 3, {2}) end, 'randint', '3')
    S.fails(function() tocha.randperm(-1) end, 'randperm', '-1')
    S.fails(function() tocha.bernoulli(tocha.tensor{0.5, 1.5}) end, 'bernoulli', '1.5')
    S.fails(function() tocha.poisson(tocha.tensor{-1}) end, 'poisson', '-1')
    S.fails(function() tocha.multinomial(tocha.tensor{1, -1}, 1) end, 'multinomial', 'negative')
    S.fails(function() tocha.multinomial(tocha.tensor{0, 0}, 1) end, 'multinomial', 'positive')
    S.fails(function() tocha.multinomial(tocha.tensor{1, 0}, 2) end, 'multinomial', 'without replacement')
    S.fails(function() tocha.multinomial(tocha.tensor{1, 1}, 3) end, 'multinomial', '3', '2')
    S.fails(function() tocha.rand(2, {generator = 5}) end, 'rand', 'generator')
    S.fails(function() tocha.rand(2, {seed = 5}) end, 'rand', 'seed', 'generator')
  end)
end)

describe('dropout', function()
  before_each(function() tocha.manual_seed(6) end)

  it('zeroes elements with probability p and scales the others', function()
    for _, dtype in ipairs{'float32', 'float64', 'float16', 'bfloat16'} do
      local y = F.dropout(tocha.ones(20000, {dtype = dtype}), 0.25):double()
      assert.near(0.75, y:gt(0):double():mean():item(), 0.015)
      assert.near(1 / 0.75, y:amax():item(), 0.01)
    end
  end)

  it('is the identity outside training and for p = 0, and all zeros for p = 1', function()
    local x = tocha.randn(50)
    assert.is_true(F.dropout(x, 0.5, false):equal(x))
    assert.is_true(F.dropout(x, 0):equal(x))
    assert.equal(0, F.dropout(x, 1):abs():sum():item())
    local y = tocha.full({5}, math.huge, {requires_grad = true})
    local z = F.dropout(y, 1)
    assert.equal(0, z:sum():item())
    z:sum():backward()
    assert.equal(0, y.grad:sum():item())
  end)

  it('has the gradient of its own mask, of every order, for any layout', function()
    local x = tocha.randn(30, 20, {dtype = 'float64'}):t():requires_grad_()
    local y = F.dropout(x, 0.4)
    local g = tocha.randn(20, 30, {dtype = 'float64', requires_grad = true})
    local dx = tocha.autograd.grad({y}, {x}, {grad_outputs = {g}, create_graph = true})
    local mask = y:ne(0):double() / 0.6
    S.close(dx, g * mask, 1e-12, 0)
    local dg = tocha.autograd.grad({dx:sum()}, {g})
    S.close(dg, mask, 1e-12, 0)
  end)

  it('in place changes the tensor itself', function()
    local x = tocha.ones(100)
    local y = F.dropout(x, 0.5, true, true)
    assert.equal(x, y)
    assert.is_true(x:eq(0):any():item())
    local w = tocha.ones(100, {requires_grad = true})
    local h = w * 1
    F.dropout(h, {p = 0.5, inplace = true}):sum():backward()
    assert.is_true(w.grad:equal(h:detach()))
  end)

  it('of channels drops whole ones', function()
    for _, case in ipairs{{'dropout1d', {40, 30, 5}}, {'dropout2d', {40, 30, 2, 3}}, {'dropout3d', {40, 30, 2, 1, 2}}} do
      local y = F[case[1]](tocha.ones(case[2]), 0.5):reshape(40, 30, -1)
      assert.is_true(y:amax(3):equal(y:amin(3)))
      assert.near(0.5, y:eq(0):float():mean():item(), 0.05)
    end
    assert.same({7, 5}, F.dropout1d(tocha.ones(7, 5)):size())
    S.fails(function() F.dropout3d(tocha.ones(2, 2)) end, 'dropout3d', '2 x 2')
  end)

  it('alpha keeps mean and variance', function()
    local x = tocha.randn(40000)
    local y = F.alpha_dropout(x, 0.3, true)
    assert.near(0, y:mean():item(), 0.03)
    assert.near(1, y:std():item(), 0.03)
    assert.is_true(F.alpha_dropout(x):equal(x))
    local z = F.feature_alpha_dropout(tocha.zeros(20, 10, 6), 0.5, true)
    assert.is_true(z:amax(3):equal(z:amin(3)))
  end)

  it('refuses a probability outside 0 to 1', function()
    S.fails(function() F.dropout(tocha.ones(2), 1.5) end, 'dropout', '1.5')
    S.fails(function() F.dropout(tocha.ones(2, {dtype = 'int64'})) end, 'dropout', 'int64')
  end)
end)
