/* fft_double.c: Fourier transforms of float64 and complex128. */
#include "fft_vector.h"
#include "fft_plan.h"
#include "fft_pass.h"
#include "fft_lanes.h"
#include "fft_line.h"
#include "fft_run.h"

int TC_KERNEL(fft_double)(const tc_fft *p, const void *x, void *y) { return transform(p, x, y); }
