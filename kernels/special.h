/* special.h: special functions that neither C nor nvcc have, in double, for both compilers. Float operands are converted. Each function
   says how it is computed; the formulas are those of the Digital Library of Mathematical Functions (DLMF) by their numbers. */
#ifndef TC_SPECIAL_H
#define TC_SPECIAL_H
#include <math.h>
#ifdef __CUDACC__
#define TC_FORMULA __host__ __device__ static inline
#else
#define TC_FORMULA static inline
#endif
#define TC_PI 3.14159265358979323846
#define TC_EULER 0.57721566490153286061
#define TC_ROOT_PI 1.77245385090551602730
#define TC_ROOT_HALF 0.70710678118654752440

/* ---- the error function's relatives ---- */
TC_FORMULA double tc_exp_square(double x) { /* e^(x^2); what x * x rounds away is put back */
  double square = x * x;
  return square > 700 ? exp(square) : exp(square) * (1 + fma(x, x, -square));
}
/* e^(x^2) erfc(x) for x >= 0: the product, or beyond 25 the asymptotic series (7.12.1) */
TC_FORMULA double tc_erfcx_right(double x) {
  if (x < 25) return tc_exp_square(x) * erfc(x);
  double q = 0.5 / (x * x);
  return (1 - q * (1 - 3 * q * (1 - 5 * q * (1 - 7 * q * (1 - 9 * q * (1 - 11 * q)))))) / (x * TC_ROOT_PI);
}
TC_FORMULA double tc_erfcx(double x) { return x < 0 ? 2 * tc_exp_square(x) - tc_erfcx_right(-x) : tc_erfcx_right(x); }

TC_FORMULA double tc_erfinv_centre(double y) { /* |y| <= 1/2: Newton's method from the first two terms of the series */
  double x = y * (TC_ROOT_PI / 2) * (1 + TC_PI / 12 * y * y);
  for (int k = 0; k < 5; k++) x -= (erf(x) - y) * (TC_ROOT_PI / 2) * exp(x * x);
  return x;
}
TC_FORMULA double tc_erfcinv_tail(double c) { /* 0 < c <= 1/2: Newton's method on log erfc(x) = log erfcx(x) - x^2 */
  double target = log(c), x = sqrt(-target);
  for (int k = 0; k < 8; k++) {
    double e = tc_erfcx_right(x);
    x += (log(e) - x * x - target) * e * (TC_ROOT_PI / 2);
  }
  return x;
}
TC_FORMULA double tc_erfinv_f64(double y) {
  double a = fabs(y);
  if (!(a < 1)) return a == 1 ? copysign((double)INFINITY, y) : (double)NAN;
  return a <= 0.5 ? tc_erfinv_centre(y) : copysign(tc_erfcinv_tail(1 - a), y);
}
TC_FORMULA double tc_ndtri(double p) { /* the normal distribution's quantile; 1 - p and 2p - 1 are exact where they are used */
  if (!(p > 0 && p < 1)) return p == 0 ? -(double)INFINITY : p == 1 ? (double)INFINITY : (double)NAN;
  double c = 2 * (p < 0.5 ? p : 1 - p), x = (c > 0.5 ? tc_erfinv_centre(1 - c) : tc_erfcinv_tail(c)) / TC_ROOT_HALF;
  return p < 0.5 ? -x : x;
}
TC_FORMULA double tc_ndtr(double x) { return 0.5 * erfc(-x * TC_ROOT_HALF); }
TC_FORMULA double tc_log_ndtr(double x) {
  if (x < -1) return log(tc_erfcx(-x * TC_ROOT_HALF) / 2) - x * x / 2;
  return log1p(-erfc(x * TC_ROOT_HALF) / 2);
}

/* ---- modified Bessel functions ---- */
/* I of order 0 or 1, times e^-|x| if scaled: the power series (10.25.2), all terms positive; from 20 on the asymptotic one (10.40.1) */
TC_FORMULA double tc_bessel_i(int order, double x, int scaled) {
  double a = fabs(x), term = 1, y;
  if (a < 20) {
    term = order ? a / 2 : 1;
    y = term;
    for (int k = 1; term > y * 1e-17; k++) {
      term *= a * a / 4 / (k * (k + order));
      y += term;
    }
    if (scaled) y *= exp(-a);
  } else if (a == (double)INFINITY) {
    y = scaled ? 0 : a;
  } else {
    y = 1;
    for (int k = 1; k < 40 && fabs(term) > 1e-17; k++) {
      term *= ((2 * k - 1) * (2 * k - 1) - 4 * order * order) / (8 * k * a);
      y += term;
    }
    y /= sqrt(2 * TC_PI * a);
    if (!scaled) y = y * exp(a / 2) * exp(a / 2); /* e^a alone overflows a little too early */
  }
  return order && x < 0 ? -y : y;
}
/* e^x K of any order for x > 0, by the trapezoidal rule on its integral (10.32.9), which converges exponentially */
TC_FORMULA double tc_bessel_k_scaled(double order, double x) {
  double h = x > 6.25 ? 0.5 / sqrt(x) : 0.2, sum = 0.5;
  for (int k = 1; k < 20000; k++) {
    double t = k * h, s = sinh(t / 2), v = exp(-2 * x * s * s) * cosh(order * t);
    sum += v;
    if (!(v > sum * 1e-18)) break;
  }
  return sum * h;
}
TC_FORMULA double tc_bessel_k(int order, double x, int scaled) {
  if (!(x > 0)) return x == 0 ? (double)INFINITY : (double)NAN;
  if (x < 1e-8) return (order ? 1 / x : -log(x / 2) - TC_EULER) * (scaled ? 1 + x : 1);
  if (x == (double)INFINITY) return 0;
  double y = tc_bessel_k_scaled(order, x);
  return scaled ? y : y * exp(-x);
}

/* ---- Bessel functions of orders 0 and 1, all four at once, for x > 0 ---- */
typedef struct tc_bessel { double j0, j1, y0, y1; } tc_bessel;

/* Hankel's asymptotic series (10.17.3), for x > 25: its terms fall below 1e-17 before they grow */
TC_FORMULA void tc_hankel_series(int order, double x, double *p, double *q) {
  double term = 1;
  *p = 1, *q = 0;
  for (int k = 1; k < 60 && fabs(term) > 1e-18; k++) {
    term *= (double)(4 * order * order - (2 * k - 1) * (2 * k - 1)) / (8 * k * x);
    double signed_term = k & 2 ? -term : term;
    if (k & 1) *q += signed_term;
    else *p += signed_term;
  }
}
TC_FORMULA tc_bessel tc_bessel_far(double x) {
  tc_bessel b = {0, 0, 0, 0};
  double p, q, c = cos(x), s = sin(x), cosine = (c + s) * TC_ROOT_HALF, sine = (s - c) * TC_ROOT_HALF, r = sqrt(2 / (TC_PI * x));
  if (x == (double)INFINITY) return b;
  tc_hankel_series(0, x, &p, &q);
  b.j0 = r * (p * cosine - q * sine), b.y0 = r * (p * sine + q * cosine);
  tc_hankel_series(1, x, &p, &q); /* the phase is a quarter turn behind */
  b.j1 = r * (p * sine + q * cosine), b.y1 = r * (q * sine - p * cosine);
  return b;
}
/* Miller's backward recurrence (10.74(iv)), normed by 1 = J0 + 2 J2 + 2 J4 + ...; Y by Neumann's series in J (10.8.3) */
TC_FORMULA tc_bessel tc_bessel_near(double x) {
  int m = 2 * (int)((1.5 * x + 32) / 2);
  double above = 0, f = 1, norm = 0, even = 0, odd = 0, sign = m & 2 ? -1 : 1;
  for (int k = m; k > 0; k--) { /* f is proportional to J_k */
    int i = k / 2;
    if (k & 1) {
      if (i) odd += sign * k / ((double)i * (i + 1)) * f;
    } else {
      norm += 2 * f;
      even += sign * f / i;
    }
    if (!(k & 1)) sign = -sign; /* the next two orders belong to i - 1 */
    double below = 2 * k / x * f - above;
    above = f, f = below;
  }
  norm += f;
  tc_bessel b;
  double l = log(x / 2);
  b.j0 = f / norm, b.j1 = above / norm;
  b.y0 = 2 / TC_PI * ((l + TC_EULER) * b.j0 - 2 * even / norm);
  b.y1 = 2 / TC_PI * (-b.j0 / x + (l + TC_EULER - 1) * b.j1 - odd / norm);
  return b;
}
TC_FORMULA tc_bessel tc_bessel_jy(double x) {
  if (!(x >= 1e-4)) { /* the first terms of the series; at 0 the limits */
    double l = log(x / 2) + TC_EULER;
    tc_bessel b = {1 - x * x / 4, x / 2 * (1 - x * x / 8), 2 / TC_PI * (l * (1 - x * x / 4) + x * x / 4), -2 / (TC_PI * x) + (x > 0 ? x / TC_PI * (l - 0.5) : 0)};
    return b;
  }
  return x > 25 ? tc_bessel_far(x) : tc_bessel_near(x);
}
TC_FORMULA double tc_bessel_j0(double x) { return tc_bessel_jy(fabs(x)).j0; }
TC_FORMULA double tc_bessel_j1(double x) { return x < 0 ? -tc_bessel_jy(-x).j1 : tc_bessel_jy(x).j1; }
TC_FORMULA double tc_bessel_y0(double x) { return x < 0 ? (double)NAN : tc_bessel_jy(x).y0; }
TC_FORMULA double tc_bessel_y1(double x) { return x < 0 ? (double)NAN : x == 0 ? -(double)INFINITY : tc_bessel_jy(x).y1; }

/* ---- Airy's function Ai and its derivative ---- */
TC_FORMULA double tc_airy_left(double z, int slope) { /* at -z, far out: 9.7.9, 9.7.10 */
  double zeta = 2.0 / 3 * z * sqrt(z), u = 1, p = 1, q = 0, root = sqrt(sqrt(z));
  double cosine = (cos(zeta) + sin(zeta)) * TC_ROOT_HALF, sine = (sin(zeta) - cos(zeta)) * TC_ROOT_HALF;
  for (int k = 1; k < 40 && fabs(u) > 1e-18; k++) {
    u *= (6.0 * k - 5) * (6.0 * k - 3) * (6.0 * k - 1) / (216.0 * k * (2 * k - 1) * zeta);
    double term = (slope ? u * (6 * k + 1) / (1 - 6 * k) : u) * (k & 2 ? -1 : 1);
    if (k & 1) q += term;
    else p += term;
  }
  return slope ? root / TC_ROOT_PI * (sine * p - cosine * q) : (cosine * p + sine * q) / (TC_ROOT_PI * root);
}
/* between: steps of the Taylor series of y'' = x y from its values at 0 (9.2.3, 9.2.4) */
TC_FORMULA double tc_airy_middle(double x, int slope) {
  double at = 0, y = 0.35502805388781723926, d = -0.25881940379280679840;
  int steps = (int)(fabs(x) * 2) + 1;
  double h = x / steps;
  for (int s = 0; s < steps; s++, at += h) {
    double a = 0, b = y, c = d, power = h, sum = y + d * h, sum_d = d; /* coefficients k-1, k, k+1 */
    for (int k = 0; k < 24; k++) {
      double next = (at * b + a) / ((k + 1) * (k + 2));
      sum_d += next * (k + 2) * power;
      power *= h;
      sum += next * power;
      a = b, b = c, c = next;
    }
    y = sum, d = sum_d;
  }
  return slope ? d : y;
}
TC_FORMULA double tc_airy(double x, int slope) {
  if (x != x) return x;
  if (x < -10) return x == -(double)INFINITY ? (slope ? (double)NAN : 0) : tc_airy_left(-x, slope);
  if (x <= 1) return tc_airy_middle(x, slope);
  if (x > 200) return 0;
  double zeta = 2.0 / 3 * x * sqrt(x); /* 9.6.2, 9.6.3 */
  if (slope) return -x / (TC_PI * sqrt(3.0)) * tc_bessel_k_scaled(2.0 / 3, zeta) * exp(-zeta);
  return sqrt(x / 3) / TC_PI * tc_bessel_k_scaled(1.0 / 3, zeta) * exp(-zeta);
}

/* ---- incomplete gamma functions ---- */
TC_FORMULA double tc_minus_log1p(double d) { /* d - log(1 + d) without cancellation: with s = d / (2 + d), log(1 + d) = 2 atanh(s) */
  if (fabs(d) > 0.3) return d - log1p(d);
  double s = d / (2 + d), tail = 0;
  for (int k = 13; k > 0; k--) tail = tail * s * s + 1.0 / (2 * k + 1);
  return d * s - 2 * s * s * s * tail;
}
TC_FORMULA double tc_gamma_term(double a, double x) { /* x^a e^-x / gamma(a + 1), with Stirling's series (5.11.1) for larger a */
  if (a < 12) return exp(a * log(x) - x - lgamma(a + 1));
  double q = 1 / (a * a), tail = (1.0 / 12 - q * (1.0 / 360 - q * (1.0 / 1260 - q * (1.0 / 1680 - q * (1.0 / 1188 - q * 691.0 / 360360))))) / a;
  const double d = (x - a) / a, gap = d < -0.5 ? d - log(x / a) : tc_minus_log1p(d); /* far below a, 1 + d is best as x / a */
  return exp(-a * gap - tail) / sqrt(2 * TC_PI * a);
}
/* P(a, x), or Q = 1 - P if upper: the series (8.11.4) below x = a + 1, Lentz's method on the continued fraction (8.9.2) above */
TC_FORMULA double tc_gammainc(double a, double x, int upper) {
  if (!(a >= 0 && x >= 0) || (a == 0 && x == 0)) return (double)NAN;
  if (a == (double)INFINITY && x == a) return (double)NAN;
  if (x == 0 || a == (double)INFINITY) return upper;
  if (a == 0 || x == (double)INFINITY) return !upper;
  if (x < a + 1) {
    double term = 1, sum = 1;
    for (int k = 1; k < 1000000 && term > sum * 1e-17; k++) {
      term *= x / (a + k);
      sum += term;
    }
    double p = sum * tc_gamma_term(a, x);
    return upper ? 1 - p : p;
  }
  double b = x + 1 - a, c = 1e300, d = 1 / b, f = d;
  for (int k = 1; k < 1000000; k++) {
    double an = -k * (k - a);
    b += 2;
    d = an * d + b;
    c = b + an / c;
    if (d == 0) d = 1e-300;
    if (c == 0) c = 1e-300;
    d = 1 / d;
    f *= c * d;
    if (fabs(c * d - 1) < 1e-16) break;
  }
  double q = f * a * tc_gamma_term(a, x);
  return upper ? q : 1 - q;
}

/* ---- orthogonal polynomials and their derivatives, by the recurrences (18.9.1) on Taylor coefficients ---- */
enum { TC_CHEBYSHEV_T, TC_CHEBYSHEV_U, TC_CHEBYSHEV_V, TC_CHEBYSHEV_W, TC_HERMITE_H, TC_HERMITE_HE, TC_LAGUERRE_L, TC_LEGENDRE_P };
enum { TC_MOST_SLOPES = 8 };

/* p_(k+1) = (a + b x) p_k - c p_(k-1) */
TC_FORMULA void tc_polynomial_step(int kind, double k, double *a, double *b, double *c) {
  *a = 0, *b = 2, *c = 1;
  if (kind == TC_HERMITE_H) *c = 2 * k;
  if (kind == TC_HERMITE_HE) *b = 1, *c = k;
  if (kind == TC_LAGUERRE_L) *a = (2 * k + 1) / (k + 1), *b = -1 / (k + 1), *c = k / (k + 1);
  if (kind == TC_LEGENDRE_P) *b = (2 * k + 1) / (k + 1), *c = k / (k + 1);
}
/* p_1 = start + slope x */
TC_FORMULA void tc_polynomial_start(int kind, double *start, double *slope) {
  *start = kind == TC_CHEBYSHEV_V ? -1 : kind == TC_CHEBYSHEV_W || kind == TC_LAGUERRE_L ? 1 : 0;
  *slope = kind == TC_CHEBYSHEV_T || kind == TC_HERMITE_HE || kind == TC_LEGENDRE_P ? 1 : kind == TC_LAGUERRE_L ? -1 : 2;
}
TC_FORMULA double tc_polynomial_value(int kind, double x, double n) { /* of degree n >= 1 */
  double start, slope, a, b, c, before = 1, now;
  tc_polynomial_start(kind, &start, &slope);
  now = start + slope * x;
  for (double k = 1; k < n && now - now == 0; k++) { /* stops at overflow */
    double next;
    if (kind == TC_LAGUERRE_L) next = ((2 * k + 1 - x) * now - k * before) / (k + 1);
    else if (kind == TC_LEGENDRE_P) next = ((2 * k + 1) * x * now - k * before) / (k + 1);
    else {
      tc_polynomial_step(kind, k, &a, &b, &c);
      next = b * x * now - c * before;
    }
    before = now, now = next;
  }
  return now;
}
TC_FORMULA double tc_polynomial_slope(int kind, double x, double n, int order) { /* the derivative of that order, of degree n >= 1 */
  double start, slope, a, b, c, before[TC_MOST_SLOPES + 1] = {1}, now[TC_MOST_SLOPES + 1] = {0}, factorial = 1;
  tc_polynomial_start(kind, &start, &slope);
  now[0] = start + slope * x, now[1] = slope;
  for (double k = 1; k < n && now[order] - now[order] == 0; k++) {
    tc_polynomial_step(kind, k, &a, &b, &c);
    double lower = 0; /* the coefficient below, as it was */
    for (int j = 0; j <= order; j++) {
      double next = (a + b * x) * now[j] + b * lower - c * before[j];
      lower = now[j];
      before[j] = now[j];
      now[j] = next;
    }
  }
  for (int j = 2; j <= order; j++) factorial *= j;
  return now[order] * factorial;
}
/* kind + 8: the shifted one, at 2 x - 1; kind + 16 m: the derivative of order m by x, m at most TC_MOST_SLOPES */
TC_FORMULA double tc_polynomial(int kind, double x, double degree) {
  int order = kind / 16, shifted = kind & 8;
  double n = trunc(degree);
  kind &= 7;
  if (x != x || degree != degree) return (double)NAN;
  if (n < 0 || n < order) return 0;
  if (shifted) x = 2 * x - 1;
  if (n == 0) return 1;
  if (order == 0 && kind == TC_CHEBYSHEV_T && n > 64 && fabs(x) <= 1) return cos(n * acos(x));
  if (order == 0 && kind == TC_CHEBYSHEV_U && n > 64 && fabs(x) < 1) return sin((n + 1) * acos(x)) / sqrt(1 - x * x);
  if (n > 1e6) return (double)NAN; /* a step each: such a degree would not come to an end */
  return order ? tc_polynomial_slope(kind, x, n, order) * (shifted ? ldexp(1.0, order) : 1) : tc_polynomial_value(kind, x, n);
}
#endif
