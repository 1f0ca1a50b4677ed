/* neural.h: short names with which the operators of neural networks are composed, and how they prepare what their kernels read. */
#ifndef TC_NEURAL_OPS_H
#define TC_NEURAL_OPS_H
#include "ops.h"

static inline tc_tensor *plus(tc_tensor *a, tc_tensor *b) { return tc_add(a, b, 1); }
static inline tc_tensor *minus(tc_tensor *a, tc_tensor *b) { return tc_sub(a, b, 1); }
static inline tc_tensor *scaled(tc_tensor *a, double k) { return tc_mul(a, tci_number(k)); }
static inline tc_tensor *shifted(tc_tensor *a, double k) { return tc_add(a, tci_number(k), 1); }
static inline tc_tensor *less_from(double k, tc_tensor *a) { return tc_sub(tci_number(k), a, 1); } /* k - a */
static inline tc_tensor *sum_over(tc_tensor *a, tc_dim dim) { return tc_sum(a, &dim, 1, true, TC_NONE); }
static inline tc_tensor *mean_over(tc_tensor *a, tc_dim dim) { return tc_mean(a, &dim, 1, true, TC_NONE); }

/* Kernels of rows compute in float or double; half precision goes through float. */
static inline int compute_type(int dtype) { return dtype == TC_FLOAT64 ? TC_FLOAT64 : TC_FLOAT32; }
/* What the row kernels of x's device read and write: a GPU's take the half types too, and compute in float by themselves. */
static inline int row_type(const tc_tensor *x) { return x->device > 0 && tci_is_float(x->dtype) ? x->dtype : compute_type(x->dtype); }
/* Row-major values of x in a dtype, NULL for NULL. */
static inline tc_tensor *ready(tc_tensor *x, int dtype) { return x ? tci_contig(tci_cast(x, dtype)) : NULL; }
/* The view of a tensor that may be missing. */
static inline const tc_view *maybe_view(tc_view *room, tc_tensor *t) {
  if (!t) return NULL;
  *room = tci_view(t);
  return room;
}

/* The `reduction` of a loss as TC_LOSS_NONE, _MEAN, _SUM (or _BATCHMEAN where allowed), -1 after an error; and its application. */
int tci_reduction(const char *name, bool batchmean);
tc_tensor *tci_reduced(tc_tensor *loss, int reduction);
/* Losses take targets of exactly the input's shape. */
bool tci_check_target(tc_tensor *input, tc_tensor *target, const char *target_name);
#endif
