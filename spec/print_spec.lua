--- Tensors as text.

local tocha = require 'tocha'

local function lines_of(text)
  local lines = {}
  for line in (text .. '\n'):gmatch('(.-)\n') do lines[#lines + 1] = line end
  return lines
end

local function shown(x) return lines_of(tostring(x)) end

describe('printing', function()
  after_each(function() tocha.set_printoptions{profile = 'default'} end)

  it('aligns the columns of a matrix and ends with dtype, size and device', function()
    assert.same({'  1.5000 -2.2500', '  3.0000 40.0000', '[tocha.float32 of size 2x2 on cpu]'}, shown(tocha.tensor{{1.5, -2.25}, {3, 40}}))
  end)

  it('marks whole floating values with a point, integers without', function()
    assert.same({' 1. 2. 3.', '[tocha.float32 of size 3 on cpu]'}, shown(tocha.tensor{1, 2, 3}))
    assert.same({'   1 -20', '[tocha.int64 of size 2 on cpu]'}, shown(tocha.int64{1, -20}))
    assert.same({'    7 -128', '[tocha.int8 of size 2 on cpu]'}, shown(tocha.int8{7, -128}))
  end)

  it('writes int64 exactly where a double could not hold it', function()
    assert.equal(' 9223372036854775807', shown(tocha.tensor({9223372036854775807LL}, {dtype = 'int64'}))[1])
  end)

  it('writes booleans, halves, nan and infinities', function()
    assert.equal('  true false', shown(tocha.tensor{true, false})[1])
    assert.same({' 0.1000 2.0000', '[tocha.float16 of size 2 on cpu]'}, shown(tocha.tensor({0.1, 2}, {dtype = 'float16'})))
    assert.equal('    nan    inf   -inf 0.5000', shown(tocha.tensor{tocha.nan, math.huge, -math.huge, 0.5})[1])
  end)

  it('takes an exponent where the range asks for one', function()
    assert.equal(' 1.0000e-08 1.0000e+00', shown(tocha.tensor{1e-8, 1})[1])
    assert.equal(' 1.5000e+00 2.0000e+09', shown(tocha.tensor({1.5, 2e9}, {dtype = 'float64'}))[1])
    assert.equal('    0.5000 -500.0000', shown(tocha.tensor{0.5, -500})[1])
  end)

  it('shows 0 dims and no elements', function()
    assert.same({' 1.5000', '[tocha.float32 of 0 dims on cpu]'}, shown(tocha.tensor(1.5)))
    assert.same({'[empty tocha.float32 of size 0 on cpu]'}, shown(tocha.zeros(0)))
    assert.same({'[empty tocha.int64 of size 2x0x3 on cpu]'}, shown(tocha.zeros({2, 0, 3}, {dtype = 'int64'})))
  end)

  it('shows the slices of more than two dims under their places', function()
    assert.same({'(1,1,.,.) =', ' 0 1', '', '(1,2,.,.) =', ' 2 3', '[tocha.int64 of size 1x2x1x2 on cpu]'},
      shown(tocha.arange(4):view(1, 2, 1, 2)))
  end)

  it('leaves the middle out of tensors with more than 1000 elements', function()
    assert.equal('    0    1    2 ... 1998 1999 2000', shown(tocha.arange(2001))[1])
    local lines = shown(tocha.zeros(100, 100))
    assert.equal(8, #lines)
    assert.equal(' 0. 0. 0. ... 0. 0. 0.', lines[1])
    assert.equal(' ...', lines[4])
    assert.is_truthy(tostring(tocha.zeros(20, 20, 20)):find('\n\n...\n\n(18,.,.) =', 1, true))
    assert.is_nil(tostring(tocha.arange(1000)):find('...', 1, true))
  end)

  it('never writes out an expanded giant, and reads only what it shows', function()
    local sizes = {}
    for d = 1, 40 do sizes[d] = 2 end
    assert.is_true(#tostring(tocha.zeros(1):expand(sizes)) < 200000)
    assert.equal(' 0. 0. 0. ... 0. 0. 0.', shown(tocha.zeros(1):expand(1e12))[1])
  end)

  it('breaks a long vector into lines and a wide matrix into blocks of columns', function()
    for _, line in ipairs(shown(tocha.randn(100))) do assert.is_true(#line <= 80) end
    local text = tostring(tocha.zeros(2, 60))
    assert.is_truthy(text:find('Columns 1 to 26', 1, true))
    assert.is_truthy(text:find('Columns 53 to 60', 1, true))
  end)

  it('says whether the tensor takes part in autograd', function()
    local x = tocha.ones(1):requires_grad_()
    assert.equal('[tocha.float32 of size 1 on cpu, requires_grad=true]', shown(x)[2])
    assert.is_truthy(shown(x * 2)[2]:find('grad_fn=<mul', 1, true))
  end)

  it('prints views as they are seen', function()
    local x = tocha.arange(6):view(2, 3)
    assert.same({' 0 3', ' 1 4', ' 2 5'}, {unpack(shown(x:t()), 1, 3)})
    assert.equal(' 2 4', shown(tocha.arange(6)[{{3, 5, 2}}])[1])
  end)

  describe('set_printoptions', function()
    it('changes precision, threshold, edges and line width', function()
      tocha.set_printoptions{precision = 2}
      assert.equal(' 1.50 0.25', shown(tocha.tensor{1.5, 0.25})[1])
      tocha.set_printoptions{threshold = 5, edgeitems = 1}
      assert.equal(' 0 ... 9', shown(tocha.arange(10))[1])
      tocha.set_printoptions{threshold = 100, linewidth = 10}
      assert.equal(' 0 1 2 3 4', shown(tocha.arange(10))[1])
    end)

    it('turns exponents on and off, and profiles set everything', function()
      tocha.set_printoptions{sci_mode = true}
      assert.equal(' 1.5000e+00', shown(tocha.tensor{1.5})[1])
      tocha.set_printoptions{profile = 'short'}
      assert.equal(' 1.50', shown(tocha.tensor{1.5})[1])
      tocha.set_printoptions{profile = 'full'}
      assert.is_nil(tostring(tocha.arange(2000)):find('...', 1, true))
    end)

    it('refuses what it does not know', function()
      assert.error_matches(function() tocha.set_printoptions{digits = 3} end, "unknown option 'digits'")
      assert.error_matches(function() tocha.set_printoptions{profile = 'wide'} end, "got 'wide', takes default, short or full")
      assert.error_matches(function() tocha.set_printoptions{precision = -1} end, 'precision: got %-1')
    end)
  end)
end)

describe('the formatter of numbers', function()
  local numbers = require 'tocha.print.numbers'
  it('shows complex tensors of any layout', function()
    local x = tocha.ones(3, {dtype = 'complex64'}):expand(2, 3)[{{}, {1, 3, 2}}]
    assert.are.same({{{1, 0}, {1, 0}}, {{1, 0}, {1, 0}}}, x:totable())
    assert.are.equal(' 1.+0.j 1.+0.j\n 1.+0.j 1.+0.j\n[tocha.complex64 of size 2x2 on cpu]', tostring(x))
  end)

  it('writes complex numbers part by part', function()
    local show = numbers.formatter({{1.5, 2.5}, {0, -1}}, 'complex64', {precision = 4})
    assert.equal('1.5000+2.5000j', show{1.5, 2.5})
    assert.equal('0.0000-1.0000j', show{0, -1})
  end)
end)
