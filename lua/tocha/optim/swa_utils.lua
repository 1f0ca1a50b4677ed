--- tocha.optim.swa_utils: averages of a model's weights over training, and the schedule that goes with them.
-- @module tocha.optim.swa_utils

local class = require 'tocha.class'
local args = require 'tocha.args'
local checked = require 'tocha.checked'
local tocha = require 'tocha'
local nn = tocha.nn
local LRScheduler = require 'tocha.optim.lr_scheduler.base'

local swa_utils = {}

local AveragedModel = class('AveragedModel', nn.Module)
swa_utils.AveragedModel = AveragedModel

local read = args.spec('AveragedModel', 'model:module', 'device=nil', 'avg_fn=nil', 'multi_avg_fn=nil',
  'use_buffers:bool=false')

--- A copy of a model whose parameters are the average of those it was updated with.
-- @param model an nn.Module
-- @tparam[opt] string device where the average is kept
-- @tparam[opt] function avg_fn (average, parameter, count) gives the new average; by default all count the same
-- @tparam[opt] function multi_avg_fn (averages, parameters, count) changes the lists of averages in place
-- @tparam[opt=false] bool use_buffers whether buffers are averaged too; else they are taken over
-- @usage
-- local model = nn.Linear(1, 1)
-- local average = optim.swa_utils.AveragedModel(model)
-- for _, w in ipairs{1, 3} do
--   nn.init.constant_(model.weight, w)
--   average:update_parameters(model)
-- end
-- average.module.weight  --> {{2}}
-- average(tocha.ones(5, 1)).shape  --> {5, 1}
function AveragedModel:__init(...)
  local model, device, avg_fn, multi_avg_fn, use_buffers = read(...)
  self.module = model:copy()
  if device ~= nil then self.module:to(device) end
  self:register_buffer('n_averaged', tocha.tensor(0, {dtype = 'int64'}))
  self.avg_fn, self.multi_avg_fn, self.use_buffers = avg_fn, multi_avg_fn, use_buffers
end

function AveragedModel:forward(...) return self.module(...) end

local function tensors(model, buffers)
  local out = {}
  for p in model:parameters() do out[#out + 1] = p:detach() end
  if buffers then
    for b in model:buffers() do out[#out + 1] = b:detach() end
  end
  return out
end

local function average(self, mine, theirs, count)
  if count == 0 then
    for i, a in ipairs(mine) do a:copy_(theirs[i]) end
  elseif self.multi_avg_fn then
    self.multi_avg_fn(mine, theirs, count)
  else
    for i, a in ipairs(mine) do
      local p = theirs[i]
      if self.avg_fn then a:copy_(self.avg_fn(a, p, count))
      elseif a:is_floating_point() then a:add_((p - a) / (count + 1))
      else a:copy_(p) end
    end
  end
end

local function update(self, model)
  average(self, tensors(self.module, self.use_buffers), tensors(model, self.use_buffers), self.n_averaged:item())
  if not self.use_buffers then
    local theirs = {}
    for b in model:buffers() do theirs[#theirs + 1] = b end
    local i = 0
    for b in self.module:buffers() do
      i = i + 1
      b:detach():copy_(theirs[i]:detach())
    end
  end
  self.n_averaged:add_(1)
end

--- Takes the model's parameters into the average.
function AveragedModel:update_parameters(model) tocha.no_grad(update, self, model) end

--- An avg_fn: an exponential average.
-- @tparam[opt=0.999] number decay
-- @return a function (average, parameter, how many there were)
-- @usage
-- optim.swa_utils.get_ema_avg_fn(0.9)(1, 2, 5)  --> 1.1
function swa_utils.get_ema_avg_fn(decay)
  decay = decay or 0.999
  return function(a, p) return a * decay + p * (1 - decay) end
end

--- A multi_avg_fn: an exponential average.
-- @tparam[opt=0.999] number decay
-- @return a function (averages, parameters, how many there were), which changes the averages
-- @usage
-- local average = tocha.tensor{1}
-- optim.swa_utils.get_ema_multi_avg_fn(0.9)({average}, {tocha.tensor{2}}, 5)
-- average  --> {1.1}
function swa_utils.get_ema_multi_avg_fn(decay)
  decay = decay or 0.999
  return function(averages, parameters)
    for i, a in ipairs(averages) do
      if a:is_floating_point() then a:lerp_(parameters[i], 1 - decay) else a:copy_(parameters[i]) end
    end
  end
end

--- An avg_fn: all count the same.
-- @return a function (average, parameter, how many there were)
-- @usage
-- optim.swa_utils.get_swa_avg_fn()(1, 2, 4)  --> 1.2
function swa_utils.get_swa_avg_fn()
  return function(a, p, count) return a + (p - a) / (count + 1) end
end

--- A multi_avg_fn: all count the same.
-- @return a function (averages, parameters, how many there were), which changes the averages
-- @usage
-- local average = tocha.tensor{1}
-- optim.swa_utils.get_swa_multi_avg_fn()({average}, {tocha.tensor{2}}, 4)
-- average  --> {1.2}
function swa_utils.get_swa_multi_avg_fn()
  return function(averages, parameters, count)
    for i, a in ipairs(averages) do
      if a:is_floating_point() then a:lerp_(parameters[i], 1 / (count + 1)) else a:copy_(parameters[i]) end
    end
  end
end

local SWALR = class('SWALR', LRScheduler)
swa_utils.SWALR = SWALR

local read_swalr = args.spec('SWALR', 'optimizer:optimizer', 'swa_lr', 'anneal_epochs:int=10', 'anneal_strategy:str="cos"',
  'last_epoch:int=-1')

--- Brings the rate to `swa_lr` within some epochs and keeps it there.
-- @param optimizer
-- @tparam number|table swa_lr the rate, or one for each group
-- @tparam[opt=10] int anneal_epochs in how many
-- @tparam[opt='cos'] string anneal_strategy 'cos' or 'linear'
-- @tparam[opt=-1] int last_epoch
-- @usage
-- local optimizer = optim.SGD({tocha.zeros(1)}, {lr = 1})
-- local schedule = optim.swa_utils.SWALR(optimizer, 0.2, 2, 'linear')
-- local rates = {}
-- for epoch = 1, 4 do
--   rates[epoch] = optimizer.param_groups[1].lr
--   optimizer:step()
--   schedule:step()
-- end
-- rates  --> {1, 0.6, 0.2, 0.2}
function SWALR:__init(...)
  local optimizer, swa_lr, anneal_epochs, strategy, last_epoch = read_swalr(...)
  if strategy ~= 'cos' and strategy ~= 'linear' then
    args.fail("SWALR: anneal_strategy: got %s, takes 'cos' or 'linear'", args.show(strategy))
  end
  self.anneal_epochs, self.anneal_strategy = anneal_epochs, strategy
  for i, group in ipairs(optimizer.param_groups) do
    group.swa_lr = type(swa_lr) == 'table' and swa_lr[i] or swa_lr
  end
  self:setup(optimizer, last_epoch)
end

local function share(self, t)
  t = math.max(0, math.min(1, t))
  return self.anneal_strategy == 'cos' and (1 - math.cos(math.pi * t)) / 2 or t
end

function SWALR:get_lr()
  local step, lrs = self._step_count - 1, {}
  if self.anneal_epochs == 0 then step = math.max(1, step) end
  local n = math.max(1, self.anneal_epochs)
  local before, now = share(self, (step - 1) / n), share(self, step / n)
  for i, group in ipairs(self.optimizer.param_groups) do
    local initial = before == 1 and group.swa_lr or (group.lr - before * group.swa_lr) / (1 - before)
    lrs[i] = group.swa_lr * now + initial * (1 - now)
  end
  return lrs
end

local norms = {BatchNorm1d = true, BatchNorm2d = true, BatchNorm3d = true, SyncBatchNorm = true}

--- Recomputes the running statistics of the batch norms with a pass over data.
-- @param loader gives batches, or lists whose first item is the input, by `:iter()`
-- @param model an nn.Module
-- @tparam[opt] string device
-- @usage
-- local model = nn.Sequential(nn.BatchNorm1d(1))
-- local loader = data.DataLoader(data.TensorDataset(tocha.tensor{{1}, {3}, {5}, {7}}), {batch_size = 2})
-- optim.swa_utils.update_bn(loader, model)
-- model[1].running_mean  --> {4}
function swa_utils.update_bn(loader, model, device)
  local found, was = {}, model.training
  for m in model:modules() do
    if norms[m.__name] and m.running_mean ~= nil then
      m:reset_running_stats()
      found[m] = m.momentum or false
      m.momentum = nil -- plain averages over all batches
    end
  end
  if next(found) == nil then return end
  model:train()
  tocha.no_grad(function()
    for x in loader:iter() do model(device and x:to(device) or x) end
  end)
  for m, momentum in pairs(found) do m.momentum = momentum or nil end
  model:train(was)
end

checked.all(swa_utils, '', {update_bn = 'loader:any model:module'})

return swa_utils
