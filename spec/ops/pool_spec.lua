--- Pooling beyond the table of cases: every width class of the kernels against unfolded windows, NaN, threads; sampling of images.

local tocha = require 'tocha'
local S = require 'spec.support'
local F = tocha.nn.functional

-- (planes, window, places) of an input, -inf or 0 outside
local function windows(x, k, stride, padding, outside)
  local n, c = x:size(1), x:size(2)
  local padded = F.pad(x, {padding, padding, padding, padding}, 'constant', outside)
  local rows = math.floor((padded:size(3) - k) / stride) + 1
  return F.unfold(padded:reshape(n * c, 1, padded:size(3), padded:size(4)), k, 1, 0, stride), {n, c, rows, -1}
end

describe('max_pool2d', function()
  it('finds the largest elements and their places for every width', function()
    for _, dtype in ipairs {'float32', 'float64'} do
      for width = 4, 40 do
        for _, g in ipairs {{2, 2, 0}, {3, 2, 1}, {3, 1, 1}, {3, 3, 0}, {2, 1, 1}} do
          local k, stride, padding = unpack(g)
          local x = tocha.randn(2, 3, 9, width, {dtype = dtype})
          local y, places = F.max_pool2d(x, k, stride, padding, 1, false, true)
          local columns, shape = windows(x, k, stride, padding, -math.huge)
          local want = columns:max(2):reshape(shape)
          assert.is_true(y:equal(want), dtype .. ' ' .. width .. ' kernel ' .. k .. ' stride ' .. stride)
          assert.is_true(x:flatten(3):gather(3, places:flatten(3)):equal(y:flatten(3)))
        end
      end
    end
  end)

  it('lets nan win', function()
    local x = tocha.zeros(1, 1, 8, 20)
    x[{1, 1, 3, 5}] = 0 / 0
    for _, g in ipairs {{2, 2, 0}, {3, 2, 1}, {3, 1, 1}} do
      assert.is_true(F.max_pool2d(x, unpack(g)):isnan():any():item())
    end
    assert.is_true(F.max_pool2d(x, 2)[{1, 1, 2, 3}]:isnan():item())
  end)

  it('gives a place even where all is -inf', function()
    local _, places = F.max_pool2d(tocha.full({1, 1, 4, 16}, -math.huge), 3, 2, 1, 1, false, true)
    assert.is_true(places:ge(1):all():item() and places:le(64):all():item())
  end)

  it('adds up gradients where windows overlap', function()
    local x = tocha.zeros(1, 1, 5, 5)
    x[{1, 1, 3, 3}] = 1
    x:requires_grad_()
    F.max_pool2d(x, 3, 1):sum():backward()
    assert.equal(9, x.grad[{1, 1, 3, 3}]:item())
    assert.equal(9, x.grad:sum():item())
  end)
end)

describe('avg_pool2d', function()
  it('is the mean of windows for every width', function()
    for width = 4, 40 do
      for _, g in ipairs {{2, 2, 0}, {3, 2, 1}, {3, 1, 1}, {3, 3, 0}} do
        local k, stride, padding = unpack(g)
        local x = tocha.randn(2, 3, 9, width, {dtype = 'float64'}):requires_grad_()
        local columns, shape = windows(x, k, stride, padding, 0)
        local y, want = F.avg_pool2d(x, k, stride, padding), columns:mean(2):reshape(shape)
        S.close(y, want, 1e-12, 1e-12)
        local seed = tocha.randn(y.shape, {dtype = 'float64'})
        S.close(tocha.autograd.grad({y}, {x}, {grad_outputs = {seed}}), tocha.autograd.grad({want}, {x}, {grad_outputs = {seed}}), 1e-12, 1e-12)
      end
    end
  end)

  it('over the whole plane is the mean', function()
    local x = tocha.randn(3, 5, 13, 17)
    S.close(F.adaptive_avg_pool2d(x, 1):flatten(), x:mean{3, 4}:flatten(), 1e-5, 1e-6)
  end)
end)

describe('grid_sample', function()
  local function grid(align) return F.affine_grid(tocha.eye(2, 3):unsqueeze(1):double(), {1, 1, 5, 6}, align) end

  it('gives the image back at its own pixels', function()
    local x = tocha.randn(1, 2, 5, 6, {dtype = 'float64'})
    for _, mode in ipairs {'bilinear', 'nearest', 'bicubic'} do
      for _, padding in ipairs {'zeros', 'border', 'reflection'} do
        for _, align in ipairs {true, false} do S.close(F.grid_sample(x, grid(align), mode, padding, align), x, 1e-12, 1e-12) end
      end
    end
  end)

  it('shows what lies outside', function()
    local x = tocha.tensor{1, 2, 3, 4}:reshape(1, 1, 1, 4)
    local function at(where, padding) return F.grid_sample(x, tocha.tensor{where, 0}:reshape(1, 1, 1, 2), 'nearest', padding, true):item() end
    assert.same({0, 4, 3}, {at(1.6, 'zeros'), at(1.6, 'border'), at(1.6, 'reflection')})
    assert.same({0, 1, 2}, {at(-1.6, 'zeros'), at(-1.6, 'border'), at(-1.6, 'reflection')})
  end)

  it('has correct gradients', function()
    S.seed(5)
    tocha.manual_seed(5)
    local options = {dtype = 'float64'}
    local x, places, weights = tocha.randn(2, 2, 4, 5, options), tocha.rand(2, 3, 3, 2, options) * 2.4 - 1.2, tocha.randn(2, 2, 3, 3, options)
    for _, mode in ipairs {'bilinear', 'bicubic'} do
      for _, padding in ipairs {'zeros', 'border', 'reflection'} do
        local function f(g, image) return (F.grid_sample(image, g, mode, padding, false) * weights):sum() end
        local g, image = places:clone():requires_grad_(), x:clone():requires_grad_()
        f(g, image):backward()
        local along, e = tocha.randn(places.shape, options), 1e-6
        local numeric = (f(places + along * e, x) - f(places - along * e, x)) / (2 * e)
        S.close((g.grad * along):sum(), numeric, 1e-5, 1e-6, mode .. ' ' .. padding)
        S.close((image.grad * x):sum(), f(places, x), 1e-10, 1e-10, 'it is linear in the image')
      end
    end
  end)

  it('takes cubics over volumes with the values of PyTorch', function()
    local x = (tocha.arange(72):float() * 1.7):sin():view(1, 2, 3, 4, 3)
    local g = (tocha.arange(24):float() * 0.9):cos():view(1, 2, 2, 2, 3) * 1.1
    local sums = {zeros = {6.865513, 1.533521}, border = {6.139788, 8.311455}, reflection = {6.105450, 10.425109}}
    for padding, want in pairs(sums) do
      for i, align in ipairs{true, false} do
        local y = F.grid_sample(x, g, {mode = 'bicubic', padding_mode = padding, align_corners = align})
        assert.near(want[i], y:double():square():sum():item(), 2e-4)
      end
    end
  end)

  it('refuses what does not fit', function()
    S.fails(function() F.grid_sample(tocha.zeros(1, 1, 4, 4), tocha.zeros(1, 2, 2, 3)) end, 'grid_sample', 'grid')
    S.fails(function() F.grid_sample(tocha.zeros(1, 1, 4, 4), tocha.zeros(1, 2, 2, 2), 'cubic') end, 'grid_sample', 'cubic', 'bicubic')
  end)
end)
