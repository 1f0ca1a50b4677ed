/* embedding.c: rows of a table picked by indices, alone or in bags that are summed, averaged or maximised. */
#include "neural.h"
#include <stdlib.h>

/* ---- two operators that are each other's gradient; scale (one number for each index) may be NULL ---- */
enum { IN_TABLE, IN_INDEX, IN_SCALE };

static void rows_scaled_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  dx[IN_TABLE] = tc_rows_added(g[0], n->in[IN_INDEX], n->in[IN_SCALE], n->edge[IN_TABLE].size[0]);
}
static const tc_rule rows_scaled_rule = {"embedding", rows_scaled_grad, TC_SAVE_IN(IN_INDEX) | TC_SAVE_IN(IN_SCALE)};

static void rows_added_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  dx[0] = tc_rows_scaled(g[0], n->in[IN_INDEX], n->in[IN_SCALE]);
}
static const tc_rule rows_added_rule = {"embedding_backward", rows_added_grad, TC_SAVE_IN(IN_INDEX) | TC_SAVE_IN(IN_SCALE)};

static bool check_fault(int status, const tc_fault *fault, int64_t rows) {
  if (status != TC_FAULT) return tci_status(status, NULL, NULL, 0);
  return tci_fail("index %lld at position %lld: indices are 1..%lld", (long long)fault->value, (long long)fault->position + 1,
                  (long long)rows) != NULL;
}

/* scale[i] table[index[i]] of index's shape and a last dim of width: values only */
static tc_tensor *pick(tc_tensor *table, tc_tensor *index, tc_tensor *scale) {
  const int type = scale ? compute_type(table->dtype) : table->dtype;
  tc_tensor *in = ready(table, type), *at = ready(index, TC_INT64), *s = ready(scale, type);
  if (!in || !at || (scale && !s)) return NULL;
  int64_t shape[TC_MAX_DIMS];
  memcpy(shape, index->size, (size_t)index->ndim * sizeof *shape);
  shape[index->ndim] = table->size[1];
  tc_tensor *y = tci_new(type, index->ndim + 1, shape, table->device);
  if (!y) return NULL;
  tc_fault fault;
  tc_view views[] = {tci_view(y), tci_view(in), tci_view(at)}, scale_view;
  int status = tci_kernels(y->device)->embedding(&views[0], &views[1], &views[2], maybe_view(&scale_view, s), &fault);
  return check_fault(status, &fault, table->size[0]) ? tci_cast(y, table->dtype) : NULL;
}

tc_tensor *tc_rows_scaled(tc_tensor *table, tc_tensor *index, tc_tensor *scale) {
  if (!table || !index) return NULL;
  tc_tensor *y = pick(table, index, scale), *ins[] = {table, index, scale};
  return y ? tci_record(&rows_scaled_rule, y, 3, ins, NULL, 0) : NULL;
}

/* (rows, width): row r is the sum of scale[i] x[i] over the i whose index is r */
tc_tensor *tc_rows_added(tc_tensor *x, tc_tensor *index, tc_tensor *scale, int64_t rows) {
  if (!x || !index) return NULL;
  const int type = row_type(x);
  tc_tensor *in = ready(x, type), *at = ready(index, TC_INT64), *s = ready(scale, type);
  if (!in || !at || (scale && !s)) return NULL;
  tc_tensor *y = tc_zeros((int64_t[]){rows, x->size[1]}, 2, type, x->device, false);
  if (!y) return NULL;
  tc_view views[] = {tci_view(y), tci_view(in), tci_view(at)}, scale_view;
  if (!tci_status(tci_kernels(y->device)->embedding_backward(&views[0], &views[1], &views[2], maybe_view(&scale_view, s)), NULL, NULL, 0))
    return NULL;
  y = tci_cast(y, x->dtype);
  tc_tensor *ins[] = {x, at, scale};
  return y ? tci_record(&rows_added_rule, y, 3, ins, NULL, 0) : NULL;
}

/* ---- embedding ---- */
typedef struct numbers { int64_t padding; int by_frequency; } numbers; /* padding: the label whose row gets no gradient, 0 for none */

/* What each index counts in the gradient: 0 for padding, 1 / its frequency where asked; NULL where all count 1. */
static tc_tensor *counts_of(tc_tensor *index, int64_t rows, const numbers *k, int dtype) {
  tc_tensor *scale = NULL;
  if (k->by_frequency)
    scale = tc_reciprocal(tc_to(tc_index_select(tc_bincount(index, NULL, rows), 0, index), dtype, TC_NONE, false));
  if (!k->padding) return scale;
  tc_tensor *mask = tc_to(tc_ne(index, tci_number((double)k->padding)), dtype, TC_NONE, false);
  return scale ? tc_mul(scale, mask) : mask;
}

static void embedding_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const numbers *k = n->attr;
  const int64_t *size = n->edge[0].size;
  tc_tensor *rows = tc_reshape(g[0], (int64_t[]){n->in[1]->numel, size[1]}, 2);
  const bool plain = !k->padding && !k->by_frequency;
  tc_tensor *scale = plain ? NULL : counts_of(n->in[1], size[0], k, compute_type(n->edge[0].dtype));
  dx[0] = plain || scale ? tc_rows_added(rows, n->in[1], scale, size[0]) : NULL;
}
static const tc_rule embedding_rule = {"embedding", embedding_grad, TC_SAVE_IN(1)};

static bool check_table(tc_tensor *weight) {
  if (weight->ndim == 2) return true;
  return tci_fail("weight: got shape %s, takes a matrix", tci_shape(weight)) != NULL;
}

/* padding_idx as a label from 1, 0 for none, -1 after an error */
static int64_t padding_label(int64_t padding, const tc_tensor *weight) {
  const int64_t rows = weight->size[0];
  if (padding == TC_NONE) return 0;
  if (padding >= 1 && padding <= rows) return padding;
  if (padding <= -1 && padding >= -rows) return rows + 1 + padding;
  tci_fail("padding_idx: got %lld, takes 1..%lld, or -%lld..-1 from the end", (long long)padding, (long long)rows, (long long)rows);
  return -1;
}

/* Shrinks, in place, the rows that are used and whose norm exceeds max_norm. */
static bool renorm_rows(tc_tensor *weight, tc_tensor *index, double max_norm, double norm_type) {
  const bool before = tci_set_grad_mode(false);
  const tc_dim width = 1;
  tc_tensor *rows = tc_index_select(weight, 0, index), *norm = tc_vector_norm(rows, norm_type, &width, 1, true, TC_NONE);
  tc_tensor *factor = tc_div(tci_number(max_norm), shifted(norm, 1e-7), NULL);
  tc_tensor *fitting = tc_mul(rows, tc_where(tc_gt(norm, tci_number(max_norm)), factor, tci_number(1)));
  const bool good = tci_copy_into(weight, tc_index_copy(weight, 0, index, fitting));
  tci_set_grad_mode(before);
  if (good) tci_touch(weight, "embedding");
  return good;
}

tc_tensor *tc_embedding(tc_indices *index, tc_tensor *weight, int64_t padding_idx, double max_norm, double norm_type,
                        bool scale_grad_by_freq, bool sparse) {
  if (!index || !weight || !tci_check_index(index, "input") || !check_table(weight)) return NULL;
  numbers k = {padding_label(padding_idx, weight), scale_grad_by_freq};
  tc_tensor *at = ready(index, TC_INT64);
  if (k.padding < 0 || !at) return NULL;
  tc_tensor *flat = tc_reshape(at, (int64_t[]){at->numel}, 1);
  if (max_norm < INFINITY && !renorm_rows(weight, flat, max_norm, norm_type)) return NULL;
  tc_tensor *y = pick(weight, at, NULL), *ins[] = {weight, flat};
  return y && flat ? tci_record(&embedding_rule, y, 2, ins, &k, sizeof k) : NULL;
}

/* ---- bags ---- */
/* ends[b] <- the position after the last one of bag b, from offsets that count from 1 */
static bool bag_ends(int64_t *ends, const int64_t *starts, int64_t bags, int64_t count, bool closed) {
  if (bags > 0 && starts[0] != 1) return tci_fail("offsets: the first is %lld, takes 1", (long long)starts[0]) != NULL;
  for (int64_t b = 0; b < bags; b++) {
    ends[b] = b + 1 < bags || closed ? starts[b + 1] : count + 1;
    if (ends[b] < starts[b] || ends[b] > count + 1)
      return tci_fail("offsets: %lld follows %lld among %lld indices; takes positions in order", (long long)ends[b], (long long)starts[b],
                      (long long)count) != NULL;
  }
  return bags > 0 || count == 0 || tci_fail("offsets: got none for %lld indices", (long long)count) != NULL;
}

/* The bag (from 1) of each of count indices. */
static tc_tensor *bags_by_offsets(tc_tensor *offsets, int64_t count, bool closed, int64_t *bags, tc_device device) {
  *bags = offsets->numel - closed;
  int64_t *starts = malloc((size_t)(2 * offsets->numel + count + 1) * sizeof *starts);
  if (!starts) return tci_fail("out of memory for %lld bags", (long long)*bags);
  int64_t *ends = starts + offsets->numel, *bag = ends + offsets->numel;
  tc_tensor *result = NULL;
  if (tc_read_int64s(ready(offsets, TC_INT64), starts) && bag_ends(ends, starts, *bags, count, closed)) {
    for (int64_t b = 0, i = 0; b < *bags; b++) while (i < ends[b] - 1) bag[i++] = b + 1;
    for (int64_t i = *bags > 0 ? ends[*bags - 1] - 1 : 0; i < count; i++) bag[i] = *bags > 0 ? *bags : 1;
    result = tc_from_bytes(bag, count * 8, &count, 1, TC_INT64);
    if (device != 0) result = tc_to(result, TC_NONE, device, false);
  }
  free(starts);
  return result;
}

static tc_tensor *bags_by_rows(int64_t bags, int64_t length, tc_device device) {
  tc_tensor *bag = tc_unsqueeze(tc_arange(1, (double)bags + 1, 1, TC_INT64, device, false), 1);
  return tc_reshape(tc_expand(bag, (int64_t[]){bags, length}, 2), (int64_t[]){bags * length}, 1);
}

/* 1 where the index counts, 0 at padding: NULL without padding */
static tc_tensor *counted(tc_tensor *flat, int64_t padding, int dtype) {
  return padding ? tc_to(tc_ne(flat, tci_number((double)padding)), dtype, TC_NONE, false) : NULL;
}

/* How many indices of each bag count, (bags, 1) */
static tc_tensor *bag_sizes(tc_tensor *bag, tc_tensor *mask, int64_t bags, int dtype) {
  return tc_rows_added(tc_ones((int64_t[]){bag->numel, 1}, 2, dtype, bag->device, false), bag, mask, bags);
}

static tc_tensor *bag_most(tc_tensor *rows, tc_tensor *bag, tc_tensor *mask, tc_tensor *sizes) {
  tc_tensor *most = tci_new(TC_INT64, 2, (int64_t[]){sizes->size[0], rows->size[1]}, rows->device);
  tc_tensor *in = ready(rows, compute_type(rows->dtype)), *skip = mask ? ready(tc_eq(mask, tci_number(0)), TC_UINT8) : NULL;
  if (!most || !in || (mask && !skip)) return NULL;
  tc_view views[] = {tci_view(most), tci_view(in), tci_view(bag)}, skip_view;
  if (!tci_status(tci_kernels(rows->device)->bag_argmax(&views[0], &views[1], &views[2], maybe_view(&skip_view, skip)), NULL, NULL, 0))
    return NULL;
  if (rows->size[0] == 0) return tc_new_zeros(rows, most->size, 2, TC_NONE, TC_NONE, false);
  return tc_where(tc_gt(sizes, tci_number(0)), tc_gather(rows, 0, most, false), tci_number(0));
}

static int bag_mode(const char *mode, tc_tensor *per_sample) {
  static const char *const names[] = {"sum", "mean", "max"};
  for (int i = 0; i < 3; i++)
    if (!strcmp(mode, names[i])) {
      if (i == 0 || !per_sample) return i;
      tci_fail("per_sample_weights: mode must be 'sum', got '%s'", mode);
      return -1;
    }
  tci_fail("mode: got '%s', takes 'sum', 'mean' or 'max'", mode);
  return -1;
}

static bool check_bags(tc_tensor *index, tc_tensor *offsets, tc_tensor *per_sample) {
  if (!tci_check_index(index, "input") || (offsets && !tci_check_index(offsets, "offsets"))) return false;
  if (index->ndim == 2 && offsets) return tci_fail("offsets: not taken with an input of 2 dims, got input %s", tci_shape(index)) != NULL;
  if (index->ndim != 2 && (index->ndim != 1 || !offsets))
    return tci_fail("input: got shape %s, takes (bags, length), or (indices) with offsets", tci_shape(index)) != NULL;
  if (per_sample && !tci_same_shape(per_sample, index))
    return tci_fail("per_sample_weights: got shape %s, takes the input's %s", tci_shape(per_sample), tci_shape(index)) != NULL;
  return true;
}

tc_tensor *tc_embedding_bag(tc_indices *index, tc_tensor *weight, tc_indices *offsets, double max_norm, double norm_type,
                            bool scale_grad_by_freq, const char *mode, bool sparse, tc_tensor *per_sample_weights,
                            bool include_last_offset, int64_t padding_idx) {
  if (!index || !weight || !check_bags(index, offsets, per_sample_weights) || !check_table(weight)) return NULL;
  const int how = bag_mode(mode ? mode : "mean", per_sample_weights);
  const int64_t padding = padding_label(padding_idx, weight), count = index->numel;
  if (how < 0 || padding < 0) return NULL;
  int64_t bags = index->ndim == 2 ? index->size[0] : 0;
  tc_tensor *bag = offsets ? bags_by_offsets(offsets, count, include_last_offset, &bags, weight->device)
                           : bags_by_rows(bags, index->size[1], weight->device);
  tc_tensor *at = ready(index, TC_INT64), *flat = at ? tc_reshape(at, &count, 1) : NULL;
  tc_tensor *rows = tc_embedding(flat, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse);
  if (!bag || !rows) return NULL;
  tc_tensor *mask = counted(flat, padding, weight->dtype);
  if (padding && !mask) return NULL;
  if (how == 2) return bag_most(rows, bag, mask, bag_sizes(bag, mask, bags, weight->dtype));
  if (per_sample_weights) rows = tc_mul(rows, tc_reshape(per_sample_weights, (int64_t[]){count, 1}, 2));
  tc_tensor *sum = tc_rows_added(rows, bag, mask, bags);
  return how == 0 ? sum : tc_div(sum, tc_clamp_min(bag_sizes(bag, mask, bags, weight->dtype), tci_number(1)), NULL);
}
