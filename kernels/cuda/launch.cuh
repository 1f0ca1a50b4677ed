/* launch.cuh: what every CUDA kernel file includes: the names of kernels, and the one way in which they are started. */
#pragma once
#include <cuda_runtime.h>
extern "C" {
#include "../kernels.h"
}
#define TC_KERNEL(name) tc_##name##_cuda
#define X(name, params) extern "C" int TC_KERNEL(name) params;
TC_KERNEL_SLOTS(X)
#undef X

template <class... P, class... A>
inline int tc_launch(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, cudaStream_t stream, A... arguments) {
  kernel<<<grid, block, shared, stream>>>(P(arguments)...);
  return cudaGetLastError() == cudaSuccess ? TC_OK : TC_DEVICE_ERROR;
}
