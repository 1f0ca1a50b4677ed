--- Functions that are several in one: what they do depends on the kinds of their arguments. Also small questions and shortcuts.
-- @module tocha.choose

local binding = require 'tocha.binding'
local errors = require 'tocha.errors'
local arguments = require 'tocha.arguments'
local checked = require 'tocha.checked'
local is_tensor = arguments.is_tensor

local choose = {}

local function check(x, who, argument)
  if not is_tensor(x) then errors.raise('%s: %s: got %s, takes a tensor', who, argument or 'input', errors.describe(x)) end
  return x
end

---------------------------------------------------------------- max(x), max(x, dim), max(x, y)
local function extremum(name, both)
  local all, along, pair
  return function(x, other, ...)
    if not all then
      all, along = binding.get(name .. '_all'), binding.get(name .. '_dim')
      pair = both and binding.get(both)
    end
    check(x, name)
    if other == nil then return all(x) end
    if pair and (is_tensor(other)) then return pair(x, other, ...) end
    if pair and arguments.is_options(other) and other.other then return pair(x, other.other) end
    return along(x, other, ...)
  end
end
--- The largest of all elements; along a dim values and indices; of two tensors the larger elements.
choose.max = extremum('max', 'maximum')
--- The smallest of all elements; along a dim values and indices; of two tensors the smaller elements.
choose.min = extremum('min', 'minimum')
--- The median of all elements; along a dim values and indices.
choose.median = extremum('median')
--- The median of the elements that are not nan; along a dim values and indices.
choose.nanmedian = extremum('nanmedian')

--- where(condition, x, y) chooses elements; where(condition) gives the coordinates of its true elements, a list of one tensor a dim.
-- As a method: x:where(condition, y).
function choose.where(condition, x, y, ...)
  if x == nil and y == nil and condition ~= nil then return require('tocha.places').nonzero(condition, {as_tuple = true}) end
  return binding.get('where')(condition, x, y, ...)
end
choose.where_method = function(x, condition, y, ...) return binding.get('where')(condition, x, y, ...) end

---------------------------------------------------------------- questions
--- Same shape and the same elements?
function choose.equal(x, y)
  check(x, 'equal')
  check(y, 'equal', 'other')
  if not choose.is_same_size(x, y) then return false end
  return x:eq(y):all():item()
end

--- Are all elements close, |x - y| <= atol + rtol |y|?
function choose.allclose(x, y, rtol, atol, equal_nan)
  local options
  for _, v in ipairs{rtol or false, atol or false, equal_nan or false} do
    if arguments.is_options(v) then options = v end
  end
  if options then
    rtol = options.rtol or (type(rtol) == 'number' and rtol)
    atol, equal_nan = options.atol or (type(atol) == 'number' and atol), options.equal_nan
  end
  check(x, 'allclose')
  check(y, 'allclose', 'other')
  return binding.get('isclose')(x, y, rtol or 1e-5, atol or 1e-8, equal_nan or false):all():item()
end

function choose.is_same_size(x, y) return table.concat(x:size(), ' ') == table.concat(y:size(), ' ') end
function choose.is_floating_point(x) return check(x, 'is_floating_point').dtype.is_floating_point end
function choose.is_complex(x) return check(x, 'is_complex').dtype.is_complex end
function choose.is_signed(x) return check(x, 'is_signed').dtype.is_signed end
--- Is the single element other than 0?
function choose.is_nonzero(x)
  local v = check(x, 'is_nonzero'):item()
  if type(v) == 'boolean' then return v end
  if type(v) == 'table' then return v[1] ~= 0 or v[2] ~= 0 end
  return v ~= 0
end

---------------------------------------------------------------- shapes taken from another tensor
function choose.expand_as(x, y) return x:expand(check(y, 'expand_as', 'other'):size()) end
function choose.view_as(x, y) return x:view(check(y, 'view_as', 'other'):size()) end
function choose.reshape_as(x, y) return x:reshape(check(y, 'reshape_as', 'other'):size()) end

--- Calls f with each element and stores what it gives; CPU tensors only, without a gradient.
function choose.apply_(x, f)
  check(x, 'apply_')
  if x:is_complex() then errors.raise('apply_: got %s, takes real numbers', x.dtype.name) end
  if x.requires_grad then errors.raise('apply_: takes a tensor that does not require grad') end
  local values = x:totable()
  local function walk(v)
    if type(v) ~= 'table' then return f(v) end
    for i = 1, #v do v[i] = walk(v[i]) end
    return v
  end
  return x:copy_(require('tocha.create').tensor(walk(values), {dtype = x.dtype}):view(x:size()))
end

---------------------------------------------------------------- var(x, unbiased), var(x, dim, unbiased, keepdim)
for _, name in ipairs{'var', 'std', 'var_mean', 'std_mean'} do
  local f
  choose[name] = function(x, dim, ...)
    f = f or binding.get(name)
    if type(dim) == 'boolean' then return f(x, nil, dim, ...) end
    return f(x, dim, ...)
  end
end

---------------------------------------------------------------- norms
--- The p-norm of all elements or along dims; 'fro' and 'nuc' of matrices.
function choose.norm(x, p, dim, keepdim, dtype)
  check(x, 'norm')
  for _, v in ipairs{p or false, dim or false, keepdim or false} do
    if arguments.is_options(v) then
      for key in pairs(v) do
        if key ~= 'p' and key ~= 'dim' and key ~= 'keepdim' and key ~= 'dtype' then
          errors.raise("norm: unknown option '%s': takes p, dim, keepdim, dtype", tostring(key))
        end
      end
      if v == p then p = nil end
      if v == dim then dim = nil end
      if v == keepdim then keepdim = nil end
      p, dim, keepdim, dtype = p or v.p, dim or v.dim, keepdim or v.keepdim, v.dtype
      break
    end
  end
  if p == nil or p == 'fro' then p = 2 end
  if type(p) ~= 'number' then return require('tocha').linalg.matrix_norm(x, p, dim, keepdim) end
  local options = {keepdim = keepdim or false, dtype = dtype}
  return (binding.in_space('linalg', 'vector_norm') or binding.get('vector_norm'))(x, p, dim, options)
end
--- The p-norm of the difference.
function choose.dist(x, y, p) return choose.norm(x - y, p or 2) end

checked.all(choose, '', {dist = 'input:tensor other:tensor', is_same_size = 'input:tensor other:tensor'})

require('tocha.outs').all(choose, 'max min median nanmedian norm')

return choose
