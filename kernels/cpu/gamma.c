/* gamma.c: the slopes of gamma variates by their shapes (kernels/gamma_slope.h) for whole tensors. */
#include "cpu.h"
#include "../gamma_slope.h"

int TC_KERNEL(gamma_slope)(const tc_view *y, const tc_view *shape, const tc_view *x) {
  enum { CHUNK = 64 };
  TC_PARALLEL((y->numel + CHUNK - 1) / CHUNK, 1, (double)y->numel * 3000) {
    for (int64_t g = lo; g < hi; g++) {
      double a[CHUNK], v[CHUNK];
      int64_t first = g * CHUNK, n = y->numel - first < CHUNK ? y->numel - first : CHUNK;
      TC_KERNEL(load_f64)(n, a, (const char *)shape->data + first * tc_dtype_bytes(shape->dtype), shape->dtype, 1);
      TC_KERNEL(load_f64)(n, v, (const char *)x->data + first * tc_dtype_bytes(x->dtype), x->dtype, 1);
      for (int64_t i = 0; i < n; i++) v[i] = tc_gamma_slope(a[i], v[i]);
      TC_KERNEL(store_f64)(n, (char *)y->data + first * tc_dtype_bytes(y->dtype), y->dtype, 1, v);
    }
  } TC_PARALLEL_END
  return TC_OK;
}
