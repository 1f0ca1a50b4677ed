/* vector_norm.c: norms of vectors over any dims, and log-sum-exp. Matrix norms are linear algebra. */
#include "reduce.h"

/* The derivative by x of the p-norm y is sign(x) (|x| / y)^(p-1); at y = 0 we take 0, and at x = 0 too unless p is 1. The
   quotient stays in range where powers of x and y on their own would not. */
static tc_tensor *power_slope(tc_tensor *x, tc_tensor *y, double p) {
  if (p == 1) return tc_sign(x);
  tc_tensor *none = tc_eq(y, tci_number(0)), *safe = tc_where(none, tci_number(1), y);
  if (p == 2) return tc_where(none, tci_number(0), tc_div(x, safe, NULL));
  none = tc_logical_or(none, tc_eq(x, tci_number(0)));
  tc_tensor *ratio = tc_where(none, tci_number(1), tc_div(tc_abs(x), safe, NULL));
  return tc_where(none, tci_number(0), tc_mul(tc_sign(x), tc_pow(ratio, tci_number(p - 1))));
}

static void norm_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const tci_fold_attr *a = n->attr;
  const tc_edge *in = &n->edge[0];
  tc_tensor *x = n->in[0], *wide = tci_with_dims(g[0], in, a->mask, a->keepdim);
  if (a->p == 0) { dx[0] = tc_zeros_like(x, TC_NONE, TC_NONE, false); return; }
  tc_tensor *y = tci_with_dims(n->out[0], in, a->mask, a->keepdim);
  if (isinf(a->p)) dx[0] = tc_mul_zero(wide, tc_mul(tc_sign(x), tci_share_ties(tc_detach(tc_abs(x)), tc_detach(y), a->mask)));
  else dx[0] = tc_mul_zero(wide, power_slope(x, y, a->p));
}
static const tc_rule norm_rule = {"vector_norm", norm_grad, TC_SAVE_IN(0) | TC_SAVE_OUT(0)};

static int norm_op(double p) {
  if (p == 0) return TC_FOLD_COUNT;
  if (isinf(p)) return p > 0 ? TC_FOLD_ABS_MAX : TC_FOLD_ABS_MIN;
  return p == 1 ? TC_FOLD_ABS_SUM : p == 2 ? TC_FOLD_EUCLID : TC_FOLD_POWER;
}

tc_tensor *tc_vector_norm(tc_tensor *x, double ord, const tc_dim *dim, int n_dim, bool keepdim, tc_dtype dtype) {
  tci_fold_attr a = {.keepdim = keepdim, .p = ord};
  if (!x) return NULL;
  if (tci_is_complex(x->dtype)) x = tc_abs(x);
  if (x && dtype != TC_NONE && dtype != x->dtype) x = tc_to(x, dtype, TC_NONE, false);
  if (!x || !tci_check_float(x, "x") || !tci_dim_mask(dim, n_dim, x->ndim, &a.mask)) return NULL;
  if ((isinf(ord) || ord < 0) && !tci_check_some(x, a.mask)) return NULL;
  tc_tensor *y = tci_fold(norm_op(ord), x, a.mask, keepdim, x->dtype, 1, ord);
  return y ? tci_record(&norm_rule, y, 1, &x, &a, sizeof a) : NULL;
}

/* ---- log-sum-exp ---- */
/* The weights exp(x - y); a row of nothing but -inf weighs nothing. */
static void logsumexp_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const tci_fold_attr *a = n->attr;
  tc_tensor *y = tci_with_dims(n->out[0], &n->edge[0], a->mask, a->keepdim);
  tc_tensor *finite = tc_where(tc_isneginf(y), tci_number(0), y);
  dx[0] = tc_mul_zero(tci_with_dims(g[0], &n->edge[0], a->mask, a->keepdim), tc_exp(tc_sub(n->in[0], finite, 1)));
}
static const tc_rule logsumexp_rule = {"logsumexp", logsumexp_grad, TC_SAVE_IN(0) | TC_SAVE_OUT(0)};

static tc_tensor *logsumexp(tc_tensor *x, uint64_t mask, bool keepdim) {
  tc_dim dims[TC_MAX_DIMS];
  int n = tci_mask_dims(mask, x->ndim, dims);
  if (tci_fold_count(x, mask) == 0) return tc_log(tci_fold(TC_FOLD_SUM, x, mask, keepdim, x->dtype, 1, 2));
  tc_tensor *high = tci_fold(TC_FOLD_MAX, x, mask, true, x->dtype, 1, 2);
  high = tc_where(tc_isinf(high), tci_number(0), high);
  tc_tensor *y = tc_add(tc_log(tc_sum(tc_exp(tc_sub(x, high, 1)), dims, n, true, TC_NONE)), high, 1);
  tc_tensor *shape = y && !keepdim ? tci_fold_like(x, mask, false, x->dtype) : NULL;
  return keepdim ? y : shape ? tc_reshape(y, shape->size, shape->ndim) : NULL;
}

/* as below, on real parts for the height; the gradient is that of the parts */
static tc_tensor *complex_logsumexp(tc_tensor *x, const tc_dim *dim, int n_dim, bool keepdim) {
  if (x->numel == 0) return tc_log(tc_sum(x, dim, n_dim, keepdim, TC_NONE));
  tc_tensor *high = tc_amax(tc_detach(tc_real(x)), dim, n_dim, true);
  high = tc_where(tc_isinf(high), tci_number(0), high);
  tc_tensor *y = tc_log(tc_sum(tc_exp(tc_sub(x, high, 1)), dim, n_dim, keepdim, TC_NONE));
  return y ? tc_add(y, tc_reshape(high, y->size, y->ndim), 1) : NULL;
}

tc_tensor *tc_logsumexp(tc_tensor *x, const tc_dim *dim, int n_dim, bool keepdim) {
  tci_fold_attr a = {.keepdim = keepdim};
  if (!x || !tci_dim_mask(dim, n_dim, x->ndim, &a.mask)) return NULL;
  if (tci_is_complex(x->dtype)) return complex_logsumexp(x, dim, n_dim, keepdim);
  if (tci_is_int(x->dtype) && !(x = tci_cast(x, tci_float_type(x->dtype)))) return NULL;
  bool recording = tci_set_grad_mode(false);
  tc_tensor *y = logsumexp(x, a.mask, keepdim);
  tci_set_grad_mode(recording);
  return y ? tci_record(&logsumexp_rule, y, 1, &x, &a, sizeof a) : NULL;
}
