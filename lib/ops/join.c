/* join.c: several tensors as one: cat, stack and their kin. */
#include "ops.h"

/* copies x into the part of y that begins at `first` along dim d and has x's shape */
static bool copy_block(tc_tensor *y, tc_tensor *x, int d, int64_t first) {
  if (x->numel == 0) return true;
  if (x->device != y->device) return tci_copy_into(tc_narrow(y, d, first, x->size[d]), x);
  tc_view to = tci_view(y), from = tci_view(x);
  to.data = (char *)to.data + first * y->stride[d] * tci_elsize(y->dtype);
  to.size = x->size;
  to.numel = x->numel;
  tc_loop l;
  tci_loop_views(&l, 2, (tc_view[]){to, from});
  return tci_status(tci_kernels(y->device)->copy(&l), NULL, NULL, 0);
}

/* A tensor of shape [0] joins anything: code that grows a result begins with one. */
static bool is_nothing(const tc_tensor *x) { return x->ndim == 1 && x->size[0] == 0; }

static bool check_list(tc_tensor *const *xs, int n) {
  if (n == 0) return tci_fail("takes a list of at least one tensor") != NULL;
  for (int i = 0; i < n; i++)
    if (!xs[i]) return false;
  return true;
}

static const tc_tensor *first_of(tc_tensor *const *xs, int n) {
  for (int i = 0; i < n; i++)
    if (!is_nothing(xs[i])) return xs[i];
  return xs[0];
}

static bool joined_size(tc_tensor *const *xs, int n, const tc_tensor *first, int d, int64_t *size) {
  memcpy(size, first->size, first->ndim * sizeof *size);
  size[d] = 0;
  for (int i = 0; i < n; i++) {
    const tc_tensor *x = xs[i];
    if (is_nothing(x)) continue;
    bool fits = x->ndim == first->ndim;
    for (int k = 0; fits && k < x->ndim; k++) fits = k == d || x->size[k] == first->size[k];
    if (!fits)
      return tci_fail("tensor %d has shape %s, tensor 1 has %s: they may differ in dim %d alone", i + 1, tci_shape(x), tci_shape(first), d + 1) != NULL;
    size[d] += x->size[d];
  }
  return true;
}

static void cat_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  int d = *(const int *)n->attr;
  int64_t first = 0;
  for (int i = 0; i < n->nin; i++) {
    const tc_edge *e = &n->edge[i];
    bool nothing = e->ndim == 1 && e->size[0] == 0;
    int64_t length = nothing ? 0 : e->size[d];
    if (tci_needs(n, i)) dx[i] = nothing ? tc_zeros(e->size, 1, e->dtype, e->device, false) : tc_narrow(g[0], d, first, length);
    first += length;
  }
}
static const tc_rule cat_rule = {"cat", cat_grad, TC_COMPLEX_RULE};

tc_tensor *tc_cat(tc_tensor *const *xs, int n, tc_dim dim) {
  tc_device device;
  int64_t size[TC_MAX_DIMS], at = 0;
  if (!check_list(xs, n) || !tci_device_of(n, xs, &device)) return NULL;
  const tc_tensor *first = first_of(xs, n);
  if (first->ndim == 0) return tci_fail("got a 0-dim tensor, takes 1 or more dims (stack joins those)");
  int d = tci_dim(dim, first->ndim);
  if (d < 0 || !joined_size(xs, n, first, d, size)) return NULL;
  tc_tensor *y = tci_new(tci_result_type(n, xs), first->ndim, size, device);
  if (!y) return NULL;
  for (int i = 0; i < n; i++) {
    if (is_nothing(xs[i])) continue;
    if (!copy_block(y, xs[i], d, at)) return NULL;
    at += xs[i]->size[d];
  }
  return tci_record(&cat_rule, y, n, xs, &d, sizeof d);
}

/* ---- stack ---- */
static void stack_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  int d = *(const int *)n->attr;
  for (int i = 0; i < n->nin; i++)
    if (tci_needs(n, i)) dx[i] = tc_select(g[0], d, i);
}
static const tc_rule stack_rule = {"stack", stack_grad, TC_COMPLEX_RULE};

static bool stack_block(tc_tensor *y, tc_tensor *x, int d, int i) {
  if (x->device != y->device) return tci_copy_into(tc_select(y, d, i), x);
  int64_t size[TC_MAX_DIMS], stride[TC_MAX_DIMS];
  for (int k = 0, m = 0; k < y->ndim; k++) {
    if (k == d) continue;
    size[m] = y->size[k];
    stride[m++] = y->stride[k];
  }
  tc_view to = {tci_data(y) + i * y->stride[d] * tci_elsize(y->dtype), y->dtype, x->ndim, x->numel, size, stride}, from = tci_view(x);
  tc_loop l;
  tci_loop_views(&l, 2, (tc_view[]){to, from});
  return x->numel == 0 || tci_status(tci_kernels(y->device)->copy(&l), NULL, NULL, 0);
}

tc_tensor *tc_stack(tc_tensor *const *xs, int n, tc_dim dim) {
  tc_device device;
  int64_t size[TC_MAX_DIMS + 1];
  if (!check_list(xs, n) || !tci_device_of(n, xs, &device)) return NULL;
  const tc_tensor *x = xs[0];
  int d = tci_dim(dim, x->ndim + 1);
  if (d < 0) return NULL;
  for (int i = 1; i < n; i++)
    if (!tci_same_shape(x, xs[i])) return tci_fail("tensor %d has shape %s, tensor 1 has %s", i + 1, tci_shape(xs[i]), tci_shape(x));
  for (int k = 0; k <= x->ndim; k++) size[k] = k < d ? x->size[k] : k == d ? n : x->size[k - 1];
  tc_tensor *y = tci_new(tci_result_type(n, xs), x->ndim + 1, size, device);
  if (!y) return NULL;
  for (int i = 0; i < n; i++)
    if (!stack_block(y, xs[i], d, i)) return NULL;
  return tci_record(&stack_rule, y, n, xs, &d, sizeof d);
}

/* ---- along fixed dims, after giving every tensor enough of them ---- */
typedef tc_tensor *widen(tc_tensor *x);

static tc_tensor *one_dim(tc_tensor *x) { return x->ndim ? x : tc_reshape(x, (int64_t[]){1}, 1); }
static tc_tensor *one_row(tc_tensor *x) { return x->ndim > 1 ? x : tc_reshape(x, (int64_t[]){1, x->numel}, 2); }
static tc_tensor *one_column(tc_tensor *x) { return x->ndim > 1 ? x : tc_reshape(x, (int64_t[]){x->numel, 1}, 2); }
static tc_tensor *one_deep(tc_tensor *x) { return x->ndim > 2 ? x : tc_unsqueeze(one_row(x), 2); }

static tc_tensor *cat_widened(tc_tensor *const *xs, int n, widen *wide, tc_dim dim) {
  if (!check_list(xs, n)) return NULL;
  tc_tensor *few[16] = {NULL}, **ys = n <= 16 ? few : tci_small_alloc((size_t)n * sizeof *ys), *y = NULL;
  if (!ys) return tci_fail("out of memory");
  for (int i = 0; i < n; i++) ys[i] = wide(xs[i]);
  y = tc_cat(ys, n, dim);
  if (ys != few) tci_small_free(ys, (size_t)n * sizeof *ys);
  return y;
}

tc_tensor *tc_hstack(tc_tensor *const *xs, int n) {
  if (!check_list(xs, n)) return NULL;
  return cat_widened(xs, n, one_dim, xs[0]->ndim <= 1 ? 0 : 1);
}
tc_tensor *tc_vstack(tc_tensor *const *xs, int n) { return cat_widened(xs, n, one_row, 0); }
tc_tensor *tc_dstack(tc_tensor *const *xs, int n) { return cat_widened(xs, n, one_deep, 2); }
tc_tensor *tc_column_stack(tc_tensor *const *xs, int n) { return cat_widened(xs, n, one_column, 1); }
