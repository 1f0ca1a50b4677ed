--- tocha.nn.utils: helpers for parameters, gradients and sequences; loaded on first use.
-- @module tocha.nn.utils

return require 'tocha.onuse'({}, 'tocha.nn.utils.', {
  clip_grad = 'clip_grad_norm_ clip_grad_value_ get_total_norm clip_grads_with_norm_',
  convert = 'parameters_to_vector vector_to_parameters',
  weight_norm = 'weight_norm remove_weight_norm',
  spectral_norm = 'spectral_norm remove_spectral_norm',
  layout = 'skip_init clip_grad_norm convert_conv2d_weight_memory_format convert_conv3d_weight_memory_format',
  fusion = 'fuse_conv_bn_eval fuse_conv_bn_weights fuse_linear_bn_eval fuse_linear_bn_weights',
}, 'rnn fusion parametrize parametrizations prune stateless')
