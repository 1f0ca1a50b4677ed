--- The memory of GPUs: what tensors take, what the allocator holds, giving it back. Loaded as part of tocha.cuda.
-- @module tocha.cuda.memory

local ffi = require 'ffi'
local library = require 'tocha.cuda.library'
local handle = require 'tocha.handle'
local errors = require 'tocha.errors'

local memory = {}

-- in the order of kernels/cuda/cache.h
local names = {'allocated_bytes', 'allocated_bytes_peak', 'reserved_bytes', 'reserved_bytes_peak', 'requested_bytes', 'inactive_split_bytes',
  'allocations', 'frees', 'device_allocations', 'device_frees', 'retries', 'failures', 'blocks', 'segments'}
local number = {}
for i, name in ipairs(names) do number[name] = i - 1 end

local function reader(key, who)
  return function(device)
    local n = library.device(device, who)
    return tonumber(library.C.tc_cuda_memory_stat(n, number[key]))
  end
end

--- Bytes in tensors on a device (nil: the current one), as rounded by the allocator.
memory.memory_allocated = reader('allocated_bytes', 'memory_allocated')
--- The most bytes in tensors since the start or reset_peak_memory_stats.
memory.max_memory_allocated = reader('allocated_bytes_peak', 'max_memory_allocated')
--- Bytes that the allocator holds of the device.
memory.memory_reserved = reader('reserved_bytes', 'memory_reserved')
--- The most bytes that it held.
memory.max_memory_reserved = reader('reserved_bytes_peak', 'max_memory_reserved')

--- All figures of the allocator as a table: bytes allocated to tensors, requested by them, reserved from the device, each with its peak, bytes in
-- unused parts of segments, and how often what happened.
function memory.memory_stats(device)
  local n, stats = library.device(device, 'memory_stats'), {}
  for i, name in ipairs(names) do stats[name] = tonumber(library.C.tc_cuda_memory_stat(n, i - 1)) end
  return stats
end

--- The peaks start again from what is in use now.
function memory.reset_peak_memory_stats(device)
  library.C.tc_cuda_memory_reset_peaks(library.device(device, 'reset_peak_memory_stats'))
end

--- Collects what Lua no longer reaches and gives unused memory back to the devices.
function memory.empty_cache()
  if library.open() == 0 then return end
  handle.collect()
  for n = 0, library.count - 1 do library.C.tc_cuda_memory_flush(n) end
  library.C.tc_cuda_flush_pinned()
end

--- Free and total bytes of a device, as the driver says.
function memory.mem_get_info(device)
  local n, pair = library.device(device, 'mem_get_info'), ffi.new 'double[2]'
  library.check(library.C.tc_cuda_memory_info(n, pair, pair + 1), 'mem_get_info')
  return pair[0], pair[1]
end

--- The allocator holds at most this part (0 .. 1) of a device's memory; beyond it an allocation raises an error.
function memory.set_per_process_memory_fraction(fraction, device)
  local n = library.device(device, 'set_per_process_memory_fraction')
  if type(fraction) ~= 'number' or not (fraction >= 0 and fraction <= 1) then
    errors.raise('set_per_process_memory_fraction: fraction: got %s, takes 0 .. 1', errors.describe(fraction))
  end
  local _, total = memory.mem_get_info(n)
  library.C.tc_cuda_memory_cap(n, fraction == 1 and 0 or math.max(1, fraction * total))
end

local function size_text(bytes)
  local unit, units = 1, {'B', 'KiB', 'MiB', 'GiB', 'TiB'}
  while bytes >= 1024 and unit < #units do bytes, unit = bytes / 1024, unit + 1 end
  return ('%.4g %s'):format(bytes, units[unit])
end

--- memory_stats as text, with the ten largest live blocks and the operators that asked for them.
function memory.memory_summary(device)
  local n = library.device(device, 'memory_summary')
  local s, left, total = memory.memory_stats(n), memory.mem_get_info(n)
  local lines = {('Tocha memory (cuda:%d)'):format(n)}
  local function row(title, text) lines[#lines + 1] = ('  %-24s %14s'):format(title, text) end
  row('in tensors', size_text(s.allocated_bytes))
  row('at most so far', size_text(s.allocated_bytes_peak))
  row('held of the device', size_text(s.reserved_bytes))
  row('held at most', size_text(s.reserved_bytes_peak))
  row('unused parts', size_text(s.inactive_split_bytes))
  row('the device has', size_text(total))
  row('of them free', size_text(left))
  row('allocations', ('%d'):format(s.allocations))
  row('calls of the device', ('%d'):format(s.device_allocations))
  row('segments, blocks', ('%d, %d'):format(s.segments, s.blocks))
  local sizes, makers = ffi.new 'int64_t[10]', ffi.new 'const char *[10]'
  for i = 0, library.C.tc_cuda_memory_largest(n, 10, sizes, makers) - 1 do
    row(makers[i] ~= nil and ffi.string(makers[i]) or '?', size_text(tonumber(sizes[i])))
  end
  return table.concat(lines, '\n')
end

return memory
