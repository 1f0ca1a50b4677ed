/* angles.h: trigonometric and hyperbolic functions of floats, and their inverses, without branches so that gcc vectorises loops of them. They
   compute in double and round once. Polynomials are Chebyshev fits made with 50 digits; their errors, below 1e-12, vanish in the rounding. */
#ifndef TC_ANGLES_H
#define TC_ANGLES_H
#include "exponentials.h"

/* 2^e for e = 0 and 1..104, less the nearest multiple of 2 pi but for the first: 28 bits of it, and the rest */
static const double tc_turn_high[105] = {
  0x1.0000000000000p+0, 0x1.0000000000000p+1, -0x1.243f6aa000000p+1, 0x1.b7812ac000000p+0, -0x1.6cbe3fa000000p+1, 0x1.2b0bad0000000p-1,
  0x1.2b0bad4000000p+0, 0x1.2b0bad4000000p+1, -0x1.9c501fc000000p+0, 0x1.87ef4ac000000p+1, -0x1.460d500000000p-3, -0x1.460d4f0000000p-2,
  -0x1.460d4f0000000p-1, -0x1.460d4f0000000p+0, -0x1.460d4ee000000p+1, 0x1.304999c000000p+0, 0x1.304999c000000p+1, -0x1.87586e0000000p+0,
  -0x1.87586e0000000p+1, 0x1.58e8ec0000000p-3, 0x1.58e8ec0000000p-2, 0x1.58e8ec0000000p-1, 0x1.58e8ec0000000p+0, 0x1.58e8ec0000000p+1,
  -0x1.c9b64a0000000p-1, -0x1.c9b649c000000p+0, 0x1.5a8920e000000p+1, -0x1.bcb4a28000000p-1, -0x1.bcb4a24000000p+0, 0x1.678ac84000000p+1,
  -0x1.54a7680000000p-1, -0x1.54a7680000000p+0, -0x1.54a767e000000p+1, 0x1.ebc26b8000000p-1, 0x1.ebc26b8000000p+0, -0x1.387cff0000000p+1,
  0x1.668ad94000000p+0, 0x1.668ad94000000p+1, -0x1.5ca6e00000000p-1, -0x1.5ca6e00000000p+0, -0x1.5ca6e00000000p+1, 0x1.abc6aa8000000p-1,
  0x1.abc6aac000000p+0, -0x1.7878bfc000000p+1, 0x1.9a6f580000000p-2, 0x1.9a6f588000000p-1, 0x1.9a6f588000000p+0, -0x1.89d0122000000p+1,
  0x1.09f4680000000p-3, 0x1.09f4680000000p-2, 0x1.09f4680000000p-1, 0x1.09f4680000000p+0, 0x1.09f4682000000p+1, -0x1.10569a2000000p+1,
  0x1.0392366000000p+1, -0x1.1d1afdc000000p+1, 0x1.d412de4000000p+0, -0x1.502c8c4000000p+1, 0x1.07cca40000000p+0, 0x1.07cca42000000p+1,
  -0x1.14a6224000000p+1, 0x1.f5e64c4000000p+0, -0x1.2e591e4000000p+1, 0x1.8f1a5c0000000p+0, 0x1.8f1a5c2000000p+1, -0x1.82ac880000000p-5,
  -0x1.82ac840000000p-4, -0x1.82ac840000000p-3, -0x1.82ac840000000p-2, -0x1.82ac838000000p-1, -0x1.82ac838000000p+0, -0x1.82ac838000000p+1,
  0x1.ee66380000000p-3, 0x1.ee66390000000p-2, 0x1.ee66398000000p-1, 0x1.ee66398000000p+0, -0x1.35d9312000000p+1, 0x1.711a110000000p+0,
  0x1.711a110000000p+1, -0x1.082d220000000p-1, -0x1.082d21c000000p+0, -0x1.082d21a000000p+1, 0x1.13e5274000000p+1, -0x1.f8ea380000000p+0,
  0x1.2b5532a000000p+1, -0x1.9b2a0a4000000p+0, 0x1.8915606000000p+1, -0x1.214a9c0000000p-3, -0x1.214a9c0000000p-2, -0x1.214a9c0000000p-1,
  -0x1.214a9bc000000p+0, -0x1.214a9ba000000p+1, 0x1.c35466c000000p+0, -0x1.60eb03c000000p+1, 0x1.89a58c0000000p-1, 0x1.89a58c4000000p+0,
  0x1.89a58c4000000p+1, -0x1.0f45220000000p-3, -0x1.0f45210000000p-2, -0x1.0f45208000000p-1, -0x1.0f45208000000p+0, -0x1.0f45206000000p+1,
  0x1.05b529e000000p+1, -0x1.18d516c000000p+1, 0x1.e52a7a4000000p+0};
static const double tc_turn_low[105] = {
  0x0.0p+0, 0x0.0p+0, 0x1.77a5cf72cece6p-27, 0x1.77a5cf72cece6p-27, 0x1.9bc5b961b1acep-29, 0x1.563d0d3e0a080p-27, 0x1.58f434f828201p-28,
  0x1.58f434f828201p-27, 0x1.4c71cb18f8747p-30, 0x1.b6ed46a6de9d7p-28, 0x1.2e931619ad6bdp-27, 0x1.7498b0cd6b5e8p-29, 0x1.7498b0cd6b5e8p-28,
  0x1.7498b0cd6b5e8p-27, 0x1.d262c335ad7a1p-28, 0x1.6af3cf0b7aae9p-29, 0x1.6af3cf0b7aae9p-28, 0x1.c5333cfc92f9ep-28, 0x1.c5333cfc92f9ep-27,
  0x1.2c0aa86572557p-31, 0x1.2c0aa86572557p-30, 0x1.2c0aa86572557p-29, 0x1.2c0aa86572557p-28, 0x1.2c0aa86572557p-27, 0x1.cfbb203db3794p-27,
  0x1.9f76407b66f28p-27, 0x1.c746b183ff169p-27, 0x1.0633327accfb9p-27, 0x1.8ccc9eb33ee4bp-32, 0x1.424df4f0ca3fdp-28, 0x1.73e788c7321c6p-28,
  0x1.73e788c7321c6p-27, 0x1.cf9e231cc8718p-28, 0x1.5fe14ea7e68c5p-29, 0x1.5fe14ea7e68c5p-28, 0x1.af0e3c356ab57p-28, 0x1.bb436614df386p-30,
  0x1.bb436614df386p-29, 0x1.551e09f4f9aa6p-29, 0x1.551e09f4f9aa6p-28, 0x1.551e09f4f9aa6p-27, 0x1.3296447724866p-27, 0x1.94b223b92432cp-29,
  0x1.07fb853d839f2p-29, 0x1.0c57f32bf3013p-27, 0x1.8afe657e60255p-31, 0x1.8afe657e60255p-30, 0x1.da6568d266d7cp-27, 0x1.e928118ff7087p-30,
  0x1.e928118ff7087p-29, 0x1.e928118ff7087p-28, 0x1.e928118ff7087p-27, 0x1.d250231fee10fp-27, 0x1.1c4615b2aaf04p-27, 0x1.81ccb7e50e243p-28,
  0x1.f2e50eafb9e54p-28, 0x1.ecfcfcf3ac5b5p-29, 0x1.b89137b293f04p-29, 0x1.64a2cc667b29cp-27, 0x1.928b3199eca6ep-28, 0x1.0a31010cbb755p-27,
  0x1.3978654d50385p-28, 0x1.623c69803e0d8p-28, 0x1.ea969a0d6f3f1p-27, 0x1.d52d341ade7e2p-27, 0x1.220037a88bcabp-27, 0x1.1001bd445e555p-29,
  0x1.1001bd445e555p-28, 0x1.1001bd445e555p-27, 0x1.001bd445e5556p-30, 0x1.001bd445e5556p-29, 0x1.001bd445e5556p-28, 0x1.887604d31686fp-27,
  0x1.10ec09a62d0dfp-27, 0x1.0ec09a62d0debp-30, 0x1.0ec09a62d0debp-29, 0x1.ff061ca4373dcp-27, 0x1.0cccd3ab3f5a4p-28, 0x1.0cccd3ab3f5a4p-27,
  0x1.913f76c94d82ep-27, 0x1.227eed929b05bp-27, 0x1.13f76c94d82d9p-29, 0x1.1255e6d79d486p-27, 0x1.9c519d22095f2p-27, 0x1.c0fd6ad143efep-27,
  0x1.f3414a2aad5c6p-28, 0x1.ee6deadf7a37dp-29, 0x1.bb73138a2fa93p-29, 0x1.bb73138a2fa93p-28, 0x1.bb73138a2fa93p-27, 0x1.76e627145f526p-27,
  0x1.db989c517d499p-28, 0x1.8fcb337ab9ec9p-29, 0x1.fc5b49815e257p-30, 0x1.077102ed88bafp-27, 0x1.dc40bb622ebdap-32, 0x1.dc40bb622ebdap-31,
  0x1.b32de6df14a62p-27, 0x1.665bcdbe294c3p-27, 0x1.996f36f8a530ep-28, 0x1.996f36f8a530ep-27, 0x1.32de6df14a61cp-27, 0x1.dc2e18df8bea3p-28,
  0x1.53d3e8525ab89p-27, 0x1.30020131e6a2cp-27};

/* x = k pi/2 + r with |r| <= pi/4; the low bits of *quadrant are k. A float from 2^24 up is a whole number m of 24 bits times 2^e, which is
   replaced by what it leaves of full turns, so that k stays small enough for exact products with the parts of pi/2. */
static inline double tc_quarter(float x, uint64_t *quadrant) {
  int64_t exponent = (int64_t)(tc_double_bits(x) >> 52 & 2047) - 1023, e = exponent < 24 ? 0 : exponent - 23;
  e = e > 104 ? 104 : e; /* inf, nan */
  double m = x * tc_bits_double((uint64_t)(1023 - e) << 52), low = m * tc_turn_low[e], a = m * tc_turn_high[e];
  double shifted = a * 0.63661977236758134308 + 0x1.8p52, k = shifted - 0x1.8p52;
  *quadrant = tc_double_bits(shifted);
  return ((a - k * 0x1.921fb40000000p+0) - k * 0x1.4442d10000000p-24) - k * 0x1.08d313198a2e0p-49 + low;
}
static inline double tc_sin_part(double r) {
  double u = r * r;
  return r * (0.99999999999999545 + u * (-0.16666666666614141 + u * (0.0083333333234950745 + u * (-0.0001984126310068234 + u * (
         2.7555230894213001e-06 + u * -2.4753619693567457e-08)))));
}
static inline double tc_cos_part(double r) {
  double u = r * r;
  return 1 + u * (-0.49999999999999206 + u * (0.041666666666462411 + u * (-0.0013888888869212513 + u * (2.4801578273765575e-05 + u * (
         -2.7555192123558552e-07 + u * 2.0628004922294836e-09)))));
}
static inline double tc_negated_if(double x, uint64_t bit) { return tc_bits_double(tc_double_bits(x) ^ bit << 63); }

static inline float tc_sin_f32(float x) {
  uint64_t q;
  double r = tc_quarter(x, &q), s = tc_sin_part(r), c = tc_cos_part(r);
  return (float)tc_negated_if(q & 1 ? c : s, q >> 1 & 1);
}
static inline float tc_cos_f32(float x) {
  uint64_t q;
  double r = tc_quarter(x, &q), s = tc_sin_part(r), c = tc_cos_part(r);
  return (float)tc_negated_if(q & 1 ? s : c, (q >> 1 ^ q) & 1);
}
static inline float tc_tan_f32(float x) {
  uint64_t q;
  double r = tc_quarter(x, &q), s = tc_sin_part(r), c = tc_cos_part(r);
  return (float)(tc_negated_if(q & 1 ? c : s, q & 1) / (q & 1 ? s : c));
}

/* atan a for a >= 0: beyond 1 from 1/a, beyond tan(pi/8) from (a-1)/(a+1) */
static inline double tc_atan_core(double a) {
  double b = a > 1 ? 1 / a : a, t = b > 0.41421356237309504880 ? (b - 1) / (b + 1) : b, u = t * t;
  double p = t * (0.99999999999924449 + u * (-0.33333333276907373 + u * (0.19999993051980774 + u * (-0.1428538649289503 + u * (
             0.11103455799258227 + u * (-0.089925425969723666 + u * (0.069741504972818225 + u * -0.037654262053472054)))))));
  p = b > 0.41421356237309504880 ? p + 0.78539816339744830962 : p;
  return a > 1 ? 1.57079632679489661923 - p : p;
}
static inline double tc_signed_as(double x, double sign) {
  const uint64_t bit = (uint64_t)1 << 63;
  return tc_bits_double((tc_double_bits(x) & ~bit) | (tc_double_bits(sign) & bit));
}
static inline double tc_size_of(double x) { return tc_signed_as(x, 1.0); }
static inline float tc_atan_f32(float x) { return (float)tc_signed_as(tc_atan_core(tc_size_of(x)), x); }
static inline float tc_asin_f32(float v) {
  double x = v, a = tc_size_of(x);
  return (float)tc_signed_as(tc_atan_core(a / sqrt((1 - a) * (1 + a))), x);
}
static inline float tc_acos_f32(float v) {
  double x = v;
  return (float)(2 * tc_atan_core(sqrt((1 - x) / (1 + x))));
}
static inline float tc_atan2_f32(float v, float w) {
  double y = tc_size_of(v), x = tc_size_of(w), q = y / x;
  q = y == 0 ? 0 : q;                        /* also 0/0 */
  q = y == x && y > 0 ? 1 : q;               /* also inf/inf */
  double a = tc_atan_core(q);
  uint32_t u;
  memcpy(&u, &w, 4);
  a = u >> 31 ? 3.14159265358979323846 - a : a;
  return (float)(v != v || w != w ? v + (double)w : tc_signed_as(a, v));
}

static inline float tc_sinh_f32(float v) {
  double x = v, e = tc_exp_core(x), y = 0.5 * (e - 1 / e);
  return (float)(x > -1e-3 && x < 1e-3 ? x + x * x * x / 6 : y);
}
static inline float tc_cosh_f32(float v) {
  double e = tc_exp_core(v);
  return (float)(0.5 * (e + 1 / e));
}
static inline float tc_asinh_f32(float v) {
  double x = v, a = tc_size_of(x), y = tc_signed_as(tc_log_core(a + sqrt(a * a + 1)), x);
  return (float)(a < 1e-4 ? x - x * x * x / 6 : y);
}
static inline float tc_acosh_f32(float v) {
  double x = v, y = tc_log_core(x + sqrt((x - 1) * (x + 1)));
  return (float)(x < 1 ? NAN : y);
}
static inline float tc_atanh_f32(float v) {
  double x = v, a = tc_size_of(x), y = tc_signed_as(0.5 * tc_log_core((1 + a) / (1 - a)), x);
  return (float)(a < 1e-4 ? x + x * x * x / 3 : y);
}
#endif
