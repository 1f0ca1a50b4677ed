/* unique.c: the distinct elements of a tensor, or the distinct slices along a dim, with the way back and counts. Not differentiable. */
#include "reduce.h"

static int computed_in(int dtype) { return dtype == TC_FLOAT64 ? TC_FLOAT64 : tci_is_int(dtype) ? TC_INT64 : TC_FLOAT32; }

/* x as rows (n, m) to compare: all elements, or the slices of a dim. */
static tc_tensor *as_rows(tc_tensor *x, int d) {
  if (d < 0) return tc_reshape(x, (int64_t[]){x->numel, 1}, 2);
  int64_t n = x->size[d];
  return tc_reshape(tc_transpose(x, d, 0), (int64_t[]){n, n ? x->numel / n : 0}, 2);
}

static tc_tensor *shortened(tc_tensor *x, int64_t n) { return x ? tc_clone(tc_narrow(x, 0, 0, n)) : NULL; }

/* The chosen slices, dim d first exchanged to the front as in as_rows. */
static tc_tensor *slices(tc_tensor *x, int d, tc_tensor *first) {
  if (d >= 0) return tc_index_select(x, d, first);
  return tc_index_select(tc_reshape(x, (int64_t[]){-1}, 1), 0, first);
}

static tc_tensor *unique(tc_tensor *x, bool sorted, bool want_inverse, bool want_counts, tc_dim dim, tc_tensor **inverse, tc_tensor **counts) {
  int d = -1;
  *inverse = *counts = NULL;
  if (!x || !tci_check_real(x) || (dim != TC_NONE && (d = tci_dim(dim, x->ndim)) < 0)) return NULL;
  if (x->ndim == 0) d = -1;
  x = tc_detach(x);
  tc_tensor *rows = x ? as_rows(x, d) : NULL;
  rows = rows ? tci_cast(rows, computed_in(x->dtype)) : NULL;
  if (!rows || !(rows = tci_contig(rows))) return NULL;
  tc_tensor *group = want_inverse ? tci_new(TC_INT64, 1, rows->size, x->device) : NULL;
  tc_tensor *first = tci_new(TC_INT64, 1, rows->size, x->device), *count = tci_new(TC_INT64, 1, rows->size, x->device);
  int64_t groups, *places = group ? (int64_t *)tci_data(group) : NULL;
  if ((want_inverse && !group) || !first || !count) return NULL;
  tc_view in = tci_view(rows);
  int s = tci_kernels(x->device)->unique(&in, sorted, places, (int64_t *)tci_data(first), (int64_t *)tci_data(count), &groups);
  if (!tci_status(s, NULL, NULL, 0)) return NULL;
  if (want_inverse) *inverse = d < 0 ? tc_reshape(group, x->size, x->ndim) : group;
  if (want_counts) *counts = shortened(count, groups);
  return slices(x, d, shortened(first, groups));
}

/* The results that were asked for follow each other without a gap. */
static tc_tensor *distinct(tc_tensor *x, bool sorted, bool want_inverse, bool want_counts, tc_dim dim, tc_tensor **second, tc_tensor **third) {
  tc_tensor *y = unique(x, sorted, want_inverse, want_counts, dim, second, third);
  if (!want_inverse) *second = *third, *third = NULL;
  return y;
}

tc_tensor *tc_unique(tc_tensor *x, bool sorted, bool return_inverse, bool return_counts, tc_dim dim, tc_tensor **second, tc_tensor **third) {
  return distinct(x, true, return_inverse, return_counts, dim, second, third);
}
tc_tensor *tc_unique_consecutive(tc_tensor *x, bool return_inverse, bool return_counts, tc_dim dim, tc_tensor **second, tc_tensor **third) {
  return distinct(x, false, return_inverse, return_counts, dim, second, third);
}
