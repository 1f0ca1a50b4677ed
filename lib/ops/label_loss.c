/* label_loss.c: cross_entropy and nll_loss: losses of an input (N, C, ...) against class labels that count from 1, or against
   probabilities of the input's shape. */
#include "neural.h"

static int class_dim(const tc_tensor *x) { return x->ndim == 1 ? 0 : 1; }

static tc_rows rows_of(const tc_tensor *x) {
  tc_rows r = {1, x->size[class_dim(x)], 1};
  if (x->ndim > 1) r.outer = x->size[0];
  for (int d = 2; d < x->ndim; d++) r.inner *= x->size[d];
  return r;
}

/* ---- gradient. in: x (or only its shape), target, weight, stats, total ---- */
enum { IN_X, IN_TARGET, IN_WEIGHT, IN_STATS, IN_TOTAL, IN_COUNT };

static tc_tensor *run_backward(const tc_node *n, tc_tensor *g, tc_tensor *x, const tc_label_loss *p) {
  const int type = n->in[IN_TOTAL]->dtype, rows = x ? row_type(x) : type;
  tc_tensor *dx = tci_new(rows, n->edge[IN_X].ndim, n->edge[IN_X].size, n->in[IN_TARGET]->device);
  tc_tensor *up = ready(g, type), *in = ready(x, rows);
  if (!dx || !up || (x && !in)) return NULL;
  tc_view views[] = {tci_view(dx), tci_view(up), tci_view(n->in[IN_TARGET]), tci_view(n->in[IN_TOTAL])}, in_view, weight, stats;
  int status = tci_kernels(dx->device)->label_loss_backward(
    &views[0], &views[1], maybe_view(&in_view, in), maybe_view(&stats, n->in[IN_STATS]), &views[3], &views[2],
    maybe_view(&weight, n->in[IN_WEIGHT]), p);
  return tci_status(status, NULL, NULL, 0) ? dx : NULL;
}

/* k[c] = (1 - s) w[t] [c is the label] + s / C w[c]: the loss of a row is sum(k (-log p)), constant for the gradient. */
static tc_tensor *target_weights(const tc_node *n, const tc_label_loss *p) {
  tc_label_loss plain = *p;
  plain.logits = 0;
  plain.reduction = TC_LOSS_SUM;
  tc_tensor *one = tci_new(n->in[IN_TOTAL]->dtype, 0, NULL, n->in[IN_TARGET]->device);
  return one && tci_copy_into(one, tci_number(-1)) ? run_backward(n, one, NULL, &plain) : NULL;
}

/* g (softmax(x) sum(k) - k) for logits, -g k for log-probabilities, of public operators */
static tc_tensor *composed_gradient(const tc_node *n, tc_tensor *g, const tc_label_loss *p) {
  const int dim = n->edge[IN_X].ndim == 1 ? 0 : 1;
  tc_tensor *k = target_weights(n, p);
  if (p->reduction == TC_LOSS_MEAN) g = tc_div_zero(g, n->in[IN_TOTAL]);
  if (p->reduction == TC_LOSS_NONE) g = tc_unsqueeze(g, dim);
  if (!p->logits) return tc_neg(tc_mul_zero(g, k));
  return tc_mul_zero(g, minus(tc_mul(tc_softmax(n->in[IN_X], dim, TC_NONE), sum_over(k, dim)), k));
}

static void label_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const tc_label_loss *p = n->attr;
  dx[0] = tci_grad_mode() ? composed_gradient(n, g[0], p) : run_backward(n, g[0], n->in[IN_X], p);
}
enum { SAVED = TC_SAVE_IN(IN_TARGET) | TC_SAVE_IN(IN_WEIGHT) | TC_SAVE_IN(IN_STATS) | TC_SAVE_IN(IN_TOTAL) };
static const tc_rule cross_entropy_rule = {"cross_entropy", label_grad, SAVED | TC_SAVE_IN(IN_X)};
static const tc_rule nll_rule = {"nll_loss", label_grad, SAVED};

/* ---- forward ---- */
static bool check_shapes(tc_tensor *x, tc_tensor *target, tc_tensor *weight) {
  if (x->ndim == 0) return tci_fail("input: got a tensor without dims, takes (C), (N, C) or (N, C, ...)") != NULL;
  bool good = target->ndim == x->ndim - 1;
  for (int d = 0; d < target->ndim && good; d++) good = target->size[d] == x->size[d < 1 ? 0 : d + 1];
  if (!good) {
    int64_t wanted[TC_MAX_DIMS];
    for (int d = 0; d < x->ndim - 1; d++) wanted[d] = x->size[d < 1 ? 0 : d + 1];
    return tci_fail("input of shape %s takes a target of shape %s, got %s", tci_shape(x), tci_sizes(x->ndim - 1, wanted),
                    tci_shape(target)) != NULL;
  }
  if (weight && (weight->ndim != 1 || weight->size[0] != x->size[class_dim(x)]))
    return tci_fail("weight: got shape %s, takes one number for each of the %lld classes of the input %s", tci_shape(weight),
                    (long long)x->size[class_dim(x)], tci_shape(x)) != NULL;
  return true;
}

static bool check_status(int status, const tc_fault *fault, const tc_label_loss *p) {
  if (status != TC_FAULT) return tci_status(status, NULL, NULL, 0);
  return tci_fail("label %lld at position %lld: labels are 1..%lld (or ignore_index, %lld)", (long long)fault->value,
                  (long long)fault->position + 1, (long long)p->rows.n, (long long)p->ignore) != NULL;
}

static tc_tensor *label_loss(tc_tensor *x, tc_tensor *target, tc_tensor *weight, tc_label_loss *p, const tc_rule *rule) {
  if (!tci_check_float(x, "input") || !tci_check_index(target, "target") || !check_shapes(x, target, weight)) return NULL;
  p->rows = rows_of(x);
  const int type = compute_type(x->dtype), whole = p->reduction != TC_LOSS_NONE;
  tc_tensor *in = ready(x, row_type(x)), *labels = ready(target, TC_INT64), *w = ready(weight, type);
  tc_tensor *each = tci_new(type, target->ndim, target->size, x->device), *total = tci_new(type, 0, NULL, x->device);
  tc_tensor *stats = p->logits ? tci_new(type, 2, (int64_t[]){2, target->numel}, x->device) : NULL;
  tc_tensor *result = whole ? tci_new(type, 0, NULL, x->device) : NULL;
  if (!in || !labels || (weight && !w) || !each || !total || (p->logits && !stats) || (whole && !result)) return NULL;
  tc_fault fault;
  tc_view views[] = {tci_view(each), tci_view(total), tci_view(in), tci_view(labels)}, result_view, stats_view, weight_view;
  int status = tci_kernels(x->device)->label_loss(maybe_view(&result_view, result), &views[0], maybe_view(&stats_view, stats),
                                                  &views[1], &views[2], &views[3], maybe_view(&weight_view, w), p, &fault);
  if (!check_status(status, &fault, p)) return NULL;
  tc_tensor *out = tci_cast(whole ? result : each, x->dtype), *ins[IN_COUNT] = {x, labels, w, stats, total};
  return out ? tci_record(rule, out, IN_COUNT, ins, p, sizeof *p) : NULL;
}

/* -sum(w q log p) over the classes, q the smoothed probabilities; a mean divides by the number of rows. */
static tc_tensor *soft_loss(tc_tensor *x, tc_tensor *q, tc_tensor *weight, int reduction, double smoothing) {
  tc_dim dim = class_dim(x);
  const double classes = (double)x->size[dim];
  if (smoothing > 0) q = shifted(scaled(q, 1 - smoothing), smoothing / classes);
  tc_tensor *terms = tc_mul(tc_log_softmax(x, dim, TC_NONE), q);
  if (weight) {
    int64_t shape[TC_MAX_DIMS];
    for (int d = 0; d < x->ndim; d++) shape[d] = d == dim ? x->size[d] : 1;
    terms = tc_mul(terms, tc_reshape(weight, shape, x->ndim));
  }
  tc_tensor *loss = tc_neg(tc_sum(terms, &dim, 1, false, TC_NONE));
  if (reduction != TC_LOSS_MEAN) return tci_reduced(loss, reduction);
  return scaled(tc_sum(loss, NULL, 0, false, TC_NONE), classes / (double)x->numel);
}

tc_tensor *tc_cross_entropy(tc_tensor *x, tc_tensor *target, tc_tensor *weight, int64_t ignore_index, const char *reduction,
                            double label_smoothing) {
  if (!x || !target) return NULL;
  tc_label_loss p = {.ignore = ignore_index, .smoothing = label_smoothing, .logits = 1, .reduction = tci_reduction(reduction, false)};
  if (p.reduction < 0) return NULL;
  if (!(label_smoothing >= 0 && label_smoothing <= 1)) return tci_fail("label_smoothing: got %g, takes 0 to 1", label_smoothing);
  if (!tci_is_float(target->dtype)) return label_loss(x, target, weight, &p, &cross_entropy_rule);
  if (!tci_same_shape(x, target) || x->ndim == 0)
    return tci_fail("target: got %s of shape %s; takes integer labels (target:long()), or probabilities of the input's shape %s",
                    tci_dtype_name(target->dtype), tci_shape(target), tci_shape(x));
  if (weight && (weight->ndim != 1 || weight->size[0] != x->size[class_dim(x)]))
    return tci_fail("weight: got shape %s, takes one number for each class of the input %s", tci_shape(weight), tci_shape(x));
  return soft_loss(x, target, weight, p.reduction, label_smoothing);
}

tc_tensor *tc_nll_loss(tc_tensor *x, tc_tensor *target, tc_tensor *weight, int64_t ignore_index, const char *reduction) {
  if (!x || !target) return NULL;
  tc_label_loss p = {.ignore = ignore_index, .reduction = tci_reduction(reduction, false)};
  return p.reduction < 0 ? NULL : label_loss(x, target, weight, &p, &nll_rule);
}
