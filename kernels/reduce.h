/* reduce.h: the plan of a reduction, made by lib/ops/reduce.c and read by the kernels of every device, and the codes of the reductions. */
#ifndef TC_REDUCE_H
#define TC_REDUCE_H
#include "view.h"

/* What is folded. MEAN divides by `divisor`; the norms take the root at the end; POWER is sum(|x|^p)^(1/p). */
enum {
  TC_FOLD_SUM, TC_FOLD_NANSUM, TC_FOLD_PROD, TC_FOLD_MAX, TC_FOLD_MIN, TC_FOLD_ANY, TC_FOLD_ALL, TC_FOLD_COUNT,
  TC_FOLD_ABS_SUM, TC_FOLD_ABS_MAX, TC_FOLD_ABS_MIN, TC_FOLD_EUCLID, TC_FOLD_POWER, TC_FOLD_OPS
};

/* Running folds along one dim, and their directions: from the front or from the back; BEFORE and AFTER leave out the element itself. */
enum { TC_SCAN_SUM, TC_SCAN_PROD, TC_SCAN_LOGSUMEXP, TC_SCAN_MAX, TC_SCAN_MIN, TC_SCAN_OPS };
enum { TC_SCAN_FORWARD, TC_SCAN_BACKWARD, TC_SCAN_BEFORE, TC_SCAN_AFTER };

/* Which element of the order: the k-th, the median with NaN winning, the median without NaN. */
enum { TC_RANK_KTH, TC_RANK_MEDIAN, TC_RANK_NANMEDIAN };

/* One strided axis of the plan; strides count elements. */
typedef struct tc_axis { int64_t size, in, out; } tc_axis;

/* out[k] = fold of in over the reduced axes, for every k of the kept axes. Axes are merged and free of size 1. The last axis of each
   list has the smallest stride in `in`, unless `ordered`: then the reduced axes keep the tensor's order, so that positions count. */
typedef struct tc_reduction {
  int op, compute;              /* compute: FLOAT32, FLOAT64 or INT64, as in the pointwise kernels */
  int in_dtype, out_dtype;
  const char *in;
  char *out;
  int64_t kept, reduced;        /* products of the sizes */
  int nkept, nreduced;
  double divisor, p;
  tc_axis keep[TC_MAX_DIMS + 1], fold[TC_MAX_DIMS + 1];
} tc_reduction;
#endif
