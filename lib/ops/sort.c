/* sort.c: order along one dim: sort, topk, k-th values, medians, modes, quantiles. Positions count from 1; NaN is the largest value. */
#include "reduce.h"

/* The kernels keep positions of narrow dtypes in 32 bits. */
static bool check_rows(const tc_tensor *x, int d) {
  if (!tci_check_real(x)) return false;
  if (x->ndim == 0 || x->size[d] < (int64_t)1 << 32) return true;
  tci_fail("dim %d of %s is too long to sort", d + 1, tci_shape(x));
  return false;
}

/* The kernels read rows along the last dim fastest: other dims are brought there first, and the results back. */
static bool moves(const tc_tensor *x, int d) { return d < x->ndim - 1 && x->size[d] > 1; }

static tc_tensor *exchanged(tc_tensor *x, int d) {
  bool grad = tci_set_grad_mode(false);
  tc_tensor *y = x ? tc_transpose(x, d, -1) : NULL;
  tci_set_grad_mode(grad);
  return y ? tci_contig(y) : NULL;
}

/* ---- sort ---- */
static const tc_rule sort_rule = {"sort", tci_chosen_grad, TC_SAVE_IN(1)};

static tc_tensor *order(tc_tensor *x, int d, bool descending, tc_tensor **values) {
  if (values) *values = NULL;
  if (!x || !tci_check_real(x)) return NULL;
  if (moves(x, d)) {
    tc_tensor *index = order(exchanged(x, d), x->ndim - 1, descending, values);
    if (values) *values = exchanged(*values, d);
    return exchanged(index, d);
  }
  tc_tensor *flat = check_rows(x, d) ? tci_contig(x) : NULL, *index = flat ? tci_like(x, TC_INT64) : NULL;
  if (!index || (values && !(*values = tci_like(x, x->dtype)))) return NULL;
  tc_view from = tci_view(flat), to;
  if (values) to = tci_view(*values);
  int s = tci_kernels(x->device)->sort(values ? &to : NULL, (int64_t *)tci_data(index), &from, d, descending);
  return tci_status(s, NULL, NULL, 0) ? index : NULL;
}

tc_tensor *tc_sort(tc_tensor *x, tc_dim dim, bool descending, bool stable, tc_tensor **indices) {
  int d;
  tc_tensor *values;
  if (!x || (d = tci_dim(dim, x->ndim)) < 0 || !(*indices = order(x, d, descending, &values))) return NULL;
  return tci_record_chosen(&sort_rule, values, x, *indices, d, true);
}

tc_tensor *tc_argsort(tc_tensor *x, tc_dim dim, bool descending, bool stable) {
  int d;
  return x && (d = tci_dim(dim, x->ndim)) >= 0 ? order(x, d, descending, NULL) : NULL;
}

tc_tensor *tc_msort(tc_tensor *x) {
  tc_tensor *indices;
  return tc_sort(x, 0, false, true, &indices);
}

/* ---- topk ---- */
static const tc_rule topk_rule = {"topk", tci_chosen_grad, TC_SAVE_IN(1)};

static tc_tensor *top(tc_tensor *x, int64_t k, int d, bool largest, tc_tensor **indices) {
  int64_t size[TC_MAX_DIMS];
  if (!x) return NULL;
  if (moves(x, d)) {
    tc_tensor *values = top(exchanged(x, d), k, x->ndim - 1, largest, indices);
    *indices = exchanged(*indices, d);
    return exchanged(values, d);
  }
  for (int i = 0; i < x->ndim; i++) size[i] = i == d ? k : x->size[i];
  tc_tensor *flat = tci_contig(x), *values = tci_new(x->dtype, x->ndim, size, x->device);
  *indices = tci_new(TC_INT64, x->ndim, size, x->device);
  if (!flat || !values || !*indices) return NULL;
  tc_view from = tci_view(flat), to = tci_view(values);
  int s = tci_kernels(x->device)->topk(&to, (int64_t *)tci_data(*indices), &from, d, k, largest);
  return tci_status(s, NULL, NULL, 0) ? values : NULL;
}

tc_tensor *tc_topk(tc_tensor *x, int64_t k, tc_dim dim, bool largest, bool sorted, tc_tensor **indices) {
  int d;
  *indices = NULL;
  if (!x || (d = tci_dim(dim, x->ndim)) < 0 || !check_rows(x, d)) return NULL;
  int64_t n = x->ndim ? x->size[d] : 1;
  if (k < 0 || k > n) return tci_fail("k = %lld is outside 0 .. %lld, the size of dim %d", (long long)k, (long long)n, d + 1);
  tc_tensor *values = top(x, k, d, largest, indices);
  return tci_record_chosen(&topk_rule, values, x, *indices, d, true);
}

/* ---- one of each row ---- */
static const tc_rule kth_rule = {"kthvalue", tci_chosen_grad, TC_SAVE_IN(1)};
static const tc_rule median_rule = {"median", tci_chosen_grad, TC_SAVE_IN(1)};
static const tc_rule mode_rule = {"mode", tci_chosen_grad, TC_SAVE_IN(1)};
enum { MODE = -1 };

/* Dim d behind all others, which keep their order. */
static tc_tensor *last_dim(tc_tensor *x, int d) {
  bool grad = tci_set_grad_mode(false);
  tc_tensor *y = tc_movedim(x, (tc_dim[]){d}, 1, (tc_dim[]){-1}, 1);
  tci_set_grad_mode(grad);
  return y ? tci_contig(y) : NULL;
}

static tc_tensor *pick(const tc_rule *rule, int which, tc_tensor *x, int d, int64_t k, bool keepdim, tc_tensor **indices) {
  uint64_t mask = (uint64_t)1 << d;
  if (!check_rows(x, d) || !tci_check_some(x, mask)) return NULL;
  bool moved = moves(x, d);                                      /* without its dim the result has the same order either way */
  tc_tensor *flat = moved ? last_dim(x, d) : tci_contig(x), *values = tci_fold_like(x, mask, keepdim, x->dtype);
  *indices = tci_fold_like(x, mask, keepdim, TC_INT64);
  if (!flat || !values || !*indices) return NULL;
  tc_view from = tci_view(flat), to = tci_view(values);
  int64_t *index = (int64_t *)tci_data(*indices);
  const tc_kernels *run = tci_kernels(x->device);
  int along = moved ? x->ndim - 1 : d;
  int s = which == MODE ? run->mode(&to, index, &from, along) : run->rank(which, &to, index, &from, along, k);
  return tci_status(s, NULL, NULL, 0) ? tci_record_chosen(rule, values, x, *indices, d, keepdim) : NULL;
}

tc_tensor *tc_kthvalue(tc_tensor *x, int64_t k, tc_dim dim, bool keepdim, tc_tensor **indices) {
  int d;
  if (!x || (d = tci_dim(dim, x->ndim)) < 0) return NULL;
  int64_t n = x->ndim ? x->size[d] : 1;
  if (k < 1 || k > n) return tci_fail("k = %lld is outside 1 .. %lld, the size of dim %d", (long long)k, (long long)n, d + 1);
  return pick(&kth_rule, TC_RANK_KTH, x, d, k, keepdim, indices);
}

tc_tensor *tc_median_dim(tc_tensor *x, tc_dim dim, bool keepdim, tc_tensor **indices) {
  tci_known_as("median_dim", "median");
  int d;
  return x && (d = tci_dim(dim, x->ndim)) >= 0 ? pick(&median_rule, TC_RANK_MEDIAN, x, d, 0, keepdim, indices) : NULL;
}
tc_tensor *tc_nanmedian_dim(tc_tensor *x, tc_dim dim, bool keepdim, tc_tensor **indices) {
  tci_known_as("nanmedian_dim", "nanmedian");
  int d;
  return x && (d = tci_dim(dim, x->ndim)) >= 0 ? pick(&median_rule, TC_RANK_NANMEDIAN, x, d, 0, keepdim, indices) : NULL;
}
tc_tensor *tc_mode(tc_tensor *x, tc_dim dim, bool keepdim, tc_tensor **indices) {
  int d;
  return x && (d = tci_dim(dim, x->ndim)) >= 0 ? pick(&mode_rule, MODE, x, d, 0, keepdim, indices) : NULL;
}

static tc_tensor *as_vector(tc_tensor *x) { return x ? tc_reshape(x, (int64_t[]){-1}, 1) : NULL; }

/* Of no elements: NaN, as in PyTorch, where the dtype has one. */
static tc_tensor *median_of_none(const tc_tensor *x) { return tc_full(NULL, 0, tci_number(NAN), x->dtype, x->device, false); }

tc_tensor *tc_median_all(tc_tensor *x) {
  tci_known_as("median_all", "median");
  tc_tensor *indices;
  if (x && x->numel == 0 && tci_is_float(x->dtype)) return median_of_none(x);
  return tc_median_dim(as_vector(x), 0, false, &indices);
}
tc_tensor *tc_nanmedian_all(tc_tensor *x) {
  tci_known_as("nanmedian_all", "nanmedian");
  tc_tensor *indices;
  if (x && x->numel == 0 && tci_is_float(x->dtype)) return median_of_none(x);
  return tc_nanmedian_dim(as_vector(x), 0, false, &indices);
}
