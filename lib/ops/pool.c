/* pool.c: pooling over the last one to three dims: largest elements, means, adaptive windows, and putting maxima back. */
#include "ops.h"

#define G (g[0])

static int compute_type(const tc_tensor *x) { /* a GPU's kernels read the half types by themselves; integers travel as float64 */
  if (tci_is_int(x->dtype)) return TC_FLOAT64;
  return x->dtype == TC_FLOAT64 || (x->device > 0 && tci_is_float(x->dtype)) ? x->dtype : TC_FLOAT32;
}
static tc_tensor *ready(tc_tensor *x) { return tci_contig(tci_cast(x, compute_type(x))); }

/* ---- arguments ---- */
static bool check_input(int nd, tc_tensor *x) {
  if (!x) return false;
  if (x->ndim != nd + 1 && x->ndim != nd + 2)
    return tci_fail("input: got %s, takes %d dims, or %d without a batch", tci_shape(x), nd + 2, nd + 1) != NULL;
  if (x->dtype == TC_BOOL || tci_is_complex(x->dtype)) return tci_fail("input: got %s, takes real numbers", tci_dtype_name(x->dtype)) != NULL;
  if (x->dtype == TC_INT64 && !(tci_largest(x) <= TCI_EXACT)) return tci_fail("input: takes integers up to 2^53, which float64 holds exactly") != NULL;
  return true;
}

static void read_input(tc_pool *p, int nd, const tc_tensor *x) {
  p->planes = tci_numel(x->ndim - nd, x->size);
  for (int d = 0; d < 3; d++) p->in[d] = d < 3 - nd ? 1 : x->size[x->ndim - 3 + d];
}

/* how many windows fit; with ceil_mode the last may hang over, if it begins inside the input or its first border */
static bool count_windows(tc_pool *p, int nd, bool ceil_mode) {
  for (int d = 0; d < 3; d++) {
    if (d < 3 - nd) {
      p->out[d] = 1;
      continue;
    }
    if (2 * p->pad[d] > p->dilation[d] * (p->k[d] - 1) + 1)
      return tci_fail("padding %lld is more than half of the kernel %lld", (long long)p->pad[d], (long long)p->k[d]) != NULL;
    int64_t room = p->in[d] + 2 * p->pad[d] - p->dilation[d] * (p->k[d] - 1) - 1;
    if (room < 0 && !ceil_mode) return tci_fail("the window %lld is larger than the padded input %lld", (long long)p->k[d], (long long)(p->in[d] + 2 * p->pad[d])) != NULL;
    int64_t steps = room + (ceil_mode ? p->stride[d] - 1 : 0);
    p->out[d] = (steps >= 0 ? steps / p->stride[d] : -((-steps + p->stride[d] - 1) / p->stride[d])) + 1;
    if (ceil_mode && (p->out[d] - 1) * p->stride[d] >= p->in[d] + p->pad[d]) p->out[d]--;
    if (p->out[d] < 1) return tci_fail("the output would have size %lld in dim %d", (long long)p->out[d], d + 1) != NULL;
  }
  return true;
}

static bool read_windows(tc_pool *p, int nd, tc_tensor *x, const int64_t *k, int nk, const int64_t *stride, int ns, const int64_t *pad, int np,
                         const int64_t *dilation, int ndil, bool ceil_mode) {
  *p = (tc_pool){0};
  if (!check_input(nd, x) || !tci_spread("kernel_size", k, nk, nd, 1, 1, p->k)) return false;
  if (!stride || ns == 0) memcpy(p->stride, p->k, sizeof p->k);
  else if (!tci_spread("stride", stride, ns, nd, 1, 1, p->stride)) return false;
  if (!tci_spread("padding", pad, np, nd, 0, 0, p->pad) || !tci_spread("dilation", dilation, ndil, nd, 1, 1, p->dilation)) return false;
  read_input(p, nd, x);
  return count_windows(p, nd, ceil_mode);
}

static bool read_adaptive(tc_pool *p, int nd, tc_tensor *x, const int64_t *size, int n) {
  *p = (tc_pool){.adaptive = true};
  if (!check_input(nd, x)) return false;
  if (n != 1 && n != nd) return tci_fail("output_size: got %d numbers, takes 1 or %d", n, nd) != NULL;
  read_input(p, nd, x);
  for (int d = 0; d < 3; d++) {
    int64_t wanted = d < 3 - nd ? 1 : n == 1 ? size[0] : size[d - (3 - nd)];
    if (wanted == -1) wanted = p->in[d]; /* as it is */
    if (wanted < 0) return tci_fail("output_size: got %lld, takes 0 or more", (long long)wanted) != NULL;
    p->out[d] = wanted;
  }
  return true;
}

static tc_tensor *output(const tc_pool *p, int nd, const tc_tensor *x, int dtype) {
  int64_t size[TC_MAX_DIMS];
  memcpy(size, x->size, x->ndim * sizeof *size);
  for (int d = 0; d < nd; d++) size[x->ndim - nd + d] = p->out[3 - nd + d];
  return tci_new(dtype, x->ndim, size, x->device);
}

/* ---- elements of planes by their places ---- */
typedef struct planes { int nd; bool add; } planes;

static int64_t plane_size(const tc_tensor *x, int nd) { return tci_numel(nd, x->size + x->ndim - nd); }

static tc_tensor *take(tc_tensor *x, tc_tensor *index, int nd);
static tc_tensor *put(tc_tensor *g, tc_tensor *index, const int64_t *size, int nd, bool add);

static void take_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) { /* inputs x, index */
  const planes *a = n->attr;
  dx[0] = put(G, n->in[1], n->edge[0].size, a->nd, true);
}
static const tc_rule take_rule = {"pool indices", take_grad, TC_SAVE_IN(1)};
static void put_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const planes *a = n->attr;
  dx[0] = take(G, n->in[1], a->nd);
}
static const tc_rule put_rule = {"max_unpool", put_grad, TC_SAVE_IN(1)};

static tc_tensor *take(tc_tensor *x, tc_tensor *index, int nd) {
  if (!x || !index) return NULL;
  tc_fault fault;
  int64_t size = plane_size(x, nd), count = plane_size(index, nd);
  tc_tensor *xs = ready(x), *at = tci_contig(index), *y = xs && at ? tci_like(index, xs->dtype) : NULL;
  if (!y) return NULL;
  int s = tci_kernels(x->device)->plane_take(count ? index->numel / count : 0, size, count, xs->dtype, tci_data(y), tci_data(xs), (int64_t *)tci_data(at), &fault);
  if (!tci_status(s, &fault, "index", size)) return NULL;
  return tci_record(&take_rule, tci_cast(y, x->dtype), 2, (tc_tensor *[]){x, index}, &(planes){nd, true}, sizeof(planes));
}

static tc_tensor *put(tc_tensor *g, tc_tensor *index, const int64_t *size, int nd, bool add) {
  if (!g || !index) return NULL;
  tc_fault fault;
  tc_tensor *gs = ready(g), *at = tci_contig(index), *x = gs && at ? tci_new(gs->dtype, g->ndim, size, g->device) : NULL;
  if (!x) return NULL;
  int64_t whole = plane_size(x, nd), count = plane_size(g, nd);
  int s = tci_kernels(g->device)->plane_put(whole ? x->numel / whole : 0, whole, count, add, gs->dtype, tci_data(x), tci_data(gs), (int64_t *)tci_data(at), &fault);
  if (!tci_status(s, &fault, "index", whole)) return NULL;
  return tci_record(&put_rule, tci_cast(x, g->dtype), 2, (tc_tensor *[]){g, index}, &(planes){nd, add}, sizeof(planes));
}

/* ---- maxima ---- */
static void max_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) { /* inputs x, index */
  const planes *a = n->attr;
  dx[0] = put(G, n->in[1], n->edge[0].size, a->nd, true);
}
static const tc_rule max_rule = {"max_pool", max_grad, TC_SAVE_IN(1)};

static tc_tensor *max_pool(int nd, const tc_pool *p, tc_tensor *x, bool return_indices, tc_tensor **indices) {
  tc_tensor *xs = ready(x), *y = xs ? output(p, nd, x, xs->dtype) : NULL, *index = y ? tci_like(y, TC_INT64) : NULL;
  if (!index) return NULL;
  if (y->numel && xs->numel == 0) return tci_fail("input %s has empty planes", tci_shape(x));
  if (y->numel && !tci_status(tci_kernels(x->device)->max_pool(p, xs->dtype, tci_data(y), (int64_t *)tci_data(index), tci_data(xs)), NULL, NULL, 0))
    return NULL;
  if (return_indices) *indices = index;
  return tci_record(&max_rule, tci_cast(y, x->dtype), 2, (tc_tensor *[]){x, index}, &(planes){nd, true}, sizeof(planes));
}

#define MAX_POOL(nd) \
  tc_tensor *tc_max_pool##nd##d(tc_tensor *x, const int64_t *k, int nk, const int64_t *stride, int ns, const int64_t *pad, int np, \
                                const int64_t *dilation, int ndil, bool ceil_mode, bool return_indices, tc_tensor **indices) { \
    tc_pool p; \
    return read_windows(&p, nd, x, k, nk, stride, ns, pad, np, dilation, ndil, ceil_mode) ? max_pool(nd, &p, x, return_indices, indices) : NULL; \
  } \
  tc_tensor *tc_adaptive_max_pool##nd##d(tc_tensor *x, const int64_t *size, int n, bool return_indices, tc_tensor **indices) { \
    tc_pool p; \
    return read_adaptive(&p, nd, x, size, n) ? max_pool(nd, &p, x, return_indices, indices) : NULL; \
  }
MAX_POOL(1)
MAX_POOL(2)
MAX_POOL(3)

/* ---- means: linear, and the transpose is linear too ---- */
typedef struct average { tc_pool p; int nd; } average;
static tc_tensor *avg_pool(const average *a, tc_tensor *x);
static tc_tensor *avg_unpool(const average *a, tc_tensor *g, const int64_t *size);

static void avg_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) { dx[0] = avg_unpool(n->attr, G, n->edge[0].size); }
static const tc_rule avg_rule = {"avg_pool", avg_grad, 0};
static void avg_unpool_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) { dx[0] = avg_pool(n->attr, G); }
static const tc_rule avg_unpool_rule = {"avg_pool backward", avg_unpool_grad, 0};

static tc_tensor *avg_pool(const average *a, tc_tensor *x) {
  tc_tensor *xs = x ? ready(x) : NULL, *y = xs ? output(&a->p, a->nd, x, xs->dtype) : NULL;
  if (!y) return NULL;
  if (y->numel && !tci_status(tci_kernels(x->device)->avg_pool(&a->p, xs->dtype, tci_data(y), tci_data(xs)), NULL, NULL, 0)) return NULL;
  return tci_record(&avg_rule, tci_cast(y, x->dtype), 1, &x, a, sizeof *a);
}

static tc_tensor *avg_unpool(const average *a, tc_tensor *g, const int64_t *size) {
  tc_tensor *gs = g ? ready(g) : NULL, *x = gs ? tci_new(gs->dtype, g->ndim, size, g->device) : NULL;
  if (!x) return NULL;
  if (x->numel && !tci_status(tci_kernels(g->device)->avg_unpool(&a->p, gs->dtype, tci_data(x), tci_data(gs)), NULL, NULL, 0)) return NULL;
  return tci_record(&avg_unpool_rule, tci_cast(x, g->dtype), 1, &g, a, sizeof *a);
}

static tc_tensor *average_of(int nd, tc_tensor *x, const int64_t *k, int nk, const int64_t *stride, int ns, const int64_t *pad, int np, bool ceil_mode,
                             bool count_include_pad, int64_t divisor) {
  average a = {.nd = nd};
  if (!read_windows(&a.p, nd, x, k, nk, stride, ns, pad, np, NULL, 0, ceil_mode)) return NULL;
  if (divisor != TC_NONE && divisor == 0) return tci_fail("divisor_override: takes a number other than 0");
  a.p.count_borders = count_include_pad;
  a.p.divisor = divisor == TC_NONE ? 0 : divisor;
  return avg_pool(&a, x);
}

tc_tensor *tc_avg_pool1d(tc_tensor *x, const int64_t *k, int nk, const int64_t *stride, int ns, const int64_t *pad, int np, bool ceil_mode,
                         bool count_include_pad) {
  return average_of(1, x, k, nk, stride, ns, pad, np, ceil_mode, count_include_pad, TC_NONE);
}
tc_tensor *tc_avg_pool2d(tc_tensor *x, const int64_t *k, int nk, const int64_t *stride, int ns, const int64_t *pad, int np, bool ceil_mode,
                         bool count_include_pad, int64_t divisor) {
  return average_of(2, x, k, nk, stride, ns, pad, np, ceil_mode, count_include_pad, divisor);
}
tc_tensor *tc_avg_pool3d(tc_tensor *x, const int64_t *k, int nk, const int64_t *stride, int ns, const int64_t *pad, int np, bool ceil_mode,
                         bool count_include_pad, int64_t divisor) {
  return average_of(3, x, k, nk, stride, ns, pad, np, ceil_mode, count_include_pad, divisor);
}

static tc_tensor *adaptive_average(int nd, tc_tensor *x, const int64_t *size, int n) {
  average a = {.nd = nd};
  return read_adaptive(&a.p, nd, x, size, n) ? avg_pool(&a, x) : NULL;
}
tc_tensor *tc_adaptive_avg_pool1d(tc_tensor *x, const int64_t *size, int n) { return adaptive_average(1, x, size, n); }
tc_tensor *tc_adaptive_avg_pool2d(tc_tensor *x, const int64_t *size, int n) { return adaptive_average(2, x, size, n); }
tc_tensor *tc_adaptive_avg_pool3d(tc_tensor *x, const int64_t *size, int n) { return adaptive_average(3, x, size, n); }

/* ---- the p-norm of each window ---- */
static tc_tensor *lp_pool(int nd, tc_tensor *x, double norm_type, const int64_t *k, int nk, const int64_t *stride, int ns, bool ceil_mode) {
  int64_t sizes[3], count = 1;
  if (!x || !tci_spread("kernel_size", k, nk, nd, 1, 1, sizes)) return NULL;
  for (int d = 0; d < 3; d++) count *= sizes[d];
  tc_tensor *power = tc_pow(x, tci_number(norm_type));
  tc_tensor *mean = average_of(nd, power, k, nk, stride, ns, NULL, 0, ceil_mode, true, TC_NONE);
  tc_tensor *sum = tc_mul(tc_mul(tc_sign(mean), tc_relu(tc_abs(mean))), tci_number((double)count));
  return tc_pow(sum, tci_number(1 / norm_type));
}
tc_tensor *tc_lp_pool1d(tc_tensor *x, double norm_type, const int64_t *k, int nk, const int64_t *stride, int ns, bool ceil_mode) {
  return lp_pool(1, x, norm_type, k, nk, stride, ns, ceil_mode);
}
tc_tensor *tc_lp_pool2d(tc_tensor *x, double norm_type, const int64_t *k, int nk, const int64_t *stride, int ns, bool ceil_mode) {
  return lp_pool(2, x, norm_type, k, nk, stride, ns, ceil_mode);
}
tc_tensor *tc_lp_pool3d(tc_tensor *x, double norm_type, const int64_t *k, int nk, const int64_t *stride, int ns, bool ceil_mode) {
  return lp_pool(3, x, norm_type, k, nk, stride, ns, ceil_mode);
}

/* ---- maxima back to their places ---- */
static tc_tensor *unpool(int nd, tc_tensor *x, tc_tensor *index, const int64_t *k, int nk, const int64_t *stride, int ns, const int64_t *pad, int np,
                         const int64_t *output_size, int n_output_size) {
  int64_t ks[3], steps[3], pads[3], size[TC_MAX_DIMS];
  if (!check_input(nd, x) || !tci_check_index(index, "indices")) return NULL;
  if (!tci_same_shape(x, index)) return tci_fail("indices have shape %s, input %s", tci_shape(index), tci_shape(x));
  if (!tci_spread("kernel_size", k, nk, nd, 1, 1, ks) || !tci_spread("padding", pad, np, nd, 0, 0, pads)) return NULL;
  if (!stride || ns == 0) memcpy(steps, ks, sizeof ks);
  else if (!tci_spread("stride", stride, ns, nd, 1, 1, steps)) return NULL;
  if (n_output_size && n_output_size != nd && n_output_size != x->ndim) return tci_fail("output_size: got %d numbers, takes %d", n_output_size, nd);
  memcpy(size, x->size, x->ndim * sizeof *size);
  for (int d = 0; d < nd; d++) {
    int at = x->ndim - nd + d, of = 3 - nd + d;
    size[at] = n_output_size ? output_size[n_output_size - nd + d] : (x->size[at] - 1) * steps[of] - 2 * pads[of] + ks[of];
  }
  return put(x, tci_cast(index, TC_INT64), size, nd, false);
}
tc_tensor *tc_max_unpool1d(tc_tensor *x, tc_indices *index, const int64_t *k, int nk, const int64_t *stride, int ns, const int64_t *pad, int np,
                           const int64_t *size, int n) {
  return unpool(1, x, index, k, nk, stride, ns, pad, np, size, n);
}
tc_tensor *tc_max_unpool2d(tc_tensor *x, tc_indices *index, const int64_t *k, int nk, const int64_t *stride, int ns, const int64_t *pad, int np,
                           const int64_t *size, int n) {
  return unpool(2, x, index, k, nk, stride, ns, pad, np, size, n);
}
tc_tensor *tc_max_unpool3d(tc_tensor *x, tc_indices *index, const int64_t *k, int nk, const int64_t *stride, int ns, const int64_t *pad, int np,
                           const int64_t *size, int n) {
  return unpool(3, x, index, k, nk, stride, ns, pad, np, size, n);
}
