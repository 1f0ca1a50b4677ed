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

--- WarmupConstantLR(optimizer, warmup_steps): then the rate stays.
define('WarmupConstantLR', false, function() return 1 end)
--- WarmupLinearLR(optimizer, warmup_steps, total_steps, minimum = 0): then it falls along a line to `minimum` times the rate.
define('WarmupLinearLR', true, function(...) return 1 - progress(...) end)
--- WarmupCosineLR(optimizer, warmup_steps, total_steps, minimum = 0): then it falls along half a cosine.
define('WarmupCosineLR', true, function(...) return 0.5 + 0.5 * math.cos(math.pi * progress(...)) end)
--- WarmupInverseSqrtLR(optimizer, warmup_steps): then it falls as 1 / sqrt(step). Source: A. Vaswani et al., 2017.
define('WarmupInverseSqrtLR', false, function(step, warmup) return math.sqrt(math.max(1, warmup) / math.max(1, step)) end)

return M
