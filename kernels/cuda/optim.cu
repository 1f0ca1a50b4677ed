/* optim.cu: the update rules of the optimizers over all parameters in one launch; the formulas are those of kernels/cpu/optim.c. The half
   types compute in float. */
#include "element.cuh"

namespace {
using namespace tc;

/* One element: p the parameter, s0 .. s2 its states, g the gradient with sign and decay applied, q the piece's numbers. */
template <class T> struct cell { T p, g, s[TC_OPTIM_STATES]; };
template <class T> struct rule {
  T sign, decay, shrink, k[TC_OPTIM_NUMBERS];
  bool has[TC_OPTIM_STATES];

  __device__ void sgd(cell<T> &c) const {
    const T lr = k[0], momentum = k[1], fresh = k[2];
    if (!has[0]) c.p -= lr * c.g;
    else {
      c.s[0] = momentum * c.s[0] + fresh * c.g;
      c.p -= k[3] == 0 ? lr * c.s[0] : lr * (c.g + momentum * c.s[0]);
    }
  }
  __device__ void adam(cell<T> &c) const {
    const T step = k[0], w1 = k[1], b2 = k[2], w2 = k[5], root = k[6], eps = k[4];
    const T m = c.s[0] + w1 * (c.g - c.s[0]), v = b2 * c.s[1] + w2 * c.g * c.g;
    T most = v;
    c.s[0] = m, c.s[1] = v;
    if (has[2]) c.s[2] = most = v > c.s[2] || v != v ? v : c.s[2];
    c.p = c.p * shrink - step * m / (sqrt(most) * root + eps);
  }
  __device__ void rmsprop(cell<T> &c) const {
    const T lr = k[0], alpha = k[1], rest = k[5], eps = k[2], momentum = k[3], v = c.s[0] = alpha * c.s[0] + rest * c.g * c.g;
    T spread = v;
    if (has[1]) {
      c.s[1] += rest * (c.g - c.s[1]);
      spread = v - c.s[1] * c.s[1];
    }
    T move = c.g / (sqrt(spread) + eps);
    if (has[2]) move = c.s[2] = momentum * c.s[2] + move;
    c.p -= lr * move;
  }
  __device__ void adagrad(cell<T> &c) const {
    c.s[0] += c.g * c.g;
    c.p -= k[0] * c.g / (sqrt(c.s[0]) + k[1]);
  }
  __device__ void adadelta(cell<T> &c) const {
    const T lr = k[0], rho = k[1], rest = k[5], eps = k[2];
    c.s[0] = rho * c.s[0] + rest * c.g * c.g;
    const T move = sqrt(c.s[1] + eps) / sqrt(c.s[0] + eps) * c.g;
    c.s[1] = rho * c.s[1] + rest * move * move;
    c.p -= lr * move;
  }
  __device__ void adamax(cell<T> &c) const {
    const T size = (c.g < 0 ? -c.g : c.g) + k[3], old = k[2] * c.s[1];
    c.s[0] += k[1] * (c.g - c.s[0]);
    c.s[1] = size > old || size != size ? size : old;
    c.p -= k[0] * c.s[0] / c.s[1];
  }
  __device__ void nadam(cell<T> &c) const {
    c.s[0] += k[0] * (c.g - c.s[0]);
    c.s[1] = k[1] * c.s[1] + k[6] * c.g * c.g;
    c.p = c.p * shrink - (k[4] * c.g + k[5] * c.s[0]) / (sqrt(c.s[1] / k[2]) + k[3]);
  }
  __device__ void radam(cell<T> &c) const {
    c.s[0] += k[1] * (c.g - c.s[0]);
    c.s[1] = k[2] * c.s[1] + k[5] * c.g * c.g;
    c.p = c.p * shrink - k[0] * c.s[0] * (k[4] != 0 ? k[4] / (sqrt(c.s[1]) + k[3]) : T(1));
  }
  __device__ void asgd(cell<T> &c) const {
    const T x = c.p * k[1] - k[0] * c.g;
    c.s[0] = k[2] == 1 ? x : c.s[0] + (x - c.s[0]) * k[2];
    c.p = x;
  }
  __device__ void rprop(cell<T> &c) const { /* where the gradient changed its sign the step shrinks and the parameter waits */
    const T turn = c.g * c.s[0], step = c.s[1] * (turn > 0 ? k[1] : turn < 0 ? k[0] : T(1));
    c.s[1] = step < k[2] ? k[2] : step > k[3] ? k[3] : step;
    c.s[0] = turn < 0 ? T(0) : c.g;
    c.p -= c.s[0] > 0 ? c.s[1] : c.s[0] < 0 ? -c.s[1] : T(0);
  }
  __device__ void lion(cell<T> &c) const {
    const T m = k[1] * c.s[0] + k[5] * c.g;
    c.p = c.p * shrink - (m > 0 ? k[0] : m < 0 ? -k[0] : k[0] * m);
    c.s[0] = k[2] * c.s[0] + k[6] * c.g;
  }
  template <int RULE> __device__ void step(cell<T> &c) const {
    if (RULE == TC_OPTIM_SGD) sgd(c);
    else if (RULE == TC_OPTIM_ADAM) adam(c);
    else if (RULE == TC_OPTIM_RMSPROP) rmsprop(c);
    else if (RULE == TC_OPTIM_ADAGRAD) adagrad(c);
    else if (RULE == TC_OPTIM_ADADELTA) adadelta(c);
    else if (RULE == TC_OPTIM_ADAMAX) adamax(c);
    else if (RULE == TC_OPTIM_NADAM) nadam(c);
    else if (RULE == TC_OPTIM_RADAM) radam(c);
    else if (RULE == TC_OPTIM_ASGD) asgd(c);
    else if (RULE == TC_OPTIM_LION) lion(c);
    else rprop(c);
  }
};

/* 1 - beta is taken in double, as on the CPU, and kept in numbers that the rule leaves free. */
template <class T> __device__ rule<T> rule_of(int which, const tc_optim_piece &q) {
  rule<T> r;
  r.sign = (T)q.sign, r.decay = (T)q.decay, r.shrink = (T)q.shrink;
  for (int i = 0; i < TC_OPTIM_NUMBERS; i++) r.k[i] = (T)q.k[i];
  for (int i = 0; i < TC_OPTIM_STATES; i++) r.has[i] = q.state[i] != nullptr;
  if (which == TC_OPTIM_ADAM) r.k[5] = (T)(1 - q.k[2]), r.k[6] = (T)(1 / q.k[3]);
  if (which == TC_OPTIM_RMSPROP || which == TC_OPTIM_ADADELTA) r.k[5] = (T)(1 - q.k[1]);
  if (which == TC_OPTIM_NADAM) r.k[6] = (T)(1 - q.k[1]);
  if (which == TC_OPTIM_RADAM) r.k[5] = (T)(1 - q.k[2]);
  if (which == TC_OPTIM_LION) r.k[5] = (T)(1 - q.k[1]), r.k[6] = (T)(1 - q.k[2]);
  return r;
}

/* A block updates EACH elements of one piece. */
enum { THREADS = 256, EACH = 4096 };
template <int RULE, class S, int N> __device__ void update(const tc_optim_piece &q, int64_t from, int64_t to) {
  typedef computed_t<S> T;
  const rule<T> r = rule_of<T>(RULE, q);
  for (int64_t i = from + threadIdx.x * N; i < to; i += THREADS * N) {
    pack<S, N> p = *(const pack<S, N> *)((S *)q.param + i), s[TC_OPTIM_STATES];
    const pack<S, N> g = *(const pack<S, N> *)((const S *)q.grad + i);
#pragma unroll
    for (int k = 0; k < TC_OPTIM_STATES; k++)
      if (r.has[k]) s[k] = *(const pack<S, N> *)((S *)q.state[k] + i);
#pragma unroll
    for (int j = 0; j < N; j++) {
      cell<T> c;
      c.p = get<T>(p.v[j]);
      c.g = r.sign * get<T>(g.v[j]);
      if (r.decay != 0) c.g += r.decay * c.p;
#pragma unroll
      for (int k = 0; k < TC_OPTIM_STATES; k++) c.s[k] = r.has[k] ? get<T>(s[k].v[j]) : T(0);
      r.template step<RULE>(c);
      p.v[j] = put<S>(c.p);
#pragma unroll
      for (int k = 0; k < TC_OPTIM_STATES; k++) s[k].v[j] = put<S>(c.s[k]);
    }
    *(pack<S, N> *)((S *)q.param + i) = p;
#pragma unroll
    for (int k = 0; k < TC_OPTIM_STATES; k++)
      if (r.has[k]) *(pack<S, N> *)((S *)q.state[k] + i) = s[k];
  }
}
__device__ inline bool whole_packs(const tc_optim_piece &q) {
  uintptr_t bits = (uintptr_t)q.param | (uintptr_t)q.grad;
  for (int k = 0; k < TC_OPTIM_STATES; k++) bits |= (uintptr_t)q.state[k];
  return (bits & 15) == 0 && q.numel % 4 == 0;
}
template <int RULE> __global__ void update_all(const tc_optim_piece *pieces, int count) {
  int lo = 0, hi = count - 1;
  while (lo < hi) { /* the last piece that begins at or before this block */
    const int middle = (lo + hi + 1) / 2;
    if (pieces[middle].block <= (int64_t)blockIdx.x) lo = middle;
    else hi = middle - 1;
  }
  const tc_optim_piece &q = pieces[lo];
  const int64_t from = ((int64_t)blockIdx.x - q.block) * EACH, to = from + EACH < q.numel ? from + EACH : q.numel;
  const bool packs = whole_packs(q);
  if (q.dtype == TC_FLOAT64) update<RULE, double, 1>(q, from, to);
  else if (q.dtype == TC_FLOAT16) update<RULE, half_t, 1>(q, from, to);
  else if (q.dtype == TC_BFLOAT16) update<RULE, bfloat_t, 1>(q, from, to);
  else if (packs) update<RULE, float, 4>(q, from, to);
  else update<RULE, float, 1>(q, from, to);
}
} // namespace

extern "C" int TC_KERNEL(optim)(int rule, tc_optim_piece *pieces, int count, void *table) {
  int64_t blocks = 0;
  int n = 0;
  for (int i = 0; i < count; i++) { /* without the empty ones */
    if (pieces[i].numel == 0) continue;
    if (n < i) pieces[n] = pieces[i];
    pieces[n++].block = blocks;
    blocks += (pieces[i].numel + EACH - 1) / EACH;
  }
  if (blocks == 0) return TC_OK;
  tc_workspace room(table ? 0 : (size_t)n * sizeof *pieces);
  if (!room.data) return TC_NO_MEMORY;
  if (!table) TC_TRY(tc_cuda_upload(room.data, pieces, (size_t)n * sizeof *pieces));
  const tc_optim_piece *there = table ? (const tc_optim_piece *)table : room.as<tc_optim_piece>();
#define RULE(code) case code: return tc_run(update_all<code>, blocks, THREADS, 0, there, n);
  switch (rule) {
    RULE(TC_OPTIM_SGD) RULE(TC_OPTIM_ADAM) RULE(TC_OPTIM_RMSPROP) RULE(TC_OPTIM_ADAGRAD) RULE(TC_OPTIM_ADADELTA)
    RULE(TC_OPTIM_ADAMAX) RULE(TC_OPTIM_NADAM) RULE(TC_OPTIM_RADAM) RULE(TC_OPTIM_ASGD) RULE(TC_OPTIM_RPROP) RULE(TC_OPTIM_LION)
  }
  return TC_MISSING;
}
