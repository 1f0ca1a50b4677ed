/* emu_rt.cc: CUDA's runtime calls for the emulated GPU: memory that the host cannot touch between calls and that begins as NaNs, streams,
   events, graphs. TOCHA_EMU_DEVICES: how many devices (1). TOCHA_EMU_MEMORY: bytes of each (4 GiB). TOCHA_EMU_DEFER=1: work waits until its
   stream is waited for, as far behind as a real device may be. TOCHA_EMU_ORDER: see emu_fiber.cc. */
#include "emu.h"
#include "emu_fiber.h"
#include <sys/mman.h>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <vector>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

typedef std::function<void()> task;

/* ---- what handles point at ---- */
struct CUgraph_st { std::vector<task> tasks; };
struct CUgraphExec_st { std::vector<task> tasks; };
struct CUstream_st {
  std::deque<task> waiting;
  CUgraph_st *capture = nullptr;
  bool origin = false; /* of the capture */
  int device = 0;
  bool draining = false;
};
struct moment { /* one recording of an event */
  bool done = false;
  CUstream_st *stream = nullptr;
  std::chrono::steady_clock::time_point at;
};
struct CUevent_st {
  std::shared_ptr<moment> last;
  CUgraph_st *capture = nullptr;
};

static int setting(const char *name, int missing) {
  const char *text = getenv(name);
  return text && *text ? atoi(text) : missing;
}
static const bool defer = setting("TOCHA_EMU_DEFER", 0) != 0;
static const int devices = setting("TOCHA_EMU_DEVICES", 1);
static const int order_seed = setting("TOCHA_EMU_ORDER", 0);
static thread_local int device;
static thread_local cudaError_t last_error;
static std::vector<CUstream_st *> &streams = *new std::vector<CUstream_st *>;
static CUstream_st &null_stream = *new CUstream_st;

static cudaError_t fail(cudaError_t e) { return last_error = e; }

/* ---- memory ---- */
namespace {
constexpr size_t ARENA = (size_t)64 << 30, PAGE = 4096, GROUP = 2 << 20;
char *arena;
size_t top; /* the highest byte ever given out */
struct piece { size_t bytes, asked; int device; };
std::map<char *, piece> &used = *new std::map<char *, piece>;
std::map<char *, size_t> &unused = *new std::map<char *, size_t>;
size_t taken[64];
int depth;

size_t capacity() {
  const char *text = getenv("TOCHA_EMU_MEMORY");
  return text && *text ? (size_t)atof(text) : (size_t)4 << 30;
}
bool ready() {
  if (arena) return true;
  void *p = mmap(nullptr, ARENA + GROUP, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return false;
  arena = (char *)(((uintptr_t)p + GROUP - 1) & ~(uintptr_t)(GROUP - 1));
  madvise(arena, ARENA, MADV_HUGEPAGE);
  return true;
}
void reach(bool on) {
  if (arena && top) mprotect(arena, (top + GROUP - 1) & ~(GROUP - 1), on ? PROT_READ | PROT_WRITE : PROT_NONE);
}
struct within_reach { /* device memory can be touched while one of these lives */
  within_reach() { if (depth++ == 0) reach(true); }
  ~within_reach() { if (--depth == 0) reach(false); }
};

char *carve(size_t bytes) {
  for (auto i = unused.begin(); i != unused.end(); ++i) {
    if (i->second < bytes) continue;
    char *p = i->first;
    const size_t left = i->second - bytes;
    unused.erase(i);
    if (left) unused[p + bytes] = left;
    return p;
  }
  if (top + bytes > ARENA) return nullptr;
  char *p = arena + top;
  top += bytes;
  return p;
}
void give_back(char *p, size_t bytes) {
  auto after = unused.lower_bound(p);
  if (after != unused.end() && after->first == p + bytes) {
    bytes += after->second;
    after = unused.erase(after);
  }
  if (after != unused.begin()) {
    auto before = std::prev(after);
    if (before->first + before->second == p) {
      before->second += bytes;
      return;
    }
  }
  unused[p] = bytes;
}
bool on_device(const void *p) { return arena && (char *)p >= arena && (char *)p < arena + ARENA; }
std::map<const char *, size_t> &pinned = *new std::map<const char *, size_t>;
bool is_pinned(const void *p) {
  auto i = pinned.upper_bound((const char *)p);
  return i != pinned.begin() && (const char *)p < std::prev(i)->first + std::prev(i)->second;
}
} // namespace

/* ---- streams: work runs at once, or when somebody waits ---- */
static void drain(CUstream_st *s) {
  if (s->draining) return;
  s->draining = true;
  while (!s->waiting.empty()) {
    task t = std::move(s->waiting.front());
    s->waiting.pop_front();
    t();
  }
  s->draining = false;
}
static void drain_all() {
  drain(&null_stream);
  for (CUstream_st *s : streams) drain(s);
}
static CUstream_st *of(cudaStream_t s) { return s ? s : &null_stream; }

static cudaError_t submit(cudaStream_t stream, task t) {
  CUstream_st *s = of(stream);
  if (s->capture) {
    s->capture->tasks.push_back(std::move(t));
    return cudaSuccess;
  }
  if (s == &null_stream) { /* it waits for all others */
    for (CUstream_st *other : streams)
      if (other->capture) return fail(cudaErrorStreamCaptureImplicit);
      else drain(other);
  }
  s->waiting.push_back(std::move(t));
  if (!defer || s->waiting.size() > 4096) drain(s);
  return cudaSuccess;
}

/* waiting inside a capture is an error, as on a device */
static bool capturing() {
  for (CUstream_st *s : streams)
    if (s->capture) return true;
  return false;
}

namespace emu {
cudaError_t host_task(task body, cudaStream_t stream) {
  return submit(stream, [body = std::move(body)] {
    within_reach now;
    body();
  });
}
bool in_one_piece(const void *p, size_t bytes) {
  auto i = used.upper_bound((char *)p);
  if (i == used.begin()) return false;
  --i;
  return (char *)p + bytes <= i->first + i->second.asked;
}
cudaError_t launch(task body, dim3 grid, dim3 block, size_t shared, cudaStream_t stream) {
  const size_t n = (size_t)block.x * block.y * block.z;
  if (n == 0 || n > 1024 || block.z > 64 || grid.x == 0 || grid.y == 0 || grid.z == 0 || grid.x > 2147483647u || grid.y > 65535 ||
      grid.z > 65535 || shared > MAX_SHARED)
    return fail(cudaErrorInvalidConfiguration);
  return submit(stream, [=, body = std::move(body)] {
    within_reach now;
    run_grid(body, grid, block, shared, order_seed);
  });
}
} // namespace emu

static void copy_bytes(void *to, const void *from, size_t bytes) {
  within_reach now;
  memmove(to, from, bytes);
}

extern "C" {
/* ---- devices ---- */
cudaError_t cudaGetDeviceCount(int *n) { return *n = devices, devices > 0 ? cudaSuccess : fail(cudaErrorNoDevice); }
cudaError_t cudaSetDevice(int d) {
  if (d < 0 || d >= devices) return fail(cudaErrorInvalidDevice);
  device = d;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int *d) { return *d = device, cudaSuccess; }
cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int d) {
  if (d < 0 || d >= devices) return fail(cudaErrorInvalidDevice);
  memset(p, 0, sizeof *p);
  strcpy(p->name, "emulated GPU");
  p->totalGlobalMem = capacity();
  p->major = 9;
  p->multiProcessorCount = 4;
  p->warpSize = 32;
  p->maxThreadsPerBlock = 1024;
  p->maxThreadsPerMultiProcessor = 2048;
  p->sharedMemPerBlock = 48 << 10;
  p->sharedMemPerBlockOptin = emu::MAX_SHARED;
  p->sharedMemPerMultiprocessor = 233472;
  p->l2CacheSize = 50 << 20;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int *value, cudaDeviceAttr what, int d) {
  cudaDeviceProp p;
  if (cudaGetDeviceProperties(&p, d) != cudaSuccess) return cudaErrorInvalidDevice;
  switch (what) {
    case cudaDevAttrMultiProcessorCount: *value = p.multiProcessorCount; break;
    case cudaDevAttrComputeCapabilityMajor: *value = p.major; break;
    case cudaDevAttrComputeCapabilityMinor: *value = p.minor; break;
    case cudaDevAttrMaxSharedMemoryPerBlock: *value = (int)p.sharedMemPerBlock; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = (int)p.sharedMemPerBlockOptin; break;
    case cudaDevAttrMaxThreadsPerBlock: *value = p.maxThreadsPerBlock; break;
    case cudaDevAttrMaxThreadsPerMultiProcessor: *value = p.maxThreadsPerMultiProcessor; break;
    case cudaDevAttrL2CacheSize: *value = p.l2CacheSize; break;
    case cudaDevAttrWarpSize: *value = 32; break;
    default: *value = 0;
  }
  return cudaSuccess;
}
cudaError_t cudaDeviceCanAccessPeer(int *can, int, int) { return *can = 1, cudaSuccess; }
cudaError_t cudaDeviceEnablePeerAccess(int, unsigned) { return cudaSuccess; }
cudaError_t cudaDriverGetVersion(int *v) { return *v = CUDART_VERSION, cudaSuccess; }
cudaError_t cudaRuntimeGetVersion(int *v) { return *v = CUDART_VERSION, cudaSuccess; }
cudaError_t cudaDeviceSynchronize(void) {
  if (capturing()) return fail(cudaErrorStreamCaptureUnsupported);
  drain_all();
  return cudaSuccess;
}
cudaError_t cudaGetLastError(void) {
  cudaError_t e = last_error;
  last_error = cudaSuccess;
  return e;
}
cudaError_t cudaPeekAtLastError(void) { return last_error; }
const char *cudaGetErrorName(cudaError_t e) { return e == cudaSuccess ? "cudaSuccess" : "cudaErrorEmulated"; }
const char *cudaGetErrorString(cudaError_t e) {
  static thread_local char text[64];
  if (e == cudaErrorMemoryAllocation) return "out of memory";
  if (e == cudaErrorStreamCaptureUnsupported) return "operation not permitted when stream is capturing";
  snprintf(text, sizeof text, e == cudaSuccess ? "no error" : "emulated error %d", (int)e);
  return text;
}
cudaError_t cudaFuncSetAttribute(const void *, cudaFuncAttribute, int value) {
  return value > (int)emu::MAX_SHARED ? fail(cudaErrorInvalidValue) : cudaSuccess;
}
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, const void *, int threads, size_t shared) {
  *blocks = std::max(1, 2048 / std::max(threads, 1));
  while (*blocks > 1 && shared * (size_t)*blocks > 233472) --*blocks;
  return cudaSuccess;
}

/* ---- memory ---- */
cudaError_t cudaMalloc(void **p, size_t asked) {
  if (!ready()) return fail(cudaErrorMemoryAllocation);
  const size_t bytes = (std::max(asked, (size_t)1) + PAGE - 1) & ~(PAGE - 1);
  if (taken[device] + bytes > capacity()) return fail(cudaErrorMemoryAllocation);
  drain_all(); /* a kernel in waiting could be writing to what was freed */
  within_reach now;
  char *data = carve(bytes);
  if (!data) return fail(cudaErrorMemoryAllocation);
  reach(true); /* the arena may have grown */
  ASAN_UNPOISON_MEMORY_REGION(data, bytes);
  memset(data, 0xff, bytes); /* NaNs: nothing wrote it yet */
  ASAN_POISON_MEMORY_REGION(data + asked, bytes - asked);
  used[data] = {bytes, asked, device};
  taken[device] += bytes;
  *p = data;
  return cudaSuccess;
}
cudaError_t cudaFree(void *p) {
  if (!p) return cudaSuccess;
  auto i = used.find((char *)p);
  if (i == used.end()) return fail(cudaErrorInvalidValue);
  if (capturing()) return fail(cudaErrorStreamCaptureUnsupported);
  drain_all();
  ASAN_POISON_MEMORY_REGION(p, i->second.bytes);
  taken[i->second.device] -= i->second.bytes;
  give_back(i->first, i->second.bytes);
  used.erase(i);
  return cudaSuccess;
}
cudaError_t cudaMemGetInfo(size_t *left, size_t *total) {
  *total = capacity();
  *left = *total - taken[device];
  return cudaSuccess;
}
cudaError_t cudaHostAlloc(void **p, size_t n, unsigned) {
  *p = aligned_alloc(PAGE, (n + PAGE - 1) & ~(PAGE - 1));
  if (*p) pinned[(const char *)*p] = n;
  return *p ? cudaSuccess : fail(cudaErrorMemoryAllocation);
}
cudaError_t cudaMallocHost(void **p, size_t n) { return cudaHostAlloc(p, n, 0); }
cudaError_t cudaFreeHost(void *p) { return drain_all(), pinned.erase((const char *)p), free(p), cudaSuccess; }
cudaError_t cudaHostGetDevicePointer(void **d, void *h, unsigned) { return *d = h, cudaSuccess; }
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes *a, const void *p) {
  *a = cudaPointerAttributes();
  a->type = on_device(p) ? cudaMemoryTypeDevice : cudaMemoryTypeUnregistered;
  return cudaSuccess;
}
cudaError_t cudaMemcpy(void *to, const void *from, size_t n, cudaMemcpyKind) {
  if (capturing()) return fail(cudaErrorStreamCaptureUnsupported);
  drain_all();
  copy_bytes(to, from, n);
  return cudaSuccess;
}
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t n, cudaMemcpyKind, cudaStream_t s) {
  if (!on_device(from) && !is_pinned(from)) { /* the host's pages may change at once: they are read now */
    auto kept = std::make_shared<std::vector<char>>((const char *)from, (const char *)from + n);
    return submit(s, [=] { copy_bytes(to, kept->data(), n); });
  }
  return submit(s, [=] { copy_bytes(to, from, n); });
}
cudaError_t cudaMemcpyPeerAsync(void *to, int, const void *from, int, size_t n, cudaStream_t s) {
  return submit(s, [=] { copy_bytes(to, from, n); });
}
cudaError_t cudaMemsetAsync(void *p, int value, size_t n, cudaStream_t s) {
  return submit(s, [=] {
    within_reach now;
    memset(p, value, n);
  });
}
cudaError_t cudaMemset(void *p, int value, size_t n) { return cudaMemsetAsync(p, value, n, nullptr); }

/* ---- streams and events ---- */
cudaError_t cudaStreamCreateWithPriority(cudaStream_t *s, unsigned, int) {
  streams.push_back(*s = new CUstream_st);
  (*s)->device = device;
  return cudaSuccess;
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t *s, unsigned flags) { return cudaStreamCreateWithPriority(s, flags, 0); }
cudaError_t cudaStreamCreate(cudaStream_t *s) { return cudaStreamCreateWithPriority(s, 0, 0); }
cudaError_t cudaStreamDestroy(cudaStream_t s) {
  drain(s);
  streams.erase(std::find(streams.begin(), streams.end(), s));
  delete s;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t s) {
  if (of(s)->capture || (!s && capturing())) return fail(cudaErrorStreamCaptureUnsupported);
  if (s) drain(s);
  else drain_all();
  return cudaSuccess;
}
cudaError_t cudaStreamQuery(cudaStream_t s) { return of(s)->waiting.empty() ? cudaSuccess : cudaErrorNotReady; }
cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest) { return *least = 0, *greatest = -5, cudaSuccess; }
cudaError_t cudaEventCreateWithFlags(cudaEvent_t *e, unsigned) { return *e = new CUevent_st, cudaSuccess; }
cudaError_t cudaEventCreate(cudaEvent_t *e) { return cudaEventCreateWithFlags(e, 0); }
cudaError_t cudaEventDestroy(cudaEvent_t e) { return delete e, cudaSuccess; }
cudaError_t cudaEventRecord(cudaEvent_t e, cudaStream_t s) {
  e->capture = of(s)->capture;
  if (e->capture) return cudaSuccess;
  auto m = std::make_shared<moment>();
  m->stream = of(s);
  e->last = m;
  return submit(s, [m] {
    m->done = true;
    m->at = std::chrono::steady_clock::now();
  });
}
static void await(const std::shared_ptr<moment> &m) {
  while (m && !m->done && !m->stream->waiting.empty()) {
    task t = std::move(m->stream->waiting.front());
    m->stream->waiting.pop_front();
    t();
  }
}
cudaError_t cudaStreamWaitEvent(cudaStream_t s, cudaEvent_t e, unsigned) {
  if (e->capture) { /* the stream joins the capture */
    of(s)->capture = e->capture;
    return cudaSuccess;
  }
  auto m = e->last;
  return m && !m->done ? submit(s, [m] { await(m); }) : cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t e) { return await(e->last), cudaSuccess; }
cudaError_t cudaEventQuery(cudaEvent_t e) { return !e->last || e->last->done ? cudaSuccess : cudaErrorNotReady; }
cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t from, cudaEvent_t to) {
  if (!from->last || !to->last) return fail(cudaErrorInvalidResourceHandle);
  if (!from->last->done || !to->last->done) return cudaErrorNotReady;
  *ms = std::chrono::duration<float, std::milli>(to->last->at - from->last->at).count();
  return cudaSuccess;
}
cudaError_t cudaLaunchHostFunc(cudaStream_t s, cudaHostFn_t f, void *data) {
  return submit(s, [=] { f(data); });
}

/* ---- graphs: the captured work as a list ---- */
cudaError_t cudaStreamBeginCapture(cudaStream_t s, cudaStreamCaptureMode) {
  if (!s || s->capture) return fail(cudaErrorStreamCaptureUnsupported);
  s->capture = new CUgraph_st;
  s->origin = true;
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t s, cudaGraph_t *g) {
  if (!s->capture || !s->origin) return fail(cudaErrorIllegalState);
  *g = s->capture;
  s->origin = false;
  for (CUstream_st *other : streams)
    if (other->capture == *g) other->capture = nullptr;
  return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t s, cudaStreamCaptureStatus *status) {
  *status = of(s)->capture ? cudaStreamCaptureStatusActive : cudaStreamCaptureStatusNone;
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t *e, cudaGraph_t g, unsigned long long) {
  *e = new CUgraphExec_st{g->tasks};
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t e, cudaStream_t s) {
  for (const task &t : e->tasks) {
    cudaError_t error = submit(s, t);
    if (error != cudaSuccess) return error;
  }
  return cudaSuccess;
}
cudaError_t cudaGraphGetNodes(cudaGraph_t g, cudaGraphNode_t *, size_t *n) { return *n = g->tasks.size(), cudaSuccess; }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t e) { return delete e, cudaSuccess; }
cudaError_t cudaGraphDestroy(cudaGraph_t g) { return delete g, cudaSuccess; }
}
