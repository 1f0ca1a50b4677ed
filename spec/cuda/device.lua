--- Whether there is a CUDA device to test: a real one, or the emulated one that TOCHA_CUDA_LIBRARY names.
-- @module spec.cuda.device

local tocha = require 'tocha'

local D = {device = 'cuda'}

--- True where tensors can live on 'cuda'.
function D.there() return tocha.cuda.is_available() end

--- True for the emulated device, which is slow and has no tensor cores.
function D.emulated() return D.there() and (os.getenv('TOCHA_CUDA_LIBRARY') or ''):find('emu', 1, true) ~= nil end

D.needs = 'needs a CUDA device, or `make emu` and TOCHA_CUDA_LIBRARY=build/emu/libtocha_cuda.so'

-- an operator whose kernel or library call has not come yet
local unfinished = {}

--- True if the message says that a kernel is missing; the name is kept.
function D.is_missing(name, message)
  if not tostring(message):find('there is no kernel for this device', 1, true) then return false end
  unfinished[name] = true
  return true
end

--- The operators that failed for want of a kernel, sorted.
function D.missing()
  local list = {}
  for name in pairs(unfinished) do list[#list + 1] = name end
  table.sort(list)
  return list
end

return D
