--- Automatic differentiation beyond `x:backward()`: gradients as values, functions of one's own, numeric checks, Jacobians.
-- @module tocha.autograd

local args = require 'tocha.args'
local engine = require 'tocha.engine'
local gradmode = require 'tocha.gradmode'

local autograd = {
  no_grad = gradmode.no_grad, enable_grad = gradmode.enable_grad, inference_mode = gradmode.inference_mode,
  set_grad_enabled = gradmode.set_grad_enabled,
}

local lazy = {
  Function = 'tocha.autograd.function', once_differentiable = 'tocha.autograd.once', functional = 'tocha.autograd.functional',
  graph = 'tocha.autograd.graph', forward_ad = 'tocha.autograd.forward_ad',
  Node = 'tocha.autograd.node', gradcheck = 'tocha.autograd.gradcheck', gradgradcheck = 'tocha.autograd.gradcheck',
  get_numerical_jacobian = 'tocha.autograd.gradcheck', get_analytical_jacobian = 'tocha.autograd.gradcheck',
}

-- without loading the module: who has an edge has loaded it
local function is_edge(v)
  local graph = type(v) == 'table' and package.loaded['tocha.autograd.graph']
  return graph and graph.is_edge(v)
end

-- a list with as many places as there are outputs
local function output_gradients(given, outputs, who)
  local list = given ~= nil and engine.list_of_tensors(given, who) or {}
  if #list > #outputs then args.fail('%s: got %d gradients, takes %d', who, #list, #outputs) end
  return list
end

local read_backward = args.spec('backward', 'tensors', 'grad_tensors=nil', 'retain_graph:bool=nil', 'create_graph:bool=false', 'inputs=nil')

--- Adds the gradients of all the given tensors into the .grad of the leaves they come from.
-- @param tensors a tensor or a list
-- @param[opt] grad_tensors for each the gradient to begin with; a tensor of one element can do without
-- @param[opt] retain_graph keeps what was saved for backward, so that the graph can be walked again; as create_graph unless given
-- @param[opt] create_graph makes gradients that can be differentiated
-- @param[opt] inputs only these tensors get a .grad
function autograd.backward(...)
  local tensors, grad_tensors, retain_graph, create_graph, inputs = read_backward(...)
  tensors = engine.list_of_tensors(tensors, 'backward: tensors')
  local gradients = output_gradients(grad_tensors, tensors, 'backward: grad_tensors')
  if not inputs then return engine.backward_all(tensors, gradients, retain_graph, create_graph) end
  inputs = engine.list_of_tensors(inputs, 'backward: inputs')
  local list = engine.gradients(tensors, inputs, gradients, retain_graph, create_graph, true)
  for i, x in ipairs(inputs) do
    if list[i] then x.grad = x.grad and x.grad + list[i] or list[i] end
  end
end

local read_grad = args.spec('grad', 'outputs', 'inputs', 'grad_outputs=nil', 'retain_graph:bool=nil', 'create_graph:bool=false',
  'only_inputs:bool=true', 'allow_unused:bool=nil', 'is_grads_batched:bool=false', 'materialize_grads:bool=false')

-- the gradients as values; nil, or zeros, where an input does not matter
local function spread(list, inputs, materialize)
  for i, x in ipairs(inputs) do
    if list[i] == false then list[i] = materialize and require('tocha').zeros_like(x) or nil end
  end
  return unpack(list, 1, #inputs)
end

-- grad for each slice of the gradients to begin with; the results stacked
local function batch_of_gradients(outputs, inputs, grad_outputs, options)
  local given = engine.list_of_tensors(grad_outputs, 'grad: grad_outputs')
  local size, columns, retains = nil, {}, options.retain_graph
  for i, g in ipairs(given) do
    if g:dim() == 0 or size and g:size(1) ~= size then args.fail('grad: grad_outputs: entry %d: takes a first dim for the batch, as the others', i) end
    size = g:size(1)
  end
  if not size or size == 0 then args.fail('grad: is_grads_batched takes grad_outputs with a first dim of at least 1') end
  for k = 1, size do
    local slice = {}
    for i, g in ipairs(given) do slice[i] = g:select(1, k) end
    if k < size then options.retain_graph = true else options.retain_graph = retains end
    columns[k] = {autograd.grad(outputs, inputs, slice, options)}
  end
  local tocha, stacked = require 'tocha', {}
  for i = 1, #inputs do
    local column = {}
    for k = 1, size do column[k] = columns[k][i] end
    stacked[i] = column[1] and tocha.stack(column) or nil
  end
  return unpack(stacked, 1, #inputs)
end

-- tensors and edges of the graph as a list
local function inputs_of(inputs, materialize)
  if is_edge(inputs) then inputs = {inputs} end
  local tensors = {}
  for i, x in ipairs(type(inputs) == 'table' and inputs or {}) do
    if not is_edge(x) then tensors[#tensors + 1] = x end
    if is_edge(x) and materialize then args.fail('grad: inputs: entry %d is an edge, whose shape is not known: no materialize_grads', i) end
  end
  if type(inputs) ~= 'table' or #tensors == #inputs then return engine.list_of_tensors(inputs, 'grad: inputs') end
  engine.list_of_tensors(tensors, 'grad: inputs')
  return inputs
end

--- The gradients of outputs by inputs, one value for each input; nothing is added into any .grad.
-- @param outputs a tensor or a list; with several, the gradients are those of their sum
-- @param inputs a tensor or a list; also graph.GradientEdge
-- @param[opt] grad_outputs for each output the gradient to begin with; one of a single element can do without
-- @param[opt] retain_graph, create_graph as in `backward`
-- @param[opt] allow_unused an input that does not take part gives nil, instead of an error
-- @param[opt] is_grads_batched grad_outputs have a first dim more, and so have the results: one walk for each slice
-- @param[opt] materialize_grads an input that does not take part gives zeros
-- @return one gradient for each input
function autograd.grad(...)
  local outputs, inputs, grad_outputs, retain_graph, create_graph, _, allow_unused, batched, materialize = read_grad(...)
  outputs = engine.list_of_tensors(outputs, 'grad: outputs')
  inputs = inputs_of(inputs, materialize)
  if materialize and allow_unused == false then args.fail('grad: materialize_grads needs allow_unused') end
  if batched then return batch_of_gradients(outputs, inputs, grad_outputs, {retain_graph = retain_graph, create_graph = create_graph,
    allow_unused = allow_unused, materialize_grads = materialize}) end
  local gradients = output_gradients(grad_outputs, outputs, 'grad: grad_outputs')
  return spread(engine.gradients(outputs, inputs, gradients, retain_graph, create_graph, allow_unused or materialize), inputs, materialize)
end

local read_anomaly = args.spec('set_detect_anomaly', 'mode:bool', 'check_nan:bool=true')

--- Anomaly mode, on or off. While it is on, graphs remember where operators were called; an error in backward, or a gradient with NaN, names the
-- operator, its line and the path of the module that ran. It costs some microseconds an operator.
-- @tparam boolean mode
-- @tparam[opt=true] boolean check_nan whether NaN in a gradient is an error
function autograd.set_detect_anomaly(...) require('tocha.debug').anomaly(read_anomaly(...)) end
function autograd.is_anomaly_enabled() return (require('tocha.debug').anomaly_state()) end
function autograd.is_anomaly_check_nan_enabled() return (select(2, require('tocha.debug').anomaly_state())) end

local function end_anomaly(mode, check_nan, ok, ...)
  require('tocha.debug').anomaly(mode, check_nan)
  if not ok then error((...), 0) end
  return ...
end

--- Calls f(...) in anomaly mode and gives its results. Both the forward pass and backward belong inside.
-- @tparam function f
function autograd.detect_anomaly(f, ...)
  if type(f) ~= 'function' then args.fail('detect_anomaly: got %s, takes a function and its arguments', type(f)) end
  local mode, check_nan = require('tocha.debug').anomaly_state()
  autograd.set_detect_anomaly(true)
  return end_anomaly(mode, check_nan, pcall(f, ...))
end

return setmetatable(autograd, {__index = function(self, name)
  if not lazy[name] then return nil end
  local module = require(lazy[name])
  local value = lazy[name] == 'tocha.autograd.gradcheck' and module[name] or module
  rawset(self, name, value)
  return value
end})
