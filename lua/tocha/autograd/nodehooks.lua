--- The hooks of nodes: what `Node:register_prehook` and `Node:register_hook` make happen in backward.
-- @module tocha.autograd.nodehooks

local library = require 'tocha.library'
local handle = require 'tocha.handle'
local errors = require 'tocha.errors'
local engine = require 'tocha.engine'
local is_tensor = require('tocha.arguments').is_tensor
local C, wrap = library.C, handle.wrap

local nodehooks = {}

local function output_gradients(e)
  local list = {n = tonumber(C.tc_engine_outputs(e))}
  for i = 1, list.n do list[i] = wrap(C.tc_engine_gradient(e, i - 1)) end
  return list
end

-- a hook gives nothing, a list with a gradient (or nil) for each, or the only one itself
local function as_list(who, changed, n)
  if is_tensor(changed) and n == 1 then return {changed} end
  if type(changed) ~= 'table' then errors.raise('%s: the hook gave %s, takes a list of %d gradients or nil', who, errors.describe(changed), n) end
  for i, g in pairs(changed) do
    if i ~= 'n' and (type(i) ~= 'number' or i < 1 or i > n or not is_tensor(g)) then
      errors.raise('%s: the hook gave %s at %s, takes a list of %d gradients', who, errors.describe(g), tostring(i), n)
    end
  end
  return changed
end

local function each(hooks, visit)
  for i = 1, hooks.n do
    if hooks[i] then visit(hooks[i]) end
  end
end

--- Before a node: hook(gradients of its results); what it gives takes their place.
function nodehooks.before(e, hooks)
  each(hooks, function(hook)
    local changed = hook(output_gradients(e))
    if changed == nil then return end
    local n = tonumber(C.tc_engine_outputs(e))
    for i, g in pairs(as_list('register_prehook', changed, n)) do
      if i ~= 'n' and not C.tc_engine_replace(e, i - 1, g._t) then errors.pending() end
    end
  end)
end

-- hook(gradients of the inputs, gradients of the results); `change(i, g)` puts another in place
local function run_after(e, hooks, given, change)
  local outputs = output_gradients(e)
  each(hooks, function(hook)
    local changed = hook(given, outputs)
    if changed == nil then return end
    for i, g in pairs(as_list('register_hook', changed, given.n)) do
      if i ~= 'n' then
        given[i] = g
        change(i, g)
      end
    end
  end)
end

--- After the rule of an operator.
function nodehooks.after(e, hooks)
  local given = {n = tonumber(C.tc_engine_inputs(e))}
  for i = 1, given.n do given[i] = wrap(C.tc_engine_result(e, i - 1)) end
  run_after(e, hooks, given, function(i, g)
    if not C.tc_engine_change(e, i - 1, g._t) then errors.pending() end
  end)
end

--- After a leaf has added its gradient up: it has no inputs.
function nodehooks.after_leaf(e, hooks)
  local outputs = output_gradients(e)
  each(hooks, function(hook) hook({n = 0}, outputs) end)
end

--- Around the backward of a custom function: its gradients are handed over when the hooks have seen them.
function nodehooks.around(e, hooks, run, gradients, keep_graph)
  local outer, given = engine.given, {n = tonumber(C.tc_engine_inputs(e))}
  engine.given = given
  local ok, message = pcall(run, e, gradients, keep_graph)
  engine.given = outer
  if not ok then error(message, 0) end
  run_after(e, hooks, given, function() end)
  for i = 1, given.n do
    if given[i] then engine.give(e, i, given[i]) end
  end
end

return nodehooks
