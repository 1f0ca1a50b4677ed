/* variance.c: var, std and both with the mean, over any dims and with any correction of the degrees of freedom. */
#include "reduce.h"

/* p of the attributes is the correction. */
static tc_tensor *centred(tc_tensor *x, uint64_t mask) {
  tc_dim dims[TC_MAX_DIMS];
  int n = tci_mask_dims(mask, x ? x->ndim : 0, dims);
  return tc_sub(x, tc_mean(x, dims, n, true, TC_NONE), 1);
}

static double freedom(const tc_edge *in, const tci_fold_attr *a) {
  double count = 1;
  for (int d = 0; d < in->ndim; d++)
    if (a->mask >> d & 1) count *= (double)in->size[d];
  return count - a->p;
}

/* dv/dx = 2 (x - mean) / freedom */
static tc_tensor *var_part(const tc_node *n, tc_tensor *g) {
  const tci_fold_attr *a = n->attr;
  double f = freedom(&n->edge[0], a);
  tc_tensor *slope = tc_mul(centred(n->in[0], a->mask), tci_number(2 / (f > 0 ? f : 0)));
  return tc_mul_zero(tci_with_dims(g, &n->edge[0], a->mask, a->keepdim), slope);
}

/* dm/dx = 1 / count */
static tc_tensor *mean_part(const tc_node *n, tc_tensor *g) {
  const tci_fold_attr *a = n->attr;
  double count = freedom(&n->edge[0], a) + a->p;
  return tci_blow_up(tc_mul(g, tci_number(1 / count)), &n->edge[0], a->mask, a->keepdim);
}

/* A deviation of 0 has no slope: its gradient is 0. */
static tc_tensor *std_part(const tc_node *n, tc_tensor *g) {
  tc_tensor *s = n->out[0], *flat = tc_eq(s, tci_number(0));
  tc_tensor *through = tc_where(flat, tci_number(0), tc_div_zero(g, tc_mul(tc_where(flat, tci_number(1), s), tci_number(2))));
  return var_part(n, through);
}

static tc_tensor *sum_of(tc_tensor *a, tc_tensor *b) { return a && b ? tc_add(a, b, 1) : a ? a : b; }

static void var_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  dx[0] = sum_of(g[0] ? var_part(n, g[0]) : NULL, n->nout > 1 && g[1] ? mean_part(n, g[1]) : NULL);
}
static void std_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  dx[0] = sum_of(g[0] ? std_part(n, g[0]) : NULL, n->nout > 1 && g[1] ? mean_part(n, g[1]) : NULL);
}
static const tc_rule var_rule = {"var", var_grad, TC_SAVE_IN(0)};
static const tc_rule std_rule = {"std", std_grad, TC_SAVE_IN(0) | TC_SAVE_OUT(0)};

static tc_tensor *moments(const tc_rule *rule, int op, tc_tensor *x, const tc_dim *dims, int n, double correction, bool keepdim, tc_tensor **mean) {
  tci_fold_attr a = {.keepdim = keepdim, .p = correction};
  if (!x || !tci_check_float(x, "input") || !tci_dim_mask(dims, n, x->ndim, &a.mask)) return NULL;
  tc_tensor *outs[2] = {tci_fold_like(x, a.mask, keepdim, x->dtype), mean ? tci_fold_like(x, a.mask, keepdim, x->dtype) : NULL};
  if (!outs[0] || (mean && !outs[1])) return NULL;
  tc_reduction r;
  tci_plan(&r, op, outs[0], x, a.mask, false);
  r.divisor = correction;
  if (!tci_status(tci_kernels(x->device)->moments(&r, mean ? tci_data(outs[1]) : NULL), NULL, NULL, 0)) return NULL;
  if (mean) *mean = outs[1];
  return tci_record_n(rule, mean ? 2 : 1, outs, 1, &x, &a, sizeof a);
}

/* correction is NaN if it was not given */
static double taken(bool unbiased, double correction) { return isnan(correction) ? (unbiased ? 1 : 0) : correction; }

static bool is_complex(const tc_tensor *x) { return x && tci_is_complex(x->dtype); }

/* The variance of complex numbers is real: that of their real parts plus that of their imaginary parts. */
static tc_tensor *complex_moments(bool root, tc_tensor *x, const tc_dim *dims, int n, double correction, bool keepdim, tc_tensor **mean) {
  uint64_t mask;
  tc_dim listed[TC_MAX_DIMS];
  if (!tci_dim_mask(dims, n, x->ndim, &mask)) return NULL;
  n = tci_mask_dims(mask, x->ndim, listed);
  if (x->ndim == 0) x = tc_unsqueeze(x, 0), listed[0] = 0, n = 1, keepdim = false; /* a single element, and no dim to name */
  tc_tensor *parts[2] = {tc_real(x), tc_imag(x)};
  for (int i = 0; i < 2; i++) parts[i] = moments(&var_rule, TC_FOLD_SUM, parts[i], listed, n, correction, keepdim, NULL);
  if (mean) *mean = tc_mean(x, listed, n, keepdim, TC_NONE);
  tc_tensor *v = tc_add(parts[0], parts[1], 1);
  if (!root) return v;
  tc_tensor *flat = tc_eq(v, tci_number(0)); /* no slope there, as above */
  return tc_where(flat, tci_number(0), tc_sqrt(tc_where(flat, tci_number(1), v)));
}

tc_tensor *tc_var(tc_tensor *x, const tc_dim *dim, int n_dim, bool unbiased, bool keepdim, double correction) {
  if (is_complex(x)) return complex_moments(false, x, dim, n_dim, taken(unbiased, correction), keepdim, NULL);
  return moments(&var_rule, TC_FOLD_SUM, x, dim, n_dim, taken(unbiased, correction), keepdim, NULL);
}
tc_tensor *tc_std(tc_tensor *x, const tc_dim *dim, int n_dim, bool unbiased, bool keepdim, double correction) {
  if (is_complex(x)) return complex_moments(true, x, dim, n_dim, taken(unbiased, correction), keepdim, NULL);
  return moments(&std_rule, TC_FOLD_EUCLID, x, dim, n_dim, taken(unbiased, correction), keepdim, NULL);
}
tc_tensor *tc_var_mean(tc_tensor *x, const tc_dim *dim, int n_dim, bool unbiased, bool keepdim, double correction, tc_tensor **mean) {
  if (is_complex(x)) return complex_moments(false, x, dim, n_dim, taken(unbiased, correction), keepdim, mean);
  return moments(&var_rule, TC_FOLD_SUM, x, dim, n_dim, taken(unbiased, correction), keepdim, mean);
}
tc_tensor *tc_std_mean(tc_tensor *x, const tc_dim *dim, int n_dim, bool unbiased, bool keepdim, double correction, tc_tensor **mean) {
  if (is_complex(x)) return complex_moments(true, x, dim, n_dim, taken(unbiased, correction), keepdim, mean);
  return moments(&std_rule, TC_FOLD_EUCLID, x, dim, n_dim, taken(unbiased, correction), keepdim, mean);
}
