/* emu.h: CUDA's device vocabulary for g++: the kernels of this folder as host C++, one thread block at a time, every CUDA thread a fiber of its
   own. Finds wrong indices, missing barriers and reads of what nothing wrote, where there is no GPU. Tensor cores, races between blocks
   and speed it does not show. The runtime's calls are in emu_rt.cc. */
#pragma once
#include <cuda_runtime_api.h>
#include <vector_functions.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <math.h>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <tuple>

#undef __shared__
#undef __launch_bounds__
#undef __constant__
#undef __grid_constant__
#define __launch_bounds__(...)
#define __shared__ static /* one block runs at a time, so one copy serves */
#define __constant__
#define __grid_constant__
#define TC_DYN_SHARED(T, name) T *name = (T *)emu::dynamic_shared

namespace emu {
constexpr size_t MAX_SHARED = 232448; /* what an H100's block can have */
constexpr int WARP = 32;
struct place { /* where the running thread is */
  uint3 thread, block_index;
  dim3 block, grid;
  int rank; /* within the block */
};
extern place *here;
extern unsigned char dynamic_shared[MAX_SHARED];

void block_barrier(const char *file, int line);
void warp_barrier(unsigned mask, const char *file, int line);
int block_count(int predicate, const char *file, int line);
unsigned char *slot(int rank); /* 16 bytes of each thread, for shuffles */
int block_threads();
[[noreturn]] void die(const char *what);

/* Queues a kernel; it runs now, when its stream is waited for, or when a graph is replayed. */
cudaError_t launch(std::function<void()> body, dim3 grid, dim3 block, size_t shared, cudaStream_t stream);
/* Queues host code that may touch device memory: what stands in for a library's kernels. */
cudaError_t host_task(std::function<void()> body, cudaStream_t stream);
/* Do these bytes lie in one piece of device memory? */
bool in_one_piece(const void *p, size_t bytes);

template <class... P, class... A>
cudaError_t launch_kernel(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, cudaStream_t stream, A... arguments) {
  std::tuple<P...> kept{P(arguments)...};
  return launch([=] { std::apply(kernel, kept); }, grid, block, shared, stream);
}

/* every lane of the mask puts its value down, then takes the one of lane from(own lane) */
template <class T, class From> T exchange(unsigned mask, T value, From from, const char *file, int line) {
  static_assert(sizeof(T) <= 16, "shuffles move at most 16 bytes");
  int rank = here->rank, lane = rank % WARP, first = rank - lane;
  if (!(mask >> lane & 1)) die("a thread takes part in a shuffle whose mask leaves it out");
  memcpy(slot(rank), &value, sizeof value);
  warp_barrier(mask, file, line);
  int other = from(lane);
  T got = value;
  if (other >= 0 && other < WARP && first + other < block_threads() && mask >> other & 1) memcpy(&got, slot(first + other), sizeof got);
  warp_barrier(mask, file, line);
  return got;
}
} // namespace emu

#define threadIdx (emu::here->thread)
#define blockIdx (emu::here->block_index)
#define blockDim (emu::here->block)
#define gridDim (emu::here->grid)
constexpr int warpSize = emu::WARP;

/* ---- barriers and shuffles; a barrier is known by the line it stands on ---- */
#define TC_SITE const char *file = __builtin_FILE(), int line = __builtin_LINE()
inline void __syncthreads(TC_SITE) { emu::block_barrier(file, line); }
inline int __syncthreads_count(int p, TC_SITE) { return emu::block_count(p, file, line); }
inline int __syncthreads_or(int p, TC_SITE) { return emu::block_count(p, file, line) > 0; }
inline int __syncthreads_and(int p, TC_SITE) { return emu::block_count(p, file, line) == emu::block_threads(); }
inline void __syncwarp(unsigned mask = ~0u, TC_SITE) { emu::warp_barrier(mask, file, line); }
template <class T> T __shfl_sync(unsigned mask, T v, int source, int width = 32, TC_SITE) {
  return emu::exchange(mask, v, [=](int lane) { return (lane & ~(width - 1)) | (source & (width - 1)); }, file, line);
}
template <class T> T __shfl_up_sync(unsigned mask, T v, unsigned delta, int width = 32, TC_SITE) {
  return emu::exchange(mask, v, [=](int lane) { return (lane & (width - 1)) < (int)delta ? lane : lane - (int)delta; }, file, line);
}
template <class T> T __shfl_down_sync(unsigned mask, T v, unsigned delta, int width = 32, TC_SITE) {
  return emu::exchange(mask, v, [=](int lane) { return (lane & (width - 1)) + (int)delta >= width ? lane : lane + (int)delta; }, file, line);
}
template <class T> T __shfl_xor_sync(unsigned mask, T v, int bits, int width = 32, TC_SITE) {
  return emu::exchange(mask, v, [=](int lane) {
    int other = lane ^ bits;
    return other / width > lane / width ? lane : other;
  }, file, line);
}
inline unsigned __ballot_sync(unsigned mask, int p, TC_SITE) {
  unsigned all = 0;
  int rank = emu::here->rank, first = rank - rank % emu::WARP;
  memcpy(emu::slot(rank), &p, sizeof p);
  emu::warp_barrier(mask, file, line);
  for (int lane = 0; lane < emu::WARP; lane++) {
    int q = 0;
    if (mask >> lane & 1) memcpy(&q, emu::slot(first + lane), sizeof q);
    all |= (unsigned)(q != 0) << lane;
  }
  emu::warp_barrier(mask, file, line);
  return all;
}
inline int __any_sync(unsigned mask, int p, TC_SITE) { return __ballot_sync(mask, p, file, line) != 0; }
inline int __all_sync(unsigned mask, int p, TC_SITE) { return __ballot_sync(mask, p, file, line) == mask; }
template <class T> unsigned __match_any_sync(unsigned mask, T v, TC_SITE) {
  unsigned same = 0;
  for (int lane = 0; lane < emu::WARP; lane++)
    if (mask >> lane & 1) same |= (unsigned)(__shfl_sync(mask, v, lane, 32, file, line) == v) << lane;
  return same;
}
#define TC_WARP_REDUCE(name, expr) \
  template <class T> T name(unsigned mask, T v, TC_SITE) { \
    bool begun = false; T a = v; \
    for (int lane = 0; lane < emu::WARP; lane++) if (mask >> lane & 1) { \
      T b = __shfl_sync(mask, v, lane, 32, file, line); a = begun ? (T)(expr) : b; begun = true; \
    } \
    return a; \
  }
TC_WARP_REDUCE(__reduce_add_sync, a + b)
TC_WARP_REDUCE(__reduce_min_sync, a < b ? a : b)
TC_WARP_REDUCE(__reduce_max_sync, a > b ? a : b)
TC_WARP_REDUCE(__reduce_or_sync, a | b)
TC_WARP_REDUCE(__reduce_and_sync, a & b)
TC_WARP_REDUCE(__reduce_xor_sync, a ^ b)

/* ---- atomics: fibers are never interrupted, so plain code is atomic ---- */
template <class T> struct emu_same { using type = T; };
#define TC_ATOMIC(name, expr) template <class T> T name(T *p, typename emu_same<T>::type v) { T a = *p; *p = (T)(expr); return a; }
TC_ATOMIC(atomicAdd, a + v)
TC_ATOMIC(atomicSub, a - v)
TC_ATOMIC(atomicMin, a < v ? a : v)
TC_ATOMIC(atomicMax, a > v ? a : v)
TC_ATOMIC(atomicExch, v)
TC_ATOMIC(atomicAnd, a & v)
TC_ATOMIC(atomicOr, a | v)
TC_ATOMIC(atomicXor, a ^ v)
template <class T> T atomicInc(T *p, typename emu_same<T>::type most) { T a = *p; *p = a >= most ? 0 : a + 1; return a; }
template <class T> T atomicCAS(T *p, typename emu_same<T>::type old, typename emu_same<T>::type v) {
  T a = *p;
  if (a == old) *p = v;
  return a;
}
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}
inline void __nanosleep(unsigned) {}
inline void __trap() { emu::die("__trap()"); }
inline long long clock64() { return 0; }

/* ---- memory hints ---- */
#define TC_LOAD(name) template <class T> T name(const T *p) { return *p; }
TC_LOAD(__ldg) TC_LOAD(__ldcg) TC_LOAD(__ldca) TC_LOAD(__ldcs) TC_LOAD(__ldlu) TC_LOAD(__ldcv)
#define TC_STORE(name) template <class T> void name(T *p, typename emu_same<T>::type v) { *p = v; }
TC_STORE(__stcs) TC_STORE(__stcg) TC_STORE(__stwb) TC_STORE(__stwt)

/* ---- whole numbers and bits ---- */
inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x ? __builtin_clz((unsigned)x) : 32; }
inline int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)x) : 64; }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline int __ffsll(long long x) { return __builtin_ffsll(x); }
inline unsigned __brev(unsigned x) { unsigned r = 0; for (int i = 0; i < 32; i++) r |= (x >> i & 1) << (31 - i); return r; }
inline unsigned __umulhi(unsigned a, unsigned b) { return (unsigned)((uint64_t)a * b >> 32); }
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) { return (unsigned long long)((unsigned __int128)a * b >> 64); }
inline long long __mul64hi(long long a, long long b) { return (long long)((__int128)a * b >> 64); }
template <class To, class From> To emu_bits(From x) { static_assert(sizeof(To) == sizeof(From), ""); To y; memcpy(&y, &x, sizeof y); return y; }
inline int __float_as_int(float x) { return emu_bits<int>(x); }
inline unsigned __float_as_uint(float x) { return emu_bits<unsigned>(x); }
inline float __int_as_float(int x) { return emu_bits<float>(x); }
inline float __uint_as_float(unsigned x) { return emu_bits<float>(x); }
inline long long __double_as_longlong(double x) { return emu_bits<long long>(x); }
inline double __longlong_as_double(long long x) { return emu_bits<double>(x); }
inline int __float2int_rn(float x) { return (int)rintf(x); }
inline int __float2int_rd(float x) { return (int)floorf(x); }
inline long long __float2ll_rn(float x) { return (long long)rintf(x); }
inline long long __double2ll_rn(double x) { return (long long)rint(x); }

/* ---- arithmetic ---- */
template <class A, class B> constexpr auto emu_least(A a, B b) -> decltype(a + b) { return b < a ? b : a; }
template <class A, class B> constexpr auto emu_most(A a, B b) -> decltype(a + b) { return a < b ? b : a; }
#define TC_LEAST_MOST(T) \
  constexpr T min(T a, T b) { return b < a ? b : a; } \
  constexpr T max(T a, T b) { return a < b ? b : a; }
TC_LEAST_MOST(int) TC_LEAST_MOST(unsigned) TC_LEAST_MOST(long) TC_LEAST_MOST(unsigned long) TC_LEAST_MOST(long long) TC_LEAST_MOST(unsigned long long)
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }
inline float rsqrtf(float x) { return 1 / sqrtf(x); }
inline double rsqrt(double x) { return 1 / ::sqrt(x); }
inline float rcbrtf(float x) { return 1 / cbrtf(x); }
inline float erfcxf(float x) { return (float)(::exp((double)x * x) * ::erfc((double)x)); }
inline float normcdff(float x) { return 0.5f * erfcf(-0.70710678f * x); }
inline double normcdf(double x) { return 0.5 * ::erfc(-0.70710678118654752440 * x); }
inline float sinpif(float x) { return (float)::sin(3.14159265358979323846 * x); }
inline float cospif(float x) { return (float)::cos(3.14159265358979323846 * x); }
inline double sinpi(double x) { return ::sin(3.14159265358979323846 * x); }
inline double cospi(double x) { return ::cos(3.14159265358979323846 * x); }
inline void sincospif(float x, float *s, float *c) { *s = sinpif(x); *c = cospif(x); }
inline void sincospi(double x, double *s, double *c) { *s = sinpi(x); *c = cospi(x); }
inline float __expf(float x) { return expf(x); }
inline float __exp10f(float x) { return powf(10, x); }
inline float __logf(float x) { return logf(x); }
inline float __log2f(float x) { return log2f(x); }
inline float __log10f(float x) { return log10f(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __tanhf(float x) { return tanhf(x); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __frcp_rn(float x) { return 1 / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __frsqrt_rn(float x) { return 1 / sqrtf(x); }
inline float __saturatef(float x) { return x < 0 ? 0 : x > 1 ? 1 : x; }
#define TC_EXACT(T, f, d) \
  inline T f##add_rn(T x, T y) { volatile T z = x + y; return z; } \
  inline T f##sub_rn(T x, T y) { volatile T z = x - y; return z; } \
  inline T f##mul_rn(T x, T y) { volatile T z = x * y; return z; } \
  inline T f##div_rn(T x, T y) { return x / y; }
TC_EXACT(float, __f, ) TC_EXACT(double, __d, )
inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
inline double __fma_rn(double x, double y, double z) { return ::fma(x, y, z); }
