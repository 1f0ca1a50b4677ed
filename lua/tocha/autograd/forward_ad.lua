--- Derivatives along a direction, carried beside the values: dual tensors.
--
--     local ad = tocha.autograd.forward_ad
--     local y, dy = ad.dual_level(function()
--       local x = ad.make_dual(tocha.tensor{2}, tocha.tensor{1})
--       local d = ad.unpack_dual(x ^ 3)
--       return d.primal, d.tangent -- 8 and 12
--     end)
--
-- Underneath is the graph that walks back: a tangent is the derivative by u of u's product with the transposed Jacobian (J. Townsend, 2017).
-- Taking one therefore costs two walks over what was computed since make_dual, about three times the computation itself, and each call of
-- unpack_dual walks anew. Inside a level gradients are recorded; what comes out of it is not part of a graph unless an argument was.
-- @module tocha.autograd.forward_ad

local args = require 'tocha.args'
local engine = require 'tocha.engine'
local errors = require 'tocha.errors'
local gradmode = require 'tocha.gradmode'
local is_tensor = require('tocha.arguments').is_tensor

local forward_ad = {}

local level -- {duals, tangents, connected}: the one that is open

--- A dual tensor taken apart: fields `primal` and `tangent`, also as entries 1 and 2. The tangent is nil where nothing depends on a dual.
local UnpackedDualTensor = {}
UnpackedDualTensor.__index = UnpackedDualTensor
function UnpackedDualTensor.__tostring(pair) return ('UnpackedDualTensor(primal = %s, tangent = %s)'):format(pair.primal, tostring(pair.tangent)) end
forward_ad.UnpackedDualTensor = UnpackedDualTensor

--- Opens a level, in which duals can be made. Gives its number; there is one at a time.
function forward_ad.enter_dual_level()
  if level then args.fail('enter_dual_level: a level is open, and levels do not nest: func.jvp does') end
  level = {duals = {}, tangents = {}, connected = false, recording = gradmode.is_grad_enabled()}
  gradmode.set_grad_enabled(true)
  return 0
end

--- Closes the level; its duals are ordinary tensors from then on.
function forward_ad.exit_dual_level()
  if not level then args.fail('exit_dual_level: no level is open') end
  gradmode.set_grad_enabled(level.recording)
  level = nil
end

local function leave(ok, ...)
  if level then forward_ad.exit_dual_level() end
  if not ok then error((...), 0) end
  return ...
end

--- Calls f(...) inside a level and gives its results.
-- @tparam function f
-- @param ... its arguments
function forward_ad.dual_level(f, ...)
  if type(f) ~= 'function' then args.fail('dual_level: got %s, takes a function and its arguments', args.show(f)) end
  forward_ad.enter_dual_level()
  return leave(pcall(f, ...))
end

--- A tensor with the values of `tensor`, along with the direction `tangent` of the same shape and dtype. It shares the tensor's memory.
-- @tparam Tensor tensor of floating point or complex
-- @tparam Tensor tangent
-- @treturn Tensor
function forward_ad.make_dual(tensor, tangent)
  if not level then args.fail('make_dual: no level is open: takes dual_level(f) around it') end
  for name, x in pairs{tensor = tensor or false, tangent = tangent or false} do
    if not is_tensor(x) then args.fail('make_dual: %s: got %s, takes a tensor', name, errors.describe(x or nil)) end
  end
  if not (tensor:is_floating_point() or tensor:is_complex()) then args.fail('make_dual: tensor: got %s, takes floating point', args.show(tensor)) end
  if table.concat(tensor:size(), ',') ~= table.concat(tangent:size(), ',') or tensor.dtype ~= tangent.dtype then
    args.fail('make_dual: tangent: got %s for %s, takes the same shape and dtype', args.show(tangent), args.show(tensor))
  end
  level.connected = level.connected or tensor.requires_grad or tangent.requires_grad
  local dual = tensor.requires_grad and tensor:view_as(tensor) or tensor:detach():requires_grad_()
  table.insert(level.duals, dual)
  table.insert(level.tangents, tangent)
  return dual
end

-- the derivative of y along the tangents of the open level, nil where it depends on none of its duals
local function tangent_of(y)
  if not y.requires_grad or #level.duals == 0 then return nil end
  local duals, tangents = {}, {}
  local u = y:detach():clone():zero_():requires_grad_()
  local back = engine.gradients({y}, level.duals, {u}, true, true, true)
  local products = {}
  for i, g in ipairs(back) do
    if g then
      duals[#duals + 1], tangents[#tangents + 1] = g, level.tangents[i]
      if g.requires_grad then products[#products + 1] = #duals end
    end
  end
  if #duals == 0 then return nil end
  local by_u, along = {}, {}
  for k, i in ipairs(products) do by_u[k], along[k] = duals[i], tangents[i] end
  if #by_u == 0 then return u:detach() end -- the derivative is zero everywhere
  local product = engine.gradients(by_u, {u}, along, true, level.connected, true)[1]
  return product or u:detach()
end

--- The values of a tensor, and its derivative in the direction of the tangents that were given to make_dual.
-- @tparam Tensor tensor
-- @treturn UnpackedDualTensor
function forward_ad.unpack_dual(tensor)
  if not is_tensor(tensor) then args.fail('unpack_dual: got %s, takes a tensor', errors.describe(tensor)) end
  if not level then return setmetatable({tensor, primal = tensor}, UnpackedDualTensor) end
  local tangent = tangent_of(tensor)
  local primal = level.connected and tensor or tensor:detach()
  return setmetatable({primal, tangent, primal = primal, tangent = tangent}, UnpackedDualTensor)
end

return forward_ad
