/* fft_vector.h: vectors of W numbers of type T, one number a line ("lane"), and the shuffles that bring lines into them. The file that
   includes it has said what T is (SINGLE or not). Complex vectors keep real and imaginary parts apart. */
#include "cpu.h"
#include "../fft.h"
#include <stdlib.h>

#ifdef SINGLE
typedef float T;
typedef int32_t mask_int;
#define T_BYTES 4
#else
typedef double T;
typedef int64_t mask_int;
#define T_BYTES 8
#endif

#if defined __AVX512F__
#define V_BYTES 64
#elif defined __AVX2__
#define V_BYTES 32
#else
#define V_BYTES 16
#endif
#define W (V_BYTES / T_BYTES)
#define ALWAYS static inline __attribute__((always_inline))

typedef T V __attribute__((vector_size(V_BYTES)));
typedef T V_anywhere __attribute__((vector_size(V_BYTES), aligned(T_BYTES), may_alias));
typedef mask_int V_mask __attribute__((vector_size(V_BYTES)));
typedef struct { V re, im; } cv;

/* Positions in a pair of vectors, counted through both. */
#if V_BYTES / T_BYTES == 16
#define ZIP_LOW {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23}
#define ZIP_HIGH {8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31}
#define EVEN {0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30}
#define ODD {1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31}
#define BACKWARDS {15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}
#elif V_BYTES / T_BYTES == 8
#define ZIP_LOW {0, 8, 1, 9, 2, 10, 3, 11}
#define ZIP_HIGH {4, 12, 5, 13, 6, 14, 7, 15}
#define EVEN {0, 2, 4, 6, 8, 10, 12, 14}
#define ODD {1, 3, 5, 7, 9, 11, 13, 15}
#define BACKWARDS {7, 6, 5, 4, 3, 2, 1, 0}
#elif V_BYTES / T_BYTES == 4
#define ZIP_LOW {0, 4, 1, 5}
#define ZIP_HIGH {2, 6, 3, 7}
#define EVEN {0, 2, 4, 6}
#define ODD {1, 3, 5, 7}
#define BACKWARDS {3, 2, 1, 0}
#else
#define ZIP_LOW {0, 2}
#define ZIP_HIGH {1, 3}
#define EVEN {0, 2}
#define ODD {1, 3}
#define BACKWARDS {1, 0}
#endif

#ifdef __clang__
ALWAYS V shuffle(V a, V b, V_mask m) {
  V y;
  for (int i = 0; i < W; i++) y[i] = m[i] < W ? a[m[i]] : b[m[i] - W];
  return y;
}
#else
#define shuffle __builtin_shuffle
#endif
ALWAYS V zip_low(V a, V b) { return shuffle(a, b, (V_mask)ZIP_LOW); }
ALWAYS V zip_high(V a, V b) { return shuffle(a, b, (V_mask)ZIP_HIGH); }
ALWAYS V load(const T *p) { return *(const V_anywhere *)p; }
ALWAYS void store(T *p, V v) { *(V_anywhere *)p = v; }
ALWAYS V everywhere(T x) { return x - (V){0}; }

/* W complex numbers of memory, real and imaginary parts apart; backwards: the last comes first */
ALWAYS cv load_complex(const T *p) {
  V a = load(p), b = load(p + W);
  return (cv){shuffle(a, b, (V_mask)EVEN), shuffle(a, b, (V_mask)ODD)};
}
ALWAYS void store_complex(T *p, cv x) {
  store(p, zip_low(x.re, x.im));
  store(p + W, zip_high(x.re, x.im));
}
ALWAYS cv backwards(cv x) { return (cv){shuffle(x.re, x.re, (V_mask)BACKWARDS), shuffle(x.im, x.im, (V_mask)BACKWARDS)}; }

ALWAYS cv plus(cv a, cv b) { return (cv){a.re + b.re, a.im + b.im}; }
ALWAYS cv minus(cv a, cv b) { return (cv){a.re - b.re, a.im - b.im}; }
ALWAYS cv times(cv a, cv b) { return (cv){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re}; }
ALWAYS cv times_number(cv a, const T *w) { return (cv){a.re * w[0] - a.im * w[1], a.re * w[1] + a.im * w[0]}; }
ALWAYS cv scaled(cv a, T s) { return (cv){a.re * s, a.im * s}; }
ALWAYS cv conjugate(cv a) { return (cv){a.re, -a.im}; }
ALWAYS cv exchanged(cv a) { return (cv){a.im, a.re}; }
ALWAYS cv times_minus_i(cv a) { return (cv){a.im, -a.re}; }
ALWAYS cv times_i(cv a) { return (cv){-a.im, a.re}; }

/* W vectors as a matrix, transposed: each round interleaves the halves, log2(W) rounds exchange rows and columns. */
ALWAYS void transpose_block(V *m) {
  V t[W];
  for (int round = W; round > 1; round /= 2) {
#pragma GCC unroll 16
    for (int i = 0; i < W / 2; i++) {
      t[2 * i] = zip_low(m[i], m[i + W / 2]);
      t[2 * i + 1] = zip_high(m[i], m[i + W / 2]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < W; i++) m[i] = t[i];
  }
}
