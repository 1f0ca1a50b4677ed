/* statistics.c: what is composed of reductions and scans: covariance, correlation, the trapezoidal rule, norms held below a bound,
 * membership. The gradients are those of the parts. */
#include "reduce.h"

/* ---- covariance ---- */
/* Observations are the columns of a matrix; a vector is one variable. */
static tc_tensor *observations(tc_tensor *x) {
  if (x->ndim > 2) return tci_fail("input must have at most 2 dims: got %s", tci_shape(x));
  if (tci_is_int(x->dtype) && x->dtype != TC_BOOL) x = tci_cast(x, tci_float_type(x->dtype));
  if (!x || !tci_check_float(x, "input")) return NULL;
  return x->ndim == 2 ? x : tc_reshape(x, (int64_t[]){1, x->numel}, 2);
}

static bool check_weights(const tc_tensor *x, const tc_tensor *w, const char *name) {
  if (!w || (w->ndim <= 1 && w->numel == x->size[1])) return true;
  tci_fail("%s %s must have one element for each of the %lld observations", name, tci_shape(w), (long long)x->size[1]);
  return false;
}

static tc_tensor *all_sum(tc_tensor *x) { return tc_sum(x, NULL, 0, false, TC_NONE); }

/* Weighted sums over the observations; freedom is what PyTorch divides by: sum(w) - correction, or with analytic weights
   sum(w) - correction sum(w a) / sum(w). */
static tc_tensor *weighted_cov(tc_tensor *x, tc_tensor *w, tc_tensor *a, double correction) {
  tc_dim last = -1;
  tc_tensor *total = all_sum(w), *mean = tc_div(tc_sum(tc_mul(x, w), &last, 1, true, TC_NONE), total, NULL);
  tc_tensor *taken = a ? tc_mul(tc_div(all_sum(tc_mul(w, a)), total, NULL), tci_number(correction)) : tci_number(correction);
  tc_tensor *d = tc_sub(x, mean, 1), *freedom = tc_clamp(tc_sub(total, taken, 1), tci_number(0), NULL);
  return tc_div(tc_matmul(d, tc_conj(tc_t(tc_mul(d, w)))), freedom, NULL);
}

tc_tensor *tc_cov(tc_tensor *input, double correction, tc_tensor *fweights, tc_tensor *aweights) {
  tc_tensor *x = input ? observations(input) : NULL, *w = NULL;
  if (!x || !check_weights(x, fweights, "fweights") || !check_weights(x, aweights, "aweights")) return NULL;
  if (fweights) w = tc_to(fweights, tci_part_type(x->dtype), TC_NONE, false);
  if (aweights) w = w ? tc_mul(w, aweights) : tc_to(aweights, tci_part_type(x->dtype), TC_NONE, false);
  if (!fweights && !aweights) w = tc_ones(&x->size[1], 1, tci_part_type(x->dtype), x->device, false);
  tc_tensor *y = w ? weighted_cov(x, tc_reshape(w, (int64_t[]){-1}, 1), aweights, correction) : NULL;
  return y && y->numel == 1 ? tc_reshape(y, NULL, 0) : y; /* of one variable: its variance */
}

tc_tensor *tc_corrcoef(tc_tensor *input) {
  tc_tensor *c = tc_cov(input, 1, NULL, NULL);
  if (!c) return NULL;
  if (c->ndim == 0) return tc_div(c, c, NULL);
  tc_tensor *s = tc_sqrt(tc_diagonal(c, 0, 0, 1));
  tc_tensor *y = tc_div(tc_div(c, tc_unsqueeze(s, 1), NULL), tc_unsqueeze(s, 0), NULL);
  if (!y || !tci_is_complex(y->dtype)) return tc_clamp(y, tci_number(-1), tci_number(1));
  return tc_complex(tc_clamp(tc_real(y), tci_number(-1), tci_number(1)), tc_clamp(tc_imag(y), tci_number(-1), tci_number(1)));
}

/* ---- integrals ---- */
/* The widths of the steps along dim d of y: of a vector x, along that dim; else x has y's dims, or fewer that broadcast. */
static tc_tensor *widths(tc_tensor *y, tc_tensor *x, int d) {
  int64_t size[TC_MAX_DIMS];
  if (x->ndim != 1) return tc_diff(x, 1, d - y->ndim, NULL, NULL);
  if (x->numel != y->size[d]) return tci_fail("x has %lld points, dim %d of y %lld", (long long)x->numel, d + 1, (long long)y->size[d]);
  for (int i = 0; i < y->ndim; i++) size[i] = i == d ? -1 : 1;
  return tc_reshape(tc_diff(x, 1, 0, NULL, NULL), size, y->ndim);
}

static tc_tensor *trapezoids(tc_tensor *y, tc_tensor *x, double dx, tc_dim dim, int *d) {
  if (!y) return NULL;
  if (y->ndim == 0) return tci_fail("y must have at least one dim");
  if ((*d = tci_dim(dim, y->ndim)) < 0) return NULL;
  if (y->size[*d] == 0) return y;
  int64_t n = y->size[*d] - 1;
  tc_tensor *pairs = tc_add(tc_narrow(y, *d, 0, n), tc_narrow(y, *d, 1, n), 1);
  tc_tensor *width = x ? widths(y, x, *d) : tci_number(isnan(dx) ? 1 : dx);
  return tc_mul(tc_mul(pairs, width), tci_number(0.5));
}

tc_tensor *tc_trapezoid(tc_tensor *y, tc_tensor *x, double dx, tc_dim dim) {
  int d = 0;
  tc_tensor *parts = trapezoids(y, x, dx, dim, &d);
  return parts ? tc_sum(parts, (tc_dim[]){d}, 1, false, TC_NONE) : NULL;
}

tc_tensor *tc_cumulative_trapezoid(tc_tensor *y, tc_tensor *x, double dx, tc_dim dim) {
  int d = 0;
  tc_tensor *parts = trapezoids(y, x, dx, dim, &d);
  return parts ? tc_cumsum(parts, d, TC_NONE) : NULL;
}

/* ---- norms held below a bound ---- */
tc_tensor *tc_renorm(tc_tensor *x, double p, tc_dim dim, double maxnorm) {
  tc_dim dims[TC_MAX_DIMS];
  int d, n = 0;
  if (!x || !tci_check_float(x, "input")) return NULL;
  if (x->ndim < 2) return tci_fail("input must have at least 2 dims: got %s", tci_shape(x));
  if ((d = tci_dim(dim, x->ndim)) < 0) return NULL;
  if (!(p > 0)) return tci_fail("p must be positive: got %g", p);
  if (!(maxnorm >= 0)) return tci_fail("maxnorm must not be negative: got %g", maxnorm);
  for (int i = 0; i < x->ndim; i++)
    if (i != d) dims[n++] = i;
  tc_tensor *norm = tc_vector_norm(x, p, dims, n, true, TC_NONE), *above = tc_gt(norm, tci_number(maxnorm));
  tc_tensor *factor = tc_mul(tc_reciprocal(tc_add(tc_where(above, norm, tci_number(1)), tci_number(1e-7), 1)), tci_number(maxnorm));
  return tc_mul(x, tc_where(above, factor, tci_number(1)));
}

/* ---- membership ---- */
tc_tensor *tc_isin(tc_operand *elements, tc_operand *test_elements, bool assume_unique, bool invert) {
  tc_device device;
  if (!elements || !test_elements || !tci_device_of(2, (tc_tensor *[]){elements, test_elements}, &device)) return NULL;
  elements = tc_to(elements, TC_NONE, device, false);
  test_elements = tc_to(test_elements, TC_NONE, device, false);
  if (!elements || !test_elements) return NULL;
  tc_tensor *indices, *set = tc_sort(tc_reshape(tc_detach(test_elements), (int64_t[]){-1}, 1), 0, false, true, &indices);
  if (!set) return NULL;
  if (set->numel == 0) return tc_full(elements->size, elements->ndim, tci_number(invert), TC_BOOL, elements->device, false);
  tc_tensor *at = tc_clamp(tc_searchsorted(set, tc_detach(elements), false, false, NULL, NULL), NULL, tci_number((double)set->numel));
  if (!at) return NULL;
  tc_tensor *found = tc_index_select(set, 0, tc_reshape(at, (int64_t[]){-1}, 1));
  tc_tensor *candidate = tc_reshape(found, elements->size, elements->ndim);
  return invert ? tc_ne(elements, candidate) : tc_eq(elements, candidate);
}

/* ---- broadcasting undone ---- */
static bool fits(const tc_tensor *x, int n, const int64_t *size) {
  bool fit = n <= x->ndim;
  for (int d = 0; fit && d < n; d++) fit = size[d] == 1 || size[d] == x->size[x->ndim - n + d];
  return fit || tci_fail("%s does not broadcast to %s", tci_sizes(n, size), tci_shape(x)) != NULL;
}

tc_tensor *tc_sum_to_size(tc_tensor *x, const int64_t *size, int n_size) {
  tc_dim dims[TC_MAX_DIMS];
  int n = 0;
  if (!x || !fits(x, n_size, size)) return NULL;
  for (int d = 0; d < x->ndim; d++) {
    int k = d - (x->ndim - n_size);
    if (k < 0 || size[k] != x->size[d]) dims[n++] = d;
  }
  return tc_reshape(n ? tc_sum(x, dims, n, true, TC_NONE) : x, size, n_size);
}
