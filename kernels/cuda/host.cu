/* host.cu: the host side of kernel launches: devices and their current streams, errors, workspace, small transfers, faults. */
#include "device.h"
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

std::recursive_mutex tc_cuda_lock;
static tc_cuda_device devices[TC_CUDA_DEVICES];
static thread_local int current;                               /* mirrors cudaGetDevice */
static thread_local cudaStream_t streams[TC_CUDA_DEVICES];     /* NULL: the default stream */
static thread_local char text[512];
extern tc_backend tc_cuda_the_backend; /* table.cu */

/* ---- errors ---- */
const char *tc_cuda_text(void) { return text; }
const char *tc_cuda_who(void) { return tc_cuda_the_backend.who ? tc_cuda_the_backend.who() : "tocha"; }

int tc_cuda_say(int status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return status;
}

bool tc_cuda_sync_mode(void) {
  static const char *said = getenv("TOCHA_CUDA_SYNC");
  return said && *said && strcmp(said, "0") != 0;
}

/* errors after which the device's context is of no use any more */
static bool fatal(cudaError_t e) {
  return e == cudaErrorIllegalAddress || e == cudaErrorLaunchFailure || e == cudaErrorMisalignedAddress || e == cudaErrorAssert ||
         e == cudaErrorHardwareStackError || e == cudaErrorIllegalInstruction || e == cudaErrorInvalidAddressSpace || e == cudaErrorInvalidPc;
}

int tc_cuda_status(cudaError_t error, const char *doing) {
  if (error == cudaSuccess) return TC_OK;
  cudaGetLastError(); /* it must not be met again by the next launch */
  if (error == cudaErrorMemoryAllocation) return tc_cuda_say(TC_NO_MEMORY, "the GPU is out of memory (%s)", doing);
  if (!fatal(error)) return tc_cuda_say(TC_DEVICE_ERROR, "CUDA error in %s: %s (%s)", doing, cudaGetErrorString(error), cudaGetErrorName(error));
  const char *hint = tc_cuda_sync_mode() ? "" : "; it may come from an earlier operator: TOCHA_CUDA_SYNC=1 reports where";
  return tc_cuda_say(TC_DEVICE_ERROR, "CUDA error in %s: %s (%s)%s. The process must start anew to use the GPU", doing,
                     cudaGetErrorString(error), cudaGetErrorName(error), hint);
}

/* ---- devices and streams ---- */
int tc_cuda_device_now(void) { return current; }

TC_EXPORT void tc_cuda_use(int device) {
  if (cudaSetDevice(device) == cudaSuccess) current = device;
}

tc_cuda_device *tc_cuda_state(int device) {
  return device >= 0 && device < TC_CUDA_DEVICES ? &devices[device] : nullptr;
}

cudaStream_t tc_cuda_stream(void) { return streams[current]; }
TC_EXPORT void *tc_cuda_stream_of(int device) { return streams[device]; }
TC_EXPORT void tc_cuda_set_stream(int device, void *stream) { streams[device] = (cudaStream_t)stream; }

int tc_cuda_processors(void) {
  tc_cuda_device &d = devices[current];
  if (!d.processors && cudaDeviceGetAttribute(&d.processors, cudaDevAttrMultiProcessorCount, current) != cudaSuccess) d.processors = 1;
  return d.processors;
}

int tc_cuda_launched(cudaError_t error) {
  if (error == cudaSuccess && tc_cuda_sync_mode() && !devices[current].capturing) error = cudaStreamSynchronize(streams[current]);
  return tc_cuda_status(error, tc_cuda_who());
}

/* ---- workspace and small transfers ---- */
void *tc_cuda_scratch(size_t bytes) { return tc_cuda_memory_alloc(current, (int64_t)bytes, nullptr); }
void tc_cuda_scratch_free(void *data) { tc_cuda_memory_free(current, data, 0); }

/* While a graph is captured the copy is replayed with it: its source must stay. */
static const void *staged(const void *host, size_t bytes) {
  void *kept = nullptr;
  if (cudaHostAlloc(&kept, bytes, cudaHostAllocPortable) != cudaSuccess) return nullptr;
  memcpy(kept, host, bytes);
  devices[current].staging.push_back(kept);
  return kept;
}

int tc_cuda_upload(void *device, const void *host, size_t bytes) {
  if (devices[current].capturing && !(host = staged(host, bytes))) return tc_cuda_say(TC_NO_MEMORY, "no pinned memory for a graph's constants");
  return tc_cuda_status(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, streams[current]), tc_cuda_who());
}

static int no_waiting(void) {
  return tc_cuda_say(TC_DEVICE_ERROR, "needs a value from the GPU, which a CUDA graph that is being captured cannot give");
}

int tc_cuda_download(void *host, const void *device, size_t bytes) {
  if (devices[current].capturing) return no_waiting();
  int answer = tc_cuda_status(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, streams[current]), tc_cuda_who());
  return answer == TC_OK ? tc_cuda_wait(streams[current]) : answer;
}

/* ---- faults: which operator had which ticket is kept for the last few thousand ---- */
enum { REMEMBERED = 4096 };
static const char *ticket_owner[REMEMBERED];
static unsigned long long last_ticket;

static tc_fault_slot *slot_of(tc_cuda_device &d) {
  if (!d.slot) {
    void *p = nullptr;
    if (cudaHostAlloc(&p, sizeof *d.slot, cudaHostAllocPortable | cudaHostAllocMapped) != cudaSuccess) return nullptr;
    d.slot = (tc_fault_slot *)p;
    memset(p, 0, sizeof *d.slot);
  }
  return d.slot;
}

tc_fault_slot *tc_cuda_fault_slot(unsigned long long *ticket) {
  std::lock_guard<std::recursive_mutex> hold(tc_cuda_lock);
  *ticket = ++last_ticket;
  ticket_owner[last_ticket % REMEMBERED] = tc_cuda_who();
  return slot_of(devices[current]);
}

/* takes the fault out of the slot, so that the next one is seen */
static bool take_fault(tc_cuda_device &d, tc_fault_slot *found) {
  if (!d.slot || *(volatile unsigned long long *)&d.slot->ticket == 0) return false;
  memcpy(found, d.slot, sizeof *found);
  d.slot->ticket = 0;
  return true;
}

static int report(const tc_fault_slot &f) {
  const char *who = f.ticket + REMEMBERED > last_ticket ? ticket_owner[f.ticket % REMEMBERED] : "an earlier operator";
  return tc_cuda_say(TC_DEVICE_ERROR, "%s was given a value out of range: %lld at position %lld (found on the GPU and reported at the next wait; "
                     "TOCHA_CUDA_SYNC=1 reports it where it happens)", who, f.value, f.position + 1);
}

int tc_cuda_fault_check(unsigned long long ticket, tc_fault *fault) {
  tc_cuda_device &d = devices[current];
  if (!tc_cuda_sync_mode() || d.capturing) return TC_OK;
  int answer = tc_cuda_status(cudaStreamSynchronize(streams[current]), tc_cuda_who());
  tc_fault_slot found;
  if (answer != TC_OK || !take_fault(d, &found)) return answer;
  if (found.ticket != ticket) return report(found);
  fault->position = found.position;
  fault->value = found.value;
  return TC_FAULT;
}

int tc_cuda_wait(cudaStream_t stream) {
  if (devices[current].capturing) return no_waiting();
  int answer = tc_cuda_status(cudaStreamSynchronize(stream), tc_cuda_who());
  tc_fault_slot found;
  return answer == TC_OK && take_fault(devices[current], &found) ? report(found) : answer;
}

/* ---- what Lua calls; each gives a status, the text says why ---- */
TC_EXPORT const char *tc_cuda_error_text(void) { return text; }
TC_EXPORT int tc_cuda_synchronize(int device) {
  tc_on_device here(device);
  int answer = devices[device].capturing ? no_waiting() : tc_cuda_status(cudaDeviceSynchronize(), "synchronize");
  tc_fault_slot found;
  if (answer == TC_OK && take_fault(devices[device], &found)) answer = report(found);
  return answer;
}
