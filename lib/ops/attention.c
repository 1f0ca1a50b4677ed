/* attention.c: scaled_dot_product_attention, composed of products and softmax. */
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

static bool group_heads(tc_tensor *q, tc_tensor **k, tc_tensor **v) {
  if (q->ndim < 3 || (*k)->ndim != q->ndim || (*v)->ndim != q->ndim)
    return tci_fail("enable_gqa: takes query, key and value with heads, got %s, %s, %s", tci_shape(q), tci_shape(*k),
      tci_shape(*v)) != NULL;
  const int64_t heads = q->size[q->ndim - 3], key_heads = (*k)->size[q->ndim - 3], value_heads = (*v)->size[q->ndim - 3];
  if (!key_heads || !value_heads || heads % key_heads || heads % value_heads)
    return tci_fail("enable_gqa: the %lld heads of the query must be a multiple of those of key (%lld) and value (%lld)",
                    (long long)heads, (long long)key_heads, (long long)value_heads) != NULL;
  *k = repeat_heads(*k, heads / key_heads);
  *v = repeat_heads(*v, heads / value_heads);
  return *k && *v;
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

tc_tensor *tc_scaled_dot_product_attention(tc_tensor *q, tc_tensor *k, tc_tensor *v, tc_tensor *mask, double dropout_p, bool is_causal,
                                           tc_operand *scale, bool enable_gqa) {
  if (!check(q, k, v)) return NULL;
  if (mask && is_causal) return tci_fail("attn_mask and is_causal exclude each other");
  if (enable_gqa && !group_heads(q, &k, &v)) return NULL;
  double factor = 1 / sqrt((double)q->size[q->ndim - 1]);
  if (scale && scale->numel != 1) return tci_fail("scale: got a tensor of shape %s, takes a number", tci_shape(scale));
  if (scale && !tc_read_doubles(scale, &factor)) return NULL;
  tc_tensor *scores = tc_matmul(scaled(q, factor), tc_transpose(k, -2, -1));
  if (is_causal) mask = causal_mask(q->size[q->ndim - 2], k->size[k->ndim - 2], q->device);
  if (mask) scores = masked(scores, mask);
  tc_tensor *p = mask && !is_causal ? masked_softmax(scores) : tc_softmax(scores, -1, TC_NONE); /* causal: a key is always seen */
  if (dropout_p > 0) p = tc_dropout(p, dropout_p, true, false);
  return tc_matmul(p, v);
}
