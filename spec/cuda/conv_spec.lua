--- Convolutions through cuDNN's graph API: values against the CPU where cuDNN has engines of its own for them, plans that are kept, and on the
-- emulated device, whose stand-in offers engines that must not be taken, which one is.

local tocha = require 'tocha'
local S = require 'spec.support'
local D = require 'spec.cuda.device'
local F, cudnn = tocha.nn.functional, tocha.backends.cudnn

local function filled(dtype, ...)
  local n = 1
  for _, size in ipairs{...} do n = n * size end
  return tocha.arange(n):mul(0.7):sin():reshape{...}:to(dtype)
end

local function same(got, want, tol, what)
  local scale = math.max(1, want:abs():max():item())
  assert.is_nil(S.difference(S.plain(got:detach():to('cpu'):double()), S.plain(want:detach():double()), 0, tol * scale), what)
end

-- the result and all gradients, on the CPU and on the device
local function compare(name, dtype, tol, x, w, options)
  local results = {}
  for i, device in ipairs{'cpu', 'cuda'} do
    local a, b = x:clone():to(device):requires_grad_(), w:clone():to(device):requires_grad_()
    local y = F[name](a, b, nil, options)
    y:double():square():sum():backward()
    results[i] = {y, a.grad, b.grad}
  end
  for k = 1, 3 do same(results[2][k], results[1][k], tol, ('%s of %s: result %d'):format(name, dtype, k)) end
end

-- runs Lua in a process of its own that offers only the engines of these numbers (kernels/cuda/emu/emu_graph.cc)
local function offered(engines, source)
  local env = ('TOCHA_CUDA_LIBRARY=%s TOCHA_EMU_ENGINES=%s TOCHA_CUDA_ALLOC='):format(os.getenv('TOCHA_CUDA_LIBRARY'), engines)
  return S.runs([[
    local tocha, ffi = require 'tocha', require 'ffi'
    ffi.cdef 'int tc_emu_dnn_plans(void); int tc_emu_dnn_engine(void);'
    local emu = ffi.load(os.getenv 'TOCHA_CUDA_LIBRARY')
    local F, cudnn = tocha.nn.functional, tocha.backends.cudnn
    local function conv(dtype, channels)
      local x, w = tocha.ones(1, channels or 2, 5, 5, {dtype = dtype, device = 'cuda'}), tocha.ones(3, channels or 2, 3, 3, {dtype = dtype, device = 'cuda'})
      return F.conv2d(x, w):sum():item()
    end
  ]] .. source, {env = env})
end

describe('convolutions through cuDNN', function()
  if not D.there() then return pending(D.needs) end

  it('of one to three dims, in groups, dilated, transposed, in each dtype', function()
    cudnn.allow_tf32 = false
    for dtype, tol in pairs{float32 = 1e-5, float64 = 1e-12, float16 = 1e-2, bfloat16 = 5e-2} do
      compare('conv1d', dtype, tol, filled(dtype, 2, 4, 9), filled(dtype, 6, 2, 3), {stride = 2, padding = 1, groups = 2})
      compare('conv2d', dtype, tol, filled(dtype, 2, 3, 7, 6), filled(dtype, 4, 3, 3, 2), {dilation = 2, padding = {2, 1}})
      compare('conv2d', dtype, tol, filled(dtype, 2, 4, 6, 6), filled(dtype, 8, 1, 3, 3), {groups = 4, padding = 1})
      compare('conv3d', dtype, tol, filled(dtype, 1, 2, 4, 5, 4), filled(dtype, 3, 2, 2, 3, 2), {padding = 1})
      compare('conv_transpose2d', dtype, tol, filled(dtype, 2, 4, 5, 5), filled(dtype, 4, 3, 3, 3), {stride = 2, padding = 1, groups = 2})
    end
    cudnn.allow_tf32 = true
  end)

  it('of data that begins anywhere', function()
    local long, w = filled('float32', 2 * 3 * 6 * 6 + 3), filled('float32', 4, 3, 3, 3)
    for offset = 1, 4 do
      local x = long:narrow(1, offset, 2 * 3 * 6 * 6)
      same(F.conv2d(long:to('cuda'):narrow(1, offset, 2 * 3 * 6 * 6):view(2, 3, 6, 6), w:to('cuda')), F.conv2d(x:view(2, 3, 6, 6), w), 1e-5)
    end
  end)

  it('within a CUDA graph', function()
    local x, w = filled('float32', 2, 3, 6, 6):to('cuda'), filled('float32', 4, 3, 3, 3):to('cuda')
    local graph = tocha.cuda.graph(function() return F.conv2d(x, w, nil, {padding = 1}):sum() end)
    local first = graph():item()
    x:mul_(2)
    same(graph():cpu(), tocha.tensor(2 * first), 1e-5)
  end)

  it('have second derivatives', function()
    local results = {}
    for i, device in ipairs{'cpu', 'cuda'} do
      local x, w = filled('float64', 2, 4, 6, 5):to(device):requires_grad_(), filled('float64', 6, 2, 3, 2):to(device):requires_grad_()
      local y = F.conv2d(x, w, nil, {stride = {2, 1}, padding = 1, groups = 2})
      local first = tocha.autograd.grad((y * y * y):sum(), {x, w}, nil, {create_graph = true})
      results[i] = tocha.autograd.grad((first[1] * first[1]):sum() + first[2]:sin():sum(), {x, w})
    end
    for k = 1, 2 do same(results[2][k], results[1][k], 1e-11, 'leaf ' .. k) end
  end)

  it('leave no workspace behind, in any stream', function()
    local x, w = filled('float32', 2, 3, 6, 6), filled('float32', 4, 3, 3, 3)
    local a, b, want = x:to('cuda'), w:to('cuda'), F.conv2d(x, w)
    same(F.conv2d(a, b), want, 1e-5)
    tocha.cuda.synchronize()
    collectgarbage()
    collectgarbage()
    local before, stream = tocha.cuda.memory_allocated(), tocha.cuda.Stream()
    tocha.cuda.stream(stream, function() for _ = 1, 3 do same(F.conv2d(a, b), want, 1e-5) end end)
    stream:synchronize()
    collectgarbage()
    collectgarbage()
    assert.is_true(tocha.cuda.memory_allocated() <= before)
  end)

  if not D.emulated() then return end

  it('take the first engine that gives the same bits, and tensor cores where they may', function()
    local text = offered('01234567', [[
      cudnn.allow_tf32 = false
      conv 'float32' print(emu.tc_emu_dnn_engine())
      conv 'float64' print(emu.tc_emu_dnn_engine())
      conv 'float16' print(emu.tc_emu_dnn_engine())
      cudnn.allow_tf32 = true
      conv 'float32' print(emu.tc_emu_dnn_engine())]])
    assert.equal('6\n5\n5\n5\n', text)
  end)

  it('keep their plans', function()
    local text = offered('01234567', [[
      for _ = 1, 5 do conv 'float32' end
      print(emu.tc_emu_dnn_plans())
      conv('float32', 3)
      conv 'bfloat16'
      conv 'float32'
      print(emu.tc_emu_dnn_plans())]])
    local first, second = text:match('^(%d+)\n(%d+)\n$')
    assert.equal(2 * first, second - first)
  end)

  it('fall back, and say it where no engine will do', function()
    assert.equal('7\n', offered('017', "conv 'float32' print(emu.tc_emu_dnn_engine())"))
    local text = offered('0123', "cudnn.allow_tf32 = false print(select(2, pcall(conv, 'float32')))")
    assert.is_truthy(text:find('cuDNN has no engine for this convolution in conv2d: of 4 offered 3 are not deterministic or not precise enough, ' ..
      '1 do not work: CUDNN_STATUS_NOT_SUPPORTED (3000: this engine does not work)', 1, true), text)
  end)

  it('take their workspace from the allocator', function()
    local source = [[
      local x, w = tocha.ones(1, 2, 5, 5, {device = 'cuda'}), tocha.ones(3, 2, 3, 3, {device = 'cuda'})
      F.conv2d(x, w)
      collectgarbage()
      local before = tocha.cuda.memory_allocated()
      tocha.cuda.reset_peak_memory_stats()
      F.conv2d(x, w)
      print(tocha.cuda.max_memory_allocated() - before)]]
    assert.equal(4096 - 512, offered('5', source) - offered('7', source)) -- the least is a block of 512 bytes
  end)

  it('have no room for a workspace that is too large, and say so', function()
    local text = offered('4', "print(pcall(conv, 'float32'))")
    assert.is_truthy(text:find('out of memory', 1, true), text)
  end)
end)
