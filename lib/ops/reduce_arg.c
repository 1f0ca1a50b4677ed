/* reduce_arg.c: extremes along one dim with their positions: max, min, argmax, argmin. Positions count from 1. */
#include "reduce.h"

/* The gradient of values chosen along a dim goes to where they were chosen. Shared by everything that selects. */
void tci_chosen_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const tci_fold_attr *a = n->attr;
  const tc_edge *in = &n->edge[0];
  if (!g[0]) return;
  if (in->ndim == 0) { dx[0] = tc_reshape(g[0], NULL, 0); return; }
  int dim = __builtin_ctzll(a->mask);
  bool squeezed = !a->keepdim;
  tc_tensor *whole = tc_zeros(in->size, in->ndim, g[0]->dtype, in->device, false), *index = n->in[1];
  tc_tensor *where = squeezed ? tc_unsqueeze(index, dim) : index, *value = squeezed ? tc_unsqueeze(g[0], dim) : g[0];
  dx[0] = tc_scatter_add(whole, dim, where, value);
}

/* Records values chosen from x at the positions in index; keepdim is true if both still have the dim. */
tc_tensor *tci_record_chosen(const tc_rule *rule, tc_tensor *values, tc_tensor *x, tc_tensor *index, int dim, bool keepdim) {
  tci_fold_attr a = {.mask = (uint64_t)1 << dim, .keepdim = keepdim};
  return values && index ? tci_record(rule, values, 2, (tc_tensor *[]){x, index}, &a, sizeof a) : NULL;
}

/* values may be NULL if only the positions are wanted. */
static bool seek(int op, tc_tensor *x, uint64_t mask, bool keepdim, tc_tensor **values, tc_tensor **index) {
  tc_reduction r;
  if (!tci_check_real(x) || !tci_check_some(x, mask)) return false;
  if (values && !(*values = tci_fold_like(x, mask, keepdim, x->dtype))) return false;
  if (!(*index = tci_fold_like(x, mask, keepdim, TC_INT64))) return false;
  tci_plan(&r, op, values ? *values : NULL, x, mask, true);
  return tci_status(tci_kernels(x->device)->arg_reduce(&r, (int64_t *)tci_data(*index)), NULL, NULL, 0);
}

static const tc_rule max_rule = {"max", tci_chosen_grad, TC_SAVE_IN(1)};
static const tc_rule min_rule = {"min", tci_chosen_grad, TC_SAVE_IN(1)};

static tc_tensor *extreme(const tc_rule *rule, int op, tc_tensor *x, tc_dim dim, bool keepdim, tc_tensor **indices) {
  int d;
  tc_tensor *values;
  if (!x || (d = tci_dim(dim, x->ndim)) < 0) return NULL;
  if (!seek(op, x, (uint64_t)1 << d, keepdim, &values, indices)) return NULL;
  return tci_record_chosen(rule, values, x, *indices, d, keepdim);
}

tc_tensor *tc_max_dim(tc_tensor *x, tc_dim dim, bool keepdim, tc_tensor **indices) {
  tci_known_as("max_dim", "max");
  return extreme(&max_rule, TC_FOLD_MAX, x, dim, keepdim, indices);
}
tc_tensor *tc_min_dim(tc_tensor *x, tc_dim dim, bool keepdim, tc_tensor **indices) {
  tci_known_as("min_dim", "min");
  return extreme(&min_rule, TC_FOLD_MIN, x, dim, keepdim, indices);
}

static tc_tensor *position(int op, tc_tensor *x, tc_dim dim, bool keepdim) {
  uint64_t mask;
  tc_tensor *index;
  if (!x || !tci_one_dim(dim, x->ndim, &mask)) return NULL;
  if (dim == TC_NONE && x->ndim > 1 && !tci_contiguous(x) && !(x = tci_contig(x))) return NULL; /* the order of all elements */
  return seek(op, x, mask, keepdim, NULL, &index) ? index : NULL;
}

tc_tensor *tc_argmax(tc_tensor *x, tc_dim dim, bool keepdim) { return position(TC_FOLD_MAX, x, dim, keepdim); }
tc_tensor *tc_argmin(tc_tensor *x, tc_dim dim, bool keepdim) { return position(TC_FOLD_MIN, x, dim, keepdim); }
