--- Fourier transforms on the CUDA device (cuFFT) against the CPU's: every function, lengths, cutting and filling, dims, norms, layouts, gradients.

local tocha = require 'tocha'
local D = require 'spec.cuda.device'
local fft = tocha.fft

local TOL = {float32 = 2e-6, complex64 = 2e-6, float64 = 1e-14, complex128 = 1e-14}

local function close(got, want, tol, what)
  assert.equal('cuda', tostring(got.device):sub(1, 4))
  assert.equal(tostring(want.dtype), tostring(got.dtype))
  local a, b = want:detach(), got:detach():to('cpu')
  local scale = a:numel() > 0 and math.max(1, a:abs():max():item()) or 1
  assert.is_true(tocha.equal(tocha.tensor(a:size()), tocha.tensor(b:size())), what)
  assert.is_true(tocha.allclose(b, a, {rtol = 0, atol = tol * scale}), what)
end

-- f(x) on both devices, and the gradients of both orders of a weighted sum of it
local function same(f, x, what, order)
  local tol = TOL[tostring(x.dtype):gsub('^.*%.', '')]
  local function run(device)
    local leaf = x:to(device):clone():requires_grad_(order ~= nil)
    local y = f(leaf)
    local list = {y}
    if order then
      tocha.manual_seed(9)
      local w = tocha.randn(y:size()):to('float64'):to(device)
      local loss = ((y:is_complex() and tocha.view_as_real(y):pow(2):sum(-1) or y:pow(2)) * w):sum()
      list[2] = tocha.autograd.grad(loss, {leaf}, {create_graph = order > 1})[1]
      if order > 1 then
        local g = list[2]
        list[3] = tocha.autograd.grad((g:is_complex() and tocha.view_as_real(g) or g):pow(2):sum(), {leaf})[1]
      end
    end
    return list
  end
  local want, got = run('cpu'), run(D.device)
  for i = 1, #want do close(got[i], want[i], i == 1 and tol or tol * 100, ('%s, result %d'):format(what, i)) end
end

local function random(dtype, ...)
  tocha.manual_seed(4)
  return tocha.randn(..., {dtype = dtype})
end

local real = {'fft', 'ifft', 'rfft', 'ihfft'}
local complex = {'fft', 'ifft', 'irfft', 'hfft'}
local over = {fft = {'fft2', 'fftn', 'rfft2', 'rfftn', 'ihfft2', 'ihfftn', 'ifft2', 'ifftn'},
              complex = {'ifft2', 'ifftn', 'irfft2', 'irfftn', 'hfft2', 'hfftn', 'fft2', 'fftn'}}

local cases = {}

cases['over one dim, every dtype, norm and dim'] = function()
  for _, kind in ipairs {{real, 'float32'}, {real, 'float64'}, {complex, 'complex64'}, {complex, 'complex128'}} do
    for _, name in ipairs(kind[1]) do
      for dim = 1, 3 do
        for _, norm in ipairs {'backward', 'ortho', 'forward'} do
          same(function(x) return fft[name](x, nil, dim, norm) end, random(kind[2], {3, 6, 5}), name .. dim .. norm)
        end
      end
    end
  end
end

cases['cut and filled, odd and even, of one point'] = function()
  for _, n in ipairs {1, 2, 5, 8, 13} do
    for _, name in ipairs(real) do same(function(x) return fft[name](x, n) end, random('float64', {3, 8}), name .. n) end
    for _, name in ipairs(complex) do
      same(function(x) return fft[name](x, n) end, random('complex64', {3, 8}), name .. n)
      same(function(x) return fft[name](x, n, 1) end, random('complex64', {6, 3}), name .. n .. 'down')
    end
  end
end

cases['many short lines that lie apart'] = function()
  for _, name in ipairs {'fft', 'rfft'} do same(function(x) return fft[name](x, nil, 2) end, random('float32', {40, 7, 3}), name) end
  for _, name in ipairs {'ifft', 'irfft'} do same(function(x) return fft[name](x, nil, 2) end, random('complex64', {40, 7, 3}), name) end
  same(function(x) return fft.fft(x, 9, 2) end, random('complex128', {40, 7, 3}), 'filled')
end

cases['over two dims and more'] = function()
  for _, name in ipairs(over.fft) do same(function(x) return fft[name](x) end, random('float32', {2, 6, 5}), name) end
  for _, name in ipairs(over.complex) do same(function(x) return fft[name](x) end, random('complex128', {2, 6, 5}), name) end
  same(function(x) return fft.fft2(x, {4, 9}, {1, 3}, 'ortho') end, random('complex64', {5, 2, 6}), 'sizes and dims')
  same(function(x) return fft.irfftn(x, {4, 9}, {1, 3}) end, random('complex64', {5, 2, 6}), 'sizes and dims, to real')
end

cases['of tensors in any layout'] = function()
  same(function(x) return fft.fft(x:t()) end, random('complex64', {6, 4}), 'turned')
  same(function(x) return fft.rfft(x:narrow(1, 2, 7)) end, random('float32', {9}), 'not aligned')
  same(function(x) return fft.irfft(x:narrow(1, 2, 7)) end, random('complex64', {9}), 'not aligned')
  same(function(x) return fft.fft(x) end, random('float32', {0, 4}), 'no lines')
end

cases['gradients of both orders'] = function()
  for _, n in ipairs {4, 6, 7} do
    for _, name in ipairs(real) do same(function(x) return fft[name](x, n) end, random('float64', {2, 6}), 'gradient of ' .. name .. n, 2) end
    for _, name in ipairs(complex) do same(function(x) return fft[name](x, n) end, random('complex128', {2, 6}), 'gradient of ' .. name .. n, 2) end
  end
  same(function(x) return fft.irfft2(x) end, random('complex128', {3, 4, 5}), 'irfft2', 2)
  same(function(x) return fft.rfft2(x) end, random('float64', {3, 4, 5}), 'rfft2', 2)
end

cases['frequencies, shifts, short-time transforms'] = function()
  close(fft.fftfreq(9, 0.5, {device = D.device}), fft.fftfreq(9, 0.5), 1e-7, 'fftfreq')
  close(fft.rfftfreq(9, 0.5, {device = D.device}), fft.rfftfreq(9, 0.5), 1e-7, 'rfftfreq')
  same(function(x) return fft.fftshift(x) end, random('float32', {4, 5}), 'fftshift')
  same(function(x) return fft.ifftshift(x) end, random('float32', {4, 5}), 'ifftshift')
  same(function(x) return tocha.stft(x, 16, {return_complex = true, window = tocha.hann_window(16):to(x.device)}) end, random('float32', {2, 64}), 'stft')
end

cases['more plans than are kept'] = function()
  for round = 1, 2 do
    for n = 1, 80 do same(function(x) return fft.fft(x) end, random('complex64', {n}), ('%d points, round %d'):format(n, round)) end
  end
end

cases['16-bit types are refused'] = function()
  assert.has_error(function() fft.fft(tocha.ones(4, {dtype = 'float16', device = D.device})) end)
end

cases['in a CUDA graph'] = function()
  local x = random('complex64', {4, 12}):to(D.device)
  local y
  local play = tocha.cuda.graph(function() y = fft.ifft(fft.fft(x, nil, 1) * 2) end)
  x:copy_(random('complex64', {4, 12}) * 3)
  play()
  close(y, fft.ifft(fft.fft(x:to('cpu'), nil, 1) * 2), 1e-5, 'replayed')
end

describe('Fourier transforms on CUDA', function()
  for name, f in pairs(D.there() and cases or {}) do it(name, f) end
end)
