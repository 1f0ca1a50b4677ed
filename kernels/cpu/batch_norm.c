/* batch_norm.c: batch_norm over (batch, channels, inner) in training and evaluation, and its gradient. Where inner is 1 (features),
   COLUMNS channels are taken side by side, else one channel at a time. */
#include "row.h"

enum { COLUMNS = 64, FOLD = 256 };   /* rows of features summed in T before they are folded in double */

/* sum[c] of `term` (an expression in j, the element, and c, the channel from 0) over the batch, for w channels from `first` on of
   features. */
#define FEATURE_SUMS(T, sum, term) do { \
  for (int64_t c = 0; c < w; c++) (sum)[c] = 0; \
  for (int64_t b0_ = 0; b0_ < p->batch; b0_ += FOLD) { \
    T part_[COLUMNS] = {0}; \
    for (int64_t b_ = b0_; b_ < p->batch && b_ < b0_ + FOLD; b_++) { \
      const int64_t at_ = b_ * p->channels + first; \
      for (int64_t c = 0; c < w; c++) { const int64_t j = at_ + c; part_[c] += (term); } \
    } \
    for (int64_t c = 0; c < w; c++) (sum)[c] += part_[c]; \
  } } while (0)

/* The sum of `term` (an expression in k, the element) over one channel of images. */
#define CHANNEL_SUM(T, channel, term) ({ \
  double sum_ = 0; \
  for (int64_t b_ = 0; b_ < p->batch; b_++) { \
    const int64_t at_ = (b_ * p->channels + (channel)) * p->inner; \
    sum_ += ROW_SUM(T, p->inner, ({ const int64_t k = at_ + j; (term); })); \
  } \
  sum_; })

/* Sets mean and rstd of channel c from its statistics, and moves the running ones; view NULL: not kept. */
static void settle(const tc_view *mean, const tc_view *rstd, const tc_view *running_mean, const tc_view *running_var,
                   const tc_norm_channels *p, int64_t c, double m, double variance) {
  TC_FLOATS(mean->dtype, {
    const double n = (double)p->batch * (double)p->inner; const double r = p->momentum;
    ((T *)mean->data)[c] = (T)m;
    ((T *)rstd->data)[c] = (T)(1 / sqrt(variance + p->eps));
    if (!p->training || !running_mean || n == 0) return;
    T *rm = (T *)running_mean->data + c;
    T *rv = (T *)running_var->data + c;
    *rm = (T)((1 - r) * *rm + r * m);
    *rv = (T)((1 - r) * *rv + r * variance * n / (n - 1));
  });
}

static void feature_statistics(double *mean, double *variance, const tc_view *x, const tc_norm_channels *p, int64_t first, int64_t w) {
  TC_FLOATS(x->dtype, {
    const T *restrict in = x->data;
    T m[COLUMNS];
    FEATURE_SUMS(T, mean, in[j]);
    for (int64_t c = 0; c < w; c++) { mean[c] /= (double)p->batch; m[c] = (T)mean[c]; }
    FEATURE_SUMS(T, variance, (in[j] - m[c]) * (in[j] - m[c]));
    for (int64_t c = 0; c < w; c++) variance[c] /= (double)p->batch;
  });
}

static void channel_statistics(double *mean, double *variance, const tc_view *x, const tc_norm_channels *p, int64_t channel) {
  TC_FLOATS(x->dtype, {
    const T *restrict in = x->data;
    const double n = (double)p->batch * (double)p->inner;
    *mean = CHANNEL_SUM(T, channel, in[k]) / n;
    const T m = (T)*mean;
    *variance = CHANNEL_SUM(T, channel, (in[k] - m) * (in[k] - m)) / n;
  });
}

static void statistics(const tc_view *mean, const tc_view *rstd, const tc_view *running_mean, const tc_view *running_var,
                       const tc_view *x, const tc_norm_channels *p, int64_t first, int64_t w) {
  double m[COLUMNS], variance[COLUMNS];
  if (!p->training) TC_FLOATS(mean->dtype, {
    for (int64_t c = 0; c < w; c++) {
      m[c] = ((const T *)running_mean->data)[first + c];
      variance[c] = ((const T *)running_var->data)[first + c];
    }
  });
  else if (p->inner == 1) feature_statistics(m, variance, x, p, first, w);
  else channel_statistics(m, variance, x, p, first);
  for (int64_t c = 0; c < w; c++) settle(mean, rstd, running_mean, running_var, p, first + c, m[c], variance[c]);
}

/* y = (x - mean) rstd w + b for w channels from `first` on. */
static void apply(const tc_view *y, const tc_view *mean, const tc_view *rstd, const tc_view *x, const tc_view *weight,
                  const tc_view *bias, const tc_norm_channels *p, int64_t first, int64_t w) {
  TC_FLOATS(x->dtype, {
    T m[COLUMNS]; T scale[COLUMNS]; T shift[COLUMNS];
    for (int64_t c = 0; c < w; c++) {
      m[c] = ((const T *)mean->data)[first + c];
      scale[c] = ((const T *)rstd->data)[first + c] * (weight ? ((const T *)weight->data)[first + c] : 1);
      shift[c] = bias ? ((const T *)bias->data)[first + c] : 0;
    }
    for (int64_t b = 0; b < p->batch; b++) {
      const int64_t at = (b * p->channels + first) * p->inner;
      const T *restrict in = (const T *)x->data + at;
      T *restrict out = (T *)y->data + at;
      if (p->inner == 1) for (int64_t c = 0; c < w; c++) out[c] = (in[c] - m[c]) * scale[c] + shift[c];
      else for (int64_t j = 0; j < p->inner; j++) out[j] = (in[j] - m[0]) * scale[0] + shift[0];
    }
  });
}

static int64_t block_width(const tc_norm_channels *p) { return p->inner == 1 ? COLUMNS : 1; }
static int64_t block_count(const tc_norm_channels *p) { return (p->channels + block_width(p) - 1) / block_width(p); }

int TC_KERNEL(batch_norm)(const tc_view *y, const tc_view *mean, const tc_view *rstd, const tc_view *running_mean,
                          const tc_view *running_var, const tc_view *x, const tc_view *weight, const tc_view *bias,
                          const tc_norm_channels *p) {
  const int64_t width = block_width(p);
  TC_PARALLEL(block_count(p), 1, (double)x->numel) {
    for (int64_t i = lo; i < hi; i++) {
      int64_t first = i * width, w = p->channels - first < width ? p->channels - first : width;
      statistics(mean, rstd, running_mean, running_var, x, p, first, w);
      apply(y, mean, rstd, x, weight, bias, p, first, w);
    }
  } TC_PARALLEL_END
  return TC_OK;
}

/* along = sum(g xhat), even = sum(g) of each channel: the gradients of weight and bias. */
static void sums(double *along, double *even, const tc_view *g, const tc_view *mean, const tc_view *rstd, const tc_view *x,
                 const tc_norm_channels *p, int64_t first, int64_t w) {
  TC_FLOATS(x->dtype, {
    const T *restrict in = x->data; const T *restrict up = g->data;
    const T *m = (const T *)mean->data + first; const T *s = (const T *)rstd->data + first;
    if (p->inner == 1) {
      FEATURE_SUMS(T, even, up[j]);
      FEATURE_SUMS(T, along, up[j] * (in[j] - m[c]));
    } else {
      const T m0 = m[0];
      *even = CHANNEL_SUM(T, first, up[k]);
      *along = CHANNEL_SUM(T, first, up[k] * (in[k] - m0));
    }
    for (int64_t c = 0; c < w; c++) along[c] *= s[c];
  });
}

/* dx = w rstd (g - even / n - xhat along / n); with running statistics just w rstd g. */
static void slopes(const tc_view *dx, const double *along, const double *even, const tc_view *g, const tc_view *mean,
                   const tc_view *rstd, const tc_view *x, const tc_view *weight, const tc_norm_channels *p, int64_t first, int64_t w) {
  TC_FLOATS(x->dtype, {
    const double n = (double)p->batch * (double)p->inner;
    T m[COLUMNS]; T scale[COLUMNS]; T a[COLUMNS]; T e[COLUMNS];
    for (int64_t c = 0; c < w; c++) {
      const T s = ((const T *)rstd->data)[first + c];
      m[c] = ((const T *)mean->data)[first + c];
      scale[c] = s * (weight ? ((const T *)weight->data)[first + c] : 1);
      a[c] = p->training ? (T)(s * along[c] / n) : 0;
      e[c] = p->training ? (T)(even[c] / n) : 0;
    }
    for (int64_t b = 0; b < p->batch; b++) {
      const int64_t at = (b * p->channels + first) * p->inner;
      const T *restrict in = (const T *)x->data + at;
      const T *restrict up = (const T *)g->data + at;
      T *restrict down = (T *)dx->data + at;
      if (p->inner == 1) for (int64_t c = 0; c < w; c++) down[c] = scale[c] * (up[c] - e[c] - (in[c] - m[c]) * a[c]);
      else for (int64_t j = 0; j < p->inner; j++) down[j] = scale[0] * (up[j] - e[0] - (in[j] - m[0]) * a[0]);
    }
  });
}

static void keep(const tc_view *out, const double *from, int64_t first, int64_t w) {
  if (out) TC_FLOATS(out->dtype, { for (int64_t c = 0; c < w; c++) ((T *)out->data)[first + c] = (T)from[c]; });
}

int TC_KERNEL(batch_norm_backward)(const tc_view *dx, const tc_view *dw, const tc_view *db, const tc_view *g, const tc_view *mean,
                                   const tc_view *rstd, const tc_view *x, const tc_view *weight, const tc_norm_channels *p) {
  const int64_t width = block_width(p);
  TC_PARALLEL(block_count(p), 1, 2.0 * (double)x->numel) {
    for (int64_t i = lo; i < hi; i++) {
      int64_t first = i * width, w = p->channels - first < width ? p->channels - first : width;
      double along[COLUMNS], even[COLUMNS];
      sums(along, even, g, mean, rstd, x, p, first, w);
      if (dx) slopes(dx, along, even, g, mean, rstd, x, weight, p, first, w);
      keep(dw, along, first, w);
      keep(db, even, first, w);
    }
  } TC_PARALLEL_END
  return TC_OK;
}
