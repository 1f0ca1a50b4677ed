/* group_norm.c: layer_norm, rms_norm and group_norm over (batch, groups, channels, inner), and their gradients. A row is one
   (batch, group): channels * inner adjacent elements with a mean and a variance of their own. */
#include "row.h"
#include <stdlib.h>
#include <string.h>

static void row_statistics(const tc_view *mean, const tc_view *rstd, const tc_view *x, const tc_norm_groups *p, int64_t i) {
  TC_FLOATS(x->dtype, {
    const int64_t n = p->channels * p->inner;
    const T *restrict in = (const T *)x->data + i * n;
    const T m = p->rms ? 0 : (T)(row_sum(in, n) / (double)n);
    const double variance = row_squares(in, n, m) / (double)n;
    ((T *)mean->data)[i] = m;
    ((T *)rstd->data)[i] = (T)(1 / sqrt(variance + p->eps));
  });
}

/* y = (x - mean) rstd w + b for row i; w and b may be NULL. */
static void row_forward(const tc_view *y, const tc_view *mean, const tc_view *rstd, const tc_view *x, const tc_view *weight,
                        const tc_view *bias, const tc_norm_groups *p, int64_t i) {
  TC_FLOATS(x->dtype, {
    const int64_t channel = i % p->groups * p->channels; const int64_t at = i * p->channels * p->inner;
    const T *restrict in = (const T *)x->data + at;
    T *restrict out = (T *)y->data + at;
    const T *restrict w = weight ? (const T *)weight->data + channel : NULL;
    const T *restrict b = bias ? (const T *)bias->data + channel : NULL;
    const T m = ((const T *)mean->data)[i]; const T s = ((const T *)rstd->data)[i];
    if (p->inner == 1) {
      const int64_t n = p->channels;
      if (w && b) for (int64_t j = 0; j < n; j++) out[j] = (in[j] - m) * s * w[j] + b[j];
      else if (w) for (int64_t j = 0; j < n; j++) out[j] = (in[j] - m) * s * w[j];
      else for (int64_t j = 0; j < n; j++) out[j] = (in[j] - m) * s + (b ? b[j] : 0);
    } else for (int64_t c = 0; c < p->channels; c++) {
      const T scale = w ? s * w[c] : s; const T shift = b ? b[c] : 0;
      for (int64_t j = c * p->inner; j < (c + 1) * p->inner; j++) out[j] = (in[j] - m) * scale + shift;
    }
  });
}

/* Begins to fetch what row i reads while the row before is worked on. */
static inline void row_fetch(const tc_view *x, const tc_norm_groups *p, int64_t i, int64_t rows) {
  const int64_t bytes = p->channels * p->inner * tc_dtype_bytes(x->dtype), most = bytes < 8192 ? bytes : 8192;
  const char *row = (const char *)x->data + i * bytes;
  if (i < rows)
    for (int64_t at = 0; at < most; at += 64) __builtin_prefetch(row + at, 0, 3);
}

int TC_KERNEL(group_norm)(const tc_view *y, const tc_view *mean, const tc_view *rstd, const tc_view *x, const tc_view *weight,
                          const tc_view *bias, const tc_norm_groups *p) {
  TC_PARALLEL(p->batch * p->groups, 1, (double)x->numel) {
    for (int64_t i = lo; i < hi; i++) {
      row_fetch(x, p, i + 1, hi);
      row_statistics(mean, rstd, x, p, i);
      row_forward(y, mean, rstd, x, weight, bias, p, i);
    }
  } TC_PARALLEL_END
  return TC_OK;
}

/* Whether row i has infinities or NaN, but nobody asks for its gradient: then it is 0. */
static bool unused_row(const tc_view *g, const tc_view *mean, const tc_view *rstd, const tc_norm_groups *p, int64_t i) {
  bool used = false;
  TC_FLOATS(g->dtype, {
    const T m = ((const T *)mean->data)[i]; const T s = ((const T *)rstd->data)[i];
    if (s > 0 && m - m == 0) return false;
    const int64_t n = p->channels * p->inner;
    const T *up = (const T *)g->data + i * n;
    for (int64_t j = 0; j < n; j++) used |= up[j] != 0;
  });
  return !used;
}

static void clear_row(const tc_view *dx, const tc_norm_groups *p, int64_t i) {
  const size_t bytes = (size_t)(p->channels * p->inner * tc_dtype_bytes(dx->dtype));
  memset((char *)dx->data + (size_t)i * bytes, 0, bytes);
}

/* dx = rstd (g w - mean(g w) - xhat mean(g w xhat)) */
static void row_slope(const tc_view *dx, const tc_view *g, const tc_view *mean, const tc_view *rstd, const tc_view *x,
                      const tc_view *weight, const tc_norm_groups *p, int64_t i) {
  TC_FLOATS(x->dtype, {
    const int64_t channel = i % p->groups * p->channels; const int64_t n = p->channels * p->inner; const int64_t k = p->inner;
    const T *restrict in = (const T *)x->data + i * n;
    const T *restrict up = (const T *)g->data + i * n;
    T *restrict down = (T *)dx->data + i * n;
    const T *restrict w = weight ? (const T *)weight->data + channel : NULL;
    const T m = ((const T *)mean->data)[i]; const T s = ((const T *)rstd->data)[i];
    if (!w) for (int64_t j = 0; j < n; j++) down[j] = up[j];
    else if (k == 1) for (int64_t j = 0; j < n; j++) down[j] = up[j] * w[j];
    else for (int64_t c = 0; c < p->channels; c++)
      for (int64_t j = c * k; j < (c + 1) * k; j++) down[j] = up[j] * w[c];
    const T even = p->rms ? 0 : (T)(ROW_SUM(T, n, down[j]) / (double)n);
    const T along = (T)(ROW_SUM(T, n, down[j] * (in[j] - m)) * s / (double)n);
    for (int64_t j = 0; j < n; j++) down[j] = s * (down[j] - even - (in[j] - m) * s * along);
  });
}

/* Adds row i's share of the gradients of weight and bias to sums: (weight, bias) by (group, channel). */
static void row_parameters(void *sums, const tc_view *g, const tc_view *mean, const tc_view *rstd, const tc_view *x,
                           const tc_norm_groups *p, int64_t i) {
  TC_FLOATS(x->dtype, {
    const int64_t n = p->channels; const int64_t k = p->inner;
    const T *restrict in = (const T *)x->data + i * n * k;
    const T *restrict up = (const T *)g->data + i * n * k;
    T *restrict dw = (T *)sums + i % p->groups * n;
    T *restrict db = dw + p->groups * n;
    const T m = ((const T *)mean->data)[i]; const T s = ((const T *)rstd->data)[i];
    if (k == 1) {
      for (int64_t j = 0; j < n; j++) dw[j] += up[j] * ((in[j] - m) * s);
      for (int64_t j = 0; j < n; j++) db[j] += up[j];
    } else for (int64_t c = 0; c < n; c++) {
      const T *restrict a = in + c * k;
      const T *restrict u = up + c * k;
      dw[c] += (T)(ROW_SUM(T, k, u[j] * (a[j] - m)) * s);
      db[c] += (T)ROW_SUM(T, k, u[j]);
    }
  });
}

/* out[c] = the sum over the chunks of sums[chunk][c] */
static void fold_chunks(const tc_view *out, const char *sums, int64_t chunks, int64_t step) {
  TC_FLOATS(out->dtype, {
    for (int64_t c = 0; c < out->numel; c++) {
      double total = 0;
      for (int64_t k = 0; k < chunks; k++) total += ((const T *)(sums + k * step))[c];
      ((T *)out->data)[c] = (T)total;
    }
  });
}

/* The batch is cut into chunks that do not depend on the number of threads; each sums the parameters' gradients apart. */
int TC_KERNEL(group_norm_backward)(const tc_view *dx, const tc_view *dw, const tc_view *db, const tc_view *g, const tc_view *mean,
                                   const tc_view *rstd, const tc_view *x, const tc_view *weight, const tc_norm_groups *p) {
  const int64_t least = p->groups ? (15 + p->groups) / p->groups : 1, most = (p->batch + 63) / 64; /* at least 16 rows, at most 64 chunks */
  const int64_t per = most < least ? least : most, chunks = (p->batch + per - 1) / per;
  const int64_t width = p->groups * p->channels, step = 2 * width * tc_dtype_bytes(x->dtype);
  const bool parameters = dw || db;
  char *sums = parameters && chunks ? calloc((size_t)chunks, (size_t)step) : NULL;
  if (parameters && chunks && !sums) return TC_NO_MEMORY;
  TC_PARALLEL(chunks, 1, 2.0 * (double)x->numel) {
    for (int64_t k = lo; k < hi; k++)
      for (int64_t i = k * per * p->groups; i < (k + 1) * per * p->groups && i < p->batch * p->groups; i++) {
        const bool unused = unused_row(g, mean, rstd, p, i);
        if (dx && unused) clear_row(dx, p, i);
        else if (dx) row_slope(dx, g, mean, rstd, x, weight, p, i);
        if (parameters && !unused) row_parameters(sums + k * step, g, mean, rstd, x, p, i);
      }
  } TC_PARALLEL_END
  if (dw) fold_chunks(dw, sums, chunks, step);
  if (db) fold_chunks(db, sums + step / 2, chunks, step);
  free(sums);
  return TC_OK;
}
