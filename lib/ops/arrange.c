/* arrange.c: the same elements in another arrangement: flip, roll, rot90, repeat, tile, repeat_interleave. */
#include "index.h"

/* y <- x through views of equal shape */
static bool copy_views(tc_device device, tc_view y, tc_view x) {
  tc_loop l;
  if (y.numel == 0) return true;
  tci_loop_views(&l, 2, (tc_view[]){y, x});
  return tci_status(tci_kernels(device)->copy(&l), NULL, NULL, 0);
}

/* ---- flip ---- */
static void flip_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  tc_dim dims[TC_MAX_DIMS];
  uint64_t mask = *(const uint64_t *)n->attr;
  int count = 0;
  for (int d = 0; d < n->edge[0].ndim; d++)
    if (mask >> d & 1) dims[count++] = d;
  dx[0] = tc_flip(g[0], dims, count);
}
static const tc_rule flip_rule = {"flip", flip_grad, TC_COMPLEX_RULE};

tc_tensor *tc_flip(tc_tensor *x, const tc_dim *dims, int n) {
  if (!x) return NULL;
  uint64_t mask = 0;
  if (n > 0 && !tci_dim_mask(dims, n, x->ndim, &mask)) return NULL;
  tc_tensor *y = tci_like(x, x->dtype);
  if (!y) return NULL;
  int64_t stride[TC_MAX_DIMS];
  tc_view from = tci_view(x);
  for (int d = 0; d < x->ndim; d++) {
    bool turned = mask >> d & 1 && x->size[d] > 1;
    stride[d] = turned ? -x->stride[d] : x->stride[d];
    if (turned) from.data = (char *)from.data + (x->size[d] - 1) * x->stride[d] * tci_elsize(x->dtype);
  }
  from.stride = stride;
  if (!copy_views(x->device, tci_view(y), from)) return NULL;
  return tci_record(&flip_rule, y, 1, &x, &mask, sizeof mask);
}

tc_tensor *tc_fliplr(tc_tensor *x) {
  if (x && x->ndim < 2) return tci_fail("takes 2 or more dims, got %s", tci_shape(x));
  return tc_flip(x, (tc_dim[]){1}, 1);
}
tc_tensor *tc_flipud(tc_tensor *x) {
  if (x && x->ndim < 1) return tci_fail("takes 1 or more dims, got %s", tci_shape(x));
  return tc_flip(x, (tc_dim[]){0}, 1);
}

tc_tensor *tc_rot90(tc_tensor *x, int64_t k, const tc_dim *dims, int n) {
  if (!x) return NULL;
  if (n != 0 && n != 2) return tci_fail("dims: got %d, takes 2", n);
  if (x->ndim < 2) return tci_fail("takes 2 or more dims, got %s", tci_shape(x));
  int a = tci_dim(n ? dims[0] : 0, x->ndim), b = a < 0 ? -1 : tci_dim(n ? dims[1] : 1, x->ndim);
  if (b < 0) return NULL;
  if (a == b) return tci_fail("dims: both are %d", a + 1);
  switch (((k % 4) + 4) % 4) {
    case 1: return tc_clone(tc_transpose(tc_flip(x, (tc_dim[]){b}, 1), a, b));
    case 2: return tc_flip(x, (tc_dim[]){a, b}, 2);
    case 3: return tc_flip(tc_transpose(x, a, b), (tc_dim[]){b}, 1);
    default: return tc_clone(x);
  }
}

/* ---- roll ---- */
typedef struct shifts { int64_t by[TC_MAX_DIMS]; } shifts; /* 0 .. size-1 for each dim */

static bool roll_blocks(tc_tensor *y, tc_tensor *x, const shifts *s, int d, int64_t *size, int64_t from, int64_t to) {
  if (d < x->ndim) { /* the last s of x come first in y */
    int64_t shift = s->by[d], n = x->size[d];
    size[d] = n - shift;
    if (!roll_blocks(y, x, s, d + 1, size, from, to + shift * y->stride[d])) return false;
    if (shift == 0) return true;
    size[d] = shift;
    return roll_blocks(y, x, s, d + 1, size, from + (n - shift) * x->stride[d], to);
  }
  int64_t bytes = tci_elsize(x->dtype), numel = tci_numel(x->ndim, size);
  return copy_views(x->device, (tc_view){tci_data(y) + to * bytes, x->dtype, x->ndim, numel, size, y->stride},
                    (tc_view){tci_data(x) + from * bytes, x->dtype, x->ndim, numel, size, x->stride});
}

static tc_tensor *rolled(tc_tensor *x, const shifts *s);
static void roll_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const shifts *s = n->attr;
  shifts back;
  for (int d = 0; d < n->edge[0].ndim; d++) back.by[d] = s->by[d] ? n->edge[0].size[d] - s->by[d] : 0;
  if (g[0]) dx[0] = rolled(g[0], &back);
}
static const tc_rule roll_rule = {"roll", roll_grad, TC_COMPLEX_RULE};

static tc_tensor *rolled(tc_tensor *x, const shifts *s) {
  tc_tensor *y = tci_like(x, x->dtype);
  int64_t size[TC_MAX_DIMS];
  if (!y || (x->numel && !roll_blocks(y, x, s, 0, size, 0, 0))) return NULL;
  return tci_record(&roll_rule, y, 1, &x, s, x->ndim * sizeof *s->by);
}

tc_tensor *tc_roll(tc_tensor *x, const int64_t *by, int n_by, const tc_dim *dims, int n_dims) {
  if (!x) return NULL;
  shifts s = {{0}};
  if (n_dims == 0) {
    if (n_by != 1) return tci_fail("shifts: got %d, takes one where no dims are given", n_by);
    tc_tensor *flat = tc_reshape(x, (int64_t[]){-1}, 1);
    return flat ? tc_reshape(tc_roll(flat, by, 1, (tc_dim[]){0}, 1), x->size, x->ndim) : NULL;
  }
  if (n_by != n_dims) return tci_fail("got %d shifts for %d dims", n_by, n_dims);
  for (int i = 0; i < n_dims; i++) {
    int d = tci_dim(dims[i], x->ndim);
    if (d < 0) return NULL;
    if (x->ndim == 0 || x->size[d] == 0) continue;
    int64_t n = x->size[d], shift = (s.by[d] + by[i] % n) % n;
    s.by[d] = shift < 0 ? shift + n : shift;
  }
  return rolled(x, &s);
}

/* ---- repeat: y is (times, size, times, size, ...), x is expanded over the times ---- */
typedef struct repeats { int n; int64_t times[TC_MAX_DIMS]; } repeats;

/* the gradient: the sum over the times */
static void repeat_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const repeats *r = n->attr;
  int skip = r->n - n->edge[0].ndim, m = 0, count = 0;
  int64_t size[2 * TC_MAX_DIMS] = {0};
  tc_dim times[2 * TC_MAX_DIMS];
  for (int d = 0; d < r->n; d++) {
    if (d < skip || r->times[d] != 1) times[count++] = m, size[m++] = r->times[d];
    if (d >= skip) size[m++] = n->edge[0].size[d - skip];
  }
  tc_tensor *wide = tc_reshape(g[0], size, m);
  dx[0] = count ? tc_reshape(tc_sum(wide, times, count, false, TC_NONE), n->edge[0].size, n->edge[0].ndim) : wide;
}
static const tc_rule repeat_rule = {"repeat", repeat_grad, TC_COMPLEX_RULE};

static bool repeat_values(tc_tensor *y, tc_tensor *x, const repeats *r) {
  int64_t size[2 * TC_MAX_DIMS], to[2 * TC_MAX_DIMS], from[2 * TC_MAX_DIMS];
  int skip = r->n - x->ndim, m = 0;
  for (int d = 0; d < r->n; d++) {
    int64_t n = d < skip ? 1 : x->size[d - skip];
    if (r->times[d] != 1) size[m] = r->times[d], to[m] = y->stride[d] * n, from[m++] = 0;
    if (n != 1) size[m] = n, to[m] = y->stride[d], from[m++] = x->stride[d - skip];
    if (m > TC_MAX_DIMS) return tci_fail("too many dims: %d", m) != NULL;
  }
  tc_view a = {tci_data(y), y->dtype, m, y->numel, size, to}, b = {tci_data(x), x->dtype, m, y->numel, size, from};
  return copy_views(x->device, a, b);
}

static tc_tensor *repeated(tc_tensor *x, const repeats *r) {
  int64_t size[TC_MAX_DIMS];
  for (int d = 0; d < r->n; d++) {
    int64_t n = d < r->n - x->ndim ? 1 : x->size[d - (r->n - x->ndim)];
    if (r->times[d] < 0) return tci_fail("repeats: got %lld, takes 0 or more", (long long)r->times[d]);
    if (__builtin_mul_overflow(n, r->times[d], &size[d])) return tci_fail("too many elements");
  }
  tc_tensor *y = tci_new(x->dtype, r->n, size, x->device);
  if (!y || !repeat_values(y, x, r)) return NULL;
  return tci_record(&repeat_rule, y, 1, &x, r, offsetof(repeats, times) + (size_t)r->n * sizeof *r->times);
}

tc_tensor *tc_repeat(tc_tensor *x, const int64_t *times, int n) {
  if (!x) return NULL;
  if (n < x->ndim) return tci_fail("repeats: got %d for a tensor of %d dims, takes one for each dim", n, x->ndim);
  if (n > TC_MAX_DIMS) return tci_fail("repeats: got %d, takes at most %d", n, TC_MAX_DIMS);
  repeats r = {.n = n};
  if (n) memcpy(r.times, times, (size_t)n * sizeof *times);
  return repeated(x, &r);
}

/* tile: missing repeats are 1, in front */
tc_tensor *tc_tile(tc_tensor *x, const int64_t *times, int n) {
  if (!x) return NULL;
  if (n > TC_MAX_DIMS) return tci_fail("dims: got %d, takes at most %d", n, TC_MAX_DIMS);
  repeats r = {.n = n > x->ndim ? n : x->ndim};
  for (int d = 0; d < r.n; d++) r.times[d] = d < r.n - n ? 1 : times[d - (r.n - n)];
  return repeated(x, &r);
}

/* ---- repeat_interleave ---- */
/* each element of counts as that many copies of its position, from 1 */
static tc_tensor *spelled_out(tc_tensor *counts, int64_t limit) {
  tc_tensor *host = counts->ndim == 1 ? tci_contig(tc_to(tc_detach(counts), TC_INT64, 0, false)) : NULL;
  if (!host) return tci_fail("repeats: got shape %s, takes one dim", tci_shape(counts));
  const int64_t *n = (const int64_t *)tci_data(host);
  int64_t total = 0, at = 0;
  for (int64_t i = 0; i < host->numel; i++) {
    if (n[i] < 0) return tci_fail("repeats: got %lld at position %lld, takes 0 or more", (long long)n[i], (long long)i + 1);
    if (__builtin_add_overflow(total, n[i], &total)) return tci_fail("too many elements");
  }
  if (limit != TC_NONE && limit != total) return tci_fail("output_size: got %lld, the repeats make %lld", (long long)limit, (long long)total);
  tc_tensor *y = tci_new(TC_INT64, 1, &total, 0);
  if (!y) return NULL;
  for (int64_t i = 0; i < host->numel; i++)
    for (int64_t k = 0; k < n[i]; k++) ((int64_t *)tci_data(y))[at++] = i + 1;
  return tc_to(y, TC_INT64, counts->device, false);
}

static tc_tensor *interleave_evenly(tc_tensor *x, int64_t times, int d) {
  int64_t size[TC_MAX_DIMS + 1];
  if (times < 0) return tci_fail("repeats: got %lld, takes 0 or more", (long long)times);
  memcpy(size, x->size, x->ndim * sizeof *size);
  for (int k = x->ndim; k > d + 1; k--) size[k] = x->size[k - 1];
  size[d + 1] = times;
  tc_tensor *y = tc_expand(tc_unsqueeze(x, d + 1), size, x->ndim + 1);
  if (!y) return NULL;
  memcpy(size, x->size, x->ndim * sizeof *size);
  size[d] *= times;
  return tc_reshape(tc_clone(y), size, x->ndim);
}

tc_tensor *tc_repeat_interleave(tc_tensor *x, tc_operand *times, tc_dim dim, int64_t output_size) {
  if (!x) return NULL;
  if (!times) return spelled_out(x, output_size);
  if (!tci_check_index(times, "repeats")) return NULL;
  if (dim == TC_NONE) {
    x = tc_reshape(x, (int64_t[]){-1}, 1);
    dim = 0;
  }
  x = tci_lane(x);
  int d = x ? tci_dim(dim, x->ndim) : -1;
  if (d < 0) return NULL;
  if (times->numel == 1) {
    int64_t n;
    return tc_read_int64s(times, &n) ? interleave_evenly(x, n, d) : NULL;
  }
  if (times->ndim == 1 && times->numel != x->size[d])
    return tci_fail("repeats: got %lld numbers for dim %d of size %lld", (long long)times->numel, d + 1, (long long)x->size[d]);
  tc_tensor *index = spelled_out(times, output_size);
  return index ? tc_index_select(x, d, index) : NULL;
}
