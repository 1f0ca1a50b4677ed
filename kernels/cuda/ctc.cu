/* ctc.cu: the connectionist temporal classification loss by the forward-backward recursion, in double: a block for each sequence, a thread for
   some of its states. */
#include "block.cuh"

namespace {
using namespace tc;

__device__ inline double log_add(double a, double b) { /* log(exp(a) + exp(b)) with -inf as the zero */
  const double most = a > b ? a : b;
  return most == -(double)INFINITY ? most : most + log(exp(a - most) + exp(b - most));
}

/* The views of the kernel, and where a sequence's room begins: alpha (steps, states), beta twice (states). */
template <class S> struct batch {
  S *loss, *slope;
  const S *x;
  const int64_t *target, *input_length, *target_length, *offset;
  double *room;
  int64_t steps, count, classes, blank;
  int zero_infinity;
};
template <class S> struct sequence {
  int64_t steps, states, blank, stride, classes;
  const int64_t *label;
  const S *x;
  double *alpha, *beta;

  __device__ int64_t label_of(int64_t state) const { /* a bad label is reported elsewhere and counts as the blank */
    const int64_t c = state % 2 ? label[state / 2] - 1 : blank;
    return c >= 0 && c < classes ? c : blank;
  }
  __device__ double log_p(int64_t t, int64_t c) const { return get<double>(x[t * stride + c]); }
  /* May a path skip the blank before this state? Only between different labels. */
  __device__ bool skips(int64_t state) const { return state % 2 && state > 1 && label_of(state) != label_of(state - 2); }
};

template <class S> __device__ sequence<S> sequence_of(const batch<S> &b, int64_t i) {
  sequence<S> s;
  int64_t before = 0;           /* states of the sequences before this one */
  for (int64_t k = 0; k < i; k++) before += 2 * b.target_length[k] + 1;
  s.steps = b.input_length[i], s.states = 2 * b.target_length[i] + 1, s.blank = b.blank, s.stride = b.count * b.classes, s.classes = b.classes;
  s.label = b.target + b.offset[i], s.x = b.x + i * b.classes;
  s.alpha = b.room + before * (b.steps + 2);
  s.beta = s.alpha + b.steps * s.states;
  return s;
}

/* alpha[t][state]: the log-probability of all beginnings of paths that are in state at t. Gives that of all whole paths. */
template <class S> __device__ double forwards(const sequence<S> &s) {
  const int64_t n = s.states;
  for (int64_t t = 0; t < s.steps; t++) {
    for (int64_t i = threadIdx.x; i < n; i += blockDim.x) {
      const double *before = s.alpha + (t - 1) * n;
      double sum = t == 0 ? (i < 2 ? 0 : -(double)INFINITY) : before[i];
      if (t > 0 && i > 0) sum = log_add(sum, before[i - 1]);
      if (t > 0 && s.skips(i)) sum = log_add(sum, before[i - 2]);
      s.alpha[t * n + i] = sum + s.log_p(t, s.label_of(i));
    }
    __syncthreads();
  }
  if (s.steps == 0) return n == 1 ? 0 : -(double)INFINITY;
  const double *last = s.alpha + (s.steps - 1) * n;
  return n > 1 ? log_add(last[n - 1], last[n - 2]) : last[0];
}

/* now[state]: the log-probability of all ends of paths from state at t on, without t itself; from that of t + 1 */
template <class S> __device__ void backwards(const sequence<S> &s, int64_t t, double *now, const double *next) {
  const int64_t n = s.states;
  for (int64_t i = threadIdx.x; i < n; i += blockDim.x) {
    if (t == s.steps - 1) {
      now[i] = i >= n - 2 ? 0 : -(double)INFINITY;
      continue;
    }
    double sum = next[i] + s.log_p(t + 1, s.label_of(i));
    if (i + 1 < n) sum = log_add(sum, next[i + 1] + s.log_p(t + 1, s.label_of(i + 1)));
    if (i + 2 < n && s.skips(i + 2)) sum = log_add(sum, next[i + 2] + s.log_p(t + 1, s.label_of(i + 2)));
    now[i] = sum;
  }
}

/* The slope by log-probabilities that are normalised: p - the share of all paths that pass there. A thread for each class. */
template <class S> __device__ void slopes(const batch<S> &b, const sequence<S> &s, int64_t number, double total) {
  const int64_t n = s.states;
  for (int64_t t = s.steps - 1; t >= 0; t--) {
    double *now = s.beta + (t & 1) * n;
    backwards(s, t, now, s.beta + (~t & 1) * n);
    __syncthreads();
    for (int64_t c = threadIdx.x; c < b.classes; c += blockDim.x) {
      double share = -(double)INFINITY;
      for (int64_t i = 0; i < n; i++)
        if (s.label_of(i) == c) share = log_add(share, s.alpha[t * n + i] + now[i]);
      b.slope[t * s.stride + number * b.classes + c] = put<S>(exp(s.log_p(t, c)) - exp(share - total));
    }
    __syncthreads();
  }
}

template <class S> __global__ void losses(batch<S> b) {
  const int64_t i = blockIdx.x;
  const sequence<S> s = sequence_of(b, i);
  const double total = forwards(s);
  const bool drop = b.zero_infinity && total == -(double)INFINITY;
  if (threadIdx.x == 0) b.loss[i] = put<S>(drop ? 0.0 : -total);
  if (b.slope && !drop) slopes(b, s, i, total);
}

__global__ void check_labels(const int64_t *target, const int64_t *length, const int64_t *offset, int64_t count, int64_t classes, int64_t blank,
                             tc_fault_slot *slot, unsigned long long ticket) {
  const int64_t i = blockIdx.x;
  for (int64_t k = threadIdx.x; k < length[i]; k += blockDim.x) {
    const int64_t at = offset[i] + k, label = target[at];
    if (!(label >= 1 && label <= classes && label - 1 != blank)) tc_report(slot, ticket, at, label);
  }
}

template <class S> int run(const batch<S> &b, tc_fault *fault) {
  unsigned long long ticket;
  tc_fault_slot *slot = tc_cuda_fault_slot(&ticket);
  if (!slot) return TC_NO_MEMORY;
  TC_TRY(tc_run(check_labels, b.count, 32, 0, b.target, b.target_length, b.offset, b.count, b.classes, b.blank, slot, ticket));
  TC_TRY(tc_run(losses<S>, b.count, 128, 0, b));
  return tc_cuda_fault_check(ticket, fault);
}
} // namespace

/* loss (batch), slope (steps, batch, classes), zero before, or NULL, x as slope; targets one after the other, sequence i from
   offsets[i] on. */
extern "C" int TC_KERNEL(ctc)(const tc_view *loss, const tc_view *slope, const tc_view *x, const tc_view *targets, const tc_view *input_lengths,
                              const tc_view *target_lengths, const tc_view *offsets, int64_t blank, int zero_infinity, tc_fault *fault) {
  const int64_t steps = x->size[0], count = x->size[1], classes = x->size[2];
  if (count == 0) return TC_OK;
  tc_workspace room((size_t)((steps + 2) * (2 * targets->numel + count)) * sizeof(double));
  if (!room.data) return TC_NO_MEMORY;
  TC_FLOATS(x->dtype, {
    const batch<S> b = {(S *)loss->data, slope ? (S *)slope->data : nullptr, (const S *)x->data, (const int64_t *)targets->data, (const int64_t *)input_lengths->data,
                        (const int64_t *)target_lengths->data, (const int64_t *)offsets->data, room.as<double>(), steps, count, classes, blank, zero_infinity};
    return run(b, fault);
  });
  return TC_MISSING;
}
