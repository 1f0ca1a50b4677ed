-- The steps of the optimizers against the same formulas on plain Lua numbers.
local tocha = require 'tocha'
local optim = tocha.optim

local function value(x) return x:double():totable() end

-- Gradients that differ by step and element, now and then of the other sign.
local function gradient(t, i) return math.sin(1.3 * t + i) * (1 + 0.2 * i) + 0.1 end

local start = {0.5, -1.25, 2, -0.75, 1.5}

local function sign(v) return v > 0 and 1 or v < 0 and -1 or 0 end

-- rules[name](p, g, s, o, t) gives the new p; s is the state of the element, o the options
local rules = {}

function rules.SGD(p, g, s, o, t)
  if (o.momentum or 0) ~= 0 then
    s.b = t == 1 and g or o.momentum * s.b + (1 - (o.dampening or 0)) * g
    g = o.nesterov and g + o.momentum * s.b or s.b
  end
  return p - o.lr * g
end

local function moments(g, s, o)
  local b1, b2 = o.betas[1], o.betas[2]
  s.m, s.v = b1 * (s.m or 0) + (1 - b1) * g, b2 * (s.v or 0) + (1 - b2) * g * g
  return b1, b2
end

function rules.Adam(p, g, s, o, t)
  local b1, b2 = moments(g, s, o)
  local v = s.v
  if o.amsgrad then
    s.most = math.max(s.most or 0, v)
    v = s.most
  end
  return p - o.lr / (1 - b1 ^ t) * s.m / (math.sqrt(v / (1 - b2 ^ t)) + o.eps)
end

function rules.AdamW(p, g, s, o, t) return rules.Adam(p * (1 - o.lr * o.decay), g, s, o, t) end

function rules.RMSprop(p, g, s, o)
  s.v = o.alpha * (s.v or 0) + (1 - o.alpha) * g * g
  local v = s.v
  if o.centered then
    s.a = o.alpha * (s.a or 0) + (1 - o.alpha) * g
    v = v - s.a * s.a
  end
  local move = g / (math.sqrt(v) + o.eps)
  if (o.momentum or 0) > 0 then
    s.b = o.momentum * (s.b or 0) + move
    move = s.b
  end
  return p - o.lr * move
end

function rules.Adagrad(p, g, s, o, t)
  s.v = (s.v or o.initial_accumulator_value or 0) + g * g
  return p - o.lr / (1 + (t - 1) * (o.lr_decay or 0)) * g / (math.sqrt(s.v) + o.eps)
end

function rules.Adadelta(p, g, s, o)
  s.v = o.rho * (s.v or 0) + (1 - o.rho) * g * g
  local move = math.sqrt((s.d or 0) + o.eps) / math.sqrt(s.v + o.eps) * g
  s.d = o.rho * (s.d or 0) + (1 - o.rho) * move * move
  return p - o.lr * move
end

function rules.Adamax(p, g, s, o, t)
  local b1, b2 = o.betas[1], o.betas[2]
  s.m, s.u = b1 * (s.m or 0) + (1 - b1) * g, math.max(b2 * (s.u or 0), math.abs(g) + o.eps)
  return p - o.lr / (1 - b1 ^ t) * s.m / s.u
end

function rules.RAdam(p, g, s, o, t)
  local b1, b2 = moments(g, s, o)
  local m, most = s.m / (1 - b1 ^ t), 2 / (1 - b2) - 1
  local rho = most - 2 * t * b2 ^ t / (1 - b2 ^ t)
  if rho <= 5 then return p - o.lr * m end
  local rectify = math.sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho))
  return p - o.lr * m * rectify * math.sqrt(1 - b2 ^ t) / (math.sqrt(s.v) + o.eps)
end

function rules.ASGD(p, g, s, o, t)
  s.eta, s.mu = s.eta or o.lr, s.mu or 1
  p = p * (1 - o.lambd * s.eta) - s.eta * g
  s.eta, s.mu = o.lr / (1 + o.lambd * o.lr * t) ^ o.alpha, 1 / math.max(1, t - o.t0)
  return p
end

function rules.Rprop(p, g, s, o)
  local turn = sign(g * (s.before or 0))
  s.step = (s.step or o.lr) * (turn > 0 and o.etas[2] or turn < 0 and o.etas[1] or 1)
  s.step = math.min(math.max(s.step, o.step_sizes[1]), o.step_sizes[2])
  if turn < 0 then g = 0 end
  s.before = g
  return p - sign(g) * s.step
end

local adam = {lr = 0.01, betas = {0.9, 0.99}, eps = 1e-8}
local function with(base, more)
  local out = {}
  for k, v in pairs(base) do out[k] = v end
  for k, v in pairs(more) do out[k] = v end
  return out
end

local cases = {
  {'SGD', {lr = 0.1}}, {'SGD', {lr = 0.1, momentum = 0.9, dampening = 0.3}},
  {'SGD', {lr = 0.1, momentum = 0.9, nesterov = true, weight_decay = 0.1}},
  {'SGD', {lr = 0.1, momentum = 0.5, maximize = true}},
  {'Adam', adam}, {'Adam', with(adam, {amsgrad = true, weight_decay = 0.1})}, {'Adam', with(adam, {maximize = true})},
  {'AdamW', with(adam, {weight_decay = 0.1})}, {'AdamW', with(adam, {weight_decay = 0.1, amsgrad = true})},
  {'RMSprop', {lr = 0.01, alpha = 0.9, eps = 1e-8}},
  {'RMSprop', {lr = 0.01, alpha = 0.9, eps = 1e-8, centered = true, momentum = 0.5, weight_decay = 0.01}},
  {'Adagrad', {lr = 0.1, lr_decay = 0.1, eps = 1e-10, initial_accumulator_value = 0.2}},
  {'Adadelta', {lr = 1, rho = 0.9, eps = 1e-6}}, {'Adamax', with(adam, {weight_decay = 0.01})},
  {'RAdam', with(adam, {betas = {0.8, 0.9}})}, {'ASGD', {lr = 0.1, lambd = 0.01, alpha = 0.75, t0 = 4}},
  {'Rprop', {lr = 0.05, etas = {0.5, 1.2}, step_sizes = {1e-3, 0.2}}},
}

-- Coupled weight decay and maximize act on the gradient before any rule.
local function expected(name, o, steps)
  local out, decoupled = {}, name == 'AdamW'
  local rule_options = with(o, {decay = o.weight_decay})
  for i, p in ipairs(start) do
    local s = {}
    for t = 1, steps do
      local g = gradient(t, i) * (o.maximize and -1 or 1)
      if o.weight_decay and not decoupled then g = g + o.weight_decay * p end
      p = rules[name](p, g, s, rule_options, t)
    end
    out[i] = p
  end
  return out
end

local function set_gradient(p, t, dtype)
  local g = {}
  for i = 1, #start do g[i] = gradient(t, i) end
  p.grad = tocha.tensor(g, {dtype = dtype})
end

local function run(name, o, steps, p, dtype)
  local opt = optim[name]({p}, o)
  for t = 1, steps do
    set_gradient(p, t, dtype)
    opt:step()
  end
  return opt
end

local function near(want, got, tolerance, what)
  for i = 1, #want do
    assert(math.abs(want[i] - got[i]) <= tolerance * (1 + math.abs(want[i])),
      ('%s: element %d: got %.9g, wanted %.9g'):format(what, i, got[i], want[i]))
  end
end

local tolerances = {float64 = 1e-6, float32 = 2e-5, bfloat16 = 0.06, float16 = 0.02}

describe('The steps of the optimizers', function()
  for _, case in ipairs(cases) do
    local name, o = case[1], case[2]
    local words = {}
    for k, v in pairs(o) do words[#words + 1] = k .. '=' .. (type(v) == 'table' and v[1] .. ',' .. v[2] or tostring(v)) end
    table.sort(words)
    it('are the formula: ' .. name .. ' ' .. table.concat(words, ' '), function()
      for dtype, tolerance in pairs(tolerances) do
        local p = tocha.tensor(start, {dtype = dtype}):requires_grad_()
        run(name, o, 8, p, dtype)
        assert.are.equal(dtype, (tostring(p.dtype):gsub('^.*%.', '')))
        near(expected(name, o, 8), value(p), tolerance, dtype)
      end
    end)
    it('go on unchanged after a state_dict: ' .. name .. ' ' .. table.concat(words, ' '), function()
      local a, b = tocha.tensor(start):requires_grad_(), tocha.tensor(start):requires_grad_()
      local first = run(name, o, 8, a, 'float32')
      local second = run(name, o, 4, b, 'float32')
      local third = optim[name]({b}, o)
      third:load_state_dict(second:state_dict())
      for t = 5, 8 do
        set_gradient(b, t, 'float32')
        third:step()
      end
      assert.are.same(value(a), value(b))
      assert.is_true(#first.param_groups == 1)
    end)
  end
end)

describe('One step over many parameters', function()
  local function params(n)
    local out = {}
    for i = 1, n do out[i] = tocha.randn(i % 7 + 1, i % 5 + 1):requires_grad_() end
    return out
  end

  it('gives the same as a step over each', function()
    for _, name in ipairs{'SGD', 'Adam', 'RMSprop'} do
      tocha.manual_seed(3)
      local all = params(90)
      tocha.manual_seed(3)
      local each = params(90)
      local opt, opts = optim[name](all, {lr = 0.1}), {}
      for i, p in ipairs(each) do opts[i] = optim[name]({p}, {lr = 0.1}) end
      for _ = 1, 3 do
        for i = 1, 90 do
          local g = tocha.randn(all[i].shape)
          all[i].grad, each[i].grad = g, g:clone()
          opts[i]:step()
        end
        opt:step()
      end
      for i = 1, 90 do assert.is_true(all[i]:equal(each[i]), name .. ' ' .. i) end
    end
  end)

  it('does not depend on the number of threads', function()
    local before, results = tocha.get_num_threads(), {}
    for k, threads in ipairs{1, 2, 4} do
      tocha.set_num_threads(threads)
      tocha.manual_seed(5)
      local p = tocha.randn(70001):requires_grad_()
      local q = tocha.randn(3, 5):requires_grad_()
      local opt = optim.Adam({q, p}, {lr = 0.1, weight_decay = 0.01})
      for _ = 1, 3 do
        p.grad, q.grad = tocha.randn(70001), tocha.randn(3, 5)
        opt:step()
      end
      results[k] = p:detach()
    end
    tocha.set_num_threads(before)
    assert.is_true(results[1]:equal(results[2]))
    assert.is_true(results[1]:equal(results[3]))
  end)

  it('updates parameters that are not contiguous', function()
    local base = tocha.randn(4, 6)
    local view = base:t():detach():requires_grad_()
    local plain = view:detach():clone():requires_grad_()
    local a, b = optim.Adam({view}, {lr = 0.1}), optim.Adam({plain}, {lr = 0.1})
    for _ = 1, 3 do
      local g = tocha.randn(6, 4)
      view.grad, plain.grad = g, g:clone()
      a:step()
      b:step()
    end
    assert.is_false(view:is_contiguous())
    assert.is_true(view:detach():equal(plain:detach()))
    assert.is_true(base:t():equal(plain:detach()))
  end)

  it('passes over parameters without a gradient, and takes them in when one comes', function()
    local p, q = tocha.ones(2):requires_grad_(), tocha.ones(2):requires_grad_()
    local opt = optim.SGD({p, q}, {lr = 0.1, momentum = 0.9, dampening = 0.5})
    p.grad = tocha.ones(2)
    opt:step()
    assert.are.same({1, 1}, value(q))
    assert.is_nil(opt.state[q])
    q.grad = tocha.ones(2)
    opt:step()
    near({0.9, 0.9}, value(q), 1e-6, 'first step, undampened')
    near({0.9 - 0.1 * 1.4, 0.9 - 0.1 * 1.4}, value(p), 1e-6, 'second step')
  end)

  it('counts as an in-place change of the parameters', function()
    local p = tocha.ones(3):requires_grad_()
    local opt = optim.SGD({p}, {lr = 0.1})
    p.grad = tocha.ones(3)
    local y = (p * p):sum()
    opt:step()
    local ok, message = pcall(y.backward, y)
    assert.is_false(ok)
    assert.is_truthy(message:find('sgd_step', 1, true))
  end)

  it('makes no garbage once it runs', function()
    local list = params(20)
    for _, p in ipairs(list) do p.grad = tocha.ones(p.shape) end
    local opt = optim.Adam(list, {lr = 0.001})
    for _ = 1, 200 do opt:step() end
    collectgarbage()
    collectgarbage('stop')
    local before = collectgarbage('count')
    for _ = 1, 1000 do opt:step() end
    local grown = collectgarbage('count') - before
    collectgarbage('restart')
    assert(grown < 64, ('%.1f KB in 1000 steps'):format(grown))
  end)

  it('raises an error when a parameter was released, and goes on living', function()
    local p, q = tocha.ones(3):requires_grad_(), tocha.ones(3):requires_grad_()
    local opt = optim.Adam({p, q}, {lr = 0.1})
    p.grad, q.grad = tocha.ones(3), tocha.ones(3)
    opt:step()
    p:free()
    assert.has_error(function() opt:step() end)
    opt:zero_grad()
    assert.is_nil(q.grad)
  end)
end)
