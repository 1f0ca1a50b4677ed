--- Fourier transforms, float32 and complex64; 5 n log2(n) operations each, half of it for real input.

local list = {}
local function add(w) list[#list + 1] = w end

for e = 10, 20, 2 do
  add{name = 'fft 2^' .. e, kind = 'fft', n = 2 ^ e, amount = 5 * 2 ^ e * e, unit = 'GFLOP/s'}
  add{name = 'rfft 2^' .. e, kind = 'rfft', n = 2 ^ e, amount = 2.5 * 2 ^ e * e, unit = 'GFLOP/s'}
end
add{name = 'fft 100000', kind = 'fft', n = 100000, amount = 5 * 1e5 * 16.61, unit = 'GFLOP/s'}
add{name = 'fft 10007, a prime', kind = 'fft', n = 10007, amount = 5 * 10007 * 13.289, unit = 'GFLOP/s'}
add{name = 'fft2 8 x 512 x 512', kind = 'fft2', n = 512, batch = 8, amount = 8 * 5 * 512 * 512 * 18, unit = 'GFLOP/s'}
add{name = 'rfft2 8 x 512 x 512', kind = 'rfft2', n = 512, batch = 8, amount = 8 * 2.5 * 512 * 512 * 18, unit = 'GFLOP/s'}
add{name = 'stft of 2^18 samples, n_fft 512', kind = 'stft', n = 2 ^ 18, points = 512, amount = 2049 * 2.5 * 512 * 9, unit = 'GFLOP/s'}

local make = {}

function make.fft(tocha, p)
  local x = tocha.fft.fft(tocha.randn(p.n))
  return function() return tocha.fft.fft(x) end
end

function make.rfft(tocha, p)
  local x = tocha.randn(p.n)
  return function() return tocha.fft.rfft(x) end
end

function make.fft2(tocha, p)
  local x = tocha.fft.fft2(tocha.randn(p.batch, p.n, p.n))
  return function() return tocha.fft.fft2(x) end
end

function make.rfft2(tocha, p)
  local x = tocha.randn(p.batch, p.n, p.n)
  return function() return tocha.fft.rfft2(x) end
end

function make.stft(tocha, p)
  local x, window = tocha.randn(p.n), tocha.hann_window(p.points)
  local options = {hop_length = p.points / 4, window = window, return_complex = true}
  return function() return tocha.stft(x, p.points, options) end
end

return {list = list, make = make}
