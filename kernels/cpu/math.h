/* math.h: float functions without branches, so that gcc vectorises loops of them. They compute in double and round once: within
   0.51 units in the last place of float. Also what C lacks for the formulas of scalar.h, generic in the type. */
#ifndef TC_MATH_H
#define TC_MATH_H
#include <math.h>
#include <stdint.h>
#include <string.h>
#include "../numbers.h"

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

/* ln x for results that are rounded to float: x = 2^e m with m in [1/sqrt 2, sqrt 2), then the series of atanh((m-1)/(m+1)). */
static inline double tc_log_core(double x) {
  uint64_t u = tc_double_bits(x), top = (u - 0x3fe6a09e667f3bcdu) & 0xfff0000000000000u; /* exponent of x / sqrt(1/2) */
  double m = tc_bits_double(u - top);
  double e = tc_bits_double((top >> 52 ^ 0x800) | 0x4330000000000000u) - (0x1p52 + 2048); /* the signed 12-bit exponent as a double */
  double s = (m - 1) / (m + 1), q = s * s;
  double p = 2 * s * (1 + q * (1.0 / 3 + q * (1.0 / 5 + q * (1.0 / 7 + q * (1.0 / 9 + q * (1.0 / 11 + q * (1.0 / 13)))))));
  double y = p + e * 0.69314718055994530942;
  y = x == INFINITY ? x : y;
  y = x == 0 ? -INFINITY : y;
  return x < 0 || x != x ? NAN : y;
}
static inline float tc_log_f32(float x) { return (float)tc_log_core(x); }
static inline float tc_log2_f32(float x) { return (float)(tc_log_core(x) * 1.4426950408889634074); }
static inline float tc_log10_f32(float x) { return (float)(tc_log_core(x) * 0.43429448190325182765); }
static inline float tc_exp2_f32(float x) { return (float)tc_exp_core((double)x * 0.69314718055994530942); }

/* ln(1 + x): what 1 + x loses is put back by the factor x / (u - 1) */
static inline float tc_log1p_f32(float v) {
  double x = v, u = 1 + x, d = u - 1;
  double y = tc_log_core(u) * (d == 0 || u == INFINITY ? 1 : x / d);
  return (float)(d == 0 ? x : y);
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

static inline float tc_gelu_tanh_slope_f32(float x) { /* with u = k (x + c x^3), t = tanh u: (1 + t) / 2 + x (1 - t^2) u' / 2 */
  const float k = 0.79788456080286535588f, c = 0.044715f;
  float t = tc_tanh_f32(k * (x + c * x * x * x));
  return 0.5f * (1 + t) + 0.5f * x * (1 - t * t) * k * (1 + 3 * c * x * x);
}
static inline double tc_gelu_tanh_slope_f64(double x) {
  const double k = 0.79788456080286535588, c = 0.044715;
  double t = tanh(k * (x + c * x * x * x));
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * k * (1 + 3 * c * x * x);
}

/* ---- the names that scalar.h uses ---- */
#define TC_F(x, single, twice) _Generic((x), float: single, default: twice)(x)
#define TC_F2(x, y, single, twice, whole) _Generic((x), float: single, double: twice, default: whole)(x, y)
#define TC_WHOLE(x, single, twice) _Generic((x), float: single, double: twice, default: tc_same_i64)(x)
#ifdef TC_MATH_NAMES /* a kernel file that includes scalar.h wants the plain names */
#define exp(x) TC_F(x, tc_exp_f32, exp)
#define exp2(x) TC_F(x, tc_exp2_f32, exp2)
#define expm1(x) TC_F(x, tc_expm1_f32, expm1)
#define log(x) TC_F(x, tc_log_f32, log)
#define log2(x) TC_F(x, tc_log2_f32, log2)
#define log10(x) TC_F(x, tc_log10_f32, log10)
#define log1p(x) TC_F(x, tc_log1p_f32, log1p)
#define tanh(x) TC_F(x, tc_tanh_f32, tanh)
#define sqrt(x) TC_F(x, sqrtf, sqrt)
#define sin(x) TC_F(x, sinf, sin)
#define cos(x) TC_F(x, cosf, cos)
#define tan(x) TC_F(x, tanf, tan)
#define asin(x) TC_F(x, asinf, asin)
#define acos(x) TC_F(x, acosf, acos)
#define atan(x) TC_F(x, atanf, atan)
#define sinh(x) TC_F(x, sinhf, sinh)
#define cosh(x) TC_F(x, coshf, cosh)
#define asinh(x) TC_F(x, asinhf, asinh)
#define acosh(x) TC_F(x, acoshf, acosh)
#define atanh(x) TC_F(x, atanhf, atanh)
#define erf(x) TC_F(x, tc_erf_f32, erf)
#define erfc(x) TC_F(x, erfcf, erfc)
#define lgamma(x) TC_F(x, lgammaf, lgamma)
#define floor(x) TC_WHOLE(x, floorf, floor)
#define ceil(x) TC_WHOLE(x, ceilf, ceil)
#define rint(x) TC_WHOLE(x, rintf, rint)
#define trunc(x) TC_WHOLE(x, truncf, trunc)
#undef signbit
#define signbit(x) _Generic((x), float: tc_signbit_f32, double: tc_signbit_f64, default: tc_negative_i64)(x)
#define gelu_tanh_slope(x) TC_F(x, tc_gelu_tanh_slope_f32, tc_gelu_tanh_slope_f64)
#define infinity_sign(x) _Generic((x), float: tc_infinity_sign_f32, double: tc_infinity_sign_f64, default: tc_infinity_sign_i64)(x)
#define atan2(x, y) TC_F2(x, y, atan2f, atan2, atan2)
#define hypot(x, y) TC_F2(x, y, hypotf, hypot, hypot)
#define copysign(x, y) TC_F2(x, y, copysignf, copysign, copysign)
#define nextafter(x, y) TC_F2(x, y, nextafterf, nextafter, nextafter)
#define pow(x, y) TC_F2(x, y, tc_pow_f32, tc_pow_f64, tc_pow_i64)
#define trunc_div(x, y) TC_F2(x, y, tc_trunc_div_f32, tc_trunc_div_f64, tc_trunc_div_i64)
#define trunc_mod(x, y) TC_F2(x, y, fmodf, fmod, tc_trunc_mod_i64)
#define floor_div(x, y) TC_F2(x, y, tc_floor_div_f32, tc_floor_div_f64, tc_floor_div_i64)
#define floor_mod(x, y) TC_F2(x, y, tc_floor_mod_f32, tc_floor_mod_f64, tc_floor_mod_i64)
#endif
#endif
