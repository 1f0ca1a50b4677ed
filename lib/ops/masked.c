/* masked.c: elements chosen by a mask or by not being zero. */
#include "index.h"

/* ---- where the elements are that are not zero ---- */
tc_tensor *tci_nonzero(tc_tensor *x) {
  x = tci_contig(x);
  if (!x) return NULL;
  tc_view v = tci_view(x);
  int64_t count = 0;
  const tc_kernels *k = tci_kernels(x->device);
  if (!tci_status(k->nonzero(&v, NULL, &count), NULL, NULL, 0)) return NULL;
  tc_tensor *y = tci_new(TC_INT64, 1, &count, x->device);
  if (!y || count == 0) return y;
  return tci_status(k->nonzero(&v, (int64_t *)tci_data(y), &count), NULL, NULL, 0) ? y : NULL;
}

/* The coordinate along dim d, from 1, of flat positions in x. */
static tc_tensor *coordinate(tc_tensor *flat, const tc_tensor *x, int d) {
  int64_t inner = 1;
  for (int k = d + 1; k < x->ndim; k++) inner *= x->size[k];
  if (inner > 1) flat = tc_floor_divide(flat, tci_number((double)inner));
  if (d > 0) flat = tc_remainder(flat, tci_number((double)x->size[d]));
  return tc_add(flat, tci_number(1), 1);
}

/* (count, dims): the coordinates of one element a row */
tc_tensor *tc_nonzero(tc_tensor *x) {
  tc_tensor *flat = tci_nonzero(x);
  tc_tensor *y = flat ? tci_new(TC_INT64, 2, (int64_t[]){flat->numel, x->ndim}, x->device) : NULL;
  for (int d = 0; y && y->numel && d < x->ndim; d++)
    if (!tci_copy_into(tc_select(y, 1, d), coordinate(flat, x, d))) return NULL;
  return y;
}
tc_tensor *tc_argwhere(tc_tensor *x) { return tc_nonzero(x); }

/* ---- masks ---- */
static bool check_mask(tc_tensor *mask) {
  if (mask->dtype == TC_BOOL) return true;
  return tci_fail("mask: got %s, takes bool (mask:bool() converts)", tci_dtype_name(mask->dtype)) != NULL;
}

static bool common_shape(tc_tensor *x, tc_tensor *mask, int *ndim, int64_t *size) {
  tc_tensor *both[] = {x, mask};
  return check_mask(mask) && tci_broadcast(2, both, ndim, size);
}

static void masked_fill_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  tc_tensor *mask = n->in[1];
  if (tci_needs(n, 0)) dx[0] = tc_masked_fill(g[0], mask, tci_number(0));
  if (tci_needs(n, 2)) dx[2] = tc_where(mask, g[0], tci_number(0));
}
static const tc_rule masked_fill_rule = {"masked_fill", masked_fill_grad, TC_SAVE_IN(1)};

tc_tensor *tc_masked_fill(tc_tensor *x, tc_tensor *mask, tc_operand *value) {
  if (!x || !mask || !value || !check_mask(mask)) return NULL;
  if (value->ndim != 0) return tci_fail("value: got a tensor of shape %s, takes a number or 0-dim tensor", tci_shape(value));
  tc_tensor *ins[] = {x, mask, value};
  if (mask->device != x->device) mask = tc_to(mask, TC_NONE, x->device, false);
  bool grad = tci_set_grad_mode(false);
  tc_tensor *y = tc_where(mask, tci_like_dtype(value, x, "value"), x);
  tci_set_grad_mode(grad);
  return y ? tci_record(&masked_fill_rule, y, 3, ins, NULL, 0) : NULL;
}

static const tc_rule masked_select_rule = TC_CHOOSE_RULE("masked_select");
tc_tensor *tc_masked_select(tc_tensor *x, tc_tensor *mask) {
  if (!x || !mask) return NULL;
  int64_t size[TC_MAX_DIMS];
  int ndim;
  if (!common_shape(x, mask, &ndim, size)) return NULL;
  if (mask->device != x->device) mask = tc_to(mask, TC_NONE, x->device, false);
  x = tci_lane(tc_expand(x, size, ndim));
  return x ? tci_choose(&masked_select_rule, x, tci_nonzero(tc_expand(mask, size, ndim)), tci_of_all(x)) : NULL;
}

/* The true places take the elements of source in order. */
static const tc_rule masked_scatter_rule = TC_PUT_RULE("masked_scatter");
tc_tensor *tc_masked_scatter(tc_tensor *x, tc_tensor *mask, tc_tensor *source) {
  if (!x || !mask || !source) return NULL;
  tc_tensor *own = tci_own(x);
  int64_t size[TC_MAX_DIMS];
  int ndim;
  if (!common_shape(x, mask, &ndim, size)) return NULL;
  if (mask->device != x->device) mask = tc_to(mask, TC_NONE, x->device, false);
  if (ndim == 0) return tc_reshape(tc_masked_scatter(tci_lane(x), mask, source), NULL, 0);
  x = tc_expand(x, size, ndim);
  tc_tensor *positions = tci_nonzero(tc_expand(mask, size, ndim)), *flat = tc_reshape(tci_like_dtype(source, x, "source"), (int64_t[]){-1}, 1);
  if (!positions || !flat) return NULL;
  if (flat->numel < positions->numel)
    return tci_fail("source: got %lld elements for %lld true places", (long long)flat->numel, (long long)positions->numel);
  return tci_put(&masked_scatter_rule, x, own, positions, tc_narrow(flat, 0, 0, positions->numel), tci_of_all(x));
}

/* ---- classes as rows of zeros with a one ---- */
tc_tensor *tc_one_hot(tc_indices *labels, int64_t num_classes) {
  if (!labels || !tci_check_index(labels, "tensor")) return NULL;
  if (num_classes == 0 || num_classes < -1) return tci_fail("num_classes: got %lld, takes 1 or more (or -1)", (long long)num_classes);
  if (num_classes < 0) {
    if (labels->numel == 0) return tci_fail("num_classes is needed for a tensor without elements");
    int64_t most;
    tc_tensor *top = tc_amax(labels, NULL, 0, false);
    if (!top || !tc_read_int64s(top, &most)) return NULL;
    num_classes = most;
  }
  int64_t size[TC_MAX_DIMS + 1], least = 1;
  if (labels->numel && !(tc_read_int64s(tc_amin(labels, NULL, 0, false), &least))) return NULL;
  if (least < 1) return tci_fail("label %lld: takes 1..%lld", (long long)least, (long long)num_classes);
  memcpy(size, labels->size, labels->ndim * sizeof *size);
  size[labels->ndim] = num_classes;
  tc_tensor *y = tci_zeros(labels, labels->ndim + 1, size, TC_INT64);
  tc_tensor *at = tci_positions(labels, tc_unsqueeze(labels, -1), labels->ndim, num_classes);
  return tci_put_values(y, at, tci_number(1), tci_along(labels->ndim), 0) ? y : NULL;
}
