--- What forward and backward of a custom function share: the first argument of both.
-- Fields: `needs_input_grad`, a list with true for each argument whose gradient is wanted; `saved_tensors`, in backward, what forward
-- saved; everything else that forward puts into it.
-- @classmod tocha.autograd.context

local ffi = require 'ffi'
local errors = require 'tocha.errors'
local engine = require 'tocha.engine'
local is_tensor = require('tocha.arguments').is_tensor

local Context = {}
local hidden = {} -- key of the part that users do not see

--- The part of a context that belongs to the machinery: name, saved, dirty, plain (not differentiable), materialize, engine.
function Context.state(ctx) return rawget(ctx, hidden) end

local function tensors_or_nil(who, n, ...)
  for i = 1, n do
    local v = select(i, ...)
    if v ~= nil and not is_tensor(v) then errors.raise('%s: argument %d is a %s, takes tensors', who, i, errors.describe(v)) end
  end
end

local methods = {}

--- Keeps tensors for backward. Inputs, results and others may be kept; a change in place before backward uses them is noticed.
function methods.save_for_backward(ctx, ...)
  local n = select('#', ...)
  tensors_or_nil('save_for_backward', n, ...)
  rawget(ctx, hidden).saved = {n = n, ...}
end

--- Says that forward changed these arguments in place; it must also return them.
function methods.mark_dirty(ctx, ...)
  tensors_or_nil('mark_dirty', select('#', ...), ...)
  rawget(ctx, hidden).dirty = {...}
end

--- Says that these results have no gradient.
function methods.mark_non_differentiable(ctx, ...)
  tensors_or_nil('mark_non_differentiable', select('#', ...), ...)
  rawget(ctx, hidden).plain = {...}
end

--- With false, backward gets nil for a result that did not matter; else it gets zeros.
function methods.set_materialize_grads(ctx, on) rawget(ctx, hidden).materialize = on end

local function changed(state, i, entry)
  local writer = require('tocha.library').C.tc_writer_of(entry.tensor._t)
  errors.raise('%s saved a tensor (%d) of shape [%s] for backward, but %s changed it in place afterwards (version %d, saved %d)',
    state.name, i, table.concat(entry.tensor.shape, ' x '), writer ~= nil and ffi.string(writer) or 'an operator', entry.tensor._version,
    entry.version)
end

-- results were kept apart from the graph, lest they keep themselves alive; for second derivatives they join it again
local function unpack_saved(state)
  local list = {}
  if state.freed then
    errors.raise('backward came through %s a second time, but its saved tensors were freed: say {retain_graph = true} the first time',
      state.name)
  end
  for i = 1, state.saved and state.saved.n or 0 do
    local entry = state.kept and state.kept[i]
    if not state.kept then
      list[i] = state.saved[i]
    elseif entry and entry.packed then
      local x = engine.unpack(entry.packed)
      list[i] = entry.output and state.engine and state.connect and engine.output(state.engine, x, entry.output) or x
    elseif entry then
      if entry.tensor._version ~= entry.version then changed(state, i, entry) end
      list[i] = entry.output and state.engine and state.connect and engine.output(state.engine, entry.tensor, entry.output) or entry.tensor
    end
  end
  return list
end

function Context.__index(ctx, key)
  if key == 'saved_tensors' then return unpack_saved(rawget(ctx, hidden)) end
  return methods[key]
end

function Context.__tostring(ctx) return 'context of ' .. rawget(ctx, hidden).name end

--- A context for one call of the function `name`.
function Context.new(name, needs)
  return setmetatable({needs_input_grad = needs, [hidden] = {name = name, materialize = true}}, Context)
end

local function same(a, b) return is_tensor(a) and is_tensor(b) and ffi.cast('void *', a._t) == ffi.cast('void *', b._t) end

--- True if the tensor is one of the list.
function Context.holds(list, x)
  for _, v in ipairs(list or {}) do
    if same(v, x) then return true end
  end
  return false
end

--- Settles what was saved, when the node exists: `outputs` are its differentiable results in order.
function Context.settle(state, outputs)
  local kept = {}
  for i = 1, state.saved and state.saved.n or 0 do
    local x, place = state.saved[i], nil
    for k, y in ipairs(outputs) do
      if same(x, y) then place = k end
    end
    if x ~= nil then
      if place then x = x:detach() end
      local packed = engine.pack and engine.pack(x:detach())
      kept[i] = packed and {packed = packed, output = place} or {tensor = x, version = x._version, output = place}
    end
  end
  state.kept = kept
  state.saved = {n = state.saved and state.saved.n or 0}
  state.dirty, state.plain = nil, nil
end

--- Lets go of what was saved: backward has used it.
function Context.release(state)
  if state.saved and state.saved.n > 0 then state.freed = true end
  state.kept = {}
end

return Context
