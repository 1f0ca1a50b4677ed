/* reduce.c: folds a strided tensor over any of its axes: sums, products, extremes, norms, tests. Not positions (arg_reduce.c), not variances (moments.c). */
#include "fold.h"
#include "cut.h"
#include <stdlib.h>

enum { NARROW = 64, VIRTUAL = 256 };

typedef struct job {
  const tc_reduction *r;
  const fold *f;
  cut c;
  bool direct;                  /* elements can be folded where they lie */
  int in_bytes;
  char *parts;                  /* [chunks][tiles][tile] accumulators, NULL if there is one chunk */
} job;

/* ---- reading ---- */
static void raise_to(int64_t n, double *x, double p) {
  if (p == 3) for (int64_t i = 0; i < n; i++) x[i] = fabs(x[i] * x[i] * x[i]);
  else if (p == 4) for (int64_t i = 0; i < n; i++) x[i] = x[i] * x[i] * (x[i] * x[i]);
  else if (p == 0.5) for (int64_t i = 0; i < n; i++) x[i] = sqrt(fabs(x[i]));
  else for (int64_t i = 0; i < n; i++) x[i] = pow(fabs(x[i]), p);
}

/* n <= BLOCK elements from p on, in the type computed in */
static const void *fetch(const job *j, const char *p, int64_t n, int64_t stride, void *buffer) {
  const tc_reduction *r = j->r;
  if (j->direct) return p;
  if (r->compute == TC_FLOAT32) TC_KERNEL(load_f32)(n, buffer, p, r->in_dtype, stride);
  else if (r->compute == TC_FLOAT64) TC_KERNEL(load_f64)(n, buffer, p, r->in_dtype, stride);
  else TC_KERNEL(load_i64)(n, buffer, p, r->in_dtype, stride);
  if (r->op == TC_FOLD_POWER) raise_to(n, buffer, r->p);
  return buffer;
}

/* ---- rows: the reduced axis is the dense one ---- */
static void fold_row(const job *j, const char *p, int64_t n, int64_t stride, void *acc) {
  double buffer[BLOCK];
  if (j->direct) { j->f->row(n, acc, p); return; }
  for (int64_t i = 0; i < n; i += BLOCK) {
    int64_t m = n - i < BLOCK ? n - i : BLOCK;
    j->f->row(m, acc, fetch(j, p + i * stride * j->in_bytes, m, stride, buffer));
  }
}

/* One output takes in the reduced positions lo .. hi-1 of the row-major order of the reduced axes. */
static void fold_range(const job *j, const char *p, int64_t lo, int64_t hi, void *acc) {
  const tc_reduction *r = j->r;
  const tc_axis *inner = &r->fold[r->nreduced - 1];
  if (r->nreduced == 1) { fold_row(j, p + lo * inner->in * j->in_bytes, hi - lo, inner->in, acc); return; }
  walk w;
  walk_to(&w, r->nreduced - 1, r->fold, lo / inner->size);
  for (int64_t at = lo % inner->size; lo < hi; at = 0, walk_next(&w)) {
    int64_t n = inner->size - at < hi - lo ? inner->size - at : hi - lo;
    fold_row(j, p + (w.in + at * inner->in) * j->in_bytes, n, inner->in, acc);
    lo += n;
  }
}

/* Images to channels, say: out[c] of (n, c, h, w) with small h * w: n is the outer loop, so that memory is read in order.
   lo and hi are multiples of the inner size. */
static void fold_bands(const job *j, int64_t first, int64_t last, int64_t lo, int64_t hi, char *acc) {
  const tc_reduction *r = j->r;
  const tc_axis *inner = &r->fold[r->nreduced - 1];
  walk outer, w;
  walk_to(&outer, r->nreduced - 1, r->fold, lo / inner->size);
  for (; lo < hi; lo += inner->size, walk_next(&outer)) {
    walk_to(&w, r->nkept, r->keep, first);
    for (int64_t k = first; k < last; k++, walk_next(&w))
      fold_row(j, r->in + (outer.in + w.in) * j->in_bytes, inner->size, inner->in, acc + (k - first) * j->f->bytes);
  }
}

static void fold_rows(const job *j, int64_t first, int64_t last, int64_t lo, int64_t hi, char *acc) {
  const tc_reduction *r = j->r;
  if (j->c.banded) { fold_bands(j, first, last, lo, hi, acc); return; }
  walk w;
  walk_to(&w, r->nkept, r->keep, first);
  for (int64_t k = first; k < last; k++, walk_next(&w))
    fold_range(j, r->in + w.in * j->in_bytes, lo, hi, acc + (k - first) * j->f->bytes);
}

/* ---- columns: a kept axis is the dense one ---- */
static void fold_lines(const job *j, const char *p, int64_t width, int64_t lo, int64_t hi, char *acc) {
  const tc_reduction *r = j->r;
  double buffer[4][BLOCK];
  const void *line[4];
  int have = 0;
  int64_t stride = r->keep[r->nkept - 1].in;
  walk w;
  walk_to(&w, r->nreduced, r->fold, lo);
  for (; lo < hi; lo++, walk_next(&w)) {
    line[have] = fetch(j, p + w.in * j->in_bytes, width, stride, buffer[have]);
    if (++have == 4) j->f->rows4(width, acc, line), have = 0;
  }
  for (int i = 0; i < have; i++) j->f->rows1(width, acc, line[i]);
}

/* Lines of a few elements that follow each other in memory are folded several at a time, as one long line. */
static void fold_narrow(const job *j, const char *p, int64_t width, int64_t lo, int64_t hi, char *acc) {
  int64_t together = (hi - lo) / 4 < VIRTUAL / width ? (hi - lo) / 4 : VIRTUAL / width;
  if (together < 1) together = 1;
  const int64_t wide = together * width, line_bytes = width * j->in_bytes;
  double sums[VIRTUAL], buffer[4][BLOCK];
  const void *line[4];
  int have = 0;
  j->f->init(wide, sums);
  for (; lo + together <= hi; lo += together) {
    line[have] = fetch(j, p + lo * line_bytes, wide, 1, buffer[have]);
    if (++have == 4) j->f->rows4(wide, sums, line), have = 0;
  }
  for (int i = 0; i < have; i++) j->f->rows1(wide, sums, line[i]);
  for (; lo < hi; lo++) j->f->rows1(width, sums, fetch(j, p + lo * line_bytes, width, 1, buffer[0]));
  for (int64_t i = 0; i < together; i++) j->f->join(width, acc, (char *)sums + i * width * j->f->bytes);
}

static void fold_columns(const job *j, int64_t first, int64_t last, int64_t lo, int64_t hi, char *acc) {
  const tc_reduction *r = j->r;
  const tc_axis *inner = &r->keep[r->nkept - 1];
  walk w;
  walk_to(&w, r->nkept, r->keep, first);
  const char *p = r->in + w.in * j->in_bytes;
  bool packed = r->nreduced == 1 && inner->in == 1 && r->fold[0].in == inner->size;
  if (packed && inner->size < NARROW) fold_narrow(j, p, last - first, lo, hi, acc);
  else fold_lines(j, p, last - first, lo, hi, acc);
}

/* ---- writing ---- */
static void finish(const tc_reduction *r, int64_t n, double *acc) {
  if (r->divisor != 1) for (int64_t i = 0; i < n; i++) acc[i] /= r->divisor;
  if (r->op == TC_FOLD_EUCLID) for (int64_t i = 0; i < n; i++) acc[i] = sqrt(acc[i]);
  if (r->op == TC_FOLD_POWER) for (int64_t i = 0; i < n; i++) acc[i] = pow(acc[i], 1 / r->p);
}

static void store_tile(const job *j, int64_t first, int64_t last, char *acc) {
  const tc_reduction *r = j->r;
  if (j->f->kind == TC_FLOAT64) finish(r, last - first, (double *)acc);
  for (int64_t n; first < last; first += n, acc += n * j->f->bytes) {
    int64_t at, stride = r->keep[r->nkept - 1].out;
    n = output_run(r, first, last, &at);
    char *out = r->out + at * tc_dtype_bytes(r->out_dtype);
    if (j->f->kind == TC_FLOAT32) TC_KERNEL(store_f32)(n, out, r->out_dtype, stride, (float *)acc);
    else if (j->f->kind == TC_FLOAT64) TC_KERNEL(store_f64)(n, out, r->out_dtype, stride, (double *)acc);
    else TC_KERNEL(store_i64)(n, out, r->out_dtype, stride, (int64_t *)acc);
  }
}

/* ---- units ---- */
static void unit(const job *j, int64_t u) {
  const tc_reduction *r = j->r;
  double acc[TILE];
  int64_t first, last, lo, hi;
  unit_bounds(&j->c, r, u, &first, &last, &lo, &hi);
  j->f->init(last - first, acc);
  if (lo < hi) (j->c.columns ? fold_columns : fold_rows)(j, first, last, lo, hi, (char *)acc);
  if (!j->parts) store_tile(j, first, last, (char *)acc);
  else memcpy(j->parts + u * j->c.tile * j->f->bytes, acc, (size_t)((last - first) * j->f->bytes));
}

static void join_chunks(const job *j) {
  int64_t tile = j->c.tile * j->f->bytes, step = j->c.tiles * tile;
  for (int64_t t = 0; t < j->c.tiles; t++) {
    int64_t first, last;
    tile_bounds(&j->c, j->r, t, &first, &last);
    char *sum = j->parts + t * tile;
    for (int64_t c = 1; c < j->c.chunks; c++) j->f->join(last - first, sum, sum + c * step);
    store_tile(j, first, last, sum);
  }
}

const fold *TC_KERNEL(fold_for)(int op, int compute) { return fold_of(op, compute); }

int TC_KERNEL(reduce)(const tc_reduction *r) {
  job j = {.r = r, .f = fold_of(r->op, r->compute), .in_bytes = tc_dtype_bytes(r->in_dtype)};
  if (r->kept == 0) return TC_OK;
  cut_up(&j.c, r);
  int64_t dense = j.c.columns ? r->keep[r->nkept - 1].in : r->fold[r->nreduced - 1].in;
  j.direct = r->in_dtype == r->compute && dense == 1 && r->op != TC_FOLD_POWER;
  int64_t units = j.c.chunks * j.c.tiles;
  if (j.c.chunks > 1 && !(j.parts = malloc((size_t)(units * j.c.tile * j.f->bytes)))) return TC_NO_MEMORY;
  double cost = r->op == TC_FOLD_POWER ? 20 : j.direct ? 0.25 : 1;
  EACH_UNIT(units, (double)r->kept * (double)r->reduced * cost, unit(&j, u));
  if (j.parts) join_chunks(&j);
  free(j.parts);
  return TC_OK;
}
