/* index.c: the engine of indexing: choosing elements by position and putting them back, with gradients of every order. The operators
   are in select.c, scatter.c, masked.c. */
#include "index.h"
#include "../../kernels/index.h"
#include <stdio.h>

/* ---- positions ---- */
static void *outside(tc_tensor *index, const tc_fault *f, int dim, int64_t size) {
  char place[96] = "";
  if (index->ndim == 1) snprintf(place, sizeof place, " at position %lld", (long long)f->position + 1);
  if (index->ndim > 1) {
    int64_t at[TC_MAX_DIMS], rest = f->position;
    for (int d = index->ndim - 1; d >= 0; d--) {
      at[d] = rest % index->size[d] + 1;
      rest /= index->size[d];
    }
    int used = snprintf(place, sizeof place, " at position {");
    for (int d = 0; d < index->ndim && used < (int)sizeof place - 24; d++)
      used += snprintf(place + used, sizeof place - (size_t)used, d ? ", %lld" : "%lld", (long long)at[d]);
    snprintf(place + used, sizeof place - (size_t)used, "}");
  }
  if (dim < 0) return tci_fail("index %lld%s is outside a tensor of %lld elements", (long long)f->value, place, (long long)size);
  return tci_fail("index %lld%s is outside dim %d of size %lld", (long long)f->value, place, dim + 1, (long long)size);
}

tc_tensor *tci_positions(tc_tensor *x, tc_tensor *index, int dim, int64_t size) {
  if (!index || !tci_check_index(index, "index")) return NULL;
  if (index->device != x->device || index->dtype != TC_INT64) index = tc_to(index, TC_INT64, x->device, false);
  tc_tensor *y = tci_like(index, TC_INT64), *ops[] = {y, index};
  tc_loop l;
  tc_fault fault;
  if (!y || !tci_loop(&l, 2, ops)) return NULL;
  int status = tci_kernels(x->device)->positions(&l, size, &fault);
  if (status == TC_FAULT) return outside(index, &fault, dim, size);
  return tci_status(status, NULL, NULL, 0) ? y : NULL;
}

/* ---- plans for the kernels ---- */
static bool chosen(const tc_choice *c, int d) { return c->along >= 0 ? d == c->along : c->mask >> d & 1; }

/* the dims of t without those from `from` to `to`-1, as a view with room of its own */
typedef struct dims { int64_t size[TC_MAX_DIMS], stride[TC_MAX_DIMS]; } dims;

static tc_view without_range(const tc_tensor *t, int from, int to, dims *room) {
  tc_view v = tci_view(t);
  int n = 0;
  v.numel = 1;
  for (int d = 0; d < t->ndim; d++) {
    if (d >= from && d < to) continue;
    v.numel *= room->size[n] = t->size[d];
    room->stride[n++] = t->stride[d];
  }
  v.ndim = n;
  v.size = room->size;
  v.stride = room->stride;
  return v;
}

static tc_view without_chosen(const tc_tensor *t, const tc_choice *c, dims *room) {
  tc_view v = tci_view(t);
  int n = 0;
  v.numel = 1;
  for (int d = 0; d < t->ndim; d++) {
    if (chosen(c, d)) continue;
    v.numel *= room->size[n] = t->size[d];
    room->stride[n++] = t->stride[d];
  }
  v.ndim = n;
  v.size = room->size;
  v.stride = room->stride;
  return v;
}

/* gather and scatter: lanes are the positions' shape without the dim; the whole may be larger than that */
static void lanes_along(tc_lanes *k, tc_tensor *whole, tc_tensor *positions, tc_tensor *part, int dim, bool gathers) {
  dims a, b, c;
  tc_view p = without_range(positions, dim, dim + 1, &b), small = without_range(part, dim, dim + 1, &c);
  tc_view large = without_range(whole, dim, dim + 1, &a);
  large.size = small.size = p.size;
  large.numel = small.numel = p.numel;
  tci_loop_views(&k->loop, 3, (tc_view[]){gathers ? small : large, p, gathers ? large : small});
  k->n = positions->size[dim];
  k->limit = whole->size[dim];
  k->scale = whole->stride[dim];
  k->step[0] = gathers ? part->stride[dim] : 0;
  k->step[1] = positions->stride[dim];
  k->step[2] = gathers ? 0 : part->stride[dim];
}

/* Flat positions over the chosen dims as places in whole's memory: a scale for one dim, else a table of offsets. */
static tc_tensor *offsets(tc_tensor *whole, tc_tensor *positions, const tc_choice *c, int64_t *scale) {
  int64_t size[TC_MAX_DIMS], stride[TC_MAX_DIMS];
  int n = 0;
  *scale = 1;
  for (int d = 0; d < whole->ndim; d++) {
    if (!chosen(c, d) || whole->size[d] == 1) continue;
    if (n > 0 && stride[n - 1] == whole->stride[d] * whole->size[d]) { /* joins the dim before */
      size[n - 1] *= whole->size[d];
      stride[n - 1] = whole->stride[d];
      continue;
    }
    size[n] = whole->size[d];
    stride[n++] = whole->stride[d];
  }
  if (n == 1) *scale = stride[0];
  if (n <= 1) return positions;
  tc_tensor *y = tci_like(positions, TC_INT64);
  if (!y) return NULL;
  int s = tci_kernels(whole->device)->offsets((int64_t *)tci_data(y), (const int64_t *)tci_data(positions), y->numel, n, size, stride);
  return tci_status(s, NULL, NULL, 0) ? y : NULL;
}

/* The stride with which the positions' dims of part step as one dim; false if they do not. */
static bool one_step(const tc_tensor *part, int from, int to, int64_t *step) {
  int64_t next = 0;
  bool first = true;
  *step = 0;
  for (int d = to - 1; d >= from; d--) {
    if (part->size[d] == 1) continue;
    if (first) *step = part->stride[d];
    else if (part->stride[d] != next) return false;
    next = part->stride[d] * part->size[d];
    first = false;
  }
  return true;
}

/* index_select and its kin: lanes are the dims that are not chosen */
static bool lanes_of_dims(tc_lanes *k, tc_tensor *whole, tc_tensor *positions, tc_tensor *part, const tc_choice *c, bool gathers) {
  static const int64_t none[TC_MAX_DIMS];
  dims a, b;
  tc_tensor *table = offsets(whole, positions, c, &k->scale);
  if (!table) return false;
  tc_view large = without_chosen(whole, c, &a), small = without_range(part, c->at, c->at + positions->ndim, &b), p = tci_view(table);
  p.ndim = small.ndim;
  p.numel = small.numel;
  p.size = small.size;
  p.stride = none;
  tci_loop_views(&k->loop, 3, (tc_view[]){gathers ? small : large, p, gathers ? large : small});
  int64_t step;
  if (!one_step(part, c->at, c->at + positions->ndim, &step)) return tci_fail("internal: the part's positions are scattered") != NULL;
  k->n = positions->numel;
  k->limit = table == positions ? 1 : whole->numel;
  for (int d = 0; table == positions && d < whole->ndim; d++)
    if (chosen(c, d)) k->limit *= whole->size[d];
  k->step[0] = gathers ? step : 0;
  k->step[1] = 1;
  k->step[2] = gathers ? 0 : step;
  return true;
}

static bool plan(tc_lanes *k, tc_tensor *whole, tc_tensor *positions, tc_tensor *part, const tc_choice *c, bool gathers) {
  if (c->along < 0) return lanes_of_dims(k, whole, positions, part, c, gathers);
  lanes_along(k, whole, positions, part, c->along, gathers);
  return true;
}

/* ---- values ---- */
static int part_shape(const tc_tensor *whole, const tc_tensor *positions, const tc_choice *c, int64_t *size) {
  int n = 0;
  if (c->along >= 0) {
    memcpy(size, positions->size, positions->ndim * sizeof *size);
    return positions->ndim;
  }
  bool placed = false;
  for (int d = 0, rest = 0; d <= whole->ndim; d++) {
    bool kept = d < whole->ndim && !chosen(c, d);
    if (!placed && rest == c->at && (kept || d == whole->ndim)) {
      for (int b = 0; b < positions->ndim; b++) size[n++] = positions->size[b];
      placed = true;
    }
    if (!kept) continue;
    size[n++] = whole->size[d];
    rest++;
  }
  return n;
}

static tc_tensor *choose_values(tc_tensor *x, tc_tensor *positions, const tc_choice *c) {
  int64_t size[2 * TC_MAX_DIMS];
  int n = part_shape(x, positions, c, size);
  tc_tensor *y = tci_new(x->dtype, n, size, x->device);
  tc_lanes k;
  if (!y || y->numel == 0) return y;
  if (!plan(&k, x, positions, y, c, true)) return NULL;
  return tci_status(tci_kernels(x->device)->gather(&k), NULL, NULL, 0) ? y : NULL;
}

static bool half(int dtype) { return dtype == TC_FLOAT16 || dtype == TC_BFLOAT16; }

/* src with the part's shape and in one dtype with y, its position dims in one step */
static tc_tensor *fit_part(tc_tensor *src, const tc_tensor *y, const tc_tensor *positions, const tc_choice *c) {
  int64_t size[2 * TC_MAX_DIMS], step;
  int n = part_shape(y, positions, c, size);
  bool grad = tci_set_grad_mode(false);
  src = tci_cast(src, y->dtype);
  if (src && src->device != y->device) src = tc_to(src, y->dtype, y->device, false);
  if (src && (src->ndim != n || memcmp(src->size, size, (size_t)n * sizeof *size))) src = tc_expand(src, size, n);
  if (src && c->along < 0 && !one_step(src, c->at, c->at + positions->ndim, &step)) src = tci_contig(src);
  tci_set_grad_mode(grad);
  return src;
}

bool tci_put_values(tc_tensor *y, tc_tensor *positions, tc_tensor *src, tc_choice c, int op) {
  tc_lanes k;
  if (!y || !positions || !src) return false;
  if (half(y->dtype) && op != TC_PUT_SET) {
    tc_tensor *wide = tci_cast(y, TC_FLOAT32);
    return tci_put_values(wide, positions, src, c, op) && tci_copy_into(y, wide);
  }
  src = fit_part(src, y, positions, &c);
  if (!src) return false;
  if (src->numel == 0 || y->numel == 0) return true;
  if (src->storage == y->storage) src = tc_clone(tc_detach(src));
  return src && plan(&k, y, positions, src, &c, false) && tci_status(tci_kernels(y->device)->scatter(&k, op), NULL, NULL, 0);
}

tc_tensor *tci_own_copy(tc_tensor *x, tc_tensor *own) {
  if (own || !x) return own;
  tc_tensor *y = tci_like(x, x->dtype);
  return y && tci_copy_into(y, x) ? y : NULL;
}

tc_tensor *tci_zeros(tc_tensor *like, int ndim, const int64_t *size, int dtype) {
  return like ? tc_zeros(size, ndim, dtype, like->device, false) : NULL;
}

tc_tensor *tci_lane(tc_tensor *x) { return x && x->ndim == 0 ? tc_reshape(x, (int64_t[]){1}, 1) : x; }

/* Kinds must not be lost on the way (a fraction into integers); numbers and 0-dim tensors follow too. */
tc_tensor *tci_like_dtype(tc_tensor *src, tc_tensor *x, const char *argument) {
  if (!src || !x) return NULL;
  if (src->dtype == x->dtype) return src;
  bool fits = src->flags & TCF_WEAK || src->ndim == 0 ? tci_kind(src->dtype) <= tci_kind(x->dtype) : tci_promote(x->dtype, src->dtype) == x->dtype;
  if (!fits && src->flags & TCF_WEAK && tci_is_int(x->dtype)) fits = src->dtype != TC_BOOL; /* a Lua number is cut to an integer */
  if (!fits) return tci_fail("%s: got %s, takes %s as the input's", argument, tci_dtype_name(src->dtype), tci_dtype_name(x->dtype));
  return tc_to(src, x->dtype, TC_NONE, false);
}

/* ---- the four operators, each the gradient of another ---- */
typedef struct put_attr { tc_choice c; double alpha; } put_attr;

/* zeros of the given shape to which g is added at the positions: the gradient of choosing */
static void spread_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx);
static const tc_rule spread_rule = {"index_backward", spread_grad, TC_SAVE_IN(1)};
static const tc_rule again_rule = TC_CHOOSE_RULE("index");

static tc_tensor *spread(int ndim, const int64_t *size, tc_tensor *positions, tc_tensor *g, const tc_choice *c) {
  tc_tensor *y = tci_zeros(g, ndim, size, g ? g->dtype : 0), *ins[] = {g, positions};
  if (!y || !tci_put_values(y, positions, g, *c, TC_PUT_ADD)) return NULL;
  return tci_record(&spread_rule, y, 2, ins, c, sizeof *c);
}
static void spread_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  dx[0] = tci_choose(&again_rule, g[0], n->in[1], *(const tc_choice *)n->attr);
}

tc_tensor *tci_choose(const tc_rule *rule, tc_tensor *x, tc_tensor *positions, tc_choice c) {
  if (!x || !positions) return NULL;
  tc_tensor *y = choose_values(x, positions, &c), *ins[] = {x, positions};
  return y ? tci_record(rule, y, 2, ins, &c, sizeof c) : NULL;
}
void tci_choose_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  if (g[0]) dx[0] = spread(n->edge[0].ndim, n->edge[0].size, n->in[1], g[0], n->attr);
}

static tc_tensor *put(const tc_rule *rule, tc_tensor *x, tc_tensor *own, tc_tensor *positions, tc_tensor *src, put_attr a, int op) {
  if (!x || !positions || !src) return NULL;
  tc_tensor *ins[] = {x, positions, src}, *add = src;
  if (op == TC_PUT_ADD && a.alpha != 1) {
    bool grad = tci_set_grad_mode(false);
    add = tc_mul(tci_cast(src, half(x->dtype) ? TC_FLOAT32 : x->dtype), tci_number(a.alpha));
    tci_set_grad_mode(grad);
  }
  tc_tensor *y = add ? tci_own_copy(x, own) : NULL;
  if (!y || !tci_put_values(y, positions, add, a.c, op)) return NULL;
  return tci_record(rule, y, 3, ins, &a, sizeof a);
}

tc_tensor *tci_put(const tc_rule *rule, tc_tensor *x, tc_tensor *own, tc_tensor *positions, tc_tensor *src, tc_choice c) {
  return put(rule, x, own, positions, src, (put_attr){c, 1}, TC_PUT_SET);
}
tc_tensor *tci_put_holes(const tc_node *n, tc_tensor *g) {
  static const tc_rule hole_rule = TC_PUT_RULE("index_put");
  return tci_put(&hole_rule, g, NULL, n->in[1], tci_number(0), ((const put_attr *)n->attr)->c);
}
void tci_put_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const put_attr *a = n->attr;
  if (tci_needs(n, 0)) dx[0] = tci_put_holes(n, g[0]);
  if (tci_needs(n, 2)) dx[2] = tci_choose(&again_rule, g[0], n->in[1], a->c);
}

tc_tensor *tci_put_add(const tc_rule *rule, tc_tensor *x, tc_tensor *own, tc_tensor *positions, tc_tensor *src, tc_choice c, double alpha) {
  return put(rule, x, own, positions, src, (put_attr){c, alpha}, TC_PUT_ADD);
}
void tci_put_add_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const put_attr *a = n->attr;
  dx[0] = g[0];
  if (!tci_needs(n, 2)) return;
  dx[2] = tci_choose(&again_rule, g[0], n->in[1], a->c);
  if (a->alpha != 1) dx[2] = tc_mul(dx[2], tci_number(a->alpha));
}
