/* distance.c: lengths, angles and distances of vectors along a dim; normalisation by them; local_response_norm. */
#include "neural.h"

static tc_tensor *length(tc_tensor *x, double p, tc_dim dim, bool keepdim) { return tc_vector_norm(x, p, &dim, 1, keepdim, TC_NONE); }

tc_tensor *tc_normalize(tc_tensor *x, double p, tc_dim dim, double eps) {
  return x ? tc_div(x, tc_clamp_min(length(x, p, dim, true), tci_number(eps)), NULL) : NULL;
}

tc_tensor *tc_cosine_similarity(tc_tensor *a, tc_tensor *b, tc_dim dim, double eps) {
  if (!a || !b || !tci_check_float(a, "x1") || !tci_check_float(b, "x2")) return NULL;
  int64_t size[TC_MAX_DIMS];
  int ndim;
  if (!tci_broadcast(2, (tc_tensor *[]){a, b}, &ndim, size)) return NULL;
  const int d = tci_dim(dim, ndim);
  if (d < 0) return NULL;
  const tc_dim along = d;
  a = tc_expand(a, size, ndim);
  b = tc_expand(b, size, ndim);
  return tc_sum(tc_mul(tc_normalize(a, 2, d, eps), tc_normalize(b, 2, d, eps)), &along, 1, false, TC_NONE);
}

tc_tensor *tc_pairwise_distance(tc_tensor *a, tc_tensor *b, double p, double eps, bool keepdim) {
  return a && b ? length(shifted(minus(a, b), eps), p, -1, keepdim) : NULL;
}

/* x / (k + alpha mean(x^2 over a window of channels))^beta; outside the channels lie zeros. */
tc_tensor *tc_local_response_norm(tc_tensor *x, int64_t size, double alpha, double beta, double k) {
  if (!x) return NULL;
  if (x->ndim < 3) return tci_fail("input: got shape %s, takes at least 3 dims", tci_shape(x));
  if (size < 1) return tci_fail("size: got %lld, takes at least 1", (long long)size);
  if (x->numel == 0) return x;
  const int64_t channels = x->size[1], before = size / 2;
  tc_tensor *squares = tc_square(x), *sum = NULL;
  const int64_t first = before < channels ? -before : 1 - channels, last = size - before < channels ? size - before : channels;
  for (int64_t shift = first; shift < last && squares; shift++) { /* sum[c] += squares[c + shift] */
    const int64_t gap = shift < 0 ? -shift : shift, kept = channels - gap;
    tc_tensor *part = tc_narrow(squares, 1, shift > 0 ? shift : 0, kept);
    int64_t shape[TC_MAX_DIMS];
    memcpy(shape, x->size, (size_t)x->ndim * sizeof *shape);
    shape[1] = gap;
    tc_tensor *zeros = gap ? tc_new_zeros(x, shape, x->ndim, TC_NONE, TC_NONE, false) : NULL;
    tc_tensor *both[] = {shift < 0 ? zeros : part, shift < 0 ? part : zeros};
    if (gap) part = tc_cat(both, 2, 1);
    sum = sum ? plus(sum, part) : part;
  }
  return tc_div(x, tc_pow(shifted(scaled(sum, alpha / (double)size), k), tci_number(beta)), NULL);
}
