/* label_loss.c: cross_entropy on logits and nll_loss on log-probabilities (outer, n, inner) with labels (outer, inner), and their
   gradients. The log-softmax is never stored: a row keeps its maximum and the logarithm of its sum. */
#include "row.h"

enum { COLUMNS = 64 };

/* The labels are 1..n or `ignore`; anything else is described in fault. */
static bool labels_fit(const tc_view *target, const tc_label_loss *p, tc_fault *fault) {
  const int64_t *label = target->data;
  for (int64_t i = 0; i < target->numel; i++)
    if (label[i] != p->ignore && (label[i] < 1 || label[i] > p->rows.n)) {
      fault->position = i;
      fault->value = label[i];
      return false;
    }
  return true;
}

/* stats is (2, outer, inner): the maximum of each row and log(sum(exp(x - maximum))). */
static void row_stats(const tc_view *stats, const tc_view *x, const tc_rows *r, int64_t lo, int64_t hi) {
  TC_FLOATS(x->dtype, {
    T *most = stats->data;
    T *shift = most + r->outer;
    for (int64_t i = lo; i < hi; i++) {
      const T *restrict in = (const T *)x->data + i * r->n;
      const T m = ROW_MAX(in, r->n);
      most[i] = m;
      shift[i] = (T)row_log((T)ROW_SUM(T, r->n, row_exp(in[j] - m)));
    }
  });
}

/* The same for w neighbouring columns of outer block o, from column c on. */
static void column_stats(const tc_view *stats, const tc_view *x, const tc_rows *r, int64_t o, int64_t c, int64_t w) {
  TC_FLOATS(x->dtype, {
    const T *restrict in = (const T *)x->data + o * r->n * r->inner + c;
    T *most = (T *)stats->data + o * r->inner + c;
    T *shift = most + r->outer * r->inner;
    T m[COLUMNS];
    T s[COLUMNS];
    for (int64_t k = 0; k < w; k++) { m[k] = -(T)INFINITY; s[k] = 0; }
    for (int64_t j = 0; j < r->n; j++)
      for (int64_t k = 0; k < w; k++) m[k] = in[j * r->inner + k] > m[k] ? in[j * r->inner + k] : m[k];
    for (int64_t j = 0; j < r->n; j++)
      for (int64_t k = 0; k < w; k++) s[k] += row_exp(in[j * r->inner + k] - m[k]);
    for (int64_t k = 0; k < w; k++) { most[k] = m[k]; shift[k] = row_log(s[k]); }
  });
}

static void all_stats(const tc_view *stats, const tc_view *x, const tc_rows *r) {
  const double work = 1.2 * (double)x->numel;
  if (r->inner == 1) {
    TC_PARALLEL(r->outer, 16, work) { row_stats(stats, x, r, lo, hi); } TC_PARALLEL_END
    return;
  }
  const int64_t per = (r->inner + COLUMNS - 1) / COLUMNS;
  TC_PARALLEL(r->outer * per, 1, work) {
    for (int64_t i = lo; i < hi; i++) {
      int64_t c = i % per * COLUMNS;
      column_stats(stats, x, r, i / per, c, r->inner - c < COLUMNS ? r->inner - c : COLUMNS);
    }
  } TC_PARALLEL_END
}

/* The loss of each row: (1 - s) w[t] (-logp[t]) + s / n sum(w (-logp)), s the smoothing. */
static void row_losses(const tc_view *each, const tc_view *stats, const tc_view *x, const tc_view *target, const tc_view *weight,
                       const tc_label_loss *p, int64_t lo, int64_t hi) {
  TC_FLOATS(x->dtype, {
    const T *w = weight ? weight->data : NULL;
    const int64_t n = p->rows.n; const int64_t inner = p->rows.inner; const int64_t rows = p->rows.outer * inner;
    for (int64_t i = lo; i < hi; i++) {
      const int64_t t = ((const int64_t *)target->data)[i];
      T *loss = (T *)each->data + i;
      if (t == p->ignore) { *loss = 0; continue; }
      const T *in = (const T *)x->data + i / inner * n * inner + i % inner;
      const T m = stats ? ((T *)stats->data)[i] : 0; const T s = stats ? ((T *)stats->data)[rows + i] : 0;
      *loss = -(in[(t - 1) * inner] - m - s) * (w ? w[t - 1] : 1);
      if (p->smoothing == 0) continue;
      double spread = ROW_SUM(T, n, (in[j * inner] - m - s) * (w ? w[j] : 1));
      *loss = (T)((1 - p->smoothing) * *loss - p->smoothing / (double)n * spread);
    }
  });
}

/* total <- what a mean divides by, the summed weights of the labels that count; result <- the reduced loss. */
static void reduce_losses(const tc_view *result, const tc_view *total, const tc_view *each, const tc_view *target,
                          const tc_view *weight, const tc_label_loss *p) {
  TC_FLOATS(each->dtype, {
    const T *loss = each->data; const T *w = weight ? weight->data : NULL;
    const int64_t *label = target->data;
    double sum = 0; double count = 0;
    for (int64_t i = 0; i < each->numel; i++) {
      sum += loss[i];
      if (label[i] != p->ignore) count += w ? w[label[i] - 1] : 1;
    }
    *(T *)total->data = (T)count;
    if (result) *(T *)result->data = (T)(p->reduction == TC_LOSS_MEAN ? sum / count : sum);
  });
}

int TC_KERNEL(label_loss)(const tc_view *result, const tc_view *each, const tc_view *stats, const tc_view *total, const tc_view *x,
                          const tc_view *target, const tc_view *weight, const tc_label_loss *p, tc_fault *fault) {
  if (!labels_fit(target, p, fault)) return TC_FAULT;
  if (p->logits) all_stats(stats, x, &p->rows);
  const double work = p->smoothing != 0 ? (double)x->numel : 4.0 * (double)each->numel;
  TC_PARALLEL(each->numel, 16, work) {
    row_losses(each, p->logits ? stats : NULL, x, target, weight, p, lo, hi);
  } TC_PARALLEL_END
  reduce_losses(result, total, each, target, weight, p);
  return TC_OK;
}

/* How the gradient of one position is made: dx[c] = soft * exp(x[c] - shift) - even * w[c] - hit * [c is the label]. */
typedef struct slope { double soft, even, hit, shift, most; int64_t label; } slope;

static slope row_slope(const tc_view *g, const tc_view *stats, const tc_view *total, const tc_view *target, const tc_view *weight,
                       const tc_label_loss *p, double weights, int64_t i) {
  slope s = {.label = ((const int64_t *)target->data)[i] - 1};
  if (s.label + 1 == p->ignore) return s.label = -1, s;
  TC_FLOATS(g->dtype, {
    double up = ((const T *)g->data)[g->numel == 1 ? 0 : i];
    if (up == 0) return s.label = -1, s;
    if (p->reduction == TC_LOSS_MEAN) up /= *(const T *)total->data;
    s.hit = up * (1 - p->smoothing) * (weight ? ((const T *)weight->data)[s.label] : 1);
    s.even = up * p->smoothing / (double)p->rows.n;
    if (p->logits) {
      s.soft = s.hit + s.even * weights;
      s.most = ((const T *)stats->data)[i];
      s.shift = ((const T *)stats->data)[p->rows.outer * p->rows.inner + i];
    }
  });
  return s;
}

static void row_backward(const tc_view *dx, const tc_view *x, const tc_view *weight, const tc_label_loss *p, slope s, int64_t i) {
  TC_FLOATS(dx->dtype, {
    const int64_t n = p->rows.n; const int64_t inner = p->rows.inner;
    const int64_t at = i / inner * n * inner + i % inner;
    T *restrict down = (T *)dx->data + at;
    const T *restrict in = p->logits ? (const T *)x->data + at : NULL;
    const T *w = weight ? weight->data : NULL;
    const T soft = (T)s.soft; const T shift = (T)s.shift; const T most = (T)s.most; const T even = (T)s.even;
    if (s.label < 0 || !p->logits) for (int64_t j = 0; j < n; j++) down[j * inner] = 0;
    else if (inner == 1) for (int64_t j = 0; j < n; j++) down[j] = soft * row_exp(in[j] - most - shift);
    else for (int64_t j = 0; j < n; j++) down[j * inner] = soft * row_exp(in[j * inner] - most - shift);
    if (s.label < 0) return;
    if (even != 0) for (int64_t j = 0; j < n; j++) down[j * inner] -= even * (w ? w[j] : 1);
    down[s.label * inner] -= (T)s.hit;
  });
}

/* Columns c..c+w of outer block o, without smoothing: classes outside, so that memory is walked in order. */
static void columns_backward(const tc_view *dx, const tc_view *x, const tc_label_loss *p, const slope *s, int64_t o, int64_t c,
                             int64_t w) {
  TC_FLOATS(dx->dtype, {
    const int64_t n = p->rows.n; const int64_t inner = p->rows.inner;
    T *restrict down = (T *)dx->data + o * n * inner + c;
    const T *restrict in = (const T *)x->data + o * n * inner + c;
    T soft[COLUMNS]; T most[COLUMNS]; T shift[COLUMNS];
    for (int64_t k = 0; k < w; k++) { soft[k] = (T)s[k].soft; most[k] = (T)s[k].most; shift[k] = (T)s[k].shift; }
    for (int64_t j = 0; j < n; j++)
      for (int64_t k = 0; k < w; k++) {
        T e = soft[k] * row_exp(in[j * inner + k] - most[k] - shift[k]);
        down[j * inner + k] = soft[k] == 0 ? 0 : e;
      }
    for (int64_t k = 0; k < w; k++) if (s[k].label >= 0) down[s[k].label * inner + k] -= (T)s[k].hit;
  });
}

static double weight_sum(const tc_view *weight, int64_t n) {
  double sum = (double)n;
  if (weight) TC_FLOATS(weight->dtype, { const T *w = weight->data; sum = ROW_SUM(T, n, w[j]); });
  return sum;
}

int TC_KERNEL(label_loss_backward)(const tc_view *dx, const tc_view *g, const tc_view *x, const tc_view *stats, const tc_view *total,
                                   const tc_view *target, const tc_view *weight, const tc_label_loss *p) {
  const double weights = weight_sum(weight, p->rows.n), work = 1.2 * (double)dx->numel;
  const tc_rows *r = &p->rows;
  if (r->inner == 1 || p->smoothing != 0 || !p->logits) {
    TC_PARALLEL(r->outer * r->inner, 1, work) {
      for (int64_t i = lo; i < hi; i++)
        row_backward(dx, x, weight, p, row_slope(g, stats, total, target, weight, p, weights, i), i);
    } TC_PARALLEL_END
    return TC_OK;
  }
  const int64_t per = (r->inner + COLUMNS - 1) / COLUMNS;
  TC_PARALLEL(r->outer * per, 1, work) {
    for (int64_t i = lo; i < hi; i++) {
      slope s[COLUMNS];
      int64_t c = i % per * COLUMNS, w = r->inner - c < COLUMNS ? r->inner - c : COLUMNS;
      for (int64_t k = 0; k < w; k++)
        s[k] = row_slope(g, stats, total, target, weight, p, weights, i / per * r->inner + c + k);
      columns_backward(dx, x, p, s, i / per, c, w);
    }
  } TC_PARALLEL_END
  return TC_OK;
}
