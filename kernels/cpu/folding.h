/* folding.h: what a fold is to those who use one: the inner loops, which are made in fold.h, by code. */
#ifndef TC_FOLDING_H
#define TC_FOLDING_H
#include "cpu.h"
#include "../reduce.h"

typedef struct fold {
  int bytes, kind;                                                     /* of an accumulator: its size, its dtype */
  void (*init)(int64_t n, void *acc);
  void (*row)(int64_t n, void *acc, const void *x);                    /* acc[0] takes in x[0 .. n-1] */
  void (*rows4)(int64_t n, void *acc, const void *const *x);           /* acc[j] takes in x[0][j] .. x[3][j] */
  void (*rows1)(int64_t n, void *acc, const void *x);                  /* acc[j] takes in x[j] */
  void (*join)(int64_t n, void *acc, const void *more);                /* acc[j] takes in the accumulator more[j] */
} fold;

/* By code and by what it computes in. */
const fold *TC_KERNEL(fold_for)(int op, int compute);
#endif
