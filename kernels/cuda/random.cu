/* random.cu: tensors of random numbers, the same as the CPU's for the same seed: philox.h says which element gets which bits. Compiled without
   contraction into fused operations. */
#include "block.cuh"
#include "order.cuh"
#include "../variate.h"

namespace {
using namespace tc;
enum { WIDE = TC_PHILOX_WIDE, WORDS = 4 * WIDE, PAIRS = 2 * WIDE };

/* A thread draws one block of four words: for elements WIDE apart, so that WIDE threads fill WIDE neighbours. */
__device__ inline float uniform_float(const tc_draw &d, int dtype, uint32_t w) {
  const float a = (float)d.a, b = (float)d.b, span = (float)(d.b - d.a);
  /* rounding must not lift a number to the upper end: half types get as many bits as they hold */
  const uint32_t keep = dtype == TC_FLOAT16 ? 0xffe00000u : dtype == TC_BFLOAT16 ? 0xff000000u : 0xffffffffu;
  const float x = tc_mad(tc_unit_float(w & keep), span, a);
  return x < b ? x : a;
}
__device__ inline void normal_floats(const tc_draw &d, const uint32_t *w, float *v) {
  const float mean = (float)d.a, deviation = (float)d.b;
  for (int half = 0; half < 4; half += 2) {
    float r = sqrtf(tc_random_radius_squared(w[half])), c, s;
    tc_random_angle(w[half + 1], &c, &s);
    v[half] = tc_mad(r * c, deviation, mean);
    v[half + 1] = tc_mad(r * s, deviation, mean);
  }
}
__global__ void floats(void *y, int dtype, int64_t numel, tc_draw d) {
  TC_EACH(block, (numel + WORDS - 1) / WORDS * WIDE) {
    const int64_t first = block / WIDE * WORDS + block % WIDE;
    uint32_t w[4];
    float v[4];
    tc_philox(d.stream, (uint64_t)block, 0, w);
    if (d.op == TC_DRAW_NORMAL) normal_floats(d, w, v);
    else for (int k = 0; k < 4; k++) v[k] = d.op == TC_DRAW_UNIFORM ? uniform_float(d, dtype, w[k]) : (uint64_t)w[k] < (uint64_t)(d.a * 0x1p32) ? 1.0f : 0.0f;
    for (int k = 0; k < 4; k++)
      if (first + k * WIDE < numel) store(y, dtype, first + k * WIDE, v[k]);
  }
}

__device__ inline double one_double(const tc_draw &d, uint64_t bits) {
  const double u = tc_open_double(bits);
  double x;
  switch (d.op) {
    case TC_DRAW_UNIFORM:
      x = d.a + tc_unit_double(bits) * (d.b - d.a);
      return x < d.b ? x : d.a;
    case TC_DRAW_EXPONENTIAL: return -log(u) / d.a;
    case TC_DRAW_CAUCHY: return d.a + d.b * tan(3.14159265358979323846 * (u - 0.5));
    case TC_DRAW_GEOMETRIC: return d.a >= 1 ? 1 : ceil(log(u) / log1p(-d.a));
    default: return u < d.a ? 1 : 0;
  }
}
__global__ void pairs(void *y, int dtype, int64_t numel, tc_draw d) {
  TC_EACH(block, (numel + PAIRS - 1) / PAIRS * WIDE) {
    const int64_t first = block / WIDE * PAIRS + block % WIDE;
    uint32_t w[4];
    tc_philox(d.stream, (uint64_t)block, 0, w);
    const uint64_t bits[2] = {tc_two_words(w[0], w[1]), tc_two_words(w[2], w[3])};
    double v[2];
    if (d.op == TC_DRAW_NORMAL || d.op == TC_DRAW_LOG_NORMAL) {
      const double r = sqrt(-2 * log(tc_open_double(bits[0]))), angle = 6.283185307179586476925 * tc_unit_double(bits[1]);
      v[0] = d.a + d.b * (r * cos(angle)), v[1] = d.a + d.b * (r * sin(angle));
    } else v[0] = one_double(d, bits[0]), v[1] = one_double(d, bits[1]);
    for (int k = 0; k < 2; k++) {
      const int64_t i = first + k * WIDE;
      if (i >= numel) continue;
      if (d.op == TC_DRAW_WHOLE) store(y, dtype, i, (int64_t)((uint64_t)d.low + tc_below(bits[k], d.span)));
      else store(y, dtype, i, d.op == TC_DRAW_LOG_NORMAL ? exp(v[k]) : v[k]);
    }
  }
}

/* Elements with parameters of their own: element i uses block i, as many draws as it needs; the Bernoulli its word. */
__device__ inline uint32_t word_of(tc_stream s, int64_t i) {
  uint32_t w[4];
  const int64_t r = i % WORDS;
  tc_philox(s, (uint64_t)(i / WORDS * WIDE + r % WIDE), 0, w);
  return w[r / WIDE];
}
__global__ void from_parameters(void *y, int y_type, const void *x, int x_type, const void *z, int z_type, int64_t numel, tc_draw d) {
  TC_EACH(i, numel) {
    const double a = load<double>(x, x_type, i), b = z ? load<double>(z, z_type, i) : 0;
    tc_source s = {d.stream, (uint64_t)i, 0, 0, {0, 0, 0, 0}};
    store(y, y_type, i, d.op == TC_DRAW_BERNOULLI ? (double)((double)word_of(d.stream, i) < a * 0x1p32) : tc_variate(d.op, a, b, &s));
  }
}

/* ---- dropout: y = x * scale where the element's word is at least p, else 0 ---- */
template <class S> __global__ void drop(S *y, const S *x, int64_t numel, tc_draw d) {
  typedef computed_t<S> T;
  const uint64_t limit = (uint64_t)(d.a * 0x1p32);
  const T scale = (T)d.b;
  TC_EACH(block, (numel + WORDS - 1) / WORDS * WIDE) {
    const int64_t first = block / WIDE * WORDS + block % WIDE;
    uint32_t w[4];
    tc_philox(d.stream, (uint64_t)block, 0, w);
    for (int k = 0; k < 4; k++) {
      const int64_t i = first + k * WIDE;
      if (i < numel) y[i] = put<S>(w[k] >= limit ? get<T>(x[i]) * scale : T(0));
    }
  }
}

/* ---- multinomial: y (rows, n) gets places from 1 by the weights w (rows, k) in float64; a block for each row ---- */
__global__ void __launch_bounds__(1024) check_rows(const double *w, int64_t k, int64_t n, int replacement, tc_fault_slot *slot, unsigned long long ticket) {
  __shared__ double room[33];
  const double *row = w + blockIdx.x * k;
  double sum = 0, positive = 0, bad = 0;
  for (int64_t i = threadIdx.x; i < k; i += blockDim.x) {
    bad += !(row[i] >= 0) || row[i] - row[i] != 0;
    sum += row[i];
    positive += row[i] > 0;
  }
  bad = block_fold(bad, plus(), room);
  sum = block_fold(sum, plus(), room);
  positive = block_fold(positive, plus(), room);
  if (threadIdx.x) return;
  const int problem = bad ? TC_BAD_WEIGHT : !(sum > 0) || sum - sum != 0 ? TC_NO_WEIGHT : replacement || positive >= n ? 0 : TC_TOO_FEW;
  if (problem) tc_report(slot, ticket, blockIdx.x, problem);
}
/* Running sums one after another, as on the CPU: one thread for each row, so that both draw alike. */
__global__ void running_sums(double *sums, int64_t *last, const double *w, int64_t rows, int64_t k) {
  TC_EACH(row, rows) {
    double sum = 0;
    int64_t positive = 0;
    for (int64_t i = 0; i < k; i++) {
      sums[row * k + i] = sum += w[row * k + i];
      if (w[row * k + i] > 0) positive = i;
    }
    last[row] = positive;
  }
}
__global__ void draw_again(int64_t *y, const double *sums, const int64_t *last, int64_t rows, int64_t n, int64_t k, tc_stream s) {
  TC_EACH(e, rows * n) {
    const double *row = sums + e / n * k;
    const double u = tc_pair_number(s, e) * row[k - 1];
    int64_t lo = 0, hi = last[e / n];
    while (lo < hi) {
      const int64_t middle = (lo + hi) / 2;
      if (row[middle] > u) hi = middle;
      else lo = middle + 1;
    }
    y[e] = lo + 1;
  }
}
/* An exponential race: each place arrives after a time with its weight as the rate; the first n arrivals are drawn in order. */
__global__ void race(wide_item *items, const double *w, int64_t rows, int64_t k, tc_stream s) {
  TC_EACH(e, rows * k) items[e] = {key_of_double(w[e] > 0 ? -log(tc_pair_number(s, e)) / w[e] : (double)INFINITY), (uint64_t)(e % k)};
}
__global__ void arrivals(int64_t *y, const wide_item *items, int64_t rows, int64_t n, int64_t k) {
  TC_EACH(e, rows * n) y[e] = (int64_t)items[e / n * k + (e % n < k ? e % n : k - 1)].at + 1;
}
} // namespace

extern "C" int TC_KERNEL(random)(const tc_view *y, const tc_draw *d) {
  const bool single = d->op == TC_DRAW_BERNOULLI || ((d->op == TC_DRAW_UNIFORM || d->op == TC_DRAW_NORMAL) && y->dtype != TC_FLOAT64);
  if (y->numel == 0) return TC_OK;
  if (single) return tc_run(floats, tc_blocks((y->numel + 3) / 4, 256, 32), 256, 0, (void *)y->data, y->dtype, y->numel, *d);
  return tc_run(pairs, tc_blocks((y->numel + 1) / 2, 256, 32), 256, 0, (void *)y->data, y->dtype, y->numel, *d);
}

extern "C" int TC_KERNEL(random_from)(const tc_view *y, const tc_view *x, const tc_view *z, const tc_draw *d) {
  if (y->numel == 0) return TC_OK;
  return tc_run(from_parameters, tc_blocks(y->numel, 128, 32), 128, 0, (void *)y->data, y->dtype, (const void *)x->data, x->dtype,
                z ? (const void *)z->data : nullptr, z ? z->dtype : 0, y->numel, *d);
}

extern "C" int TC_KERNEL(dropout)(const tc_view *y, const tc_view *x, const tc_draw *d) {
  if (y->numel == 0) return TC_OK;
  TC_FLOATS(y->dtype, { return tc_run(drop<S>, tc_blocks((y->numel + 3) / 4, 256, 64), 256, 0, (S *)y->data, (const S *)x->data, y->numel, *d); });
  return TC_MISSING;
}

extern "C" int TC_KERNEL(multinomial)(const tc_view *y, const tc_view *w, tc_stream s, bool replacement, tc_fault *fault) {
  const int64_t rows = y->size[0], n = y->size[1], k = w->size[1];
  const double *weights = (const double *)w->data;
  unsigned long long ticket;
  if (rows == 0) return TC_OK;
  tc_fault_slot *slot = tc_cuda_fault_slot(&ticket);
  tc_workspace room((size_t)(rows * k) * sizeof(wide_item) + (size_t)rows * 8);
  if (!slot || !room.data) return TC_NO_MEMORY;
  TC_TRY(tc_run(check_rows, rows, row_threads(k), 0, weights, k, n, (int)replacement, slot, ticket));
  TC_TRY(tc_cuda_fault_check(ticket, fault));
  if (k == 0 || n == 0) return TC_OK;
  int64_t *to = (int64_t *)y->data;
  if (replacement) {
    double *sums = room.as<double>();
    int64_t *last = room.as<int64_t>((size_t)(rows * k) * 8);
    TC_TRY(tc_run(running_sums, tc_blocks(rows, 32), 32, 0, sums, last, weights, rows, k));
    return tc_run(draw_again, tc_blocks(rows * n, 256), 256, 0, to, (const double *)sums, (const int64_t *)last, rows, n, k, s);
  }
  wide_item *items = room.as<wide_item>();
  TC_TRY(tc_run(race, tc_blocks(rows * k, 256), 256, 0, items, weights, rows, k, s));
  TC_TRY(sort_items(items, rows, k));
  return tc_run(arrivals, tc_blocks(rows * n, 256), 256, 0, to, (const wide_item *)items, rows, n, k);
}
