--- An optimizer that for a while steps other tensors.
-- @module tocha.optim.swap

local tocha = require 'tocha'
local args = require 'tocha.args'

local swap = {}

local function check(optimizer, params, state)
  local n = 0
  for k, group in ipairs(optimizer.param_groups) do
    n = n + #group.params
    local saved = (state.param_groups or {})[k]
    if not saved or #(saved.params or {}) ~= #group.params then
      args.fail('swap_in_optimizer_params_and_state: state: group %d has not as many parameters as the optimizer', k)
    end
  end
  if #params ~= n then
    args.fail('swap_in_optimizer_params_and_state: params: got %d, the optimizer has %d', #params, n)
  end
  for i, p in ipairs(params) do
    if not tocha.is_tensor(p) then
      args.fail('swap_in_optimizer_params_and_state: params: item %d is %s, takes a tensor', i, args.show(p))
    end
  end
end

-- groups and states that hold `params`, numbered as in state_dict(); states are the tensors given, in tables of their own
local function swapped(optimizer, params, state)
  local groups, states, at = {}, {}, 0
  for k, group in ipairs(optimizer.param_groups) do
    local own = {}
    for name, value in pairs(group) do own[name] = value end
    for name, value in pairs(state.param_groups[k]) do own[name] = value end
    own.params = {}
    for i, id in ipairs(state.param_groups[k].params) do
      at = at + 1
      own.params[i] = params[at]
      if state.state[id] then
        states[params[at]] = {}
        for name, value in pairs(state.state[id]) do states[params[at]][name] = value end
      end
    end
    groups[k] = own
  end
  return groups, states
end

--- Calls f while an optimizer holds other parameters and another state; then it has its own again, also after an error. What steps write
-- into the given tensors stays there.
-- @param optimizer an optimizer
-- @tparam table params tensors, as many and in the same order as its own
-- @tparam table state as `optimizer:state_dict()` gives it
-- @tparam function f
-- @return what f returns
-- @usage
-- local p, q = tocha.zeros(1), tocha.zeros(1)
-- local optimizer = optim.SGD({p}, {lr = 0.5})
-- q.grad = tocha.ones(1)
-- optim.swap_in_optimizer_params_and_state(optimizer, {q}, optimizer:state_dict(), function() optimizer:step() end)
-- q  --> {-0.5}
-- p  --> {0}
function swap.swap_in_optimizer_params_and_state(optimizer, params, state, f)
  if type(optimizer) ~= 'table' or not optimizer.param_groups then
    args.fail('swap_in_optimizer_params_and_state: optimizer: got %s, takes an optimizer', args.show(optimizer))
  end
  if type(params) ~= 'table' or type(state) ~= 'table' or type(state.state) ~= 'table' then
    args.fail('swap_in_optimizer_params_and_state: takes a list of tensors, and what state_dict() gives')
  end
  if type(f) ~= 'function' then
    args.fail('swap_in_optimizer_params_and_state: f: got %s, takes a function', args.show(f))
  end
  check(optimizer, params, state)
  local groups, states, packs = optimizer.param_groups, optimizer.state, optimizer.packs
  optimizer.param_groups, optimizer.state = swapped(optimizer, params, state)
  optimizer.packs = {}
  local results = {n = 0}
  local function keep(good, ...)
    results = {n = select('#', ...), ...}
    return good
  end
  local good = keep(pcall(f))
  optimizer.param_groups, optimizer.state, optimizer.packs = groups, states, packs
  if not good then error(results[1], 0) end
  return unpack(results, 1, results.n)
end

return swap
