--- Mixed precision under PyTorch's names: autocast, which computes matrix products and the like in 16 bits and what needs it in float32, and
-- GradScaler, which keeps the gradients of float16 from vanishing.
-- @module tocha.amp

local library = require 'tocha.library'
local dtype = require 'tocha.dtype'
local errors = require 'tocha.errors'
local args = require 'tocha.args'
local C = library.C
local NONE = -2147483648

local amp = {}

---------------------------------------------------------------- autocast
local Context = {}
Context.__index = Context

-- switches autocast; gives what undoes it
function Context:enter()
  local before = C.tc_get_autocast(self.cuda)
  C.tc_set_autocast(self.cuda, self.enabled and self.code or NONE)
  self.before[#self.before + 1] = before
  return self
end

function Context:exit()
  local before = table.remove(self.before)
  if before == nil then errors.raise('autocast: exit without enter') end
  C.tc_set_autocast(self.cuda, before)
end

local function leave(self, good, ...)
  self:exit()
  if not good then error((...), 0) end
  return ...
end

--- Calls f(...) under it.
function Context:__call(f, ...)
  if type(f) ~= 'function' and not (getmetatable(f) and getmetatable(f).__call) then
    errors.raise('autocast: got %s, takes a function and its arguments', errors.describe(f))
  end
  self:enter()
  return leave(self, pcall(f, ...))
end

local function context(device_type, kind, enabled)
  if device_type ~= 'cuda' and device_type ~= 'cpu' then
    errors.raise("autocast: device_type: got %s, takes 'cuda' or 'cpu'", errors.describe(device_type))
  end
  local cuda = device_type == 'cuda'
  kind = kind or (cuda and 'float16' or 'bfloat16')
  local code = dtype.code(kind, 'autocast')
  local name = dtype.by_code[code].name
  if name ~= 'float16' and name ~= 'bfloat16' then errors.raise("autocast: dtype: got %s, takes 'float16' or 'bfloat16'", name) end
  return setmetatable({cuda = cuda, code = code, enabled = enabled ~= false, before = {}}, Context)
end

--- Mixed precision on one kind of device. In the forms
--
--     tocha.amp.autocast('cuda', 'bfloat16', function() loss = model(x, y) end)
--     tocha.amp.autocast('cuda', {dtype = 'bfloat16', enabled = true})(f, ...)
--
-- f's results are given back. Under it matrix products, convolutions, attention and recurrent layers take float32 operands as `dtype`
-- ('float16' on CUDA and 'bfloat16' on the CPU if omitted); losses, norms, softmax, sums and powers compute in float32; the rest takes what it
-- gets. float64 is left alone. Gradients have the dtype of the parameters. {enabled = false} switches it off inside f.
function amp.autocast(device_type, kind, f, ...)
  if type(kind) == 'table' and dtype.by_name[kind.name] ~= kind then
    for key in pairs(kind) do
      if key ~= 'dtype' and key ~= 'enabled' and key ~= 'cache_enabled' then
        errors.raise("autocast: unknown option '%s': takes dtype, enabled, cache_enabled", tostring(key))
      end
    end
    local made = context(device_type, kind.dtype, kind.enabled)
    if f then return made(f, ...) end
    return made
  end
  if type(kind) == 'function' then return context(device_type)(kind, f, ...) end
  local made = context(device_type, kind)
  if f then return made(f, ...) end
  return made
end

--- Is autocast on for 'cuda' (nil) or 'cpu'?
function amp.is_autocast_enabled(device_type) return C.tc_get_autocast(device_type ~= 'cpu') ~= NONE end

--- The dtype that autocast computes in for 'cuda' (nil) or 'cpu'; nil while it is off.
function amp.get_autocast_dtype(device_type)
  local code = C.tc_get_autocast(device_type ~= 'cpu')
  return code ~= NONE and dtype.by_code[code] or nil
end

---------------------------------------------------------------- scaling
local GradScaler = {}
GradScaler.__index = GradScaler

local read = args.spec('GradScaler', 'device="cuda"', 'init_scale:num=65536', 'growth_factor:num=2', 'backoff_factor:num=0.5',
  'growth_interval:int=2000', 'enabled:bool=true')

--- Multiplies the loss so that the gradients of float16 do not vanish, and skips steps whose gradients overflowed:
--
--     local scaler = tocha.amp.GradScaler()
--     scaler:scale(loss):backward()
--     scaler:step(optimizer)
--     scaler:update()
--
-- Options: init_scale (65536), growth_factor (2) after growth_interval (2000) steps without overflow, backoff_factor (0.5) after one, enabled.
function amp.GradScaler(...)
  local device, scale, growth, backoff, interval, enabled = read(...)
  if growth <= 1 then errors.raise('GradScaler: growth_factor: got %s, takes more than 1', tostring(growth)) end
  if backoff >= 1 or backoff <= 0 then errors.raise('GradScaler: backoff_factor: got %s, takes 0 .. 1', tostring(backoff)) end
  return setmetatable({device = device, current = scale, growth_factor = growth, backoff_factor = backoff, growth_interval = interval,
    enabled = enabled, tracker = 0, found = {}, stage = {}}, GradScaler)
end

--- The loss (or a table of tensors) times the scale.
function GradScaler:scale(outputs)
  if not self.enabled then return outputs end
  if type(outputs) ~= 'table' then return outputs * self.current end
  local list = {}
  for i, v in ipairs(outputs) do list[i] = self:scale(v) end
  return list
end

-- divides the gradients by the scale; true if one is not finite
local function unscaled(optimizer, scale)
  local worst
  require('tocha').no_grad(function()
    for _, group in ipairs(optimizer.param_groups) do
      for _, p in ipairs(group.params) do
        local g = p.grad
        if g and g:numel() > 0 then
          g:mul_(1 / scale)
          local most = g:detach():abs():max():to('float32') -- of infinities and nan this is one
          worst = worst and worst:maximum(most) or most
        end
      end
    end
  end)
  local value = worst and worst:item() or 0
  return value ~= value or value == math.huge
end

--- Divides the gradients of the optimizer's parameters by the scale: before clipping them. At most once between two steps.
function GradScaler:unscale_(optimizer)
  if not self.enabled then return end
  if self.stage[optimizer] == 'unscaled' then errors.raise('GradScaler.unscale_: this optimizer was unscaled already since the last update') end
  if self.stage[optimizer] == 'stepped' then errors.raise('GradScaler.unscale_: comes before step') end
  self.found[optimizer] = unscaled(optimizer, self.current)
  self.stage[optimizer] = 'unscaled'
end

--- Steps the optimizer unless a gradient is infinite or nan; gives what its step gives.
function GradScaler:step(optimizer, ...)
  if not self.enabled then return optimizer:step(...) end
  if self.stage[optimizer] == 'stepped' then errors.raise('GradScaler.step: this optimizer has stepped already since the last update') end
  if self.stage[optimizer] ~= 'unscaled' then self:unscale_(optimizer) end
  self.stage[optimizer] = 'stepped'
  if not self.found[optimizer] then return optimizer:step(...) end
end

--- Adapts the scale to what the steps since the last update have met; or sets it.
function GradScaler:update(new_scale)
  if not self.enabled then return end
  local overflow = false
  for _, found in pairs(self.found) do overflow = overflow or found end
  if new_scale then self.current = new_scale
  elseif overflow then self.current, self.tracker = self.current * self.backoff_factor, 0
  else
    self.tracker = self.tracker + 1
    if self.tracker == self.growth_interval then self.current, self.tracker = self.current * self.growth_factor, 0 end
  end
  self.found, self.stage = {}, {}
end

--- The scale; 1 where it is not enabled.
function GradScaler:get_scale() return self.enabled and self.current or 1 end
function GradScaler:get_growth_factor() return self.growth_factor end
function GradScaler:set_growth_factor(v) self.growth_factor = v end
function GradScaler:get_backoff_factor() return self.backoff_factor end
function GradScaler:set_backoff_factor(v) self.backoff_factor = v end
function GradScaler:get_growth_interval() return self.growth_interval end
function GradScaler:set_growth_interval(v) self.growth_interval = v end
function GradScaler:is_enabled() return self.enabled end

--- What a checkpoint needs; empty where it is not enabled.
function GradScaler:state_dict()
  if not self.enabled then return {} end
  return {scale = self.current, growth_factor = self.growth_factor, backoff_factor = self.backoff_factor,
    growth_interval = self.growth_interval, _growth_tracker = self.tracker}
end

function GradScaler:load_state_dict(state)
  if not self.enabled then return end
  if state.scale == nil then errors.raise('GradScaler.load_state_dict: the state is of a scaler that was not enabled') end
  self.current, self.growth_factor, self.backoff_factor = state.scale, state.growth_factor, state.backoff_factor
  self.growth_interval, self.tracker = state.growth_interval, state._growth_tracker
end

return amp
