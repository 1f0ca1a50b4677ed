--- tocha.nn.utils.fusion: batch normalisation folded into the layer before it, for evaluation.
-- @module tocha.nn.utils.fusion

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local Parameter = require 'tocha.nn.parameter'
local checked = require 'tocha.checked'

local fusion = {}

local function factors(bias, mean, var, eps, weight, shift)
  if bias == nil then bias = tocha.zeros_like(mean) end
  if weight == nil then weight = tocha.ones_like(mean) end
  if shift == nil then shift = tocha.zeros_like(mean) end
  local scale = weight * (var + eps):rsqrt()
  return scale, (bias - mean) * scale + shift
end

-- scale along the outputs: the first dimension, or the second of a transposed convolution
local function scaled(weight, scale, transposed)
  local shape = {}
  for i = 1, weight:dim() do shape[i] = 1 end
  shape[transposed and 2 or 1] = -1
  return weight * scale:reshape(shape)
end

--- Weight and bias of the fused convolution.
-- @param weight of the convolution
-- @param bias of the convolution, or nil
-- @param mean running mean of the normalisation
-- @param var running variance
-- @param eps added to it
-- @param bn_weight weight of the normalisation, or nil
-- @param bn_bias its bias, or nil
-- @param transpose whether it is a transposed convolution
-- @usage
-- local one = tocha.ones(1)
-- local w, b = nn.utils.fuse_conv_bn_weights(tocha.ones(1, 1, 1), nil, one, one * 4, 0, one, one)
-- w  --> {{{0.5}}}
-- b  --> {0.5}
function fusion.fuse_conv_bn_weights(weight, bias, mean, var, eps, bn_weight, bn_bias, transpose)
  local scale, shift = factors(bias, mean, var, eps, bn_weight, bn_bias)
  return Parameter(scaled(weight, scale, transpose):detach(), weight.requires_grad), Parameter(shift:detach())
end

--- Weight and bias of the fused linear layer.
-- @param weight of the linear layer
-- @param bias of the linear layer, or nil
-- @param mean running mean of the normalisation
-- @param var running variance
-- @param eps added to it
-- @param bn_weight weight of the normalisation, or nil
-- @param bn_bias its bias, or nil
-- @usage
-- local one = tocha.ones(1)
-- local w, b = nn.utils.fuse_linear_bn_weights(tocha.ones(1, 1), nil, one, one * 4, 0, one, one)
-- w  --> {{0.5}}
-- b  --> {0.5}
function fusion.fuse_linear_bn_weights(weight, bias, mean, var, eps, bn_weight, bn_bias)
  return fusion.fuse_conv_bn_weights(weight, bias, mean, var, eps, bn_weight, bn_bias, false)
end

-- A module of the same class and options: fields are shared, parameters are then replaced.
local function twin(module)
  local out = setmetatable(getmetatable(module).__new(), getmetatable(module))
  for key, value in pairs(module) do
    if type(key) ~= 'string' or not key:find('^_') then rawset(out, key, value) end
  end
  rawset(out, 'weight', nil)
  rawset(out, 'bias', nil)
  return out
end

local function fuse(layer, bn, transpose, name)
  if layer.training or bn.training then args.fail('%s: both modules must be in evaluation mode', name) end
  if bn.running_mean == nil then args.fail('%s: the batch norm has no running statistics', name) end
  local out = twin(layer)
  local weight, bias = fusion.fuse_conv_bn_weights(layer.weight, layer.bias, bn.running_mean, bn.running_var, bn.eps,
    bn.weight,
    bn.bias, transpose)
  out:register_parameter('weight', weight)
  out:register_parameter('bias', bias)
  return out
end

--- A convolution that does what `conv` followed by `bn` does in evaluation mode.
-- @param conv a convolution in evaluation mode
-- @param bn the normalisation behind it
-- @param transpose whether it is a transposed convolution; told by the class if not given
-- @raise in training mode
-- @usage
-- local conv, bn = nn.Conv2d(3, 4, 1):eval(), nn.BatchNorm2d(4):eval()
-- local x = tocha.randn(2, 3, 5, 5)
-- (nn.utils.fuse_conv_bn_eval(conv, bn)(x) - bn(conv(x))):abs():max():item() < 1e-5  --> true
function fusion.fuse_conv_bn_eval(conv, bn, transpose)
  local transposed = transpose or conv.__name:find('^ConvTranspose') ~= nil
  if class.is_class(getmetatable(conv)) then return fuse(conv, bn, transposed, 'fuse_conv_bn_eval') end
  args.fail('fuse_conv_bn_eval: conv: got %s, takes a convolution', args.show(conv))
end

--- A linear layer that does what `linear` followed by `bn` does in evaluation mode.
-- @param linear a linear layer in evaluation mode
-- @param bn the normalisation behind it
-- @raise in training mode
-- @usage
-- local linear, bn = nn.Linear(3, 4):eval(), nn.BatchNorm1d(4):eval()
-- local x = tocha.randn(2, 3)
-- (nn.utils.fuse_linear_bn_eval(linear, bn)(x) - bn(linear(x))):abs():max():item() < 1e-5  --> true
function fusion.fuse_linear_bn_eval(linear, bn) return fuse(linear, bn, false, 'fuse_linear_bn_eval') end

checked.all(fusion, '', {fuse_conv_bn_eval = 'conv:module bn:module', fuse_linear_bn_eval = 'linear:module bn:module',
  fuse_conv_bn_weights = 'conv_w:tensor conv_b:tensor? bn_rm:tensor bn_rv:tensor',
  fuse_linear_bn_weights = 'linear_w:tensor linear_b:tensor? bn_rm:tensor bn_rv:tensor'})

return fusion
