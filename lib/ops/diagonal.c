/* diagonal.c: triangles and diagonals of matrices, and copies with a part replaced (slice_scatter and its kin). */
#include "index.h"

/* ---- tril, triu ---- */
typedef struct triangle { int64_t diagonal; int upper; } triangle;
static tc_tensor *triangle_of(tc_tensor *x, triangle t);

static void triangle_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  if (g[0]) dx[0] = triangle_of(g[0], *(const triangle *)n->attr);
}
static const tc_rule tril_rule = {"tril", triangle_grad, 0}, triu_rule = {"triu", triangle_grad, 0};

static tc_tensor *triangle_of(tc_tensor *x, triangle t) {
  if (!x) return NULL;
  if (x->ndim < 2) return tci_fail("takes 2 or more dims, got %s", tci_shape(x));
  int64_t span = x->size[x->ndim - 2] + x->size[x->ndim - 1], k = t.diagonal; /* beyond these all or nothing is kept */
  k = k > span ? span : k < -span ? -span : k;
  tc_tensor *y = tci_like(x, x->dtype);
  if (!y) return NULL;
  tc_view yv = tci_view(y), xv = tci_view(x);
  if (!tci_status(tci_kernels(x->device)->triangle(&yv, &xv, k, t.upper), NULL, NULL, 0)) return NULL;
  return tci_record(t.upper ? &triu_rule : &tril_rule, y, 1, &x, &t, sizeof t);
}
tc_tensor *tc_tril(tc_tensor *x, int64_t diagonal) { return triangle_of(x, (triangle){diagonal, 0}); }
tc_tensor *tc_triu(tc_tensor *x, int64_t diagonal) { return triangle_of(x, (triangle){diagonal, 1}); }

/* (2, count): rows, then columns, from 1, in row-major order */
static tc_tensor *triangle_places(int64_t rows, int64_t columns, int64_t offset, bool upper, tc_dtype dtype, tc_device device) {
  if (rows < 0 || columns < 0 || rows > INT32_MAX || columns > INT32_MAX)
    return tci_fail("got %lld by %lld, takes sizes of 0 to %d", (long long)rows, (long long)columns, INT32_MAX);
  if (dtype != TC_NONE && !tci_is_int(dtype)) return tci_fail("dtype: got %s, takes an integer dtype", tci_dtype_name(dtype));
  int64_t span = rows + columns, count = 0, at = 0;
  offset = offset > span ? span : offset < -span ? -span : offset;
  for (int pass = 0; pass < 2; pass++) {
    tc_tensor *y = pass ? tci_new(TC_INT64, 2, (int64_t[]){2, count}, 0) : NULL;
    if (pass && !y) return NULL;
    int64_t *to = pass ? (int64_t *)tci_data(y) : NULL;
    for (int64_t i = 0; i < rows; i++) {
      int64_t edge = i + offset, from = upper ? (edge > 0 ? edge : 0) : 0, end = upper ? columns : edge + 1 < columns ? edge + 1 : columns;
      if (!pass) count += end > from ? end - from : 0;
      else for (int64_t j = from; j < end; j++, at++) to[at] = i + 1, to[count + at] = j + 1;
    }
    if (pass) return tc_to(y, dtype == TC_NONE ? TC_INT64 : dtype, tci_device_or_default(device), false);
  }
  return NULL;
}
tc_tensor *tc_tril_indices(int64_t row, int64_t col, int64_t offset, tc_dtype dtype, tc_device device) {
  return triangle_places(row, col, offset, false, dtype, device);
}
tc_tensor *tc_triu_indices(int64_t row, int64_t col, int64_t offset, tc_dtype dtype, tc_device device) {
  return triangle_places(row, col, offset, true, dtype, device);
}

/* ---- diagonals ---- */
typedef struct diagonal { int64_t offset, dim1, dim2; } diagonal;

static void diag_embed_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const diagonal *a = n->attr;
  dx[0] = tc_diagonal(g[0], a->offset, a->dim1, a->dim2);
}
static const tc_rule diag_embed_rule = {"diag_embed", diag_embed_grad, 0};

tc_tensor *tc_diag_embed(tc_tensor *x, int64_t offset, tc_dim dim1, tc_dim dim2) {
  x = tci_lane(x);
  if (!x) return NULL;
  int n = x->ndim + 1, a = tci_dim(dim1, n), b = a < 0 ? -1 : tci_dim(dim2, n);
  if (b < 0) return NULL;
  if (a == b) return tci_fail("dim1 and dim2 are both %d", a + 1);
  int64_t size[TC_MAX_DIMS + 1], side = x->size[x->ndim - 1] + (offset < 0 ? -offset : offset);
  for (int d = 0, k = 0; d < n; d++) size[d] = d == a || d == b ? side : x->size[k++];
  tc_tensor *y = tci_zeros(x, n, size, x->dtype);
  bool grad = tci_set_grad_mode(false);
  bool good = y && tci_copy_into(tc_diagonal(y, offset, a, b), x);
  tci_set_grad_mode(grad);
  diagonal attr = {offset, a, b};
  return good ? tci_record(&diag_embed_rule, y, 1, &x, &attr, sizeof attr) : NULL;
}

tc_tensor *tc_diag(tc_tensor *x, int64_t offset) {
  if (!x) return NULL;
  if (x->ndim == 1) return tc_diag_embed(x, offset, 0, 1);
  if (x->ndim != 2) return tci_fail("takes 1 or 2 dims, got %s", tci_shape(x));
  return tc_clone(tc_diagonal(x, offset, 0, 1));
}
tc_tensor *tc_diagflat(tc_tensor *x, int64_t offset) { return tc_diag_embed(tc_reshape(x, (int64_t[]){-1}, 1), offset, 0, 1); }

tc_tensor *tc_trace(tc_tensor *x) {
  if (x && x->ndim != 2) return tci_fail("takes a matrix, got %s", tci_shape(x));
  return tc_sum(tc_diagonal(x, 0, 0, 1), NULL, 0, false, TC_NONE);
}

/* The main diagonal of a tensor of equal sizes; with wrap it begins anew below the square of a tall matrix. */
tc_tensor *tc_fill_diagonal(tc_tensor *x, tc_operand *fill_value, bool wrap) {
  static const tc_rule rule = TC_PUT_RULE("fill_diagonal_");
  if (!x || !fill_value) return NULL;
  tc_tensor *own = tci_own(x);
  if (x->ndim < 2) return tci_fail("takes 2 or more dims, got %s", tci_shape(x));
  if (fill_value->ndim != 0) return tci_fail("fill_value: got a tensor of shape %s, takes a number", tci_shape(fill_value));
  int64_t step = 0, row = 1, count = x->size[0];
  for (int d = x->ndim - 1; d >= 0; d--) {
    if (x->ndim > 2 && x->size[d] != x->size[0]) return tci_fail("takes equal sizes beyond 2 dims, got %s", tci_shape(x));
    if (x->size[d] < count) count = x->size[d];
    step += row;
    row *= x->size[d];
  }
  if (wrap && x->ndim == 2 && x->numel) count = (x->numel + step - 1) / step;
  tc_tensor *host = tci_new(TC_INT64, 1, &count, 0);
  if (!host) return NULL;
  for (int64_t i = 0; i < count; i++) ((int64_t *)tci_data(host))[i] = i * step;
  tc_tensor *places = tc_to(host, TC_INT64, x->device, false);
  return tci_put(&rule, x, own, places, tci_like_dtype(fill_value, x, "fill_value"), tci_of_all(x));
}

/* ---- a copy of x in which a view is replaced by src ---- */
typedef struct window { enum { SLICE, SELECT, DIAGONAL } kind; int64_t a, b, c, d; } window;

static tc_tensor *look(tc_tensor *x, const window *w) {
  if (w->kind == SLICE) return tc_slice(x, w->a, w->b, w->c, w->d);
  return w->kind == SELECT ? tc_select(x, w->a, w->b) : tc_diagonal(x, w->a, w->b, w->c);
}

static tc_tensor *replaced(tc_tensor *x, tc_tensor *src, const window *w);
static void window_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const window *w = n->attr;
  if (tci_needs(n, 0)) dx[0] = replaced(g[0], NULL, w);
  if (tci_needs(n, 1)) dx[1] = look(g[0], w);
}
static const tc_rule window_rules[] = {{"slice_scatter", window_grad, 0}, {"select_scatter", window_grad, 0}, {"diagonal_scatter", window_grad, 0}};

static tc_tensor *replaced(tc_tensor *x, tc_tensor *src, const window *w) {
  if (!x) return NULL;
  bool grad = tci_set_grad_mode(false), fits = true;
  tc_tensor *y = tc_clone(x), *hole = y ? look(y, w) : NULL, *value = src ? tci_like_dtype(src, x, "src") : tci_number(0);
  if (hole && src && !(fits = tci_same_shape(hole, src))) tci_fail("src: got shape %s, takes %s", tci_shape(src), tci_shape(hole));
  bool good = hole && fits && tci_copy_into(hole, value);
  tci_set_grad_mode(grad);
  if (!good) return NULL;
  tc_tensor *ins[] = {x, src};
  return tci_record(&window_rules[w->kind], y, 2, ins, w, sizeof *w);
}

tc_tensor *tc_slice_scatter(tc_tensor *x, tc_tensor *src, tc_dim dim, tc_index start, tc_index end, int64_t step) {
  if (!x || !src) return NULL;
  return replaced(x, src, &(window){SLICE, dim, start == TC_NONE ? 0 : start, end == TC_NONE ? -1 : end, step});
}
tc_tensor *tc_select_scatter(tc_tensor *x, tc_tensor *src, tc_dim dim, tc_index index) {
  if (!x || !src) return NULL;
  return replaced(x, src, &(window){SELECT, dim, index, 0, 0});
}
tc_tensor *tc_diagonal_scatter(tc_tensor *x, tc_tensor *src, int64_t offset, tc_dim dim1, tc_dim dim2) {
  if (!x || !src) return NULL;
  return replaced(x, src, &(window){DIAGONAL, offset, dim1, dim2, 0});
}
