/* philox.h: random numbers as a pure function of (seed, call, element), for the C compiler and for nvcc.
 *
 * Philox 4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3" (2011): ten rounds that turn a
 * counter of 128 bits into 128 random bits under a key of 64 bits. The key is the generator's seed; the counter holds the number of
 * the call, the number of the block, and which draw it is for elements that need several. So neither the number of threads nor the
 * device changes what an element gets.
 *
 * Elements take their words in groups of TC_PHILOX_WIDE blocks, word 0 of all blocks first: 64 elements of one word each, or 32 of two.
 * Floats are computed without contraction into fused operations, so that every machine rounds alike.
 */
#ifndef TC_PHILOX_H
#define TC_PHILOX_H
#include <stdint.h>
#include <string.h>

#ifdef __CUDACC__
#define TC_HERE __host__ __device__ static inline
#else
#define TC_HERE static inline
#endif

enum { TC_PHILOX_WIDE = 16 };

/* graph: NULL, or in the memory of a device two numbers that a replayed CUDA graph adds: to the seed by exclusive or, to the call by addition. */
typedef struct tc_stream { uint64_t seed, call; const uint64_t *graph; } tc_stream;

/* What is drawn. Parameters a, b: of the uniform its ends, of the normal and the log-normal mean and deviation, of the Bernoulli and the
   geometric the probability, of the exponential the rate, of the Cauchy median and scale. Whole numbers are low .. low + span - 1
   (span 0: all 64 bits). The last three, and the
   Bernoulli too, take tensors of parameters. */
enum {
  TC_DRAW_UNIFORM, TC_DRAW_NORMAL, TC_DRAW_BERNOULLI, TC_DRAW_WHOLE, TC_DRAW_EXPONENTIAL, TC_DRAW_CAUCHY, TC_DRAW_GEOMETRIC,
  TC_DRAW_LOG_NORMAL, TC_DRAW_POISSON, TC_DRAW_GAMMA, TC_DRAW_BINOMIAL
};
typedef struct tc_draw {
  tc_stream stream;
  int op;
  double a, b;
  int64_t low;
  uint64_t span;
} tc_draw;

TC_HERE void tc_philox_round(uint32_t c[4], uint32_t k0, uint32_t k1) {
  uint64_t p = (uint64_t)0xD2511F53u * c[0], q = (uint64_t)0xCD9E8D57u * c[2];
  uint32_t c0 = (uint32_t)(q >> 32) ^ c[1] ^ k0, c2 = (uint32_t)(p >> 32) ^ c[3] ^ k1;
  c[1] = (uint32_t)q;
  c[3] = (uint32_t)p;
  c[0] = c0;
  c[2] = c2;
}

/* 128 random bits: the block of one call, below 2^48; draw counts from 0 for elements that need more */
TC_HERE void tc_philox(tc_stream s, uint64_t block, uint32_t draw, uint32_t c[4]) {
#if defined(__CUDA_ARCH__) || defined(TC_EMU)
  if (s.graph) {
    s.seed ^= s.graph[0];
    s.call += s.graph[1];
  }
#endif
  uint32_t k0 = (uint32_t)s.seed, k1 = (uint32_t)(s.seed >> 32);
  c[0] = (uint32_t)block;
  c[1] = (uint32_t)(block >> 32 & 0xffff) | draw << 16;
  c[2] = (uint32_t)s.call;
  c[3] = (uint32_t)(s.call >> 32);
  for (int round = 0; round < 10; round++) {
    tc_philox_round(c, k0, k1);
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
}

/* ---- from bits to numbers ---- */
TC_HERE float tc_mad(float a, float b, float c) {
#ifdef __CUDA_ARCH__
  return __fadd_rn(__fmul_rn(a, b), c);
#else
  return a * b + c; /* the including file switches contraction off */
#endif
}
TC_HERE float tc_unit_float(uint32_t w) { return (float)(int32_t)(w >> 8) * 0x1p-24f; }            /* [0, 1) */
TC_HERE double tc_unit_double(uint64_t w) { return (double)(int64_t)(w >> 11) * 0x1p-53; }          /* [0, 1) */
TC_HERE double tc_open_double(uint64_t w) { return ((double)(int64_t)(w >> 11) + 0.5) * 0x1p-53; }  /* (0, 1) */
TC_HERE uint64_t tc_two_words(uint32_t low, uint32_t high) { return (uint64_t)high << 32 | low; }

/* The part of the product of two 64-bit numbers above 2^64: a whole number below span, from random bits. */
TC_HERE uint64_t tc_below(uint64_t bits, uint64_t span) {
#ifdef __CUDA_ARCH__
  return span ? __umul64hi(bits, span) : bits;
#else
  return span ? (uint64_t)((unsigned __int128)bits * span >> 64) : bits;
#endif
}

/* -2 ln u for u in (0, 1]: u = m 2^e with m in [sqrt(1/2), sqrt(2)), ln m from a polynomial in m - 1 (Cephes' coefficients) */
TC_HERE float tc_minus_two_log(float u) {
  uint32_t bits;
  memcpy(&bits, &u, 4);
  bits -= 0x3f3504f3u;
  int32_t e = (int32_t)bits >> 23;
  bits = (bits & 0x007fffffu) + 0x3f3504f3u;
  float m;
  memcpy(&m, &bits, 4);
  float x = m - 1.0f, z = x * x, k = (float)e;
  float p = tc_mad(7.0376836292e-2f, x, -1.1514610310e-1f);
  p = tc_mad(p, x, 1.1676998740e-1f);
  p = tc_mad(p, x, -1.2420140846e-1f);
  p = tc_mad(p, x, 1.4249322787e-1f);
  p = tc_mad(p, x, -1.6668057665e-1f);
  p = tc_mad(p, x, 2.0000714765e-1f);
  p = tc_mad(p, x, -2.4999993993e-1f);
  p = tc_mad(p, x, 3.3333331174e-1f);
  float y = tc_mad(k, -2.12194440e-4f, (p * x) * z);
  y = tc_mad(z, -0.5f, y);
  float l = tc_mad(k, 0.693359375f, x + y);
  return l < 0 ? -2.0f * l : 0.0f;
}

/* cos and sin of a random angle: the upper bits of w choose the quarter, the others the place in it, from -pi/4 to pi/4 */
TC_HERE void tc_random_angle(uint32_t w, float *c, float *s) {
  float t = tc_mad((float)(int32_t)((w & 0x3fffffffu) >> 6), 0x1p-24f, -0.5f) * 1.57079632679f, z = t * t;
  float p = tc_mad(-1.9515295891e-4f, z, 8.3321608736e-3f);
  p = tc_mad(p, z, -1.6666654611e-1f);
  float sine = tc_mad(p * z, t, t);
  float q = tc_mad(2.443315711809948e-5f, z, -1.388731625493765e-3f);
  q = tc_mad(q, z, 4.166664568298827e-2f);
  float cosine = tc_mad(q * z, z, tc_mad(z, -0.5f, 1.0f));
  float a = w & 0x40000000u ? sine : cosine, b = w & 0x40000000u ? cosine : sine;
  *c = w & 0x80000000u ? -a : a;
  *s = w & 0x80000000u ? -b : b;
}

/* the radius of a pair of normal numbers (Box and Muller), from a number in (0, 1] that reaches down to 2^-32 */
TC_HERE float tc_random_radius_squared(uint32_t w) { return tc_minus_two_log(tc_mad((float)(int32_t)(w >> 1), 0x1p-31f, 0x1p-32f)); }
#endif
