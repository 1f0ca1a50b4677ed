--- Convolutions against products of unfolded patches: random geometries, images larger than a tile of the kernel, threads, volumes.

local tocha = require 'tocha'
local S = require 'spec.support'
local F = tocha.nn.functional

local function whole(lo, hi) return lo + math.floor(S.uniform() * (hi - lo + 1)) end

-- the same by F.unfold and one product for each group; differentiable
local function by_patches(x, w, b, stride, padding, dilation, groups)
  local parts, c, o = {}, x:size(2) / groups, w:size(1) / groups
  local k = {w:size(3), w:size(4)}
  for g = 1, groups do
    local columns = F.unfold(x:narrow(2, (g - 1) * c + 1, c), k, dilation, padding, stride)
    parts[g] = w:narrow(1, (g - 1) * o + 1, o):reshape(o, -1):matmul(columns)
  end
  local rows = math.floor((x:size(3) + 2 * padding[1] - dilation[1] * (k[1] - 1) - 1) / stride[1]) + 1
  return tocha.cat(parts, 2):reshape(x:size(1), w:size(1), rows, -1) + b:reshape(1, -1, 1, 1)
end

local function gradients(y, seed, inputs) return {tocha.autograd.grad({y}, inputs, {grad_outputs = {seed}})} end

local function compare(dtype, sizes, stride, padding, dilation, groups)
  local options, tolerance = {dtype = dtype}, dtype == 'float64' and 1e-10 or 5e-3
  local n, c, o, h, w, kh, kw = unpack(sizes)
  local x = tocha.randn(n, c * groups, h, w, options):requires_grad_()
  local weight = tocha.randn(o * groups, c, kh, kw, options):requires_grad_()
  local bias = tocha.randn(o * groups, options):requires_grad_()
  local y, z = F.conv2d(x, weight, bias, stride, padding, dilation, groups), by_patches(x, weight, bias, stride, padding, dilation, groups)
  local what = ('%s sizes %s stride %s padding %s dilation %s groups %d'):format(dtype, table.concat(sizes, ' '), table.concat(stride, ' '),
    table.concat(padding, ' '), table.concat(dilation, ' '), groups)
  S.close(y, z, 1e-4, tolerance, what)
  local seed = tocha.randn(y.shape, options)
  local got, want = gradients(y, seed, {x, weight, bias}), gradients(z, seed, {x, weight, bias})
  for i, name in ipairs {'input', 'weight', 'bias'} do S.close(got[i], want[i], 1e-4, tolerance, 'gradient of ' .. name .. ': ' .. what) end
end

describe('conv2d', function()
  it('is a product of patches, whatever its geometry', function()
    S.seed(3)
    tocha.manual_seed(3)
    for case = 1, 150 do
      local groups = ({1, 1, 2, 3})[whole(1, 4)]
      local k, stride, dilation, padding = {whole(1, 4), whole(1, 4)}, {whole(1, 3), whole(1, 3)}, {whole(1, 2), whole(1, 2)}, {whole(0, 3), whole(0, 3)}
      local h, w = whole(1, 20), whole(1, 30)
      if h + 2 * padding[1] > dilation[1] * (k[1] - 1) and w + 2 * padding[2] > dilation[2] * (k[2] - 1) then
        compare(case % 2 == 0 and 'float64' or 'float32', {whole(1, 6), whole(1, 5), whole(1, 9), h, w, k[1], k[2]}, stride, padding, dilation, groups)
      end
    end
  end)

  it('is right for images of several tiles', function()
    compare('float32', {2, 24, 10, 90, 120, 3, 3}, {1, 1}, {1, 1}, {1, 1}, 1)
    compare('float64', {1, 16, 5, 100, 70, 5, 3}, {2, 1}, {2, 0}, {1, 2}, 1)
    compare('float32', {1, 40, 9, 75, 75, 1, 1}, {1, 1}, {0, 0}, {1, 1}, 1)
  end)

  it('is right where tiles are transformed', function()
    compare('float32', {2, 96, 100, 10, 11, 3, 3}, {1, 1}, {0, 0}, {1, 1}, 1)
    compare('float32', {3, 97, 96, 13, 12, 3, 3}, {1, 1}, {1, 2}, {1, 1}, 1)
    compare('float32', {1, 96, 96, 23, 37, 3, 3}, {1, 1}, {2, 1}, {1, 1}, 1)
    compare('float32', {7, 48, 61, 3, 4, 3, 3}, {1, 1}, {0, 2}, {1, 1}, 1)
    compare('float32', {5, 50, 48, 7, 7, 3, 3}, {1, 1}, {1, 1}, {1, 1}, 1)
    compare('float32', {9, 53, 49, 17, 9, 3, 3}, {1, 1}, {1, 0}, {1, 1}, 1)
    compare('float32', {2, 48, 50, 61, 90, 3, 3}, {1, 1}, {1, 1}, {1, 1}, 1) -- samples of several strips
  end)

  it('is right for one channel a group, and one image', function()
    compare('float32', {1, 1, 1, 33, 47, 3, 3}, {1, 1}, {1, 1}, {1, 1}, 12)
    compare('float64', {3, 1, 2, 9, 16, 3, 5}, {2, 2}, {1, 2}, {1, 1}, 5)
    for case = 1, 60 do -- one channel onto one
      local k, dilation, padding = {whole(1, 5), whole(1, 5)}, {whole(1, 3), whole(1, 3)}, {whole(0, 6), whole(0, 6)}
      local h, w = whole(1, 12), whole(8, 50)
      if h + 2 * padding[1] > dilation[1] * (k[1] - 1) and w + 2 * padding[2] > dilation[2] * (k[2] - 1) then
        compare(case % 2 == 0 and 'float64' or 'float32', {whole(1, 3), 1, 1, h, w, k[1], k[2]}, {1, 1}, padding, dilation, whole(2, 5))
      end
    end
  end)

  it('does not depend on the number of threads, to the bit', function()
    local threads = tocha.get_num_threads()
    local x, w
    local function run(n)
      tocha.set_num_threads(n)
      local y = F.conv2d(x, w, nil, 1, 1)
      return {y, unpack(gradients(y, tocha.ones(y.shape), {x, w}))}
    end
    for _, channels in ipairs{6, 50} do
      x, w = tocha.randn(5, channels, 20, 21):requires_grad_(), tocha.randn(channels + 1, channels, 3, 3):requires_grad_()
      local one, two = run(1), run(2)
      for i = 1, 3 do assert.is_true(one[i]:equal(two[i])) end
    end
    tocha.set_num_threads(threads)
  end)

  it('gives no gradient to what a stride skips', function()
    local x = tocha.ones(1, 1, 6, 8):requires_grad_()
    F.conv2d(x, tocha.ones(1, 1, 2, 2), nil, 3):sum():backward()
    assert.equal(24, x.grad:sum():item())
    assert.equal(0, x.grad[{1, 1, 3, 1}]:item())
    assert.equal(0, x.grad[{1, 1, 1, 3}]:item() + x.grad[{1, 1, 6, 1}]:item())
  end)

  it('takes half types, inputs without a batch, and turned memory', function()
    local x, w = tocha.randn(3, 8, 9), tocha.randn(4, 3, 3, 3)
    local y = F.conv2d(x, w)
    assert.same({4, 6, 7}, y.shape)
    S.close(F.conv2d(x:half(), w:half()):float(), y, 2e-2, 5e-2)
    S.close(F.conv2d(x:transpose(2, 3):contiguous():transpose(2, 3), w), y, 0, 0)
  end)

  it('names what does not fit', function()
    S.fails(function() F.conv2d(tocha.zeros(1, 3, 5, 5), tocha.zeros(4, 2, 3, 3)) end, 'conv2d', '3 channels', '[4 x 2 x 3 x 3]')
    S.fails(function() F.conv2d(tocha.zeros(1, 3, 2, 5), tocha.zeros(4, 3, 3, 3)) end, 'conv2d', '[4 x 3 x 3 x 3]', '[1 x 3 x 2 x 5]')
    S.fails(function() F.conv2d(tocha.zeros(1, 3, 5, 5), tocha.zeros(4, 3, 3, 3, {dtype = 'float64'})) end, 'conv2d', 'float32', 'float64')
    S.fails(function() F.conv2d(tocha.zeros(1, 3, 5, 5), tocha.zeros(4, 3, 3, 3), nil, 2, 'same') end, 'conv2d', 'same', 'stride')
    S.fails(function() F.conv2d(tocha.zeros(1, 3, 5, 5), tocha.zeros(4, 3, 3, 3), nil, 0) end, 'conv2d', 'stride')
  end)
end)

describe('convolutions of other dims', function()
  it('agree with conv2d', function()
    local x, w = tocha.randn(2, 3, 15), tocha.randn(4, 3, 4)
    S.close(F.conv1d(x, w, nil, 2, 3, 2), F.conv2d(x:unsqueeze(3), w:unsqueeze(3), nil, {1, 2}, {0, 3}, {1, 2}):squeeze(3), 1e-5, 1e-5)
    local v, k = tocha.randn(2, 3, 5, 6, 7, {dtype = 'float64'}), tocha.randn(4, 3, 3, 2, 3, {dtype = 'float64'})
    local sum
    for d = 1, 3 do
      local planes = v:narrow(3, d, 3):transpose(2, 3):reshape(6, 3, 6, 7)
      local part = F.conv2d(planes, k:select(3, d), nil, 1, {0, 1}):reshape(2, 3, 4, 5, 7)
      sum = sum and sum + part or part
    end
    S.close(F.conv3d(v, k, nil, 1, {0, 0, 1}), sum:transpose(2, 3), 1e-10, 1e-10)
  end)

  it('transposed are the gradients of plain ones', function()
    for _, g in ipairs {{1, 0, 0, 1, 1}, {2, 1, 1, 1, 1}, {3, 2, 0, 2, 2}, {2, 3, 1, 2, 1}} do
      local stride, padding, extra, dilation, groups = unpack(g)
      local x, w = tocha.randn(2, 4, 5, 6, {dtype = 'float64'}), tocha.randn(4, 3, 3, 4, {dtype = 'float64'})
      local y = F.conv_transpose2d(x, w, nil, stride, padding, extra, groups, dilation)
      local probe = tocha.zeros(y.shape, {dtype = 'float64'}):requires_grad_()
      local back = F.conv2d(probe, w, nil, stride, padding, dilation, groups)
      S.close(gradients(back, x, {probe})[1], y, 1e-10, 1e-10)
    end
  end)
end)
