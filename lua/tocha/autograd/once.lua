--- For a backward that is not itself differentiable: `Cube.backward = tocha.autograd.once_differentiable(function(ctx, g) ... end)`.
-- The gradients it gives raise an error when someone differentiates them, instead of counting as constants.
-- @module tocha.autograd.once

local class = require 'tocha.class'
local errors = require 'tocha.errors'
local gradmode = require 'tocha.gradmode'
local Function = require 'tocha.autograd.function'
local is_tensor = require('tocha.arguments').is_tensor

local Barrier = class('Barrier', Function)

-- forward(ctx, gradient, the gradient that came in)
function Barrier.forward(_, g) return g end
function Barrier.backward() errors.raise('backward: this custom function can be differentiated once only (once_differentiable)') end

local function guard(incoming, n, ...)
  local list = {...}
  for i = 1, n do
    if is_tensor(list[i]) then list[i] = Barrier.apply(list[i], incoming) end
  end
  return unpack(list, 1, n)
end

local function count(...) return select('#', ...), ... end

--- Wraps a backward; `f(ctx, ...)` runs without recording.
return function(f)
  return function(ctx, ...)
    local incoming
    for i = 1, select('#', ...) do
      local g = select(i, ...)
      if is_tensor(g) and g.requires_grad then incoming = g end
    end
    if not incoming or not gradmode.is_grad_enabled() then return gradmode.no_grad(f, ctx, ...) end
    return guard(incoming, count(gradmode.no_grad(f, ctx, ...)))
  end
end
