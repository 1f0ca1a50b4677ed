/* numbers.h: arithmetic that scalar.h needs and neither C nor nvcc have: whole numbers, division by all its names, gamma's derivatives. For both
   compilers, like special.h, whose functions get their short names here too. */
#ifndef TC_NUMBERS_H
#define TC_NUMBERS_H
#include "special.h"
#include <stdint.h>

TC_FORMULA int64_t tc_same_i64(int64_t x) { return x; }
TC_FORMULA int64_t tc_abs_i64(int64_t x) { return x < 0 ? -x : x; }
TC_FORMULA int tc_negative_i64(int64_t x) { return x < 0; }
TC_FORMULA int tc_signbit_f32(float x) { return signbit(x) != 0; }
TC_FORMULA int tc_signbit_f64(double x) { return signbit(x) != 0; }

TC_FORMULA int tc_infinity_sign_f64(double x) { return (x == INFINITY) - (x == -INFINITY); }
TC_FORMULA int tc_infinity_sign_f32(float x) { return (x == INFINITY) - (x == -INFINITY); }
TC_FORMULA int tc_infinity_sign_i64(int64_t x) { (void)x; return 0; }

TC_FORMULA int64_t tc_pow_i64(int64_t x, int64_t n) { /* a negative power of an integer is 0 but for 1 and -1 */
  if (n < 0) return x == 1 ? 1 : x == -1 ? (n & 1 ? -1 : 1) : 0;
  uint64_t r = 1, b = (uint64_t)x;
  for (; n; n >>= 1, b *= b)
    if (n & 1) r *= b;
  return (int64_t)r;
}
TC_FORMULA float tc_pow_f32(float x, float y) { return y == 2 ? x * x : powf(x, y); }
TC_FORMULA double tc_pow_f64(double x, double y) { return y == 2 ? x * x : pow(x, y); }

/* division: towards zero, towards minus infinity, and the remainders that belong to them; integers by 0 give 0 (the operator refuses before) */
TC_FORMULA int64_t tc_trunc_div_i64(int64_t x, int64_t y) { return y == 0 ? 0 : y == -1 ? (int64_t)-(uint64_t)x : x / y; }
TC_FORMULA int64_t tc_trunc_mod_i64(int64_t x, int64_t y) { return y == 0 || y == -1 ? 0 : x % y; }
TC_FORMULA int64_t tc_floor_div_i64(int64_t x, int64_t y) {
  int64_t q = tc_trunc_div_i64(x, y), r = tc_trunc_mod_i64(x, y);
  return r != 0 && (r < 0) != (y < 0) ? q - 1 : q;
}
TC_FORMULA int64_t tc_floor_mod_i64(int64_t x, int64_t y) {
  int64_t r = tc_trunc_mod_i64(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
TC_FORMULA float tc_trunc_div_f32(float x, float y) { return truncf(x / y); }
TC_FORMULA double tc_trunc_div_f64(double x, double y) { return trunc(x / y); }
TC_FORMULA double tc_floor_mod_f64(double x, double y) {
  double r = fmod(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
TC_FORMULA float tc_floor_mod_f32(float x, float y) {
  float r = fmodf(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
TC_FORMULA double tc_floor_div_f64(double x, double y) { /* from the exact remainder, so that x == q y + r holds */
  if (y == 0) return x / y;
  double m = fmod(x, y), q = (x - m) / y;
  if (m != 0 && (m < 0) != (y < 0)) q -= 1;
  if (q == 0) return copysign(0.0, x / y);
  double f = floor(q);
  return q - f > 0.5 ? f + 1 : f;
}
TC_FORMULA float tc_floor_div_f32(float x, float y) {
  if (y == 0) return x / y;
  float m = fmodf(x, y), q = (x - m) / y;
  if (m != 0 && (m < 0) != (y < 0)) q -= 1;
  if (q == 0) return copysignf(0.0f, x / y);
  float f = floorf(q);
  return q - f > 0.5f ? f + 1 : f;
}
TC_FORMULA int64_t tc_gcd(int64_t x, int64_t y) {
  while (y) {
    int64_t t = tc_trunc_mod_i64(x, y);
    x = y;
    y = t;
  }
  return x < 0 ? -x : x;
}
TC_FORMULA int64_t tc_lcm(int64_t x, int64_t y) { return x == 0 || y == 0 ? 0 : tc_abs_i64(x / tc_gcd(x, y) * y); }
TC_FORMULA int tc_isclose(double x, double y, double rtol, double atol) { return isfinite(x) && isfinite(y) && fabs(x - y) <= atol + rtol * fabs(y); }

/* digamma: reflection below 0, recurrence up to 10, then the asymptotic series (Abramowitz and Stegun 6.3.7, 6.3.5, 6.3.18) */
TC_FORMULA double tc_digamma(double x) {
  double y = 0;
  if (x == 0) return -copysign((double)INFINITY, x);
  if (x < 0) {
    if (x == floor(x)) return NAN;
    y = -3.14159265358979323846 / tan(3.14159265358979323846 * (x - floor(x)));
    x = 1 - x;
  }
  for (; x < 10; x++) y -= 1 / x;
  double q = 1 / (x * x);
  double tail = q * (1.0 / 12 - q * (1.0 / 120 - q * (1.0 / 252 - q * (1.0 / 240 - q * (1.0 / 132 - q * (691.0 / 32760 - q / 12))))));
  return y + log(x) - 0.5 / x - tail;
}

/* Hurwitz zeta(s, a) for s > 1 by Euler and Maclaurin's summation: terms up to 12, then the integral and eight corrections */
TC_FORMULA double tc_zeta(double s, double a) {
  const double bernoulli[] = {1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730, 7.0 / 6, -3617.0 / 510};
  double sum = 0, b = a;
  if (!(a > -1e6) || s != s) return NAN;
  while (b < 12) sum += pow(b++, -s);
  if (pow(b, -s) == 0) return sum; /* the rest is nothing; its factors may be too large */
  sum += pow(b, 1 - s) / (s - 1) + 0.5 * pow(b, -s);
  double rising = s, power = pow(b, -s - 1), factorial = 2;
  for (int k = 0; k < 8 && power != 0; k++) {
    sum += bernoulli[k] * rising * power / factorial;
    rising *= (s + 2 * k + 1) * (s + 2 * k + 2);
    power /= b * b;
    factorial *= (2 * k + 3) * (2 * k + 4);
  }
  return sum;
}
TC_FORMULA double tc_polygamma(double n, double x) {
  double y = exp(lgamma(n + 1)) * tc_zeta(n + 1, x);
  return fmod(n, 2.0) == 0 ? -y : y;
}

#ifdef TC_MATH_NAMES /* a kernel file that includes scalar.h wants the plain names; T is the computing type */
#define digamma(x) (T)tc_digamma((double)(x))
#define polygamma(n, x) (T)tc_polygamma((double)(n), (double)(x))
#define zeta(x, y) (T)tc_zeta((double)(x), (double)(y))
#define erfcx(x) (T)tc_erfcx((double)(x))
#define erfinv(x) (T)tc_erfinv_f64((double)(x))
#define ndtr(x) (T)tc_ndtr((double)(x))
#define ndtri(x) (T)tc_ndtri((double)(x))
#define log_ndtr(x) (T)tc_log_ndtr((double)(x))
#define bessel_i(n, x, scaled) (T)tc_bessel_i((int)(n), (double)(x), (scaled) != 0)
#define bessel_k(n, x, scaled) (T)tc_bessel_k((int)(n), (double)(x), (scaled) != 0)
#define bessel_j0(x) (T)tc_bessel_j0((double)(x))
#define bessel_j1(x) (T)tc_bessel_j1((double)(x))
#define bessel_y0(x) (T)tc_bessel_y0((double)(x))
#define bessel_y1(x) (T)tc_bessel_y1((double)(x))
#define airy(x, slope) (T)tc_airy((double)(x), (slope) != 0)
#define gammainc(a, x, upper) (T)tc_gammainc((double)(a), (double)(x), (upper) != 0)
#define polynomial(kind, x, n) (T)tc_polynomial((int)(kind), (double)(x), (double)(n))
#define gcd(x, y) tc_gcd(x, y)
#define lcm(x, y) tc_lcm(x, y)
#define isclose(x, y, rtol, atol) tc_isclose((double)(x), (double)(y), rtol, atol)
#endif
#endif
