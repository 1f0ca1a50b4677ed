/* complex.h: functions of complex numbers in double, for the C compiler and for nvcc: as structs, so that both see the same type. Branch cuts,
   signed zeros and infinities are those of C99's Annex G; thrust brings the same functions to the GPU. */
#ifndef TC_COMPLEX_H
#define TC_COMPLEX_H
#include "special.h"
#include "view.h"

TC_FORMULA tc_c128 tc_c(double re, double im) {
  tc_c128 z;
  z.re = re;
  z.im = im;
  return z;
}

#ifdef __cplusplus
#ifdef __CUDACC__
#include <thrust/complex.h>
namespace tc_complex = thrust;
#else
#include <complex>
namespace tc_complex = std;
#endif
#define TC_C_FUNCTION(name, plain, of_complex) \
  TC_FORMULA tc_c128 name(tc_c128 x) { tc_complex::complex<double> y = tc_complex::plain(tc_complex::complex<double>(x.re, x.im)); return tc_c(y.real(), y.imag()); }
#else
#include <complex.h>
#undef I /* a name that others use */
#define TC_C_FUNCTION(name, plain, of_complex) \
  TC_FORMULA tc_c128 name(tc_c128 x) { double _Complex y = of_complex(CMPLX(x.re, x.im)); return tc_c(creal(y), cimag(y)); }
#endif
TC_C_FUNCTION(tc_c_exp,   exp,   cexp)
TC_C_FUNCTION(tc_c_log,   log,   clog)
TC_C_FUNCTION(tc_c_sqrt,  sqrt,  csqrt)
TC_C_FUNCTION(tc_c_sin,   sin,   csin)
TC_C_FUNCTION(tc_c_cos,   cos,   ccos)
TC_C_FUNCTION(tc_c_tan,   tan,   ctan)
TC_C_FUNCTION(tc_c_asin,  asin,  casin)
TC_C_FUNCTION(tc_c_acos,  acos,  cacos)
TC_C_FUNCTION(tc_c_atan,  atan,  catan)
TC_C_FUNCTION(tc_c_sinh,  sinh,  csinh)
TC_C_FUNCTION(tc_c_cosh,  cosh,  ccosh)
TC_C_FUNCTION(tc_c_tanh,  tanh,  ctanh)
TC_C_FUNCTION(tc_c_asinh, asinh, casinh)
TC_C_FUNCTION(tc_c_acosh, acosh, cacosh)
TC_C_FUNCTION(tc_c_atanh, atanh, catanh)

TC_FORMULA tc_c128 tc_c_add(tc_c128 x, tc_c128 y) { return tc_c(x.re + y.re, x.im + y.im); }
TC_FORMULA tc_c128 tc_c_sub(tc_c128 x, tc_c128 y) { return tc_c(x.re - y.re, x.im - y.im); }
TC_FORMULA tc_c128 tc_c_mul(tc_c128 x, tc_c128 y) { return tc_c(x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re); }
TC_FORMULA tc_c128 tc_c_times(double k, tc_c128 x) { return tc_c(k * x.re, k * x.im); }

/* Smith's division: by the larger part first, so that squares neither overflow nor vanish */
TC_FORMULA tc_c128 tc_c_div(tc_c128 x, tc_c128 y) {
  if (y.re == 0 && y.im == 0) return tc_c(x.re / fabs(y.re), x.im / fabs(y.im));
  if (fabs(y.re) >= fabs(y.im)) {
    double r = y.im / y.re, below = y.re + y.im * r;
    return tc_c((x.re + x.im * r) / below, (x.im - x.re * r) / below);
  }
  double r = y.re / y.im, below = y.re * r + y.im;
  return tc_c((x.re * r + x.im) / below, (x.im * r - x.re) / below);
}

/* whole powers by squaring, so that those of whole numbers are exact */
TC_FORMULA tc_c128 tc_c_whole_pow(tc_c128 x, int n) {
  tc_c128 y = tc_c(1, 0);
  int negative = n < 0;
  for (n = negative ? -n : n; n; n >>= 1) {
    if (n & 1) y = tc_c_mul(y, x);
    if (n > 1) x = tc_c_mul(x, x);
  }
  return negative ? tc_c_div(tc_c(1, 0), y) : y;
}
TC_FORMULA tc_c128 tc_c_pow(tc_c128 x, tc_c128 y) {
  if (y.im == 0 && y.re == floor(y.re) && fabs(y.re) <= 64) return tc_c_whole_pow(x, (int)y.re);
  if (y.im == 0 && y.re == 0.5) return tc_c_sqrt(x);
  if (x.re == 0 && x.im == 0 && y.re > 0) return tc_c(0, 0);
  return tc_c_exp(tc_c_mul(y, tc_c_log(x)));
}

/* e^z - 1 and log(1 + z) without the cancellation near 0 */
TC_FORMULA tc_c128 tc_c_expm1(tc_c128 x) {
  double half = sin(x.im / 2), e = expm1(x.re);
  if (!isfinite(x.re) || !isfinite(x.im)) {
    tc_c128 y = tc_c_exp(x);
    return tc_c(y.re - 1, y.im);
  }
  return tc_c(e * cos(x.im) - 2 * half * half, (e + 1) * sin(x.im));
}
TC_FORMULA tc_c128 tc_c_log1p(tc_c128 x) {
  if (!(fabs(x.re) < 0.5 && fabs(x.im) < 0.5)) return tc_c_log(tc_c(1 + x.re, x.im));
  return tc_c(0.5 * log1p(x.re * (2 + x.re) + x.im * x.im), atan2(x.im, 1 + x.re));
}
TC_FORMULA tc_c128 tc_c_sigmoid(tc_c128 x) { /* the exponential is kept below 1 */
  tc_c128 e = tc_c_exp(x.re < 0 ? x : tc_c(-x.re, -x.im)), below = tc_c(1 + e.re, e.im);
  return tc_c_div(x.re < 0 ? e : tc_c(1, 0), below);
}
TC_FORMULA tc_c128 tc_c_silu_slope(tc_c128 x) { /* s (1 + x (1 - s)) with the sigmoid s */
  tc_c128 s = tc_c_sigmoid(x), rest = tc_c_mul(x, tc_c(1 - s.re, -s.im));
  return tc_c_mul(s, tc_c(1 + rest.re, rest.im));
}
TC_FORMULA tc_c128 tc_c_sinc(tc_c128 x) {
  tc_c128 turned = tc_c_times(TC_PI, x);
  return x.re == 0 && x.im == 0 ? tc_c(1, 0) : tc_c_div(tc_c_sin(turned), turned);
}
TC_FORMULA tc_c128 tc_c_sgn(tc_c128 x) {
  double size = hypot(x.re, x.im);
  return size == 0 ? tc_c(0, 0) : tc_c(x.re / size, x.im / size);
}
/* log(e^x + e^y), from the one with the larger real part */
TC_FORMULA tc_c128 tc_c_logaddexp(tc_c128 x, tc_c128 y) {
  tc_c128 more = x.re >= y.re ? x : y, less = x.re >= y.re ? y : x;
  if (isinf(more.re) && less.re == more.re) return tc_c_log(tc_c_add(tc_c_exp(x), tc_c_exp(y)));
  return tc_c_add(more, tc_c_log1p(tc_c_exp(tc_c_sub(less, more))));
}
TC_FORMULA double tc_c_abs(tc_c128 x) { return hypot(x.re, x.im); }
TC_FORMULA int tc_c_isclose(tc_c128 x, tc_c128 y, double rtol, double atol, int equal_nan) {
  int x_nan = isnan(x.re) || isnan(x.im), y_nan = isnan(y.re) || isnan(y.im);
  if ((x.re == y.re && x.im == y.im) || (equal_nan && x_nan && y_nan)) return 1;
  if (!isfinite(x.re) || !isfinite(x.im) || !isfinite(y.re) || !isfinite(y.im)) return 0;
  return tc_c_abs(tc_c_sub(x, y)) <= atol + rtol * tc_c_abs(y);
}
#endif
