--- F.fractional_max_pool2d and 3d: maxima over windows whose places are drawn at random, composed of gather and max.
--
-- Source: B. Graham, "Fractional max-pooling", 2014.
-- @module tocha.nn.functional_fractional

local tocha = require 'tocha'
local args = require 'tocha.args'
local sizes = require 'tocha.nn.sizes'

local fractional = {}

-- First positions, from 0, of `out` windows of size k in a line of n, for each random number u of (N, C): (N, C, out).
local function starts(u, n, k, out)
  local last = tocha.full({u:size(1), u:size(2), 1}, n - k, {dtype = u.dtype, device = u.device})
  if out == 1 then return last end
  local alpha = (n - k) / (out - 1)
  local i = tocha.arange(0, out - 1, {dtype = u.dtype, device = u.device})
  u = u:unsqueeze(3)
  local first = ((u + i) * alpha):floor() - (u * alpha):floor()
  return tocha.cat({first, last}, 3)
end

-- A list of positions along dimension d of n + n: windows' places first, then places inside a window.
local function spread(x, d, n)
  local shape = {}
  for i = 1, 2 * n do shape[i] = i == d and -1 or 1 end
  if x:dim() == 3 then return x:reshape({x:size(1), x:size(2), unpack(shape)}) end
  return x:reshape({1, 1, unpack(shape)})
end

-- Flat positions, from 1, of all entries of all windows: (N, C, out..., kernel...)
local function window_entries(u, spatial, kernel, out, order)
  local n, flat = #spatial, nil
  for d = 1, n do
    local inside = tocha.arange(0, kernel[d], {dtype = u.dtype, device = u.device})
    local at = spread(starts(u:select(3, order[d]), spatial[d], kernel[d], out[d]), d, n) + spread(inside, n + d, n)
    flat = flat and flat * spatial[d] + at or at
  end
  return (flat + 1):long()
end

local function output_sizes(name, spatial, size, ratio)
  local n = #spatial
  if (size == nil) == (ratio == nil) then args.fail('%s: takes either output_size or output_ratio', name) end
  if size ~= nil then return sizes.tuple(size, n, name, 'output_size') end
  local out = {}
  for d, r in ipairs(sizes.tuple(ratio, n, name, 'output_ratio')) do
    if r <= 0 or r >= 1 then args.fail('%s: output_ratio: got %g, takes a number between 0 and 1', name, r) end
    out[d] = math.floor(spatial[d] * r)
  end
  return out
end

local function check_fit(name, spatial, kernel, out)
  for d = 1, #spatial do
    if out[d] < 1 or out[d] + kernel[d] - 1 > spatial[d] then
      args.fail('%s: %d windows of size %d do not fit dimension %d of size %d', name, out[d], kernel[d], d, spatial[d])
    end
  end
end

local function product(list)
  local p = 1
  for i = 1, #list do p = p * list[i] end
  return p
end

-- x is (N, C, spatial...): the maxima and where they are in their plane, (N, C, out...)
local function pool(x, spatial, kernel, out, u, order)
  local batch, channels, count = x:size(1), x:size(2), product(out)
  local at = window_entries(u, spatial, kernel, out, order):reshape(batch, channels, -1)
  local entries = x:reshape(batch, channels, -1):gather(3, at):reshape(batch, channels, count, -1)
  local values, which = entries:max(4)
  local indices = at:reshape(batch, channels, count, -1):gather(4, which:unsqueeze(4))
  local shape = {batch, channels, unpack(out)}
  return values:reshape(shape), indices:reshape(shape)
end

-- The random numbers of a batch: the first of those given, as in PyTorch.
local function given(name, u, x, n)
  if u:dim() ~= 3 or u:size(1) < x:size(1) or u:size(2) ~= x:size(2) or u:size(3) ~= n then
    args.fail('%s: _random_samples: got %s, takes %d x %d x %d numbers', name, args.show(u), x:size(1), x:size(2), n)
  end
  return u:narrow(1, 1, x:size(1))
end

-- order: which random number belongs to each dimension
local function define(n, order)
  local name = ('fractional_max_pool%dd'):format(n)
  local read = args.spec(name, 'input:tensor', 'kernel_size:size', 'output_size:size=nil', 'output_ratio=nil',
    'return_indices:bool=false', '_random_samples:tensor=nil')
  fractional[name] = function(...)
    local input, kernel, size, ratio, want_indices, u = read(...)
    local single = input:dim() == n + 1
    if not single and input:dim() ~= n + 2 then
      args.fail('%s: got %s, takes %d or %d dimensions', name, args.show(input), n + 1, n + 2)
    end
    local x, spatial = single and input:unsqueeze(1) or input, {}
    for d = 1, n do spatial[d] = x:size(2 + d) end
    kernel = sizes.tuple(kernel, n, name, 'kernel_size')
    local out = output_sizes(name, spatial, size, ratio)
    check_fit(name, spatial, kernel, out)
    u = u == nil and tocha.rand({x:size(1), x:size(2), n}, {dtype = x.dtype, device = x.device}) or given(name, u, x, n)
    local values, indices = pool(x, spatial, kernel, out, u, order)
    if single then values, indices = values:squeeze(1), indices:squeeze(1) end
    if want_indices then return values, indices end
    return values
  end
end

-- as in PyTorch the numbers for two dimensions are those of width and height, for three depth, height and width
define(2, {2, 1})
define(3, {1, 2, 3})

return fractional
