--- Cases of functions that make tensors of known values, or set them.

local H = require 'spec.harness'
local P = require 'spec.plain'
local T = H.T

local rows = {}
local function add(name, args, reference, more)
  local row = {name = name, args = args, reference = reference, dtypes = {'float64'}, layouts = false, result = function() end}
  for key, value in pairs(more or {}) do row[key] = value end
  rows[#rows + 1] = row
end

local function dtyped(kind) return {dtype = kind or 'float64'} end
local function list_of(...)
  local first = ...
  if type(first) == 'table' and first.dtype == nil then return first end
  local out = {}
  for _, v in ipairs {...} do if type(v) == 'number' then out[#out + 1] = v end end
  return out
end

local function filled(value)
  return function(...) return P.full(list_of(...), value) end
end

add('zeros', {{2, 3}, {{2, 0}}, {{}}, {4, dtyped 'int64'}, {{2, 2}, dtyped 'bool'}}, filled(0), {optional = true, wrong = {{-1, says = {'zeros', '-1'}},
  {2, {dtype = 'float33'}, says = {'zeros', 'float33'}}, {2.5, says = {'zeros', 'size'}}, {'two', says = {'zeros', 'string'}}}})
add('ones', {{2, 3}, {{2, 0}}, {4, dtyped 'uint8'}, {{2, 2}, dtyped 'bool'}}, filled(1), {optional = true})
add('full', {{{2, 3}, 1.5}, {{}, 2}, {{2}, 3, dtyped 'int32'}}, function(shape, value) return P.full(shape, value) end,
  {wrong = {{{2}, says = {'full', 'fill_value'}}, {{2}, 'one', says = {'full', 'string'}}}})

-- what is made from another tensor: its shape, and its dtype unless told otherwise
local function like(value)
  return function(x) return P.full(x.shape, value) end
end
add('zeros_like', {{T{2, 3}}, {T{}}, {T{0}}}, like(0), {dtypes = 'all', result = 'same'})
add('ones_like', {{T{2, 3}}, {T{}}, {T{0}}}, like(1), {dtypes = 'all', result = 'same'})
add('full_like', {{T{2, 3}, 1}, {T{}, 1}}, function(x, v) return P.full(x.shape, v) end, {dtypes = 'all', result = 'same'})
add('new_zeros', {{T{2}, 2, 3}, {T{2}, {3}}}, function(_, ...) return P.full(list_of(...), 0) end, {dtypes = 'all', result = 'same'})
add('new_ones', {{T{2}, 2, 3}, {T{2}, {3}}}, function(_, ...) return P.full(list_of(...), 1) end, {dtypes = 'all', result = 'same'})
add('new_full', {{T{2}, {2, 3}, 1}}, function(_, shape, v) return P.full(shape, v) end, {dtypes = 'all', result = 'same'})

-- values that are not set: only the shape can be compared
local function shape_alone(name, args, shape_of, more)
  more = more or {}
  more.call = function(...)
    local tocha = require 'tocha'
    local made = (name:find('^new_') and tocha.zeros(1) or tocha)[name](...)
    return made:fill_(1)
  end
  add(name, args, function(...) return P.full(shape_of(...), 1) end, more)
end
shape_alone('empty', {{2, 3}, {{2, 0}}, {{}}}, list_of, {optional = true})
shape_alone('empty_like', {{T{2, 3}}, {T{}}}, function(x) return x.shape end)
shape_alone('new_empty', {{T{2}, 2, 3}}, function(_, ...) return list_of(...) end)

-- sequences
local function sequence(n, f)
  local out = {shape = {n}}
  for i = 1, n do out[i] = f(i - 1) end
  return out
end
local double = dtyped()
add('arange', {{5}, {2, 7}, {1, 2, 0.25}, {5, 1, -2}, {0}}, function(start, stop, step)
  if not stop then start, stop = 0, start end
  step = step or 1
  return sequence(math.max(0, math.ceil((stop - start) / step)), function(i) return start + i * step end)
end, {wrong = {{1, 5, 0, says = {'arange', '0'}}, {1, 5, -1, says = {'arange'}}}})
add('range', {{1, 5, double}, {0, 1, 0.25, double}, {5, 1, -2, double}}, function(first, last, step)
  step = type(step) == 'number' and step or 1
  return sequence(math.floor((last - first) / step) + 1, function(i) return first + i * step end)
end, {wrong = {{1, 5, 0, says = {'range', '0'}}}})
add('linspace', {{0, 1, 5, double}, {3, -3, 4, double}, {2, 5, 1, double}, {0, 1, 0, double}}, function(first, last, steps)
  return sequence(steps, function(i) return steps == 1 and first or first + (last - first) * i / (steps - 1) end)
end, {wrong = {{0, 1, -1, says = {'linspace', '-1'}}}})
add('logspace', {{0, 2, 5, 10, double}, {0, 3, 4, 2, double}}, function(first, last, steps, base)
  return sequence(steps, function(i) return base ^ (first + (last - first) * i / (steps - 1)) end)
end)
add('eye', {{3}, {2, 4}, {4, 2}, {0}}, function(n, m)
  return P.build({n, m or n}, function(i, j) return i == j end)
end, {wrong = {{-1, says = {'eye', '-1'}}}})

-- what changes a tensor in place: on a copy, so that the input stays what it was
local function on_a_copy(name)
  return function(x, ...)
    if not require('tocha').is_tensor(x) then return require('tocha').zeros(1)[name](x, ...) end
    return x:clone()[name](x:clone(), ...)
  end
end
add('fill_', {{T{2, 3}, 3}, {T{}, 1}, {T{0}, 1}}, function(x, v) return P.full(x.shape, v) end, {call = on_a_copy 'fill_', dtypes = 'number', result = 'same'})
add('zero_', {{T{2, 3}}, {T{}}}, like(0), {call = on_a_copy 'zero_', dtypes = 'all', result = 'same'})
add('copy_', {{T{2, 3}, T{2, 3}}, {T{2, 3}, T{3}}, {T{2}, T{}}, {T{2, 3}, T{2, 1}}}, function(x, y) return P.expand(y, x.shape) end,
  {call = on_a_copy 'copy_', dtypes = 'all', result = 'same', grad = true, wrong = {{T{2}, T{3}, says = {'copy_', '2', '3'}}}})

return rows
