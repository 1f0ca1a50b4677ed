--- LRScheduler: what all schedules of the learning rate share. A class derived from it has `get_lr()`, which gives the
-- rate of each group at `last_epoch` from the rates before, and may have `closed_form()`, which gives them from
-- `last_epoch` alone.
-- @classmod tocha.optim.lr_scheduler.LRScheduler

local class = require 'tocha.class'
local args = require 'tocha.args'

--- What all schedules of the learning rate share: `step()`, `get_last_lr()`, `state_dict()` and `load_state_dict(state)`. A class derived
-- from it has `get_lr()`, which gives the rate of each group for the epoch `last_epoch`.
-- @type LRScheduler
-- @usage
-- local optimizer = optim.SGD({tocha.zeros(1)}, {lr = 1})
-- local schedule = lr_scheduler.StepLR(optimizer, 1, 0.5)
-- optimizer:step()
-- schedule:step()
-- schedule:get_last_lr()  --> {0.5}
-- schedule:state_dict().last_epoch  --> 1
-- tocha.class.isinstance(schedule, lr_scheduler.LRScheduler)  --> true
local LRScheduler = class('LRScheduler')

local function check_optimizer(self, optimizer)
  if type(optimizer) ~= 'table' or type(optimizer.param_groups) ~= 'table' then
    args.fail('%s: optimizer: got %s, takes an optimizer', self.__name, args.show(optimizer))
  end
end
LRScheduler.check_optimizer = check_optimizer

-- A schedule that goes on from an epoch needs the rates it began with.
local function note_initial(self, optimizer, last_epoch)
  self.base_lrs = {}
  for i, group in ipairs(optimizer.param_groups) do
    if last_epoch == -1 then
      if group.initial_lr == nil then group.initial_lr = group.lr end
    elseif group.initial_lr == nil then
      args.fail("%s: last_epoch: got %d, but group %d has no initial_lr to go on from", self.__name, last_epoch, i)
    end
    self.base_lrs[i] = group.initial_lr
  end
end

--- What constructors end with.
-- @param optimizer
-- @tparam int last_epoch -1 to begin
function LRScheduler:setup(optimizer, last_epoch)
  check_optimizer(self, optimizer)
  self.optimizer = optimizer
  note_initial(self, optimizer, last_epoch)
  self.last_epoch = last_epoch
  self:initial_step()
end

--- The step that sets the rates of epoch 0.
function LRScheduler:initial_step()
  self._step_count = 0
  self:step()
end

function LRScheduler:get_lr()
  args.fail('%s: get_lr is not defined', self.__name)
end

--- Sets the rates of the groups.
function LRScheduler:set_lrs(lrs)
  self._last_lr = {}
  for i, group in ipairs(self.optimizer.param_groups) do
    group.lr = lrs[i]
    self._last_lr[i] = lrs[i]
  end
end

--- Goes on by one epoch (or whatever the schedule counts). Call it after the optimizer's step.
-- @tparam[opt] int epoch the epoch to go to instead
function LRScheduler:step(epoch)
  self._step_count = self._step_count + 1
  if epoch == nil then
    self.last_epoch = self.last_epoch + 1
    self:set_lrs(self:get_lr())
  else
    if type(epoch) ~= 'number' then
      args.fail('%s: step: epoch: got %s, takes a number', self.__name, args.show(epoch))
    end
    self.last_epoch = epoch
    self:set_lrs(self.closed_form and self:closed_form() or self:get_lr())
  end
end

--- The rates that were set last, one for each group.
function LRScheduler:get_last_lr()
  local out = {}
  for i, lr in ipairs(self._last_lr) do out[i] = lr end
  return out
end

--- The rates of all groups, each through f(lr, its base_lr).
function LRScheduler:each(f)
  local out = {}
  for i, group in ipairs(self.optimizer.param_groups) do out[i] = f(group.lr, self.base_lrs[i]) end
  return out
end

local function plain(v)
  if type(v) ~= 'table' then return v end
  local out = {}
  for k, x in pairs(v) do
    if type(x) ~= 'function' then out[k] = plain(x) end
  end
  return out
end

--- The state as a plain table: all fields but the optimizer and functions.
function LRScheduler:state_dict()
  local out = {}
  for name, value in pairs(self) do
    if name ~= 'optimizer' and type(value) ~= 'function' and not (type(value) == 'table' and getmetatable(value)) then
      out[name] = plain(value)
    end
  end
  return out
end

--- Takes over what `state_dict` gave.
function LRScheduler:load_state_dict(state)
  if type(state) ~= 'table' then
    args.fail('load_state_dict: %s: got %s, takes what state_dict() gives', self.__name, args.show(state))
  end
  for name, value in pairs(state) do
    -- functions are no part of a state: those of this schedule stay
    if type(value) == 'table' and type(self[name]) == 'table' then
      local own = plain(value)
      for k, x in pairs(self[name]) do
        if own[k] == nil and type(x) == 'function' then own[k] = x end
      end
      self[name] = own
    else
      self[name] = plain(value)
    end
  end
end

return LRScheduler
