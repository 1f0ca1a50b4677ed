--- tocha.nn.utils: helpers for parameters, gradients and sequences; loaded on first use.
-- @module tocha.nn.utils

local utils = {}

-- which file gives which functions; a file named alone is a namespace
local functions = {
  clip_grad = 'clip_grad_norm_ clip_grad_value_ get_total_norm clip_grads_with_norm_',
  convert = 'parameters_to_vector vector_to_parameters',
  weight_norm = 'weight_norm remove_weight_norm',
  spectral_norm = 'spectral_norm remove_spectral_norm',
  layout = 'skip_init clip_grad_norm convert_conv2d_weight_memory_format convert_conv3d_weight_memory_format',
  fusion = 'fuse_conv_bn_eval fuse_conv_bn_weights fuse_linear_bn_eval fuse_linear_bn_weights',
}
local namespaces = {rnn = true, fusion = true, parametrize = true, parametrizations = true, prune = true,
  stateless = true}

local file_of = {}
for file, names in pairs(functions) do
  for name in names:gmatch('%S+') do file_of[name] = file end
end

return setmetatable(utils, {__index = function(_, name)
  local value
  if namespaces[name] then
    value = require('tocha.nn.utils.' .. name)
  elseif file_of[name] then
    value = require('tocha.nn.utils.' .. file_of[name])[name]
  end
  if value ~= nil then rawset(utils, name, value) end
  return value
end})
