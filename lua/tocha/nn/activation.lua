--- Activation layers. Each has PyTorch's options, with their names and defaults.
-- @module tocha.nn.activation

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local define = require 'tocha.nn.simple'
local show = require 'tocha.nn.show'
local Module = require 'tocha.nn.module'
local Parameter = require 'tocha.nn.parameter'
local F = require 'tocha.nn.functional'

local activation = {}

-- Options are printed as PyTorch does: `inplace` only when it is true.
local function options(...)
  local names = {...}
  return function(self)
    local text = #names > 0 and show.fields(self, unpack(names)) or ''
    if not self.inplace then return text end
    return text ~= '' and text .. ', inplace=True' or 'inplace=True'
  end
end

local function add(name, parameters, forward, repr)
  activation[name] = define(name, parameters, forward, repr)
end

local inplace = 'inplace:bool=false'

-- ------------------------------------------------------------------------------------------------- without parameters

-- fn(x), and fn_(x) in place
local function plain_inplace(name, fn)
  local fn_ = fn .. '_'
  add(name, {inplace}, function(self, input)
    if self.inplace then return F[fn_](input) end
    return F[fn](input)
  end, options())
end

local function plain(name, fn)
  add(name, {}, function(_, input) return F[fn](input) end)
end

plain_inplace('ReLU', 'relu')
plain_inplace('ReLU6', 'relu6')
plain_inplace('SELU', 'selu')
plain_inplace('SiLU', 'silu')
plain_inplace('Mish', 'mish')
plain_inplace('Hardsigmoid', 'hardsigmoid')
plain_inplace('Hardswish', 'hardswish')
plain('Sigmoid', 'sigmoid')
plain('LogSigmoid', 'logsigmoid')
plain('Tanh', 'tanh')
plain('Tanhshrink', 'tanhshrink')
plain('Softsign', 'softsign')

-- ---------------------------------------------------------------------------------------------------- with parameters

add('LeakyReLU', {'negative_slope:num=0.01', inplace}, function(self, input)
  if self.inplace then return F.leaky_relu_(input, self.negative_slope) end
  return F.leaky_relu(input, self.negative_slope)
end, options('negative_slope'))

add('ELU', {'alpha:num=1', inplace}, function(self, input)
  if self.inplace then return F.elu_(input, self.alpha) end
  return F.elu(input, self.alpha)
end, options('alpha'))

add('CELU', {'alpha:num=1', inplace}, function(self, input)
  if self.inplace then return F.celu_(input, self.alpha) end
  return F.celu(input, self.alpha)
end, options('alpha'))

add('Hardtanh', {'min_val:num=-1', 'max_val:num=1', inplace}, function(self, input)
  if self.inplace then return F.hardtanh_(input, self.min_val, self.max_val) end
  return F.hardtanh(input, self.min_val, self.max_val)
end, options('min_val', 'max_val'))

add('Threshold', {'threshold:num', 'value:num', inplace}, function(self, input)
  if self.inplace then return F.threshold_(input, self.threshold, self.value) end
  return F.threshold(input, self.threshold, self.value)
end, options('threshold', 'value'))

add('RReLU', {'lower:num=0.125', 'upper:num=0.3333333333333333', inplace}, function(self, input)
  return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)
end, options('lower', 'upper'))

add('GELU', {'approximate:str="none"'}, function(self, input) return F.gelu(input, self.approximate) end)
add('GLU', {'dim:int=-1'}, function(self, input) return F.glu(input, self.dim) end)
add('Softplus', {'beta:num=1', 'threshold:num=20'}, function(self, input)
  return F.softplus(input, self.beta, self.threshold)
end)
add('Softshrink', {'lambd:num=0.5'}, function(self, input) return F.softshrink(input, self.lambd) end, function(self)
  return tostring(self.lambd)
end)
add('Hardshrink', {'lambd:num=0.5'}, function(self, input) return F.hardshrink(input, self.lambd) end, function(self)
  return tostring(self.lambd)
end)

-- ------------------------------------------------------------------------------------------------------------ softmax

-- Without a dim, PyTorch's old rule: the first dimension of tensors of 0, 1 and 3 dimensions, else the second.
local function dim_of(self, input)
  if self.dim ~= nil then return self.dim end
  local n = input:dim()
  return (n == 0 or n == 1 or n == 3) and 1 or 2
end

add('Softmax', {'dim:int=nil'}, function(self, input) return F.softmax(input, dim_of(self, input)) end)
add('Softmin', {'dim:int=nil'}, function(self, input) return F.softmin(input, dim_of(self, input)) end)
add('LogSoftmax', {'dim:int=nil'}, function(self, input) return F.log_softmax(input, dim_of(self, input)) end)
add('Softmax2d', {}, function(_, input)
  local n = input:dim()
  if n ~= 3 and n ~= 4 then args.fail('Softmax2d: got an input of %d dimensions, takes 3 or 4', n) end
  return F.softmax(input, -3)
end)

-- -------------------------------------------------------------------------------------------------------------- PReLU

local PReLU = class('PReLU', Module)
PReLU.pure = true

local read_prelu = args.spec('PReLU', 'num_parameters:int=1', 'init:num=0.25', 'device=nil', 'dtype=nil')

--- max(0, x) + a min(0, x) with a trained a, one for all channels or one for each.
-- Source: K. He et al., "Delving deep into rectifiers", 2015.
function PReLU:__init(...)
  local device, dtype
  self.num_parameters, self.init, device, dtype = read_prelu(...)
  self.weight = Parameter(tocha.empty({self.num_parameters}, {device = device, dtype = dtype}))
  self:reset_parameters()
end

--- Sets every slope to its first value.
function PReLU:reset_parameters() self.weight:detach():fill_(self.init) end

function PReLU:forward(input) return F.prelu(input, self.weight) end

function PReLU:extra_repr() return show.fields(self, 'num_parameters') end

activation.PReLU = PReLU

return activation
