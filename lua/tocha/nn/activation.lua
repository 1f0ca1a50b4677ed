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

--- max(0, x).
-- @type ReLU
-- @shape any -> the same
-- @usage
-- nn.ReLU()(tocha.tensor{-2, 0, 3})  --> {0, 0, 3}
-- local x = tocha.tensor{-1, 1}
-- nn.ReLU{inplace = true}(x)
-- x  --> {0, 1}
plain_inplace('ReLU', 'relu')
--- min(max(0, x), 6).
-- @type ReLU6
-- @shape any -> the same
-- @usage
-- nn.ReLU6()(tocha.tensor{-2, 3, 8})  --> {0, 3, 6}
plain_inplace('ReLU6', 'relu6')
--- 1.0507 (max(0, x) + min(0, 1.6733 (exp(x) - 1))): keeps means near 0 and variances near 1 through many layers.
-- Source: G. Klambauer et al., "Self-normalizing neural networks", 2017.
-- @type SELU
-- @shape any -> the same
-- @usage
-- nn.SELU()(tocha.tensor{-1, 0, 1})  --> {-1.111, 0, 1.051}
plain_inplace('SELU', 'selu')
--- x sigmoid(x), also called swish.
-- @type SiLU
-- @shape any -> the same
-- @usage
-- nn.SiLU()(tocha.tensor{-1, 0, 1})  --> {-0.2689, 0, 0.7311}
plain_inplace('SiLU', 'silu')
--- x tanh(softplus(x)). Source: D. Misra, "Mish", 2019.
-- @type Mish
-- @shape any -> the same
-- @usage
-- nn.Mish()(tocha.tensor{-1, 0, 1})  --> {-0.3034, 0, 0.8651}
plain_inplace('Mish', 'mish')
--- clamp(x / 6 + 1 / 2, 0, 1): a sigmoid of straight lines.
-- @type Hardsigmoid
-- @shape any -> the same
-- @usage
-- nn.Hardsigmoid()(tocha.tensor{-4, 0, 1.5})  --> {0, 0.5, 0.75}
plain_inplace('Hardsigmoid', 'hardsigmoid')
--- x times the hard sigmoid of x.
-- @type Hardswish
-- @shape any -> the same
-- @usage
-- nn.Hardswish()(tocha.tensor{-4, 3, 1.5})  --> {0, 3, 1.125}
plain_inplace('Hardswish', 'hardswish')
--- 1 / (1 + exp(-x)).
-- @type Sigmoid
-- @shape any -> the same
-- @usage
-- nn.Sigmoid()(tocha.tensor{0, 100})  --> {0.5, 1}
plain('Sigmoid', 'sigmoid')
--- log(sigmoid(x)), exact for large negative x as well.
-- @type LogSigmoid
-- @shape any -> the same
-- @usage
-- nn.LogSigmoid()(tocha.tensor{0, -200})  --> {-0.6931, -200}
plain('LogSigmoid', 'logsigmoid')
--- tanh(x).
-- @type Tanh
-- @shape any -> the same
-- @usage
-- nn.Tanh()(tocha.tensor{-1, 0, 1})  --> {-0.7616, 0, 0.7616}
plain('Tanh', 'tanh')
--- x - tanh(x).
-- @type Tanhshrink
-- @shape any -> the same
-- @usage
-- nn.Tanhshrink()(tocha.tensor{-1, 0, 1})  --> {-0.2384, 0, 0.2384}
plain('Tanhshrink', 'tanhshrink')
--- x / (1 + |x|).
-- @type Softsign
-- @shape any -> the same
-- @usage
-- nn.Softsign()(tocha.tensor{-3, 0, 1})  --> {-0.75, 0, 0.5}
plain('Softsign', 'softsign')

-- ---------------------------------------------------------------------------------------------------- with parameters

--- x where it is positive, negative_slope x elsewhere.
-- @type LeakyReLU
-- @param negative_slope the slope below 0
-- @shape any -> the same
-- @usage
-- nn.LeakyReLU(0.1)(tocha.tensor{-2, 3})  --> {-0.2, 3}
add('LeakyReLU', {'negative_slope:num=0.01', inplace}, function(self, input)
  if self.inplace then return F.leaky_relu_(input, self.negative_slope) end
  return F.leaky_relu(input, self.negative_slope)
end, options('negative_slope'))

--- x where it is positive, alpha (exp(x) - 1) elsewhere. Source: D. Clevert et al., 2016.
-- @type ELU
-- @param alpha minus the limit for very negative x
-- @shape any -> the same
-- @usage
-- nn.ELU(2)(tocha.tensor{-1, 0, 1})  --> {-1.264, 0, 1}
add('ELU', {'alpha:num=1', inplace}, function(self, input)
  if self.inplace then return F.elu_(input, self.alpha) end
  return F.elu(input, self.alpha)
end, options('alpha'))

--- max(0, x) + min(0, alpha (exp(x / alpha) - 1)): an ELU whose slope is continuous at 0. Source: J. Barron, 2017.
-- @type CELU
-- @param alpha minus the limit for very negative x; not 0
-- @shape any -> the same
-- @usage
-- nn.CELU(2)(tocha.tensor{-1, 0, 1})  --> {-0.7869, 0, 1}
add('CELU', {'alpha:num=1', inplace}, function(self, input)
  if self.inplace then return F.celu_(input, self.alpha) end
  return F.celu(input, self.alpha)
end, options('alpha'))

--- x, kept within min_val and max_val.
-- @type Hardtanh
-- @param min_val the least value
-- @param max_val the largest value, above min_val
-- @shape any -> the same
-- @usage
-- nn.Hardtanh(-2, 0.5)(tocha.tensor{-3, -1, 1})  --> {-2, -1, 0.5}
add('Hardtanh', {'min_val:num=-1', 'max_val:num=1', inplace}, function(self, input)
  if self.inplace then return F.hardtanh_(input, self.min_val, self.max_val) end
  return F.hardtanh(input, self.min_val, self.max_val)
end, options('min_val', 'max_val'))

--- x where it is above the threshold, a value elsewhere.
-- @type Threshold
-- @param threshold above which x stays
-- @param value what stands elsewhere
-- @shape any -> the same
-- @usage
-- nn.Threshold(0.5, -1)(tocha.tensor{0.2, 0.5, 0.9})  --> {-1, -1, 0.9}
add('Threshold', {'threshold:num', 'value:num', inplace}, function(self, input)
  if self.inplace then return F.threshold_(input, self.threshold, self.value) end
  return F.threshold(input, self.threshold, self.value)
end, options('threshold', 'value'))

--- A leaky ReLU whose slopes below 0 are drawn, for each element, from [lower, upper] in training; their mean in evaluation.
-- @type RReLU
-- @param lower the least slope
-- @param upper the largest slope
-- @shape any -> the same
-- @usage
-- nn.RReLU(0.1, 0.3):eval()(tocha.tensor{-1, 1})  --> {-0.2, 1}
add('RReLU', {'lower:num=0.125', 'upper:num=0.3333333333333333', inplace}, function(self, input)
  return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)
end, options('lower', 'upper'))

--- x times the normal distribution function of x. Source: D. Hendrycks, K. Gimpel, 2016.
-- @type GELU
-- @param approximate 'none', or 'tanh' for the formula with tanh
-- @shape any -> the same
-- @raise for another `approximate`
-- @usage
-- nn.GELU()(tocha.tensor{-1, 0, 1})  --> {-0.1587, 0, 0.8413}
-- nn.GELU('tanh')(tocha.tensor{-1, 0, 1})  --> {-0.1588, 0, 0.8412}
add('GELU', {'approximate:str="none"'}, function(self, input) return F.gelu(input, self.approximate) end)
--- The first half of a dim times the sigmoid of the second half.
-- @type GLU
-- @param dim which is halved; its size must be even
-- @shape (..., 2 n, ...) -> (..., n, ...)
-- @raise if the size is odd
-- @usage
-- nn.GLU()(tocha.tensor{{1, 2, 0, 0}})  --> {{0.5, 1}}
add('GLU', {'dim:int=-1'}, function(self, input) return F.glu(input, self.dim) end)
--- log(1 + exp(beta x)) / beta, and x itself where beta x is above the threshold: a smooth ReLU.
-- @type Softplus
-- @param beta how sharp the bend is
-- @param threshold above which it is the identity
-- @shape any -> the same
-- @usage
-- nn.Softplus()(tocha.tensor{-1, 0, 50})  --> {0.3133, 0.6931, 50}
add('Softplus', {'beta:num=1', 'threshold:num=20'}, function(self, input)
  return F.softplus(input, self.beta, self.threshold)
end)
--- x moved towards 0 by lambd, 0 where it is nearer than that.
-- @type Softshrink
-- @param lambd of at least 0
-- @shape any -> the same
-- @usage
-- nn.Softshrink(0.5)(tocha.tensor{-2, 0.2, 2})  --> {-1.5, 0, 1.5}
add('Softshrink', {'lambd:num=0.5'}, function(self, input) return F.softshrink(input, self.lambd) end, function(self)
  return tostring(self.lambd)
end)
--- x where |x| is above lambd, else 0.
-- @type Hardshrink
-- @param lambd the bar
-- @shape any -> the same
-- @usage
-- nn.Hardshrink(0.5)(tocha.tensor{-2, 0.2, 2})  --> {-2, 0, 2}
add('Hardshrink', {'lambd:num=0.5'}, function(self, input) return F.hardshrink(input, self.lambd) end, function(self)
  return tostring(self.lambd)
end)

-- ------------------------------------------------------------------------------------------------------------ softmax

-- Without a dim, PyTorch's old rule: the first dimension of tensors of 0, 1 and 3 dimensions, else the second.
local function dim_of(self, input)
  if self.dim ~= nil or not tocha.is_tensor(input) then return self.dim or 1 end
  local n = input:dim()
  return (n == 0 or n == 1 or n == 3) and 1 or 2
end

--- exp(x) over its sum along a dim: positive numbers that sum to 1.
-- @type Softmax
-- @param dim along which; if it is not given, 1 for tensors of 0, 1 and 3 dims, else 2
-- @shape any -> the same
-- @usage
-- nn.Softmax(2)(tocha.tensor{{1, 2, 3}})  --> {{0.09003, 0.2447, 0.6652}}
add('Softmax', {'dim:int=nil'}, function(self, input) return F.softmax(input, dim_of(self, input)) end)
--- The softmax of -x.
-- @type Softmin
-- @param dim along which, as for Softmax
-- @shape any -> the same
-- @usage
-- nn.Softmin(1)(tocha.tensor{1, 2, 3})  --> {0.6652, 0.2447, 0.09003}
add('Softmin', {'dim:int=nil'}, function(self, input) return F.softmin(input, dim_of(self, input)) end)
--- The logarithm of the softmax, exact where that is tiny.
-- @type LogSoftmax
-- @param dim along which, as for Softmax
-- @shape any -> the same
-- @usage
-- nn.LogSoftmax(1)(tocha.tensor{0, 0})  --> {-0.6931, -0.6931}
-- nn.LogSoftmax(1)(tocha.tensor{0, 200})  --> {-200, 0}
add('LogSoftmax', {'dim:int=nil'}, function(self, input) return F.log_softmax(input, dim_of(self, input)) end)
--- The softmax over the channels of an image, at each place.
-- @type Softmax2d
-- @shape (n, c, h, w) or (c, h, w) -> the same
-- @raise for another number of dims
-- @usage
-- nn.Softmax2d()(tocha.ones(1, 4, 2, 2))[1][1]  --> {{0.25, 0.25}, {0.25, 0.25}}
add('Softmax2d', {}, function(_, input)
  if not tocha.is_tensor(input) then args.fail('Softmax2d: input: got %s, takes a tensor', args.show(input)) end
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
-- @param num_parameters 1, or the number of channels
-- @param init the first value of a
-- @shape (n, channels, ...) or any -> the same
-- @usage
-- local layer = nn.PReLU(2)
-- layer(tocha.tensor{{-4, -4}, {1, 1}})  --> {{-1, -1}, {1, 1}}
-- layer.weight.shape  --> {2}
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
