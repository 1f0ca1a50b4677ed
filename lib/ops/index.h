/* index.h: what the operators that choose elements by position share (index.c; used by scatter.c, masked.c, pad.c, arrange.c). */
#ifndef TC_OPS_INDEX_H
#define TC_OPS_INDEX_H
#include "ops.h"

/* Which elements of `whole` (the larger tensor) the positions name, and how the part is laid out.
   along >= 0: the part has the positions' shape, which names a place along that dim of every lane (gather, scatter).
   along = -1: the positions name places in the dims of `mask`, counted row-major over those; the part has the other dims of whole,
   with the dims of the positions put in before the `at`-th of them (index_select, take, x[idx]). */
typedef struct tc_choice { int along, at; uint64_t mask; } tc_choice;
static inline tc_choice tci_along(int dim) { return (tc_choice){dim, 0, 0}; }
static inline tc_choice tci_of_dim(int dim) { return (tc_choice){-1, dim, (uint64_t)1 << dim}; }
static inline tc_choice tci_of_all(const tc_tensor *x) { return (tc_choice){-1, 0, x->ndim == 64 ? ~(uint64_t)0 : ((uint64_t)1 << x->ndim) - 1}; }

/* index as users count it to row-major int64 positions from 0, in index's shape and on x's device. dim is for the message, -1: the
   whole tensor. */
tc_tensor *tci_positions(tc_tensor *x, tc_tensor *index, int dim, int64_t size);
/* The chosen elements, recorded under the rule's name (its grad must be tci_choose_grad). */
tc_tensor *tci_choose(const tc_rule *rule, tc_tensor *x, tc_tensor *positions, tc_choice c);
void tci_choose_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx);
/* The tensor that an in-place form is changing, if x's values may be changed where they are, else NULL. To be asked for before anything
   else is computed: the pieces of an operator must not take it for theirs. */
static inline tc_tensor *tci_own(tc_tensor *x) { return x ? tci_target(x->dtype, x->ndim, x->size, 0, NULL) : NULL; }
tc_tensor *tci_own_copy(tc_tensor *x, tc_tensor *own); /* own, or a copy of x */
/* x with src put at or added to the chosen elements; src broadcasts to the part. */
tc_tensor *tci_put(const tc_rule *rule, tc_tensor *x, tc_tensor *own, tc_tensor *positions, tc_tensor *src, tc_choice c);
tc_tensor *tci_put_add(const tc_rule *rule, tc_tensor *x, tc_tensor *own, tc_tensor *positions, tc_tensor *src, tc_choice c, double alpha);
void tci_put_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx);
tc_tensor *tci_put_holes(const tc_node *n, tc_tensor *g); /* g with 0 at the places that a node put something */
void tci_put_add_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx);
#define TC_CHOOSE_RULE(name) {name, tci_choose_grad, TC_SAVE_IN(1)}
#define TC_PUT_RULE(name) {name, tci_put_grad, TC_SAVE_IN(1)}
#define TC_PUT_ADD_RULE(name) {name, tci_put_add_grad, TC_SAVE_IN(1)}
/* Values only: y, which belongs to the caller alone, gets src by a TC_PUT code. */
bool tci_put_values(tc_tensor *y, tc_tensor *positions, tc_tensor *src, tc_choice c, int op);
tc_tensor *tci_like_dtype(tc_tensor *src, tc_tensor *x, const char *argument); /* src in x's dtype, if that loses no kind */
tc_tensor *tci_zeros(tc_tensor *like, int ndim, const int64_t *size, int dtype);
tc_tensor *tci_nonzero(tc_tensor *x);              /* flat positions from 0, not recorded */
tc_tensor *tci_lane(tc_tensor *x);                 /* a 0-dim tensor as one of 1 element */
bool tci_fits_lanes(const tc_tensor *x, const tc_tensor *index, int dim, const char *name);
#endif
