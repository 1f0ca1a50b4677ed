--- Trading time for memory: what a checkpointed function made inside is thrown away and computed again in backward.
-- There are two ways. The graph is the plain call's, and what its nodes saved is computed again when backward asks for it: gradients may be taken
-- with `autograd.grad`, also of second order, and several times with retain_graph. Or, with `use_reentrant = true`, the function is one node of the
-- graph, whose backward is a walk of its own, for `backward()` alone; that way the function may save other tensors the second time.
-- @module tocha.utils.checkpoint

local class = require 'tocha.class'
local args = require 'tocha.args'
local engine = require 'tocha.engine'
local gradmode = require 'tocha.gradmode'
local graph = require 'tocha.autograd.graph'
local Function = require 'tocha.autograd.function'
local is_tensor = require('tocha.arguments').is_tensor
local checked = require 'tocha.checked'

local checkpoint = {}

local function pack(...) return {n = select('#', ...), ...} end

-- forward(ctx, ticket, f, keeps_rng, arguments...): the ticket is a tensor that requires grad, so that the results do even where only
-- what f refers to (parameters) requires it
local Checkpoint = class('Checkpoint', Function)

function Checkpoint.forward(ctx, _, f, keeps_rng, ...)
  ctx.f, ctx.arguments = f, pack(...)
  ctx.rng = keeps_rng and require('tocha').get_rng_state() or nil
  return f(...)
end

-- calls f(...) with the generator in the state `rng` (nil: as it is), and leaves the generator where it was
local function with_rng(rng, f, ...)
  if not rng then return f(...) end
  local tocha = require 'tocha'
  local now = tocha.get_rng_state()
  tocha.set_rng_state(rng)
  local results = pack(pcall(f, ...))
  tocha.set_rng_state(now)
  if not results[1] then error(results[2], 0) end
  return unpack(results, 2, results.n)
end

-- runs f again with fresh leaves for the tensors among its arguments; gives those leaves by place, and the results
local function again(ctx)
  local list, leaves = {n = ctx.arguments.n}, {}
  for i = 1, list.n do
    local v = ctx.arguments[i]
    if is_tensor(v) and v.requires_grad then
      leaves[i] = v:detach():requires_grad_()
      v = leaves[i]
    end
    list[i] = v
  end
  return leaves, pack(with_rng(ctx.rng, gradmode.enable_grad, ctx.f, unpack(list, 1, list.n)))
end

function Checkpoint.backward(ctx, ...)
  if gradmode.is_grad_enabled() then
    args.fail('checkpoint: create_graph takes {use_reentrant = false}: what one node computes again cannot be differentiated twice')
  end
  local leaves, results = again(ctx)
  local outputs, gradients = {}, {}
  for i = 1, results.n do
    local g = select(i, ...)
    if is_tensor(results[i]) and results[i].requires_grad and g then
      outputs[#outputs + 1] = results[i]
      gradients[#outputs] = g
    end
  end
  engine.backward_all(outputs, gradients, false, false)
  local list = {}
  for i, x in pairs(leaves) do list[i + 3] = x.grad end
  return unpack(list, 1, ctx.arguments.n + 3)
end

---------------------------------------------------------------- saved tensors computed again
local early_stop = true

local function set_early_stop(on) early_stop = on end
local function back_to(before, ok, ...)
  early_stop = before
  if not ok then error((...), 0) end
  return ...
end

--- Whether the second computation of a function (with `use_reentrant = false`) ends as soon as all is there that backward needs; it does unless
-- told otherwise. With f, only while f(...) runs, whose results it gives.
-- @tparam boolean enable
-- @tparam[opt] function f
function checkpoint.set_checkpoint_early_stop(enable, f, ...)
  if type(enable) ~= 'boolean' then args.fail('set_checkpoint_early_stop: enable: got %s, takes true or false', args.show(enable)) end
  local before = early_stop
  set_early_stop(enable)
  if f == nil then return end
  return back_to(before, pcall(f, ...))
end

local ENOUGH = {} -- the error that ends a second computation early

-- Computes f again and keeps what its operators save, by the order in which they do.
local function compute_again(frame)
  local count, stops = 0, early_stop
  frame.kept = {}
  local function keep(x)
    count = count + 1
    frame.kept[count] = x
    if stops and count == frame.count then error(ENOUGH, 0) end
    return false
  end
  local function never() args.fail('checkpoint: backward inside of the function cannot be computed again') end
  local ok, message = pcall(with_rng, frame.rng, gradmode.enable_grad, graph.saved_tensors_hooks, keep, never, frame.f,
    unpack(frame.arguments, 1, frame.arguments.n))
  if not ok and message ~= ENOUGH then error(message, 0) end
  if count ~= frame.count then
    args.fail('checkpoint: the function saved %d tensors for backward, but %d when it was computed again: takes one that does the same each time',
      frame.count, count)
  end
end

local function keeping_places(f, keeps_rng, list)
  local frame = {f = f, arguments = list, count = 0, rng = keeps_rng and require('tocha').get_rng_state() or nil}
  local function pack_place()
    frame.count = frame.count + 1
    return frame.count
  end
  local function unpack_place(place)
    if not frame.kept or not frame.kept[place] then compute_again(frame) end
    local x = frame.kept[place]
    frame.kept[place] = nil
    return x
  end
  return graph.saved_tensors_hooks(pack_place, unpack_place, f, unpack(list, 1, list.n))
end

---------------------------------------------------------------- calls
local known = {use_reentrant = true, preserve_rng_state = true, determinism_check = true, debug = true}

-- splits the trailing options table off
local function split(...)
  local list = pack(...)
  local options = list[list.n]
  if list.n == 0 or not args.is_options(options) or next(options) == nil then return {}, list end
  for key in pairs(options) do
    if not known[key] then
      args.fail("checkpoint: unknown option '%s'; it takes use_reentrant, preserve_rng_state", tostring(key))
    end
  end
  list[list.n], list.n = nil, list.n - 1
  return options, list
end

--- Calls f(...) without keeping what backward would need of it; backward calls f again.
-- @param f a function of tensors that gives the same each time
-- @param ... its arguments; then, optionally, a table of options: use_reentrant (false),
-- preserve_rng_state (true) gives f the same random numbers again
-- @return what f gives
function checkpoint.checkpoint(f, ...)
  if type(f) ~= 'function' and type(f) ~= 'table' then
    args.fail('checkpoint: function: got %s, takes a function', args.show(f))
  end
  local options, list = split(...)
  if not gradmode.is_grad_enabled() then return f(unpack(list, 1, list.n)) end
  if not options.use_reentrant then return keeping_places(f, options.preserve_rng_state ~= false, list) end
  local ticket = require('tocha').zeros(1):requires_grad_()
  return Checkpoint.apply(ticket, f, options.preserve_rng_state ~= false, unpack(list, 1, list.n))
end

-- f(x) of a run of modules
local function chain(modules, first, last)
  return function(...)
    local values = pack(...)
    for i = first, last do values = pack(modules[i](unpack(values, 1, values.n))) end
    return unpack(values, 1, values.n)
  end
end

--- Runs a list of modules (or nn.Sequential) in so many segments, each but the last checkpointed.
-- @param functions a list of functions or modules
-- @tparam number segments how many parts
-- @param ... the input of the first; then, optionally, the options of `checkpoint`
function checkpoint.checkpoint_sequential(functions, segments, ...)
  if type(functions) ~= 'table' then args.fail('checkpoint_sequential: functions: got %s, takes a list', args.show(functions)) end
  local options, input = split(...)
  local modules = {}
  for i = 1, functions.len and functions:len() or #functions do modules[i] = functions[i] end
  if type(segments) ~= 'number' or segments < 1 or segments > #modules then
    args.fail('checkpoint_sequential: segments: got %s, takes 1..%d', args.show(segments), #modules)
  end
  for i, f in ipairs(modules) do
    if type(f) ~= 'function' and type(f) ~= 'table' then
      args.fail('checkpoint_sequential: functions: entry %d: got %s, takes a function', i, args.show(f))
    end
  end
  local size, values = math.floor(#modules / segments), input
  for s = 1, segments - 1 do
    local list = {n = values.n, unpack(values, 1, values.n)}
    if next(options) then
      list.n = list.n + 1
      list[list.n] = options
    end
    values = pack(checkpoint.checkpoint(chain(modules, (s - 1) * size + 1, s * size), unpack(list, 1, list.n)))
  end
  return chain(modules, (segments - 1) * size + 1, #modules)(unpack(values, 1, values.n))
end

checked.all(checkpoint, '', {checkpoint = 'f:callable'})

return checkpoint
