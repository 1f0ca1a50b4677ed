--- Cases of images sampled between their pixels: cubic, area and antialiased interpolation, grid_sample, affine_grid, shuffles of pixels.

local H = require 'spec.harness'
local P = require 'spec.plain'
local T = H.T
local floor, abs, max, min = math.floor, math.abs, math.max, math.min

local rows = {}
local function add(name, args, reference, more)
  local row = {name = name, args = args, reference = reference, grad = true, dtypes = 'float', result = 'same', half = 4, gtol = {1e-4, 1e-6}}
  for key, value in pairs(more or {}) do row[key] = value end
  rows[#rows + 1] = row
end

local function cubic(x, a) -- Keys' kernel
  x = abs(x)
  if x <= 1 then return (a + 2) * x ^ 3 - (a + 3) * x ^ 2 + 1 end
  return x < 2 and a * x ^ 3 - 5 * a * x ^ 2 + 8 * a * x - 4 * a or 0
end
local function hat(x) return max(0, 1 - abs(x)) end
local function clamped(i, n) return min(max(i, 0), n - 1) + 1 end

---------------------------------------------------------------- interpolate, one dim after another: line(list, size, scale) gives a list
local function each_dim(x, o, line)
  for d = 3, #x.shape do
    local given = o.size or o.scale_factor
    if type(given) == 'table' then given = given[d - 2] end
    local size = o.size and given or floor(x.shape[d] * given)
    local scale = o.scale_factor and not o.recompute_scale_factor and 1 / given or x.shape[d] / size
    if o.align_corners then scale = size > 1 and (x.shape[d] - 1) / (size - 1) or 0 end
    x = P.along(x, d, function(list) return line(list, size, scale, o) end)
  end
  return x
end

local function built(size, f)
  local out = {}
  for k = 1, size do out[k] = f(k - 1) end
  return out
end

local lines = {}
function lines.bicubic(list, size, scale, o)
  return built(size, function(k)
    local at = o.align_corners and k * scale or (k + 0.5) * scale - 0.5
    local sum = 0
    for i = floor(at) - 1, floor(at) + 2 do sum = sum + list[clamped(i, #list)] * cubic(at - i, -0.75) end
    return sum
  end)
end
function lines.area(list, size)
  return built(size, function(k)
    local from, to, sum = floor(k * #list / size), math.ceil((k + 1) * #list / size), 0
    for i = from + 1, to do sum = sum + list[i] end
    return sum / (to - from)
  end)
end
lines['nearest-exact'] = function(list, size, scale)
  return built(size, function(k) return list[clamped(floor((k + 0.5) * scale), #list)] end)
end
local function smooth(kernel, radius) -- all inputs under the stretched kernel, weights that add up to 1
  return function(list, size, scale)
    local stretch = max(scale, 1)
    return built(size, function(k)
      local centre, sum, total = (k + 0.5) * scale, 0, 0
      local from = max(floor(centre - radius * stretch + 0.5), 0)
      for i = from, min(floor(centre + radius * stretch + 0.5), #list) - 1 do
        local w = kernel((i - centre + 0.5) / stretch)
        sum, total = sum + w * list[i + 1], total + w
      end
      return sum / total
    end)
  end
end
local smoothed = {bilinear = smooth(hat, 1), bicubic = smooth(function(x) return cubic(x, -0.5) end, 2)}

local function resized(x, o)
  if #x == 0 then return {shape = {x.shape[1], x.shape[2], o.size, o.size}} end
  return each_dim(x, o, (o.antialias and smoothed or lines)[o.mode])
end

local image = T{2, 2, 4, 5}
add('interpolate', {{image, {scale_factor = 2, mode = 'bicubic'}}, {image, {size = {3, 7}, mode = 'bicubic'}},
  {image, {size = {6, 1}, mode = 'bicubic', align_corners = true}}, {image, {scale_factor = {1.3, 0.6}, mode = 'bicubic'}},
  {image, {scale_factor = {1.3, 0.6}, mode = 'bicubic', recompute_scale_factor = true}}, {T{0, 2, 4, 5}, {size = 3, mode = 'bicubic'}}},
  resized, {label = 'bicubic', wrong = {{T{1, 1, 4}, {size = 3, mode = 'bicubic'}, says = {'bicubic', '[1 x 1 x 4]'}},
    {image, {mode = 'bicubic'}, says = {'size', 'scale_factor'}}, {image, {size = 3, scale_factor = 2}, says = {'both'}},
    {image, {size = {1, 2, 3}}, says = {'3 numbers'}}, {image, {size = 0}, says = {'0'}}, {image, {scale_factor = 2, align_corners = true}, says = {'nearest'}},
    {T{2, 3}, {size = 3}, says = {'[2 x 3]'}}}})
add('interpolate', {{T{1, 2, 6}, {scale_factor = 2, mode = 'area'}}, {T{1, 2, 7}, {size = 3, mode = 'area'}}, {image, {size = {2, 3}, mode = 'area'}},
  {T{1, 1, 3, 4, 2}, {size = {2, 3, 1}, mode = 'area'}}}, resized, {label = 'area'})
add('interpolate', {{T{1, 2, 5}, {scale_factor = 2, mode = 'nearest-exact'}}, {image, {size = {3, 9}, mode = 'nearest-exact'}},
  {T{1, 1, 2, 3, 2}, {scale_factor = 1.5, mode = 'nearest-exact'}}}, resized, {label = 'nearest-exact'})
add('interpolate', {{T{1, 1, 7, 8}, {size = {3, 4}, mode = 'bilinear', antialias = true}}, {T{1, 2, 6, 5}, {scale_factor = 0.5, mode = 'bicubic', antialias = true}},
  {T{1, 1, 3, 3}, {size = {5, 2}, mode = 'bicubic', antialias = true}}}, resized, {label = 'antialias',
  wrong = {{image, {size = 3, antialias = true}, says = {'antialias', 'nearest'}}, {T{1, 1, 6}, {size = 3, mode = 'linear', antialias = true}, says = {'antialias'}}}})

add('interpolate', {{T{1, 2, 3, 4, int = {0, 255}, dtype = 'uint8'}, {size = {5, 3}, mode = 'nearest-exact'}}}, resized, {label = 'bytes', grad = false, dtypes = {'uint8'},
  wrong = {{T{1, 1, 3, 3, int = {0, 255}, dtype = 'int32'}, {size = 2, mode = 'bicubic'}, says = {'int32'}}, {T{1, 1, 3, 3, dtype = 'int64'}, {size = 2}, says = {'int64'}}}})

---------------------------------------------------------------- grid_sample: weights of all pixels nearby, pixels outside as the padding says
local function reflected(x, low, high)
  if high <= low then return 0 end
  local span = high - low
  local away = abs(x - low)
  local flips, rest = floor(away / span), away % span
  return flips % 2 == 0 and rest + low or high - rest
end
local function bounded(x, size, padding, align)
  if padding == 'reflection' then x = align and reflected(x, 0, size - 1) or reflected(x, -0.5, size - 0.5) end
  return padding == 'zeros' and x or min(max(x, 0), size - 1)
end

local function taps_of(x, size, mode, padding, align)
  local list = {}
  if mode == 'bicubic' then
    for i = floor(x) - 1, floor(x) + 2 do list[#list + 1] = {floor(bounded(i, size, padding, align)), cubic(x - i, -0.75)} end
    return list
  end
  x = bounded(x, size, padding, align)
  if mode == 'nearest' then
    local low = floor(x)
    local up = x - low > 0.5 or (x - low == 0.5 and low % 2 == 1)
    return {{up and low + 1 or low, 1}}
  end
  return {{floor(x), hat(x - floor(x))}, {floor(x) + 1, x - floor(x)}}
end

local function sampled(x, grid, o)
  o = o or {}
  local mode, padding, align = o.mode or 'bilinear', o.padding_mode or 'zeros', o.align_corners
  local n = #x.shape - 2
  local shape = {x.shape[1], x.shape[2], unpack(grid.shape, 2, n + 1)}
  return P.build(shape, function(b, c, ...)
    local combined = {{1}}
    for d = 1, n do
      local at = {b, ...}
      at[n + 2] = n + 1 - d
      local g, size = P.get(grid, unpack(at)), x.shape[2 + d]
      local longer = {}
      for _, tap in ipairs(taps_of(align and (g + 1) * (size - 1) / 2 or ((g + 1) * size - 1) / 2, size, mode, padding, align)) do
        for _, have in ipairs(combined) do
          local inside = tap[1] >= 0 and tap[1] < size
          longer[#longer + 1] = {inside and have[1] * tap[2] or 0, unpack(have, 2)}
          longer[#longer][d + 1] = inside and tap[1] + 1 or 1
        end
      end
      combined = longer
    end
    local sum = 0
    for _, v in ipairs(combined) do sum = sum + v[1] * P.get(x, b, c, unpack(v, 2)) end
    return sum
  end)
end

-- positions that are not too near to the places where slopes jump: whole pixels of images of 3 and 4 places
local function grid(...)
  local shape = {...}
  local values, pixel = {}, {-0.7, -0.3, 0.2, 0.6, 1.3, 1.8, 2.2, 2.7, 3.4, 4.2}
  for i = 1, P.numel(shape) do values[i] = pixel[(i * 7) % 10 + 1] / 2 - 0.83 end
  return T{values = values, ...}
end
local variants = {}
for _, mode in ipairs {'bilinear', 'nearest', 'bicubic'} do
  for _, padding in ipairs {'zeros', 'border', 'reflection'} do
    for _, align in ipairs {false, true} do
      variants[#variants + 1] = {T{2, 2, 3, 4}, grid(2, 2, 3, 2), {mode = mode, padding_mode = padding, align_corners = align}}
      if mode ~= 'bicubic' or align then
        variants[#variants + 1] = {T{1, 2, 2, 3, 4}, grid(1, 2, 2, 1, 3), {mode = mode, padding_mode = padding, align_corners = align}}
      end
    end
  end
end
add('grid_sample', variants, sampled, {half = 8, dtypes = {'float64', 'float32'}, single = {1e-4, 1e-5},
  wrong = {{T{1, 1, 3, 3}, T{1, 2, 2, 3}, says = {'[1 x 2 x 2 x 3]', '[1 x 1 x 3 x 3]'}}, {T{1, 1, 3, 3}, T{2, 2, 2, 2}, says = {'does not fit'}},
    {T{1, 1, 3, 3}, T{1, 2, 2, 2}, {mode = 'cubic'}, says = {'mode', "'cubic'"}}, {T{1, 1, 3, 3}, T{1, 2, 2, 2}, {padding_mode = 'none'}, says = {"'none'"}}}})

---------------------------------------------------------------- affine_grid, shuffles
local function affine(theta, size, o)
  local n, align = #size - 2, o and o.align_corners
  local shape = {size[1], unpack(size, 3)}
  shape[n + 2] = n
  return P.build(shape, function(b, ...)
    local at = {...}
    local sum = P.get(theta, b, at[n + 1], n + 1)
    for d = 1, n do
      local count, k = size[2 + d], at[d] - 1
      local p = count == 1 and 0 or align and 2 * k / (count - 1) - 1 or (2 * k + 1) / count - 1
      sum = sum + P.get(theta, b, at[n + 1], n + 1 - d) * p
    end
    return sum
  end)
end
add('affine_grid', {{T{2, 2, 3}, {2, 1, 3, 4}}, {T{1, 2, 3}, {1, 3, 1, 2}, {align_corners = true}}, {T{1, 3, 4}, {1, 1, 2, 3, 2}}}, affine,
  {wrong = {{T{1, 3, 4}, {1, 1, 2, 2}, says = {'theta'}}}, gtol = {1e-4, 1e-6}})

local function shuffled(x, r)
  local shape = P.copy(x).shape
  local n = #shape
  local out = {unpack(shape)}
  out[n - 2], out[n - 1], out[n] = shape[n - 2] / (r * r), shape[n - 1] * r, shape[n] * r
  return P.build(out, function(...)
    local at = {...}
    local c, h, w = at[n - 2] - 1, at[n - 1] - 1, at[n] - 1
    at[n - 2], at[n - 1], at[n] = c * r * r + h % r * r + w % r + 1, floor(h / r) + 1, floor(w / r) + 1
    return P.get(x, unpack(at))
  end)
end
add('pixel_shuffle', {{T{1, 4, 2, 3}, 2}, {T{18, 1, 2}, 3}, {T{2, 1, 4, 2, 1}, 2}}, shuffled, {half = 1, wrong = {{T{1, 6, 2, 2}, 2, says = {'6'}}}})
add('pixel_unshuffle', {{T{1, 1, 4, 6}, 2}, {T{2, 3, 3}, 3}}, function(x, r)
  local n = #x.shape
  local out = {unpack(x.shape)}
  out[n - 2], out[n - 1], out[n] = x.shape[n - 2] * r * r, x.shape[n - 1] / r, x.shape[n] / r
  return P.build(out, function(...)
    local at = {...}
    local c, h, w = at[n - 2] - 1, at[n - 1] - 1, at[n] - 1
    at[n - 2], at[n - 1], at[n] = floor(c / (r * r)) + 1, h * r + floor(c / r) % r + 1, w * r + c % r + 1
    return P.get(x, unpack(at))
  end)
end, {wrong = {{T{1, 1, 3, 4}, 2, says = {'3'}}}})
add('channel_shuffle', {{T{1, 6, 2, 2}, 2}, {T{2, 6, 3}, 3}}, function(x, groups)
  local each = x.shape[2] / groups
  return P.build(x.shape, function(b, c, ...)
    return P.get(x, b, (c - 1) % groups * each + floor((c - 1) / groups) + 1, ...)
  end)
end, {wrong = {{T{1, 5, 2}, 2, says = {'5'}}}})

return rows
