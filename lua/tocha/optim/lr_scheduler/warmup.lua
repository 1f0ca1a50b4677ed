--- Schedules that begin with a linear rise of the rate from near 0: what large models are trained with.
-- @module tocha.optim.lr_scheduler.warmup

local args = require 'tocha.args'
local LambdaLR = require('tocha.optim.lr_scheduler.factors').LambdaLR

local M = {}

local function check(name, warmup, total)
  if warmup < 0 or total and total < warmup then
    args.fail('%s: got %s of warm-up in %s steps, takes from 0 to all of them', name, tostring(warmup), tostring(total))
  end
end

--- A linear rise of the rate, after which it stays (WarmupConstantLR), falls along a line (WarmupLinearLR) or half a cosine
-- (WarmupCosineLR) to `minimum` times the rate, or falls as 1 / sqrt(step) (WarmupInverseSqrtLR; A. Vaswani et al., 2017).
-- @type WarmupConstantLR WarmupLinearLR WarmupCosineLR WarmupInverseSqrtLR
-- @param warmup_steps steps of the rise
-- @param total_steps steps in all, rise and fall
-- @param minimum what is left of the rate at the end, as a share
-- @raise if the rise is longer than all steps
-- @usage
-- local function rates(Schedule, ...)
--   local optimizer, out = optim.SGD({tocha.zeros(1)}, {lr = 1}), {}
--   local schedule = Schedule(optimizer, ...)
--   for step = 1, 5 do
--     out[step] = optimizer.param_groups[1].lr
--     optimizer:step()
--     schedule:step()
--   end
--   return out
-- end
-- rates(lr_scheduler.WarmupConstantLR, 1)  --> {0.5, 1, 1, 1, 1}
-- rates(lr_scheduler.WarmupLinearLR, 1, 5)  --> {0.5, 1, 0.75, 0.5, 0.25}
-- rates(lr_scheduler.WarmupCosineLR, 1, 5)  --> {0.5, 1, 0.8536, 0.5, 0.1464}
-- rates(lr_scheduler.WarmupInverseSqrtLR, 1)  --> {0.5, 1, 0.7071, 0.5774, 0.5}
local function define(name, needs_total, after)
  local read = args.spec(name, 'optimizer', 'warmup_steps:int', needs_total and 'total_steps:int' or 'total_steps:int=nil',
    'minimum:num=0', 'last_epoch:int=-1')
  M[name] = function(...)
    local optimizer, warmup, total, minimum, last = read(...)
    check(name, warmup, total)
    return LambdaLR(optimizer, function(step)
      if step < warmup then return (step + 1) / (warmup + 1) end
      return minimum + (1 - minimum) * after(step, warmup, total)
    end, last)
  end
end

local function progress(step, warmup, total) return math.min(1, (step - warmup) / math.max(1, total - warmup)) end

define('WarmupConstantLR', false, function() return 1 end)
define('WarmupLinearLR', true, function(...) return 1 - progress(...) end)
define('WarmupCosineLR', true, function(...) return 0.5 + 0.5 * math.cos(math.pi * progress(...)) end)
define('WarmupInverseSqrtLR', false, function(step, warmup) return math.sqrt(math.max(1, warmup) / math.max(1, step)) end)

return M
