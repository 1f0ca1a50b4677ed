/* math.cuh: the generic names of scalar.h as overloads for nvcc. C++ has exp(float) and exp(double) already; here are those that whole numbers
   take part in. The arithmetic itself is kernels/numbers.h. */
#pragma once
#include <cmath>
#include <cstdint>
#define TC_MATH_NAMES
#include "../numbers.h"

namespace tc {
#define TC_OVERLOADS_1(result, name, f32, f64, i64) \
  __host__ __device__ inline result(float, name)(float x) { return f32(x); } \
  __host__ __device__ inline result(double, name)(double x) { return f64(x); } \
  __host__ __device__ inline result(int64_t, name)(int64_t x) { return i64(x); }
#define TC_OVERLOADS_2(name, f32, f64, i64) \
  __host__ __device__ inline float name(float x, float y) { return f32(x, y); } \
  __host__ __device__ inline double name(double x, double y) { return f64(x, y); } \
  __host__ __device__ inline int64_t name(int64_t x, int64_t y) { return i64(x, y); }
#define TC_SAME(T, name) T name
#define TC_ANSWER(T, name) int name
TC_OVERLOADS_1(TC_SAME, floor_, floorf, ::floor, tc_same_i64)
TC_OVERLOADS_1(TC_SAME, ceil_, ceilf, ::ceil, tc_same_i64)
TC_OVERLOADS_1(TC_SAME, rint_, rintf, ::rint, tc_same_i64)
TC_OVERLOADS_1(TC_SAME, trunc_, truncf, ::trunc, tc_same_i64)
TC_OVERLOADS_1(TC_ANSWER, signbit_, tc_signbit_f32, tc_signbit_f64, tc_negative_i64)
TC_OVERLOADS_1(TC_ANSWER, infinity_sign, tc_infinity_sign_f32, tc_infinity_sign_f64, tc_infinity_sign_i64)
TC_OVERLOADS_2(pow_, tc_pow_f32, tc_pow_f64, tc_pow_i64)
TC_OVERLOADS_2(trunc_div, tc_trunc_div_f32, tc_trunc_div_f64, tc_trunc_div_i64)
TC_OVERLOADS_2(trunc_mod, fmodf, ::fmod, tc_trunc_mod_i64)
TC_OVERLOADS_2(floor_div, tc_floor_div_f32, tc_floor_div_f64, tc_floor_div_i64)
TC_OVERLOADS_2(floor_mod, tc_floor_mod_f32, tc_floor_mod_f64, tc_floor_mod_i64)

template <class T> __host__ __device__ inline T quick_exp(T x) { return exp(x); }
template <class T> __host__ __device__ inline T sigmoid(T x) { return (T)1 / ((T)1 + exp(-x)); }
template <class T> __host__ __device__ inline T silu(T x) { return x / ((T)1 + exp(-x)); }
template <class T> __host__ __device__ inline T normal_cdf(T x) { return (T)0.5 * (1 + erf(x * (T)0.70710678118654752440)); }
template <class T> __host__ __device__ inline T choose(bool c, T x, T y) { return c ? x : y; }

template <class T> __host__ __device__ inline T gelu_tanh_slope(T x) { /* with u = k (x + c x^3), t = tanh u: (1 + t) / 2 + x (1 - t^2) u' / 2 */
  const T k = (T)0.79788456080286535588, c = (T)0.044715;
  T t = tanh(k * (x + c * x * x * x));
  return (T)0.5 * (1 + t) + (T)0.5 * x * (1 - t * t) * k * (1 + 3 * c * x * x);
}
} // namespace tc
