/* arg_reduce.cu: the extremes along axes together with their positions, the first of equal ones, NaN above any number; and variances,
   deviations and means, in double, by joining the moments of parts (Chan, Golub and LeVeque 1983). */
#include "fold.cuh"

namespace {
using namespace tc;

template <class T> struct found { T value; int64_t at; }; /* at: from 0, -1 while there is nothing */

template <class T, bool LOW> struct extreme {
  typedef found<T> A;
  int64_t *index;
  __device__ A start() const { return {(T)0, -1}; }
  __device__ A join(A a, A b) const {
    if (b.at < 0) return a;
    if (a.at < 0) return b;
    const bool na = a.value != a.value, nb = b.value != b.value, b_first = b.at < a.at;
    if (na || nb) return na && nb ? (b_first ? b : a) : na ? a : b;
    if (a.value == b.value) return b_first ? b : a;
    return (LOW ? b.value < a.value : b.value > a.value) ? b : a;
  }
  __device__ void take(A &a, T x, int64_t i) const { a = join(a, {x, i}); }
  __device__ void take4(A &a, const T *x, int64_t i, int step) const {
#pragma unroll
    for (int j = 0; j < 4; j++) take(a, x[j], i + j * step);
  }
  __device__ void finish(const fold_plan &p, A a, int64_t at) const {
    if (index) index[at] = a.at + 1;
    if (p.out) store(p.out, p.out_dtype, at, a.value);
  }
};

template <class T> int run_extreme(const tc_reduction *r, int64_t *index) {
  folding f;
  TC_TRY(f.begin(r, true));
  if (r->op == TC_FOLD_MIN) return f.run<extreme<T, true>, T, std::is_same<T, float>::value>({index});
  return f.run<extreme<T, false>, T, std::is_same<T, float>::value>({index});
}

/* n elements with their mean and the sum of squares around it. While elements come in, mean and m2 are sums of differences to `base`, the
   first of them. */
struct moments_of { double n, mean, m2, base; };

template <class T> struct moments {
  typedef moments_of A;
  char *mean;
  double correction;
  bool root;
  __device__ A start() const { return {0, 0, 0, NAN}; }
  __device__ static A settled(A a) { /* base NaN marks what is settled */
    if (a.base != a.base || a.n == 0) return a;
    const double d = a.mean / a.n, m2 = a.m2 - a.mean * d;
    return {a.n, a.base + d, m2 > 0 || m2 != m2 ? m2 : 0, NAN};
  }
  __device__ A join(A a, A b) const {
    a = settled(a), b = settled(b);
    if (a.n == 0) return b;
    if (b.n == 0) return a;
    const double n = a.n + b.n, d = b.mean - a.mean, share = b.n / n;
    return {n, a.mean + d * share, a.m2 + b.m2 + d * d * a.n * share, NAN};
  }
  __device__ void take(A &a, T x, int64_t) const {
    if (a.n == 0) a.base = x - x == 0 ? (double)x : 0;
    const double d = (double)x - a.base;
    a.n += 1, a.mean += d, a.m2 += d * d;
  }
  __device__ void take4(A &a, const T *x, int64_t i, int) const {
#pragma unroll
    for (int j = 0; j < 4; j++) take(a, x[j], i);
  }
  __device__ void finish(const fold_plan &p, A a, int64_t at) const {
    a = settled(a);
    double freedom = (double)p.reduced - correction, m2 = a.m2 / (freedom > 0 ? freedom : 0);
    if (p.reduced == 0) m2 = a.mean = NAN;
    store(p.out, p.out_dtype, at, root ? sqrt(m2) : m2);
    if (mean) store((void *)mean, p.out_dtype, at, a.mean);
  }
};
} // namespace

extern "C" int TC_KERNEL(arg_reduce)(const tc_reduction *r, int64_t *index) {
  if (r->kept == 0 || r->reduced == 0) return TC_OK;
  if (r->compute == TC_FLOAT32) return run_extreme<float>(r, index);
  if (r->compute == TC_FLOAT64) return run_extreme<double>(r, index);
  return run_extreme<int64_t>(r, index);
}

/* r->divisor is the correction. */
extern "C" int TC_KERNEL(moments)(const tc_reduction *r, void *mean) {
  folding f;
  if (r->kept == 0) return TC_OK;
  TC_TRY(f.begin(r, true));
  const bool root = r->op == TC_FOLD_EUCLID;
  if (r->compute == TC_FLOAT32) return f.run<moments<float>, float, true>({(char *)mean, r->divisor, root});
  return f.run<moments<double>, double, false>({(char *)mean, r->divisor, root});
}
