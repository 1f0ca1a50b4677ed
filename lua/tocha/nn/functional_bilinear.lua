--- F.bilinear, composed of matrix products.
-- @module tocha.nn.functional_bilinear

local args = require 'tocha.args'

local read = args.spec('bilinear', 'input1:tensor', 'input2:tensor', 'weight:tensor', 'bias:tensor=nil')

-- Sizes before the last dimension, then one more.
local function shape_with(x, last)
  local shape = {}
  for i = 1, x:dim() - 1 do shape[i] = x:size(i) end
  shape[#shape + 1] = last
  return shape
end

--- y[k] = x1' A[k] x2 + b[k], over the last dimension.
-- @param input1 (..., in1)
-- @param input2 (..., in2)
-- @param weight (out, in1, in2)
-- @param[opt] bias (out)
local function bilinear(...)
  local x1, x2, weight, bias = read(...)
  local out, in1, in2 = weight:size(1), weight:size(2), weight:size(3)
  local fits = x1:dim() == x2:dim() and x1:size(-1) == in1 and x2:size(-1) == in2
  if not fits then
    args.fail('bilinear: inputs %s and %s do not fit the weight %s', args.show(x1), args.show(x2), args.show(weight))
  end
  -- (rows, in1) by (in1, out * in2), then the sum over in2
  local left = x1:reshape(-1, in1):matmul(weight:permute(2, 1, 3):reshape(in1, out * in2)):reshape(-1, out, in2)
  local y = (left * x2:reshape(-1, 1, in2)):sum(3, {dtype = x1.dtype})
  if bias ~= nil then y = y + bias end
  return y:reshape(shape_with(x1, out))
end

return {bilinear = bilinear}
