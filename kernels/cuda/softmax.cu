/* softmax.cu: softmax and log_softmax over the middle of (outer, n, inner), and their gradients. A row is a block's work; short rows are a
   warp's. Rows that fit in registers are read once. */
#include "block.cuh"

namespace {
using namespace tc;

template <class T> __device__ inline T power_of_e(T x) { return exp(x); }
template <> __device__ inline float power_of_e(float x) { return __expf(x); }

/* Row i of the (outer, inner) ones: where it begins. */
__device__ inline int64_t row_start(int64_t i, const tc_rows &r) { return r.inner == 1 ? i * r.n : i / r.inner * r.n * r.inner + i % r.inner; }

/* The fold over all threads of a row: a warp (blockDim.x is 32, one row for each threadIdx.y) or a block. */
template <bool WARP, class T, class Op> __device__ inline T row_fold(T v, Op op, T *room) {
  return WARP ? warp_fold(v, op) : block_fold(v, op, room);
}

/* n <= HELD * threads elements, `inner` apart, each read once. The maximum keeps exp finite; a row of -inf gives NaN. */
template <class S, bool WARP, int HELD> __global__ void __launch_bounds__(1024) softmax_held(S *y, const S *x, tc_rows r, int as_log) {
  typedef computed_t<S> T;
  __shared__ T room[33];
  const int64_t row = WARP ? blockIdx.x * (int64_t)blockDim.y + threadIdx.y : blockIdx.x;
  if (row >= r.outer * r.inner) return;
  const int64_t at = row_start(row, r);
  T v[HELD], most = -(T)INFINITY, sum = 0;
#pragma unroll
  for (int k = 0; k < HELD; k++) {
    const int64_t j = threadIdx.x + (int64_t)k * blockDim.x;
    v[k] = j < r.n ? get<T>(x[at + j * r.inner]) : -(T)INFINITY;
    most = v[k] > most ? v[k] : most;
  }
  most = row_fold<WARP>(most, larger(), room);
#pragma unroll
  for (int k = 0; k < HELD; k++) {
    const int64_t j = threadIdx.x + (int64_t)k * blockDim.x;
    const T e = j < r.n ? power_of_e(v[k] - most) : T(0);
    sum += e;
    if (!as_log) v[k] = e;
  }
  sum = row_fold<WARP>(sum, plus(), room);
  const T end = as_log ? log(sum) : 1 / sum;
#pragma unroll
  for (int k = 0; k < HELD; k++) {
    const int64_t j = threadIdx.x + (int64_t)k * blockDim.x;
    if (j < r.n) y[at + j * r.inner] = put<S>(as_log ? v[k] - most - end : v[k] * end);
  }
}

/* Rows of any length: three passes, the sums in double. */
template <class S> __global__ void __launch_bounds__(1024) softmax_long(S *y, const S *x, tc_rows r, int as_log) {
  typedef computed_t<S> T;
  __shared__ T room[33];
  __shared__ double wide_room[33];
  const int64_t at = row_start(blockIdx.x, r);
  T most = -(T)INFINITY;
  double sum = 0;
  for (int64_t j = threadIdx.x; j < r.n; j += blockDim.x) {
    const T v = get<T>(x[at + j * r.inner]);
    most = v > most ? v : most;
  }
  most = block_fold(most, larger(), room);
  for (int64_t j = threadIdx.x; j < r.n; j += blockDim.x) sum += power_of_e(get<T>(x[at + j * r.inner]) - most);
  sum = block_fold(sum, plus(), wide_room);
  const T shift = (T)log(sum), scale = (T)(1 / sum);
  for (int64_t j = threadIdx.x; j < r.n; j += blockDim.x) {
    const T v = get<T>(x[at + j * r.inner]) - most;
    y[at + j * r.inner] = put<S>(as_log ? v - shift : power_of_e(v) * scale);
  }
}

/* Rows side by side, `inner` apart: a thread for each, so that neighbours read neighbours. */
template <class S> __global__ void softmax_columns(S *y, const S *x, tc_rows r, int as_log) {
  typedef computed_t<S> T;
  TC_EACH(row, r.outer * r.inner) {
    const int64_t at = row_start(row, r);
    T most = -(T)INFINITY;
    double sum = 0;
    for (int64_t j = 0; j < r.n; j++) {
      const T v = get<T>(x[at + j * r.inner]);
      most = v > most ? v : most;
    }
    for (int64_t j = 0; j < r.n; j++) sum += power_of_e(get<T>(x[at + j * r.inner]) - most);
    const T shift = (T)log(sum), scale = (T)(1 / sum);
    for (int64_t j = 0; j < r.n; j++) {
      const T v = get<T>(x[at + j * r.inner]) - most;
      y[at + j * r.inner] = put<S>(as_log ? v - shift : power_of_e(v) * scale);
    }
  }
}

/* dx = y (g - sum(g y)) of softmax, g - exp(y) sum(g) of log_softmax; where no gradient comes none passes, though y be NaN, as in a row of -inf */
template <class T> __device__ inline T share(T up, T y, int as_log) { return as_log || up == 0 ? up : up * y; }
template <class T> __device__ inline T slope(T up, T y, T sum, int as_log) {
  if (as_log) return sum == 0 ? up : up - power_of_e(y) * sum;
  return up == sum ? T(0) : y * (up - sum);
}
template <class S, bool WARP, int HELD> __global__ void __launch_bounds__(1024) backward_held(S *dx, const S *g, const S *y, tc_rows r, int as_log) {
  typedef computed_t<S> T;
  __shared__ T room[33];
  const int64_t row = WARP ? blockIdx.x * (int64_t)blockDim.y + threadIdx.y : blockIdx.x;
  if (row >= r.outer * r.inner) return;
  const int64_t at = row_start(row, r);
  T up[HELD], v[HELD], sum = 0;
#pragma unroll
  for (int k = 0; k < HELD; k++) {
    const int64_t j = threadIdx.x + (int64_t)k * blockDim.x;
    up[k] = j < r.n ? get<T>(g[at + j * r.inner]) : T(0);
    v[k] = j < r.n ? get<T>(y[at + j * r.inner]) : T(0);
    sum += share(up[k], v[k], as_log);
  }
  sum = row_fold<WARP>(sum, plus(), room);
#pragma unroll
  for (int k = 0; k < HELD; k++) {
    const int64_t j = threadIdx.x + (int64_t)k * blockDim.x;
    if (j < r.n) dx[at + j * r.inner] = put<S>(slope(up[k], v[k], sum, as_log));
  }
}
template <class S> __global__ void __launch_bounds__(1024) backward_long(S *dx, const S *g, const S *y, tc_rows r, int as_log) {
  typedef computed_t<S> T;
  __shared__ double room[33];
  const int64_t at = row_start(blockIdx.x, r);
  double total = 0;
  for (int64_t j = threadIdx.x; j < r.n; j += blockDim.x) {
    const T up = get<T>(g[at + j * r.inner]);
    total += share(up, get<T>(y[at + j * r.inner]), as_log);
  }
  const T sum = (T)block_fold(total, plus(), room);
  for (int64_t j = threadIdx.x; j < r.n; j += blockDim.x) {
    const T up = get<T>(g[at + j * r.inner]), v = get<T>(y[at + j * r.inner]);
    dx[at + j * r.inner] = put<S>(slope(up, v, sum, as_log));
  }
}
template <class S> __global__ void backward_columns(S *dx, const S *g, const S *y, tc_rows r, int as_log) {
  typedef computed_t<S> T;
  TC_EACH(row, r.outer * r.inner) {
    const int64_t at = row_start(row, r);
    double total = 0;
    for (int64_t j = 0; j < r.n; j++) {
      const T up = get<T>(g[at + j * r.inner]);
      total += share(up, get<T>(y[at + j * r.inner]), as_log);
    }
    const T sum = (T)total;
    for (int64_t j = 0; j < r.n; j++) {
      const T up = get<T>(g[at + j * r.inner]), v = get<T>(y[at + j * r.inner]);
      dx[at + j * r.inner] = put<S>(slope(up, v, sum, as_log));
    }
  }
}

/* Which kernel: rows side by side in numbers that fill the device go to columns; short rows to warps; rows of up to 8192 are held. */
bool by_columns(const tc_rows *r) { return r->inner >= 32 || (r->inner > 1 && r->n <= 32); }

template <class S> int forward(const tc_view *y, const tc_view *x, const tc_rows *r, int as_log) {
  const int64_t rows = r->outer * r->inner, warps = (rows + 7) / 8;
  S *to = (S *)y->data;
  const S *from = (const S *)x->data;
  if (by_columns(r)) return tc_run(softmax_columns<S>, tc_blocks(rows, 128, 64), 128, 0, to, from, *r, as_log);
  if (r->n <= 128) return tc_launch(softmax_held<S, true, 4>, dim3((unsigned)warps), dim3(32, 8), 0, tc_cuda_stream(), to, from, *r, as_log);
  if (r->n <= 1024) return tc_run(softmax_held<S, false, 4>, rows, 256, 0, to, from, *r, as_log);
  if (r->n <= 8192) return tc_run(softmax_held<S, false, 8>, rows, 1024, 0, to, from, *r, as_log);
  return tc_run(softmax_long<S>, rows, 1024, 0, to, from, *r, as_log);
}
template <class S> int backward(const tc_view *dx, const tc_view *g, const tc_view *y, const tc_rows *r, int as_log) {
  const int64_t rows = r->outer * r->inner, warps = (rows + 7) / 8;
  S *to = (S *)dx->data;
  const S *up = (const S *)g->data, *from = (const S *)y->data;
  if (by_columns(r)) return tc_run(backward_columns<S>, tc_blocks(rows, 128, 64), 128, 0, to, up, from, *r, as_log);
  if (r->n <= 128) return tc_launch(backward_held<S, true, 4>, dim3((unsigned)warps), dim3(32, 8), 0, tc_cuda_stream(), to, up, from, *r, as_log);
  if (r->n <= 1024) return tc_run(backward_held<S, false, 4>, rows, 256, 0, to, up, from, *r, as_log);
  if (r->n <= 8192) return tc_run(backward_held<S, false, 8>, rows, 1024, 0, to, up, from, *r, as_log);
  return tc_run(backward_long<S>, rows, 1024, 0, to, up, from, *r, as_log);
}
} // namespace

extern "C" int TC_KERNEL(softmax)(const tc_view *y, const tc_view *x, const tc_rows *r, int as_log) {
  if (x->numel == 0) return TC_OK;
  TC_FLOATS(x->dtype, { return forward<S>(y, x, r, as_log); });
  return TC_MISSING;
}

extern "C" int TC_KERNEL(softmax_backward)(const tc_view *dx, const tc_view *g, const tc_view *y, const tc_rows *r, int as_log) {
  if (y->numel == 0) return TC_OK;
  TC_FLOATS(y->dtype, { return backward<S>(dx, g, y, r, as_log); });
  return TC_MISSING;
}
