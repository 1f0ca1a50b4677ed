--- The short-time Fourier transform against sums written out in Lua, its inverse, the windows of tocha.signal.

local tocha = require 'tocha'
local S = require 'spec.support'
local gradcheck = tocha.autograd.gradcheck

local function refuses(f, ...)
  local good, message = pcall(f)
  assert.is_false(good)
  for _, part in ipairs {...} do assert.truthy(tostring(message):find(part, 1, true), tostring(message)) end
end

-- bins 0 .. n/2 of frame t (from 0) of a plain list: sum_j window[j] x[t * hop + j] exp(-2 pi i jk / n)
local function frame(x, t, n, hop, window, k)
  local re, im = 0, 0
  for j = 0, n - 1 do
    local v = window[j + 1] * x[t * hop + j + 1]
    re, im = re + v * math.cos(2 * math.pi * (j * k % n) / n), im - v * math.sin(2 * math.pi * (j * k % n) / n)
  end
  return re, im
end

local function reflected(x, p)
  local out = {}
  for i = 1 - p, #x + p do out[#out + 1] = x[i < 1 and 2 - i or i > #x and 2 * #x - i or i] end
  return out
end

local function check(got, x, n, hop, window, scale)
  local list = got:totable()
  assert.equal(math.floor(n / 2) + 1, #list)
  assert.equal(1 + math.floor((#x - n) / hop), #list[1])
  for k, row in ipairs(list) do
    for t, v in ipairs(row) do
      local re, im = frame(x, t - 1, n, hop, window, k - 1)
      assert.is_true(math.abs(v[1] - re * (scale or 1)) + math.abs(v[2] - im * (scale or 1)) < 1e-12)
    end
  end
end

describe('tocha.stft', function()
  local x = tocha.randn(40, {dtype = 'float64'})
  local list = x:totable()
  local options = {dtype = 'float64'}
  local function ones(n)
    local out = {}
    for i = 1, n do out[i] = 1 end
    return out
  end

  it('transforms windowed frames', function()
    local w = tocha.hann_window(8, true, options)
    check(tocha.stft(x, 8, {hop_length = 3, window = w, center = false, return_complex = true}), list, 8, 3, w:totable())
    check(tocha.stft(x, 8, {window = w, return_complex = true}), reflected(list, 4), 8, 2, w:totable())
    check(x:stft(7, 2, 7, nil, true, 'reflect', true, true, true), reflected(list, 3), 7, 2, ones(7), 1 / math.sqrt(7))
    local short = tocha.hamming_window(5, false, 0.54, 0.46, options)
    local wide = {0, unpack(short:totable())}
    wide[7], wide[8] = 0, 0
    check(tocha.stft(x, 8, {win_length = 5, window = short, center = false, return_complex = true}), list, 8, 2, wide)
    wide = {0, 1, 1, 1, 1, 1, 0, 0}
    check(tocha.stft(x, 8, {win_length = 5, center = false, return_complex = true}), list, 8, 2, wide)
    local filled = {0, unpack(list)}
    filled[42], filled[43] = 0, 0
    check(tocha.stft(x, 8, {win_length = 5, center = false, return_complex = true, align_to_window = true}), filled, 8, 2, wide)
  end)

  it('takes batches, other pad modes, both sides', function()
    local both = tocha.stack({x, x * 2})
    local y = tocha.stft(both, 8, {return_complex = true})
    assert.same({2, 5, 21}, S.shape(y))
    local whole = tocha.stft(x, 8, {return_complex = true, onesided = false, pad_mode = 'constant'})
    assert.same({8, 21}, S.shape(whole))
    local a, b = whole[2]:totable(), whole[8]:totable()
    for i, v in ipairs(a) do assert.is_true(math.abs(v[1] - b[i][1]) + math.abs(v[2] + b[i][2]) < 1e-12) end
  end)

  it('is undone by istft', function()
    for _, n in ipairs {8, 9} do
      for _, center in ipairs {true, false} do
        local w = tocha.hamming_window(n, true, 0.54, 0.46, options)
        local y = tocha.stft(x, n, {window = w, center = center, return_complex = true, normalized = true})
        local back = tocha.istft(y, n, {window = w, center = center, normalized = true})
        assert.is_true(tocha.allclose(back, x:narrow(1, 1, back:size(1))))
        assert.is_true(back:size(1) > 30)
        local whole = tocha.stft(x, n, {window = w, center = center, return_complex = true, onesided = false})
        assert.is_true(tocha.allclose(tocha.istft(whole, n, {window = w, center = center}), back))
      end
    end
    local w = tocha.hann_window(8, true, options)
    local y = tocha.stft(tocha.stack({x, -x}), 8, {window = w, return_complex = true})
    assert.same({2, 40}, S.shape(tocha.istft(y, 8, {window = w})))
    assert.same({2, 30}, S.shape(tocha.istft(y, 8, {window = w, length = 30})))
    local long = tocha.istft(y, 8, {window = w, length = 60})
    assert.same({2, 60}, S.shape(long))
    assert.equal(0, long[{1, 60}]:item())
    assert.is_true(tocha.allclose(long[1]:narrow(1, 1, 40), x))
  end)

  it('takes complex signals, and gives parts where asked', function()
    local re, im = x, tocha.randn(40, {dtype = 'float64'})
    local c, w = tocha.complex(re, im), tocha.hann_window(8, true, options)
    local y = tocha.stft(c, 8, {window = w})
    assert.same({8, 21}, S.shape(y))
    local parts = {}
    for i, v in ipairs {re, im} do parts[i] = tocha.stft(v, 8, {window = w, onesided = false, return_complex = false}) end
    assert.same({8, 21, 2}, S.shape(parts[1]))
    local function part(v, k) return v:select(3, k) end
    local both = tocha.view_as_real(y)
    assert.is_true(tocha.allclose(part(both, 1), part(parts[1], 1) - part(parts[2], 2)))
    assert.is_true(tocha.allclose(part(both, 2), part(parts[1], 2) + part(parts[2], 1)))
    local back = tocha.view_as_real(tocha.istft(y, 8, {window = w, return_complex = true}))
    assert.is_true(tocha.allclose(back, tocha.view_as_real(c)))
    local leaf = tocha.view_as_real(c):clone():requires_grad_()
    assert.is_true(gradcheck(function(v)
      return tocha.view_as_real(tocha.istft(tocha.stft(tocha.view_as_complex(v), 8, {window = w}), 8, {window = w, return_complex = true}))
    end, {leaf}))
  end)

  it('has gradients', function()
    local w = tocha.hann_window(6, true, options):requires_grad_()
    local v = tocha.randn(14, {dtype = 'float64', requires_grad = true})
    assert.is_true(gradcheck(function(s, window)
      return tocha.istft(tocha.stft(s, 6, {window = window, return_complex = true}), 6, {window = window + 1, length = 16})
    end, {v, w}))
  end)

  it('refuses wrong arguments by name', function()
    refuses(function() return tocha.stft(x, 8) end, 'stft', 'return_complex')
    refuses(function() return tocha.stft(x, 8, {return_complex = true, hop_length = 0}) end, 'stft', 'hop_length', '0')
    refuses(function() return tocha.stft(x, 8, {return_complex = true, win_length = 9}) end, 'stft', 'win_length', '9')
    refuses(function() return tocha.stft(x, 8, {return_complex = true, window = tocha.ones(7)}) end, 'stft', 'window', '[7]')
    refuses(function() return tocha.stft(x, 50, {return_complex = true, center = false}) end, 'stft', 'n_fft', '40')
    refuses(function() return tocha.stft(x:reshape(2, 4, 5), 4, {return_complex = true}) end, 'stft', '[2 x 4 x 5]')
    refuses(function() return tocha.stft(x, 8, {return_complex = true, align_to_window = true}) end, 'stft', 'center')
    refuses(function() return tocha.stft(x:long(), 4, {return_complex = true, center = false}) end, 'stft', 'int64')
    local y = tocha.stft(x, 8, {return_complex = true})
    refuses(function() return tocha.istft(x:reshape(5, 8), 8) end, 'istft', 'float64')
    refuses(function() return tocha.istft(y, 10) end, 'istft', '[5 x 21]', '6')
    refuses(function() return tocha.istft(y, 8, {window = tocha.zeros(8)}) end, 'istft', 'window')
    refuses(function() return tocha.istft(y, 8, {onesided = true, return_complex = true}) end, 'istft', 'onesided')
  end)
end)

describe('tocha.signal.windows', function()
  local W = tocha.signal.windows
  -- from the definitions, at 5 points: symmetric and periodic
  local expected = {
    {'bartlett', {}, {0, 0.5, 1, 0.5, 0}, {0, 0.4, 0.8, 0.8, 0.4}},
    {'blackman', {}, {0, 0.34, 1, 0.34, 0}, {0, 0.200770143263053, 0.849229856736947, 0.849229856736947, 0.200770143263053}},
    {'cosine', {}, {0.309016994374947, 0.809016994374947, 1, 0.809016994374947, 0.309016994374947},
      {0.258819045102521, 0.707106781186548, 0.965925826289068, 0.965925826289068, 0.707106781186548}},
    {'exponential', {tau = 2}, {math.exp(-1), math.exp(-0.5), 1, math.exp(-0.5), math.exp(-1)},
      {math.exp(-1.25), math.exp(-0.75), math.exp(-0.25), math.exp(-0.25), math.exp(-0.75)}},
    {'gaussian', {std = 2}, {math.exp(-0.5), math.exp(-0.125), 1, math.exp(-0.125), math.exp(-0.5)}},
    {'general_cosine', {a = {0.3, 0.5, 0.2}}, {0, 0.1, 1, 0.1, 0}},
    {'general_hamming', {alpha = 0.6}, {0.2, 0.6, 1, 0.6, 0.2}},
    {'hamming', {}, {0.08, 0.54, 1, 0.54, 0.08}},
    {'hann', {}, {0, 0.5, 1, 0.5, 0}, {0, 0.345491502812526, 0.904508497187474, 0.904508497187474, 0.345491502812526}},
    {'kaiser', {beta = 8}, {0.002338830, 0.368972724, 1, 0.368972724, 0.002338830}},
    {'nuttall', {}, {0.0003628, 0.2269824, 1, 0.2269824, 0.0003628}},
  }
  local function close(got, want)
    for i, v in ipairs(want) do assert.is_true(math.abs(got[i] - v) < 2e-9, ('%g instead of %g'):format(got[i], v)) end
    assert.equal(#want, #got)
  end

  for _, row in ipairs(expected) do
    local name, more, symmetric, periodic = unpack(row)
    local function call(M, sym)
      local options = {sym = sym, dtype = 'float64'}
      for k, v in pairs(more) do options[k] = v end
      return W[name](M, options)
    end
    it(name .. ' follows its definition', function()
      close(call(5, true):totable(), symmetric)
      close(call(4, false):totable(), {unpack(symmetric, 1, 4)})
      if periodic then close(call(5, false):totable(), periodic) end
      assert.same({1}, call(1):totable())
      assert.same({0}, S.shape(call(0)))
      refuses(function() return call(-1) end, name, '-1')
      assert.equal('float32', S.dtype(W[name](3, more)))
    end)
  end

  it('refuse wrong numbers', function()
    refuses(function() return W.gaussian(3, {std = 0}) end, 'gaussian', 'std')
    refuses(function() return W.exponential(3, {tau = -1}) end, 'exponential', 'tau')
    refuses(function() return W.exponential(3, {center = 1}) end, 'exponential', 'center')
    refuses(function() return W.kaiser(3, {beta = -1}) end, 'kaiser', 'beta')
    refuses(function() return W.general_cosine(3, {a = {}}) end, 'general_cosine', 'a:')
    refuses(function() return W.hann(3, {dtype = 'int64'}) end, 'hann', 'int64')
    refuses(function() return W.hann(3, {width = 2}) end, 'hann', 'width')
  end)
end)
