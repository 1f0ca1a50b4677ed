/* winograd.h: 3 x 3 convolution of floats in 2.25 times fewer products, see winograd.c, the gradient to its weights, see winograd_weight.c, and
   what both do with an input. */
#ifndef TC_WINOGRAD_H
#define TC_WINOGRAD_H
#include "cpu.h"

/* x (n, c, in), y (n, o, out), step 1, zeros of width `pad` around the input. Weight (o, c, kh, kw) lies at w + o w_o + c w_c + kh w_k[0] + kw w_k[1];
   output row h of (sample, o) at y + sample y_n + o y_o + h y_row. bias may be NULL. */
typedef struct tc_winograd {
  int64_t n, c, o, in[2], out[2], pad[2], w_o, w_c, w_k[2], y_n, y_o, y_row;
  const float *x, *w, *bias;
  float *y;
} tc_winograd;

int TC_KERNEL(winograd)(const tc_winograd *p);

/* The gradient w (o, c, 3, 3) to the weights of x (n, c, in) from g (n, o, out), all without gaps. */
typedef struct tc_winograd_weight {
  int64_t n, c, o, in[2], out[2], pad[2];
  const float *x, *g;
  float *w;
} tc_winograd_weight;

int TC_KERNEL(winograd_weight)(const tc_winograd_weight *p);

enum { TILE = 2, SIDE = 4, PRODUCTS = SIDE * SIDE, EXTRA = 16 };

/* Tiles of a plane in `rows` rows of `pitch`: one more than there are, so that neighbours to the right and below lie at fixed distances. */
typedef struct tc_tiles { int64_t rows, pitch, size; } tc_tiles; /* size: of one of the four planes that an input is taken apart into */
static inline tc_tiles tc_tiles_of(int64_t rows, int64_t pitch) { return (tc_tiles){rows, pitch, (rows + 1) * pitch + EXTRA}; }

/* Rows from `top` on of a plane (height, width), `left` columns before its first or, less than 0, inside it: `count` rows taken apart into
   planes[2 * (row % 2) + column % 2], zeros beyond the plane. */
static inline void tc_split_plane(const tc_tiles *t, const float *x, int64_t height, int64_t width, int64_t top, int64_t left, int64_t count,
                                  float *planes) {
  const int64_t whole = TILE * t->pitch, lo = left < 0 ? -left : 0, to = left > 0 ? left : 0;
  const int64_t many = width - lo < whole - to ? width - lo : whole - to;
  float row[whole];
  memset(row, 0, (size_t)whole * sizeof *row);
  for (int64_t i = 0; i < count; i++) {
    const int64_t h = top + i;
    float *restrict even = planes + i % TILE * TILE * t->size + i / TILE * t->pitch, *restrict odd = even + t->size;
    if (h < 0 || h >= height || many <= 0) {
      for (int64_t q = 0; q < t->pitch; q++) even[q] = odd[q] = 0;
      continue;
    }
    memcpy(row + to, x + h * width + lo, (size_t)many * sizeof *row);
    for (int64_t q = 0; q < t->pitch; q++) even[q] = row[2 * q], odd[q] = row[2 * q + 1];
  }
}

/* rows of B^T times a column */
#define OF_INPUTS(i, a, b, c, d) ((i) == 0 ? (a) - (c) : (i) == 1 ? (b) + (c) : (i) == 2 ? (c) - (b) : (b) - (d))

/* row i of V = B^T d B for one channel of one sample: four of its sixteen lines, `step` apart */
static inline __attribute__((always_inline)) void tc_input_row(const tc_tiles *t, int i, const float *planes, float *v, int64_t step) {
  const int64_t size = t->size, n = t->rows * t->pitch;
  const float *a = planes, *b = a + TILE * size, *c = a + t->pitch, *d = b + t->pitch;
  float *restrict to = v + i * SIDE * step;
#define COLUMN(j) OF_INPUTS(i, a[AT(j)], b[AT(j)], c[AT(j)], d[AT(j)])
#define AT(j) ((j) % TILE * size + (j) / TILE + q)
  _Pragma("GCC ivdep") for (int64_t q = 0; q < n; q++) {
    const float c0 = COLUMN(0), c1 = COLUMN(1), c2 = COLUMN(2), c3 = COLUMN(3);
    to[q] = OF_INPUTS(0, c0, c1, c2, c3), to[step + q] = OF_INPUTS(1, c0, c1, c2, c3);
    to[2 * step + q] = OF_INPUTS(2, c0, c1, c2, c3), to[3 * step + q] = OF_INPUTS(3, c0, c1, c2, c3);
  }
#undef AT
#undef COLUMN
}

static inline void tc_transform_input(const tc_tiles *t, const float *planes, float *v, int64_t step) {
  tc_input_row(t, 0, planes, v, step);
  tc_input_row(t, 1, planes, v, step);
  tc_input_row(t, 2, planes, v, step);
  tc_input_row(t, 3, planes, v, step);
}
#endif
