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

---------------------------------------------------------------- both sides as matrices
-- the first result of f, which both matrices are of
local function real_result(f, inputs, who)
  local y = outputs_of(f, inputs)[1]
  if not y then args.fail('%s: the function gave no floating-point tensor', who) end
  if y:is_complex() then args.fail('%s: takes real functions; gradcheck takes complex ones', who) end
  return y
end

local function checked_inputs(inputs, who)
  local list = is_tensor(inputs) and {inputs} or inputs
  if type(list) ~= 'table' then args.fail('%s: inputs: got %s, takes a tensor or a list', who, args.show(inputs)) end
  for _, w in ipairs(wanted_inputs(list, who)) do
    if w.tensor:is_complex() then args.fail('%s: inputs: entry %d is complex, takes real numbers', who, w.place) end
  end
  return list
end

local read_numerical = args.spec('get_numerical_jacobian', 'func:callable', 'inputs', 'target=nil', 'eps:num=1e-6', 'grad_out:num=1')

--- The Jacobian of a function's first result by central differences: one matrix for each input (of `target`, or of the inputs themselves) that
-- requires grad, a row for each of its elements, a column for each element of the result.
-- @param func a function of real tensors
-- @param inputs (n1...) its arguments: a tensor or a list; contiguous
-- @param[opt] target those of the inputs that are asked for
-- @param[opt] eps the step
-- @param[opt] grad_out multiplies the result
-- @treturn table of (elements of the input, elements of the result)
function checks.get_numerical_jacobian(...)
  local f, inputs, target, eps, grad_out = read_numerical(...)
  inputs = checked_inputs(inputs, 'get_numerical_jacobian')
  local tocha, list = require 'tocha', {}
  local function at() return gradmode.no_grad(function() return real_result(f, inputs, 'get_numerical_jacobian'):reshape(-1):clone() end) end
  for i, w in ipairs(wanted_inputs(target and checked_inputs(target, 'get_numerical_jacobian') or inputs, 'get_numerical_jacobian')) do
    local rows = {}
    each_element(w.tensor, function(k, element)
      local v = element:item()
      element:fill_(v + eps)
      local above = at()
      element:fill_(v - eps)
      rows[k] = (above - at()) * (grad_out / (2 * eps))
      element:fill_(v)
    end)
    list[i] = #rows > 0 and tocha.stack(rows) or tocha.zeros({0, at():numel()}, {dtype = w.tensor.dtype})
  end
  return list
end

local read_analytical = args.spec('get_analytical_jacobian', 'inputs', 'output', 'nondet_tol:num=0', 'grad_out:num=1')

--- The Jacobian of a tensor by backward, once for each of its elements: one matrix for each input that requires grad, of the form that
-- `get_numerical_jacobian` has; zeros where an input does not take part.
-- @param inputs (n1...) a tensor or a list
-- @param output (m1...) made of them
-- @param[opt] nondet_tol how far a second pass may be from the first
-- @param[opt] grad_out the gradient that comes in
-- @treturn table of (elements of the input, elements of the result)
-- @treturn boolean whether both passes gave the same within nondet_tol
function checks.get_analytical_jacobian(...)
  local inputs, output, nondet_tol, grad_out = read_analytical(...)
  inputs = checked_inputs(inputs, 'get_analytical_jacobian')
  if not is_tensor(output) or output:is_complex() then
    args.fail('get_analytical_jacobian: output: got %s, takes a real tensor', args.show(output))
  end
  local tocha, leaves, list, same = require 'tocha', {}, {}, true
  for i, w in ipairs(wanted_inputs(inputs, 'get_analytical_jacobian')) do leaves[i] = w.tensor end
  for i, x in ipairs(leaves) do list[i] = tocha.zeros({x:numel(), output:numel()}, {dtype = x.dtype, device = x.device}) end
  for k = 1, output.requires_grad and output:numel() or 0 do
    local seed = tocha.zeros_like(output:detach()):contiguous()
    seed:view(-1):select(1, k):fill_(grad_out)
    local first = engine.gradients({output}, leaves, {seed}, true, false, true)
    local again = engine.gradients({output}, leaves, {seed}, true, false, true)
    for i, g in ipairs(first) do
      if g then
        list[i]:select(2, k):copy_(g:reshape(-1))
        same = same and (g:numel() == 0 or (g - again[i]):abs():max():item() <= nondet_tol)
      end
    end
  end
  return list, same
end

return checks
