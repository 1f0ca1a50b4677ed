/* resample.c: interpolation to another size: nearest, linear, cubic and area, with or without antialiasing. Each is a product of linear maps,
   one for each dim, whose transposes are maps of the same kind; so gradients of every order are the same operator again. */
#include "ops.h"
#include <stdlib.h>

#define G (g[0])
enum { NEAREST, NEAREST_EXACT, LINEAR, CUBIC, AREA };

/* The map along one dim. step: input places per output place; offset of centres unless corners are aligned. */
typedef struct plan {
  int dim, mode;
  int64_t in, out;
  double step;
  bool align, antialias, single, transposed; /* single: nearest positions are rounded in float, as PyTorch does for float inputs */
} plan;

/* ---- taps: for each output the first input it sees, how many, and their weights ---- */
typedef struct taps { int64_t width, *first, *count; double *weight; } taps;

static void taps_free(taps *t) {
  free(t->first);
  free(t->count);
  free(t->weight);
}
static bool taps_new(taps *t, int64_t outputs, int64_t width) {
  size_t n = outputs > 0 ? (size_t)outputs : 1;
  *t = (taps){.width = width, .first = calloc(n, sizeof(int64_t)), .count = calloc(n, sizeof(int64_t)), .weight = calloc(n * (size_t)width, sizeof(double))};
  if (t->first && t->count && t->weight) return true;
  taps_free(t);
  return tci_fail("out of memory") != NULL;
}

static int64_t clamped(int64_t i, int64_t n) { return i < 0 ? 0 : i >= n ? n - 1 : i; }

/* adds weight w at input i, which lies inside the window of output o or just after it */
static void add_tap(taps *t, int64_t o, int64_t i, double w) {
  if (t->count[o] == 0) t->first[o] = i;
  int64_t k = i - t->first[o];
  if (k >= t->count[o]) t->count[o] = k + 1;
  t->weight[o * t->width + k] += w;
}

static int64_t nearest(const plan *p, int64_t o) {
  double shift = p->mode == NEAREST_EXACT ? 0.5 : 0;
  double at = p->single ? floorf(((float)o + (float)shift) * (float)p->step) : floor(((double)o + shift) * p->step);
  return clamped((int64_t)at, p->in);
}

static double source(const plan *p, int64_t o) { /* where output o lies among the inputs */
  if (p->align) return p->step * (double)o;
  double at = p->step * ((double)o + 0.5) - 0.5;
  return at < 0 && p->mode == LINEAR ? 0 : at;
}

/* Keys' cubic convolution kernel with slope a at 1 (R. Keys, 1981) */
static double cubic(double x, double a) {
  x = fabs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static void plain_taps(const plan *p, taps *t, int64_t o) {
  if (p->mode <= NEAREST_EXACT) {
    add_tap(t, o, nearest(p, o), 1);
    return;
  }
  if (p->mode == AREA) {
    int64_t from = o * p->in / p->out, to = ((o + 1) * p->in + p->out - 1) / p->out;
    for (int64_t i = from; i < to; i++) add_tap(t, o, i, 1.0 / (double)(to - from));
    return;
  }
  double at = source(p, o);
  int64_t base = (int64_t)floor(at);
  double part = at - (double)base;
  if (p->mode == LINEAR) {
    add_tap(t, o, clamped(base, p->in), 1 - part);
    if (part != 0) add_tap(t, o, clamped(base + 1, p->in), part);
  } else for (int64_t k = -1; k <= 2; k++) add_tap(t, o, clamped(base + k, p->in), cubic(part - (double)k, -0.75));
}

/* antialiasing: the kernel is stretched over all inputs that fall under an output */
static double reach(const plan *p) { return (p->mode == CUBIC ? 2.0 : 1.0) * (p->step > 1 ? p->step : 1); }
static void smooth_taps(const plan *p, taps *t, int64_t o) {
  double stretch = p->step > 1 ? p->step : 1, centre = p->step * ((double)o + 0.5), sum = 0;
  int64_t from = clamped((int64_t)(centre - reach(p) + 0.5), p->in + 1), to = clamped((int64_t)(centre + reach(p) + 0.5), p->in + 1);
  for (int64_t i = from; i < to; i++) {
    double x = ((double)i - centre + 0.5) / stretch, w = p->mode == CUBIC ? cubic(x, -0.5) : fabs(x) < 1 ? 1 - fabs(x) : 0;
    add_tap(t, o, i, w);
    sum += w;
  }
  for (int64_t k = 0; k < t->count[o]; k++) t->weight[o * t->width + k] /= sum;
}

static bool forward_taps(const plan *p, taps *t) {
  int64_t width = p->antialias ? (int64_t)ceil(2 * reach(p)) + 2 : p->mode == AREA ? p->in / (p->out > 0 ? p->out : 1) + 2 : 4;
  if (!taps_new(t, p->out, width)) return false;
  for (int64_t o = 0; o < p->out; o++) (p->antialias ? smooth_taps : plain_taps)(p, t, o);
  return true;
}

/* The transpose: windows move forward with o, so the outputs that see an input are neighbours too. */
static bool transposed_taps(const plan *p, taps *t) {
  taps f;
  if (!forward_taps(p, &f)) return false;
  int64_t width = 1, run = 0;
  for (int64_t i = 0, o = 0; i < p->in; i++) { /* outputs o.. are the first that may still see i */
    while (o < p->out && f.first[o] + f.count[o] <= i) o++;
    for (run = 0; o + run < p->out && f.first[o + run] <= i; run++) {}
    if (run > width) width = run;
  }
  bool good = taps_new(t, p->in, width);
  for (int64_t o = 0; good && o < p->out; o++)
    for (int64_t k = 0; k < f.count[o]; k++) add_tap(t, f.first[o] + k, o, f.weight[o * f.width + k]);
  taps_free(&f);
  return good;
}

/* ---- one dim ---- */
static tc_tensor *resample(tc_tensor *x, const plan *p);
static void resample_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  plan back = *(const plan *)n->attr;
  back.transposed = !back.transposed;
  dx[0] = resample(G, &back);
}
static const tc_rule resample_rule = {"interpolate", resample_grad, 0};

static tc_tensor *resample(tc_tensor *x, const plan *p) {
  if (!x) return NULL;
  int64_t size[TC_MAX_DIMS];
  memcpy(size, x->size, x->ndim * sizeof *size);
  size[p->dim] = p->transposed ? p->in : p->out;
  int dtype = x->dtype == TC_FLOAT64 ? TC_FLOAT64 : TC_FLOAT32;
  tc_tensor *xs = tci_contig(tci_cast(x, dtype)), *y = xs ? tci_new(dtype, x->ndim, size, x->device) : NULL;
  taps t;
  if (!y || !(p->transposed ? transposed_taps : forward_taps)(p, &t)) return NULL;
  tc_taps k = {tci_numel(p->dim, size), x->size[p->dim], tci_numel(x->ndim - p->dim - 1, size + p->dim + 1), size[p->dim], t.width, t.first, t.count, t.weight};
  int status = y->numel ? tci_kernels(x->device)->resample(&k, dtype, tci_data(y), tci_data(xs)) : TC_OK;
  taps_free(&t);
  if (!tci_status(status, NULL, NULL, 0)) return NULL;
  return tci_record(&resample_rule, tci_cast(y, x->dtype), 1, &x, p, sizeof *p);
}

/* ---- arguments ---- */
typedef struct request { int mode, nd; int64_t out[3]; double scale[3]; bool scaled; } request;

static bool read_mode(request *r, const char *mode, tc_tensor *x, bool antialias, bool align) {
  static const struct { const char *name; int mode, nd; } modes[] = {{"nearest", NEAREST, 0}, {"nearest-exact", NEAREST_EXACT, 0}, {"area", AREA, 0},
    {"linear", LINEAR, 1}, {"bilinear", LINEAR, 2}, {"trilinear", LINEAR, 3}, {"bicubic", CUBIC, 2}};
  r->nd = x->ndim - 2;
  if (r->nd < 1 || r->nd > 3) return tci_fail("input: got %s, takes 3, 4 or 5 dims", tci_shape(x)) != NULL;
  for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
    if (strcmp(mode, modes[i].name)) continue;
    r->mode = modes[i].mode;
    if (modes[i].nd && modes[i].nd != r->nd) return tci_fail("mode '%s': got %s, takes %d dims", mode, tci_shape(x), modes[i].nd + 2) != NULL;
    if (align && modes[i].nd == 0) return tci_fail("align_corners has no meaning for mode '%s'", mode) != NULL;
    if (antialias && (r->nd != 2 || modes[i].nd == 0)) return tci_fail("antialias: mode '%s' does not have it, 'bilinear' and 'bicubic' do", mode) != NULL;
    return true;
  }
  return tci_fail("mode: got '%s', takes 'nearest', 'nearest-exact', 'linear', 'bilinear', 'bicubic', 'trilinear' or 'area'", mode) != NULL;
}

static bool read_size(request *r, tc_tensor *x, const int64_t *size, int n_size, const double *scale, int n_scale) {
  bool by_size = size && n_size, by_scale = scale && n_scale;
  if (by_size == by_scale) return tci_fail("takes either size or scale_factor, got %s", by_size ? "both" : "neither") != NULL;
  int n = by_size ? n_size : n_scale;
  if (n != 1 && n != r->nd) return tci_fail("%s: got %d numbers, takes 1 or %d", by_size ? "size" : "scale_factor", n, r->nd) != NULL;
  r->scaled = by_scale;
  for (int d = 0; d < r->nd; d++) {
    r->scale[d] = by_scale ? scale[n == 1 ? 0 : d] : 0;
    r->out[d] = by_size ? size[n == 1 ? 0 : d] : (int64_t)floor((double)x->size[2 + d] * r->scale[d]);
    if (r->out[d] < 1 || x->size[2 + d] < 1)
      return tci_fail("input %s would get size %lld in dim %d", tci_shape(x), (long long)r->out[d], 3 + d) != NULL;
  }
  return true;
}

static plan plan_of(const request *r, tc_tensor *x, int d, bool align, bool recompute, bool antialias) {
  plan p = {.dim = 2 + d, .mode = r->mode, .in = x->size[2 + d], .out = r->out[d], .align = align, .antialias = antialias, .single = x->dtype != TC_FLOAT64};
  if (align) p.step = p.out > 1 ? (double)(p.in - 1) / (double)(p.out - 1) : 0;
  else p.step = r->scaled && !recompute ? 1 / r->scale[d] : (double)p.in / (double)p.out;
  return p;
}

tc_tensor *tc_interpolate(tc_tensor *x, const int64_t *size, int n_size, const double *scale, int n_scale, const char *mode, bool align,
                          bool recompute, bool antialias) {
  request r = {0};
  if (!x || !read_mode(&r, mode, x, antialias, align)) return NULL;
  bool moves = x->dtype == TC_UINT8 && r.mode <= NEAREST_EXACT; /* bytes of images pass float32 unchanged */
  const bool bytes = x->dtype == TC_UINT8 && !moves;
  if (bytes && !(x = tc_to(x, TC_FLOAT32, TC_NONE, false))) return NULL;
  if ((!moves && !tci_check_float(x, "input")) || !read_size(&r, x, size, n_size, scale, n_scale)) return NULL;
  bool done[3] = {false}, same = true;
  tc_tensor *y = x;
  for (int pass = 0; pass < 2; pass++) /* shrinking dims first: there is less to do for the others */
    for (int i = 0; i < r.nd; i++) {
      const int d = bytes ? r.nd - 1 - i : i;
      plan p = plan_of(&r, x, d, align, recompute, antialias);
      if (done[d] || (pass == 0 && p.out >= p.in && !bytes)) continue;
      done[d] = true;
      if (p.out == p.in && (p.step == 1 || p.in == 1)) continue;
      y = resample(y, &p);
      if (bytes) y = tc_clamp(tc_floor(tc_add(y, tci_number(0.5), 1)), tci_number(0), tci_number(255)); /* after each dim, the last one first */
      same = false;
    }
  if (bytes) return tc_to(y, TC_UINT8, TC_NONE, false);
  return same ? tc_clone(x) : y;
}

tc_tensor *tc_upsample(tc_tensor *x, const int64_t *size, int n_size, const double *scale, int n_scale, const char *mode, bool align) {
  return tc_interpolate(x, size, n_size, scale, n_scale, mode, align, false, false);
}
tc_tensor *tc_upsample_nearest(tc_tensor *x, const int64_t *size, int n_size, const double *scale, int n_scale) {
  return tc_interpolate(x, size, n_size, scale, n_scale, "nearest", false, false, false);
}
tc_tensor *tc_upsample_bilinear(tc_tensor *x, const int64_t *size, int n_size, const double *scale, int n_scale) {
  return tc_interpolate(x, size, n_size, scale, n_scale, "bilinear", true, false, false);
}
