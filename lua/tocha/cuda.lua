--- CUDA devices: whether there are any, and if not why.
-- @module tocha.cuda

local ffi = require 'ffi'
local library = require 'tocha.library'
local C = library.C

local cuda = {}

local tried, count, why = false, 0, nil

local function try()
  if tried then return end
  tried = true
  local said = os.getenv('TOCHA_CUDA_LIBRARY') -- another build of it, such as the emulated device
  local path = said and said ~= '' and said or library.path:gsub('libtocha%.so$', 'libtocha_cuda.so')
  count = tonumber(C.tc_cuda_load(path))
  if count == 0 then why = ffi.string(C.tc_cuda_reason()) end
end

--- Can tensors live on 'cuda'? Opens libtocha_cuda.so at the first call.
function cuda.is_available()
  try()
  return count > 0
end

--- Why is_available() is false; nil if it is true.
function cuda.reason()
  try()
  return why
end

--- The number of devices.
function cuda.device_count()
  try()
  return count
end

return cuda
