/* softmax.c: softmax and log_softmax over the middle of (outer, n, inner), and their gradients. */
#include "row.h"

enum { COLUMNS = 64 };   /* how many neighbouring columns are taken at once where a row's elements lie `inner` apart */

/* Rows lo..hi of n adjacent elements. The maximum keeps exp finite; a row of -inf gives NaN. */
static void rows(const tc_view *y, const tc_view *x, int64_t n, int as_log, int64_t lo, int64_t hi) {
  TC_FLOATS(x->dtype, {
    for (int64_t i = lo; i < hi; i++) {
      const T *restrict in = (const T *)x->data + i * n;
      T *restrict out = (T *)y->data + i * n;
      const T most = ROW_MAX(in, n);
      if (as_log) {
        const T shift = (T)row_log((T)ROW_SUM(T, n, row_exp(in[j] - most)));
        for (int64_t j = 0; j < n; j++) out[j] = in[j] - most - shift;
      } else {
        for (int64_t j = 0; j < n; j++) out[j] = row_exp(in[j] - most);
        const T scale = (T)(1 / ROW_SUM(T, n, out[j]));
        for (int64_t j = 0; j < n; j++) out[j] *= scale;
      }
    }
  });
}

/* Columns c..c+w of one outer block: the same, `w` rows side by side. */
static void columns(const tc_view *y, const tc_view *x, const tc_rows *r, int as_log, int64_t at, int64_t w) {
  TC_FLOATS(x->dtype, {
    const T *restrict in = (const T *)x->data + at;
    T *restrict out = (T *)y->data + at;
    T most[COLUMNS];
    T sum[COLUMNS];
    for (int64_t c = 0; c < w; c++) { most[c] = -(T)INFINITY; sum[c] = 0; }
    for (int64_t j = 0; j < r->n; j++)
      for (int64_t c = 0; c < w; c++) most[c] = in[j * r->inner + c] > most[c] ? in[j * r->inner + c] : most[c];
    for (int64_t j = 0; j < r->n; j++)
      for (int64_t c = 0; c < w; c++) {
        T e = row_exp(in[j * r->inner + c] - most[c]);
        sum[c] += e;
        if (!as_log) out[j * r->inner + c] = e;
      }
    for (int64_t c = 0; c < w; c++) sum[c] = as_log ? row_log(sum[c]) : 1 / sum[c];
    for (int64_t j = 0; j < r->n; j++)
      for (int64_t c = 0; c < w; c++) {
        int64_t k = j * r->inner + c;
        out[k] = as_log ? in[k] - most[c] - sum[c] : out[k] * sum[c];
      }
  });
}

static int64_t column_blocks(const tc_rows *r) { return r->outer * ((r->inner + COLUMNS - 1) / COLUMNS); }

/* Where block i of the columns begins, and its width. */
static int64_t block_start(const tc_rows *r, int64_t i, int64_t *width) {
  int64_t per = (r->inner + COLUMNS - 1) / COLUMNS, c = i % per * COLUMNS;
  *width = r->inner - c < COLUMNS ? r->inner - c : COLUMNS;
  return i / per * r->n * r->inner + c;
}

int TC_KERNEL(softmax)(const tc_view *y, const tc_view *x, const tc_rows *r, int as_log) {
  const double work = 1.5 * (double)x->numel;
  if (r->inner == 1) {
    TC_PARALLEL(r->outer, 1, work) { rows(y, x, r->n, as_log, lo, hi); } TC_PARALLEL_END
    return TC_OK;
  }
  TC_PARALLEL(column_blocks(r), 1, work) {
    for (int64_t i = lo, w; i < hi; i++) {
      int64_t at = block_start(r, i, &w);
      columns(y, x, r, as_log, at, w);
    }
  } TC_PARALLEL_END
  return TC_OK;
}

/* Where no element of a row has a gradient, none passes, though its results be NaN, as in a row of -inf; only sums that say so get here. */
#define CLEAR_UNUSED(count, step) do { \
    bool used = false; \
    for (int64_t j = 0; j < (count); j++) used |= up[j * (step)] != 0; \
    if (!used) for (int64_t j = 0; j < (count); j++) down[j * (step)] = 0; \
  } while (0)

/* dx = y (g - sum(g y)) of softmax, g - exp(y) sum(g) of log_softmax */
static void rows_backward(const tc_view *dx, const tc_view *g, const tc_view *y, int64_t n, int as_log, int64_t lo, int64_t hi) {
  TC_FLOATS(y->dtype, {
    for (int64_t i = lo; i < hi; i++) {
      const T *restrict out = (const T *)y->data + i * n;
      const T *restrict up = (const T *)g->data + i * n;
      T *restrict down = (T *)dx->data + i * n;
      if (as_log) {
        const T sum = (T)ROW_SUM(T, n, up[j]);
        for (int64_t j = 0; j < n; j++) down[j] = up[j] - row_exp(out[j]) * sum;
        if (sum == 0) for (int64_t j = 0; j < n; j++) down[j] = up[j];
      } else {
        const T sum = (T)ROW_SUM(T, n, up[j] * out[j]);
        for (int64_t j = 0; j < n; j++) down[j] = out[j] * (up[j] - sum);
        if (sum != sum) CLEAR_UNUSED(n, 1);
      }
    }
  });
}

static void columns_backward(const tc_view *dx, const tc_view *g, const tc_view *y, const tc_rows *r, int as_log, int64_t at,
                             int64_t w) {
  TC_FLOATS(y->dtype, {
    const T *restrict out = (const T *)y->data + at;
    const T *restrict up = (const T *)g->data + at;
    T *restrict down = (T *)dx->data + at;
    T sum[COLUMNS];
    for (int64_t c = 0; c < w; c++) sum[c] = 0;
    for (int64_t j = 0; j < r->n; j++)
      for (int64_t c = 0; c < w; c++) sum[c] += up[j * r->inner + c] * (as_log ? (T)1 : out[j * r->inner + c]);
    for (int64_t j = 0; j < r->n; j++)
      for (int64_t c = 0; c < w; c++) {
        int64_t k = j * r->inner + c;
        down[k] = as_log ? up[k] - row_exp(out[k]) * sum[c] : out[k] * (up[k] - sum[c]);
      }
    for (int64_t c = 0; c < w; c++, up++, down++)
      if (as_log ? sum[c] == 0 : sum[c] != sum[c]) CLEAR_UNUSED(r->n, r->inner);
  });
}

int TC_KERNEL(softmax_backward)(const tc_view *dx, const tc_view *g, const tc_view *y, const tc_rows *r, int as_log) {
  const double work = (double)y->numel;
  if (r->inner == 1) {
    TC_PARALLEL(r->outer, 1, work) { rows_backward(dx, g, y, r->n, as_log, lo, hi); } TC_PARALLEL_END
    return TC_OK;
  }
  TC_PARALLEL(column_blocks(r), 1, work) {
    for (int64_t i = lo, w; i < hi; i++) {
      int64_t at = block_start(r, i, &w);
      columns_backward(dx, g, y, r, as_log, at, w);
    }
  } TC_PARALLEL_END
  return TC_OK;
}
