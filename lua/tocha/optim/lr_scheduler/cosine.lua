--- Schedules that follow a cosine: CosineAnnealingLR, CosineAnnealingWarmRestarts (Loshchilov and Hutter, 2017).
-- @module tocha.optim.lr_scheduler.cosine

local class = require 'tocha.class'
local args = require 'tocha.args'
local LRScheduler = require 'tocha.optim.lr_scheduler.base'

local cosine = {}
local pi, cos = math.pi, math.cos

---------------------------------------------------------------- CosineAnnealingLR
local CosineAnnealingLR = class('CosineAnnealingLR', LRScheduler)
cosine.CosineAnnealingLR = CosineAnnealingLR

local read = args.spec('CosineAnnealingLR', 'optimizer', 'T_max:num', 'eta_min:num=0', 'last_epoch:int=-1')

--- From the first rate to eta_min along half a cosine, and back. Source: I. Loshchilov, F. Hutter, 2017.
-- @param T_max in so many epochs
-- @param eta_min the least rate
-- @usage
-- local optimizer = optim.SGD({tocha.zeros(1)}, {lr = 1})
-- local schedule = lr_scheduler.CosineAnnealingLR(optimizer, 2)
-- local rates = {}
-- for epoch = 1, 4 do
--   rates[epoch] = optimizer.param_groups[1].lr
--   optimizer:step()
--   schedule:step()
-- end
-- rates  --> {1, 0.5, 0, 0.5}
function CosineAnnealingLR:__init(...)
  local optimizer, t_max, eta_min, last_epoch = read(...)
  self.T_max, self.eta_min = t_max, eta_min
  self:setup(optimizer, last_epoch)
end

function CosineAnnealingLR:closed_form()
  local share = (1 + cos(pi * self.last_epoch / self.T_max)) / 2
  return self:each(function(_, base) return self.eta_min + (base - self.eta_min) * share end)
end

-- From the rate before, so that other schedules may act on it too.
function CosineAnnealingLR:get_lr()
  local e, n, least = self.last_epoch, self.T_max, self.eta_min
  if e == 0 then return self:each(function(lr) return lr end) end
  if self._step_count == 1 and e > 0 then return self:closed_form() end
  if (e - 1 - n) % (2 * n) == 0 then
    return self:each(function(lr, base) return lr + (base - least) * (1 - cos(pi / n)) / 2 end)
  end
  local ratio = (1 + cos(pi * e / n)) / (1 + cos(pi * (e - 1) / n))
  return self:each(function(lr) return ratio * (lr - least) + least end)
end

---------------------------------------------------------------- CosineAnnealingWarmRestarts
local Restarts = class('CosineAnnealingWarmRestarts', LRScheduler)
cosine.CosineAnnealingWarmRestarts = Restarts

local read_restarts = args.spec('CosineAnnealingWarmRestarts', 'optimizer', 'T_0:int', 'T_mult:int=1', 'eta_min:num=0',
  'last_epoch:int=-1')

--- Half a cosine down, then from the top again. `step(epoch)` goes to any epoch, also a fraction. Source: I. Loshchilov, F. Hutter, 2017.
-- @param T_0 epochs of the first fall
-- @param T_mult by what each fall is longer than the one before
-- @param eta_min the least rate
-- @usage
-- local optimizer = optim.SGD({tocha.zeros(1)}, {lr = 1})
-- local schedule = lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 2, 2)
-- local rates = {}
-- for epoch = 1, 6 do
--   rates[epoch] = optimizer.param_groups[1].lr
--   optimizer:step()
--   schedule:step()
-- end
-- rates  --> {1, 0.5, 1, 0.8536, 0.5, 0.1464}
function Restarts:__init(...)
  local optimizer, t_0, t_mult, eta_min, last_epoch = read_restarts(...)
  if t_0 < 1 then args.fail('CosineAnnealingWarmRestarts: T_0: got %d, takes an integer of at least 1', t_0) end
  if t_mult < 1 then
    args.fail('CosineAnnealingWarmRestarts: T_mult: got %d, takes an integer of at least 1', t_mult)
  end
  self.T_0, self.T_i, self.T_mult, self.eta_min, self.T_cur = t_0, t_0, t_mult, eta_min, last_epoch
  self:setup(optimizer, last_epoch)
end

function Restarts:get_lr()
  local share = (1 + cos(pi * self.T_cur / self.T_i)) / 2
  return self:each(function(_, base) return self.eta_min + (base - self.eta_min) * share end)
end

local function go_on(self)
  self.T_cur = self.T_cur + 1
  if self.T_cur >= self.T_i then
    self.T_cur = self.T_cur - self.T_i
    self.T_i = self.T_i * self.T_mult
  end
  return self.last_epoch + 1
end

local function go_to(self, epoch)
  local first, times = self.T_0, self.T_mult
  if epoch < first then
    self.T_i, self.T_cur = first, epoch
  elseif times == 1 then
    self.T_i, self.T_cur = first, epoch % first
  else
    -- the cycles before have first (1 + times + times^2 + ...) epochs
    local n = math.floor(math.log(epoch / first * (times - 1) + 1) / math.log(times) + 1e-9)
    self.T_cur = epoch - first * (times ^ n - 1) / (times - 1)
    self.T_i = first * times ^ n
  end
  return epoch
end

--- Goes on by one epoch, or to any epoch, also a fraction: `s:step(epoch + i / batches)`.
function Restarts:step(epoch)
  self._step_count = self._step_count + 1
  if epoch == nil and self.last_epoch < 0 then epoch = 0 end
  if epoch and epoch < 0 then args.fail('CosineAnnealingWarmRestarts: epoch: got %g, takes at least 0', epoch) end
  epoch = epoch and go_to(self, epoch) or go_on(self)
  self.last_epoch = math.floor(epoch)
  self:set_lrs(self:get_lr())
end

return cosine
