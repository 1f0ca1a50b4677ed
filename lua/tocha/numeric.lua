--- Numerical calculus on tensors: `tocha.gradient`.
-- @module tocha.numeric

local tensor = require 'tocha.tensor'
local args = require 'tocha.args'

local numeric = {}

local read = args.spec('gradient', 'input:tensor', '*', 'spacing=1', 'dim:size=nil', 'edge_order:int=1')

-- the dims as a list counted from 1
local function dims_of(x, dim)
  local list = {}
  if dim == nil then
    for d = 1, x:dim() do list[d] = d end
    return list
  end
  for i, d in ipairs(type(dim) == 'table' and dim or {dim}) do
    if d == 0 or math.abs(d) > x:dim() then args.fail('gradient: dim: got %d, takes 1 to %d or -%d to -1', d, x:dim(), x:dim()) end
    list[i] = d < 0 and x:dim() + d + 1 or d
  end
  return list
end

-- the spacing of the i-th dim: a number, or a vector of coordinates
local function spacing_of(spacing, i, count)
  if type(spacing) ~= 'table' then return spacing end
  if #spacing ~= count then args.fail('gradient: spacing: got %d, takes one for each of %d dims', #spacing, count) end
  return spacing[i]
end

local function slice(x, d, first, length) return x:narrow(d, first, length) end

-- a vector along dim d of a tensor of `rank` dims
local function along(v, d, rank)
  local shape = {}
  for i = 1, rank do shape[i] = i == d and v:size(1) or 1 end
  return v:view(shape)
end

-- central differences where the steps to the left and to the right are a and b, exact for parabolas
local function uneven(x, d, n, a, b)
  local left, middle, right = slice(x, d, 1, n - 2), slice(x, d, 2, n - 2), slice(x, d, 3, n - 2)
  return right * (a / (b * (a + b))) + middle * ((b - a) / (a * b)) - left * (b / (a * (a + b)))
end

-- the slope at an edge from the values at it and behind it, steps h1 and h2 apart; negative steps at the far end
local function edge(order, x0, x1, x2, h1, h2)
  if order == 1 then return (x1 - x0) / h1 end
  return x0 * (-1 / h1 - 1 / (h1 + h2)) + x1 * (1 / h1 + 1 / h2) - x2 * (h1 / (h2 * (h1 + h2)))
end

local function slope(x, d, spacing, order)
  local n, rank, tocha = x:size(d), x:dim(), require 'tocha'
  if n < order + 1 then args.fail('gradient: dim %d has %d points, takes at least %d', d, n, order + 1) end
  local steps
  if type(spacing) == 'number' then steps = tocha.full({n - 1}, spacing, {dtype = x.dtype, device = x.device})
  else
    if spacing:dim() ~= 1 or spacing:size(1) ~= n then args.fail('gradient: spacing: takes a vector of %d coordinates for dim %d', n, d) end
    steps = spacing:narrow(1, 2, n - 1) - spacing:narrow(1, 1, n - 1)
  end
  steps = along(steps, d, rank)
  local function point(i) return slice(x, d, i, 1) end
  local function step(i) return slice(steps, d, i, 1) end
  local third, before = order == 2 and point(3), order == 2 and point(n - 2)
  local parts = {edge(order, point(1), point(2), third, step(1), order == 2 and step(2))}
  if n > 2 then parts[2] = uneven(x, d, n, slice(steps, d, 1, n - 2), slice(steps, d, 2, n - 2)) end
  parts[#parts + 1] = edge(order, point(n), point(n - 1), before, -step(n - 1), order == 2 and -step(n - 2))
  return tocha.cat(parts, d)
end

--- Estimates the partial derivatives of a function from its values on a grid: central differences inside, one-sided ones at the edges.
-- @tparam Tensor input the values
-- @param[opt=1] spacing the distance of neighbours, or a list with one for each dim; a vector of coordinates where they are uneven
-- @param[opt] dim the dim or dims to differentiate along; all by default
-- @tparam[opt=1] int edge_order 1 or 2, the order of the one-sided differences
-- @return list of tensors of the shape of `input`, one for each dim
function numeric.gradient(...)
  local input, spacing, dim, edge_order = read(...)
  local dims, out = dims_of(input, dim), {}
  if edge_order ~= 1 and edge_order ~= 2 then args.fail('gradient: edge_order: got %d, takes 1 or 2', edge_order) end
  if tensor.is_tensor(spacing) then spacing = {spacing} end
  local x = (input:is_floating_point() or input:is_complex()) and input or input:to(require('tocha').get_default_dtype())
  for i, d in ipairs(dims) do out[i] = slope(x, d, spacing_of(spacing, i, #dims), edge_order) end
  return out
end

return numeric
