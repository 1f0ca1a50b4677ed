--- autocast.lua: which operators tocha.amp.autocast changes, as PyTorch does: `low` ones take their floating operands in the 16-bit dtype, `full` ones in
-- float32. What is not here takes what it gets; operators of several operands promote by themselves. Read when the library is built.

local function set(text)
  local names = {}
  for name in text:gmatch('%S+') do names[name] = true end
  return names
end

return {
  cuda = {
    low = set[[mm bmm mv addmm addmv addr addbmm baddbmm matmul linear chain_matmul multi_dot conv1d conv2d conv3d conv_transpose1d
      conv_transpose2d conv_transpose3d prelu scaled_dot_product_attention recurrent_layer recurrent_whole]],
    full = set[[acos asin cosh exp exp2 expm1 log log2 log10 log1p pow float_power reciprocal rsqrt sinh tan erfinv softplus sum prod cumsum cumprod
      softmax log_softmax softmin cross_entropy nll_loss mse_loss l1_loss smooth_l1_loss huber_loss binary_cross_entropy_with_logits kl_div
      layer_norm rms_norm group_norm instance_norm normalize cosine_similarity pairwise_distance poisson_nll_loss gaussian_nll_loss
      hinge_embedding_loss margin_ranking_loss cosine_embedding_loss triplet_margin_loss multi_margin_loss multilabel_margin_loss
      multilabel_soft_margin_loss soft_margin_loss ctc_loss cdist renorm vector_norm logsumexp]],
    refused = set[[binary_cross_entropy]],
  },
  cpu = {
    low = set[[mm bmm mv addmm addmv addbmm baddbmm matmul linear conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d
      scaled_dot_product_attention recurrent_layer recurrent_whole]],
    full = set[[avg_pool3d binary_cross_entropy cdist trace prod cumprod quantile nanquantile mse_loss cross_entropy nll_loss l1_loss smooth_l1_loss huber_loss
      kl_div ctc_loss cosine_embedding_loss hinge_embedding_loss margin_ranking_loss triplet_margin_loss multi_margin_loss
      multilabel_margin_loss multilabel_soft_margin_loss soft_margin_loss poisson_nll_loss gaussian_nll_loss binary_cross_entropy_with_logits
      softmax log_softmax renorm logsumexp]],
    refused = {},
  },
}
