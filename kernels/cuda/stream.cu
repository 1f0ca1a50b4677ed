/* stream.cu: streams, events, graphs and the properties of devices, as plain C for Lua. Each gives a status of kernels.h, or NULL after an
   error; tc_cuda_error_text says why. */
#include "device.h"
#include <cstdio>
#include <cstring>

/* ---- devices ---- */
struct tc_cuda_properties {
  char name[256];
  double total_memory, l2_cache_size, shared_memory_per_block;
  int major, minor, multi_processor_count, max_threads_per_multi_processor, warp_size, driver, runtime;
};
TC_EXPORT int tc_cuda_properties_of(int device, tc_cuda_properties *p) {
  cudaDeviceProp d;
  memset(p, 0, sizeof *p);
  int answer = tc_cuda_status(cudaGetDeviceProperties(&d, device), "get_device_properties");
  if (answer != TC_OK) return answer;
  snprintf(p->name, sizeof p->name, "%s", d.name);
  p->total_memory = (double)d.totalGlobalMem;
  p->l2_cache_size = (double)d.l2CacheSize;
  p->shared_memory_per_block = (double)d.sharedMemPerBlockOptin;
  p->major = d.major;
  p->minor = d.minor;
  p->multi_processor_count = d.multiProcessorCount;
  p->max_threads_per_multi_processor = d.maxThreadsPerMultiProcessor;
  p->warp_size = d.warpSize;
  cudaDriverGetVersion(&p->driver);
  cudaRuntimeGetVersion(&p->runtime);
  return TC_OK;
}
TC_EXPORT int tc_cuda_can_access_peer(int device, int peer) {
  int can = 0;
  return cudaDeviceCanAccessPeer(&can, device, peer) == cudaSuccess && can;
}

/* ---- streams ---- */
TC_EXPORT void *tc_cuda_stream_new(int device, int priority) {
  tc_on_device here(device);
  cudaStream_t stream = nullptr;
  int answer = tc_cuda_status(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, priority), "Stream");
  return answer == TC_OK ? (void *)stream : nullptr;
}
TC_EXPORT int tc_cuda_stream_end(void *stream) { return tc_cuda_status(cudaStreamDestroy((cudaStream_t)stream), "Stream"); }
TC_EXPORT int tc_cuda_stream_wait(void *stream) { return tc_cuda_wait((cudaStream_t)stream); }
TC_EXPORT int tc_cuda_stream_idle(void *stream) { return cudaStreamQuery((cudaStream_t)stream) == cudaSuccess; }

/* ---- events ---- */
TC_EXPORT void *tc_cuda_event_new(int timing) {
  cudaEvent_t event = nullptr;
  return tc_cuda_status(cudaEventCreateWithFlags(&event, timing ? cudaEventDefault : cudaEventDisableTiming), "Event") == TC_OK ? event : nullptr;
}
TC_EXPORT int tc_cuda_event_end(void *event) { return tc_cuda_status(cudaEventDestroy((cudaEvent_t)event), "Event"); }
TC_EXPORT int tc_cuda_event_record(void *event, void *stream) {
  return tc_cuda_status(cudaEventRecord((cudaEvent_t)event, (cudaStream_t)stream), "Event.record");
}
TC_EXPORT int tc_cuda_event_await(void *event, void *stream) { /* the stream waits */
  return tc_cuda_status(cudaStreamWaitEvent((cudaStream_t)stream, (cudaEvent_t)event, 0), "Event.wait");
}
TC_EXPORT int tc_cuda_event_wait(void *event) { return tc_cuda_status(cudaEventSynchronize((cudaEvent_t)event), "Event.synchronize"); }
TC_EXPORT int tc_cuda_event_done(void *event) { return cudaEventQuery((cudaEvent_t)event) != cudaErrorNotReady; }
TC_EXPORT int tc_cuda_event_elapsed(void *from, void *to, double *ms) {
  float value = 0;
  int answer = tc_cuda_status(cudaEventElapsedTime(&value, (cudaEvent_t)from, (cudaEvent_t)to), "Event.elapsed_time");
  *ms = value;
  return answer;
}

/* ---- graphs ---- */
struct tc_cuda_graph {
  int device, pool;
  cudaGraphExec_t exec;
  void *before;              /* the stream that was current */
  cudaStream_t stream;
  unsigned long long *random; /* two numbers that the draws of a replay add (philox.h) */
  size_t nodes;
  std::vector<void *> staging;
};
TC_EXPORT void tc_cuda_capture_pool(int device, int pool, bool on); /* memory.cu */
TC_EXPORT int tc_cuda_pool_new(int device);
TC_EXPORT void tc_cuda_pool_end(int device, int pool);
TC_EXPORT void tc_cuda_set_stream(int device, void *stream);

TC_EXPORT void tc_cuda_graph_end(tc_cuda_graph *g);

__global__ void set_pair(unsigned long long *to, unsigned long long a, unsigned long long b) {
  to[0] = a;
  to[1] = b;
}

static bool begin(tc_cuda_graph *g) {
  if (tc_cuda_status(cudaStreamCreateWithFlags(&g->stream, cudaStreamNonBlocking), "graph") != TC_OK) return false;
  g->random = (unsigned long long *)tc_cuda_memory_alloc(g->device, 16, nullptr);
  if (!g->random) return tc_cuda_say(TC_NO_MEMORY, "no memory for a graph"), false;
  if (tc_launch(set_pair, dim3(1), dim3(1), 0, tc_cuda_stream(), g->random, 0ull, 0ull) != TC_OK) return false;
  if (tc_cuda_status(cudaDeviceSynchronize(), "graph") != TC_OK) return false;
  return tc_cuda_status(cudaStreamBeginCapture(g->stream, cudaStreamCaptureModeRelaxed), "graph") == TC_OK;
}

/* From here on what is issued on the device is recorded, not run. NULL after an error. */
TC_EXPORT tc_cuda_graph *tc_cuda_graph_begin(int device) {
  tc_on_device here(device);
  tc_cuda_graph *g = new tc_cuda_graph{device, tc_cuda_pool_new(device), nullptr, tc_cuda_stream_of(device), nullptr, nullptr, 0, {}};
  if (!begin(g)) {
    tc_cuda_graph_end(g);
    return nullptr;
  }
  tc_cuda_set_stream(device, g->stream);
  tc_cuda_capture_pool(device, g->pool, true);
  return g;
}
TC_EXPORT const void *tc_cuda_graph_random(tc_cuda_graph *g) { return g->random; }

TC_EXPORT int tc_cuda_graph_finish(tc_cuda_graph *g) {
  cudaGraph_t graph = nullptr;
  int answer = tc_cuda_status(cudaStreamEndCapture(g->stream, &graph), "graph");
  tc_cuda_state(g->device)->staging.swap(g->staging);
  tc_cuda_capture_pool(g->device, 0, false);
  tc_cuda_set_stream(g->device, g->before);
  if (answer != TC_OK || !graph) return answer != TC_OK ? answer : tc_cuda_say(TC_DEVICE_ERROR, "nothing was captured");
  cudaGraphGetNodes(graph, nullptr, &g->nodes);
  answer = tc_cuda_status(cudaGraphInstantiate(&g->exec, graph, 0), "graph");
  cudaGraphDestroy(graph);
  return answer;
}
TC_EXPORT double tc_cuda_graph_nodes(tc_cuda_graph *g) { return (double)g->nodes; }

/* Runs it on the current stream; its draws are those of a seed and calls that differ by these two from the captured ones. */
TC_EXPORT int tc_cuda_graph_replay(tc_cuda_graph *g, uint64_t seed, uint64_t calls) {
  tc_on_device here(g->device);
  cudaStream_t stream = tc_cuda_stream();
  int answer = tc_launch(set_pair, dim3(1), dim3(1), 0, stream, g->random, (unsigned long long)seed, (unsigned long long)calls);
  if (answer != TC_OK) return answer;
  answer = tc_cuda_status(cudaGraphLaunch(g->exec, stream), "graph replay");
  return answer == TC_OK && tc_cuda_sync_mode() ? tc_cuda_wait(stream) : answer;
}

TC_EXPORT void tc_cuda_graph_end(tc_cuda_graph *g) {
  tc_on_device here(g->device);
  cudaDeviceSynchronize();
  if (g->exec) cudaGraphExecDestroy(g->exec);
  if (g->stream) cudaStreamDestroy(g->stream);
  if (g->random) tc_cuda_memory_free(g->device, g->random, 0);
  for (void *p : g->staging) cudaFreeHost(p);
  tc_cuda_pool_end(g->device, g->pool);
  delete g;
}
