/* pool.c: pooling over one to three dims: the largest element or the mean of each window. Planes are row-major: x (planes, in), y (planes, out).
   Windows are given for each dim as first (inclusive) and last (exclusive) input positions, so that adaptive pooling is the same loop. */
#include "cpu.h"
#include <stdlib.h>

typedef struct span { int64_t from, to, counted; } span; /* counted: places of the window that an average counts, borders included */

static span window(const tc_pool *p, int d, int64_t o) {
  span s;
  if (p->adaptive) {
    s.from = o * p->in[d] / p->out[d];
    s.to = ((o + 1) * p->in[d] + p->out[d] - 1) / p->out[d];
    s.counted = s.to - s.from;
    return s;
  }
  s.from = o * p->stride[d] - p->pad[d];
  s.to = s.from + p->dilation[d] * (p->k[d] - 1) + 1;
  int64_t beyond = p->in[d] + p->pad[d];
  s.counted = (s.to < beyond ? s.to : beyond) - s.from;
  while (s.from < 0) s.from += p->dilation[d];
  if (s.to > p->in[d]) s.to = p->in[d];
  return s;
}

static int64_t volume(const int64_t *s) { return s[0] * s[1] * s[2]; }
static int64_t step_of(const tc_pool *p, int d) { return p->adaptive ? 1 : p->dilation[d]; }

/* runs `body` for each output position o of a plane with its windows a, b, c */
#define EACH_OUTPUT(p, ...) do { int64_t o = 0; \
  for (int64_t i = 0; i < (p)->out[0]; i++) { span a = window(p, 0, i); \
    for (int64_t j = 0; j < (p)->out[1]; j++) { span b = window(p, 1, j); \
      for (int64_t k = 0; k < (p)->out[2]; k++, o++) { span c = window(p, 2, k); __VA_ARGS__ } } } } while (0)
#define EACH_INPUT(p, ...) \
  for (int64_t z = a.from; z < a.to; z += step_of(p, 0)) for (int64_t y_ = b.from; y_ < b.to; y_ += step_of(p, 1)) \
    for (int64_t x_ = c.from; x_ < c.to; x_ += step_of(p, 2)) { int64_t at = (z * (p)->in[1] + y_) * (p)->in[2] + x_; __VA_ARGS__ }

/* ---- whole rows of outputs at a time, so that the columns run in vectors ---- */
/* What all rows share: the windows of the columns, and for each tap of the last dim the columns lo..hi-1 that see a real input. */
typedef struct columns { span *window; int64_t *lo, *hi; } columns;

static void columns_free(columns *c) {
  free(c->window);
  free(c->lo);
  free(c->hi);
}

static bool columns_new(const tc_pool *p, columns *c) {
  size_t outs = (size_t)p->out[2] + 1, taps = (size_t)p->k[2] + 1;
  *c = (columns){malloc(outs * sizeof *c->window), malloc(taps * sizeof *c->lo), malloc(taps * sizeof *c->hi)};
  if (!c->window || !c->lo || !c->hi) {
    columns_free(c);
    return false;
  }
  for (int64_t k = 0; k < p->out[2]; k++) c->window[k] = window(p, 2, k);
  for (int64_t k = 0; k < p->k[2]; k++) {
    int64_t shift = k * p->dilation[2] - p->pad[2], step = p->stride[2], room = p->in[2] - shift;
    int64_t from = shift >= 0 ? 0 : (-shift + step - 1) / step, to = room <= 0 ? 0 : (room - 1) / step + 1;
    c->hi[k] = to < p->out[2] ? to : p->out[2];
    c->lo[k] = from < c->hi[k] ? from : c->hi[k];
  }
  return true;
}

/* Runs `body` for each tap of an output row's windows that lies in rows a x b of the input: `from` is the input's place under column 0
   (columns lo..hi-1 are real), `step` the distance of columns. */
#define EACH_TAP(p, a, b, ...) \
  for (int64_t z = a.from; z < a.to; z += (p)->dilation[0]) for (int64_t h = b.from; h < b.to; h += (p)->dilation[1]) \
    for (int64_t kw = 0; kw < (p)->k[2]; kw++) { \
      int64_t lo = cols->lo[kw], hi = cols->hi[kw], step = (p)->stride[2]; \
      int64_t from = (z * (p)->in[1] + h) * (p)->in[2] + kw * (p)->dilation[2] - (p)->pad[2]; \
      __VA_ARGS__ \
    }

enum { ROW = 256 }; /* columns at a time */

/* Comparisons by hand in vectors of LANES, because compilers make branches of them. I is an integer as wide as T. max_pairs: windows of 2 x 2
   side by side, the most common case. better: one tap of a row of windows, `step` apart. */
#define VECTORS(T, S, I, LANES) \
  typedef T vec_##S __attribute__((vector_size(LANES * sizeof(T)), aligned(sizeof(T)), may_alias)); \
  typedef I mask_##S __attribute__((vector_size(LANES * sizeof(T)), aligned(sizeof(T)), may_alias)); \
  typedef int64_t wide_##S __attribute__((vector_size(8 * LANES), aligned(8), may_alias)); \
  static inline void better_of_##S(vec_##S *v, mask_##S *at, vec_##S w, I place) { \
    mask_##S more = (w > *v) | (w != w); \
    *v = (vec_##S)((more & (mask_##S)w) | (~more & (mask_##S)*v)); \
    *at = (more & place) | (~more & *at); \
  } \
  static void max_pairs_##S(int64_t n, int64_t width, int64_t base, const T *x, T *y, int64_t *index) { \
    mask_##S even, odd, at; wide_##S count; \
    for (int i = 0; i < LANES; i++) even[i] = 2 * i, odd[i] = 2 * i + 1, count[i] = 2 * i + base + 1; \
    const T *r = x + base, *s = r + width; \
    for (int64_t k = 0; k < n; k += LANES) { \
      if (k + LANES > n) k = n - LANES; /* the last ones again, rather than a rest */ \
      vec_##S a = *(const vec_##S *)(r + 2 * k), b = *(const vec_##S *)(r + 2 * k + LANES); \
      vec_##S c = *(const vec_##S *)(s + 2 * k), d = *(const vec_##S *)(s + 2 * k + LANES), v = __builtin_shuffle(a, b, even); \
      at = even ^ even; \
      better_of_##S(&v, &at, __builtin_shuffle(a, b, odd), 1); \
      better_of_##S(&v, &at, __builtin_shuffle(c, d, even), (I)width); \
      better_of_##S(&v, &at, __builtin_shuffle(c, d, odd), (I)width + 1); \
      *(vec_##S *)(y + k) = v; \
      *(wide_##S *)(index + k) = __builtin_convertvector(at, wide_##S) + count + 2 * k; \
    } \
  } \
  static inline void better_##S(T *best, I *place, const T *x, int64_t n, int64_t step, I first) { \
    mask_##S even, count; int64_t i = 0; \
    for (int l = 0; l < LANES; l++) even[l] = 2 * l, count[l] = (I)(l * step) + first; \
    for (; step <= 2 && i + LANES + (step - 1) <= n; i += LANES) { /* a step of 2 reads one more than it needs */ \
      vec_##S w = *(const vec_##S *)(x + i * step), v = *(const vec_##S *)(best + i); mask_##S at = *(const mask_##S *)(place + i); \
      if (step == 2) w = __builtin_shuffle(w, *(const vec_##S *)(x + 2 * i + LANES), even); \
      mask_##S more = (w > v) | (w != w); \
      *(vec_##S *)(best + i) = (vec_##S)((more & (mask_##S)w) | (~more & (mask_##S)v)); \
      *(mask_##S *)(place + i) = (more & (count + (I)(i * step))) | (~more & at); \
    } \
    for (; i < n; i++) { \
      T v = x[i * step]; \
      bool more = (v > best[i]) | (v != v); \
      best[i] = more ? v : best[i]; \
      place[i] = more ? first + (I)(i * step) : place[i]; \
    } \
  }
VECTORS(float, f32, int32_t, 8)
VECTORS(float, narrow, int32_t, 4)
VECTORS(double, f64, int64_t, 4)

#define ROWS(T, S, I) \
  static void better_row_##S(T *best, I *place, const T *x, int64_t n, int64_t step, I at) { \
    if (step == 1) better_##S(best, place, x, n, 1, at); \
    else if (step == 2) better_##S(best, place, x, n, 2, at); \
    else better_##S(best, place, x, n, step, at); \
  } \
  static void max_row_##S(const tc_pool *p, const columns *cols, span a, span b, const T *x, T *y, int64_t *index) { \
    T best[ROW]; I place[ROW]; \
    for (int64_t first = 0; first < p->out[2]; first += ROW) { \
      int64_t last = first + ROW < p->out[2] ? first + ROW : p->out[2]; \
      for (int64_t i = first; i < last; i++) { \
        best[i - first] = -(T)INFINITY; \
        place[i - first] = (I)((a.from * p->in[1] + b.from) * p->in[2] + cols->window[i].from); \
      } \
      EACH_TAP(p, a, b, { \
        if (lo < first) lo = first; \
        if (hi > last) hi = last; \
        if (lo < hi) better_row_##S(best + lo - first, place + lo - first, x + from + lo * step, hi - lo, step, (I)(from + lo * step)); \
      }) \
      for (int64_t i = first; i < last; i++) y[i] = best[i - first], index[i] = (int64_t)place[i - first] + 1; \
    } \
  } \
  static void sum_row_##S(const tc_pool *p, const columns *cols, span a, span b, const T *x, T *y) { \
    for (int64_t i = 0; i < p->out[2]; i++) y[i] = 0; \
    EACH_TAP(p, a, b, { \
      if (step == 1) for (int64_t i = lo; i < hi; i++) y[i] += x[from + i]; \
      else if (step == 2) for (int64_t i = lo; i < hi; i++) y[i] += x[from + 2 * i]; \
      else for (int64_t i = lo; i < hi; i++) y[i] += x[from + i * step]; \
    }) \
  } \
  static void spread_row_##S(const tc_pool *p, const columns *cols, span a, span b, T *x, const T *g) { \
    EACH_TAP(p, a, b, { \
      if (step == 1) for (int64_t i = lo; i < hi; i++) x[from + i] += g[i]; \
      else for (int64_t i = lo; i < hi; i++) x[from + i * step] += g[i]; \
    }) \
  } \
  /* n neighbours; sixteen sums at a time */ \
  static T stretch_##S(const T *x, int64_t n) { \
    T lanes[16] = {0}; int64_t i = 0; \
    for (; i + 16 <= n; i += 16) for (int l = 0; l < 16; l++) lanes[l] += x[i + l]; \
    for (; i < n; i++) lanes[i % 16] += x[i]; \
    for (int half = 8; half > 0; half /= 2) for (int l = 0; l < half; l++) lanes[l] += lanes[l + half]; \
    return lanes[0]; \
  }
ROWS(float, f32, int32_t)
ROWS(double, f64, int64_t)

static double work_of(const tc_pool *p) { return (double)p->planes * (double)volume(p->out) * (p->adaptive ? 4 : (double)volume(p->k)); }

/* runs `body` for each output row of a plane, `o` its first output, a and b its windows in the first two dims */
#define EACH_ROW(p, ...) do { int64_t o = 0; \
  for (int64_t i = 0; i < (p)->out[0]; i++) { span a = window(p, 0, i); \
    for (int64_t j = 0; j < (p)->out[1]; j++, o += (p)->out[2]) { span b = window(p, 1, j); __VA_ARGS__ } } } while (0)

static bool by_rows(const tc_pool *p) { return !p->adaptive && volume(p->in) <= INT32_MAX; }

static bool in_pairs(const tc_pool *p) {
  return by_rows(p) && p->in[0] == 1 && p->k[0] == 1 && p->pad[0] + p->pad[1] + p->pad[2] == 0 && p->k[1] == 2 && p->k[2] == 2 && p->stride[1] == 2 &&
         p->stride[2] == 2 && p->dilation[1] == 1 && p->dilation[2] == 1 && 2 * p->out[1] <= p->in[1] && 2 * p->out[2] <= p->in[2];
}

#define MAX_PLANE(T, S, LANES, NARROW) \
  static void max_plane_##S(const tc_pool *p, const columns *cols, const T *x, T *y, int64_t *index) { \
    int64_t n = p->out[2], w = p->in[2]; \
    if (in_pairs(p) && n >= LANES) for (int64_t j = 0; j < p->out[1]; j++) max_pairs_##S(n, w, 2 * j * w, x, y + j * n, index + j * n); \
    else if (in_pairs(p) && n >= 4) for (int64_t j = 0; j < p->out[1]; j++) max_pairs_##NARROW(n, w, 2 * j * w, x, y + j * n, index + j * n); \
    else EACH_ROW(p, { max_row_##S(p, cols, a, b, x, y + o, index + o); }); \
  }
MAX_PLANE(float, f32, 8, narrow)
MAX_PLANE(double, f64, 4, f64)

/* index holds the place of each maximum in its plane, from 1; a nan wins */
int TC_KERNEL(max_pool)(const tc_pool *p, int dtype, void *y_, int64_t *index, const void *x_) {
  int64_t in = volume(p->in), out = volume(p->out);
  columns cols;
  if (!columns_new(p, &cols)) return TC_NO_MEMORY;
  TC_PARALLEL(p->planes, 1, work_of(p)) {
    for (int64_t plane = lo; plane < hi; plane++) {
      int64_t *places = index + plane * out;
      if (by_rows(p)) {
        if (dtype == TC_FLOAT64) max_plane_f64(p, &cols, (const double *)x_ + plane * in, (double *)y_ + plane * out, places);
        else max_plane_f32(p, &cols, (const float *)x_ + plane * in, (float *)y_ + plane * out, places);
        continue;
      }
      TC_FLOATS(dtype, {
        const T *x = (const T *)x_ + plane * in; T *y = (T *)y_ + plane * out;
        EACH_OUTPUT(p, {
          T best = -(T)INFINITY; int64_t place = (a.from * p->in[1] + b.from) * p->in[2] + c.from;
          EACH_INPUT(p, { if (x[at] > best || x[at] != x[at]) best = x[at], place = at; })
          y[o] = best; places[o] = place + 1;
        });
      });
    }
  } TC_PARALLEL_END
  columns_free(&cols);
  return TC_OK;
}

static int64_t divisor(const tc_pool *p, span a, span b, span c) {
  if (p->divisor) return p->divisor;
  if (p->count_borders) return a.counted * b.counted * c.counted;
  return (a.to - a.from) * (b.to - b.from) * (c.to - c.from);
}

/* what one plane's rows of outputs are divided by, one number for each column where a and b are given */
#define SHARES(T, S) \
  static void divide_row_##S(const tc_pool *p, span a, span b, const columns *cols, T *to, const T *from) { \
    if (p->divisor || (p->count_borders && a.counted == p->k[0] && b.counted == p->k[1] && cols->window[p->out[2] - 1].counted == p->k[2])) { \
      T all = (T)divisor(p, a, b, cols->window[0]); \
      for (int64_t i = 0; i < p->out[2]; i++) to[i] = from[i] / all; \
    } else for (int64_t i = 0; i < p->out[2]; i++) to[i] = from[i] / (T)divisor(p, a, b, cols->window[i]); \
  } \
  static void avg_plane_##S(const tc_pool *p, const columns *cols, T *y, const T *x) { \
    EACH_ROW(p, { sum_row_##S(p, cols, a, b, x, y + o); divide_row_##S(p, a, b, cols, y + o, y + o); }); \
  } \
  static void avg_unplane_##S(const tc_pool *p, const columns *cols, T *x, const T *g, T *shares) { \
    EACH_ROW(p, { divide_row_##S(p, a, b, cols, shares, g + o); spread_row_##S(p, cols, a, b, x, shares); }); \
  } \
  static void adaptive_plane_##S(const tc_pool *p, T *y, const T *x) { \
    EACH_OUTPUT(p, { \
      T sum = 0; \
      if (b.to - b.from == p->in[1] && c.to - c.from == p->in[2]) sum = stretch_##S(x + a.from * p->in[1] * p->in[2], (a.to - a.from) * p->in[1] * p->in[2]); \
      else for (int64_t z = a.from; z < a.to; z++) for (int64_t h = b.from; h < b.to; h++) \
        sum += stretch_##S(x + (z * p->in[1] + h) * p->in[2] + c.from, c.to - c.from); \
      y[o] = sum / (T)divisor(p, a, b, c); \
    }); \
  }
SHARES(float, f32)
SHARES(double, f64)

int TC_KERNEL(avg_pool)(const tc_pool *p, int dtype, void *y_, const void *x_) {
  int64_t in = volume(p->in), out = volume(p->out);
  columns cols;
  if (!columns_new(p, &cols)) return TC_NO_MEMORY;
  TC_PARALLEL(p->planes, 1, work_of(p)) {
    for (int64_t plane = lo; plane < hi; plane++) {
      if (dtype == TC_FLOAT64) {
        if (p->adaptive) adaptive_plane_f64(p, (double *)y_ + plane * out, (const double *)x_ + plane * in);
        else avg_plane_f64(p, &cols, (double *)y_ + plane * out, (const double *)x_ + plane * in);
      } else if (p->adaptive) adaptive_plane_f32(p, (float *)y_ + plane * out, (const float *)x_ + plane * in);
      else avg_plane_f32(p, &cols, (float *)y_ + plane * out, (const float *)x_ + plane * in);
    }
  } TC_PARALLEL_END
  columns_free(&cols);
  return TC_OK;
}

/* x becomes the sum of each g spread over its window */
int TC_KERNEL(avg_unpool)(const tc_pool *p, int dtype, void *x_, const void *g_) {
  int64_t in = volume(p->in), out = volume(p->out);
  int status = TC_OK;
  columns cols;
  if (!columns_new(p, &cols)) return TC_NO_MEMORY;
  TC_PARALLEL(p->planes, 1, work_of(p)) {
    void *shares = malloc((size_t)(p->out[2] + 1) * sizeof(double));
    if (!shares) status = TC_NO_MEMORY;
    for (int64_t plane = lo; shares && plane < hi; plane++) {
      memset((char *)x_ + plane * in * tc_dtype_bytes(dtype), 0, (size_t)(in * tc_dtype_bytes(dtype)));
      if (!p->adaptive && dtype == TC_FLOAT64) avg_unplane_f64(p, &cols, (double *)x_ + plane * in, (const double *)g_ + plane * out, shares);
      else if (!p->adaptive) avg_unplane_f32(p, &cols, (float *)x_ + plane * in, (const float *)g_ + plane * out, shares);
      else TC_FLOATS(dtype, {
        T *x = (T *)x_ + plane * in; const T *g = (const T *)g_ + plane * out;
        EACH_OUTPUT(p, {
          T share = g[o] / (T)divisor(p, a, b, c);
          EACH_INPUT(p, { x[at] += share; })
        });
      });
    }
    free(shares);
  } TC_PARALLEL_END
  columns_free(&cols);
  return status;
}

/* x (planes, size of a plane) becomes zero but for g (planes, count) at the places in index, added up or the last one kept. The other
   way: take. */
int TC_KERNEL(plane_put)(int64_t planes, int64_t size, int64_t count, bool add, int dtype, void *x_, const void *g_, const int64_t *index, tc_fault *fault) {
  int status = TC_OK;
  TC_PARALLEL(planes, 1, (double)planes * (double)(count + size / 8)) {
    for (int64_t plane = lo; plane < hi; plane++)
      TC_FLOATS(dtype, {
        T *x = (T *)x_ + plane * size; const T *g = (const T *)g_ + plane * count; const int64_t *at = index + plane * count;
        memset(x, 0, (size_t)size * sizeof(T));
        for (int64_t i = 0; i < count; i++) {
          if (at[i] < 1 || at[i] > size) { *fault = (tc_fault){plane * count + i, at[i]}; status = TC_FAULT; break; }
          x[at[i] - 1] = add ? x[at[i] - 1] + g[i] : g[i];
        }
      });
  } TC_PARALLEL_END
  return status;
}

int TC_KERNEL(plane_take)(int64_t planes, int64_t size, int64_t count, int dtype, void *y_, const void *x_, const int64_t *index, tc_fault *fault) {
  int status = TC_OK;
  TC_PARALLEL(planes, 1, (double)planes * (double)count) {
    for (int64_t plane = lo; plane < hi; plane++)
      TC_FLOATS(dtype, {
        const T *x = (const T *)x_ + plane * size; T *y = (T *)y_ + plane * count; const int64_t *at = index + plane * count;
        for (int64_t i = 0; i < count; i++) {
          if (at[i] < 1 || at[i] > size) { *fault = (tc_fault){plane * count + i, at[i]}; status = TC_FAULT; break; }
          y[i] = x[at[i] - 1];
        }
      });
  } TC_PARALLEL_END
  return status;
}
