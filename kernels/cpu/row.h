/* row.h: what row-wise CPU kernels share: reductions that gcc turns into vector code, and exp, tanh, sigmoid that it can inline. */
#ifndef TC_ROW_H
#define TC_ROW_H
#include "cpu.h"
#include "exponentials.h"

#define row_expf tc_quick_exp_f32
static inline float row_tanhf(float x) {
  float a = x < 0 ? -x : x, s = x * x;
  float p = -5.70498872745e-3f;
  p = p * s + 2.06390887954e-2f;
  p = p * s - 5.37397155531e-2f;
  p = p * s + 1.33314422036e-1f;
  p = p * s - 3.33332819422e-1f;
  float small = x + x * s * p, e = row_expf(2 * a), large = 1 - 2 / (e + 1);
  return a < 0.625f ? small : x < 0 ? -large : large;
}
#define row_exp(x) _Generic((x), float: row_expf, default: exp)(x)
#define row_log(x) _Generic((x), float: logf, default: log)(x)
#define row_sqrt(x) _Generic((x), float: sqrtf, default: sqrt)(x)
#define row_tanh(x) _Generic((x), float: row_tanhf, default: tanh)(x)
#define row_sigmoid(x) (1 / (1 + row_exp(-(x))))

/* The maximum of p[0..n): -inf if there are none; NaN never wins. */
#define ROW_MAX(p, n) ({ \
  __typeof__((p)[0] + 0) most_ = -(__typeof__((p)[0] + 0))INFINITY; \
  _Pragma("omp simd reduction(max: most_)") \
  for (int64_t j_ = 0; j_ < (n); j_++) most_ = (p)[j_] > most_ ? (p)[j_] : most_; \
  most_; })

/* The sum of `term` (an expression in j) over j = 0 .. n-1, in blocks that are folded in double, so that long rows of floats keep
   their digits. */
#define ROW_BLOCK 2048
#define ROW_SUM(T, n, term) ({ \
  double total_ = 0; \
  for (int64_t b_ = 0, n_ = (n); b_ < n_; b_ += ROW_BLOCK) { \
    int64_t e_ = b_ + ROW_BLOCK < n_ ? b_ + ROW_BLOCK : n_; \
    T part_ = 0; \
    _Pragma("omp simd reduction(+: part_)") \
    for (int64_t j = b_; j < e_; j++) part_ += (term); \
    total_ += part_; \
  } \
  total_; })

/* Sums of p[j] - m, or of their squares, over a row: four vectors side by side since one addition waits for the last; blocks are folded in
   double. */
#define ROW_TOTALS(T, name) \
typedef T name##_vec __attribute__((vector_size(64), aligned(sizeof(T)), may_alias)); \
enum { name##_lanes = 64 / sizeof(T) }; \
static inline double name##_total(name##_vec v) { \
  double a[4] = {0}; \
  for (int i = 0; i < name##_lanes; i++) a[i % 4] += (double)v[i]; \
  return (a[0] + a[1]) + (a[2] + a[3]); \
} \
static inline double name##_block(const T *p, const int n, const T m, const bool squares) { \
  enum { N = name##_lanes }; \
  name##_vec a = {0}, b = a, c = a, d = a; \
  T rest = 0; \
  int j = 0; \
  for (; j + 4 * N <= n; j += 4 * N) { \
    const name##_vec *q = (const name##_vec *)(p + j); \
    const name##_vec x = q[0] - m, y = q[1] - m, z = q[2] - m, w = q[3] - m; \
    if (squares) a += x * x, b += y * y, c += z * z, d += w * w; \
    else a += x, b += y, c += z, d += w; \
  } \
  for (; j < n; j++) rest += squares ? (p[j] - m) * (p[j] - m) : p[j] - m; \
  return name##_total((a + b) + (c + d)) + (double)rest; \
} \
static inline double name##_fold(const T *p, int64_t n, const T m, const bool squares) { \
  double total = 0; \
  for (; n > ROW_BLOCK; p += ROW_BLOCK, n -= ROW_BLOCK) total += name##_block(p, ROW_BLOCK, m, squares); \
  return total + name##_block(p, (int)n, m, squares); \
}
ROW_TOTALS(float, row_f32)
ROW_TOTALS(double, row_f64)
#define row_sum(p, n) _Generic(*(p), float: row_f32_fold, double: row_f64_fold)((p), (n), 0, false)
#define row_squares(p, n, m) _Generic(*(p), float: row_f32_fold, double: row_f64_fold)((p), (n), (m), true)
#endif
