/* cpu.h: what every CPU kernel file includes: levelled names, threads, dtype conversion. Each file is compiled once for each
   instruction level (TC_LEVEL: base, avx2, avx512); table.c makes the level's table. */
#ifndef TC_CPU_H
#define TC_CPU_H
#include "../kernels.h"
#include <math.h>
#include <string.h>

#ifndef TC_LEVEL
#define TC_LEVEL base
#endif
#define TC_JOIN_(a, b) a##_##b
#define TC_JOIN(a, b) TC_JOIN_(a, b)
#define TC_KERNEL(name) TC_JOIN(tc_##name, TC_LEVEL)

#define X(name, params) int TC_KERNEL(name) params;
TC_KERNEL_SLOTS(X)
#undef X

#ifdef _OPENMP
#include <omp.h>
#endif

/* How many threads are worth `work` units, one unit being about a nanosecond of one core. A parallel region costs about a
   microsecond and then cold caches: below 32k units one thread wins. The count only ever is 1 or all: libgomp is slow to resize. */
static inline int tc_threads_for(double work) {
#ifdef _OPENMP
  if (work < 32768 || tc_kernel_threads == 1 || omp_in_parallel()) return 1;
  return __builtin_expect(tc_alone_until != 0, 0) && work < 4e6 && tc_crowded() ? 1 : tc_kernel_threads;
#else
  (void)work;
  return 1;
#endif
}

static inline int64_t tc_share_of(int64_t n, int64_t grain, int team) {
  int64_t grains = (n + grain - 1) / grain;
  return (grains + team - 1) / team * grain;
}

/* Splits n items into equal contiguous shares in multiples of `grain` (so that no two threads share a cache line) and runs
   `body` with lo..hi of each:  TC_PARALLEL(n, grain, work) { ... uses lo, hi ... } TC_PARALLEL_END
   With gcc the body is a nested function, so that a lone thread runs it without libgomp, whose team of one costs 0.3 microseconds. */
#if defined(_OPENMP) && !defined(__clang__)
#define TC_PARALLEL(n, grain, work) do { \
  const int64_t tc_n = (n), tc_grain = (grain); const int tc_team = tc_threads_for(work); \
  __extension__ void tc_body(const int64_t lo, const int64_t hi) {
#define TC_PARALLEL_END } \
  if (tc_team == 1) { if (tc_n > 0) tc_body(0, tc_n); } \
  else { \
    const int64_t tc_share = tc_share_of(tc_n, tc_grain, tc_team), tc_began = tc_now(); \
    int64_t tc_own = tc_began; \
    _Pragma("omp parallel num_threads(tc_team)") { \
      const int64_t tc_lo = tc_share * omp_get_thread_num(), tc_hi = tc_lo + tc_share < tc_n ? tc_lo + tc_share : tc_n; \
      if (tc_lo < tc_hi) tc_body(tc_lo, tc_hi); \
      if (omp_get_thread_num() == 0) tc_own = tc_now(); \
    } \
    tc_region_took(tc_began, tc_own, tc_now()); } } while (0);
#else
static inline int tc_thread(void) {
#ifdef _OPENMP
  return omp_get_thread_num();
#else
  return 0;
#endif
}
#define TC_PARALLEL(n, grain, work) do { \
  const int64_t tc_n = (n), tc_grain = (grain); const int tc_team = tc_threads_for(work); \
  _Pragma("omp parallel num_threads(tc_team) if(tc_team > 1)") { \
  const int64_t tc_share = tc_share_of(tc_n, tc_grain, tc_team); \
  const int64_t lo = tc_share * tc_thread() < tc_n ? tc_share * tc_thread() : tc_n; \
  const int64_t hi = lo + tc_share < tc_n ? lo + tc_share : tc_n; if (lo < hi) {
#define TC_PARALLEL_END } } } while (0);
#endif

/* ---- half precision, by bits (so that gcc vectorises them on every level) ---- */
static inline float tc_bits_float(uint32_t u) { float f; memcpy(&f, &u, 4); return f; }
static inline uint32_t tc_float_bits(float f) { uint32_t u; memcpy(&u, &f, 4); return u; }
static inline float tc_from_bfloat16(uint16_t h) { return tc_bits_float((uint32_t)h << 16); }
static inline uint16_t tc_to_bfloat16(float f) {
  uint32_t u = tc_float_bits(f);
  return (u & 0x7fffffff) > 0x7f800000 ? (uint16_t)(u >> 16 | 0x40) : (uint16_t)((u + 0x7fff + (u >> 16 & 1)) >> 16);
}
static inline float tc_from_float16(uint16_t h) {
  uint32_t sign = (uint32_t)(h & 0x8000) << 16, magnitude = h & 0x7fff;
  float scaled = tc_bits_float(magnitude << 13) * 0x1p112f;           /* exact, subnormals too */
  uint32_t bits = magnitude >= 0x7c00 ? 0x7f800000 | (uint32_t)(magnitude & 0x3ff) << 13 : tc_float_bits(scaled);
  return tc_bits_float(sign | bits);
}
static inline uint16_t tc_to_float16(float f) {
  uint32_t u = tc_float_bits(f), sign = u >> 16 & 0x8000, a = u & 0x7fffffff;
  uint32_t normal = (a + 0xfff + (a >> 13 & 1) - 0x38000000) >> 13;   /* rebias the exponent, round to even */
  uint32_t tiny = tc_float_bits(tc_bits_float(a) + 0.5f) - 0x3f000000; /* the addition rounds to multiples of 2^-24 */
  uint32_t h = a > 0x7f800000 ? 0x7e00 : a >= 0x477ff000 ? 0x7c00 : a < 0x38800000 ? tiny : normal;
  return (uint16_t)(sign | h);
}

/* n elements of any dtype, `stride` apart, to and from the computing types (see convert.c); complex numbers give real ones their real part */
void TC_KERNEL(load_f32)(int64_t n, float *to, const void *from, int dtype, int64_t stride);
void TC_KERNEL(load_f64)(int64_t n, double *to, const void *from, int dtype, int64_t stride);
void TC_KERNEL(load_i64)(int64_t n, int64_t *to, const void *from, int dtype, int64_t stride);
void TC_KERNEL(store_f32)(int64_t n, void *to, int dtype, int64_t stride, const float *from);
void TC_KERNEL(store_f64)(int64_t n, void *to, int dtype, int64_t stride, const double *from);
void TC_KERNEL(store_i64)(int64_t n, void *to, int dtype, int64_t stride, const int64_t *from);
void TC_KERNEL(load_c64)(int64_t n, tc_c64 *to, const void *from, int dtype, int64_t stride);
void TC_KERNEL(load_c128)(int64_t n, tc_c128 *to, const void *from, int dtype, int64_t stride);
void TC_KERNEL(store_c64)(int64_t n, void *to, int dtype, int64_t stride, const tc_c64 *from);
void TC_KERNEL(store_c128)(int64_t n, void *to, int dtype, int64_t stride, const tc_c128 *from);

static inline int tc_dtype_bytes(int dtype) {
  static const uint8_t bytes[] = {
#define X(code, name, type, bytes, kind) bytes,
    TC_DTYPES(X)
#undef X
  };
  return bytes[dtype];
}

/* Runs `body` with T as the C type of a float dtype: TC_FLOATS(x->dtype, { T *p = x->data; ... }) */
#define TC_FLOATS(dtype, ...) do { \
  if ((dtype) == TC_FLOAT64) { typedef double T; __VA_ARGS__ } else { typedef float T; __VA_ARGS__ } } while (0)

/* Runs `body` with T as an unsigned type of the element's size, for kernels that only move elements. */
#define TC_MOVES(bytes, ...) do { switch (bytes) { \
  case 1: { typedef uint8_t T; __VA_ARGS__ } break; \
  case 2: { typedef uint16_t T; __VA_ARGS__ } break; \
  case 4: { typedef uint32_t T; __VA_ARGS__ } break; \
  case 8: { typedef uint64_t T; __VA_ARGS__ } break; \
  default: { typedef tc_c128 T; __VA_ARGS__ } break; } } while (0)

/* Runs `body` with T as the C type of any real dtype that computes natively (not the half types). */
#define TC_REALS(dtype, ...) do { switch (dtype) { \
  case TC_BOOL: case TC_UINT8: { typedef uint8_t T; __VA_ARGS__ } break; \
  case TC_INT8: { typedef int8_t T; __VA_ARGS__ } break; \
  case TC_INT16: { typedef int16_t T; __VA_ARGS__ } break; \
  case TC_INT32: { typedef int32_t T; __VA_ARGS__ } break; \
  case TC_INT64: { typedef int64_t T; __VA_ARGS__ } break; \
  case TC_FLOAT64: { typedef double T; __VA_ARGS__ } break; \
  default: { typedef float T; __VA_ARGS__ } break; } } while (0)

/* Position value v (from 1, or negative from the end) in a dim of size n as 0 .. n-1, or -1. */
static inline int64_t tc_position(int64_t v, int64_t n) { return v > 0 && v <= n ? v - 1 : v < 0 && v >= -n ? v + n : -1; }
#endif
