--- Calls for the rules whose operators have no row in spec/cases: {name, function, inputs}; spec/autograd/second_order_spec.lua checks both derivatives
-- of each, or, where `once` or `never` give a reason, that asking for more is an error; `random`: values that jump, which differences do not measure. `device`: rules
-- that the CPU does not have, and what checks them.

local tocha = require 'tocha'
local linalg, special = tocha.linalg, tocha.special

local function double(values, shape) return tocha.tensor(values, {dtype = 'float64'}):reshape(shape or {#values}):requires_grad_() end
local function square() return double({2, 0.3, -0.4, 0.1, 1.5, 0.7, 0.6, -0.2, 3}, {3, 3}) end
local function spread() return double({0.3, -1.2, 2.1, 0.8, -0.4, 1.5}, {2, 3}) end
local function symmetric(a) return a + a.mT end
local function positive(a) return a:matmul(a.mT) + tocha.eye(3, {dtype = 'float64'}) end
local function cube(f) return function(...) return (f(...)) ^ 3 end end

local function changed(f)
  return function(x)
    local y = x * 1
    f(y)
    return y ^ 3
  end
end

-- no sign and no phase: what does not depend on the choice of the vectors
local function vectors(first, ...)
  local total = first:abs()
  for _, v in ipairs {...} do total = total + v:abs() end
  return total
end

return {
  {'sort', cube(function(x) return x:sort(2) end), {spread()}},
  {'topk', cube(function(x) return x:topk(2, 2) end), {spread()}},
  {'kthvalue', cube(function(x) return x:kthvalue(2, 2) end), {spread()}},
  {'median', cube(function(x) return x:median(2) end), {spread()}},
  {'mode', cube(function(x) return x:mode(2) end), {spread()}},
  {'copy_', changed(function(y) y:select(1, 1):fill_(2) end), {spread()}},
  {'fill_diagonal_', changed(function(y) y:fill_diagonal_(2) end), {square()}},
  {'in-place change of a view', changed(function(y) y:select(1, 2):mul_(y:select(1, 1)) end), {spread()}},
  {'dropout', function(x)
    tocha.manual_seed(3)
    return tocha.dropout(x, 0.5, true) ^ 3
  end, {spread()}},
  {'_standard_gamma', function(x)
    tocha.manual_seed(3)
    return tocha._standard_gamma(x) ^ 2
  end, {double {0.7, 1.5, 3}}, once = 'the second derivative of a sample by its shape is not known', random = true},
  {'_standard_gamma_backward', once = 'as _standard_gamma'},
  {'gammainc_order', function(a, x) return tocha.igamma(a, x) end, {double {0.7, 1.5}, double {1.2, 0.8}},
    once = 'the second derivative by the first argument is not known in closed form'},
  {'ctc_loss', function(x) return tocha.nn.functional.ctc_loss(x:log_softmax(2):unsqueeze(2), tocha.int64 {{2}}, tocha.int64 {2}, tocha.int64 {1}) end,
    {spread()}, once = 'its gradient is computed by a kernel without a gradient of its own'},
  {'ctc_loss_backward', once = 'as ctc_loss'},
  {'cholesky', function(a) return linalg.cholesky(positive(a)) end, {square()}},
  {'solve', linalg.solve, {square(), double({1, 0.5, -0.3, 0.7, 0.2, 1.1}, {3, 2})}},
  {'solve_triangular', function(a, b) return linalg.solve_triangular(a, b, {upper = true}) end, {square(), double({1, 0.5, -0.3, 0.7, 0.2, 1.1}, {3, 2})}},
  {'lu_factor', function(a) return (linalg.lu_factor(a)) end, {square()}},
  {'qr', function(a) return vectors(linalg.qr(a)) end, {square()}},
  {'eigh', function(a) return vectors(linalg.eigh(symmetric(a))) end, {square()}},
  {'eig', function(a) return vectors(linalg.eig(a)) end, {square()}},
  {'svd', function(a)
    local u, s, vh = linalg.svd(a)
    return vectors(u, s, vh)
  end, {square()}},
  {'fft', function(x) return tocha.fft.rfft(x, 4):abs() ^ 2 end, {spread()}},
  {'scaled_dot_product_attention', device = 'on CUDA alone, by spec/cuda'},
  {'recurrent_whole', device = 'on CUDA alone, by spec/cuda'},
  {'zeta', function(s, q) return special.zeta(s, q) end, {double {2.5}, double {1.5}}, never = 'the derivative is not known in closed form'},
}
