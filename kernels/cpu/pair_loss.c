/* pair_loss.c: losses of two equal shapes, element by element or reduced, and their gradients by the first. */
#include "row.h"
#include <stdlib.h>

enum { CHUNK = 1024, SHARE = 16 };   /* elements in a buffer; buffers in one share of a thread's work */

/* Kind, value, derivative by x. x is the input, y the target, d their difference, q the loss's own number (beta or delta). */
#define PAIR_LOSSES(X) \
  X(MSE,        d * d,                                               2 * d) \
  X(L1,         row_abs(d),                                          row_sign(d)) \
  X(SMOOTH_L1,  row_abs(d) < q ? d * d / q / 2 : row_abs(d) - q / 2, row_abs(d) < q ? d / q : row_sign(d)) \
  X(HUBER,      row_abs(d) <= q ? d * d / 2 : q * (row_abs(d) - q / 2), d > q ? q : d < -q ? -q : d) \
  X(BCE,        -y * log_100(row_log(x)) - (1 - y) * log_100(row_log1p(-x)), d / at_least(x * (1 - x))) \
  X(BCE_LOGITS, (x > 0 ? x : 0) - x * y + row_log1p(row_exp(-row_abs(x))), row_sigmoid(x) - y) \
  X(KL,         (y > 0 ? y * row_log(y) : y == 0 ? (T)0 : (T)NAN) - y * x, -y) \
  X(KL_LOG,     row_exp(y) * (y - x),                                -row_exp(y))
#define row_abs(v) ((v) < 0 ? -(v) : (v))
#define row_sign(v) ((v) != (v) ? (v) : (T)(((v) > 0) - ((v) < 0)))
#define row_log1p(v) _Generic((v), float: log1pf, default: log1p)(v)
#define log_100(v) ((v) < -100 ? (T)-100 : (v))
#define at_least(v) ((v) < (T)1e-12 ? (T)1e-12 : (v))

#define EACH_PAIR(code, result) case TC_PAIR_##code: \
  for (int64_t j = 0; j < n; j++) { const T x = u[j], y = v[j], d = x - y; (void)x; (void)y; (void)d; out[j] = result; } break;
#define VALUE_CASE(code, value, slope) EACH_PAIR(code, value)
#define SLOPE_CASE(code, value, slope) EACH_PAIR(code, whole * (slope))

static void values(int kind, int dtype, void *to, const void *a, const void *b, int64_t n, double p) {
  TC_FLOATS(dtype, {
    const T *restrict u = a; const T *restrict v = b; T *restrict out = to; const T q = (T)p;
    (void)q;
    switch (kind) {
      PAIR_LOSSES(VALUE_CASE)
    }
  });
}

/* The derivatives times the upstream gradient (one number where `single`) times scale. */
static void slopes(int kind, int dtype, void *to, const void *g, int single, const void *a, const void *b, int64_t n, double p,
                   double scale) {
  TC_FLOATS(dtype, {
    const T *restrict u = a; const T *restrict v = b; const T *restrict up = g; T *restrict out = to;
    const T q = (T)p; const T whole = single ? (T)(up[0] * scale) : (T)scale;
    (void)q;
    switch (kind) {
      PAIR_LOSSES(SLOPE_CASE)
    }
    if (!single) for (int64_t j = 0; j < n; j++) out[j] = up[j] == 0 ? (T)0 : out[j] * up[j];
  });
}

static bool probabilities(int dtype, const void *a, int64_t n) {
  bool good = true;
  TC_FLOATS(dtype, { const T *x = a; for (int64_t j = 0; j < n; j++) good &= x[j] >= 0 && x[j] <= 1; });
  return good;
}

/* The sum of one share of the work, in a fixed order. */
static double share_sum(int kind, const tc_view *a, const tc_view *b, int64_t share, double p) {
  const int bytes = tc_dtype_bytes(a->dtype);
  double buffer[CHUNK], total = 0;
  for (int64_t k = 0; k < SHARE; k++) {
    int64_t at = (share * SHARE + k) * CHUNK, n = a->numel - at < CHUNK ? a->numel - at : CHUNK;
    if (n <= 0) break;
    values(kind, a->dtype, buffer, (char *)a->data + at * bytes, (char *)b->data + at * bytes, n, p);
    TC_FLOATS(a->dtype, { const T *v = (const T *)buffer; total += ROW_SUM(T, n, v[j]); });
  }
  return total;
}

static int reduced(int kind, const tc_view *out, const tc_view *a, const tc_view *b, double p, double scale) {
  const int64_t shares = (a->numel + CHUNK * SHARE - 1) / (CHUNK * SHARE);
  double few[64], *parts = shares <= 64 ? few : malloc((size_t)shares * sizeof *parts), total = 0;
  if (!parts) return TC_NO_MEMORY;
  TC_PARALLEL(shares, 1, 2.0 * (double)a->numel) {
    for (int64_t i = lo; i < hi; i++) parts[i] = share_sum(kind, a, b, i, p);
  } TC_PARALLEL_END
  for (int64_t i = 0; i < shares; i++) total += parts[i];
  TC_FLOATS(out->dtype, { *(T *)out->data = (T)(total * scale); });
  if (parts != few) free(parts);
  return TC_OK;
}

int TC_KERNEL(pair_loss)(int kind, const tc_view *out, const tc_view *a, const tc_view *b, int reduce, double p, double scale) {
  if (kind == TC_PAIR_BCE && !probabilities(a->dtype, a->data, a->numel)) return TC_FAULT;
  if (reduce) return reduced(kind, out, a, b, p, scale);
  const int bytes = tc_dtype_bytes(a->dtype);
  TC_PARALLEL(a->numel, CHUNK, 2.0 * (double)a->numel) {
    values(kind, a->dtype, (char *)out->data + lo * bytes, (char *)a->data + lo * bytes, (char *)b->data + lo * bytes, hi - lo, p);
  } TC_PARALLEL_END
  return TC_OK;
}

int TC_KERNEL(pair_loss_backward)(int kind, const tc_view *dx, const tc_view *g, const tc_view *a, const tc_view *b, int reduce,
                                  double p, double scale) {
  const int bytes = tc_dtype_bytes(a->dtype);
  TC_PARALLEL(a->numel, CHUNK, 2.0 * (double)a->numel) {
    slopes(kind, a->dtype, (char *)dx->data + lo * bytes, (char *)g->data + (reduce ? 0 : lo * bytes), reduce,
           (char *)a->data + lo * bytes, (char *)b->data + lo * bytes, hi - lo, p, scale);
  } TC_PARALLEL_END
  return TC_OK;
}
