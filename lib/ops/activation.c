/* activation.c: activations that are more than a formula of one element: glu, prelu, rrelu, gumbel_softmax. */
#include "neural.h"

tc_tensor *tc_glu(tc_tensor *x, tc_dim dim) {
  if (!x) return NULL;
  const int d = tci_dim(dim, x->ndim);
  if (d < 0) return NULL;
  if (x->ndim == 0 || x->size[d] % 2)
    return tci_fail("dim %d of input %s must be even, it is split in halves", d + 1, tci_shape(x));
  const int64_t half = x->size[d] / 2;
  return tc_mul(tc_narrow(x, d, 0, half), tc_sigmoid(tc_narrow(x, d, half, half)));
}

tc_tensor *tc_prelu(tc_tensor *x, tc_tensor *weight) {
  if (!x || !weight) return NULL;
  const int64_t channels = x->ndim > 1 ? x->size[1] : 1;
  if (weight->numel != 1) {
    if (weight->ndim != 1 || weight->size[0] != channels)
      return tci_fail("weight: got shape %s, takes 1 element or one for each of the %lld channels of input %s", tci_shape(weight),
                      (long long)channels, tci_shape(x));
    int64_t shape[TC_MAX_DIMS];
    for (int d = 0; d < x->ndim; d++) shape[d] = d == 1 ? channels : 1;
    weight = tc_reshape(weight, shape, x->ndim);
  } else weight = tc_reshape(weight, NULL, 0);
  return tc_where(tc_gt(x, tci_number(0)), x, tc_mul(weight, x));
}

static tc_tensor *rrelu(tc_tensor *x, double lower, double upper, bool training) {
  if (!x) return NULL;
  if (!(lower <= upper)) return tci_fail("lower: got %g, takes at most upper, %g", lower, upper);
  if (!training) return tc_leaky_relu(x, (lower + upper) / 2);
  tc_tensor *slope = shifted(scaled(tc_rand_like(x, TC_NONE, TC_NONE, false, NULL), upper - lower), lower);
  return tc_where(tc_gt(x, tci_number(0)), x, tc_mul(x, slope));
}

tc_tensor *tc_rrelu(tc_tensor *x, double lower, double upper, bool training, bool inplace) {
  if (!inplace) return rrelu(x, lower, upper, training);
  tc_tensor *twin = tci_inplace_begin(x, false);
  return twin ? tci_inplace(x, rrelu(twin, lower, upper, training)) : NULL;
}

/* Straight-through: the value is one-hot, the gradient that of the soft sample. */
static tc_tensor *hardened(tc_tensor *soft, int dim) {
  tc_tensor *most = tc_argmax(soft, dim, true);
  tc_tensor *hard = tc_scatter(tc_zeros_like(soft, TC_NONE, TC_NONE, false), dim, most, tci_number(1), NULL);
  return plus(minus(hard, tc_detach(soft)), soft);
}

tc_tensor *tc_gumbel_softmax(tc_tensor *logits, double tau, bool hard, double eps, tc_dim dim) {
  if (!logits || !tci_check_float(logits, "logits")) return NULL;
  const int d = tci_dim(dim, logits->ndim);
  if (d < 0) return NULL;
  if (!(tau > 0)) return tci_fail("tau: got %g, takes a positive number", tau);
  const bool before = tci_set_grad_mode(false);
  tc_tensor *u = tc_rand_like(logits, TC_NONE, TC_NONE, false, NULL);
  tc_tensor *noise = tc_neg(tc_log(tc_neg(tc_log1p(tc_neg(u))))); /* -log of an exponential variable; u < 1 */
  tci_set_grad_mode(before);
  tc_tensor *soft = tc_softmax(scaled(plus(logits, noise), 1 / tau), d, TC_NONE);
  return hard ? hardened(soft, d) : soft;
}
