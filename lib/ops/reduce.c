/* reduce.c: sums, means, products, extremes and tests over any dims, with their gradients. Positions: reduce_arg.c; variances: moments.c. */
#include "reduce.h"

/* ---- shared ---- */
tc_tensor *tci_share_ties(tc_tensor *x, tc_tensor *y, uint64_t mask) {
  tc_dim dims[TC_MAX_DIMS];
  int n = tci_mask_dims(mask, x ? x->ndim : 0, dims);
  tc_tensor *same = tc_logical_or(tc_eq(x, y), tc_logical_and(tc_isnan(x), tc_isnan(y)));
  if (!same) return NULL;
  return tc_div(same, tc_sum(same, dims, n, true, x->dtype), NULL);
}

bool tci_has_zero(tc_tensor *x) {
  tc_tensor *zero = tc_any(tc_eq(x, tci_number(0)), NULL, 0, false);
  double found = 0;
  return zero && tc_read_doubles(zero, &found) && found != 0;
}

/* What a reduction with a dtype reads: integers are converted first if that loses their fractions or they become complex. */
static tc_tensor *read_as(tc_tensor *x, int dtype) {
  bool whole = tci_is_int(dtype) && !tci_is_int(x->dtype), complex = tci_is_complex(dtype) != tci_is_complex(x->dtype);
  return whole || complex ? tci_cast(x, dtype) : x;
}

/* The tensor to fold: inputs of 0 dims have one element whatever dims are named. */
static bool fold_mask(const tc_tensor *x, const tc_dim *dims, int n, uint64_t *mask) { return tci_dim_mask(dims, n, x->ndim, mask); }

static tc_tensor *run(const tc_rule *rule, int op, tc_tensor *x, const tc_dim *dims, int n, bool keepdim, int dtype, bool mean) {
  tci_fold_attr a = {.keepdim = keepdim};
  if (!fold_mask(x, dims, n, &a.mask)) return NULL;
  tc_tensor *read = read_as(x, dtype);
  if (!read) return NULL;
  double divisor = mean ? (double)tci_fold_count(x, a.mask) : 1;
  tc_tensor *y = tci_fold(op, read, a.mask, keepdim, dtype, divisor, 2);
  return y && rule ? tci_record(rule, y, 1, &x, &a, sizeof a) : y;
}

static int sum_type(const tc_tensor *x, tc_dtype dtype) { return dtype != TC_NONE ? dtype : tci_is_int(x->dtype) ? TC_INT64 : x->dtype; }

/* ---- sums ---- */
static void sum_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const tci_fold_attr *a = n->attr;
  dx[0] = tci_blow_up(g[0], &n->edge[0], a->mask, a->keepdim);
}
static const tc_rule sum_rule = {"sum", sum_grad, TC_COMPLEX_RULE};

tc_tensor *tc_sum(tc_tensor *x, const tc_dim *dim, int n_dim, bool keepdim, tc_dtype dtype) {
  if (!x) return NULL;
  return run(&sum_rule, TC_FOLD_SUM, x, dim, n_dim, keepdim, sum_type(x, dtype), false);
}

static void nansum_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const tci_fold_attr *a = n->attr;
  tc_tensor *whole = tci_blow_up(g[0], &n->edge[0], a->mask, a->keepdim);
  dx[0] = tc_where(tc_isnan(n->in[0]), tci_number(0), whole);
}
static const tc_rule nansum_rule = {"nansum", nansum_grad, TC_SAVE_IN(0)};

tc_tensor *tc_nansum(tc_tensor *x, const tc_dim *dim, int n_dim, bool keepdim, tc_dtype dtype) {
  if (!x) return NULL;
  if (tci_is_complex(x->dtype)) return tci_fail("complex numbers are not supported");
  return run(&nansum_rule, TC_FOLD_NANSUM, x, dim, n_dim, keepdim, sum_type(x, dtype), false);
}

/* ---- means ---- */
static void mean_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const tci_fold_attr *a = n->attr;
  double count = 1;
  for (int d = 0; d < n->edge[0].ndim; d++)
    if (a->mask >> d & 1) count *= (double)n->edge[0].size[d];
  dx[0] = tci_blow_up(tc_mul(g[0], tci_number(1 / count)), &n->edge[0], a->mask, a->keepdim);
}
static const tc_rule mean_rule = {"mean", mean_grad, TC_COMPLEX_RULE};

static bool check_mean(const tc_tensor *x, tc_dtype dtype) {
  int as = dtype != TC_NONE ? dtype : x->dtype;
  if (!tci_is_int(as)) return true;
  tci_fail("the mean of %s is not defined: use x:float(), or {dtype = 'float32'}", tci_dtype_name(as));
  return false;
}

tc_tensor *tc_mean(tc_tensor *x, const tc_dim *dim, int n_dim, bool keepdim, tc_dtype dtype) {
  if (!x || !check_mean(x, dtype)) return NULL;
  return run(&mean_rule, TC_FOLD_SUM, x, dim, n_dim, keepdim, dtype != TC_NONE ? dtype : x->dtype, true);
}

tc_tensor *tc_nanmean(tc_tensor *x, const tc_dim *dim, int n_dim, bool keepdim, tc_dtype dtype) {
  if (!x || !check_mean(x, dtype)) return NULL;
  tc_tensor *total = tc_nansum(x, dim, n_dim, keepdim, dtype);
  tc_tensor *count = tc_sum(tc_logical_not(tc_isnan(x)), dim, n_dim, keepdim, total ? total->dtype : TC_NONE);
  return tc_div(total, count, NULL);
}

/* ---- products ---- */
/* The folded dims of x as one last dim; gives x itself if it is that already. */
static tc_tensor *fold_last(tc_tensor *x, uint64_t mask) {
  tc_dim order[TC_MAX_DIMS];
  int64_t size[TC_MAX_DIMS + 1], n = 0, count = 1;
  if (!x) return NULL;
  for (int d = 0; d < x->ndim; d++)
    if (!(mask >> d & 1)) size[n] = x->size[d], order[n++] = d;
  int kept = (int)n;
  for (int d = 0; d < x->ndim; d++)
    if (mask >> d & 1) count *= x->size[d], order[n++] = d;
  size[kept] = count;
  return tc_reshape(tc_permute(x, order, x->ndim), size, kept + 1);
}

/* The inverse of fold_last for a tensor of the shape it gave. */
static tc_tensor *unfold_last(tc_tensor *x, const tc_edge *in, uint64_t mask) {
  tc_dim back[TC_MAX_DIMS];
  int64_t size[TC_MAX_DIMS];
  int n = 0;
  for (int d = 0; d < in->ndim; d++)
    if (!(mask >> d & 1)) size[n] = in->size[d], back[d] = n++;
  for (int d = 0; d < in->ndim; d++)
    if (mask >> d & 1) size[n] = in->size[d], back[d] = n++;
  return tc_permute(tc_reshape(x, size, in->ndim), back, in->ndim);
}

/* out[..., i] = product of all of x[..., :] but the i-th, for x with zeros: as products before and after, or, where it has to be
   differentiated again, from a matrix of copies with ones on the diagonal. */
static tc_tensor *product_of_others(tc_tensor *x) {
  if (!x) return NULL;
  int64_t n = x->size[x->ndim - 1];
  if (tc_grad_enabled()) {
    int64_t wide[TC_MAX_DIMS + 1];
    for (int d = 0; d < x->ndim; d++) wide[d] = x->size[d];
    wide[x->ndim] = n;
    wide[x->ndim - 1] = n;
    tc_tensor *copies = tc_expand(tc_unsqueeze(x, -2), wide, x->ndim + 1);
    tc_tensor *diagonal = tc_eye(n, n, TC_BOOL, x->device, false);
    return tc_prod(tc_where(diagonal, tci_number(1), copies), -1, false, TC_NONE);
  }
  return tc_mul(tci_scan(TC_SCAN_PROD, x, -1, TC_SCAN_BEFORE), tci_scan(TC_SCAN_PROD, x, -1, TC_SCAN_AFTER));
}

static void prod_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const tci_fold_attr *a = n->attr;
  const tc_edge *in = &n->edge[0];
  tc_tensor *x = n->in[0], *y = n->out[0], *wide = tci_with_dims(g[0], in, a->mask, a->keepdim);
  if (!x || x->numel == 0) { dx[0] = tc_zeros_like(x, TC_NONE, TC_NONE, false); return; }
  if (!tci_has_zero(x)) dx[0] = tc_div_zero(tc_mul_zero(wide, tci_with_dims(y, in, a->mask, a->keepdim)), x);
  else dx[0] = tc_mul_zero(wide, unfold_last(product_of_others(fold_last(x, a->mask)), in, a->mask));
}
static const tc_rule prod_rule = {"prod", prod_grad, TC_SAVE_IN(0) | TC_SAVE_OUT(0)};

/* Complex products: the last dim is multiplied in pairs until it is gone; odd ones out wait in `rest`. */
static tc_tensor *complex_prod(tc_tensor *x, uint64_t mask, bool keepdim) {
  tc_tensor *y = fold_last(x, mask), *rest = NULL, *shape = x ? tci_fold_like(x, mask, keepdim, x->dtype) : NULL;
  if (!y || !shape) return NULL;
  if (tci_fold_count(x, mask) == 0) return tc_ones_like(shape, TC_NONE, TC_NONE, false);
  for (int64_t n; y && (n = y->size[y->ndim - 1]) > 1;) {
    tc_tensor *odd = n % 2 ? tc_narrow(y, -1, n - 1, 1) : NULL;
    if (odd) rest = rest ? tc_mul(rest, odd) : odd;
    y = tc_mul(tc_narrow(y, -1, 0, n / 2), tc_narrow(y, -1, n / 2, n / 2));
  }
  return tc_reshape(rest ? tc_mul(y, rest) : y, shape->size, shape->ndim);
}

tc_tensor *tc_prod(tc_tensor *x, tc_dim dim, bool keepdim, tc_dtype dtype) {
  if (!x) return NULL;
  uint64_t mask;
  int as = sum_type(x, dtype);
  if (tci_is_complex(as)) return tci_one_dim(dim, x->ndim, &mask) ? complex_prod(tc_to(x, as, TC_NONE, false), mask, keepdim) : NULL;
  if (dtype != TC_NONE && as != x->dtype && tci_is_float(as)) x = tc_to(x, as, TC_NONE, false);
  return x ? run(&prod_rule, TC_FOLD_PROD, x, &dim, dim == TC_NONE ? 0 : 1, keepdim, as, false) : NULL;
}

/* ---- extremes ---- */
static void extreme_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const tci_fold_attr *a = n->attr;
  tc_tensor *y = tci_with_dims(n->out[0], &n->edge[0], a->mask, a->keepdim);
  dx[0] = tc_mul(tci_with_dims(g[0], &n->edge[0], a->mask, a->keepdim), tci_share_ties(n->in[0], tc_detach(y), a->mask));
}
static const tc_rule amax_rule = {"amax", extreme_grad, TC_SAVE_IN(0) | TC_SAVE_OUT(0)};
static const tc_rule amin_rule = {"amin", extreme_grad, TC_SAVE_IN(0) | TC_SAVE_OUT(0)};

static tc_tensor *extreme(const tc_rule *rule, int op, tc_tensor *x, const tc_dim *dims, int n, bool keepdim) {
  uint64_t mask;
  if (!x || !tci_check_real(x) || !fold_mask(x, dims, n, &mask) || !tci_check_some(x, mask)) return NULL;
  return run(rule, op, x, dims, n, keepdim, x->dtype, false);
}

tc_tensor *tc_amax(tc_tensor *x, const tc_dim *dim, int n_dim, bool keepdim) { return extreme(&amax_rule, TC_FOLD_MAX, x, dim, n_dim, keepdim); }
tc_tensor *tc_amin(tc_tensor *x, const tc_dim *dim, int n_dim, bool keepdim) { return extreme(&amin_rule, TC_FOLD_MIN, x, dim, n_dim, keepdim); }
tc_tensor *tc_max_all(tc_tensor *x) {
  tci_known_as("max_all", "max");
  return tc_amax(x, NULL, 0, false);
}
tc_tensor *tc_min_all(tc_tensor *x) {
  tci_known_as("min_all", "min");
  return tc_amin(x, NULL, 0, false);
}

tc_tensor *tc_aminmax(tc_tensor *x, tc_dim dim, bool keepdim, tc_tensor **max) {
  int n = dim == TC_NONE ? 0 : 1;
  *max = tc_amax(x, &dim, n, keepdim);
  return tc_amin(x, &dim, n, keepdim);
}

/* ---- tests ---- */
static int test_type(const tc_tensor *x) { return x->dtype == TC_UINT8 ? TC_UINT8 : TC_BOOL; } /* PyTorch keeps uint8 */

static tc_tensor *truth(tc_tensor *x) { return tci_is_complex(x->dtype) ? tc_ne(x, tci_number(0)) : x; }

tc_tensor *tc_any(tc_tensor *x, const tc_dim *dim, int n_dim, bool keepdim) {
  if (!x || !(x = truth(x))) return NULL;
  return run(NULL, TC_FOLD_ANY, x, dim, n_dim, keepdim, test_type(x), false);
}

tc_tensor *tc_all(tc_tensor *x, const tc_dim *dim, int n_dim, bool keepdim) {
  if (!x || !(x = truth(x))) return NULL;
  return run(NULL, TC_FOLD_ALL, x, dim, n_dim, keepdim, test_type(x), false);
}

tc_tensor *tc_count_nonzero(tc_tensor *x, const tc_dim *dim, int n_dim) {
  uint64_t mask;
  if (!x || !(x = truth(x)) || !fold_mask(x, dim, n_dim, &mask)) return NULL;
  return tci_fold(TC_FOLD_COUNT, x, mask, false, TC_INT64, 1, 2);
}

double tci_largest(tc_tensor *x) {
  double value = NAN;
  if (!x || x->numel == 0) return x ? 0 : NAN;
  const bool recording = tci_set_grad_mode(false);
  if (!tc_read_doubles(tc_amax(tc_abs(tc_to(x, TC_FLOAT64, TC_NONE, false)), NULL, 0, false), &value)) value = NAN;
  tci_set_grad_mode(recording);
  return value;
}
