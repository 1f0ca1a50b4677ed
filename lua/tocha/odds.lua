--- Functions that are a few others in a row.
-- @module tocha.odds

local tocha = require 'tocha'
local args = require 'tocha.args'
local checked = require 'tocha.checked'

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

-- the edges of `bins` equal bins between the least and the largest of x, or of `range`
local function equal_edges(name, x, bins, range)
  local low, high = 0, 1
  if range then low, high = range[1], range[2] elseif x:numel() > 0 then low, high = x:min():item(), x:max():item() end
  if type(bins) ~= 'number' or bins < 1 or bins % 1 ~= 0 then
    args.fail('%s: bins: got %s, takes a whole number from 1, or a tensor of edges', name, args.show(bins))
  end
  if type(low) ~= 'number' or type(high) ~= 'number' then args.fail('%s: input: got %s, takes real numbers', name, x.dtype.name) end
  if low > high then args.fail('%s: range: got %g to %g', name, low, high) end
  if low == high then low, high = low - 0.5, high + 0.5 end
  return tocha.linspace(low, high, bins + 1, {dtype = x.dtype, device = x.device})
end

-- the bin of each element, from 1, and which lie in one; the last bin contains its right edge
local function places_in(edges, x)
  local count = edges:numel() - 1
  local at = tocha.where(x:eq(edges[-1]), count, tocha.searchsorted(edges, x, {right = true}) - 1)
  return at, at:ge(1):logical_and(at:le(count)):logical_and(x:le(edges[-1]))
end

local read_histogram = args.spec('histogram', 'input:tensor', 'bins=10', '*', 'range=nil', 'weight=nil', 'density:bool=false')

--- histogram(input, bins, {range, weight, density}): counts (or sums of weights) in bins, and the edges. bins: a number of equal ones between the
-- least and the largest value or over `range`, or an ascending tensor of edges. The last bin contains its right edge. density: integrates to 1.
function odds.histogram(...)
  local x, bins, range, weight, density = read_histogram(...)
  x = x:detach():reshape(-1)
  local edges = bins
  if not tocha.is_tensor(bins) then edges = equal_edges('histogram', x, bins, range) end
  local count = edges:numel() - 1
  if count < 1 then args.fail('histogram: bins: takes a positive number or two or more edges') end
  local at, inside = places_in(edges, x)
  local w = weight and weight:reshape(-1):to(x.dtype) or tocha.ones_like(x)
  local sums = tocha.zeros(count, {dtype = x.dtype, device = x.device})
  sums:index_add_(1, at:masked_select(inside):to('int64'), w:masked_select(inside))
  if density then sums = sums / (sums:sum() * edges:diff()) end
  return sums, edges
end

local read_many = args.spec('histogramdd', 'input:tensor', 'bins', '*', 'range=nil', 'weight=nil', 'density:bool=false')

-- the edges along dim d of the points
local function edges_along(x, d, bins, range)
  local of_dim = bins
  if type(bins) == 'table' then of_dim = bins[d] end
  if tocha.is_tensor(of_dim) then return of_dim end
  if type(of_dim) ~= 'number' or of_dim < 1 then args.fail('histogramdd: bins: got %s for dim %d, takes a positive number or edges', args.show(of_dim), d) end
  return equal_edges('histogramdd', x, of_dim, range and {range[2 * d - 1], range[2 * d]})
end

--- histogramdd(input, bins, {range, weight, density}): counts (or sums of weights) of points (..., n) in the cells of an n-dim grid, and the list of the
-- n edges. bins: a number, a list of numbers, or a list of ascending edges, for each dim. range: {low, high, low, high, ...}. weight: (...).
function odds.histogramdd(...)
  local x, bins, range, weight, density = read_many(...)
  if x:dim() < 2 then args.fail('histogramdd: input: got %d dims, takes points (..., n)', x:dim()) end
  local n = x:size(-1)
  x = x:detach():reshape(-1, n)
  if type(bins) == 'table' and #bins ~= n then args.fail('histogramdd: bins: got %d, takes one for each of %d dims', #bins, n) end
  if range and #range ~= 2 * n then args.fail('histogramdd: range: got %d numbers, takes two for each of %d dims', #range, n) end
  local cell, inside, edges, shape
  edges, shape = {}, {}
  for d = 1, n do
    local along = x:select(2, d):contiguous()
    edges[d] = edges_along(along, d, bins, range)
    shape[d] = edges[d]:numel() - 1
    local at, good = places_in(edges[d], along)
    cell = cell and (cell - 1) * shape[d] + at or at
    inside = inside and inside:logical_and(good) or good
  end
  local w = weight and weight:reshape(-1):to(x.dtype) or tocha.ones(x:size(1), {dtype = x.dtype, device = x.device})
  local cells = 1
  for d = 1, n do cells = cells * shape[d] end
  local sums = tocha.zeros(cells, {dtype = x.dtype, device = x.device})
  sums:index_add_(1, cell:masked_select(inside):to('int64'), w:masked_select(inside))
  sums = sums:reshape(shape)
  if density then
    sums = sums / sums:sum()
    for d = 1, n do
      local across = {}
      for k = 1, n do across[k] = k == d and shape[d] or 1 end
      sums = sums / edges[d]:diff():reshape(across)
    end
  end
  return sums, edges
end

--- empty_strided(size, stride, {dtype, device}): elements that are not initialised, where the strides say.
function odds.empty_strided(size, stride, options)
  for d = 1, math.max(#size, #stride) do
    if type(size[d]) ~= 'number' or type(stride[d]) ~= 'number' then
      args.fail('empty_strided: got %s and %s, takes sizes and as many strides', args.show(size), args.show(stride))
    end
  end
  if #size ~= #stride then args.fail('empty_strided: stride: got %d, takes one for each of %d dims', #stride, #size) end
  local last = 1
  for d = 1, #size do last = size[d] == 0 and -math.huge or last + (size[d] - 1) * stride[d] end
  return tocha.empty({math.max(last, 0)}, options):as_strided(size, stride)
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
  return x:copy_(tocha.tensor(values, {dtype = x.dtype, device = x.device}):reshape(size))
end

checked.all(odds, '', {frexp = 'input:tensor', empty_strided = 'size:list stride:list', asarray = 'data:any options:list?'})

--- x:float_power_(exponent): the power in place; x is float64 or complex128, as the result is.
function odds.float_power_(x, exponent)
  local result = require('tocha').float_power(x, exponent)
  if result.dtype ~= x.dtype then
    args.fail('float_power_: got %s, takes %s, which the result has', tostring(x.dtype), tostring(result.dtype))
  end
  return x:copy_(result)
end

--- x:polygamma_(n): the n-th derivative of digamma in place.
function odds.polygamma_(x, n)
  local result = require('tocha').polygamma(n, x)
  if result.dtype ~= x.dtype then args.fail('polygamma_: got %s, takes floating-point numbers', tostring(x.dtype)) end
  return x:copy_(result)
end

require('tocha.outs').all(odds, 'frexp histogram narrow_copy')

return odds
