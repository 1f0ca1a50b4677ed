/* attention.c: scaled_dot_product_attention: one kernel where the device has it, else composed of products and softmax. The CPU has one for a few
   queries that no gradient is wanted of. */
#include "neural.h"

/* Each head of the keys and values serves several of the query: (..., heads, S, E) with every head repeated. */
static tc_tensor *repeat_heads(tc_tensor *x, int64_t times) {
  if (!x || times == 1) return x;
  int64_t shape[TC_MAX_DIMS];
  const int n = x->ndim, head = n - 3;
  memcpy(shape, x->size, (size_t)(head + 1) * sizeof *shape);
  shape[head + 1] = times;
  shape[head + 2] = x->size[n - 2];
  shape[head + 3] = x->size[n - 1];
  tc_tensor *wide = tc_expand(tc_unsqueeze(x, head + 1), shape, n + 1);
  shape[head] *= times;
  shape[head + 1] = shape[head + 2];
  shape[head + 2] = shape[head + 3];
  return tc_reshape(wide, shape, n);
}

static bool check(tc_tensor *q, tc_tensor *k, tc_tensor *v) {
  if (!q || !k || !v || !tci_check_float(q, "query")) return false;
  if (q->ndim < 2 || k->ndim < 2 || v->ndim < 2)
    return tci_fail("query %s, key %s and value %s take at least 2 dims", tci_shape(q), tci_shape(k), tci_shape(v)) != NULL;
  if (q->size[q->ndim - 1] != k->size[k->ndim - 1])
    return tci_fail("query %s and key %s differ in their last dim (%lld ~= %lld)", tci_shape(q), tci_shape(k),
                    (long long)q->size[q->ndim - 1], (long long)k->size[k->ndim - 1]) != NULL;
  if (k->size[k->ndim - 2] != v->size[v->ndim - 2])
    return tci_fail("key %s and value %s differ in length (%lld ~= %lld)", tci_shape(k), tci_shape(v),
                    (long long)k->size[k->ndim - 2], (long long)v->size[v->ndim - 2]) != NULL;
  return true;
}

static bool check_groups(tc_tensor *q, tc_tensor *k, tc_tensor *v) {
  if (q->ndim < 3 || k->ndim != q->ndim || v->ndim != q->ndim)
    return tci_fail("enable_gqa: takes query, key and value with heads, got %s, %s, %s", tci_shape(q), tci_shape(k),
      tci_shape(v)) != NULL;
  const int64_t heads = q->size[q->ndim - 3], key_heads = k->size[q->ndim - 3], value_heads = v->size[q->ndim - 3];
  if (!key_heads || !value_heads || heads % key_heads || heads % value_heads)
    return tci_fail("enable_gqa: the %lld heads of the query must be a multiple of those of key (%lld) and value (%lld)",
                    (long long)heads, (long long)key_heads, (long long)value_heads) != NULL;
  return true;
}

/* Position i of the query sees the keys 1..i. */
static tc_tensor *causal_mask(int64_t queries, int64_t keys, tc_device device) {
  tc_tensor *i = tc_arange(0, (double)queries, 1, TC_INT64, device, false), *j = tc_arange(0, (double)keys, 1, TC_INT64, device, false);
  return tc_ge(tc_unsqueeze(i, 1), tc_unsqueeze(j, 0));
}

static tc_tensor *masked(tc_tensor *scores, tc_tensor *mask) {
  if (!mask || !scores) return NULL;
  return mask->dtype == TC_BOOL ? tc_where(mask, scores, tci_number(-INFINITY)) : plus(scores, mask);
}

/* softmax that gives zeros, with zero gradients, for a row in which everything is masked */
static tc_tensor *masked_softmax(tc_tensor *scores) {
  const tc_dim last = -1;
  if (!scores) return NULL;
  tc_tensor *none = tc_all(tc_eq(scores, tci_number(-INFINITY)), &last, 1, true);
  tc_tensor *p = tc_softmax(tc_where(none, tci_number(0), scores), -1, TC_NONE);
  return tc_where(none, tci_number(0), p);
}

/* ---- one kernel ---- */
enum { IN_Q, IN_K, IN_V, IN_MASK, IN_SUMS, IN_COUNT };
typedef struct tc_seeing { double scale; int causal; } tc_seeing;

static tc_heads heads_of(tc_tensor *x) {
  if (!x) return (tc_heads){0};
  return (tc_heads){tci_data(x), {x->stride[0], x->stride[1], x->stride[2]}};
}

/* x with the channels of a position side by side */
static tc_tensor *in_rows(tc_tensor *x) { return !x || x->stride[3] == 1 || x->size[3] < 2 ? x : tci_contig(x); }

/* q, k and v have four dims, the mask the shape of the scores, dims of size 1 serving all. */
static tc_attention describe(tc_tensor *q, tc_tensor *k, tc_tensor *v, tc_tensor *mask, tc_tensor *out, tc_tensor *sums, const tc_seeing *s) {
  tc_attention p = {.batch = q->size[0], .heads = q->size[1], .key_heads = k->size[1], .queries = q->size[2], .keys = k->size[2],
                    .dim = (int)q->size[3], .value_dim = (int)v->size[3], .dtype = q->dtype, .causal = s->causal, .scale = s->scale,
                    .q = heads_of(q), .k = heads_of(k), .v = heads_of(v), .out = heads_of(out), .sums = sums ? (float *)tci_data(sums) : NULL};
  if (mask) {
    p.mask = tci_data(mask);
    p.mask_dtype = mask->dtype;
    for (int d = 0; d < 4; d++) p.mask_step[d] = mask->size[d] == 1 ? 0 : mask->stride[d];
  }
  return p;
}

static void flash_fused(const tc_node *n, tc_tensor *g, tc_tensor **dx) {
  tc_tensor *q = in_rows(n->in[IN_Q]), *k = in_rows(n->in[IN_K]), *v = in_rows(n->in[IN_V]), *sums = n->in[IN_SUMS], *delta = tci_like(sums, TC_FLOAT32);
  if (!q || !k || !v || !delta || !(g = in_rows(tci_cast(g, q->dtype)))) return;
  tc_attention p = describe(q, k, v, n->in[IN_MASK], n->out[0], sums, n->attr);
  tc_tensor *slope[3] = {0};
  for (int i = 0; i < 3; i++)
    if (tci_needs(n, i) && !(slope[i] = tci_like(n->in[i], q->dtype))) return;
  p.dout = heads_of(g);
  p.delta = (float *)tci_data(delta);
  p.dq = heads_of(slope[IN_Q]);
  p.dk = heads_of(slope[IN_K]);
  p.dv = heads_of(slope[IN_V]);
  if (tci_status(tci_kernels(q->device)->attention_backward(&p), NULL, NULL, 0)) memcpy(dx, slope, sizeof slope);
}

/* The sum over the heads that share one of k or v. */
static tc_tensor *sum_groups(tc_tensor *x, int64_t heads) {
  if (!x || x->size[1] == heads) return x;
  const int64_t shape[] = {x->size[0], heads, x->size[1] / heads, x->size[2], x->size[3]};
  const tc_dim groups = 2;
  return tc_sum(tc_reshape(x, shape, 5), &groups, 1, false, TC_NONE);
}

/* For second derivatives, of public operators: P = softmax of the scores, dS = P (g v' - delta). */
static void flash_composed(const tc_node *n, tc_tensor *g, tc_tensor **dx) {
  const tc_seeing *s = n->attr;
  tc_tensor *q = n->in[IN_Q], *mask = n->in[IN_MASK];
  const int64_t shared = n->in[IN_K]->size[1], times = q->size[1] / shared;
  tc_tensor *k = repeat_heads(n->in[IN_K], times), *v = repeat_heads(n->in[IN_V], times), *scores = tc_matmul(scaled(q, s->scale), tc_transpose(k, -2, -1));
  if (s->causal) mask = causal_mask(q->size[2], k->size[2], q->device);
  if (mask) scores = masked(scores, mask);
  tc_tensor *p = mask && !s->causal ? masked_softmax(scores) : tc_softmax(scores, -1, TC_NONE);
  tc_tensor *dp = tc_matmul(g, tc_transpose(v, -2, -1)), *ds = tc_mul(p, minus(dp, sum_over(tc_mul(p, dp), -1)));
  if (tci_needs(n, IN_Q)) dx[IN_Q] = scaled(tc_matmul(ds, k), s->scale);
  if (tci_needs(n, IN_K)) dx[IN_K] = sum_groups(scaled(tc_matmul(tc_transpose(ds, -2, -1), q), s->scale), shared);
  if (tci_needs(n, IN_V)) dx[IN_V] = sum_groups(tc_matmul(tc_transpose(p, -2, -1), g), shared);
}

static void flash_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) { (tci_grad_mode() ? flash_composed : flash_fused)(n, g[0], dx); }
static const tc_rule flash_rule = {"scaled_dot_product_attention", flash_grad, TC_SAVE_IN(IN_Q) | TC_SAVE_IN(IN_K) | TC_SAVE_IN(IN_V) |
                                   TC_SAVE_IN(IN_MASK) | TC_SAVE_IN(IN_SUMS) | TC_SAVE_OUT(0)};

/* Four dims: further ones in front join into one. Only where they are the same in q, k and v. */
static tc_tensor *four(tc_tensor *x) {
  while (x && x->ndim < 4) x = tc_unsqueeze(x, 0);
  return x && x->ndim > 4 ? tc_flatten(x, 0, x->ndim - 4) : x;
}
static bool same_front(const tc_tensor *q, const tc_tensor *k, int but) {
  return q->ndim == k->ndim && !memcmp(q->size, k->size, (size_t)(q->ndim > but ? q->ndim - but : 0) * sizeof *q->size);
}
/* On the CPU products of matrices are quicker from some queries on, and there is no gradient. */
enum { CPU_QUERIES = 4 };
static bool device_can(tc_tensor *q, tc_tensor *k, tc_tensor *v, tc_tensor *mask) {
  if (q->device > 0) return true;
  if (q->dtype != TC_FLOAT32 || q->size[q->ndim - 2] > CPU_QUERIES) return false;
  return !tci_grad_mode() || !(tc_get_requires_grad(q) || tc_get_requires_grad(k) || tc_get_requires_grad(v) || (mask && tc_get_requires_grad(mask)));
}
static bool flash_can(tc_tensor *q, tc_tensor *k, tc_tensor *v, tc_tensor *mask, bool groups) {
  if (!device_can(q, k, v, mask) || q->dtype == TC_FLOAT64 || k->dtype != q->dtype || v->dtype != q->dtype) return false;
  if (k->device != q->device || v->device != q->device) return false;
  if (q->size[q->ndim - 1] > TC_ATTENTION_WIDEST || v->size[v->ndim - 1] > TC_ATTENTION_WIDEST || !q->numel || !k->numel || !v->numel) return false;
  if (!same_front(q, k, groups ? 3 : 2) || !same_front(k, v, 2)) return false;
  if (!mask) return true;
  if (mask->device != q->device || (q->device > 0 && tc_get_requires_grad(mask))) return false;
  return mask->ndim <= 4 && q->ndim <= 4 && (mask->dtype == TC_BOOL || mask->dtype == q->dtype);
}

/* NULL without an error where the device has no kernel for it. k and v may have fewer heads. */
static tc_tensor *flash(tc_tensor *q, tc_tensor *k, tc_tensor *v, tc_tensor *mask, const tc_seeing *s) {
  tc_tensor *given = q, *in[3] = {four(q), four(k), four(v)}, *row[3];
  for (int i = 0; i < 3; i++)
    if (!(row[i] = in_rows(in[i]))) return NULL;
  q = in[IN_Q];
  mask = mask ? four(mask) : NULL;
  const int64_t shape[] = {q->size[0], q->size[1], q->size[2], row[IN_V]->size[3]};
  for (int d = 0; mask && d < 4; d++)
    if (mask->size[d] != 1 && mask->size[d] != (d < 3 ? q->size[d] : row[IN_K]->size[2])) return NULL;
  tc_tensor *out = tci_new(q->dtype, 4, shape, q->device), *sums = NULL;
  if (!out || (q->device > 0 && !(sums = tci_new(TC_FLOAT32, 3, shape, q->device)))) return NULL;
  const tc_attention p = describe(row[IN_Q], row[IN_K], row[IN_V], mask, out, sums, s);
  const int status = tci_kernels(q->device)->attention(&p);
  if (status == TC_MISSING || !tci_status(status, NULL, NULL, 0)) return NULL;
  tc_tensor *ins[IN_COUNT] = {in[IN_Q], in[IN_K], in[IN_V], mask, sums};
  tc_tensor *y = tci_record(&flash_rule, out, IN_COUNT, ins, s, sizeof *s);
  int64_t last[TC_MAX_DIMS];
  memcpy(last, given->size, (size_t)given->ndim * sizeof *last);
  last[given->ndim - 1] = shape[3];
  return y && given->ndim != 4 ? tc_reshape(y, last, given->ndim) : y;
}

/* ---- composed ---- */
static tc_tensor *composed(tc_tensor *q, tc_tensor *k, tc_tensor *v, tc_tensor *mask, double dropout_p, bool causal, double factor) {
  tc_tensor *scores = tc_matmul(scaled(q, factor), tc_transpose(k, -2, -1));
  if (causal) mask = causal_mask(q->size[q->ndim - 2], k->size[k->ndim - 2], q->device);
  if (mask) scores = masked(scores, mask);
  tc_tensor *p = mask && !causal ? masked_softmax(scores) : tc_softmax(scores, -1, TC_NONE); /* causal: a key is always seen */
  if (dropout_p > 0) p = tc_dropout(p, dropout_p, true, false);
  return tc_matmul(p, v);
}

tc_tensor *tc_scaled_dot_product_attention(tc_tensor *q, tc_tensor *k, tc_tensor *v, tc_tensor *mask, double dropout_p, bool is_causal,
                                           tc_operand *scale, bool enable_gqa) {
  if (!check(q, k, v)) return NULL;
  if (mask && is_causal) return tci_fail("attn_mask and is_causal exclude each other");
  double factor = 1 / sqrt((double)q->size[q->ndim - 1]);
  if (scale && scale->numel != 1) return tci_fail("scale: got a tensor of shape %s, takes a number", tci_shape(scale));
  if (scale && !tc_read_doubles(scale, &factor)) return NULL;
  if (enable_gqa && !check_groups(q, k, v)) return NULL;
  if (dropout_p == 0 && flash_can(q, k, v, mask, enable_gqa)) {
    tc_tensor *y = flash(q, k, v, mask, &(tc_seeing){factor, is_causal});
    if (y || tci_failed()) return y;
  }
  if (enable_gqa) {
    const int head = q->ndim - 3;
    k = repeat_heads(k, q->size[head] / k->size[head]);
    v = repeat_heads(v, q->size[head] / v->size[head]);
  }
  return composed(q, k, v, mask, dropout_p, is_causal, factor);
}
