/* pair_loss.c: losses of an input and a target of equal shape: mse, l1, smooth_l1, huber, binary cross-entropies, kl_div. One kernel
   computes and reduces them; where weights take part or a second derivative is wanted, they are composed. */
#include "neural.h"

typedef struct numbers { int kind, reduction; double p; } numbers;

int tci_reduction(const char *name, bool batchmean) {
  static const char *const names[] = {"none", "mean", "sum", "batchmean"};
  if (!name) return TC_LOSS_MEAN;
  for (int i = 0; i < 3 + batchmean; i++)
    if (!strcmp(name, names[i])) return i;
  tci_fail("reduction: got '%s', takes 'none', 'mean'%s", name, batchmean ? ", 'sum' or 'batchmean'" : " or 'sum'");
  return -1;
}

tc_tensor *tci_reduced(tc_tensor *loss, int reduction) {
  if (reduction == TC_LOSS_MEAN) return tc_mean(loss, NULL, 0, false, TC_NONE);
  return reduction == TC_LOSS_SUM ? tc_sum(loss, NULL, 0, false, TC_NONE) : loss;
}

bool tci_check_target(tc_tensor *input, tc_tensor *target, const char *target_name) {
  if (!input || !target) return false;
  if (tci_same_shape(input, target)) return true;
  return tci_fail("input has shape %s, %s %s; a loss does not broadcast them (expand() does)", tci_shape(input), target_name,
                  tci_shape(target)) != NULL;
}

/* ---- gradients ---- */
static tc_tensor *log_100(tc_tensor *x) { return tc_clamp(x, tci_number(-100), NULL); }

/* The derivative of one element's loss by the input, in public operators. */
static tc_tensor *input_slope(tc_tensor *x, tc_tensor *y, const numbers *k) {
  tc_tensor *d = minus(x, y);
  switch (k->kind) {
  case TC_PAIR_MSE: return scaled(d, 2);
  case TC_PAIR_L1: return tc_sign(d);
  case TC_PAIR_SMOOTH_L1: return k->p == 0 ? tc_sign(d) : tc_clamp(scaled(d, 1 / k->p), tci_number(-1), tci_number(1));
  case TC_PAIR_HUBER: return tc_clamp(d, tci_number(-k->p), tci_number(k->p));
  case TC_PAIR_BCE: return tc_div(d, tc_clamp(tc_mul(x, less_from(1, x)), tci_number(1e-12), NULL), NULL);
  case TC_PAIR_BCE_LOGITS: return minus(tc_sigmoid(x), y);
  case TC_PAIR_KL: return tc_neg(y);
  default: return tc_neg(tc_exp(y));
  }
}

static tc_tensor *target_slope(tc_tensor *x, tc_tensor *y, const numbers *k) {
  switch (k->kind) {
  case TC_PAIR_BCE: return minus(log_100(tc_log1p(tc_neg(x))), log_100(tc_log(x)));
  case TC_PAIR_BCE_LOGITS: return tc_neg(x);
  case TC_PAIR_KL: return minus(shifted(tc_log(y), 1), x);
  case TC_PAIR_KL_LOG: return tc_mul(tc_exp(y), shifted(minus(y, x), 1));
  default: return tc_neg(input_slope(x, y, k));
  }
}

static double scale_of(const numbers *k, const tc_tensor *x) {
  return k->reduction == TC_LOSS_MEAN ? 1 / (double)x->numel : k->reduction == TC_LOSS_BATCHMEAN ? 1 / (double)x->size[0] : 1;
}

static tc_tensor *fused_slope(tc_tensor *g, tc_tensor *x, tc_tensor *y, const numbers *k) {
  const int type = compute_type(g->dtype);
  tc_tensor *dx = tci_like(x, type), *up = ready(g, type), *a = ready(x, type), *b = ready(y, type);
  if (!dx || !up || !a || !b) return NULL;
  tc_view views[] = {tci_view(dx), tci_view(up), tci_view(a), tci_view(b)};
  int status = tci_kernels(x->device)->pair_loss_backward(k->kind, &views[0], &views[1], &views[2], &views[3],
                                                          k->reduction != TC_LOSS_NONE, k->p, scale_of(k, x));
  return tci_status(status, NULL, NULL, 0) ? dx : NULL;
}

static tc_tensor *upstream(tc_tensor *g, tc_tensor *x, const numbers *k) {
  return k->reduction == TC_LOSS_MEAN || k->reduction == TC_LOSS_BATCHMEAN ? scaled(g, scale_of(k, x)) : g;
}

static void pair_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const numbers *k = n->attr;
  tc_tensor *x = n->in[0], *y = n->in[1];
  const bool symmetric = k->kind <= TC_PAIR_HUBER, fused = !tci_grad_mode();
  if (tci_needs(n, 0) || symmetric) dx[0] = fused ? fused_slope(g[0], x, y, k) : tc_mul_zero(upstream(g[0], x, k), input_slope(x, y, k));
  if (tci_needs(n, 1)) dx[1] = symmetric ? tc_neg(dx[0]) : tc_mul_zero(upstream(g[0], x, k), target_slope(x, y, k));
  if (!tci_needs(n, 0)) dx[0] = NULL;
}
static const tc_rule pair_rule = {"loss", pair_grad, TC_SAVE_IN(0) | TC_SAVE_IN(1)};

static tc_tensor *pair_loss(tc_tensor *x, tc_tensor *y, int kind, int reduction, double p) {
  if (reduction < 0 || !tci_check_target(x, y, "target")) return NULL;
  tc_tensor *ins[] = {x, y};
  tc_device device;
  if (!tci_device_of(2, ins, &device)) return NULL;
  const int dtype = tci_float_type(tci_result_type(2, ins)), type = compute_type(dtype);
  if (tci_is_complex(dtype) && kind == TC_PAIR_L1) return tci_reduced(tc_abs(tc_sub(x, y, 1)), reduction);
  if (tci_is_complex(dtype)) return tci_fail("input: got %s, takes real numbers", tci_dtype_name(x->dtype));
  numbers k = {kind, reduction, p};
  tc_tensor *out = reduction == TC_LOSS_NONE ? tci_like(x, type) : tci_new(type, 0, NULL, device);
  tc_tensor *a = ready(x, type), *b = ready(y, type);
  if (!out || !a || !b) return NULL;
  tc_view views[] = {tci_view(out), tci_view(a), tci_view(b)};
  int status = tci_kernels(device)->pair_loss(kind, &views[0], &views[1], &views[2], reduction != TC_LOSS_NONE, p, scale_of(&k, x));
  if (status == TC_FAULT) return tci_fail("input: every element must lie between 0 and 1");
  if (!tci_status(status, NULL, NULL, 0)) return NULL;
  out = tci_cast(out, dtype);
  return out ? tci_record(&pair_rule, out, 2, ins, &k, sizeof k) : NULL;
}

/* ---- with weights: the sum of weighted losses, or that over the sum of the weights ---- */
static tc_tensor *weighted(tc_tensor *loss, tc_tensor *weight, int reduction, bool over_weights) {
  if (!loss || !weight) return NULL;
  tc_tensor *product = tc_mul(loss, weight);
  if (!product) return NULL;
  if (!tci_same_shape(product, loss))
    return tci_fail("weight has shape %s, which does not fit input's %s", tci_shape(weight), tci_shape(loss));
  if (reduction != TC_LOSS_MEAN || !over_weights) return tci_reduced(product, reduction);
  return tc_div(tc_sum(product, NULL, 0, false, TC_NONE), tc_sum(weight, NULL, 0, false, TC_NONE), NULL);
}

static tc_tensor *maybe_weighted(tc_tensor *x, tc_tensor *y, tc_tensor *weight, int kind, int reduction, double p, bool over_weights) {
  if (!weight || reduction < 0) return pair_loss(x, y, kind, reduction, p);
  return weighted(pair_loss(x, y, kind, TC_LOSS_NONE, p), weight, reduction, over_weights);
}

tc_tensor *tc_mse_loss(tc_tensor *x, tc_tensor *y, const char *reduction, tc_tensor *weight) {
  return maybe_weighted(x, y, weight, TC_PAIR_MSE, tci_reduction(reduction, false), 0, true);
}
tc_tensor *tc_l1_loss(tc_tensor *x, tc_tensor *y, const char *reduction, tc_tensor *weight) {
  return maybe_weighted(x, y, weight, TC_PAIR_L1, tci_reduction(reduction, false), 0, true);
}
tc_tensor *tc_smooth_l1_loss(tc_tensor *x, tc_tensor *y, const char *reduction, double beta) {
  if (beta < 0) return tci_fail("beta: got %g, takes 0 or more", beta);
  return pair_loss(x, y, TC_PAIR_SMOOTH_L1, tci_reduction(reduction, false), beta);
}
tc_tensor *tc_huber_loss(tc_tensor *x, tc_tensor *y, const char *reduction, double delta, tc_tensor *weight) {
  if (!(delta > 0)) return tci_fail("delta: got %g, takes a positive number", delta);
  return maybe_weighted(x, y, weight, TC_PAIR_HUBER, tci_reduction(reduction, false), delta, false); /* PyTorch: the mean over the elements */
}
tc_tensor *tc_binary_cross_entropy(tc_tensor *x, tc_tensor *y, tc_tensor *weight, const char *reduction) {
  return maybe_weighted(x, y, weight, TC_PAIR_BCE, tci_reduction(reduction, false), 0, false);
}

/* With pos_weight: (1 - y) x - (1 + (pos_weight - 1) y) log(sigmoid(x)) */
static tc_tensor *positive_weighted(tc_tensor *x, tc_tensor *y, tc_tensor *pos_weight) {
  if (!tci_check_target(x, y, "target")) return NULL;
  tc_tensor *share = shifted(tc_mul(shifted(pos_weight, -1), y), 1);
  if (share && !tci_same_shape(share, x))
    return tci_fail("pos_weight has shape %s, which does not fit input's %s", tci_shape(pos_weight), tci_shape(x));
  return minus(tc_mul(less_from(1, y), x), tc_mul(share, tc_logsigmoid(x)));
}

tc_tensor *tc_binary_cross_entropy_with_logits(tc_tensor *x, tc_tensor *y, tc_tensor *weight, const char *reduction,
                                               tc_tensor *pos_weight) {
  const int r = tci_reduction(reduction, false);
  if (r < 0) return NULL;
  if (!pos_weight) return maybe_weighted(x, y, weight, TC_PAIR_BCE_LOGITS, r, 0, false);
  tc_tensor *loss = positive_weighted(x, y, pos_weight);
  return weight ? weighted(loss, weight, r, false) : tci_reduced(loss, r);
}

tc_tensor *tc_kl_div(tc_tensor *x, tc_tensor *y, const char *reduction, bool log_target) {
  int r = tci_reduction(reduction, true);
  if (x && r == TC_LOSS_BATCHMEAN && x->ndim == 0) r = TC_LOSS_SUM; /* a batch of one */
  return pair_loss(x, y, log_target ? TC_PAIR_KL_LOG : TC_PAIR_KL, r, 0);
}
