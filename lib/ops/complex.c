/* complex.c: complex numbers and their parts: views of one as the other, numbers from parts, conjugates, angles. Rules here work in PyTorch's
   convention of the gradient themselves (TC_COMPLEX_RULE in runtime.h). */
#include "rules.h"

#define X (n->in[0])

static tc_tensor *takes_complex(tc_tensor *x) {
  if (x && !tci_is_complex(x->dtype)) return tci_fail("input: got %s, takes a complex tensor", tci_dtype_name(x->dtype));
  return x;
}

/* ---- the same memory, as pairs or as numbers ---- */
GRAD(view_as_real) { (void)n, dx[0] = tc_view_as_complex(tc_contiguous(G)); }
RULE(view_as_real, TC_COMPLEX_RULE);
GRAD(view_as_complex) { (void)n, dx[0] = tc_view_as_real(G); }
RULE(view_as_complex, TC_COMPLEX_RULE);

static tc_tensor *sharing(tc_tensor *x, int dtype, int ndim, int64_t offset) {
  tc_tensor *y = tci_header(dtype, ndim, x->device);
  if (!y) return NULL;
  y->offset = offset;
  y->storage = x->storage;
  y->storage->refs++;
  return y;
}

/* Sizes and strides of the last dim change with the width of an element; the other strides are counted in other units. */
static bool other_width(tc_tensor *y, const tc_tensor *x, int from, int to) {
  const int last = x->ndim - 1, ratio = from > to ? from / to : to / from;
  if (x->ndim == 0 || (x->stride[last] != 1 && x->size[last] > 1))
    return tci_fail("input: %s of strides %s cannot be seen as elements of %d bytes: its last dim takes stride 1", tci_shape(x),
                    tci_sizes(x->ndim, x->stride), to) != NULL;
  bool fits = from > to || (x->size[last] % ratio == 0 && x->offset % ratio == 0);
  for (int d = 0; d <= last; d++) {
    y->size[d] = x->size[d];
    y->stride[d] = from > to ? x->stride[d] * ratio : x->stride[d] / ratio;
    fits &= d == last || from > to || x->stride[d] % ratio == 0 || x->size[d] < 2;
  }
  if (!fits) return tci_fail("input: %s cannot be seen as elements of %d bytes, %d of its own each", tci_shape(x), to, ratio) != NULL;
  y->size[last] = from > to ? x->size[last] * ratio : x->size[last] / ratio;
  y->stride[last] = 1;
  y->numel = from > to ? x->numel * ratio : x->numel / ratio;
  return true;
}

tc_tensor *tc_view_dtype(tc_tensor *x, tc_dtype dtype) {
  if (!x) return NULL;
  if (dtype == x->dtype) return tc_detach(x);
  if (dtype == TC_BOOL) return tci_fail("dtype: bytes of %s cannot be seen as bool: use x:ne(0)", tci_dtype_name(x->dtype));
  const int from = tci_elsize(x->dtype), to = tci_elsize(dtype);
  tc_tensor *y = sharing(x, dtype, x->ndim, from > to ? x->offset * (from / to) : x->offset / (to / from));
  if (!y) return NULL;
  if (from != to) return other_width(y, x, from, to) ? y : NULL;
  memcpy(y->size, x->size, x->ndim * sizeof *y->size);
  memcpy(y->stride, x->stride, x->ndim * sizeof *y->stride);
  y->numel = x->numel;
  return y;
}

tc_tensor *tc_view_as_real(tc_tensor *x) {
  if (!takes_complex(x)) return NULL;
  if (x->ndim == TC_MAX_DIMS) return tci_fail("a tensor has at most %d dims", TC_MAX_DIMS);
  tc_tensor *y = sharing(x, tci_part_type(x->dtype), x->ndim + 1, 2 * x->offset);
  if (!y) return NULL;
  for (int d = 0; d < x->ndim; d++) y->size[d] = x->size[d], y->stride[d] = 2 * x->stride[d];
  y->size[x->ndim] = 2;
  y->stride[x->ndim] = 1;
  y->numel = 2 * x->numel;
  return tci_record_view(&view_as_real_rule, y, x, NULL, 0);
}

/* Pairs lie where numbers could: side by side, and every other step is even. */
static bool lie_in_pairs(const tc_tensor *x) {
  bool even = x->offset % 2 == 0 && x->stride[x->ndim - 1] == 1;
  for (int d = 0; d < x->ndim - 1; d++) even &= x->stride[d] % 2 == 0 || x->size[d] == 1;
  return even || x->numel == 0;
}

tc_tensor *tc_view_as_complex(tc_tensor *x) {
  if (!x) return NULL;
  if (x->dtype != TC_FLOAT32 && x->dtype != TC_FLOAT64) return tci_fail("input: got %s, takes float32 or float64", tci_dtype_name(x->dtype));
  if (x->ndim == 0 || x->size[x->ndim - 1] != 2) return tci_fail("input: got %s, takes a last dim of size 2", tci_shape(x));
  if (!lie_in_pairs(x)) return tci_fail("input: the strides %s and the offset %lld do not keep pairs together: use clone()",
                                      tci_sizes(x->ndim, x->stride), (long long)x->offset);
  tc_tensor *y = sharing(x, tci_complex_type(x->dtype), x->ndim - 1, x->offset / 2);
  if (!y) return NULL;
  for (int d = 0; d < y->ndim; d++) y->size[d] = x->size[d], y->stride[d] = x->stride[d] / 2;
  y->numel = x->numel / 2;
  return tci_record_view(&view_as_complex_rule, y, x, NULL, 0);
}

tc_tensor *tc_real(tc_tensor *x) { return x && tci_is_complex(x->dtype) ? tc_select(tc_view_as_real(x), -1, 0) : x; }
tc_tensor *tc_imag(tc_tensor *x) {
  if (x && !tci_is_complex(x->dtype)) return tci_fail("input: got %s, which has no imaginary part: takes a complex tensor", tci_dtype_name(x->dtype));
  return tc_select(tc_view_as_real(x), -1, 1);
}

/* ---- numbers from parts ---- */
GRAD(complex) {
  if (tci_needs(n, 0)) dx[0] = tc_real(G);
  if (tci_needs(n, 1)) dx[1] = tc_imag(G);
}
RULE(complex, TC_COMPLEX_RULE);

/* The dtype of both parts; numbers take that of the other. */
static int common_part(tc_tensor *re, tc_tensor *im) {
  tc_tensor *both[] = {re, im};
  int dtype = re->flags & im->flags & TCF_WEAK ? tci_default_dtype : re->flags & TCF_WEAK ? im->dtype : re->dtype;
  for (int i = 0; i < 2; i++) {
    if (!(both[i]->flags & TCF_WEAK) && both[i]->dtype != dtype)
      return tci_fail("got %s and %s, takes parts of one dtype", tci_dtype_name(re->dtype), tci_dtype_name(im->dtype)), -1;
  }
  if (dtype != TC_FLOAT32 && dtype != TC_FLOAT64) return tci_fail("got %s, takes float32 or float64", tci_dtype_name(dtype)), -1;
  return dtype;
}

tc_tensor *tc_complex(tc_operand *re, tc_operand *im) {
  int64_t size[TC_MAX_DIMS];
  int ndim;
  tc_device device;
  tc_tensor *both[] = {re, im};
  if (!re || !im) return NULL;
  int part = common_part(re, im);
  if (part < 0 || !tci_device_of(2, both, &device) || !tci_broadcast(2, both, &ndim, size)) return NULL;
  tc_tensor *y = tci_new(tci_complex_type(part), ndim, size, device);
  bool before = tci_set_grad_mode(false);
  bool good = y && tci_copy_into(tc_real(y), re) && tci_copy_into(tc_imag(y), im);
  tci_set_grad_mode(before);
  return good ? tci_record(&complex_rule, y, 2, both, NULL, 0) : NULL;
}

tc_tensor *tc_polar(tc_operand *abs, tc_operand *angle) {
  if (!abs || !angle) return NULL;
  int part = common_part(abs, angle);
  if (part < 0) return NULL;
  angle = tc_to(angle, part, TC_NONE, false);
  return tc_complex(tc_mul(abs, tc_cos(angle)), tc_mul(abs, tc_sin(angle)));
}

/* a number {re, im} of Lua: it takes part in promotion weakly */
tc_tensor *tc_complex_number(double re, double im) {
  tc_tensor *y = tci_new(TC_COMPLEX128, 0, NULL, 0);
  if (!y) return NULL;
  *(tc_c128 *)tci_data(y) = (tc_c128){re, im};
  y->flags |= TCF_WEAK;
  return y;
}

/* ---- conjugates: made at once, there are no lazy ones ---- */
GRAD(conj) { (void)n, dx[0] = tc_conj(G); }
RULE(conj, TC_COMPLEX_RULE);
tc_tensor *tc_conj_physical(tc_tensor *x) { return x && tci_is_complex(x->dtype) ? tci_unary(TC_UNARY_conj, &conj_rule, x, NULL) : x; }
tc_tensor *tc_conj(tc_tensor *x) { return tc_conj_physical(x); }
tc_tensor *tc_resolve_conj(tc_tensor *x) { return x; }
tc_tensor *tc_resolve_neg(tc_tensor *x) { return x; }
bool tc_is_conj(tc_tensor *x) { return (void)x, false; }
bool tc_is_neg(tc_tensor *x) { return (void)x, false; }

tc_tensor *tc_adjoint(tc_tensor *x) {
  if (!x) return NULL;
  if (x->ndim < 2) return tci_fail("input: got %s, takes 2 dims or more", tci_shape(x));
  return tc_conj(tc_transpose(x, -2, -1));
}

/* ---- length and direction ---- */
static tc_tensor *not_at_zero(tc_tensor *x, tc_tensor *g) { return tc_where(tc_eq(x, tci_number(0)), tci_number(0), g); }

GRAD(angle) { /* g i z / |z|^2 */
  if (!tci_is_complex(X->dtype)) dx[0] = tc_zeros_like(G, TC_NONE, TC_NONE, false);
  else dx[0] = not_at_zero(X, tc_div_zero(tc_mul_zero(G, tc_mul(X, tc_complex_number(0, 1))), tc_square(tc_abs(X))));
}
RULE(angle, TC_SAVE_IN(0) | TC_COMPLEX_RULE);
tc_tensor *tc_angle(tc_tensor *x) { return tci_unary(TC_UNARY_angle, &angle_rule, x, NULL); }

GRAD(sgn) { /* what of g / |z| stands across the direction s = z / |z| */
  if (!tci_is_complex(X->dtype)) { dx[0] = tc_zeros_like(G, TC_NONE, TC_NONE, false); return; }
  tc_tensor *s = n->out[0], *along = tc_mul_zero(tc_real(tc_mul_zero(G, tc_conj(s))), s);
  dx[0] = not_at_zero(X, tc_div_zero(tc_sub(G, along, 1), tc_abs(X)));
}
RULE(sgn, TC_SAVE_IN(0) | TC_SAVE_OUT(0) | TC_COMPLEX_RULE);
tc_tensor *tc_sgn(tc_tensor *x) { return tci_unary(TC_UNARY_sgn, &sgn_rule, x, NULL); }

tc_tensor *tc_isreal(tc_tensor *x) {
  if (x && tci_is_complex(x->dtype)) return tc_eq(tc_imag(x), tci_number(0));
  return x ? tc_full_like(x, tci_number(1), TC_BOOL, TC_NONE, false) : NULL;
}
