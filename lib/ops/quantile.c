/* quantile.c: quantiles along one dim or of all elements: sorted, then interpolated between two neighbours. */
#include "reduce.h"

enum { LINEAR, LOWER, HIGHER, NEAREST, MIDPOINT };

static int method_of(const char *name) {
  static const char *const names[] = {"linear", "lower", "higher", "nearest", "midpoint"};
  for (int i = 0; i < 5; i++)
    if (!strcmp(name, names[i])) return i;
  tci_fail("interpolation is '%s', not one of linear, lower, higher, nearest, midpoint", name);
  return -1;
}

static bool check_q(tc_tensor *q) {
  if (q->ndim > 1) return tci_fail("q must be a number or a vector: got %s", tci_shape(q)) != NULL;
  tc_tensor *bad = tc_any(tc_logical_not(tc_logical_and(tc_ge(q, tci_number(0)), tc_le(q, tci_number(1)))), NULL, 0, false);
  double outside = 1;
  if (!bad || !tc_read_doubles(bad, &outside)) return false;
  return !outside || tci_fail("q must be between 0 and 1") != NULL;
}

/* The places of the quantiles, from 0: q (n - 1), where n counts what is not NaN if those are left out. A row with NaN has all of
   its quantiles there. sorted is (..., n), q (m), the result (..., m). */
static tc_tensor *places(tc_tensor *sorted, tc_tensor *q, bool skip_nan) {
  tc_dim last = -1;
  tc_tensor *length = tci_number((double)sorted->size[sorted->ndim - 1]);
  tc_tensor *numbers = tc_sum(tc_logical_not(tc_isnan(sorted)), &last, 1, true, q->dtype);
  tc_tensor *top = tc_sub(skip_nan ? tc_clamp(numbers, tci_number(1), NULL) : length, tci_number(1), 1);
  tc_tensor *p = tc_mul(q, tc_add(top, tc_zeros_like(numbers, TC_NONE, TC_NONE, false), 1));
  return skip_nan ? p : tc_where(tc_lt(numbers, length), tc_sub(length, tci_number(1), 1), p);
}

static tc_tensor *at(tc_tensor *sorted, tc_tensor *place) {
  return tc_gather(sorted, -1, tc_add(tc_to(place, TC_INT64, TC_NONE, false), tci_number(1), 1), false);
}

static tc_tensor *between(tc_tensor *sorted, tc_tensor *place, int method) {
  tc_tensor *low = tc_floor(tc_detach(place)), *high = tc_ceil(tc_detach(place));
  if (method == LOWER) return at(sorted, low);
  if (method == HIGHER) return at(sorted, high);
  if (method == NEAREST) return at(sorted, tc_round(tc_detach(place), 0));
  tc_tensor *weight = method == MIDPOINT ? tc_full_like(low, tci_number(0.5), TC_NONE, TC_NONE, false) : tc_sub(place, low, 1);
  return tc_lerp(at(sorted, low), at(sorted, high), weight);
}

/* The result's dims: those of q first, then those of x without (or with) the reduced one. */
static tc_tensor *arrange(tc_tensor *y, tc_tensor *q, tc_tensor *x, tc_dim dim, int d, bool keepdim) {
  if (!y) return NULL;
  if (dim == TC_NONE && keepdim)
    for (int i = 0; i < x->ndim; i++) y = tc_unsqueeze(y, 0);
  else if (dim != TC_NONE && keepdim) y = tc_unsqueeze(y, d);
  tc_dim last = -1, first = 0;
  if (q->ndim == 0) return tc_squeeze(y, &last, 1);
  return tc_movedim(y, &last, 1, &first, 1);
}

static tc_tensor *quantile(tc_tensor *x, tc_tensor *q, tc_dim dim, bool keepdim, const char *interpolation, bool skip_nan) {
  if (!x || !q || !tci_check_float(x, "input") || !tci_check_real(x)) return NULL;
  int d = dim == TC_NONE ? 0 : tci_dim(dim, x->ndim), method = method_of(interpolation);
  if (d < 0 || method < 0) return NULL;
  if (x->numel == 0) return tci_fail("input has no elements: %s", tci_shape(x));
  if (x->dtype != TC_FLOAT32 && x->dtype != TC_FLOAT64) return tci_fail("input must be float32 or float64: got %s", tci_dtype_name(x->dtype));
  if (q->dtype != x->dtype && !(q = tc_to(q, x->dtype, TC_NONE, false))) return NULL;
  if (!check_q(q) || (q->ndim == 0 && q->device != x->device && !(q = tc_to(q, TC_NONE, x->device, false)))) return NULL;
  tc_tensor *indices, *rows = dim == TC_NONE || x->ndim == 0 ? tc_reshape(x, (int64_t[]){-1}, 1) : tc_movedim(x, &(tc_dim){d}, 1, &(tc_dim){-1}, 1);
  tc_tensor *sorted = tc_sort(rows, -1, false, true, &indices);
  if (!sorted) return NULL;
  tc_tensor *y = between(sorted, places(sorted, tc_reshape(q, (int64_t[]){-1}, 1), skip_nan), method);
  return arrange(y, q, x, x->ndim ? dim : TC_NONE, d, keepdim);
}

tc_tensor *tc_quantile(tc_tensor *x, tc_operand *q, tc_dim dim, bool keepdim, const char *interpolation) {
  return quantile(x, q, dim, keepdim, interpolation, false);
}
tc_tensor *tc_nanquantile(tc_tensor *x, tc_operand *q, tc_dim dim, bool keepdim, const char *interpolation) {
  return quantile(x, q, dim, keepdim, interpolation, true);
}
