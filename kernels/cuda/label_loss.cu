/* label_loss.cu: cross_entropy on logits and nll_loss on log-probabilities (outer, n, inner) with labels (outer, inner), and their gradients.
   The log-softmax is never stored: a row keeps its maximum and the logarithm of its sum. */
#include "block.cuh"

namespace {
using namespace tc;

/* Everything a row needs; W is the type of statistics, weights and losses. */
template <class S> struct problem {
  typedef computed_t<S> T;
  const S *x;
  const T *weight;              /* by class, or NULL */
  T *most, *shift;              /* of logits: by row, else NULL */
  T *each;
  const int64_t *label;
  int64_t outer, n, inner, ignore;
  double smoothing;
  tc_fault_slot *slot;
  unsigned long long ticket;

  __device__ int64_t start(int64_t row) const { return row / inner * n * inner + row % inner; }
  __device__ bool counts(int64_t row) const { return label[row] != ignore && label[row] >= 1 && label[row] <= n; }
};

/* The loss of a row whose statistics are known, by one thread; `spread` is the sum of w logp where there is smoothing. */
template <class S> __device__ void loss_of(const problem<S> &p, int64_t row, computed_t<S> most, computed_t<S> shift, double spread) {
  typedef computed_t<S> T;
  const int64_t t = p.label[row];
  if (t != p.ignore && (t < 1 || t > p.n)) tc_report(p.slot, p.ticket, row, t);
  if (!p.counts(row)) {
    p.each[row] = 0;
    return;
  }
  T loss = -(get<T>(p.x[p.start(row) + (t - 1) * p.inner]) - most - shift) * (p.weight ? p.weight[t - 1] : T(1));
  if (p.smoothing != 0) loss = (T)((1 - p.smoothing) * loss - p.smoothing / (double)p.n * spread);
  p.each[row] = loss;
}

/* A block for each row: logits in two passes, the second from the cache. */
template <class S, bool LOGITS> __global__ void __launch_bounds__(1024) rows_loss(problem<S> p) {
  typedef computed_t<S> T;
  __shared__ T room[33];
  __shared__ double wide_room[33];
  const int64_t row = blockIdx.x, at = p.start(row);
  T most = 0, shift = 0;
  double sum = 0;
  if (LOGITS) {
    most = -(T)INFINITY;
    for (int64_t j = threadIdx.x; j < p.n; j += blockDim.x) {
      const T v = get<T>(p.x[at + j * p.inner]);
      most = v > most ? v : most;
    }
    most = block_fold(most, larger(), room);
    for (int64_t j = threadIdx.x; j < p.n; j += blockDim.x) sum += exp(get<T>(p.x[at + j * p.inner]) - most);
    shift = (T)log(block_fold(sum, plus(), wide_room));
    if (threadIdx.x == 0) p.most[row] = most, p.shift[row] = shift;
  }
  double spread = 0;
  if (p.smoothing != 0) {
    for (int64_t j = threadIdx.x; j < p.n; j += blockDim.x)
      spread += (get<T>(p.x[at + j * p.inner]) - most - shift) * (p.weight ? p.weight[j] : T(1));
    spread = block_fold(spread, plus(), wide_room);
  }
  if (threadIdx.x == 0) loss_of(p, row, most, shift, spread);
}

/* A thread for each row: few classes, or rows side by side. */
template <class S, bool LOGITS> __global__ void thread_loss(problem<S> p) {
  typedef computed_t<S> T;
  TC_EACH(row, p.outer * p.inner) {
    const int64_t at = p.start(row);
    T most = 0, shift = 0;
    double spread = 0;
    if (LOGITS) {
      double sum = 0;
      most = -(T)INFINITY;
      for (int64_t j = 0; j < p.n; j++) {
        const T v = get<T>(p.x[at + j * p.inner]);
        most = v > most ? v : most;
      }
      for (int64_t j = 0; j < p.n; j++) sum += exp(get<T>(p.x[at + j * p.inner]) - most);
      p.most[row] = most, p.shift[row] = shift = (T)log(sum);
    }
    if (p.smoothing != 0)
      for (int64_t j = 0; j < p.n; j++) spread += (get<T>(p.x[at + j * p.inner]) - most - shift) * (p.weight ? p.weight[j] : T(1));
    loss_of(p, row, most, shift, spread);
  }
}

/* total <- what a mean divides by; result <- the reduced loss: one block, a fixed order. */
template <class S> __global__ void __launch_bounds__(1024) reduce_losses(problem<S> p, computed_t<S> *total, computed_t<S> *result, int mean) {
  typedef computed_t<S> T;
  __shared__ double room[33];
  double sum = 0, count = 0;
  for (int64_t i = threadIdx.x; i < p.outer * p.inner; i += blockDim.x) {
    sum += p.each[i];
    if (p.counts(i)) count += p.weight ? p.weight[p.label[i] - 1] : T(1);
  }
  sum = block_fold(sum, plus(), room);
  count = block_fold(count, plus(), room);
  if (threadIdx.x) return;
  *total = (T)count;
  if (result) *result = (T)(mean ? sum / count : sum);
}

bool by_threads(const tc_rows *r) { return r->inner >= 32 || r->n <= 32; }

template <class S> problem<S> problem_of(const tc_view *x, const tc_view *stats, const tc_view *each, const tc_view *target, const tc_view *weight,
                                         const tc_label_loss *p) {
  typedef computed_t<S> T;
  problem<S> q = {};
  q.x = x ? (const S *)x->data : nullptr;
  q.weight = weight ? (const T *)weight->data : nullptr;
  q.most = stats && p->logits ? (T *)stats->data : nullptr;
  q.shift = q.most ? q.most + p->rows.outer * p->rows.inner : nullptr;
  q.each = each ? (T *)each->data : nullptr;
  q.label = (const int64_t *)target->data;
  q.outer = p->rows.outer, q.n = p->rows.n, q.inner = p->rows.inner;
  q.ignore = p->ignore, q.smoothing = p->smoothing;
  return q;
}

template <class S, bool LOGITS> int run_losses(const problem<S> &q, const tc_rows *r) {
  const int64_t rows = r->outer * r->inner;
  if (rows == 0) return TC_OK;
  if (by_threads(r)) return tc_run(thread_loss<S, LOGITS>, tc_blocks(rows, 128, 64), 128, 0, q);
  return tc_run(rows_loss<S, LOGITS>, rows, row_threads(r->n, 8), 0, q);
}

template <class S> int forward(const tc_view *result, const tc_view *each, const tc_view *stats, const tc_view *total, const tc_view *x,
                               const tc_view *target, const tc_view *weight, const tc_label_loss *p, tc_fault *fault) {
  typedef computed_t<S> T;
  problem<S> q = problem_of<S>(x, stats, each, target, weight, p);
  q.slot = tc_cuda_fault_slot(&q.ticket);
  if (!q.slot) return TC_NO_MEMORY;
  TC_TRY((p->logits ? run_losses<S, true>(q, &p->rows) : run_losses<S, false>(q, &p->rows)));
  TC_TRY(tc_run(reduce_losses<S>, 1, row_threads(target->numel), 0, q, (T *)total->data, result ? (T *)result->data : (T *)nullptr,
                (int)(p->reduction == TC_LOSS_MEAN)));
  return tc_cuda_fault_check(q.ticket, fault);
}

/* ---- gradients: dx[c] = soft * exp(x[c] - most - shift) - even * w[c] - hit * [c is the label] ---- */
template <class T> struct slope { T soft, even, hit, most, shift; int64_t label; };

template <class S> __device__ slope<computed_t<S>> slope_of(const problem<S> &p, const computed_t<S> *g, int single, const computed_t<S> *total,
                                                            const double *weights, int64_t row) {
  typedef computed_t<S> T;
  slope<T> s = {0, 0, 0, 0, 0, -1};
  if (!p.counts(row)) return s;
  double up = g[single ? 0 : row];
  if (up == 0) return s;
  s.label = p.label[row] - 1;
  if (total) up /= *total;
  const double hit = up * (1 - p.smoothing) * (p.weight ? p.weight[s.label] : T(1)), even = up * p.smoothing / (double)p.n;
  s.hit = (T)hit, s.even = (T)even;
  if (!p.most) return s;
  s.soft = (T)(hit + even * *weights);
  s.most = p.most[row], s.shift = p.shift[row];
  return s;
}
template <class S> __device__ inline void slope_at(const problem<S> &p, S *dx, const slope<computed_t<S>> &s, int64_t at, int64_t j) {
  typedef computed_t<S> T;
  T v = 0;
  if (s.label >= 0 && p.most) v = s.soft * exp(get<T>(p.x[at + j * p.inner]) - s.most - s.shift);
  if (s.even != 0) v -= s.even * (p.weight ? p.weight[j] : T(1));
  if (j == s.label) v -= s.hit;
  dx[at + j * p.inner] = put<S>(v);
}

template <class S> __global__ void __launch_bounds__(1024) rows_backward(problem<S> p, S *dx, const computed_t<S> *g, int single, const computed_t<S> *total, const double *weights) {
  const int64_t row = blockIdx.x, at = p.start(row);
  const slope<computed_t<S>> s = slope_of(p, g, single, total, weights, row);
  for (int64_t j = threadIdx.x; j < p.n; j += blockDim.x) slope_at(p, dx, s, at, j);
}
template <class S> __global__ void threads_backward(problem<S> p, S *dx, const computed_t<S> *g, int single, const computed_t<S> *total, const double *weights) {
  TC_EACH(row, p.outer * p.inner) {
    const int64_t at = p.start(row);
    const slope<computed_t<S>> s = slope_of(p, g, single, total, weights, row);
    for (int64_t j = 0; j < p.n; j++) slope_at(p, dx, s, at, j);
  }
}
template <class S> __global__ void sum_weights(problem<S> p, double *to) {
  __shared__ double room[33];
  double sum = 0;
  for (int64_t j = threadIdx.x; j < p.n; j += blockDim.x) sum += p.weight ? p.weight[j] : computed_t<S>(1);
  sum = block_fold(sum, plus(), room);
  if (threadIdx.x == 0) *to = sum;
}

template <class S> int backward(const tc_view *dx, const tc_view *g, const tc_view *x, const tc_view *stats, const tc_view *total,
                                const tc_view *target, const tc_view *weight, const tc_label_loss *p) {
  typedef computed_t<S> T;
  const problem<S> q = problem_of<S>(x, stats, nullptr, target, weight, p);
  const int64_t rows = p->rows.outer * p->rows.inner;
  const T *divisor = p->reduction == TC_LOSS_MEAN ? (const T *)total->data : nullptr;
  tc_workspace weights(sizeof(double));
  if (!weights.data) return TC_NO_MEMORY;
  TC_TRY(tc_run(sum_weights<S>, 1, 256, 0, q, weights.as<double>()));
  if (by_threads(&p->rows))
    return tc_run(threads_backward<S>, tc_blocks(rows, 128, 64), 128, 0, q, (S *)dx->data, (const T *)g->data, (int)(g->numel == 1), divisor,
                  (const double *)weights.data);
  return tc_run(rows_backward<S>, rows, row_threads(p->rows.n, 8), 0, q, (S *)dx->data, (const T *)g->data, (int)(g->numel == 1), divisor,
                (const double *)weights.data);
}
} // namespace

/* x may be of a half type; losses, statistics and weights are then float32. */
extern "C" int TC_KERNEL(label_loss)(const tc_view *result, const tc_view *each, const tc_view *stats, const tc_view *total, const tc_view *x,
                                     const tc_view *target, const tc_view *weight, const tc_label_loss *p, tc_fault *fault) {
  TC_FLOATS(x->dtype, { return forward<S>(result, each, stats, total, x, target, weight, p, fault); });
  return TC_MISSING;
}

extern "C" int TC_KERNEL(label_loss_backward)(const tc_view *dx, const tc_view *g, const tc_view *x, const tc_view *stats, const tc_view *total,
                                              const tc_view *target, const tc_view *weight, const tc_label_loss *p) {
  if (dx->numel == 0) return TC_OK;
  TC_FLOATS(dx->dtype, { return backward<S>(dx, g, x, stats, total, target, weight, p); });
  return TC_MISSING;
}
