/* index.h: the plan of choosing elements by position, made by lib/ops/index.c and read by the kernels of every device. */
#ifndef TC_INDEX_H
#define TC_INDEX_H
#include "view.h"

/* What an element that is put does to the one there. MAX and MIN let NaN win. */
enum { TC_PUT_SET, TC_PUT_ADD, TC_PUT_MUL, TC_PUT_MAX, TC_PUT_MIN };

/* For every lane of `loop` and every i < n, with p = positions[lane + i * step[1]] (0 .. limit-1):
     gather:   whole[lane + p * scale] -> part[lane + i * step[2]]
     scatter:  whole[lane + p * scale] op= part[lane + i * step[2]], in the order of i, so that duplicates have one result.
   The loop's operands: of a gather 0 is the part, 2 the whole; of a scatter 0 is the whole, 2 the part; 1 are the positions (int64). */
typedef struct tc_lanes {
  tc_loop loop;
  int64_t n, limit, scale;
  int64_t step[3];
} tc_lanes;
#endif
