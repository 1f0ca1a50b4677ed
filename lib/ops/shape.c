/* shape.c: dims, broadcasting, and the loop over operands of one shape. */
#include "ops.h"

int tci_dim(tc_dim d, int ndim) {
  int span = ndim > 0 ? ndim : 1;
  if (d >= -span && d < span) return (int)(d < 0 ? d + span : d);
  if (d == TC_NONE) tci_fail("dim is missing");
  else tci_fail("dim %lld is outside a tensor of %d dims (takes %d to %d, or 1 to %d)", (long long)(d >= 0 ? d + 1 : d), ndim, -span, -1, span);
  return -1;
}

bool tci_dim_mask(const tc_dim *dims, int n, int ndim, uint64_t *mask) {
  *mask = 0;
  if (!dims || n == 0) {
    *mask = ndim == 64 ? ~(uint64_t)0 : ((uint64_t)1 << ndim) - 1;
    return true;
  }
  for (int i = 0; i < n; i++) {
    int d = tci_dim(dims[i], ndim);
    if (d < 0) return false;
    if (*mask >> d & 1) return tci_fail("dim %d is given twice", d + 1) != NULL;
    *mask |= (uint64_t)1 << d;
  }
  return true;
}

int64_t tci_numel(int ndim, const int64_t *size) {
  int64_t n = 1;
  for (int d = 0; d < ndim; d++) n *= size[d];
  return n;
}

static bool broadcast_with(int *ndim, int64_t *size, const tc_tensor *x, const tc_tensor *first) {
  int wide = x->ndim > *ndim ? x->ndim : *ndim, grow = wide - *ndim, skip = wide - x->ndim;
  memmove(size + grow, size, (size_t)*ndim * sizeof *size);
  for (int d = 0; d < grow; d++) size[d] = 1;
  *ndim = wide;
  for (int d = skip; d < wide; d++) {
    int64_t theirs = x->size[d - skip];
    if (size[d] == theirs || theirs == 1) continue;
    if (size[d] != 1)
      return tci_fail("shapes %s and %s do not broadcast: dim %d from the end is %lld on the left, %lld on the right", tci_shape(first),
                      tci_shape(x), wide - d, (long long)size[d], (long long)theirs) != NULL;
    size[d] = theirs;
  }
  return true;
}

bool tci_broadcast(int n, tc_tensor *const *xs, int *ndim, int64_t *size) {
  const tc_tensor *first = NULL;
  *ndim = 0;
  for (int i = 0; i < n; i++) {
    if (!xs[i]) continue;
    if (!first) first = xs[i];
    if (!broadcast_with(ndim, size, xs[i], first)) return false;
  }
  return true;
}

bool tci_spread(const char *name, const int64_t *v, int n, int nd, int64_t otherwise, int64_t least, int64_t *to) {
  const int64_t most = 1 << 28; /* so that products of two, and sums of these, are exact */
  for (int d = 0; d < 3 - nd; d++) to[d] = otherwise;
  if (v && n != 1 && n != nd) return tci_fail("%s: got %d numbers, takes 1 or %d", name, n, nd) != NULL;
  for (int d = 0; d < nd; d++) {
    int64_t value = !v || n == 0 ? otherwise : n == 1 ? v[0] : v[d];
    if (value < least) return tci_fail("%s: got %lld, takes %lld or more", name, (long long)value, (long long)least) != NULL;
    if (value > most) return tci_fail("%s: got %lld, takes at most %lld", name, (long long)value, (long long)most) != NULL;
    to[3 - nd + d] = value;
  }
  return true;
}

/* ---- loops ---- */
static void add_operand(tc_loop *l, int k, const tc_view *v) { /* aligned at the last dim; missing and size-1 dims get stride 0 */
  int skip = l->ndim - v->ndim;
  l->dtype[k] = v->dtype;
  l->data[k] = v->data;
  for (int d = 0; d < l->ndim; d++) {
    bool spread = d < skip || (v->size[d - skip] == 1 && l->size[d] != 1);
    l->stride[k][d] = spread || l->size[d] == 1 ? 0 : v->stride[d - skip];
  }
}

static void swap_dims(tc_loop *l, int a, int b) {
  int64_t t = l->size[a];
  l->size[a] = l->size[b];
  l->size[b] = t;
  for (int k = 0; k < l->nop; k++) {
    t = l->stride[k][a];
    l->stride[k][a] = l->stride[k][b];
    l->stride[k][b] = t;
  }
}

/* The output's fastest dim goes innermost, so that a permuted result is written in the order of memory. */
static void order_dims(tc_loop *l) {
  for (int i = 1; i < l->ndim; i++)
    for (int d = i; d > 0 && l->stride[0][d - 1] < l->stride[0][d] && l->stride[0][d - 1] > 0; d--) swap_dims(l, d - 1, d);
}

static bool joins(const tc_loop *l, int outer, int inner) {
  for (int k = 0; k < l->nop; k++)
    if (l->stride[k][outer] != l->stride[k][inner] * l->size[inner]) return false;
  return true;
}

static void merge_dims(tc_loop *l) { /* drops dims of size 1, then joins neighbours that step evenly in every operand */
  int n = 0;
  for (int d = 0; d < l->ndim; d++) {
    if (l->size[d] == 1) continue;
    l->size[n] = l->size[d];
    for (int k = 0; k < l->nop; k++) l->stride[k][n] = l->stride[k][d];
    if (n > 0 && joins(l, n - 1, n)) {
      l->size[n - 1] *= l->size[n];
      for (int k = 0; k < l->nop; k++) l->stride[k][n - 1] = l->stride[k][n];
    } else n++;
  }
  l->ndim = n;
}

void tci_loop_views(tc_loop *l, int nop, const tc_view *views) {
  l->nop = nop;
  l->ndim = views[0].ndim;
  l->numel = views[0].numel;
  l->host = 0;
  memcpy(l->size, views[0].size, (size_t)l->ndim * sizeof *l->size);
  for (int k = 0; k < nop; k++) add_operand(l, k, &views[k]);
  if (l->numel == 0) return;
  order_dims(l);
  merge_dims(l);
}

bool tci_loop(tc_loop *l, int nop, tc_tensor *const *ops) {
  tc_view views[TC_MAX_OPERANDS];
  for (int k = 0; k < nop; k++) {
    if (!ops[k]) return false;
    views[k] = tci_view(ops[k]);
  }
  tci_loop_views(l, nop, views);
  return true;
}

bool tci_status(int status, const tc_fault *fault, const char *what, int64_t limit) {
  if (status == TC_OK) return true;
  if (status == TC_FAULT && fault)
    tci_fail("%s %lld at position %lld: takes 1..%lld", what, (long long)fault->value, (long long)fault->position + 1, (long long)limit);
  else if (status == TC_MISSING) tci_fail("there is no kernel for this device yet");
  else if (status == TC_DEVICE_ERROR && tci_device_text() && *tci_device_text()) tci_fail("%s", tci_device_text());
  else tci_fail(status == TC_NO_MEMORY ? "out of memory" : "the device reported an error");
  return false;
}
