--- Orthonormal columns from those of a matrix, by the Gram-Schmidt process, each column projected twice.
--
-- Source: L. Giraud, J. Langou, M. Rozloznik, "The loss of orthogonality in the Gram-Schmidt orthogonalization
-- process", 2005: twice is enough.
-- @module tocha.nn.orthonormal

local tocha = require 'tocha'

-- v without what the first columns of q span, of length 1; nil if next to nothing is left
local function project(q, n, v)
  local before = tocha.linalg.vector_norm(v):item()
  if n > 0 then
    local basis = q:narrow(2, 1, n)
    local across = basis:transpose(1, 2)
    for _ = 1, 2 do v = v - basis:mv(across:mv(v)) end
  end
  local length = tocha.linalg.vector_norm(v):item()
  if length <= 1e-10 * before then return nil end
  return v / length
end

--- The matrix (rows, columns) whose columns are orthonormal; the first ones span what those of `a` span, in order.
-- Where `a` has fewer columns, or dependent ones, unit vectors take their place.
-- @param a a matrix
-- @tparam[opt] int columns how many; at most as many as rows
-- @return a float64 tensor
return function(a, columns)
  local rows, given = a:size(1), a:size(2)
  columns = columns or given
  local x = a:detach():to('float64')
  local q = tocha.zeros({rows, columns}, {dtype = 'float64', device = a.device})
  local unit = 0
  for n = 0, columns - 1 do
    local v = n < given and project(q, n, x:select(2, n + 1)) or nil
    while v == nil do
      unit = unit + 1
      local e = tocha.zeros({rows}, {dtype = 'float64', device = a.device})
      e[unit] = 1
      v = project(q, n, e)
    end
    q:select(2, n + 1):copy_(v)
  end
  return q
end
