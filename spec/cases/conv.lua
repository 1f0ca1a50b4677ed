--- Cases of convolutions and their transposes.

local H = require 'spec.harness'
local P = require 'spec.plain'
local T, NIL = H.T, H.NIL

local rows = {}

-- a number or a list as d numbers
local function numbers(v, d, default)
  local out = {}
  for i = 1, d do out[i] = type(v) == 'table' and v[i] or v or default end
  return out
end

local function with_batch(x, d)
  if #x.shape == d + 2 then return x, false end
  return P.copy(x, {1, unpack(x.shape)}), true
end
local function without_batch(y, added)
  if added then table.remove(y.shape, 1) end
  return y
end

-- visits all positions of a kernel: f(list)
local function each_tap(size, f)
  P.each(size, function(at) f(at) end)
end

local function settings(d, options)
  local o = options or {}
  return numbers(o.stride, d, 1), o.padding, numbers(o.dilation, d, 1), o.groups or 1
end

-- how many places lie before and in all: padding may be a word
local function paddings(padding, d, kernel, dilation)
  local before, all = {}, {}
  for i = 1, d do
    if padding == 'same' then
      all[i] = dilation[i] * (kernel[i] - 1)
      before[i] = math.floor(all[i] / 2)
    else
      before[i] = padding == 'valid' and 0 or numbers(padding, d, 0)[i]
      all[i] = 2 * before[i]
    end
  end
  return before, all
end

local function convolution(d)
  return function(input, weight, bias, options)
    local x, added = with_batch(input, d)
    local stride, padding, dilation, groups = settings(d, options)
    local kernel, shape = {unpack(weight.shape, 3)}, {x.shape[1], weight.shape[1]}
    local before, all = paddings(padding, d, kernel, dilation)
    for i = 1, d do shape[i + 2] = math.floor((x.shape[i + 2] + all[i] - dilation[i] * (kernel[i] - 1) - 1) / stride[i]) + 1 end
    local per_in, per_out = weight.shape[2], weight.shape[1] / groups
    return without_batch(P.build(shape, function(n, o, ...)
      local out, sum = {...}, P.is(bias) and bias[o] or 0
      local group = math.floor((o - 1) / per_out)
      for c = 1, per_in do
        each_tap(kernel, function(tap)
          local at, inside = {n, group * per_in + c}, true
          for i = 1, d do
            at[i + 2] = (out[i] - 1) * stride[i] + (tap[i] - 1) * dilation[i] - before[i] + 1
            inside = inside and at[i + 2] >= 1 and at[i + 2] <= x.shape[i + 2]
          end
          if inside then sum = sum + x[P.place(x, at)] * weight[P.place(weight, {o, c, unpack(tap)})] end
        end)
      end
      return sum
    end), added)
  end
end

local function transposed(d)
  return function(input, weight, bias, options)
    local x, added = with_batch(input, d)
    local stride, padding, dilation, groups = settings(d, options)
    local pad, extra = numbers(padding, d, 0), numbers(options and options.output_padding, d, 0)
    local kernel, per_out = {unpack(weight.shape, 3)}, weight.shape[2]
    local shape = {x.shape[1], per_out * groups}
    for i = 1, d do shape[i + 2] = (x.shape[i + 2] - 1) * stride[i] - 2 * pad[i] + dilation[i] * (kernel[i] - 1) + extra[i] + 1 end
    local y = P.build(shape, function(_, o) return P.is(bias) and bias[o] or 0 end)
    P.each(x.shape, function(at, k)
      local group = math.floor((at[2] - 1) / (x.shape[2] / groups))
      for o = 1, per_out do
        each_tap(kernel, function(tap)
          local to, inside = {at[1], group * per_out + o}, true
          for i = 1, d do
            to[i + 2] = (at[i + 2] - 1) * stride[i] + (tap[i] - 1) * dilation[i] - pad[i] + 1
            inside = inside and to[i + 2] >= 1 and to[i + 2] <= shape[i + 2]
          end
          if inside then
            local place = P.place(y, to)
            y[place] = y[place] + x[k] * weight[P.place(weight, {at[2], o, unpack(tap)})]
          end
        end)
      end
    end)
    return without_batch(y, added)
  end
end

local function add(name, args, reference, wrong)
  rows[#rows + 1] = {name = name, args = args, reference = reference, grad = true, dtypes = 'number', result = 'same', half = 4, single = {1e-5, 1e-5}, wrong = wrong}
end

add('conv1d', {{T{2, 2, 5}, T{3, 2, 3}, T{3}}, {T{2, 5}, T{1, 2, 2}}, {T{1, 4, 6}, T{4, 2, 3}, T{4}, {stride = 2, padding = 1, groups = 2}},
  {T{1, 2, 6}, T{2, 2, 3}, NIL, {padding = 'same', dilation = 2}}, {T{0, 2, 5}, T{3, 2, 3}, T{3}}}, convolution(1),
  {{T{2, 3, 5}, T{3, 2, 3}, says = {'conv1d', '3', '2'}}, {T{1, 2, 2}, T{1, 2, 3}, says = {'conv1d'}}, {T{1, 2, 5}, T{1, 2, 3}, NIL, {stride = 0}, says = {'conv1d', 'stride'}}})
add('conv2d', {{T{2, 2, 4, 5}, T{3, 2, 3, 2}, T{3}}, {T{2, 4, 4}, T{1, 2, 2, 2}}, {T{1, 4, 5, 4}, T{2, 2, 3, 3}, T{2}, {stride = {2, 1}, padding = {1, 2}, groups = 2}},
  {T{1, 2, 5, 5}, T{2, 2, 2, 2}, NIL, {dilation = {2, 1}, padding = 'same'}}, {T{1, 3, 4, 4}, T{3, 1, 3, 3}, NIL, {groups = 3, padding = 1}},
  {T{1, 2, 3, 3}, T{3, 2, 1, 1}}}, convolution(2),
  {{T{1, 1, 2, 2}, T{1, 1, 3, 3}, says = {'conv2d'}}, {T{1, 3, 4, 4}, T{2, 1, 3, 3}, NIL, {groups = 2}, says = {'conv2d', 'groups'}}})
add('conv3d', {{T{1, 2, 3, 3, 4}, T{2, 2, 2, 2, 2}, T{2}}, {T{1, 2, 3, 4, 3}, T{2, 1, 2, 3, 2}, NIL, {stride = 2, padding = 1, groups = 2}}}, convolution(3),
  {{T{2, 2, 2}, T{1, 2, 3, 3, 3}, says = {'conv3d'}}})

add('conv_transpose1d', {{T{2, 2, 4}, T{2, 3, 3}, T{3}}, {T{2, 4}, T{2, 1, 2}}, {T{1, 4, 3}, T{4, 2, 3}, T{4}, {stride = 2, padding = 1, output_padding = 1, groups = 2}},
  {T{1, 2, 3}, T{2, 2, 2}, NIL, {dilation = 2}}, {T{1, 2, 3}, T{2, 1, 2}, T{1}, {stride = 2, padding = 1, dilation = 4, output_padding = 3}}}, transposed(1),
  {{T{1, 3, 4}, T{2, 3, 3}, says = {'conv_transpose1d', '3', '2'}}})
add('conv_transpose2d', {{T{1, 2, 3, 3}, T{2, 2, 3, 2}, T{2}}, {T{1, 2, 3, 2}, T{2, 1, 2, 3}, T{2}, {stride = {2, 1}, padding = {1, 0}, output_padding = {1, 0}, groups = 2}},
  {T{2, 3, 3}, T{2, 2, 2, 2}, NIL, {dilation = 2}},
  {T{1, 2, 2, 3}, T{2, 1, 2, 2}, T{2}, {stride = {2, 1}, dilation = {3, 2}, padding = {1, 2}, output_padding = {2, 1}, groups = 2}}}, transposed(2),
  {{T{1, 3, 4, 4}, T{2, 3, 3, 3}, says = {'conv_transpose2d', '3', '2'}}})
add('conv_transpose3d', {{T{1, 2, 2, 2, 3}, T{2, 2, 2, 2, 2}, T{2}}, {T{1, 2, 2, 3, 2}, T{2, 1, 2, 1, 2}, NIL, {stride = 2, groups = 2}}}, transposed(3),
  {{T{1, 3, 2, 2, 2}, T{2, 3, 1, 1, 1}, says = {'conv_transpose3d'}}})

return rows
