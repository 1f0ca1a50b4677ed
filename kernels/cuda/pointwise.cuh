/* pointwise.cuh: elementwise kernels, each one launch: operands of one dtype whose fastest dim is dense or stands still are read 16 bytes at
   a time, all others element by element. pointwise_*.cu say which formulas. */
#pragma once
#include "map.cuh"
#include "math.cuh"

namespace tc {
struct numbers { double p[4]; };

/* What of a loop travels with the launch. Operands of one element may lie in the host's memory: their value is in here. */
template <int K> struct plan {
  map<K> where;
  int64_t numel;
  int dtype[K];
  unsigned host, still;         /* bits: the value is in real and whole; stands still along the fastest dim */
  char *data[K];
  double real[K];
  int64_t whole[K];
};

template <class T, int K> __device__ inline T value(const plan<K> &l, int k, int64_t at) {
  if (l.host >> k & 1) return std::is_same<T, int64_t>::value ? (T)l.whole[k] : (T)l.real[k];
  return load<T>(l.data[k], l.dtype[k], at);
}

/* any dtypes, any strides */
template <class F, class T, int K> __global__ void any_layout(plan<K> l, numbers n) {
  TC_EACH(i, l.numel) {
    int64_t at[K];
    l.where.find(i, at);
    T x = value<T>(l, 1, at[1]), y = T(0), z = T(0);
    if (K > 2) y = value<T>(l, K > 2 ? 2 : 0, at[K > 2 ? 2 : 0]);
    if (K > 3) z = value<T>(l, K > 3 ? 3 : 0, at[K > 3 ? 3 : 0]);
    store(l.data[0], l.dtype[0], at[0], F::template run<T>(x, y, z, n));
  }
}

template <class S, int N> __device__ inline void take(computed_t<S> *v, const char *data, int64_t at, bool still) {
  typedef computed_t<S> T;
  if (still) {
    const T x = get<T>(((const S *)data)[at]);
    for (int j = 0; j < N; j++) v[j] = x;
  } else {
    const pack<S, N> x = *(const pack<S, N> *)((const S *)data + at);
    for (int j = 0; j < N; j++) v[j] = get<T>(x.v[j]);
  }
}
/* S everywhere, but for a result of bool or a first operand of bool; the fastest dim counts packs of N. */
template <class F, class S, class R, int K> __global__ void packed(plan<K> l, numbers n) {
  typedef computed_t<S> T;
  constexpr int N = pack_size<S>();
  const int64_t i = TC_FIRST;
  if (i >= l.numel) return;
  int64_t at[K];
  T x[N], y[N], z[N];
  l.where.find(i, at);
#pragma unroll
  for (int k = 1; k < K; k++) {
    T *v = k == 1 ? x : k == 2 ? y : z;
    if (l.host >> k & 1) for (int j = 0; j < N; j++) v[j] = (T)l.real[k];
    else if (k == 1 && F::chooses) {
      const pack<uint8_t, N> b = *(const pack<uint8_t, N> *)(l.data[k] + at[k]);
      for (int j = 0; j < N; j++) v[j] = (T)b.v[j];
    } else take<S, N>(v, l.data[k], at[k], l.still >> k & 1);
  }
  pack<R, N> out;
#pragma unroll
  for (int j = 0; j < N; j++) out.v[j] = put<R>(F::template run<T>(x[j], K > 2 ? y[j] : T(0), K > 3 ? z[j] : T(0), n));
  *(pack<R, N> *)((R *)l.data[0] + at[0]) = out;
}

/* ---- the host's side ---- */
template <int K> void describe(plan<K> *p, const tc_loop *l) {
  p->numel = l->numel;
  p->host = p->still = 0;
  for (int k = 0; k < K; k++) {
    p->dtype[k] = l->dtype[k];
    p->data[k] = l->data[k];
    p->real[k] = 0, p->whole[k] = 0;
    if (l->host >> k & 1) {
      p->host |= 1u << k;
      p->real[k] = load<double>(l->data[k], l->dtype[k], 0);
      p->whole[k] = load<int64_t>(l->data[k], l->dtype[k], 0);
    }
  }
}

/* Can operand k be read in packs of n elements of `bytes` bytes: dense along the fastest dim, every row beginning where a pack may, or still? */
inline bool packs(const tc_loop *l, int k, int n, int bytes, bool *still) {
  const int last = l->ndim - 1;
  *still = l->stride[k][last] == 0;
  if (*still) return true;
  if (l->stride[k][last] != 1 || !aligned(l->data[k], (size_t)n * bytes)) return false;
  for (int d = 0; d < last; d++)
    if (l->stride[k][d] % n) return false;
  return true;
}

/* Launches the packed kernel if the loop allows it; *done says so. */
template <class F, class S, class R, int K> int run_packed(const tc_loop *l, const numbers &n, bool *done) {
  constexpr int N = pack_size<S>();
  const int last = l->ndim - 1;
  *done = false;
  if (l->ndim == 0 || l->size[last] % N || l->numel < 4 * N) return TC_OK;
  if (l->dtype[0] != (std::is_same<R, uint8_t>::value ? (int)TC_BOOL : (int)code_of<S>::value)) return TC_OK;
  plan<K> p;
  mapping<K> m;
  describe(&p, l);
  for (int k = 0; k < K; k++) {
    const bool chooser = k == 1 && F::chooses;
    bool still;
    if (l->host >> k & 1) continue;
    if (k > 0 && l->dtype[k] != (chooser ? (int)TC_BOOL : (int)code_of<S>::value)) return TC_OK;
    if (!packs(l, k, N, k == 0 ? (int)sizeof(R) : chooser ? 1 : (int)sizeof(S), &still) || (still && (k == 0 || chooser))) return TC_OK;
    p.still |= (unsigned)still << k;
  }
  for (int d = last; d >= 0; d--) {
    int64_t s[K];
    for (int k = 0; k < K; k++) s[k] = l->stride[k][d] * (d == last ? N : 1);
    m.add(d == last ? l->size[d] / N : l->size[d], s);
  }
  TC_TRY(m.finish());
  p.where = m.m;
  p.numel = l->numel / N;
  *done = true;
  return tc_run(packed<F, S, R, K>, (p.numel + 255) / 256, 256, 0, p, n);
}

template <class F, class T, int K> int run_any(const tc_loop *l, const numbers &n) {
  plan<K> p;
  mapping<K> m;
  describe(&p, l);
  TC_TRY(m.of_loop(l));
  p.where = m.m;
  return tc_run(any_layout<F, T, K>, tc_blocks(l->numel, 256, 64), 256, 0, p, n);
}

/* One formula. Rare ones compute in double whatever their dtype, which is how they are written (special.h). */
template <class F, int K> int run_formula(int compute, const tc_loop *l, const numbers &n) {
  bool done = false;
  if constexpr (F::rare) return run_any<F, double, K>(l, n);
  else {
    if constexpr (F::floats) {
#define TC_PACKED(S) { TC_TRY((run_packed<F, S, typename std::conditional<F::tests, uint8_t, S>::type, K>(l, n, &done))); }
      const int dtype = l->dtype[K - 1];
      if (compute == TC_FLOAT32) {
        if (l->dtype[0] == TC_FLOAT32 || (F::tests && dtype == TC_FLOAT32)) TC_PACKED(float)
        else if (l->dtype[0] == TC_BFLOAT16 || (F::tests && dtype == TC_BFLOAT16)) TC_PACKED(bfloat_t)
        else if (l->dtype[0] == TC_FLOAT16 || (F::tests && dtype == TC_FLOAT16)) TC_PACKED(half_t)
        if (done) return TC_OK;
      }
#undef TC_PACKED
      if (compute == TC_FLOAT64) return run_any<F, double, K>(l, n);
    }
    if constexpr (F::wholes) if (compute == TC_INT64) return run_any<F, int64_t, K>(l, n);
    if constexpr (F::floats) return run_any<F, float, K>(l, n);
    else return run_any<F, int64_t, K>(l, n);
  }
}
} // namespace tc

/* Each file of formulas has one of these: TC_MISSING if the formula is in another. */
int tc_pointwise_one(int op, int compute, const tc_loop *l, const tc::numbers &n);
int tc_pointwise_more(int op, int compute, const tc_loop *l, const tc::numbers &n);
int tc_pointwise_complex(int op, const tc_loop *l, const tc::numbers &n);

/* ---- one struct a formula, generic in the computing type: before and after including scalar.h ---- */
#define TC_CLASS_ANY(f, w) enum { floats = 1, wholes = 1 };
#define TC_CLASS_FLOAT(f, w) enum { floats = 1, wholes = 0 };
#define TC_CLASS_INT(f, w) enum { floats = 0, wholes = 1 };
#define TC_FORMULA_STRUCT(name, classes, is_test, result, expr) \
  struct name { \
    TC_CLASS_##classes(,) \
    enum { tests = is_test, rare = tc::is_rare(#name), chooses = tc::same_text(#name, "ternary_where") }; \
    template <class T> __device__ static result run(T x, T y, T z, const tc::numbers &n) { \
      const T p0 = (T)n.p[0], p1 = (T)n.p[1], p2 = (T)n.p[2], p3 = (T)n.p[3]; (void)y; (void)z; (void)p0; (void)p1; (void)p2; (void)p3; \
      return (result)(expr); } };

namespace tc {
constexpr bool same_text(const char *a, const char *b) {
  while (*a && *a == *b) a++, b++;
  return *a == *b;
}
constexpr bool is_rare(const char *name) {
  const char *names[] = {"unary_digamma", "unary_polygamma", "unary_lgamma", "unary_erfcx", "unary_erfinv", "unary_ndtr", "unary_ndtri", "unary_log_ndtr",
    "unary_bessel_i", "unary_bessel_k", "unary_bessel_j0", "unary_bessel_j1", "unary_bessel_y0", "unary_bessel_y1", "unary_airy",
    "binary_zeta", "binary_gammainc", "binary_polynomial"};
  for (const char *rare : names)
    if (same_text(name, rare)) return true;
  return false;
}
}
