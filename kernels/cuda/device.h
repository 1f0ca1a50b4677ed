/* device.h: what the host files of this folder share: the state of each device, error texts, the lock. */
#pragma once
#include "launch.cuh"
#include "cache.h"
#include <mutex>
#include <vector>

#define TC_EXPORT extern "C" __attribute__((visibility("default")))
enum { TC_CUDA_DEVICES = 64 };

struct tc_cuda_device {
  tc_cache *cache;      /* NULL until first used */
  int processors;
  int pool;             /* the private pool that allocations go to while a graph is captured, else 0 */
  bool capturing;
  tc_fault_slot *slot;  /* in pinned host memory: the device writes there, the host looks without a copy */
  std::vector<void *> staging; /* pinned copies of what was uploaded during a capture: they live with the graph */
};

extern std::recursive_mutex tc_cuda_lock;           /* around the state of devices */
tc_cuda_device *tc_cuda_state(int device);          /* made at the first call; NULL after an error */
TC_EXPORT void tc_cuda_use(int device);             /* makes it the calling thread's */
TC_EXPORT void *tc_cuda_stream_of(int device);
int tc_cuda_device_now(void);                       /* the calling thread's */
struct tc_on_device {                               /* the device of an operation, for as long as one lives */
  int before;
  explicit tc_on_device(int device) : before(tc_cuda_device_now()) { if (device != before) tc_cuda_use(device); }
  ~tc_on_device() { if (tc_cuda_device_now() != before) tc_cuda_use(before); }
};
bool tc_cuda_sync_mode(void);                       /* TOCHA_CUDA_SYNC=1 */
int tc_cuda_status(cudaError_t error, const char *doing); /* a status of kernels.h; keeps the text of what failed */
int tc_cuda_say(int status, const char *format, ...) __attribute__((format(printf, 2, 3))); /* keeps a text, gives the status */
const char *tc_cuda_text(void);                     /* the last text */
const char *tc_cuda_who(void);                      /* the operator that runs */
int tc_cuda_wait(cudaStream_t stream);              /* waits, then looks whether the device reported a fault */

/* memory.cu: the backend's memory */
void *tc_cuda_memory_alloc(int device, int64_t bytes, int64_t *capacity);
void tc_cuda_memory_free(int device, void *data, int64_t capacity);
int tc_cuda_memory_copy(int to, void *target, int from, const void *source, int64_t bytes, bool wait);
void *tc_cuda_pin(int64_t bytes);
void tc_cuda_unpin(void *data);
int tc_cuda_memory_text(int device, int64_t bytes, char *text, int room);
void tc_cuda_free_deferred(void);                   /* after a capture */
