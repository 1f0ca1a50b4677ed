/* launch.cuh: what every CUDA kernel file includes: the names of kernels, and the one way in which they are started. The same sources also
   compile as plain C++, where emu.h stands for the device. */
#pragma once
extern "C" {
#include "../kernels.h"
}
#include "host.h"
#define TC_KERNEL(name) tc_##name##_cuda
#define X(name, params) extern "C" int TC_KERNEL(name) params;
TC_KERNEL_SLOTS(X)
#undef X

#ifdef __CUDACC__
#include <cuda_runtime.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
/* Shared memory whose size the launch gives. */
#define TC_DYN_SHARED(T, name) extern __shared__ __align__(16) unsigned char tc_dynamic_shared[]; T *name = (T *)tc_dynamic_shared
#else
#include "emu/emu.h"
#endif

/* Starts a kernel on a stream; a status of kernels.h. `shared` beyond 48 KiB is asked for. */
template <class... P, class... A>
inline int tc_launch(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared, cudaStream_t stream, A... arguments) {
#ifdef __CUDACC__
  if (shared > 48 << 10) cudaFuncSetAttribute((const void *)kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int)shared);
  kernel<<<grid, block, shared, stream>>>(P(arguments)...);
#else
  emu::launch_kernel(kernel, grid, block, shared, stream, arguments...);
#endif
  return tc_cuda_launched(cudaGetLastError());
}

/* The same on the current stream, with a grid of one dim. */
template <class... P, class... A>
inline int tc_run(void (*kernel)(P...), int64_t blocks, int threads, size_t shared, A... arguments) {
  return tc_launch(kernel, dim3((unsigned)blocks), dim3((unsigned)threads), shared, tc_cuda_stream(), arguments...);
}

/* Blocks for n items of which a block takes `each` at a time, at most `waves` blocks for each multiprocessor: kernels loop over the rest. */
inline int64_t tc_blocks(int64_t n, int64_t each, int waves = 16) {
  int64_t most = (int64_t)tc_cuda_processors() * waves, blocks = (n + each - 1) / each;
  return blocks < 1 ? 1 : blocks < most ? blocks : most;
}

/* Workspace that ends with the C++ scope. */
struct tc_workspace {
  void *data;
  explicit tc_workspace(size_t bytes) : data(tc_cuda_scratch(bytes ? bytes : 1)) {}
  ~tc_workspace() { if (data) tc_cuda_scratch_free(data); }
  tc_workspace(const tc_workspace &) = delete;
  tc_workspace &operator=(const tc_workspace &) = delete;
  template <class T> T *as(size_t byte_offset = 0) const { return (T *)((char *)data + byte_offset); }
};

/* Called by a thread that meets a bad value. */
__device__ inline void tc_report(tc_fault_slot *slot, unsigned long long ticket, int64_t position, int64_t value) {
  if (atomicCAS(&slot->ticket, 0ull, ticket) == 0) {
    slot->position = position;
    slot->value = value;
  }
}

/* Grid-stride loops: TC_EACH(i, n) { ... } runs for every i below n once in the whole grid. */
#define TC_FIRST ((int64_t)blockIdx.x * blockDim.x + threadIdx.x)
#define TC_STEP ((int64_t)gridDim.x * blockDim.x)
#define TC_EACH(i, n) for (int64_t i = TC_FIRST; i < (n); i += TC_STEP)
