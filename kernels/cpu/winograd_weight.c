/* winograd_weight.c: the gradient to the weights of a 3 x 3 convolution with step 1, as sixteen matrix products: Winograd's way (winograd.c) turned
   around. With y = A^T (U V) A, U = G w G^T and V = B^T d B for each tile, the gradient is G^T (sum over the tiles of (A g A^T) V^T) G, where g
   are the 2 x 2 gradients of a tile's outputs. Sums have 4 terms for 9 of the plain way.

   Work is cut into strips of n tiles by sizes alone. For each, all channels are transformed to V (16, n, c) and W (16, o, n); then M (16, o, c)
   takes up the products W V. */
#include "winograd.h"
#include <stdlib.h>
#if defined(__AVX512F__)
enum { VECTOR_BYTES = 64 };
#elif defined(__AVX2__)
enum { VECTOR_BYTES = 32 };
#else
enum { VECTOR_BYTES = 16 };
#endif
#define LANES (VECTOR_BYTES / 4)
typedef float vec __attribute__((vector_size(VECTOR_BYTES), aligned(4), may_alias));
typedef int32_t mask __attribute__((vector_size(VECTOR_BYTES)));

enum { STRIP_FLOATS = 128 << 10, LEAST_TILES = 256 };

typedef struct strips {
  const tc_winograd_weight *p;
  int64_t down, rows, pitch, samples, per_sample, tiles; /* tile rows of a sample, of a strip; samples of a strip; strips of a sample; rows * pitch */
  int64_t n, wide, size;                                 /* tiles of a strip; c in whole vectors; floats between two matrices of M */
  float *v, *w, *m;
} strips;

/* a thread's memory, kept from call to call */
typedef struct kept { float *data; int64_t count; } kept;
static float *room_for(kept *k, int64_t count) {
  if (count > k->count) {
    free(k->data);
    k->data = aligned_alloc(64, ((size_t)count * sizeof(float) + 63) & ~(size_t)63);
    k->count = k->data ? count : 0;
  }
  return k->data;
}
static _Thread_local kept matrices, apart;

/* rows of A times a column, of G^T times a column */
#define OF_GRADIENT(i, a, b) ((i) == 0 ? (a) : (i) == 1 ? (a) + (b) : (i) == 2 ? (a) - (b) : -(b))
#define TO_WEIGHT(i, a, b, c, d) ((i) == 0 ? (a) + 0.5f * ((b) + (c)) : (i) == 1 ? 0.5f * ((b) - (c)) : 0.5f * ((b) + (c)) + (d))

/* row i of W = A g A^T for one output channel of one sample */
static inline __attribute__((always_inline)) void gradient_row(const tc_tiles *t, int i, const float *g, float *w, int64_t step) {
  const float *a = g, *b = a + t->size, *c = b + t->size, *d = c + t->size;
  float *restrict to = w + i * SIDE * step;
  _Pragma("GCC ivdep") for (int64_t q = 0; q < t->rows * t->pitch; q++) {
    const float even = OF_GRADIENT(i, a[q], c[q]), odd = OF_GRADIENT(i, b[q], d[q]);
    to[q] = OF_GRADIENT(0, even, odd), to[step + q] = OF_GRADIENT(1, even, odd);
    to[2 * step + q] = OF_GRADIENT(2, even, odd), to[3 * step + q] = OF_GRADIENT(3, even, odd);
  }
}

/* n columns of LANES rows, `step` apart, become n vectors: each stage interleaves the first half of the rows with the second */
static void turn(const float *from, int64_t step, int64_t n, float *to, int64_t to_step) {
  mask low, high;
  for (int i = 0; i < LANES; i++) low[i] = i / 2 + i % 2 * LANES, high[i] = low[i] + LANES / 2;
  for (int64_t t = 0; t < n; t += LANES) {
    vec r[LANES], s[LANES];
    _Pragma("GCC unroll 16") for (int i = 0; i < LANES; i++) r[i] = *(const vec *)(from + i * step + t);
    _Pragma("GCC unroll 4") for (int stage = 1; stage < LANES; stage *= 2) {
      _Pragma("GCC unroll 16") for (int i = 0; i < LANES / 2; i++) {
        s[2 * i] = __builtin_shuffle(r[i], r[i + LANES / 2], low);
        s[2 * i + 1] = __builtin_shuffle(r[i], r[i + LANES / 2], high);
      }
      _Pragma("GCC unroll 16") for (int i = 0; i < LANES; i++) r[i] = s[i];
    }
    _Pragma("GCC unroll 16") for (int i = 0; i < LANES; i++)
      if (t + i < n) *(vec *)(to + (t + i) * to_step) = r[i];
  }
}

/* floats that a thread needs: an input taken apart, and V of LANES channels before it is turned */
static int64_t room_of(const strips *s) { return TILE * TILE * tc_tiles_of(s->rows, s->pitch).size + LANES * PRODUCTS * s->tiles + LANES; }

/* V of input channels k .. k+LANES-1 of sample `sample`, number b of the strip, from tile row `row` on */
static void transform_inputs(const strips *s, int64_t k, int64_t sample, int64_t b, int64_t row, float *room) {
  const tc_winograd_weight *p = s->p;
  const tc_tiles t = tc_tiles_of(s->rows, s->pitch);
  float *lines = room + TILE * TILE * t.size;
  for (int64_t j = 0; j < LANES && k + j < p->c; j++) {
    tc_split_plane(&t, p->x + (sample * p->c + k + j) * p->in[0] * p->in[1], p->in[0], p->in[1], TILE * row - p->pad[0], p->pad[1],
                   TILE * s->rows + 2, room);
    tc_transform_input(&t, room, lines + j * PRODUCTS * s->tiles, s->tiles);
  }
  for (int i = 0; i < PRODUCTS; i++)
    turn(lines + i * s->tiles, PRODUCTS * s->tiles, s->tiles, s->v + (i * s->n + b * s->tiles) * s->wide + k, s->wide);
}

/* W of output channel o of the same */
static void transform_gradient(const strips *s, int64_t o, int64_t sample, int64_t b, int64_t row, float *room) {
  const tc_winograd_weight *p = s->p;
  const tc_tiles t = tc_tiles_of(s->rows, s->pitch);
  const int64_t step = p->o * s->n;
  float *to = s->w + o * s->n + b * s->tiles;
  tc_split_plane(&t, p->g + (sample * p->o + o) * p->out[0] * p->out[1], p->out[0], p->out[1], TILE * row, 0, TILE * s->rows, room);
  gradient_row(&t, 0, room, to, step);
  gradient_row(&t, 1, room, to, step);
  gradient_row(&t, 2, room, to, step);
  gradient_row(&t, 3, room, to, step);
}

/* matrix i of M takes up a strip of n tiles */
static int multiply(const strips *s, int64_t i, int64_t n) {
  const tc_winograd_weight *p = s->p;
  const int64_t sw[2] = {p->o, n}, dw[2] = {s->n, 1}, sv[2] = {n, p->c}, dv[2] = {s->wide, 1}, sm[2] = {p->o, p->c}, dm[2] = {p->c, 1};
  const tc_view w = {s->w + i * p->o * s->n, TC_FLOAT32, 2, p->o * n, sw, dw}, v = {s->v + i * s->n * s->wide, TC_FLOAT32, 2, n * p->c, sv, dv};
  const tc_view m = {s->m + i * s->size, TC_FLOAT32, 2, p->o * p->c, sm, dm};
  return TC_KERNEL(gemm)(&m, &w, &v, 1, 1);
}

/* row i of G^T m G for n weights */
static inline __attribute__((always_inline)) void weight_row(int i, const float *m, int64_t size, int64_t n, float *a, float *b, float *c) {
#define COLUMN(q) TO_WEIGHT(i, m[(q) * size + k], m[(SIDE + (q)) * size + k], m[(2 * SIDE + (q)) * size + k], m[(3 * SIDE + (q)) * size + k])
  _Pragma("GCC ivdep") for (int64_t k = 0; k < n; k++) {
    const float c0 = COLUMN(0), c1 = COLUMN(1), c2 = COLUMN(2), c3 = COLUMN(3);
    a[k] = TO_WEIGHT(0, c0, c1, c2, c3), b[k] = TO_WEIGHT(1, c0, c1, c2, c3), c[k] = TO_WEIGHT(2, c0, c1, c2, c3);
  }
#undef COLUMN
}

/* the weights lo..hi-1 of o * c */
static void finish(const strips *s, int64_t lo, int64_t hi) {
  enum { MANY = 64 };
  float w[9][MANY];
  for (int64_t at = lo; at < hi; at += MANY) {
    const int64_t n = hi - at < MANY ? hi - at : MANY;
    weight_row(0, s->m + at, s->size, n, w[0], w[1], w[2]);
    weight_row(1, s->m + at, s->size, n, w[3], w[4], w[5]);
    weight_row(2, s->m + at, s->size, n, w[6], w[7], w[8]);
    for (int64_t k = 0; k < n; k++) for (int j = 0; j < 9; j++) s->p->w[(at + k) * 9 + j] = w[j][k];
  }
}

static void cut(strips *s) {
  const tc_winograd_weight *p = s->p;
  int64_t most = STRIP_FLOATS / (p->c + p->o);
  if (most < LEAST_TILES) most = LEAST_TILES;
  const int64_t plane = s->down * s->pitch, several = most / plane > 1 ? most / plane : 1, rows = plane > most ? most / s->pitch : s->down;
  s->per_sample = (s->down + (rows < 1 ? 1 : rows) - 1) / (rows < 1 ? 1 : rows);
  s->rows = (s->down + s->per_sample - 1) / s->per_sample;
  const int64_t count = (p->n + several - 1) / several;
  s->samples = s->per_sample > 1 ? 1 : (p->n + count - 1) / count;
  s->tiles = s->rows * s->pitch;
  s->n = s->samples * s->tiles;
  s->wide = (p->c + LANES - 1) / LANES * LANES;
  s->size = p->o * p->c + 5 * 16; /* not a power of two apart: such lines drive each other out of the cache */
}

static int run_strip(const strips *s, int64_t index) {
  const tc_winograd_weight *p = s->p;
  const int64_t first = index / s->per_sample * s->samples, row = index % s->per_sample * s->rows;
  const int64_t many = p->n - first < s->samples ? p->n - first : s->samples, groups = s->wide / LANES;
  int status = TC_OK;
  TC_PARALLEL(many * (groups + p->o), 1, (double)((p->c + p->o) * s->n) * 4) {
    float *room = room_for(&apart, room_of(s));
    if (!room) status = TC_NO_MEMORY;
    else {
      memset(room, 0, (size_t)room_of(s) * sizeof *room);
      for (int64_t i = lo; i < hi; i++) {
        if (i < many * groups) transform_inputs(s, i % groups * LANES, first + i / groups, i / groups, row, room);
        else transform_gradient(s, (i - many * groups) % p->o, first + (i - many * groups) / p->o, (i - many * groups) / p->o, row, room);
      }
    }
  } TC_PARALLEL_END
  if (status != TC_OK) return status;
  TC_PARALLEL(PRODUCTS, 1, (double)(p->c * p->o * s->n) / 2) {
    for (int64_t i = lo; i < hi; i++) multiply(s, i, many * s->tiles);
  } TC_PARALLEL_END
  return TC_OK;
}

int TC_KERNEL(winograd_weight)(const tc_winograd_weight *p) {
  strips s = {.p = p, .pitch = (p->out[1] + TILE - 1) / TILE + 1, .down = (p->out[0] + TILE - 1) / TILE};
  cut(&s);
  s.m = room_for(&matrices, PRODUCTS * (s.size + (s.wide + p->o) * s.n) + LANES);
  if (!s.m) return TC_NO_MEMORY;
  s.v = s.m + PRODUCTS * s.size, s.w = s.v + PRODUCTS * s.wide * s.n;
  memset(s.m, 0, (size_t)(PRODUCTS * s.size) * sizeof *s.m);
  int status = TC_OK;
  for (int64_t i = 0; i < (p->n + s.samples - 1) / s.samples * s.per_sample && status == TC_OK; i++) status = run_strip(&s, i);
  TC_PARALLEL(p->o * p->c, 64, (double)(p->o * p->c) * 8) { finish(&s, lo, hi); } TC_PARALLEL_END
  return status;
}
