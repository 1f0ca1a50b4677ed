--- Functions of images in tocha.nn.functional: unfold, fold, grid_sample.
-- @module tocha.nn.functional_patches

local tocha = require 'tocha'
local binding = require 'tocha.binding'
local args = require 'tocha.args'

local patches = {}

--- unfold(input, kernel_size, dilation = 1, padding = 0, stride = 1): (N, C, H, W) to (N, C k k, L), one column for each of the L places.
patches.unfold = binding.hidden('unfold')
--- fold(input, output_size, kernel_size, dilation = 1, padding = 0, stride = 1): columns added up into an image, the transpose of unfold.
patches.fold = binding.hidden('fold')

---------------------------------------------------------------- grid_sample
-- positions in -1..1 to pixels, counted from 0
local function pixels(g, size, align)
  if align then return (g + 1) * ((size - 1) / 2) end
  return ((g + 1) * size - 1) / 2
end

-- reflects positions at low and high until they lie between
local function reflected(x, low, high)
  if high <= low then return x * 0 end
  local span = high - low
  local away = (x - low):abs()
  local flips = (away / span):floor():detach()
  local rest = away - flips * span
  local even = flips:remainder(2):eq(0)
  return tocha.where(even, rest, span - rest) + low
end

local function bounded(x, size, padding, align)
  if padding == 'zeros' then return x end
  if padding == 'reflection' then
    if align then x = reflected(x, 0, size - 1) else x = reflected(x, -0.5, size - 0.5) end
  end
  return x:clamp(0, size - 1)
end

-- the pixels beside x along one dim: a list of {index, weight}; index holds whole numbers, which may lie outside
local function linear_taps(x)
  local base = x:floor():detach()
  local part = x - base
  return {{base, 1 - part}, {base + 1, part}}
end

local function nearest_taps(x) return {{x:detach():round(), nil}} end

-- Keys' cubic convolution with slope -0.75, at distances below 1 and between 1 and 2 (R. Keys, 1981)
local function near_weight(d) return ((d * 1.25) - 2.25) * d * d + 1 end
local function far_weight(d) return (((d - 5) * d + 8) * d - 4) * -0.75 end
local function cubic_taps(x)
  local base = x:floor():detach()
  local t = x - base
  return {{base - 1, far_weight(t + 1)}, {base, near_weight(t)}, {base + 1, near_weight(1 - t)}, {base + 2, far_weight(2 - t)}}
end

local tap_makers = {bilinear = linear_taps, nearest = nearest_taps, bicubic = cubic_taps}

-- taps with whole positions inside the image; outside, the weight becomes 0
local function inside(taps, size, padding, align)
  for _, tap in ipairs(taps) do
    local index = tap[1]
    if padding == 'zeros' then
      local good = index:ge(0):logical_and(index:le(size - 1)):to(index.dtype)
      tap[2] = tap[2] and tap[2] * good or good
    else
      index = bounded(index, size, padding, align)
    end
    tap[1] = index:clamp(0, size - 1):nan_to_num(0):to('int64') -- places in large images exceed what a float counts
  end
  return taps
end

-- all combinations of taps over the dims: list of {flat index, weight}
local function combined(lists, sizes)
  local out = {{nil, nil}}
  for d, taps in ipairs(lists) do
    local longer = {}
    for _, have in ipairs(out) do
      for _, tap in ipairs(taps) do
        local weight = have[2] and tap[2] and have[2] * tap[2] or have[2] or tap[2]
        longer[#longer + 1] = {have[1] and have[1] * sizes[d] + tap[1] or tap[1], weight}
      end
    end
    out = longer
  end
  return out
end

local read_sample = args.spec('grid_sample', 'input:tensor', 'grid:tensor', 'mode:str="bilinear"', 'padding_mode:str="zeros"',
  'align_corners:bool=false')

local function check(x, grid, mode, padding)
  local n = x:dim() - 2
  if (n ~= 2 and n ~= 3) or grid:dim() ~= n + 2 or grid:size(-1) ~= n or grid:size(1) ~= x:size(1) then
    args.fail('grid_sample: grid %s does not fit input %s', args.show(grid), args.show(x))
  end
  if not tap_makers[mode] then args.fail("grid_sample: mode: got '%s', takes 'bilinear', 'nearest' or 'bicubic'", mode) end
  if padding ~= 'zeros' and padding ~= 'border' and padding ~= 'reflection' then
    args.fail("grid_sample: padding_mode: got '%s', takes 'zeros', 'border' or 'reflection'", padding)
  end
  if x:numel() == 0 then args.fail('grid_sample: input %s is empty', args.show(x)) end
  return n
end

--- The values of images between their pixels. Source: M. Jaderberg et al., "Spatial transformer networks", 2015.
-- @param input (N, C, H, W) or (N, C, D, H, W)
-- @param grid (N, H', W', 2), or (N, D', H', W', 3): positions x, y[, z] in -1..1
-- @tparam[opt='bilinear'] string mode 'bilinear', 'nearest' or 'bicubic', which takes cubics over volumes too
-- @tparam[opt='zeros'] string padding_mode what lies outside: 'zeros', 'border' or 'reflection'
-- @tparam[opt=false] bool align_corners do -1 and 1 mean the centres of the outer pixels, or the edges of the image?
-- @return (N, C, H', W') or (N, C, D', H', W')
function patches.grid_sample(...)
  local x, grid, mode, padding, align = read_sample(...)
  local n = check(x, grid, mode, padding)
  if x:element_size() == 2 then -- half precision has too few digits for positions
    return patches.grid_sample(x:float(), grid:float(), mode, padding, align):to(x.dtype)
  end
  local batch, channels, lists, sizes = x:size(1), x:size(2), {}, {}
  for d = 1, n do
    -- the last entry of a position belongs to the first dim
    local size = x:size(2 + d)
    local at = pixels(grid:select(-1, n + 1 - d):reshape(batch, 1, -1), size, align)
    if mode ~= 'bicubic' then at = bounded(at, size, padding, align) end
    sizes[d], lists[d] = size, inside(tap_makers[mode](at), size, padding, align)
  end
  local flat, sum = x:reshape(batch, channels, -1), nil
  for _, tap in ipairs(combined(lists, sizes)) do
    local value = flat:gather(3, (tap[1] + 1):expand(batch, channels, -1))
    local term = tap[2] and value * tap[2] or value
    sum = sum and sum + term or term
  end
  local shape = {batch, channels}
  for d = 1, n do shape[2 + d] = grid:size(1 + d) end
  return sum:reshape(shape)
end

return patches
