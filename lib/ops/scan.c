/* scan.c: running sums, products, log-sums and extremes along one dim, and differences of neighbours. */
#include "reduce.h"

typedef struct scan_attr { int dim, direction; } scan_attr;

static int computed_in(int dtype) { return tci_is_complex(dtype) ? dtype : dtype == TC_FLOAT64 ? TC_FLOAT64 : tci_is_int(dtype) ? TC_INT64 : TC_FLOAT32; }

/* A row-major tensor as the kernel sees it: complex numbers are pairs along one more dim where sums are asked for. */
static tc_view parts_of(const tc_tensor *x, int op, int64_t *size) {
  tc_view v = tci_view(x);
  if (!tci_is_complex(x->dtype) || op != TC_SCAN_SUM) return v;
  for (int d = 0; d < x->ndim; d++) size[d] = x->size[d];
  int ndim = x->ndim > 0 ? x->ndim : 1;
  if (x->ndim == 0) size[0] = 1;
  size[ndim] = 2;
  return (tc_view){v.data, tci_part_type(x->dtype), ndim + 1, x->numel * 2, size, NULL};
}

tc_tensor *tci_scan(int op, tc_tensor *x, tc_dim dim, int direction) {
  if (!x) return NULL;
  int d = tci_dim(dim, x->ndim);
  tc_tensor *flat = d < 0 ? NULL : tci_contig(x), *y = flat ? tci_like(x, x->dtype) : NULL;
  if (!y) return NULL;
  int64_t size[TC_MAX_DIMS + 1];
  tc_view from = parts_of(flat, op, size), to = parts_of(y, op, size);
  int s = tci_kernels(x->device)->scan(op, direction, computed_in(from.dtype), &to, &from, d, NULL);
  return tci_status(s, NULL, NULL, 0) ? y : NULL;
}

/* ---- sums ---- */
static tc_tensor *scan_sum(tc_tensor *x, int dim, int direction);

static void scan_sum_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const scan_attr *a = n->attr;
  dx[0] = scan_sum(g[0], a->dim, a->direction == TC_SCAN_FORWARD ? TC_SCAN_BACKWARD : TC_SCAN_FORWARD);
}
static const tc_rule cumsum_rule = {"cumsum", scan_sum_grad, TC_COMPLEX_RULE};

static tc_tensor *scan_sum(tc_tensor *x, int dim, int direction) {
  scan_attr a = {dim, direction};
  tc_tensor *y = tci_scan(TC_SCAN_SUM, x, dim, direction);
  return y ? tci_record(&cumsum_rule, y, 1, &x, &a, sizeof a) : NULL;
}

static tc_tensor *convert(tc_tensor *x, tc_dtype dtype) {
  int as = dtype != TC_NONE ? dtype : tci_is_int(x->dtype) ? TC_INT64 : x->dtype;
  return as == x->dtype ? x : tc_to(x, as, TC_NONE, false);
}

tc_tensor *tc_cumsum(tc_tensor *x, tc_dim dim, tc_dtype dtype) {
  int d;
  if (!x || (d = tci_dim(dim, x->ndim)) < 0 || !(x = convert(x, dtype))) return NULL;
  return scan_sum(x, d, TC_SCAN_FORWARD);
}

/* ---- products ---- */
static tc_tensor *dim_last(tc_tensor *x, int dim) { return x && x->ndim ? tc_transpose(x, dim, -1) : x; }

/* dx[k] = sum over i >= k of g[i] times the product of x[0 .. i] without x[k]. Without zeros that is (reverse running sum of g y) / x. */
static tc_tensor *slope_without_zeros(tc_tensor *x, tc_tensor *y, tc_tensor *g, int dim) {
  return tc_div_zero(scan_sum(tc_mul_zero(g, y), dim, TC_SCAN_BACKWARD), x);
}

/* The same where x has zeros, for gradients that are not differentiated again: elements before the first zero as above, the first
   zero by the products y1 that arise if it were 1, elements after it 0. */
static tc_tensor *slope_at_zeros(tc_tensor *x, tc_tensor *y, tc_tensor *g, int dim) {
  tc_tensor *zero = tc_eq(x, tci_number(0)), *count = tci_scan(TC_SCAN_SUM, tci_cast(zero, TC_INT64), dim, TC_SCAN_FORWARD);
  tc_tensor *first = tc_logical_and(zero, tc_eq(count, tci_number(1)));
  tc_tensor *y1 = tci_scan(TC_SCAN_PROD, tc_where(first, tci_number(1), x), dim, TC_SCAN_FORWARD);
  tc_tensor *from_zero = tc_where(tc_gt(count, tci_number(0)), tc_mul_zero(g, y1), tci_number(0));
  tc_tensor *at_first = scan_sum(from_zero, dim, TC_SCAN_BACKWARD);
  tc_tensor *before = slope_without_zeros(tc_where(zero, tci_number(1), x), y, g, dim);
  return tc_where(first, at_first, tc_where(zero, tci_number(0), before));
}

/* The same in a form that can be differentiated again: row k of an n x n matrix has the running products with x[k] replaced by 1. */
static tc_tensor *slope_by_matrix(tc_tensor *x, tc_tensor *g, int dim) {
  int64_t wide[TC_MAX_DIMS + 1], n = x->size[dim];
  tc_tensor *row = dim_last(x, dim), *eye = tc_eye(n, n, TC_BOOL, x->device, false);
  if (!row) return NULL;
  for (int d = 0; d < row->ndim; d++) wide[d] = row->size[d];
  wide[row->ndim] = n;
  tc_tensor *copies = tc_where(eye, tci_number(1), tc_expand(tc_unsqueeze(row, -2), wide, row->ndim + 1));
  tc_tensor *upper = tc_gt(tc_cumsum(eye, -1, TC_INT64), tci_number(0));
  tc_tensor *products = tc_where(upper, tc_cumprod(copies, -1, TC_NONE), tci_number(0));
  tc_dim last = -1;
  return dim_last(tc_sum(tc_mul_zero(tc_unsqueeze(dim_last(g, dim), -2), products), &last, 1, false, TC_NONE), dim);
}

static void cumprod_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const scan_attr *a = n->attr;
  tc_tensor *x = n->in[0], *y = n->out[0];
  if (n->edge[0].ndim == 0) dx[0] = g[0];
  else if (!tci_has_zero(x)) dx[0] = slope_without_zeros(x, y, g[0], a->dim);
  else if (tc_grad_enabled()) dx[0] = slope_by_matrix(x, g[0], a->dim);
  else dx[0] = slope_at_zeros(x, y, g[0], a->dim);
}
static const tc_rule cumprod_rule = {"cumprod", cumprod_grad, TC_SAVE_IN(0) | TC_SAVE_OUT(0)};

tc_tensor *tc_cumprod(tc_tensor *x, tc_dim dim, tc_dtype dtype) {
  if (!x || !(x = convert(x, dtype))) return NULL;
  scan_attr a = {tci_dim(dim, x->ndim), TC_SCAN_FORWARD};
  tc_tensor *y = a.dim < 0 ? NULL : tci_scan(TC_SCAN_PROD, x, a.dim, TC_SCAN_FORWARD);
  return y ? tci_record(&cumprod_rule, y, 1, &x, &a, sizeof a) : NULL;
}

/* ---- log-sums ---- */
static tc_tensor *scan_log(tc_tensor *x, int dim, int direction);

/* One sign of the gradient: exp(x) times the running sum, from the other end, of g exp(-y), all within logarithms. */
static tc_tensor *log_slope(tc_tensor *x, tc_tensor *y, tc_tensor *g, const scan_attr *a) {
  tc_tensor *some = tc_gt(g, tci_number(0)), *logs = tc_sub(tc_log(tc_where(some, g, tci_number(1))), y, 1);
  int other = a->direction == TC_SCAN_FORWARD ? TC_SCAN_BACKWARD : TC_SCAN_FORWARD;
  tc_tensor *sums = scan_log(tc_where(some, logs, tci_number(-INFINITY)), a->dim, other);
  return tc_exp(tc_where(tc_isneginf(sums), tci_number(-INFINITY), tc_add(sums, x, 1)));
}

/* exp(x - high) times the running sum, from the other end, of g exp(high - y); high is the largest real part of the row */
static tc_tensor *complex_log_slope(tc_tensor *x, tc_tensor *y, tc_tensor *g, const scan_attr *a) {
  if (!x || x->numel == 0) return g;
  tc_tensor *high = tc_amax(tc_detach(tc_real(x)), (tc_dim[]){a->dim}, 1, true);
  int other = a->direction == TC_SCAN_FORWARD ? TC_SCAN_BACKWARD : TC_SCAN_FORWARD;
  return tc_mul(scan_sum(tc_mul_zero(g, tc_exp(tc_sub(high, y, 1))), a->dim, other), tc_exp(tc_sub(x, high, 1)));
}

static void logcumsumexp_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  if (tci_is_complex(n->edge[0].dtype)) {
    dx[0] = complex_log_slope(n->in[0], n->out[0], g[0], n->attr);
    return;
  }
  tc_tensor *x = n->in[0], *y = n->out[0], *none = tc_isneginf(y);
  tc_tensor *safe_y = tc_where(none, tci_number(0), y), *safe_g = tc_where(none, tci_number(0), g[0]);
  dx[0] = tc_sub(log_slope(x, safe_y, safe_g, n->attr), log_slope(x, safe_y, tc_neg(safe_g), n->attr), 1);
}
static const tc_rule logcumsumexp_rule = {"logcumsumexp", logcumsumexp_grad, TC_SAVE_IN(0) | TC_SAVE_OUT(0)};

static tc_tensor *scan_log(tc_tensor *x, int dim, int direction) {
  scan_attr a = {dim, direction};
  tc_tensor *y = tci_scan(TC_SCAN_LOGSUMEXP, x, dim, direction);
  return y ? tci_record(&logcumsumexp_rule, y, 1, &x, &a, sizeof a) : NULL;
}

tc_tensor *tc_logcumsumexp(tc_tensor *x, tc_dim dim) {
  int d;
  if (!x || !tci_check_float(x, "input") || (d = tci_dim(dim, x->ndim)) < 0) return NULL;
  return scan_log(x, d, TC_SCAN_FORWARD);
}

/* ---- extremes ---- */
static const tc_rule cummax_rule = {"cummax", tci_chosen_grad, TC_SAVE_IN(1)};
static const tc_rule cummin_rule = {"cummin", tci_chosen_grad, TC_SAVE_IN(1)};

/* Rows along the last dim are fastest; other dims are exchanged with it and back. */
static tc_tensor *exchanged(tc_tensor *x, int d) {
  if (!x || d >= x->ndim - 1) return x ? tci_contig(x) : NULL;
  bool grad = tci_set_grad_mode(false);
  tc_tensor *y = tc_transpose(x, d, -1);
  tci_set_grad_mode(grad);
  return y ? tci_contig(y) : NULL;
}

static tc_tensor *scan_extreme(const tc_rule *rule, int op, tc_tensor *x, tc_dim dim, tc_tensor **indices) {
  int d;
  if (!x || !tci_check_real(x) || (d = tci_dim(dim, x->ndim)) < 0) return NULL;
  int compute = computed_in(x->dtype);
  tc_tensor *flat = exchanged(tci_cast(x, compute), d), *y = flat ? tci_like(flat, compute) : NULL, *index = y ? tci_like(flat, TC_INT64) : NULL;
  if (!index) return NULL;
  tc_view in = tci_view(flat), out = tci_view(y);
  int last = x->ndim > 0 ? x->ndim - 1 : 0;
  int s = tci_kernels(x->device)->scan(op, TC_SCAN_FORWARD, compute, &out, &in, last, (int64_t *)tci_data(index));
  if (!tci_status(s, NULL, NULL, 0) || !(y = exchanged(y, d)) || !(*indices = exchanged(index, d))) return NULL;
  return tci_record_chosen(rule, tci_cast(y, x->dtype), x, *indices, d, true);
}

tc_tensor *tc_cummax(tc_tensor *x, tc_dim dim, tc_tensor **indices) { return scan_extreme(&cummax_rule, TC_SCAN_MAX, x, dim, indices); }
tc_tensor *tc_cummin(tc_tensor *x, tc_dim dim, tc_tensor **indices) { return scan_extreme(&cummin_rule, TC_SCAN_MIN, x, dim, indices); }

/* ---- differences ---- */
tc_tensor *tc_diff(tc_tensor *x, int64_t n, tc_dim dim, tc_tensor *prepend, tc_tensor *append) {
  if (!x) return NULL;
  if (x->ndim == 0) return tci_fail("input must have at least one dim");
  int d = tci_dim(dim, x->ndim), parts = 0;
  if (d < 0) return NULL;
  if (n < 0) return tci_fail("n must not be negative: got %lld", (long long)n);
  if (n == 0) return tc_clone(x);
  tc_tensor *list[3];
  if (prepend) list[parts++] = prepend;
  list[parts++] = x;
  if (append) list[parts++] = append;
  if (parts > 1) x = tc_cat(list, parts, d);
  for (int64_t i = 0; x && i < n && x->size[d] > 0; i++) {
    tc_tensor *right = tc_narrow(x, d, 1, x->size[d] - 1), *left = tc_narrow(x, d, 0, x->size[d] - 1);
    x = x->dtype == TC_BOOL ? tc_logical_xor(right, left) : tc_sub(right, left, 1);
  }
  return x;
}
