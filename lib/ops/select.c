/* select.c: elements chosen by position: index_select, gather, take, x[indices] and what puts values at such places. */
#include "index.h"

static bool same_sizes_but(const tc_tensor *a, const tc_tensor *b, int dim) {
  if (a->ndim != b->ndim) return false;
  for (int d = 0; d < a->ndim; d++)
    if (d != dim && a->size[d] != b->size[d]) return false;
  return true;
}

/* ---- along one dim ---- */
static tc_tensor *positions_of_dim(tc_tensor *x, tc_tensor *index, int d) {
  index = tci_lane(index);
  if (index && index->ndim != 1) return tci_fail("index: got shape %s, takes one dim", tci_shape(index));
  return tci_positions(x, index, d, x->size[d]);
}

static const tc_rule index_select_rule = TC_CHOOSE_RULE("index_select");
tc_tensor *tc_index_select(tc_tensor *x, tc_dim dim, tc_indices *index) {
  if (!x || !index) return NULL;
  int d = tci_dim(dim, x->ndim);
  if (d < 0) return NULL;
  if (x->ndim == 0) return tc_reshape(tc_index_select(tci_lane(x), 0, index), NULL, 0);
  return tci_choose(&index_select_rule, x, positions_of_dim(x, index, d), tci_of_dim(d));
}

/* x, index and source as the index_ family takes them; false after an error */
static bool index_source(tc_tensor *x, tc_tensor *index, tc_tensor *source, int d) {
  int64_t count = index->ndim ? index->numel : 1;
  if (same_sizes_but(x, source, d) && source->size[d] == count) return true;
  int64_t size[TC_MAX_DIMS];
  memcpy(size, x->size, x->ndim * sizeof *size);
  size[d] = count;
  return tci_fail("source: got shape %s, takes %s for %lld indices along dim %d of %s", tci_shape(source), tci_sizes(x->ndim, size),
                  (long long)count, d + 1, tci_shape(x)) != NULL;
}

static const tc_rule index_add_rule = TC_PUT_ADD_RULE("index_add");
tc_tensor *tc_index_add(tc_tensor *x, tc_dim dim, tc_indices *index, tc_tensor *source, double alpha) {
  if (!x || !index || !source) return NULL;
  tc_tensor *own = tci_own(x);
  int d = tci_dim(dim, x->ndim);
  if (d < 0) return NULL;
  if (x->ndim == 0) return tc_reshape(tc_index_add(tci_lane(x), 0, index, tci_lane(source), alpha), NULL, 0);
  if (!index_source(x, index, source, d)) return NULL;
  return tci_put_add(&index_add_rule, x, own, positions_of_dim(x, index, d), tci_like_dtype(source, x, "source"), tci_of_dim(d), alpha);
}

static const tc_rule index_copy_rule = TC_PUT_RULE("index_copy");
tc_tensor *tc_index_copy(tc_tensor *x, tc_dim dim, tc_indices *index, tc_tensor *source) {
  if (!x || !index || !source) return NULL;
  tc_tensor *own = tci_own(x);
  int d = tci_dim(dim, x->ndim);
  if (d < 0) return NULL;
  if (x->ndim == 0) return tc_reshape(tc_index_copy(tci_lane(x), 0, index, tci_lane(source)), NULL, 0);
  if (!index_source(x, index, source, d)) return NULL;
  return tci_put(&index_copy_rule, x, own, positions_of_dim(x, index, d), tci_like_dtype(source, x, "source"), tci_of_dim(d));
}

static void index_fill_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) { /* a place that is named twice holds the value once */
  tc_tensor *rest = tci_put_holes(n, g[0]);
  if (tci_needs(n, 0)) dx[0] = rest;
  if (tci_needs(n, 2)) dx[2] = tc_sum(tc_sub(g[0], rest, 1), NULL, 0, false, TC_NONE);
}
static const tc_rule index_fill_rule = {"index_fill", index_fill_grad, TC_SAVE_IN(1)};
tc_tensor *tc_index_fill(tc_tensor *x, tc_dim dim, tc_indices *index, tc_operand *value) {
  if (!x || !index || !value) return NULL;
  tc_tensor *own = tci_own(x);
  int d = tci_dim(dim, x->ndim);
  if (d < 0) return NULL;
  if (value->ndim != 0) return tci_fail("value: got a tensor of shape %s, takes a number or 0-dim tensor", tci_shape(value));
  if (x->ndim == 0) return tc_reshape(tc_index_fill(tci_lane(x), 0, index, value), NULL, 0);
  return tci_put(&index_fill_rule, x, own, positions_of_dim(x, index, d), tci_like_dtype(value, x, "value"), tci_of_dim(d));
}

/* ---- a position for each element of the result ---- */
bool tci_fits_lanes(const tc_tensor *x, const tc_tensor *index, int dim, const char *name) {
  if (index->ndim != x->ndim)
    return tci_fail("index: got shape %s, takes as many dims as %s %s has", tci_shape(index), name, tci_shape(x)) != NULL;
  for (int d = 0; d < x->ndim; d++)
    if (d != dim && index->size[d] > x->size[d])
      return tci_fail("index: shape %s is larger than %s %s at dim %d (%lld > %lld)", tci_shape(index), name, tci_shape(x), d + 1,
                      (long long)index->size[d], (long long)x->size[d]) != NULL;
  return true;
}

static const tc_rule gather_rule = TC_CHOOSE_RULE("gather");
tc_tensor *tc_gather(tc_tensor *x, tc_dim dim, tc_indices *index, bool sparse_grad) {
  if (!x || !index) return NULL;
  int d = tci_dim(dim, x->ndim);
  if (d < 0) return NULL;
  if (x->ndim == 0) return tc_reshape(tc_gather(tci_lane(x), 0, tci_lane(index), sparse_grad), index->size, index->ndim);
  if (index->ndim == 0 && x->ndim == 1) return tc_reshape(tc_gather(x, 0, tci_lane(index), sparse_grad), NULL, 0);
  if (!tci_check_index(index, "index")) return NULL;
  if (index->numel == 0 && index->ndim != x->ndim) /* nothing is asked for */
    return tc_reshape(tc_narrow(tc_reshape(x, (int64_t[]){-1}, 1), 0, 0, 0), index->size, index->ndim);
  if (!tci_fits_lanes(x, index, d, "the input")) return NULL;
  return tci_choose(&gather_rule, x, tci_positions(x, index, d, x->size[d]), tci_along(d));
}

/* input and indices broadcast against each other in the other dims */
tc_tensor *tc_take_along_dim(tc_tensor *x, tc_indices *indices, tc_dim dim) {
  if (!x || !indices) return NULL;
  if (dim == TC_NONE) return tc_gather(tc_reshape(x, (int64_t[]){-1}, 1), 0, tc_reshape(indices, (int64_t[]){-1}, 1), false);
  int d = tci_dim(dim, x->ndim);
  if (d < 0) return NULL;
  if (indices->ndim != x->ndim)
    return tci_fail("indices: got shape %s, takes as many dims as the input %s has", tci_shape(indices), tci_shape(x));
  int64_t xs[TC_MAX_DIMS], is[TC_MAX_DIMS];
  for (int k = 0; k < x->ndim; k++) {
    int64_t a = x->size[k], b = indices->size[k];
    if (k != d && a != b && a != 1 && b != 1)
      return tci_fail("shapes %s and %s do not broadcast outside dim %d", tci_shape(x), tci_shape(indices), d + 1);
    xs[k] = k == d ? a : a == 1 ? b : a;
    is[k] = k == d ? b : xs[k];
  }
  return tc_gather(tc_expand(x, xs, x->ndim), d, tc_expand(indices, is, x->ndim), false);
}

static const tc_rule take_rule = TC_CHOOSE_RULE("take");
tc_tensor *tc_take(tc_tensor *x, tc_indices *index) {
  if (!x || !index) return NULL;
  x = tci_lane(x);
  return x ? tci_choose(&take_rule, x, tci_positions(x, index, -1, x->numel), tci_of_all(x)) : NULL;
}

static const tc_rule put_rule = TC_PUT_RULE("put"), put_add_rule = TC_PUT_ADD_RULE("put");
tc_tensor *tc_put(tc_tensor *x, tc_indices *index, tc_tensor *source, bool accumulate) {
  if (!x || !index || !source) return NULL;
  tc_tensor *own = tci_own(x);
  if (x->ndim == 0) return tc_reshape(tc_put(tci_lane(x), index, source, accumulate), NULL, 0);
  if (source->numel != index->numel)
    return tci_fail("source: got %lld elements, takes as many as there are indices (%lld)", (long long)source->numel, (long long)index->numel);
  tc_tensor *positions = tci_positions(x, index, -1, x->numel);
  source = tc_reshape(tci_like_dtype(source, x, "source"), index->size, index->ndim);
  if (accumulate) return tci_put_add(&put_add_rule, x, own, positions, source, tci_of_all(x), 1);
  return tci_put(&put_rule, x, own, positions, source, tci_of_all(x));
}

/* ---- x[{i, {}, mask, ...}]: several index tensors broadcast against each other ---- */
typedef struct chosen_dims {
  tc_tensor *of[TC_MAX_DIMS];  /* positions from 0 for each dim, NULL: all of it */
  int n;                       /* dims of the input that the indices cover */
} chosen_dims;

/* A bool mask over k dims stands for k index tensors, the coordinates of its true elements. */
static bool add_mask(chosen_dims *c, tc_tensor *x, tc_tensor *mask) {
  for (int d = 0; d < mask->ndim; d++)
    if (c->n + d >= x->ndim || mask->size[d] != x->size[c->n + d])
      return tci_fail("mask of shape %s does not fit dim %d and on of %s", tci_shape(mask), c->n + 1, tci_shape(x)) != NULL;
  tc_tensor *rest = tci_nonzero(mask->device == x->device ? mask : tc_to(mask, TC_NONE, x->device, false));
  bool grad = tci_set_grad_mode(false);
  for (int d = mask->ndim - 1; d >= 0; d--) {
    tc_tensor *size = tci_number((double)mask->size[d]);
    c->of[c->n + d] = d ? tc_remainder(rest, size) : rest;
    rest = d ? tc_floor_divide(rest, size) : rest;
  }
  tci_set_grad_mode(grad);
  c->n += mask->ndim;
  return rest != NULL;
}

static bool add_index(chosen_dims *c, tc_tensor *x, tc_tensor *index) {
  if (index && index->dtype == TC_BOOL && index->ndim > 0) return add_mask(c, x, index);
  if (c->n >= x->ndim) return tci_fail("too many indices for a tensor of %d dims", x->ndim) != NULL;
  if (index && !(index = tci_positions(x, index, c->n, x->size[c->n]))) return false;
  c->of[c->n++] = index;
  return true;
}

/* One flat position over the indexed dims for each element of the broadcast indices. They go where the first of them was if they are
   neighbours, else in front (NumPy's rule). */
static tc_tensor *combine(const chosen_dims *c, tc_tensor *x, tc_choice *choice) {
  int first = -1, last = -1, count = 0;
  tc_tensor *sum = NULL;
  int64_t weight = 1;
  *choice = (tc_choice){-1, 0, 0};
  bool grad = tci_set_grad_mode(false);
  for (int d = c->n - 1; d >= 0; d--) {
    if (!c->of[d]) continue;
    tc_tensor *scaled = weight == 1 ? c->of[d] : tc_mul(c->of[d], tci_number((double)weight));
    sum = sum ? tc_add(scaled, sum, 1) : scaled;
    choice->mask |= (uint64_t)1 << d;
    weight *= x->size[d];
    first = d;
    if (last < 0) last = d;
    count++;
  }
  tci_set_grad_mode(grad);
  choice->at = last - first + 1 == count ? first : 0;
  return tci_contig(sum);
}

static tc_tensor *prepare(tc_tensor *x, tc_tensor *const *indices, int n, tc_choice *choice) {
  chosen_dims c = {.n = 0};
  for (int i = 0; i < n; i++)
    if (!add_index(&c, x, indices[i])) return NULL;
  tc_tensor *positions = combine(&c, x, choice);
  return positions ? positions : tci_fail("takes at least one index tensor");
}

static const tc_rule index_rule = TC_CHOOSE_RULE("index");
tc_tensor *tc_index_get(tc_tensor *x, tc_tensor *const *indices, int n) {
  if (!x) return NULL;
  tc_choice c;
  tc_tensor *positions = prepare(x, indices, n, &c);
  return tci_choose(&index_rule, x, positions, c);
}

static const tc_rule index_put_rule = TC_PUT_RULE("index_put"), index_put_add_rule = TC_PUT_ADD_RULE("index_put");
tc_tensor *tc_index_put(tc_tensor *x, tc_tensor *const *indices, int n, tc_operand *values, bool accumulate) {
  if (!x || !values) return NULL;
  tc_choice c;
  tc_tensor *own = tci_own(x);
  tc_tensor *positions = prepare(x, indices, n, &c);
  values = tci_like_dtype(values, x, "values");
  if (!positions || !values) return NULL;
  if (accumulate) return tci_put_add(&index_put_add_rule, x, own, positions, values, c, 1);
  return tci_put(&index_put_rule, x, own, positions, values, c);
}
