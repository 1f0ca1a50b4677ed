/* emu_dnn.cc: what stands in for cuDNN on the emulated device: its handle and the descriptors of tensors. Convolutions are in emu_graph.cc,
   recurrent layers in emu_rnn.cc. */
#include "emu_dnn.h"

cudaStream_t emu_dnn::stream;

using namespace emu_dnn;

extern "C" __attribute__((visibility("default"))) size_t cudnnGetVersion(void) { return 90000; }
STAND_IN cudnnCreate(cudnnHandle_t *h) { return make(h, (void *)8); }
STAND_IN cudnnSetStream(cudnnHandle_t, cudaStream_t s) { return emu_dnn::stream = s, CUDNN_STATUS_SUCCESS; }
STAND_IN cudnnCreateTensorDescriptor(cudnnTensorDescriptor_t *t) { return make(t, new tensor()); }
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
