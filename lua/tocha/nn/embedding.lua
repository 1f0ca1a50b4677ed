--- nn.Embedding: a table of vectors, looked up by tokens that count from 1.
-- @classmod tocha.nn.Embedding

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local show = require 'tocha.nn.show'
local Module = require 'tocha.nn.module'
local Parameter = require 'tocha.nn.parameter'
local F = require 'tocha.nn.functional'
local init = require 'tocha.nn.initializers'

local Embedding = class('Embedding', Module)
Embedding.pure = true

local read = args.spec('Embedding', 'num_embeddings:int', 'embedding_dim:int', 'padding_idx:int=nil',
  'max_norm:num=nil',
  'norm_type:num=2', 'scale_grad_by_freq:bool=false', 'sparse:bool=false', '_weight:tensor=nil', '_freeze:bool=false',
  'device=nil', 'dtype=nil')

local function position(idx, n)
  if idx == nil then return nil end
  local i = idx < 0 and n + 1 + idx or idx
  if i < 1 or i > n then args.fail('Embedding: padding_idx: got %d, takes 1..%d or a negative number', idx, n) end
  return i
end

--- A table of vectors, looked up by number. weight is (num_embeddings, embedding_dim), at first normal with variance 1.
-- @param num_embeddings how many vectors
-- @param embedding_dim their size
-- @param padding_idx the token whose vector is zero at first and gets no gradient
-- @param max_norm vectors that are looked up are shortened to this norm, in place
-- @param norm_type of max_norm
-- @param scale_grad_by_freq whether gradients are divided by how often a token is in the batch
-- @param sparse taken for PyTorch's sake: gradients are dense
-- @shape int64, any shape, tokens from 1 -> (..., embedding_dim)
-- @raise for tokens out of range
-- @usage
-- local table = nn.Embedding(10, 3, {padding_idx = 1})
-- table(tocha.int64{{1, 2}, {3, 4}}).shape  --> {2, 2, 3}
-- table(tocha.int64{1})  --> {{0, 0, 0}}
-- nn.Embedding.from_pretrained(tocha.tensor{{1, 2}, {3, 4}})(tocha.int64{2, 1})  --> {{3, 4}, {1, 2}}
function Embedding:__init(...)
  local n, dim, padding, weight, freeze, device, dtype
  n, dim, padding, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.sparse, weight, freeze, device,
    dtype = read(...)
  self.num_embeddings, self.embedding_dim, self.padding_idx = n, dim, position(padding, n)
  if weight == nil then
    self.weight = Parameter(tocha.empty({n, dim}, {device = device, dtype = dtype}), not freeze)
    self:reset_parameters()
    return
  end
  if weight:dim() ~= 2 or weight:size(1) ~= n or weight:size(2) ~= dim then
    args.fail('Embedding: _weight: got %s, takes [%d x %d]', args.show(weight), n, dim)
  end
  self.weight = Parameter(weight, not freeze)
end

--- Draws new values.
function Embedding:reset_parameters()
  init.normal_(self.weight)
  if self.padding_idx ~= nil then self.weight:detach():select(1, self.padding_idx):zero_() end
end

function Embedding:forward(input)
  if self.max_norm == nil and not self.scale_grad_by_freq then
    return (F.embedding(input, self.weight, self.padding_idx))
  end
  return (F.embedding(input, self.weight, self.padding_idx, self.max_norm, self.norm_type, self.scale_grad_by_freq))
end

function Embedding:extra_repr()
  local text = ('%d, %d'):format(self.num_embeddings, self.embedding_dim)
  for _, field in ipairs{'padding_idx', 'max_norm'} do
    if self[field] ~= nil then text = text .. ', ' .. show.fields(self, field) end
  end
  return text
end

local read_pretrained = args.spec('from_pretrained', 'embeddings:tensor', 'freeze:bool=true', 'padding_idx:int=nil',
  'max_norm:num=nil', 'norm_type:num=2', 'scale_grad_by_freq:bool=false', 'sparse:bool=false')

--- An embedding of given vectors.
-- @param embeddings a matrix, one vector a row
-- @tparam[opt=true] bool freeze whether they are left untrained; the further options are the constructor's
function Embedding.from_pretrained(...)
  local weight, freeze, padding_idx, max_norm, norm_type, by_freq, sparse = read_pretrained(...)
  if weight:dim() ~= 2 then args.fail('from_pretrained: embeddings: got %s, takes a matrix', args.show(weight)) end
  return Embedding(weight:size(1), weight:size(2), {padding_idx = padding_idx, max_norm = max_norm,
    norm_type = norm_type,
    scale_grad_by_freq = by_freq, sparse = sparse, _weight = weight, _freeze = freeze})
end

return Embedding
