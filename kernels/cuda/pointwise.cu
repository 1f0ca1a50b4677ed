/* pointwise.cu: elementwise operators on the GPU, from the very formulas that the CPU uses. Operands of any layout and dtype are read as the
   computing type, the result is written as the output's dtype. */
#include "launch.cuh"
#include "math.cuh"
#include <cuda_bf16.h>
#include <cuda_fp16.h>

namespace {

struct numbers { double p[4]; };

/* ---- one struct a formula, generic in the computing type ---- */
#define floor(x) tc::floor_(x)
#define ceil(x) tc::ceil_(x)
#define rint(x) tc::rint_(x)
#define trunc(x) tc::trunc_(x)
#define signbit(x) tc::signbit_(x)
#define pow(x, y) tc::pow_(x, y)
using tc::floor_div; using tc::floor_mod; using tc::trunc_div; using tc::trunc_mod;
using tc::choose; using tc::normal_cdf; using tc::infinity_sign; using tc::gelu_tanh_slope;

#define FORMULA(name, result, expr) \
  struct name { template <class T> __device__ static result run(T x, T y, T z, const numbers &n) { \
    const T p0 = (T)n.p[0], p1 = (T)n.p[1], p2 = (T)n.p[2], p3 = (T)n.p[3]; (void)y; (void)z; (void)p0; (void)p1; (void)p2; (void)p3; \
    return (result)(expr); } };
#define TC_UNARY(name, classes, expr) FORMULA(unary_##name, T, expr)
#define TC_TEST(name, classes, expr) FORMULA(unary_##name, bool, expr)
#define TC_BINARY(name, classes, expr) FORMULA(binary_##name, T, expr)
#define TC_COMPARE(name, classes, expr) FORMULA(binary_##name, bool, expr)
#define TC_TERNARY(name, classes, expr) FORMULA(ternary_##name, T, expr)
#include "../scalar.h"
#undef floor
#undef ceil
#undef rint
#undef trunc
#undef signbit
#undef pow

/* ---- elements of any dtype ---- */
template <class T> __host__ __device__ T load(const char *p, int dtype, int64_t i) {
  switch (dtype) {
    case TC_BOOL: case TC_UINT8: return (T)((const uint8_t *)p)[i];
    case TC_INT8: return (T)((const int8_t *)p)[i];
    case TC_INT16: return (T)((const int16_t *)p)[i];
    case TC_INT32: return (T)((const int32_t *)p)[i];
    case TC_INT64: return (T)((const int64_t *)p)[i];
    case TC_FLOAT16: return (T)__half2float(((const __half *)p)[i]);
    case TC_BFLOAT16: return (T)__bfloat162float(((const __nv_bfloat16 *)p)[i]);
    case TC_FLOAT64: return (T)((const double *)p)[i];
    default: return (T)((const float *)p)[i];
  }
}
template <class T> __device__ void store(char *p, int dtype, int64_t i, T v) {
  switch (dtype) {
    case TC_BOOL: ((uint8_t *)p)[i] = v != 0; break;
    case TC_UINT8: ((uint8_t *)p)[i] = (uint8_t)(int64_t)v; break;
    case TC_INT8: ((int8_t *)p)[i] = (int8_t)(int64_t)v; break;
    case TC_INT16: ((int16_t *)p)[i] = (int16_t)(int64_t)v; break;
    case TC_INT32: ((int32_t *)p)[i] = (int32_t)(int64_t)v; break;
    case TC_INT64: ((int64_t *)p)[i] = (int64_t)v; break;
    case TC_FLOAT16: ((__half *)p)[i] = __float2half((float)v); break;
    case TC_BFLOAT16: ((__nv_bfloat16 *)p)[i] = __float2bfloat16((float)v); break;
    case TC_FLOAT64: ((double *)p)[i] = (double)v; break;
    default: ((float *)p)[i] = (float)v; break;
  }
}

/* a loop small enough to travel as a kernel argument: merged dims rarely exceed four */
enum { DIMS = 12 };
struct plan {
  int nop, ndim, dtype[TC_MAX_OPERANDS];
  int64_t numel, size[DIMS], stride[TC_MAX_OPERANDS][DIMS];
  char *data[TC_MAX_OPERANDS];
  unsigned host; /* operands whose value is in here, not behind data */
  double real[TC_MAX_OPERANDS];
  int64_t whole[TC_MAX_OPERANDS];
};

template <class T> __device__ T value(const plan &l, int k, int64_t at) {
  if (l.host >> k & 1) return std::is_same<T, int64_t>::value ? (T)l.whole[k] : (T)l.real[k];
  return load<T>(l.data[k], l.dtype[k], at);
}

template <class F, class T> __global__ void any_layout(plan l, numbers n) {
  for (int64_t i = blockIdx.x * (int64_t)blockDim.x + threadIdx.x; i < l.numel; i += (int64_t)gridDim.x * blockDim.x) {
    int64_t at[TC_MAX_OPERANDS] = {0}, rest = i;
    for (int d = l.ndim - 1; d >= 0; d--) {
      int64_t c = rest % l.size[d];
      rest /= l.size[d];
      for (int k = 0; k < l.nop; k++) at[k] += c * l.stride[k][d];
    }
    T x = value<T>(l, 1, at[1]), y = l.nop > 2 ? value<T>(l, 2, at[2]) : T(0), z = l.nop > 3 ? value<T>(l, 3, at[3]) : T(0);
    store(l.data[0], l.dtype[0], at[0], F::template run<T>(x, y, z, n));
  }
}

template <class F> int run(int compute, const plan &l, const numbers &n) {
  unsigned blocks = (unsigned)((l.numel + 255) / 256 < 4096 ? (l.numel + 255) / 256 : 4096);
  if (compute == TC_FLOAT64) return tc_launch(any_layout<F, double>, dim3(blocks), dim3(256), 0, (cudaStream_t)0, l, n);
  if (compute == TC_INT64) return tc_launch(any_layout<F, int64_t>, dim3(blocks), dim3(256), 0, (cudaStream_t)0, l, n);
  return tc_launch(any_layout<F, float>, dim3(blocks), dim3(256), 0, (cudaStream_t)0, l, n);
}
template <class F> int run_float(int compute, const plan &l, const numbers &n) {
  unsigned blocks = (unsigned)((l.numel + 255) / 256 < 4096 ? (l.numel + 255) / 256 : 4096);
  if (compute == TC_FLOAT64) return tc_launch(any_layout<F, double>, dim3(blocks), dim3(256), 0, (cudaStream_t)0, l, n);
  return tc_launch(any_layout<F, float>, dim3(blocks), dim3(256), 0, (cudaStream_t)0, l, n);
}
template <class F> int run_int(const plan &l, const numbers &n) {
  unsigned blocks = (unsigned)((l.numel + 255) / 256 < 4096 ? (l.numel + 255) / 256 : 4096);
  return tc_launch(any_layout<F, int64_t>, dim3(blocks), dim3(256), 0, (cudaStream_t)0, l, n);
}
#define RUN_ANY(f) run<f>(compute, l, n)
#define RUN_FLOAT(f) run_float<f>(compute, l, n)
#define RUN_INT(f) run_int<f>(l, n)

} // namespace

extern "C" int TC_KERNEL(pointwise)(int op, int compute, const tc_loop *loop, const double *p) {
  plan l = {loop->nop, loop->ndim};
  numbers n = {{p ? p[0] : 0, p ? p[1] : 0, p ? p[2] : 0, p ? p[3] : 0}};
  if (loop->ndim > DIMS) return TC_DEVICE_ERROR;
  if (loop->numel == 0) return TC_OK;
  l.numel = loop->numel;
  for (int d = 0; d < loop->ndim; d++) l.size[d] = loop->size[d];
  for (int k = 0; k < loop->nop; k++) {
    l.dtype[k] = loop->dtype[k];
    l.data[k] = loop->data[k];
    if (loop->host >> k & 1) {
      l.host |= 1u << k;
      l.real[k] = load<double>(loop->data[k], loop->dtype[k], 0);
      l.whole[k] = load<int64_t>(loop->data[k], loop->dtype[k], 0);
    }
    for (int d = 0; d < loop->ndim; d++) l.stride[k][d] = loop->stride[k][d];
  }
  switch (op) {
#define TC_UNARY(name, classes, expr) case TC_UNARY_##name: return RUN_##classes(unary_##name);
#define TC_TEST(name, classes, expr) case TC_UNARY_##name: return RUN_ANY(unary_##name);
#define TC_BINARY(name, classes, expr) case TC_BINARY_##name: return RUN_##classes(binary_##name);
#define TC_COMPARE(name, classes, expr) case TC_BINARY_##name: return RUN_ANY(binary_##name);
#define TC_TERNARY(name, classes, expr) case TC_TERNARY_##name: return RUN_##classes(ternary_##name);
#include "../scalar.h"
  }
  return TC_MISSING;
}
