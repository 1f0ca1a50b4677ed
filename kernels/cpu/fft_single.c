/* fft_single.c: Fourier transforms of float32 and complex64. */
#define SINGLE
#include "fft_vector.h"
#include "fft_plan.h"
#include "fft_pass.h"
#include "fft_lanes.h"
#include "fft_line.h"
#include "fft_run.h"

int TC_KERNEL(fft_single)(const tc_fft *p, const void *x, void *y) { return transform(p, x, y); }
