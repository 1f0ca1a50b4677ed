/* window.c: windows for spectra and filters. A periodic one is the symmetric one of a place more without its last place. */
#include "ops.h"
#include "../../kernels/special.h"

typedef double shape_fn(double t, const double *p); /* at t, from 0 at the first place to 1 at the last */

static double triangle(double t, const double *p) { (void)p; return 1 - fabs(2 * t - 1); }
static double cosines(double t, const double *p) { return p[0] - p[1] * cos(2 * TC_PI * t) + p[2] * cos(4 * TC_PI * t); }
static double kaiser(double t, const double *p) {
  double at = 1 - (2 * t - 1) * (2 * t - 1);
  return tc_bessel_i(0, p[0] * sqrt(at > 0 ? at : 0), 0) / tc_bessel_i(0, p[0], 0);
}

static tc_tensor *window(shape_fn *shape, const double *p, int64_t length, bool periodic, tc_dtype dtype, tc_device device, bool requires_grad) {
  if (length < 0) return tci_fail("window_length: got %lld, takes 0 or more", (long long)length);
  if (dtype != TC_NONE && !tci_is_float(dtype)) return tci_fail("dtype: got %s, takes a floating dtype", tci_dtype_name(dtype));
  tc_tensor *whole = tci_new(TC_FLOAT64, 1, &length, 0);
  if (!whole) return NULL;
  double *values = (double *)tci_data(whole);
  double last = periodic ? (double)length : (double)(length - 1);
  for (int64_t i = 0; i < length; i++) values[i] = length == 1 ? 1 : shape((double)i / last, p);
  tc_tensor *y = tc_to(whole, dtype == TC_NONE ? tci_default_dtype : dtype, tci_device_or_default(device), false);
  return y && requires_grad ? tc_requires_grad(y, true) : y;
}

tc_tensor *tc_bartlett_window(int64_t length, bool periodic, tc_dtype dtype, tc_device device, bool requires_grad) {
  return window(triangle, NULL, length, periodic, dtype, device, requires_grad);
}
tc_tensor *tc_blackman_window(int64_t length, bool periodic, tc_dtype dtype, tc_device device, bool requires_grad) {
  return window(cosines, (double[]){0.42, 0.5, 0.08}, length, periodic, dtype, device, requires_grad);
}
tc_tensor *tc_hann_window(int64_t length, bool periodic, tc_dtype dtype, tc_device device, bool requires_grad) {
  return window(cosines, (double[]){0.5, 0.5, 0}, length, periodic, dtype, device, requires_grad);
}
tc_tensor *tc_hamming_window(int64_t length, bool periodic, double alpha, double beta, tc_dtype dtype, tc_device device, bool requires_grad) {
  return window(cosines, (double[]){alpha, beta, 0}, length, periodic, dtype, device, requires_grad);
}
tc_tensor *tc_kaiser_window(int64_t length, bool periodic, double beta, tc_dtype dtype, tc_device device, bool requires_grad) {
  return window(kaiser, &beta, length, periodic, dtype, device, requires_grad);
}
