--- Attention of tocha.nn.functional, composed of matrix products and softmax.
--
-- Source: A. Vaswani et al., "Attention is all you need", 2017.
-- @module tocha.nn.functional_attention

local tocha = require 'tocha'
local args = require 'tocha.args'
local F = require 'tocha.nn.functional'

local attention = {}

--- A mask as numbers to add: true entries of a bool mask are `on`, false ones `off`.
function attention.additive(mask, dtype, on, off)
  if tostring(mask.dtype):find('bool', 1, true) == nil then return mask:to(dtype) end
  local out = tocha.full(mask.shape, off, {dtype = dtype, device = mask.device})
  return out:masked_fill(mask, on)
end

--- True above the diagonal of a (rows, columns) matrix: what a position may not see.
function attention.future(rows, columns, device)
  return tocha.ones({rows, columns}, {dtype = 'bool', device = device}):triu(1)
end

local read_sdpa = args.spec('scaled_dot_product_attention', 'query:tensor', 'key:tensor', 'value:tensor',
  'attn_mask:tensor=nil',
  'dropout_p:num=0', 'is_causal:bool=false', '*', 'scale:num=nil', 'enable_gqa:bool=false')

local function causal(scores, query, key)
  return scores:masked_fill(attention.future(query:size(-2), key:size(-2), query.device), -math.huge)
end

--- softmax(query key' / sqrt(features) + mask) value.
-- @param query (..., length, features)
-- @param key (..., source, features)
-- @param value (..., source, features of the result)
-- @param[opt] attn_mask bool (true: may be seen) or numbers to add, broadcast to (..., length, source)
-- @tparam[opt=0] number dropout_p
-- @tparam[opt=false] bool is_causal whether a position sees only those up to it
-- @tparam[opt] number scale instead of 1/sqrt(features)
function attention.scaled_dot_product_attention(...)
  local query, key, value, mask, dropout, is_causal, scale, gqa = read_sdpa(...)
  local e = query:size(-1)
  if key:size(-1) ~= e then
    args.fail('scaled_dot_product_attention: query %s and key %s differ in features', args.show(query), args.show(key))
  end
  if is_causal and mask ~= nil then
    args.fail('scaled_dot_product_attention: takes attn_mask or is_causal, not both')
  end
  if gqa and query:size(-3) ~= key:size(-3) then
    local n = query:size(-3) / key:size(-3)
    key, value = key:repeat_interleave(n, -3), value:repeat_interleave(n, -3)
  end
  local scores = (query * (scale or 1 / math.sqrt(e))):matmul(key:transpose(-2, -1))
  if is_causal then scores = causal(scores, query, key) end
  if mask ~= nil then scores = scores + attention.additive(mask, query.dtype, 0, -math.huge) end
  local weights = scores:softmax(-1)
  if dropout > 0 then weights = F.dropout(weights, dropout, true) end
  return weights:matmul(value)
end

return attention
