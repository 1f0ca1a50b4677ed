/* arg_reduce.c: the extremes along axes together with their positions, the first of equal ones. NaN is more extreme than any number. */
#include "cut.h"
#include "fold.h"
#include <stdlib.h>

/* What has been found so far for a tile of outputs: values in the type computed in, positions from 0 in the reduced order. */
typedef struct found { double value[TILE]; int64_t at[TILE]; } found;

typedef struct seeker {
  void (*row)(int64_t n, const void *x, int64_t position, void *best, int64_t *at);   /* one output takes in n neighbours */
  void (*line)(int64_t n, const void *x, int64_t position, void *best, void *at);     /* n outputs take in one element each */
  void (*join)(int64_t n, const void *x, const int64_t *positions, void *best, int64_t *at);
} seeker;

/* An element that beats the best: a larger one, or the first NaN. `position` 0 of a unit's range starts from nothing, so the best
   begins as the weakest value there is and at = -1. Lines count from their unit's beginning, floats in 32 bits, which vectorises
   best. Rows are searched in two steps: the extreme of a block, which vectorises, and its
   place only if it beats what was there. */
#define SEEKER(name, T, AT, than, FOLD_OF) \
static inline int name##_beats(T x, T best, int64_t at) { return at < 0 || x than best || (x != x && best == best); } \
static void name##_row(int64_t n, const void *from, int64_t position, void *b, int64_t *at) { \
  const T *x = from; T *best = b, extreme; \
  for (int64_t i = 0; i < n; i += BLOCK) { \
    int64_t m = n - i < BLOCK ? n - i : BLOCK, k = i; \
    FOLD_OF.init(1, &extreme); \
    FOLD_OF.row(m, &extreme, x + i); \
    if (!name##_beats(extreme, *best, *at)) continue; \
    while (!(x[k] == extreme || (x[k] != x[k] && extreme != extreme))) k++; \
    *best = extreme; \
    *at = position + k; \
  } \
} \
static void name##_line(int64_t n, const void *from, int64_t position, void *b, void *places) { \
  const T *x = from; T *restrict best = b; AT *restrict at = places, here = (AT)position; \
  if (position == 0) { for (int64_t i = 0; i < n; i++) best[i] = x[i], at[i] = 0; return; } \
  for (int64_t i = 0; i < n; i++) { \
    T old = best[i], new = x[i], more = new than old ? new : old; \
    AT larger = new than old ? here : at[i], number = new != new ? here : larger; \
    at[i] = old != old ? at[i] : number; \
    best[i] = new != new ? new : more; \
  } \
} \
static void name##_join(int64_t n, const void *from, const int64_t *positions, void *b, int64_t *at) { \
  const T *x = from; T *best = b; \
  for (int64_t i = 0; i < n; i++) \
    if (name##_beats(x[i], best[i], at[i])) best[i] = x[i], at[i] = positions[i]; \
} \
static const seeker name = {name##_row, name##_line, name##_join};

SEEKER(highest_f, float, int32_t, >, max_f)
SEEKER(highest_d, double, int64_t, >, max_d)
SEEKER(highest_i, int64_t, int64_t, >, max_i)
SEEKER(lowest_f, float, int32_t, <, min_f)
SEEKER(lowest_d, double, int64_t, <, min_d)
SEEKER(lowest_i, int64_t, int64_t, <, min_i)

typedef struct job {
  const tc_reduction *r;
  const seeker *s;
  cut c;
  bool direct;
  int in_bytes;
  int64_t *index;
  found *parts;
} job;

static const void *fetch(const job *j, const char *p, int64_t n, int64_t stride, void *buffer) {
  const tc_reduction *r = j->r;
  if (j->direct) return p;
  if (r->compute == TC_FLOAT32) TC_KERNEL(load_f32)(n, buffer, p, r->in_dtype, stride);
  else if (r->compute == TC_FLOAT64) TC_KERNEL(load_f64)(n, buffer, p, r->in_dtype, stride);
  else TC_KERNEL(load_i64)(n, buffer, p, r->in_dtype, stride);
  return buffer;
}

static void seek_rows(const job *j, int64_t first, int64_t last, int64_t lo, int64_t hi, found *f) {
  const tc_reduction *r = j->r;
  const tc_axis *inner = &r->fold[r->nreduced - 1];
  double buffer[BLOCK];
  int step = r->compute == TC_FLOAT32 ? 4 : 8;
  walk kept, w;
  walk_to(&kept, r->nkept, r->keep, first);
  for (int64_t k = 0; k < last - first; k++, walk_next(&kept)) {
    walk_to(&w, r->nreduced - 1, r->fold, lo / inner->size);
    for (int64_t at = lo, i = lo % inner->size, n; at < hi; at += n) {
      n = inner->size - i < hi - at ? inner->size - i : hi - at;
      if (!j->direct && n > BLOCK) n = BLOCK;
      const char *p = r->in + (kept.in + w.in + i * inner->in) * j->in_bytes;
      j->s->row(n, fetch(j, p, n, inner->in, buffer), at, (char *)f->value + k * step, f->at + k);
      if ((i += n) == inner->size) i = 0, walk_next(&w);
    }
  }
}

static void seek_lines(const job *j, int64_t first, int64_t last, int64_t lo, int64_t hi, found *f) {
  const tc_reduction *r = j->r;
  int64_t stride = r->keep[r->nkept - 1].in;
  double buffer[BLOCK];
  walk kept, w;
  walk_to(&kept, r->nkept, r->keep, first);
  walk_to(&w, r->nreduced, r->fold, lo);
  for (int64_t k = lo; k < hi; k++, walk_next(&w)) {
    const void *x = fetch(j, r->in + (kept.in + w.in) * j->in_bytes, last - first, stride, buffer);
    j->s->line(last - first, x, k - lo, f->value, f->at);
  }
  for (int64_t i = last - first - 1; i >= 0; i--) {
    int32_t narrow;
    memcpy(&narrow, (const char *)f->at + i * 4, 4);
    f->at[i] = lo + (r->compute == TC_FLOAT32 ? narrow : f->at[i]);
  }
}

static void store_found(const job *j, int64_t first, int64_t last, const found *f) {
  const tc_reduction *r = j->r;
  int64_t stride = r->keep[r->nkept - 1].out, at;
  int step = r->compute == TC_FLOAT32 ? 4 : 8;
  for (int64_t n, k = 0; first < last; first += n, k += n) {
    n = output_run(r, first, last, &at);
    for (int64_t i = 0; j->index && i < n; i++) j->index[at + i * stride] = f->at[k + i] + 1;
    if (!r->out) continue;
    char *out = r->out + at * tc_dtype_bytes(r->out_dtype);
    const void *value = (const char *)f->value + k * step;
    if (r->compute == TC_FLOAT32) TC_KERNEL(store_f32)(n, out, r->out_dtype, stride, value);
    else if (r->compute == TC_FLOAT64) TC_KERNEL(store_f64)(n, out, r->out_dtype, stride, value);
    else TC_KERNEL(store_i64)(n, out, r->out_dtype, stride, value);
  }
}

static void unit(const job *j, int64_t u) {
  found own, *f = j->parts ? &j->parts[u] : &own;
  int64_t first, last, lo, hi;
  unit_bounds(&j->c, j->r, u, &first, &last, &lo, &hi);
  for (int64_t i = 0; i < last - first; i++) f->value[i] = 0, f->at[i] = -1;
  (j->c.columns ? seek_lines : seek_rows)(j, first, last, lo, hi, f);
  if (!j->parts) store_found(j, first, last, f);
}

static void join_chunks(const job *j) {
  for (int64_t t = 0; t < j->c.tiles; t++) {
    int64_t first, last;
    tile_bounds(&j->c, j->r, t, &first, &last);
    found *f = &j->parts[t];
    for (int64_t c = 1; c < j->c.chunks; c++) {
      const found *more = f + c * j->c.tiles;
      j->s->join(last - first, more->value, more->at, f->value, f->at);
    }
    store_found(j, first, last, f);
  }
}

static const seeker *seeker_of(const tc_reduction *r) {
  static const seeker *const seekers[2][3] = {{&highest_f, &highest_d, &highest_i}, {&lowest_f, &lowest_d, &lowest_i}};
  return seekers[r->op == TC_FOLD_MIN][r->compute == TC_FLOAT32 ? 0 : r->compute == TC_FLOAT64 ? 1 : 2];
}

int TC_KERNEL(arg_reduce)(const tc_reduction *r, int64_t *index) {
  job j = {.r = r, .s = seeker_of(r), .in_bytes = tc_dtype_bytes(r->in_dtype), .index = index};
  if (r->kept == 0 || r->reduced == 0) return TC_OK;
  cut_up(&j.c, r);
  if (j.c.chunk > INT32_MAX) j.c.chunk = INT32_MAX, j.c.chunks = (r->reduced + INT32_MAX - 1) / INT32_MAX;
  int64_t dense = j.c.columns ? r->keep[r->nkept - 1].in : r->fold[r->nreduced - 1].in, units = j.c.chunks * j.c.tiles;
  j.direct = r->in_dtype == r->compute && dense == 1;
  if (j.c.chunks > 1 && !(j.parts = malloc((size_t)units * sizeof(found)))) return TC_NO_MEMORY;
  EACH_UNIT(units, (double)r->kept * (double)r->reduced * (j.direct ? 0.5 : 1.5), unit(&j, u));
  if (j.parts) join_chunks(&j);
  free(j.parts);
  return TC_OK;
}
