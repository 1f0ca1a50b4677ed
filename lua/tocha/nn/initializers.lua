--- tocha.nn.init: initial values for parameters, in place and unrecorded; each function returns its tensor.
--
-- Sources: X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010
-- (xavier); K. He et al., "Delving deep into rectifiers", 2015 (kaiming); A. Saxe et al., "Exact solutions to the
-- nonlinear dynamics of learning in deep linear neural networks", 2013 (orthogonal); J. Martens, "Deep learning via
-- Hessian-free optimization", 2010 (sparse).
-- @module tocha.nn.init

local tocha = require 'tocha'
local args = require 'tocha.args'
local orthonormal = require 'tocha.nn.orthonormal'
local checked = require 'tocha.checked'

local init = {}

local sqrt = math.sqrt

local function sizes_of(x)
  local out = {}
  for i = 1, x:dim() do out[i] = x:size(i) end
  return out
end

local function declare(name, ...)
  return (args.spec(name, 'tensor:tensor', ...))
end

local gains = {
  linear = 1, conv1d = 1, conv2d = 1, conv3d = 1, conv_transpose1d = 1, conv_transpose2d = 1, conv_transpose3d = 1,
  sigmoid = 1, tanh = 5 / 3, relu = sqrt(2), selu = 3 / 4,
}

local read_gain = args.spec('calculate_gain', 'nonlinearity:str', 'param:num=nil')

--- The factor that keeps the variance of activations through a nonlinearity.
-- @tparam string nonlinearity its function's name, such as `'relu'`
-- @tparam[opt=0.01] number param the negative slope of `'leaky_relu'`
function init.calculate_gain(...)
  local nonlinearity, param = read_gain(...)
  if nonlinearity == 'leaky_relu' then
    local slope = param or 0.01
    return sqrt(2 / (1 + slope * slope))
  end
  local gain = gains[nonlinearity]
  if not gain then
    args.fail("calculate_gain: nonlinearity: got '%s', takes leaky_relu, relu, tanh, ...", nonlinearity)
  end
  return gain
end

--- The numbers of inputs and outputs of one unit: kernel positions count.
function init.fans(x, name)
  if x:dim() < 2 then args.fail('%s: got a tensor of %d dimensions, takes at least 2', name or 'fans', x:dim()) end
  local field = 1
  for i = 3, x:dim() do field = field * x:size(i) end
  return x:size(2) * field, x:size(1) * field
end

local read_uniform = declare('uniform_', 'a:num=0', 'b:num=1', 'generator=nil')

--- Uniform values from [a, b).
function init.uniform_(...)
  local x, a, b, generator = read_uniform(...)
  x:detach():uniform_(a, b, {generator = generator})
  return x
end

local read_normal = declare('normal_', 'mean:num=0', 'std:num=1', 'generator=nil')

--- Normal values.
function init.normal_(...)
  local x, mean, std, generator = read_normal(...)
  x:detach():normal_(mean, std, {generator = generator})
  return x
end

local read_constant = declare('constant_', 'val:num')

--- One value everywhere.
function init.constant_(...)
  local x, value = read_constant(...)
  x:detach():fill_(value)
  return x
end

--- Ones.
function init.ones_(x) return init.constant_(x, 1) end

--- Zeros.
function init.zeros_(x) return init.constant_(x, 0) end

--- The identity matrix, as far as the shape goes.
function init.eye_(x)
  if x:dim() ~= 2 then args.fail('eye_: got a tensor of %d dimensions, takes 2', x:dim()) end
  x:detach():copy_(tocha.eye(x:size(1), x:size(2), {dtype = x.dtype, device = x.device}))
  return x
end

local read_dirac = declare('dirac_', 'groups:int=1')

--- The kernel of a convolution that passes its channels through, as many as there are.
function init.dirac_(...)
  local x, groups = read_dirac(...)
  local n = x:dim()
  if n < 3 or n > 5 then args.fail('dirac_: got a tensor of %d dimensions, takes 3, 4 or 5', n) end
  if x:size(1) % groups ~= 0 then
    args.fail('dirac_: %d output channels are not divisible by groups %d', x:size(1), groups)
  end
  local out, at = x:size(1) / groups, {}
  for i = 3, n do at[i] = math.floor(x:size(i) / 2) + 1 end
  local plain = x:detach()
  plain:zero_()
  for g = 0, groups - 1 do
    for d = 1, math.min(out, x:size(2)) do
      at[1], at[2] = g * out + d, d
      plain[at] = 1
    end
  end
  return x
end

local read_xavier = declare('xavier_uniform_', 'gain:num=1', 'generator=nil')

--- Uniform values of variance gain^2 * 2 / (fan_in + fan_out).
function init.xavier_uniform_(...)
  local x, gain, generator = read_xavier(...)
  local fan_in, fan_out = init.fans(x, 'xavier_uniform_')
  local bound = sqrt(3) * gain * sqrt(2 / (fan_in + fan_out))
  return init.uniform_(x, -bound, bound, generator)
end

local read_xavier_normal = declare('xavier_normal_', 'gain:num=1', 'generator=nil')

--- Normal values of variance gain^2 * 2 / (fan_in + fan_out).
function init.xavier_normal_(...)
  local x, gain, generator = read_xavier_normal(...)
  local fan_in, fan_out = init.fans(x, 'xavier_normal_')
  return init.normal_(x, 0, gain * sqrt(2 / (fan_in + fan_out)), generator)
end

local function kaiming_std(name, x, a, mode, nonlinearity)
  local fan_in, fan_out = init.fans(x, name)
  if mode ~= 'fan_in' and mode ~= 'fan_out' then
    args.fail("%s: mode: got '%s', takes 'fan_in' or 'fan_out'", name, mode)
  end
  return init.calculate_gain(nonlinearity, a) / sqrt(mode == 'fan_in' and fan_in or fan_out)
end

local kaiming = {'a:num=0', 'mode:str="fan_in"', 'nonlinearity:str="leaky_relu"', 'generator=nil'}
local read_kaiming = declare('kaiming_uniform_', unpack(kaiming))
local read_kaiming_normal = declare('kaiming_normal_', unpack(kaiming))

--- Uniform values of variance gain^2 / fan.
-- @tparam[opt=0] number a the negative slope, for `'leaky_relu'`
-- @tparam[opt='fan_in'] string mode whether the variance of activations (`'fan_in'`) or gradients (`'fan_out'`) is kept
-- @tparam[opt='leaky_relu'] string nonlinearity
function init.kaiming_uniform_(...)
  local x, a, mode, nonlinearity, generator = read_kaiming(...)
  if x:numel() == 0 then return x end
  local bound = sqrt(3) * kaiming_std('kaiming_uniform_', x, a, mode, nonlinearity)
  return init.uniform_(x, -bound, bound, generator)
end

--- Normal values of variance gain^2 / fan; arguments as `kaiming_uniform_`.
function init.kaiming_normal_(...)
  local x, a, mode, nonlinearity, generator = read_kaiming_normal(...)
  if x:numel() == 0 then return x end
  return init.normal_(x, 0, kaiming_std('kaiming_normal_', x, a, mode, nonlinearity), generator)
end

-- The distribution function of the standard normal distribution at z, through a tensor: Lua has no erf.
local function cdf(z)
  return (1 + tocha.tensor(z / sqrt(2), {dtype = 'float64'}):erf():item()) / 2
end

-- Polynomials in w = -log(1 - u^2), highest power first: for w below 5 in w - 2.5, else in sqrt(w) - 3.
local near = {2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 2.1858087e-4, -1.25372503e-3, -4.17768164e-3,
  0.246640727, 1.50140941}
local far = {-2.00214257e-4, 1.00950558e-4, 1.34934322e-3, -3.67342844e-3, 5.73950773e-3, -7.6224613e-3, 9.43887047e-3,
  1.00167406, 2.83297682}

local function polynomial(coefficients, w)
  local sum = tocha.full_like(w, coefficients[1])
  for i = 2, #coefficients do sum:mul_(w):add_(coefficients[i]) end
  return sum
end

-- The inverse of erf on a float64 tensor within (-1, 1): an approximation of single precision, then Newton's method.
-- Source: M. Giles, "Approximating the erfinv function", 2010.
local function inverse_erf(u)
  local w = -(1 - u):mul_(1 + u):log()
  local y = tocha.where(w:lt(5), polynomial(near, w - 2.5), polynomial(far, w:sqrt():sub_(3))):mul_(u)
  for _ = 1, 2 do y = y - (y:erf() - u) * (y * y):exp() * (sqrt(math.pi) / 2) end
  return y
end

local read_trunc = declare('trunc_normal_', 'mean:num=0', 'std:num=1', 'a:num=-2', 'b:num=2', 'generator=nil')

--- Normal values cut to [a, b], by the inverse of the distribution function.
function init.trunc_normal_(...)
  local x, mean, std, a, b, generator = read_trunc(...)
  local low, high = cdf((a - mean) / std), cdf((b - mean) / std)
  local u = tocha.empty(sizes_of(x), {dtype = 'float64', device = x.device})
  u:uniform_(2 * low - 1, 2 * high - 1, {generator = generator}):clamp_(-1 + 1e-16, 1 - 1e-16)
  x:detach():copy_(inverse_erf(u):mul_(std * sqrt(2)):add_(mean):clamp_(a, b))
  return x
end

local read_orthogonal = declare('orthogonal_', 'gain:num=1', 'generator=nil')

--- A matrix with orthonormal rows or columns (dimensions after the first are flattened), times gain.
function init.orthogonal_(...)
  local x, gain, generator = read_orthogonal(...)
  if x:dim() < 2 then args.fail('orthogonal_: got a tensor of %d dimensions, takes at least 2', x:dim()) end
  if x:numel() == 0 then return x end
  local rows = x:size(1)
  local columns = x:numel() / rows
  local wide = rows < columns
  -- columns of independent normal numbers, orthonormalised in order, are uniformly distributed
  local flat = wide and tocha.empty(columns, rows, {dtype = 'float64'}) or tocha.empty(rows, columns,
    {dtype = 'float64'})
  local q = orthonormal(flat:normal_(0, 1, {generator = generator}))
  if wide then q = q:transpose(1, 2) end
  x:detach():copy_((q * gain):reshape(sizes_of(x)))
  return x
end

local read_sparse = declare('sparse_', 'sparsity:num', 'std:num=0.01', 'generator=nil')

--- Normal values, of which a share of each column is zero.
function init.sparse_(...)
  local x, sparsity, std, generator = read_sparse(...)
  if x:dim() ~= 2 then args.fail('sparse_: got a tensor of %d dimensions, takes 2', x:dim()) end
  local rows, columns = x:size(1), x:size(2)
  local zeros = math.ceil(sparsity * rows)
  if zeros < 1 then return init.normal_(x, 0, std, generator) end
  local rows_of = {}
  for c = 1, columns do rows_of[c] = tocha.randperm(rows)[{{1, zeros}}] end
  local plain = x:detach()
  plain:normal_(0, std, {generator = generator})
  for c = 1, columns do plain[{rows_of[c], c}] = 0 end
  return x
end

checked.all(init, '', {eye_ = 'tensor:tensor', fans = 'tensor:tensor', ones_ = 'tensor:tensor', zeros_ = 'tensor:tensor'})

return init
