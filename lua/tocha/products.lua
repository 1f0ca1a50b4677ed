--- Products of any number of matrices.
-- @module tocha.products

local binding = require 'tocha.binding'
local arguments = require 'tocha.arguments'
local errors = require 'tocha.errors'

local products = {}

--- chain_matmul(a, b, c, ...): the product of the matrices, in the cheapest order. A single matrix is its own product.
function products.chain_matmul(...)
  local list = {...}
  if #list == 1 and type(list[1]) == 'table' then list = list[1] end
  if #list == 0 then errors.raise('chain_matmul: takes one or more matrices') end
  for i = 1, #list do
    if not arguments.is_tensor(list[i]) then
      errors.raise('chain_matmul: argument %d: got %s, takes a matrix', i, errors.describe(list[i]))
    end
    if list[i]:dim() ~= 2 then errors.raise('chain_matmul: argument %d: got %d dims, takes a matrix', i, list[i]:dim()) end
  end
  if #list == 1 then return list[1] end
  return binding.get('multi_dot')(list)
end

require('tocha.outs').all(products, 'chain_matmul')

return products
