/* fft.c: the Fourier transform kernel: one body (fft_run.h and what it stands on), compiled for float and for double. */
#include "cpu.h"

int TC_KERNEL(fft_single)(const tc_fft *p, const void *x, void *y);
int TC_KERNEL(fft_double)(const tc_fft *p, const void *x, void *y);

int TC_KERNEL(fft)(const tc_fft *p, int dtype, void *y, const void *x) {
  bool doubles = dtype == TC_FLOAT64 || dtype == TC_COMPLEX128;
  return doubles ? TC_KERNEL(fft_double)(p, x, y) : TC_KERNEL(fft_single)(p, x, y);
}
