--- Activations of tocha.nn.functional with PyTorch's `inplace` argument around the operators of the library.
-- @module tocha.nn.functional_activation

local tocha = require 'tocha'
local args = require 'tocha.args'
local native = require 'tocha.nn.native'

local activation = {}

-- Writes f(x) into x where the library has no in-place form; f reads a copy, so that its gradient stays right.
local function in_place(name)
  local f_ = native[name .. '_']
  if f_ then return f_ end
  local f = native[name]
  return function(x, ...) return x:copy_(f(x:clone(), ...)) end
end

-- Parameters after the input, at most two; `inplace` comes last.
local function add(name, ...)
  local n = select('#', ...)
  local parameters = {...}
  parameters[n + 1] = 'inplace:bool=false'
  local read = args.spec(name, 'input:tensor', unpack(parameters))
  local f, f_ = native[name], in_place(name)
  local call
  if n == 0 then
    function call(x, inplace)
      if inplace == nil then return f(x) end
      x, inplace = read(x, inplace)
      if inplace then return f_(x) end
      return f(x)
    end
  elseif n == 1 then
    function call(x, a, inplace)
      x, a, inplace = read(x, a, inplace)
      if inplace then return f_(x, a) end
      return f(x, a)
    end
  else
    function call(x, a, b, inplace)
      x, a, b, inplace = read(x, a, b, inplace)
      if inplace then return f_(x, a, b) end
      return f(x, a, b)
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

if not native.glu then
  local read_glu = args.spec('glu', 'input:tensor', 'dim:int=-1')

  --- The first half of a dimension times the sigmoid of the second. Source: Y. Dauphin et al., 2016.
  function activation.glu(...)
    local input, dim = read_glu(...)
    local n = input:size(dim)
    if n % 2 ~= 0 then args.fail('glu: dimension %d has %d entries, takes an even number', dim, n) end
    return input:narrow(dim, 1, n / 2) * input:narrow(dim, n / 2 + 1, n / 2):sigmoid()
  end
end

if not native.prelu then
  local read_prelu = args.spec('prelu', 'input:tensor', 'weight:tensor')

  --- max(0, x) + weight min(0, x); a weight of several entries has one for each channel (dimension 2).
  function activation.prelu(...)
    local input, weight = read_prelu(...)
    local n = weight:numel()
    if n ~= 1 then
      local channels = input:dim() > 1 and input:size(2) or 1
      if n ~= channels then args.fail('prelu: weight: got %s, takes 1 or %d entries', args.show(weight), channels) end
      local shape = {}
      for i = 1, input:dim() do shape[i] = i == 2 and n or 1 end
      weight = weight:reshape(shape)
    end
    return tocha.where(input:gt(0), input, weight * input)
  end
end

if not native.rrelu then
  local read_rrelu = args.spec('rrelu', 'input:tensor', 'lower:num=0.125', 'upper:num=0.3333333333333333',
    'training:bool=false', 'inplace:bool=false')

  --- leaky_relu with a slope drawn for each element in training, their mean otherwise. Source: B. Xu et al., 2015.
  function activation.rrelu(...)
    local input, lower, upper, training, inplace = read_rrelu(...)
    if lower > upper then args.fail('rrelu: lower %g is above upper %g', lower, upper) end
    local out
    if training then
      local x = inplace and input:clone() or input
      out = tocha.where(x:ge(0), x, x * tocha.empty_like(x:detach()):uniform_(lower, upper))
    else
      out = native.leaky_relu(inplace and input:clone() or input, (lower + upper) / 2)
    end
    return inplace and input:copy_(out) or out
  end

  function activation.rrelu_(input, lower, upper, training)
    return activation.rrelu(input, lower, upper, training, true)
  end
end

return activation
