/* optim.cu: the update rules of the optimizers over all parameters in one launch, LAMB's in three; the formulas are those of
   kernels/cpu/optim.c. The half types compute in float. */
#include "block.cuh"

namespace {
using namespace tc;

/* One element: p the parameter, s0 .. s2 its states, g the gradient with sign and decay applied, q the piece's numbers. */
template <class T> struct cell { T p, g, s[TC_OPTIM_STATES]; };
template <class T> struct rule {
  T sign, decay, shrink, k[TC_OPTIM_NUMBERS + 2];
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
  /* LAMB in two goes: the averages, then the step, with k[0] scaled by the lengths of the parameter and of its move. */
  __device__ T lamb_move(const cell<T> &c) const { return k[1] * c.s[0] / (sqrt(c.s[1]) * k[9] + k[5]) + k[6] * c.p; }
  __device__ void lamb_averages(cell<T> &c) const {
    c.s[0] += k[2] * (c.g - c.s[0]);
    c.s[1] = k[3] * c.s[1] + k[8] * c.g * c.g;
  }
  __device__ void muon(cell<T> &c) const { /* before and after the moves are made orthogonal */
    if (!has[0]) c.p = c.p * shrink - k[0] * c.g;
    else {
      c.s[0] += k[0] * (c.g - c.s[0]);
      c.p = k[1] == 0 ? c.s[0] : c.s[0] + k[1] * (c.g - c.s[0]);
    }
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
    else if (RULE == TC_OPTIM_MUON) muon(c);
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
  if (which == TC_OPTIM_LAMB) r.k[8] = (T)(1 - q.k[3]), r.k[9] = (T)(1 / q.k[4]);
  if (which == TC_OPTIM_LION) r.k[5] = (T)(1 - q.k[1]), r.k[6] = (T)(1 - q.k[2]);
  return r;
}

/* A block updates EACH elements of one piece: f(c) for each of them. */
enum { THREADS = 256, EACH = 4096 };
template <class S, int N, class F> __device__ void each_cell(const tc_optim_piece &q, const rule<computed_t<S>> &r, int64_t from, int64_t to, F f) {
  typedef computed_t<S> T;
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
      f(c);
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
/* the piece that a block works on: the last that begins at or before it */
__device__ inline int piece_of(const tc_optim_piece *pieces, int count) {
  int lo = 0, hi = count - 1;
  while (lo < hi) {
    const int middle = (lo + hi + 1) / 2;
    if (pieces[middle].block <= (int64_t)blockIdx.x) lo = middle;
    else hi = middle - 1;
  }
  return lo;
}
/* work.run<S, N>(piece, from, to) on the elements of this block */
template <class Work> __device__ void on_block(const tc_optim_piece &q, Work work) {
  const int64_t from = ((int64_t)blockIdx.x - q.block) * EACH, to = from + EACH < q.numel ? from + EACH : q.numel;
  if (q.dtype == TC_FLOAT64) work.template run<double, 1>(q, from, to);
  else if (q.dtype == TC_FLOAT16) work.template run<half_t, 1>(q, from, to);
  else if (q.dtype == TC_BFLOAT16) work.template run<bfloat_t, 1>(q, from, to);
  else if (whole_packs(q)) work.template run<float, 4>(q, from, to);
  else work.template run<float, 1>(q, from, to);
}

template <int RULE> struct plain_step {
  template <class S, int N> __device__ void run(const tc_optim_piece &q, int64_t from, int64_t to) const {
    const rule<computed_t<S>> r = rule_of<computed_t<S>>(RULE, q);
    each_cell<S, N>(q, r, from, to, [&](cell<computed_t<S>> &c) { r.template step<RULE>(c); });
  }
};
template <int RULE> __global__ void update_all(const tc_optim_piece *pieces, int count) {
  on_block(pieces[piece_of(pieces, count)], plain_step<RULE>());
}

/* ---- LAMB: averages and, for each block, the squares of both lengths; the rate of each piece; the step ---- */
struct averages {
  double *own, *its; /* of this thread */
  template <class S, int N> __device__ void run(const tc_optim_piece &q, int64_t from, int64_t to) const {
    typedef computed_t<S> T;
    const rule<T> r = rule_of<T>(TC_OPTIM_LAMB, q);
    each_cell<S, N>(q, r, from, to, [&](cell<T> &c) {
      r.lamb_averages(c);
      const double move = r.lamb_move(c);
      *own += (double)c.p * c.p;
      *its += move * move;
    });
  }
};
__global__ void lamb_averages(const tc_optim_piece *pieces, int count, double *sums) {
  __shared__ double room[33];
  double own = 0, its = 0;
  on_block(pieces[piece_of(pieces, count)], averages{&own, &its});
  own = block_fold(own, plus(), room);
  its = block_fold(its, plus(), room);
  if (threadIdx.x == 0) sums[2 * blockIdx.x] = own, sums[2 * blockIdx.x + 1] = its;
}
/* a block for each piece; blocks in all are `end` */
__global__ void lamb_rates(const tc_optim_piece *pieces, int count, int64_t end, const double *sums, double *rates) {
  __shared__ double room[33];
  const tc_optim_piece &q = pieces[blockIdx.x];
  const int64_t until = (int)blockIdx.x + 1 < count ? pieces[blockIdx.x + 1].block : end;
  double own = 0, its = 0;
  for (int64_t b = q.block + threadIdx.x; b < until; b += blockDim.x) own += sums[2 * b], its += sums[2 * b + 1];
  own = sqrt(block_fold(own, plus(), room));
  its = sqrt(block_fold(its, plus(), room));
  if (own > q.k[7]) own = q.k[7];
  if (threadIdx.x == 0) rates[blockIdx.x] = own > 0 && its > 0 ? q.k[0] * (own / its) : q.k[0];
}
struct scaled_step {
  double rate;
  template <class S, int N> __device__ void run(const tc_optim_piece &q, int64_t from, int64_t to) const {
    typedef computed_t<S> T;
    const rule<T> r = rule_of<T>(TC_OPTIM_LAMB, q);
    const T lr = (T)rate;
    each_cell<S, N>(q, r, from, to, [&](cell<T> &c) { c.p -= lr * r.lamb_move(c); });
  }
};
__global__ void lamb_steps(const tc_optim_piece *pieces, int count, const double *rates) {
  const int piece = piece_of(pieces, count);
  on_block(pieces[piece], scaled_step{rates[piece]});
}
int lamb(const tc_optim_piece *pieces, int count, int64_t blocks) {
  tc_workspace sums((size_t)blocks * 16), rates((size_t)count * 8);
  if (!sums.data || !rates.data) return TC_NO_MEMORY;
  TC_TRY(tc_run(lamb_averages, blocks, THREADS, 0, pieces, count, sums.as<double>()));
  TC_TRY(tc_run(lamb_rates, count, THREADS, 0, pieces, count, blocks, (const double *)sums.data, rates.as<double>()));
  return tc_run(lamb_steps, blocks, THREADS, 0, pieces, count, (const double *)rates.data);
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
    case TC_OPTIM_LAMB: return lamb(there, n, blocks);
    RULE(TC_OPTIM_SGD) RULE(TC_OPTIM_ADAM) RULE(TC_OPTIM_RMSPROP) RULE(TC_OPTIM_ADAGRAD) RULE(TC_OPTIM_ADADELTA)
    RULE(TC_OPTIM_ADAMAX) RULE(TC_OPTIM_NADAM) RULE(TC_OPTIM_RADAM) RULE(TC_OPTIM_ASGD) RULE(TC_OPTIM_RPROP) RULE(TC_OPTIM_LION)
    RULE(TC_OPTIM_MUON)
  }
  return TC_MISSING;
}
