/* fft.h: what the Fourier transform kernel is asked for. */
#ifndef TC_FFT_H
#define TC_FFT_H
#include <stdbool.h>
#include <stdint.h>

/* Complex to complex; real to the first n/2 + 1 bins; those bins to real. */
enum { TC_FFT_COMPLEX, TC_FFT_FROM_REAL, TC_FFT_TO_REAL };

/* Transforms of length n along the middle of row-major (outer, in, inner) to (outer, out, inner), where `in` and `out` count elements
   of their own kind: complex numbers, bins or reals. What is beyond n (n/2 + 1 bins) is left out of the input and zero in the output;
   what the input lacks counts as zero. inverse: exp(+2 pi i jk/n) in place of exp(-2 pi i jk/n). Results are multiplied by scale.
   middle: a factor on the bins between the first and the one of n/2, on their way out (FROM_REAL) or in (TO_REAL). */
typedef struct tc_fft {
  int kind;
  bool inverse;
  int64_t n, in, out, outer, inner;
  double scale, middle;
} tc_fft;
#endif
