/* element.cuh: elements of any dtype in device memory: types of storage, loads and stores with conversion, vectors of 16 bytes. */
#pragma once
#include "launch.cuh"
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cmath>
#include <type_traits>

namespace tc {
typedef __half half_t;
typedef __nv_bfloat16 bfloat_t;

/* The type that elements of type S are computed in. */
template <class S> struct computed { typedef S type; };
template <> struct computed<half_t> { typedef float type; };
template <> struct computed<bfloat_t> { typedef float type; };
template <class S> using computed_t = typename computed<S>::type;

template <class T, class S> __host__ __device__ inline T get(S v) { return (T)v; }
template <class T> __host__ __device__ inline T get(half_t v) { return (T)__half2float(v); }
template <class T> __host__ __device__ inline T get(bfloat_t v) { return (T)__bfloat162float(v); }
template <class T> __host__ __device__ inline T get(tc_c64 v) { return (T)v.re; }
template <class T> __host__ __device__ inline T get(tc_c128 v) { return (T)v.re; }

template <class S, class T> struct putter {
  __host__ __device__ static S put(T v) { return std::is_integral<S>::value ? (S)(int64_t)v : (S)v; }
};
template <class T> struct putter<half_t, T> { __host__ __device__ static half_t put(T v) { return __float2half((float)v); } };
template <class T> struct putter<bfloat_t, T> { __host__ __device__ static bfloat_t put(T v) { return __float2bfloat16((float)v); } };
template <class S, class T> __host__ __device__ inline S put(T v) { return putter<S, T>::put(v); }

/* Element i behind p, whatever its dtype; the switch is the same for all threads. */
template <class T> __host__ __device__ inline T load(const void *p, int dtype, int64_t i) {
  switch (dtype) {
    case TC_BOOL: case TC_UINT8: return (T)((const uint8_t *)p)[i];
    case TC_INT8: return (T)((const int8_t *)p)[i];
    case TC_INT16: return (T)((const int16_t *)p)[i];
    case TC_INT32: return (T)((const int32_t *)p)[i];
    case TC_INT64: return (T)((const int64_t *)p)[i];
    case TC_FLOAT16: return get<T>(((const half_t *)p)[i]);
    case TC_BFLOAT16: return get<T>(((const bfloat_t *)p)[i]);
    case TC_FLOAT64: return (T)((const double *)p)[i];
    case TC_COMPLEX64: return (T)((const tc_c64 *)p)[i].re;
    case TC_COMPLEX128: return (T)((const tc_c128 *)p)[i].re;
    default: return (T)((const float *)p)[i];
  }
}
template <class T> __host__ __device__ inline void store(void *p, int dtype, int64_t i, T v) {
  switch (dtype) {
    case TC_BOOL: ((uint8_t *)p)[i] = v != 0; break;
    case TC_UINT8: ((uint8_t *)p)[i] = (uint8_t)(int64_t)v; break;
    case TC_INT8: ((int8_t *)p)[i] = (int8_t)(int64_t)v; break;
    case TC_INT16: ((int16_t *)p)[i] = (int16_t)(int64_t)v; break;
    case TC_INT32: ((int32_t *)p)[i] = (int32_t)(int64_t)v; break;
    case TC_INT64: ((int64_t *)p)[i] = (int64_t)v; break;
    case TC_FLOAT16: ((half_t *)p)[i] = put<half_t>(v); break;
    case TC_BFLOAT16: ((bfloat_t *)p)[i] = put<bfloat_t>(v); break;
    case TC_FLOAT64: ((double *)p)[i] = (double)v; break;
    case TC_COMPLEX64: ((tc_c64 *)p)[i] = {(float)v, 0}; break;
    case TC_COMPLEX128: ((tc_c128 *)p)[i] = {(double)v, 0}; break;
    default: ((float *)p)[i] = (float)v; break;
  }
}

__host__ __device__ inline int dtype_bytes(int dtype) {
  switch (dtype) {
    case TC_BOOL: case TC_UINT8: case TC_INT8: return 1;
    case TC_INT16: case TC_FLOAT16: case TC_BFLOAT16: return 2;
    case TC_INT32: case TC_FLOAT32: return 4;
    case TC_COMPLEX128: return 16;
    default: return 8;
  }
}

/* N neighbours that are read and written at once; N * sizeof(S) is 16 or less. */
template <class S, int N> struct alignas(sizeof(S) * N) pack { S v[N]; };
template <class S> __host__ __device__ constexpr int pack_size() { return (int)(16 / sizeof(S)); }
inline bool aligned(const void *p, size_t bytes = 16) { return ((uintptr_t)p & (bytes - 1)) == 0; }

/* The element type of view data by dtype. */
template <class S> struct code_of;
template <> struct code_of<half_t> { enum { value = TC_FLOAT16 }; };
template <> struct code_of<bfloat_t> { enum { value = TC_BFLOAT16 }; };
template <> struct code_of<float> { enum { value = TC_FLOAT32 }; };
template <> struct code_of<double> { enum { value = TC_FLOAT64 }; };

/* Positions as users count them, from 1 or negative from the end, as 0 .. n-1, or -1. */
__host__ __device__ inline int64_t position(int64_t v, int64_t n) { return v > 0 && v <= n ? v - 1 : v < 0 && v >= -n ? v + n : -1; }

template <class T> __host__ __device__ inline T least() { return -(T)INFINITY; }
template <> __host__ __device__ inline int64_t least<int64_t>() { return INT64_MIN; }
} // namespace tc

/* Runs `...` with S as the type that a floating dtype is stored in. */
#define TC_FLOATS(dtype, ...) do { switch (dtype) { \
  case TC_FLOAT64: { typedef double S; __VA_ARGS__ } break; \
  case TC_FLOAT16: { typedef tc::half_t S; __VA_ARGS__ } break; \
  case TC_BFLOAT16: { typedef tc::bfloat_t S; __VA_ARGS__ } break; \
  default: { typedef float S; __VA_ARGS__ } break; } } while (0)

/* Runs `...` with S as float or double: for what operators have cast before. */
#define TC_WIDE_FLOATS(dtype, ...) do { \
  if ((dtype) == TC_FLOAT64) { typedef double S; __VA_ARGS__ } else { typedef float S; __VA_ARGS__ } } while (0)

/* Runs `...` with S as an unsigned type of the element's size, for what only moves elements. */
#define TC_MOVES(bytes, ...) do { switch (bytes) { \
  case 1: { typedef uint8_t S; __VA_ARGS__ } break; \
  case 2: { typedef uint16_t S; __VA_ARGS__ } break; \
  case 4: { typedef uint32_t S; __VA_ARGS__ } break; \
  case 8: { typedef uint64_t S; __VA_ARGS__ } break; \
  default: { typedef uint4 S; __VA_ARGS__ } break; } } while (0)

/* Returns from the enclosing function unless a status is TC_OK. */
#define TC_TRY(call) do { int tc_status_ = (call); if (tc_status_ != TC_OK) return tc_status_; } while (0)
