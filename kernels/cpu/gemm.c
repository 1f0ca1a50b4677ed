/* gemm.c: matrix products: floating and complex numbers through BLAS, integers by a loop of our own. */
#include "cpu.h"
#include <cblas.h>
#include <stdlib.h>

typedef struct matrix { char *data; int64_t rows, columns, row_step, column_step; } matrix;

/* number `i` of a batch, or the matrix itself if the view has two dims */
static matrix part(const tc_view *v, int64_t i) {
  int r = v->ndim - 2;
  char *data = (char *)v->data + (r ? i * v->stride[0] : 0) * tc_dtype_bytes(v->dtype);
  return (matrix){data, v->size[r], v->size[r + 1], v->stride[r], v->stride[r + 1]};
}

/* how BLAS is to read a matrix: rows one after another, or turned */
static bool turned(const matrix *m) {
  bool rows_lie = (m->column_step == 1 || m->columns == 1) && (m->row_step >= m->columns || m->rows == 1);
  return !rows_lie;
}
static int leading(const matrix *m, bool turn) {
  int64_t step = turn ? m->column_step : m->row_step, least = turn ? m->rows : m->columns, count = turn ? m->columns : m->rows;
  if (count <= 1 || step < least) step = least;
  return (int)(step > 0 ? step : 1);
}

static void clear_or_scale(const matrix *c, int dtype, double beta) { /* no inner dim: the product is zero */
  if (dtype >= TC_COMPLEX64) { /* real numbers, twice as many */
    matrix wide = {c->data, c->rows, 2 * c->columns, 2 * c->row_step, 1};
    clear_or_scale(&wide, dtype == TC_COMPLEX64 ? TC_FLOAT32 : TC_FLOAT64, beta);
    return;
  }
  for (int64_t i = 0; i < c->rows; i++)
    for (int64_t j = 0; j < c->columns; j++) {
      if (dtype == TC_FLOAT64) ((double *)c->data)[i * c->row_step + j] *= beta;
      else ((float *)c->data)[i * c->row_step + j] *= (float)beta;
      if (beta == 0 && dtype == TC_FLOAT64) ((double *)c->data)[i * c->row_step + j] = 0;
      if (beta == 0 && dtype != TC_FLOAT64) ((float *)c->data)[i * c->row_step + j] = 0;
    }
}

/* ---- our own products, where the processor has AVX-512: OpenBLAS knows only the models of its day, and may be told not to ---- */
#if defined(__AVX512F__)
#define PRODUCT_ROWS 8
enum { VECTOR_BYTES = 64, PRODUCT_INNER = 512, PRODUCT_PACKED = 512 << 10, PRODUCT_AHEAD = 4096 };
#define T float
#define INDEX int32_t
#define S(name) f32_##name
#include "product.h"
#undef T
#undef INDEX
#undef S
#define T double
#define INDEX int64_t
#define S(name) f64_##name
#include "product.h"
#undef T
#undef INDEX
#undef S

static matrix transposed(const matrix *m) { return (matrix){m->data, m->columns, m->rows, m->column_step, m->row_step}; }

/* rows lo..hi-1 of a product: those of a and c */
static matrix rows_of(const matrix *m, int64_t lo, int64_t hi, int bytes) {
  return (matrix){m->data + lo * m->row_step * bytes, hi - lo, m->columns, m->row_step, m->column_step};
}

static _Thread_local void *panels; /* a thread's packed panels, kept from call to call */
static void *room(void) {
  if (!panels) panels = aligned_alloc(64, PRODUCT_PACKED + 64 * 3 * PRODUCT_INNER);
  return panels;
}

static matrix columns_of(const matrix *m, int64_t lo, int64_t hi, int bytes) {
  return (matrix){m->data + lo * m->column_step * bytes, m->rows, hi - lo, m->row_step, m->column_step};
}

/* rows or columns lo..hi-1 of a product; false without memory */
static bool share(const matrix *c, const matrix *a, const matrix *b, bool by_rows, int64_t lo, int64_t hi, int dtype, double alpha, double beta) {
  int bytes = tc_dtype_bytes(dtype);
  matrix mc = (by_rows ? rows_of : columns_of)(c, lo, hi, bytes), ma = by_rows ? rows_of(a, lo, hi, bytes) : *a;
  matrix mb = by_rows ? *b : columns_of(b, lo, hi, bytes);
  void *packed = room();
  if (!packed) return false;
  if (dtype == TC_FLOAT64) f64_product(&mc, &ma, &mb, alpha, beta, packed);
  else f32_product(&mc, &ma, &mb, (float)alpha, (float)beta, packed);
  return true;
}

/* The smaller operand is the one to pack, so the other side's rows are the many; but where one side has hardly any, its rows are the few
   that go through everything. false: not worth it (or no memory), BLAS shall do it. */
static bool own_product(const matrix *c, const matrix *a, const matrix *b, int dtype, double alpha, double beta) {
  double work = (double)c->rows * (double)c->columns * (double)a->columns;
  int64_t least = c->rows < c->columns ? c->rows : c->columns;
  if (work < 512) return false;
  matrix tc = transposed(c), ta = transposed(a), tb = transposed(b);
  bool few = least < 8, turn = few ? c->rows > c->columns : c->rows < c->columns && a->columns >= 64; /* short sums: c turned would cost more */
  if (turn) c = &tc, a = &tb, b = &ta;
  bool good = true;
  TC_PARALLEL(few ? c->columns : c->rows, few ? 48 : PRODUCT_ROWS, few ? work / 4 : work / 32) {
    if (!share(c, a, b, !few, lo, hi, dtype, alpha, beta)) good = false;
  } TC_PARALLEL_END
  return good;
}
#else
static bool own_product(const matrix *c, const matrix *a, const matrix *b, int dtype, double alpha, double beta) { return false; }
#endif

static void one_product(const matrix *c, const matrix *a, const matrix *b, int dtype, double alpha, double beta) {
  if (c->rows == 0 || c->columns == 0) return;
  if (a->columns == 0) {
    clear_or_scale(c, dtype, beta);
    return;
  }
  if (dtype < TC_COMPLEX64 && own_product(c, a, b, dtype, alpha, beta)) return;
  bool ta = turned(a), tb = turned(b);
  int m = (int)c->rows, n = (int)c->columns, k = (int)a->columns, lda = leading(a, ta), ldb = leading(b, tb), ldc = leading(c, false);
  CBLAS_TRANSPOSE oa = ta ? CblasTrans : CblasNoTrans, ob = tb ? CblasTrans : CblasNoTrans;
  if (dtype == TC_COMPLEX64)
    cblas_cgemm(CblasRowMajor, oa, ob, m, n, k, &(tc_c64){(float)alpha, 0}, a->data, lda, b->data, ldb, &(tc_c64){(float)beta, 0}, c->data, ldc);
  else if (dtype == TC_COMPLEX128)
    cblas_zgemm(CblasRowMajor, oa, ob, m, n, k, &(tc_c128){alpha, 0}, a->data, lda, b->data, ldb, &(tc_c128){beta, 0}, c->data, ldc);
  else if (dtype == TC_FLOAT64)
    cblas_dgemm(CblasRowMajor, oa, ob, m, n, k, alpha, (double *)a->data, lda, (double *)b->data, ldb, beta, (double *)c->data, ldc);
  else
    cblas_sgemm(CblasRowMajor, oa, ob, m, n, k, (float)alpha, (float *)a->data, lda, (float *)b->data, ldb, (float)beta, (float *)c->data, ldc);
}

static void integer_product(const matrix *c, const matrix *a, const matrix *b, int64_t alpha, int64_t beta) {
  const int64_t *p = (const int64_t *)a->data, *q = (const int64_t *)b->data;
  for (int64_t i = 0; i < c->rows; i++) {
    int64_t *row = (int64_t *)c->data + i * c->row_step;
    for (int64_t j = 0; j < c->columns; j++) row[j] = beta ? row[j] * beta : 0;
    for (int64_t k = 0; k < a->columns; k++) {
      int64_t x = alpha * p[i * a->row_step + k * a->column_step];
      for (int64_t j = 0; j < c->columns; j++) row[j] += x * q[k * b->row_step + j * b->column_step];
    }
  }
}

static void run_part(const tc_view *c, const tc_view *a, const tc_view *b, int64_t i, double alpha, double beta) {
  matrix mc = part(c, i), ma = part(a, i), mb = part(b, i);
  if (c->dtype == TC_INT64) integer_product(&mc, &ma, &mb, (int64_t)alpha, (int64_t)beta);
  else one_product(&mc, &ma, &mb, c->dtype, alpha, beta);
}

int TC_KERNEL(gemm)(const tc_view *c, const tc_view *a, const tc_view *b, double alpha, double beta) {
  int64_t batch = c->ndim == 3 ? c->size[0] : 1;
  double work = (double)c->size[c->ndim - 2] * (double)c->size[c->ndim - 1] * (double)a->size[a->ndim - 1] / 16;
  if (batch >= tc_kernel_threads && work < 1e6) { /* small ones: a share of the batch for each thread */
    TC_PARALLEL(batch, 1, work * (double)batch) {
      for (int64_t i = lo; i < hi; i++) run_part(c, a, b, i, alpha, beta);
    } TC_PARALLEL_END
  } else {
    for (int64_t i = 0; i < batch; i++) run_part(c, a, b, i, alpha, beta);
  }
  return TC_OK;
}

/* the sum is taken up by the copy of the bias into c: nothing to gain here */
int TC_KERNEL(gemm_bias)(const tc_view *c, const tc_view *a, const tc_view *b, const tc_view *bias, int activation) { return TC_MISSING; }
