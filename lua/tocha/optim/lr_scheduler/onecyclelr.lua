--- OneCycleLR: one rise and fall of the rate over all of training, momentum against it (Smith and Topin, 2019).
-- @classmod tocha.optim.lr_scheduler.OneCycleLR

local class = require 'tocha.class'
local args = require 'tocha.args'
local LRScheduler = require 'tocha.optim.lr_scheduler.base'
local cycling = require 'tocha.optim.lr_scheduler.cycling'

local OneCycleLR = class('OneCycleLR', LRScheduler)

local read = args.spec('OneCycleLR', 'optimizer', 'max_lr', 'total_steps:int=nil', 'epochs:int=nil',
  'steps_per_epoch:int=nil', 'pct_start:num=0.3', 'anneal_strategy:str="cos"', 'cycle_momentum:bool=true',
  'base_momentum=0.85', 'max_momentum=0.95', 'div_factor:num=25', 'final_div_factor:num=10000',
  'three_phase:bool=false', 'last_epoch:int=-1')

local function count_steps(total_steps, epochs, steps_per_epoch)
  local n = total_steps
  if n == nil and epochs and steps_per_epoch then n = epochs * steps_per_epoch end
  if n == nil then
    args.fail('OneCycleLR: total_steps is missing: takes total_steps, or epochs and steps_per_epoch')
  end
  if n < 1 then args.fail('OneCycleLR: total_steps: got %d, takes at least 1', n) end
  return n
end

-- Each phase: its last step, and what the rate and the momentum go from and to.
local function phases(n, pct_start, three)
  local rise = {last = pct_start * n - 1, lr = {'initial_lr', 'max_lr'}, momentum = {'max_momentum', 'base_momentum'}}
  if three then
    return {rise, {last = 2 * pct_start * n - 2, lr = {'max_lr', 'initial_lr'},
      momentum = {'base_momentum', 'max_momentum'}},
      {last = n - 1, lr = {'initial_lr', 'min_lr'}, momentum = {'max_momentum', 'max_momentum'}}}
  end
  return {rise, {last = n - 1, lr = {'max_lr', 'min_lr'}, momentum = {'base_momentum', 'max_momentum'}}}
end

local function begin_momentum(self, optimizer, base, top)
  cycling.check_momentum(self, optimizer)
  base = cycling.each_group(self, 'base_momentum', optimizer, base)
  top = cycling.each_group(self, 'max_momentum', optimizer, top)
  for i, group in ipairs(optimizer.param_groups) do
    cycling.set_momentum(group, top[i])
    group.max_momentum, group.base_momentum = top[i], base[i]
  end
end

--- @param optimizer
-- @tparam number|table max_lr the highest rate, or one for each group
-- @tparam[opt] int total_steps how often `step` will be called; or epochs and steps_per_epoch
-- @tparam[opt] int epochs epochs of training, with steps_per_epoch
-- @tparam[opt] int steps_per_epoch batches of an epoch
-- @tparam[opt=0.3] number pct_start the share of the steps in which the rate rises
-- @tparam[opt='cos'] string anneal_strategy 'cos' or 'linear'
-- @tparam[opt=true] bool cycle_momentum whether the momentum goes against the rate
-- @tparam[opt=0.85] number|table base_momentum the momentum where the rate is highest
-- @tparam[opt=0.95] number|table max_momentum the momentum where the rate is lowest
-- @tparam[opt=25] number div_factor max_lr over the first rate
-- @tparam[opt=1e4] number final_div_factor the first rate over the last
-- @tparam[opt=false] bool three_phase whether it falls to the first rate before it goes to the last
-- @tparam[opt=-1] int last_epoch
-- @usage
-- local optimizer = optim.SGD({tocha.zeros(1)}, {lr = 1})
-- local schedule = lr_scheduler.OneCycleLR(optimizer, 1, 6, {cycle_momentum = false})
-- local rates = {}
-- for epoch = 1, 6 do
--   rates[epoch] = optimizer.param_groups[1].lr
--   optimizer:step()
--   schedule:step()
-- end
-- rates  --> {0.04, 0.9944, 0.8117, 0.4626, 0.1335, 4e-06}
function OneCycleLR:__init(...)
  local optimizer, max_lr, total_steps, epochs, steps_per_epoch, pct_start, strategy, cycle, base_momentum,
    max_momentum, div_factor, final_div_factor, three_phase, last_epoch = read(...)
  self:check_optimizer(optimizer)
  if strategy ~= 'cos' and strategy ~= 'linear' then
    args.fail("OneCycleLR: anneal_strategy: got %s, takes 'cos' or 'linear'", args.show(strategy))
  end
  if pct_start < 0 or pct_start > 1 then
    args.fail('OneCycleLR: pct_start: got %g, takes a number from 0 to 1', pct_start)
  end
  self.total_steps = count_steps(total_steps, epochs, steps_per_epoch)
  self.phases, self.anneal_strategy = phases(self.total_steps, pct_start, three_phase), strategy
  self.cycle_momentum = cycle
  if last_epoch == -1 then
    for i, lr in ipairs(cycling.each_group(self, 'max_lr', optimizer, max_lr)) do
      local group = optimizer.param_groups[i]
      group.initial_lr, group.max_lr = lr / div_factor, lr
      group.min_lr = group.initial_lr / final_div_factor
    end
    if cycle then begin_momentum(self, optimizer, base_momentum, max_momentum) end
  end
  self:setup(optimizer, last_epoch)
end

local function between(self, from, to, share)
  if self.anneal_strategy == 'linear' then return (to - from) * share + from end
  return to + (from - to) / 2 * (1 + math.cos(math.pi * share))
end

-- The phase of a step, and the share of it that is behind.
local function place(self, step)
  local first = 0
  for i, phase in ipairs(self.phases) do
    if step <= phase.last or i == #self.phases then return phase, (step - first) / (phase.last - first) end
    first = phase.last
  end
end

function OneCycleLR:get_lr()
  if self.last_epoch > self.total_steps then
    args.fail('OneCycleLR: step %d of %d: the schedule is at its end', self.last_epoch, self.total_steps)
  end
  local phase, share = place(self, self.last_epoch)
  local out = {}
  for i, group in ipairs(self.optimizer.param_groups) do
    out[i] = between(self, group[phase.lr[1]], group[phase.lr[2]], share)
    if self.cycle_momentum then
      cycling.set_momentum(group, between(self, group[phase.momentum[1]], group[phase.momentum[2]], share))
    end
  end
  return out
end

return OneCycleLR
