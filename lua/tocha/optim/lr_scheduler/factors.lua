--- Schedules that multiply the rate by a factor: StepLR, MultiStepLR, ConstantLR, LinearLR, ExponentialLR,
-- PolynomialLR, LambdaLR, MultiplicativeLR.
-- @module tocha.optim.lr_scheduler.factors

local class = require 'tocha.class'
local args = require 'tocha.args'
local LRScheduler = require 'tocha.optim.lr_scheduler.base'

local factors = {}

-- `times` gives the factor of this epoch to the one before, `total` the factor of this epoch to the start.
local function derive(name, times, total)
  local cls = class(name, LRScheduler)
  factors[name] = cls
  function cls:get_lr()
    local factor = times(self)
    return self:each(function(lr) return lr * factor end)
  end
  if total then
    function cls:closed_form()
      local factor = total(self)
      return self:each(function(_, base) return base * factor end)
    end
  end
  return cls
end

---------------------------------------------------------------- StepLR
local StepLR = derive('StepLR', function(self)
  local e = self.last_epoch
  return e ~= 0 and e % self.step_size == 0 and self.gamma or 1
end, function(self) return self.gamma ^ math.floor(self.last_epoch / self.step_size) end)

local read_step = args.spec('StepLR', 'optimizer', 'step_size:int', 'gamma:num=0.1', 'last_epoch:int=-1')

--- Multiplies the rate by gamma every step_size epochs.
-- @param step_size how many epochs
-- @param gamma the factor
-- @usage
-- local optimizer = optim.SGD({tocha.zeros(1)}, {lr = 1})
-- local schedule = lr_scheduler.StepLR(optimizer, 2, 0.5)
-- local rates = {}
-- for epoch = 1, 5 do
--   rates[epoch] = optimizer.param_groups[1].lr
--   optimizer:step()
--   schedule:step()
-- end
-- rates  --> {1, 1, 0.5, 0.5, 0.25}
function StepLR:__init(...)
  local optimizer, step_size, gamma, last_epoch = read_step(...)
  self.step_size, self.gamma = step_size, gamma
  self:setup(optimizer, last_epoch)
end

---------------------------------------------------------------- MultiStepLR
local function passed(self)
  local n = 0
  for _, m in ipairs(self.milestones) do
    if m <= self.last_epoch then n = n + 1 end
  end
  return n
end

local MultiStepLR = derive('MultiStepLR', function(self)
  local n = 0
  for _, m in ipairs(self.milestones) do
    if m == self.last_epoch then n = n + 1 end
  end
  return self.gamma ^ n
end, function(self) return self.gamma ^ passed(self) end)

local read_multi = args.spec('MultiStepLR', 'optimizer', 'milestones:list', 'gamma:num=0.1', 'last_epoch:int=-1')

--- Multiplies the rate by gamma at each milestone.
-- @param milestones epochs, a list
-- @param gamma the factor
-- @usage
-- local optimizer = optim.SGD({tocha.zeros(1)}, {lr = 1})
-- local schedule = lr_scheduler.MultiStepLR(optimizer, {2, 3}, 0.5)
-- local rates = {}
-- for epoch = 1, 5 do
--   rates[epoch] = optimizer.param_groups[1].lr
--   optimizer:step()
--   schedule:step()
-- end
-- rates  --> {1, 1, 0.5, 0.25, 0.25}
function MultiStepLR:__init(...)
  local optimizer, milestones, gamma, last_epoch = read_multi(...)
  self.milestones, self.gamma = {}, gamma
  for i, m in ipairs(milestones) do
    if type(m) ~= 'number' then args.fail('MultiStepLR: milestones: got %s, takes numbers of epochs', args.show(m)) end
    self.milestones[i] = m
  end
  table.sort(self.milestones)
  self:setup(optimizer, last_epoch)
end

---------------------------------------------------------------- ConstantLR
local ConstantLR = derive('ConstantLR', function(self)
  if self.last_epoch == 0 then return self.factor end
  return self.last_epoch == self.total_iters and 1 / self.factor or 1
end, function(self) return self.last_epoch >= self.total_iters and 1 or self.factor end)

local read_constant = args.spec('ConstantLR', 'optimizer', 'factor:num=nil', 'total_iters:int=5', 'last_epoch:int=-1')

--- Multiplies the rate by a factor for some epochs.
-- @param factor from 0 to 1; 1/3 if not given
-- @param total_iters how many epochs
-- @usage
-- local optimizer = optim.SGD({tocha.zeros(1)}, {lr = 1})
-- local schedule = lr_scheduler.ConstantLR(optimizer, 0.5, 2)
-- local rates = {}
-- for epoch = 1, 4 do
--   rates[epoch] = optimizer.param_groups[1].lr
--   optimizer:step()
--   schedule:step()
-- end
-- rates  --> {0.5, 0.5, 1, 1}
function ConstantLR:__init(...)
  local optimizer, factor, total_iters, last_epoch = read_constant(...)
  factor = factor or 1 / 3
  if factor < 0 or factor > 1 then args.fail('ConstantLR: factor: got %g, takes a number from 0 to 1', factor) end
  self.factor, self.total_iters = factor, total_iters
  self:setup(optimizer, last_epoch)
end

---------------------------------------------------------------- LinearLR
local LinearLR = derive('LinearLR', function(self)
  local e, first, gain = self.last_epoch, self.start_factor, self.end_factor - self.start_factor
  if e == 0 then return first end
  if e > self.total_iters then return 1 end
  return 1 + gain / (self.total_iters * first + (e - 1) * gain)
end, function(self)
  local share = math.min(self.total_iters, self.last_epoch) / self.total_iters
  return self.start_factor + (self.end_factor - self.start_factor) * share
end)

local read_linear = args.spec('LinearLR', 'optimizer', 'start_factor:num=nil', 'end_factor:num=1',
  'total_iters:int=5', 'last_epoch:int=-1')

--- The factor goes evenly from start_factor to end_factor.
-- @param start_factor above 0, up to 1; 1/3 if not given
-- @param end_factor from 0 to 1
-- @param total_iters in so many epochs
-- @usage
-- local optimizer = optim.SGD({tocha.zeros(1)}, {lr = 1})
-- local schedule = lr_scheduler.LinearLR(optimizer, 0.5, {total_iters = 2})
-- local rates = {}
-- for epoch = 1, 4 do
--   rates[epoch] = optimizer.param_groups[1].lr
--   optimizer:step()
--   schedule:step()
-- end
-- rates  --> {0.5, 0.75, 1, 1}
function LinearLR:__init(...)
  local optimizer, first, last, total_iters, last_epoch = read_linear(...)
  first = first or 1 / 3
  if first <= 0 or first > 1 then
    args.fail('LinearLR: start_factor: got %g, takes a number above 0, up to 1', first)
  end
  if last < 0 or last > 1 then args.fail('LinearLR: end_factor: got %g, takes a number from 0 to 1', last) end
  self.start_factor, self.end_factor, self.total_iters = first, last, total_iters
  self:setup(optimizer, last_epoch)
end

---------------------------------------------------------------- ExponentialLR
local ExponentialLR = derive('ExponentialLR', function(self) return self.last_epoch == 0 and 1 or self.gamma end,
  function(self) return self.gamma ^ self.last_epoch end)

local read_exponential = args.spec('ExponentialLR', 'optimizer', 'gamma:num', 'last_epoch:int=-1')

--- Multiplies the rate by gamma every epoch.
-- @param gamma the factor
-- @usage
-- local optimizer = optim.SGD({tocha.zeros(1)}, {lr = 1})
-- local schedule = lr_scheduler.ExponentialLR(optimizer, 0.5)
-- local rates = {}
-- for epoch = 1, 4 do
--   rates[epoch] = optimizer.param_groups[1].lr
--   optimizer:step()
--   schedule:step()
-- end
-- rates  --> {1, 0.5, 0.25, 0.125}
function ExponentialLR:__init(...)
  local optimizer, gamma, last_epoch = read_exponential(...)
  self.gamma = gamma
  self:setup(optimizer, last_epoch)
end

---------------------------------------------------------------- PolynomialLR
local PolynomialLR = derive('PolynomialLR', function(self)
  local e, n = self.last_epoch, self.total_iters
  if e == 0 or e > n then return 1 end
  return ((1 - e / n) / (1 - (e - 1) / n)) ^ self.power
end, function(self) return (1 - math.min(self.total_iters, self.last_epoch) / self.total_iters) ^ self.power end)

local read_polynomial = args.spec('PolynomialLR', 'optimizer', 'total_iters:int=5', 'power:num=1', 'last_epoch:int=-1')

--- The rate falls to 0, as (1 - epoch / total_iters) to a power.
-- @param total_iters in so many epochs
-- @param power which
-- @usage
-- local optimizer = optim.SGD({tocha.zeros(1)}, {lr = 1})
-- local schedule = lr_scheduler.PolynomialLR(optimizer, 4, 2)
-- local rates = {}
-- for epoch = 1, 6 do
--   rates[epoch] = optimizer.param_groups[1].lr
--   optimizer:step()
--   schedule:step()
-- end
-- rates  --> {1, 0.5625, 0.25, 0.0625, 0, 0}
function PolynomialLR:__init(...)
  local optimizer, total_iters, power, last_epoch = read_polynomial(...)
  self.total_iters, self.power = total_iters, power
  self:setup(optimizer, last_epoch)
end

--- LambdaLR: the rate is the first one times lr_lambda(epoch). MultiplicativeLR: the rate is multiplied by lr_lambda(epoch) every epoch.
-- @type LambdaLR MultiplicativeLR
-- @param lr_lambda a function of the epoch (from 0), or a list with one for each group
-- @usage
-- local optimizer = optim.SGD({tocha.zeros(1)}, {lr = 1})
-- local schedule = lr_scheduler.LambdaLR(optimizer, function(epoch) return 1 / (1 + epoch) end)
-- local rates = {}
-- for epoch = 1, 3 do
--   rates[epoch] = optimizer.param_groups[1].lr
--   optimizer:step()
--   schedule:step()
-- end
-- rates  --> {1, 0.5, 0.3333}
-- local again = optim.SGD({tocha.zeros(1)}, {lr = 1})
-- lr_scheduler.MultiplicativeLR(again, function() return 0.5 end):step()
-- again.param_groups[1].lr  --> 0.5

---------------------------------------------------------------- LambdaLR, MultiplicativeLR
local function functions_of(name, optimizer, given)
  LRScheduler.check_optimizer({__name = name}, optimizer)
  local n, out = #optimizer.param_groups, {}
  if type(given) == 'table' and getmetatable(given) == nil and #given ~= n then
    args.fail('%s: lr_lambda: got %d functions for %d groups', name, #given, n)
  end
  for i = 1, n do
    local f = type(given) == 'table' and getmetatable(given) == nil and given[i] or given
    if type(f) ~= 'function' and not (getmetatable(f) and getmetatable(f).__call) then
      args.fail('%s: lr_lambda: got %s, takes a function of the epoch, or a list of them', name, args.show(f))
    end
    out[i] = f
  end
  return out
end

local function lambdas(name, first, times)
  local cls = class(name, LRScheduler)
  factors[name] = cls
  local read = args.spec(name, 'optimizer', 'lr_lambda', 'last_epoch:int=-1')
  function cls:__init(...)
    local optimizer, given, last_epoch = read(...)
    self.lr_lambdas = functions_of(name, optimizer, given)
    self:setup(optimizer, last_epoch)
  end
  function cls:get_lr()
    local out = {}
    for i, group in ipairs(self.optimizer.param_groups) do
      out[i] = self.last_epoch == 0 and first(self, i, group) or times(self, i, group)
    end
    return out
  end
end

local function from_base(self, i) return self.base_lrs[i] * self.lr_lambdas[i](self.last_epoch) end

--- The rate is the first one times lr_lambda(epoch): `LambdaLR(optimizer, lr_lambda, last_epoch = -1)`; lr_lambda is a
-- function, or a list of one for each group.
lambdas('LambdaLR', from_base, from_base)

--- Multiplies the rate by lr_lambda(epoch) every epoch: `MultiplicativeLR(optimizer, lr_lambda, last_epoch = -1)`.
lambdas('MultiplicativeLR', function(_, _, group) return group.lr end,
  function(self, i, group) return group.lr * self.lr_lambdas[i](self.last_epoch) end)

return factors
