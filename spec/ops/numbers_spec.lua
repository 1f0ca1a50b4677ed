--- How exact numbers are: sums of many, functions of single precision against double, special functions against values of 17 digits.

local ffi = require 'ffi'
local tocha = require 'tocha'

describe('a sum of many numbers', function()
  -- one element seen n times: no memory, and the exact sum is known
  local function many(value, n, dtype) return tocha.full({1}, value, {dtype = dtype or 'float32'}):expand(n) end

  it('of 1e8 float32 is right to 1e-6', function()
    local exact = 1e8 * tocha.tensor(0.1):item() -- the float32 nearest to 0.1
    assert.is_true(math.abs(many(0.1, 1e8):sum():item() / exact - 1) < 1e-7)
    assert.is_true(math.abs(many(0.1, 1e8):mean():item() / tocha.tensor(0.1):item() - 1) < 1e-7)
  end)

  it('does not drift in any layout or dtype', function()
    tocha.manual_seed(3)
    local x = tocha.rand(4e6)
    local exact = x:double():sum():item()
    local function near(y, tolerance) assert.is_true(math.abs(y / exact - 1) < (tolerance or 1e-7), tostring(y / exact - 1)) end
    near(x:sum():item())
    near(x:mean():item() * 4e6)
    near(x:reshape(2000, 2000):t():sum():item())
    near(x:reshape(2000, 2000):sum(1):double():sum():item())
    near(x:reshape(2000, 2000):sum(2):double():sum():item())
    near(x:reshape(4, 1000, 1000):sum{1, 3}:double():sum():item())
    near(x:cumsum(1)[-1]:item(), 1e-6)
    near(x:norm(1):item())
    near(x:dot(tocha.ones(4e6)):item(), 1e-4) -- OpenBLAS adds up in single precision
    near(tocha.nansum(x):item())
    local half = x:half()
    local halves = half:double():mean():item()
    assert.is_true(math.abs(half:mean():item() / halves - 1) < 5e-4)
    local offset = x + 1000 -- the variance of numbers far from 0
    assert.is_true(math.abs(offset:var():item() / offset:double():var():item() - 1) < 1e-6)
  end)

  it('of 1e7 float64 is right to 1e-14', function()
    local exact = 1e7 * 0.1
    assert.is_true(math.abs(many(0.1, 1e7, 'float64'):sum():item() / exact - 1) < 1e-14)
  end)

  it('does not depend on the number of threads', function()
    local before = tocha.get_num_threads()
    local x = tocha.randn(1000, 1003)
    local function all()
      local list = {}
      for _, y in ipairs {x:sum(), x:mean(), x:sum(1), x:sum(2), x:var(), x:var(1), x:norm(), x:norm(3, 1), x:prod(), x:cumsum(1), x:logsumexp(2),
        x:softmax(1), tocha.nn.functional.layer_norm(x, {1003}), x:std(2), x:t():sum(1), x:median()} do list[#list + 1] = y end
      return list
    end
    tocha.set_num_threads(1)
    local one = all()
    for _, threads in ipairs {2, 3, 5} do
      tocha.set_num_threads(threads)
      for i, y in ipairs(all()) do assert.is_true(tocha.equal(y, one[i]), 'result ' .. i .. ' with ' .. threads .. ' threads') end
    end
    tocha.set_num_threads(before)
  end)
end)

describe('a function of single precision', function()
  -- every 65521st of all finite float32 numbers: 65,288 of them, of every exponent and either sign; fewer for what takes long
  local function sample(step)
    local bits, numbers = ffi.new('uint32_t[1]'), {}
    local as_float = ffi.cast('float *', bits)
    for i = 0, 0xffffffff, step do
      bits[0] = i
      -- a NaN with arbitrary bits must not become a Lua number: LuaJIT keeps types in them
      if math.floor(i / 2 ^ 23) % 256 ~= 255 then numbers[#numbers + 1] = tonumber(as_float[0]) end
    end
    return tocha.tensor(numbers, {dtype = 'float64'})
  end

  -- the largest error in units in the last place of the exact result, and where; subnormal results count as if they were normal
  local function worst(f, x, low, high)
    local y, exact = f(x:float()):double(), f(x)
    local size = exact:abs()
    local good = size:ge(1.2e-38):logical_and(size:le(3.4e38)):logical_and(x:ge(low)):logical_and(x:le(high))
    local unit = tocha.exp2(size:clamp(1.2e-38, 3.4e38):log2():floor() - 23)
    local error = tocha.where(good, ((y - exact) / unit):abs(), 0):nan_to_num(1e9)
    local value, place = error:max(1)
    return value:item(), x[place:item()]:item()
  end

  local inf = math.huge
  -- name, bound, domain; functions that round once are within half a unit and what log2 and double precision leave
  local functions = {
    {'exp', 0.52}, {'exp2', 0.52}, {'expm1', 0.52}, {'log', 0.52, 0}, {'log2', 0.52, 0}, {'log10', 0.52, 0}, {'log1p', 0.52, -1},
    {'sin', 0.52}, {'cos', 0.52}, {'tan', 0.52}, {'asin', 0.52, -1, 1}, {'acos', 0.52, -1, 1}, {'atan', 0.52},
    {'sinh', 0.52}, {'cosh', 0.52}, {'tanh', 0.52}, {'asinh', 0.52}, {'acosh', 0.52, 1}, {'atanh', 0.52, -1, 1},
    {'erf', 0.52}, {'erfc', 0.52}, {'sqrt', 0.52, 0}, {'rsqrt', 1.6, 0}, {'sigmoid', 2}, {'reciprocal', 0.52}, {'square', 0.52},
    {'lgamma', 4, 2.2}, {'digamma', 0.52, 1.6}, {'i0', 0.52}, {'sinc', 2.5, -1e5, 1e5},
    {'ndtr', 0.52}, {'log_ndtr', 0.52}, {'ndtri', 0.52, 0, 1}, {'erfcx', 0.52}, {'erfinv', 0.52, -1, 1}, {'i0e', 0.52}, {'i1', 0.52}, {'i1e', 0.52},
    {'bessel_j0', 0.52, -1e4, 1e4}, {'bessel_j1', 0.52, -1e4, 1e4}, {'bessel_y0', 0.52, 0, 1e4}, {'bessel_y1', 0.52, 0, 1e4},
    {'modified_bessel_k0', 0.52, 0}, {'modified_bessel_k1', 0.52, 0}, {'airy_ai', 0.52, -100}, {'entr', 1.6, 0}, {'silu', 2.5, -87}, {'softplus', 2},
    {'logsigmoid', 2}, {'mish', 3, -87},
  }
  local many, few
  for _, row in ipairs(functions) do
    local name, bound, low, high = row[1], row[2], row[3] or -inf, row[4] or inf
    it(name .. ' is right to ' .. bound .. ' units in the last place', function()
      many, few = many or sample(65521), few or sample(655211)
      local f, x = tocha[name] or tocha.nn.functional[name], many
      if not f or name:find('^i0') then f, x = tocha.special[name], few end
      local error, place = worst(f, x, low, high)
      assert.is_true(error <= bound, ('%g units at %.9g'):format(error, place))
    end)
  end
end)

describe('the special function', function()
  local special = tocha.special
  local own = {
    multigammaln3 = function(x) return special.multigammaln(x, 3) end, polygamma1 = function(x) return special.polygamma(1, x) end,
    polygamma2 = function(x) return special.polygamma(2, x) end, polygamma5 = function(x) return special.polygamma(5, x) end,
    lgamma = tocha.lgamma,
  }
  local names, values = {}, require 'spec.special_values'
  for name in pairs(values) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    it(name .. ' is right to 1e-12 in double, 3e-7 in single precision', function()
      local f = own[name] or special[name]
      local columns = {}
      for _, row in ipairs(values[name]) do
        for i, v in ipairs(row) do
          columns[i] = columns[i] or {}
          table.insert(columns[i], v)
        end
      end
      local want = table.remove(columns)
      for dtype, tolerance in pairs {float64 = 1e-12, float32 = 3e-7} do
        local arguments = {}
        for i, list in ipairs(columns) do arguments[i] = tocha.tensor(list, {dtype = dtype}) end
        local got = f(unpack(arguments)):totable()
        for i, w in ipairs(want) do
          local inside = dtype == 'float64' or math.abs(w) > 1.2e-38 and math.abs(w) < 3.4e38
          local error = math.abs(got[i] / w - 1)
          assert.is_true(not inside or error <= tolerance, ('%s: %.17g instead of %.17g at %.9g'):format(dtype, got[i], w, columns[1][i]))
        end
      end
    end)
  end
end)

describe('a NaN with arbitrary bits', function()
  it('reaches Lua as a plain NaN', function() -- LuaJIT keeps the types of its values in such bits
    for _, dtype in ipairs {'float32', 'float64', 'float16', 'bfloat16', 'complex64', 'complex128'} do
      local x = tocha.zeros(2, {dtype = dtype})
      ffi.fill(require('tocha.library').C.tc_data_of(x._t), 2 * x:element_size(), 0xff)
      for _, v in ipairs {x[1]:item(), x:totable()[2], x:sum():item()} do
        if type(v) == 'table' then v = v[1] + v[2] end
        assert.equal('number', type(v))
        assert.is_true(v ~= v)
      end
      assert.truthy(tostring(x):find('nan', 1, true))
    end
  end)
end)

describe('the zeta function', function()
  it('comes to its limits for large arguments', function()
    local s, q = tocha.tensor{math.huge, 1e30, 1e30, 2, 200, 1000}, tocha.tensor{1, 1, 3, math.huge, 1, 2.5}
    assert.same({1, 1, 0, 0, 1, 0}, tocha.special.zeta(s, q):totable())
  end)
end)

describe('orthogonal polynomials', function()
  it('can be differentiated eight times', function()
    local x = tocha.tensor({0.3, -0.7}, {dtype = 'float64', requires_grad = true})
    local y = tocha.special.legendre_polynomial_p(x, 10)
    for _ = 1, 8 do y = tocha.autograd.grad({y:sum()}, {x}, {create_graph = true}) end
    -- P10 = (46189 x^10 - 109395 x^8 + 90090 x^6 - ...) / 256
    for i, v in ipairs(x:totable()) do
      local want = (46189 * 1814400 * v ^ 2 - 109395 * 40320) / 256
      assert.is_true(math.abs(y:totable()[i] / want - 1) < 1e-12)
    end
    assert.is_false(pcall(function() return tocha.autograd.grad({y:sum()}, {x}, {create_graph = true}) end))
  end)
end)
