--- Complex tensors beyond their cases: views of parts, numbers {re, im}, promotion, what is refused, starting backward, files, gradcheck.

local tocha = require 'tocha'
local S = require 'spec.support'

local function z3() return tocha.complex(tocha.tensor{1, 2, 3}, tocha.tensor{4, -5, 6}) end
local function parts(z) return tocha.view_as_real(z):totable() end
local function name(x) return (tostring(x.dtype):match('%w+$')) end

describe('views of complex tensors', function()
  it('share their memory both ways', function()
    local z = z3()
    z.imag:fill_(0)
    z.real:mul_(2)
    assert.same({{2, 0}, {4, 0}, {6, 0}}, parts(z))
    local x = tocha.zeros(2, 2)
    tocha.view_as_complex(x):add_({1, 2})
    assert.same({{1, 2}, {1, 2}}, x:totable())
  end)

  it('carry changes in place into the graph of the base, from parts to numbers', function()
    local x = tocha.tensor({{1, 2}, {3, 4}}, {dtype = 'float64'}):requires_grad_()
    local y = x * 1
    tocha.view_as_complex(y):mul_({0, 2}) -- (a + bi) 2i = -2b + 2ai
    assert.same({{-4, 2}, {-8, 6}}, y:totable())
    y:backward(tocha.tensor({{1, 10}, {100, 1000}}, {dtype = 'float64'}))
    assert.same({{20, -2}, {2000, -200}}, x.grad:totable())
  end)

  it('carry changes in place into the graph of the base, from numbers to parts', function()
    for place, want in ipairs{{{6, 2}, {6, 2}, {6, 2}}, {{2, 6}, {2, 6}, {2, 6}}} do
      local x = z3():cdouble():requires_grad_()
      local y = x * 1
      local part = place == 1 and y.real or y.imag
      part:mul_(3)
      tocha.view_as_real(y):sum():mul(2):backward()
      assert.same(want, parts(x.grad))
    end
  end)

  it('of whole columns keep their strides', function()
    local z = tocha.complex(tocha.arange(6, {dtype = 'float32'}):view(2, 3), tocha.zeros(2, 3))
    assert.same({0, 3}, z:t().real[1]:totable())
    assert.same({{0, 3}, {1, 4}, {2, 5}}, z:t().real:totable())
    assert.same({1, 4}, z.mH[2].real:totable())
  end)
end)

describe('numbers {re, im}', function()
  it('are operands like other numbers', function()
    assert.same({{-4, 1}, {5, 2}, {-6, 3}}, parts(z3() * {0, 1}))
    assert.same({true, false, false}, z3():eq({1, 4}):totable())
    assert.same({{1, 1}, {2, 1}}, parts(tocha.tensor{1, 2}:add({0, 1})))
    assert.same({{1, 2}, {1, 2}}, parts(tocha.full({2}, {1, 2})))
    assert.same({{9, 8}, {2, -5}, {9, 8}}, parts(z3():masked_fill(tocha.tensor{true, false, true}, {9, 8})))
  end)

  it('take part in promotion weakly', function()
    assert.equal('complex64', name(tocha.full({2}, {1, 2})))
    assert.equal('complex64', name(tocha.ones(2) * {0, 1}))
    assert.equal('complex128', name(tocha.ones(2, {dtype = 'float64'}) * {0, 1}))
    assert.equal('complex64', name(tocha.ones(2, {dtype = 'int64'}) * {0, 1}))
    assert.equal('complex64', name(z3() * tocha.tensor(2, {dtype = 'float64'})))
    assert.equal('complex128', name(z3() * tocha.ones(3, {dtype = 'float64'})))
  end)
end)

describe('complex tensors', function()
  it('have real results where PyTorch has', function()
    local z = z3():cdouble()
    for _, f in ipairs{'abs', 'angle', 'var', 'std', 'norm'} do assert.equal('float64', name(z[f](z)), f) end
    assert.equal('bool', name(z:isfinite()))
  end)

  it('are refused where there is an order or a rounding to take', function()
    local z = z3()
    for _, f in ipairs{'lt', 'le', 'gt', 'ge', 'maximum', 'minimum', 'fmax', 'atan2', 'fmod', 'remainder', 'floor_divide', 'hypot'} do
      S.fails(function() return tocha[f](z, z) end, f, 'complex64')
    end
    for _, f in ipairs{'max', 'min', 'argmax', 'argmin', 'amax', 'sort', 'median', 'floor', 'ceil', 'round', 'trunc', 'sign', 'relu', 'erf', 'lgamma',
      'isposinf', 'signbit', 'bitwise_not', 'histc'} do
      S.fails(function() return tocha[f](z) end, f, 'complex64')
    end
    S.fails(function() return z:clamp(0, 1) end, 'clamp', 'complex64')
    S.fails(function() return tocha.ones(3):mul_(z) end, 'mul_', 'complex64', 'float32')
    S.fails(function() return tocha.ones(3).imag end, 'imag', 'float32')
  end)

  it('start backward only with a gradient', function()
    local z = z3():requires_grad_()
    S.fails(function() z:sum():backward() end, 'backward', 'complex64', 'real')
    z:sum():backward(tocha.complex(1, 0))
    assert.same({{1, 0}, {1, 0}, {1, 0}}, parts(z.grad))
    z:abs():sum():backward() -- gradients add up
    assert.equal('complex64', name(z.grad))
  end)

  it('have gradients by the direction of steepest ascent; real inputs have real ones', function()
    local z, x = z3():cdouble():requires_grad_(), tocha.tensor({1, 2, 3}, {dtype = 'float64'}):requires_grad_()
    z:abs():square():sum():backward() -- |z|^2: 2 z
    assert.is_true(z.grad:allclose(z:detach() * 2))
    local y = z:detach() * x
    y.imag:sum():backward()
    assert.equal('float64', name(x.grad))
    assert.same({4, -5, 6}, x.grad:totable())
  end)

  it('have no gradient, rather than nan, at 0', function()
    local z = tocha.zeros(2, {dtype = 'complex128'}):requires_grad_()
    local loss = z:abs():sum() + z:angle():sum() + z:sgn().real:sum() + z:norm() + z:std()
    loss:backward()
    assert.same({{0, 0}, {0, 0}}, parts(z.grad))
  end)

  it('pass gradcheck, of both orders', function()
    local z = tocha.randn(3, {dtype = 'complex128'}):requires_grad_()
    assert.is_true(tocha.autograd.gradcheck(function(a) return a * a:conj() * a, a:abs() end, z))
    assert.is_true(tocha.autograd.gradgradcheck(function(a) return a:exp() * a end, z))
    assert.is_false(tocha.autograd.gradcheck(function(a) return a.real:detach() * a end, z, {raise_exception = false}))
  end)

  it('convolve', function()
    local x, w = tocha.randn(1, 2, 5, {dtype = 'complex128'}), tocha.randn(3, 2, 2, {dtype = 'complex128'})
    local windows = x:unfold(3, 2, 1):permute(1, 3, 2, 4):reshape(4, 4)
    local want = windows:matmul(w:reshape(3, 4):t()):t():unsqueeze(1)
    assert.is_true(tocha.nn.functional.conv1d(x, w):allclose(want))
    local back = tocha.nn.functional.conv_transpose1d(want, w)
    assert.same({1, 2, 5}, back:size())
  end)

  it('know zero from other numbers', function()
    assert.is_true(tocha.complex(0, 1):is_nonzero())
    assert.is_false(tocha.complex(0, 0):is_nonzero())
  end)

  it('are written to files, complex64 only', function()
    local path = os.tmpname()
    local z = z3()
    tocha.save({z = z}, path)
    assert.same(parts(z), parts(tocha.load(path).z))
    S.fails(function() tocha.save({z = z:cdouble()}, path) end, 'complex128')
    os.remove(path)
  end)
end)

-- Values of PyTorch 2.15 at the edges, complex128: the argument, the function, the result.
describe('functions of complex numbers at infinities, zeros and branch cuts', function()
  local inf, tiny = math.huge, 1e-200
  local zero = -1 / inf
  for _, row in ipairs{
    {'sqrt', -4, 0, 0, 2}, {'sqrt', -4, zero, 0, -2}, {'log', -4, zero, math.log(4), -math.pi}, {'log', 0, 0, -inf, 0}, {'sqrt', -inf, 2, 0, inf},
    {'acosh', -4, zero, 2.0634370688955608, -math.pi}, {'asin', -4, zero, -math.pi / 2, -2.0634370688955608}, {'abs', 1e200, 1e200, 1.4142135623730951e200},
    {'reciprocal', tiny, tiny, 0.5e200, -0.5e200}, {'tanh', 710, 1, 1, 0}, {'sigmoid', -800, 3, 0, 0}, {'exp', -inf, 2, 0, 0},
  } do
    it(('%s(%g%+gi)'):format(row[1], row[2], row[3]), function()
      local z = tocha.zeros(1, {dtype = 'complex128'})
      z.real:fill_(row[2])
      z.imag:fill_(row[3])
      local got = tocha[row[1]](z)
      got = got:is_complex() and parts(got)[1] or got:totable()
      for k = 1, #got do
        local want = row[3 + k]
        assert.is_true(got[k] == want or math.abs(got[k] - want) <= 1e-14 * math.abs(want), got[k] .. ' instead of ' .. want)
      end
    end)
  end
end)

describe('rms_norm of complex numbers', function()
  local x = tocha.complex(tocha.tensor({{1, -0.5, 2}}, {dtype = 'float64'}), tocha.tensor({{2, 1, -1}}, {dtype = 'float64'}))
  local w = tocha.complex(tocha.tensor({1, 2, 0}, {dtype = 'float64'}), tocha.tensor({1, 0, 0.5}, {dtype = 'float64'}))
  local rms_norm = tocha.nn.functional.rms_norm

  it('has the values of PyTorch, whose squares are no lengths', function()
    local y = tocha.view_as_real(rms_norm(x, {3}, w, 1e-3))
    S.close(y, tocha.tensor({{{-4.8526, 0.6980}, {-3.4666, 0.0033}, {-1.0386, 1.3876}}}, {dtype = 'float64'}), 1e-4, 1e-4)
    assert.equal('complex64', tostring(rms_norm(x:to('complex64'), {3}, w).dtype))
    S.close(tocha.view_as_real(rms_norm(x, {1, 3})), tocha.view_as_real(x * ((x * x):mean() + 2.220446049250313e-16):rsqrt()), 1e-12, 1e-12)
    S.fails(function() tocha.nn.functional.layer_norm(x, {3}) end, 'layer_norm', 'complex128', 'real')
  end)

  it('has gradients of both orders', function()
    local f = function(a, b) return rms_norm(a, {3}, b, 1e-3) end
    local a, b = x:clone():requires_grad_(), w:clone():requires_grad_()
    assert.is_true(tocha.autograd.gradcheck(f, {a, b}))
    assert.is_true(tocha.autograd.gradgradcheck(f, {a, b}))
  end)
end)

describe('the table of complex formulas', function()
  it('has a case for every operator in it', function()
    local file = assert(io.open('kernels/scalar_complex.h'))
    local text, covered, missing = file:read('*a'), {}, {}
    file:close()
    for _, cases in ipairs{'complex', 'complex_products'} do
      for _, row in ipairs(require('spec.cases.' .. cases)) do covered[row.name] = true end
    end
    for operator in text:gmatch('\nTC_[%u_]+%(%u+,%s*([%w_]+)') do
      local inner = operator:find('_zero$') or operator:find('_grad$') -- gradients of others
      if not inner and not covered[operator] then missing[#missing + 1] = operator end
    end
    table.sort(missing)
    assert.equal('', table.concat(missing, ' '))
  end)
end)
