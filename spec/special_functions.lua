--- Functions that Lua's math library lacks, in float64, for references: slow and plain.
-- erf by its Maclaurin series and the continued fraction of erfc; gamma functions by shifting the argument up and the asymptotic series
-- (Abramowitz and Stegun 7.1.5, 7.1.14, 6.1.41, 6.3.18, 6.4.11).
-- @module spec.special_functions

local S = {}
local exp, log, abs, floor, huge, pi = math.exp, math.log, math.abs, math.floor, math.huge, math.pi

local function nan(x) return x ~= x end

function S.expm1(x)
  if abs(x) > 0.3 then return exp(x) - 1 end
  local term, sum = x, x
  for n = 2, 30 do
    term = term * x / n
    sum = sum + term
  end
  return sum
end

function S.log1p(x)
  if abs(x) > 0.1 then return log(1 + x) end
  local z, sum = x / (2 + x), 0 -- log((1 + z) / (1 - z))
  for n = 25, 0, -1 do sum = sum * z * z + 1 / (2 * n + 1) end
  return 2 * z * sum
end

local function erf_series(x)
  local term, sum = x, x
  for n = 1, 200 do
    term = -term * x * x / n
    sum = sum + term / (2 * n + 1)
  end
  return 2 / math.sqrt(pi) * sum
end

local function erfc_fraction(x)
  local f = 0
  for n = 200, 1, -1 do f = n / 2 / (x + f) end
  return exp(-x * x) / math.sqrt(pi) / (x + f)
end

function S.erfc(x)
  if nan(x) then return x end
  if x > 2 then return x == huge and 0 or erfc_fraction(x) end
  if x < -2 then return 2 - S.erfc(-x) end
  return 1 - erf_series(x)
end

function S.erf(x)
  if nan(x) then return x end
  if abs(x) <= 2 then return erf_series(x) end
  return x > 0 and 1 - S.erfc(x) or S.erfc(-x) - 1
end

-- Bernoulli numbers B2, B4, ...
local bernoulli = {1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330}

function S.lgamma(x)
  if x <= 0 then
    if floor(x) == x then return huge end
    return log(pi / abs(math.sin(pi * x))) - S.lgamma(1 - x)
  end
  local shift = 0
  while x < 15 do
    shift = shift - log(x)
    x = x + 1
  end
  local sum, power = (x - 0.5) * log(x) - x + 0.5 * log(2 * pi), x
  for n = 1, #bernoulli do
    sum = sum + bernoulli[n] / (2 * n * (2 * n - 1) * power)
    power = power * x * x
  end
  return sum + shift
end

function S.digamma(x)
  if x <= 0 then
    if floor(x) == x then return 0 / 0 end
    return S.digamma(1 - x) - pi / math.tan(pi * x)
  end
  local shift = 0
  while x < 15 do
    shift = shift - 1 / x
    x = x + 1
  end
  local sum, power = log(x) - 1 / (2 * x), x * x
  for n = 1, #bernoulli do
    sum = sum - bernoulli[n] / (2 * n * power)
    power = power * x * x
  end
  return sum + shift
end

local function factorial(n) return n < 2 and 1 or n * factorial(n - 1) end

--- The n-th derivative of digamma, n >= 1, x > 0.
function S.polygamma(n, x)
  if n == 0 then return S.digamma(x) end
  local sum = 0
  while x < 25 do
    sum = sum + factorial(n) / x ^ (n + 1)
    x = x + 1
  end
  sum = sum + factorial(n - 1) / x ^ n + factorial(n) / (2 * x ^ (n + 1))
  for k = 1, #bernoulli do
    sum = sum + bernoulli[k] * factorial(2 * k + n - 1) / (factorial(2 * k) * x ^ (2 * k + n))
  end
  return n % 2 == 1 and sum or -sum
end

function S.asinh(x) return x < 0 and -S.asinh(-x) or S.log1p(x + x * x / (1 + math.sqrt(1 + x * x))) end
function S.acosh(x) return log(x + math.sqrt(x * x - 1)) end
function S.atanh(x) return 0.5 * S.log1p(2 * x / (1 - x)) end
function S.sigmoid(x) return x >= 0 and 1 / (1 + exp(-x)) or exp(x) / (1 + exp(x)) end
function S.softplus(x) return math.max(x, 0) + S.log1p(exp(-abs(x))) end
function S.trunc(x) return x < 0 and -floor(-x) or floor(x) end

--- The nearest integer, halves to even.
function S.rint(x)
  local down = floor(x)
  local rest = x - down
  if rest > 0.5 or (rest == 0.5 and down % 2 == 1) then return down + 1 end
  return down
end

return S
