/* memory.cu: the memory of devices: a caching allocator for each (cache.h), copies, pinned host memory that is reused when the device is done
   with it. TOCHA_CUDA_ALLOC=plain gives every tensor memory of its own, so that checkers see overruns. */
#include "device.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>

/* ---- what the allocator asks of a device ---- */
static std::vector<void *> deferred; /* to be freed when no graph is captured any more */
static bool any_capture;

static void *take(void *self, int64_t bytes) {
  void *data = nullptr;
  tc_cuda_use((int)(intptr_t)self);
  if (cudaMalloc(&data, (size_t)bytes) == cudaSuccess) return data;
  cudaGetLastError();
  return nullptr;
}
static void give(void *self, void *data, int64_t) {
  if (any_capture) {
    deferred.push_back(data);
    return;
  }
  tc_cuda_use((int)(intptr_t)self);
  cudaFree(data);
}
static void *mark(void *, void *stream) {
  cudaEvent_t event = nullptr;
  if (cudaEventCreateWithFlags(&event, cudaEventDisableTiming) != cudaSuccess) return nullptr;
  cudaEventRecord(event, (cudaStream_t)stream);
  return event;
}
static int passed(void *, void *event) { return cudaEventQuery((cudaEvent_t)event) != cudaErrorNotReady; }
static void unmark(void *, void *event) { cudaEventDestroy((cudaEvent_t)event); }
static void wait(void *self) {
  tc_cuda_use((int)(intptr_t)self);
  cudaDeviceSynchronize();
}

typedef std::lock_guard<std::recursive_mutex> locked;

static tc_cache *cache_of(int device) {
  tc_cuda_device *d = tc_cuda_state(device);
  if (!d->cache) {
    const char *said = getenv("TOCHA_CUDA_ALLOC");
    const tc_cache_device asks = {(void *)(intptr_t)device, take, give, mark, passed, unmark, wait};
    d->cache = tc_cache_new(&asks, said && !strcmp(said, "plain"));
  }
  return d->cache;
}

void *tc_cuda_memory_alloc(int device, int64_t bytes, int64_t *capacity) {
  locked hold(tc_cuda_lock);
  tc_on_device here(device);
  return tc_cache_alloc(cache_of(device), bytes, tc_cuda_stream(), tc_cuda_state(device)->pool, tc_cuda_who(), capacity);
}

void tc_cuda_memory_free(int device, void *data, int64_t) {
  locked hold(tc_cuda_lock);
  tc_on_device here(device);
  tc_cache_free(cache_of(device), data);
}

void tc_cuda_free_deferred(void) {
  any_capture = false;
  for (void *data : deferred) cudaFree(data);
  deferred.clear();
}

TC_EXPORT void tc_cuda_capture_pool(int device, int pool, bool on) {
  tc_cuda_state(device)->pool = on ? pool : 0;
  tc_cuda_state(device)->capturing = on;
  any_capture = on;
  if (!on) tc_cuda_free_deferred();
}
TC_EXPORT int tc_cuda_pool_new(int device) {
  locked hold(tc_cuda_lock);
  return tc_cache_pool_new(cache_of(device));
}
TC_EXPORT void tc_cuda_pool_end(int device, int pool) {
  locked hold(tc_cuda_lock);
  tc_on_device here(device);
  tc_cache_pool_end(cache_of(device), pool);
}
TC_EXPORT void tc_cuda_record_stream(int device, void *data, void *stream) {
  locked hold(tc_cuda_lock);
  tc_cache_used_on(cache_of(device), data, stream);
}

/* ---- figures ---- */
TC_EXPORT double tc_cuda_memory_stat(int device, int which) {
  locked hold(tc_cuda_lock);
  return tc_cache_stat(cache_of(device), which);
}
TC_EXPORT void tc_cuda_memory_reset_peaks(int device) {
  locked hold(tc_cuda_lock);
  tc_cache_reset_peaks(cache_of(device));
}
TC_EXPORT void tc_cuda_memory_cap(int device, double bytes) {
  locked hold(tc_cuda_lock);
  tc_cache_cap(cache_of(device), (int64_t)bytes);
}
TC_EXPORT void tc_cuda_memory_flush(int device) {
  locked hold(tc_cuda_lock);
  tc_on_device here(device);
  tc_cache_flush(cache_of(device));
}
TC_EXPORT int tc_cuda_memory_info(int device, double *left, double *total) {
  tc_on_device here(device);
  size_t l = 0, t = 0;
  int answer = tc_cuda_status(cudaMemGetInfo(&l, &t), "mem_get_info");
  *left = (double)l;
  *total = (double)t;
  return answer;
}

static double mib(double bytes) { return bytes / (1 << 20); }

/* Why an allocation failed: the request, the totals, the ten largest live blocks with the operators that asked for them. */
int tc_cuda_memory_text(int device, int64_t bytes, char *text, int room) {
  locked hold(tc_cuda_lock);
  const tc_cache *c = cache_of(device);
  double left = 0, total = 0;
  tc_cuda_memory_info(device, &left, &total);
  int at = snprintf(text, (size_t)room, "%.1f MiB asked for on cuda:%d, which has %.0f MiB, %.0f of them free; %.0f MiB in tensors, %.0f MiB held",
                    mib((double)bytes), device, mib(total), mib(left), mib(tc_cache_stat(c, TC_CACHE_ALLOCATED)), mib(tc_cache_stat(c, TC_CACHE_RESERVED)));
  int64_t sizes[10];
  const char *makers[10];
  int n = tc_cache_largest(c, 10, sizes, makers);
  for (int i = 0; i < n && at < room - 64; i++)
    at += snprintf(text + at, (size_t)(room - at), "%s%.1f MiB of %s", i ? ", " : ". The largest: ", mib((double)sizes[i]), makers[i] ? makers[i] : "?");
  return at;
}

TC_EXPORT int tc_cuda_memory_largest(int device, int count, int64_t *bytes, const char **makers) {
  locked hold(tc_cuda_lock);
  return tc_cache_largest(cache_of(device), count, bytes, makers);
}

/* ---- pinned host memory ---- */
namespace {
struct pinned {
  int64_t bytes;
  bool used;
  std::vector<cudaEvent_t> marks; /* of asynchronous copies that may still run */
};
std::map<char *, pinned> &pins = *new std::map<char *, pinned>;
} // namespace

static bool idle(pinned &p) {
  size_t kept = 0;
  for (cudaEvent_t e : p.marks)
    if (cudaEventQuery(e) == cudaErrorNotReady) p.marks[kept++] = e;
    else cudaEventDestroy(e);
  p.marks.resize(kept);
  return kept == 0;
}

static pinned *pin_of(const void *data) {
  auto i = pins.upper_bound((char *)data);
  if (i == pins.begin()) return nullptr;
  --i;
  return (char *)data < i->first + i->second.bytes ? &i->second : nullptr;
}

void *tc_cuda_pin(int64_t bytes) {
  locked hold(tc_cuda_lock);
  int64_t size = 4096;
  while (size < bytes) size *= 2;
  for (auto &p : pins)
    if (!p.second.used && p.second.bytes == size && idle(p.second)) {
      p.second.used = true;
      return p.first;
    }
  void *data = nullptr;
  if (tc_cuda_status(cudaHostAlloc(&data, (size_t)size, cudaHostAllocPortable), "pin_memory") != TC_OK) return nullptr;
  pins[(char *)data] = {size, true, {}};
  return data;
}
void tc_cuda_unpin(void *data) {
  locked hold(tc_cuda_lock);
  auto i = pins.find((char *)data);
  if (i != pins.end()) i->second.used = false;
}
TC_EXPORT bool tc_cuda_is_pinned(const void *data) {
  locked hold(tc_cuda_lock);
  return pin_of(data) != nullptr;
}
TC_EXPORT void tc_cuda_flush_pinned(void) {
  locked hold(tc_cuda_lock);
  for (auto i = pins.begin(); i != pins.end();)
    if (!i->second.used && idle(i->second)) {
      cudaFreeHost(i->first);
      i = pins.erase(i);
    } else ++i;
}

/* ---- copies ---- */
static void note_copy(const void *host, cudaStream_t stream) {
  locked hold(tc_cuda_lock);
  pinned *p = pin_of(host);
  if (p) p->marks.push_back((cudaEvent_t)mark(nullptr, stream));
}

/* between two devices: the source's stream has made the data, the target's uses it */
static int copy_between(int to, void *target, int from, const void *source, int64_t bytes) {
  cudaStream_t there = (cudaStream_t)tc_cuda_stream_of(to), here = (cudaStream_t)tc_cuda_stream_of(from);
  tc_on_device at(from);
  cudaEvent_t made = (cudaEvent_t)mark(nullptr, here);
  tc_cuda_use(to);
  cudaStreamWaitEvent(there, made, 0);
  int answer = tc_cuda_status(cudaMemcpyPeerAsync(target, to, source, from, (size_t)bytes, there), "copying between GPUs");
  cudaEvent_t done = (cudaEvent_t)mark(nullptr, there);
  tc_cuda_use(from);
  cudaStreamWaitEvent(here, done, 0); /* the source may be freed or changed afterwards */
  cudaEventDestroy(made);
  cudaEventDestroy(done);
  return answer;
}

int tc_cuda_memory_copy(int to, void *target, int from, const void *source, int64_t bytes, bool waiting) {
  if (bytes <= 0) return TC_OK;
  if (to >= 0 && from >= 0 && to != from) return copy_between(to, target, from, source, bytes);
  int device = to >= 0 ? to : from;
  tc_on_device here(device);
  cudaStream_t stream = tc_cuda_stream();
  const bool inside = to == from;
  const void *host = to < 0 ? target : source;
  if (tc_cuda_state(device)->capturing && !inside) {
    if (to < 0) return tc_cuda_wait(stream); /* says that it cannot */
    return tc_cuda_upload(target, source, (size_t)bytes);
  }
  int answer = tc_cuda_status(cudaMemcpyAsync(target, source, (size_t)bytes, cudaMemcpyDefault, stream), tc_cuda_who());
  if (answer != TC_OK || inside) return answer;
  if (!waiting && tc_cuda_is_pinned(host)) {
    note_copy(host, stream);
    return TC_OK;
  }
  /* what comes from pageable memory has been read when the call returns; pinned memory may be changed by the caller, results are looked at */
  return to < 0 || tc_cuda_is_pinned(host) ? tc_cuda_wait(stream) : TC_OK;
}
