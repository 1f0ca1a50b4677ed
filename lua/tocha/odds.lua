--- Functions that are a few others in a row.
-- @module tocha.odds

local tocha = require 'tocha'
local args = require 'tocha.args'

local odds = {}

local read_narrow = args.spec('narrow_copy', 'input:tensor', 'dim:int', 'start:int', 'length:int')

--- narrow_copy(input, dim, start, length): narrow in memory of its own.
function odds.narrow_copy(...)
  local x, dim, start, length = read_narrow(...)
  return x:narrow(dim, start, length):clone()
end

--- frexp(input): mantissa in [0.5, 1) and int32 exponent with input = mantissa 2^exponent; 0, inf and nan are their own mantissas, exponent 0.
function odds.frexp(input)
  local x = input.dtype.is_floating_point and input or input:to(tocha.get_default_dtype())
  local regular = x:isfinite():logical_and(x:ne(0))
  local size = tocha.where(regular, x:detach():abs(), 1):double()
  local exponent = size:log2():floor() + 1
  local mantissa = size / tocha.pow(2, exponent) -- log2 may be off by one next to powers of two
  exponent = exponent + mantissa:ge(1):double() - mantissa:lt(0.5):double()
  exponent = tocha.where(regular, exponent, 0)
  local half = (exponent / 2):floor() -- in two steps: 2^-1074 has no inverse
  return x * tocha.pow(2, -half):to(x.dtype) * tocha.pow(2, half - exponent):to(x.dtype), exponent:to('int32')
end

local read_histogram = args.spec('histogram', 'input:tensor', 'bins=10', '*', 'range=nil', 'weight=nil', 'density:bool=false')

--- histogram(input, bins, {range, weight, density}): counts (or sums of weights) in bins, and the edges. bins: a number of equal ones between the
-- least and the largest value or over `range`, or an ascending tensor of edges. The last bin contains its right edge. density: integrates to 1.
function odds.histogram(...)
  local x, bins, range, weight, density = read_histogram(...)
  x = x:detach():reshape(-1)
  local edges = bins
  if not tocha.is_tensor(bins) then
    local low, high = 0, 1
    if range then low, high = range[1], range[2] elseif x:numel() > 0 then low, high = x:min():item(), x:max():item() end
    if low > high then args.fail('histogram: range: got %g to %g', low, high) end
    if low == high then low, high = low - 0.5, high + 0.5 end
    edges = tocha.linspace(low, high, bins + 1, {dtype = x.dtype})
  end
  local count = edges:numel() - 1
  if count < 1 then args.fail('histogram: bins: takes a positive number or two or more edges') end
  local at = tocha.searchsorted(edges, x, {right = true}) -- the bin, from 1; count + 1 at the last edge
  local last = x:eq(edges[-1])
  at = tocha.where(last, count, at - 1)
  local inside = at:ge(1):logical_and(at:le(count)):logical_and(x:le(edges[-1]))
  local w = weight and weight:reshape(-1):to(x.dtype) or tocha.ones_like(x)
  local sums = tocha.zeros(count, {dtype = x.dtype})
  sums:index_add_(1, at:masked_select(inside):to('int64'), w:masked_select(inside))
  if density then sums = sums / (sums:sum() * edges:diff()) end
  return sums, edges
end

--- asarray(data, {dtype, device, copy, requires_grad}): a tensor of the data; memory is shared if it can be, unless copy = true.
function odds.asarray(data, options)
  local kept = {}
  for key, value in pairs(options or {}) do
    if key ~= 'copy' and key ~= 'requires_grad' then kept[key] = value end
  end
  local x = tocha.as_tensor(data, kept)
  if options and options.copy and rawequal(x, data) then x = x:clone() end
  if options and options.requires_grad ~= nil then x = x:detach():requires_grad_(options.requires_grad) end
  return x
end

--- x:get_device(): the number of the CUDA device, from 0, or -1 on the CPU.
function odds.get_device(x)
  local number = tostring(x.device):match(':(%d+)$')
  return tostring(x.device):find('^cuda') and tonumber(number or 0) or -1
end

--- x:resize_as_(other): x with other's shape; what lies beyond its old elements is not initialised.
function odds.resize_as_(x, other) return x:resize_(other.shape) end

--- x:map_(other, f): each element becomes f(element, other's element). Slow: a Lua call for each.
function odds.map_(x, other, f)
  local size, values, others = x:size(), x:detach():reshape(-1):tolist(), other:detach():expand_as(x):reshape(-1):tolist()
  for i = 1, #values do values[i] = f(values[i], others[i]) end
  return x:copy_(tocha.tensor(values, {dtype = x.dtype}):reshape(size))
end

return odds
