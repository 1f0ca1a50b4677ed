--- Schedules made of schedules: ChainedScheduler (all at once), SequentialLR (one after another).
-- @module tocha.optim.lr_scheduler.compose

local class = require 'tocha.class'
local args = require 'tocha.args'
local LRScheduler = require 'tocha.optim.lr_scheduler.base'

local compose = {}

local function check(name, optimizer, schedulers)
  if #schedulers == 0 then args.fail('%s: schedulers: got an empty list', name) end
  for i, s in ipairs(schedulers) do
    if type(s) ~= 'table' or not s.step or not s.optimizer then
      args.fail('%s: schedulers: item %d is %s, takes a scheduler', name, i, args.show(s))
    end
    if s.optimizer ~= optimizer then args.fail('%s: schedulers: item %d is of another optimizer', name, i) end
  end
end

local function note_rates(self)
  self._last_lr = {}
  for i, group in ipairs(self.optimizer.param_groups) do self._last_lr[i] = group.lr end
end

-- The states of the parts stand in place of the parts.
local function state_dict(self)
  local out = LRScheduler.state_dict(self)
  out._schedulers = {}
  for i, s in ipairs(self._schedulers) do out._schedulers[i] = s:state_dict() end
  return out
end

local function load_state_dict(self, state)
  local rest = {}
  for name, value in pairs(state) do
    if name ~= '_schedulers' then rest[name] = value end
  end
  LRScheduler.load_state_dict(self, rest)
  for i, s in ipairs(self._schedulers) do s:load_state_dict(state._schedulers[i]) end
end

---------------------------------------------------------------- ChainedScheduler
local Chained = class('ChainedScheduler', LRScheduler)
compose.ChainedScheduler = Chained
Chained.state_dict, Chained.load_state_dict = state_dict, load_state_dict

local read_chained = args.spec('ChainedScheduler', 'schedulers:list', 'optimizer=nil')

--- Several schedules of one optimizer act together.
-- @param schedulers a list
-- @usage
-- local optimizer = optim.SGD({tocha.zeros(1)}, {lr = 1})
-- local schedule = lr_scheduler.ChainedScheduler{
--   lr_scheduler.ConstantLR(optimizer, 0.5, 2), lr_scheduler.ExponentialLR(optimizer, 0.9)}
-- local rates = {}
-- for epoch = 1, 4 do
--   rates[epoch] = optimizer.param_groups[1].lr
--   optimizer:step()
--   schedule:step()
-- end
-- rates  --> {0.5, 0.45, 0.81, 0.729}
function Chained:__init(...)
  local schedulers, optimizer = read_chained(...)
  optimizer = optimizer or type(schedulers[1]) == 'table' and schedulers[1].optimizer or nil
  check('ChainedScheduler', optimizer, schedulers)
  self._schedulers, self.optimizer = schedulers, optimizer
  note_rates(self)
end

function Chained:step()
  for _, s in ipairs(self._schedulers) do s:step() end
  note_rates(self)
end

---------------------------------------------------------------- SequentialLR
local Sequential = class('SequentialLR', LRScheduler)
compose.SequentialLR = Sequential
Sequential.state_dict, Sequential.load_state_dict = state_dict, load_state_dict

local read_sequential = args.spec('SequentialLR', 'optimizer', 'schedulers:list', 'milestones:list',
  'last_epoch:int=-1')

-- Takes back the first step, which every schedule takes when it is made.
local function undo(schedulers)
  for _, s in ipairs(schedulers) do
    if s._schedulers then undo(s._schedulers) end
    if s.last_epoch then s.last_epoch = s.last_epoch - 1 end
  end
end

--- One schedule after another, each beginning at its milestone.
-- @param schedulers a list
-- @param milestones epochs, one fewer than schedules
-- @usage
-- local optimizer = optim.SGD({tocha.zeros(1)}, {lr = 1})
-- local schedule = lr_scheduler.SequentialLR(optimizer, {
--   lr_scheduler.ConstantLR(optimizer, 0.5, 2), lr_scheduler.ExponentialLR(optimizer, 0.9)}, {2})
-- local rates = {}
-- for epoch = 1, 4 do
--   rates[epoch] = optimizer.param_groups[1].lr
--   optimizer:step()
--   schedule:step()
-- end
-- rates  --> {0.5, 0.5, 1, 0.9}
function Sequential:__init(...)
  local optimizer, schedulers, milestones, last_epoch = read_sequential(...)
  check('SequentialLR', optimizer, schedulers)
  if #milestones ~= #schedulers - 1 then
    args.fail('SequentialLR: milestones: got %d for %d schedulers, takes one less', #milestones, #schedulers)
  end
  self._schedulers, self._milestones = schedulers, milestones
  self.optimizer, self.last_epoch = optimizer, last_epoch + 1
  for _, group in ipairs(optimizer.param_groups) do group.lr = group.initial_lr end
  undo(schedulers)
  schedulers[1]:initial_step()
  self._last_lr = schedulers[1]:get_last_lr()
end

function Sequential:initial_step() self._schedulers[1]:initial_step() end

function Sequential:step()
  self.last_epoch = self.last_epoch + 1
  local at = 1
  while self._milestones[at] and self._milestones[at] <= self.last_epoch do at = at + 1 end
  local s = self._schedulers[at]
  if at > 1 and self._milestones[at - 1] == self.last_epoch then s:step(0) else s:step() end
  self._last_lr = s:get_last_lr()
end

return compose
