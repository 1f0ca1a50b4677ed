/* view.c: tensors that look at the storage of others: other shapes, other orders of dims, windows. Nothing is copied, except by
   reshape where no view exists. */
#include "ops.h"

/* x's storage seen with other sizes and strides */
static tc_tensor *look(tc_tensor *x, int ndim, const int64_t *size, const int64_t *stride, int64_t offset) {
  tc_tensor *y = tci_header(x->dtype, ndim, x->device);
  int64_t numel = 1;
  if (!y) return NULL;
  for (int d = 0; d < ndim; d++)
    if (__builtin_mul_overflow(numel, size[d], &numel)) return tci_fail("too many elements: %s", tci_sizes(ndim, size));
  memcpy(y->size, size, (size_t)ndim * sizeof *size);
  memcpy(y->stride, stride, (size_t)ndim * sizeof *stride);
  y->numel = numel;
  y->offset = offset;
  y->storage = x->storage;
  y->storage->refs++;
  return y;
}

/* ---- windows: a geometry within a row-major tensor ---- */
/* room holds ndim sizes, then ndim strides, so that a node keeps no more than it needs */
typedef struct geometry { int64_t offset, ndim, room[2 * TC_MAX_DIMS]; } geometry;
static size_t geometry_bytes(const geometry *w) { return offsetof(geometry, room) + 2 * (size_t)w->ndim * sizeof *w->room; }
static const int64_t *sizes_of(const geometry *w) { return w->room; }
static const int64_t *strides_of(const geometry *w) { return w->room + w->ndim; }

static int64_t last_element(const geometry *w) {
  int64_t last = w->offset;
  for (int d = 0; d < w->ndim; d++)
    if (sizes_of(w)[d] > 0) last += (sizes_of(w)[d] - 1) * strides_of(w)[d];
  return last;
}

static bool empty(const geometry *w) { return tci_numel((int)w->ndim, sizes_of(w)) == 0; }

/* Do two elements of the window lie in one place? Only the exact answer for nested strides; else "perhaps". */
static bool overlaps(const geometry *w) {
  int64_t order[TC_MAX_DIMS];
  int n = 0;
  for (int d = 0; d < w->ndim; d++) {
    if (sizes_of(w)[d] == 1) continue;
    int at = n++;
    while (at > 0 && strides_of(w)[order[at - 1]] > strides_of(w)[d]) order[at] = order[at - 1], at--;
    order[at] = d;
  }
  int64_t reach = 0;
  for (int k = 0; k < n; k++) {
    if (strides_of(w)[order[k]] <= reach) return true;
    reach += (sizes_of(w)[order[k]] - 1) * strides_of(w)[order[k]];
  }
  return false;
}

static bool covers(const geometry *w, int64_t count) { /* all of a flat tensor, in order */
  int64_t step = 1;
  for (int d = (int)w->ndim - 1; d >= 0; d--) {
    if (sizes_of(w)[d] == 1) continue;
    if (strides_of(w)[d] != step) return false;
    step *= sizes_of(w)[d];
  }
  return step == count && w->offset == 0;
}

static bool add_at(tc_tensor *y, tc_tensor *g, const geometry *w);
static void window_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const geometry *w = n->attr;
  tc_tensor *sum = tci_sum_for(n, 0);
  if (sum && sum->dtype == g[0]->dtype) {
    add_at(sum, g[0], w);
    return;
  }
  dx[0] = tc_window_add(g[0], n->edge[0].size, n->edge[0].ndim, sizes_of(w), (int)w->ndim, strides_of(w), (int)w->ndim, w->offset);
}
static const tc_rule window_rule = {"window", window_grad, TC_COMPLEX_RULE};

static void window_add_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const geometry *w = n->attr;
  dx[0] = tc_window(g[0], sizes_of(w), (int)w->ndim, strides_of(w), (int)w->ndim, w->offset);
}
static const tc_rule window_add_rule = {"window_add", window_add_grad, TC_COMPLEX_RULE};

static void set_geometry(geometry *w, int ndim, const int64_t *size, const int64_t *stride, int64_t offset) {
  w->ndim = ndim;
  w->offset = offset;
  memcpy(w->room, size, (size_t)ndim * sizeof *size);
  memcpy(w->room + ndim, stride, (size_t)ndim * sizeof *stride);
}

/* A window of x as if x were row-major (a copy is made if it is not). */
tc_tensor *tc_window(tc_tensor *x, const int64_t *size, int n_size, const int64_t *stride, int n_stride, int64_t offset) {
  geometry w;
  x = tc_contiguous(x);
  if (!x) return NULL;
  set_geometry(&w, n_size, size, stride, offset);
  if (!empty(&w) && (offset < 0 || last_element(&w) >= x->numel)) return tci_fail("a window reaches outside %s", tci_shape(x));
  tc_tensor *y = look(x, n_size, size, stride, x->offset + offset);
  return y ? tci_record_view(&window_rule, y, x, &w, geometry_bytes(&w)) : NULL;
}

/* y += g at the places of a window, which may come up several times; y is row-major */
static bool add_at(tc_tensor *y, tc_tensor *g, const geometry *w) {
  tc_tensor *part = look(y, (int)w->ndim, sizes_of(w), strides_of(w), w->offset);
  tc_loop l;
  if (!part || !part->numel) return part != NULL;
  if (overlaps(w)) return tci_loop(&l, 2, (tc_tensor *[]){part, g}) && tci_status(tci_kernels(g->device)->accumulate(&l), NULL, NULL, 0);
  return tci_add_into(part, g);
}

/* Zeros of shape `whole` with g added at the places of a window: the gradient of tc_window. */
tc_tensor *tc_window_add(tc_tensor *g, const int64_t *whole, int n_whole, const int64_t *size, int n_size, const int64_t *stride, int n_stride,
                         int64_t offset) {
  geometry w;
  if (!g) return NULL;
  set_geometry(&w, n_size, size, stride, offset);
  if (covers(&w, tci_numel(n_whole, whole))) return tc_reshape(g, whole, n_whole);
  tc_tensor *y = tc_zeros(whole, n_whole, g->dtype, g->device, false);
  tc_tensor *part = y && !overlaps(&w) ? look(y, n_size, size, stride, offset) : NULL;
  bool good = y && (part ? tci_copy_into(part, g) : add_at(y, g, &w));
  return good ? tci_record(&window_add_rule, y, 1, &g, &w, geometry_bytes(&w)) : NULL;
}

/* What x's strides would be, and the offset, were it row-major; `of` is a view of x made without copying. */
static tc_tensor *as_window(tc_tensor *x, int ndim, const int64_t *size, const int64_t *stride, int64_t offset, const int64_t *row_stride,
                            int64_t row_offset) {
  geometry w;
  tc_tensor *y = look(x, ndim, size, stride, offset);
  if (!y) return NULL;
  set_geometry(&w, ndim, size, row_stride, row_offset);
  return tci_record_view(&window_rule, y, x, &w, geometry_bytes(&w));
}

static void row_strides(const tc_tensor *x, int64_t *row) {
  int64_t step = 1;
  for (int d = x->ndim - 1; d >= 0; d--) {
    row[d] = step;
    step *= x->size[d] > 1 ? x->size[d] : 1;
  }
}

/* ---- one dim: select, narrow, slice ---- */
static int64_t position(tc_index i, int64_t size, int dim, const char *what) {
  if (i >= -size && i < size) return i < 0 ? i + size : i;
  tci_fail("%s %lld is outside dim %d of size %lld", what, (long long)(i >= 0 ? i + 1 : i), dim + 1, (long long)size);
  return -1;
}

/* dim d runs over `length` places from `start` by `step`; drop removes the dim */
static tc_tensor *along(tc_tensor *x, int d, int64_t start, int64_t length, int64_t step, bool drop) {
  int64_t row[TC_MAX_DIMS], size[TC_MAX_DIMS], stride[TC_MAX_DIMS], row_stride[TC_MAX_DIMS];
  row_strides(x, row);
  int n = 0;
  for (int k = 0; k < x->ndim; k++) {
    if (k == d && drop) continue;
    size[n] = k == d ? length : x->size[k];
    stride[n] = k == d ? x->stride[k] * step : x->stride[k];
    row_stride[n++] = k == d ? row[k] * step : row[k];
  }
  return as_window(x, n, size, stride, x->offset + start * x->stride[d], row_stride, start * row[d]);
}

tc_tensor *tc_select(tc_tensor *x, tc_dim dim, tc_index index) {
  if (!x) return NULL;
  if (x->ndim == 0) return tci_fail("a 0-dim tensor has no dims to select from");
  int d = tci_dim(dim, x->ndim);
  int64_t i = d < 0 ? -1 : position(index, x->size[d], d, "index");
  return i < 0 ? NULL : along(x, d, i, 1, 1, true);
}

tc_tensor *tc_narrow(tc_tensor *x, tc_dim dim, tc_index start, int64_t length) {
  if (!x) return NULL;
  if (x->ndim == 0) return tci_fail("a 0-dim tensor has no dims to narrow");
  int d = tci_dim(dim, x->ndim);
  if (d < 0) return NULL;
  int64_t size = x->size[d], from = start < 0 ? start + size : start;
  if (from < 0 || length < 0 || from + length > size)
    return tci_fail("%lld places from %lld are outside dim %d of size %lld", (long long)length, (long long)(start >= 0 ? start + 1 : start), d + 1,
                    (long long)size);
  return along(x, d, from, length, 1, false);
}

/* first..last, both included, every step-th */
tc_tensor *tc_slice(tc_tensor *x, tc_dim dim, tc_index first, tc_index last, int64_t step) {
  if (!x) return NULL;
  int d = tci_dim(dim, x->ndim);
  if (d < 0) return NULL;
  int64_t size = x->size[d];
  if (step < 1) return tci_fail("step %lld: takes 1 or more (flip() reverses)", (long long)step);
  int64_t from = first < 0 ? first + size : first, to = last < 0 ? last + size : last;
  if (from < 0 || to >= size || from > to + 1)
    return tci_fail("range %lld..%lld is outside dim %d of size %lld", (long long)(first >= 0 ? first + 1 : first),
                    (long long)(last >= 0 ? last + 1 : last), d + 1, (long long)size);
  return along(x, d, from, (to - from + step) / step, step, false);
}

tc_tensor *tc_diagonal(tc_tensor *x, int64_t offset, tc_dim dim1, tc_dim dim2) {
  if (!x) return NULL;
  if (x->ndim < 2) return tci_fail("takes a tensor of 2 or more dims, got %s", tci_shape(x));
  int a = tci_dim(dim1, x->ndim), b = a < 0 ? -1 : tci_dim(dim2, x->ndim);
  if (b < 0) return NULL;
  if (a == b) return tci_fail("dim1 and dim2 are both %d", a + 1);
  int64_t row[TC_MAX_DIMS], size[TC_MAX_DIMS], stride[TC_MAX_DIMS], row_stride[TC_MAX_DIMS];
  row_strides(x, row);
  int64_t down = offset < 0 ? -offset : 0, right = offset > 0 ? offset : 0;
  int64_t rows = x->size[a] - down, columns = x->size[b] - right, length = rows < columns ? rows : columns;
  if (length < 0) length = 0;
  int n = 0;
  for (int k = 0; k < x->ndim; k++) {
    if (k == a || k == b) continue;
    size[n] = x->size[k];
    stride[n] = x->stride[k];
    row_stride[n++] = row[k];
  }
  size[n] = length;
  stride[n] = x->stride[a] + x->stride[b];
  row_stride[n++] = row[a] + row[b];
  int64_t shift = length ? down * x->stride[a] + right * x->stride[b] : 0, row_shift = length ? down * row[a] + right * row[b] : 0;
  return as_window(x, n, size, stride, x->offset + shift, row_stride, row_shift);
}

/* Every window of `size` places along dim, `step` apart, in a new last dim. */
tc_tensor *tc_unfold(tc_tensor *x, tc_dim dimension, int64_t size, int64_t step) {
  if (!x) return NULL;
  int d = tci_dim(dimension, x->ndim), n = x->ndim ? x->ndim : 1;
  if (d < 0) return NULL;
  int64_t length = x->ndim ? x->size[d] : 1, step_stride = x->ndim ? x->stride[d] : 1;
  if (size < 0 || size > length) return tci_fail("size %lld: dim %d has size %lld", (long long)size, d + 1, (long long)length);
  if (step < 1) return tci_fail("step %lld: takes 1 or more", (long long)step);
  int64_t row[TC_MAX_DIMS] = {1}, sizes[TC_MAX_DIMS + 1] = {1}, stride[TC_MAX_DIMS + 1] = {1}, row_stride[TC_MAX_DIMS + 1] = {1};
  if (x->ndim) row_strides(x, row);
  for (int k = 0; k < x->ndim; k++) sizes[k] = x->size[k], stride[k] = x->stride[k], row_stride[k] = row[k];
  sizes[d] = (length - size) / step + 1;
  stride[d] = step_stride * step;
  row_stride[d] = row[d] * step;
  sizes[n] = size;
  stride[n] = step_stride;
  row_stride[n] = row[d];
  if (n + 1 > TC_MAX_DIMS) return tci_fail("a tensor has at most %d dims", TC_MAX_DIMS);
  if (x->ndim == 0) return as_window(x, 1, sizes + 1, stride + 1, x->offset, row_stride + 1, 0);
  return as_window(x, n + 1, sizes, stride, x->offset, row_stride, 0);
}

/* ---- orders of dims ---- */
static void permute_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) { /* the inverse order */
  const int8_t *order = n->attr;
  tc_dim back[TC_MAX_DIMS];
  for (int d = 0; d < g[0]->ndim; d++) back[order[d]] = d;
  dx[0] = tc_permute(g[0], back, g[0]->ndim);
}
static const tc_rule permute_rule = {"permute", permute_grad, TC_COMPLEX_RULE};

static tc_tensor *reordered(tc_tensor *x, const int8_t *order) {
  int64_t size[TC_MAX_DIMS], stride[TC_MAX_DIMS];
  for (int d = 0; d < x->ndim; d++) {
    size[d] = x->size[order[d]];
    stride[d] = x->stride[order[d]];
  }
  tc_tensor *y = look(x, x->ndim, size, stride, x->offset);
  return y ? tci_record_view(&permute_rule, y, x, order, x->ndim) : NULL;
}

tc_tensor *tc_permute(tc_tensor *x, const tc_dim *dims, int n_dims) {
  if (!x) return NULL;
  if (n_dims != x->ndim) return tci_fail("%d dims are given for a tensor of %d", n_dims, x->ndim);
  int8_t order[TC_MAX_DIMS];
  uint64_t seen;
  if (n_dims && !tci_dim_mask(dims, n_dims, x->ndim, &seen)) return NULL;
  for (int d = 0; d < n_dims; d++) order[d] = (int8_t)tci_dim(dims[d], x->ndim);
  return reordered(x, order);
}

tc_tensor *tc_transpose(tc_tensor *x, tc_dim dim0, tc_dim dim1) {
  if (!x) return NULL;
  int a = tci_dim(dim0, x->ndim), b = a < 0 ? -1 : tci_dim(dim1, x->ndim);
  if (b < 0) return NULL;
  int8_t order[TC_MAX_DIMS];
  for (int d = 0; d < x->ndim; d++) order[d] = (int8_t)d;
  if (x->ndim) order[a] = (int8_t)b, order[b] = (int8_t)a;
  return reordered(x, order);
}

tc_tensor *tc_t(tc_tensor *x) {
  if (!x) return NULL;
  if (x->ndim > 2) return tci_fail("takes at most 2 dims, got %s (transpose() takes any)", tci_shape(x));
  return x->ndim < 2 ? tc_permute(x, (tc_dim[]){0}, x->ndim) : tc_transpose(x, 0, 1);
}

/* dims `source` move to places `destination`, the others keep their order */
tc_tensor *tc_movedim(tc_tensor *x, const tc_dim *source, int n_source, const tc_dim *destination, int n_destination) {
  if (!x) return NULL;
  if (n_source != n_destination) return tci_fail("%d dims cannot move to %d places", n_source, n_destination);
  if (n_source == 0) return x;
  uint64_t from, to;
  if (!tci_dim_mask(source, n_source, x->ndim, &from) || !tci_dim_mask(destination, n_destination, x->ndim, &to)) return NULL;
  tc_dim order[TC_MAX_DIMS];
  for (int i = 0; i < n_source; i++) order[tci_dim(destination[i], x->ndim)] = tci_dim(source[i], x->ndim);
  for (int place = 0, d = 0; place < x->ndim; place++) {
    if (to >> place & 1) continue;
    while (from >> d & 1) d++;
    order[place] = d++;
  }
  return tc_permute(x, order, x->ndim);
}

/* ---- shapes ---- */
static void reshape_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) { dx[0] = tc_reshape(g[0], n->edge[0].size, n->edge[0].ndim); }
static const tc_rule reshape_rule = {"view", reshape_grad, TC_COMPLEX_RULE};

/* size with its -1 worked out */
static bool full_size(const tc_tensor *x, const int64_t *size, int n, int64_t *full) {
  int hole = -1;
  int64_t known = 1;
  for (int d = 0; d < n; d++) {
    full[d] = size[d];
    if (size[d] == -1) {
      if (hole >= 0) return tci_fail("only one size can be -1, to infer; got %s", tci_sizes(n, size)) != NULL;
      hole = d;
    } else if (size[d] < 0) return tci_fail("size %lld in %s", (long long)size[d], tci_sizes(n, size)) != NULL;
    else if (__builtin_mul_overflow(known, size[d], &known)) return tci_fail("%s has too many elements", tci_sizes(n, size)) != NULL;
  }
  if (hole >= 0 && known > 0 && x->numel % known == 0) full[hole] = x->numel / known;
  else if (hole >= 0 || known != x->numel)
    return tci_fail("shape %s with %lld elements does not fit %s, which has %lld", tci_sizes(n, size), (long long)known, tci_shape(x), (long long)x->numel) != NULL;
  return true;
}

/* The strides that show x in another shape, if there are any: runs of dims that step evenly may be cut anew. */
static bool strides_for(const tc_tensor *x, int n, const int64_t *size, int64_t *stride) {
  if (x->numel == 0) {
    int64_t step = 1;
    for (int d = n - 1; d >= 0; d--) stride[d] = step, step *= size[d] > 1 ? size[d] : 1;
    return true;
  }
  int d = n - 1;
  int64_t run = 1, step = x->ndim ? x->stride[x->ndim - 1] : 1;
  for (int k = x->ndim - 1; k >= 0; k--) {
    run *= x->size[k];
    if (k > 0 && (x->size[k - 1] == 1 || x->stride[k - 1] == run * step)) continue;
    int64_t got = 1;
    while (d >= 0 && (got < run || size[d] == 1)) {
      stride[d] = got * step;
      got *= size[d--];
    }
    if (got != run) return false;
    run = 1;
    if (k > 0) step = x->stride[k - 1];
  }
  for (; d >= 0; d--) stride[d] = 1;
  return true;
}

static tc_tensor *reshaped(tc_tensor *x, const int64_t *size, int n, bool *possible) {
  int64_t full[TC_MAX_DIMS], stride[TC_MAX_DIMS];
  *possible = true;
  if (n > TC_MAX_DIMS) return tci_fail("a tensor has at most %d dims", TC_MAX_DIMS);
  if (!full_size(x, size, n, full)) return NULL;
  *possible = strides_for(x, n, full, stride);
  if (!*possible) return NULL;
  tc_tensor *y = look(x, n, full, stride, x->offset);
  return y ? tci_record_view(&reshape_rule, y, x, NULL, 0) : NULL;
}

tc_tensor *tc_view_shape(tc_tensor *x, const int64_t *size, int n_size) {
  if (!x) return NULL;
  bool possible;
  tc_tensor *y = reshaped(x, size, n_size, &possible);
  if (possible) return y;
  return tci_fail("shape %s cannot view %s with its strides %s: use reshape()", tci_sizes(n_size, size), tci_shape(x), tci_sizes(x->ndim, x->stride));
}

tc_tensor *tc_reshape(tc_tensor *x, const int64_t *shape, int n_shape) {
  if (!x) return NULL;
  bool possible;
  tc_tensor *y = reshaped(x, shape, n_shape, &possible);
  if (possible) return y;
  x = tc_contiguous(x);
  return x ? reshaped(x, shape, n_shape, &possible) : NULL;
}

tc_tensor *tc_flatten(tc_tensor *x, tc_dim start_dim, tc_dim end_dim) {
  if (!x) return NULL;
  int a = tci_dim(start_dim, x->ndim), b = a < 0 ? -1 : tci_dim(end_dim, x->ndim);
  if (b < 0) return NULL;
  if (a > b) return tci_fail("start_dim %d comes after end_dim %d", a + 1, b + 1);
  if (x->ndim == 0) return tc_reshape(x, (int64_t[]){1}, 1);
  if (a == b) return x;
  int64_t size[TC_MAX_DIMS];
  int n = 0;
  for (int d = 0; d < x->ndim; d++) {
    if (d > a && d <= b) size[n - 1] *= x->size[d];
    else size[n++] = x->size[d];
  }
  return tc_reshape(x, size, n);
}

tc_tensor *tc_unflatten(tc_tensor *x, tc_dim dim, const int64_t *sizes, int n_sizes) {
  if (!x) return NULL;
  int d = tci_dim(dim, x->ndim);
  if (d < 0) return NULL;
  if (x->ndim == 0) return tci_fail("takes a tensor of 1 or more dims");
  if (n_sizes < 1 || x->ndim + n_sizes - 1 > TC_MAX_DIMS) return tci_fail("sizes: got %d, takes 1 or more", n_sizes);
  int64_t size[TC_MAX_DIMS], known = 1;
  int hole = -1;
  for (int i = 0; i < n_sizes; i++) {
    if (sizes[i] == -1) hole = i;
    else known *= sizes[i];
  }
  memcpy(size, x->size, (size_t)d * sizeof *size);
  memcpy(size + d, sizes, (size_t)n_sizes * sizeof *size);
  memcpy(size + d + n_sizes, x->size + d + 1, (size_t)(x->ndim - d - 1) * sizeof *size);
  if (hole >= 0 && known > 0) size[d + hole] = x->size[d] / known;
  if (hole >= 0 ? known <= 0 || x->size[d] % known : known != x->size[d])
    return tci_fail("sizes %s do not multiply to size %lld of dim %d", tci_sizes(n_sizes, sizes), (long long)x->size[d], d + 1);
  return tc_reshape(x, size, x->ndim + n_sizes - 1);
}

static tc_tensor *without_dims(tc_tensor *x, uint64_t drop) {
  int64_t size[TC_MAX_DIMS], stride[TC_MAX_DIMS];
  int n = 0;
  for (int d = 0; d < x->ndim; d++) {
    if (drop >> d & 1 && x->size[d] == 1) continue;
    size[n] = x->size[d];
    stride[n++] = x->stride[d];
  }
  tc_tensor *y = look(x, n, size, stride, x->offset);
  return y ? tci_record_view(&reshape_rule, y, x, NULL, 0) : NULL;
}

tc_tensor *tc_squeeze(tc_tensor *x, const tc_dim *dims, int n_dims) {
  uint64_t mask = ~(uint64_t)0;
  if (!x || (dims && n_dims == 0)) return x;
  if (dims && !tci_dim_mask(dims, n_dims, x->ndim, &mask)) return NULL;
  return without_dims(x, mask);
}

tc_tensor *tc_unsqueeze(tc_tensor *x, tc_dim dim) {
  if (!x) return NULL;
  if (x->ndim == TC_MAX_DIMS) return tci_fail("a tensor has at most %d dims", TC_MAX_DIMS);
  int d = tci_dim(dim, x->ndim + 1);
  if (d < 0) return NULL;
  int64_t size[TC_MAX_DIMS], stride[TC_MAX_DIMS];
  for (int k = 0, from = 0; k <= x->ndim; k++) {
    size[k] = k == d ? 1 : x->size[from];
    stride[k] = k == d ? (d < x->ndim ? x->stride[d] * x->size[d] : 1) : x->stride[from];
    from += k != d;
  }
  tc_tensor *y = look(x, x->ndim + 1, size, stride, x->offset);
  return y ? tci_record_view(&reshape_rule, y, x, NULL, 0) : NULL;
}

static void expand_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) { dx[0] = g[0]; } /* the engine sums */
static const tc_rule expand_rule = {"expand", expand_grad, TC_COMPLEX_RULE};

tc_tensor *tc_expand(tc_tensor *x, const int64_t *size, int n_size) {
  if (!x) return NULL;
  int grow = n_size - x->ndim;
  if (grow < 0 || n_size > TC_MAX_DIMS) return tci_fail("%s has fewer dims than %s", tci_sizes(n_size, size), tci_shape(x));
  int64_t full[TC_MAX_DIMS], stride[TC_MAX_DIMS];
  for (int d = 0; d < n_size; d++) {
    int64_t have = d < grow ? 1 : x->size[d - grow];
    full[d] = size[d] == -1 && d >= grow ? have : size[d];
    if (full[d] < 0 || (have != 1 && have != full[d]))
      return tci_fail("%s does not expand to %s: dim %d", tci_shape(x), tci_sizes(n_size, size), d + 1);
    stride[d] = d < grow || (have == 1 && full[d] != 1) ? 0 : x->stride[d - grow];
  }
  tc_tensor *y = look(x, n_size, full, stride, x->offset);
  return y ? tci_record_view(&expand_rule, y, x, NULL, 0) : NULL;
}

/* ---- as_strided, and views whose base was changed in place ---- */
typedef struct relayout { int64_t extent; bool complex_from, complex_to; geometry from, to; } relayout; /* of parts: one of the two is complex */

/* as parts: a complex tensor as view_as_real shows it */
static void geometry_of(geometry *w, const tc_tensor *x, int64_t origin, bool as_parts) {
  int64_t two = as_parts ? 2 : 1;
  w->ndim = x->ndim + as_parts;
  w->offset = x->offset * two - origin;
  for (int d = 0; d < x->ndim; d++) w->room[d] = x->size[d], w->room[w->ndim + d] = x->stride[d] * two;
  if (as_parts) w->room[x->ndim] = 2, w->room[w->ndim + x->ndim] = 1;
}

static relayout between(const tc_tensor *from, const tc_tensor *to) {
  relayout r;
  bool mixed = tci_is_complex(from->dtype) != tci_is_complex(to->dtype);
  r.complex_from = mixed && tci_is_complex(from->dtype);
  r.complex_to = mixed && tci_is_complex(to->dtype);
  int64_t a = from->offset << r.complex_from, b = to->offset << r.complex_to, origin = (a < b ? a : b) & ~(int64_t)mixed;
  geometry_of(&r.from, from, origin, r.complex_from);
  geometry_of(&r.to, to, origin, r.complex_to);
  a = last_element(&r.from), b = last_element(&r.to);
  r.extent = 1 + (a > b ? a : b);
  return r;
}

/* g has the shape of geometry a; the result that of b: each element from its place in the common storage, else 0 */
static tc_tensor *moved(tc_tensor *g, int64_t extent, const geometry *a, const geometry *b) {
  tc_tensor *flat = tc_window_add(g, &extent, 1, sizes_of(a), (int)a->ndim, strides_of(a), (int)a->ndim, a->offset);
  return tc_window(flat, sizes_of(b), (int)b->ndim, strides_of(b), (int)b->ndim, b->offset);
}

static tc_tensor *parts(tc_tensor *g, bool complex) { return complex ? tc_view_as_real(g) : g; }
static tc_tensor *joined(tc_tensor *g, bool complex) { return complex ? tc_view_as_complex(tc_contiguous(g)) : g; }

static void as_strided_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const relayout *r = n->attr;
  dx[0] = joined(moved(parts(g[0], r->complex_to), r->extent, &r->to, &r->from), r->complex_from);
}
static const tc_rule as_strided_rule = {"as_strided", as_strided_grad, TC_COMPLEX_RULE};

static void scatter_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const relayout *r = n->attr; /* from the base to the window */
  tc_tensor *inside = moved(parts(g[0], r->complex_from), r->extent, &r->from, &r->to);
  dx[1] = joined(inside, r->complex_to);
  if (tci_needs(n, 0)) dx[0] = tc_sub(g[0], joined(moved(inside, r->extent, &r->to, &r->from), r->complex_from), 1);
}
static const tc_rule scatter_rule = {"in-place change of a view", scatter_grad, TC_COMPLEX_RULE};

tc_node *tci_window_node(tc_tensor *base, tc_tensor *view) {
  relayout r = between(base, view);
  return tci_node_new(&as_strided_rule, 1, &base, 1, &r, sizeof r);
}

tc_node *tci_scatter_node(tc_tensor *base, tc_tensor *view, tc_tensor *source) {
  relayout r = between(base, view);
  return tci_node_new(&scatter_rule, 2, (tc_tensor *[]){base, source}, 1, &r, sizeof r);
}

tc_tensor *tc_as_strided(tc_tensor *x, const int64_t *size, int n_size, const int64_t *stride, int n_stride, int64_t storage_offset) {
  if (!x) return NULL;
  if (n_size != n_stride) return tci_fail("%d sizes with %d strides", n_size, n_stride);
  if (storage_offset == TC_NONE) storage_offset = x->offset;
  geometry w;
  set_geometry(&w, n_size, size, stride, storage_offset);
  for (int d = 0; d < n_size; d++)
    if (size[d] < 0 || stride[d] < 0) return tci_fail("sizes %s and strides %s must not be negative", tci_sizes(n_size, size), tci_sizes(n_size, stride));
  int64_t held = x->storage->bytes / tci_elsize(x->dtype);
  if (storage_offset < 0 || (!empty(&w) && last_element(&w) >= held))
    return tci_fail("sizes %s, strides %s, offset %lld reach beyond a storage of %lld elements", tci_sizes(n_size, size), tci_sizes(n_size, stride),
                    (long long)storage_offset, (long long)held);
  tc_tensor *y = look(x, n_size, size, stride, storage_offset);
  if (!y) return NULL;
  relayout r = between(x, y);
  return tci_record_view(&as_strided_rule, y, x, &r, sizeof r);
}
