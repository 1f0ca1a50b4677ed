/* winograd.c: 3 x 3 convolution with step 1 as sixteen matrix products of tiles of 2 x 2 outputs (A. Lavin, S. Gray: Fast Algorithms for
   Convolutional Neural Networks, 2016: F(2x2, 3x3)). Its transforms only add and halve, and its sums are shorter: rounding errors come out below
   those of the plain sum. Tiles of 4 x 4 would need fewer products yet, but lose a digit.

   Work is cut into strips: some samples, or some rows of tiles of one. The tiles of a sample are numbered in rows of `pitch`, one more than there
   are, so that neighbours to the right and below lie at fixed distances and all transforms are long loops. V (16, c, tiles) are the inputs,
   U (16, o, c) the weights, M = U V (16, o, tiles). */
#include "winograd.h"
#include <stdlib.h>

enum { PANEL = 48, STRIP_BYTES = 1536 << 10 };

typedef struct strip {
  const tc_winograd *p;
  const float *u;
  int64_t pitch, rows, samples, tiles;    /* tile rows of one sample in a strip; samples in a strip; rows * pitch */
  int64_t down, per_sample;               /* tile rows of a sample; strips of a sample (1 if a strip has several samples) */
  float *v, *m, *planes, *square;         /* square: the outputs of one plane's tiles, TILE long rows */
} strip;

static int64_t at_least(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t at_most(int64_t a, int64_t b) { return a < b ? a : b; }

/* rows of G and A^T times a column */
#define OF_WEIGHTS(i, a, b, c) ((i) == 0 ? (a) : (i) == 1 ? 0.5f * ((a) + (b) + (c)) : (i) == 2 ? 0.5f * ((a) - (b) + (c)) : (c))
#define OF_OUTPUTS(i, a, b, c, d) ((i) == 0 ? (a) + (b) + (c) : (b) - (c) - (d))

/* U = G g G^T for weights first .. last-1, some at a time side by side */
static void transform_weights(const tc_winograd *p, float *u, int64_t first, int64_t last) {
  enum { MANY = 64 };
  const int64_t size = p->o * p->c;
  float g[9][MANY];
  for (int64_t at = first; at < last; at += MANY) {
    const int64_t n = at_most(MANY, last - at);
    for (int64_t k = 0; k < n; k++) {
      const float *from = p->w + (at + k) / p->c * p->w_o + (at + k) % p->c * p->w_c;
      for (int j = 0; j < 9; j++) g[j][k] = from[j / 3 * p->w_k[0] + j % 3 * p->w_k[1]];
    }
    for (int i = 0; i < SIDE; i++)
      for (int j = 0; j < SIDE; j++) {
        float *restrict to = u + (i * SIDE + j) * size + at;
#define COLUMN(c) OF_WEIGHTS(i, g[c][k], g[3 + c][k], g[6 + c][k])
        for (int64_t k = 0; k < n; k++) to[k] = OF_WEIGHTS(j, COLUMN(0), COLUMN(1), COLUMN(2));
#undef COLUMN
      }
  }
}

/* row i of the outputs A^T m A of one plane: two neighbours for each tile */
static inline __attribute__((always_inline)) void output_row(const strip *s, int i, const float *m, int64_t step, float bias, float *square) {
  const int64_t n = s->tiles;
  float *restrict to = square + i * TILE * n;
#define COLUMN(j) OF_OUTPUTS(i, m[AT(0, j)], m[AT(1, j)], m[AT(2, j)], m[AT(3, j)])
#define AT(r, j) (((r) * SIDE + (j)) * step + q)
  _Pragma("GCC ivdep") for (int64_t q = 0; q < n; q++) {
    const float c0 = COLUMN(0), c1 = COLUMN(1), c2 = COLUMN(2), c3 = COLUMN(3);
    to[2 * q] = OF_OUTPUTS(0, c0, c1, c2, c3) + bias, to[2 * q + 1] = OF_OUTPUTS(1, c0, c1, c2, c3) + bias;
  }
#undef AT
#undef COLUMN
}

static void transform_output(const strip *s, const float *m, int64_t step, float bias) {
  output_row(s, 0, m, step, bias, s->square);
  output_row(s, 1, m, step, bias, s->square);
}

static void write_plane(const strip *s, int64_t first, float *y) {
  const tc_winograd *p = s->p;
  for (int64_t r = 0; r < s->rows; r++)
    for (int i = 0; i < TILE; i++) {
      int64_t h = TILE * (first + r) + i;
      if (h < p->out[0]) memcpy(y + h * p->y_row, s->square + i * TILE * s->tiles + TILE * r * s->pitch, (size_t)p->out[1] * sizeof *y);
    }
}

static int run_strip(const strip *s, int64_t index) {
  const tc_winograd *p = s->p;
  const int64_t sample = index / s->per_sample * s->samples, first = index % s->per_sample * s->rows;
  const int64_t samples = at_most(s->samples, p->n - sample), n = samples * s->tiles;
  const tc_tiles t = tc_tiles_of(s->rows, s->pitch);
  for (int64_t b = 0; b < samples; b++)
    for (int64_t c = 0; c < p->c; c++) {
      tc_split_plane(&t, p->x + ((sample + b) * p->c + c) * p->in[0] * p->in[1], p->in[0], p->in[1], TILE * first - p->pad[0], p->pad[1],
                     TILE * s->rows + 2, s->planes);
      tc_transform_input(&t, s->planes, s->v + c * n + b * s->tiles, p->c * n);
    }
  const int64_t su[3] = {PRODUCTS, p->o, p->c}, du[3] = {p->o * p->c, p->c, 1}, sv[3] = {PRODUCTS, p->c, n}, dv[3] = {p->c * n, n, 1};
  const int64_t sm[3] = {PRODUCTS, p->o, n}, dm[3] = {p->o * n, n, 1};
  const tc_view u = {(void *)s->u, TC_FLOAT32, 3, PRODUCTS * p->o * p->c, su, du}, v = {s->v, TC_FLOAT32, 3, PRODUCTS * p->c * n, sv, dv};
  const tc_view m = {s->m, TC_FLOAT32, 3, PRODUCTS * p->o * n, sm, dm};
  int status = TC_KERNEL(gemm)(&m, &u, &v, 1, 0);
  for (int64_t b = 0; b < samples && status == TC_OK; b++)
    for (int64_t o = 0; o < p->o; o++) {
      transform_output(s, s->m + o * n + b * s->tiles, p->o * n, p->bias ? p->bias[o] : 0);
      write_plane(s, first, p->y + (sample + b) * p->y_n + o * p->y_o);
    }
  return status;
}

/* How a strip is cut: what wastes least of the product's panels while V stays in the cache, with a strip or more for each thread. */
static void cut(strip *s) {
  const tc_winograd *p = s->p;
  const int64_t most = STRIP_BYTES / (PRODUCTS * (int64_t)sizeof(float) * at_least(p->c, p->o));
  double least = INFINITY;
  for (int64_t rows = 1; rows <= s->down; rows++) /* of one sample */
    if (rows == 1 || rows * s->pitch <= most) {
      double waste = (double)((s->down + rows - 1) / rows) * (double)((rows * s->pitch + PANEL - 1) / PANEL);
      if (waste < least) least = waste, s->rows = rows, s->samples = 1;
    }
  for (int64_t samples = 2; samples * tc_kernel_threads <= p->n && samples * s->down * s->pitch <= most; samples++) {
    double waste = (double)((samples * s->down * s->pitch + PANEL - 1) / PANEL) / (double)samples;
    if (waste < least) least = waste, s->rows = s->down, s->samples = samples;
  }
  s->tiles = s->rows * s->pitch;
  s->per_sample = (s->down + s->rows - 1) / s->rows;
}

/* a thread's memory, kept from call to call */
static _Thread_local float *room;
static _Thread_local int64_t room_count;
static float *room_for(int64_t count) {
  if (count > room_count) {
    free(room);
    room = aligned_alloc(64, ((size_t)count * sizeof *room + 63) & ~(size_t)63);
    room_count = room ? count : 0;
  }
  return room;
}

int TC_KERNEL(winograd)(const tc_winograd *p) {
  float *u = malloc((size_t)(PRODUCTS * p->o * p->c) * sizeof *u);
  if (!u) return TC_NO_MEMORY;
  TC_PARALLEL(p->o * p->c, 64, (double)(p->o * p->c) * 40) { transform_weights(p, u, lo, hi); } TC_PARALLEL_END
  strip plan = {.p = p, .u = u, .pitch = (p->out[1] + TILE - 1) / TILE + 1, .down = (p->out[0] + TILE - 1) / TILE};
  cut(&plan);
  const int64_t planes = TILE * TILE * tc_tiles_of(plan.rows, plan.pitch).size, strips = (p->n + plan.samples - 1) / plan.samples * plan.per_sample;
  const int64_t columns = plan.samples * plan.tiles;
  int status = TC_OK;
  TC_PARALLEL(strips, 1, (double)strips * (double)columns * (double)p->c * (double)p->o) {
    strip s = plan;
    s.v = room_for(PRODUCTS * (p->c + p->o) * columns + planes + TILE * TILE * plan.tiles);
    if (s.v) {
      s.m = s.v + PRODUCTS * p->c * columns, s.planes = s.m + PRODUCTS * p->o * columns, s.square = s.planes + planes;
      memset(s.planes, 0, (size_t)planes * sizeof *s.planes);
    }
    for (int64_t i = lo; i < hi; i++) {
      int result = s.v ? run_strip(&s, i) : TC_NO_MEMORY;
      if (result != TC_OK) status = result;
    }
  } TC_PARALLEL_END
  free(u);
  return status;
}
