--- Lion, LAMB, the optimizers that evaluate a closure several times, warm-up, hooks.

local tocha = require 'tocha'
local optim, S = tocha.optim, require 'spec.support'
local f64 = {dtype = 'float64'}

local function t(v) return tocha.tensor(v, f64) end

-- a curved valley with its minimum 0 at (1, 1)
local function rosenbrock(x) return (1 - x[1]):square() + (x[2] - x[1]:square()):square() * 100 end

local function closure_of(x, f, optimizer)
  return function()
    optimizer:zero_grad()
    local loss = f(x)
    if tocha.is_grad_enabled() and x.requires_grad then loss:backward() end
    return loss
  end
end

before_each(function() tocha.manual_seed(2) end)

describe('Lion', function()
  it('moves by the sign of a running average', function()
    for _, dtype in ipairs{'float64', 'float32', 'bfloat16'} do
      local p = tocha.tensor({0.5, -1, 2, 0}, {dtype = dtype, requires_grad = true})
      local opt = optim.Lion({p}, {lr = 0.25, betas = {0.5, 0.75}, weight_decay = 0.5})
      local m, x = {0, 0, 0, 0}, {0.5, -1, 2, 0}
      for step = 1, 3 do
        local g = {1, -2, step == 1 and 1 or -4, 0}
        p.grad = tocha.tensor(g, {dtype = dtype})
        opt:step()
        for i = 1, 4 do
          local c = 0.5 * m[i] + 0.5 * g[i]
          x[i] = x[i] * (1 - 0.25 * 0.5) - 0.25 * (c > 0 and 1 or c < 0 and -1 or 0)
          m[i] = 0.75 * m[i] + 0.25 * g[i]
        end
      end
      local tolerance = dtype == 'bfloat16' and 2e-2 or 1e-6
      S.close(p:detach():double(), t(x), tolerance, tolerance)
      S.close(opt.state[p].exp_avg:double(), t(m), tolerance, tolerance)
    end
  end)

  it('keeps its state, maximises, and refuses nonsense', function()
    local p = t{1, 2}:requires_grad_()
    local opt = optim.Lion({p}, {lr = 0.5, maximize = true})
    p.grad = t{1, -1}
    opt:step()
    assert.are.same({1.5, 1.5}, p:totable())
    local other = optim.Lion({t{1, 2}:requires_grad_()})
    other:load_state_dict(opt:state_dict())
    assert.are.equal(0.5, other.param_groups[1].lr)
    S.close(other.state[other.param_groups[1].params[1]].exp_avg, opt.state[p].exp_avg)
    assert.has_error(function() optim.Lion({p}, {lr = -1}) end, 'Lion: lr: got -1, takes a number of at least 0')
  end)
end)

describe('LAMB', function()
  it('scales the step to the length of the parameter', function()
    local p = t{3, 4}:requires_grad_()
    local opt = optim.LAMB({p}, {lr = 0.1, eps = 0})
    p.grad = t{2, -7}
    opt:step()                                   -- Adam's first step is the sign: length sqrt 2; the parameter's is 5
    local move = 0.1 * 5 / math.sqrt(2)
    S.close(p:detach(), t{3 - move, 4 + move}, 1e-9, 1e-9)
    local x = t{-1, 1}:requires_grad_()
    local slow = optim.LAMB({x}, {lr = 0.02})
    for _ = 1, 500 do slow:step(closure_of(x, function(v) return (v - t{0.5, 2}):square():sum() end, slow)) end
    S.close(x:detach(), t{0.5, 2}, 0.1, 0.1)
  end)
end)

describe('conjugate gradients', function()
  it('follow a curved valley', function()
    local x = t{-1.2, 1}:requires_grad_()
    local opt = optim.ConjugateGradient({x}, {max_iter = 25})
    for _ = 1, 12 do opt:step(closure_of(x, rosenbrock, opt)) end
    S.close(x:detach(), t{1, 1}, 1e-4, 1e-4)
  end)

  it('solve a quadratic problem of n numbers in about n iterations', function()
    local a = tocha.randn(6, 6, f64)
    local m, b = a:mm(a:t()) + tocha.eye(6, nil, f64), tocha.randn(6, f64)
    local x = tocha.zeros(6, {dtype = 'float64', requires_grad = true})
    local opt = optim.ConjugateGradient({x}, {max_iter = 15, tolerance_change = 0})
    opt:step(closure_of(x, function(v) return v:dot(m:mv(v)) / 2 - b:dot(v) end, opt))
    assert.is_true((m:mv(x:detach()) - b):abs():max():item() < 1e-3)
  end)
end)

describe('FISTA', function()
  it('finds the sparse solution of the lasso', function()
    local a = tocha.randn(40, 10, f64)
    local truth = t{3, 0, 0, -2, 0, 0, 0, 1, 0, 0}
    local y = a:mv(truth)
    local x = tocha.zeros(10, {dtype = 'float64', requires_grad = true})
    local opt = optim.FISTA({x}, {lr = 1, l1 = 1, max_iter = 100})
    local function f(v) return (a:mv(v) - y):square():sum() / 2 end
    for _ = 1, 3 do opt:step(closure_of(x, f, opt)) end
    assert.are.same(truth:ne(0):totable(), x:detach():ne(0):totable())
    -- where x is not zero, the gradient is minus l1 times its sign
    local g = a:t():mv(a:mv(x:detach()) - y)
    local on = truth:ne(0)
    S.close(g:masked_select(on), -truth:sign():masked_select(on), 1e-4, 1e-4)
    assert.is_true(g:abs():max():item() < 1 + 1e-4)
    local positive = optim.FISTA({x}, {l1 = 1, nonnegative = true, max_iter = 50})
    positive:step(closure_of(x, f, positive))
    assert.is_true(x:detach():ge(0):all():item())
  end)
end)

describe('without gradients', function()
  it('CMA-ES follows a curved valley', function()
    local x = t{-1.2, 1}
    local opt = optim.CMAES({x}, {sigma = 0.5})
    for _ = 1, 200 do opt:step(closure_of(x, rosenbrock, opt)) end
    S.close(x, t{1, 1}, 1e-3, 1e-3)
  end)

  it('differential evolution leaves local minima', function()
    local x = t{2.2, -1.7}
    local opt = optim.DifferentialEvolution({x}, {spread = 4, population = 40})
    local function rastrigin(v) return (v:square() - (v * (2 * math.pi)):cos() * 10 + 10):sum() end
    for _ = 1, 120 do opt:step(closure_of(x, rastrigin, opt)) end
    S.close(x, t{0, 0}, 1e-3, 1e-3)
  end)

  it('say what is missing', function()
    local x = t{1}
    assert.has_error(function() optim.CMAES({x}):step() end,
      'CMAES: step: closure is missing: takes a function that computes the loss anew')
    assert.has_error(function() optim.DifferentialEvolution({x}, {population = 3}) end,
      'DifferentialEvolution: population: got 3, takes at least 4')
  end)
end)

describe('warm-up', function()
  local function rates(name, n, ...)
    local opt = optim.SGD({t{1}:requires_grad_()}, {lr = 1})
    local schedule = optim.lr_scheduler[name](opt, ...)
    local out = {}
    for i = 1, n do
      out[i] = opt.param_groups[1].lr
      opt:step()
      schedule:step()
    end
    return t(out)
  end
  it('rises, then stays or falls', function()
    S.close(rates('WarmupConstantLR', 5, 3), t{0.25, 0.5, 0.75, 1, 1})
    S.close(rates('WarmupLinearLR', 7, 2, 6), t{1 / 3, 2 / 3, 1, 0.75, 0.5, 0.25, 0})
    S.close(rates('WarmupCosineLR', 7, 2, 6, 0.1)[5], t(0.55))
    S.close(rates('WarmupInverseSqrtLR', 17, 4)[17], t(0.5))
  end)
end)

describe('hooks of optimizers', function()
  it('see every step, and states that are saved and loaded', function()
    local opt, seen = optim.SGD({t{1}:requires_grad_()}), {}
    local function note(name) return function() seen[#seen + 1] = name end end
    local handles = {optim.register_optimizer_step_pre_hook(note 'all pre'), optim.register_optimizer_step_post_hook(note 'all post'),
      opt:register_state_dict_pre_hook(note 'save pre'), opt:register_load_state_dict_post_hook(note 'load post')}
    opt:register_state_dict_post_hook(function(_, state) state.extra = 1 end)
    opt:register_load_state_dict_pre_hook(function(_, state)
      state.param_groups[1].lr = 7
      return state
    end)
    opt:step()
    local state = opt:state_dict()
    assert.are.equal(1, state.extra)
    opt:load_state_dict(state)
    assert.are.equal(7, opt.param_groups[1].lr)
    assert.are.same({'all pre', 'all post', 'save pre', 'load post'}, seen)
    for _, h in ipairs(handles) do h:remove() end
    opt:step()
    assert.are.equal(4, #seen)
  end)
end)

describe('complex parameters', function()
  local options = {
    SGD = {lr = 0.1, momentum = 0.9, weight_decay = 0.1}, Adam = {lr = 0.1, amsgrad = true}, AdamW = {lr = 0.1}, RMSprop = {lr = 0.1, centered = true},
    Adagrad = {lr = 0.1, initial_accumulator_value = 0.2}, Adadelta = {lr = 0.5}, Adamax = {lr = 0.1}, NAdam = {lr = 0.1}, RAdam = {lr = 0.1},
    ASGD = {lr = 0.1, lambd = 0.1}, Rprop = {lr = 0.1}, Lion = {lr = 0.1},
  }
  local function complex(dtype, re, im) return tocha.complex(tocha.tensor(re, {dtype = dtype}), tocha.tensor(im, {dtype = dtype})) end

  for name, given in pairs(options) do
    it('are stepped by ' .. name .. ' as two real ones each', function()
      for _, dtype in ipairs{'float32', 'float64'} do
        local z = complex(dtype, {1, -2}, {1, 0.5})
        local x = tocha.view_as_real(z):clone():requires_grad_()
        z:requires_grad_()
        local a, b = optim[name]({z}, given), optim[name]({x}, given)
        for _, g in ipairs{{{1, -0.5}, {2, 0.25}}, {{0.3, 2}, {-1, 0}}, {{-1, 0.1}, {0.5, -0.2}}} do
          z.grad = complex(dtype, g[1], g[2])
          x.grad = tocha.view_as_real(z.grad)
          a:step()
          b:step()
        end
        S.close(tocha.view_as_real(z:detach()), x:detach(), 1e-6, 1e-7)
        local again = optim[name]({z}, given)
        again:load_state_dict(a:state_dict())
      end
    end)
  end

  it('are refused where a step looks at more than single numbers', function()
    local z = complex('float32', {{1}}, {{1}})
    for _, name in ipairs{'LAMB', 'Muon', 'Adafactor'} do S.fails(function() optim[name]({z}) end, name, 'complex64', 'floating') end
  end)
end)

describe('LAMB and Muon in C', function()
  it('do what their formulas say, also with decay, clipping and going up', function()
    local p = tocha.randn(3, 4, f64)
    local x, m, v = p:clone(), tocha.zeros_like(p), tocha.zeros_like(p)
    p:requires_grad_()
    local opt = optim.LAMB({p}, {lr = 0.1, weight_decay = 0.2, trust_clip = 1.5, betas = {0.8, 0.9}, maximize = true})
    for step = 1, 3 do
      local g = tocha.randn(3, 4, f64)
      p.grad = g
      opt:step()
      m, v = m * 0.8 - g * 0.2, v * 0.9 + g * g * 0.1
      local move = m / (1 - 0.8 ^ step) / ((v / (1 - 0.9 ^ step)):sqrt() + 1e-6) + x * 0.2
      x = x - move * (math.min(x:norm():item(), 1.5) / move:norm():item()) * 0.1
    end
    S.close(p:detach(), x, 1e-9, 1e-10)
  end)

  it('take lengths over blocks of any number, in every dtype, the same for any number of threads', function()
    local sizes, threads = {1, 0, 7, 1024, 1025, 5000, 70001}, tocha.get_num_threads()
    local function trained(dtype, count)
      tocha.set_num_threads(count)
      tocha.manual_seed(8)
      local params = {}
      for i, n in ipairs(sizes) do params[i] = tocha.randn(n):to(dtype):requires_grad_() end
      params[#params + 1] = tocha.randn(40, 30):to(dtype):t():requires_grad_()
      local opt = optim.LAMB(params, {lr = 0.1, weight_decay = 0.1, eps = 0.1}) -- large: squares of small float16 vanish
      for _ = 1, 3 do
        for _, p in ipairs(params) do p.grad = (p:detach() * 3):sin() + 0.1 end
        opt:step()
      end
      tocha.set_num_threads(threads)
      for i, p in ipairs(params) do params[i] = p:detach():double() end
      return params
    end
    local exact = trained('float64', 1)
    for dtype, tol in pairs{float64 = 0, float32 = 1e-5, bfloat16 = 0.05, float16 = 0.01} do
      local one, two = trained(dtype, 1), trained(dtype, 2)
      for i = 1, #exact do
        assert.is_true(tocha.equal(one[i], two[i]))
        S.close(one[i], exact[i], tol, tol)
      end
    end
    local p = tocha.randn(70001, f64):requires_grad_()
    local opt = optim.LAMB({p}, {lr = 0.1, eps = 0, trust_clip = 1e9})
    p.grad = tocha.ones(70001, f64)
    local before = p:detach():clone()
    local length = before:norm():item()
    opt:step()                              -- Adam's first move is 1 for each element: its length is the root of their number
    S.close(before - p:detach(), tocha.full({70001}, 0.1 * length / math.sqrt(70001), f64), 1e-10, 1e-12)
  end)

  it('take a step of its own length where a parameter is zero, and pass over those without a gradient', function()
    local p, q = tocha.zeros(2, f64):requires_grad_(), tocha.ones(2, f64):requires_grad_()
    local opt = optim.LAMB({p, q}, {lr = 0.1, eps = 0})
    p.grad = t{3, -4}
    opt:step()
    S.close(p:detach(), t{-0.1, 0.1}, 1e-9, 1e-9)
    S.close(q:detach(), t{1, 1})
  end)

  -- what Muon does to one matrix, made of tensors
  local function muon(p, g, buffer, o)
    buffer:lerp_(g, 1 - o.momentum)
    local x = (o.nesterov and g:lerp(buffer, o.momentum) or buffer):bfloat16()
    local tall, rows, columns = p:size(1) > p:size(2), p:size(1), p:size(2)
    if tall then x = x:t() end
    x = x / x:float():square():sum():sqrt():clamp_min(1e-7):bfloat16()
    for _ = 1, 5 do
      local s = x:mm(x:t())
      x = tocha.addmm(x, tocha.addmm(s, s, s, {beta = -4.775, alpha = 2.0315}), x, {beta = 3.4445})
    end
    local rate = ({original = math.sqrt(math.max(1, rows / columns)), match_rms_adamw = 0.2 * math.sqrt(math.max(rows, columns)),
      spectral_unclamped = math.sqrt(rows / columns)})[o.adjust_lr_fn]
    return p * (1 - o.lr * o.weight_decay) - (tall and x:t() or x):to(p.dtype) * (o.lr * rate)
  end

  it('steps matrices of one shape together as each alone, in every dtype and layout', function()
    for dtype, tol in pairs{float64 = 1e-9, float32 = 1e-6, bfloat16 = 0.02, float16 = 2e-3} do
      for adjust, nesterov in pairs{original = true, match_rms_adamw = false, spectral_unclamped = true} do
        tocha.manual_seed(4)
        local o = {lr = 0.05, weight_decay = 0.1, momentum = 0.9, nesterov = nesterov, adjust_lr_fn = adjust}
        local params = {tocha.randn(4, 6), tocha.randn(6, 4):t(), tocha.randn(5, 3), tocha.randn(4, 6), tocha.randn(4, 6), tocha.randn(5, 3)}
        local want, buffers = {}, {}
        for i, p in ipairs(params) do
          p = p:to(dtype)
          params[i], want[i], buffers[i] = p:detach():requires_grad_(), p:clone(), tocha.zeros_like(p)
        end
        local empty = tocha.zeros(0, 3):to(dtype):requires_grad_()
        empty.grad = tocha.zeros_like(empty)
        local opt = optim.Muon({{params = {params[1], params[2], params[3], empty}}, {params = {params[4], params[5], params[6]}, lr = 0.02}}, o)
        for step = 1, 3 do
          for i, p in ipairs(params) do
            local g = (want[i] * step):sin()
            p.grad = i ~= 5 and g or nil    -- one goes without a gradient
            o.lr = i > 3 and 0.02 or 0.05
            if p.grad then want[i] = muon(want[i], g, buffers[i], o) end
          end
          opt:step()
          o.lr = 0.05
        end
        for i, p in ipairs(params) do S.close(p:detach():double(), want[i]:double(), tol, tol) end
      end
    end
    S.fails(function() optim.Muon({tocha.ones(2, 2):requires_grad_()}, {adjust_lr_fn = 'other'}) end, 'Muon', 'adjust_lr_fn', 'spectral_unclamped')
  end)

  it('are recorded by tocha.compile, and follow a rate that changes', function()
    for _, name in ipairs{'LAMB', 'Muon'} do
      local x = tocha.randn(6, 5)
      local function trainer()
        tocha.manual_seed(2)
        local net = tocha.nn.Linear(5, 4, {bias = false})
        local opt = optim[name](net:parameters(), {lr = 0.05})
        return net, opt, function(input)
          opt:zero_grad()
          local loss = net(input):square():mean()
          loss:backward()
          opt:step()
          return loss
        end
      end
      local a, oa, plain = trainer()
      local b, ob, recorded = trainer()
      recorded = tocha.compile(recorded)
      for i = 1, 6 do
        if i == 4 then oa.param_groups[1].lr, ob.param_groups[1].lr = 0.01, 0.01 end
        plain(x)
        recorded(x)
      end
      S.close(b.weight:detach(), a.weight:detach(), 1e-5, 1e-6)
    end
  end)
end)
