/* moments.c: variances, deviations and means over any axes, in double, by merging the moments of blocks (Chan, Golub and LeVeque 1983),
 * so that a large mean does not swallow a small variance. */
#include "cut.h"
#include "cpu.h"
#include <stdlib.h>

typedef struct moments { double mean[TILE], m2[TILE]; } moments; /* of the elements seen so far: their mean, the sum of squares around it */

typedef struct job {
  const tc_reduction *r;
  cut c;
  bool direct;
  int in_bytes;
  char *mean;
  moments *parts;
} job;

static const void *fetch(const job *j, const char *p, int64_t n, int64_t stride, void *buffer) {
  const tc_reduction *r = j->r;
  if (j->direct) return p;
  if (r->compute == TC_FLOAT32) TC_KERNEL(load_f32)(n, buffer, p, r->in_dtype, stride);
  else TC_KERNEL(load_f64)(n, buffer, p, r->in_dtype, stride);
  return buffer;
}

/* Two groups as one: b elements of mean mb join a elements. */
static inline void merge(int64_t n, double *mean, double *m2, double a, const double *mb, const double *m2b, double b) {
  double share = b / (a + b), cross = a * share;
  for (int64_t i = 0; i < n; i++) {
    double d = mb[i] - mean[i];
    mean[i] += d * share;
    m2[i] += m2b[i] + d * d * cross;
  }
}

/* The moments of a block that lies in the first cache level: the mean, then the squares around it. */
#define BLOCK_MOMENTS(name, T) \
static void name(int64_t n, const void *from, double *mean, double *m2) { \
  const T *x = from; double lane[16] = {0}, sum = 0; int64_t i = 0; \
  for (; i + 16 <= n; i += 16) for (int j = 0; j < 16; j++) lane[j] += (double)x[i + j]; \
  for (int j = 0; j < 16; j++) sum += lane[j], lane[j] = 0; \
  for (; i < n; i++) sum += (double)x[i]; \
  double m = sum / (double)n, squares = 0; \
  for (i = 0; i + 16 <= n; i += 16) for (int j = 0; j < 16; j++) lane[j] += ((double)x[i + j] - m) * ((double)x[i + j] - m); \
  for (int j = 0; j < 16; j++) squares += lane[j]; \
  for (; i < n; i++) squares += ((double)x[i] - m) * ((double)x[i] - m); \
  *mean = m; \
  *m2 = squares; \
} \
/* Four lines at once, as differences d to the block's first line: sums of d and of d^2. */ \
static void name##_lines(int64_t n, const void *const *from, const void *base, double *restrict sum, double *restrict squares) { \
  const T *x = from[0], *y = from[1], *z = from[2], *w = from[3], *k = base; \
  for (int64_t i = 0; i < n; i++) { \
    double a = (double)x[i] - (double)k[i], b = (double)y[i] - (double)k[i], c = (double)z[i] - (double)k[i], d = (double)w[i] - (double)k[i]; \
    sum[i] += (a + b) + (c + d); \
    squares[i] += (a * a + b * b) + (c * c + d * d); \
  } \
} \
/* sum and squares become the mean and the squares around it */ \
static void name##_centre(int64_t n, const void *base, double count, double *restrict sum, double *restrict squares) { \
  const T *k = base; double inverse = 1 / count; \
  for (int64_t i = 0; i < n; i++) { \
    double d = sum[i] * inverse, m2 = squares[i] - sum[i] * d; \
    sum[i] = (double)k[i] + d; \
    squares[i] = m2 > 0 || m2 != m2 ? m2 : 0; \
  } \
}
BLOCK_MOMENTS(block_f, float)
BLOCK_MOMENTS(block_d, double)

static void rows(const job *j, int64_t first, int64_t last, int64_t lo, int64_t hi, moments *f) {
  const tc_reduction *r = j->r;
  const tc_axis *inner = &r->fold[r->nreduced - 1];
  double buffer[BLOCK], mean, m2;
  walk kept, w;
  walk_to(&kept, r->nkept, r->keep, first);
  for (int64_t k = 0; k < last - first; k++, walk_next(&kept)) {
    walk_to(&w, r->nreduced - 1, r->fold, lo / inner->size);
    for (int64_t at = lo, i = lo % inner->size, n; at < hi; at += n) {
      n = inner->size - i < hi - at ? inner->size - i : hi - at;
      if (n > BLOCK) n = BLOCK;
      const void *x = fetch(j, r->in + (kept.in + w.in + i * inner->in) * j->in_bytes, n, inner->in, buffer);
      (r->compute == TC_FLOAT32 ? block_f : block_d)(n, x, &mean, &m2);
      merge(1, f->mean + k, f->m2 + k, (double)(at - lo), &mean, &m2, (double)n);
      if ((i += n) == inner->size) i = 0, walk_next(&w);
    }
  }
}

enum { LINES = 256 };

/* A block of lines: short enough that the differences to its first line lose nothing that matters. */
static void block_lines(const job *j, walk *w, const char *p, int64_t width, int64_t n, moments *b) {
  const tc_reduction *r = j->r;
  int64_t stride = r->keep[r->nkept - 1].in;
  double first[BLOCK], buffer[4][BLOCK];
  const void *line[4], *base = fetch(j, p + w->in * j->in_bytes, width, stride, first);
  bool single = r->compute == TC_FLOAT32;
  for (int64_t i = 0; i < width; i++) b->mean[i] = b->m2[i] = 0;
  for (int64_t at = 0; at < n; at += 4) {
    for (int k = 0; k < 4; k++) {                     /* past the end the base stands in: it adds nothing */
      line[k] = at + k < n ? fetch(j, p + w->in * j->in_bytes, width, stride, buffer[k]) : base;
      if (at + k < n) walk_next(w);
    }
    (single ? block_f_lines : block_d_lines)(width, line, base, b->mean, b->m2);
  }
  (single ? block_f_centre : block_d_centre)(width, base, (double)n, b->mean, b->m2);
}

static void lines(const job *j, int64_t first, int64_t last, int64_t lo, int64_t hi, moments *f) {
  const tc_reduction *r = j->r;
  moments block;
  walk kept, w;
  walk_to(&kept, r->nkept, r->keep, first);
  walk_to(&w, r->nreduced, r->fold, lo);
  for (int64_t at = lo; at < hi; at += LINES) {
    int64_t n = hi - at < LINES ? hi - at : LINES;
    block_lines(j, &w, r->in + kept.in * j->in_bytes, last - first, n, &block);
    merge(last - first, f->mean, f->m2, (double)(at - lo), block.mean, block.m2, (double)n);
  }
}

static void store(const tc_reduction *r, char *to, int64_t first, int64_t last, const double *from) {
  int64_t stride = r->keep[r->nkept - 1].out, at;
  for (int64_t n; first < last; first += n, from += n) {
    n = output_run(r, first, last, &at);
    TC_KERNEL(store_f64)(n, to + at * tc_dtype_bytes(r->out_dtype), r->out_dtype, stride, from);
  }
}

/* r->divisor is the correction; no degrees of freedom give inf or NaN, and nothing at all NaN. */
static void store_moments(const job *j, int64_t first, int64_t last, moments *f) {
  const tc_reduction *r = j->r;
  double freedom = (double)r->reduced - r->divisor;
  if (freedom < 0) freedom = 0;
  for (int64_t i = 0; i < last - first; i++) {
    f->m2[i] = r->reduced ? f->m2[i] / freedom : NAN;
    if (r->op == TC_FOLD_EUCLID) f->m2[i] = sqrt(f->m2[i]);
    if (!r->reduced) f->mean[i] = NAN;
  }
  store(r, r->out, first, last, f->m2);
  if (j->mean) store(r, j->mean, first, last, f->mean);
}

static void unit(const job *j, int64_t u) {
  moments own, *f = j->parts ? &j->parts[u] : &own;
  int64_t first, last, lo, hi;
  unit_bounds(&j->c, j->r, u, &first, &last, &lo, &hi);
  for (int64_t i = 0; i < last - first; i++) f->mean[i] = f->m2[i] = 0;
  if (lo < hi) (j->c.columns ? lines : rows)(j, first, last, lo, hi, f);
  if (!j->parts) store_moments(j, first, last, f);
}

static void join_chunks(const job *j) {
  for (int64_t t = 0; t < j->c.tiles; t++) {
    int64_t first, last;
    tile_bounds(&j->c, j->r, t, &first, &last);
    moments *f = &j->parts[t];
    for (int64_t c = 1; c < j->c.chunks; c++) {
      const moments *more = f + c * j->c.tiles;
      int64_t before = c * j->c.chunk, n = before + j->c.chunk < j->r->reduced ? j->c.chunk : j->r->reduced - before;
      merge(last - first, f->mean, f->m2, (double)before, more->mean, more->m2, (double)n);
    }
    store_moments(j, first, last, f);
  }
}

int TC_KERNEL(moments)(const tc_reduction *r, void *mean) {
  job j = {.r = r, .in_bytes = tc_dtype_bytes(r->in_dtype), .mean = mean};
  if (r->kept == 0) return TC_OK;
  cut_up(&j.c, r);
  int64_t dense = j.c.columns ? r->keep[r->nkept - 1].in : r->fold[r->nreduced - 1].in, units = j.c.chunks * j.c.tiles;
  j.direct = r->in_dtype == r->compute && dense == 1;
  if (j.c.chunks > 1 && !(j.parts = malloc((size_t)units * sizeof(moments)))) return TC_NO_MEMORY;
  EACH_UNIT(units, (double)r->kept * (double)r->reduced, unit(&j, u));
  if (j.parts) join_chunks(&j);
  free(j.parts);
  return TC_OK;
}
