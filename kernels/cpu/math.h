/* math.h: the functions that scalar.h names, generic in the type: those of exponentials.h and angles.h for floats, C's for doubles, and what both
   lack. */
#ifndef TC_MATH_H
#define TC_MATH_H
#include "angles.h"
#include "../numbers.h"

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

/* c ? x : y where both are computed: gcc does not vectorise a long expression that is computed sometimes */
static inline float tc_choose_f32(int c, float x, float y) { return c ? x : y; }
static inline double tc_choose_f64(int c, double x, double y) { return c ? x : y; }

/* ---- the names that scalar.h uses ---- */
#define TC_F(x, single, twice) _Generic((x), float: single, default: twice)(x)
#define TC_F2(x, y, single, twice, whole) _Generic((x), float: single, double: twice, default: whole)(x, y)
#define TC_WHOLE(x, single, twice) _Generic((x), float: single, double: twice, default: tc_same_i64)(x)
#ifdef TC_MATH_NAMES /* a kernel file that includes scalar.h wants the plain names */
#define exp(x) TC_F(x, tc_exp_f32, exp)
#define quick_exp(x) TC_F(x, tc_quick_exp_f32, exp)
#define exp2(x) TC_F(x, tc_exp2_f32, exp2)
#define expm1(x) TC_F(x, tc_expm1_f32, expm1)
#define log(x) TC_F(x, tc_log_f32, log)
#define log2(x) TC_F(x, tc_log2_f32, log2)
#define log10(x) TC_F(x, tc_log10_f32, log10)
#define log1p(x) TC_F(x, tc_log1p_f32, log1p)
#define tanh(x) TC_F(x, tc_tanh_f32, tanh)
#define sqrt(x) TC_F(x, sqrtf, sqrt)
#define sin(x) TC_F(x, tc_sin_f32, sin)
#define cos(x) TC_F(x, tc_cos_f32, cos)
#define tan(x) TC_F(x, tc_tan_f32, tan)
#define asin(x) TC_F(x, tc_asin_f32, asin)
#define acos(x) TC_F(x, tc_acos_f32, acos)
#define atan(x) TC_F(x, tc_atan_f32, atan)
#define sinh(x) TC_F(x, tc_sinh_f32, sinh)
#define cosh(x) TC_F(x, tc_cosh_f32, cosh)
#define asinh(x) TC_F(x, tc_asinh_f32, asinh)
#define acosh(x) TC_F(x, tc_acosh_f32, acosh)
#define atanh(x) TC_F(x, tc_atanh_f32, atanh)
#define erf(x) TC_F(x, tc_erf_f32, erf)
#define erfc(x) TC_F(x, tc_erfc_f32, erfc)
#define lgamma(x) TC_F(x, lgammaf, lgamma)
#define floor(x) TC_WHOLE(x, floorf, floor)
#define ceil(x) TC_WHOLE(x, ceilf, ceil)
#define rint(x) TC_WHOLE(x, rintf, rint)
#define trunc(x) TC_WHOLE(x, truncf, trunc)
#undef signbit
#define signbit(x) _Generic((x), float: tc_signbit_f32, double: tc_signbit_f64, default: tc_negative_i64)(x)
#define sigmoid(x) TC_F(x, tc_sigmoid_f32, tc_sigmoid_f64)
#define silu(x) TC_F(x, tc_silu_f32, tc_silu_f64)
#define normal_cdf(x) TC_F(x, tc_normal_cdf_f32, tc_normal_cdf_f64)
#define choose(c, x, y) _Generic((x), float: tc_choose_f32, default: tc_choose_f64)(c, x, y)
#define gelu_tanh_slope(x) TC_F(x, tc_gelu_tanh_slope_f32, tc_gelu_tanh_slope_f64)
#define infinity_sign(x) _Generic((x), float: tc_infinity_sign_f32, double: tc_infinity_sign_f64, default: tc_infinity_sign_i64)(x)
#define atan2(x, y) TC_F2(x, y, tc_atan2_f32, atan2, atan2)
#define hypot(x, y) TC_F2(x, y, hypotf, hypot, hypot)
#define copysign(x, y) TC_F2(x, y, copysignf, copysign, copysign)
#define nextafter(x, y) TC_F2(x, y, nextafterf, nextafter, nextafter)
#define pow(x, y) TC_F2(x, y, tc_power_f32, tc_pow_f64, tc_pow_i64)
#define trunc_div(x, y) TC_F2(x, y, tc_trunc_div_f32, tc_trunc_div_f64, tc_trunc_div_i64)
#define trunc_mod(x, y) TC_F2(x, y, fmodf, fmod, tc_trunc_mod_i64)
#define floor_div(x, y) TC_F2(x, y, tc_floor_div_f32, tc_floor_div_f64, tc_floor_div_i64)
#define floor_mod(x, y) TC_F2(x, y, tc_floor_mod_f32, tc_floor_mod_f64, tc_floor_mod_i64)
#endif
#endif
