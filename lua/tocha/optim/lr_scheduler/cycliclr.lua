--- CyclicLR: the rate goes up and down between two values (Smith, 2017).
-- @classmod tocha.optim.lr_scheduler.CyclicLR

local class = require 'tocha.class'
local args = require 'tocha.args'
local LRScheduler = require 'tocha.optim.lr_scheduler.base'
local cycling = require 'tocha.optim.lr_scheduler.cycling'

local CyclicLR = class('CyclicLR', LRScheduler)

local read = args.spec('CyclicLR', 'optimizer', 'base_lr', 'max_lr', 'step_size_up:num=2000', 'step_size_down:num=nil',
  'mode:str="triangular"', 'gamma:num=1', 'scale_fn:callable=nil', 'scale_mode:str="cycle"', 'cycle_momentum:bool=true',
  'base_momentum=0.8', 'max_momentum=0.9', 'last_epoch:int=-1')

-- How each mode scales the height of a cycle, and whether by the number of the cycle or of the step.
local modes = {
  triangular = {'cycle', function() return 1 end},
  triangular2 = {'cycle', function(_, n) return 1 / 2 ^ (n - 1) end},
  exp_range = {'iterations', function(self, n) return self.gamma ^ n end},
}

local function choose_mode(self, mode, scale_fn, scale_mode)
  if scale_fn then
    self.scale_fn, self.scale_mode = scale_fn, scale_mode
    return
  end
  if not modes[mode] then
    args.fail("CyclicLR: mode: got %s, takes 'triangular', 'triangular2' or 'exp_range'", args.show(mode))
  end
  self.scale_mode = modes[mode][1]
end

local function begin_momentum(self, optimizer, base, top, last_epoch)
  cycling.check_momentum(self, optimizer)
  self.base_momentums = cycling.each_group(self, 'base_momentum', optimizer, base)
  self.max_momentums = cycling.each_group(self, 'max_momentum', optimizer, top)
  if last_epoch ~= -1 then return end
  for i, group in ipairs(optimizer.param_groups) do
    cycling.set_momentum(group, self.max_momentums[i])
    group.max_momentum, group.base_momentum = self.max_momentums[i], self.base_momentums[i]
  end
end

--- @param optimizer
-- @tparam number|table base_lr the lowest rate, or one for each group
-- @tparam number|table max_lr the highest
-- @tparam[opt=2000] int step_size_up steps on the way up
-- @tparam[opt] int step_size_down steps on the way down, as many by default
-- @tparam[opt='triangular'] string mode 'triangular', 'triangular2' (half as high each time) or 'exp_range'
-- @tparam[opt=1] number gamma of 'exp_range'
-- @tparam[opt] function scale_fn scales the height, in place of a mode
-- @tparam[opt='cycle'] string scale_mode what scale_fn gets: the number of the cycle, or 'iterations'
-- @tparam[opt=true] bool cycle_momentum whether the momentum goes against the rate
-- @tparam[opt=0.8] number|table base_momentum the momentum where the rate is highest
-- @tparam[opt=0.9] number|table max_momentum the momentum where the rate is lowest
-- @tparam[opt=-1] int last_epoch
-- @usage
-- local optimizer = optim.SGD({tocha.zeros(1)}, {lr = 1})
-- local schedule = lr_scheduler.CyclicLR(optimizer, 0.1, 0.5, 2, {cycle_momentum = false})
-- local rates = {}
-- for epoch = 1, 6 do
--   rates[epoch] = optimizer.param_groups[1].lr
--   optimizer:step()
--   schedule:step()
-- end
-- rates  --> {0.1, 0.3, 0.5, 0.3, 0.1, 0.3}
function CyclicLR:__init(...)
  local optimizer, base_lr, max_lr, up, down, mode, gamma, scale_fn, scale_mode, cycle, base_momentum, max_momentum,
    last_epoch = read(...)
  self:check_optimizer(optimizer)
  local base = cycling.each_group(self, 'base_lr', optimizer, base_lr)
  self.max_lrs = cycling.each_group(self, 'max_lr', optimizer, max_lr)
  if last_epoch == -1 then
    for i, group in ipairs(optimizer.param_groups) do group.lr = base[i] end
  end
  self.total_size = up + (down or up)
  self.step_ratio = up / self.total_size
  self.mode, self.gamma, self.cycle_momentum = mode, gamma, cycle
  choose_mode(self, mode, scale_fn, scale_mode)
  if cycle then begin_momentum(self, optimizer, base_momentum, max_momentum, last_epoch) end
  self.base_lrs = base
  self:setup(optimizer, last_epoch)
  self.base_lrs = base
end

-- How high within the cycle, from 0 to 1, and the factor of the mode.
local function height(self)
  local e = self.last_epoch
  local cycle = math.floor(1 + e / self.total_size)
  local x = 1 + e / self.total_size - cycle
  local level = x <= self.step_ratio and x / self.step_ratio or (x - 1) / (self.step_ratio - 1)
  local n = self.scale_mode == 'cycle' and cycle or e
  return level, self.scale_fn and self.scale_fn(n) or modes[self.mode][2](self, n)
end

function CyclicLR:get_lr()
  local level, factor = height(self)
  local out = {}
  for i, group in ipairs(self.optimizer.param_groups) do
    out[i] = self.base_lrs[i] + (self.max_lrs[i] - self.base_lrs[i]) * level * factor
    if self.cycle_momentum then
      local top, base = self.max_momentums[i], self.base_momentums[i]
      cycling.set_momentum(group, top - (top - base) * level * factor)
    end
  end
  return out
end

return CyclicLR
