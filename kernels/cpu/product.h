/* product.h: matrix products in registers, for one element type T; included once for each with S(name) making its names. One operand is read
   as it lies and broadcast, PRODUCT_ROWS rows at a time; the other is packed into panels of whole vectors that stay in the second-level cache.
   The scheme is that of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008), without packing the first operand. */
enum { S(LANES) = PRODUCT_BYTES / sizeof(T), S(PANEL) = 3 * S(LANES) };
typedef T S(vec) __attribute__((vector_size(PRODUCT_BYTES), aligned(sizeof(T)), may_alias));

/* sums[m * step + j] = sum over k of a[m][k * a_step] b[k * NR vectors + j] */
#define PRODUCT_KERNEL(NR) \
  static void S(product_##NR)(int64_t n, const T *const *a, int64_t a_step, const T *b, T *sums, int64_t step) { \
    S(vec) acc[PRODUCT_ROWS][NR]; const S(vec) zero = {0}; const T *p[PRODUCT_ROWS]; \
    _Pragma("GCC unroll 8") for (int m = 0; m < PRODUCT_ROWS; m++) p[m] = a[m]; \
    _Pragma("GCC unroll 8") for (int m = 0; m < PRODUCT_ROWS; m++) _Pragma("GCC unroll 8") for (int j = 0; j < NR; j++) acc[m][j] = zero; \
    for (int64_t k = 0, at = 0; k < n; k++, at += a_step, b += NR * S(LANES)) { \
      S(vec) v[NR]; \
      _Pragma("GCC unroll 8") for (int j = 0; j < NR; j++) v[j] = *(const S(vec) *)(b + j * S(LANES)); \
      _Pragma("GCC unroll 8") for (int m = 0; m < PRODUCT_ROWS; m++) { \
        T x = p[m][at]; \
        _Pragma("GCC unroll 8") for (int j = 0; j < NR; j++) acc[m][j] += x * v[j]; \
      } \
    } \
    _Pragma("GCC unroll 8") for (int m = 0; m < PRODUCT_ROWS; m++) \
      _Pragma("GCC unroll 8") for (int j = 0; j < NR; j++) *(S(vec) *)(sums + m * step + j * S(LANES)) = acc[m][j]; \
  }
PRODUCT_KERNEL(1)
PRODUCT_KERNEL(2)
PRODUCT_KERNEL(3)
#undef PRODUCT_KERNEL

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

/* columns j0..j0+width-1 of c, inner places k0..k0+n-1; `packed` has room for n x width */
static void S(block)(const matrix *c, const matrix *a, const matrix *b, int64_t k0, int64_t n, int64_t j0, int64_t width, T alpha, T beta, T *packed) {
  T sums[PRODUCT_ROWS * S(PANEL)] __attribute__((aligned(64)));
  for (int64_t j = 0; j < width; j += S(PANEL)) {
    int64_t many = width - j < S(PANEL) ? width - j : S(PANEL);
    S(pack_panel)(packed + j * n, (many + S(LANES) - 1) / S(LANES) * S(LANES), b, k0, n, j0 + j, many);
  }
  for (int64_t i = 0; i < c->rows; i += PRODUCT_ROWS) {
    int64_t rows = c->rows - i < PRODUCT_ROWS ? c->rows - i : PRODUCT_ROWS;
    const T *p[PRODUCT_ROWS];
    for (int64_t m = 0; m < PRODUCT_ROWS; m++) p[m] = (const T *)a->data + (i + (m < rows ? m : rows - 1)) * a->row_step + k0 * a->column_step;
    for (int64_t j = 0; j < width; j += S(PANEL)) {
      int64_t many = width - j < S(PANEL) ? width - j : S(PANEL);
      int vectors = (int)((many + S(LANES) - 1) / S(LANES));
      (vectors == 1 ? S(product_1) : vectors == 2 ? S(product_2) : S(product_3))(n, p, a->column_step, packed + j * n, sums, vectors * S(LANES));
      S(deliver)(c, i, rows, j0 + j, many, sums, vectors * S(LANES), alpha, beta);
    }
  }
}

static void S(product)(const matrix *c, const matrix *a, const matrix *b, T alpha, T beta, T *packed) {
  int64_t parts = (a->columns + PRODUCT_INNER - 1) / PRODUCT_INNER, inner = (a->columns + parts - 1) / parts;
  int64_t fit = PRODUCT_PACKED / (int64_t)sizeof(T) / inner / S(PANEL) * S(PANEL), width = fit < S(PANEL) ? S(PANEL) : fit;
  for (int64_t j = 0; j < c->columns; j += width)
    for (int64_t k = 0; k < a->columns; k += inner)
      S(block)(c, a, b, k, a->columns - k < inner ? a->columns - k : inner, j, c->columns - j < width ? c->columns - j : width, alpha, k ? 1 : beta, packed);
}
