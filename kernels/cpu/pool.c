/* pool.c: pooling over one to three dims: the largest element or the mean of each window. Planes are row-major: x (planes, in), y (planes, out).
   Windows are given for each dim as first (inclusive) and last (exclusive) input positions, so that adaptive pooling is the same loop. */
#include "cpu.h"

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

/* 2 x 2 windows side by side, the most common case: no loops inside */
#define MAX_2X2(T, S) \
  static void max_2x2_##S(const tc_pool *p, const T *x, T *y, int64_t *index) { \
    for (int64_t j = 0; j < p->out[1]; j++) { \
      int64_t base = 2 * j * p->in[2]; const T *r = x + base, *s = r + p->in[2]; \
      for (int64_t k = 0; k < p->out[2]; k++) { \
        T v = r[2 * k]; int64_t at = 2 * k; \
        if (r[2 * k + 1] > v || r[2 * k + 1] != r[2 * k + 1]) v = r[2 * k + 1], at = 2 * k + 1; \
        if (s[2 * k] > v || s[2 * k] != s[2 * k]) v = s[2 * k], at = p->in[2] + 2 * k; \
        if (s[2 * k + 1] > v || s[2 * k + 1] != s[2 * k + 1]) v = s[2 * k + 1], at = p->in[2] + 2 * k + 1; \
        *y++ = v; *index++ = base + at + 1; \
      } \
    } \
  }
MAX_2X2(float, f32)
MAX_2X2(double, f64)

static bool two_by_two(const tc_pool *p) {
  return !p->adaptive && p->in[0] == 1 && p->k[0] == 1 && p->k[1] == 2 && p->k[2] == 2 && p->stride[1] == 2 && p->stride[2] == 2 && p->pad[0] == 0 &&
         p->pad[1] == 0 && p->pad[2] == 0 && p->dilation[1] == 1 && p->dilation[2] == 1 && 2 * p->out[1] <= p->in[1] && 2 * p->out[2] <= p->in[2];
}

static double work_of(const tc_pool *p) { return (double)p->planes * (double)volume(p->out) * (p->adaptive ? 4 : (double)volume(p->k)); }

/* index holds the place of each maximum in its plane, from 1; a nan wins */
int TC_KERNEL(max_pool)(const tc_pool *p, int dtype, void *y_, int64_t *index, const void *x_) {
  int64_t in = volume(p->in), out = volume(p->out);
  TC_PARALLEL(p->planes, 1, work_of(p)) {
    for (int64_t plane = lo; plane < hi; plane++) {
      int64_t *places = index + plane * out;
      if (two_by_two(p)) {
        if (dtype == TC_FLOAT64) max_2x2_f64(p, (const double *)x_ + plane * in, (double *)y_ + plane * out, places);
        else max_2x2_f32(p, (const float *)x_ + plane * in, (float *)y_ + plane * out, places);
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
  return TC_OK;
}

static int64_t divisor(const tc_pool *p, span a, span b, span c) {
  if (p->divisor) return p->divisor;
  if (p->count_borders) return a.counted * b.counted * c.counted;
  return (a.to - a.from) * (b.to - b.from) * (c.to - c.from);
}

int TC_KERNEL(avg_pool)(const tc_pool *p, int dtype, void *y_, const void *x_) {
  int64_t in = volume(p->in), out = volume(p->out);
  TC_PARALLEL(p->planes, 1, work_of(p)) {
    for (int64_t plane = lo; plane < hi; plane++)
      TC_FLOATS(dtype, {
        const T *x = (const T *)x_ + plane * in; T *y = (T *)y_ + plane * out;
        EACH_OUTPUT(p, {
          double sum = 0;
          EACH_INPUT(p, { sum += (double)x[at]; })
          y[o] = (T)(sum / (double)divisor(p, a, b, c));
        });
      });
  } TC_PARALLEL_END
  return TC_OK;
}

/* x += each g spread over its window; x must be zero before */
int TC_KERNEL(avg_unpool)(const tc_pool *p, int dtype, void *x_, const void *g_) {
  int64_t in = volume(p->in), out = volume(p->out);
  TC_PARALLEL(p->planes, 1, work_of(p)) {
    for (int64_t plane = lo; plane < hi; plane++)
      TC_FLOATS(dtype, {
        T *x = (T *)x_ + plane * in; const T *g = (const T *)g_ + plane * out;
        EACH_OUTPUT(p, {
          T share = g[o] / (T)divisor(p, a, b, c);
          EACH_INPUT(p, { x[at] += share; })
        });
      });
  } TC_PARALLEL_END
  return TC_OK;
}

/* x (planes, size of a plane) gets g (planes, count) at the places in index, added up or the last one kept. The other way: take. */
int TC_KERNEL(plane_put)(int64_t planes, int64_t size, int64_t count, bool add, int dtype, void *x_, const void *g_, const int64_t *index, tc_fault *fault) {
  int status = TC_OK;
  TC_PARALLEL(planes, 1, (double)planes * (double)count) {
    for (int64_t plane = lo; plane < hi; plane++)
      TC_FLOATS(dtype, {
        T *x = (T *)x_ + plane * size; const T *g = (const T *)g_ + plane * count; const int64_t *at = index + plane * count;
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
