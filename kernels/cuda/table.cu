/* table.cu: the table of CUDA kernels and the device behind it. A slot that no file fills yet answers TC_MISSING. */
#include "launch.cuh"

#define X(name, params) extern "C" __attribute__((weak)) int TC_KERNEL(name) params { return TC_MISSING; }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
TC_KERNEL_SLOTS(X)
#pragma GCC diagnostic pop
#undef X

#define X(name, params) TC_KERNEL(name),
static const tc_kernels kernels = { TC_KERNEL_SLOTS(X) };
#undef X

static void *device_alloc(int device, int64_t bytes, int64_t *capacity) {
  void *p = nullptr;
  *capacity = bytes > 0 ? (bytes + 255) & ~(int64_t)255 : 256;
  if (cudaSetDevice(device) != cudaSuccess || cudaMalloc(&p, (size_t)*capacity) != cudaSuccess) return nullptr;
  return p;
}

static void device_free(int device, void *data, int64_t) {
  if (cudaSetDevice(device) == cudaSuccess) cudaFree(data);
}

static int device_copy(int, void *target, int, const void *source, int64_t bytes) {
  return cudaMemcpy(target, source, (size_t)bytes, cudaMemcpyDefault) == cudaSuccess ? TC_OK : TC_DEVICE_ERROR;
}

/* The backend, or NULL with the reason: no driver, no device. */
extern "C" __attribute__((visibility("default"))) const tc_backend *tc_cuda_backend(const char **reason) {
  static tc_backend backend = {&kernels, 0, device_alloc, device_free, device_copy};
  int count = 0;
  cudaError_t error = cudaGetDeviceCount(&count);
  *reason = error != cudaSuccess ? cudaGetErrorString(error) : count == 0 ? "there is no CUDA device" : "";
  backend.count = count;
  return error == cudaSuccess && count > 0 ? &backend : nullptr;
}
