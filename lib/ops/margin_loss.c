/* margin_loss.c: the losses that are compositions: margins, embeddings, triplets, and the likelihoods of Poisson and Gaussian. */
#include "neural.h"

static tc_tensor *above(tc_tensor *x, double floor) { return tc_clamp_min(x, tci_number(floor)); }
static tc_tensor *where_is(tc_tensor *t, double value, tc_tensor *x) { return tc_where(tc_eq(t, tci_number(value)), x, tci_number(0)); }
static tc_tensor *where_not(tc_tensor *t, double value, tc_tensor *x) { return tc_where(tc_ne(t, tci_number(value)), x, tci_number(0)); }

/* t log(t) - t + log(2 pi t) / 2, which approximates log(t!), where t > 1 */
static tc_tensor *stirling(tc_tensor *t) {
  tc_tensor *term = plus(minus(tc_mul(t, tc_log(t)), t), scaled(tc_log(scaled(t, 2 * M_PI)), 0.5));
  return tc_where(tc_gt(t, tci_number(1)), term, tci_number(0));
}

tc_tensor *tc_poisson_nll_loss(tc_tensor *x, tc_tensor *t, bool log_input, bool full, double eps, const char *reduction) {
  const int r = tci_reduction(reduction, false);
  if (r < 0 || !tci_check_target(x, t, "target")) return NULL;
  tc_tensor *loss = log_input ? minus(tc_exp(x), tc_mul(t, x)) : minus(x, tc_mul(t, tc_log(shifted(x, eps))));
  return tci_reduced(full ? plus(loss, stirling(t)) : loss, r);
}

/* var as it broadcasts with x: a number, x's shape, x's shape without the last dim, or with 1 in one of the dims; NULL after an error. */
static tc_tensor *variances(tc_tensor *x, tc_tensor *var) {
  if (var && var->flags & TCF_WEAK) return tc_new_full(x, NULL, 0, var, TC_NONE, TC_NONE, false);
  if (!var || var->ndim == 0 || tci_same_shape(x, var)) return var;
  const bool shorter = var->ndim == x->ndim - 1;
  bool good = shorter || var->ndim == x->ndim;
  int ones = 0;
  for (int d = 0; d < var->ndim && good; d++)
    if (var->size[d] != x->size[d]) good = !shorter && var->size[d] == 1 && ones++ == 0;
  if (!good) return tci_fail("var has shape %s, which does not fit input's %s", tci_shape(var), tci_shape(x));
  return shorter ? tc_unsqueeze(var, -1) : var;
}

static bool none_negative(tc_tensor *var) {
  double negative = 0;
  const bool before = tci_set_grad_mode(false);
  tc_tensor *any = tc_to(tc_any(tc_lt(var, tci_number(0)), NULL, 0, false), TC_FLOAT64, TC_NONE, false);
  tci_set_grad_mode(before);
  if (!any || !tc_read_doubles(any, &negative)) return false;
  return negative == 0 || tci_fail("var: has a negative element") != NULL;
}

/* var, or eps where it is less; the gradient passes there as well, as in PyTorch */
static tc_tensor *at_least(tc_tensor *var, double eps) {
  tc_tensor *less = tc_lt(var, tci_number(eps));
  return tc_where(less, shifted(minus(var, tc_detach(var)), eps), var);
}

tc_tensor *tc_gaussian_nll_loss(tc_tensor *x, tc_tensor *t, tc_operand *var, bool full, double eps, const char *reduction) {
  const int r = tci_reduction(reduction, false);
  if (r < 0 || !tci_check_target(x, t, "target") || !(var = variances(x, var)) || !none_negative(var)) return NULL;
  tc_tensor *v = at_least(var, eps), *loss = scaled(plus(tc_div(tc_square(minus(x, t)), v, NULL), tc_log(v)), 0.5);
  return tci_reduced(full ? shifted(loss, 0.5 * log(2 * M_PI)) : loss, r);
}

tc_tensor *tc_hinge_embedding_loss(tc_tensor *x, tc_tensor *t, double margin, const char *reduction) {
  const int r = tci_reduction(reduction, false);
  if (r < 0 || !tci_check_target(x, t, "target")) return NULL;
  return tci_reduced(plus(where_not(t, 1, above(less_from(margin, x), 0)), where_not(t, -1, x)), r);
}

tc_tensor *tc_margin_ranking_loss(tc_tensor *a, tc_tensor *b, tc_tensor *t, double margin, const char *reduction) {
  const int r = tci_reduction(reduction, false);
  if (r < 0 || !tci_check_target(a, b, "input2") || !tci_check_target(a, t, "target")) return NULL;
  if (tci_is_int(a->dtype)) a = tc_to(a, tci_float_type(a->dtype), TC_NONE, false); /* the margin is a fraction */
  return tci_reduced(above(shifted(tc_mul(tc_neg(t), minus(a, b)), margin), 0), r);
}

tc_tensor *tc_cosine_embedding_loss(tc_tensor *a, tc_tensor *b, tc_tensor *t, double margin, const char *reduction) {
  const int r = tci_reduction(reduction, false);
  const double eps = 1e-12;
  const tc_dim last = -1;
  if (r < 0 || !t || !tci_check_target(a, b, "input2")) return NULL;
  if (a->ndim < 1 || a->ndim > 2 || t->ndim != a->ndim - 1 || (t->ndim == 1 && t->size[0] != a->size[0]))
    return tci_fail("inputs of shape %s take a target of one number for each row, got %s", tci_shape(a), tci_shape(t));
  tc_tensor *dot = tc_sum(tc_mul(a, b), &last, 1, false, TC_NONE);
  tc_tensor *aa = shifted(tc_sum(tc_square(a), &last, 1, false, TC_NONE), eps);
  tc_tensor *bb = shifted(tc_sum(tc_square(b), &last, 1, false, TC_NONE), eps);
  tc_tensor *cosine = tc_div(dot, tc_sqrt(tc_mul(aa, bb)), NULL);
  return tci_reduced(plus(where_is(t, 1, less_from(1, cosine)), where_is(t, -1, above(shifted(cosine, -margin), 0))), r);
}

tc_tensor *tc_triplet_margin_loss(tc_tensor *anchor, tc_tensor *positive, tc_tensor *negative, double margin, double p, double eps,
                                  bool swap, const char *reduction) {
  const int r = tci_reduction(reduction, false);
  if (r < 0 || !tci_check_target(anchor, positive, "positive") || !tci_check_target(anchor, negative, "negative")) return NULL;
  tc_tensor *near = tc_pairwise_distance(anchor, positive, p, eps, false), *far = tc_pairwise_distance(anchor, negative, p, eps, false);
  if (swap) far = tc_minimum(far, tc_pairwise_distance(positive, negative, p, eps, false));
  return tci_reduced(above(shifted(minus(near, far), margin), 0), r);
}

/* Labels as (rows, n): x is (C) or (N, C), the target has n labels for each row. */
static bool check_labels(tc_tensor *x, tc_tensor *t, bool one_each) {
  if (!x || !t || !tci_check_float(x, "input") || !tci_check_index(t, "target")) return false;
  bool good = (x->ndim == 1 || x->ndim == 2) && t->ndim == x->ndim - one_each;
  for (int d = 0; d < t->ndim && good; d++) good = t->size[d] == x->size[d];
  if (one_each && x->ndim == 1 && t->numel == 1 && t->ndim <= 1) good = true;
  return good || tci_fail("input of shape %s and target of shape %s do not fit", tci_shape(x), tci_shape(t)) != NULL;
}

tc_tensor *tc_multi_margin_loss(tc_tensor *x, tc_indices *t, double p, double margin, tc_tensor *weight, const char *reduction) {
  const int r = tci_reduction(reduction, false);
  if (x && x->ndim == 0) x = tc_reshape(x, (int64_t[]){1}, 1);
  if (r < 0 || !check_labels(x, t, true)) return NULL;
  if (p != 1 && p != 2) return tci_fail("p: got %g, takes 1 or 2", p);
  const int64_t classes = x->size[x->ndim - 1];
  if (weight && (weight->ndim != 1 || weight->size[0] != classes))
    return tci_fail("weight: got shape %s, takes one number for each of the %lld classes", tci_shape(weight), (long long)classes);
  const tc_dim last = -1;
  tc_tensor *label = tc_reshape(t, (int64_t[]){-1, 1}, 2), *rows = tc_reshape(x, (int64_t[]){-1, classes}, 2);
  tc_tensor *z = above(shifted(minus(rows, tc_gather(rows, 1, label, false)), margin), 0);
  if (p == 2) z = tc_square(z);
  if (weight) z = tc_mul(z, tc_unsqueeze(tc_index_select(weight, 0, tc_squeeze(label, &(tc_dim){1}, 1)), 1));
  tc_tensor *loss = tc_mean(tc_scatter(z, 1, label, tci_number(0), NULL), &last, 1, false, TC_NONE);
  return tci_reduced(x->ndim == 1 ? tc_reshape(loss, NULL, 0) : loss, r);
}

tc_tensor *tc_multilabel_margin_loss(tc_tensor *x, tc_indices *t, const char *reduction) {
  const int r = tci_reduction(reduction, false);
  if (x && t && x->ndim == 0 && t->ndim == 0) return tc_multilabel_margin_loss(tc_reshape(x, (int64_t[]){1}, 1), tc_reshape(t, (int64_t[]){1}, 1), reduction);
  if (r < 0 || !check_labels(x, t, false)) return NULL;
  const tc_dim last = -1, both[] = {1, 2};
  const int64_t matrix[] = {-1, x->size[x->ndim - 1]};
  tc_tensor *rows = tc_reshape(x, matrix, 2), *labels = tc_reshape(t, matrix, 2);
  tc_tensor *valid = tc_cumprod(tc_to(tc_ne(labels, tci_number(-1)), rows ? rows->dtype : TC_NONE, TC_NONE, false), last, TC_NONE);
  labels = tc_where(tc_ne(valid, tci_number(0)), labels, tci_number(1));
  tc_tensor *hits = tc_scatter_add(tc_zeros_like(rows, TC_NONE, TC_NONE, false), 1, labels, valid);
  tc_tensor *others = tc_to(tc_eq(hits, tci_number(0)), rows ? rows->dtype : TC_NONE, TC_NONE, false);
  tc_tensor *gap = minus(tc_unsqueeze(rows, 1), tc_unsqueeze(tc_gather(rows, 1, labels, false), 2)); /* (N, label, class) */
  tc_tensor *z = tc_mul(tc_mul(above(shifted(gap, 1), 0), tc_unsqueeze(valid, 2)), tc_unsqueeze(others, 1));
  tc_tensor *loss = scaled(tc_sum(z, both, 2, false, TC_NONE), 1 / (double)x->size[x->ndim - 1]);
  return tci_reduced(x->ndim == 1 ? tc_reshape(loss, NULL, 0) : loss, r);
}

tc_tensor *tc_multilabel_soft_margin_loss(tc_tensor *x, tc_tensor *t, tc_tensor *weight, const char *reduction) {
  const int r = tci_reduction(reduction, false);
  const tc_dim last = -1;
  if (r < 0 || !tci_check_target(x, t, "target")) return NULL;
  tc_tensor *loss = tc_neg(plus(tc_mul(t, tc_logsigmoid(x)), tc_mul(less_from(1, t), tc_logsigmoid(tc_neg(x)))));
  if (weight) loss = tc_mul(loss, weight);
  return tci_reduced(tc_mean(loss, &last, 1, false, TC_NONE), r);
}

tc_tensor *tc_soft_margin_loss(tc_tensor *x, tc_tensor *t, const char *reduction) {
  const int r = tci_reduction(reduction, false);
  if (r < 0 || !tci_check_target(x, t, "target")) return NULL;
  return tci_reduced(tc_neg(tc_logsigmoid(tc_mul(t, x))), r);
}
