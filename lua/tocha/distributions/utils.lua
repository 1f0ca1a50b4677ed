--- Helpers of distributions: shapes as lists, broadcasting of parameters, probabilities and their logits.
-- @module tocha.distributions.utils

local tocha = require 'tocha'
local args = require 'tocha.args'

local utils = {euler = 0.57721566490153286060}

---------------------------------------------------------------- shapes
--- The lists one after another, as a new list.
function utils.join(...)
  local out = {}
  for i = 1, select('#', ...) do
    local part = select(i, ...)
    for k = 1, #part do out[#out + 1] = part[k] end
  end
  return out
end

--- The entries from first to last of a list, as a new list.
function utils.slice(shape, first, last)
  local out = {}
  for i = first, last or #shape do out[#out + 1] = shape[i] end
  return out
end

--- Are two shapes the same?
function utils.same(a, b)
  if #a ~= #b then return false end
  for i = 1, #a do
    if a[i] ~= b[i] then return false end
  end
  return true
end

--- The number of elements of a shape.
function utils.count(shape)
  local n = 1
  for i = 1, #shape do n = n * shape[i] end
  return n
end

--- How messages write a shape: [2 x 3].
function utils.show(shape) return '[' .. table.concat(shape, ' x ') .. ']' end

--- A shape given as nothing, numbers, one list or `{name = list}`.
function utils.shape_of(name, first, ...)
  if first == nil then return {} end
  if type(first) == 'table' then
    if first[name] ~= nil then return first[name] end
    local key = next(first)
    if type(key) == 'string' then args.fail("unknown option '%s'; it takes %s", key, name) end
    return first
  end
  return {first, ...}
end

---------------------------------------------------------------- tensors
--- A number or nested list as a tensor, of the dtype and device of `like` if that is a tensor; a tensor as it is.
function utils.tensor(value, like)
  if tocha.is_tensor(value) then return value end
  if like then return tocha.tensor(value, {dtype = like.dtype, device = like.device}) end
  return tocha.tensor(value)
end

--- Numbers, lists and tensors as tensors of one shape. Numbers take the dtype and device of the first tensor.
function utils.broadcast_all(...)
  local n, like = select('#', ...), nil
  local values = {...}
  for i = 1, n do
    if tocha.is_tensor(values[i]) then
      like = values[i]
      break
    end
  end
  for i = 1, n do
    local kind = type(values[i])
    if kind ~= 'number' and kind ~= 'table' and not tocha.is_tensor(values[i]) then
      args.fail('distributions: a parameter is %s, takes a tensor or a number', args.show(values[i]))
    end
    values[i] = utils.tensor(values[i], like)
  end
  if n == 1 then return values[1] end
  return unpack(tocha.broadcast_tensors(unpack(values)))
end

local function like(x) return {dtype = x.dtype, device = x.device} end

--- Constants, and random numbers without gradient, of the given shape and the dtype and device of x.
function utils.full(shape, value, x) return tocha.full(shape, value, like(x)) end
function utils.randn(shape, x) return tocha.randn(shape, like(x)) end
function utils.rand(shape, x) return tocha.rand(shape, like(x)) end

--- Numbers spread evenly over the open interval (0, 1): their logarithms are finite, and those of 1 minus them.
function utils.rand_open(shape, x)
  local info = tocha.finfo(x.dtype)
  return utils.rand(shape, x):clamp(info.tiny, 1 - info.eps)
end

--- first, first + 1, ... (n numbers) with the dtype and device of x.
function utils.count_up(first, n, x)
  if n < 1 then return tocha.zeros({0}, like(x)) end
  return tocha.arange(first, first + n, 1, like(x))
end

--- The sum over the last n dims.
function utils.sum_rightmost(value, n)
  if n == 0 or not tocha.is_tensor(value) then return value end
  local dims = {}
  for i = 1, n do dims[i] = -i end
  return value:sum(dims)
end

--- The 1-based place of the single 1 along the last dim, and the reverse in x's dtype.
function utils.one_hot(index, classes, x) return tocha.nn.functional.one_hot(index, classes):to(x.dtype) end

---------------------------------------------------------------- probabilities
--- Probabilities moved away from 0 and 1 by the dtype's precision, so that their logits are finite.
function utils.clamp_probs(probs)
  local eps = tocha.finfo(probs.dtype).eps
  return probs:clamp(eps, 1 - eps)
end

--- Logits of probabilities: of one event each (`is_binary`) or of classes along the last dim.
function utils.probs_to_logits(probs, is_binary)
  local safe = utils.clamp_probs(probs)
  if is_binary then return safe:log() - (-safe):log1p() end
  return safe:log()
end

--- Probabilities of logits: of one event each (`is_binary`) or of classes along the last dim.
function utils.logits_to_probs(logits, is_binary)
  if is_binary then return logits:sigmoid() end
  return logits:softmax(-1)
end

--- Says that exactly one of several parameters must be given, unless it is so; names and values alternate.
function utils.one_of(who, ...)
  local given, names = 0, {}
  for i = 1, select('#', ...), 2 do
    names[#names + 1] = (select(i, ...))
    if select(i + 1, ...) ~= nil then given = given + 1 end
  end
  if given ~= 1 then
    args.fail('%s: takes exactly one of %s, got %s', who, table.concat(names, ', '), given == 0 and 'none' or given)
  end
end

---------------------------------------------------------------- triangles as vectors
-- the places, in the flattened n x n matrix, of the entries on and below a diagonal
local function triangle(n, diagonal, x)
  local places = tocha.tril_indices(n, n, diagonal)
  return ((places[1] - 1) * n + places[2]):to(x.device)
end

--- The entries of square matrices on and below a diagonal (0 the main one), row by row, as vectors.
function utils.tril_matrix_to_vec(matrix, diagonal)
  local n = matrix:size(-1)
  return matrix:flatten(-2, -1):index_select(-1, triangle(n, diagonal or 0, matrix))
end

--- The reverse of tril_matrix_to_vec, with zeros above.
function utils.vec_to_tril_matrix(vector, diagonal)
  diagonal = diagonal or 0
  local count, side = vector:size(-1), 1 + 2 * diagonal
  local n = (-side + math.sqrt(side * side + 8 * count + 4 * math.abs(diagonal) * (diagonal + 1))) / 2
  if math.abs(n - math.floor(n + 0.5)) > 1e-9 then
    args.fail('vec_to_tril_matrix: vec: %d entries do not fill a triangle', count)
  end
  n = math.floor(n + 0.5)
  local batch = utils.slice(vector.shape, 1, #vector.shape - 1)
  local flat = utils.full(utils.join(batch, {n * n}), 0, vector)
  return flat:index_copy(-1, triangle(n, diagonal, vector), vector):unflatten(-1, {n, n})
end

return utils
