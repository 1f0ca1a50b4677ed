/* attention.c: attention of a few queries, as a network that writes token by token asks for: the scores of one query stay in the cache. Of many
   queries, and their gradients, it is composed of matrix products and softmax (lib/ops/attention.c). */
#include "row.h"
#include <stdlib.h>

enum { KEPT_SCORES = 2048 };  /* on the stack */

/* what belongs to one query: its place in the mask is that of key 0 */
typedef struct query { const float *q, *k, *v; const char *mask; float *out, *sum; int64_t keys; } query;

static query query_at(const tc_attention *p, int64_t batch, int64_t head, int64_t at) {
  const int64_t shared = head / (p->heads / p->key_heads), mask_at = batch * p->mask_step[0] + head * p->mask_step[1] + at * p->mask_step[2];
  return (query){
    .q = (const float *)p->q.data + batch * p->q.step[0] + head * p->q.step[1] + at * p->q.step[2],
    .k = (const float *)p->k.data + batch * p->k.step[0] + shared * p->k.step[1],
    .v = (const float *)p->v.data + batch * p->v.step[0] + shared * p->v.step[1],
    .mask = p->mask ? (const char *)p->mask + mask_at * tc_dtype_bytes(p->mask_dtype) : NULL,
    .out = (float *)p->out.data + batch * p->out.step[0] + head * p->out.step[1] + at * p->out.step[2],
    .sum = p->sums ? p->sums + (batch * p->heads + head) * p->queries + at : NULL,
    .keys = p->causal && at + 1 < p->keys ? at + 1 : p->keys,
  };
}

static void scores_of(const tc_attention *p, const query *r, float *scores) {
  float scaled[TC_ATTENTION_WIDEST];
  const float scale = (float)p->scale;
  for (int d = 0; d < p->dim; d++) scaled[d] = r->q[d] * scale;
  const float *restrict key = r->k;
  for (int64_t j = 0; j < r->keys; j++, key += p->k.step[2]) {
    float sum = 0;
    _Pragma("omp simd reduction(+: sum)")
    for (int d = 0; d < p->dim; d++) sum += scaled[d] * key[d];
    scores[j] = sum;
  }
  const int64_t step = p->mask_step[3];
  if (!r->mask) return;
  if (p->mask_dtype == TC_BOOL) {
    for (int64_t j = 0; j < r->keys; j++) scores[j] = r->mask[j * step] ? scores[j] : -INFINITY;
  } else {
    for (int64_t j = 0; j < r->keys; j++) scores[j] += ((const float *)r->mask)[j * step];
  }
}

static bool sees_nothing(const float *scores, int64_t n) {
  for (int64_t j = 0; j < n; j++)
    if (scores[j] != -INFINITY) return false;
  return true;
}

static void attend(const tc_attention *p, const query *r, float *scores) {
  float *restrict out = r->out;
  scores_of(p, r, scores);
  const float most = ROW_MAX(scores, r->keys);
  for (int d = 0; d < p->value_dim; d++) out[d] = 0;
  const bool nothing = r->mask && most == -INFINITY && sees_nothing(scores, r->keys);
  double total = 0;
  if (!nothing) {
    for (int64_t j = 0; j < r->keys; j++) scores[j] = row_exp(scores[j] - most);
    total = ROW_SUM(float, r->keys, scores[j]);
    const float scale = (float)(1 / total);
    const float *restrict value = r->v;
    for (int64_t j = 0; j < r->keys; j++, value += p->v.step[2]) {
      const float weight = scores[j] * scale;
      for (int d = 0; d < p->value_dim; d++) out[d] += weight * value[d];
    }
  }
  if (r->sum) *r->sum = nothing ? -INFINITY : most + (float)log(total);
}

int TC_KERNEL(attention)(const tc_attention *p) {
  if (p->dtype != TC_FLOAT32 || (p->mask && p->mask_dtype != TC_BOOL && p->mask_dtype != TC_FLOAT32)) return TC_MISSING;
  int status = TC_OK;
  TC_PARALLEL(p->batch * p->heads, 1, (double)(p->batch * p->heads * p->queries * p->keys) * (p->dim + p->value_dim) / 16) {
    float few[KEPT_SCORES], *scores = p->keys > KEPT_SCORES ? malloc((size_t)p->keys * sizeof *scores) : few;
    if (!scores) status = TC_NO_MEMORY;
    for (int64_t i = lo; i < hi && scores; i++)
      for (int64_t at = 0; at < p->queries; at++) {
        const query r = query_at(p, i / p->heads, i % p->heads, at);
        attend(p, &r, scores);
      }
    if (scores != few) free(scores);
  } TC_PARALLEL_END
  return status;
}

int TC_KERNEL(attention_backward)(const tc_attention *p) { return TC_MISSING; }
