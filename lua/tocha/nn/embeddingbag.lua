--- nn.EmbeddingBag: sums, means or maxima of vectors of a table. Tokens and offsets count from 1.
-- @classmod tocha.nn.EmbeddingBag

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local show = require 'tocha.nn.show'
local Module = require 'tocha.nn.module'
local Parameter = require 'tocha.nn.parameter'
local F = require 'tocha.nn.functional'
local init = require 'tocha.nn.initializers'

local EmbeddingBag = class('EmbeddingBag', Module)

local read = args.spec('EmbeddingBag', 'num_embeddings:int', 'embedding_dim:int', 'max_norm:num=nil', 'norm_type:num=2',
  'scale_grad_by_freq:bool=false', 'mode:str="mean"', 'sparse:bool=false', '_weight:tensor=nil',
  'include_last_offset:bool=false', 'padding_idx:int=nil', 'device=nil', 'dtype=nil')

--- The mean, sum or maximum of the vectors of a bag of tokens, without storing the vectors.
-- @param num_embeddings how many vectors
-- @param embedding_dim their size
-- @param max_norm vectors that are looked up are shortened to this norm, in place
-- @param norm_type of max_norm
-- @param scale_grad_by_freq whether gradients are divided by how often a token is in the batch
-- @param mode 'mean', 'sum' or 'max'
-- @param sparse taken for PyTorch's sake: gradients are dense
-- @param include_last_offset whether the offsets end with the number of tokens + 1
-- @param padding_idx a token that does not count
-- @shape tokens (bags, n), or (total) with offsets (bags) from 1; per_sample_weights of the tokens' shape (mode 'sum') -> (bags, embedding_dim)
-- @raise for tokens out of range
-- @usage
-- local bag = nn.EmbeddingBag.from_pretrained(tocha.tensor{{1, 2}, {3, 4}, {5, 6}}, {mode = 'sum'})
-- bag(tocha.int64{{1, 2}, {3, 3}})  --> {{4, 6}, {10, 12}}
-- bag(tocha.int64{1, 2, 3}, tocha.int64{1, 3})  --> {{4, 6}, {5, 6}}
-- nn.EmbeddingBag(10, 3)(tocha.int64{{1, 2}}).shape  --> {1, 3}
function EmbeddingBag:__init(...)
  local n, dim, weight, padding, device, dtype
  n, dim, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.mode, self.sparse, weight,
    self.include_last_offset,
    padding, device, dtype = read(...)
  if padding ~= nil and padding < 0 then padding = n + 1 + padding end
  self.num_embeddings, self.embedding_dim, self.padding_idx = n, dim, padding
  self.weight = Parameter(weight == nil and tocha.empty({n, dim}, {device = device, dtype = dtype}) or weight)
  if weight == nil then self:reset_parameters() end
end

--- Draws new values.
function EmbeddingBag:reset_parameters()
  init.normal_(self.weight)
  if self.padding_idx ~= nil then self.weight:detach():select(1, self.padding_idx):zero_() end
end

local read_forward = args.spec('EmbeddingBag', 'input', 'offsets=nil', 'per_sample_weights:tensor=nil')

--- @param input tokens: a matrix of one bag a row, or a vector
-- @param[opt] offsets of a vector: where each bag begins, from 1
-- @param[opt] per_sample_weights factors, for mode `'sum'`
function EmbeddingBag:forward(...)
  local input, offsets, weights = read_forward(...)
  return F.embedding_bag(input, self.weight, offsets, self.max_norm, self.norm_type, self.scale_grad_by_freq, self.mode,
    self.sparse, weights, self.include_last_offset, self.padding_idx)
end

function EmbeddingBag:extra_repr()
  return ('%d, %d, '):format(self.num_embeddings, self.embedding_dim) .. show.fields(self, 'mode')
end

local read_pretrained = args.spec('from_pretrained', 'embeddings:tensor', 'freeze:bool=true', 'max_norm:num=nil',
  'norm_type:num=2', 'scale_grad_by_freq:bool=false', 'mode:str="mean"', 'sparse:bool=false',
  'include_last_offset:bool=false', 'padding_idx:int=nil')

--- A bag of given vectors.
function EmbeddingBag.from_pretrained(...)
  local weight, freeze, max_norm, norm_type, by_freq, mode, sparse, last, padding_idx = read_pretrained(...)
  local bag = EmbeddingBag(weight:size(1), weight:size(2), {max_norm = max_norm, norm_type = norm_type, mode = mode,
    scale_grad_by_freq = by_freq, sparse = sparse, _weight = weight, include_last_offset = last,
      padding_idx = padding_idx})
  bag.weight:requires_grad_(not freeze)
  return bag
end

return EmbeddingBag
