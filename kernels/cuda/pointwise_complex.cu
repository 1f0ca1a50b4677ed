/* pointwise_complex.cu: the elementwise operators of complex numbers on the GPU, from the very formulas that the CPU uses, all of them computed
   in double. */
#include "pointwise.cuh"
#include "../complex.h"

namespace {
using namespace tc;

__host__ __device__ inline tc_c128 load_complex(const void *p, int dtype, int64_t i) {
  if (dtype == TC_COMPLEX64) return {((const tc_c64 *)p)[i].re, ((const tc_c64 *)p)[i].im};
  if (dtype == TC_COMPLEX128) return ((const tc_c128 *)p)[i];
  return {load<double>(p, dtype, i), 0};
}
__device__ inline void store_result(void *p, int dtype, int64_t i, tc_c128 v) {
  if (dtype == TC_COMPLEX64) ((tc_c64 *)p)[i] = {(float)v.re, (float)v.im};
  else if (dtype == TC_COMPLEX128) ((tc_c128 *)p)[i] = v;
  else store(p, dtype, i, v.re);
}
__device__ inline void store_result(void *p, int dtype, int64_t i, double v) { store(p, dtype, i, v); }
__device__ inline void store_result(void *p, int dtype, int64_t i, bool v) { store(p, dtype, i, (int64_t)v); }

/* Operands of one element in the host's memory travel with the launch. */
template <int K> struct constants { tc_c128 v[K]; };
template <class F, int K> __global__ void complex_layout(plan<K> l, constants<K> c, numbers n) {
  TC_EACH(i, l.numel) {
    int64_t at[K];
    tc_c128 v[4] = {};
    l.where.find(i, at);
    for (int k = 1; k < K; k++) v[k] = l.host >> k & 1 ? c.v[k] : load_complex(l.data[k], l.dtype[k], at[k]);
    store_result(l.data[0], l.dtype[0], at[0], F::run(v[1], v[2], v[3], n));
  }
}

template <class F, int K> int run(const tc_loop *l, const numbers &n) {
  plan<K> p;
  mapping<K> m;
  constants<K> c = {};
  describe(&p, l);
  for (int k = 1; k < K; k++)
    if (l->host >> k & 1) c.v[k] = load_complex(l->data[k], l->dtype[k], 0);
  TC_TRY(m.of_loop(l));
  p.where = m.m;
  return tc_run(complex_layout<F, K>, tc_blocks(l->numel, 128, 64), 128, 0, p, c, n);
}

#define C(re, im) (tc_c128{(double)(re), (double)(im)})
#define NUMBER_OF(x) ((x) != (x) ? p0 : (x) == (T)INFINITY ? p1 : (x) == -(T)INFINITY ? p2 : (x))
#define COMPLEX_STRUCT(name, result, expr) \
  struct name { __device__ static result run(tc_c128 x, tc_c128 y, tc_c128 z, const numbers &n) { \
    typedef double T; const T p0 = n.p[0], p1 = n.p[1], p2 = n.p[2]; (void)p0; (void)p1; (void)p2; (void)y; (void)z; \
    return expr; } };
#define TC_COMPLEX(kind, name, precision, expr) COMPLEX_STRUCT(kind##_##name, tc_c128, (expr))
#define TC_PART(kind, name, precision, expr) COMPLEX_STRUCT(kind##_##name, double, (expr))
#define TC_COMPLEX_TEST(kind, name, precision, expr) COMPLEX_STRUCT(kind##_##name, bool, (expr))
#include "../scalar_complex.h"

enum { OPERANDS_UNARY = 2, OPERANDS_BINARY, OPERANDS_TERNARY };
} // namespace

int tc_pointwise_complex(int op, const tc_loop *l, const tc::numbers &n) {
  switch (op) {
#define ROW(kind, name) case TC_##kind##_##name: return run<kind##_##name, OPERANDS_##kind>(l, n);
#define TC_COMPLEX(kind, name, precision, expr) ROW(kind, name)
#define TC_PART(kind, name, precision, expr) ROW(kind, name)
#define TC_COMPLEX_TEST(kind, name, precision, expr) ROW(kind, name)
#include "../scalar_complex.h"
  }
  return TC_MISSING;
}
