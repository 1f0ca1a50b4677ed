/* gamma.cu: the slopes of gamma variates by their shapes (kernels/gamma_slope.h), a thread for each. */
#include "element.cuh"
#include "../gamma_slope.h"

namespace {
__global__ void slopes(void *y, int y_type, const void *shape, int shape_type, const void *x, int x_type, int64_t numel) {
  TC_EACH(i, numel) tc::store(y, y_type, i, tc_gamma_slope(tc::load<double>(shape, shape_type, i), tc::load<double>(x, x_type, i)));
}
} // namespace

extern "C" int TC_KERNEL(gamma_slope)(const tc_view *y, const tc_view *shape, const tc_view *x) {
  if (y->numel == 0) return TC_OK;
  return tc_run(slopes, tc_blocks(y->numel, 64, 32), 64, 0, (void *)y->data, y->dtype, (const void *)shape->data, shape->dtype, (const void *)x->data, x->dtype,
                y->numel);
}
