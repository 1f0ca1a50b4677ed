--- Fourier transforms against sums written out in Lua: lengths, norms, dims, cutting and filling, layouts, dtypes, gradients, threads.

local tocha = require 'tocha'
local S = require 'spec.support'
local fft = tocha.fft
local gradcheck, gradgradcheck = tocha.autograd.gradcheck, tocha.autograd.gradgradcheck

---------------------------------------------------------------- the reference: lists of {re, im}
local function turn(k, n) -- exp(2 pi i k / n), k reduced first
  local angle = 2 * math.pi * (k % n) / n
  return math.cos(angle), math.sin(angle)
end

-- sum over j of x_j exp(sign 2 pi i jk/n) for k = 0 .. n-1; x is cut or filled up to n
local function transform(x, n, sign, factor)
  local out = {}
  for k = 0, n - 1 do
    local re, im = 0, 0
    for j = 0, math.min(n, #x) - 1 do
      local c, s = turn(sign * j * k, n)
      local a, b = x[j + 1][1], x[j + 1][2]
      re, im = re + a * c - b * s, im + a * s + b * c
    end
    out[k + 1] = {re * (factor or 1), im * (factor or 1)}
  end
  return out
end

local function hermitian(x, n) -- n elements from the first n/2 + 1; the imaginary parts that have no partner do not count
  local out = {}
  for k = 0, n - 1 do
    local m = k <= n / 2 and k or n - k
    local v = x[m + 1] or {0, 0}
    local im = (m == 0 or 2 * m == n) and 0 or v[2]
    out[k + 1] = {v[1], k == m and im or -im}
  end
  return out
end

local function first(x, count) return {unpack(x, 1, count)} end
local function reals(x)
  local out = {}
  for i, v in ipairs(x) do out[i] = v[1] end
  return out
end

local function distance(got, want)
  local above, below = 0, 0
  assert.equal(#want, #got)
  for i, w in ipairs(want) do
    local g = got[i]
    if type(w) ~= 'table' then w, g = {w, 0}, {g, 0} end
    above = above + (g[1] - w[1]) ^ 2 + (g[2] - w[2]) ^ 2
    below = below + w[1] ^ 2 + w[2] ^ 2
  end
  return math.sqrt(above / (below + 1e-300))
end

local bound = {float32 = 6e-7, float64 = 2e-15, complex64 = 6e-7, complex128 = 2e-15}

local function close(got, want, what)
  local d = distance(got:totable(), want)
  assert.is_true(d <= bound[S.dtype(got)], ('%s: relative distance %g'):format(what, d))
end

local function random(n) -- real numbers
  local x = {}
  for i = 1, n do x[i] = {2 * S.uniform() - 1, 0} end
  return x
end

-- a complex tensor of known values: fft of a real tensor
local function known_complex(n, dtype)
  local x = random(n)
  local y = fft.fft(tocha.tensor(reals(x), {dtype = dtype}))
  return y, y:totable()
end

local lengths = {}
for n = 1, 36 do lengths[#lengths + 1] = n end
for _, n in ipairs {47, 61, 64, 67, 77, 97, 100, 121, 127, 128, 169, 210, 256, 263, 300} do lengths[#lengths + 1] = n end

describe('tocha.fft', function()
  before_each(function() S.seed(5) end)

  for _, dtype in ipairs {'float32', 'float64'} do
    it('transforms any length in ' .. dtype, function()
      for _, n in ipairs(lengths) do
        local x, list = tocha.tensor(reals(random(n)), {dtype = dtype}), {}
        for i, v in ipairs(x:totable()) do list[i] = {v, 0} end -- rounded to the dtype
        local whole = transform(list, n, -1)
        local bins = math.floor(n / 2) + 1
        close(fft.fft(x), whole, 'fft ' .. n)
        close(fft.ifft(x), transform(list, n, 1, 1 / n), 'ifft ' .. n)
        close(fft.rfft(x), first(whole, bins), 'rfft ' .. n)
        close(fft.ihfft(x), first(transform(list, n, 1, 1 / n), bins), 'ihfft ' .. n)
        local c, pairs_of = known_complex(n, dtype)
        close(fft.fft(c), transform(pairs_of, n, -1), 'fft of complex ' .. n)
        close(fft.ifft(c), transform(pairs_of, n, 1, 1 / n), 'ifft of complex ' .. n)
        close(fft.irfft(c, n), reals(transform(hermitian(pairs_of, n), n, 1, 1 / n)), 'irfft ' .. n)
        close(fft.hfft(c, n), reals(transform(hermitian(pairs_of, n), n, -1)), 'hfft ' .. n)
      end
    end)
  end

  it('gives complex64 of float32 and of whole numbers, complex128 of float64, and back', function()
    assert.equal('complex64', S.dtype(fft.fft(tocha.ones(3))))
    assert.equal('complex64', S.dtype(fft.rfft(tocha.ones(3, {dtype = 'int64'}))))
    assert.equal('complex64', S.dtype(fft.fftn(tocha.ones(3, {dtype = 'bool'}))))
    assert.equal('complex128', S.dtype(fft.fft(tocha.ones(3, {dtype = 'float64'}))))
    assert.equal('float64', S.dtype(fft.irfft(fft.rfft(tocha.ones(3, {dtype = 'float64'})))))
    assert.equal('float32', S.dtype(fft.hfft(tocha.ones(3))))
  end)

  it('cuts and fills up', function()
    for _, n in ipairs {4, 7, 12} do
      for _, to in ipairs {1, 3, 6, 7, 16, 19} do
        local c, list = known_complex(n, 'float64')
        close(fft.fft(c, to), transform(list, to, -1), 'fft')
        close(fft.ifft(c, {n = to}), transform(list, to, 1, 1 / to), 'ifft')
        close(fft.irfft(c, to), reals(transform(hermitian(list, to), to, 1, 1 / to)), 'irfft')
        local x = random(n)
        close(fft.rfft(tocha.tensor(reals(x), {dtype = 'float64'}), to), first(transform(x, to, -1), math.floor(to / 2) + 1), 'rfft')
      end
    end
  end)

  it('divides as norm says', function()
    local c, list = known_complex(6, 'float64')
    local cases = {backward = {1, 1 / 6}, forward = {1 / 6, 1}, ortho = {1 / math.sqrt(6), 1 / math.sqrt(6)}}
    for norm, factor in pairs(cases) do
      close(fft.fft(c, {norm = norm}), transform(list, 6, -1, factor[1]), norm)
      close(fft.ifft(c, {norm = norm}), transform(list, 6, 1, factor[2]), norm)
      close(fft.irfft(c, 10, -1, norm), reals(transform(hermitian(list, 10), 10, 1, factor[2] * (norm == 'ortho' and math.sqrt(6 / 10) or
        norm == 'backward' and 0.6 or 1))), norm)
      close(fft.fft2(fft.ifft2(c:reshape(2, 3), {norm = norm}), {norm = norm}):reshape(6), list, norm)
      close(fft.hfftn(fft.ihfftn(tocha.ones({2, 3}, {dtype = 'float64'}), {norm = norm}), {2, 3}, {norm = norm}):reshape(6),
        {1, 1, 1, 1, 1, 1}, norm)
    end
  end)

  it('works along any dim, through any layout, for many lines at once', function()
    for _, size in ipairs {{5, 40, 3}, {40, 33}, {2, 40, 70}} do
      local x = tocha.randn(size, {dtype = 'float64'})
      for dim = 1, #size do
        for _, y in ipairs {x, x:transpose(1, 2):contiguous():transpose(1, 2), x:narrow(1, 1, 1):expand(x:size())} do
          local got = fft.fft(y, nil, dim)
          assert.same(S.shape(y), S.shape(got))
          local line, want = y, got
          for d = #size, 1, -1 do -- one line: index 2, or 1 where there is no second
            if d ~= dim then line, want = line:select(d, math.min(2, size[d])), want:select(d, math.min(2, size[d])) end
          end
          local list = {}
          for i, v in ipairs(line:totable()) do list[i] = {v, 0} end
          close(want, transform(list, size[dim], -1), 'dim ' .. dim)
          assert.is_true(tocha.allclose(fft.irfft(fft.rfft(y, nil, dim), size[dim], dim), y))
          assert.is_true(tocha.allclose(fft.hfft(fft.ihfft(y, nil, dim), size[dim], dim), y))
        end
      end
    end
  end)

  it('of several dims is one after another', function()
    local x = tocha.randn(3, 4, 5, {dtype = 'float64'})
    local function same(a, b)
      assert.same(S.shape(b), S.shape(a))
      assert.is_true(distance(a:reshape(-1):totable(), b:reshape(-1):totable()) < 1e-14)
    end
    local step = fft.fft(fft.fft(fft.fft(x, nil, 1), nil, 2), nil, 3)
    same(fft.fftn(x), step)
    same(fft.fftn(x, {dim = {2, -1}}), fft.fft(fft.fft(x, nil, 2), nil, 3))
    same(fft.fft2(x), fft.fft(fft.fft(x, nil, 2), nil, 3))
    same(fft.fftn(x, {6, -1}), fft.fft(fft.fft(x, 6, 2), nil, 3))
    same(fft.ifft2(x, {2, 7}, {1, 3}), fft.ifft(fft.ifft(x, 2, 1), 7, 3))
    same(fft.rfftn(x), fft.fft(fft.fft(fft.rfft(x), nil, 1), nil, 2))
    same(fft.rfft2(x, {dim = {3, 1}}), fft.fft(fft.rfft(x, nil, 1), nil, 3))
    same(fft.irfftn(step, {3, 4, 7}), fft.irfft(fft.ifft(fft.ifft(step, nil, 1), nil, 2), 7))
    same(fft.irfft2(step), fft.irfft(fft.ifft(step, nil, 2)))
    same(fft.hfft2(step), fft.hfft(fft.fft(step, nil, 2)))
    same(fft.hfftn(step, {dim = {1, 2}}), fft.hfft(fft.fft(step, nil, 1), nil, 2))
    same(fft.ihfftn(x), fft.ifft(fft.ifft(fft.ihfft(x), nil, 1), nil, 2))
    same(fft.ihfft2(x), fft.ifft(fft.ihfft(x), nil, 2))
    same(fft.irfftn(fft.rfftn(x), {3, 4, 5}), x)
    same(fft.hfftn(fft.ihfftn(x), {3, 4, 5}), x)
    assert.same({}, S.shape(fft.fftn(tocha.tensor(2))))
    assert.same({0, 4, 5}, S.shape(fft.fft2(x:narrow(1, 1, 0))))
    assert.same({0, 3}, S.shape(fft.rfft(tocha.zeros(0, 4))))
  end)

  it('takes long lines in four steps, and lengths with a large prime by convolution', function()
    for _, n in ipairs {512, 1000, 1018, 4096, 4099, 10007, 19683, 32768, 65537} do
      local x = tocha.randn(n, {dtype = 'float64'})
      local y = fft.fft(x)
      local back = fft.ifft(y):totable()
      local same = true
      for i, v in ipairs(x:totable()) do same = same and math.abs(back[i][1] - v) < 1e-13 and math.abs(back[i][2]) < 1e-13 end
      assert.is_true(same, tostring(n))
      local list, bins = x:totable(), y:totable()
      for _, k in ipairs {0, 1, 2, math.floor(n / 2), n - 1} do -- some bins by their sums
        local re, im = 0, 0
        for j = 0, n - 1 do
          local c, s = turn(-j * k, n)
          re, im = re + list[j + 1] * c, im + list[j + 1] * s
        end
        assert.is_true(math.abs(re - bins[k + 1][1]) < 1e-12 * n and math.abs(im - bins[k + 1][2]) < 1e-12 * n, n .. ' bin ' .. k)
      end
      assert.is_true(tocha.allclose(fft.irfft(fft.rfft(x), n), x))
      assert.is_true(tocha.allclose(fft.hfft(fft.ihfft(x), n), x))
      local rows = fft.rfft(x):totable()
      for i = 1, #rows, 97 do assert.is_true(math.abs(rows[i][1] - bins[i][1]) + math.abs(rows[i][2] - bins[i][2]) < 1e-11) end
      local narrow = fft.fft(tocha.stack({x, x}, 2), nil, 1):select(2, 2):totable()
      for i = 1, n, 97 do assert.is_true(math.abs(narrow[i][1] - bins[i][1]) + math.abs(narrow[i][2] - bins[i][2]) < 1e-11) end
    end
  end)

  it('keeps errors small in single precision', function()
    for _, n in ipairs {1024, 16384, 10007, 2 ^ 17} do
      local x = tocha.randn(n)
      local exact, got = fft.fft(x:double()):totable(), fft.fft(x):totable()
      assert.is_true(distance(got, exact) < 1e-7 * math.sqrt(math.log(n) / math.log(2)), 'n = ' .. n)
    end
  end)

  it('a NaN stays in its line', function()
    local x = tocha.randn(4, 8)
    x[{2, 3}] = 0 / 0
    for _, y in ipairs {fft.rfft(x), fft.fft(x)} do
      for row, line in ipairs(y:totable()) do
        for _, v in ipairs(line) do assert.equal(row == 2, v[1] ~= v[1]) end
      end
    end
  end)

  it('has gradients of both orders', function()
    local function chain(x) -- real in, real out, through every kind of step, with cutting and filling
      local y = fft.ifft(fft.fft(x, 7), 5)
      return fft.hfft(y, 6, -1, 'ortho')
    end
    local x = tocha.randn(2, 6, {dtype = 'float64', requires_grad = true})
    assert.is_true(gradcheck(chain, {x}))
    for _, n in ipairs {5, 6, 8} do
      assert.is_true(gradcheck(function(v) return fft.irfft(fft.rfft(v, n), 7) end, {x}))
      assert.is_true(gradcheck(function(v) return fft.irfft(fft.ihfft(v, n, 1), 9, 1) end, {x}))
      assert.is_true(gradcheck(function(v) return fft.irfftn(fft.fftn(v, {3, n}), {n, 4}) end, {x}))
      assert.is_true(gradcheck(function(v) return fft.hfft2(fft.rfft2(v, {n, 3}), {n, 3}) end, {x}))
    end
    assert.is_true(gradcheck(function(v) return fft.fftshift(v) * 2 end, {x}))
    assert.is_true(gradcheck(function(v) return fft.ifftshift(v, 2) * 2 end, {x}))
    assert.is_true(gradgradcheck(function(v) return chain(v) ^ 2 end, {x}))
    assert.is_true(gradgradcheck(function(v) return fft.irfft(fft.rfft(v, 5), 7) ^ 3 end, {x}))
  end)

  it('has gradients to complex input', function()
    local v = tocha.randn(3, 5, 2, {dtype = 'float64', requires_grad = true})
    for _, f in ipairs {
      function(c) return fft.fft(c, 7) end, function(c) return fft.ifft(c, 4, 1, 'ortho') end, function(c) return fft.irfft(c) end,
      function(c) return fft.irfft(c, 7) end, function(c) return fft.hfft(c, 9, -1, 'forward') end, function(c) return fft.fftn(c, {4, 3}) end,
      function(c) return fft.irfft2(c) end, function(c) return fft.hfftn(c, {2, 6}) end, function(c) return fft.ifft2(fft.fftshift(c)) end,
    } do
      local function g(x)
        local y = f(tocha.view_as_complex(x))
        return tocha.is_complex(y) and tocha.view_as_real(y) or y
      end
      assert.is_true(gradcheck(g, {v}))
      assert.is_true(gradgradcheck(function(x) return g(x) ^ 2 end, {v}))
    end
  end)

  it('gives the same for any number of threads', function()
    local before = tocha.get_num_threads()
    local x, many = tocha.randn(100003), tocha.randn(300, 128)
    local results = {}
    for _, threads in ipairs {1, 2, 3} do
      tocha.set_num_threads(threads)
      results[#results + 1] = {fft.fft(x:narrow(1, 1, 65536)), fft.rfft(x), fft.fft(many), fft.fft2(many), fft.irfft(fft.rfft(x))}
    end
    tocha.set_num_threads(before)
    for i = 1, #results[1] do
      for t = 2, 3 do
        local a, b = results[1][i]:reshape(-1):totable(), results[t][i]:reshape(-1):totable()
        for j = 1, #a, 61 do
          local u, v = type(a[j]) == 'table' and a[j] or {a[j], 0}, type(b[j]) == 'table' and b[j] or {b[j], 0}
          assert.is_true(u[1] == v[1] and u[2] == v[2])
        end
      end
    end
  end)

  it('knows frequencies and their order', function()
    assert.same({0, 0.2, 0.4, -0.4, -0.2}, fft.fftfreq(5, {dtype = 'float64'}):totable())
    assert.same({0, 0.125, -0.25, -0.125}, fft.fftfreq(4, 2):totable())
    assert.same({0, -0.5}, fft.fftfreq(2):totable())
    assert.same({0, 0.25, 0.5}, fft.rfftfreq(4):totable())
    assert.same({0, 0.5, 1}, fft.rfftfreq(5, {d = 0.4, dtype = 'float64'}):totable())
    assert.same({0}, S.shape(fft.fftfreq(0)))
    assert.same({4, 5, 1, 2, 3}, fft.fftshift(tocha.tensor {1, 2, 3, 4, 5}):totable())
    assert.same({3, 4, 5, 1, 2}, fft.ifftshift(tocha.tensor {1, 2, 3, 4, 5}):totable())
    local x = tocha.arange(12):reshape(3, 4)
    assert.same(x:totable(), fft.ifftshift(fft.fftshift(x)):totable())
    assert.same(x:roll(2, 2):totable(), fft.fftshift(x, 2):totable())
    assert.same(x:roll({1, 2}, {1, 2}):totable(), fft.fftshift(x, {1, 2}):totable())
    assert.equal(3, fft.fftshift(tocha.tensor(3)):item())
  end)

  it('refuses wrong arguments by name', function()
    local x, c = tocha.randn(3, 4), fft.fft(tocha.randn(3, 4))
    local function refuses(f, ...)
      local good, message = pcall(f)
      assert.is_false(good)
      for _, part in ipairs {...} do assert.truthy(tostring(message):find(part, 1, true), tostring(message)) end
    end
    refuses(function() return fft.fft(x, 0) end, 'fft', 'n', '0')
    refuses(function() return fft.fft(x, -1) end, 'fft', '-1')
    refuses(function() return fft.fft(tocha.zeros(3, 0)) end, 'fft', '0 data points')
    refuses(function() return fft.irfft(tocha.zeros(3, 1)) end, 'irfft', '0 data points')
    refuses(function() return fft.fft(tocha.tensor(1)) end, 'fft', 'dim')
    refuses(function() return fft.fft(x, nil, 3) end, 'fft', '3')
    refuses(function() return fft.rfft(c) end, 'rfft', 'complex64', 'real')
    refuses(function() return fft.ihfftn(c) end, 'ihfftn', 'complex64', 'real')
    refuses(function() return fft.fft(x, {norm = 'half'}) end, 'fft', "'half'", 'ortho')
    refuses(function() return fft.fft2(tocha.zeros(3)) end, 'fft2', '[3]')
    refuses(function() return fft.fftn(x, {2, 2, 2}) end, 'fftn', '3 sizes', '[3 x 4]')
    refuses(function() return fft.fftn(x, {2}, {1, 2}) end, 'fftn', '1 sizes', '2 dims')
    refuses(function() return fft.fftn(x, {dim = {1, 1}}) end, 'fftn', 'twice')
    refuses(function() return fft.rfftn(tocha.tensor(1)) end, 'rfftn', 'dim')
    refuses(function() return fft.fft(x:half()) end, 'fft', 'float16', 'x:float()')
    refuses(function() return fft.fft(x, {length = 3}) end, 'fft', 'length')
    refuses(function() return fft.fft('text') end, 'fft', 'input')
    refuses(function() return fft.fftfreq(-1) end, 'fftfreq', '-1')
    refuses(function() return fft.fftfreq(3, {dtype = 'int64'}) end, 'fftfreq', 'int64')
    refuses(function() return fft.fftshift(x, 4) end, 'fftshift', '4')
  end)
end)
