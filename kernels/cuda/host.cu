/* host.cu: the host side of kernel launches: the current stream, workspace, small transfers, faults. */
#include "launch.cuh"

static int status(cudaError_t error) { return error == cudaSuccess ? TC_OK : TC_DEVICE_ERROR; }

cudaStream_t tc_cuda_stream(void) { return 0; }

int tc_cuda_processors(void) {
  static int count;
  int device = 0;
  if (!count && (cudaGetDevice(&device) != cudaSuccess || cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device) != cudaSuccess)) count = 1;
  return count;
}

int tc_cuda_launched(cudaError_t error) { return status(error); }

void *tc_cuda_scratch(size_t bytes) {
  void *data = nullptr;
  return cudaMalloc(&data, bytes) == cudaSuccess ? data : nullptr;
}
void tc_cuda_scratch_free(void *data) { cudaFree(data); }

int tc_cuda_upload(void *device, const void *host, size_t bytes) { return status(cudaMemcpy(device, host, bytes, cudaMemcpyHostToDevice)); }
int tc_cuda_download(void *host, const void *device, size_t bytes) { return status(cudaMemcpy(host, device, bytes, cudaMemcpyDeviceToHost)); }

static tc_fault_slot *slot;
tc_fault_slot *tc_cuda_fault_slot(unsigned long long *ticket) {
  if (!slot && cudaMalloc((void **)&slot, sizeof *slot) != cudaSuccess) return nullptr;
  *ticket = 1;
  return cudaMemset(slot, 0, sizeof *slot) == cudaSuccess ? slot : nullptr;
}
int tc_cuda_fault_check(unsigned long long ticket, tc_fault *fault) {
  tc_fault_slot found;
  int answer = tc_cuda_download(&found, slot, sizeof found);
  if (answer != TC_OK || found.ticket != ticket) return answer;
  *fault = {found.position, found.value};
  return TC_FAULT;
}
