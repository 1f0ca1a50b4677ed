--- Opens libtocha_cuda.so and declares what Lua calls in it: devices, memory, streams, events, graphs. Operators go through libtocha.so.
-- @module tocha.cuda.library

local ffi = require 'ffi'
local core = require 'tocha.library'
local errors = require 'tocha.errors'
local C = core.C

ffi.cdef[[
typedef struct tc_cuda_properties {
  char name[256];
  double total_memory, l2_cache_size, shared_memory_per_block;
  int major, minor, multi_processor_count, max_threads_per_multi_processor, warp_size, driver, runtime;
} tc_cuda_properties;
typedef struct tc_cuda_graph tc_cuda_graph;
const char *tc_cuda_error_text(void);
int tc_cuda_properties_of(int device, tc_cuda_properties *p);
int tc_cuda_can_access_peer(int device, int peer);
int tc_cuda_synchronize(int device);
double tc_cuda_memory_stat(int device, int which);
void tc_cuda_memory_reset_peaks(int device);
void tc_cuda_memory_cap(int device, double bytes);
void tc_cuda_memory_flush(int device);
void tc_cuda_flush_pinned(void);
int tc_cuda_memory_info(int device, double *left, double *total);
int tc_cuda_memory_largest(int device, int count, int64_t *bytes, const char **makers);
void tc_cuda_record_stream(int device, void *data, void *stream);
void *tc_cuda_stream_new(int device, int priority);
int tc_cuda_stream_end(void *stream);
int tc_cuda_stream_wait(void *stream);
int tc_cuda_stream_idle(void *stream);
void *tc_cuda_stream_of(int device);
void tc_cuda_set_stream(int device, void *stream);
void *tc_cuda_event_new(int timing);
int tc_cuda_event_end(void *event);
int tc_cuda_event_record(void *event, void *stream);
int tc_cuda_event_await(void *event, void *stream);
int tc_cuda_event_wait(void *event);
int tc_cuda_event_done(void *event);
int tc_cuda_event_elapsed(void *from, void *to, double *ms);
tc_cuda_graph *tc_cuda_graph_begin(int device);
const void *tc_cuda_graph_random(tc_cuda_graph *g);
int tc_cuda_graph_finish(tc_cuda_graph *g);
int tc_cuda_graph_replay(tc_cuda_graph *g, uint64_t seed, uint64_t calls);
double tc_cuda_graph_nodes(tc_cuda_graph *g);
void tc_cuda_graph_end(tc_cuda_graph *g);
int tc_cuda_set_tf32(int which, int on);
int tc_cuda_get_tf32(int which);
double tc_cuda_library_version(const char *name);
]]

local library = {count = 0}
local tried = false

--- Opens the library at the first call; gives the number of devices.
function library.open()
  if tried then return library.count end
  tried = true
  local said = os.getenv('TOCHA_CUDA_LIBRARY') -- another build of it, such as the emulated device
  local path = said and said ~= '' and said or core.path:gsub('libtocha%.so$', 'libtocha_cuda.so')
  library.count = tonumber(C.tc_cuda_load(path))
  if library.count == 0 then library.reason = ffi.string(C.tc_cuda_reason()) else library.C = ffi.load(path) end
  return library.count
end

--- The library's functions; raises an error that names `who` where there is no device.
function library.need(who)
  if library.open() == 0 then errors.raise('%s: CUDA is not available: %s', who, library.reason) end
  return library.C
end

--- Raises the error of a call that did not give status 0.
function library.check(status, who)
  if status ~= 0 then errors.raise('%s: %s', who, ffi.string(library.C.tc_cuda_error_text())) end
end

--- A device's number, from 0, for a number, a name ('cuda', 'cuda:1') or nil, which is the current device.
function library.device(device, who)
  library.need(who)
  if device == nil or device == 'cuda' then return C.tc_cuda_get_default() end
  local n = type(device) == 'number' and device or tonumber(type(device) == 'string' and device:match('^cuda:(%d+)$'))
  if not n or n < 0 or n >= library.count or n % 1 ~= 0 then
    errors.raise('%s: device: got %s, takes 0 .. %d or its name', who, errors.describe(device), library.count - 1)
  end
  return n
end

return library
