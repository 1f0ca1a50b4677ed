/* pool.cu: pooling over one to three dims: the largest element or the mean of each window. Planes are row-major: x (planes, in), y (planes, out).
   Gradients are gathered: a thread for each input adds the windows that see it, in order. */
#include "element.cuh"
#include "order.cuh"

namespace {
using namespace tc;

struct span { int64_t from, to, counted; }; /* counted: places of the window that an average counts, borders included */
__device__ inline span window(const tc_pool &p, int d, int64_t o) {
  span s;
  if (p.adaptive) {
    s.from = o * p.in[d] / p.out[d];
    s.to = ((o + 1) * p.in[d] + p.out[d] - 1) / p.out[d];
    s.counted = s.to - s.from;
    return s;
  }
  s.from = o * p.stride[d] - p.pad[d];
  s.to = s.from + p.dilation[d] * (p.k[d] - 1) + 1;
  const int64_t beyond = p.in[d] + p.pad[d];
  s.counted = (s.to < beyond ? s.to : beyond) - s.from;
  if (s.from < 0) s.from += (-s.from + p.dilation[d] - 1) / p.dilation[d] * p.dilation[d];
  if (s.to > p.in[d]) s.to = p.in[d];
  return s;
}
__device__ inline int64_t step_of(const tc_pool &p, int d) { return p.adaptive ? 1 : p.dilation[d]; }
__host__ __device__ inline int64_t volume(const int64_t *s) { return s[0] * s[1] * s[2]; }
__device__ inline int64_t divisor(const tc_pool &p, const span &a, const span &b, const span &c) {
  if (p.divisor) return p.divisor;
  if (p.count_borders) return a.counted * b.counted * c.counted;
  return (a.to - a.from) * (b.to - b.from) * (c.to - c.from);
}
struct windows { int64_t plane; span a, b, c; };
__device__ inline windows windows_of(const tc_pool &p, int64_t e) {
  const int64_t out = volume(p.out), o = e % out;
  return {e / out, window(p, 0, o / (p.out[1] * p.out[2])), window(p, 1, o / p.out[2] % p.out[1]), window(p, 2, o % p.out[2])};
}
#define EACH_INPUT(w, ...) \
  for (int64_t z = w.a.from; z < w.a.to; z += step_of(p, 0)) for (int64_t h = w.b.from; h < w.b.to; h += step_of(p, 1)) \
    for (int64_t v = w.c.from; v < w.c.to; v += step_of(p, 2)) { const int64_t at = (z * p.in[1] + h) * p.in[2] + v; __VA_ARGS__ }

/* index holds the place of each maximum in its plane, from 1; a NaN wins */
template <class S> __global__ void max_windows(tc_pool p, S *y, int64_t *index, const S *x) {
  typedef computed_t<S> T;
  TC_EACH(e, p.planes * volume(p.out)) {
    const windows w = windows_of(p, e);
    const S *plane = x + w.plane * volume(p.in);
    T best = -(T)INFINITY;
    int64_t place = (w.a.from * p.in[1] + w.b.from) * p.in[2] + w.c.from;
    EACH_INPUT(w, { const T t = get<T>(plane[at]); if (t > best || t != t) best = t, place = at; })
    y[e] = put<S>(best);
    index[e] = place + 1;
  }
}
template <class S> __global__ void mean_windows(tc_pool p, S *y, const S *x) {
  typedef computed_t<S> T;
  TC_EACH(e, p.planes * volume(p.out)) {
    const windows w = windows_of(p, e);
    const S *plane = x + w.plane * volume(p.in);
    T sum = 0;
    EACH_INPUT(w, { sum += get<T>(plane[at]); })
    y[e] = put<S>(sum / (T)divisor(p, w.a, w.b, w.c));
  }
}
/* Adaptive windows of whole planes: a block for each output. */
template <class S> __global__ void mean_of_many(tc_pool p, S *y, const S *x) {
  typedef computed_t<S> T;
  __shared__ double room[256];
  const windows w = windows_of(p, blockIdx.x);
  const S *plane = x + w.plane * volume(p.in);
  const int64_t nb = w.b.to - w.b.from, nc = w.c.to - w.c.from, n = (w.a.to - w.a.from) * nb * nc;
  T sum = 0;
  for (int64_t i = threadIdx.x; i < n; i += 256)
    sum += get<T>(plane[((w.a.from + i / (nb * nc)) * p.in[1] + w.b.from + i / nc % nb) * p.in[2] + w.c.from + i % nc]);
  room[threadIdx.x] = sum;
  __syncthreads();
  for (int step = 128; step; step /= 2) {
    if ((int)threadIdx.x < step) room[threadIdx.x] += room[threadIdx.x + step];
    __syncthreads();
  }
  if (threadIdx.x == 0) y[blockIdx.x] = put<S>(room[0] / (double)divisor(p, w.a, w.b, w.c));
}

/* The outputs lo .. hi-1 of dim d whose windows may see input i. */
struct reach { int64_t lo, hi; };
__device__ inline reach seen_by(const tc_pool &p, int d, int64_t i) {
  reach r;
  if (p.adaptive) {
    r.lo = i * p.out[d] / p.in[d];
    r.hi = ((i + 1) * p.out[d] + p.in[d] - 1) / p.in[d];
  } else {
    const int64_t length = p.dilation[d] * (p.k[d] - 1) + 1, first = i + p.pad[d] - length + 1;
    r.lo = first <= 0 ? 0 : (first + p.stride[d] - 1) / p.stride[d];
    r.hi = (i + p.pad[d]) / p.stride[d] + 1;
  }
  if (r.hi > p.out[d]) r.hi = p.out[d];
  return r;
}
__device__ inline bool sees(const tc_pool &p, int d, const span &s, int64_t i) { return i >= s.from && i < s.to && (i - s.from) % step_of(p, d) == 0; }

template <class S> __global__ void spread_means(tc_pool p, S *x, const S *g) {
  typedef computed_t<S> T;
  TC_EACH(e, p.planes * volume(p.in)) {
    const int64_t in = volume(p.in), i = e % in, z = i / (p.in[1] * p.in[2]), h = i / p.in[2] % p.in[1], v = i % p.in[2];
    const S *plane = g + e / in * volume(p.out);
    const reach ra = seen_by(p, 0, z), rb = seen_by(p, 1, h), rc = seen_by(p, 2, v);
    T sum = 0;
    for (int64_t a = ra.lo; a < ra.hi; a++) {
      const span sa = window(p, 0, a);
      if (!sees(p, 0, sa, z)) continue;
      for (int64_t b = rb.lo; b < rb.hi; b++) {
        const span sb = window(p, 1, b);
        if (!sees(p, 1, sb, h)) continue;
        for (int64_t c = rc.lo; c < rc.hi; c++) {
          const span sc = window(p, 2, c);
          if (sees(p, 2, sc, v)) sum += get<T>(plane[(a * p.out[1] + b) * p.out[2] + c]) / (T)divisor(p, sa, sb, sc);
        }
      }
    }
    x[e] = put<S>(sum);
  }
}

/* ---- places of a plane, from 1 ---- */
template <class S> __global__ void clear(S *x, int64_t n) {
  TC_EACH(i, n) x[i] = put<S>(0.0f);
}
__global__ void place_items(uint64_t *items, const int64_t *index, int64_t planes, int64_t count, int64_t size, tc_fault_slot *slot, unsigned long long ticket) {
  TC_EACH(e, planes * count) {
    const bool good = index[e] >= 1 && index[e] <= size;
    if (!good) tc_report(slot, ticket, e, index[e]);
    items[e] = (good ? (uint64_t)(index[e] - 1) : (uint64_t)0xffffffffu) << 32 | (uint64_t)(e % count);
  }
}
/* Whoever begins a run of equal places adds it up in order, or takes the last. */
template <class S> __global__ void put_runs(S *x, const S *g, const uint64_t *items, int64_t planes, int64_t count, int64_t size, int add) {
  typedef computed_t<S> T;
  TC_EACH(e, planes * count) {
    const int64_t plane = e / count, i = e % count;
    const uint64_t *row = items + plane * count, place = row[i] >> 32;
    if ((i > 0 && row[i - 1] >> 32 == place) || (int64_t)place >= size) continue;
    T sum = 0;
    for (int64_t k = i; k < count && row[k] >> 32 == place; k++) {
      const T v = get<T>(g[plane * count + (int64_t)(row[k] & 0xffffffffu)]);
      sum = add ? sum + v : v;
    }
    x[plane * size + (int64_t)place] = put<S>(sum);
  }
}
template <class S> __global__ void take_places(S *y, const S *x, const int64_t *index, int64_t planes, int64_t count, int64_t size, tc_fault_slot *slot,
                                               unsigned long long ticket) {
  TC_EACH(e, planes * count) {
    const bool good = index[e] >= 1 && index[e] <= size;
    if (!good) tc_report(slot, ticket, e, index[e]);
    y[e] = good ? x[e / count * size + index[e] - 1] : put<S>(0.0f);
  }
}
} // namespace

extern "C" int TC_KERNEL(max_pool)(const tc_pool *p, int dtype, void *y, int64_t *index, const void *x) {
  const int64_t n = p->planes * volume(p->out);
  if (n == 0) return TC_OK;
  TC_FLOATS(dtype, { return tc_run(max_windows<S>, tc_blocks(n, 256, 64), 256, 0, *p, (S *)y, index, (const S *)x); });
  return TC_MISSING;
}

extern "C" int TC_KERNEL(avg_pool)(const tc_pool *p, int dtype, void *y, const void *x) {
  const int64_t n = p->planes * volume(p->out);
  if (n == 0) return TC_OK;
  const bool many = p->adaptive && volume(p->in) >= 64 * volume(p->out);
  TC_FLOATS(dtype, {
    if (many) return tc_run(mean_of_many<S>, n, 256, 0, *p, (S *)y, (const S *)x);
    return tc_run(mean_windows<S>, tc_blocks(n, 256, 64), 256, 0, *p, (S *)y, (const S *)x);
  });
  return TC_MISSING;
}

extern "C" int TC_KERNEL(avg_unpool)(const tc_pool *p, int dtype, void *x, const void *g) {
  const int64_t n = p->planes * volume(p->in);
  if (n == 0) return TC_OK;
  TC_FLOATS(dtype, { return tc_run(spread_means<S>, tc_blocks(n, 256, 64), 256, 0, *p, (S *)x, (const S *)g); });
  return TC_MISSING;
}

extern "C" int TC_KERNEL(plane_put)(int64_t planes, int64_t size, int64_t count, bool add, int dtype, void *x, const void *g, const int64_t *index, tc_fault *fault) {
  unsigned long long ticket;
  if (planes * size > 0) TC_FLOATS(dtype, { TC_TRY(tc_run(clear<S>, tc_blocks(planes * size, 256, 64), 256, 0, (S *)x, planes * size)); });
  if (planes * count == 0) return TC_OK;
  tc_fault_slot *slot = tc_cuda_fault_slot(&ticket);
  tc_workspace items((size_t)(planes * count) * 8);
  if (!slot || !items.data || size >= (int64_t)1 << 32) return TC_NO_MEMORY;
  TC_TRY(tc_run(place_items, tc_blocks(planes * count, 256), 256, 0, items.as<uint64_t>(), index, planes, count, size, slot, ticket));
  TC_TRY(sort_items(items.as<uint64_t>(), planes, count));
  TC_FLOATS(dtype, { TC_TRY(tc_run(put_runs<S>, tc_blocks(planes * count, 256, 64), 256, 0, (S *)x, (const S *)g, (const uint64_t *)items.data, planes, count, size, (int)add)); });
  return tc_cuda_fault_check(ticket, fault);
}

extern "C" int TC_KERNEL(plane_take)(int64_t planes, int64_t size, int64_t count, int dtype, void *y, const void *x, const int64_t *index, tc_fault *fault) {
  unsigned long long ticket;
  if (planes * count == 0) return TC_OK;
  tc_fault_slot *slot = tc_cuda_fault_slot(&ticket);
  if (!slot) return TC_NO_MEMORY;
  TC_FLOATS(dtype, {
    TC_TRY(tc_run(take_places<S>, tc_blocks(planes * count, 256, 64), 256, 0, (S *)y, (const S *)x, index, planes, count, size, slot, ticket));
  });
  return tc_cuda_fault_check(ticket, fault);
}
