--- Activations of tocha.nn.functional with PyTorch's `inplace` argument around the operators of the library.
-- @module tocha.nn.functional_activation

local args = require 'tocha.args'
local native = require 'tocha.nn.native'
local is_tensor = require('tocha.arguments').is_tensor

local activation = {}

-- Writes f(x) into x where the library has no in-place form; f reads a copy, so that its gradient stays right.
local function in_place(name)
  local f_
  return function(x, ...)
    if not is_tensor(x) then args.fail('%s_: input: got %s, takes a tensor', name, args.show(x)) end
    f_ = f_ or native[name .. '_'] or function(y, ...) return y:copy_(native[name](y:clone(), ...)) end
    return f_(x, ...)
  end
end

-- Parameters after the input, at most two; `inplace` comes last. The operators are made at their first call.
local function add(name, ...)
  local n = select('#', ...)
  local parameters = {...}
  parameters[n + 1] = 'inplace:bool=false'
  local read = args.spec(name, 'input:tensor', unpack(parameters))
  local f_ = in_place(name)
  local call
  if n == 0 then
    function call(x, inplace)
      if inplace == nil then return native[name](x) end
      x, inplace = read(x, inplace)
      if inplace then return f_(x) end
      return native[name](x)
    end
  elseif n == 1 then
    function call(x, a, inplace)
      x, a, inplace = read(x, a, inplace)
      if inplace then return f_(x, a) end
      return native[name](x, a)
    end
  else
    function call(x, a, b, inplace)
      x, a, b, inplace = read(x, a, b, inplace)
      if inplace then return f_(x, a, b) end
      return native[name](x, a, b)
    end
  end
  activation[name] = call
  activation[name .. '_'] = f_
end

add('relu')
add('relu6')
add('selu')
add('silu')
add('mish')
add('hardsigmoid')
add('hardswish')
add('elu', 'alpha:num=1')
add('celu', 'alpha:num=1')
add('leaky_relu', 'negative_slope:num=0.01')
add('hardtanh', 'min_val:num=-1', 'max_val:num=1')
add('threshold', 'threshold:num', 'value:num')

--- gelu(input, approximate = 'none'), positionally too.
function activation.gelu(input, approximate)
  if approximate == nil then return native.gelu(input) end
  if type(approximate) == 'string' then return native.gelu(input, {approximate = approximate}) end
  return native.gelu(input, approximate)
end

local read_rrelu = args.spec('rrelu', 'input:tensor', 'lower:num=0.125', 'upper:num=0.3333333333333333',
  'training:bool=false',
  'inplace:bool=false')

--- leaky_relu with a slope drawn for each element in training, their mean otherwise. Source: B. Xu et al., 2015.
function activation.rrelu(...)
  local input, lower, upper, training, inplace = read_rrelu(...)
  if inplace then return native.rrelu_(input, lower, upper, training) end
  return native.rrelu(input, lower, upper, training)
end

return activation
