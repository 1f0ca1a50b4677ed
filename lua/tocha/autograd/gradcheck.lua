--- Compares gradients with central differences, element by element.
-- @module tocha.autograd.gradcheck

local args = require 'tocha.args'
local engine = require 'tocha.engine'
local gradmode = require 'tocha.gradmode'
local is_tensor = require('tocha.arguments').is_tensor

local checks = {}

local function tensors_of(...)
  local list, n = {}, select('#', ...)
  for i = 1, n do
    local v = select(i, ...)
    if is_tensor(v) then list[#list + 1] = v
    elseif type(v) == 'table' then
      for _, w in ipairs(v) do if is_tensor(w) then list[#list + 1] = w end end
    end
  end
  return list
end

-- the results of f that take part in differentiation
local function outputs_of(f, inputs)
  local list = {}
  for _, y in ipairs(tensors_of(f(unpack(inputs)))) do
    if y:is_floating_point() or y:is_complex() then list[#list + 1] = y end
  end
  return list
end

-- a complex tensor as its parts
local function parts(x) return x:is_complex() and require('tocha').view_as_real(x:contiguous()) or x end

-- a row of weights for each output: a different one for each element, so that errors do not cancel
local function weights_for(outputs)
  local tocha = require 'tocha'
  local list = {}
  for k, y in ipairs(outputs) do
    local n = y:numel()
    local numbers = tocha.arange(n, {dtype = 'float64', device = y.device})
    local function row(step) return (numbers * (step * k)):frac():add(0.5):reshape(y.shape) end
    local w = row(0.7548776662)
    list[k] = (y:is_complex() and tocha.complex(w, row(0.5698402910)) or w):to(y.dtype)
  end
  return list
end

local function dot(outputs, weights)
  return gradmode.no_grad(function()
    local sum = 0
    for k, y in ipairs(outputs) do sum = sum + (parts(y):double() * parts(weights[k]):double()):sum():item() end
    return sum
  end)
end

-- every element of x in turn, of a complex tensor the parts of every element: calls visit(k, element)
local function each_element(x, visit)
  local flat = x:detach()
  if not flat:is_contiguous() then args.fail('gradcheck: takes contiguous inputs') end
  flat = parts(flat):view(-1)
  for k = 1, flat:numel() do visit(k, flat:select(1, k)) end
end

local function numeric_gradient(f, inputs, x, weights, eps)
  local list = {}
  each_element(x, function(k, element)
    local v = element:item()
    element:fill_(v + eps)
    local above = dot(outputs_of(f, inputs), weights)
    element:fill_(v - eps)
    local below = dot(outputs_of(f, inputs), weights)
    element:fill_(v)
    list[k] = (above - below) / (2 * eps)
  end)
  return list
end

local function element_of(g, k)
  return g and g:reshape(-1):select(1, k):item() or 0
end

-- 'gradient 1: element 2 is 3, by differences 4' or nil
local function mismatch(i, g, numeric, o)
  g = g and parts(g:detach())
  for k, expected in ipairs(numeric) do
    local got = element_of(g, k)
    local close = math.abs(got - expected) <= o.atol + o.rtol * math.abs(expected)
    if not close then -- also where one of them is nan
      return string.format('gradient of input %d: element %d is %.9g, by differences %.9g', i, k, got, expected)
    end
  end
end

local function wanted_inputs(inputs, who)
  local list = {}
  for i, x in ipairs(inputs) do
    if is_tensor(x) and x.requires_grad then list[#list + 1] = {tensor = x, place = i} end
  end
  if #list == 0 then args.fail('%s: none of the inputs requires grad', who) end
  return list
end

local function run(f, inputs, o, who)
  local wanted, leaves = wanted_inputs(inputs, who), {}
  for k, w in ipairs(wanted) do leaves[k] = w.tensor end
  local outputs = outputs_of(f, inputs)
  local weights = weights_for(outputs)
  local differentiable, their_weights = {}, {}
  for k, y in ipairs(outputs) do
    if y.requires_grad then
      differentiable[#differentiable + 1] = y
      their_weights[#their_weights + 1] = weights[k]
    end
  end
  if #differentiable == 0 then args.fail('%s: no result requires grad', who) end
  local got = engine.gradients(differentiable, leaves, their_weights, false, false, true)
  for k, w in ipairs(wanted) do
    local message = mismatch(w.place, got[k], numeric_gradient(f, inputs, w.tensor, weights, o.eps), o)
    if message then return message end
  end
end

local function verdict(message, who, raise)
  if not message then return true end
  if raise then args.fail('%s: %s', who, message) end
  return false
end

local read = args.spec('gradcheck', 'func:callable', 'inputs', 'eps:num=1e-6', 'atol:num=1e-5', 'rtol:num=1e-3',
  'raise_exception:bool=true')

--- Compares the gradients of a function with central differences. Best in float64: differences in float32 are coarse.
-- @param func a function of tensors that gives one or several
-- @param inputs its arguments: a tensor or a list; those that require grad are checked
-- @param[opt] eps, atol, rtol the step, and how close the two must be
-- @param[opt] raise_exception false gives false instead of an error
-- @treturn boolean true if they agree
function checks.gradcheck(...)
  local f, inputs, eps, atol, rtol, raise = read(...)
  inputs = is_tensor(inputs) and {inputs} or inputs
  return verdict(run(f, inputs, {eps = eps, atol = atol, rtol = rtol}, 'gradcheck'), 'gradcheck', raise)
end

local read_second = args.spec('gradgradcheck', 'func:callable', 'inputs', 'grad_outputs=nil', 'eps:num=1e-6', 'atol:num=1e-5',
  'rtol:num=1e-3', 'raise_exception:bool=true')

-- the function whose gradient is the second derivative: from inputs and output gradients to the gradients of the inputs
local function first_gradients(f, inputs, count)
  local positions = {}
  for i = 1, count do
    if is_tensor(inputs[i]) and inputs[i].requires_grad then positions[#positions + 1] = i end
  end
  return function(...)
    local list = {...}
    local outputs, leaves, given = {}, {}, {}
    for k, y in ipairs(outputs_of(f, {unpack(list, 1, count)})) do
      if y.requires_grad then
        outputs[#outputs + 1] = y
        given[#given + 1] = list[count + k]
      end
    end
    for k, i in ipairs(positions) do leaves[k] = list[i] end
    local got, out = engine.gradients(outputs, leaves, given, nil, true, true), {}
    for _, g in ipairs(got) do if g then out[#out + 1] = g end end
    return unpack(out)
  end
end

--- Compares the gradients of a function's gradients with central differences, by its inputs and by the gradients that come in.
-- @param func, inputs, eps, atol, rtol, raise_exception as for `gradcheck`
-- @param[opt] grad_outputs the gradients that come in; fixed weights unless given
function checks.gradgradcheck(...)
  local f, inputs, grad_outputs, eps, atol, rtol, raise = read_second(...)
  inputs = is_tensor(inputs) and {inputs} or inputs
  local count, all = #inputs, {}
  for i = 1, count do all[i] = inputs[i] end
  local outputs = outputs_of(f, inputs)
  local given = grad_outputs and engine.list_of_tensors(grad_outputs, 'gradgradcheck: grad_outputs') or weights_for(outputs)
  for k = 1, #outputs do all[count + k] = given[k]:detach():clone():requires_grad_() end
  local message = run(first_gradients(f, inputs, count), all, {eps = eps, atol = atol, rtol = rtol}, 'gradgradcheck')
  return verdict(message, 'gradgradcheck', raise)
end

return checks
