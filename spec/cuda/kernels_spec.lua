--- Sizes at which kernels on the CUDA device cut their work in pieces, against the CPU: several tiles, chunks, passes of a sort; random numbers,
-- which are the same on both; update rules of the optimizers.

local tocha = require 'tocha'
local D = require 'spec.cuda.device'

-- f on the CPU and on the device, on the same inputs; all results agree within tol of the largest element
local function same(f, tol, ...)
  local here, there = {...}, {}
  for i = 1, select('#', ...) do there[i] = tocha.is_tensor(here[i]) and here[i]:to(D.device) or here[i] end
  local want, got = {f(unpack(here))}, {f(unpack(there))}
  assert.equal(#want, #got)
  for i = 1, #want do
    assert.equal('cuda', tostring(got[i].device):sub(1, 4))
    local a, b = want[i]:detach():to('float64'), got[i]:detach():to('cpu'):to('float64')
    local scale = math.max(1, a:abs():nan_to_num(0, 0, 0):max():item())
    assert.is_true(tocha.allclose(b, a, {rtol = 0, atol = tol * scale, equal_nan = true}), 'result ' .. i)
  end
end

local function normal(...) return tocha.randn(...) end
local function labels(n, count) return tocha.randint(1, n + 1, {count}) end

local groups = {}

groups['reductions in several chunks'] = {
  ['sum, mean, norm of all'] = function() same(function(x) return x:sum(), x:mean(), x:norm() end, 1e-6, normal(300, 1000)) end,
  ['sum of rows and of columns'] = function()
    same(function(x) return x:sum(1), x:sum(2), x:amax(1), x:amin(2), x:prod(1) end, 1e-6, normal(5000, 7))
  end,
  ['of half types'] = function() same(function(x) return x:sum(2), x:amax(2), x:sum() end, 1e-3, normal(64, 4096):to('bfloat16')) end,
  ['extremes with positions'] = function()
    same(function(x) local v, i = x:max(2) return v, i, x:argmin(1), x:argmax() end, 0, tocha.randint(0, 50, {40, 9000}):to('float32'))
  end,
  ['variances'] = function() same(function(x) return x:var(1), x:std(2), x:var() end, 1e-6, normal(3000, 50) + 1000) end,
}

groups['sorting in several passes'] = {
  ['sort'] = function()
    for _, dtype in ipairs {'float32', 'float64', 'int64', 'int16', 'bfloat16'} do
      same(function(x) return x:sort(2) end, 0, (normal(3, 5000) * 100):to(dtype))
      same(function(x) return x:sort(1, true) end, 0, (normal(2500, 2) * 10):to(dtype))
    end
  end,
  ['topk'] = function()
    same(function(x) return x:topk(8) end, 0, normal(3, 3000))
    same(function(x) return x:topk(20, 2, false) end, 0, normal(2, 3000):to('float64'))
    same(function(x) return x:topk(2000) end, 0, normal(2, 4000))
  end,
  ['k-th values, medians, modes'] = function()
    same(function(x) return x:kthvalue(700) end, 0, normal(3, 3000))
    same(function(x) return x:median(2) end, 0, normal(3, 3001))
    same(function(x) return x:mode(2) end, 0, tocha.randint(0, 40, {3, 3000}))
  end,
  ['rows so long that the library sorts them'] = function()
    for _, dtype in ipairs {'float32', 'float64', 'int64', 'int8'} do
      same(function(x) return x:sort(2) end, 0, (normal(2, 33000) * 50):round():to(dtype))
      same(function(x) return x:sort(1, true) end, 0, (normal(33000, 1) * 50):round():to(dtype))
    end
    same(function(x) return x:topk(20000) end, 0, normal(40000))
    same(function(x) return tocha.unique(x, {return_inverse = true, return_counts = true}) end, 0, tocha.randint(0, 500, {40000}))
    same(function(x, at, from) return x:index_add(1, at, from) end, 1e-6, tocha.zeros(10, 2), labels(10, 40000), normal(40000, 2))
  end,
  ['unique'] = function()
    same(function(x) return tocha.unique(x, {return_inverse = true, return_counts = true}) end, 0, tocha.randint(0, 500, {5000}))
  end,
}

groups['running folds in several tiles'] = {
  ['sums'] = function()
    same(function(x) return x:cumsum(2), x:logcumsumexp(2) end, 1e-6, normal(2, 40000))
    same(function(x) return x:cumsum(1) end, 1e-6, normal(3000, 20))
    same(function(x) return x:cumsum(1) end, 0, tocha.randint(0, 9, {30000}))
  end,
  ['extremes'] = function() same(function(x) return x:cummax(2) end, 0, normal(2, 30000)) end,
  ['backwards'] = function()
    same(function(x)
      local y = x:clone():requires_grad_()
      y:cumsum(1):mul(y):sum():backward()
      return y.grad
    end, 1e-5, normal(20000))
  end,
}

groups['indices with many duplicates'] = {
  ['index_add, scatter_add, index_put'] = function()
    local index, x = labels(17, 3000), normal(3000, 5)
    same(function(i, s) return tocha.zeros(17, 5, {device = s.device}):index_add(1, i, s) end, 1e-5, index, x)
    same(function(i, s) return tocha.zeros(17, {device = s.device}):scatter_add(1, i, s) end, 1e-5, index, normal(3000))
    same(function(i, s) return tocha.zeros(17, {device = s.device}):scatter(1, i, s) end, 0, index, normal(3000))
  end,
  ['embedding and its gradient'] = function()
    same(function(i, t)
      local w = t:clone():requires_grad_()
      local y = tocha.nn.functional.embedding(i, w)
      y:mul(y):sum():backward()
      return y, w.grad
    end, 1e-5, labels(11, 2000), normal(11, 40))
  end,
  ['nonzero, masked_select, bincount'] = function()
    same(function(x) return x:gt(0):nonzero(), x:masked_select(x:gt(0.5)) end, 0, normal(30000))
    same(function(i, w) return tocha.bincount(i), tocha.bincount(i, w) end, 1e-6, labels(60, 20000), tocha.rand(20000))
  end,
}

groups['long rows'] = {
  ['softmax'] = function()
    for _, n in ipairs {100, 1000, 5000, 9000} do
      same(function(x)
        local y = x:clone():requires_grad_()
        local s = y:log_softmax(2)
        s:mul(s):sum():backward()
        return s, y.grad
      end, 1e-5, normal(3, n))
    end
  end,
  ['layer_norm'] = function()
    for _, n in ipairs {96, 768, 1030, 4096, 20000} do
      same(function(x, w, b)
        local y, v = x:clone():requires_grad_(), w:clone():requires_grad_()
        local z = tocha.nn.functional.layer_norm(y, {n}, v, b)
        z:mul(z):sum():backward()
        return z, y.grad, v.grad
      end, 1e-4, normal(9, n), normal(n), normal(n))
    end
  end,
  ['batch_norm'] = function()
    same(function(x)
      local y = x:clone():requires_grad_()
      local z = tocha.nn.functional.batch_norm(y, nil, nil, nil, nil, true)
      z:mul(z):mul(z):sum():backward()
      return z, y.grad
    end, 1e-4, normal(300, 6) + 5)
  end,
  ['cross_entropy'] = function()
    same(function(x, t)
      local y = x:clone():requires_grad_()
      local loss = tocha.nn.functional.cross_entropy(y, t, {label_smoothing = 0.1})
      loss:backward()
      return loss, y.grad
    end, 1e-5, normal(5, 3000), labels(3000, 5))
  end,
  ['a loss over many elements'] = function()
    same(function(x, y) return tocha.nn.functional.mse_loss(x, y) end, 1e-6, normal(70000), normal(70000))
  end,
}

local function drawn(f)
  for _, seed in ipairs {1, 2 ^ 40} do
    tocha.manual_seed(seed)
    local here = f('cpu')
    tocha.manual_seed(seed)
    local there = f(D.device):to('cpu')
    assert.is_true(tocha.allclose(there:to('float64'), here:to('float64'), {rtol = 1e-14, atol = 0, equal_nan = true}))
  end
end

groups['random numbers'] = {}
for _, dtype in ipairs {'float32', 'float64', 'float16', 'bfloat16'} do
  groups['random numbers']['are those of the CPU in ' .. dtype] = function()
    local size = {7, 91}
    drawn(function(device) return tocha.rand(size, {device = device, dtype = dtype}) end)
    drawn(function(device) return tocha.randn(size, {device = device, dtype = dtype}) end)
    for _, name in ipairs {'exponential_', 'cauchy_', 'log_normal_', 'geometric_'} do
      drawn(function(device)
        local x = tocha.empty(size, {device = device, dtype = dtype})
        return name == 'geometric_' and x:geometric_(0.3) or x[name](x)
      end)
    end
    drawn(function(device) return tocha.nn.functional.dropout(tocha.ones(size, {device = device, dtype = dtype}), 0.4, true) end)
    drawn(function(device) return tocha.poisson(tocha.full(size, 30, {device = device, dtype = dtype})) end)
    drawn(function(device) return tocha.bernoulli(tocha.full(size, 0.3, {device = device, dtype = dtype})) end)
  end
end
groups['random numbers']['whole ones, orders and draws by weight'] = function()
  drawn(function(device) return tocha.randint(-5, 1000, {1000}, {device = device}) end)
  drawn(function(device) return tocha.randperm(3000, {device = device}) end)
  local weights = tocha.rand(3, 2000)
  drawn(function(device) return tocha.multinomial(weights:to(device), 50, true) end)
  drawn(function(device) return tocha.multinomial(weights:to(device), 50, false) end)
end

local rules = {'SGD', 'Adam', 'AdamW', 'RMSprop', 'Adagrad', 'Adadelta', 'Adamax', 'NAdam', 'RAdam', 'ASGD', 'Rprop', 'Lion', 'LAMB', 'Muon', 'Adafactor'}
groups['optimizers'] = {}
for _, rule in ipairs(rules) do
  groups['optimizers'][rule .. ' takes the same steps'] = function()
    local muon = rule == 'Muon'     -- matrices alone; its products are in bfloat16
    local first = muon and {normal(50, 100), normal(3, 3), normal(50, 100)} or {normal(50, 100), normal(7), normal(3, 3):to('float64')}
    local function train(device)
      local params = {}
      for i, x in ipairs(first) do params[i] = x:clone():to(device):requires_grad_() end
      local optimizer = tocha.optim[rule](params, {lr = 0.01})
      for _ = 1, 4 do
        optimizer:zero_grad()
        local loss = 0
        for _, p in ipairs(params) do loss = p:sin():mul(p):sum():to('float64') + loss end
        loss:backward()
        optimizer:step()
      end
      return params
    end
    local here, there = train('cpu'), train(D.device)
    for i = 1, #here do assert.is_true(tocha.allclose(there[i]:to('cpu'), here[i], muon and {rtol = 1e-3, atol = 2e-3} or {rtol = 1e-5, atol = 1e-6})) end
  end
end

for name, cases in pairs(D.there() and groups or {}) do
  describe(name .. ' on CUDA', function()
    for case, f in pairs(cases) do
      it(case, function()
        tocha.manual_seed(3)
        f()
      end)
    end
  end)
end
