/* attention.h: scaled-dot-product attention as its kernels see it: four dims (batch, head, position, channel), the channels of a position side by side. */
#ifndef TC_ATTENTION_H
#define TC_ATTENTION_H
#include "view.h"

enum { TC_ATTENTION_WIDEST = 256 };  /* channels of a head */

/* One operand: its first element and the steps from one batch, head and position to the next, in elements. */
typedef struct tc_heads { void *data; int64_t step[3]; } tc_heads;

/* out = softmax(q k' scale + mask) v, row by row of the query; several heads of the query may share one of k and v. sums[batch][head][query] is the
   logarithm of the sum that the softmax divides by, -inf where nothing may be seen: such a row's result and gradients are zeros.
   mask: NULL, bool (what may be seen) or of q's dtype (what is added); its steps may be 0. causal: query i sees the keys up to i.
   Backward: from dout and delta, the sums over the channels of dout * out, come dq, dk and dv; those that are not wanted have no data. */
typedef struct tc_attention {
  int64_t batch, heads, key_heads, queries, keys;
  int dim, value_dim;                /* channels of q and k, and of v */
  int dtype, mask_dtype, causal;
  double scale;
  tc_heads q, k, v, out, dout, dq, dk, dv;
  float *sums, *delta;
  const void *mask;
  int64_t mask_step[4];              /* batch, head, query, key */
} tc_attention;
#endif
