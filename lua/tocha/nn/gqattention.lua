--- Attention as language models have it: grouped queries, rotary positions or linear biases, a cache of keys and values; and
-- gated feed-forward layers.
-- @module tocha.nn.gqattention

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local show = require 'tocha.nn.show'
local Module = require 'tocha.nn.module'
local Linear = require('tocha.nn.linear').Linear
local positions = require 'tocha.nn.positions'
local F = require 'tocha.nn.functional'

local M = {}

-- ------------------------------------------------------------------------------------------------- cache

local KVCache = class('KVCache')
M.KVCache = KVCache

--- Keys and values of the tokens so far, for generating one token after the other without computing them again. Room is made as
-- it is needed, twice as much each time.
-- @tparam[opt] int max_length room from the beginning; more than that is then an error
-- @shape keys and values (n, heads, time, features); `update(k, v)` gives all so far, `length` counts the tokens
-- @usage
-- local attention, cache = nn.GroupedQueryAttention(8, 2), nn.KVCache()
-- attention(tocha.ones(1, 3, 8), {cache = cache}).shape  --> {1, 3, 8}
-- attention(tocha.ones(1, 1, 8), {cache = cache}).shape  --> {1, 1, 8}
-- cache.length  --> 4
function KVCache:__init(max_length) self.length, self.max_length = 0, max_length end

--- Forgets all tokens, or those after the first n.
function KVCache:reset(n) self.length = math.min(n or 0, self.length) end

local function grow(self, name, x, room)
  local shape = x.shape
  shape[#shape - 1] = room
  local new = tocha.empty(shape, {dtype = x.dtype, device = x.device})
  local old = self[name]
  if old and self.length > 0 then new:narrow(-2, 1, self.length):copy_(old:narrow(-2, 1, self.length)) end
  self[name] = new
end

--- Adds keys and values (batch, heads, time, head_dim) of new tokens; gives those of all tokens. Gradients do not pass: it is for
-- evaluation.
function KVCache:update(key, value)
  local time = key:size(-2)
  local need = self.length + time
  if self.max_length and need > self.max_length then
    args.fail('KVCache: %d tokens, max_length is %d', need, self.max_length)
  end
  key, value = key:detach(), value:detach()
  if not self.key or self.key:size(-2) < need or self.key:size(1) ~= key:size(1) then
    local room = self.max_length or math.max(need, 2 * self.length, 64)
    grow(self, 'key', key, room)
    grow(self, 'value', value, room)
  end
  self.key:narrow(-2, self.length + 1, time):copy_(key)
  self.value:narrow(-2, self.length + 1, time):copy_(value)
  self.length = need
  return self.key:narrow(-2, 1, need), self.value:narrow(-2, 1, need)
end

-- ------------------------------------------------------------------------------------------------- attention

local Attention = class('GroupedQueryAttention', Module)
M.GroupedQueryAttention = Attention

local read = args.spec('GroupedQueryAttention', 'embed_dim:int', 'num_heads:int', 'num_kv_heads:int=nil', '*', 'head_dim:int=nil',
  'bias:bool=false', 'dropout:num=0', 'rope=nil', 'alibi:bool=false', 'is_causal:bool=true', 'window:int=nil', 'device=nil',
  'dtype=nil')

--- Self-attention in which groups of query heads share a head of keys and values. Source: J. Ainslie et al., "GQA", 2023.
-- @tparam int embed_dim features of a token
-- @tparam int num_heads of the queries
-- @tparam[opt] int num_kv_heads of keys and values, a divisor of num_heads; num_heads if not given, 1 is multi-query attention
-- @tparam[opt] int head_dim by name only, as all below; embed_dim / num_heads if not given
-- @tparam[opt=false] bool bias whether the projections have a bias
-- @tparam[opt=0] number dropout of the weights, in training
-- @param[opt] rope true, or options of nn.RotaryEmbedding: `{base = 500000}`
-- @tparam[opt=false] bool alibi linear biases
-- @tparam[opt=true] bool is_causal whether a token sees only those before it and itself
-- @tparam[opt] int window how many tokens it sees at most, itself among them
-- @shape (n, time, embed_dim) -> the same; `attention(x, {mask = m, cache = c})`
-- @raise if heads do not divide
-- @usage
-- local attention = nn.GroupedQueryAttention(32, 8, 2, {rope = true})
-- attention(tocha.ones(2, 6, 32)).shape  --> {2, 6, 32}
function Attention:__init(...)
  local bias, rope, alibi, device, dtype
  self.embed_dim, self.num_heads, self.num_kv_heads, self.head_dim, bias, self.dropout, rope, alibi, self.is_causal, self.window,
    device, dtype = read(...)
  self.num_kv_heads = self.num_kv_heads or self.num_heads
  self.head_dim = self.head_dim or self.embed_dim / self.num_heads
  local h, kv, d = self.num_heads, self.num_kv_heads, self.head_dim
  if d % 1 ~= 0 then args.fail('GroupedQueryAttention: embed_dim %d is not divisible by num_heads %d', self.embed_dim, h) end
  if kv < 1 or h % kv ~= 0 then
    args.fail('GroupedQueryAttention: num_kv_heads: got %d, takes a divisor of num_heads %d', kv, h)
  end
  local options = {bias = bias, device = device, dtype = dtype}
  self.q_proj = Linear(self.embed_dim, h * d, options)
  self.k_proj = Linear(self.embed_dim, kv * d, options)
  self.v_proj = Linear(self.embed_dim, kv * d, options)
  self.o_proj = Linear(h * d, self.embed_dim, options)
  if rope then self.rope = positions.RotaryEmbedding(d, type(rope) == 'table' and rope or {}) end
  if alibi then self.alibi = positions.ALiBi(h) end
end

-- (batch, time, heads * head_dim) to (batch, heads, time, head_dim)
local function split(x, heads) return x:unflatten(-1, {heads, -1}):transpose(-3, -2) end

-- What may be seen by the last `time` of `total` tokens, true where it may; nil if all.
local function visible(self, time, total, device)
  if not self.is_causal and not self.window then return nil end
  if time == 1 and not self.window then return nil end
  local q = tocha.arange(total - time, total, 1, {device = device}):unsqueeze(2)
  local k = tocha.arange(0, total, 1, {device = device})
  local mask
  if self.is_causal then mask = k:le(q) end
  if self.window then
    local near = k:gt(q - self.window)
    mask = mask and mask:logical_and(near) or near:logical_and(k:lt(q + self.window))
  end
  return mask
end

local function number_mask(mask, x)
  if mask.dtype ~= tocha.bool then return mask end
  return tocha.zeros(mask.shape, {dtype = x.dtype, device = x.device}):masked_fill(mask:logical_not(), -math.huge)
end

local function both(a, b, x)
  if a == nil then return b end
  if b == nil then return a end
  if a.dtype == tocha.bool and b.dtype == tocha.bool then return a:logical_and(b) end
  return number_mask(a, x) + number_mask(b, x)
end

local read_forward = args.spec('GroupedQueryAttention', 'x:tensor', '*', 'mask:tensor=nil', 'cache=nil')

--- @param x (batch, time, embed_dim)
-- @tparam[opt] tensor mask by name only: bool (true may be seen) or numbers to add, broadcast to (batch, heads, time, keys)
-- @param[opt] cache an nn.KVCache, by name only: the tokens in it come before those of x
-- @return (batch, time, embed_dim)
function Attention:forward(...)
  local x, mask, cache = read_forward(...)
  if x:dim() ~= 3 or x:size(3) ~= self.embed_dim then
    args.fail('GroupedQueryAttention: got %s, takes [batch x time x %d]', args.show(x), self.embed_dim)
  end
  local time, offset = x:size(2), cache and cache.length or 0
  local q, k = split(self.q_proj(x), self.num_heads), split(self.k_proj(x), self.num_kv_heads)
  local v = split(self.v_proj(x), self.num_kv_heads)
  if self.rope then q, k = self.rope(q, offset), self.rope(k, offset) end
  if cache then k, v = cache:update(k, v) end
  local total, drop = offset + time, self.training and self.dropout or 0
  local gqa = self.num_heads ~= self.num_kv_heads
  local y
  if mask == nil and not self.alibi and not self.window and offset == 0 then
    y = F.scaled_dot_product_attention(q, k, v, nil, drop, self.is_causal, {enable_gqa = gqa})
  else
    mask = both(mask, visible(self, time, total, x.device), q)
    if self.alibi then mask = both(mask, self.alibi(time, total):to(q.dtype), q) end
    y = F.scaled_dot_product_attention(q, k, v, mask, drop, false, {enable_gqa = gqa})
  end
  return self.o_proj(y:transpose(-3, -2):flatten(-2, -1))
end

function Attention:extra_repr()
  return show.fields(self, 'embed_dim', 'num_heads', 'num_kv_heads', 'head_dim', 'is_causal')
end

-- ------------------------------------------------------------------------------------------------- gated layers

local function gated(name, activate)
  local Class = class(name, Module)
  local read_gated = args.spec(name, 'dim:int', 'hidden:int=nil', '*', 'out_features:int=nil', 'bias:bool=false', 'device=nil',
    'dtype=nil')
--- down(activation(gate(x)) * up(x)), the feed-forward layers of language models: the activation is SiLU in SwiGLU, GELU in GEGLU, ReLU in
-- ReGLU. Source: N. Shazeer, "GLU variants improve Transformer", 2020.
-- @type SwiGLU GEGLU ReGLU
-- @param dim features
-- @param hidden size between; 8/3 dim, rounded up to a multiple of 8, if not given
-- @param out_features of the result; dim if not given
-- @param bias whether the three linear layers have a bias
-- @shape (..., dim) -> (..., out_features)
-- @usage
-- nn.SwiGLU(8)(tocha.ones(2, 5, 8)).shape  --> {2, 5, 8}
-- nn.GEGLU(8, 20)(tocha.ones(8)).shape  --> {8}
-- nn.ReGLU(8, {out_features = 3})(tocha.ones(2, 8)).shape  --> {2, 3}
  function Class:__init(...)
    local dim, hidden, out, bias, device, dtype = read_gated(...)
    hidden = hidden or math.ceil(dim * 8 / 3 / 8) * 8
    local options = {bias = bias, device = device, dtype = dtype}
    self.gate_proj = Linear(dim, hidden, options)
    self.up_proj = Linear(dim, hidden, options)
    self.down_proj = Linear(hidden, out or dim, options)
  end
  function Class:forward(x) return self.down_proj(activate(self.gate_proj(x)) * self.up_proj(x)) end
  M[name] = Class
end
gated('SwiGLU', function(x) return F.silu(x) end)
gated('GEGLU', function(x) return F.gelu(x) end)
gated('ReGLU', function(x) return F.relu(x) end)

return M
