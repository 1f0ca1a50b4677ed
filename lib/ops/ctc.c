/* ctc.c: ctc_loss. Its gradient is that of log-probabilities which come from log_softmax; it has no second derivative. */
#include "neural.h"
#include <stdlib.h>

/* ---- the gradient: an operator of g and the slope ---- */
static void slope_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  tci_fail("ctc_loss has no second derivative");
}
static const tc_rule slope_rule = {"ctc_loss_backward", slope_grad, 0};

/* x, for which the slope was computed, is there to be refused: else a second derivative would silently lack a part. */
tc_tensor *tc_ctc_slope(tc_tensor *g, tc_tensor *slope, tc_tensor *x) {
  if (!g || !slope || !x) return NULL;
  const bool before = tci_set_grad_mode(false);
  tc_tensor *dx = tc_mul(tc_reshape(g, (int64_t[]){1, g->numel, 1}, 3), slope);
  tci_set_grad_mode(before);
  return dx ? tci_record(&slope_rule, dx, 2, (tc_tensor *[]){g, x}, NULL, 0) : NULL;
}

static void ctc_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) { dx[0] = tc_ctc_slope(g[0], n->in[1], n->in[0]); }
static const tc_rule ctc_rule = {"ctc_loss", ctc_grad, TC_SAVE_IN(0) | TC_SAVE_IN(1)};

/* ---- arguments ---- */
static bool lengths_fit(const int64_t *lengths, int64_t n, int64_t most, const char *name) {
  for (int64_t i = 0; i < n; i++)
    if (lengths[i] < 0 || lengths[i] > most)
      return tci_fail("%s: %lld at position %lld, takes 0..%lld", name, (long long)lengths[i], (long long)i + 1, (long long)most) != NULL;
  return true;
}

/* Where the labels of each sequence begin among all targets, from 0. */
static tc_tensor *offsets_of(tc_tensor *targets, tc_tensor *input_lengths, tc_tensor *target_lengths, int64_t steps, int64_t batch) {
  int64_t *room = malloc(3 * (size_t)(batch + 1) * sizeof *room), *target = room + batch + 1, *offset = target + batch + 1, sum = 0;
  tc_tensor *result = NULL;
  if (!room) return tci_fail("out of memory");
  const bool matrix = targets->ndim == 2;
  bool good = tc_read_int64s(input_lengths, room) && tc_read_int64s(target_lengths, target) &&
              lengths_fit(room, batch, steps, "input_lengths") &&
              lengths_fit(target, batch, matrix ? targets->size[1] : targets->numel, "target_lengths");
  for (int64_t i = 0; good && i < batch; sum += target[i++]) offset[i] = matrix ? i * targets->size[1] : sum;
  if (good && !matrix && sum != targets->numel)
    good = tci_fail("target_lengths add up to %lld, targets has %lld labels", (long long)sum, (long long)targets->numel) != NULL;
  if (good) result = tc_from_bytes(offset, batch * 8, &batch, 1, TC_INT64);
  free(room);
  return result ? tc_to(result, TC_NONE, targets->device, false) : NULL;
}

static bool check(tc_tensor *x, tc_tensor *targets, tc_tensor *input_lengths, tc_tensor *target_lengths) {
  if (!tci_check_float(x, "log_probs") || !tci_check_index(targets, "targets") || !tci_check_index(input_lengths, "input_lengths") ||
      !tci_check_index(target_lengths, "target_lengths")) return false;
  if (x->ndim != 2 && x->ndim != 3) return tci_fail("log_probs: got shape %s, takes (T, N, C) or (T, C)", tci_shape(x)) != NULL;
  const int64_t batch = x->ndim == 3 ? x->size[1] : 1;
  if (targets->ndim > 2 || (targets->ndim == 2 && targets->size[0] != batch))
    return tci_fail("targets: got shape %s, takes (N, S) with N = %lld, or all labels in one dim", tci_shape(targets),
      (long long)batch) != NULL;
  if (input_lengths->numel != batch || target_lengths->numel != batch)
    return tci_fail("input_lengths %s and target_lengths %s take one number for each of %lld sequences", tci_shape(input_lengths),
                    tci_shape(target_lengths), (long long)batch) != NULL;
  return true;
}

/* The loss of each sequence. */
static tc_tensor *losses(tc_tensor *x, tc_tensor *targets, tc_tensor *input_lengths, tc_tensor *target_lengths, int64_t blank,
  bool zero_infinity) {
  const int type = compute_type(x->dtype);
  const int64_t classes = x->size[2];
  tc_tensor *in = ready(x, type), *labels = ready(targets, TC_INT64);
  tc_tensor *offsets = offsets_of(targets, input_lengths, target_lengths, x->size[0], x->size[1]);
  tc_tensor *loss = tci_new(type, 1, x->size + 1, x->device);
  tc_tensor *slope = tci_recording(1, &x) ? tc_zeros(x->size, 3, type, x->device, false) : NULL;
  if (!in || !labels || !offsets || !loss || tci_failed()) return NULL;
  tc_fault fault;
  tc_view v[] = {tci_view(loss), tci_view(in), tci_view(labels), tci_view(input_lengths), tci_view(target_lengths), tci_view(offsets)}, s;
  int status = tci_kernels(x->device)->ctc(&v[0], maybe_view(&s, slope), &v[1], &v[2], &v[3], &v[4], &v[5], blank, zero_infinity, &fault);
  if (status == TC_FAULT)
    return tci_fail("label %lld at position %lld: labels are 1..%lld without the blank, %lld", (long long)fault.value,
                    (long long)fault.position + 1, (long long)classes, (long long)blank + 1);
  if (!tci_status(status, NULL, NULL, 0)) return NULL;
  loss = tci_cast(loss, x->dtype);
  return loss ? tci_record(&ctc_rule, loss, 2, (tc_tensor *[]){x, slope}, NULL, 0) : NULL;
}

tc_tensor *tc_ctc_loss(tc_tensor *x, tc_indices *targets, tc_indices *input_lengths, tc_indices *target_lengths, int64_t blank,
                       const char *reduction, bool zero_infinity) {
  const int r = tci_reduction(reduction, false);
  if (r < 0 || !x || !targets || !input_lengths || !target_lengths || !check(x, targets, input_lengths, target_lengths)) return NULL;
  const bool single = x->ndim == 2;
  if (blank < 1 || blank > x->size[x->ndim - 1])
    return tci_fail("blank: got %lld, takes a label from 1 to %lld", (long long)blank, (long long)x->size[x->ndim - 1]);
  if (single) x = tc_unsqueeze(x, 1);
  if (single && targets->ndim < 2) targets = tc_reshape(targets, (int64_t[]){-1}, 1);
  targets = tc_to(targets, TC_NONE, x->device, false);
  input_lengths = ready(tc_to(input_lengths, TC_NONE, x->device, false), TC_INT64);
  target_lengths = ready(tc_to(target_lengths, TC_NONE, x->device, false), TC_INT64);
  if (!x || !targets || !input_lengths || !target_lengths) return NULL;
  tc_tensor *loss = losses(x, targets, input_lengths, target_lengths, blank - 1, zero_infinity);
  if (r == TC_LOSS_MEAN) {
    tc_tensor *length = tc_clamp_min(tc_reshape(target_lengths, (int64_t[]){-1}, 1), tci_number(1));
    return tc_mean(tc_div(loss, tc_to(length, loss ? loss->dtype : TC_NONE, TC_NONE, false), NULL), NULL, 0, false, TC_NONE);
  }
  if (r == TC_LOSS_NONE && single && loss) return tc_reshape(loss, NULL, 0);
  return tci_reduced(loss, r);
}
