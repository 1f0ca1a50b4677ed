/* gamma.c: how a gamma variate x of shape a moves with a while its place in the distribution stays: dx/da = -(dP/da) / (dP/dx), where
   P(a, x) is the regularised incomplete gamma function. */
#include "cpu.h"

static double digamma(double x) {
  double sum = 0;
  for (; x < 10; x++) sum -= 1 / x;
  double z = 1 / (x * x);
  return sum + log(x) - 0.5 / x - z * (1.0 / 12 - z * (1.0 / 120 - z * (1.0 / 252 - z * (1.0 / 240 - z / 132))));
}

/* Left of the bend: P = x^a exp(-x) / Gamma(a + 1) times the sum of t_k = x^k / ((a + 1) ... (a + k)). With its derivative by a
   -(x/a) (sum (ln x - digamma(a + 1)) + sum'), in which both terms have one sign. */
static double by_series(double a, double x) {
  double t = 1, sum = 1, harmonic = 0, slope = 0;
  for (int k = 1; k < 100000; k++) {
    t *= x / (a + k);
    harmonic += 1 / (a + k);
    sum += t;
    slope -= t * harmonic;
    if (t * harmonic < 1e-17 * -slope && t < 1e-17 * sum) break;
  }
  return -(x / a) * (sum * (log(x) - digamma(a + 1)) + slope);
}

/* Right of it: the integral over s > 0 of (1 + s/x)^(a-1) exp(-s) (ln(x + s) - digamma(a)), whose integrand keeps its sign, by the
   trapezoidal rule after s = w exp(pi/2 sinh u) (Takahasi and Mori 1974); w is the width of the integrand. */
static double by_integral(double a, double x) {
  const double step = 1.0 / 16;
  double width = 1 + sqrt(a), base = log(x) - digamma(a), sum = 0;
  for (int i = -64; i <= 52; i++) {
    double u = i * step, s = width * exp(1.5707963267948966 * sinh(u)), l = log1p(s / x);
    sum += exp((a - 1) * l - s) * (base + l) * s * cosh(u);
  }
  return sum * step * 1.5707963267948966;
}

/* Huge shapes: Wilson and Hilferty's normal approximation of the cube root (1931). */
static double by_cube_root(double a, double x) {
  double c = cbrt(x / a), z = (c - 1 + 1 / (9 * a)) * 3 * sqrt(a);
  return c * c * c + 3 * a * c * c * (1 / (9 * a * a) - z / (6 * a * sqrt(a)));
}

static double slope(double a, double x) {
  if (!(x > 0) || !(a > 0)) return 0;
  if (a > 1e5) return by_cube_root(a, x);
  return log(x) <= digamma(a + 1) ? by_series(a, x) : by_integral(a, x);
}

int TC_KERNEL(gamma_slope)(const tc_view *y, const tc_view *shape, const tc_view *x) {
  enum { CHUNK = 64 };
  TC_PARALLEL((y->numel + CHUNK - 1) / CHUNK, 1, (double)y->numel * 3000) {
    for (int64_t g = lo; g < hi; g++) {
      double a[CHUNK], v[CHUNK];
      int64_t first = g * CHUNK, n = y->numel - first < CHUNK ? y->numel - first : CHUNK;
      TC_KERNEL(load_f64)(n, a, (const char *)shape->data + first * tc_dtype_bytes(shape->dtype), shape->dtype, 1);
      TC_KERNEL(load_f64)(n, v, (const char *)x->data + first * tc_dtype_bytes(x->dtype), x->dtype, 1);
      for (int64_t i = 0; i < n; i++) v[i] = slope(a[i], v[i]);
      TC_KERNEL(store_f64)(n, (char *)y->data + first * tc_dtype_bytes(y->dtype), y->dtype, 1, v);
    }
  } TC_PARALLEL_END
  return TC_OK;
}
