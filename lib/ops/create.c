/* create.c: tensors from nothing: constants, ranges, data from outside. */
#include "ops.h"

static int dtype_or_default(tc_dtype dtype) { return dtype == TC_NONE ? tci_default_dtype : dtype; }

/* every element becomes value, by a broadcast copy */
static tc_tensor *filled(tc_tensor *y, tc_tensor *value) { return y && tci_copy_into(y, value) ? y : NULL; }

static tc_tensor *finish(tc_tensor *y, bool requires_grad) {
  if (y && requires_grad) return tc_requires_grad(y, true);
  return y;
}

tc_tensor *tc_empty(const int64_t *size, int n_size, tc_dtype dtype, tc_device device, bool requires_grad) {
  tc_tensor *y = tci_new(dtype_or_default(dtype), n_size, size, tci_device_or_default(device));
  return finish(y, requires_grad);
}

tc_tensor *tc_full(const int64_t *size, int n_size, tc_operand *fill_value, tc_dtype dtype, tc_device device, bool requires_grad) {
  if (!fill_value) return NULL;
  if (fill_value->ndim != 0) return tci_fail("fill_value: got a tensor of shape %s, takes a number", tci_shape(fill_value));
  if (dtype == TC_NONE) { /* of a number of Lua, its kind alone counts */
    const bool weak = fill_value->flags & TCF_WEAK;
    dtype = fill_value->dtype;
    if (weak && tci_is_float(dtype)) dtype = tci_default_dtype;
    if (weak && tci_is_complex(dtype)) dtype = tci_complex_type(tci_default_dtype);
  }
  return finish(filled(tci_new(dtype, n_size, size, tci_device_or_default(device)), fill_value), requires_grad);
}

tc_tensor *tc_zeros(const int64_t *size, int n_size, tc_dtype dtype, tc_device device, bool requires_grad) {
  return tc_full(size, n_size, tci_number(0), dtype_or_default(dtype), device, requires_grad);
}

tc_tensor *tc_ones(const int64_t *size, int n_size, tc_dtype dtype, tc_device device, bool requires_grad) {
  return tc_full(size, n_size, tci_number(1), dtype_or_default(dtype), device, requires_grad);
}

/* ---- like another tensor ---- */
static int dtype_like(tc_tensor *x, tc_dtype dtype) { return dtype == TC_NONE ? x->dtype : dtype; }
static tc_device device_like(tc_tensor *x, tc_device device) { return device == TC_NONE ? x->device : device; }

tc_tensor *tc_empty_like(tc_tensor *x, tc_dtype dtype, tc_device device, bool requires_grad) {
  if (!x) return NULL;
  return tc_empty(x->size, x->ndim, dtype_like(x, dtype), device_like(x, device), requires_grad);
}
tc_tensor *tc_full_like(tc_tensor *x, tc_operand *fill_value, tc_dtype dtype, tc_device device, bool requires_grad) {
  if (!x) return NULL;
  return tc_full(x->size, x->ndim, fill_value, dtype_like(x, dtype), device_like(x, device), requires_grad);
}
tc_tensor *tc_zeros_like(tc_tensor *x, tc_dtype dtype, tc_device device, bool requires_grad) {
  return tc_full_like(x, tci_number(0), dtype, device, requires_grad);
}
tc_tensor *tc_ones_like(tc_tensor *x, tc_dtype dtype, tc_device device, bool requires_grad) {
  return tc_full_like(x, tci_number(1), dtype, device, requires_grad);
}
tc_tensor *tc_new_empty(tc_tensor *x, const int64_t *size, int n_size, tc_dtype dtype, tc_device device, bool requires_grad) {
  return x ? tc_empty(size, n_size, dtype_like(x, dtype), device_like(x, device), requires_grad) : NULL;
}
tc_tensor *tc_new_full(tc_tensor *x, const int64_t *size, int n_size, tc_operand *fill_value, tc_dtype dtype, tc_device device,
                       bool requires_grad) {
  return x ? tc_full(size, n_size, fill_value, dtype_like(x, dtype), device_like(x, device), requires_grad) : NULL;
}
tc_tensor *tc_new_zeros(tc_tensor *x, const int64_t *size, int n_size, tc_dtype dtype, tc_device device, bool requires_grad) {
  return tc_new_full(x, size, n_size, tci_number(0), dtype, device, requires_grad);
}
tc_tensor *tc_new_ones(tc_tensor *x, const int64_t *size, int n_size, tc_dtype dtype, tc_device device, bool requires_grad) {
  return tc_new_full(x, size, n_size, tci_number(1), dtype, device, requires_grad);
}

/* ---- sequences: made on the CPU in double or int64, then converted ---- */
static tc_tensor *sequence(int64_t count, double first, double step, bool whole, tc_dtype dtype, tc_device device, bool requires_grad) {
  tc_tensor *y = tci_new(whole ? TC_INT64 : TC_FLOAT64, 1, &count, 0);
  if (!y) return NULL;
  for (int64_t i = 0; i < count; i++) {
    if (whole) ((int64_t *)tci_data(y))[i] = (int64_t)first + i * (int64_t)step;
    else ((double *)tci_data(y))[i] = first + (double)i * step;
  }
  if (tci_captures()) tci_watch_host(y);
  return finish(tc_to(y, dtype, tci_device_or_default(device), false), requires_grad);
}

static bool whole_number(double v) { return v == floor(v) && fabs(v) < 9.2e18; }

static tc_tensor *span(double first, double last, double step, bool closed, tc_dtype dtype, tc_device device, bool requires_grad) {
  if (step == 0 || isnan(first + last + step) || isinf(first) || isinf(last))
    return tci_fail("from %g to %g by %g: takes finite ends and a step other than 0", first, last, step);
  if ((last - first) * step < 0) return tci_fail("from %g to %g by %g: the step points away from the end", first, last, step);
  double count = closed ? floor((last - first) / step) + 1 : ceil((last - first) / step);
  if (count > 1e15) return tci_fail("from %g to %g by %g: too many elements", first, last, step);
  bool whole = whole_number(first) && whole_number(last) && whole_number(step);
  if (dtype == TC_NONE) dtype = whole && !closed ? TC_INT64 : tci_default_dtype;
  return sequence((int64_t)count, first, step, whole, dtype, device, requires_grad);
}

tc_tensor *tc_arange(double start, double end, double step, tc_dtype dtype, tc_device device, bool requires_grad) {
  return span(start, end, step, false, dtype, device, requires_grad);
}
tc_tensor *tc_range(double start, double end, double step, tc_dtype dtype, tc_device device, bool requires_grad) {
  return span(start, end, step, true, dtype, device, requires_grad);
}

/* Steps are counted from the nearer end, so that both ends are exact. */
tc_tensor *tc_linspace(double start, double end, int64_t steps, tc_dtype dtype, tc_device device, bool requires_grad) {
  if (steps < 0) return tci_fail("steps: got %lld, takes 0 or more", (long long)steps);
  tc_tensor *y = tci_new(TC_FLOAT64, 1, &steps, 0);
  if (!y) return NULL;
  double *v = (double *)tci_data(y), step = steps > 1 ? (end - start) / (double)(steps - 1) : 0;
  for (int64_t i = 0; i < steps; i++) v[i] = i < steps / 2 ? start + (double)i * step : end - (double)(steps - 1 - i) * step;
  if (steps == 1) v[0] = start;
  if (tci_captures()) tci_watch_host(y);
  return finish(tc_to(y, dtype_or_default(dtype), tci_device_or_default(device), false), requires_grad);
}

tc_tensor *tc_logspace(double start, double end, int64_t steps, double base, tc_dtype dtype, tc_device device, bool requires_grad) {
  tc_tensor *y = tc_linspace(start, end, steps, TC_FLOAT64, 0, false);
  if (!y) return NULL;
  double *v = (double *)tci_data(y);
  for (int64_t i = 0; i < steps; i++) v[i] = pow(base, v[i]);
  return finish(tc_to(y, dtype_or_default(dtype), tci_device_or_default(device), false), requires_grad);
}

tc_tensor *tc_eye(int64_t n, int64_t m, tc_dtype dtype, tc_device device, bool requires_grad) {
  if (m == TC_NONE) m = n;
  tc_tensor *y = tc_zeros((int64_t[]){n, m}, 2, dtype, device, false);
  if (!y) return NULL;
  tc_tensor *diagonal = tc_diagonal(y, 0, 0, 1);
  return finish(filled(diagonal, tci_number(1)) ? y : NULL, requires_grad);
}

/* ---- data from outside ---- */
tc_tensor *tc_from_doubles(const double *values, int64_t count, const int64_t *size, int n_size, tc_dtype dtype, tc_device device,
                           bool requires_grad) {
  tc_tensor *y = tci_new(TC_FLOAT64, n_size, size, 0);
  if (!y) return NULL;
  if (y->numel != count) return tci_fail("%lld values do not fill %s", (long long)count, tci_shape(y));
  if (count) memcpy(tci_data(y), values, (size_t)count * sizeof *values);
  if (tci_captures()) tci_watch_host(y);
  return finish(tc_to(y, dtype_or_default(dtype), tci_device_or_default(device), false), requires_grad);
}

tc_tensor *tc_from_bytes(const void *bytes, int64_t count, const int64_t *size, int n_size, tc_dtype dtype) {
  tc_tensor *y = tci_new(dtype, n_size, size, 0);
  if (!y) return NULL;
  if (y->numel * tci_elsize(dtype) != count) return tci_fail("%lld bytes do not fill %s of %s", (long long)count, tci_shape(y), tci_dtype_name(dtype));
  if (count) memcpy(tci_data(y), bytes, (size_t)count);
  if (tci_captures()) tci_watch_host(y);
  return y;
}

/* x's elements row by row as doubles (integers beyond 2^53 need tc_read_int64s). */
/* Lua keeps the types of its values in bits of NaN: only the plain one may reach it. */
static void plain_nans(int64_t n, double *values) {
  for (int64_t i = 0; i < n; i++)
    if (values[i] != values[i]) values[i] = NAN;
}

/* numel numbers, twice as many of complex elements */
static bool read_as(tc_tensor *x, int dtype, int parts, double *values) {
  if (x && tci_captures() && !tci_watch_read(x)) return false;
  tc_tensor *y = x ? tci_contig(tc_to(tc_detach(x), dtype, 0, false)) : NULL;
  if (!y) return false;
  if (y->numel) memcpy(values, tci_data(y), (size_t)(y->numel * parts) * sizeof *values);
  plain_nans(y->numel * parts, values);
  return true;
}
bool tc_read_doubles(tc_tensor *x, double *values) { return read_as(x, TC_FLOAT64, 1, values); }
bool tc_read_pairs(tc_tensor *x, double *values) { return read_as(x, TC_COMPLEX128, 2, values); }

bool tc_read_int64s(tc_tensor *x, int64_t *values) {
  if (x && tci_captures() && !tci_watch_read(x)) return false;
  tc_tensor *y = x ? tci_contig(tc_to(tc_detach(x), TC_INT64, 0, false)) : NULL;
  if (!y) return false;
  if (y->numel) memcpy(values, tci_data(y), (size_t)y->numel * sizeof *values);
  return true;
}

/* ---- constants in place ---- */
static void fill_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) { (void)n, dx[0] = tc_zeros_like(g[0], TC_NONE, TC_NONE, false); }
static const tc_rule fill_rule = {"fill_", fill_grad, 0};

tc_tensor *tc_fill(tc_tensor *x, tc_operand *value) {
  if (!x || !value) return NULL;
  if (value->ndim != 0) return tci_fail("value: got a tensor of shape %s, takes a number or 0-dim tensor", tci_shape(value));
  return tc_copy(x, value);
}

tc_tensor *tc_zero(tc_tensor *x) {
  tc_tensor *y = filled(x ? tci_like(x, x->dtype) : NULL, tci_number(0));
  return y ? tci_record(&fill_rule, y, 1, &x, NULL, 0) : NULL;
}
