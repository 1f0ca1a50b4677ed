--- Streams and events of GPUs: work that runs in an order of its own, and points in it to wait for. Loaded as part of tocha.cuda.
-- @module tocha.cuda.stream

local ffi = require 'ffi'
local library = require 'tocha.cuda.library'
local errors = require 'tocha.errors'
local tensor = require 'tocha.tensor'
local core = require 'tocha.library'

local M = {}

---------------------------------------------------------------- events
local Event = {}
Event.__index = Event

--- A point in a stream. tocha.cuda.Event{enable_timing = true} can be asked how long after another it was.
function M.Event(options)
  local C = library.need('Event')
  local timing = options and options.enable_timing and 1 or 0
  local event = C.tc_cuda_event_new(timing)
  if event == nil then library.check(1, 'Event') end
  return setmetatable({event = ffi.gc(event, C.tc_cuda_event_end), timing = timing == 1}, Event)
end

local function is_stream(v) return type(v) == 'table' and getmetatable(v) == M.Stream_class end

local function stream_or_current(stream, who)
  if stream == nil then return M.current_stream() end
  if not is_stream(stream) then errors.raise('%s: stream: got %s, takes a Stream', who, errors.describe(stream)) end
  return stream
end

--- Puts the event behind what a stream has been given so far; nil is the current one.
function Event:record(stream)
  library.check(library.C.tc_cuda_event_record(self.event, stream_or_current(stream, 'Event.record').stream), 'Event.record')
  return self
end
--- What the stream is given from now on waits for the event.
function Event:wait(stream)
  library.check(library.C.tc_cuda_event_await(self.event, stream_or_current(stream, 'Event.wait').stream), 'Event.wait')
end
--- Waits until the device has come past it.
function Event:synchronize() library.check(library.C.tc_cuda_event_wait(self.event), 'Event.synchronize') end
--- Has the device come past it?
function Event:query() return library.C.tc_cuda_event_done(self.event) == 1 end
--- Milliseconds from this event to another; both timed and passed.
function Event:elapsed_time(other)
  if not self.timing or not other.timing then errors.raise('Event.elapsed_time: takes events made with {enable_timing = true}') end
  local ms = ffi.new 'double[1]'
  library.check(library.C.tc_cuda_event_elapsed(self.event, other.event, ms), 'Event.elapsed_time')
  return ms[0]
end

---------------------------------------------------------------- streams
local Stream = {}
Stream.__index = Stream
M.Stream_class = Stream

local function wrap(pointer, device) return setmetatable({stream = pointer, device_index = device}, Stream) end

--- A stream of a device (nil: the current one). tocha.cuda.Stream{device = 0, priority = -1}: lower numbers come first.
function M.Stream(options)
  options = type(options) == 'table' and options or {device = options}
  local device = library.device(options.device, 'Stream')
  local C = library.C
  local stream = C.tc_cuda_stream_new(device, options.priority or 0)
  if stream == nil then library.check(1, 'Stream') end
  return wrap(ffi.gc(stream, C.tc_cuda_stream_end), device)
end

--- Waits until everything in it is done.
function Stream:synchronize() library.check(library.C.tc_cuda_stream_wait(self.stream), 'Stream.synchronize') end
--- Is everything in it done?
function Stream:query() return library.C.tc_cuda_stream_idle(self.stream) == 1 end
--- What it is given from now on waits for what `other` has been given so far.
function Stream:wait_stream(other) M.Event():record(other):wait(self) end
--- What it is given from now on waits for an event.
function Stream:wait_event(event) event:wait(self) end
--- An event behind what it has been given so far.
function Stream:record_event(event) return (event or M.Event()):record(self) end
function Stream.__eq(a, b) return a.stream == b.stream and a.device_index == b.device_index end
function Stream:__tostring() return ('<cuda stream %s of cuda:%d>'):format(tostring(self.stream):match('0x%x+') or '0', self.device_index) end

--- The stream that operators of a device are given to.
function M.current_stream(device)
  local n = library.device(device, 'current_stream')
  return wrap(library.C.tc_cuda_stream_of(n), n)
end
--- The stream that is current at the start.
function M.default_stream(device) return wrap(nil, library.device(device, 'default_stream')) end
--- Makes a stream the current one of its device.
function M.set_stream(stream)
  if not is_stream(stream) then errors.raise('set_stream: got %s, takes a Stream', errors.describe(stream)) end
  M.held = M.held or {}
  M.held[stream.device_index] = stream -- it must live while it is current
  library.C.tc_cuda_set_stream(stream.device_index, stream.stream)
end

local function back(before, held, good, ...)
  library.C.tc_cuda_set_stream(before.device_index, before.stream)
  M.held[before.device_index] = held
  if not good then error((...), 0) end
  return ...
end

--- Calls f(...) with `stream` current. Tensors made before on another stream need stream:wait_stream(other) before, and x:record_stream(stream)
-- if they may be dropped while the stream still uses them.
function M.stream(stream, f, ...)
  if not is_stream(stream) then errors.raise('stream: got %s, takes a Stream', errors.describe(stream)) end
  local before = M.current_stream(stream.device_index)
  M.held = M.held or {}
  local held = M.held[stream.device_index]
  M.set_stream(stream)
  return back(before, held, pcall(f, ...))
end

--- The tensor's memory is not reused before the stream has come past the tensor's end.
function M.record_stream(x, stream)
  if not tensor.is_tensor(x) then errors.raise('record_stream: got %s, takes a tensor', errors.describe(x)) end
  if not is_stream(stream) then errors.raise('record_stream: stream: got %s, takes a Stream', errors.describe(stream)) end
  local device = core.C.tc_device_of(x._t)
  if device == 0 then errors.raise('record_stream: takes a tensor on a GPU') end
  library.C.tc_cuda_record_stream(device - 1, core.C.tc_storage_data(x._t), stream.stream)
end

return M
