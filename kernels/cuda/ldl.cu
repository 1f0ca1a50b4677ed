/* ldl.cu: P L D L^T P^T (L^H for hermitian matrices) with the pivots of Bunch and Kaufman, 1977, laid out as LAPACK's sytrf and hetrf do for the
   lower triangle; a block works on each matrix, in double. cuSOLVER has neither batches nor hermitian matrices; single large symmetric ones
   go to its sytrf. */
#include "solver.h"
#include "../complex.h"

namespace {
using namespace tc;
enum { THREADS = 128, LARGE = 128 };

template <class S> struct element {
  __device__ static tc_c128 get(const S *a, int64_t i) { return tc_c((double)a[i], 0); }
  __device__ static void put(S *a, int64_t i, tc_c128 v) { a[i] = (S)v.re; }
};
template <class C> struct complex_element {
  __device__ static tc_c128 get(const C *a, int64_t i) { return tc_c((double)a[i].x, (double)a[i].y); }
  __device__ static void put(C *a, int64_t i, tc_c128 v) { a[i].x = (decltype(a->x))v.re, a[i].y = (decltype(a->y))v.im; }
};
template <> struct element<cuComplex> : complex_element<cuComplex> {};
template <> struct element<cuDoubleComplex> : complex_element<cuDoubleComplex> {};

__device__ inline double size_of(tc_c128 x) { return fabs(x.re) + fabs(x.im); }
__device__ inline tc_c128 turned(tc_c128 x, bool hermitian) { return hermitian ? tc_c(x.re, -x.im) : x; }
__device__ inline tc_c128 straight(tc_c128 x, bool hermitian) { return hermitian ? tc_c(x.re, 0) : x; }

/* a matrix in column order, its lower triangle */
template <class S> struct lower {
  S *a;
  int64_t n;
  __device__ tc_c128 get(int64_t i, int64_t j) const { return element<S>::get(a, j * n + i); }
  __device__ void put(int64_t i, int64_t j, tc_c128 v) const { element<S>::put(a, j * n + i, v); }
};

struct widest { double size; int64_t at; };
/* over the block: the largest, the first of equal ones; n where there is none */
__device__ inline widest block_widest(widest mine, widest *room) {
  const int t = (int)threadIdx.x;
  room[t] = mine;
  __syncthreads();
  for (int step = THREADS / 2; step > 0; step /= 2) {
    if (t < step) {
      const widest other = room[t + step];
      if (other.size > room[t].size || (other.size == room[t].size && other.at < room[t].at)) room[t] = other;
    }
    __syncthreads();
  }
  const widest all = room[0];
  __syncthreads();
  return all;
}
/* below the diagonal in column j, from row `first` on */
template <class S> __device__ widest widest_below(const lower<S> &a, int64_t j, int64_t first, widest *room) {
  widest mine = {-1, a.n};
  for (int64_t i = first + threadIdx.x; i < a.n; i += THREADS) {
    const double size = size_of(a.get(i, j));
    if (size > mine.size) mine = {size, i};
  }
  return block_widest(mine, room);
}
template <class S> __device__ widest widest_left(const lower<S> &a, int64_t i, int64_t first, widest *room) {
  widest mine = {-1, a.n};
  for (int64_t j = first + threadIdx.x; j < i; j += THREADS) {
    const double size = size_of(a.get(i, j));
    if (size > mine.size) mine = {size, j};
  }
  return block_widest(mine, room);
}

/* Which row comes to step k, and whether the step takes two columns. */
struct choice { int64_t row; bool two, zero; };
template <class S> __device__ choice choose_pivot(const lower<S> &a, int64_t k, bool hermitian, widest *room) {
  const double alpha = 0.64038820320220756872; /* (1 + sqrt(17)) / 8 */
  const double own = size_of(straight(a.get(k, k), hermitian));
  const widest below = widest_below(a, k, k + 1, room);
  const double column = below.size < 0 ? 0 : below.size;
  if (!(own > 0 || column > 0)) return {k, false, true};
  if (own >= alpha * column) return {k, false, false};
  const int64_t r = below.at;
  double row = widest_left(a, r, k, room).size;
  const double rest = widest_below(a, r, r + 1, room).size;
  row = rest > row ? rest : row;
  if (own >= alpha * column * (column / row)) return {k, false, false};
  return {r, !(size_of(straight(a.get(r, r), hermitian)) >= alpha * row), false};
}

/* rows and columns p and q, p < q, change places from column p on */
template <class S> __device__ void exchange(const lower<S> &a, int64_t p, int64_t q, bool hermitian) {
  for (int64_t i = q + 1 + threadIdx.x; i < a.n; i += THREADS) {
    const tc_c128 t = a.get(i, p);
    a.put(i, p, a.get(i, q));
    a.put(i, q, t);
  }
  for (int64_t j = p + 1 + threadIdx.x; j < q; j += THREADS) {
    const tc_c128 t = turned(a.get(j, p), hermitian);
    a.put(j, p, turned(a.get(q, j), hermitian));
    a.put(q, j, t);
  }
  if (threadIdx.x == 0) {
    const tc_c128 t = straight(a.get(p, p), hermitian);
    a.put(p, p, straight(a.get(q, q), hermitian));
    a.put(q, q, t);
    a.put(q, p, turned(a.get(q, p), hermitian));
  }
}

/* What is left after column k: a_ij -= a_ik d^-1 a_jk; then the column is L's. w: n numbers. */
template <class S> __device__ void eliminate_one(const lower<S> &a, int64_t k, bool hermitian, tc_c128 *w) {
  const tc_c128 d = straight(a.get(k, k), hermitian);
  for (int64_t i = k + 1 + threadIdx.x; i < a.n; i += THREADS) w[i] = tc_c_div(a.get(i, k), d);
  __syncthreads();
  const int64_t left = a.n - k - 1;
  for (int64_t e = threadIdx.x; e < left * left; e += THREADS) {
    const int64_t i = k + 1 + e % left, j = k + 1 + e / left;
    if (i < j) continue;
    const tc_c128 v = tc_c_sub(a.get(i, j), tc_c_mul(a.get(i, k), turned(w[j], hermitian)));
    a.put(i, j, i == j ? straight(v, hermitian) : v);
  }
  __syncthreads();
  for (int64_t i = k + 1 + threadIdx.x; i < a.n; i += THREADS) a.put(i, k, w[i]);
  if (threadIdx.x == 0) a.put(k, k, d);
}

/* the same for columns k and k + 1, whose D is a 2 by 2 block; w: 2 n numbers */
template <class S> __device__ void eliminate_two(const lower<S> &a, int64_t k, bool hermitian, tc_c128 *w) {
  const tc_c128 d21 = a.get(k + 1, k), d12 = turned(d21, hermitian), d11 = straight(a.get(k, k), hermitian), d22 = straight(a.get(k + 1, k + 1), hermitian);
  const tc_c128 first = tc_c_div(d11, d12), second = tc_c_div(d22, d21), below = tc_c_sub(tc_c_mul(first, second), tc_c(1, 0));
  for (int64_t i = k + 2 + threadIdx.x; i < a.n; i += THREADS) { /* (w0 w1) D = (a_ik a_ik+1) */
    const tc_c128 x = a.get(i, k), y = a.get(i, k + 1);
    w[i] = tc_c_div(tc_c_sub(tc_c_mul(second, tc_c_div(x, d12)), tc_c_div(y, d12)), below);
    w[a.n + i] = tc_c_div(tc_c_sub(tc_c_mul(first, tc_c_div(y, d21)), tc_c_div(x, d21)), below);
  }
  __syncthreads();
  const int64_t left = a.n - k - 2;
  for (int64_t e = threadIdx.x; e < left * left; e += THREADS) {
    const int64_t i = k + 2 + e % left, j = k + 2 + e / left;
    if (i < j) continue;
    const tc_c128 by = tc_c_add(tc_c_mul(a.get(i, k), turned(w[j], hermitian)), tc_c_mul(a.get(i, k + 1), turned(w[a.n + j], hermitian)));
    const tc_c128 v = tc_c_sub(a.get(i, j), by);
    a.put(i, j, i == j ? straight(v, hermitian) : v);
  }
  __syncthreads();
  for (int64_t i = k + 2 + threadIdx.x; i < a.n; i += THREADS) {
    a.put(i, k, w[i]);
    a.put(i, k + 1, w[a.n + i]);
  }
  if (threadIdx.x == 0) {
    a.put(k, k, d11);
    a.put(k + 1, k + 1, d22);
  }
}

template <class S> __global__ void factor(S *all, int32_t *pivots, int32_t *info, tc_c128 *rooms, int64_t n, int64_t batch, bool hermitian) {
  __shared__ widest room[THREADS];
  for (int64_t b = blockIdx.x; b < batch; b += gridDim.x) {
    const lower<S> a = {all + b * n * n, n};
    int32_t *pivot = pivots + b * n, failed = 0;
    for (int64_t k = 0; k < n;) {
      const choice c = choose_pivot(a, k, hermitian, room);
      __syncthreads(); /* all have seen the diagonal */
      const int64_t from = k + c.two;
      if (c.zero && !failed) failed = (int32_t)(k + 1);
      if (c.row != from) exchange(a, from, c.row, hermitian);
      if (c.row != from && c.two && threadIdx.x == 0) {
        const tc_c128 t = a.get(k + 1, k);
        a.put(k + 1, k, a.get(c.row, k));
        a.put(c.row, k, t);
      }
      __syncthreads();
      if (c.two) eliminate_two(a, k, hermitian, rooms + blockIdx.x * 2 * n);
      else if (!c.zero) eliminate_one(a, k, hermitian, rooms + blockIdx.x * 2 * n);
      if (threadIdx.x == 0) {
        pivot[k] = c.two ? -(int32_t)(c.row + 1) : (int32_t)(c.row + 1);
        if (c.two) pivot[k + 1] = pivot[k];
      }
      __syncthreads();
      k += 1 + c.two;
    }
    if (threadIdx.x == 0) info[b] = failed;
  }
}

/* ---- solutions: a block for each right-hand side ---- */
__device__ inline tc_c128 block_total(tc_c128 mine, tc_c128 *room) {
  const int t = (int)threadIdx.x;
  room[t] = mine;
  __syncthreads();
  for (int step = THREADS / 2; step > 0; step /= 2) {
    if (t < step) room[t] = tc_c_add(room[t], room[t + step]);
    __syncthreads();
  }
  const tc_c128 all = room[0];
  __syncthreads();
  return all;
}
/* sum over i > below of (L^T or L^H)_ki x_i */
template <class S> __device__ tc_c128 above(const lower<S> &a, const S *x, int64_t k, int64_t below, bool hermitian, tc_c128 *room) {
  tc_c128 mine = tc_c(0, 0);
  for (int64_t i = below + 1 + threadIdx.x; i < a.n; i += THREADS)
    mine = tc_c_add(mine, tc_c_mul(turned(a.get(i, k), hermitian), element<S>::get(x, i)));
  return block_total(mine, room);
}
template <class S> __device__ void swap_two(S *x, int64_t i, int64_t j) {
  const S t = x[i];
  x[i] = x[j];
  x[j] = t;
}

/* x <- D^-1 L^-1 P^T x */
template <class S> __device__ void solve_down(const lower<S> &a, const int32_t *pivot, S *x, bool hermitian) {
  typedef element<S> E;
  for (int64_t k = 0; k < a.n;) {
    const bool two = pivot[k] < 0 && k + 1 < a.n;
    const int64_t last = k + two, row = (pivot[k] < 0 ? -pivot[k] : pivot[k]) - 1;
    if (threadIdx.x == 0 && row != last) swap_two(x, row, last);
    __syncthreads();
    const tc_c128 x0 = E::get(x, k), x1 = two ? E::get(x, k + 1) : tc_c(0, 0);
    __syncthreads();
    for (int64_t i = last + 1 + threadIdx.x; i < a.n; i += THREADS) {
      tc_c128 v = tc_c_sub(E::get(x, i), tc_c_mul(a.get(i, k), x0));
      if (two) v = tc_c_sub(v, tc_c_mul(a.get(i, k + 1), x1));
      E::put(x, i, v);
    }
    if (threadIdx.x == 0 && !two) E::put(x, k, tc_c_div(x0, straight(a.get(k, k), hermitian)));
    if (threadIdx.x == 0 && two) {
      const tc_c128 d21 = a.get(k + 1, k), d12 = turned(d21, hermitian);
      const tc_c128 d11 = tc_c_div(straight(a.get(k, k), hermitian), d12), d22 = tc_c_div(straight(a.get(k + 1, k + 1), hermitian), d21);
      const tc_c128 below = tc_c_sub(tc_c_mul(d11, d22), tc_c(1, 0)), y0 = tc_c_div(x0, d12), y1 = tc_c_div(x1, d21);
      E::put(x, k, tc_c_div(tc_c_sub(tc_c_mul(d22, y0), y1), below));
      E::put(x, k + 1, tc_c_div(tc_c_sub(tc_c_mul(d11, y1), y0), below));
    }
    __syncthreads();
    k = last + 1;
  }
}

/* x <- P L^-T x (L^-H) */
template <class S> __device__ void solve_up(const lower<S> &a, const int32_t *pivot, S *x, bool hermitian, tc_c128 *room) {
  typedef element<S> E;
  for (int64_t k = a.n - 1; k >= 0;) {
    const bool two = pivot[k] < 0 && k > 0;
    const int64_t row = (pivot[k] < 0 ? -pivot[k] : pivot[k]) - 1;
    const tc_c128 s1 = above(a, x, k, k, hermitian, room), s0 = two ? above(a, x, k - 1, k, hermitian, room) : tc_c(0, 0);
    if (threadIdx.x == 0) {
      E::put(x, k, tc_c_sub(E::get(x, k), s1));
      if (two) E::put(x, k - 1, tc_c_sub(E::get(x, k - 1), s0));
      if (row != k) swap_two(x, row, k);
    }
    __syncthreads();
    k -= 1 + two;
  }
}

template <class S> __global__ void solve(S *factors, const int32_t *pivots, S *right, int64_t n, int64_t k, int64_t batch, bool hermitian) {
  __shared__ tc_c128 room[THREADS];
  for (int64_t e = blockIdx.x; e < batch * k; e += gridDim.x) {
    const lower<S> a = {factors + e / k * n * n, n};
    S *x = right + e * n;
    solve_down(a, pivots + e / k * n, x, hermitian);
    solve_up(a, pivots + e / k * n, x, hermitian, room);
  }
}

template <class T> int large(const tc_lapack *q, const tc_solver &s) {
  const int n = (int)q->n;
  int need = 0;
  TC_SOLVER_TRY(typed<T>::sytrf_room()(s.dense, n, (T *)q->a, n, &need));
  tc_workspace room((size_t)need * sizeof(T));
  if (!room.data) return TC_NO_MEMORY;
  for (int64_t i = 0; i < q->batch; i++)
    TC_SOLVER_TRY(typed<T>::sytrf()(s.dense, CUBLAS_FILL_MODE_LOWER, n, (T *)q->a + i * q->n * q->n, n, q->pivots + i * n, room.as<T>(), need, q->info + i));
  return TC_OK;
}

template <class T> int run(const tc_lapack *q, const tc_solver &s) {
  const int64_t blocks = tc_blocks(q->what == TC_LAPACK_LDL ? q->batch : q->batch * q->k, 1);
  if (q->what == TC_LAPACK_LDL_SOLVE)
    return tc_run(solve<T>, blocks, THREADS, 0, (T *)q->a, (const int32_t *)q->pivots, (T *)q->b, q->n, q->k, q->batch, q->left);
  if (!q->left && q->n > LARGE && q->batch < 4) return large<T>(q, s);
  tc_workspace rooms((size_t)(blocks * 2 * q->n) * sizeof(tc_c128));
  if (!rooms.data) return TC_NO_MEMORY;
  return tc_run(factor<T>, blocks, THREADS, 0, (T *)q->a, q->pivots, q->info, rooms.as<tc_c128>(), q->n, q->batch, q->left);
}
} // namespace

int tc_solver_ldl(const tc_lapack *q, tc_solver *s) {
  int status = TC_DEVICE_ERROR;
  TC_MATRICES(q->dtype, status = run<T>(q, *s););
  return status;
}
