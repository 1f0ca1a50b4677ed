/* resample.c: weighted sums of neighbours along one dim, for interpolation and its gradient. */
#include "cpu.h"

/* One body for float and double: all `inner` columns of an output at a time, or one output after another along the last dim. */
#define RESAMPLE(T, S) \
  static void rows_##S(const tc_taps *t, T *y, const T *x) { \
    for (int64_t o = 0; o < t->out; o++, y += t->inner) { \
      const T *from = x + t->first[o] * t->inner; const double *w = t->weight + o * t->width; \
      T head = t->count[o] ? (T)w[0] : 0; \
      if (t->count[o] == 0) memset(y, 0, (size_t)t->inner * sizeof(T)); \
      else if (head == 1) memcpy(y, from, (size_t)t->inner * sizeof(T)); \
      else for (int64_t i = 0; i < t->inner; i++) y[i] = head * from[i]; \
      for (int64_t k = 1; k < t->count[o]; k++) { \
        T v = (T)w[k]; from += t->inner; \
        for (int64_t i = 0; i < t->inner; i++) y[i] += v * from[i]; \
      } \
    } \
  } \
  static void line_##S(const tc_taps *t, T *y, const T *x) { \
    for (int64_t o = 0; o < t->out; o++) { \
      const T *from = x + t->first[o]; const double *w = t->weight + o * t->width; T sum = 0; \
      for (int64_t k = 0; k < t->count[o]; k++) sum += (T)w[k] * from[k]; \
      y[o] = sum; \
    } \
  }
RESAMPLE(float, f32)
RESAMPLE(double, f64)

int TC_KERNEL(resample)(const tc_taps *t, int dtype, void *y_, const void *x_) {
  double work = (double)t->outer * (double)t->out * (double)t->inner * (double)(t->width + 1) / 4;
  TC_PARALLEL(t->outer, 1, work) {
    for (int64_t i = lo; i < hi; i++) {
      int64_t ya = i * t->out * t->inner, xa = i * t->in * t->inner;
      if (dtype == TC_FLOAT64) (t->inner == 1 ? line_f64 : rows_f64)(t, (double *)y_ + ya, (const double *)x_ + xa);
      else (t->inner == 1 ? line_f32 : rows_f32)(t, (float *)y_ + ya, (const float *)x_ + xa);
    }
  } TC_PARALLEL_END
  return TC_OK;
}
