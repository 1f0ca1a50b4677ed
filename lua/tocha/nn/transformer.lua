--- nn.Transformer and its parts: encoder, decoder and their layers.
--
-- Source: A. Vaswani et al., "Attention is all you need", 2017; R. Xiong et al., 2020 (norm_first).
-- @module tocha.nn.transformer

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local Module = require 'tocha.nn.module'
local ModuleList = require 'tocha.nn.modulelist'
local MultiheadAttention = require 'tocha.nn.multiheadattention'
local Linear = require('tocha.nn.linear').Linear
local Dropout = require('tocha.nn.dropout').Dropout
local LayerNorm = require('tocha.nn.normalization').LayerNorm
local F = require 'tocha.nn.functional'
local init = require 'tocha.nn.initializers'
local masks = require 'tocha.nn.masks'

local layer_parameters = {'d_model:int', 'nhead:int', 'dim_feedforward:int=2048', 'dropout:num=0.1',
  'activation="relu"',
  'layer_norm_eps:num=1e-5', 'batch_first:bool=false', 'norm_first:bool=false', 'bias:bool=true', 'device=nil',
    'dtype=nil'}

local function activation_of(name, given)
  if type(given) ~= 'string' then return given end
  if given ~= 'relu' and given ~= 'gelu' then
    args.fail("%s: activation: got '%s', takes 'relu', 'gelu' or a function", name, given)
  end
  return F[given]
end

local function feed_forward(self, x)
  return self.linear2(self.dropout(self.activation(self.linear1(x))))
end

-- ------------------------------------------------------------------------------------------------------ encoder layer

--- Layers of a Transformer: the encoder's has self-attention and two linear layers, the decoder's attention to the encoder's result
-- between them, each with dropout, a residual connection and normalisation. Source: A. Vaswani et al., 2017.
-- @type TransformerEncoderLayer TransformerDecoderLayer
-- @param d_model features of a token
-- @param nhead heads, which divide d_model
-- @param dim_feedforward size between the two linear layers
-- @param dropout its probability, in training
-- @param activation 'relu', 'gelu' or a function
-- @param layer_norm_eps added to variances
-- @param batch_first whether tensors are (n, time, d_model)
-- @param norm_first whether normalisation comes before attention and linear layers, not after
-- @param bias whether linear and normalising layers have a bias
-- @shape (time, n, d_model) or (time, d_model) -> the same. Encoder: layer(src, src_mask, src_key_padding_mask, is_causal); decoder:
-- layer(tgt, memory, tgt_mask, memory_mask, tgt_key_padding_mask, memory_key_padding_mask, tgt_is_causal, memory_is_causal). Masks
-- (time, time) are true, or -inf, where nothing may be seen; padding masks (n, time) are true at padding.
-- @usage
-- local encoder = nn.TransformerEncoderLayer(8, 2, 16, {batch_first = true}):eval()
-- local x = tocha.randn(3, 5, 8)
-- encoder(x).shape  --> {3, 5, 8}
-- local mask = nn.Transformer.generate_square_subsequent_mask(5)
-- -- what comes later is not seen
-- local changed = tocha.cat({x:narrow(2, 1, 3), tocha.zeros(3, 2, 8)}, 2)
-- (encoder(x, mask) - encoder(changed, mask)):narrow(2, 1, 3):abs():max():item() < 1e-5  --> true
-- nn.TransformerDecoderLayer(8, 2, 16)(tocha.ones(4, 3, 8), tocha.ones(6, 3, 8)).shape  --> {4, 3, 8}
local EncoderLayer = class('TransformerEncoderLayer', Module)

local read_encoder_layer = args.spec('TransformerEncoderLayer', unpack(layer_parameters))

function EncoderLayer:__init(...)
  local d, heads, wide, p, activation, eps, batch_first, norm_first, bias, device, dtype = read_encoder_layer(...)
  local options = {bias = bias, device = device, dtype = dtype}
  self.self_attn = MultiheadAttention(d, heads, {dropout = p, bias = bias, batch_first = batch_first, device = device,
    dtype = dtype})
  self.linear1 = Linear(d, wide, options)
  self.dropout = Dropout(p)
  self.linear2 = Linear(wide, d, options)
  self.norm_first, self.activation = norm_first, activation_of('TransformerEncoderLayer', activation)
  for i = 1, 2 do self['norm' .. i] = LayerNorm(d, eps, {bias = bias, device = device, dtype = dtype}) end
  for i = 1, 2 do self['dropout' .. i] = Dropout(p) end
end

local read_encode = args.spec('TransformerEncoderLayer', 'src:tensor', 'src_mask:tensor=nil',
  'src_key_padding_mask:tensor=nil',
  'is_causal:bool=false')

local function attend(self, x, mask, padding, is_causal)
  return self.dropout1((self.self_attn(x, x, x, padding, false, mask, true, is_causal)))
end

function EncoderLayer:forward(...)
  local x, mask, padding, is_causal = read_encode(...)
  if self.norm_first then
    x = x + attend(self, self.norm1(x), mask, padding, is_causal)
    return x + self.dropout2(feed_forward(self, self.norm2(x)))
  end
  x = self.norm1(x + attend(self, x, mask, padding, is_causal))
  return self.norm2(x + self.dropout2(feed_forward(self, x)))
end

-- ------------------------------------------------------------------------------------------------------ decoder layer

local DecoderLayer = class('TransformerDecoderLayer', Module)

local read_decoder_layer = args.spec('TransformerDecoderLayer', unpack(layer_parameters))

function DecoderLayer:__init(...)
  local d, heads, wide, p, activation, eps, batch_first, norm_first, bias, device, dtype = read_decoder_layer(...)
  local options = {bias = bias, device = device, dtype = dtype}
  local attn = {dropout = p, bias = bias, batch_first = batch_first, device = device, dtype = dtype}
  -- one by one: Lua assigns several fields from right to left, and the order of assignment is that of registration
  self.self_attn = MultiheadAttention(d, heads, attn)
  self.multihead_attn = MultiheadAttention(d, heads, attn)
  self.linear1 = Linear(d, wide, options)
  self.dropout = Dropout(p)
  self.linear2 = Linear(wide, d, options)
  self.norm_first, self.activation = norm_first, activation_of('TransformerDecoderLayer', activation)
  for i = 1, 3 do self['norm' .. i] = LayerNorm(d, eps, {bias = bias, device = device, dtype = dtype}) end
  for i = 1, 3 do self['dropout' .. i] = Dropout(p) end
end

local decoder_forward = {'tgt:tensor', 'memory:tensor', 'tgt_mask:tensor=nil', 'memory_mask:tensor=nil',
  'tgt_key_padding_mask:tensor=nil', 'memory_key_padding_mask:tensor=nil', 'tgt_is_causal:bool=false',
  'memory_is_causal:bool=false'}
local read_decode = args.spec('TransformerDecoderLayer', unpack(decoder_forward))

local function look(self, x, memory, mask, padding, is_causal)
  return self.dropout2((self.multihead_attn(x, memory, memory, padding, false, mask, true, is_causal)))
end

function DecoderLayer:forward(...)
  local x, memory, mask, memory_mask, padding, memory_padding, causal, memory_causal = read_decode(...)
  if self.norm_first then
    x = x + attend(self, self.norm1(x), mask, padding, causal)
    x = x + look(self, self.norm2(x), memory, memory_mask, memory_padding, memory_causal)
    return x + self.dropout3(feed_forward(self, self.norm3(x)))
  end
  x = self.norm1(x + attend(self, x, mask, padding, causal))
  x = self.norm2(x + look(self, x, memory, memory_mask, memory_padding, memory_causal))
  return self.norm3(x + self.dropout3(feed_forward(self, x)))
end

-- ------------------------------------------------------------------------------------------------------------- stacks

local function copies(layer, n)
  if type(layer) ~= 'table' or not layer.copy then args.fail('Transformer: layer: got %s, takes a layer', args.show(layer)) end
  local list = ModuleList()
  for i = 1, n do list[i] = layer:copy() end
  return list
end

--- Copies of a layer of a Transformer, one after the other.
-- @type TransformerEncoder TransformerDecoder
-- @param encoder_layer a TransformerEncoderLayer, which is copied
-- @param decoder_layer a TransformerDecoderLayer, which is copied
-- @param num_layers how many
-- @param norm a layer for the result
-- @param enable_nested_tensor taken for PyTorch's sake
-- @param mask_check taken for PyTorch's sake
-- @shape as its layers
-- @usage
-- local layer = nn.TransformerEncoderLayer(8, 2, 16)
-- local encoder = nn.TransformerEncoder(layer, 3, nn.LayerNorm(8))
-- encoder(tocha.ones(5, 2, 8)).shape  --> {5, 2, 8}
-- #encoder.layers  --> 3
-- local decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(8, 2, 16), 2)
-- decoder(tocha.ones(4, 2, 8), tocha.ones(5, 2, 8)).shape  --> {4, 2, 8}
local Encoder = class('TransformerEncoder', Module)

local read_encoder = args.spec('TransformerEncoder', 'encoder_layer', 'num_layers:int', 'norm=nil',
  'enable_nested_tensor:bool=true',
  'mask_check:bool=true')

function Encoder:__init(...)
  local layer, n, norm = read_encoder(...)
  self.layers, self.num_layers = copies(layer, n), n
  self:add_module('norm', norm)
end

local read_encoder_forward = args.spec('TransformerEncoder', 'src:tensor', 'mask:tensor=nil',
  'src_key_padding_mask:tensor=nil',
  'is_causal:bool=nil')

function Encoder:forward(...)
  local x, mask, padding, causal = read_encoder_forward(...)
  for i = 1, self.num_layers do x = self.layers[i](x, mask, padding, causal or false) end
  return self.norm and self.norm(x) or x
end

local Decoder = class('TransformerDecoder', Module)

local read_decoder = args.spec('TransformerDecoder', 'decoder_layer', 'num_layers:int', 'norm=nil')

function Decoder:__init(...)
  local layer, n, norm = read_decoder(...)
  self.layers, self.num_layers = copies(layer, n), n
  self:add_module('norm', norm)
end

local read_decoder_forward = args.spec('TransformerDecoder', unpack(decoder_forward))

function Decoder:forward(...)
  local x, memory, mask, memory_mask, padding, memory_padding, causal, memory_causal = read_decoder_forward(...)
  for i = 1, self.num_layers do
    x = self.layers[i](x, memory, mask, memory_mask, padding, memory_padding, causal, memory_causal)
  end
  return self.norm and self.norm(x) or x
end

-- -------------------------------------------------------------------------------------------------------- transformer

local Transformer = class('Transformer', Module)

local read = args.spec('Transformer', 'd_model:int=512', 'nhead:int=8', 'num_encoder_layers:int=6',
  'num_decoder_layers:int=6',
  'dim_feedforward:int=2048', 'dropout:num=0.1', 'activation="relu"', 'custom_encoder=nil', 'custom_decoder=nil',
  'layer_norm_eps:num=1e-5', 'batch_first:bool=false', 'norm_first:bool=false', 'bias:bool=true', 'device=nil',
    'dtype=nil')

--- Encoder and decoder. Source: A. Vaswani et al., "Attention is all you need", 2017.
-- @param d_model features of a token
-- @param nhead heads, which divide d_model
-- @param num_encoder_layers layers of the encoder
-- @param num_decoder_layers layers of the decoder
-- @param dim_feedforward size between the two linear layers of each
-- @param dropout its probability, in training
-- @param activation 'relu', 'gelu' or a function
-- @param custom_encoder another module instead of the encoder
-- @param custom_decoder another module instead of the decoder
-- @param layer_norm_eps added to variances
-- @param batch_first whether tensors are (n, time, d_model)
-- @param norm_first whether normalisation comes first in each layer
-- @param bias whether linear and normalising layers have a bias
-- @shape src (s, n, d_model), tgt (t, n, d_model), or without n, and masks as in the layers -> (t, n, d_model)
-- @raise if src and tgt do not fit each other, or have other features
-- @usage
-- local net = nn.Transformer(8, 2, 1, 1, 16, {batch_first = true})
-- local mask = nn.Transformer.generate_square_subsequent_mask(3)
-- mask  --> {{0, -inf, -inf}, {0, 0, -inf}, {0, 0, 0}}
-- net(tocha.ones(2, 5, 8), tocha.ones(2, 3, 8), {tgt_mask = mask}).shape  --> {2, 3, 8}
function Transformer:__init(...)
  local d, heads, n_encoder, n_decoder, wide, p, activation, encoder, decoder, eps, batch_first, norm_first, bias,
    device,
    dtype = read(...)
  local options = {dim_feedforward = wide, dropout = p, activation = activation, layer_norm_eps = eps,
    batch_first = batch_first,
    norm_first = norm_first, bias = bias, device = device, dtype = dtype}
  local function norm() return LayerNorm(d, eps, {bias = bias, device = device, dtype = dtype}) end
  self.encoder = encoder or Encoder(EncoderLayer(d, heads, options), n_encoder, norm())
  self.decoder = decoder or Decoder(DecoderLayer(d, heads, options), n_decoder, norm())
  self.d_model, self.nhead, self.batch_first = d, heads, batch_first
  for q in self:parameters() do
    if q:dim() > 1 then init.xavier_uniform_(q) end
  end
end

local read_forward = args.spec('Transformer', 'src:tensor', 'tgt:tensor', 'src_mask:tensor=nil', 'tgt_mask:tensor=nil',
  'memory_mask:tensor=nil', 'src_key_padding_mask:tensor=nil', 'tgt_key_padding_mask:tensor=nil',
  'memory_key_padding_mask:tensor=nil', 'src_is_causal:bool=nil', 'tgt_is_causal:bool=false',
    'memory_is_causal:bool=false')

--- @param src (source, batch, d_model), with batch_first (batch, source, d_model)
-- @param tgt (time, batch, d_model), in the same form; the masks are those of MultiheadAttention
function Transformer:forward(...)
  local src, tgt, src_mask, tgt_mask, memory_mask, src_padding, tgt_padding, memory_padding, src_causal, tgt_causal,
    memory_causal = read_forward(...)
  local memory = self.encoder(src, src_mask, src_padding, src_causal)
  return self.decoder(tgt, memory, tgt_mask, memory_mask, tgt_padding, memory_padding, tgt_causal, memory_causal)
end

local read_mask = args.spec('generate_square_subsequent_mask', 'sz:int', 'device=nil', 'dtype=nil')

--- The causal mask to add: 0 up to the diagonal, -inf above.
function Transformer.generate_square_subsequent_mask(...)
  local n, device, dtype = read_mask(...)
  return tocha.zeros({n, n}, {device = device, dtype = dtype}):masked_fill(masks.future(n, n, device), -math.huge)
end

return {Transformer = Transformer, TransformerEncoder = Encoder, TransformerDecoder = Decoder,
  TransformerEncoderLayer = EncoderLayer, TransformerDecoderLayer = DecoderLayer}
