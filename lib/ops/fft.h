/* fft.h: the one-dim transform that fft.c and stft.c build on. */
#ifndef TC_OPS_FFT_H
#define TC_OPS_FFT_H
#include "ops.h"

/* A transform of n points along dim (0-based, in range) from what x holds there to `out` places; see kernels/fft.h. Recorded. x is
   float32, float64 (FROM_REAL) or complex64, complex128. */
tc_tensor *tci_fft(int kind, tc_tensor *x, int dim, int64_t n, int64_t out, bool inverse, double scale, double middle);
#endif
