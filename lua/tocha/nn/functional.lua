--- tocha.nn.functional: what layers and losses compute, as functions.
--
-- Most of them are operators of the library. The files below add what is composed of others, and PyTorch's argument
-- lists where they are wider than the operators'. Everything is looked up on first use.
-- @module tocha.nn.functional

local F = {}

-- What a file here gives takes the place of the operator of that name ...
local wrappers = {
  functional_activation = [[relu relu_ relu6 relu6_ selu selu_ silu silu_ mish mish_ hardsigmoid hardsigmoid_ hardswish
    hardswish_ elu elu_ celu celu_ leaky_relu leaky_relu_ hardtanh hardtanh_ threshold threshold_ gelu rrelu]],
  functional_loss = [[cross_entropy nll_loss mse_loss l1_loss smooth_l1_loss kl_div binary_cross_entropy
    binary_cross_entropy_with_logits poisson_nll_loss hinge_embedding_loss soft_margin_loss margin_ranking_loss
    cosine_embedding_loss multi_margin_loss multilabel_margin_loss multilabel_soft_margin_loss triplet_margin_loss
    triplet_margin_with_distance_loss]],
}

-- ... and here only if there is none.
local compositions = {
  functional_bilinear = 'bilinear',
  functional_fractional = 'fractional_max_pool2d fractional_max_pool3d',
  functional_linear_loss = 'linear_cross_entropy',
  functional_more_losses = 'focal_loss sigmoid_focal_loss dice_loss info_nce_loss',
  functional_pdist = 'pdist',
  functional_patches = 'unfold fold grid_sample',
  functional_vision = 'pixel_shuffle pixel_unshuffle channel_shuffle affine_grid',
}

local function by_name(files)
  local out = {}
  for file, names in pairs(files) do
    for name in names:gmatch('%S+') do out[name] = file end
  end
  return out
end

local wrapped, composed = by_name(wrappers), by_name(compositions)

setmetatable(F, {__index = function(_, name)
  local native = require 'tocha.nn.native'
  local value
  if wrapped[name] then value = require('tocha.nn.' .. wrapped[name])[name] end
  if value == nil then value = native[name] end
  if value == nil and composed[name] then value = require('tocha.nn.' .. composed[name])[name] end
  if value ~= nil then rawset(F, name, value) end
  return value
end, __names = function()
  local names = require('tocha.binding').names('space', 'F')
  for _, list in ipairs{wrapped, composed} do
    for name in pairs(list) do names[#names + 1] = name end
  end
  return names
end})

return F
