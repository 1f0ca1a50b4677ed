-- Schedules: against closed forms, through their states, what they refuse.
local tocha = require 'tocha'
local optim = tocha.optim
local S = optim.lr_scheduler

local function optimizer(options, groups)
  local list = {}
  for i = 1, groups or 1 do list[i] = {params = {tocha.ones(1):requires_grad_()}, lr = 0.1 * i} end
  return optim.SGD(list, options or {lr = 0.1})
end

local function rates(make, steps)
  local opt = optimizer()
  local schedule, out = make(opt), {opt.param_groups[1].lr}
  for i = 1, steps do
    opt:step()
    schedule:step()
    out[i + 1] = opt.param_groups[1].lr
    assert.are.equal(out[i + 1], schedule:get_last_lr()[1])
  end
  return out
end

local function same(want, got)
  for i = 1, #want do
    assert(math.abs(want[i] - got[i]) < 1e-9, ('step %d: got %.10g, wanted %.10g'):format(i - 1, got[i], want[i]))
  end
end

local function each(n, f)
  local out = {}
  for e = 0, n do out[e + 1] = f(e) end
  return out
end

describe('A schedule follows its formula:', function()
  it('StepLR', function()
    same(each(7, function(e) return 0.1 * 0.5 ^ math.floor(e / 3) end),
      rates(function(o) return S.StepLR(o, 3, 0.5) end, 7))
  end)
  it('MultiStepLR', function()
    same({0.1, 0.1, 0.01, 0.01, 0.001}, rates(function(o) return S.MultiStepLR(o, {4, 2}, 0.1) end, 4))
  end)
  it('ConstantLR and LinearLR', function()
    same({0.05, 0.05, 0.1, 0.1}, rates(function(o) return S.ConstantLR(o, 0.5, 2) end, 3))
    same({0.05, 0.075, 0.1, 0.1}, rates(function(o) return S.LinearLR(o, 0.5, 1, 2) end, 3))
  end)
  it('ExponentialLR and PolynomialLR', function()
    same(each(4, function(e) return 0.1 * 0.9 ^ e end), rates(function(o) return S.ExponentialLR(o, 0.9) end, 4))
    same(each(4, function(e) return 0.1 * (1 - e / 4) ^ 2 end),
      rates(function(o) return S.PolynomialLR(o, {total_iters = 4, power = 2}) end, 4))
  end)
  it('LambdaLR and MultiplicativeLR', function()
    same(each(3, function(e) return 0.1 / (e + 1) end),
      rates(function(o) return S.LambdaLR(o, function(e) return 1 / (e + 1) end) end, 3))
    same(each(3, function(e) return 0.1 * 0.5 ^ e end),
      rates(function(o) return S.MultiplicativeLR(o, function() return 0.5 end) end, 3))
  end)
  it('CosineAnnealingLR and its restarts', function()
    local function wave(e, n) return 0.01 + 0.09 * (1 + math.cos(math.pi * e / n)) / 2 end
    same(each(9, function(e) return wave(e, 4) end), rates(function(o) return S.CosineAnnealingLR(o, 4, 0.01) end, 9))
    same({wave(0, 2), wave(1, 2), wave(0, 4), wave(1, 4), wave(2, 4), wave(3, 4), wave(0, 8)},
      rates(function(o) return S.CosineAnnealingWarmRestarts(o, 2, 2, 0.01) end, 6))
  end)
  it('CyclicLR', function()
    same({0.1, 0.2, 0.3, 0.2, 0.1, 0.15, 0.2, 0.15, 0.1}, rates(function(o)
      return S.CyclicLR(o, 0.1, 0.3, 2, {mode = 'triangular2', cycle_momentum = false})
    end, 8))
  end)
  it('OneCycleLR, with momentum against it', function()
    local opt = optimizer({lr = 0.1, momentum = 0.9})
    local schedule = S.OneCycleLR(opt, 1, 10)
    local lrs, momenta = {}, {}
    for i = 1, 10 do
      lrs[i], momenta[i] = opt.param_groups[1].lr, opt.param_groups[1].momentum
      opt:step()
      if i < 10 then schedule:step() end
    end
    same({0.04, 0.52, 1}, lrs)
    assert.is_true(math.abs(lrs[10] - 0.04 / 1e4) < 1e-12)
    same({0.95, 0.9, 0.85}, momenta)
    assert.is_true(math.abs(momenta[10] - 0.95) < 1e-12)
    local adam = optim.Adam({tocha.ones(1):requires_grad_()})
    S.OneCycleLR(adam, {max_lr = 1, epochs = 2, steps_per_epoch = 5})
    assert.are.equal(0.95, adam.param_groups[1].betas[1])
  end)
  it('SequentialLR and ChainedScheduler', function()
    same({0.01, 0.01, 0.1, 0.09, 0.081}, rates(function(o)
      return S.SequentialLR(o, {S.ConstantLR(o, 0.1, 2), S.ExponentialLR(o, 0.9)}, {2})
    end, 4))
    same({0.01, 0.009, 0.081, 0.0729}, rates(function(o)
      return S.ChainedScheduler{S.ConstantLR(o, 0.1, 2), S.ExponentialLR(o, 0.9)}
    end, 3))
  end)
  it('ReduceLROnPlateau', function()
    local opt = optimizer()
    local schedule = S.ReduceLROnPlateau(opt, {patience = 1, factor = 0.5, cooldown = 1, min_lr = 0.03})
    local seen = {}
    for i, loss in ipairs{1, 1, 1, 1, 1, 1, 1, 1} do
      schedule:step(loss)
      seen[i] = opt.param_groups[1].lr
    end
    same({0.1, 0.1, 0.05, 0.05, 0.05, 0.03, 0.03, 0.03}, seen)
  end)
end)

describe('A schedule', function()
  local makers = {
    StepLR = function(o) return S.StepLR(o, 2) end, OneCycleLR = function(o) return S.OneCycleLR(o, 1, 20) end,
    CosineAnnealingLR = function(o) return S.CosineAnnealingLR(o, 7) end,
    CosineAnnealingWarmRestarts = function(o) return S.CosineAnnealingWarmRestarts(o, 3, 2) end,
    CyclicLR = function(o) return S.CyclicLR(o, 0.1, 0.3, 3) end, LinearLR = function(o) return S.LinearLR(o) end,
    LambdaLR = function(o) return S.LambdaLR(o, function(e) return 1 / (1 + e) end) end,
    SequentialLR = function(o) return S.SequentialLR(o, {S.ConstantLR(o, 0.1, 2), S.ExponentialLR(o, 0.9)}, {6}) end,
    ChainedScheduler = function(o) return S.ChainedScheduler{S.StepLR(o, 2), S.ExponentialLR(o, 0.9)} end,
  }
  for name, make in pairs(makers) do
    it(name .. ' goes on unchanged from a saved state', function()
      local file = os.tmpname()
      local a, b = optimizer({lr = 0.1, momentum = 0.9}, 2), optimizer({lr = 0.1, momentum = 0.9}, 2)
      local sa, sb = make(a), make(b)
      for _ = 1, 5 do sa:step() end
      tocha.save({opt = a:state_dict(), schedule = sa:state_dict()}, file)
      local saved = tocha.load(file)
      os.remove(file)
      b:load_state_dict(saved.opt)
      sb:load_state_dict(saved.schedule)
      for _ = 1, 6 do
        sa:step()
        sb:step()
        for k = 1, 2 do
          assert.are.equal(a.param_groups[k].lr, b.param_groups[k].lr)
          assert.are.equal(a.param_groups[k].momentum, b.param_groups[k].momentum)
        end
      end
      assert.are.equal(sa.last_epoch, sb.last_epoch)
    end)
  end

  local function fails(says, f, ...)
    local ok, message = pcall(f, ...)
    assert.is_false(ok)
    assert(tostring(message):find(says, 1, true), message)
  end

  it('names what it cannot use', function()
    fails('StepLR: optimizer', S.StepLR, {}, 3)
    fails('StepLR: argument 2 (step_size) is missing', S.StepLR, optimizer())
    fails('OneCycleLR: total_steps', S.OneCycleLR, optimizer(), 1)
    fails('cycle_momentum', S.CyclicLR, optim.Adagrad({tocha.ones(1):requires_grad_()}), 0.1, 0.2)
    fails('2 values for 1 groups', S.OneCycleLR, optimizer{lr = 1, momentum = 0.9}, {1, 2}, 10)
    fails('LambdaLR: lr_lambda', S.LambdaLR, optimizer(), 3)
    fails('empty', S.SequentialLR, optimizer(), {}, {})
    fails('last_epoch', S.StepLR, optimizer(), 3, 0.1, 5)
    local opt = optimizer{lr = 0.1, momentum = 0.5}
    local schedule = S.OneCycleLR(opt, 1, 2)
    schedule:step()
    schedule:step()
    fails('OneCycleLR: step 3 of 2', schedule.step, schedule)
  end)
end)
