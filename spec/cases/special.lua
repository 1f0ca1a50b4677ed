--- Cases of special functions. The references are plain: power series, integrals by the trapezoidal rule, bisection.

local S = require 'spec.special_functions'
local H = require 'spec.harness'
local P = require 'spec.plain'
local T = H.T
local exp, log, sqrt, abs, sin, cos, pi, huge = math.exp, math.log, math.sqrt, math.abs, math.sin, math.cos, math.pi, math.huge
local euler = 0.57721566490153286061

local function root(f, target, low, high) -- of a function that grows
  for _ = 1, 200 do
    local middle = (low + high) / 2
    if f(middle) < target then low = middle else high = middle end
  end
  return (low + high) / 2
end

-- the mean of f over 0..pi: exact to rounding for smooth functions of period 2 pi that are even
local function mean(f)
  local n, sum = 64, (f(0) + f(pi)) / 2
  for k = 1, n - 1 do sum = sum + f(pi * k / n) end
  return sum / n
end

local function ndtr(x) return S.erfc(-x / sqrt(2)) / 2 end
local function erfcx(x) return exp(x * x) * S.erfc(x) end
local function bessel_i(n, x) return mean(function(t) return exp(x * cos(t)) * cos(n * t) end) end
local function bessel_j(n, x) return mean(function(t) return cos(n * t - x * sin(t)) end) end

-- sum over k of s^(k+1) H_k (x^2/4)^k / k!^2, H the harmonic numbers: what K0 and Y0 have besides the logarithm
local function harmonic_series(x, s)
  local harmonic, term, sum = 0, 1, 0
  for k = 1, 60 do
    harmonic, term = harmonic + 1 / k, term * s * x * x / 4 / (k * k)
    sum = sum + harmonic * term
  end
  return sum
end
local function k0(x) return harmonic_series(x, 1) - (log(x / 2) + euler) * bessel_i(0, x) end
local function k1(x) return (1 / x - bessel_i(1, x) * k0(x)) / bessel_i(0, x) end -- by the Wronskian
local function y0(x) return 2 / pi * ((log(x / 2) + euler) * bessel_j(0, x) - harmonic_series(x, -1)) end
local function y1(x) return (bessel_j(1, x) * y0(x) - 2 / (pi * x)) / bessel_j(0, x) end

local function airy(x) -- the two power series of y'' = x y
  local a, b, f, g = 1, x, 1, x
  for k = 1, 40 do
    a, b = a * x ^ 3 / ((3 * k - 1) * 3 * k), b * x ^ 3 / (3 * k * (3 * k + 1))
    f, g = f + a, g + b
  end
  return 0.35502805388781723926 * f - 0.25881940379280679840 * g
end

local function gammainc(a, x) -- the power series
  local term, sum = 1 / a, 1 / a
  for k = 1, 200 do
    term = term * x / (a + k)
    sum = sum + term
  end
  return sum * exp(a * log(x) - x - S.lgamma(a))
end

local function zeta(s, q) -- the sum, with the integral and two corrections in place of the rest
  local n, sum = 400, 0
  for k = 0, n - 1 do sum = sum + (k + q) ^ -s end
  local b = n + q
  return sum + b ^ (1 - s) / (s - 1) + b ^ -s / 2 + s / 12 * b ^ (-s - 1)
end

local function mvlgamma(x, p)
  local sum = p * (p - 1) / 4 * log(pi)
  for i = 0, p - 1 do sum = sum + S.lgamma(x - i / 2) end
  return sum
end

-- polynomials of degree 0..5 by their coefficients from x^0 on
local function by_coefficients(list)
  return function(x, n)
    if n < 0 then return 0 end
    local y = 0
    for i = #list[n + 1], 1, -1 do y = y * x + list[n + 1][i] end
    return y
  end
end
local hermite = by_coefficients {{1}, {0, 2}, {-2, 0, 4}, {0, -12, 0, 8}, {12, 0, -48, 0, 16}, {0, 120, 0, -160, 0, 32}}
local hermite_e = by_coefficients {{1}, {0, 1}, {-1, 0, 1}, {0, -3, 0, 1}, {3, 0, -6, 0, 1}, {0, 15, 0, -10, 0, 1}}
local laguerre = by_coefficients {{1}, {1, -1}, {1, -2, 1 / 2}, {1, -3, 3 / 2, -1 / 6}, {1, -4, 3, -2 / 3, 1 / 24}, {1, -5, 5, -5 / 3, 5 / 24, -1 / 120}}
local legendre = by_coefficients {{1}, {0, 1}, {-1 / 2, 0, 3 / 2}, {0, -3 / 2, 0, 5 / 2}, {3 / 8, 0, -30 / 8, 0, 35 / 8}, {0, 15 / 8, 0, -70 / 8, 0, 63 / 8}}
local function trigonometric(f) -- of the angle whose cosine is x
  return function(x, n) return n < 0 and 0 or f(math.acos(x), n) end
end
local chebyshev = {
  t = trigonometric(function(a, n) return cos(n * a) end),
  u = trigonometric(function(a, n) return sin((n + 1) * a) / sin(a) end),
  v = trigonometric(function(a, n) return cos((n + 0.5) * a) / cos(a / 2) end),
  w = trigonometric(function(a, n) return sin((n + 0.5) * a) / sin(a / 2) end),
}

local rows = {}
local function row(name, range, point, more)
  local r = {name = name, range = range, point = point, grad = true, dtypes = 'float', gtol = {1e-5, 1e-6}, half = 3}
  for key, value in pairs(more or {}) do r[key] = value end
  rows[#rows + 1] = r
end

row('special_expit', {-5, 5}, S.sigmoid)
row('special_gammaln', {0.3, 6}, S.lgamma, {tol = {1e-9, 1e-11}})
row('special_psi', {0.5, 6}, S.digamma, {tol = {1e-9, 1e-11}})
row('special_erfcx', {-2, 6}, erfcx)
row('special_erfcx', {30, 1000}, function(x) return (1 - 1 / (2 * x * x) + 3 / (4 * x ^ 4)) / (x * sqrt(pi)) end,
  {label = 'far out', tol = {1e-7, 0}, grad = false})
row('erfinv', {-0.95, 0.95}, function(y) return root(S.erf, y, -3, 3) end, {single = {1e-5, 1e-6}, half = 8})
row('special_ndtr', {-3, 3}, ndtr)
row('special_ndtri', {0.05, 0.95}, function(p) return root(ndtr, p, -5, 5) end, {half = 8})
row('special_log_ndtr', {-8, 3}, function(x) return log(ndtr(x)) end)
row('special_log_ndtr', {-60, -40}, function(x) return -x * x / 2 - log(-x * sqrt(2 * pi)) - 1 / (x * x) + 2.5 / x ^ 4 end,
  {label = 'far left', tol = {1e-10, 0}, dtypes = {'float64', 'float32'}, grad = false})
row('special_entr', {0.1, 3}, function(x) return -x * log(x) end)
row('special_entr', nil, nil, {label = 'edges', args = {{T{5, values = {0, -1, 1, huge, 0 / 0}}}}, grad = false, layouts = false,
  reference = function() return {shape = {5}, 0, -huge, 0, -huge, 0 / 0} end})
row('special_xlog1py', {{0.3, 2}, {-0.5, 3}}, function(x, y) return x * S.log1p(y) end, {n = 2})
row('i0', {-4, 4}, function(x) return bessel_i(0, x) end, {half = 4})
row('i0', {20, 30}, function(x) return bessel_i(0, x) end, {label = 'far out', dtypes = {'float64', 'float32'}, gtol = {1e-3, 1}})
row('special_i0e', {-4, 4}, function(x) return exp(-abs(x)) * bessel_i(0, x) end, {away = {0}})
row('special_i1', {-4, 4}, function(x) return bessel_i(1, x) end, {half = 4, away = {0}})
row('special_i1e', {-30, 30}, function(x) return exp(-abs(x)) * bessel_i(1, x) end, {away = {0}})
row('special_modified_bessel_i0', {-4, 4}, function(x) return bessel_i(0, x) end, {half = 4})
row('special_modified_bessel_i1', {-4, 4}, function(x) return bessel_i(1, x) end, {half = 4, away = {0}})
row('special_modified_bessel_k0', {0.3, 3}, k0, {half = 4})
row('special_modified_bessel_k1', {0.3, 3}, k1, {half = 4})
row('special_scaled_modified_bessel_k0', {0.3, 3}, function(x) return exp(x) * k0(x) end, {half = 4})
row('special_scaled_modified_bessel_k1', {0.3, 3}, function(x) return exp(x) * k1(x) end, {half = 4})
row('special_bessel_j0', {-20, 20}, function(x) return bessel_j(0, x) end, {half = 8})
row('special_bessel_j0', {25.1, 40}, function(x) return bessel_j(0, x) end, {label = 'far out', dtypes = {'float64', 'float32'}})
row('special_bessel_j1', {-20, 20}, function(x) return bessel_j(1, x) end, {half = 8, away = {0}})
row('special_bessel_j1', {-40, -25.1}, function(x) return bessel_j(1, x) end, {label = 'far out', dtypes = {'float64', 'float32'}})
row('special_bessel_y0', {0.3, 6}, y0, {half = 4})
row('special_bessel_y1', {0.3, 2.2}, y1, {half = 4})
row('special_spherical_bessel_j0', {-6, 6}, function(x) return sin(x) / x end, {away = {0}})
row('special_airy_ai', {-3, 3}, airy, {half = 4})
for _, name in ipairs {'mvlgamma', 'special_multigammaln'} do
  row(name, {1.6, 5}, nil, {args = {{T{3}, 1}, {T{2, 3}, 3}, {T{}, 2}, {T{0}, 2}}, wrong = {{T{2}, 0, says = {'p', '0'}}}, half = 8,
    tol = {1e-9, 1e-11}, reference = function(x, p) return P.map(function(v) return mvlgamma(v, p) end, x) end})
end
row('igamma', {{1, 4}, {0.2, 6}}, gammainc, {n = 2, grad = 'once', tol = {1e-9, 1e-11}})
row('igammac', {{1, 4}, {0.2, 6}}, function(a, x) return 1 - gammainc(a, x) end, {n = 2, grad = 'once', tol = {1e-9, 1e-11}, single = {1e-4, 1e-6}})
row('igamma', {0.3, 4}, nil, {label = 'gradient', args = {{T{3, range = {1, 4}, grad = false}, T{3}}}, layouts = false, tol = {1e-9, 1e-11},
  reference = function(a, x) return P.map(gammainc, a, x) end})
row('special_zeta', {{1.5, 5}, {0.3, 4}}, zeta, {n = 2, grad = false, dtypes = {'float64', 'float32'}, tol = {1e-9, 1e-11}})
row('special_zeta', {0.5, 4}, nil, {label = 'gradient', args = {{T{3, range = {1.5, 5}, grad = false}, T{3}}}, layouts = false, dtypes = {'float64'},
  tol = {1e-9, 1e-11}, reference = function(s, q) return P.map(zeta, s, q) end})

local function polynomial(name, range, point)
  row('special_' .. name, range, nil, {args = {{T{2, 3}, T{2, 3, int = {-1, 5}}}, {T{3}, 4}, {T{2, 1}, T{3, int = {0, 5}}}, {T{0}, 2}}, half = 16,
    reference = function(x, n) return P.map(point, x, P.wrap(n)) end, single = {1e-4, 1e-4}})
end
polynomial('hermite_polynomial_h', {-2, 2}, hermite)
polynomial('hermite_polynomial_he', {-2, 2}, hermite_e)
polynomial('laguerre_polynomial_l', {-2, 2}, laguerre)
polynomial('legendre_polynomial_p', {-1, 1}, legendre)
for kind, point in pairs(chebyshev) do
  polynomial('chebyshev_polynomial_' .. kind, {-0.9, 0.9}, point)
  polynomial('shifted_chebyshev_polynomial_' .. kind, {0.05, 0.95}, function(x, n) return point(2 * x - 1, n) end)
end
for _, kind in ipairs {'t', 'u'} do -- degrees at which the cosine takes the place of the recurrence
  row('special_chebyshev_polynomial_' .. kind, {-0.9, 0.9}, nil, {label = 'high degrees', args = {{T{5}, 64}, {T{5}, 65}, {T{5}, 300}}, grad = false,
    reference = function(x, n) return P.map(function(v) return chebyshev[kind](v, n) end, x) end, dtypes = {'float64'}, tol = {1e-9, 1e-10}})
end

return rows
