--- What OneCycleLR and CyclicLR share: values for each group, and momentum that moves against the rate.
-- @module tocha.optim.lr_scheduler.cycling

local args = require 'tocha.args'

local cycling = {}

--- A number for all groups, or a list of one for each, as a list.
function cycling.each_group(scheduler, name, optimizer, value)
  local out, n = {}, #optimizer.param_groups
  if type(value) == 'table' and #value ~= n then
    args.fail('%s: %s: got %d values for %d groups', scheduler.__name, name, #value, n)
  end
  for i = 1, n do
    out[i] = type(value) == 'table' and value[i] or value
    if type(out[i]) ~= 'number' then
      args.fail('%s: %s: got %s, takes a number or a list of them', scheduler.__name, name, args.show(out[i]))
    end
  end
  return out
end

--- Raises unless the optimizer has momentum, as `momentum` or as the first of `betas`.
function cycling.check_momentum(scheduler, optimizer)
  for i, group in ipairs(optimizer.param_groups) do
    if group.momentum == nil and group.betas == nil then
      args.fail('%s: cycle_momentum: group %d has neither momentum nor betas; give cycle_momentum = false',
        scheduler.__name, i)
    end
  end
end

function cycling.set_momentum(group, value)
  if group.betas then group.betas[1] = value else group.momentum = value end
end

return cycling
