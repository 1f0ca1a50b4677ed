--- Masks of attention.
-- @module tocha.nn.masks

local tocha = require 'tocha'

local masks = {}

--- A mask as numbers to add: true entries of a bool mask are `on`, false ones `off`.
function masks.additive(mask, dtype, on, off)
  if mask.dtype ~= tocha.bool then return mask:to(dtype) end
  return tocha.full(mask.shape, off, {dtype = dtype, device = mask.device}):masked_fill(mask, on)
end

--- True above the diagonal of a (rows, columns) matrix: what a position may not see.
function masks.future(rows, columns, device)
  return tocha.ones({rows, columns}, {dtype = 'bool', device = device}):triu(1)
end

return masks
