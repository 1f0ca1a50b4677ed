/* dropout.c: elements or whole channels that are zeroed at random while training. */
#include "ops.h"
#include "../random.h"

static bool check(tc_tensor *x, double p) {
  if (!x || !tci_check_float(x, "input")) return false;
  if (p >= 0 && p <= 1) return true;
  return tci_fail("p: got %g, takes a probability from 0 to 1", p) != NULL;
}

/* What is dropped follows from the stream alone, so backward draws it again instead of keeping a mask. */
static tc_tensor *dropped(tc_tensor *x, tc_draw d);
static void dropout_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) { dx[0] = dropped(g[0], *(const tc_draw *)n->attr); }
static const tc_rule dropout_rule = {"dropout", dropout_grad, 0};

static tc_tensor *dropped(tc_tensor *x, tc_draw d) {
  if (!x) return NULL;
  tc_tensor *y = tci_like(x, x->dtype), *rows = tci_contig(x);
  if (!y || !rows) return NULL;
  tc_view yv = tci_view(y), xv = tci_view(rows);
  if (y->numel && !tci_status(tci_kernels(x->device)->dropout(&yv, &xv, &d), NULL, NULL, 0)) return NULL;
  return tci_record(&dropout_rule, y, 1, &x, &d, sizeof d);
}

/* 0 or `kept`, for each element, or for each channel (the first two dims) */
static tc_tensor *noise(tc_tensor *x, double p, double kept, bool channels) {
  int64_t size[TC_MAX_DIMS];
  for (int d = 0; d < x->ndim; d++) size[d] = !channels || d < 2 ? x->size[d] : 1;
  bool grad = tci_set_grad_mode(false);
  tc_tensor *ones = tc_ones(size, x->ndim, x->dtype, x->device, false), *y = NULL;
  if (ones) y = tc_bernoulli(ones, tci_number(1 - p), NULL);
  if (kept != 1) y = tc_mul(y, tci_number(kept));
  tci_set_grad_mode(grad);
  return y;
}

static tc_tensor *drop_elements(tc_tensor *x, double p) {
  double scale = p < 1 ? 1 / (1 - p) : 0;
  if (tci_is_complex(x->dtype)) return tc_mul(x, noise(x, p, scale, false));
  return dropped(x, (tc_draw){tci_next_stream(NULL), TC_DRAW_BERNOULLI, p, scale});
}
static tc_tensor *drop_channels(tc_tensor *x, double p) { return tc_mul(x, noise(x, p, p < 1 ? 1 / (1 - p) : 0, true)); }

/* Dropped elements become the value that SELU saturates at; a and b restore mean and variance (Klambauer and others 2017). */
static tc_tensor *drop_alpha(tc_tensor *x, double p, bool channels) {
  const double alpha = 1.7580993408473766;
  if (p == 1) return tc_mul(x, tci_number(0));
  double a = 1 / sqrt((alpha * alpha * p + 1) * (1 - p));
  tc_tensor *keep = noise(x, p, 1, channels);
  bool grad = tci_set_grad_mode(false);
  tc_tensor *scale = tc_mul(keep, tci_number(a));
  tc_tensor *shift = tc_add(tc_mul(tc_sub(keep, tci_number(1), 1), tci_number(alpha * a)), tci_number(alpha * a * p), 1);
  tci_set_grad_mode(grad);
  return tc_add(tc_mul(x, scale), shift, 1);
}
static tc_tensor *drop_alpha_elements(tc_tensor *x, double p) { return drop_alpha(x, p, false); }
static tc_tensor *drop_alpha_channels(tc_tensor *x, double p) { return drop_alpha(x, p, true); }

static tc_tensor *run(tc_tensor *x, double p, bool training, bool inplace, tc_tensor *(*drop)(tc_tensor *, double)) {
  if (!check(x, p)) return NULL;
  if (!training || p == 0 || x->numel == 0) return x;
  if (!inplace) return drop(x, p);
  tc_tensor *twin = tci_inplace_begin(x, false);
  if (!twin) return NULL;
  tci_target(x->dtype, x->ndim, x->size, 0, NULL); /* nothing inside may write to x before its values have been read */
  return tci_inplace(x, drop(twin, p));
}

tc_tensor *tc_dropout(tc_tensor *x, double p, bool training, bool inplace) { return run(x, p, training, inplace, drop_elements); }
tc_tensor *tc_alpha_dropout(tc_tensor *x, double p, bool training, bool inplace) { return run(x, p, training, inplace, drop_alpha_elements); }

static tc_tensor *run_channels(tc_tensor *x, double p, bool training, bool inplace, int dims, tc_tensor *(*drop)(tc_tensor *, double)) {
  if (!x) return NULL;
  if (x->ndim < 2 || (dims && x->ndim != dims + 1 && x->ndim != dims + 2))
    return tci_fail("input: got shape %s, takes (batch, channel, ...)%s", tci_shape(x), dims ? " or (channel, ...)" : "");
  bool single = dims && x->ndim == dims + 1 && dims != 2; /* (channel, ...); dropout2d reads 3 dims as (batch, channel, length) */
  if (!single) return run(x, p, training, inplace, drop);
  tc_tensor *y = run(tc_unsqueeze(x, 0), p, training, inplace, drop);
  return inplace ? (y ? x : NULL) : tc_squeeze(y, (tc_dim[]){0}, 1);
}

tc_tensor *tc_dropout1d(tc_tensor *x, double p, bool training, bool inplace) { return run_channels(x, p, training, inplace, 1, drop_channels); }
tc_tensor *tc_dropout2d(tc_tensor *x, double p, bool training, bool inplace) { return run_channels(x, p, training, inplace, 2, drop_channels); }
tc_tensor *tc_dropout3d(tc_tensor *x, double p, bool training, bool inplace) { return run_channels(x, p, training, inplace, 3, drop_channels); }
tc_tensor *tc_feature_alpha_dropout(tc_tensor *x, double p, bool training, bool inplace) {
  return run_channels(x, p, training, inplace, 0, drop_alpha_channels);
}
