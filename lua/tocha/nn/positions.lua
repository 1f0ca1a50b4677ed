--- Where a token stands, told to attention: rotary embeddings (RoPE), linear biases (ALiBi), sines.
-- @module tocha.nn.positions

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local show = require 'tocha.nn.show'
local Module = require 'tocha.nn.module'

local M = {}

-- ------------------------------------------------------------------------------------------------- rotary

local Rotary = class('RotaryEmbedding', Module)
M.RotaryEmbedding = Rotary

local read_rotary = args.spec('RotaryEmbedding', 'dim:int', '*', 'base:num=10000', 'interleaved:bool=false', 'scale:num=1')

--- Turns pairs of features by angles that grow with the position. Source: J. Su et al., "RoFormer", 2021.
-- @tparam int dim how many of the last dim's features are turned (even); the others pass unchanged
-- @tparam[opt=10000] number base by name only: pair i turns by position / base^(2 i / dim)
-- @tparam[opt=false] bool interleaved by name only: pairs are neighbours (2i-1, 2i); else feature i and i + dim / 2
-- @tparam[opt=1] number scale by name only: positions are multiplied by it
-- @shape (..., time, features) -> the same
-- @usage
-- local rope = nn.RotaryEmbedding(2)
-- rope(tocha.tensor{{1, 0}, {1, 0}})  --> {{1, 0}, {0.5403, 0.8415}}
function Rotary:__init(...)
  self.dim, self.base, self.interleaved, self.scale = read_rotary(...)
  if self.dim < 2 or self.dim % 2 ~= 0 then args.fail('RotaryEmbedding: dim: got %d, takes an even number', self.dim) end
end

-- cos and sin of (time, dim / 2) for positions offset, offset + 1, ...; kept as long as nothing else is asked
local function angles(self, offset, time, x)
  local have = self.cached
  if have and have.dtype == x.dtype and have.device == x.device and offset + time <= have.n then
    return have.cos:narrow(1, offset + 1, time), have.sin:narrow(1, offset + 1, time)
  end
  local n = math.max(offset + time, have and 2 * have.n or 0, 64)
  local half = tocha.arange(0, self.dim, 2, {dtype = 'float64'}) / self.dim
  local rates = (half * -math.log(self.base)):exp()
  local angle = tocha.outer(tocha.arange(n, {dtype = 'float64'}) * self.scale, rates)
  local function as(t) return t:to(x.dtype):to(x.device) end
  self.cached = {n = n, dtype = x.dtype, device = x.device, cos = as(angle:cos()), sin = as(angle:sin())}
  return self.cached.cos:narrow(1, offset + 1, time), self.cached.sin:narrow(1, offset + 1, time)
end

local function turn(self, x, cos, sin)
  local half = self.dim / 2
  if self.interleaved then
    local pairs_of = x:unflatten(-1, {half, 2})
    local a, b = pairs_of:select(-1, 1), pairs_of:select(-1, 2)
    return tocha.stack({a * cos - b * sin, a * sin + b * cos}, -1):flatten(-2, -1)
  end
  local a, b = x:narrow(-1, 1, half), x:narrow(-1, half + 1, half)
  return tocha.cat({a * cos - b * sin, a * sin + b * cos}, -1)
end

--- @param x (..., time, features), for attention (batch, heads, time, head_dim): queries or keys
-- @tparam[opt=0] int offset the position of the first
function Rotary:forward(x, offset)
  if not tocha.is_tensor(x) or x:dim() < 2 then
    args.fail('RotaryEmbedding: x: got %s, takes a tensor (..., time, features)', args.show(x))
  end
  local size = x:size(-1)
  if size < self.dim then args.fail('RotaryEmbedding: got %s, takes at least %d features', args.show(x), self.dim) end
  if offset ~= nil and type(offset) ~= 'number' then args.fail('RotaryEmbedding: offset: got %s, takes an integer', args.show(offset)) end
  local cos, sin = angles(self, offset or 0, x:size(-2), x)
  if size == self.dim then return turn(self, x, cos, sin) end
  return tocha.cat({turn(self, x:narrow(-1, 1, self.dim), cos, sin), x:narrow(-1, self.dim + 1, size - self.dim)}, -1)
end

function Rotary:extra_repr() return show.fields(self, 'dim', 'base', 'interleaved') end

-- ------------------------------------------------------------------------------------------------- linear biases

local ALiBi = class('ALiBi', Module)
M.ALiBi = ALiBi

-- Slopes 2^(-8 i / n) for a power of two; between two powers those of twice the lower power are mixed in.
local function slopes(n)
  local power = 2 ^ math.floor(math.log(n) / math.log(2) + 1e-9)
  local out = {}
  for i = 1, power do out[i] = 2 ^ (-8 * i / power) end
  for i = 1, n - power do out[power + i] = 2 ^ (-8 * (2 * i - 1) / (2 * power)) end
  return out
end

--- A number to add to the scores of attention, lower the farther the key lies from the query.
-- Source: O. Press et al., "Train short, test long", 2022.
-- @tparam int num_heads heads
-- @shape layer(queries, keys) -> (num_heads, queries, keys), to be added to scores
-- @usage
-- nn.ALiBi(2)(1, 3)  --> {{{-0.125, -0.0625, -0}}, {{-0.007813, -0.003906, -0}}}
function ALiBi:__init(num_heads)
  if type(num_heads) ~= 'number' or num_heads < 1 or num_heads > 65536 then
    args.fail('ALiBi: num_heads: got %s, takes 1 to 65536', args.show(num_heads))
  end
  self.num_heads = num_heads
  self:register_buffer('slopes', tocha.tensor(slopes(num_heads)), false)
end

--- The biases (heads, query, key); the last query stands at the last key.
-- @tparam int query_length
-- @tparam[opt] int key_length as many as queries if not given
function ALiBi:forward(query_length, key_length)
  key_length = key_length or query_length
  if type(query_length) ~= 'number' or type(key_length) ~= 'number' then
    args.fail('ALiBi: got %s and %s, takes the numbers of queries and keys', args.show(query_length), args.show(key_length))
  end
  local like = {dtype = self.slopes.dtype, device = self.slopes.device}
  local q = tocha.arange(key_length - query_length, key_length, 1, like):unsqueeze(2)
  return -(q - tocha.arange(0, key_length, 1, like)):abs() * self.slopes:view(-1, 1, 1)
end

function ALiBi:extra_repr() return tostring(self.num_heads) end

-- ------------------------------------------------------------------------------------------------- sines

local Sines = class('SinusoidalPositionalEncoding', Module)
M.SinusoidalPositionalEncoding = Sines

--- Adds sines and cosines of the position to (batch, time, dim). Source: A. Vaswani et al., 2017.
-- @tparam int dim even
-- @tparam[opt=0] number dropout
-- @shape (n, time, dim) -> the same
-- @usage
-- nn.SinusoidalPositionalEncoding(4)(tocha.zeros(1, 2, 4))  --> {{{0, 1, 0, 1}, {0.8415, 0.5403, 0.01, 0.9999}}}
function Sines:__init(dim, dropout)
  if type(dim) ~= 'number' or dim < 2 or dim % 2 ~= 0 then
    args.fail('SinusoidalPositionalEncoding: dim: got %s, takes an even number', args.show(dim))
  end
  self.dim, self.dropout = dim, dropout or 0
end

--- @param x (batch, time, dim)
-- @tparam[opt=0] int offset the position of the first
function Sines:forward(x, offset)
  if not tocha.is_tensor(x) or x:dim() < 2 then
    args.fail('SinusoidalPositionalEncoding: x: got %s, takes a tensor (batch, time, dim)', args.show(x))
  end
  offset = offset or 0
  local time = x:size(-2)
  local rates = (tocha.arange(0, self.dim, 2, {dtype = 'float64'}) * (-math.log(10000) / self.dim)):exp()
  local angle = tocha.outer(tocha.arange(offset, offset + time, 1, {dtype = 'float64'}), rates)
  local table_of = tocha.stack({angle:sin(), angle:cos()}, -1):flatten(-2, -1)
  local y = x + table_of:to(x.dtype):to(x.device)
  return self.dropout > 0 and tocha.nn.functional.dropout(y, self.dropout, self.training) or y
end

return M
