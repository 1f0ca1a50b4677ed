/* exponentials.h: exponentials, logarithms and the error function of floats, without branches, so that gcc vectorises loops of them. They compute
   in double and round once: within 0.51 units in the last place of float. */
#ifndef TC_EXPONENTIALS_H
#define TC_EXPONENTIALS_H
#include <math.h>
#include <stdint.h>
#include <string.h>

static inline double tc_bits_double(uint64_t u) { double d; memcpy(&d, &u, 8); return d; }
static inline uint64_t tc_double_bits(double d) { uint64_t u; memcpy(&u, &d, 8); return u; }

/* e^x for results that are rounded to float: x = k ln 2 + r, |r| <= ln2/2, a polynomial in r, 2^k by its bits. k is rounded by adding
   1.5 * 2^52, which leaves it in the low bits. */
static inline double tc_exp_core(double x) {
  x = x < -200 ? -200 : x > 200 ? 200 : x; /* nan passes */
  double shifted = x * 1.4426950408889634074 + 0x1.8p52, k = shifted - 0x1.8p52;
  double r = x - k * 0.69314718055994530942;
  double p = 1 + r * (1 + r * (1.0 / 2 + r * (1.0 / 6 + r * (1.0 / 24 + r * (1.0 / 120 + r * (1.0 / 720 + r * (1.0 / 5040 + r * (1.0 / 40320))))))));
  return p * tc_bits_double((tc_double_bits(shifted) << 52) + ((uint64_t)1023 << 52));
}
static inline float tc_exp_f32(float x) { return (float)tc_exp_core(x); }

/* e^x in single precision, within 0.8 units in the last place, for activations, -87.33 <= x <= 88.3: x = k ln 2 + r, a polynomial in r, 2^k by its
   bits. k times the first part of ln 2 is exact, and what its second part adds comes in last, with the small terms. */
static inline float tc_quick_exp_within(float x) {
  const float magic = 0x1.8p23f; /* adding it rounds to an integer in the low bits */
  float t = x * 1.44269504088896f + magic, k = t - magic, coarse = x - k * 0.693359375f, fine = k * 2.12194440e-4f, r = coarse + fine;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = coarse + (p * (r * r) + fine) + 1.0f;
  uint32_t u;
  memcpy(&u, &t, 4);
  u = (u + 127) << 23;
  float power;
  memcpy(&power, &u, 4);
  return p * power;
}
/* the same for every x: below the normal range 0, above 88.3 infinity */
static inline float tc_quick_exp_f32(float x) {
  float y = tc_quick_exp_within(x);
  y = x < -87.33f ? 0 : y;
  return x > 88.3f ? (float)INFINITY : y;
}

/* 1 / (1 + e^-x) and x / (1 + e^-x), within 1.6 units in the last place: what the sum 1 + e and the division lose is added in the end. That takes
   fused multiply-add; without it they are computed in double. */
#ifdef __FMA__
#define TC_SIGMOID_IN_PARTS(x, y, rest) /* y + rest is the value for -87.3 <= x, 1e-38 below */                                   \
  const float a = x < -87.3f ? -87.3f : x, e = tc_quick_exp_within(-(a > 87.3f ? 87.3f : a)), sum = 1 + e, almost = sum - 1;     \
  const float lost = (1 - (sum - almost)) + (e - almost), y = 1 / sum, rest = y * fmaf(-lost, y, fmaf(-sum, y, 1));
static inline float tc_sigmoid_f32(float x) {
  TC_SIGMOID_IN_PARTS(x, y, rest)
  const float z = y + rest;
  return x < -87.33f ? 0 : z;
}
static inline float tc_silu_f32(float x) {
  TC_SIGMOID_IN_PARTS(x, y, rest)
  const float z = x * y, w = z + fmaf(x, rest, fmaf(x, y, -z)), v = x < -87.33f ? x * 0 : w;
  return x > 87.3f || x == 0 ? x : v; /* infinity - infinity and -0 + 0 are avoided */
}
#else
static inline float tc_sigmoid_f32(float x) { return (float)(1 / (1 + tc_exp_core(-(double)x))); }
static inline float tc_silu_f32(float x) {
  const double y = x / (1 + tc_exp_core(-(double)x));
  return x < -150 ? x * 0 : (float)y; /* tc_exp_core ends at e^200 */
}
#endif
static inline double tc_sigmoid_f64(double x) { return 1 / (1 + exp(-x)); }
static inline double tc_silu_f64(double x) { return x / (1 + exp(-x)); }

/* ln x for results that are rounded to float: x = 2^e m with m in [1/sqrt 2, sqrt 2), then the series of atanh((m-1)/(m+1)). */
static inline double tc_log_core(double x) {
  uint64_t u = tc_double_bits(x), top = (u - 0x3fe6a09e667f3bcdu) & 0xfff0000000000000u; /* exponent of x / sqrt(1/2) */
  double m = tc_bits_double(u - top);
  double e = tc_bits_double((top >> 52 ^ 0x800) | 0x4330000000000000u) - (0x1p52 + 2048); /* the signed 12-bit exponent as a double */
  double s = (m - 1) / (m + 1), q = s * s;
  double p = 2 * s * (1 + q * (1.0 / 3 + q * (1.0 / 5 + q * (1.0 / 7 + q * (1.0 / 9 + q * (1.0 / 11 + q * (1.0 / 13)))))));
  double y = p + e * 0.69314718055994530942 + (x - x); /* nan passes */
  y = x == INFINITY ? x : y;
  y = x == 0 ? -INFINITY : y;
  return x < 0 ? NAN : y;
}
static inline float tc_log_f32(float x) { return (float)tc_log_core(x); }
static inline float tc_log2_f32(float x) { return (float)(tc_log_core(x) * 1.4426950408889634074); }
static inline float tc_log10_f32(float x) { return (float)(tc_log_core(x) * 0.43429448190325182765); }
static inline float tc_exp2_f32(float x) { return (float)tc_exp_core((double)x * 0.69314718055994530942); }

/* ln(1 + x): what the sum u loses is put back, to first order. 1e-300 keeps 0/0 away at x = -1. */
static inline float tc_log1p_f32(float v) {
  double x = v, u = 1 + x, lost = (x - (u - 1)) / (u + 1e-300);
  return (float)(tc_log_core(u) + (u < 1e300 ? lost : 0));
}
static inline float tc_expm1_f32(float v) {
  double x = v, y = tc_exp_core(x) - 1, small = x * (1 + x * (0.5 + x * (1.0 / 6 + x / 24)));
  return (float)(x > -1e-3 && x < 1e-3 ? small : y);
}
static inline float tc_tanh_f32(float v) {
  double x = v, e = tc_exp_core(2 * (x > 20 ? 20 : x < -20 ? -20 : x)), y = (e - 1) / (e + 1);
  return (float)(x > -1e-3 && x < 1e-3 ? x - x * x * x / 3 : y);
}

/* erf x for results that are rounded to float: x times a polynomial in x^2, the Chebyshev fit (to 40 digits, then rounded) of erf(x) / x
   over 0 <= x <= 4, right to 7e-11; beyond 4 floats know only 1. The variable is t = x^2 / 8 - 1, from -1 to 1. */
static inline float tc_erf_f32(float v) {
  double x = v < -4 ? -4 : v > 4 ? 4 : v, t = x * x * 0.125 - 1; /* nan passes */
  double p = 0.35353099561954215 + t * (-0.1765762332932892 + t * (0.13167512166462025 + t * (-0.10771044414410302 + t * (
             0.090208837144940143 + t * (-0.074727812570748411 + t * (0.059888903555390775 + t * (
             -0.045765787725826117 + t * (0.03304775025622779 + t * (-0.022469199937727329 + t * (0.014397091965097183 + t * (
             -0.0086223413586865912 + t * (0.0047476391993702015 + t * (-0.0025422212206154073 + t * (
             0.0014372159312613072 + t * (-0.00066221949664613635 + t * (0.00015876961967527849 + t * (
             -7.7758922494168751e-05 + t * (9.7256637699241589e-05 + t * (-3.5566795785810666e-05)))))))))))))))))));
  return (float)(x * p);
}

/* erfc x for results that are rounded to float: e^(-a^2) times the Chebyshev fit of erfcx over 0 <= a <= 11 for a = |x|, mirrored for x < 0.
   The variable runs from -1 to 1 with (a - 2) / (a + 2). Right to 3e-12 relative. */
static inline float tc_erfc_f32(float v) {
  double x = v, a = x < 0 ? -x : x, b = a > 11 ? 11 : a, t = ((b - 2) / (b + 2) + 2.0 / 13) * (13.0 / 11);
  double p = 0.32712536237132767 + t * (-0.42915618770880243 + t * (0.19931336497269034 + t * (-0.048209901322157932 + t * (
             -0.00093577858856629603 + t * (0.0031638415570432051 + t * (6.9760752632602599e-05 + t * (-0.00028049161915986732 + t * (
             -4.0967501488754802e-05 + t * (2.3856469295283098e-05 + t * (9.936296831129652e-06 + t * (-5.0900464233563429e-07 + t * (
             -1.4951412609117764e-06 + t * (-3.9421723876788807e-07 + t * (1.1298298478530793e-07 + t * (9.1618688953654835e-08 + t * (
             1.2339177681271078e-09 + t * -8.3939824241081094e-09))))))))))))))));
  double y = p * tc_exp_core(-b * b);
  return (float)(x < 0 ? 2 - y : y);
}

/* The standard normal distribution function, in single precision since gelu wants it quick: one half and x times the fit of (cdf - 1/2) / x in
   t = 2 (x / 5.3)^2 - 1, the weighted minimax of degree 15, right to 5e-9; beyond 5.2 0 or 1, as in any sum of float with 1. */
static inline float tc_normal_cdf_f32(float x) {
  const float t = x * x * 0.0711997151f - 1, s = t * t; /* in two sums, so that each waits less long for its last step */
  const float even = 0.133392558f + s * (0.0492645204f + s * (0.0320730209f + s * (0.018969439f + s * (0.00869042892f + s * (
                     0.00335623394f + s * (0.000557143765f + s * 0.000337593403f))))));
  const float odd = -0.0665184408f + s * (-0.0395917334f + s * (-0.0252653863f + s * (-0.0133550279f + s * (-0.00540354429f + s * (
                     -0.00172126933f + s * (-0.000319997926f + s * -0.000125934966f))))));
  const float p = even + t * odd;
  const float y = x * p + 0.5f, above = x > 5.2f ? 1 : y;
  return x < -5.2f ? 0 : above;
}
static inline double tc_normal_cdf_f64(double x) { return 0.5 * (1 + erf(x * 0.70710678118654752440)); }

/* x^y by e^(y ln|x|); the sign of x^y for x < 0 is that of (-1)^y */
static inline float tc_power_f32(float v, float w) {
  double x = v, y = w, a = x < 0 ? -x : x, r = tc_exp_core(y * tc_log_core(a));
  double half = 0.5 * y, odd = half != floor(half), whole = y == floor(y);
  uint32_t u;
  memcpy(&u, &v, 4);
  r = u >> 31 && whole && odd ? -r : r;
  r = x < 0 && !whole && a != INFINITY ? NAN : r;
  r = y == 2 ? x * x : r;
  return (float)(y == 0 || x == 1 || (x == -1 && (y == INFINITY || y == -INFINITY)) ? 1 : r);
}
#endif
