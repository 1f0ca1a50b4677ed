/* ops.h: what an operator file includes: helpers for shapes, dtypes and loops, and the common shapes of operators. */
#ifndef TC_OPS_H
#define TC_OPS_H
#include "../runtime.h"
#include <math.h>
#include <string.h>

/* ---- shapes (shape.c) ---- */
/* d as 0 .. ndim-1, or -1 after an error that names the dim as Lua counts it. A 0-dim tensor takes 0 and -1. */
int tci_dim(tc_dim d, int ndim);
/* A list of dims as a bit mask; NULL or an empty list means all. false after an error (out of range, twice the same). */
bool tci_dim_mask(const tc_dim *dims, int n, int ndim, uint64_t *mask);
bool tci_broadcast(int n, tc_tensor *const *xs, int *ndim, int64_t *size);   /* common shape; an error names both shapes */
bool tci_same_shape(const tc_tensor *a, const tc_tensor *b);
/* One number for each of the last nd of three dims, from one for all or a list; the dims before get `otherwise`. */
bool tci_spread(const char *name, const int64_t *v, int n, int nd, int64_t otherwise, int64_t least, int64_t *to);
int64_t tci_numel(int ndim, const int64_t *size);
bool tci_loop(tc_loop *l, int nop, tc_tensor *const *ops);                   /* operand 0 has the full shape */
void tci_loop_views(tc_loop *l, int nop, const tc_view *views);              /* the same on views of equal shape */

/* ---- dtypes (dtype.c) ---- */
int tci_result_type(int n, tc_tensor *const *xs);      /* PyTorch's promotion */
int tci_float_type(int dtype);                         /* itself if floating or complex, else the default dtype */
int tci_promote(int a, int b);
int tci_part_type(int dtype);                          /* of the parts of a complex dtype; a real one itself */
int tci_complex_type(int dtype);                       /* the complex dtype whose parts hold this one */
extern int tci_default_dtype;
extern tc_device tci_default_device;                   /* where tensors are made unless a device is named (device.c) */
static inline tc_device tci_device_or_default(tc_device device) { return device == TC_NONE ? tci_default_device : device; }
static inline bool tci_is_float(int dtype) { return dtype >= TC_FLOAT16 && dtype <= TC_FLOAT64; }
#define TCI_EXACT 9007199254740992.0 /* 2^53: float64 holds all integers up to it */
double tci_largest(tc_tensor *x); /* magnitude of any element, as a double; 0 of none, NaN after an error */
static inline bool tci_is_int(int dtype) { return dtype <= TC_INT64; }       /* bool counts */
static inline bool tci_is_complex(int dtype) { return dtype >= TC_COMPLEX64; }

/* ---- running kernels ---- */
bool tci_status(int status, const tc_fault *fault, const char *what, int64_t limit); /* turns a kernel's status into an error */
bool tci_copy_into(tc_tensor *to, tc_tensor *from);    /* values only: converts, broadcasts, crosses devices */
tc_tensor *tci_contig(tc_tensor *x);                   /* x, or a row-major copy; values only, not recorded */
tc_tensor *tci_cast(tc_tensor *x, int dtype);          /* x, or a converted copy; values only, not recorded */
bool tci_check_float(tc_tensor *x, const char *argument);
bool tci_check_index(tc_tensor *index, const char *argument); /* int64 (or other integer) positions */

/* Elementwise operators. `p` holds the operator's numbers, NULL if it has none; rule may be NULL (no gradient). The gradient finds
   p in n->attr. The dtype of the result follows from the classes in scalar.h. */
tc_tensor *tci_unary(int op, const tc_rule *rule, tc_tensor *x, const double *p);
tc_tensor *tci_binary(int op, const tc_rule *rule, tc_tensor *a, tc_tensor *b, const double *p);
tc_tensor *tci_ternary(int op, const tc_rule *rule, tc_tensor *a, tc_tensor *b, tc_tensor *c, const double *p);
#endif
