/* host.h: what kernel files need of the host side: the current stream, workspace, small transfers, device-side faults. Kernel files call
   these, memory and streams live elsewhere in this folder. */
#pragma once
#include <cuda_runtime_api.h>
#include <stddef.h>
#include <stdint.h>

/* What a kernel found wrong, in device memory: one slot for each device. ticket is 0 while nothing is wrong; the first launch to report
   takes the slot. A kernel that reports goes on without the bad element: it never reads or writes out of bounds. */
typedef struct tc_fault_slot { unsigned long long ticket; long long position, value; } tc_fault_slot;

extern "C" {
cudaStream_t tc_cuda_stream(void);                     /* the current stream of the current device */
int tc_cuda_processors(void);                          /* streaming multiprocessors of the current device */
int tc_cuda_launched(cudaError_t error);               /* after each launch: a status of kernels.h; waits for the device under TOCHA_CUDA_SYNC=1 */

/* Workspace of the current stream; NULL when memory is exhausted. Freed in stream order: the call may come right after the launches. */
void *tc_cuda_scratch(size_t bytes);
void tc_cuda_scratch_free(void *data);

/* Small arrays. upload: host to device in stream order, the host's array may go away at once. download: waits for the stream. Both give a status. */
int tc_cuda_upload(void *device, const void *host, size_t bytes);
int tc_cuda_download(void *host, const void *device, size_t bytes);

/* Faults. slot: the current device's, and a fresh ticket, which the host remembers together with the operator's name. check: after the
   launches; TC_OK, and a fault comes up as an error at the next wait; under TOCHA_CUDA_SYNC=1 it waits, fills in `fault` and gives TC_FAULT. */
tc_fault_slot *tc_cuda_fault_slot(unsigned long long *ticket);
int tc_cuda_fault_check(unsigned long long ticket, struct tc_fault *fault);
}
