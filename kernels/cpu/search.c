/* search.c: binary search in sorted rows, and counting by value: searchsorted, bincount, histc. */
#include "cpu.h"

/* The first place of seq[order[.]] whose value is not below v (or, to the right, is above it): NaN is above everything. */
#define SEARCH(name, T) \
static int64_t name(const void *from, const int64_t *order, int64_t n, const void *values, int64_t k, int right) { \
  const T *seq = from; T v = ((const T *)values)[k]; int64_t lo = 0; \
  while (n > 0) { \
    int64_t half = n / 2, middle = lo + half; T x = seq[order ? order[middle] - 1 : middle]; \
    bool below = right ? !(x > v) : !(x >= v); \
    lo = below ? middle + 1 : lo; \
    n = below ? n - half - 1 : half; \
  } \
  return lo + 1; \
}
SEARCH(search_f, float)
SEARCH(search_d, double)
SEARCH(search_i, int64_t)

/* Row-major operands of dtype `compute`: seq (rows, n) or (n), values (rows, m), order like seq or NULL; out int64 or int32. */
int TC_KERNEL(searchsorted)(const tc_view *out, const tc_view *seq, const int64_t *order, const tc_view *values, int right) {
  int64_t (*search)(const void *, const int64_t *, int64_t, const void *, int64_t, int) =
    seq->dtype == TC_FLOAT32 ? search_f : seq->dtype == TC_FLOAT64 ? search_d : search_i;
  int64_t n = seq->size[seq->ndim - 1], m = seq->ndim > 1 ? values->size[values->ndim - 1] : values->numel;
  int bytes = tc_dtype_bytes(seq->dtype);
  TC_PARALLEL(values->numel, 64, (double)values->numel * 30)
    for (int64_t k = lo; k < hi; k++) {
      int64_t row = seq->ndim > 1 ? k / m * n : 0;
      int64_t at = search((const char *)seq->data + row * bytes, order ? order + row : NULL, n, values->data, k, right);
      if (out->dtype == TC_INT32) ((int32_t *)out->data)[k] = (int32_t)at;
      else ((int64_t *)out->data)[k] = at;
    }
  TC_PARALLEL_END
  return TC_OK;
}

/* out[x[i]] += weights[i] or 1; x int64 from 1, out int64 or float64, zeroed. */
int TC_KERNEL(bincount)(const tc_view *out, const tc_view *x, const tc_view *weights, tc_fault *fault) {
  const int64_t *position = x->data;
  for (int64_t i = 0; i < x->numel; i++) {
    int64_t p = position[i] - 1;
    if (p < 0 || p >= out->numel) { *fault = (tc_fault){i, position[i]}; return TC_FAULT; }
    if (weights) ((double *)out->data)[p] += ((const double *)weights->data)[i];
    else ((int64_t *)out->data)[p]++;
  }
  return TC_OK;
}

/* Counts in `bins` equal parts of low .. high, both ends included; computed in the dtype of x, as the edges are. */
#define HISTOGRAM(name, T) \
static void name(int64_t n, const T *x, double *count, int64_t bins, T low, T high) { \
  for (int64_t i = 0; i < n; i++) { \
    if (!(x[i] >= low && x[i] <= high)) continue; \
    int64_t p = (int64_t)((x[i] - low) * (T)bins / (high - low)); \
    count[p < bins ? p : bins - 1]++; \
  } \
}
HISTOGRAM(histogram_f, float)
HISTOGRAM(histogram_d, double)

/* x is a row-major vector of float32 or float64, count float64 and zeroed. */
int TC_KERNEL(histc)(const tc_view *count, const tc_view *x, double low, double high) {
  if (x->dtype == TC_FLOAT32) histogram_f(x->numel, x->data, count->data, count->numel, (float)low, (float)high);
  else histogram_d(x->numel, x->data, count->data, count->numel, low, high);
  return TC_OK;
}
