/* gamma_slope.h: how a gamma variate x of shape a moves with a while its place in the distribution stays: dx/da = -(dP/da) / (dP/dx), where
   P(a, x) is the regularised incomplete gamma function. For the C compiler and for nvcc. */
#ifndef TC_GAMMA_SLOPE_H
#define TC_GAMMA_SLOPE_H
#include "numbers.h"

/* Left of the bend: P = x^a exp(-x) / Gamma(a + 1) times the sum of t_k = x^k / ((a + 1) ... (a + k)). With its derivative by a
   -(x/a) (sum (ln x - tc_digamma(a + 1)) + sum'), in which both terms have one sign. */
TC_FORMULA double tc_gamma_by_series(double a, double x) {
  double t = 1, sum = 1, harmonic = 0, slope = 0;
  for (int k = 1; k < 100000; k++) {
    t *= x / (a + k);
    harmonic += 1 / (a + k);
    sum += t;
    slope -= t * harmonic;
    if (t * harmonic < 1e-17 * -slope && t < 1e-17 * sum) break;
  }
  return -(x / a) * (sum * (log(x) - tc_digamma(a + 1)) + slope);
}

/* Right of it: the integral over s > 0 of (1 + s/x)^(a-1) exp(-s) (ln(x + s) - tc_digamma(a)), whose integrand keeps its sign, by the
   trapezoidal rule after s = w exp(pi/2 sinh u) (Takahasi and Mori 1974); w is the width of the integrand. */
TC_FORMULA double tc_gamma_by_integral(double a, double x) {
  const double step = 1.0 / 16;
  double width = 1 + sqrt(a), base = log(x) - tc_digamma(a), sum = 0;
  for (int i = -64; i <= 52; i++) {
    double u = i * step, s = width * exp(1.5707963267948966 * sinh(u)), l = log1p(s / x);
    sum += exp((a - 1) * l - s) * (base + l) * s * cosh(u);
  }
  return sum * step * 1.5707963267948966;
}

/* Huge shapes: Wilson and Hilferty's normal approximation of the cube root (1931). */
TC_FORMULA double tc_gamma_by_cube_root(double a, double x) {
  double c = cbrt(x / a), z = (c - 1 + 1 / (9 * a)) * 3 * sqrt(a);
  return c * c * c + 3 * a * c * c * (1 / (9 * a * a) - z / (6 * a * sqrt(a)));
}

TC_FORMULA double tc_gamma_slope(double a, double x) {
  if (!(x > 0) || !(a > 0)) return 0;
  if (a > 1e5) return tc_gamma_by_cube_root(a, x);
  return log(x) <= tc_digamma(a + 1) ? tc_gamma_by_series(a, x) : tc_gamma_by_integral(a, x);
}
#endif
