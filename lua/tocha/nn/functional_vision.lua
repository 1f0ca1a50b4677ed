--- Rearrangements of pixels and channels of tocha.nn.functional, made of views.
-- @module tocha.nn.functional_vision

local tocha = require 'tocha'
local args = require 'tocha.args'

local vision = {}

-- Sizes of the dimensions before the last `n`, then `...`.
local function shape(x, n, ...)
  local out = {}
  for i = 1, x:dim() - n do out[i] = x:size(i) end
  for i = 1, select('#', ...) do out[#out + 1] = (select(i, ...)) end
  return out
end

-- Leading dimensions stay, the last ones are permuted by offsets from their first.
local function order(lead, ...)
  local out = {}
  for i = 1, lead do out[i] = i end
  for i = 1, select('#', ...) do out[#out + 1] = lead + select(i, ...) end
  return out
end

local read_shuffle = args.spec('pixel_shuffle', 'input:tensor', 'upscale_factor:int')

--- (*, C r^2, H, W) to (*, C, H r, W r). Source: W. Shi et al., 2016.
function vision.pixel_shuffle(...)
  local x, r = read_shuffle(...)
  if x:dim() < 3 then args.fail('pixel_shuffle: got %s, takes at least 3 dimensions', args.show(x)) end
  local c, h, w = x:size(-3), x:size(-2), x:size(-1)
  if r < 1 or c % (r * r) ~= 0 then
    args.fail('pixel_shuffle: %d channels are not divisible by the square of upscale_factor %d', c, r)
  end
  c = c / (r * r)
  local parts = x:reshape(shape(x, 3, c, r, r, h, w)):permute(order(x:dim() - 3, 1, 4, 2, 5, 3))
  return parts:reshape(shape(x, 3, c, h * r, w * r))
end

local read_unshuffle = args.spec('pixel_unshuffle', 'input:tensor', 'downscale_factor:int')

--- (*, C, H r, W r) to (*, C r^2, H, W).
function vision.pixel_unshuffle(...)
  local x, r = read_unshuffle(...)
  if x:dim() < 3 then args.fail('pixel_unshuffle: got %s, takes at least 3 dimensions', args.show(x)) end
  local c, h, w = x:size(-3), x:size(-2), x:size(-1)
  if r < 1 or h % r ~= 0 or w % r ~= 0 then
    args.fail('pixel_unshuffle: height %d and width %d are not divisible by downscale_factor %d', h, w, r)
  end
  h, w = h / r, w / r
  local parts = x:reshape(shape(x, 3, c, h, r, w, r)):permute(order(x:dim() - 3, 1, 3, 5, 2, 4))
  return parts:reshape(shape(x, 3, c * r * r, h, w))
end

local read_channels = args.spec('channel_shuffle', 'input:tensor', 'groups:int')

--- Interleaves the channels of groups. Source: X. Zhang et al., "ShuffleNet", 2017.
function vision.channel_shuffle(...)
  local x, groups = read_channels(...)
  if x:dim() < 3 then args.fail('channel_shuffle: got %s, takes at least 3 dimensions', args.show(x)) end
  local c = x:size(2)
  if groups < 1 or c % groups ~= 0 then
    args.fail('channel_shuffle: %d channels are not divisible by groups %d', c, groups)
  end
  local sizes = {}
  for i = 1, x:dim() do sizes[i] = x:size(i) end
  local split = {sizes[1], groups, c / groups, unpack(sizes, 3)}
  return x:reshape(split):transpose(2, 3):reshape(sizes)
end

local read_grid = args.spec('affine_grid', 'theta:tensor', 'size:list', 'align_corners:bool=false')

-- Positions of n pixels in -1..1: of the outer pixels' centres, or of the image's edges.
local function positions(n, align, like)
  local options = {dtype = like.dtype, device = like.device}
  if n == 1 then return tocha.zeros({1}, options) end
  local line = tocha.linspace(-1, 1, n, options)
  return align and line or line * ((n - 1) / n)
end

--- The sampling positions of affine maps. Source: M. Jaderberg et al., "Spatial transformer networks", 2015.
-- @param theta (batch, 2, 3), for volumes (batch, 3, 4)
-- @tparam table size of the output: {N, C, H, W} or {N, C, D, H, W}
-- @tparam[opt=false] bool align_corners
-- @return (N, H, W, 2), for volumes (N, D, H, W, 3); the last dimension is x, y[, z]
function vision.affine_grid(...)
  local theta, size, align = read_grid(...)
  local n = #size - 2
  if (n ~= 2 and n ~= 3) or theta:dim() ~= 3 or theta:size(2) ~= n or theta:size(3) ~= n + 1 then
    args.fail('affine_grid: theta %s does not fit a size of %d dimensions', args.show(theta), #size)
  end
  local full, base = {unpack(size, 3)}, {}
  for i = 1, n do
    -- the last dimension is x
    local view = {}
    for k = 1, n do view[k] = k == n + 1 - i and -1 or 1 end
    base[i] = positions(size[#size + 1 - i], align, theta):reshape(view):expand(full)
  end
  base[n + 1] = tocha.ones(full, {dtype = theta.dtype, device = theta.device})
  local grid = tocha.stack(base, -1):reshape(1, -1, n + 1):matmul(theta:transpose(2, 3))
  full[n + 1] = n
  return grid:reshape({size[1], unpack(full)})
end

return vision
