--- Cases of pooling, patches and interpolation.

local H = require 'spec.harness'
local P = require 'spec.plain'
local T = H.T

local rows = {}
local function add(name, args, reference, more)
  local row = {name = name, args = args, reference = reference, grad = true, dtypes = 'float', result = 'same', half = 3}
  for key, value in pairs(more or {}) do row[key] = value end
  rows[#rows + 1] = row
end

local function numbers(v, d, default)
  local out = {}
  for i = 1, d do out[i] = type(v) == 'table' and v[i] or v or default end
  return out
end

-- The windows of the last d dims: for each result fold(values, places in the plane, how many places the window has with its padding).
local function windows(x, d, o, fold)
  local lead, kernel = #x.shape - d, numbers(o.kernel_size, d)
  local stride, pad, dilation = numbers(o.stride or o.kernel_size, d), numbers(o.padding, d, 0), numbers(o.dilation, d, 1)
  local shape = {unpack(x.shape, 1, lead)}
  for i = 1, d do
    local room = x.shape[lead + i] + 2 * pad[i] - dilation[i] * (kernel[i] - 1) - 1
    local n = (o.ceil_mode and math.ceil or math.floor)(room / stride[i]) + 1
    if o.ceil_mode and (n - 1) * stride[i] >= x.shape[lead + i] + pad[i] then n = n - 1 end
    shape[lead + i] = n
  end
  local second = {shape = shape}
  local first = P.build(shape, function(...)
    local out, values, places, whole = {...}, {}, {}, 1
    for i = 1, d do
      local from = (out[lead + i] - 1) * stride[i] - pad[i]
      whole = whole * (math.min(from + dilation[i] * (kernel[i] - 1) + 1, x.shape[lead + i] + pad[i]) - from)
    end
    P.each(kernel, function(tap)
      local at, place, inside = {unpack(out, 1, lead)}, 0, true
      for i = 1, d do
        local p = (out[lead + i] - 1) * stride[i] - pad[i] + (tap[i] - 1) * dilation[i] + 1
        at[lead + i] = p
        inside = inside and p >= 1 and p <= x.shape[lead + i]
        place = place * x.shape[lead + i] + p - 1
      end
      if inside then
        values[#values + 1] = x[P.place(x, at)]
        places[#places + 1] = place + 1
      end
    end)
    local value, extra = fold(values, places, whole)
    second[#second + 1] = extra
    return value
  end)
  return first, second
end

local function largest(values, places)
  local best = 1
  for i = 2, #values do if values[i] > values[best] then best = i end end
  return values[best], places[best]
end

local function max_pool(d)
  return function(x, kernel_size, options)
    local o = {kernel_size = kernel_size}
    for k, v in pairs(options or {}) do o[k] = v end
    local values, places = windows(x, d, o, largest)
    if o.return_indices then return values, places end
    return values
  end
end
local distinct = function(shape)
  shape.distinct = true
  return T(shape)
end
add('max_pool1d', {{distinct{1, 2, 7}, 3}, {distinct{2, 6}, 2, {stride = 1, padding = 1}}, {distinct{1, 1, 7}, 2, {dilation = 2, ceil_mode = true}},
  {distinct{1, 2, 6}, 2, {return_indices = true}}}, max_pool(1), {wrong = {{T{1, 2, 2}, 3, says = {'max_pool1d'}}, {T{1, 2, 5}, 0, says = {'max_pool1d', '0'}}}})
add('max_pool2d', {{distinct{1, 2, 4, 5}, 2}, {distinct{2, 4, 4}, {2, 3}, {stride = {1, 2}, padding = 1}}, {distinct{1, 1, 5, 5}, 2, {stride = 2, ceil_mode = true}},
  {distinct{1, 2, 4, 4}, 2, {return_indices = true}}, {distinct{0, 2, 4, 4}, 2}}, max_pool(2),
  {wrong = {{T{1, 2, 4, 4}, 2, {padding = 2}, says = {'max_pool2d', 'padding'}}, {T{4, 4}, 2, says = {'max_pool2d'}}}})
add('max_pool3d', {{distinct{1, 2, 2, 3, 4}, 2}, {distinct{1, 3, 3, 3}, 2, {stride = 1, return_indices = true}}}, max_pool(3))

local function mean_of(o)
  return function(values, _, whole)
    local n = o.divisor_override or (o.count_include_pad == false and #values) or whole
    return P.sum(values) / n
  end
end
local function avg_pool(d)
  return function(x, kernel_size, options)
    local o = {kernel_size = kernel_size}
    for k, v in pairs(options or {}) do o[k] = v end
    return (windows(x, d, o, mean_of(o)))
  end
end
add('avg_pool1d', {{T{1, 2, 6}, 2}, {T{2, 7}, 3, {stride = 2, padding = 1}}, {T{1, 1, 6}, 3, {stride = 2, padding = 1, count_include_pad = false, ceil_mode = true}}}, avg_pool(1),
  {wrong = {{T{1, 2, 2}, 3, says = {'avg_pool1d'}}}})
add('avg_pool2d', {{T{1, 2, 4, 4}, 2}, {T{2, 5, 4}, {3, 2}, {stride = 2, padding = {1, 0}}}, {T{1, 1, 5, 5}, 2, {ceil_mode = true, count_include_pad = false}},
  {T{1, 1, 4, 4}, 2, {divisor_override = 3}}}, avg_pool(2), {wrong = {{T{1, 2, 4, 4}, 2, {divisor_override = 0}, says = {'avg_pool2d', 'divisor'}}}})
add('avg_pool3d', {{T{1, 2, 2, 4, 2}, 2}, {T{1, 3, 3, 3}, 2, {stride = 1, padding = 1}}}, avg_pool(3))

-- adaptive: result i of n over a size s covers floor((i - 1) s / n) + 1 .. ceil(i s / n)
local function adaptive(d, fold)
  return function(x, output_size, return_indices)
    local lead, size = #x.shape - d, numbers(output_size, d)
    local shape = {unpack(x.shape, 1, lead)}
    for i = 1, d do shape[lead + i] = size[i] == -1 and x.shape[lead + i] or size[i] end
    local second = {shape = shape}
    local first = P.build(shape, function(...)
      local out, span, from, values, places = {...}, {}, {}, {}, {}
      for i = 1, d do
        local s, n, k = x.shape[lead + i], shape[lead + i], out[lead + i]
        from[i] = math.floor((k - 1) * s / n)
        span[i] = math.ceil(k * s / n) - from[i]
      end
      P.each(span, function(tap)
        local at, place = {unpack(out, 1, lead)}, 0
        for i = 1, d do
          at[lead + i] = from[i] + tap[i]
          place = place * x.shape[lead + i] + at[lead + i] - 1
        end
        values[#values + 1], places[#places + 1] = x[P.place(x, at)], place + 1
      end)
      local value, extra = fold(values, places)
      second[#second + 1] = extra
      return value
    end)
    if return_indices then return first, second end
    return first
  end
end
local function mean(values) return P.sum(values) / #values end
add('adaptive_avg_pool1d', {{T{1, 2, 7}, 3}, {T{2, 5}, 5}}, adaptive(1, mean), {wrong = {{T{1, 2, 7}, -2, says = {'adaptive_avg_pool1d', '-2'}}}})
add('adaptive_avg_pool2d', {{T{1, 2, 5, 4}, {3, 2}}, {T{2, 4, 4}, 1}, {T{1, 1, 3, 5}, {-1, 2}}}, adaptive(2, mean))
add('adaptive_avg_pool3d', {{T{1, 1, 3, 4, 3}, {2, 3, 1}}}, adaptive(3, mean))
add('adaptive_max_pool1d', {{distinct{1, 2, 7}, 3}, {distinct{1, 2, 6}, 4, true}}, adaptive(1, largest))
add('adaptive_max_pool2d', {{distinct{1, 2, 5, 4}, {3, 2}}, {distinct{2, 4, 4}, 2, true}}, adaptive(2, largest))
add('adaptive_max_pool3d', {{distinct{1, 1, 3, 4, 3}, {2, 3, 1}}}, adaptive(3, largest))

local function lp_pool(d)
  return function(x, norm_type, kernel_size, options)
    local o = {kernel_size = kernel_size}
    for k, v in pairs(options or {}) do o[k] = v end
    return (windows(x, d, o, function(values)
      local sum = 0
      for _, v in ipairs(values) do sum = sum + v ^ norm_type end
      return sum ^ (1 / norm_type)
    end))
  end
end
add('lp_pool1d', {{T{1, 2, 6}, 2, 2}, {T{1, 1, 7}, 3, 3, {stride = 2}}}, lp_pool(1), {range = {0.3, 2}})
add('lp_pool2d', {{T{1, 2, 4, 4}, 2, 2}, {T{1, 1, 5, 4}, 1.5, {2, 3}, {stride = 1}}}, lp_pool(2), {range = {0.3, 2}})
add('lp_pool3d', {{T{1, 1, 2, 4, 4}, 2, 2}}, lp_pool(3), {range = {0.3, 2}})

-- maxima put back: the plane is as large as windows of these sizes need, unless told
local function unpool(d)
  return function(x, indices, kernel_size, options)
    local lead, shape, kernel = #x.shape - d, {}, numbers(kernel_size, d)
    for i = 1, lead do shape[i] = x.shape[i] end
    for i = 1, d do shape[lead + i] = options and options.output_size[i] or x.shape[lead + i] * kernel[i] end
    local plane, per = P.numel({unpack(shape, lead + 1)}), P.numel({unpack(x.shape, lead + 1)})
    local y = P.full(shape, 0)
    for k = 1, #x do y[math.floor((k - 1) / per) * plane + indices[k]] = x[k] end
    return y
  end
end
local function places(shape, list)
  shape.values, shape.dtype = list, 'int64'
  return T(shape)
end
add('max_unpool1d', {{T{1, 2, 3}, places({1, 2, 3}, {1, 4, 6, 2, 3, 5}), 2}}, unpool(1), {layouts = false})
add('max_unpool2d', {{T{1, 1, 2, 2}, places({1, 1, 2, 2}, {2, 7, 9, 16}), 2}, {T{1, 1, 1, 2}, places({1, 1, 1, 2}, {5, 12}), 2, {output_size = {3, 5}}}}, unpool(2), {layouts = false})
add('max_unpool3d', {{T{1, 1, 1, 1, 2}, places({1, 1, 1, 1, 2}, {3, 14}), 2}}, unpool(3), {layouts = false})

-- patches of images as columns, and back
local function to_columns(x, kernel_size, dilation, padding, stride)
  local k, d, p, s = numbers(kernel_size, 2), numbers(dilation, 2, 1), numbers(padding, 2, 0), numbers(stride, 2, 1)
  local count = {}
  for i = 1, 2 do count[i] = math.floor((x.shape[i + 2] + 2 * p[i] - d[i] * (k[i] - 1) - 1) / s[i]) + 1 end
  return P.build({x.shape[1], x.shape[2] * k[1] * k[2], count[1] * count[2]}, function(n, row, column)
    local c, tap = math.floor((row - 1) / (k[1] * k[2])), (row - 1) % (k[1] * k[2])
    local i = math.floor((column - 1) / count[2]) * s[1] + math.floor(tap / k[2]) * d[1] - p[1] + 1
    local j = (column - 1) % count[2] * s[2] + tap % k[2] * d[2] - p[2] + 1
    if i < 1 or j < 1 or i > x.shape[3] or j > x.shape[4] then return 0 end
    return P.get(x, n, c + 1, i, j)
  end)
end
local function from_columns(x, output_size, kernel_size, dilation, padding, stride)
  local size, k = numbers(output_size, 2), numbers(kernel_size, 2)
  local shape = {x.shape[1], x.shape[2] / (k[1] * k[2]), size[1], size[2]}
  local numbered, y = P.build(shape, function() return 0 end), P.full(shape, 0)
  for i = 1, #numbered do numbered[i] = i end
  local where = to_columns(numbered, kernel_size, dilation, padding, stride)
  for i = 1, #x do if where[i] > 0 then y[where[i]] = y[where[i]] + x[i] end end
  return y
end
local function in_F(name) return function(...) return require('tocha').nn.functional[name](...) end end
add('unfold', {{T{1, 2, 4, 4}, 2}, {T{2, 1, 5, 4}, {3, 2}, 1, {1, 0}, {2, 1}}, {T{1, 1, 5, 5}, 2, 2}}, to_columns, {call = in_F 'unfold', label = 'nn.functional', errors = 'unfold'})
add('fold', {{T{1, 8, 9}, 4, 2}, {T{2, 6, 12}, {5, 3}, {3, 2}, 1, {1, 1}, {2, 1}}}, from_columns, {call = in_F 'fold', wrong = {{T{1, 8, 8}, 4, 2, says = {'fold', '8'}}}})

-- interpolation: nearest takes the element below, linear weighs two neighbours along each dim in turn
local function scaled_size(x, options)
  local size = {}
  for i = 1, #x.shape - 2 do
    size[i] = options.size and numbers(options.size, i)[i] or math.floor(x.shape[i + 2] * numbers(options.scale_factor, i)[i])
  end
  return size
end
local function nearest(x, options)
  local size = scaled_size(x, options)
  return P.build({x.shape[1], x.shape[2], unpack(size)}, function(n, c, ...)
    local at = {n, c}
    for i, k in ipairs {...} do
      local scale = options.scale_factor and 1 / numbers(options.scale_factor, i)[i] or x.shape[i + 2] / size[i]
      at[i + 2] = math.min(math.floor((k - 1) * scale), x.shape[i + 2] - 1) + 1
    end
    return x[P.place(x, at)]
  end)
end
local function linear_along(x, dim, size, scale, align)
  local from = x.shape[dim]
  return P.along(x, dim, function(line)
    local out = {}
    for k = 1, size do
      local p = align and (size > 1 and (k - 1) * (from - 1) / (size - 1) or 0) or math.max((k - 0.5) * scale - 0.5, 0)
      local low = math.min(math.floor(p), from - 1)
      local high, w = math.min(low + 1, from - 1), p - low
      out[k] = line[low + 1] * (1 - w) + line[high + 1] * w
    end
    return out
  end)
end
local function interpolated(x, options)
  if not options.mode or options.mode == 'nearest' then return nearest(x, options) end
  local size = scaled_size(x, options)
  for i = 1, #size do
    local scale = options.scale_factor and 1 / numbers(options.scale_factor, i)[i] or x.shape[i + 2] / size[i]
    x = linear_along(x, i + 2, size[i], scale, options.align_corners)
  end
  return x
end
local scales = {{T{1, 2, 3}, {scale_factor = 2}}, {T{1, 1, 3, 4}, {size = {5, 3}}}, {T{1, 1, 2, 2, 3}, {scale_factor = 2}}}
add('interpolate', {scales[1], scales[2], scales[3], {T{1, 2, 4}, {size = 7, mode = 'linear'}}, {T{1, 1, 3, 4}, {scale_factor = 2, mode = 'bilinear'}},
  {T{1, 1, 3, 4}, {size = {5, 2}, mode = 'bilinear', align_corners = true}}, {T{1, 1, 2, 3, 2}, {size = {3, 2, 4}, mode = 'trilinear'}}}, interpolated,
  {wrong = {{T{1, 1, 3, 3}, {scale_factor = 2, mode = 'cubicc'}, says = {'interpolate', 'cubicc'}}, {T{1, 1, 3}, says = {'interpolate'}}}})
add('upsample', {scales[1], {T{1, 1, 3, 4}, {scale_factor = 2, mode = 'bilinear'}}}, interpolated)
add('upsample_nearest', {scales[1], scales[2]}, nearest)
add('upsample_bilinear', {{T{1, 1, 3, 4}, {size = {5, 2}}}}, function(x, o) return interpolated(x, {size = o.size, mode = 'bilinear', align_corners = true}) end)

return rows
