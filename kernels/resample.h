/* resample.h: a linear map along one dim in which each output is a weighted sum of neighbouring inputs: interpolation, area means, and the
   transposes of these. */
#ifndef TC_RESAMPLE_H
#define TC_RESAMPLE_H
#include <stdint.h>

/* x is (outer, in, inner), y (outer, out, inner), row-major. Output o is the sum over t < count[o] of
   weight[o * width + t] * x[first[o] + t]. */
typedef struct tc_taps {
  int64_t outer, in, inner, out, width;
  const int64_t *first, *count;
  const double *weight;
} tc_taps;
#endif
