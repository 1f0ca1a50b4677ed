/* pair_loss.cu: losses of two equal shapes, element by element or reduced, and their gradients by the first. */
#include "block.cuh"

namespace {
using namespace tc;

template <class T> __device__ T size_of(T v) { return v < 0 ? -v : v; }
template <class T> __device__ T sign_of(T v) { return v != v ? v : (T)((v > 0) - (v < 0)); }
template <class T> __device__ T log_100(T v) { return v < -100 ? (T)-100 : v; }
template <class T> __device__ T at_least(T v) { return v < (T)1e-12 ? (T)1e-12 : v; }

/* x is the input, y the target, d their difference, q the loss's own number (beta or delta) */
template <class T> __device__ T value(int kind, T x, T y, T q) {
  const T d = x - y;
  switch (kind) {
    case TC_PAIR_MSE: return d * d;
    case TC_PAIR_L1: return size_of(d);
    case TC_PAIR_SMOOTH_L1: return size_of(d) < q ? d * d / q / 2 : size_of(d) - q / 2;
    case TC_PAIR_HUBER: return size_of(d) <= q ? d * d / 2 : q * (size_of(d) - q / 2);
    case TC_PAIR_BCE: return -y * log_100(log(x)) - (1 - y) * log_100(log1p(-x));
    case TC_PAIR_BCE_LOGITS: return (x > 0 ? x : T(0)) - x * y + log1p(exp(-size_of(x)));
    case TC_PAIR_KL: return (y > 0 ? y * log(y) : y == 0 ? T(0) : (T)NAN) - y * x;
    default: return exp(y) * (y - x);
  }
}
template <class T> __device__ T derivative(int kind, T x, T y, T q) {
  const T d = x - y;
  switch (kind) {
    case TC_PAIR_MSE: return 2 * d;
    case TC_PAIR_L1: return sign_of(d);
    case TC_PAIR_SMOOTH_L1: return size_of(d) < q ? d / q : sign_of(d);
    case TC_PAIR_HUBER: return d > q ? q : d < -q ? -q : d;
    case TC_PAIR_BCE: return d / at_least(x * (1 - x));
    case TC_PAIR_BCE_LOGITS: return 1 / (1 + exp(-x)) - y;
    case TC_PAIR_KL: return -y;
    default: return -exp(y);
  }
}

template <class S> __global__ void values(int kind, S *out, const S *a, const S *b, int64_t n, double p) {
  typedef computed_t<S> T;
  TC_EACH(i, n) out[i] = put<S>(value<T>(kind, get<T>(a[i]), get<T>(b[i]), (T)p));
}

/* The sum in two steps: SHARE elements a block whatever the device, then one block over the parts. */
enum { THREADS = 256, SHARE = 16384 };
template <class S> __global__ void part_sums(int kind, double *parts, const S *a, const S *b, int64_t n, double p) {
  typedef computed_t<S> T;
  __shared__ double room[33];
  double sum = 0;
  const int64_t first = (int64_t)blockIdx.x * SHARE, last = first + SHARE < n ? first + SHARE : n;
  for (int64_t i = first + threadIdx.x; i < last; i += THREADS) sum += value<T>(kind, get<T>(a[i]), get<T>(b[i]), (T)p);
  sum = block_fold(sum, plus(), room);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}
template <class S> __global__ void whole_sum(S *out, const double *parts, int64_t n, double scale) {
  __shared__ double room[33];
  double sum = 0;
  for (int64_t i = threadIdx.x; i < n; i += THREADS) sum += parts[i];
  sum = block_fold(sum, plus(), room);
  if (threadIdx.x == 0) *out = put<S>(sum * scale);
}

template <class S> __global__ void slopes(int kind, S *out, const S *g, int single, const S *a, const S *b, int64_t n, double p, double scale) {
  typedef computed_t<S> T;
  TC_EACH(i, n) {
    const T up = (T)(get<T>(g[single ? 0 : i]) * scale);
    out[i] = put<S>(up == 0 ? T(0) : up * derivative<T>(kind, get<T>(a[i]), get<T>(b[i]), (T)p));
  }
}

template <class S> __global__ void find_improbable(const S *a, int64_t n, tc_fault_slot *slot, unsigned long long ticket) {
  TC_EACH(i, n) {
    const double v = get<double>(a[i]);
    if (!(v >= 0 && v <= 1)) tc_report(slot, ticket, i, 0);
  }
}

template <class S> int probabilities(const tc_view *a) {
  unsigned long long ticket;
  tc_fault fault;
  tc_fault_slot *slot = tc_cuda_fault_slot(&ticket);
  if (!slot) return TC_NO_MEMORY;
  TC_TRY(tc_run(find_improbable<S>, tc_blocks(a->numel, 256), 256, 0, (const S *)a->data, a->numel, slot, ticket));
  return tc_cuda_fault_check(ticket, &fault);
}

template <class S> int forward(int kind, const tc_view *out, const tc_view *a, const tc_view *b, int reduce, double p, double scale) {
  const int64_t n = a->numel, blocks = (n + SHARE - 1) / SHARE;
  const S *x = (const S *)a->data, *y = (const S *)b->data;
  if (kind == TC_PAIR_BCE && n) TC_TRY(probabilities<S>(a));
  if (!reduce) return n ? tc_run(values<S>, tc_blocks(n, THREADS, 64), THREADS, 0, kind, (S *)out->data, x, y, n, p) : TC_OK;
  tc_workspace parts((size_t)blocks * sizeof(double));
  if (!parts.data) return TC_NO_MEMORY;
  if (n) TC_TRY(tc_run(part_sums<S>, blocks, THREADS, 0, kind, parts.as<double>(), x, y, n, p));
  return tc_run(whole_sum<S>, 1, THREADS, 0, (S *)out->data, (const double *)parts.data, blocks, scale);
}
} // namespace

extern "C" int TC_KERNEL(pair_loss)(int kind, const tc_view *out, const tc_view *a, const tc_view *b, int reduce, double p, double scale) {
  TC_FLOATS(a->dtype, { return forward<S>(kind, out, a, b, reduce, p, scale); });
  return TC_MISSING;
}

extern "C" int TC_KERNEL(pair_loss_backward)(int kind, const tc_view *dx, const tc_view *g, const tc_view *a, const tc_view *b, int reduce, double p, double scale) {
  if (a->numel == 0) return TC_OK;
  TC_FLOATS(a->dtype, {
    return tc_run(slopes<S>, tc_blocks(a->numel, THREADS, 64), THREADS, 0, kind, (S *)dx->data, (const S *)g->data, reduce, (const S *)a->data,
                  (const S *)b->data, a->numel, p, scale);
  });
  return TC_MISSING;
}
