--- Normalisation without statistics: nn.LayerNorm, nn.GroupNorm, nn.RMSNorm, nn.LocalResponseNorm.
-- @module tocha.nn.normalization

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local show = require 'tocha.nn.show'
local Module = require 'tocha.nn.module'
local Parameter = require 'tocha.nn.parameter'
local F = require 'tocha.nn.functional'

local function as_list(size) return type(size) == 'table' and size or {size} end

-- Weight 1 and bias 0, where they are there.
local function reset(self)
  if self.weight ~= nil then self.weight:detach():fill_(1) end
  if self.bias ~= nil then self.bias:detach():zero_() end
end

local function setup(self, shape, weight, bias, device, dtype)
  local options = {device = device, dtype = dtype}
  self:register_parameter('weight', weight and Parameter(tocha.ones(shape, options)) or nil)
  if bias ~= nil then self:register_parameter('bias', bias and Parameter(tocha.zeros(shape, options)) or nil) end
end

-- ---------------------------------------------------------------------------------------------------------- LayerNorm

local LayerNorm = class('LayerNorm', Module)
LayerNorm.pure = true

local read_layer = args.spec('LayerNorm', 'normalized_shape:size', 'eps:num=1e-5', 'elementwise_affine:bool=true',
  'bias:bool=true', 'device=nil', 'dtype=nil')

--- Moves and scales the last dims to mean 0 and variance 1, then by a trained weight and bias of their shape.
-- Source: J. Ba et al., "Layer normalization", 2016.
-- @param normalized_shape their sizes, a number or a list
-- @param eps added to the variance
-- @param elementwise_affine whether there is a weight
-- @param bias whether there is a bias beside it
-- @shape (..., normalized_shape...) -> the same
-- @raise if the last dims have other sizes
-- @usage
-- nn.LayerNorm(2, 0)(tocha.tensor{{1, 3}, {10, 30}})  --> {{-1, 1}, {-1, 1}}
-- nn.LayerNorm{3, 4}.weight.shape  --> {3, 4}
function LayerNorm:__init(...)
  local shape, bias, device, dtype
  shape, self.eps, self.elementwise_affine, bias, device, dtype = read_layer(...)
  self.normalized_shape = as_list(shape)
  self.shape = #self.normalized_shape == 1 and self.normalized_shape[1] or self.normalized_shape
  setup(self, self.normalized_shape, self.elementwise_affine, self.elementwise_affine and bias, device, dtype)
end

LayerNorm.reset_parameters = reset

function LayerNorm:forward(input)
  return (F.layer_norm(input, self.shape, self.weight, self.bias, self.eps))
end

function LayerNorm:extra_repr()
  return show.python(self.normalized_shape) .. ', ' .. show.fields(self, 'eps', 'elementwise_affine')
end

-- ---------------------------------------------------------------------------------------------------------- GroupNorm

local GroupNorm = class('GroupNorm', Module)
GroupNorm.pure = true

local read_group = args.spec('GroupNorm', 'num_groups:int', 'num_channels:int', 'eps:num=1e-5', 'affine:bool=true',
  'device=nil', 'dtype=nil', '*', 'bias:bool=true')

--- Normalises over groups of channels and all places, item by item. Source: Y. Wu, K. He, "Group normalization", 2018.
-- @param num_groups so many groups, which divide the channels
-- @param num_channels the number of channels
-- @param eps added to the variance
-- @param affine whether each channel has a weight and a bias
-- @param bias false: no bias, by name only
-- @shape (n, num_channels, ...) -> the same
-- @raise if the groups do not divide the channels
-- @usage
-- nn.GroupNorm(2, 4)(tocha.randn(3, 4, 5, 5)).shape  --> {3, 4, 5, 5}
-- nn.GroupNorm(1, 2, {eps = 0})(tocha.tensor{{1, 3}})  --> {{-1, 1}}
function GroupNorm:__init(...)
  local device, dtype, bias
  self.num_groups, self.num_channels, self.eps, self.affine, device, dtype, bias = read_group(...)
  if self.num_channels % self.num_groups ~= 0 then
    args.fail('GroupNorm: num_channels %d is not divisible by num_groups %d', self.num_channels, self.num_groups)
  end
  setup(self, {self.num_channels}, self.affine, self.affine and bias, device, dtype)
end

GroupNorm.reset_parameters = reset

function GroupNorm:forward(input) return (F.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)) end

function GroupNorm:extra_repr()
  return ('%d, %d, '):format(self.num_groups, self.num_channels) .. show.fields(self, 'eps', 'affine')
end

-- ------------------------------------------------------------------------------------------------------------ RMSNorm

local RMSNorm = class('RMSNorm', Module)
RMSNorm.pure = true

local read_rms = args.spec('RMSNorm', 'normalized_shape:size', 'eps:num=nil', 'elementwise_affine:bool=true',
  'device=nil',
  'dtype=nil')

--- Divides by the root mean square over the last dimensions. Source: B. Zhang, R. Sennrich, 2019.
-- @param normalized_shape their sizes
-- @param eps added to the mean square; without it the dtype's smallest step from 1
-- @param elementwise_affine whether there is a weight
-- @shape (..., normalized_shape...) -> the same
-- @usage
-- nn.RMSNorm(2)(tocha.tensor{3, 4})  --> {0.8485, 1.131}
function RMSNorm:__init(...)
  local shape, device, dtype
  shape, self.eps, self.elementwise_affine, device, dtype = read_rms(...)
  self.normalized_shape = as_list(shape)
  self.shape = #self.normalized_shape == 1 and self.normalized_shape[1] or self.normalized_shape
  setup(self, self.normalized_shape, self.elementwise_affine, nil, device, dtype)
end

RMSNorm.reset_parameters = reset

function RMSNorm:forward(input) return (F.rms_norm(input, self.shape, self.weight, self.eps)) end

function RMSNorm:extra_repr()
  return show.python(self.normalized_shape) .. ', ' .. show.fields(self, 'eps', 'elementwise_affine')
end

-- -------------------------------------------------------------------------------------------------- LocalResponseNorm

local LocalResponseNorm = class('LocalResponseNorm', Module)
LocalResponseNorm.pure = true

local _, store_response = args.spec('LocalResponseNorm', 'size:int', 'alpha:num=1e-4', 'beta:num=0.75', 'k:num=1')

--- Divides by a power of the mean square over neighbouring channels: x / (k + alpha mean(x^2))^beta.
-- Source: A. Krizhevsky et al., 2012.
-- @param size how many neighbouring channels, the own one in the middle
-- @param alpha weight of the mean square
-- @param beta the power
-- @param k added, so that nothing is divided by 0
-- @shape (n, channels, ...) -> the same
-- @usage
-- nn.LocalResponseNorm(2, {alpha = 1})(tocha.ones(1, 3, 2))[1]  --> {{0.7378, 0.7378}, {0.5946, 0.5946}, {0.5946, 0.5946}}
function LocalResponseNorm:__init(...) store_response(self, ...) end

function LocalResponseNorm:forward(input)
  return (F.local_response_norm(input, self.size, self.alpha, self.beta, self.k))
end

function LocalResponseNorm:extra_repr()
  return tostring(self.size) .. ', ' .. show.fields(self, 'alpha', 'beta', 'k')
end

return {LayerNorm = LayerNorm, GroupNorm = GroupNorm, RMSNorm = RMSNorm, LocalResponseNorm = LocalResponseNorm}
