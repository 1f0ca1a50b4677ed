/* recurrent.h: what recurrent.c (the layer and its fast gradient) and recurrent_twice.c (its gradient of public operators) share. */
#ifndef TC_RECURRENT_H
#define TC_RECURRENT_H
#include "neural.h"

enum { CELL_TANH, CELL_RELU, CELL_LSTM, CELL_GRU };

/* One direction of one layer. Rows are (step, sequence in the batch); sequences are sorted so that step t has the first size(t). */
typedef struct layer {
  int kind, reverse;
  int64_t steps, batch;
  int64_t sizes[];              /* steps sizes, then steps offsets in rows */
} layer;
static inline int64_t size_at(const layer *l, int64_t t) { return l->sizes[t]; }
static inline int64_t offset_at(const layer *l, int64_t t) { return l->sizes[l->steps + t]; }
static inline int64_t step_at(const layer *l, int64_t k) { return l->reverse ? l->steps - 1 - k : k; } /* the k-th in order */
static inline tc_tensor *rows_from(tc_tensor *x, int64_t first, int64_t n) { return x ? tc_narrow(x, 0, first, n) : NULL; }

/* Inputs of the node: x, the projected input; h and c, the first states; the recurrent weight and bias; the output's projection; what
   forward kept: activations, the states before each step, the output before its projection. Outputs: out, the last h and c. */
enum { IN_X, IN_H, IN_C, IN_WEIGHT, IN_BIAS, IN_PROJECTION, IN_ACTS, IN_C_BEFORE, IN_H_BEFORE, IN_RAW, IN_COUNT };

void tci_recurrent_composed(const tc_node *n, tc_tensor **g, tc_tensor **dx);
#endif
