/* scatter.c: values to places along a dim: scatter, scatter_add, and the reductions of all that lands in one place. */
#include "index.h"
#include "../../kernels/index.h"

/* src cut to the positions' shape (it may be larger), a number or 0-dim tensor as it is; in x's dtype. NULL after an error */
static tc_tensor *part_of(tc_tensor *src, tc_tensor *index, tc_tensor *x) {
  src = tci_like_dtype(src, x, "src");
  if (!src || src->ndim == 0) return src;
  if (src->ndim != index->ndim) return tci_fail("src: got shape %s, takes as many dims as index %s has", tci_shape(src), tci_shape(index));
  for (int d = 0; src && d < index->ndim; d++) {
    if (src->size[d] < index->size[d])
      return tci_fail("src: shape %s is smaller than index %s at dim %d (%lld < %lld)", tci_shape(src), tci_shape(index), d + 1,
                      (long long)src->size[d], (long long)index->size[d]);
    if (src->size[d] > index->size[d]) src = tc_narrow(src, d, 0, index->size[d]);
  }
  return src;
}

typedef struct place { int d; tc_tensor *own, *positions, *src; } place;

/* what all of the family check; false after an error */
static bool prepare(place *p, tc_tensor *x, tc_dim dim, tc_tensor *index, tc_tensor *src) {
  if (!x || !index || !src) return false;
  p->own = tci_own(x);
  p->d = tci_dim(dim, x->ndim);
  if (p->d < 0 || !tci_check_index(index, "index") || !tci_fits_lanes(x, index, p->d, "the input")) return false;
  p->positions = tci_positions(x, index, p->d, x->size[p->d]);
  p->src = p->positions ? part_of(src, index, x) : NULL;
  return p->src != NULL;
}

static const tc_rule scatter_rule = TC_PUT_RULE("scatter"), scatter_add_rule = TC_PUT_ADD_RULE("scatter_add");

tc_tensor *tc_scatter(tc_tensor *x, tc_dim dim, tc_indices *index, tc_operand *src, const char *reduce) {
  if (!x || !index || !src) return NULL;
  if (reduce && !strcmp(reduce, "add")) reduce = "sum";
  else if (reduce && !strcmp(reduce, "multiply")) reduce = "prod";
  else if (reduce) return tci_fail("reduce: got '%s', takes 'add' or 'multiply'", reduce);
  if (reduce) return tc_scatter_reduce(x, dim, index, src, reduce, true);
  if (x->ndim == 0) return tc_reshape(tc_scatter(tci_lane(x), dim, tci_lane(index), src->flags & TCF_WEAK ? src : tci_lane(src), NULL), NULL, 0);
  place p;
  return prepare(&p, x, dim, index, src) ? tci_put(&scatter_rule, x, p.own, p.positions, p.src, tci_along(p.d)) : NULL;
}

tc_tensor *tc_scatter_add(tc_tensor *x, tc_dim dim, tc_indices *index, tc_tensor *src) {
  if (!x || !index || !src) return NULL;
  if (x->ndim == 0) return tc_reshape(tc_scatter_add(tci_lane(x), dim, tci_lane(index), tci_lane(src)), NULL, 0);
  place p;
  return prepare(&p, x, dim, index, src) ? tci_put_add(&scatter_add_rule, x, p.own, p.positions, p.src, tci_along(p.d), 1) : NULL;
}

/* ---- scatter_reduce ---- */
enum { SUM, PROD, MEAN, AMAX, AMIN };
typedef struct reduce_attr { tc_choice c; int kind; bool include_self; } reduce_attr;
static const tc_rule choose_rule = TC_CHOOSE_RULE("gather"), hole_rule = TC_PUT_RULE("scatter"), add_rule = TC_PUT_ADD_RULE("scatter_add");

static int kind_of(const char *reduce) {
  static const char *const names[] = {"sum", "prod", "mean", "amax", "amin"};
  for (int k = 0; k < 5; k++)
    if (reduce && !strcmp(reduce, names[k])) return k;
  tci_fail("reduce: got '%s', takes 'sum', 'prod', 'mean', 'amax' or 'amin'", reduce ? reduce : "nil");
  return -1;
}

/* how many values each place takes in, in the given dtype; places that take in none count as 1 */
static tc_tensor *counts(tc_tensor *x, tc_tensor *positions, const reduce_attr *a, int dtype) {
  int64_t one = a->include_self ? 1 : 0;
  tc_tensor *n = tc_full(x->size, x->ndim, tci_number((double)one), TC_INT64, x->device, false);
  if (!n || !tci_put_values(n, positions, tci_number(1), a->c, TC_PUT_ADD)) return NULL;
  return tci_cast(tc_clamp_min(n, tci_number(1)), dtype);
}

/* Places that leave x out begin with the neutral number, or for extremes with one of the values that land there. */
static bool begin(tc_tensor *y, tc_tensor *positions, tc_tensor *src, const reduce_attr *a) {
  if (a->include_self) return true;
  bool extreme = a->kind == AMAX || a->kind == AMIN;
  return tci_put_values(y, positions, extreme ? src : tci_number(a->kind == PROD), a->c, TC_PUT_SET);
}

static tc_tensor *average(tc_tensor *y, tc_tensor *positions, const reduce_attr *a) {
  bool whole = tci_is_int(y->dtype);
  tc_tensor *n = counts(y, positions, a, whole ? TC_INT64 : y->dtype == TC_FLOAT64 ? TC_FLOAT64 : TC_FLOAT32);
  return tci_copy_into(y, whole ? tc_floor_divide(y, n) : tc_div(y, n, NULL)) ? y : NULL;
}

static tc_tensor *reduced(tc_tensor *x, tc_tensor *own, tc_tensor *positions, tc_tensor *src, const reduce_attr *a) {
  static const int ops[] = {TC_PUT_ADD, TC_PUT_MUL, TC_PUT_ADD, TC_PUT_MAX, TC_PUT_MIN};
  tc_tensor *y = tci_own_copy(x, own);
  if (!y || !begin(y, positions, src, a) || !tci_put_values(y, positions, src, a->c, ops[a->kind])) return NULL;
  return a->kind == MEAN ? average(y, positions, a) : y;
}

static tc_tensor *reduce_at(tc_tensor *x, tc_tensor *own, tc_tensor *positions, tc_tensor *src, reduce_attr a);

/* ---- its gradients; in: x, positions, src; out: the result ---- */
static tc_tensor *without_places(tc_tensor *g, tc_tensor *positions, const reduce_attr *a) { /* x itself was left out there */
  return a->include_self ? g : tci_put(&hole_rule, g, NULL, positions, tci_number(0), a->c);
}

static void mean_grad(const tc_node *n, tc_tensor *g, tc_tensor **dx) {
  const reduce_attr *a = n->attr;
  if (a->kind == MEAN) g = tc_div(g, counts(n->in[0], n->in[1], a, g->dtype), NULL);
  dx[0] = without_places(g, n->in[1], a);
  dx[2] = tci_choose(&choose_rule, g, n->in[1], a->c);
}

/* Equal extremes share the gradient. */
static void extreme_grad(const tc_node *n, tc_tensor *g, tc_tensor **dx) {
  const reduce_attr *a = n->attr;
  tc_tensor *x = n->in[0], *p = n->in[1], *y = tc_detach(n->out[0]);
  tc_tensor *mine = without_places(tc_to(tc_eq(tc_detach(x), y), g->dtype, TC_NONE, false), p, a);
  tc_tensor *theirs = tc_to(tc_eq(tc_detach(n->in[2]), tci_choose(&choose_rule, y, p, a->c)), g->dtype, TC_NONE, false);
  tc_tensor *share = tc_div(g, tc_clamp_min(tci_put_add(&add_rule, mine, NULL, p, theirs, a->c, 1), tci_number(1)), NULL);
  dx[0] = tc_mul(share, mine);
  dx[2] = tc_mul(tci_choose(&choose_rule, share, p, a->c), theirs);
}

/* The product of all the others is the result divided by one; where some are zero, the product of those that are not, which counts
   only if the one is the only zero. Zeros are replaced by 1 before anything is divided, so that every order stays finite. */
static void prod_grad(const tc_node *n, tc_tensor *g, tc_tensor **dx) {
  const reduce_attr *a = n->attr;
  tc_tensor *x = n->in[0], *p = n->in[1], *src = n->in[2], *one = tci_number(1), *zero = tci_number(0);
  tc_tensor *x_zero = tc_eq(tc_detach(x), zero), *src_zero = tc_eq(tc_detach(src), zero);
  tc_tensor *x_safe = tc_where(x_zero, one, x), *src_safe = tc_where(src_zero, one, src);
  tc_tensor *zeros = without_places(tc_to(x_zero, g->dtype, TC_NONE, false), p, a);
  zeros = tci_put_add(&add_rule, zeros, NULL, p, tc_to(src_zero, g->dtype, TC_NONE, false), a->c, 1);
  if (!zeros) return;
  tc_tensor *rest = tc_mul(g, reduce_at(x_safe, NULL, p, src_safe, *a)); /* of the nonzero */
  tc_tensor *none = tc_mul(rest, tc_eq(zeros, zero)), *single = tc_mul(rest, tc_eq(zeros, one));
  dx[0] = without_places(tc_add(tc_div(none, x_safe, NULL), tc_mul(single, x_zero), 1), p, a);
  tc_tensor *none_there = tci_choose(&choose_rule, none, p, a->c), *single_there = tci_choose(&choose_rule, single, p, a->c);
  dx[2] = tc_add(tc_div(none_there, src_safe, NULL), tc_mul(single_there, src_zero), 1);
}

static void reduce_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  int kind = ((const reduce_attr *)n->attr)->kind;
  if (kind == SUM || kind == MEAN) mean_grad(n, g[0], dx);
  else if (kind == PROD) prod_grad(n, g[0], dx);
  else extreme_grad(n, g[0], dx);
}
static const tc_rule reduce_rule = {"scatter_reduce", reduce_grad, TC_SAVE_IN(0) | TC_SAVE_IN(1) | TC_SAVE_IN(2) | TC_SAVE_OUT(0)};

static tc_tensor *reduce_at(tc_tensor *x, tc_tensor *own, tc_tensor *positions, tc_tensor *src, reduce_attr a) {
  if (!x || !positions || !src) return NULL;
  if (src->ndim == 0) src = tc_expand(src, positions->size, positions->ndim);
  tc_tensor *ins[] = {x, positions, src};
  bool grad = tci_set_grad_mode(false);
  tc_tensor *y = reduced(x, own, positions, src, &a);
  tci_set_grad_mode(grad);
  return y ? tci_record(&reduce_rule, y, 3, ins, &a, sizeof a) : NULL;
}

tc_tensor *tc_scatter_reduce(tc_tensor *x, tc_dim dim, tc_indices *index, tc_operand *src, const char *reduce, bool include_self) {
  if (!x || !index || !src) return NULL;
  int kind = kind_of(reduce);
  if (kind < 0) return NULL;
  if (x->ndim == 0) return tc_reshape(tc_scatter_reduce(tci_lane(x), dim, tci_lane(index), tci_lane(src), reduce, include_self), NULL, 0);
  place p;
  return prepare(&p, x, dim, index, src) ? reduce_at(x, p.own, p.positions, p.src, (reduce_attr){tci_along(p.d), kind, include_self}) : NULL;
}

/* whole slices of source, each to one place along dim */
tc_tensor *tc_index_reduce(tc_tensor *x, tc_dim dim, tc_indices *index, tc_tensor *source, const char *reduce, bool include_self) {
  if (!x || !index || !source) return NULL;
  int d = tci_dim(dim, x->ndim), kind = kind_of(reduce);
  if (d < 0 || kind < 0) return NULL;
  if (x->ndim == 0) return tc_reshape(tc_index_reduce(tci_lane(x), 0, index, tci_lane(source), reduce, include_self), NULL, 0);
  index = tci_lane(index);
  if (!index) return NULL;
  bool fits = index->ndim == 1 && source->ndim == x->ndim;
  for (int k = 0; fits && k < x->ndim; k++) fits = source->size[k] == (k == d ? index->numel : x->size[k]);
  if (!fits)
    return tci_fail("source: got shape %s for index %s along dim %d of %s", tci_shape(source), tci_shape(index), d + 1, tci_shape(x));
  int64_t shape[TC_MAX_DIMS];
  for (int k = 0; k < x->ndim; k++) shape[k] = k == d ? index->numel : 1;
  tc_tensor *wide = tc_expand(tc_reshape(index, shape, x->ndim), source->size, x->ndim);
  return tc_scatter_reduce(x, dim, wide, source, reduce, include_self);
}
