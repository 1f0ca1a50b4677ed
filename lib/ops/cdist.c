/* cdist.c: the p-norm distances of all pairs of rows: cdist(x1 (..., P, M), x2 (..., R, M)) is (..., P, R). */
#include "reduce.h"

/* The derivative by the distances, spread over differences: of broadcast differences for any p, by products of matrices for p = 2,
   where it needs no more memory than the distances. A distance of 0 has gradient 0. */
static tc_tensor *weights(tc_tensor *g, tc_tensor *y) {
  tc_tensor *none = tc_eq(y, tci_number(0));
  return tc_where(none, tci_number(0), tc_div(g, tc_where(none, tci_number(1), y), NULL));
}

static tc_tensor *row_sums(tc_tensor *w, tc_dim dim) { return tc_sum(w, &dim, 1, false, TC_NONE); }

/* sum over j of w[i, j] (a[i] - b[j]) */
static tc_tensor *pulled(tc_tensor *w, tc_tensor *a, tc_tensor *b) {
  return tc_sub(tc_mul(a, tc_unsqueeze(row_sums(w, -1), -1)), tc_matmul(w, b), 1);
}

static tc_tensor *through_differences(const tc_node *n, tc_tensor *g, double p, bool first) {
  tc_tensor *d = tc_sub(tc_unsqueeze(n->in[0], -2), tc_unsqueeze(n->in[1], -3), 1), *size = tc_abs(d), *y = tc_unsqueeze(n->out[0], -1), *slope;
  if (isinf(p)) {
    slope = tc_mul(tc_sign(d), tci_share_ties(tc_detach(size), tc_detach(y), (uint64_t)1 << (d ? d->ndim - 1 : 0)));
  } else if (p == 1) {
    slope = tc_sign(d);
  } else {
    tc_tensor *none = tc_logical_or(tc_eq(d, tci_number(0)), tc_eq(y, tci_number(0)));
    tc_tensor *ratio = tc_where(none, tci_number(1), tc_div(size, tc_where(tc_eq(y, tci_number(0)), tci_number(1), y), NULL));
    slope = tc_where(none, tci_number(0), tc_mul(tc_sign(d), tc_pow(ratio, tci_number(p - 1))));
  }
  tc_tensor *each = tc_mul_zero(tc_unsqueeze(g, -1), slope);
  return first ? row_sums(each, -2) : tc_neg(row_sums(each, -3));
}

static void cdist_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  double p = *(const double *)n->attr;
  tc_tensor *a = n->in[0], *b = n->in[1], *w = p == 2 ? weights(g[0], n->out[0]) : NULL;
  if (p == 0) return;
  if (tci_needs(n, 0)) dx[0] = w ? pulled(w, a, b) : through_differences(n, g[0], p, true);
  if (tci_needs(n, 1)) dx[1] = w ? pulled(tc_transpose(w, -1, -2), b, a) : through_differences(n, g[0], p, false);
}
static const tc_rule cdist_rule = {"cdist", cdist_grad, TC_SAVE_IN(0) | TC_SAVE_IN(1) | TC_SAVE_OUT(0)};

/* x with the batch dims of the result, as (batch, rows, m), row-major and in the dtype computed in */
static tc_tensor *as_batch(tc_tensor *x, int batch_dims, const int64_t *batch, int64_t count, int dtype) {
  int64_t size[TC_MAX_DIMS + 2], rows = x->size[x->ndim - 2], m = x->size[x->ndim - 1];
  for (int d = 0; d < batch_dims; d++) size[d] = batch[d];
  size[batch_dims] = rows;
  size[batch_dims + 1] = m;
  tc_tensor *y = tc_expand(tci_cast(x, dtype), size, batch_dims + 2);
  return y ? tci_contig(tc_reshape(y, (int64_t[]){count, rows, m}, 3)) : NULL;
}

/* The common batch dims; false after an error. */
static bool batch_of(tc_tensor *a, tc_tensor *b, int *n, int64_t *size) {
  if (a->ndim < 2 || b->ndim < 2) return tci_fail("x1 and x2 must have at least 2 dims: got %s and %s", tci_shape(a), tci_shape(b)) != NULL;
  if (a->size[a->ndim - 1] != b->size[b->ndim - 1])
    return tci_fail("the rows of x1 %s and x2 %s differ in length", tci_shape(a), tci_shape(b)) != NULL;
  *n = (a->ndim > b->ndim ? a->ndim : b->ndim) - 2;
  for (int d = 1; d <= *n; d++) {                                /* from the last batch dim on */
    int64_t p = a->ndim - 2 >= d ? a->size[a->ndim - 2 - d] : 1, q = b->ndim - 2 >= d ? b->size[b->ndim - 2 - d] : 1;
    if (p != q && p != 1 && q != 1) return tci_fail("the batches of x1 %s and x2 %s do not broadcast", tci_shape(a), tci_shape(b)) != NULL;
    size[*n - d] = p == 1 ? q : p;
  }
  return true;
}

static tc_tensor *distances(tc_tensor *a, tc_tensor *b, double p) {
  int64_t size[TC_MAX_DIMS + 2];
  int n = 0, dtype = tci_result_type(2, (tc_tensor *[]){a, b}), compute = dtype == TC_FLOAT64 ? TC_FLOAT64 : TC_FLOAT32;
  if (!batch_of(a, b, &n, size)) return NULL;
  int64_t count = tci_numel(n, size);
  tc_tensor *rows = as_batch(a, n, size, count, compute), *columns = as_batch(b, n, size, count, compute);
  if (!rows || !columns) return NULL;
  int64_t flat[3] = {count, rows->size[1], columns->size[1]};
  tc_tensor *y = tci_new(compute, 3, flat, a->device);
  if (!y) return NULL;
  tc_view out = tci_view(y), x1 = tci_view(rows), x2 = tci_view(columns);
  if (!tci_status(tci_kernels(a->device)->cdist(&out, &x1, &x2, p), NULL, NULL, 0)) return NULL;
  size[n] = flat[1];
  size[n + 1] = flat[2];
  return tc_reshape(tci_cast(y, dtype), size, n + 2);
}

tc_tensor *tc_cdist(tc_tensor *x1, tc_tensor *x2, double p, const char *compute_mode) {
  if (!x1 || !x2 || !tci_check_float(x1, "x1") || !tci_check_float(x2, "x2") || !tci_check_real(x1) || !tci_check_real(x2)) return NULL;
  if (!(p >= 0)) return tci_fail("p must not be negative: got %g", p);
  if (strncmp(compute_mode, "use_mm_for_euclid_dist", 22) && strcmp(compute_mode, "donot_use_mm_for_euclid_dist"))
    return tci_fail("compute_mode is '%s', not use_mm_for_euclid_dist, donot_use_mm_for_euclid_dist or use_mm_for_euclid_dist_if_necessary", compute_mode);
  bool grad = tci_set_grad_mode(false);
  tc_tensor *y = distances(x1, x2, p);
  tci_set_grad_mode(grad);
  return y ? tci_record(&cdist_rule, y, 2, (tc_tensor *[]){x1, x2}, &p, sizeof p) : NULL;
}
