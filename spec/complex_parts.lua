--- Complex tensors and arrays from their parts, and back: what the cases of complex operands are made of.
-- @module spec.complex_parts

local tocha = require 'tocha'

local C = {}

--- A plain array of pairs as one of numbers {re, im}.
function C.numbers(a)
  local shape = {}
  for d = 1, #a.shape - 1 do shape[d] = a.shape[d] end
  local out = {shape = shape}
  for k = 1, #a / 2 do out[k] = {a[2 * k - 1], a[2 * k]} end
  return out
end

--- And back; arrays of real numbers, and numbers, stay.
function C.pairs_of(a)
  if type(a) ~= 'table' or type(a[1]) == 'number' then return a end
  local shape = {}
  for d = 1, #a.shape do shape[d] = a.shape[d] end
  shape[#shape + 1] = 2
  local out = {shape = shape}
  for k = 1, #a do out[2 * k - 1], out[2 * k] = a[k][1], a[k][2] end
  return out
end

--- The complex tensor of a tensor of parts, which lies 'strided' if so asked.
function C.complex_of(x, layout)
  local z = tocha.view_as_complex(x:clone())
  if layout == 'strided' then return tocha.stack({z, z}, -1):select(-1, 2) end
  return z
end

--- The same of floating tensors; all else, which is there to be refused, as it is.
function C.taken(x) return tocha.is_tensor(x) and x:is_floating_point() and C.complex_of(x) or x end

--- The parts of a complex tensor; others as they are.
function C.parts_of(y) return y:is_complex() and tocha.view_as_real(y) or y end

return C
