--- GPUs by CUDA, under PyTorch's names: which there are, their memory, streams, events and graphs. The library behind it,
-- libtocha_cuda.so, is opened when it is first asked for; without it, a driver or a device is_available() is false and reason() says why.
-- @module tocha.cuda

local ffi = require 'ffi'
local library = require 'tocha.cuda.library'
local core = require 'tocha.library'

local cuda = {}

--- Can tensors live on 'cuda'?
function cuda.is_available() return library.open() > 0 end

--- Why is_available() is false; nil if it is true.
function cuda.reason()
  library.open()
  return library.reason
end

--- The number of devices.
function cuda.device_count() return library.open() end

--- Is CUDA in use?
function cuda.is_initialized() return library.C ~= nil end

--- Opens the library; an error where there is no device.
function cuda.init() library.need('init') end

--- The number, from 0, of the device that 'cuda' means.
function cuda.current_device() return library.device(nil, 'current_device') end

--- 'cuda' means this device from now on: a number from 0, or a name.
function cuda.set_device(device) core.C.tc_cuda_set_default(library.device(device, 'set_device')) end

local function back(before, good, ...)
  core.C.tc_cuda_set_default(before)
  if not good then error((...), 0) end
  return ...
end

--- Calls f(...) while 'cuda' means this device.
function cuda.device(device, f, ...)
  local before = library.device(nil, 'device')
  cuda.set_device(device)
  return back(before, pcall(f, ...))
end

--- What the driver says about a device: name, total_memory (bytes), major, minor, multi_processor_count, warp_size, L2_cache_size,
-- max_threads_per_multi_processor, shared_memory_per_block (bytes), driver and runtime version.
function cuda.get_device_properties(device)
  local n, p = library.device(device, 'get_device_properties'), ffi.new 'tc_cuda_properties'
  library.check(library.C.tc_cuda_properties_of(n, p), 'get_device_properties')
  return {name = ffi.string(p.name), total_memory = p.total_memory, major = p.major, minor = p.minor,
    multi_processor_count = p.multi_processor_count, warp_size = p.warp_size, L2_cache_size = p.l2_cache_size,
    max_threads_per_multi_processor = p.max_threads_per_multi_processor, shared_memory_per_block = p.shared_memory_per_block,
    driver = p.driver, runtime = p.runtime}
end

--- A device's name.
function cuda.get_device_name(device) return cuda.get_device_properties(device).name end

--- A device's compute capability: major and minor.
function cuda.get_device_capability(device)
  local p = cuda.get_device_properties(device)
  return p.major, p.minor
end

--- Can one device read the other's memory?
function cuda.can_device_access_peer(device, peer)
  local a, b = library.device(device, 'can_device_access_peer'), library.device(peer, 'can_device_access_peer')
  return library.C.tc_cuda_can_access_peer(a, b) == 1
end

--- Does it compute in bfloat16? All devices from compute capability 8.0 on.
function cuda.is_bf16_supported() return cuda.is_available() and (cuda.get_device_capability()) >= 8 end

--- Waits until a device has done everything; errors of its kernels come up here at the latest.
function cuda.synchronize(device)
  local n = library.device(device, 'synchronize')
  library.check(library.C.tc_cuda_synchronize(n), 'synchronize')
end

--- Seeds the generator, which is one for all devices: the CPU and GPUs draw the same numbers.
function cuda.manual_seed(seed) return require('tocha').manual_seed(seed) end
cuda.manual_seed_all = cuda.manual_seed

local homes = {
  ['tocha.cuda.memory'] = [[memory_allocated max_memory_allocated memory_reserved max_memory_reserved memory_stats memory_summary
    reset_peak_memory_stats empty_cache mem_get_info set_per_process_memory_fraction]],
  ['tocha.cuda.stream'] = 'Stream Event stream current_stream default_stream set_stream record_stream',
}
local home = {graph = 'tocha.cuda.graph'}
for module, names in pairs(homes) do
  for name in names:gmatch('%S+') do home[name] = module end
end

return setmetatable(cuda, {__index = function(self, name)
  if not home[name] then return nil end
  local module = require(home[name])
  local value = type(module) == 'table' and module[name] or module
  rawset(self, name, value)
  return value
end, __names = function()
  local names = {}
  for name in pairs(home) do names[#names + 1] = name end
  return names
end})
