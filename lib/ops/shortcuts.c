/* shortcuts.c: functions that are few words in terms of others: flat copies, products of Kronecker. */
#include "ops.h"

tc_tensor *tc_ravel(tc_tensor *x) { return x ? tc_contiguous(tc_reshape(x, (int64_t[]){x->numel}, 1)) : NULL; }

/* x with sizes of 1 in front up to n dims, then each dim as a pair of dims of which the first or the second has size 1 */
static tc_tensor *in_pairs(tc_tensor *x, int n, bool first) {
  int64_t size[2 * TC_MAX_DIMS] = {0};
  for (int d = 0; d < n; d++) {
    int64_t s = d < n - x->ndim ? 1 : x->size[d - (n - x->ndim)];
    size[2 * d] = first ? s : 1;
    size[2 * d + 1] = first ? 1 : s;
  }
  return tc_reshape(x, size, 2 * n);
}

tc_tensor *tc_kron(tc_tensor *a, tc_tensor *b) {
  if (!a || !b) return NULL;
  int n = a->ndim > b->ndim ? a->ndim : b->ndim;
  if (2 * n > TC_MAX_DIMS) return tci_fail("got %s and %s, takes at most %d dims", tci_shape(a), tci_shape(b), TC_MAX_DIMS / 2);
  tc_tensor *y = tc_mul(in_pairs(a, n, true), in_pairs(b, n, false));
  int64_t size[TC_MAX_DIMS];
  if (!y) return NULL;
  for (int d = 0; d < n; d++) size[d] = y->size[2 * d] * y->size[2 * d + 1];
  return tc_reshape(y, size, n);
}
