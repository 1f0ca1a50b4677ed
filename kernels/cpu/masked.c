/* masked.c: where the elements are that are not zero, and the triangles of matrices. */
#include "cpu.h"
#include <stdlib.h>

/* Runs `body` with `hit` as the test of element i of a row-major tensor. */
#define WITH_TEST(x, body) do { const void *data_ = (x)->data; switch ((x)->dtype) { \
  case TC_FLOAT16: case TC_BFLOAT16: { const uint16_t *v = data_; body((v[i] & 0x7fff) != 0) } break; \
  case TC_FLOAT32: { const float *v = data_; body(v[i] != 0) } break; \
  case TC_FLOAT64: { const double *v = data_; body(v[i] != 0) } break; \
  case TC_COMPLEX64: { const tc_c64 *v = data_; body(v[i].re != 0 || v[i].im != 0) } break; \
  case TC_COMPLEX128: { const tc_c128 *v = data_; body(v[i].re != 0 || v[i].im != 0) } break; \
  case TC_INT16: { const int16_t *v = data_; body(v[i] != 0) } break; \
  case TC_INT32: { const int32_t *v = data_; body(v[i] != 0) } break; \
  case TC_INT64: { const int64_t *v = data_; body(v[i] != 0) } break; \
  default: { const uint8_t *v = data_; body(v[i] != 0) } break; } } while (0)

static int64_t count_share(const tc_view *x, int64_t lo, int64_t hi) {
  int64_t count = 0;
#define COUNT(hit) for (int64_t i = lo; i < hi; i++) count += hit;
  WITH_TEST(x, COUNT);
  return count;
}

/* Writes the place of every element and moves on only past those that hit, so that nothing has to be foretold; it ends with the last hit. */
static void list_share(const tc_view *x, int64_t lo, int64_t count, int64_t *to) {
  int64_t k = 0;
#define LIST(hit) for (int64_t i = lo; k < count; i++) { to[k] = i; k += hit; }
  WITH_TEST(x, LIST);
}

/* Gives the number of elements that are not zero, and their flat positions in order unless positions is NULL. */
int TC_KERNEL(nonzero)(const tc_view *x, int64_t *positions, int64_t *count) {
  enum { SHARES = 64 };
  int64_t counts[SHARES], starts[SHARES], each = (x->numel + SHARES - 1) / SHARES;
  TC_PARALLEL(SHARES, 1, (double)x->numel * 0.5) {
    for (int64_t s = lo; s < hi; s++) {
      int64_t from = s * each < x->numel ? s * each : x->numel, to = from + each < x->numel ? from + each : x->numel;
      counts[s] = count_share(x, from, to);
    }
  } TC_PARALLEL_END
  *count = 0;
  for (int s = 0; s < SHARES; s++) {
    starts[s] = *count;
    *count += counts[s];
  }
  if (!positions) return TC_OK;
  TC_PARALLEL(SHARES, 1, (double)x->numel) {
    for (int64_t s = lo; s < hi; s++) {
      if (counts[s]) list_share(x, s * each, counts[s], positions + starts[s]);
    }
  } TC_PARALLEL_END
  return TC_OK;
}

/* ---- triangles: y is row-major, x has any strides; the last two dims are rows and columns ---- */
static int64_t batch_offset(const tc_view *x, int64_t batch) {
  int64_t offset = 0;
  for (int d = x->ndim - 3; d >= 0; d--) {
    offset += batch % x->size[d] * x->stride[d];
    batch /= x->size[d];
  }
  return offset;
}

static void copy_run(int64_t n, char *y, const char *x, int64_t step, int64_t bytes) {
  if (step == bytes) memcpy(y, x, (size_t)(n * bytes));
  else for (int64_t i = 0; i < n; i++) memcpy(y + i * bytes, x + i * step, (size_t)bytes);
}

/* Keeps columns from .. to-1 of one row of y. */
static void triangle_row(char *y, const char *x, int64_t columns, int64_t step, int64_t bytes, int64_t from, int64_t to) {
  if (from > columns) from = columns;
  if (to < from) to = from;
  memset(y, 0, (size_t)(from * bytes));
  copy_run(to - from, y + from * bytes, x + from * step, step, bytes);
  memset(y + to * bytes, 0, (size_t)((columns - to) * bytes));
}

int TC_KERNEL(triangle)(const tc_view *y, const tc_view *x, int64_t diagonal, int upper) {
  int last = x->ndim - 1;
  int64_t rows = x->size[last - 1], columns = x->size[last], bytes = tc_dtype_bytes(x->dtype), step = x->stride[last] * bytes;
  if (x->numel == 0) return TC_OK;
  TC_PARALLEL(x->numel / columns, 1, (double)x->numel) {
    for (int64_t i = lo; i < hi; i++) {
      int64_t row = i % rows, edge = row + diagonal; /* the column of the diagonal */
      int64_t from = upper ? (edge > 0 ? edge : 0) : 0, to = upper ? columns : edge + 1 < columns ? edge + 1 : columns;
      const char *source = (const char *)x->data + (batch_offset(x, i / rows) + row * x->stride[last - 1]) * bytes;
      triangle_row((char *)y->data + i * columns * bytes, source, columns, step, bytes, from, to > 0 ? to : 0);
    }
  } TC_PARALLEL_END
  return TC_OK;
}
