--- Jacobians, Hessians and their products with vectors, of functions of tensors.
-- `inputs` is a tensor or a list; where a list went in, lists come out. The function gives a tensor, several, or a list.
-- @module tocha.autograd.functional

local args = require 'tocha.args'
local engine = require 'tocha.engine'
local gradmode = require 'tocha.gradmode'
local is_tensor = require('tocha.arguments').is_tensor

local functional = {}

-- ---- inputs and outputs as lists

local function as_list(v, who, what)
  if is_tensor(v) then return {v}, true end
  if type(v) ~= 'table' or #v == 0 then args.fail('%s: %s: got %s, takes a tensor or a list of tensors', who, what, args.show(v)) end
  for i = 1, #v do
    if not is_tensor(v[i]) then args.fail('%s: %s: entry %d is %s, takes a tensor', who, what, i, args.show(v[i])) end
  end
  return v, false
end

local function pack(...)
  if select('#', ...) == 1 and type(...) == 'table' then return (...), false end
  return {...}, select('#', ...) == 1
end

-- fresh leaves; with create_graph they stay connected to what the caller gave
local function leaves(inputs, connected)
  local list = {}
  for i, x in ipairs(inputs) do
    list[i] = (connected and x.requires_grad) and x:view_as(x) or x:detach():requires_grad_()
  end
  return list
end

local function call(f, xs, who)
  local outputs, single = pack(f(unpack(xs)))
  as_list(outputs, who, 'the result of the function')
  return outputs, single
end

local function unwrap(list, single) return single and list[1] or list end

-- gradients with zeros for inputs that do not matter, which `strict` forbids
local function gradients(outputs, xs, given, create, strict, who)
  return engine.dense_gradients(outputs, xs, given, create, strict and function(i)
    args.fail('%s: the result does not depend on input %d (strict)', who, i)
  end)
end

local function detached(list, create)
  if create then return list end
  for i, x in ipairs(list) do list[i] = x:detach() end
  return list
end

local function vectors(v, like, who)
  if v == nil then
    if #like ~= 1 or like[1]:numel() ~= 1 then args.fail('%s: v is needed unless there is a single element', who) end
    return {require('tocha').ones_like(like[1])}
  end
  local list = as_list(v, who, 'v')
  if #list ~= #like then args.fail('%s: v: got %d tensors, takes %d', who, #list, #like) end
  for i, x in ipairs(like) do
    local a, b = table.concat(list[i].shape, ' x '), table.concat(x.shape, ' x ')
    if a ~= b then args.fail('%s: v %d has shape [%s], takes [%s]', who, i, a, b) end
  end
  return list
end

-- f(...) with recording on, whatever the caller's mode is
local function recorded(f, ...) return gradmode.enable_grad(f, ...) end

-- ---- vector times Jacobian

local read_vjp = args.spec('vjp', 'func:callable', 'inputs', 'v=nil', 'create_graph:bool=false', 'strict:bool=false')

--- The result of the function, and v times its Jacobian.
function functional.vjp(...)
  local f, inputs, v, create, strict = read_vjp(...)
  local given, single = as_list(inputs, 'vjp', 'inputs')
  return recorded(function()
    local xs = leaves(given, create)
    local outputs, one = call(f, xs, 'vjp')
    local g = gradients(outputs, xs, vectors(v, outputs, 'vjp'), create, strict, 'vjp')
    return unwrap(detached(outputs, create), one), unwrap(detached(g, create), single)
  end)
end

local read_jvp = args.spec('jvp', 'func:callable', 'inputs', 'v=nil', 'create_graph:bool=false', 'strict:bool=false')

--- The result of the function, and its Jacobian times v: the gradient of u J by u, which is J v for any u.
function functional.jvp(...)
  local f, inputs, v, create, strict = read_jvp(...)
  local given = as_list(inputs, 'jvp', 'inputs')
  return recorded(function()
    local xs = leaves(given, create)
    local outputs, one = call(f, xs, 'jvp')
    local direction, u = vectors(v, xs, 'jvp'), {}
    for i, y in ipairs(outputs) do u[i] = require('tocha').zeros_like(y):requires_grad_() end
    local g = gradients(outputs, xs, u, true, strict, 'jvp')
    local products = gradients(g, u, direction, create, false, 'jvp')
    return unwrap(detached(outputs, create), one), unwrap(detached(products, create), one)
  end)
end

-- ---- whole matrices

-- the gradient of each element of y by each input, stacked: a list of tensors of shape y.shape + x.shape
local function jacobian_of(y, xs, create, strict)
  local flat, rows = y:reshape(-1), {}
  for j = 1, #xs do rows[j] = {} end
  for k = 1, flat:numel() do
    for j, g in ipairs(gradients({flat:select(1, k)}, xs, nil, create, strict, 'jacobian')) do rows[j][k] = g end
  end
  for j, x in ipairs(xs) do
    local shape = y.shape
    for _, n in ipairs(x.shape) do shape[#shape + 1] = n end
    local tocha = require 'tocha'
    rows[j] = #rows[j] > 0 and tocha.stack(rows[j]):reshape(shape) or tocha.zeros(shape, {dtype = x.dtype, device = x.device})
  end
  return detached(rows, create)
end

local read_jacobian = args.spec('jacobian', 'func:callable', 'inputs', 'create_graph:bool=false', 'strict:bool=false',
  'vectorize:bool=false')

--- The Jacobian: for each result and each input a tensor of the result's shape followed by the input's.
-- @return a tensor; a list where a list of inputs, or several results, are given; a list of lists for both
function functional.jacobian(...)
  local f, inputs, create, strict = read_jacobian(...)
  local given, single = as_list(inputs, 'jacobian', 'inputs')
  return recorded(function()
    local xs, list = leaves(given, create), {}
    local outputs, one = call(f, xs, 'jacobian')
    for i, y in ipairs(outputs) do list[i] = unwrap(jacobian_of(y, xs, create, strict), single) end
    return unwrap(list, one)
  end)
end

local function scalar_result(f, xs, who)
  local outputs = call(f, xs, who)
  if #outputs ~= 1 or outputs[1]:numel() ~= 1 then args.fail('%s: the function must give one tensor of one element', who) end
  return outputs[1]
end

local read_hessian = args.spec('hessian', 'func:callable', 'inputs', 'create_graph:bool=false', 'strict:bool=false',
  'vectorize:bool=false')

--- The second derivatives of a function that gives one number: for each pair of inputs a tensor of both shapes.
function functional.hessian(...)
  local f, inputs, create, strict = read_hessian(...)
  local given, single = as_list(inputs, 'hessian', 'inputs')
  return recorded(function()
    local xs, list = leaves(given, create), {}
    local first = gradients({scalar_result(f, xs, 'hessian')}, xs, nil, true, strict, 'hessian')
    for i, g in ipairs(first) do list[i] = unwrap(jacobian_of(g, xs, create, strict), single) end
    return unwrap(list, single)
  end)
end

-- ---- products with the Hessian, which is symmetric: both directions are one double backward

local function hessian_product(f, inputs, v, create, strict, who)
  local given, single = as_list(inputs, who, 'inputs')
  return recorded(function()
    local xs = leaves(given, create)
    local y = scalar_result(f, xs, who)
    local direction = vectors(v, xs, who)
    local first = gradients({y}, xs, nil, true, strict, who)
    local products = gradients(first, xs, direction, create, strict, who)
    return unwrap(detached({y}, create), true), unwrap(detached(products, create), single)
  end)
end

local read_hvp = args.spec('hvp', 'func:callable', 'inputs', 'v=nil', 'create_graph:bool=false', 'strict:bool=false')
--- The result of a function that gives one number, and its Hessian times v.
function functional.hvp(...)
  local f, inputs, v, create, strict = read_hvp(...)
  return hessian_product(f, inputs, v, create, strict, 'hvp')
end

local read_vhp = args.spec('vhp', 'func:callable', 'inputs', 'v=nil', 'create_graph:bool=false', 'strict:bool=false')
--- The result of a function that gives one number, and v times its Hessian.
function functional.vhp(...)
  local f, inputs, v, create, strict = read_vhp(...)
  return hessian_product(f, inputs, v, create, strict, 'vhp')
end

return functional
