/* product.h: matrix products in registers, for one element type T; included once for each with S(name) making its names. One operand is read
   as it lies and broadcast, PRODUCT_ROWS rows at a time; the other is packed into panels of whole vectors that stay in the second-level cache.
   The scheme is that of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008), without packing the first operand. */
#include "lanes.h"
enum { S(PANEL) = 3 * S(LANES) };

/* sums[m * step + j] = sum over k of a[m][k * a_step] b[k * b_step + j], for MR rows and NR vectors */
#define PRODUCT_KERNEL(KIND, MR, NR) \
  static void S(KIND##_##NR)(int64_t n, const T *const *a, int64_t a_step, const T *b, int64_t b_step, T *sums, int64_t step) { \
    S(vec) acc[MR][NR]; const S(vec) zero = {0}; const T *p[MR]; \
    _Pragma("GCC unroll 8") for (int m = 0; m < MR; m++) p[m] = a[m]; \
    _Pragma("GCC unroll 8") for (int m = 0; m < MR; m++) _Pragma("GCC unroll 8") for (int j = 0; j < NR; j++) acc[m][j] = zero; \
    for (int64_t k = 0, at = 0; k < n; k++, at += a_step, b += b_step) { \
      S(vec) v[NR]; \
      _Pragma("GCC unroll 8") for (int j = 0; j < NR; j++) v[j] = *(const S(vec) *)(b + j * S(LANES)); \
      _Pragma("GCC unroll 8") for (int m = 0; m < MR; m++) { \
        T x = p[m][at]; \
        _Pragma("GCC unroll 8") for (int j = 0; j < NR; j++) acc[m][j] += x * v[j]; \
      } \
    } \
    _Pragma("GCC unroll 8") for (int m = 0; m < MR; m++) \
      _Pragma("GCC unroll 8") for (int j = 0; j < NR; j++) *(S(vec) *)(sums + m * step + j * S(LANES)) = acc[m][j]; \
  }
PRODUCT_KERNEL(block, PRODUCT_ROWS, 1)
PRODUCT_KERNEL(block, PRODUCT_ROWS, 2)
PRODUCT_KERNEL(block, PRODUCT_ROWS, 3)
PRODUCT_KERNEL(few, 4, 1)
PRODUCT_KERNEL(few, 4, 2)
PRODUCT_KERNEL(few, 4, 3)
PRODUCT_KERNEL(single, 1, 1)
PRODUCT_KERNEL(single, 1, 2)
PRODUCT_KERNEL(single, 1, 3)
#undef PRODUCT_KERNEL

typedef void (*S(product_kernel))(int64_t, const T *const *, int64_t, const T *, int64_t, T *, int64_t);
static S(product_kernel) S(kernel)(int64_t rows, int vectors) {
  static const S(product_kernel) all[3][3] = {{S(block_1), S(block_2), S(block_3)}, {S(few_1), S(few_2), S(few_3)}, {S(single_1), S(single_2), S(single_3)}};
  return all[rows == 1 ? 2 : rows <= 4 ? 1 : 0][vectors - 1];
}

/* Both operands run along k without gaps: MR rows by NC columns of inner products. sums is (MR, NC). A single row reads b once, at the speed of
   its cache: what follows, mostly the next columns, is fetched ahead. */
#define PRODUCT_DOT(KIND, MR, NC, AHEAD) \
  static void S(dot_##KIND)(int64_t n, const T *const *a, const T *const *b, T *sums) { \
    S(vec) acc[MR][NC]; const S(vec) zero = {0}; int64_t k = 0; \
    _Pragma("GCC unroll 8") for (int m = 0; m < MR; m++) _Pragma("GCC unroll 8") for (int j = 0; j < NC; j++) acc[m][j] = zero; \
    for (; k + S(LANES) <= n; k += S(LANES)) { \
      S(vec) v[MR]; \
      _Pragma("GCC unroll 8") for (int m = 0; m < MR; m++) v[m] = *(const S(vec) *)(a[m] + k); \
      _Pragma("GCC unroll 8") for (int j = 0; j < NC; j++) { \
        S(vec) w = *(const S(vec) *)(b[j] + k); \
        if (AHEAD) __builtin_prefetch((const char *)(b[j] + k) + AHEAD); \
        _Pragma("GCC unroll 8") for (int m = 0; m < MR; m++) acc[m][j] += v[m] * w; \
      } \
    } \
    S(vec) all[MR * NC + 1]; \
    for (int m = 0; m < MR; m++) for (int j = 0; j < NC; j++) all[m * NC + j] = acc[m][j]; \
    S(totals)(all, MR * NC); \
    memcpy(sums, all, MR * NC * sizeof(T)); \
    for (; k < n; k++) for (int m = 0; m < MR; m++) for (int j = 0; j < NC; j++) sums[m * NC + j] += a[m][k] * b[j][k]; \
  }
PRODUCT_DOT(few, 4, 4, 0)
PRODUCT_DOT(single, 1, 8, PRODUCT_AHEAD)
#undef PRODUCT_DOT

/* One row and LANES columns, `step` elements from one to the next: their inner products side by side. The processor
   sees the eight streams coming: fetching ahead by hand made it a tenth slower. */
static S(vec) S(dot_lanes)(int64_t n, const T *a, const T *b, int64_t step) {
  S(vec) all[S(LANES)];
  const S(vec) zero = {0};
  for (int first = 0; first < S(LANES); first += 8, b += 8 * step) {
    S(vec) acc[8];
    int64_t k = 0;
    _Pragma("GCC unroll 8") for (int j = 0; j < 8; j++) acc[j] = zero;
    for (; k + S(LANES) <= n; k += S(LANES)) {
      const S(vec) v = *(const S(vec) *)(a + k);
      _Pragma("GCC unroll 8") for (int j = 0; j < 8; j++) acc[j] += v * *(const S(vec) *)(b + j * step + k);
    }
    _Pragma("GCC unroll 8") for (int j = 0; j < 8; j++) all[first + j] = acc[j];
    for (; k < n; k++) for (int j = 0; j < 8; j++) all[first + j][0] += a[k] * b[j * step + k];
  }
  S(totals)(all, S(LANES));
  return all[0];
}

/* rows k0.. (n of them) and columns j0.. (many) of b as one panel of `width` columns, zeros behind the last */
static void S(pack_panel)(T *to, int64_t width, const matrix *b, int64_t k0, int64_t n, int64_t j0, int64_t many) {
  const T *from = (const T *)b->data + k0 * b->row_step + j0 * b->column_step;
  if (b->column_step == 1) {
    for (int64_t k = 0; k < n; k++, to += width, from += b->row_step) {
      memcpy(to, from, (size_t)many * sizeof(T));
      for (int64_t j = many; j < width; j++) to[j] = 0;
    }
    return;
  }
  for (int64_t k = 0; k < n; k += 16) { /* a few rows at a time, so that the panel's lines are still cached */
    int64_t last = n - k < 16 ? n - k : 16;
    for (int64_t j = 0; j < many; j++) {
      const T *column = from + k * b->row_step + j * b->column_step;
      for (int64_t i = 0; i < last; i++) to[(k + i) * width + j] = column[i * b->row_step];
    }
    for (int64_t i = 0; i < last; i++) for (int64_t j = many; j < width; j++) to[(k + i) * width + j] = 0;
  }
}

static void S(deliver)(const matrix *c, int64_t i0, int64_t rows, int64_t j0, int64_t many, const T *sums, int64_t step, T alpha, T beta) {
  T *to = (T *)c->data + i0 * c->row_step + j0 * c->column_step;
  if (c->column_step == 1) {
    for (int64_t i = 0; i < rows; i++, to += c->row_step, sums += step) {
      if (beta == 0) for (int64_t j = 0; j < many; j++) to[j] = alpha * sums[j];
      else for (int64_t j = 0; j < many; j++) to[j] = alpha * sums[j] + beta * to[j];
    }
    return;
  }
  for (int64_t j = 0; j < many; j++, to += c->column_step)
    for (int64_t i = 0; i < rows; i++) {
      T v = alpha * sums[i * step + j];
      to[i * c->row_step] = beta == 0 ? v : v + beta * to[i * c->row_step];
    }
}

/* columns j0..j0+width-1 of c, inner places k0..k0+n-1. With few rows the second operand is read where it lies, if it can be. */
static void S(block)(const matrix *c, const matrix *a, const matrix *b, int64_t k0, int64_t n, int64_t j0, int64_t width, T alpha, T beta, T *packed) {
  T sums[PRODUCT_ROWS * S(PANEL)] __attribute__((aligned(64)));
  bool in_place = b->column_step == 1 && c->rows <= 2 * PRODUCT_ROWS;
  for (int64_t j = 0; j < width; j += S(PANEL)) {
    int64_t many = width - j < S(PANEL) ? width - j : S(PANEL), whole = (many + S(LANES) - 1) / S(LANES) * S(LANES);
    if (!in_place || many < whole) S(pack_panel)(packed + j * n, whole, b, k0, n, j0 + j, many);
  }
  for (int64_t i = 0; i < c->rows; i += PRODUCT_ROWS) {
    int64_t rows = c->rows - i < PRODUCT_ROWS ? c->rows - i : PRODUCT_ROWS, made = rows == 1 ? 1 : rows <= 4 ? 4 : PRODUCT_ROWS;
    const T *p[PRODUCT_ROWS];
    for (int64_t m = 0; m < made; m++) p[m] = (const T *)a->data + (i + (m < rows ? m : rows - 1)) * a->row_step + k0 * a->column_step;
    for (int64_t j = 0; j < width; j += S(PANEL)) {
      int64_t many = width - j < S(PANEL) ? width - j : S(PANEL), whole = (many + S(LANES) - 1) / S(LANES) * S(LANES);
      bool here = in_place && many == whole;
      const T *from = here ? (const T *)b->data + k0 * b->row_step + j0 + j : packed + j * n;
      S(kernel)(rows, (int)(whole / S(LANES)))(n, p, a->column_step, from, here ? b->row_step : whole, sums, whole);
      S(deliver)(c, i, rows, j0 + j, many, sums, whole, alpha, beta);
    }
  }
}

/* few rows, k without gaps in both: nothing is packed */
static void S(inner)(const matrix *c, const matrix *a, const matrix *b, T alpha, T beta) {
  T sums[16];
  for (int64_t i = 0; i < c->rows; i += 4) {
    int64_t rows = c->rows - i < 4 ? c->rows - i : 4;
    const T *p[4], *q[8];
    for (int m = 0; m < 4; m++) p[m] = (const T *)a->data + (i + (m < rows ? m : rows - 1)) * a->row_step;
    const int at_once = rows == 1 ? 8 : 4;
    int64_t j = 0;
    for (; rows == 1 && j + S(LANES) <= c->columns; j += S(LANES)) {
      const S(vec) all = S(dot_lanes)(a->columns, p[0], (const T *)b->data + j * b->column_step, b->column_step);
      S(deliver)(c, i, 1, j, S(LANES), (const T *)&all, S(LANES), alpha, beta);
    }
    for (; j < c->columns; j += at_once) {
      int64_t many = c->columns - j < at_once ? c->columns - j : at_once;
      for (int l = 0; l < at_once; l++) q[l] = (const T *)b->data + (j + (l < many ? l : many - 1)) * b->column_step;
      (rows == 1 ? S(dot_single) : S(dot_few))(a->columns, p, q, sums);
      S(deliver)(c, i, rows, j, many, sums, at_once, alpha, beta);
    }
  }
}

static void S(product)(const matrix *c, const matrix *a, const matrix *b, T alpha, T beta, T *packed) {
  if (c->rows < 8 && a->column_step == 1 && b->row_step == 1) {
    S(inner)(c, a, b, alpha, beta);
    return;
  }
  int64_t parts = (a->columns + PRODUCT_INNER - 1) / PRODUCT_INNER, inner = (a->columns + parts - 1) / parts;
  int64_t fit = PRODUCT_PACKED / (int64_t)sizeof(T) / inner / S(PANEL) * S(PANEL), width = fit < S(PANEL) ? S(PANEL) : fit;
  for (int64_t j = 0; j < c->columns; j += width)
    for (int64_t k = 0; k < a->columns; k += inner)
      S(block)(c, a, b, k, a->columns - k < inner ? a->columns - k : inner, j, c->columns - j < width ? c->columns - j : width, alpha, k ? 1 : beta, packed);
}
