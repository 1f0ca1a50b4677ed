/* normalization.c: layer_norm, rms_norm, group_norm, instance_norm, batch_norm. Each is one kernel, and so is its gradient; where second
   derivatives are wanted, the gradient is composed of public operators instead. */
#include "neural.h"
#include <float.h>

enum { IN_X, IN_WEIGHT, IN_BIAS, IN_MEAN, IN_RSTD, IN_COUNT };
enum { SAVED = TC_SAVE_IN(IN_X) | TC_SAVE_IN(IN_WEIGHT) | TC_SAVE_IN(IN_MEAN) | TC_SAVE_IN(IN_RSTD) };

static int64_t product(const int64_t *size, int from, int to) {
  int64_t n = 1;
  for (int d = from; d < to; d++) n *= size[d];
  return n;
}

/* The parameters' gradients that are wanted, allocated; what the two kernels share. */
typedef struct slopes { tc_tensor *dx, *dw, *db, *up, *in, *weight; bool good; } slopes;

static slopes prepare(const tc_node *n, tc_tensor *g) {
  const int type = n->in[IN_RSTD]->dtype, rows = row_type(n->in[IN_X]);
  slopes s = {.up = ready(g, rows), .in = ready(n->in[IN_X], rows), .weight = ready(n->in[IN_WEIGHT], type)};
  if (tci_needs(n, IN_X)) s.dx = tci_like(n->in[IN_X], rows);
  if (tci_needs(n, IN_WEIGHT)) s.dw = tci_new(type, n->edge[IN_WEIGHT].ndim, n->edge[IN_WEIGHT].size, g->device);
  if (tci_needs(n, IN_BIAS)) s.db = tci_new(type, n->edge[IN_BIAS].ndim, n->edge[IN_BIAS].size, g->device);
  s.good = s.up && s.in && (s.weight || !n->in[IN_WEIGHT]) && (s.dx || !tci_needs(n, IN_X)) && (s.dw || !tci_needs(n, IN_WEIGHT)) &&
           (s.db || !tci_needs(n, IN_BIAS));
  return s;
}

static void finish(const slopes *s, tc_tensor **dx) {
  dx[IN_X] = s->dx;
  dx[IN_WEIGHT] = s->dw;
  dx[IN_BIAS] = s->db;
}

/* ---- groups: layer_norm, rms_norm, group_norm ---- */
static void group_fused(const tc_node *n, tc_tensor *g, tc_tensor **dx, const tc_norm_groups *p) {
  slopes s = prepare(n, g);
  if (!s.good) return;
  tc_view up = tci_view(s.up), in = tci_view(s.in), mean = tci_view(n->in[IN_MEAN]), rstd = tci_view(n->in[IN_RSTD]), v[4];
  int status = tci_kernels(g->device)->group_norm_backward(maybe_view(&v[0], s.dx), maybe_view(&v[1], s.dw), maybe_view(&v[2], s.db),
                                                           &up, &mean, &rstd, &in, maybe_view(&v[3], s.weight), p);
  if (tci_status(status, NULL, NULL, 0)) finish(&s, dx);
}

/* As (batch, groups, channels, inner). */
static tc_tensor *in_groups(tc_tensor *x, const tc_norm_groups *p) {
  return tc_reshape(x, (int64_t[]){p->batch, p->groups, p->channels, p->inner}, 4);
}
static const tc_dim CHANNELS_INNER[] = {2, 3}, BATCH_INNER[] = {0, 3};
static tc_tensor *row_mean(tc_tensor *x) { return tc_mean(x, CHANNELS_INNER, 2, true, TC_NONE); }

/* xhat and 1 / sqrt(var + eps) again, as functions of x that can be differentiated */
static tc_tensor *normalised(tc_tensor *x, const tc_norm_groups *p, tc_tensor **rstd) {
  tc_tensor *centred = p->rms ? x : minus(x, row_mean(x));
  *rstd = tc_rsqrt(shifted(row_mean(tc_square(centred)), p->eps));
  return tc_mul(centred, *rstd);
}

static void group_composed(const tc_node *n, tc_tensor *g, tc_tensor **dx, const tc_norm_groups *p) {
  tc_tensor *rstd, *xhat = normalised(in_groups(n->in[IN_X], p), p, &rstd), *w = n->in[IN_WEIGHT], *gw = g = in_groups(g, p);
  if (w) gw = tc_mul(g, tc_reshape(w, (int64_t[]){1, p->groups, p->channels, 1}, 4));
  tc_tensor *along = tc_mul_zero(row_mean(tc_mul_zero(gw, xhat)), xhat);
  tc_tensor *slope = minus(p->rms ? gw : minus(gw, row_mean(gw)), along);
  if (tci_needs(n, IN_X)) dx[IN_X] = tc_reshape(tc_mul_zero(slope, rstd), n->edge[IN_X].size, n->edge[IN_X].ndim);
  if (tci_needs(n, IN_WEIGHT))
    dx[IN_WEIGHT] = tc_reshape(tc_sum(tc_mul_zero(g, xhat), BATCH_INNER, 2, false, TC_NONE), n->edge[IN_WEIGHT].size, n->edge[IN_WEIGHT].ndim);
  if (tci_needs(n, IN_BIAS))
    dx[IN_BIAS] = tc_reshape(tc_sum(g, BATCH_INNER, 2, false, TC_NONE), n->edge[IN_BIAS].size, n->edge[IN_BIAS].ndim);
}

static void group_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  (tci_grad_mode() ? group_composed : group_fused)(n, g[0], dx, n->attr);
}
static const tc_rule layer_rule = {"layer_norm", group_grad, SAVED};
static const tc_rule rms_rule = {"rms_norm", group_grad, SAVED};
static const tc_rule group_rule = {"group_norm", group_grad, SAVED};

static tc_tensor *group_norm(tc_tensor *x, tc_tensor *weight, tc_tensor *bias, const tc_norm_groups *p, const tc_rule *rule) {
  const int type = compute_type(x->dtype), rows = row_type(x);
  tc_tensor *y = tci_like(x, rows), *in = ready(x, rows), *w = ready(weight, type), *b = ready(bias, type);
  tc_tensor *mean = tci_new(type, 1, (int64_t[]){p->batch * p->groups}, x->device), *rstd = mean ? tci_like(mean, type) : NULL;
  if (!y || !in || !rstd || (weight && !w) || (bias && !b)) return NULL;
  tc_view views[] = {tci_view(y), tci_view(mean), tci_view(rstd), tci_view(in)}, weight_view, bias_view;
  int status = tci_kernels(x->device)->group_norm(&views[0], &views[1], &views[2], &views[3], maybe_view(&weight_view, w),
                                                  maybe_view(&bias_view, b), p);
  if (!tci_status(status, NULL, NULL, 0)) return NULL;
  tc_tensor *ins[IN_COUNT] = {x, weight, bias, mean, rstd};
  y = tci_cast(y, x->dtype);
  return y ? tci_record(rule, y, IN_COUNT, ins, p, sizeof *p) : NULL;
}

/* normalized_shape must be the end of x's shape, and the shape of weight and bias. */
static bool check_shape(tc_tensor *x, const int64_t *shape, int n, tc_tensor *weight, tc_tensor *bias) {
  if (!tci_check_float(x, "input")) return false;
  if (n < 1 || n > x->ndim || memcmp(x->size + x->ndim - n, shape, (size_t)n * sizeof *shape))
    return tci_fail("input: got shape %s, takes one that ends in normalized_shape %s", tci_shape(x), tci_sizes(n, shape)) != NULL;
  tc_tensor *both[] = {weight, bias};
  for (int i = 0; i < 2; i++)
    if (both[i] && (both[i]->ndim != n || memcmp(both[i]->size, shape, (size_t)n * sizeof *shape)))
      return tci_fail("%s: got shape %s, takes normalized_shape %s", i ? "bias" : "weight", tci_shape(both[i]),
                      tci_sizes(n, shape)) != NULL;
  return true;
}

tc_tensor *tc_layer_norm(tc_tensor *x, const int64_t *shape, int n_shape, tc_tensor *weight, tc_tensor *bias, double eps) {
  if (!x || !check_shape(x, shape, n_shape, weight, bias)) return NULL;
  if (tci_is_complex(x->dtype)) return tci_fail("input: got %s, takes real numbers", tci_dtype_name(x->dtype));
  tc_norm_groups p = {product(x->size, 0, x->ndim - n_shape), 1, product(shape, 0, n_shape), 1, eps, 0};
  return group_norm(x, weight, bias, &p, &layer_rule);
}

/* Complex numbers are squared as they are: the mean is no length, as in PyTorch. */
static tc_tensor *complex_rms_norm(tc_tensor *x, int n, tc_tensor *weight, double eps) {
  tc_dim last[TC_MAX_DIMS];
  for (int i = 0; i < n; i++) last[i] = x->ndim - n + i;
  tc_tensor *mean = tc_mean(tc_mul(x, x), last, n, true, TC_NONE), *y = tc_mul(x, tc_rsqrt(tc_add(mean, tci_number(eps), 1)));
  return tc_to(weight ? tc_mul(y, weight) : y, x->dtype, TC_NONE, false);
}

/* The default eps is the distance from 1 to the next number of the dtype that is computed in. */
tc_tensor *tc_rms_norm(tc_tensor *x, const int64_t *shape, int n_shape, tc_tensor *weight, tc_operand *eps) {
  if (!x || !check_shape(x, shape, n_shape, weight, NULL)) return NULL;
  double e = x->dtype == TC_COMPLEX128 || compute_type(x->dtype) == TC_FLOAT64 ? DBL_EPSILON : FLT_EPSILON;
  if (eps && eps->numel != 1) return tci_fail("eps: got a tensor of shape %s, takes a number", tci_shape(eps));
  if (eps && !tc_read_doubles(eps, &e)) return NULL;
  if (tci_is_complex(x->dtype)) return complex_rms_norm(x, n_shape, weight, e);
  tc_norm_groups p = {product(x->size, 0, x->ndim - n_shape), 1, product(shape, 0, n_shape), 1, e, 1};
  return group_norm(x, weight, NULL, &p, &rms_rule);
}

static bool check_channels(tc_tensor *x, tc_tensor *t, const char *name) {
  if (!t || (t->ndim == 1 && t->size[0] == x->size[1])) return true;
  return tci_fail("%s: got shape %s, takes one number for each of the %lld channels of input %s", name, tci_shape(t),
                  (long long)x->size[1], tci_shape(x)) != NULL;
}

static bool check_input(tc_tensor *x, tc_tensor *weight, tc_tensor *bias) {
  if (!tci_check_float(x, "input")) return false;
  if (tci_is_complex(x->dtype)) return tci_fail("input: got %s, takes real numbers", tci_dtype_name(x->dtype)) != NULL;
  if (x->ndim < 2) return tci_fail("input: got shape %s, takes (N, C, ...)", tci_shape(x)) != NULL;
  return check_channels(x, weight, "weight") && check_channels(x, bias, "bias");
}

static bool check_count(tc_tensor *x, int64_t values) {
  if (values != 1) return true;
  return tci_fail("takes more than 1 value for each channel when training, got an input of shape %s", tci_shape(x)) != NULL;
}

tc_tensor *tc_group_norm(tc_tensor *x, int64_t groups, tc_tensor *weight, tc_tensor *bias, double eps) {
  if (!x || !check_input(x, weight, bias)) return NULL;
  if (groups < 1 || x->size[1] % groups)
    return tci_fail("num_groups: got %lld, takes a divisor of the %lld channels of input %s", (long long)groups, (long long)x->size[1],
                    tci_shape(x));
  tc_norm_groups p = {x->size[0], groups, x->size[1] / groups, product(x->size, 2, x->ndim), eps, 0};
  if (!check_count(x, p.batch * p.channels * p.inner)) return NULL;
  return group_norm(x, weight, bias, &p, &group_rule);
}

/* ---- channels: batch_norm ---- */
static void batch_fused(const tc_node *n, tc_tensor *g, tc_tensor **dx, const tc_norm_channels *p) {
  slopes s = prepare(n, g);
  if (!s.good) return;
  tc_view up = tci_view(s.up), in = tci_view(s.in), mean = tci_view(n->in[IN_MEAN]), rstd = tci_view(n->in[IN_RSTD]), v[4];
  int status = tci_kernels(g->device)->batch_norm_backward(maybe_view(&v[0], s.dx), maybe_view(&v[1], s.dw), maybe_view(&v[2], s.db),
                                                           &up, &mean, &rstd, &in, maybe_view(&v[3], s.weight), p);
  if (tci_status(status, NULL, NULL, 0)) finish(&s, dx);
}

static const tc_dim BATCH_AND_PLACE[] = {0, 2};
static tc_tensor *channel_mean(tc_tensor *x) { return tc_mean(x, BATCH_AND_PLACE, 2, true, TC_NONE); }
static tc_tensor *channel_sum(tc_tensor *x) { return tc_sum(x, BATCH_AND_PLACE, 2, false, TC_NONE); }
static tc_tensor *by_channel(tc_tensor *x) { return tc_reshape(x, (int64_t[]){1, -1, 1}, 3); }
static tc_tensor *in_channels(tc_tensor *x, const tc_norm_channels *p) {
  return tc_reshape(x, (int64_t[]){p->batch, p->channels, p->inner}, 3);
}

static void batch_composed(const tc_node *n, tc_tensor *g, tc_tensor **dx, const tc_norm_channels *p) {
  tc_tensor *x = in_channels(n->in[IN_X], p), *w = n->in[IN_WEIGHT], *gw = g = in_channels(g, p);
  tc_tensor *rstd = by_channel(n->in[IN_RSTD]), *centred = minus(x, p->training ? channel_mean(x) : by_channel(n->in[IN_MEAN]));
  if (p->training) rstd = tc_rsqrt(shifted(channel_mean(tc_square(centred)), p->eps));
  tc_tensor *xhat = tc_mul(centred, rstd);
  if (w) gw = tc_mul(g, by_channel(w));
  tc_tensor *slope = gw;
  if (p->training) slope = minus(minus(gw, channel_mean(gw)), tc_mul(xhat, channel_mean(tc_mul(gw, xhat))));
  if (tci_needs(n, IN_X)) dx[IN_X] = tc_reshape(tc_mul(rstd, slope), n->edge[IN_X].size, n->edge[IN_X].ndim);
  if (tci_needs(n, IN_WEIGHT)) dx[IN_WEIGHT] = channel_sum(tc_mul(g, xhat));
  if (tci_needs(n, IN_BIAS)) dx[IN_BIAS] = channel_sum(g);
}

static void batch_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  (tci_grad_mode() ? batch_composed : batch_fused)(n, g[0], dx, n->attr);
}
static const tc_rule batch_rule = {"batch_norm", batch_grad, SAVED};

/* A running statistic as the kernel reads and moves it; put_back stores it where the kernel worked on a copy. */
static bool put_back(tc_tensor *running, tc_tensor *worked_on) {
  if (!running) return true;
  if (running != worked_on && !tci_copy_into(running, worked_on)) return false;
  tci_touch(running, "batch_norm");
  return true;
}

static tc_tensor *run_batch_norm(tc_tensor *x, tc_tensor *running_mean, tc_tensor *running_var, tc_tensor *weight, tc_tensor *bias,
                                 const tc_norm_channels *p) {
  const int type = compute_type(x->dtype), rows = row_type(x);
  tc_tensor *y = tci_like(x, rows), *in = ready(x, rows), *w = ready(weight, type), *b = ready(bias, type);
  tc_tensor *rm = ready(running_mean, type), *rv = ready(running_var, type);
  tc_tensor *mean = tci_new(type, 1, (int64_t[]){p->channels}, x->device), *rstd = mean ? tci_like(mean, type) : NULL;
  if (!y || !in || !rstd || (weight && !w) || (bias && !b) || (running_mean && !rm) || (running_var && !rv)) return NULL;
  tc_view views[] = {tci_view(y), tci_view(mean), tci_view(rstd), tci_view(in)}, v[4];
  int status = tci_kernels(x->device)->batch_norm(&views[0], &views[1], &views[2], maybe_view(&v[0], rm), maybe_view(&v[1], rv),
                                                  &views[3], maybe_view(&v[2], w), maybe_view(&v[3], b), p);
  if (!tci_status(status, NULL, NULL, 0)) return NULL;
  if (p->training && (!put_back(running_mean, rm) || !put_back(running_var, rv))) return NULL;
  tc_tensor *ins[IN_COUNT] = {x, weight, bias, mean, rstd};
  y = tci_cast(y, x->dtype);
  return y ? tci_record(&batch_rule, y, IN_COUNT, ins, p, sizeof *p) : NULL;
}

tc_tensor *tc_batch_norm(tc_tensor *x, tc_tensor *running_mean, tc_tensor *running_var, tc_tensor *weight, tc_tensor *bias,
                         bool training, double momentum, double eps) {
  if (!x || !check_input(x, weight, bias)) return NULL;
  if (!check_channels(x, running_mean, "running_mean") || !check_channels(x, running_var, "running_var")) return NULL;
  if (!training && (!running_mean || !running_var)) return tci_fail("running_mean and running_var are needed when not training");
  if (!running_mean != !running_var) return tci_fail("running_mean and running_var go together, got one of them");
  tc_norm_channels p = {x->size[0], x->size[1], product(x->size, 2, x->ndim), eps, momentum, training};
  if (training && !check_count(x, p.batch * p.inner)) return NULL;
  return run_batch_norm(x, running_mean, running_var, weight, bias, &p);
}

/* ---- instance_norm: groups of one channel; running statistics are averaged over the batch ---- */
static bool move_running(tc_tensor *running, tc_tensor *statistic, double momentum) {
  const bool before = tci_set_grad_mode(false);
  tc_tensor *moved = plus(scaled(running, 1 - momentum), scaled(statistic, momentum));
  const bool good = moved && tci_copy_into(running, moved);
  tci_set_grad_mode(before);
  if (good) tci_touch(running, "instance_norm");
  return good;
}

static bool move_instance_statistics(tc_tensor *x, tc_tensor *running_mean, tc_tensor *running_var, double momentum) {
  const bool before = tci_set_grad_mode(false);
  const double n = (double)product(x->size, 2, x->ndim);
  tc_tensor *rows = tc_reshape(x, (int64_t[]){x->size[0], x->size[1], -1}, 3), *mean = mean_over(rows, 2);
  tc_tensor *variance = scaled(mean_over(tc_square(minus(rows, mean)), 2), n / (n - 1));
  const tc_dim batch_and_place[] = {0, 2};
  tc_tensor *m = tc_mean(mean, batch_and_place, 2, false, TC_NONE), *v = tc_mean(variance, batch_and_place, 2, false, TC_NONE);
  tci_set_grad_mode(before);
  return m && v && move_running(running_mean, m, momentum) && move_running(running_var, v, momentum);
}

tc_tensor *tc_instance_norm(tc_tensor *x, tc_tensor *running_mean, tc_tensor *running_var, tc_tensor *weight, tc_tensor *bias,
                            bool use_input_stats, double momentum, double eps) {
  if (!x || !check_input(x, weight, bias)) return NULL;
  if (!check_channels(x, running_mean, "running_mean") || !check_channels(x, running_var, "running_var")) return NULL;
  if (!running_mean != !running_var) return tci_fail("running_mean and running_var go together, got one of them");
  if (!use_input_stats) return tc_batch_norm(x, running_mean, running_var, weight, bias, false, momentum, eps);
  tc_norm_groups p = {x->size[0], x->size[1], 1, product(x->size, 2, x->ndim), eps, 0};
  if (p.inner == 1)
    return tci_fail("takes more than 1 value for each channel of an instance when training, got an input of shape %s", tci_shape(x));
  if (running_mean && !move_instance_statistics(x, running_mean, running_var, momentum)) return NULL;
  return group_norm(x, weight, bias, &p, &group_rule);
}
