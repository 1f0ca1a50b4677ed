/* reduce.h: what the operator files of reductions share: the plan of a reduction and the shapes of its result and gradient. */
#ifndef TC_OPS_REDUCE_H
#define TC_OPS_REDUCE_H
#include "ops.h"

/* The numbers that a reduction's gradient needs. */
typedef struct tci_fold_attr {
  uint64_t mask;                /* the reduced dims */
  bool keepdim;
  double p;
} tci_fold_attr;

/* A new tensor of the shape that reducing the dims of mask leaves. */
tc_tensor *tci_fold_like(tc_tensor *x, uint64_t mask, bool keepdim, int dtype);
/* Plans y = fold of x over mask; ordered keeps positions in the tensor's order. Complex numbers are planned as pairs. */
void tci_plan(tc_reduction *r, int op, tc_tensor *y, tc_tensor *x, uint64_t mask, bool ordered);
/* Makes y and runs the fold; not recorded. */
tc_tensor *tci_fold(int op, tc_tensor *x, uint64_t mask, bool keepdim, int dtype, double divisor, double p);
/* How many elements each result is folded from. */
int64_t tci_fold_count(const tc_tensor *x, uint64_t mask);
/* A result or its gradient with the reduced dims put back as size 1, and blown up to the input's shape. */
tc_tensor *tci_with_dims(tc_tensor *g, const tc_edge *in, uint64_t mask, bool keepdim);
tc_tensor *tci_blow_up(tc_tensor *g, const tc_edge *in, uint64_t mask, bool keepdim);
/* The mask of one dim, or of all if dim is TC_NONE. */
bool tci_one_dim(tc_dim dim, int ndim, uint64_t *mask);
/* The dims of mask as a list; gives their number. */
int tci_mask_dims(uint64_t mask, int ndim, tc_dim *dims);
/* An error unless every result has something to be chosen from. */
bool tci_check_some(const tc_tensor *x, uint64_t mask);
bool tci_check_real(const tc_tensor *x);
/* Ones where x is the chosen extreme y, shared out evenly among ties: the gradient of y by x. */
tc_tensor *tci_share_ties(tc_tensor *x, tc_tensor *y, uint64_t mask);
/* Values chosen along a dim by index (which is then input 1, saved): their record and gradient (reduce_arg.c). */
tc_tensor *tci_record_chosen(const tc_rule *rule, tc_tensor *values, tc_tensor *x, tc_tensor *index, int dim, bool keepdim);
void tci_chosen_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx);
/* Running folds along a dim, not recorded: from the front or from the back, with or without the element itself (scan.c). */
tc_tensor *tci_scan(int op, tc_tensor *x, tc_dim dim, int direction);
/* Errors say max where Lua users called max and tc_max_dim runs. */
void tci_known_as(const char *function, const char *name);
/* Is any element 0? */
bool tci_has_zero(tc_tensor *x);
#endif
