/* emu_dnn.cc: what stands in for cuDNN on the emulated device: descriptors as cuDNN has them, convolutions by their definition in double precision. */
#include "emu_dnn.h"

cudaStream_t emu_dnn::stream;

namespace {
using namespace emu_dnn;
struct convolution { int n, pad[3], stride[3], dilation[3], groups = 1; };

int64_t count(const tensor &t) {
  int64_t n = 1;
  for (int i = 0; i < t.n; i++) n *= t.size[i];
  return n;
}

/* f(place in x, in w, in y) for every product of the convolution, over three dims of which the first may be missing */
template <class F> void each(const tensor &x, const tensor &w, const tensor &y, const convolution &c, F f) {
  const int dims = c.n, per = y.size[1] / c.groups;
  int in[3] = {1, 1, 1}, out[3] = {1, 1, 1}, k[3] = {1, 1, 1}, pad[3] = {0, 0, 0}, stride[3] = {1, 1, 1}, dilation[3] = {1, 1, 1};
  for (int i = 0; i < dims; i++) {
    const int at = 3 - dims + i;
    in[at] = x.size[2 + i], out[at] = y.size[2 + i], k[at] = w.size[2 + i], pad[at] = c.pad[i], stride[at] = c.stride[i], dilation[at] = c.dilation[i];
  }
  auto place = [](const int *s, int64_t a, int64_t b, int64_t c) { return (a * s[1] + b) * s[2] + c; };
  const int64_t vin = (int64_t)in[0] * in[1] * in[2], vout = (int64_t)out[0] * out[1] * out[2], vk = (int64_t)k[0] * k[1] * k[2];
  for (int n = 0; n < x.size[0]; n++)
    for (int o = 0; o < y.size[1]; o++)
      for (int i = 0; i < w.size[1]; i++)
        for (int p = 0; p < vout; p++)
          for (int q = 0; q < vk; q++) {
            const int at[3] = {p / (out[1] * out[2]), p / out[2] % out[1], p % out[2]}, tap[3] = {q / (k[1] * k[2]), q / k[2] % k[1], q % k[2]};
            int64_t from[3];
            bool inside = true;
            for (int d = 0; d < 3; d++) {
              from[d] = (int64_t)at[d] * stride[d] - pad[d] + (int64_t)tap[d] * dilation[d];
              inside &= from[d] >= 0 && from[d] < in[d];
            }
            if (!inside) continue;
            const int64_t channel = (int64_t)(o / per) * w.size[1] + i;
            f((n * (int64_t)x.size[1] + channel) * vin + place(in, from[0], from[1], from[2]), ((int64_t)o * w.size[1] + i) * vk + q,
              (n * (int64_t)y.size[1] + o) * vout + p);
          }
}

enum which { X, W, Y };
void accumulate(int to, const tensor &x, const tensor &w, const tensor &y, const convolution &c, const void *a, const void *b, void *result) {
  const tensor &t = to == X ? x : to == W ? w : y, &ta = to == X ? w : x, &tb = to == Y ? w : y;
  std::vector<double> sum((size_t)count(t), 0.0);
  each(x, w, y, c, [&](int64_t ix, int64_t iw, int64_t iy) {
    const int64_t ia = to == X ? iw : ix, ib = to == Y ? iw : iy, it = to == X ? ix : to == W ? iw : iy;
    sum[(size_t)it] += read(a, ta.type, ia) * read(b, tb.type, ib);
  });
  for (size_t i = 0; i < sum.size(); i++) write(result, t.type, (int64_t)i, sum[i]);
}

cudnnStatus_t queue(int to, const void *x, const void *w, const void *y, const void *c, const void *a, const void *b, void *result) {
  const tensor tx = *(const tensor *)x, tw = *(const tensor *)w, ty = *(const tensor *)y;
  const convolution conv = *(const convolution *)c;
  return emu::host_task([=] { accumulate(to, tx, tw, ty, conv, a, b, result); }, emu_dnn::stream) == cudaSuccess ? CUDNN_STATUS_SUCCESS
                                                                                                                 : CUDNN_STATUS_EXECUTION_FAILED;
}
template <class Choice> cudnnStatus_t one_choice(int *found, Choice *list) {
  memset(list, 0, sizeof *list);
  list->status = CUDNN_STATUS_SUCCESS;
  list->determinism = CUDNN_DETERMINISTIC;
  list->memory = 512;
  return *found = 1, CUDNN_STATUS_SUCCESS;
}
} // namespace

extern "C" __attribute__((visibility("default"))) size_t cudnnGetVersion(void) { return 90000; }
STAND_IN cudnnCreate(cudnnHandle_t *h) { return make(h, (void *)8); }
STAND_IN cudnnSetStream(cudnnHandle_t, cudaStream_t s) { return emu_dnn::stream = s, CUDNN_STATUS_SUCCESS; }
STAND_IN cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t *t) { return make(t, new tensor()); }
STAND_IN cudnnCreateFilterDescriptor(cudnnFilterDescriptor_t *t) { return make(t, new tensor()); }
STAND_IN cudnnCreateConvolutionDescriptor(cudnnConvolutionDescriptor_t *c) { return make(c, new convolution()); }
STAND_IN cudnnSetTensorNdDescriptor(cudnnTensorDescriptor_t t, cudnnDataType_t type, int n, const int size[], const int stride[]) {
  if (n < 3 || n > 5) return CUDNN_STATUS_BAD_PARAM;
  tensor *d = (tensor *)t;
  d->type = type, d->n = n;
  for (int i = 0; i < n; i++) {
    if (size[i] <= 0) return CUDNN_STATUS_BAD_PARAM;
    d->size[i] = size[i], d->stride[i] = stride[i];
  }
  return CUDNN_STATUS_SUCCESS;
}
STAND_IN cudnnGetTensorNdDescriptor(const cudnnTensorDescriptor_t t, int room, cudnnDataType_t *type, int *n, int size[], int stride[]) {
  const tensor *d = (const tensor *)t;
  *type = d->type, *n = d->n;
  for (int i = 0; i < d->n && i < room; i++) size[i] = d->size[i], stride[i] = d->stride[i];
  return CUDNN_STATUS_SUCCESS;
}
STAND_IN cudnnDestroyTensorDescriptor(cudnnTensorDescriptor_t t) { return delete (tensor *)t, CUDNN_STATUS_SUCCESS; }
STAND_IN cudnnSetFilterNdDescriptor(cudnnFilterDescriptor_t t, cudnnDataType_t type, cudnnTensorFormat_t format, int n, const int size[]) {
  if (n < 4 || n > 5 || format != CUDNN_TENSOR_NCHW) return CUDNN_STATUS_BAD_PARAM;
  tensor *d = (tensor *)t;
  d->type = type, d->n = n;
  for (int i = 0; i < n; i++) d->size[i] = size[i];
  return CUDNN_STATUS_SUCCESS;
}
STAND_IN cudnnSetConvolutionNdDescriptor(cudnnConvolutionDescriptor_t c, int n, const int pad[], const int stride[], const int dilation[],
                                         cudnnConvolutionMode_t mode, cudnnDataType_t) {
  if (mode != CUDNN_CROSS_CORRELATION) return CUDNN_STATUS_NOT_SUPPORTED;
  convolution *d = (convolution *)c;
  d->n = n;
  for (int i = 0; i < n; i++) d->pad[i] = pad[i], d->stride[i] = stride[i], d->dilation[i] = dilation[i];
  return CUDNN_STATUS_SUCCESS;
}
STAND_IN cudnnSetConvolutionGroupCount(cudnnConvolutionDescriptor_t c, int groups) { return ((convolution *)c)->groups = groups, CUDNN_STATUS_SUCCESS; }
STAND_IN cudnnSetConvolutionMathType(cudnnConvolutionDescriptor_t, cudnnMathType_t) { return CUDNN_STATUS_SUCCESS; }
STAND_IN cudnnGetConvolutionForwardAlgorithm_v7(cudnnHandle_t, const cudnnTensorDescriptor_t, const cudnnFilterDescriptor_t, const cudnnConvolutionDescriptor_t,
                                                const cudnnTensorDescriptor_t, const int, int *n, cudnnConvolutionFwdAlgoPerf_t *list) {
  return one_choice(n, list);
}
STAND_IN cudnnGetConvolutionBackwardDataAlgorithm_v7(cudnnHandle_t, const cudnnFilterDescriptor_t, const cudnnTensorDescriptor_t,
                                                     const cudnnConvolutionDescriptor_t, const cudnnTensorDescriptor_t, const int, int *n,
                                                     cudnnConvolutionBwdDataAlgoPerf_t *list) {
  return one_choice(n, list);
}
STAND_IN cudnnGetConvolutionBackwardFilterAlgorithm_v7(cudnnHandle_t, const cudnnTensorDescriptor_t, const cudnnTensorDescriptor_t,
                                                       const cudnnConvolutionDescriptor_t, const cudnnFilterDescriptor_t, const int, int *n,
                                                       cudnnConvolutionBwdFilterAlgoPerf_t *list) {
  return one_choice(n, list);
}
STAND_IN cudnnConvolutionForward(cudnnHandle_t, const void *, const cudnnTensorDescriptor_t x, const void *px, const cudnnFilterDescriptor_t w, const void *pw,
                                 const cudnnConvolutionDescriptor_t c, cudnnConvolutionFwdAlgo_t, void *, size_t, const void *, const cudnnTensorDescriptor_t y,
                                 void *py) {
  return queue(Y, x, w, y, c, px, pw, py);
}
STAND_IN cudnnConvolutionBackwardData(cudnnHandle_t, const void *, const cudnnFilterDescriptor_t w, const void *pw, const cudnnTensorDescriptor_t y,
                                      const void *pg, const cudnnConvolutionDescriptor_t c, cudnnConvolutionBwdDataAlgo_t, void *, size_t, const void *,
                                      const cudnnTensorDescriptor_t x, void *px) {
  return queue(X, x, w, y, c, pw, pg, px);
}
STAND_IN cudnnConvolutionBackwardFilter(cudnnHandle_t, const void *, const cudnnTensorDescriptor_t x, const void *px, const cudnnTensorDescriptor_t y,
                                        const void *pg, const cudnnConvolutionDescriptor_t c, cudnnConvolutionBwdFilterAlgo_t, void *, size_t, const void *,
                                        const cudnnFilterDescriptor_t w, void *pw) {
  return queue(W, x, w, y, c, px, pg, pw);
}
STAND_IN cudnnAddTensor(cudnnHandle_t, const void *, const cudnnTensorDescriptor_t b, const void *pb, const void *, const cudnnTensorDescriptor_t y, void *py) {
  const tensor tb = *(const tensor *)b, ty = *(const tensor *)y;
  const int64_t plane = count(ty) / ((int64_t)ty.size[0] * ty.size[1]);
  emu::host_task([=] {
    for (int64_t i = 0; i < count(ty); i++) write(py, ty.type, i, read(py, ty.type, i) + read(pb, tb.type, i / plane % ty.size[1]));
  }, emu_dnn::stream);
  return CUDNN_STATUS_SUCCESS;
}
