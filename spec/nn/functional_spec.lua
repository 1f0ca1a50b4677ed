-- nn.functional: what is added around the library's operators.
local tocha = require 'tocha'
local nn = tocha.nn
local F = nn.functional

local function near(expected, got)
  if not tocha.is_tensor(expected) then expected = tocha.tensor(expected) end
  assert.are.same(expected.shape, got.shape)
  assert.is_true((expected - got):detach():abs():amax():item() < 1e-5)
end

describe('activations with the inplace argument', function()
  local x = tocha.tensor{-2, -0.5, 0, 1}
  local names = {'relu', 'relu6', 'selu', 'silu', 'mish', 'hardsigmoid', 'hardswish', 'elu', 'celu', 'leaky_relu', 'hardtanh'}

  it('write into the input when it is true, by name or as the last argument', function()
    for _, name in ipairs(names) do
      local expected, y = F[name](x), x:clone()
      assert.is_true(F[name](y, {inplace = true}) == y, name)
      near(expected, y)
      y = x:clone()
      assert.is_true(F[name .. '_'](y) == y, name)
      near(expected, y)
    end
    local y = x:clone()
    F.elu(y, 0.5, true)
    near(F.elu(x, 0.5), y)
  end)

  it('leave the input alone otherwise', function()
    for _, name in ipairs(names) do F[name](x, {inplace = false}) end
    near({-2, -0.5, 0, 1}, x)
  end)

  it('refuse unknown options and what is no tensor', function()
    assert.error_matches(function() F.elu(x, {alfa = 2}) end, "elu: unknown option 'alfa'; it takes input, alpha, inplace")
    assert.error_matches(function() F.hardtanh(3, 0, 1) end, 'hardtanh: input: got 3, takes a tensor')
    assert.error_matches(function() F.threshold(x, 1) end, 'threshold: argument 3 %(value%) is missing')
  end)

  it('gelu takes its approximation by position and by name', function()
    near(F.gelu(x, 'tanh'), F.gelu(x, {approximate = 'tanh'}))
  end)
end)

describe('F.bilinear', function()
  it('is x1\' A x2 + b, with any dimensions before the last', function()
    local a, b, w = tocha.randn(2, 3, 4), tocha.randn(2, 3, 5), tocha.randn(6, 4, 5)
    local y = F.bilinear(a, b, w, tocha.ones(6))
    assert.are.same({2, 3, 6}, y.shape)
    near((a[{2, 3}]:unsqueeze(1):mm(w[4]) * b[{2, 3}]):sum() + 1, y[{2, 3, 4}])
    assert.error_matches(function() F.bilinear(a, a, w) end, 'do not fit the weight a tensor %[6 x 4 x 5%]')
  end)
end)

describe('rearranging', function()
  it('refuses channels that cannot be divided', function()
    assert.error_matches(function() F.pixel_shuffle(tocha.zeros(1, 6, 2, 2), 2) end, '6 channels are not divisible by the square')
    assert.error_matches(function() F.pixel_unshuffle(tocha.zeros(1, 1, 3, 4), 2) end, 'height 3 and width 4 are not divisible')
    assert.error_matches(function() F.channel_shuffle(tocha.zeros(1, 3, 2, 2), 2) end, '3 channels are not divisible by groups 2')
  end)

  it('passes gradients', function()
    local x = tocha.randn(1, 4, 2, 2):requires_grad_()
    F.pixel_shuffle(x, 2):square():sum():backward()
    near(x * 2, x.grad)
  end)
end)

describe('F.affine_grid', function()
  it('gives the positions of pixels for the identity', function()
    local theta = tocha.tensor{{{1, 0, 0}, {0, 1, 0}}}
    near({-1, 1}, F.affine_grid(theta, {1, 1, 2, 2}, {align_corners = true})[{1, 1, {}, 1}])
    near({-0.5, 0.5}, F.affine_grid(theta, {1, 1, 2, 2})[{1, {}, 2, 2}])
    assert.are.same({1, 2, 3, 4, 3}, F.affine_grid(tocha.zeros(1, 3, 4), {1, 1, 2, 3, 4}).shape)
    assert.error_matches(function() F.affine_grid(tocha.zeros(1, 3, 4), {1, 1, 2, 2}) end, 'does not fit a size of 4 dimensions')
  end)
end)

describe('fractional max pooling', function()
  local x = tocha.arange(0, 84):float():reshape(1, 2, 6, 7)

  it('takes maxima of windows whose places depend on random numbers', function()
    local u = tocha.full({1, 2, 2}, 0.3)
    local y, at = F.fractional_max_pool2d(x, 2, {output_size = {3, 4}, return_indices = true, _random_samples = u})
    near({{8, 10, 11, 13}, {22, 24, 25, 27}, {36, 38, 39, 41}}, y[{1, 1}])
    assert.are.same({9, 11, 12, 14}, at[{1, 2, 1}]:totable())
    near(y, nn.FractionalMaxPool2d(2, {output_size = {3, 4}, _random_samples = u})(x))
  end)

  it('takes the first of the numbers it is given, also for an input without a batch, and no others', function()
    for n, f in pairs{[2] = F.fractional_max_pool2d, [3] = F.fractional_max_pool3d} do
      local size = {3, 6, 6, n == 3 and 6 or nil}
      local one, u = tocha.randn(size), tocha.rand(3, 3, n)
      local options = {output_size = 3, return_indices = true, _random_samples = u}
      local y, at = f(one, 2, options)
      local batched, there = f(one:unsqueeze(1), 2, {output_size = 3, return_indices = true, _random_samples = u:narrow(1, 1, 1)})
      assert.is_true(tocha.equal(y, batched[1]) and tocha.equal(at, there[1]))
      for _, other in ipairs{tocha.rand(3, n), tocha.rand(1, 2, n), tocha.rand(1, 3, n + 1)} do
        assert.error_matches(function() f(one, 2, {output_size = 3, _random_samples = other}) end, '_random_samples: got')
      end
      assert.error_matches(function() f(tocha.randn({2, unpack(size)}), 2, {output_size = 3, _random_samples = u:narrow(1, 1, 1)}) end, 'takes 2 x 3')
    end
  end)

  it('takes a ratio for the size, and volumes', function()
    assert.are.same({2, 3, 3, 3}, nn.FractionalMaxPool3d(2, {output_ratio = 0.5})(tocha.randn(2, 6, 6, 6)).shape)
    assert.error_matches(function() F.fractional_max_pool2d(x, 2) end, 'takes either output_size or output_ratio')
    assert.error_matches(function() F.fractional_max_pool2d(x, 2, 6) end, '6 windows of size 2 do not fit dimension 1 of size 6')
  end)
end)

describe('F.pdist', function()
  it('gives the distances of all pairs of rows', function()
    near({5, 1, math.sqrt(18)}, F.pdist(tocha.tensor{{0, 0}, {3, 4}, {0, 1}}))
    assert.are.same({0}, F.pdist(tocha.ones(1, 2)).shape)
  end)
end)
