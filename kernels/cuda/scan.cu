/* scan.cu: running sums, products, log-sums and extremes along one dim of a row-major tensor seen as (outer, n, inner). Long rows are cut in
   tiles: folds of the tiles, their running fold, then each tile from what came before it; the cuts follow from the shape alone. */
#include "element.cuh"
#include "../complex.h"

/* complex numbers are computed in double, as on the CPU */
namespace tc {
template <> __host__ __device__ inline tc_c128 load<tc_c128>(const void *p, int dtype, int64_t i) {
  if (dtype == TC_COMPLEX128) return ((const tc_c128 *)p)[i];
  const tc_c64 v = ((const tc_c64 *)p)[i];
  return {v.re, v.im};
}
template <> __host__ __device__ inline void store<tc_c128>(void *p, int dtype, int64_t i, tc_c128 v) {
  if (dtype == TC_COMPLEX128) ((tc_c128 *)p)[i] = v;
  else ((tc_c64 *)p)[i] = {(float)v.re, (float)v.im};
}
} // namespace tc

namespace {
using namespace tc;

template <class T> struct wide { typedef double type; };
template <> struct wide<int64_t> { typedef int64_t type; };

/* A: the accumulator; start(), join(a, b) with b after a, one(x, i) of an element, value(a). */
template <class T> struct sum { typedef typename wide<T>::type A;
  __device__ static A start() { return 0; }
  __device__ static A join(A a, A b) { return a + b; }
  __device__ static A one(T x, int64_t) { return (A)x; } };
template <class T> struct product { typedef typename wide<T>::type A;
  __device__ static A start() { return 1; }
  __device__ static A join(A a, A b) { return a * b; }
  __device__ static A one(T x, int64_t) { return (A)x; } };
template <class T> struct log_sum { typedef double A;
  __device__ static A start() { return -(double)INFINITY; }
  __device__ static A join(A a, A b) {
    if (a != a || b != b) return NAN;
    const double high = a > b ? a : b, low = a > b ? b : a;
    return low == -(double)INFINITY || high == (double)INFINITY ? high : high + log1p(exp(low - high));
  }
  __device__ static A one(T x, int64_t) { return (A)x; } };
struct complex_product { typedef tc_c128 A;
  __device__ static A start() { return tc_c(1, 0); }
  __device__ static A join(A a, A b) { return tc_c_mul(a, b); }
  __device__ static A one(tc_c128 x, int64_t) { return x; } };
struct complex_log_sum { typedef tc_c128 A;
  __device__ static A start() { return tc_c(-(double)INFINITY, 0); }
  __device__ static A join(A a, A b) { return tc_c_logaddexp(a, b); }
  __device__ static A one(tc_c128 x, int64_t) { return x; } };
/* the last of equal ones; once NaN, always NaN */
template <class T> struct best { T value; int64_t at; };
template <class T, bool LOW> struct extreme { typedef best<T> A;
  __device__ static A start() { return {T(0), 0}; }
  __device__ static A join(A a, A b) {
    if (a.at == 0 || b.value != b.value) return b.at == 0 ? a : b;
    if (b.at == 0 || a.value != a.value) return a;
    return (LOW ? b.value <= a.value : b.value >= a.value) ? b : a;
  }
  __device__ static A one(T x, int64_t i) { return {x, i + 1}; } };

struct plan {
  const char *x;
  char *y;
  int64_t *index;
  int in, out;                  /* dtypes */
  int64_t rows, n, inner, tile, tiles;
  int back, exclusive;
};

__device__ inline int64_t place(const plan &p, int64_t row, int64_t i) { /* of step i */
  return row / p.inner * p.n * p.inner + row % p.inner + (p.back ? p.n - 1 - i : i) * p.inner;
}
template <class A> __device__ inline void put_value(const plan &p, int64_t at, A a) { store(p.y, p.out, at, a); }
template <class T> __device__ inline void put_value(const plan &p, int64_t at, best<T> a) {
  store(p.y, p.out, at, a.value);
  if (p.index) p.index[at] = a.at;
}

/* ---- a thread for each (tile, row), neighbours beside each other: for rows that lie side by side, or many short ones ---- */
template <class F, class T> __global__ void fold_by_threads(plan p, typename F::A *folds) {
  TC_EACH(e, p.rows * p.tiles) {
    const int64_t row = e % p.rows, first = e / p.rows * p.tile, last = first + p.tile < p.n ? first + p.tile : p.n;
    typename F::A a = F::start();
    for (int64_t i = first; i < last; i++) a = F::join(a, F::one(load<T>(p.x, p.in, place(p, row, i)), i));
    folds[e] = a;
  }
}
template <class F> __global__ void fold_before(typename F::A *folds, int64_t rows, int64_t tiles) {
  TC_EACH(row, rows) {
    typename F::A a = F::start();
    for (int64_t t = 0; t < tiles; t++) {
      const typename F::A here = folds[t * rows + row];
      folds[t * rows + row] = a;
      a = F::join(a, here);
    }
  }
}
template <class F, class T> __global__ void scan_by_threads(plan p, const typename F::A *folds) {
  TC_EACH(e, p.rows * p.tiles) {
    const int64_t row = e % p.rows, first = e / p.rows * p.tile, last = first + p.tile < p.n ? first + p.tile : p.n;
    typename F::A a = folds ? folds[e] : F::start();
    for (int64_t i = first; i < last; i++) {
      const int64_t at = place(p, row, i);
      const typename F::A before = a;
      a = F::join(a, F::one(load<T>(p.x, p.in, at), i));
      put_value(p, at, p.exclusive ? before : a);
    }
  }
}

/* ---- a block for each (tile, row): EACH neighbours for a thread, then the threads' folds are scanned ---- */
enum { EACH = 4 };
template <class F> __device__ inline typename F::A before_me(typename F::A mine, typename F::A *room, typename F::A *total) {
  const int t = (int)threadIdx.x, n = (int)blockDim.x;
  room[t] = mine;
  __syncthreads();
  for (int step = 1; step < n; step *= 2) {
    typename F::A a = room[t];
    if (t >= step) a = F::join(room[t - step], a);
    __syncthreads();
    room[t] = a;
    __syncthreads();
  }
  const typename F::A before = t ? room[t - 1] : F::start();
  *total = room[n - 1];
  __syncthreads();
  return before;
}
template <class F, class T> __global__ void fold_by_blocks(plan p, typename F::A *folds) {
  TC_DYN_SHARED(typename F::A, room);
  const int64_t row = blockIdx.x % p.rows, first = blockIdx.x / p.rows * p.tile, last = first + p.tile < p.n ? first + p.tile : p.n;
  typename F::A all = F::start(), total;
  for (int64_t base = first; base < last; base += (int64_t)blockDim.x * EACH) {
    typename F::A a = F::start();
    for (int k = 0; k < EACH; k++) {
      const int64_t i = base + (int64_t)threadIdx.x * EACH + k;
      if (i < last) a = F::join(a, F::one(load<T>(p.x, p.in, place(p, row, i)), i));
    }
    before_me<F>(a, room, &total);
    all = F::join(all, total);
  }
  if (threadIdx.x == 0) folds[blockIdx.x] = all;
}
template <class F, class T> __global__ void scan_by_blocks(plan p, const typename F::A *folds) {
  TC_DYN_SHARED(typename F::A, room);
  const int64_t row = blockIdx.x % p.rows, first = blockIdx.x / p.rows * p.tile, last = first + p.tile < p.n ? first + p.tile : p.n;
  typename F::A carry = folds ? folds[blockIdx.x] : F::start(), total;
  for (int64_t base = first; base < last; base += (int64_t)blockDim.x * EACH) {
    typename F::A v[EACH], a = F::start();
    for (int k = 0; k < EACH; k++) {
      const int64_t i = base + (int64_t)threadIdx.x * EACH + k;
      v[k] = i < last ? F::one(load<T>(p.x, p.in, place(p, row, i)), i) : F::start();
      a = F::join(a, v[k]);
    }
    a = F::join(carry, before_me<F>(a, room, &total));
    for (int k = 0; k < EACH; k++) {
      const int64_t i = base + (int64_t)threadIdx.x * EACH + k;
      const typename F::A before = a;
      a = F::join(a, v[k]);
      if (i < last) put_value(p, place(p, row, i), p.exclusive ? before : a);
    }
    carry = F::join(carry, total);
  }
}

template <class F, class T> int run(plan p) {
  typedef typename F::A A;
  const bool threads = p.inner >= 16 || p.n <= 16;
  const int64_t few = threads ? 65536 / p.rows : 1024 / p.rows, least = threads ? 256 : 8192;
  p.tiles = few < 1 ? 1 : few < (p.n + least - 1) / least ? few : (p.n + least - 1) / least;
  p.tile = (p.n + p.tiles - 1) / p.tiles;
  p.tiles = (p.n + p.tile - 1) / p.tile;
  tc_workspace room(p.tiles > 1 ? (size_t)(p.rows * p.tiles) * sizeof(A) : 1);
  if (!room.data) return TC_NO_MEMORY;
  A *folds = p.tiles > 1 ? room.as<A>() : nullptr;
  const int64_t units = p.rows * p.tiles, blocks = threads ? tc_blocks(units, 128, 64) : units;
  int width = 32;
  while (width < 256 && width * EACH < p.tile) width *= 2;
  if (folds) {
    if (threads) TC_TRY(tc_run(fold_by_threads<F, T>, blocks, 128, 0, p, folds));
    else TC_TRY(tc_run(fold_by_blocks<F, T>, blocks, width, width * sizeof(A), p, folds));
    TC_TRY(tc_run(fold_before<F>, tc_blocks(p.rows, 32), 32, 0, folds, p.rows, p.tiles));
  }
  if (threads) return tc_run(scan_by_threads<F, T>, blocks, 128, 0, p, (const A *)folds);
  return tc_run(scan_by_blocks<F, T>, blocks, width, width * sizeof(A), p, (const A *)folds);
}

template <class T> int scan(int op, const plan &p) {
  switch (op) {
    case TC_SCAN_SUM: return run<sum<T>, T>(p);
    case TC_SCAN_PROD: return run<product<T>, T>(p);
    case TC_SCAN_MAX: return run<extreme<T, false>, T>(p);
    default: return run<extreme<T, true>, T>(p);
  }
}
} // namespace

/* x and y are row-major; extremes run forwards. */
extern "C" int TC_KERNEL(scan)(int op, int direction, int compute, const tc_view *y, const tc_view *x, int dim, int64_t *index) {
  plan p = {};
  int64_t outer = 1;
  p.inner = 1;
  for (int d = 0; d < x->ndim; d++)
    if (d < dim) outer *= x->size[d];
    else if (d > dim) p.inner *= x->size[d];
  if (x->numel == 0) return TC_OK;
  p.x = (const char *)x->data, p.y = (char *)y->data, p.index = index, p.in = x->dtype, p.out = y->dtype;
  p.rows = outer * p.inner, p.n = x->ndim ? x->size[dim] : 1;
  p.back = op < TC_SCAN_MAX && (direction & 1), p.exclusive = op < TC_SCAN_MAX && direction >= TC_SCAN_BEFORE;
  if (compute >= TC_COMPLEX64) /* products and log-sums: sums are those of the parts */
    return op == TC_SCAN_PROD ? run<complex_product, tc_c128>(p) : run<complex_log_sum, tc_c128>(p);
  if (op == TC_SCAN_LOGSUMEXP) return compute == TC_FLOAT32 ? run<log_sum<float>, float>(p) : run<log_sum<double>, double>(p);
  if (compute == TC_FLOAT32) return scan<float>(op, p);
  if (compute == TC_FLOAT64) return scan<double>(op, p);
  return scan<int64_t>(op, p);
}
