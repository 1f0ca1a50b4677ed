--- ReduceLROnPlateau: lowers the rate when a quantity has stopped to get better.
-- @classmod tocha.optim.lr_scheduler.ReduceLROnPlateau

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'
local LRScheduler = require 'tocha.optim.lr_scheduler.base'
local cycling = require 'tocha.optim.lr_scheduler.cycling'

local ReduceLROnPlateau = class('ReduceLROnPlateau', LRScheduler)

local read = args.spec('ReduceLROnPlateau', 'optimizer', 'mode:str="min"', 'factor:num=0.1', 'patience:int=10',
  'threshold:num=0.0001', 'threshold_mode:str="rel"', 'cooldown:int=0', 'min_lr=0', 'eps:num=1e-08')

local function one_of(name, value, a, b)
  if value ~= a and value ~= b then
    args.fail("ReduceLROnPlateau: %s: got %s, takes '%s' or '%s'", name, args.show(value), a, b)
  end
end

--- @param optimizer
-- @tparam[opt='min'] string mode 'min' if less is better, 'max' if more is
-- @tparam[opt=0.1] number factor what the rate is multiplied with
-- @tparam[opt=10] int patience how many epochs without an improvement are let pass
-- @tparam[opt=1e-4] number threshold what counts as an improvement
-- @tparam[opt='rel'] string threshold_mode 'rel' (to the best) or 'abs'
-- @tparam[opt=0] int cooldown epochs after a change in which nothing is counted
-- @tparam[opt=0] number|table min_lr below which no rate falls
-- @tparam[opt=1e-8] number eps smaller changes are not made
-- @usage
-- local optimizer = optim.SGD({tocha.zeros(1)}, {lr = 1})
-- local schedule = lr_scheduler.ReduceLROnPlateau(optimizer, 'min', 0.5, 1)
-- local rates = {}
-- for epoch = 1, 5 do
--   rates[epoch] = optimizer.param_groups[1].lr
--   optimizer:step()
--   schedule:step(7) -- a loss that does not fall
-- end
-- rates  --> {1, 1, 1, 0.5, 0.5}
function ReduceLROnPlateau:__init(...)
  local optimizer, mode, factor, patience, threshold, threshold_mode, cooldown, min_lr, eps = read(...)
  self:check_optimizer(optimizer)
  if factor >= 1 then args.fail('ReduceLROnPlateau: factor: got %g, takes a number below 1', factor) end
  one_of('mode', mode, 'min', 'max')
  one_of('threshold_mode', threshold_mode, 'rel', 'abs')
  self.optimizer, self.mode, self.factor, self.patience = optimizer, mode, factor, patience
  self.threshold, self.threshold_mode, self.cooldown, self.eps = threshold, threshold_mode, cooldown, eps
  self.min_lrs = cycling.each_group(self, 'min_lr', optimizer, min_lr)
  self.last_epoch, self.num_bad_epochs, self.cooldown_counter = 0, 0, 0
  self.best = mode == 'min' and math.huge or -math.huge
  self:note_rates()
end

function ReduceLROnPlateau:note_rates()
  self._last_lr = {}
  for i, group in ipairs(self.optimizer.param_groups) do self._last_lr[i] = group.lr end
end

--- Is `value` better than the best so far by more than the threshold?
function ReduceLROnPlateau:is_better(value)
  local best, sign = self.best, self.mode == 'min' and -1 or 1
  if self.threshold_mode == 'abs' then return (value - best) * sign > self.threshold end
  local bar = best * (1 + sign * self.threshold)
  if sign < 0 then return value < bar end
  return value > bar
end

local function reduce(self)
  for i, group in ipairs(self.optimizer.param_groups) do
    local lr = math.max(group.lr * self.factor, self.min_lrs[i])
    if group.lr - lr > self.eps then group.lr = lr end
  end
end

--- Takes note of the quantity after an epoch.
-- @tparam number metrics a number, or a tensor of one element
function ReduceLROnPlateau:step(metrics)
  local value = tocha.is_tensor(metrics) and metrics:item() or metrics
  if type(value) ~= 'number' then
    args.fail('ReduceLROnPlateau: step: metrics: got %s, takes a number', args.show(metrics))
  end
  self.last_epoch = self.last_epoch + 1
  if self:is_better(value) then
    self.best, self.num_bad_epochs = value, 0
  else
    self.num_bad_epochs = self.num_bad_epochs + 1
  end
  if self.cooldown_counter > 0 then self.cooldown_counter, self.num_bad_epochs = self.cooldown_counter - 1, 0 end
  if self.num_bad_epochs > self.patience then
    reduce(self)
    self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
  end
  self:note_rates()
end

return ReduceLROnPlateau
