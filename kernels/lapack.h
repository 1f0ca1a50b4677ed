/* lapack.h: what the linear algebra kernel is asked for: one of LAPACK's factorisations for each matrix of a batch. */
#ifndef TC_LAPACK_H
#define TC_LAPACK_H
#include <stdbool.h>
#include <stdint.h>

/* All matrices are column-major, one batch entry after another, of one dtype (float32 to complex128; "real" is that of its parts).
     LU          a (m, n) becomes L and U, pivots (min) rows from 1
     LU_SOLVE    b (n, k) becomes the solution of op(a) x = b, a and pivots from LU; op by `how` ('N', 'T', 'C')
     CHOLESKY    a (n, n) becomes its factor in the triangle `uplo` says ('U', 'L'); the other one is left as it was
     QR          a (m, n) becomes R and reflectors, b (min) their factors
     Q           a (m, n) of reflectors, b (k) their factors: a becomes the first n columns of Q
     APPLY_Q     b (m, n) becomes op(Q) b or b op(Q) (`left`), a (left ? m : n, k) reflectors, c (k) their factors
     EIGH        a (n, n), triangle `uplo`: b (n, real) eigenvalues, a eigenvectors if `vectors`
     EIG         a (n, n) is used up: b (n, complex) eigenvalues, c (n, n, complex) eigenvectors if `vectors`
     SVD         a (m, n) is used up: b (min, real) singular values; c (m, min or m) and d (min or n, n) by how: 'N', 'S', 'A'
     TRIANGULAR  b (m, n) becomes the solution x of op(a) x = b (left) or x op(a) = b; triangle `uplo` of a, of ones on its diagonal if `vectors`
     LDL         a (n, n), triangle L, becomes L and D, pivots (n); hermitian if `left`
     LDL_SOLVE   b (n, k) becomes the solution, a and pivots from LDL */
enum { TC_LAPACK_LU, TC_LAPACK_LU_SOLVE, TC_LAPACK_CHOLESKY, TC_LAPACK_QR, TC_LAPACK_Q, TC_LAPACK_APPLY_Q, TC_LAPACK_EIGH, TC_LAPACK_EIG,
       TC_LAPACK_SVD, TC_LAPACK_TRIANGULAR, TC_LAPACK_LDL, TC_LAPACK_LDL_SOLVE };
#define TC_LAPACK_NOT_FINITE (-1000) /* as info, of EIGH, EIG and SVD: a has nan or inf */
typedef struct tc_lapack {
  int what, dtype;
  int64_t batch, m, n, k;
  char how, uplo;
  bool left, vectors;
  void *a, *b, *c, *d;
  int32_t *pivots, *info;       /* info: one for each matrix, LAPACK's: 0 all is well, i > 0 where it failed */
} tc_lapack;
#endif
