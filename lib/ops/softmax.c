/* softmax.c: softmax, log_softmax and softmin along one dim. */
#include "neural.h"

typedef struct numbers { int dim, as_log; } numbers;

static tc_rows rows_of(const tc_tensor *x, int dim) {
  tc_rows r = {1, x->ndim ? x->size[dim] : 1, 1};
  for (int d = 0; d < dim; d++) r.outer *= x->size[d];
  for (int d = dim + 1; d < x->ndim; d++) r.inner *= x->size[d];
  return r;
}

/* y (g - sum(g y)), or g - exp(y) sum(g) for the logarithm: of public operators, so that it can be differentiated */
static tc_tensor *composed_gradient(tc_tensor *g, tc_tensor *y, const numbers *k) {
  if (k->as_log) return minus(g, tc_mul_zero(sum_over(g, k->dim), tc_exp(y)));
  tc_tensor *gy = tc_mul_zero(g, y);
  return minus(gy, tc_mul_zero(sum_over(gy, k->dim), y));
}

static tc_tensor *fused_gradient(tc_tensor *g, tc_tensor *y, const numbers *k) {
  const int type = row_type(y);
  tc_tensor *dx = tci_like(y, type), *up = ready(g, type), *out = ready(y, type);
  if (!dx || !up || !out) return NULL;
  tc_rows r = rows_of(y, k->dim);
  tc_view views[] = {tci_view(dx), tci_view(up), tci_view(out)};
  int status = tci_kernels(y->device)->softmax_backward(&views[0], &views[1], &views[2], &r, k->as_log);
  return tci_status(status, NULL, NULL, 0) ? dx : NULL;
}

static void softmax_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  dx[0] = (tci_grad_mode() ? composed_gradient : fused_gradient)(g[0], n->out[0], n->attr);
}
static const tc_rule softmax_rule = {"softmax", softmax_grad, TC_SAVE_OUT(0)};
static const tc_rule log_softmax_rule = {"log_softmax", softmax_grad, TC_SAVE_OUT(0)};

/* Without a dim, PyTorch's old choice: the first of 0, 1 and 3 dims, else the second. */
static tc_dim chosen(tc_dim dim, const tc_tensor *x) {
  return dim != TC_NONE ? dim : x->ndim == 0 || x->ndim == 1 || x->ndim == 3 ? 0 : 1;
}

static tc_tensor *softmax(tc_tensor *x, tc_dim dim, tc_dtype dtype, const tc_rule *rule, int as_log) {
  if (x && dtype != TC_NONE) x = tc_to(x, dtype, TC_NONE, false);
  if (!x || !tci_check_float(x, "input")) return NULL;
  if (tci_is_complex(x->dtype)) return tci_fail("input: got %s, takes real numbers", tci_dtype_name(x->dtype));
  numbers k = {tci_dim(chosen(dim, x), x->ndim), as_log};
  if (k.dim < 0) return NULL;
  const int type = row_type(x);
  tc_tensor *y = tci_like(x, type), *in = ready(x, type);
  if (!y || !in) return NULL;
  tc_rows r = rows_of(x, k.dim);
  tc_view out_view = tci_view(y), in_view = tci_view(in);
  if (!tci_status(tci_kernels(x->device)->softmax(&out_view, &in_view, &r, as_log), NULL, NULL, 0)) return NULL;
  y = tci_cast(y, x->dtype);
  return y ? tci_record(rule, y, 1, &x, &k, sizeof k) : NULL;
}

tc_tensor *tc_softmax(tc_tensor *x, tc_dim dim, tc_dtype dtype) { return softmax(x, dim, dtype, &softmax_rule, 0); }
tc_tensor *tc_log_softmax(tc_tensor *x, tc_dim dim, tc_dtype dtype) { return softmax(x, dim, dtype, &log_softmax_rule, 1); }
tc_tensor *tc_softmin(tc_tensor *x, tc_dim dim, tc_dtype dtype) {
  return x ? tc_softmax(tc_neg(dtype != TC_NONE ? tc_to(x, dtype, TC_NONE, false) : x), dim, TC_NONE) : NULL;
}
