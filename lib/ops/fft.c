/* fft.c: discrete Fourier transforms. Every one is made of three: complex to complex, real to the bins up to n/2, and these bins to real,
   along one dim. Their gradients are the same three, so every order of derivative exists. */
#include "fft.h"

typedef struct step { tc_fft p; int dim; } step;

static void step_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) { /* the conjugate transform, cut to what was read */
  const step *s = n->attr;
  const int64_t in = n->edge[0].size[s->dim];
  switch (s->p.kind) {
    case TC_FFT_COMPLEX: dx[0] = tci_fft(TC_FFT_COMPLEX, g[0], s->dim, s->p.n, in, !s->p.inverse, s->p.scale, 1); break;
    case TC_FFT_FROM_REAL: dx[0] = tci_fft(TC_FFT_TO_REAL, g[0], s->dim, s->p.n, in, !s->p.inverse, s->p.scale, s->p.middle / 2); break;
    default: dx[0] = tci_fft(TC_FFT_FROM_REAL, g[0], s->dim, s->p.n, in, !s->p.inverse, s->p.scale, s->p.middle * 2);
  }
}
static const tc_rule step_rule = {"fft", step_grad, TC_COMPLEX_RULE};

static int dtype_after(int kind, int dtype) {
  if (kind == TC_FFT_FROM_REAL) return dtype == TC_FLOAT64 ? TC_COMPLEX128 : TC_COMPLEX64;
  if (kind == TC_FFT_TO_REAL) return dtype == TC_COMPLEX128 ? TC_FLOAT64 : TC_FLOAT32;
  return dtype;
}

static tc_fft fft_of(int kind, const tc_tensor *x, int dim, int64_t n, int64_t out, bool inverse, double scale, double middle) {
  int64_t outer = tci_numel(dim, x->size), inner = tci_numel(x->ndim - dim - 1, x->size + dim + 1);
  return (tc_fft){kind, inverse, n, x->size[dim], out, outer, inner, scale, middle};
}

static bool run(const tc_fft *p, tc_tensor *y, tc_tensor *x) {
  return !y->numel || tci_status(tci_kernels(x->device)->fft(p, y->dtype, tci_data(y), tci_data(x)), NULL, NULL, 0);
}

tc_tensor *tci_fft(int kind, tc_tensor *x, int dim, int64_t n, int64_t out, bool inverse, double scale, double middle) {
  if (!x) return NULL;
  tc_tensor *source = tci_contig(x);
  int64_t size[TC_MAX_DIMS];
  memcpy(size, x->size, (size_t)x->ndim * sizeof *size);
  size[dim] = out;
  tc_tensor *y = source ? tci_new(dtype_after(kind, x->dtype), x->ndim, size, x->device) : NULL;
  if (!y) return NULL;
  step s = {fft_of(kind, x, dim, n, out, inverse, scale, middle), dim};
  if (!run(&s.p, y, source)) return NULL;
  return tci_record(&step_rule, y, 1, &x, &s, sizeof s);
}

/* ---- what the arguments say ---- */

/* The factor for a transform over `count` points: none before the way back, all on it, or half each ("ortho"). false: an error. */
static bool norm_factor(const char *norm, bool inverse, double count, double *factor) {
  bool ortho = norm && !strcmp(norm, "ortho"), forward = norm && !strcmp(norm, "forward");
  if (norm && !ortho && !forward && strcmp(norm, "backward"))
    return tci_fail("norm: got '%s', takes 'backward', 'ortho' or 'forward'", norm) != NULL;
  *factor = ortho ? 1 / sqrt(count) : forward != inverse ? 1 / count : 1;
  return true;
}

static bool check_points(int64_t n) {
  const int64_t most = (int64_t)1 << 48;
  if (n >= 1 && n <= most) return true;
  return tci_fail("n: got %lld data points, takes 1 or more", (long long)n) != NULL;
}

/* Floating numbers that the kernel knows: integers become the default dtype. */
static tc_tensor *known(tc_tensor *x) {
  if (!x) return NULL;
  int dtype = tci_float_type(x->dtype);
  if (dtype == TC_FLOAT16 || dtype == TC_BFLOAT16)
    return tci_fail("input: got %s, takes float32, float64, complex64 or complex128 (x:float() converts)", tci_dtype_name(dtype));
  return tc_to(x, dtype, TC_NONE, false);
}
static tc_tensor *as_complex(tc_tensor *x) {
  x = known(x);
  return !x || tci_is_complex(x->dtype) ? x : tc_to(x, x->dtype == TC_FLOAT64 ? TC_COMPLEX128 : TC_COMPLEX64, TC_NONE, false);
}
static tc_tensor *as_real(tc_tensor *x) {
  if (x && tci_is_complex(x->dtype)) return tci_fail("input: got %s, takes real numbers", tci_dtype_name(x->dtype));
  return known(x);
}

/* The dims of a transform over several and the number of points along each; the last takes bins where `bins`. */
typedef struct plan { int count, dim[TC_MAX_DIMS]; int64_t n[TC_MAX_DIMS]; double points; } plan;

static bool plan_points(plan *p, const tc_tensor *x, const int64_t *s, bool bins) {
  p->points = 1;
  for (int i = 0; i < p->count; i++) {
    int64_t size = x->size[p->dim[i]], given = s ? s[i] : -1;
    p->n[i] = given != -1 ? given : bins && i == p->count - 1 ? 2 * (size - 1) : size;
    if (!check_points(p->n[i])) return false;
    p->points *= (double)p->n[i];
  }
  return true;
}

static bool plan_dims(plan *p, const tc_tensor *x, const int64_t *s, int n_s, const tc_dim *dim, int n_dim, bool bins) {
  if (!x) return false;
  if (s && dim && n_s != n_dim) return tci_fail("s: got %d sizes for %d dims", n_s, n_dim) != NULL;
  if (s && n_s > x->ndim) return tci_fail("s: got %d sizes, input has %d dims: %s", n_s, x->ndim, tci_shape(x)) != NULL;
  p->count = dim ? n_dim : s ? n_s : x->ndim;
  uint64_t mask = 0;
  if (dim && n_dim && !tci_dim_mask(dim, n_dim, x->ndim, &mask)) return false;
  for (int i = 0; i < p->count; i++) {
    p->dim[i] = dim ? tci_dim(dim[i], x->ndim) : x->ndim - p->count + i;
    if (p->dim[i] >= x->ndim) return tci_fail("dim: input has no dims") != NULL;
  }
  return plan_points(p, x, s, bins);
}

static bool one_dim(const tc_tensor *x, int64_t n, tc_dim dim, bool bins, plan *p) {
  if (!x) return false;
  if (x->ndim == 0) return tci_fail("dim: got %lld, input has no dims", (long long)(dim < 0 ? dim : dim + 1)) != NULL;
  p->count = 1;
  p->dim[0] = tci_dim(dim, x->ndim);
  if (p->dim[0] < 0) return false;
  if (n == TC_NONE) return plan_points(p, x, NULL, bins);
  p->n[0] = n;
  p->points = (double)n;
  return check_points(n);
}

static bool some_dims(const plan *p) {
  return p->count > 0 || tci_fail("dim: takes at least one dim") != NULL;
}

/* ---- the three families; the factor goes with the first step ---- */

/* A step on what the one before made for it: in place where no graph wants the value and the length stays. */
static tc_tensor *next_step(tc_tensor *x, int dim, int64_t n, bool inverse) {
  if (!x) return NULL;
  if (x->node || n != x->size[dim] || !tci_contiguous(x)) return tci_fft(TC_FFT_COMPLEX, x, dim, n, n, inverse, 1, 1);
  tc_fft p = fft_of(TC_FFT_COMPLEX, x, dim, n, n, inverse, 1, 1);
  return run(&p, x, x) ? x : NULL;
}

static tc_tensor *complex_steps(tc_tensor *x, const plan *p, int from, bool inverse) {
  for (int i = from; i >= 0; i--) x = next_step(x, p->dim[i], p->n[i], inverse);
  return x;
}

static tc_tensor *to_complex(tc_tensor *x, const plan *p, const char *norm, bool inverse) {
  double factor;
  if (!norm_factor(norm, inverse, p->points, &factor)) return NULL;
  int last = p->count - 1;
  if (!p->count) return tc_clone(as_complex(x));
  x = tci_fft(TC_FFT_COMPLEX, as_complex(x), p->dim[last], p->n[last], p->n[last], inverse, factor, 1);
  return complex_steps(x, p, last - 1, inverse);
}

static tc_tensor *from_real(tc_tensor *x, const plan *p, const char *norm, bool inverse) {
  double factor;
  if (!some_dims(p) || !norm_factor(norm, inverse, p->points, &factor)) return NULL;
  int last = p->count - 1;
  x = tci_fft(TC_FFT_FROM_REAL, as_real(x), p->dim[last], p->n[last], p->n[last] / 2 + 1, inverse, factor, 1);
  return complex_steps(x, p, last - 1, inverse);
}

static tc_tensor *to_real(tc_tensor *x, const plan *p, const char *norm, bool inverse) {
  double factor;
  if (!some_dims(p) || !norm_factor(norm, inverse, p->points, &factor)) return NULL;
  int last = p->count - 1;
  x = as_complex(x);
  if (last > 0) { /* the caller's tensor is left alone: the first step makes one */
    const int64_t n = p->n[last - 1];
    x = complex_steps(tci_fft(TC_FFT_COMPLEX, x, p->dim[last - 1], n, n, inverse, 1, 1), p, last - 2, inverse);
  }
  return tci_fft(TC_FFT_TO_REAL, x, p->dim[last], p->n[last], p->n[last], inverse, factor, 1);
}

/* ---- over one dim ---- */
typedef tc_tensor *family(tc_tensor *x, const plan *p, const char *norm, bool inverse);

static tc_tensor *over_one(family *f, tc_tensor *x, int64_t n, tc_dim dim, const char *norm, bool inverse) {
  plan p;
  return one_dim(x, n, dim, f == to_real, &p) ? f(x, &p, norm, inverse) : NULL;
}

tc_tensor *tc_fft_fft(tc_tensor *x, int64_t n, tc_dim dim, const char *norm) { return over_one(to_complex, x, n, dim, norm, false); }
tc_tensor *tc_fft_ifft(tc_tensor *x, int64_t n, tc_dim dim, const char *norm) { return over_one(to_complex, x, n, dim, norm, true); }
tc_tensor *tc_fft_rfft(tc_tensor *x, int64_t n, tc_dim dim, const char *norm) { return over_one(from_real, x, n, dim, norm, false); }
tc_tensor *tc_fft_irfft(tc_tensor *x, int64_t n, tc_dim dim, const char *norm) { return over_one(to_real, x, n, dim, norm, true); }
tc_tensor *tc_fft_hfft(tc_tensor *x, int64_t n, tc_dim dim, const char *norm) { return over_one(to_real, x, n, dim, norm, false); }
tc_tensor *tc_fft_ihfft(tc_tensor *x, int64_t n, tc_dim dim, const char *norm) { return over_one(from_real, x, n, dim, norm, true); }

/* ---- over several dims ---- */
static tc_tensor *over_many(family *f, tc_tensor *x, const int64_t *s, int n_s, const tc_dim *dim, int n_dim, const char *norm, bool inverse) {
  plan p;
  return plan_dims(&p, x, s, n_s, dim, n_dim, f == to_real) ? f(x, &p, norm, inverse) : NULL;
}

static tc_tensor *over_two(family *f, tc_tensor *x, const int64_t *s, int n_s, const tc_dim *dim, int n_dim, const char *norm, bool inverse) {
  if (x && !dim && x->ndim < 2) return tci_fail("input: got %s, takes 2 or more dims", tci_shape(x));
  static const tc_dim last_two[] = {-2, -1};
  return dim ? over_many(f, x, s, n_s, dim, n_dim, norm, inverse) : over_many(f, x, s, n_s, last_two, 2, norm, inverse);
}

#define SHAPE const int64_t *s, int n_s, const tc_dim *dim, int n_dim, const char *norm
tc_tensor *tc_fft_fft2(tc_tensor *x, SHAPE) { return over_two(to_complex, x, s, n_s, dim, n_dim, norm, false); }
tc_tensor *tc_fft_ifft2(tc_tensor *x, SHAPE) { return over_two(to_complex, x, s, n_s, dim, n_dim, norm, true); }
tc_tensor *tc_fft_rfft2(tc_tensor *x, SHAPE) { return over_two(from_real, x, s, n_s, dim, n_dim, norm, false); }
tc_tensor *tc_fft_irfft2(tc_tensor *x, SHAPE) { return over_two(to_real, x, s, n_s, dim, n_dim, norm, true); }
tc_tensor *tc_fft_hfft2(tc_tensor *x, SHAPE) { return over_two(to_real, x, s, n_s, dim, n_dim, norm, false); }
tc_tensor *tc_fft_ihfft2(tc_tensor *x, SHAPE) { return over_two(from_real, x, s, n_s, dim, n_dim, norm, true); }
tc_tensor *tc_fft_fftn(tc_tensor *x, SHAPE) { return over_many(to_complex, x, s, n_s, dim, n_dim, norm, false); }
tc_tensor *tc_fft_ifftn(tc_tensor *x, SHAPE) { return over_many(to_complex, x, s, n_s, dim, n_dim, norm, true); }
tc_tensor *tc_fft_rfftn(tc_tensor *x, SHAPE) { return over_many(from_real, x, s, n_s, dim, n_dim, norm, false); }
tc_tensor *tc_fft_irfftn(tc_tensor *x, SHAPE) { return over_many(to_real, x, s, n_s, dim, n_dim, norm, true); }
tc_tensor *tc_fft_hfftn(tc_tensor *x, SHAPE) { return over_many(to_real, x, s, n_s, dim, n_dim, norm, false); }
tc_tensor *tc_fft_ihfftn(tc_tensor *x, SHAPE) { return over_many(from_real, x, s, n_s, dim, n_dim, norm, true); }

/* ---- the frequencies of bins, and their order ---- */
static tc_tensor *frequencies(int64_t n, bool half, double d, tc_dtype dtype, tc_device device, bool requires_grad) {
  if (n < 0) return tci_fail("n: got %lld, takes 0 or more", (long long)n);
  if (dtype != TC_NONE && !tci_is_float(dtype)) return tci_fail("dtype: got %s, takes a floating dtype", tci_dtype_name(dtype));
  const int64_t bins = half ? n / 2 + 1 : n;
  tc_tensor *whole = tci_new(TC_FLOAT64, 1, &bins, 0);
  if (!whole) return NULL;
  double *f = (double *)tci_data(whole);
  for (int64_t k = 0; k < bins; k++) f[k] = (double)(half || 2 * k < n ? k : k - n) / ((double)n * d);
  tc_tensor *y = tc_to(whole, dtype == TC_NONE ? tci_default_dtype : dtype, tci_device_or_default(device), false);
  return y && requires_grad ? tc_requires_grad(y, true) : y;
}

tc_tensor *tc_fft_fftfreq(int64_t n, double d, tc_dtype dtype, tc_device device, bool requires_grad) {
  return frequencies(n, false, d, dtype, device, requires_grad);
}
tc_tensor *tc_fft_rfftfreq(int64_t n, double d, tc_dtype dtype, tc_device device, bool requires_grad) {
  return frequencies(n, true, d, dtype, device, requires_grad);
}

static tc_tensor *shifted(tc_tensor *x, const tc_dim *dim, int n_dim, bool back) {
  uint64_t mask;
  if (!x) return NULL;
  if (!tci_dim_mask(dim, dim ? n_dim : 0, x->ndim, &mask)) return NULL;
  tc_dim dims[TC_MAX_DIMS];
  int64_t by[TC_MAX_DIMS];
  int count = 0;
  for (int d = 0; d < x->ndim; d++)
    if (mask >> d & 1) {
      dims[count] = d;
      by[count++] = (x->size[d] + back) / 2;
    }
  return count ? tc_roll(x, by, count, dims, count) : tc_clone(x);
}
tc_tensor *tc_fft_fftshift(tc_tensor *x, const tc_dim *dim, int n_dim) { return shifted(x, dim, n_dim, false); }
tc_tensor *tc_fft_ifftshift(tc_tensor *x, const tc_dim *dim, int n_dim) { return shifted(x, dim, n_dim, true); }
