/* attention.cuh: what the kernels of attention share: which head a block works on, the score of a query and a key, and starting a kernel for the width of
   its heads. The way of computing is that of FlashAttention-2 (Dao, 2023): tiles of keys pass by a tile of queries, whose softmax is kept
   up as a running maximum and sum; backward computes the scores again. Gradients of queries and of keys are two kernels, so that no sum
   depends on the order of blocks. */
#pragma once
#include "block.cuh"
#include "../attention.h"

namespace tc {
/* Where operand h of a batch and head begins. */
template <class S> __device__ inline S *head_of(const tc_heads &h, int64_t batch, int64_t head) {
  return (S *)h.data + batch * h.step[0] + head * h.step[1];
}

/* The logit of a query and a key in powers of two, from their product; -inf where the key may not be seen. */
template <class S> struct scorer {
  const tc_attention &p;
  const char *mask;
  float scale;

  __device__ scorer(const tc_attention &p, int64_t batch, int64_t head) : p(p), mask((const char *)p.mask), scale((float)p.scale * 1.44269504f) {
    if (mask) mask += (batch * p.mask_step[0] + head * p.mask_step[1]) * (p.mask_dtype == TC_BOOL ? 1 : (int64_t)sizeof(S));
  }
  __device__ float operator()(float product, int64_t query, int64_t key) const {
    if (query >= p.queries || key >= p.keys || (p.causal && key > query)) return -INFINITY;
    if (!mask) return product * scale;
    const int64_t at = query * p.mask_step[2] + key * p.mask_step[3];
    if (p.mask_dtype == TC_BOOL) return ((const uint8_t *)mask)[at] ? product * scale : -INFINITY;
    return product * scale + 1.44269504f * get<float>(((const S *)mask)[at]);
  }
};

/* A running softmax of one row: its maximum and sum so far, in powers of two. */
struct running {
  float most, sum;
  /* takes up a new maximum; gives the factor of what was summed before */
  __device__ float raise(float m) {
    const float next = m > most ? m : most, factor = most == -INFINITY ? 0.0f : exp2f(most - next);
    most = next;
    return factor;
  }
  __device__ float weight(float score) const { return score == -INFINITY ? 0.0f : exp2f(score - most); }
  __device__ float log_sum() const { return sum > 0 ? (most + log2f(sum)) * 0.69314718f : -INFINITY; }
};

/* How far a tile of queries that ends before `end` has to look. */
__device__ inline int64_t keys_for(const tc_attention &p, int64_t end) { return p.causal && end < p.keys ? end : p.keys; }
} // namespace tc

/* Runs `...` with D as the number of channels that a head of this width is padded to. */
#define TC_WIDTHS(width, ...) do { \
  if ((width) <= 32) { constexpr int D = 32; __VA_ARGS__ } \
  else if ((width) <= 64) { constexpr int D = 64; __VA_ARGS__ } \
  else if ((width) <= 128) { constexpr int D = 128; __VA_ARGS__ } \
  else { constexpr int D = 256; __VA_ARGS__ } } while (0)

int tc_attention_wide(const tc_attention *p, bool backward);  /* attention_wide.cu: float */
int tc_attention_half(const tc_attention *p, bool backward);  /* attention_half.cu: float16 */
int tc_attention_bfloat(const tc_attention *p, bool backward);
