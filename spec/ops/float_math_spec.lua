-- The float forms of elementary functions against their double forms, in units in the last place of float: over the whole range of floats,
-- over the range of every day, and at special values. Double forms are the C library's.
local tocha = require 'tocha'
local F = tocha.nn.functional

local N = 20000
local special = tocha.tensor{0, -0.0, 1, -1, math.huge, -math.huge, 0 / 0, 1e-40, -1e-40, 3.4e38, -3.4e38, 0.5, 2, 3, -2, 1e-8}

local function anywhere()
  return tocha.cat{(tocha.randn(N):double() * tocha.pow(2, tocha.randint(-140, 127, {N}):double())):float(), special}
end

-- how far the float result is from the double one, where the latter is not what floats round it to anyway
local function error_in_ulps(f, x, ...)
  local others = {...}
  local y = f(x, ...):double()
  for i, v in ipairs(others) do others[i] = tocha.is_tensor(v) and v:double() or v end
  local exact = f(x:double(), unpack(others))
  local rounded = exact:float()
  local step = tocha.nextafter(rounded:abs(), tocha.full({1}, math.huge)):double() - rounded:abs():double()
  local same = rounded:double():eq(y):logical_or(exact:isnan():logical_and(y:isnan()))
  return tocha.where(same, tocha.zeros({1}):double(), (y - exact):abs() / step):max():item()
end

local function within(bound, ulps) assert.is_true(ulps <= bound, ('%g units in the last place'):format(ulps)) end

describe('elementary functions of floats', function()
  before_each(function() tocha.manual_seed(7) end)

  for _, name in ipairs{'sin', 'cos', 'tan', 'asin', 'acos', 'atan', 'sinh', 'cosh', 'tanh', 'asinh', 'acosh', 'atanh', 'erf', 'erfc',
    'exp', 'exp2', 'expm1', 'log', 'log2', 'log10', 'log1p'} do
    it(name .. ' rounds once', function()
      within(0.52, error_in_ulps(tocha[name], anywhere()))
      within(0.52, error_in_ulps(tocha[name], tocha.randn(N) * 4))
      within(0.52, error_in_ulps(tocha[name], tocha.rand(N) * 2 - 1))
    end)
  end

  it('pow and atan2 round once, and know the special values', function()
    local whole = tocha.cat{(tocha.randn(N) * 5):round(), special}
    for _, f in ipairs{tocha.pow, tocha.atan2} do
      within(0.52, error_in_ulps(f, anywhere(), anywhere()))
      within(0.52, error_in_ulps(f, tocha.cat{tocha.randn(N) * 3, special}, whole))
      for _, v in ipairs(special:tolist()) do within(0.52, error_in_ulps(f, special, tocha.tensor{v})) end
    end
  end)

  it('activations made of several roundings stay close', function()
    local positive, all = tocha.rand(N) * 12, tocha.cat{tocha.randn(N) * 6, special}
    within(2, error_in_ulps(tocha.sigmoid, all))
    within(2, error_in_ulps(F.silu, all))
    within(2, error_in_ulps(tocha.sigmoid, tocha.rand(N) * -87))
    within(2, error_in_ulps(F.silu, tocha.rand(N) * -87))
    within(2, error_in_ulps(F.softplus, all))
    within(2, error_in_ulps(F.logsigmoid, all))
    within(3, error_in_ulps(F.gelu, positive)) -- 2.2 with fused multiply-add
    within(5, error_in_ulps(F.gelu, -tocha.rand(N)))
    -- where the normal tail is small, gelu is right to what floats know of numbers near 1
    local tail = tocha.rand(N) * -8
    assert.is_true((F.gelu(tail):double() - F.gelu(tail:double())):abs():max():item() < 1.2e-6)
  end)
end)
