--- The parameters of an optimizer that needs its loss several times a step, as one vector.
-- @module tocha.optim.flat

local tocha = require 'tocha'

local flat = {}

--- The gradients of all parameters one after another, of minus the loss if it is to grow; zeros where there is none.
function flat.gradient(params, maximize)
  local parts = {}
  for i, p in ipairs(params) do
    local g = p.grad
    parts[i] = (g ~= nil and g:detach() or tocha.zeros_like(p)):reshape(-1)
  end
  local all = tocha.cat(parts, 1)
  return maximize and -all or all
end

--- The values of all parameters one after another.
function flat.values(params)
  local parts = {}
  for i, p in ipairs(params) do parts[i] = p:detach():reshape(-1) end
  return tocha.cat(parts, 1)
end

--- Writes a vector into the parameters.
function flat.put(params, vector)
  local at = 1
  for _, p in ipairs(params) do
    local n = p:numel()
    p:detach():copy_(vector:narrow(1, at, n):view_as(p))
    at = at + n
  end
end

--- Adds t times a direction to the parameters.
function flat.move(params, t, direction)
  local at = 1
  for _, p in ipairs(params) do
    local n = p:numel()
    p:add_(direction:narrow(1, at, n):view_as(p), {alpha = t})
    at = at + n
  end
end

--- A loss as a Lua number, or minus it if it is to grow.
function flat.number(loss, maximize)
  local value = type(loss) == 'number' and loss or loss:item()
  return maximize and -value or value
end

--- Loss and gradient at x + t d, with x put back, as a function of t and d.
function flat.evaluator(params, closure, maximize)
  local before = flat.values(params):clone()
  return function(t, d)
    flat.move(params, t, d)
    local loss = flat.number(tocha.enable_grad(closure), maximize)
    local gradient = flat.gradient(params, maximize)
    flat.put(params, before)
    return loss, gradient
  end
end

return flat
