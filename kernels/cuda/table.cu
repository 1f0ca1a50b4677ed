/* table.cu: the table of CUDA kernels and the device behind it. A slot that no file fills yet answers TC_MISSING. */
#include "device.h"

#define X(name, params) extern "C" __attribute__((weak)) int TC_KERNEL(name) params { return TC_MISSING; }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
TC_KERNEL_SLOTS(X)
#pragma GCC diagnostic pop
#undef X

#define X(name, params) TC_KERNEL(name),
static const tc_kernels kernels = { TC_KERNEL_SLOTS(X) };
#undef X

tc_backend tc_cuda_the_backend = {
  TC_ABI, &kernels, 0, tc_cuda_use, tc_cuda_memory_alloc, tc_cuda_memory_free, tc_cuda_memory_copy, tc_cuda_pin, tc_cuda_unpin, tc_cuda_text,
  tc_cuda_memory_text, nullptr,
};

/* The backend, or NULL with the reason: no driver, no device. */
TC_EXPORT tc_backend *tc_cuda_backend(const char **reason) {
  int count = 0; /* the call leaves it alone where there is no driver */
  cudaError_t error = cudaGetDeviceCount(&count);
  cudaGetLastError();
  *reason = error != cudaSuccess ? cudaGetErrorString(error) : count == 0 ? "there is no CUDA device" : "";
  tc_cuda_the_backend.count = count < TC_CUDA_DEVICES ? count : TC_CUDA_DEVICES;
  return error == cudaSuccess && count > 0 ? &tc_cuda_the_backend : nullptr;
}
