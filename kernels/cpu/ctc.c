/* ctc.c: the connectionist temporal classification loss by the forward-backward recursion, in double, one thread for a sequence. */
#include "row.h"
#include <stdlib.h>

/* log(exp(a) + exp(b)) with -inf as the zero */
static double log_add(double a, double b) {
  double most = a > b ? a : b;
  return most == -INFINITY ? -INFINITY : most + log(exp(a - most) + exp(b - most));
}

typedef struct sequence {
  int64_t steps, labels, states, blank; /* states: a blank before, between and after the labels */
  const int64_t *label;                 /* from 1 */
  const void *x;                        /* log-probabilities, steps `stride` apart */
  int dtype;
  int64_t stride;
} sequence;

static int64_t label_of(const sequence *s, int64_t state) { return state % 2 ? s->label[state / 2] - 1 : s->blank; }
static double log_p(const sequence *s, int64_t t, int64_t label) {
  return s->dtype == TC_FLOAT64 ? ((const double *)s->x)[t * s->stride + label] : ((const float *)s->x)[t * s->stride + label];
}
/* May a path skip the blank before this state? Only between different labels. */
static bool skips(const sequence *s, int64_t state) { return state % 2 && state > 1 && label_of(s, state) != label_of(s, state - 2); }

/* alpha[t][state]: the log-probability of all beginnings of paths that are in state at t. Gives that of all whole paths. */
static double forwards(const sequence *s, double *alpha) {
  const int64_t n = s->states;
  for (int64_t t = 0; t < s->steps; t++)
    for (int64_t i = 0; i < n; i++) {
      double sum = t == 0 ? (i < 2 ? 0 : -INFINITY) : alpha[(t - 1) * n + i];
      if (t > 0 && i > 0) sum = log_add(sum, alpha[(t - 1) * n + i - 1]);
      if (t > 0 && skips(s, i)) sum = log_add(sum, alpha[(t - 1) * n + i - 2]);
      alpha[t * n + i] = sum + log_p(s, t, label_of(s, i));
    }
  if (s->steps == 0) return s->labels == 0 ? 0 : -INFINITY;
  const double *last = alpha + (s->steps - 1) * n;
  return n > 1 ? log_add(last[n - 1], last[n - 2]) : last[0];
}

/* beta[state]: the log-probability of all ends of paths from state at t on, without t itself; from that of t + 1 */
static void backwards(const sequence *s, int64_t t, double *beta, double *next) {
  const int64_t n = s->states;
  for (int64_t i = 0; i < n; i++) next[i] = beta[i];
  for (int64_t i = 0; i < n; i++) {
    if (t == s->steps - 1) { beta[i] = i >= n - 2 ? 0 : -INFINITY; continue; }
    double sum = next[i] + log_p(s, t + 1, label_of(s, i));
    if (i + 1 < n) sum = log_add(sum, next[i + 1] + log_p(s, t + 1, label_of(s, i + 1)));
    if (i + 2 < n && skips(s, i + 2)) sum = log_add(sum, next[i + 2] + log_p(s, t + 1, label_of(s, i + 2)));
    beta[i] = sum;
  }
}

/* The slope by log-probabilities that are normalised: p - the share of all paths that pass there. */
static void slopes(const sequence *s, const double *alpha, double *beta, double total, const tc_view *slope, int64_t at, int64_t classes,
                   double *share) {
  const int64_t n = s->states;
  for (int64_t t = s->steps - 1; t >= 0; t--) {
    backwards(s, t, beta, beta + n);
    for (int64_t c = 0; c < classes; c++) share[c] = -INFINITY;
    for (int64_t i = 0; i < n; i++) {
      double *v = &share[label_of(s, i)];
      *v = log_add(*v, alpha[t * n + i] + beta[i]);
    }
    TC_FLOATS(slope->dtype, {
      T *out = (T *)slope->data + at + t * s->stride;
      for (int64_t c = 0; c < classes; c++) out[c] = (T)(exp(log_p(s, t, c)) - exp(share[c] - total));
    });
  }
}

static bool labels_fit(const tc_view *targets, const tc_view *lengths, const tc_view *offsets, int64_t classes, int64_t blank,
                       tc_fault *fault) {
  for (int64_t i = 0; i < lengths->numel; i++)
    for (int64_t k = 0; k < ((int64_t *)lengths->data)[i]; k++) {
      const int64_t at = ((int64_t *)offsets->data)[i] + k, label = ((int64_t *)targets->data)[at];
      if (label >= 1 && label <= classes && label - 1 != blank) continue;
      *fault = (tc_fault){.position = at, .value = label};
      return false;
    }
  return true;
}

static int one_sequence(const tc_view *loss, const tc_view *slope, const sequence *s, int64_t i, int64_t classes, int zero_infinity) {
  double *room = malloc((size_t)(s->steps * s->states + 2 * s->states + classes) * sizeof *room);
  if (!room) return TC_NO_MEMORY;
  double *beta = room + s->steps * s->states;
  double total = forwards(s, room);
  const bool drop = zero_infinity && total == -INFINITY;
  TC_FLOATS(loss->dtype, { ((T *)loss->data)[i] = drop ? 0 : (T)-total; });
  if (slope && !drop) slopes(s, room, beta, total, slope, i * classes, classes, beta + 2 * s->states);
  free(room);
  return TC_OK;
}

/* loss (batch), slope (steps, batch, classes), zero before, or NULL, x as slope; targets one after the other, sequence i from
   offsets[i] on. */
int TC_KERNEL(ctc)(const tc_view *loss, const tc_view *slope, const tc_view *x, const tc_view *targets, const tc_view *input_lengths,
                   const tc_view *target_lengths, const tc_view *offsets, int64_t blank, int zero_infinity, tc_fault *fault) {
  const int64_t batch = x->size[1], classes = x->size[2];
  if (!labels_fit(targets, target_lengths, offsets, classes, blank, fault)) return TC_FAULT;
  int status = TC_OK;
  TC_PARALLEL(batch, 1, 50.0 * (double)x->numel) {
    for (int64_t i = lo; i < hi; i++) {
      const int64_t labels = ((int64_t *)target_lengths->data)[i];
      sequence s = {((int64_t *)input_lengths->data)[i], labels, 2 * labels + 1, blank,
                    (int64_t *)targets->data + ((int64_t *)offsets->data)[i],
                    (char *)x->data + i * classes * tc_dtype_bytes(x->dtype), x->dtype, batch * classes};
      if (one_sequence(loss, slope, &s, i, classes, zero_infinity) != TC_OK) status = TC_NO_MEMORY;
    }
  } TC_PARALLEL_END
  return status;
}
