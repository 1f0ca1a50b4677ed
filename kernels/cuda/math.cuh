/* math.cuh: what nvcc lacks for the formulas of scalar.h. C++ has exp(float), exp(double) and so on; here are the functions for whole numbers
   and those that are ours. The same names as in kernels/cpu/math.h. */
#pragma once
#include <cmath>
#include <cstdint>

namespace tc {
#define TC_INLINE __host__ __device__ inline
TC_INLINE float floor_(float x) { return floorf(x); }
TC_INLINE double floor_(double x) { return floor(x); }
TC_INLINE int64_t floor_(int64_t x) { return x; }
TC_INLINE float ceil_(float x) { return ceilf(x); }
TC_INLINE double ceil_(double x) { return ceil(x); }
TC_INLINE int64_t ceil_(int64_t x) { return x; }
TC_INLINE float rint_(float x) { return rintf(x); }
TC_INLINE double rint_(double x) { return rint(x); }
TC_INLINE int64_t rint_(int64_t x) { return x; }
TC_INLINE float trunc_(float x) { return truncf(x); }
TC_INLINE double trunc_(double x) { return trunc(x); }
TC_INLINE int64_t trunc_(int64_t x) { return x; }
template <class T> TC_INLINE int signbit_(T x) { return signbit(x) != 0; }
TC_INLINE int signbit_(int64_t x) { return x < 0; }
template <class T> TC_INLINE int infinity_sign(T x) { return (x == (T)INFINITY) - (x == -(T)INFINITY); }
TC_INLINE int infinity_sign(int64_t) { return 0; }

TC_INLINE int64_t trunc_div(int64_t x, int64_t y) { return y == 0 ? 0 : y == -1 ? (int64_t)-(uint64_t)x : x / y; }
TC_INLINE int64_t trunc_mod(int64_t x, int64_t y) { return y == 0 || y == -1 ? 0 : x % y; }
template <class T> TC_INLINE T trunc_div(T x, T y) { return trunc_(x / y); }
template <class T> TC_INLINE T trunc_mod(T x, T y) { return fmod(x, y); }
TC_INLINE int64_t floor_div(int64_t x, int64_t y) {
  int64_t q = trunc_div(x, y), r = trunc_mod(x, y);
  return r != 0 && (r < 0) != (y < 0) ? q - 1 : q;
}
template <class T> TC_INLINE T floor_mod(T x, T y) {
  T r = trunc_mod(x, y);
  return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}
template <class T> TC_INLINE T floor_div(T x, T y) {
  if (y == 0) return x / y;
  T m = fmod(x, y), q = (x - m) / y;
  if (m != 0 && (m < 0) != (y < 0)) q -= 1;
  if (q == 0) return copysign((T)0, x / y);
  T f = floor_(q);
  return q - f > (T)0.5 ? f + 1 : f;
}
TC_INLINE int64_t pow_(int64_t x, int64_t n) {
  if (n < 0) return x == 1 ? 1 : x == -1 ? (n & 1 ? -1 : 1) : 0;
  uint64_t r = 1, b = (uint64_t)x;
  for (; n; n >>= 1, b *= b)
    if (n & 1) r *= b;
  return (int64_t)r;
}
TC_INLINE float pow_(float x, float y) { return y == 2 ? x * x : powf(x, y); }
TC_INLINE double pow_(double x, double y) { return y == 2 ? x * x : pow(x, y); }
TC_INLINE int64_t gcd_(int64_t x, int64_t y) {
  while (y) {
    int64_t t = trunc_mod(x, y);
    x = y;
    y = t;
  }
  return x < 0 ? -x : x;
}
TC_INLINE int64_t lcm_(int64_t x, int64_t y) {
  if (x == 0 || y == 0) return 0;
  int64_t v = x / gcd_(x, y) * y;
  return v < 0 ? -v : v;
}
TC_INLINE bool isclose(double x, double y, double rtol, double atol) {
  return isfinite(x) && isfinite(y) && fabs(x - y) <= atol + rtol * fabs(y);
}
template <class T> TC_INLINE T gelu_tanh_slope(T x) {
  const T k = (T)0.79788456080286535588, c = (T)0.044715;
  T t = tanh(k * (x + c * x * x * x));
  return (T)0.5 * (1 + t) + (T)0.5 * x * (1 - t * t) * k * (1 + 3 * c * x * x);
}
TC_INLINE double digamma_(double x) { /* reflection, recurrence, asymptotic series (Abramowitz and Stegun 6.3) */
  double y = 0;
  if (x == 0) return -copysign((double)INFINITY, x);
  if (x < 0) {
    if (x == floor(x)) return NAN;
    y = -M_PI / tan(M_PI * (x - floor(x)));
    x = 1 - x;
  }
  for (; x < 10; x++) y -= 1 / x;
  double q = 1 / (x * x);
  double tail = q * (1.0 / 12 - q * (1.0 / 120 - q * (1.0 / 252 - q * (1.0 / 240 - q * (1.0 / 132 - q * (691.0 / 32760 - q / 12))))));
  return y + log(x) - 0.5 / x - tail;
}
TC_INLINE double zeta_(double s, double a) { /* Euler and Maclaurin's summation of Hurwitz' zeta function */
  const double bernoulli[] = {1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730, 7.0 / 6, -3617.0 / 510};
  double sum = 0, b = a;
  if (!(a > -1e6)) return NAN;
  while (b < 12) sum += pow(b++, -s);
  sum += pow(b, 1 - s) / (s - 1) + 0.5 * pow(b, -s);
  double rising = s, power = pow(b, -s - 1), factorial = 2;
  for (int k = 0; k < 8; k++) {
    sum += bernoulli[k] * rising * power / factorial;
    rising *= (s + 2 * k + 1) * (s + 2 * k + 2);
    power /= b * b;
    factorial *= (2 * k + 3) * (2 * k + 4);
  }
  return sum;
}
TC_INLINE double polygamma_(double n, double x) {
  double y = exp(lgamma(n + 1)) * zeta_(n + 1, x);
  return fmod(n, 2.0) == 0 ? -y : y;
}
} // namespace tc
