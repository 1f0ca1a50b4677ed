--- What cuDNN itself would do on a GPU that is not here: from 9.8 on it makes plans for a device that is given by its properties. Every kind of
-- convolution has an engine on an H200 that gives the same bits each time and loses no digits. Needs cuDNN and build/libtocha_cuda.so.

local S = require 'spec.support'

-- as cuDNN writes the properties of a device
local h200 = [[{"deviceVer": 900, "maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64], "regsPerBlock": 65536,
  "multiProcessorCount": 132, "smClockRateKHz": 1980000, "memClockRateKHz": 3201000, "l2CacheSize": 62914560, "warpSize": 32,
  "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": 232448, "reservedSharedMemoryPerBlock": 1024, "maxRegistersPerSM": 65536,
  "pciDeviceId": 0, "maxCtasPerSM": 32, "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "isTccDriver": 0, "supportCoopLaunch": 1,
  "driverVer": 13000, "deviceName": "NVIDIA H200", "totalGlobalMem": 150754820096, "cudaDeviceId": 0}]]

-- name, batch, channels, results, groups, input (3 dims), kernel, stride, padding, dilation
local shapes = [[
  {'of lines', 2, 3, 8, 1, {1, 1, 50}, {1, 1, 5}, 1, 0, 1}, {'of lines in groups', 2, 4, 8, 2, {1, 1, 50}, {1, 1, 3}, 2, 1, 1},
  {'long lines', 1, 512, 512, 1, {1, 1, 4000}, {1, 1, 3}, 1, 1, 1}, {'5 x 5', 128, 1, 6, 1, {1, 28, 28}, {1, 5, 5}, 1, 2, 1},
  {'7 x 7', 32, 3, 64, 1, {1, 224, 224}, {1, 7, 7}, 2, 3, 1}, {'3 x 3', 32, 64, 64, 1, {1, 56, 56}, {1, 3, 3}, 1, 1, 1},
  {'1 x 1', 32, 256, 512, 1, {1, 56, 56}, {1, 1, 1}, 2, 0, 1}, {'31 x 31', 2, 8, 8, 1, {1, 40, 40}, {1, 31, 31}, 1, 15, 1},
  {'depthwise', 8, 128, 128, 128, {1, 28, 28}, {1, 3, 3}, 1, 1, 1}, {'depthwise, two results each', 2, 8, 16, 8, {1, 20, 20}, {1, 5, 5}, 1, 2, 1},
  {'in groups', 8, 64, 64, 4, {1, 28, 28}, {1, 3, 3}, 1, 1, 1}, {'dilated', 4, 16, 24, 1, {1, 30, 30}, {1, 3, 3}, 1, 2, 2},
  {'dilated in groups', 2, 8, 8, 4, {1, 20, 20}, {1, 3, 3}, 2, 2, 2}, {'of odd sizes', 3, 5, 7, 1, {1, 13, 11}, {1, 4, 2}, 1, 1, 1},
  {'to one place', 4, 3, 8, 1, {1, 3, 3}, {1, 3, 3}, 1, 0, 1}, {'of patches', 8, 3, 768, 1, {1, 224, 224}, {1, 16, 16}, 16, 0, 1},
  {'of volumes', 2, 3, 8, 1, {8, 16, 16}, {3, 3, 3}, 1, 1, 1}, {'of volumes in groups', 2, 4, 8, 2, {8, 16, 16}, {3, 3, 3}, 2, 1, 1},
  {'of volumes, depthwise', 2, 8, 8, 8, {6, 9, 9}, {3, 3, 3}, 1, 1, 1}]]

-- prints a line for each shape, kind and dtype; in a process of its own, which has no emulated device
local program = [=[
  local ffi = require 'ffi'
  ffi.cdef 'typedef struct tc_conv { int64_t n, c, o, groups, in[3], out[3], k[3], stride[3], pad[3], dilation[3]; } tc_conv;'
  ffi.cdef 'const char *tc_cuda_conv_plan(const tc_conv *p, int dtype, int what, bool tf32, const char *device);'
  local C, library = require('tocha.library').C, ffi.load('build/libtocha_cuda.so')
  local numbers = {}
  for code = 0, 20 do
    local name = C.tc_dtype_name(code)
    if name ~= nil then numbers[ffi.string(name)] = code end
  end
  local cases = {{'float32', false}, {'float32', true}, {'float64', false}, {'float16', false}, {'bfloat16', false}}
  local function conv_of(s)
    local _, n, c, o, groups, size, k, stride, pad, dilation = unpack(s)
    local p = ffi.new('tc_conv', {n, c, o, groups, size})
    for d = 1, 3 do
      local used = size[d] > 1
      p.k[d - 1], p.stride[d - 1], p.pad[d - 1], p.dilation[d - 1] = k[d], used and stride or 1, used and pad or 0, used and dilation or 1
      p.out[d - 1] = math.floor((size[d] + 2 * tonumber(p.pad[d - 1]) - tonumber(p.dilation[d - 1]) * (k[d] - 1) - 1) / tonumber(p.stride[d - 1])) + 1
    end
    return p
  end
  for _, s in ipairs{SHAPES} do
    for kind = 0, 2 do
      for _, case in ipairs(cases) do
        local line = ffi.string(library.tc_cuda_conv_plan(conv_of(s), numbers[case[1]], kind, case[2], DEVICE))
        print(('%s|%d|%s%s|%s'):format(s[1], kind, case[1], case[2] and ' as tf32' or '', line))
      end
    end
  end]=]

local function plans()
  local source = program:gsub('SHAPES', function() return shapes end):gsub('DEVICE', function() return ('%q'):format(h200) end)
  local list = {}
  for line in S.runs(source):gmatch('[^\n]+') do
    local title, kind, dtype, answer = line:match('^(.-)|(%d)|(.-)|(.*)$')
    if title then list[#list + 1] = {title = title .. ', kind ' .. kind .. ', ' .. dtype, dtype = dtype, answer = answer} end
  end
  return list
end

local function is_there(path)
  local file = io.open(path, 'rb')
  return file and file:close()
end

describe("cuDNN's plans for an H200", function()
  if not is_there('build/libtocha_cuda.so') or os.getenv('TOCHA_SANITIZED') then return pending('needs build/libtocha_cuda.so (make cuda)') end
  local list = plans()
  local first = list[1] and list[1].answer or ''
  if first:find('cannot be opened', 1, true) or first:find('is not here', 1, true) or first:find('NOT_SUPPORTED', 1, true) then
    return pending('needs cuDNN 9.8 or later: ' .. first)
  end

  it('are there for every kind of convolution, without waste', function()
    assert.equal(19 * 3 * 5, #list)
    for _, plan in ipairs(list) do
      local workspace = tonumber(plan.answer:match('^engine %d+, notes %d+, workspace (%d+)$'))
      assert.is_truthy(workspace, plan.title .. ': ' .. plan.answer)
      assert.is_true(workspace <= 2 ^ 30, plan.title .. ': ' .. plan.answer)
    end
  end)

  -- the bits are cuDNN's numerical notes: 1 tensor cores, 2 inputs rounded, 4 sums rounded, 16 not the same bits each time
  it('give the same bits each time, and keep the digits of their dtype', function()
    local bit, cores = require 'bit', 0
    for _, plan in ipairs(list) do
      local notes = tonumber(plan.answer:match('notes (%d+)'))
      assert.equal(0, bit.band(notes, 2 + 4 + 16), plan.title .. ': ' .. plan.answer)
      if plan.dtype == 'float32' then assert.equal(0, bit.band(notes, 1), plan.title .. ': ' .. plan.answer) end
      cores = cores + bit.band(notes, 1)
    end
    assert.is_true(cores > 50, 'tensor cores are used where they may')
  end)
end)
