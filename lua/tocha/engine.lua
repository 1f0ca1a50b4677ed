--- Drives backward: the C engine walks the graph and comes back whenever only Lua can go on (hooks, functions written in Lua).
-- @module tocha.engine

local ffi = require 'ffi'
local handle = require 'tocha.handle'
local errors = require 'tocha.errors'
local arguments = require 'tocha.arguments'
local library = require 'tocha.library'
local watch = require 'tocha.watch'
local C = library.C
local wrap, is_tensor = handle.wrap, arguments.is_tensor

local engine = {}

local HOOKS, LUA_NODE, POST_HOOKS, PACKED, GIVEN = 3, 4, 5, 6, 7

-- By number: the hooks of a node (negative), the backward of a custom function (positive). C tells which nodes are gone.
local registry, names, last = {}, {}, 0

local function sweep()
  while true do
    local number = C.tc_next_dropped()
    if number == 0 then return end
    registry[number], names[number] = nil, nil
  end
end

local function call_hooks(list, gradient)
  for i = 1, list.n do
    local hook = list[i]
    if hook then
      local changed = hook(gradient)
      if changed ~= nil then
        if not is_tensor(changed) then errors.raise('a hook gave %s, takes a tensor or nil', errors.describe(changed)) end
        gradient = changed
      end
    end
  end
  return gradient
end

local function run_hooks(e)
  local entry = registry[tonumber(C.tc_engine_hooks(e))]
  for i = 0, tonumber(C.tc_engine_outputs(e)) - 1 do
    local list = entry and entry[i]
    local given = list and wrap(C.tc_engine_gradient(e, i))
    if given then
      local changed = call_hooks(list, given)
      if changed ~= given and not C.tc_engine_replace(e, i, changed._t) then errors.pending() end
    end
  end
  if entry and entry.before then require('tocha.autograd.nodehooks').before(e, entry.before) end
end

local function run_post_hooks(e)
  local entry = registry[tonumber(C.tc_engine_hooks(e))]
  local list = entry and entry.post
  local x = wrap(C.tc_engine_leaf(e))
  for i = 1, list and list.n or 0 do
    if list[i] then list[i](x) end
  end
  if entry and entry.after then require('tocha.autograd.nodehooks').after_leaf(e, entry.after) end
end

-- what a node with hooks has given waits in C until they have seen it
local function run_given(e)
  local entry = registry[tonumber(C.tc_engine_hooks(e))]
  if entry and entry.after then require('tocha.autograd.nodehooks').after(e, entry.after) end
end

-- In anomaly mode an error in a custom function's backward says where the function was called.
local function from_its_origin(e, run, ...)
  local place = require('tocha.origins').text(C.tc_node_origin(C.tc_engine_node(e)))
  local function check(ok, ...)
    if ok then return ... end
    local message = ...
    error(type(message) == 'string' and place and message .. '; called at ' .. place or message, 0)
  end
  return check(pcall(run, e, ...))
end

local function run_function(e, keep_graph)
  local run = registry[tonumber(C.tc_engine_function(e))]
  if not run then errors.raise('backward: the graph of a custom function was freed: say {retain_graph = true} the first time') end
  local gradients = {}
  for i = 1, tonumber(C.tc_engine_outputs(e)) do gradients[i] = wrap(C.tc_engine_gradient(e, i - 1)) end
  local entry = registry[tonumber(C.tc_engine_hooks(e))]
  if entry and entry.after then return require('tocha.autograd.nodehooks').around(e, entry.after, run, gradients, keep_graph) end
  if C.tc_node_origin(C.tc_engine_node(e)) ~= 0 then return from_its_origin(e, run, gradients, keep_graph) end
  run(e, gradients, keep_graph)
end

-- What saved-tensor hooks keep for the node that comes next is a tensor again.
local PACKED_NUMBERS = 2 ^ 52
local function run_packed(e)
  local node = C.tc_engine_node(e)
  for slot = 0, C.tc_pack_slots(node) - 1 do
    local number = C.tc_packed(node, slot)
    if number ~= 0 then
      local x = engine.unpack(registry[PACKED_NUMBERS + number])
      C.tc_clear_error()
      if not C.tc_unpacked(node, slot, x._t) then errors.pending() end
    end
  end
end

local run = {[HOOKS] = run_hooks, [LUA_NODE] = run_function, [POST_HOOKS] = run_post_hooks, [PACKED] = run_packed, [GIVEN] = run_given}

local function walk(e, keep_graph)
  while true do
    local status = C.tc_engine_step(e)
    if status == 0 then return end
    if status == 1 then errors.pending() end
    run[status](e, keep_graph)
  end
end

-- The walk that hooks are called from: the engine, and a number that no other walk has.
local walks = 0
local function begin_walk(e)
  local engine_before, walk_before = engine.current, engine.walk
  walks = walks + 1
  engine.current, engine.walk = e, walks
  return engine_before, walk_before
end

-- runs `body(e, ...)` and frees the engine whatever happens
local function with_engine(keep_graph, create_graph, body, ...)
  local e = C.tc_engine_new(keep_graph, create_graph)
  if e == nil then errors.pending() end
  local before = C.tc_grad_enabled()
  local outer, outer_walk = begin_walk(e)
  C.tc_set_grad_enabled(create_graph)
  local ok, result = pcall(body, e, ...)
  C.tc_set_grad_enabled(before)
  engine.current, engine.walk = outer, outer_walk
  C.tc_engine_free(e)
  sweep()
  if not ok then error(result, 0) end
  return result
end

local function add_roots(e, outputs, gradients)
  for i, x in ipairs(outputs) do
    local g = gradients[i]
    if not C.tc_engine_root(e, x._t, g and g._t or nil) then errors.pending() end
  end
end

local function list_of_tensors(v, who)
  local list = is_tensor(v) and {v} or v or {}
  if type(list) ~= 'table' then errors.raise('%s: got %s, takes a tensor or a table of tensors', who, errors.describe(v)) end
  for i, x in pairs(list) do
    if x and not is_tensor(x) then errors.raise('%s: entry %s is %s, takes a tensor', who, tostring(i), errors.describe(x)) end
  end
  return list
end
engine.list_of_tensors = list_of_tensors

local function quick(x, g, keep, create)
  local e = C.tc_engine_new(keep, create)
  if e == nil then errors.pending() end
  if not C.tc_engine_root(e, x, g) then
    C.tc_engine_free(e)
    errors.pending()
  end
  local status = C.tc_engine_step(e)
  if status == 0 then
    C.tc_engine_free(e)
    return true
  end
  return false, e, status
end

local function finish(e, status, keep_graph, create_graph)
  local before = C.tc_grad_enabled()
  local outer, outer_walk = begin_walk(e)
  C.tc_set_grad_enabled(create_graph)
  local ok, message = pcall(function()
    while status ~= 0 do
      if status == 1 then errors.pending() end
      run[status](e, keep_graph)
      status = C.tc_engine_step(e)
    end
  end)
  C.tc_set_grad_enabled(before)
  engine.current, engine.walk = outer, outer_walk
  C.tc_engine_free(e)
  sweep()
  if not ok then error(message, 0) end
end

local last_packed = 0
--- Keeps what a hook has packed; gives its number.
function engine.keep(entry)
  sweep()
  repeat last_packed = last_packed % 2147483647 + 1 until not registry[PACKED_NUMBERS + last_packed]
  registry[PACKED_NUMBERS + last_packed] = entry
  return last_packed
end

--- The tensor that was packed.
function engine.unpack(entry)
  local before = C.tc_grad_enabled()
  C.tc_set_grad_enabled(false)
  local ok, x = pcall(entry.unpack, entry.value)
  C.tc_set_grad_enabled(before)
  if not ok then error(x, 0) end
  if not is_tensor(x) then errors.raise('saved_tensors_hooks: unpack gave %s, takes a tensor', errors.describe(x)) end
  local same = x.dtype == entry.dtype and x:dim() == #entry.shape
  for d = 1, same and x:dim() or 0 do same = same and x:size(d) == entry.shape[d] end
  if not same then
    errors.raise('saved_tensors_hooks: unpack gave %s [%s] for %s [%s]', tostring(x.dtype), table.concat(x.shape, ' x '), tostring(entry.dtype),
      table.concat(entry.shape, ' x '))
  end
  return x
end

local options_known = {gradient = true, retain_graph = true, create_graph = true, inputs = true}

--- x:backward(gradient, retain_graph, create_graph, inputs), or by name: adds the gradient of x into the .grad of the leaves.
function engine.backward(x, gradient, retain_graph, create_graph, inputs)
  local last_argument = gradient
  if retain_graph ~= nil then last_argument = retain_graph end
  if arguments.is_options(last_argument) then
    local o = last_argument
    for key in pairs(o) do
      if not options_known[key] then
        errors.raise("backward: unknown option '%s': takes gradient, retain_graph, create_graph, inputs", tostring(key))
      end
    end
    if last_argument == gradient then gradient = o.gradient end
    retain_graph, create_graph, inputs = o.retain_graph, o.create_graph, o.inputs
  end
  if gradient ~= nil and not is_tensor(gradient) then
    errors.raise('backward: gradient: got %s, takes a tensor', errors.describe(gradient))
  end
  if inputs then return engine.accumulate(x, gradient, retain_graph, create_graph, inputs) end
  create_graph = create_graph or false
  if retain_graph == nil then retain_graph = create_graph end
  C.tc_clear_error()
  local done, e, status = quick(x._t, gradient and gradient._t or nil, retain_graph, create_graph)
  if not done then finish(e, status, retain_graph, create_graph) end
end

-- an input is a tensor, or an edge: a node and the number of its result
local function capture(e, x)
  if is_tensor(x) then return C.tc_engine_capture(e, x._t) end
  return C.tc_engine_capture_edge(e, x.node._pointer, x.output_nr - 1)
end

--- The gradients of `outputs` by `inputs` (tensors, or edges of the graph), nothing accumulated: a list with false where an input does not
-- matter (allow_unused).
function engine.gradients(outputs, inputs, grad_outputs, retain_graph, create_graph, allow_unused)
  create_graph = create_graph or false
  if retain_graph == nil then retain_graph = create_graph end
  C.tc_clear_error()
  return with_engine(retain_graph, create_graph, function(e)
    for _, x in ipairs(inputs) do
      if not capture(e, x) then errors.pending() end
    end
    add_roots(e, outputs, grad_outputs)
    if not C.tc_engine_aim(e) then errors.pending() end
    walk(e, retain_graph)
    local list = {}
    for i = 1, #inputs do
      list[i] = wrap(C.tc_engine_captured(e, i - 1)) or false
      if not list[i] and not allow_unused then
        errors.raise('grad: input %d does not take part in the outputs: say {allow_unused = true} if that is meant', i)
      end
    end
    return list
  end)
end

--- The same with zeros for inputs that do not matter, before which `absent`, if there is one, is called with their number. Outputs that need no
-- gradient are passed over; the graph stays.
function engine.dense_gradients(outputs, inputs, grad_outputs, create_graph, absent)
  local used, given = {}, {}
  for i, y in ipairs(outputs) do
    if y.requires_grad then
      used[#used + 1] = y
      given[#used] = grad_outputs and grad_outputs[i]
    end
  end
  local list = #used > 0 and engine.gradients(used, inputs, given, true, create_graph, true) or {}
  for i, x in ipairs(inputs) do
    if not list[i] then
      if absent then absent(i) end
      list[i] = require('tocha').zeros_like(x)
    end
  end
  return list
end

--- Adds gradients into the .grad of the given inputs alone.
function engine.accumulate(x, gradient, retain_graph, create_graph, inputs)
  inputs = list_of_tensors(inputs, 'backward: inputs')
  local list = engine.gradients({x}, inputs, {gradient}, retain_graph, create_graph, true)
  for i, g in ipairs(list) do
    if g then
      local had = inputs[i].grad
      inputs[i].grad = had and had + g or g
    end
  end
end

--- backward over several outputs at once.
function engine.backward_all(outputs, gradients, retain_graph, create_graph)
  create_graph = create_graph or false
  if retain_graph == nil then retain_graph = create_graph end
  C.tc_clear_error()
  with_engine(retain_graph, create_graph, function(e)
    add_roots(e, outputs, gradients)
    walk(e, retain_graph)
  end)
end

---------------------------------------------------------------- hooks
local Removable = {}
Removable.__index = Removable
--- Takes the hook out again.
function Removable:remove() self.list[self.at] = false end

local function add_hook(list, hook)
  list.n = list.n + 1
  list[list.n] = hook
  return setmetatable({list = list, at = list.n}, Removable)
end

local function entry_of(x)
  C.tc_clear_error()
  local number = C.tc_hook_number(x._t)
  if number == 0 then errors.pending() end
  sweep()
  local entry = registry[number] or {}
  registry[number] = entry
  return entry
end

--- hook(gradient) runs when the gradient of x has been computed; a tensor it returns takes the gradient's place.
function engine.register_hook(x, hook)
  if type(hook) ~= 'function' then errors.raise('register_hook: got %s, takes a function', errors.describe(hook)) end
  local entry, output = entry_of(x), tonumber(C.tc_output_index(x._t))
  entry[output] = entry[output] or {n = 0}
  return add_hook(entry[output], hook)
end

--- hook(x) runs after a gradient was added into x.grad; x must be a leaf.
function engine.register_post_hook(x, hook)
  if not x.is_leaf then errors.raise('register_post_accumulate_grad_hook: takes a leaf') end
  local entry = entry_of(x)
  entry.post = entry.post or {n = 0}
  return add_hook(entry.post, hook)
end

--- hook(...) runs before (`when` = 'before') or after a node is walked through; nodehooks.lua says what it gets and may give.
function engine.register_node_hook(node, when, hook)
  if type(hook) ~= 'function' then
    errors.raise('%s: got %s, takes a function', when == 'before' and 'register_prehook' or 'register_hook', errors.describe(hook))
  end
  local number = tonumber(C.tc_node_hooks(node, when == 'after'))
  sweep()
  local entry = registry[number] or {}
  registry[number] = entry
  entry[when] = entry[when] or {n = 0}
  return add_hook(entry[when], hook)
end

---------------------------------------------------------------- functions written in Lua
--- Makes `outputs` the results of a custom function of `inputs`: `backward(e, gradients)` will be called in backward and hands its
-- results over with engine.give; `name` is the function's. Nothing is recorded if no input requires grad; gives whether it was.
function engine.record(inputs, outputs, backward, name)
  sweep()
  last = last + 1
  local ins, outs = ffi.new('tc_tensor *[?]', math.max(#inputs, 1)), ffi.new('tc_tensor *[?]', math.max(#outputs, 1))
  for i, x in ipairs(inputs) do ins[i - 1] = x._t end
  for i, x in ipairs(outputs) do outs[i - 1] = x._t end
  registry[last], names[last] = backward, name
  if watch.before then watch.before() end
  if not C.tc_lua_node(last, ins, #inputs, outs, #outputs) then errors.pending() end
  return outputs[1] ~= nil and outputs[1].requires_grad
end

--- The name of a custom function by its number.
function engine.name_of(number) return names[number] or 'custom function' end

--- Hands over the gradient of input i (from 1) of the custom function `name` that runs now; `given` keeps them while hooks look on.
function engine.give(e, i, gradient, name)
  C.tc_clear_error()
  if engine.given then
    engine.given[i] = gradient
    return
  end
  if not C.tc_engine_give(e, i - 1, gradient._t) then
    if name then errors.pending_as(name .. '.backward') end
    errors.pending()
  end
end
function engine.needs(e, i) return C.tc_engine_needs(e, i - 1) end
--- A saved output as part of the graph again, for second derivatives.
function engine.output(e, saved, i) return wrap(C.tc_engine_output(e, saved._t, i - 1)) end

return engine
