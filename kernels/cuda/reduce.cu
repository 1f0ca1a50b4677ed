/* reduce.cu: folds a strided tensor over any of its axes: sums, products, extremes, norms, tests. */
#include "fold.cuh"

namespace {
using namespace tc;

template <class T> struct wide { typedef double type; };
template <> struct wide<int64_t> { typedef int64_t type; };
template <class T> using wide_t = typename wide<T>::type;

/* the number that an accumulator ends as */
struct ending { double divisor, p; int op; };
template <class A> __device__ void deliver(const fold_plan &p, const ending &e, A a, int64_t at) { store(p.out, p.out_dtype, at, a); }
template <> __device__ void deliver<double>(const fold_plan &p, const ending &e, double a, int64_t at) {
  if (e.divisor != 1) a /= e.divisor;
  if (e.op == TC_FOLD_EUCLID) a = sqrt(a);
  if (e.op == TC_FOLD_POWER) a = pow(a, 1 / e.p);
  store(p.out, p.out_dtype, at, a);
}

/* Folds of floats first join four elements in float, then go on in double. */
#define FOLD(name, ACC, START, LIFT, JOIN, FOUR) \
  template <class T> struct name { \
    typedef ACC A; \
    ending e; \
    __device__ A start() const { return START; } \
    __device__ A join(A a, A b) const { return JOIN; } \
    __device__ A lift(T x) const { return LIFT; } \
    __device__ void take(A &acc, T x, int64_t) const { acc = join(acc, lift(x)); } \
    __device__ void take4(A &acc, const T *x, int64_t, int) const { acc = join(acc, FOUR); } \
    __device__ void finish(const fold_plan &p, A a, int64_t at) const { deliver(p, e, a, at); } \
  };
#define EACH_LIFTED join(join(lift(x[0]), lift(x[1])), join(lift(x[2]), lift(x[3])))
template <class T> __device__ T number(T x) { return x != x ? (T)0 : x; }
template <class T> __device__ T size_of(T x) { return x < 0 ? -x : x; }
template <class T> __device__ T highest() { return (T)INFINITY; }
template <> __device__ int64_t highest<int64_t>() { return INT64_MAX; }
template <class T> __device__ T more(T a, T b) { return b != b ? b : b > a ? b : a; }
template <class T> __device__ T less(T a, T b) { return b != b ? b : b < a ? b : a; }

FOLD(sum, wide_t<T>, 0, (A)x, a + b, (A)((x[0] + x[1]) + (x[2] + x[3])))
FOLD(nansum, wide_t<T>, 0, (A)number(x), a + b, (A)((number(x[0]) + number(x[1])) + (number(x[2]) + number(x[3]))))
FOLD(product, wide_t<T>, 1, (A)x, a * b, EACH_LIFTED)
FOLD(maximum, T, least<T>(), x, more(a, b), EACH_LIFTED)
FOLD(minimum, T, highest<T>(), x, less(a, b), EACH_LIFTED)
FOLD(some, int64_t, 0, x != 0, a | b, EACH_LIFTED)
FOLD(every, int64_t, 1, x != 0, a & b, EACH_LIFTED)
FOLD(count, int64_t, 0, x != 0, a + b, EACH_LIFTED)
FOLD(abs_sum, double, 0, (A)size_of(x), a + b, (A)((size_of(x[0]) + size_of(x[1])) + (size_of(x[2]) + size_of(x[3]))))
FOLD(abs_maximum, T, 0, size_of(x), more(a, b), EACH_LIFTED)
FOLD(abs_minimum, T, highest<T>(), size_of(x), less(a, b), EACH_LIFTED)
FOLD(euclid, double, 0, (double)x * (double)x, a + b, EACH_LIFTED)
FOLD(power, double, 0, pow((double)size_of(x), e.p), a + b, EACH_LIFTED)

template <template <class> class F, bool PACKS> int floats(const tc_reduction *r, const ending &e) {
  folding f;
  TC_TRY(f.begin(r, PACKS));
  if (r->compute == TC_FLOAT32) return f.run<F<float>, float, PACKS>({e});
  return f.run<F<double>, double, false>({e});
}
template <template <class> class F, bool PACKS> int numbers(const tc_reduction *r, const ending &e) {
  if (r->compute == TC_FLOAT32 || r->compute == TC_FLOAT64) return floats<F, PACKS>(r, e);
  folding f;
  TC_TRY(f.begin(r, false));
  return f.run<F<int64_t>, int64_t, false>({e});
}
} // namespace

extern "C" int TC_KERNEL(reduce)(const tc_reduction *r) {
  const ending e = {r->divisor, r->p, r->op};
  const bool whole = r->compute != TC_FLOAT32 && r->compute != TC_FLOAT64;
  if (r->kept == 0) return TC_OK;
  switch (r->op) {
    case TC_FOLD_SUM: return numbers<sum, true>(r, e);
    case TC_FOLD_NANSUM: return whole ? numbers<sum, true>(r, e) : floats<nansum, false>(r, e);
    case TC_FOLD_PROD: return numbers<product, false>(r, e);
    case TC_FOLD_MAX: return numbers<maximum, true>(r, e);
    case TC_FOLD_MIN: return numbers<minimum, true>(r, e);
    case TC_FOLD_ANY: return numbers<some, false>(r, e);
    case TC_FOLD_ALL: return numbers<every, false>(r, e);
    case TC_FOLD_COUNT: return numbers<count, false>(r, e);
    case TC_FOLD_ABS_SUM: return floats<abs_sum, true>(r, e);
    case TC_FOLD_ABS_MAX: return floats<abs_maximum, true>(r, e);
    case TC_FOLD_ABS_MIN: return floats<abs_minimum, false>(r, e);
    case TC_FOLD_EUCLID: return floats<euclid, true>(r, e);
    case TC_FOLD_POWER: return floats<power, false>(r, e);
  }
  return TC_MISSING;
}
