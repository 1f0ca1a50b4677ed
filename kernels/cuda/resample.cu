/* resample.cu: weighted sums of neighbours along one dim, for interpolation and its gradient: a thread for each output. */
#include "element.cuh"

namespace {
using namespace tc;
struct taps { int64_t outer, in, inner, out, width; const int64_t *first, *count; const double *weight; };

template <class T> __global__ void weigh(taps t, T *y, const T *x) {
  TC_EACH(e, t.outer * t.out * t.inner) {
    const int64_t i = e % t.inner, o = e / t.inner % t.out;
    const T *from = x + (e / (t.inner * t.out) * t.in + t.first[o]) * t.inner + i;
    const double *w = t.weight + o * t.width;
    T sum = 0;
    for (int64_t k = 0; k < t.count[o]; k++) sum += (T)w[k] * from[k * t.inner];
    y[e] = sum;
  }
}
} // namespace

extern "C" int TC_KERNEL(resample)(const tc_taps *t, int dtype, void *y, const void *x) {
  const size_t ints = (size_t)t->out * 8, weights = (size_t)(t->out * t->width) * 8;
  const int64_t numel = t->outer * t->out * t->inner;
  if (numel == 0) return TC_OK;
  tc_workspace room(2 * ints + weights);
  if (!room.data) return TC_NO_MEMORY;
  TC_TRY(tc_cuda_upload(room.data, t->first, ints));
  TC_TRY(tc_cuda_upload(room.as<char>(ints), t->count, ints));
  if (weights) TC_TRY(tc_cuda_upload(room.as<char>(2 * ints), t->weight, weights));
  const taps there = {t->outer, t->in, t->inner, t->out, t->width, room.as<int64_t>(), room.as<int64_t>(ints), room.as<double>(2 * ints)};
  TC_WIDE_FLOATS(dtype, { return tc_run(weigh<S>, tc_blocks(numel, 256, 64), 256, 0, there, (S *)y, (const S *)x); });
  return TC_MISSING;
}
