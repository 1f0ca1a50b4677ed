/* index.c: elements to and from positions that are given as numbers. */
#include "cpu.h"
#include <stdlib.h>

/* ---- a place among the lanes, advanced in the order of the loop ---- */
typedef struct place { int64_t at[3], index[TC_MAX_DIMS]; } place;

static void place_to(place *c, const tc_loop *l, int ndim, int64_t position) {
  c->at[0] = c->at[1] = c->at[2] = 0;
  for (int d = ndim - 1; d >= 0; d--) {
    c->index[d] = position % l->size[d];
    position /= l->size[d];
    for (int k = 0; k < l->nop; k++) c->at[k] += c->index[d] * l->stride[k][d];
  }
}

static void place_next(place *c, const tc_loop *l, int ndim) {
  for (int d = ndim - 1; d >= 0; d--) {
    bool carry = ++c->index[d] == l->size[d];
    for (int k = 0; k < l->nop; k++) c->at[k] += carry ? -(l->size[d] - 1) * l->stride[k][d] : l->stride[k][d];
    if (!carry) return;
    c->index[d] = 0;
  }
}

/* ---- positions as users count them, checked, as 0 .. size-1 ---- */
static int64_t first_bad(const tc_loop *l, int64_t size) {
  place c;
  place_to(&c, l, l->ndim, 0);
  for (int64_t i = 0; i < l->numel; i++, place_next(&c, l, l->ndim))
    if (tc_position(((const int64_t *)l->data[1])[c.at[1]], size) < 0) return i;
  return -1;
}

static int64_t value_at(const tc_loop *l, int64_t i) {
  place c;
  place_to(&c, l, l->ndim, i);
  return ((const int64_t *)l->data[1])[c.at[1]];
}

/* one run of the fastest dim; true if any is outside */
static bool positions_run(int64_t n, int64_t *y, int64_t ys, const int64_t *x, int64_t xs, int64_t size) {
  int64_t bad = 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t v = x[i * xs], p = v > 0 ? v - 1 : v < 0 ? v + size : -1;
    bad |= p < 0 || p >= size;
    y[i * ys] = p;
  }
  return bad != 0;
}

int TC_KERNEL(positions)(const tc_loop *l, int64_t size, tc_fault *fault) {
  int outer = l->ndim > 0 ? l->ndim - 1 : 0;
  int64_t m = l->ndim > 0 ? l->size[outer] : 1, ys = l->ndim > 0 ? l->stride[0][outer] : 0, xs = l->ndim > 0 ? l->stride[1][outer] : 0;
  int bad = 0;
  if (l->numel == 0) return TC_OK;
  int64_t *y = (int64_t *)l->data[0];
  const int64_t *x = (const int64_t *)l->data[1];
  if (outer == 0) {
    TC_PARALLEL(m, 512, (double)m) {
      if (positions_run(hi - lo, y + lo * ys, ys, x + lo * xs, xs, size)) __atomic_store_n(&bad, 1, __ATOMIC_RELAXED);
    } TC_PARALLEL_END
  } else {
    TC_PARALLEL(l->numel / m, 1, (double)l->numel) {
      place c;
      place_to(&c, l, outer, lo);
      for (int64_t o = lo; o < hi; o++, place_next(&c, l, outer))
        if (positions_run(m, y + c.at[0], ys, x + c.at[1], xs, size)) __atomic_store_n(&bad, 1, __ATOMIC_RELAXED);
    } TC_PARALLEL_END
  }
  if (!bad) return TC_OK;
  fault->position = first_bad(l, size);
  fault->value = value_at(l, fault->position);
  return TC_FAULT;
}

/* A flat position counts row-major over `size`; the result is where that is in memory. */
int TC_KERNEL(offsets)(int64_t *out, const int64_t *flat, int64_t n, int ndim, const int64_t *size, const int64_t *stride) {
  TC_PARALLEL(n, 512, (double)n * 4 * ndim) {
    for (int64_t i = lo; i < hi; i++) {
      int64_t rest = flat[i], offset = 0;
      for (int d = ndim - 1; d > 0; d--) {
        offset += rest % size[d] * stride[d];
        rest /= size[d];
      }
      out[i] = offset + rest * stride[0];
    }
  } TC_PARALLEL_END
  return TC_OK;
}

/* ---- gather ---- */
/* A run goes along the lanes' fastest dim (ws and ps are its steps) or along the positions (ws is 0). */
#define GATHER_RUN(bits, T) \
  static void gather_##bits(int64_t n, void *part_, int64_t ys, const int64_t *p, int64_t ps, int64_t scale, const void *whole_, int64_t ws) { \
    T *part = part_; \
    const T *whole = whole_; \
    if (ps == 0) { \
      whole += *p * scale; \
      if (ys == 1 && ws == 1) memcpy(part, whole, (size_t)n * sizeof *part); \
      else for (int64_t i = 0; i < n; i++) part[i * ys] = whole[i * ws]; \
    } else if (ps == 1 && ws == 0 && ys == 1) for (int64_t i = 0; i < n; i++) part[i] = whole[p[i] * scale]; \
    else for (int64_t i = 0; i < n; i++) part[i * ys] = whole[p[i * ps] * scale + i * ws]; \
  }
GATHER_RUN(8, uint8_t)
GATHER_RUN(16, uint16_t)
GATHER_RUN(32, uint32_t)
GATHER_RUN(64, uint64_t)
GATHER_RUN(128, tc_c128)

typedef void gather_run(int64_t, void *, int64_t, const int64_t *, int64_t, int64_t, const void *, int64_t);

static gather_run *gather_of(int bytes) {
  switch (bytes) {
    case 1: return gather_8;
    case 2: return gather_16;
    case 4: return gather_32;
    case 8: return gather_64;
    default: return gather_128;
  }
}

/* The lanes' fastest dim, or one lane where there are no dims. */
typedef struct inner { int outer; int64_t size, step[3]; } inner;
static inner inner_of(const tc_loop *l) {
  inner r = {l->ndim > 0 ? l->ndim - 1 : 0, 1, {0, 0, 0}};
  if (l->ndim == 0) return r;
  r.size = l->size[r.outer];
  for (int k = 0; k < 3; k++) r.step[k] = l->stride[k][r.outer];
  return r;
}

/* Along the lanes if they are long and lie close together, else along the positions. */
static bool along_lanes(const inner *r, const tc_lanes *k, int part) {
  if (k->n == 1) return true;
  int64_t lane = r->step[part] < 0 ? -r->step[part] : r->step[part], other = k->step[part == 0 ? 0 : 2];
  return r->size >= 4 && (lane <= other || other == 0);
}

/* every lane gives one run over all positions; a single lane is cut in pieces */
static void gather_along_positions(const tc_lanes *k, gather_run *run, int64_t bytes) {
  const tc_loop *l = &k->loop;
  if (l->numel == 1) {
    TC_PARALLEL(k->n, 1024, (double)k->n * 2) {
      run(hi - lo, l->data[0] + lo * k->step[0] * bytes, k->step[0], (const int64_t *)l->data[1] + lo * k->step[1], k->step[1], k->scale,
          l->data[2], 0);
    } TC_PARALLEL_END
    return;
  }
  TC_PARALLEL(l->numel, 1, (double)l->numel * (double)k->n) {
    place c;
    place_to(&c, l, l->ndim, lo);
    for (int64_t o = lo; o < hi; o++, place_next(&c, l, l->ndim))
      run(k->n, l->data[0] + c.at[0] * bytes, k->step[0], (const int64_t *)l->data[1] + c.at[1], k->step[1], k->scale,
          l->data[2] + c.at[2] * bytes, 0);
  } TC_PARALLEL_END
}

/* one run for each position and each outer place; few long runs are cut in pieces */
static void gather_along_lanes(const tc_lanes *k, const inner *r, gather_run *run, int64_t bytes) {
  const tc_loop *l = &k->loop;
  int64_t units = l->numel / r->size * k->n, cuts = units < 16 && r->size >= 65536 ? 16 : 1, length = (r->size + cuts - 1) / cuts;
  TC_PARALLEL(units * cuts, 1, (double)l->numel * (double)k->n * 0.5) {
    place c;
    int64_t i = lo / cuts % k->n, cut = lo % cuts;
    place_to(&c, l, r->outer, lo / cuts / k->n);
    for (int64_t u = lo; u < hi; u++) {
      int64_t from = cut * length, count = r->size - from < length ? r->size - from : length;
      if (count > 0)
        run(count, l->data[0] + (c.at[0] + i * k->step[0] + from * r->step[0]) * bytes, r->step[0],
            (const int64_t *)l->data[1] + c.at[1] + i * k->step[1] + from * r->step[1], r->step[1], k->scale,
            l->data[2] + (c.at[2] + from * r->step[2]) * bytes, r->step[2]);
      if (++cut < cuts) continue;
      cut = 0;
      if (++i < k->n) continue;
      i = 0;
      place_next(&c, l, r->outer);
    }
  } TC_PARALLEL_END
}

int TC_KERNEL(gather)(const tc_lanes *k) {
  int64_t bytes = tc_dtype_bytes(k->loop.dtype[0]);
  inner r = inner_of(&k->loop);
  if (k->loop.numel == 0 || k->n == 0) return TC_OK;
  if (along_lanes(&r, k, 0)) gather_along_lanes(k, &r, gather_of((int)bytes), bytes);
  else gather_along_positions(k, gather_of((int)bytes), bytes);
  return TC_OK;
}

/* ---- scatter ---- */
#define SCATTER_RUN(name, T, expr) \
  static void name(int64_t n, void *whole_, int64_t ws, const int64_t *p, int64_t ps, int64_t scale, const void *part_, int64_t ss) { \
    T *whole = whole_; \
    const T *part = part_; \
    if (ps == 0 && ws != 0) { \
      whole += *p * scale; \
      if (ws == 1 && ss == 1) for (int64_t i = 0; i < n; i++) { T x = whole[i], y = part[i]; (void)x; whole[i] = (T)(expr); } \
      else for (int64_t i = 0; i < n; i++) { T x = whole[i * ws], y = part[i * ss]; (void)x; whole[i * ws] = (T)(expr); } \
    } else for (int64_t i = 0; i < n; i++) { \
      T *to = whole + p[i * ps] * scale + i * ws, x = *to, y = part[i * ss]; \
      (void)x; \
      *to = (T)(expr); \
    } \
  }
#define SCATTER_REAL(T, sum, product) \
  SCATTER_RUN(add_##T, T, sum) \
  SCATTER_RUN(mul_##T, T, product) \
  SCATTER_RUN(max_##T, T, x != x ? x : y != y ? y : x > y ? x : y) \
  SCATTER_RUN(min_##T, T, x != x ? x : y != y ? y : x < y ? x : y)
#define SCATTER_COMPLEX(T) \
  SCATTER_RUN(add_##T, T, ((T){x.re + y.re, x.im + y.im})) \
  SCATTER_RUN(mul_##T, T, ((T){x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re}))

SCATTER_RUN(set_8, uint8_t, y)
SCATTER_RUN(set_16, uint16_t, y)
SCATTER_RUN(set_32, uint32_t, y)
SCATTER_RUN(set_64, uint64_t, y)
SCATTER_RUN(set_128, tc_c128, y)
SCATTER_REAL(uint8_t, x + y, x * y)
SCATTER_REAL(int8_t, (uint8_t)x + (uint8_t)y, (uint8_t)x * (uint8_t)y)
SCATTER_REAL(int16_t, (uint16_t)x + (uint16_t)y, (uint32_t)(uint16_t)x * (uint16_t)y)
SCATTER_REAL(int32_t, (uint32_t)x + (uint32_t)y, (uint32_t)x * (uint32_t)y)
SCATTER_REAL(int64_t, (uint64_t)x + (uint64_t)y, (uint64_t)x * (uint64_t)y)
SCATTER_REAL(float, x + y, x * y)
SCATTER_REAL(double, x + y, x * y)
SCATTER_COMPLEX(tc_c64)
SCATTER_COMPLEX(tc_c128)

typedef void scatter_run(int64_t, void *, int64_t, const int64_t *, int64_t, int64_t, const void *, int64_t);

static scatter_run *set_of(int bytes) {
  switch (bytes) {
    case 1: return set_8;
    case 2: return set_16;
    case 4: return set_32;
    case 8: return set_64;
    default: return set_128;
  }
}

/* A sum of bools is "or", a product "and". Half types are computed in float32 by the operators. */
static scatter_run *scatter_of(int dtype, int op) {
  if (op == TC_PUT_SET) return set_of(tc_dtype_bytes(dtype));
  if (dtype == TC_BOOL) op = op == TC_PUT_ADD ? TC_PUT_MAX : op == TC_PUT_MUL ? TC_PUT_MIN : op;
  if (dtype == TC_COMPLEX64) return op == TC_PUT_MUL ? mul_tc_c64 : add_tc_c64;
  if (dtype == TC_COMPLEX128) return op == TC_PUT_MUL ? mul_tc_c128 : add_tc_c128;
#define FOUR(T) {add_##T, mul_##T, max_##T, min_##T}
  static scatter_run *const runs[][4] = {
    [TC_BOOL] = FOUR(uint8_t), [TC_UINT8] = FOUR(uint8_t), [TC_INT8] = FOUR(int8_t), [TC_INT16] = FOUR(int16_t), [TC_INT32] = FOUR(int32_t),
    [TC_INT64] = FOUR(int64_t), [TC_FLOAT32] = FOUR(float), [TC_FLOAT64] = FOUR(double),
  };
  return runs[dtype][op - 1];
}

/* Lanes are independent, so they are shared among threads; a position's turn comes in order within each. */
static void scatter_along_positions(const tc_lanes *k, scatter_run *run, int64_t bytes) {
  const tc_loop *l = &k->loop;
  TC_PARALLEL(l->numel, 1, (double)l->numel * (double)k->n) {
    place c;
    place_to(&c, l, l->ndim, lo);
    for (int64_t o = lo; o < hi; o++, place_next(&c, l, l->ndim))
      run(k->n, l->data[0] + c.at[0] * bytes, 0, (const int64_t *)l->data[1] + c.at[1], k->step[1], k->scale, l->data[2] + c.at[2] * bytes,
          k->step[2]);
  } TC_PARALLEL_END
}

/* What one thread does: some outer places, some of the fastest dim, some positions. */
typedef struct share { int64_t outer_from, outer_to, from, to, first, last; } share;

static void scatter_share(const tc_lanes *k, const inner *r, scatter_run *run, int64_t bytes, share s) {
  const tc_loop *l = &k->loop;
  place c;
  place_to(&c, l, r->outer, s.outer_from);
  for (int64_t o = s.outer_from; o < s.outer_to; o++, place_next(&c, l, r->outer))
    for (int64_t i = 0; i < k->n; i++) {
      const int64_t *p = (const int64_t *)l->data[1] + c.at[1] + i * k->step[1] + s.from * r->step[1];
      if (r->step[1] == 0 && (*p < s.first || *p >= s.last)) continue;
      run(s.to - s.from, l->data[0] + (c.at[0] + s.from * r->step[0]) * bytes, r->step[0], p, r->step[1], k->scale,
          l->data[2] + (c.at[2] + i * k->step[2] + s.from * r->step[2]) * bytes, r->step[2]);
    }
}

/* Threads share the outer places if there are enough, else the fastest dim if it is long; else, where a run has one position, each
   owns a range of positions. */
static void scatter_along_lanes(const tc_lanes *k, const inner *r, scatter_run *run, int64_t bytes) {
  double work = (double)k->loop.numel * (double)k->n * 0.5;
  int64_t outer = k->loop.numel / r->size;
  if (outer >= 4 * (int64_t)tc_kernel_threads) {
    TC_PARALLEL(outer, 1, work) {
      scatter_share(k, r, run, bytes, (share){lo, hi, 0, r->size, 0, k->limit});
    } TC_PARALLEL_END
  } else if (r->step[1] != 0 || r->size >= 16 * (int64_t)tc_kernel_threads) {
    TC_PARALLEL(r->size, 16, work) {
      scatter_share(k, r, run, bytes, (share){0, outer, lo, hi, 0, k->limit});
    } TC_PARALLEL_END
  } else {
    TC_PARALLEL(k->limit, 1, work) {
      scatter_share(k, r, run, bytes, (share){0, outer, 0, r->size, lo, hi});
    } TC_PARALLEL_END
  }
}

int TC_KERNEL(scatter)(const tc_lanes *k, int op) {
  int64_t bytes = tc_dtype_bytes(k->loop.dtype[0]);
  inner r = inner_of(&k->loop);
  if (k->loop.numel == 0 || k->n == 0) return TC_OK;
  scatter_run *run = scatter_of(k->loop.dtype[0], op);
  if (along_lanes(&r, k, 2)) scatter_along_lanes(k, &r, run, bytes);
  else scatter_along_positions(k, run, bytes);
  return TC_OK;
}
