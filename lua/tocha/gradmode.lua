--- Switching the recording of graphs off and on.
-- @module tocha.gradmode

local library = require 'tocha.library'
local errors = require 'tocha.errors'
local C = library.C

local gradmode = {}

local function restore(before, ok, ...)
  C.tc_set_grad_enabled(before)
  if not ok then error((...), 0) end
  return ...
end

local function under(on, who, f, ...)
  if type(f) ~= 'function' and not (getmetatable(f) and getmetatable(f).__call) then
    errors.raise('%s: got %s, takes a function and its arguments', who, errors.describe(f))
  end
  local before = C.tc_set_grad_enabled(on)
  return restore(before, pcall(f, ...))
end

--- Calls f(...) without recording a graph and gives its results.
function gradmode.no_grad(f, ...) return under(false, 'no_grad', f, ...) end
--- Calls f(...) with recording on, also inside no_grad, and gives its results.
function gradmode.enable_grad(f, ...) return under(true, 'enable_grad', f, ...) end
local function leave_inference(before, ok, ...)
  C.tc_set_inference_enabled(before)
  if not ok then error((...), 0) end
  return ...
end

--- As no_grad, for evaluation. Tensors made meanwhile say so (`x:is_inference()`); they may be used like any other afterwards.
function gradmode.inference_mode(f, ...)
  local before = C.tc_set_inference_enabled(true)
  return leave_inference(before, pcall(under, false, 'inference_mode', f, ...))
end
--- Switches recording on or off until the next switch.
function gradmode.set_grad_enabled(on)
  if type(on) ~= 'boolean' then errors.raise('set_grad_enabled: got %s, takes true or false', errors.describe(on)) end
  C.tc_set_grad_enabled(on)
end
function gradmode.is_grad_enabled() return C.tc_grad_enabled() end

return gradmode
