--- Window functions by PyTorch's names, `tocha.signal.windows.hann(8)`. Each takes the number of points M and, by name, `sym`: true (the
-- default) for a window that is symmetric, false for a periodic one, which is the symmetric one of M + 1 points without its last. Further
-- options: `dtype` (float32 or float64), `device`, `requires_grad`. The values are computed in double precision.
-- @module tocha.signal.windows

local tocha = require 'tocha'
local ffi = require 'ffi'
local args = require 'tocha.args'
local dtypes = require 'tocha.dtype'

local windows = {}
local common = {'sym:bool=true', 'dtype=nil', 'device=nil', 'requires_grad:bool=false'}

local function spec(name, ...)
  local list = {'M:int', '*'}
  for _, text in ipairs {...} do list[#list + 1] = text end
  for _, text in ipairs(common) do list[#list + 1] = text end
  return (args.spec('signal.windows.' .. name, unpack(list)))
end

local function check(name, M, dtype)
  if M < 0 then args.fail('signal.windows.%s: M: got %d, takes 0 or more', name, M) end
  if type(dtype) == 'string' then dtype = dtypes.by_name[dtype] or dtype end
  if dtype ~= nil and dtype ~= tocha.float32 and dtype ~= tocha.float64 then
    args.fail('signal.windows.%s: dtype: got %s, takes float32 or float64', name, tostring(dtype))
  end
end

-- value(i, last): the window at place i of 0 .. last
local function make(name, M, sym, dtype, device, requires_grad, value)
  check(name, M, dtype)
  if M == 0 then return tocha.zeros({0}, {dtype = dtype, device = device, requires_grad = requires_grad}) end
  local y = tocha.empty(M, {dtype = 'float64', device = 'cpu'})
  local values, last = ffi.cast('double *', y:data_ptr()), sym and M - 1 or M
  for i = 0, M - 1 do values[i] = M == 1 and 1 or value(i, last) end
  y = y:to(dtype or tocha.get_default_dtype()):to(device or tocha.get_default_device())
  return requires_grad and y:requires_grad_() or y
end

-- a[1] - a[2] cos(t) + a[3] cos(2 t) - ...
local function cosines(a)
  return function(i, last)
    local sum = 0
    for k = 1, #a do sum = sum + (k % 2 == 1 and 1 or -1) * a[k] * math.cos(2 * math.pi * (k - 1) * i / last) end
    return sum
  end
end

local read_cosine_sum = spec('general_cosine', 'a:list')

--- general_cosine(M, {a = {...}}): a[1] - a[2] cos(t) + a[3] cos(2 t) - ..., t from 0 to 2 pi.
function windows.general_cosine(...)
  local M, a, sym, dtype, device, requires_grad = read_cosine_sum(...)
  if #a == 0 then args.fail('signal.windows.general_cosine: a: takes at least one coefficient') end
  return make('general_cosine', M, sym, dtype, device, requires_grad, cosines(a))
end

local function fixed(name, a)
  local read = spec(name)
  return function(...)
    local M, sym, dtype, device, requires_grad = read(...)
    return make(name, M, sym, dtype, device, requires_grad, cosines(a))
  end
end

--- hann(M): a raised cosine, 0 at the ends.
windows.hann = fixed('hann', {0.5, 0.5})
--- hamming(M): 0.54 - 0.46 cos(t).
windows.hamming = fixed('hamming', {0.54, 0.46})
--- blackman(M): 0.42 - 0.5 cos(t) + 0.08 cos(2 t).
windows.blackman = fixed('blackman', {0.42, 0.5, 0.08})
--- nuttall(M): four terms, with small side lobes (Nuttall 1981).
windows.nuttall = fixed('nuttall', {0.3635819, 0.4891775, 0.1365995, 0.0106411})

local read_hamming = spec('general_hamming', 'alpha:num=0.54')

--- general_hamming(M, {alpha = 0.54}): alpha - (1 - alpha) cos(t).
function windows.general_hamming(...)
  local M, alpha, sym, dtype, device, requires_grad = read_hamming(...)
  return make('general_hamming', M, sym, dtype, device, requires_grad, cosines {alpha, 1 - alpha})
end

local read_bartlett = spec('bartlett')

--- bartlett(M): a triangle, 0 at the ends.
function windows.bartlett(...)
  local M, sym, dtype, device, requires_grad = read_bartlett(...)
  return make('bartlett', M, sym, dtype, device, requires_grad, function(i, last) return 1 - math.abs(2 * i / last - 1) end)
end

local read_cosine = spec('cosine')

--- cosine(M): half a sine, sin(pi (i + 1/2) / M).
function windows.cosine(...)
  local M, sym, dtype, device, requires_grad = read_cosine(...)
  return make('cosine', M, sym, dtype, device, requires_grad, function(i, last) return math.sin(math.pi * (i + 0.5) / (last + 1)) end)
end

local read_exponential = spec('exponential', 'center:num=nil', 'tau:num=1')

--- exponential(M, {center = nil, tau = 1}): exp(-|i - center| / tau), i from 0; center is the middle and can be given where sym is false.
function windows.exponential(...)
  local M, center, tau, sym, dtype, device, requires_grad = read_exponential(...)
  if tau <= 0 then args.fail('signal.windows.exponential: tau: got %g, takes a number above 0', tau) end
  if sym and center then args.fail('signal.windows.exponential: center: takes a number only where sym is false') end
  return make('exponential', M, sym, dtype, device, requires_grad, function(i, last)
    return math.exp(-math.abs(i - (center or last / 2)) / tau)
  end)
end

local read_gaussian = spec('gaussian', 'std:num=1')

--- gaussian(M, {std = 1}): exp(-(i - middle)^2 / (2 std^2)).
function windows.gaussian(...)
  local M, std, sym, dtype, device, requires_grad = read_gaussian(...)
  if std <= 0 then args.fail('signal.windows.gaussian: std: got %g, takes a number above 0', std) end
  return make('gaussian', M, sym, dtype, device, requires_grad, function(i, last) return math.exp(-((i - last / 2) / std) ^ 2 / 2) end)
end

local read_kaiser = spec('kaiser', 'beta:num=12')

--- kaiser(M, {beta = 12}): I0(beta sqrt(1 - u^2)) / I0(beta), u from -1 to 1, I0 the modified Bessel function.
function windows.kaiser(...)
  local M, beta, sym, dtype, device, requires_grad = read_kaiser(...)
  if beta < 0 then args.fail('signal.windows.kaiser: beta: got %g, takes 0 or more', beta) end
  check('kaiser', M, dtype)
  local y = tocha.kaiser_window(M, not sym, beta, {dtype = dtype, device = device})
  return requires_grad and y:requires_grad_() or y
end

return windows
