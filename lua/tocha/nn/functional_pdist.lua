--- F.pdist, composed of indexing and norms.
-- @module tocha.nn.functional_pdist

local tocha = require 'tocha'
local args = require 'tocha.args'

local read = args.spec('pdist', 'input:tensor', 'p:num=2')

--- The p-norm distances of all pairs of rows: (1, 2), (1, 3), ..., (2, 3), ...
-- @param input (rows, features)
-- @tparam[opt=2] number p
-- @return a vector of rows * (rows - 1) / 2 distances
local function pdist(...)
  local input, p = read(...)
  if input:dim() ~= 2 then args.fail('pdist: got %s, takes a matrix', args.show(input)) end
  if p < 0 then args.fail('pdist: p: got %g, takes a number that is not negative', p) end
  local n, first, second = input:size(1), {}, {}
  for i = 1, n do
    for j = i + 1, n do first[#first + 1], second[#second + 1] = i, j end
  end
  if #first == 0 then return input:new_zeros({0}) end
  local like = {dtype = 'int64', device = input.device}
  local a, b = tocha.tensor(first, like), tocha.tensor(second, like)
  return tocha.linalg.vector_norm(input:index_select(1, a) - input:index_select(1, b), p, 2)
end

return {pdist = pdist}
