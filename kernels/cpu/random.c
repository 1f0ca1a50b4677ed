/* random.c: tensors of random numbers; see philox.h for which element gets which bits. Tensors are row-major here. */
#pragma GCC optimize("fp-contract=off")
#include "cpu.h"
#include "../variate.h"
#include <stdlib.h>

enum { WIDE = TC_PHILOX_WIDE, WORDS = 4 * WIDE, PAIRS = 2 * WIDE };

/* The words of one group: word w of block b at [w * WIDE + b], the order in which elements take them. */
#ifdef __AVX512F__
/* tc_philox for all blocks at once, each word in a lane of 64 bits: so a product is one instruction. */
static void group_words(tc_stream s, uint64_t group, uint32_t *to) {
  uint64_t x0[WIDE], x1[WIDE], x2[WIDE], x3[WIDE], k0 = (uint32_t)s.seed, k1 = s.seed >> 32;
  for (int b = 0; b < WIDE; b++) {
    uint64_t block = group * WIDE + (uint64_t)b;
    x0[b] = (uint32_t)block;
    x1[b] = block >> 32 & 0xffff;
    x2[b] = (uint32_t)s.call;
    x3[b] = s.call >> 32;
  }
#pragma GCC unroll 10
  for (int round = 0; round < 10; round++) {
    for (int b = 0; b < WIDE; b++) {
      uint64_t p = (uint64_t)0xD2511F53u * (uint32_t)x0[b], q = (uint64_t)0xCD9E8D57u * (uint32_t)x2[b];
      x0[b] = (q >> 32) ^ x1[b] ^ k0;
      x2[b] = (p >> 32) ^ x3[b] ^ k1;
      x1[b] = (uint32_t)q;
      x3[b] = (uint32_t)p;
    }
    k0 = (uint32_t)(k0 + 0x9E3779B9u);
    k1 = (uint32_t)(k1 + 0xBB67AE85u);
  }
  for (int b = 0; b < WIDE; b++) {
    to[b] = (uint32_t)x0[b];
    to[WIDE + b] = (uint32_t)x1[b];
    to[2 * WIDE + b] = (uint32_t)x2[b];
    to[3 * WIDE + b] = (uint32_t)x3[b];
  }
}
#else
static void group_words(tc_stream s, uint64_t group, uint32_t *to) {
  for (int b = 0; b < WIDE; b++) {
    uint32_t c[4];
    tc_philox(s, group * WIDE + (uint64_t)b, 0, c);
    for (int w = 0; w < 4; w++) to[w * WIDE + b] = c[w];
  }
}
#endif

/* 64 bits for each of PAIRS elements */
static void group_pairs(tc_stream s, uint64_t group, uint64_t *to) {
  uint32_t w[WORDS];
  group_words(s, group, w);
  for (int i = 0; i < WIDE; i++) to[i] = tc_two_words(w[i], w[WIDE + i]);
  for (int i = 0; i < WIDE; i++) to[WIDE + i] = tc_two_words(w[2 * WIDE + i], w[3 * WIDE + i]);
}

/* ---- float: WORDS elements of a group ---- */
static void normal_floats(const tc_draw *d, const uint32_t *w, float *v) {
  const float mean = (float)d->a, deviation = (float)d->b;
  for (int half = 0; half < 2; half++, w += 2 * WIDE, v += 2 * WIDE) {
    float r[WIDE];
    for (int i = 0; i < WIDE; i++) r[i] = sqrtf(tc_random_radius_squared(w[i]));
    for (int i = 0; i < WIDE; i++) {
      float c, s;
      tc_random_angle(w[WIDE + i], &c, &s);
      v[i] = tc_mad(r[i] * c, deviation, mean);
      v[WIDE + i] = tc_mad(r[i] * s, deviation, mean);
    }
  }
}

/* Rounding must not lift a number to the upper end: half types get as many bits as they hold. */
static void uniform_floats(const tc_draw *d, int dtype, const uint32_t *w, float *v) {
  const float a = (float)d->a, b = (float)d->b, span = (float)(d->b - d->a);
  const uint32_t keep = dtype == TC_FLOAT16 ? 0xffe00000u : dtype == TC_BFLOAT16 ? 0xff000000u : 0xffffffffu;
  for (int i = 0; i < WORDS; i++) {
    float x = tc_mad(tc_unit_float(w[i] & keep), span, a);
    v[i] = x < b ? x : a;
  }
}

static void bernoulli_floats(const tc_draw *d, const uint32_t *w, float *v) {
  const uint64_t limit = (uint64_t)(d->a * 0x1p32);
  for (int i = 0; i < WORDS; i++) v[i] = w[i] < limit ? 1.0f : 0.0f;
}

static void group_floats(const tc_draw *d, int dtype, uint64_t group, float *v) {
  uint32_t w[WORDS];
  group_words(d->stream, group, w);
  if (d->op == TC_DRAW_NORMAL) normal_floats(d, w, v);
  else if (d->op == TC_DRAW_UNIFORM) uniform_floats(d, dtype, w, v);
  else bernoulli_floats(d, w, v);
}

/* ---- double: PAIRS elements of a group ---- */
static void normal_doubles(const tc_draw *d, const uint64_t *w, double *v) {
  for (int i = 0; i < WIDE; i++) {
    double r = sqrt(-2 * log(tc_open_double(w[i]))), angle = 6.283185307179586476925 * tc_unit_double(w[WIDE + i]);
    v[i] = d->a + d->b * (r * cos(angle));
    v[WIDE + i] = d->a + d->b * (r * sin(angle));
  }
}

static double one_double(const tc_draw *d, uint64_t bits) {
  double u = tc_open_double(bits), x;
  switch (d->op) {
    case TC_DRAW_UNIFORM:
      x = d->a + tc_unit_double(bits) * (d->b - d->a);
      return x < d->b ? x : d->a;
    case TC_DRAW_EXPONENTIAL: return -log(u) / d->a;
    case TC_DRAW_CAUCHY: return d->a + d->b * tan(3.14159265358979323846 * (u - 0.5));
    case TC_DRAW_GEOMETRIC: return d->a >= 1 ? 1 : ceil(log(u) / log1p(-d->a));
    default: return u < d->a ? 1 : 0;
  }
}

static void group_doubles(const tc_draw *d, uint64_t group, double *v) {
  uint64_t w[PAIRS];
  group_pairs(d->stream, group, w);
  if (d->op == TC_DRAW_NORMAL || d->op == TC_DRAW_LOG_NORMAL) normal_doubles(d, w, v);
  else for (int i = 0; i < PAIRS; i++) v[i] = one_double(d, w[i]);
  if (d->op == TC_DRAW_LOG_NORMAL)
    for (int i = 0; i < PAIRS; i++) v[i] = exp(v[i]);
}

/* ---- the tensors ---- */
static bool in_floats(const tc_draw *d, int dtype) {
  if (d->op == TC_DRAW_BERNOULLI) return true;
  return (d->op == TC_DRAW_UNIFORM || d->op == TC_DRAW_NORMAL) && dtype != TC_FLOAT64;
}

static void floats_share(const tc_view *y, const tc_draw *d, int64_t lo, int64_t hi) {
  int bytes = tc_dtype_bytes(y->dtype);
  for (int64_t g = lo; g < hi; g++) {
    float v[WORDS];
    int64_t first = g * WORDS, n = y->numel - first < WORDS ? y->numel - first : WORDS;
    group_floats(d, y->dtype, (uint64_t)g, v);
    char *to = (char *)y->data + first * bytes;
    if (y->dtype == TC_FLOAT32) memcpy(to, v, (size_t)n * sizeof *v);
    else TC_KERNEL(store_f32)(n, to, y->dtype, 1, v);
  }
}

static void pairs_share(const tc_view *y, const tc_draw *d, int64_t lo, int64_t hi) {
  int bytes = tc_dtype_bytes(y->dtype);
  for (int64_t g = lo; g < hi; g++) {
    int64_t first = g * PAIRS, n = y->numel - first < PAIRS ? y->numel - first : PAIRS;
    char *to = (char *)y->data + first * bytes;
    if (d->op == TC_DRAW_WHOLE) {
      uint64_t w[PAIRS];
      int64_t v[PAIRS];
      group_pairs(d->stream, (uint64_t)g, w);
      for (int i = 0; i < PAIRS; i++) v[i] = (int64_t)((uint64_t)d->low + tc_below(w[i], d->span));
      TC_KERNEL(store_i64)(n, to, y->dtype, 1, v);
    } else {
      double v[PAIRS];
      group_doubles(d, (uint64_t)g, v);
      TC_KERNEL(store_f64)(n, to, y->dtype, 1, v);
    }
  }
}

int TC_KERNEL(random)(const tc_view *y, const tc_draw *d) {
  if (in_floats(d, y->dtype)) {
    TC_PARALLEL((y->numel + WORDS - 1) / WORDS, 4, (double)y->numel * (d->op == TC_DRAW_NORMAL ? 3 : 1)) {
      floats_share(y, d, lo, hi);
    } TC_PARALLEL_END
  } else {
    TC_PARALLEL((y->numel + PAIRS - 1) / PAIRS, 4, (double)y->numel * (d->op == TC_DRAW_WHOLE ? 2 : 12)) {
      pairs_share(y, d, lo, hi);
    } TC_PARALLEL_END
  }
  return TC_OK;
}

/* ---- elements with parameters of their own: element i uses block i, as many draws as it needs ---- */
static void from_share(const tc_view *y, const tc_view *x, const tc_view *z, const tc_draw *d, int64_t lo, int64_t hi) {
  int yb = tc_dtype_bytes(y->dtype), xb = tc_dtype_bytes(x->dtype), zb = z ? tc_dtype_bytes(z->dtype) : 0;
  for (int64_t g = lo; g < hi; g++) {
    double v[WORDS], more[WORDS] = {0};
    uint32_t w[WORDS];
    int64_t first = g * WORDS, n = y->numel - first < WORDS ? y->numel - first : WORDS;
    TC_KERNEL(load_f64)(n, v, (const char *)x->data + first * xb, x->dtype, 1);
    if (z) TC_KERNEL(load_f64)(n, more, (const char *)z->data + first * zb, z->dtype, 1);
    if (d->op == TC_DRAW_BERNOULLI) group_words(d->stream, (uint64_t)g, w);
    for (int64_t i = 0; i < n; i++) {
      tc_source s = {d->stream, (uint64_t)(first + i), 0, 0, {0, 0, 0, 0}};
      if (d->op == TC_DRAW_BERNOULLI) v[i] = (double)w[i] < v[i] * 0x1p32;
      else v[i] = tc_variate(d->op, v[i], more[i], &s);
    }
    TC_KERNEL(store_f64)(n, (char *)y->data + first * yb, y->dtype, 1, v);
  }
}

int TC_KERNEL(random_from)(const tc_view *y, const tc_view *x, const tc_view *z, const tc_draw *d) {
  TC_PARALLEL((y->numel + WORDS - 1) / WORDS, 1, (double)y->numel * (d->op == TC_DRAW_BERNOULLI ? 2 : 60)) {
    from_share(y, x, z, d, lo, hi);
  } TC_PARALLEL_END
  return TC_OK;
}

/* ---- dropout: y = x * scale where the element's word is at least p, else 0 ---- */
static void drop(int64_t n, float *y, const float *x, const uint32_t *w, uint64_t limit, float scale) {
  if (limit >> 32) memset(y, 0, (size_t)n * sizeof *y);
  else for (int64_t i = 0; i < n; i++) y[i] = w[i] >= (uint32_t)limit ? x[i] * scale : 0.0f;
}

static void drop_group(const tc_view *y, const tc_view *x, const tc_draw *d, int64_t g) {
  uint32_t w[WORDS];
  const uint64_t limit = (uint64_t)(d->a * 0x1p32);
  int64_t first = g * WORDS, n = y->numel - first < WORDS ? y->numel - first : WORDS, bytes = tc_dtype_bytes(y->dtype);
  char *to = (char *)y->data + first * bytes;
  const char *from = (const char *)x->data + first * bytes;
  group_words(d->stream, (uint64_t)g, w);
  if (y->dtype == TC_FLOAT32) {
    drop(n, (float *)to, (const float *)from, w, limit, (float)d->b);
  } else if (y->dtype == TC_FLOAT64) {
    for (int64_t i = 0; i < n; i++) ((double *)to)[i] = w[i] >= limit ? ((const double *)from)[i] * d->b : 0;
  } else {
    float v[WORDS];
    TC_KERNEL(load_f32)(n, v, from, x->dtype, 1);
    drop(n, v, v, w, limit, (float)d->b);
    TC_KERNEL(store_f32)(n, to, y->dtype, 1, v);
  }
}

int TC_KERNEL(dropout)(const tc_view *y, const tc_view *x, const tc_draw *d) {
  TC_PARALLEL((y->numel + WORDS - 1) / WORDS, 4, (double)y->numel) {
    for (int64_t g = lo; g < hi; g++) drop_group(y, x, d, g);
  } TC_PARALLEL_END
  return TC_OK;
}

/* ---- multinomial: y (rows, n) gets places from 1 by the weights w (rows, k) in float64 ---- */
static int row_problem(const double *w, int64_t k, int64_t n, bool replacement) {
  double sum = 0;
  int64_t positive = 0;
  for (int64_t i = 0; i < k; i++) {
    if (!(w[i] >= 0) || isinf(w[i])) return TC_BAD_WEIGHT;
    sum += w[i];
    positive += w[i] > 0;
  }
  if (!(sum > 0) || isinf(sum)) return TC_NO_WEIGHT;
  return replacement || positive >= n ? 0 : TC_TOO_FEW;
}

/* the first place whose cumulative weight exceeds u of the total; places without weight never do */
static void draw_again(int64_t *y, const double *w, int64_t n, int64_t k, tc_stream s, int64_t row, double *sums) {
  double sum = 0;
  int64_t last = 0;
  for (int64_t i = 0; i < k; i++) {
    sums[i] = sum += w[i];
    if (w[i] > 0) last = i;
  }
  for (int64_t j = 0; j < n; j++) {
    double u = tc_pair_number(s, row * n + j) * sum;
    int64_t lo = 0, hi = last;
    while (lo < hi) {
      int64_t middle = (lo + hi) / 2;
      if (sums[middle] > u) hi = middle;
      else lo = middle + 1;
    }
    y[j] = lo + 1;
  }
}

typedef struct racer { double time; int64_t place; } racer;
static int earlier(const void *a, const void *b) {
  const racer *x = a, *y = b;
  if (x->time != y->time) return x->time < y->time ? -1 : 1;
  return x->place < y->place ? -1 : x->place > y->place;
}

/* An exponential race: each place arrives after a time with its weight as the rate; the first n arrivals are drawn in order. */
static void draw_once(int64_t *y, const double *w, int64_t n, int64_t k, tc_stream s, int64_t row, racer *racers) {
  for (int64_t i = 0; i < k; i++)
    racers[i] = (racer){w[i] > 0 ? -log(tc_pair_number(s, row * k + i)) / w[i] : INFINITY, i + 1};
  if (n == 1) {
    for (int64_t i = 1; i < k; i++)
      if (earlier(&racers[i], &racers[0]) < 0) racers[0] = racers[i];
  } else {
    qsort(racers, (size_t)k, sizeof *racers, earlier);
  }
  for (int64_t j = 0; j < n; j++) y[j] = racers[j].place;
}

int TC_KERNEL(multinomial)(const tc_view *y, const tc_view *w, tc_stream s, bool replacement, tc_fault *fault) {
  int64_t rows = y->size[0], n = y->size[1], k = w->size[1];
  const double *weights = w->data;
  for (int64_t row = 0; row < rows; row++) {
    int problem = row_problem(weights + row * k, k, n, replacement);
    if (!problem) continue;
    *fault = (tc_fault){row, problem};
    return TC_FAULT;
  }
  void *room = malloc((size_t)k * (replacement ? sizeof(double) : sizeof(racer)));
  if (!room) return TC_NO_MEMORY;
  for (int64_t row = 0; row < rows; row++) {
    int64_t *to = (int64_t *)y->data + row * n;
    if (replacement) draw_again(to, weights + row * k, n, k, s, row, room);
    else draw_once(to, weights + row * k, n, k, s, row, room);
  }
  free(room);
  return TC_OK;
}
