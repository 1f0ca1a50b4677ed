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

/* The sums of u and u (x - m) over a row, u = g w: two vectors of each side by side, blocks folded in double. w may be NULL. */
#define SLOPE_TOTALS(T, name) \
static inline void name##_slope_block(const T *g, const T *w, const T *x, const int n, const T m, const bool weighted, double sums[2]) { \
  enum { N = name##_lanes }; \
  name##_vec even = {0}, even_next = even, along = even, along_next = even; \
  T even_rest = 0; \
  T along_rest = 0; \
  int j = 0; \
  for (; j + 2 * N <= n; j += 2 * N) { \
    const name##_vec *a = (const name##_vec *)(g + j), *b = (const name##_vec *)(w + j), *c = (const name##_vec *)(x + j); \
    name##_vec u = a[0], v = a[1]; \
    if (weighted) u *= b[0], v *= b[1]; \
    even += u, even_next += v; \
    along += u * (c[0] - m), along_next += v * (c[1] - m); \
  } \
  for (; j < n; j++) { \
    const T u = weighted ? g[j] * w[j] : g[j]; \
    even_rest += u; \
    along_rest += u * (x[j] - m); \
  } \
  sums[0] += name##_total(even + even_next) + (double)even_rest; \
  sums[1] += name##_total(along + along_next) + (double)along_rest; \
} \
static void name##_slope_sums(const T *g, const T *w, const T *x, int64_t n, const T m, double sums[2]) { \
  for (int64_t at = 0; at < n; at += ROW_BLOCK) { \
    const int block = (int)(n - at < ROW_BLOCK ? n - at : ROW_BLOCK); \
    if (w) name##_slope_block(g + at, w + at, x + at, block, m, true, sums); \
    else name##_slope_block(g + at, g + at, x + at, block, m, false, sums); \
  } \
}
SLOPE_TOTALS(float, row_f32)
SLOPE_TOTALS(double, row_f64)
#define slope_sums(g, w, x, n, m, sums) _Generic(*(g), float: row_f32_slope_sums, double: row_f64_slope_sums)((g), (w), (x), (n), (m), (sums))

/* Where channels lie side by side (layer_norm, rms_norm): row i of dx (may be NULL) and its share of the parameters' gradients, `sums` (may be
   NULL), in two passes. */
static void row_of_channels(const tc_view *dx, void *sums, const tc_view *g, const tc_view *mean, const tc_view *rstd, const tc_view *x,
                            const tc_view *weight, const tc_norm_groups *p, int64_t i) {
  TC_FLOATS(x->dtype, {
    const int64_t n = p->channels; const int64_t channel = i % p->groups * n;
    const T *restrict in = (const T *)x->data + i * n;
    const T *restrict up = (const T *)g->data + i * n;
    const T *restrict w = weight ? (const T *)weight->data + channel : NULL;
    T *restrict down = dx ? (T *)dx->data + i * n : NULL;
    T *restrict dw = sums ? (T *)sums + channel : NULL;
    T *restrict db = sums ? dw + p->groups * n : NULL;
    const T m = ((const T *)mean->data)[i]; const T s = ((const T *)rstd->data)[i];
    double total[2] = {0};
    if (down) slope_sums(up, w, in, n, m, total);
    const T even = p->rms ? 0 : (T)(total[0] / (double)n); const T along = (T)(total[1] * s / (double)n);
    if (down && dw && w) {
      _Pragma("omp simd")
      for (int64_t j = 0; j < n; j++) {
        const T hat = (in[j] - m) * s;
        down[j] = s * (up[j] * w[j] - even - hat * along);
        dw[j] += up[j] * hat;
        db[j] += up[j];
      }
      return;
    }
    if (down && w) for (int64_t j = 0; j < n; j++) down[j] = s * (up[j] * w[j] - even - (in[j] - m) * s * along);
    else if (down) for (int64_t j = 0; j < n; j++) down[j] = s * (up[j] - even - (in[j] - m) * s * along);
    if (dw) for (int64_t j = 0; j < n; j++) dw[j] += up[j] * ((in[j] - m) * s), db[j] += up[j];
  });
}

/* The same for planes of `inner` elements a channel: dx = rstd (g w - mean(g w) - xhat mean(g w xhat)) */
static void row_of_planes(const tc_view *dx, void *sums, const tc_view *g, const tc_view *mean, const tc_view *rstd, const tc_view *x,
                          const tc_view *weight, const tc_norm_groups *p, int64_t i) {
  TC_FLOATS(x->dtype, {
    const int64_t channel = i % p->groups * p->channels; const int64_t k = p->inner; const int64_t n = p->channels * k;
    const T m = ((const T *)mean->data)[i]; const T s = ((const T *)rstd->data)[i];
    double even = 0; double along = 0;
    for (int64_t c = 0; c < p->channels; c++) {
      const T *restrict in = (const T *)x->data + i * n + c * k;
      const T *restrict up = (const T *)g->data + i * n + c * k;
      const double whole = ROW_SUM(T, k, up[j]); const double hat = ROW_SUM(T, k, up[j] * (in[j] - m)) * s;
      const double w = weight ? ((const T *)weight->data)[channel + c] : 1;
      even += w * whole;
      along += w * hat;
      if (!sums) continue;
      ((T *)sums)[channel + c] += (T)hat;
      ((T *)sums)[p->groups * p->channels + channel + c] += (T)whole;
    }
    const T level = p->rms ? 0 : (T)(even / (double)n); const T slope = (T)(along / (double)n);
    for (int64_t c = 0; dx && c < p->channels; c++) {
      const T *restrict in = (const T *)x->data + i * n + c * k;
      const T *restrict up = (const T *)g->data + i * n + c * k;
      T *restrict down = (T *)dx->data + i * n + c * k;
      const T w = weight ? ((const T *)weight->data)[channel + c] : 1;
      for (int64_t j = 0; j < k; j++) down[j] = s * (up[j] * w - level - (in[j] - m) * s * slope);
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
  void (*const gradients)(const tc_view *, void *, const tc_view *, const tc_view *, const tc_view *, const tc_view *, const tc_view *,
                          const tc_norm_groups *, int64_t) = p->inner == 1 ? row_of_channels : row_of_planes;
  char *sums = parameters && chunks ? calloc((size_t)chunks, (size_t)step) : NULL;
  if (parameters && chunks && !sums) return TC_NO_MEMORY;
  TC_PARALLEL(chunks, 1, 2.0 * (double)x->numel) {
    for (int64_t k = lo; k < hi; k++)
      for (int64_t i = k * per * p->groups; i < (k + 1) * per * p->groups && i < p->batch * p->groups; i++) {
        row_fetch(x, p, i + 1, p->batch * p->groups);
        row_fetch(g, p, i + 1, p->batch * p->groups);
        if (!unused_row(g, mean, rstd, p, i)) gradients(dx, parameters ? sums + k * step : NULL, g, mean, rstd, x, weight, p, i);
        else if (dx) clear_row(dx, p, i);
      }
  } TC_PARALLEL_END
  if (dw) fold_chunks(dw, sums, chunks, step);
  if (db) fold_chunks(db, sums + step / 2, chunks, step);
  free(sums);
  return TC_OK;
}
