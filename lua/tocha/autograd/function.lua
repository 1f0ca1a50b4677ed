--- Operators written in Lua with a gradient of their own.
--
--     local Cube = tocha.class('Cube', tocha.autograd.Function)
--     function Cube.forward(ctx, x) ctx:save_for_backward(x); return x * x * x end
--     function Cube.backward(ctx, g) local x = ctx.saved_tensors[1]; return g * 3 * x * x end
--     local y = Cube.apply(x)
--
-- forward gets a context (`tocha.autograd.context`) and the arguments of `apply`; it runs without recording. backward gets the context and
-- the gradient of each result, and gives the gradient of each argument, nil where there is none. If backward itself is made of
-- differentiable operators, the function can be differentiated any number of times. A class may also split forward in two, as in
-- PyTorch: `forward(...)` without context and `setup_context(ctx, inputs, output)`.
-- @classmod tocha.autograd.Function

local class = require 'tocha.class'
local engine = require 'tocha.engine'
local errors = require 'tocha.errors'
local gradmode = require 'tocha.gradmode'
local Context = require 'tocha.autograd.context'
local is_tensor = require('tocha.arguments').is_tensor

local Function = class('Function')

-- which arguments are tensors, and which of them want a gradient
local function survey(n, ...)
  local tensors, places, needs, any = {}, {}, {}, false
  for i = 1, n do
    local v = select(i, ...)
    needs[i] = is_tensor(v) and v.requires_grad
    if is_tensor(v) then
      tensors[#tensors + 1] = v
      places[#tensors] = i
      any = any or needs[i]
    end
  end
  return tensors, places, needs, any
end

local function pack(...) return {n = select('#', ...), ...} end

local function call_forward(cls, ctx, ...)
  if not cls.setup_context then return pack(gradmode.no_grad(cls.forward, ctx, ...)) end
  local outputs = pack(gradmode.no_grad(cls.forward, ...))
  gradmode.no_grad(cls.setup_context, ctx, pack(...), outputs.n > 1 and outputs or outputs[1])
  return outputs
end

local function differentiable(x) return x:is_floating_point() or x:is_complex() end

-- The results as the graph sees them: new tensors, so that an argument that was handed through keeps its own history.
-- Gives the list of those that take part, their places among the results, and the arguments that were changed in place.
local function classify(state, outputs, tensors)
  local outs, places, dirty = {}, {}, {}
  for i = 1, outputs.n do
    local y = outputs[i]
    if is_tensor(y) and differentiable(y) and not Context.holds(state.plain, y) then
      local fresh = y
      if Context.holds(state.dirty, y) then
        dirty[#dirty + 1] = {target = y, place = #outs + 1}
        fresh = y:detach()
      elseif y.requires_grad or Context.holds(tensors, y) or Context.holds(outs, y) then
        fresh = y:detach()
        outputs[i] = fresh
      end
      outs[#outs + 1] = fresh
      places[#outs] = i
    end
  end
  return outs, places, dirty
end

local function describe_outputs(outs)
  local list = {}
  for k, y in ipairs(outs) do list[k] = {shape = y.shape, options = {dtype = y.dtype, device = y.device}} end
  return list
end

-- the gradient of every result, in the order in which forward gave them
local function arrange(state, gradients, places, shapes, n)
  local list = {}
  for k, at in ipairs(places) do
    local g = gradients[k]
    if g == nil and state.materialize then g = require('tocha').zeros(shapes[k].shape, shapes[k].options) end
    list[at] = g
  end
  return list, n
end

local function check_gradients(name, results, count, needs)
  for i = count + 1, results.n do
    if results[i] ~= nil then errors.raise('%s.backward: gave %d gradients, but forward took %d arguments', name, results.n, count) end
  end
  for i = 1, count do
    local g = results[i]
    if g ~= nil and g ~= false and not is_tensor(g) then
      errors.raise('%s.backward: gradient %d: got %s, takes a tensor or nil', name, i, errors.describe(g))
    end
    if is_tensor(g) and needs[i] == nil then errors.raise('%s.backward: gradient %d is for an argument that is no tensor', name, i) end
  end
end

-- what the engine calls: e is the engine, gradients those of the node's results
local function make_runner(cls, ctx, n, input_places, output_places, shapes, output_count)
  local state, place_of = Context.state(ctx), {}
  for k, at in ipairs(input_places) do place_of[at] = k end
  return function(e, gradients, keep_graph)
    state.engine, state.connect = e, gradmode.is_grad_enabled()
    local list = arrange(state, gradients, output_places, shapes)
    for k, at in ipairs(input_places) do ctx.needs_input_grad[at] = engine.needs(e, k) end
    local results = pack(cls.backward(ctx, unpack(list, 1, output_count)))
    state.engine = nil
    check_gradients(cls.__name, results, n, place_of)
    for at, k in pairs(place_of) do
      if is_tensor(results[at]) and engine.needs(e, k) then engine.give(e, k, results[at], cls.__name) end
    end
    if not keep_graph then Context.release(state) end
  end
end

-- an argument that forward changed in place takes over the history of the result
local function rewrite(dirty, outs)
  for _, d in ipairs(dirty) do d.target:copy_(outs[d.place]) end
end

local function record(cls, ctx, n, tensors, input_places, outputs)
  local state = Context.state(ctx)
  local outs, output_places, dirty = classify(state, outputs, tensors)
  if #outs == 0 then return end
  local shapes = describe_outputs(outs)
  engine.record(tensors, outs, make_runner(cls, ctx, n, input_places, output_places, shapes, outputs.n), cls.__name)
  local saved_as = {}
  for k, y in ipairs(outs) do saved_as[k] = y end
  rewrite(dirty, outs)
  for _, d in ipairs(dirty) do saved_as[d.place] = d.target end
  Context.settle(state, saved_as)
end

local function apply(cls, ...)
  local n = select('#', ...)
  if not rawget(cls, 'forward') and not cls.forward then errors.raise('%s: has no forward', cls.__name) end
  local tensors, places, needs, any = survey(n, ...)
  local ctx = Context.new(cls.__name, needs)
  local outputs = call_forward(cls, ctx, ...)
  if any and gradmode.is_grad_enabled() then
    if not cls.backward then errors.raise('%s: an argument requires grad, but it has no backward', cls.__name) end
    record(cls, ctx, n, tensors, places, outputs)
  end
  return unpack(outputs, 1, outputs.n)
end

--- Runs forward on the arguments and records the function in the graph. Called with a dot: `Cube.apply(x)`.
-- @function Function.apply
-- @return what forward gives

-- each class has an apply that knows it
function Function.__inherited(_, cls)
  cls.apply = function(...) return apply(cls, ...) end
end

function Function:__init() errors.raise('%s: is not made but applied: %s.apply(...)', self.__name, self.__name) end

return Function
