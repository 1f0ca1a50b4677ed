--- nn.MultiheadAttention: several attentions side by side. Source: A. Vaswani et al., "Attention is all you need",
-- 2017.
-- @classmod tocha.nn.MultiheadAttention

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local Module = require 'tocha.nn.module'
local Parameter = require 'tocha.nn.parameter'
local Linear = require('tocha.nn.linear').Linear
local F = require 'tocha.nn.functional'
local init = require 'tocha.nn.initializers'
local masks = require 'tocha.nn.masks'

local Attention = class('MultiheadAttention', Module)

local read = args.spec('MultiheadAttention', 'embed_dim:int', 'num_heads:int', 'dropout:num=0', 'bias:bool=true',
  'add_bias_kv:bool=false', 'add_zero_attn:bool=false', 'kdim:int=nil', 'vdim:int=nil', 'batch_first:bool=false',
    'device=nil',
  'dtype=nil')

--- Attention of several heads: each query token gets a mean of the values, weighted by how well its key fits.
-- Source: A. Vaswani et al., 2017.
-- @param embed_dim features of queries and of the result
-- @param num_heads heads, which divide embed_dim
-- @param dropout of the weights, in training
-- @param bias whether the projections have a bias
-- @param add_bias_kv whether there is one more, trained, key and value
-- @param add_zero_attn whether there is one more key and value of zeros
-- @param kdim features of keys, if others
-- @param vdim features of values, if others
-- @param batch_first whether tensors are (n, time, features)
-- @shape query (t, n, embed_dim), key (s, n, kdim), value (s, n, vdim), or without n -> (t, n, embed_dim), weights (n, t, s), averaged over
-- the heads, or with average_attn_weights = false (n, num_heads, t, s). Further arguments of forward: key_padding_mask (n, s),
-- need_weights = true, attn_mask (t, s) or (n num_heads, t, s), average_attn_weights = true, is_causal = false
-- @raise if sizes do not fit
-- @usage
-- local attention = nn.MultiheadAttention(8, 2, {batch_first = true})
-- local x = tocha.randn(3, 5, 8)
-- local y, weights = attention(x, x, x)
-- y.shape  --> {3, 5, 8}
-- weights:sum(3)[1]  --> {1, 1, 1, 1, 1}
-- attention(x, x, x, {need_weights = false}).shape  --> {3, 5, 8}
function Attention:__init(...)
  local bias, bias_kv, kdim, vdim, device, dtype
  self.embed_dim, self.num_heads, self.dropout, bias, bias_kv, self.add_zero_attn, kdim, vdim, self.batch_first, device,
    dtype = read(...)
  local e = self.embed_dim
  if self.num_heads < 1 or e % self.num_heads ~= 0 then
    args.fail('MultiheadAttention: embed_dim %d is not divisible by num_heads %d', e, self.num_heads)
  end
  self.head_dim, self.kdim, self.vdim = e / self.num_heads, kdim or e, vdim or e
  local options = {device = device, dtype = dtype}
  local function new(wanted, ...) return wanted and Parameter(tocha.empty({...}, options)) or nil end
  local one = self.kdim == e and self.vdim == e
  self:register_parameter('in_proj_weight', new(one, 3 * e, e))
  self:register_parameter('q_proj_weight', new(not one, e, e))
  self:register_parameter('k_proj_weight', new(not one, e, self.kdim))
  self:register_parameter('v_proj_weight', new(not one, e, self.vdim))
  self:register_parameter('in_proj_bias', new(bias, 3 * e))
  self.out_proj = Linear(e, e, {bias = bias, device = device, dtype = dtype})
  self:register_parameter('bias_k', new(bias_kv, 1, 1, e))
  self:register_parameter('bias_v', new(bias_kv, 1, 1, e))
  self:reset_parameters()
end

--- Draws new values: xavier_uniform_ for the projections, zeros for their biases.
function Attention:reset_parameters()
  for _, name in ipairs{'in_proj_weight', 'q_proj_weight', 'k_proj_weight', 'v_proj_weight'} do
    if self[name] ~= nil then init.xavier_uniform_(self[name]) end
  end
  if self.in_proj_bias ~= nil then
    init.zeros_(self.in_proj_bias)
    init.zeros_(self.out_proj.bias)
  end
  if self.bias_k ~= nil then
    init.xavier_normal_(self.bias_k)
    init.xavier_normal_(self.bias_v)
  end
end

-- The three projections; rows of in_proj_weight are those of queries, keys, values.
local function project(self, query, key, value)
  local e, b = self.embed_dim, self.in_proj_bias
  local bq, bk, bv
  if b ~= nil then bq, bk, bv = b:narrow(1, 1, e), b:narrow(1, e + 1, e), b:narrow(1, 2 * e + 1, e) end
  local w = self.in_proj_weight
  if w == nil then
    return F.linear(query, self.q_proj_weight, bq), F.linear(key, self.k_proj_weight, bk), F.linear(value,
      self.v_proj_weight, bv)
  end
  if query == key and key == value then
    local all = F.linear(query, w, b)
    return all:narrow(-1, 1, e), all:narrow(-1, e + 1, e), all:narrow(-1, 2 * e + 1, e)
  end
  return F.linear(query, w:narrow(1, 1, e), bq), F.linear(key, w:narrow(1, e + 1, e), bk),
    F.linear(value, w:narrow(1, 2 * e + 1, e), bv)
end

-- (time, batch, embed) to (batch, heads, time, head)
local function heads(self, x)
  return x:reshape(x:size(1), x:size(2), self.num_heads, -1):permute(2, 3, 1, 4)
end

-- `n` more columns that may be seen, at the end of a mask
local function widen(mask, n)
  if mask == nil then return nil end
  return F.pad(mask, {0, n}, 'constant', 0)
end

-- Both masks as one to add, broadcast to (batch, heads, time, source); true entries of bool masks may not be seen.
local function join_masks(self, mask, padding, batch, dtype)
  local out
  if mask ~= nil then
    out = masks.additive(mask, dtype, -math.huge, 0)
    if mask:dim() == 3 then out = out:reshape(batch, self.num_heads, mask:size(2), mask:size(3)) end
  end
  if padding ~= nil then
    local extra = masks.additive(padding, dtype, -math.huge, 0):reshape(batch, 1, 1, padding:size(2))
    out = out and out + extra or extra
  end
  return out
end

local function check_masks(self, mask, padding, time, source, batch)
  if padding ~= nil and (padding:dim() ~= 2 or padding:size(1) ~= batch or padding:size(2) ~= source) then
    args.fail('MultiheadAttention: key_padding_mask: got %s, takes [%d x %d]', args.show(padding), batch, source)
  end
  if mask == nil then return end
  local n, many = mask:dim(), batch * self.num_heads
  local fits = (n == 2 or (n == 3 and mask:size(1) == many)) and mask:size(-2) == time and mask:size(-1) == source
  if not fits then
    args.fail('MultiheadAttention: attn_mask: got %s, takes [%d x %d] or [%d x %d x %d]', args.show(mask), time,
      source, many,
      time, source)
  end
end

-- The trained key and value, and those of zeros, at the end of (source, batch, embed)
local function extend(self, k, v, mask, padding)
  local batch, more = k:size(2), 0
  if self.bias_k ~= nil then
    k, v = tocha.cat({k, self.bias_k:expand(1, batch, -1)}, 1), tocha.cat({v, self.bias_v:expand(1, batch, -1)}, 1)
    more = more + 1
  end
  if self.add_zero_attn then
    local zeros = k:new_zeros({1, batch, self.embed_dim})
    k, v = tocha.cat({k, zeros}, 1), tocha.cat({v, zeros}, 1)
    more = more + 1
  end
  if more == 0 then return k, v, mask, padding end
  return k, v, widen(mask, more), widen(padding, more)
end

-- A bool mask is padded as numbers: what is padded may be seen.
local function number_mask(mask, dtype)
  if mask ~= nil and mask.dtype == tocha.bool then return masks.additive(mask, dtype, -math.huge, 0) end
  return mask
end

local read_forward = args.spec('MultiheadAttention', 'query:tensor', 'key:tensor', 'value:tensor',
  'key_padding_mask:tensor=nil',
  'need_weights:bool=true', 'attn_mask:tensor=nil', 'average_attn_weights:bool=true', 'is_causal:bool=false')

local function attend(self, q, k, v, mask, need_weights, causal)
  if not need_weights then
    return F.scaled_dot_product_attention(q, k, v, mask, self.training and self.dropout or 0, causal), nil
  end
  local scores = (q / math.sqrt(self.head_dim)):matmul(k:transpose(-2, -1))
  if mask ~= nil then scores = scores + mask end
  local weights = scores:softmax(-1)
  if self.dropout > 0 then weights = F.dropout(weights, self.dropout, self.training) end
  return weights:matmul(v), weights
end

-- (time, batch, embed) in and out; weights (batch, heads, time, source)
local function forward(self, query, key, value, padding, mask, need_weights, causal)
  local time, batch, source = query:size(1), query:size(2), key:size(1)
  check_masks(self, mask, padding, time, source, batch)
  if causal then mask = nil end
  local q, k, v = project(self, query, key, value)
  mask, padding = number_mask(mask, q.dtype), number_mask(padding, q.dtype)
  k, v, mask, padding = extend(self, k, v, mask, padding)
  local out, weights = attend(self, heads(self, q), heads(self, k), heads(self, v), join_masks(self, mask, padding,
    batch, q.dtype), need_weights, causal)
  return self.out_proj(out:permute(3, 1, 2, 4):reshape(time, batch, self.embed_dim)), weights
end

local function time_first(self, x, single)
  if single then return x:unsqueeze(2) end
  return self.batch_first and x:transpose(1, 2) or x
end

--- @param query (time, batch, embed), with batch_first (batch, time, embed), or (time, embed)
-- @param key (source, batch, kdim), in the same form
-- @param value (source, batch, vdim)
-- @param[opt] key_padding_mask (batch, source): true entries may not be seen
-- @tparam[opt=true] bool need_weights whether the second result is given
-- @param[opt] attn_mask (time, source) or (batch * heads, time, source): bool, true may not be seen, or numbers to add
-- @tparam[opt=true] bool average_attn_weights whether the weights are averaged over heads
-- @tparam[opt=false] bool is_causal a hint that attn_mask is causal
-- @return the result in the form of query
-- @return the weights, (batch, time, source), or (batch, heads, time, source)
function Attention:forward(...)
  local query, key, value, padding, need_weights, mask, average, is_causal = read_forward(...)
  if query:size(-1) ~= self.embed_dim then
    args.fail('MultiheadAttention: query: got %s, takes embed_dim %d in its last dimension', args.show(query),
      self.embed_dim)
  end
  if is_causal and mask == nil then args.fail('MultiheadAttention: is_causal needs attn_mask') end
  local single, same = query:dim() == 2, query == key and key == value
  if single and padding ~= nil then padding = padding:unsqueeze(1) end
  query = time_first(self, query, single)
  key = same and query or time_first(self, key, single)
  value = same and query or time_first(self, value, single)
  -- the hint is taken where PyTorch takes it; keys that the layer adds are then seen by no query, as there
  local causal = is_causal and padding == nil and not need_weights
  local out, weights = forward(self, query, key, value, padding, mask, need_weights, causal)
  out = single and out:squeeze(2) or (self.batch_first and out:transpose(1, 2) or out)
  if weights ~= nil then
    if average then weights = weights:mean(2) end
    if single then weights = weights:squeeze(1) end
  end
  return out, weights
end

return Attention
