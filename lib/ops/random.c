/* random.c: tensors of random numbers, new ones and existing ones filled in place. */
#include "ops.h"
#include "../random.h"

static int dtype_or_default(tc_dtype dtype) { return dtype == TC_NONE ? tci_default_dtype : dtype; }

/* Fills y, which is row-major. Complex numbers are pairs of real ones; the variance of a normal is shared between the two. */
static bool draw(tc_tensor *y, tc_draw d) {
  tc_view v = tci_view(y);
  int64_t length = 2 * y->numel, step = 1;
  if (tci_is_complex(y->dtype)) {
    v = (tc_view){v.data, y->dtype == TC_COMPLEX64 ? TC_FLOAT32 : TC_FLOAT64, 1, length, &length, &step};
    if (d.op == TC_DRAW_NORMAL) d.b *= 0.70710678118654752440;
  }
  return y->numel == 0 || tci_status(tci_kernels(y->device)->random(&v, &d), NULL, NULL, 0);
}

static tc_tensor *made(const int64_t *size, int n, tc_draw d, tc_dtype dtype, tc_device device, bool requires_grad) {
  tc_tensor *y = tci_new(dtype, n, size, tci_device_or_default(device));
  if (!y || !draw(y, d)) return NULL;
  return requires_grad ? tc_requires_grad(y, true) : y;
}

static bool floating(int dtype) {
  if (!tci_is_int(dtype)) return true;
  return tci_fail("dtype: got %s, takes a floating dtype (randint makes whole numbers)", tci_dtype_name(dtype)) != NULL;
}

/* ---- new tensors ---- */
tc_tensor *tc_rand(const int64_t *size, int n, tc_generator *g, tc_dtype dtype, tc_device device, bool requires_grad) {
  if (!floating(dtype = dtype_or_default(dtype))) return NULL;
  return made(size, n, (tc_draw){tci_next_stream(g), TC_DRAW_UNIFORM, 0, 1}, dtype, device, requires_grad);
}
tc_tensor *tc_randn(const int64_t *size, int n, tc_generator *g, tc_dtype dtype, tc_device device, bool requires_grad) {
  if (!floating(dtype = dtype_or_default(dtype))) return NULL;
  return made(size, n, (tc_draw){tci_next_stream(g), TC_DRAW_NORMAL, 0, 1}, dtype, device, requires_grad);
}
tc_tensor *tc_randint(int64_t low, int64_t high, const int64_t *size, int n, tc_generator *g, tc_dtype dtype, tc_device device,
                      bool requires_grad) {
  if (high <= low) return tci_fail("from %lld to below %lld: takes low < high", (long long)low, (long long)high);
  tc_draw d = {tci_next_stream(g), TC_DRAW_WHOLE, .low = low, .span = (uint64_t)high - (uint64_t)low};
  return made(size, n, d, dtype == TC_NONE ? TC_INT64 : dtype, device, requires_grad);
}

/* ---- like another tensor ---- */
static tc_dtype dtype_like(tc_tensor *x, tc_dtype dtype) { return dtype == TC_NONE ? x->dtype : dtype; }
static tc_device device_like(tc_tensor *x, tc_device device) { return device == TC_NONE ? x->device : device; }

tc_tensor *tc_rand_like(tc_tensor *x, tc_dtype dtype, tc_device device, bool requires_grad, tc_generator *g) {
  return x ? tc_rand(x->size, x->ndim, g, dtype_like(x, dtype), device_like(x, device), requires_grad) : NULL;
}
tc_tensor *tc_randn_like(tc_tensor *x, tc_dtype dtype, tc_device device, bool requires_grad, tc_generator *g) {
  return x ? tc_randn(x->size, x->ndim, g, dtype_like(x, dtype), device_like(x, device), requires_grad) : NULL;
}
tc_tensor *tc_randint_like(tc_tensor *x, int64_t low, int64_t high, tc_dtype dtype, tc_device device, bool requires_grad,
                          tc_generator *g) {
  if (!x) return NULL;
  if (high == TC_NONE) high = low, low = 0;
  return tc_randint(low, high, x->size, x->ndim, g, dtype_like(x, dtype), device_like(x, device), requires_grad);
}

/* A permutation of 1..n: Fisher and Yates' shuffle, always on the CPU, so that every device gives the same. */
static uint64_t bits_of(tc_stream s, uint64_t i) { /* two for each block */
  static TC_THREAD_LOCAL uint32_t w[4];
  if (i % 2 == 0) tc_philox(s, i / 2, 0, w);
  return i % 2 ? tc_two_words(w[2], w[3]) : tc_two_words(w[0], w[1]);
}

tc_tensor *tc_randperm(int64_t n, tc_generator *g, tc_dtype dtype, tc_device device, bool requires_grad) {
  if (n < 0) return tci_fail("n: got %lld, takes 0 or more", (long long)n);
  tc_tensor *y = tci_new(TC_INT64, 1, &n, 0);
  if (!y) return NULL;
  int64_t *v = (int64_t *)tci_data(y);
  tc_stream s = tci_next_stream(g);
  for (int64_t i = 0; i < n; i++) { /* inside out: place i is filled from a random place before it */
    int64_t j = (int64_t)tc_below(bits_of(s, (uint64_t)i), (uint64_t)i + 1);
    v[i] = v[j];
    v[j] = i + 1;
  }
  y = tc_to(y, dtype == TC_NONE ? TC_INT64 : dtype, tci_device_or_default(device), false);
  return y && requires_grad ? tc_requires_grad(y, true) : y;
}

/* ---- from tensors of parameters: constants to autograd ---- */
/* x, and z where there are two, have one shape */
static tc_tensor *drawn_from_two(tc_tensor *x, tc_tensor *z, int op, int dtype, tc_generator *g) {
  x = tci_contig(x);
  z = tci_contig(z);
  tc_tensor *y = x ? tci_like(x, dtype) : NULL;
  if (!y || y->numel == 0) return y;
  tc_view yv = tci_view(y), xv = tci_view(x), zv = z ? tci_view(z) : xv;
  tc_draw d = {tci_next_stream(g), op};
  return tci_status(tci_kernels(x->device)->random_from(&yv, &xv, z ? &zv : NULL, &d), NULL, NULL, 0) ? y : NULL;
}
static tc_tensor *drawn_from(tc_tensor *x, int op, int dtype, tc_generator *g) { return drawn_from_two(x, NULL, op, dtype, g); }

static void zero_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) { (void)n, (void)g, (void)dx; }
static const tc_rule bernoulli_rule = {"bernoulli", zero_grad, 0}, poisson_rule = {"poisson", zero_grad, 0};
static const tc_rule fill_rule = {"random fill", zero_grad, 0};

static bool check_range(tc_tensor *p, double low, double high, const char *what) {
  if (p->numel == 0) return true;
  double least, most;
  bool grad = tci_set_grad_mode(false);
  bool read = tc_read_doubles(tc_amin(p, NULL, 0, false), &least) && tc_read_doubles(tc_amax(p, NULL, 0, false), &most);
  tci_set_grad_mode(grad);
  if (!read) return false;
  if (least >= low && most <= high) return true;
  return tci_fail("%s: got %g, takes numbers from %g to %g", what, least >= low ? most : least, low, high) != NULL;
}

static bool check_probability(double p) {
  if (p >= 0 && p <= 1) return true;
  return tci_fail("p: got %g, takes a probability from 0 to 1", p) != NULL;
}

static bool number_of(tc_operand *x, double *value) {
  if (x && x->numel != 1) return tci_fail("got a tensor of shape %s, takes a number", tci_shape(x)) != NULL;
  return tc_read_doubles(x, value);
}

tc_tensor *tc_bernoulli(tc_tensor *x, tc_operand *p, tc_generator *g) {
  if (!x) return NULL;
  if (p && p->ndim == 0) {
    double value;
    if (!number_of(p, &value) || !check_probability(value)) return NULL;
    return made(x->size, x->ndim, (tc_draw){tci_next_stream(g), TC_DRAW_BERNOULLI, value}, x->dtype, x->device, false);
  }
  tc_tensor *from = p ? p : x;
  if (!tci_check_float(from, "input") || !check_range(from, 0, 1, "input")) return NULL;
  tc_tensor *y = drawn_from(from, TC_DRAW_BERNOULLI, x->dtype, g);
  return y ? tci_record(&bernoulli_rule, y, 1, &x, NULL, 0) : NULL;
}

tc_tensor *tc_poisson(tc_tensor *x, tc_generator *g) {
  if (!x || !tci_check_float(x, "input") || !check_range(x, 0, INFINITY, "input")) return NULL;
  tc_tensor *y = drawn_from(x, TC_DRAW_POISSON, x->dtype, g);
  return y ? tci_record(&poisson_rule, y, 1, &x, NULL, 0) : NULL;
}

tc_tensor *tc_binomial(tc_tensor *count, tc_tensor *prob, tc_generator *g) {
  if (!tci_check_float(count, "count") || !tci_check_float(prob, "prob")) return NULL;
  tc_tensor *both[] = {count, prob};
  int64_t size[TC_MAX_DIMS];
  int ndim;
  if (!tci_broadcast(2, both, &ndim, size) || !check_range(count, 0, INFINITY, "count") || !check_range(prob, 0, 1, "prob")) return NULL;
  tc_tensor *n = tc_expand(tc_detach(count), size, ndim), *p = tc_expand(tc_detach(prob), size, ndim);
  return n && p ? drawn_from_two(n, p, TC_DRAW_BINOMIAL, tci_result_type(2, both), g) : NULL;
}

/* ---- gamma variates of scale 1, differentiable by their shape ---- */
/* How a variate moves with its shape while its place in the distribution stays. */
static void slope_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  (void)n, (void)g, (void)dx;
  tci_fail("the second derivative of a sample by its shape is not known");
}
static const tc_rule slope_rule = {"_standard_gamma_backward", slope_grad, 0};

static tc_tensor *gamma_slope(tc_tensor *shape, tc_tensor *x) {
  tc_tensor *both[] = {shape, x};
  shape = tci_contig(shape);
  x = tci_contig(x);
  tc_tensor *y = x && shape ? tci_like(x, x->dtype) : NULL;
  if (!y) return NULL;
  tc_view yv = tci_view(y), sv = tci_view(shape), xv = tci_view(x);
  if (!tci_status(tci_kernels(x->device)->gamma_slope(&yv, &sv, &xv), NULL, NULL, 0)) return NULL;
  return tci_record(&slope_rule, y, 2, both, NULL, 0);
}
static void gamma_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) { dx[0] = tc_mul_zero(g[0], gamma_slope(n->in[0], n->out[0])); }
static const tc_rule gamma_rule = {"_standard_gamma", gamma_grad, TC_SAVE_IN(0) | TC_SAVE_OUT(0)};

tc_tensor *tc_standard_gamma(tc_tensor *shape, tc_generator *g) {
  if (!shape || !tci_check_float(shape, "input") || !check_range(shape, 0, INFINITY, "input")) return NULL;
  tc_tensor *y = drawn_from(shape, TC_DRAW_GAMMA, shape->dtype, g);
  return y ? tci_record(&gamma_rule, y, 1, &shape, NULL, 0) : NULL;
}

/* mean and std: two tensors, a tensor and a number, or two numbers and a size */
tc_tensor *tc_normal(tc_operand *mean, tc_operand *std, const int64_t *size, int n, tc_generator *g, tc_dtype dtype, tc_device device) {
  if (!mean) return NULL;
  tc_tensor *scale = std ? std : tci_number(1), *both[] = {mean, scale};
  int64_t shape[TC_MAX_DIMS];
  int ndim = n;
  tc_device where;
  if (!scale || (n == 0 && !tci_broadcast(2, both, &ndim, shape)) || !tci_device_of(2, both, &where)) return NULL;
  if (n > 0 && mean->ndim + scale->ndim > 0) return tci_fail("size: goes with two numbers, not with tensors of means or deviations");
  if (!check_range(scale, 0, INFINITY, "std")) return NULL;
  if (dtype == TC_NONE) dtype = tci_float_type(tci_result_type(2, both));
  bool grad = tci_set_grad_mode(false);
  tc_tensor *y = tc_randn(n > 0 ? size : shape, ndim, g, dtype, device == TC_NONE ? where : device, false);
  y = tc_add(tc_mul(y, tc_to(scale, scale->flags & TCF_WEAK ? TC_NONE : dtype, TC_NONE, false)), mean, 1);
  y = tc_to(y, dtype, TC_NONE, false);
  tci_set_grad_mode(grad);
  return y;
}

/* ---- multinomial ---- */
static void *weights_fault(const tc_fault *f, int64_t n, bool matrix) {
  static const char *const problems[] = {"", "holds a weight that is negative, infinite or nan", "has no positive weight",
                                         "has fewer positive weights than samples asked for without replacement"};
  if (matrix) return tci_fail("input: row %lld %s", (long long)f->position + 1, problems[f->value]);
  return tci_fail("input %s", problems[f->value]);
}

tc_tensor *tc_multinomial(tc_tensor *x, int64_t n, bool replacement, tc_generator *g) {
  if (!x || !tci_check_float(x, "input")) return NULL;
  if (x->ndim < 1 || x->ndim > 2) return tci_fail("input: got shape %s, takes 1 or 2 dims", tci_shape(x));
  int64_t k = x->size[x->ndim - 1], rows = x->ndim == 2 ? x->size[0] : 1, sizes[] = {rows, n}, wide[] = {rows, k};
  if (n < 1) return tci_fail("num_samples: got %lld, takes 1 or more", (long long)n);
  if (k < 1) return tci_fail("input: got shape %s, takes at least one weight", tci_shape(x));
  if (!replacement && n > k)
    return tci_fail("num_samples: got %lld, takes at most %lld without replacement", (long long)n, (long long)k);
  tc_tensor *w = tci_contig(tci_cast(tc_detach(x), TC_FLOAT64)), *y = tci_new(TC_INT64, x->ndim, x->ndim == 2 ? sizes : sizes + 1, x->device);
  if (!w || !y) return NULL;
  tc_view yv = tci_view(y), wv = tci_view(w);
  yv.ndim = wv.ndim = 2;
  yv.size = sizes;
  wv.size = wide;
  tc_fault fault;
  int s = tci_kernels(x->device)->multinomial(&yv, &wv, tci_next_stream(g), replacement, &fault);
  if (s == TC_FAULT) return weights_fault(&fault, n, x->ndim == 2);
  return tci_status(s, NULL, NULL, 0) ? y : NULL;
}

/* ---- existing tensors: x becomes a constant ---- */
static bool may_fill(tc_tensor *x) {
  for (int d = 0; d < x->ndim; d++)
    if (x->stride[d] == 0 && x->size[d] > 1)
      return tci_fail("an expanded tensor of shape %s shares memory between elements: clone() it first", tci_shape(x)) != NULL;
  if (!tci_grad_mode() || !tci_requires_grad(x)) return true;
  if (tci_is_leaf(x) || (x->base && tci_requires_grad(x->base) && tci_is_leaf(x->base)))
    return tci_fail("a leaf that requires grad cannot be changed in place: use tocha.no_grad(f) or detach()") != NULL;
  return true;
}

/* A tensor with a history gets a new one, in which it depends on nothing; others are written where they are. */
static tc_tensor *fill(tc_tensor *x, tc_tensor *values) {
  if (!values) return NULL;
  if (tci_recording(1, &x) || (x->base && tci_recording(1, &x->base))) return tci_inplace(x, tci_record(&fill_rule, values, 1, &x, NULL, 0));
  if (values != x && !tci_copy_into(x, values)) return NULL;
  tci_touch(x, tci_who());
  return x;
}

static tc_tensor *filled(tc_tensor *x, tc_draw d) {
  if (!x || !may_fill(x)) return NULL;
  bool direct = tci_contiguous(x) && !tci_recording(1, &x);
  tc_tensor *y = direct ? x : tci_like(x, x->dtype);
  return y && draw(y, d) ? fill(x, y) : NULL;
}

tc_tensor *tc_uniform_(tc_tensor *x, double from, double to, tc_generator *g) {
  if (!tci_check_float(x, "input")) return NULL;
  if (!(from <= to)) return tci_fail("from %g to %g: takes from <= to", from, to);
  return filled(x, (tc_draw){tci_next_stream(g), TC_DRAW_UNIFORM, from, to});
}
tc_tensor *tc_normal_(tc_tensor *x, double mean, double std, tc_generator *g) {
  if (!tci_check_float(x, "input")) return NULL;
  if (!(std >= 0)) return tci_fail("std: got %g, takes 0 or more", std);
  return filled(x, (tc_draw){tci_next_stream(g), TC_DRAW_NORMAL, mean, std});
}
tc_tensor *tc_log_normal_(tc_tensor *x, double mean, double std, tc_generator *g) {
  if (!tci_check_float(x, "input")) return NULL;
  if (!(std > 0)) return tci_fail("std: got %g, takes more than 0", std);
  return filled(x, (tc_draw){tci_next_stream(g), TC_DRAW_LOG_NORMAL, mean, std});
}
tc_tensor *tc_exponential_(tc_tensor *x, double lambd, tc_generator *g) {
  if (!tci_check_float(x, "input")) return NULL;
  if (!(lambd > 0)) return tci_fail("lambd: got %g, takes more than 0", lambd);
  return filled(x, (tc_draw){tci_next_stream(g), TC_DRAW_EXPONENTIAL, lambd});
}
tc_tensor *tc_cauchy_(tc_tensor *x, double median, double sigma, tc_generator *g) {
  if (!tci_check_float(x, "input")) return NULL;
  if (!(sigma > 0)) return tci_fail("sigma: got %g, takes more than 0", sigma);
  return filled(x, (tc_draw){tci_next_stream(g), TC_DRAW_CAUCHY, median, sigma});
}
tc_tensor *tc_geometric_(tc_tensor *x, double p, tc_generator *g) {
  if (!(p > 0 && p <= 1)) return tci_fail("p: got %g, takes a probability above 0 and up to 1", p);
  return filled(x, (tc_draw){tci_next_stream(g), TC_DRAW_GEOMETRIC, p});
}

tc_tensor *tc_bernoulli_(tc_tensor *x, tc_operand *p, tc_generator *g) {
  if (!x) return NULL;
  double value = 0.5;
  if (!p || p->ndim == 0) {
    if ((p && !number_of(p, &value)) || !check_probability(value)) return NULL;
    return filled(x, (tc_draw){tci_next_stream(g), TC_DRAW_BERNOULLI, value});
  }
  if (!may_fill(x) || !tci_check_float(p, "p") || !check_range(p, 0, 1, "p")) return NULL;
  return fill(x, drawn_from(tc_expand(tc_detach(p), x->size, x->ndim), TC_DRAW_BERNOULLI, x->dtype, g));
}

/* the largest whole number that random_ gives a dtype by itself: floats hold all below it exactly */
static uint64_t top_of(int dtype) {
  switch (dtype) {
    case TC_BOOL: return 1;
    case TC_UINT8: return UINT8_MAX;
    case TC_INT8: return INT8_MAX;
    case TC_INT16: return INT16_MAX;
    case TC_INT32: return INT32_MAX;
    case TC_INT64: return INT64_MAX;
    case TC_FLOAT16: return 1u << 11;
    case TC_BFLOAT16: return 1u << 8;
    case TC_FLOAT32: return 1u << 24;
    default: return (uint64_t)1 << 53;
  }
}

/* random_(): all of the dtype; random_(to): 0 .. to-1; random_(from, to): from .. to-1 */
tc_tensor *tc_random_(tc_tensor *x, int64_t from, int64_t to, tc_generator *g) {
  if (!x) return NULL;
  if (tci_is_complex(x->dtype)) return tci_fail("input: got %s, takes a real dtype", tci_dtype_name(x->dtype));
  bool open = from == TC_NONE && to == TC_NONE;
  if (!open && to == TC_NONE) to = from, from = 0;
  if (from == TC_NONE) from = 0;
  if (!open && to <= from) return tci_fail("from %lld to below %lld: takes from < to", (long long)from, (long long)to);
  int64_t least = x->dtype == TC_BOOL || x->dtype == TC_UINT8 ? 0 : -(int64_t)top_of(x->dtype) - tci_is_int(x->dtype);
  if (!open && (from < least || (to > 0 && (uint64_t)to - 1 > top_of(x->dtype))))
    return tci_fail("from %lld to below %lld: outside what %s holds", (long long)from, (long long)to, tci_dtype_name(x->dtype));
  uint64_t span = open ? top_of(x->dtype) + 1 : (uint64_t)to - (uint64_t)from;
  return filled(x, (tc_draw){tci_next_stream(g), TC_DRAW_WHOLE, .low = from, .span = span});
}
