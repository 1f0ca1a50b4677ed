--- Arithmetic of complex numbers as tables {re, im}, for references. Nothing of the library is used here.
-- @module spec.complex_numbers

local Z = {}
local exp, log, sin, cos, sqrt, atan2 = math.exp, math.log, math.sin, math.cos, math.sqrt, math.atan2

local function z(re, im) return {re, im} end
Z.new, Z.one, Z.i = z, z(1, 0), z(0, 1)

function Z.add(a, b) return z(a[1] + b[1], a[2] + b[2]) end
function Z.sub(a, b) return z(a[1] - b[1], a[2] - b[2]) end
function Z.mul(a, b) return z(a[1] * b[1] - a[2] * b[2], a[1] * b[2] + a[2] * b[1]) end
function Z.times(k, a) return z(k * a[1], k * a[2]) end
function Z.neg(a) return z(-a[1], -a[2]) end
function Z.conj(a) return z(a[1], -a[2]) end
function Z.abs(a) return sqrt(a[1] * a[1] + a[2] * a[2]) end
function Z.angle(a) return atan2(a[2], a[1]) end
function Z.div(a, b) return Z.times(1 / (b[1] * b[1] + b[2] * b[2]), Z.mul(a, Z.conj(b))) end
function Z.reciprocal(a) return Z.div(Z.one, a) end
function Z.square(a) return Z.mul(a, a) end
function Z.sgn(a)
  local size = Z.abs(a)
  return size == 0 and z(0, 0) or Z.times(1 / size, a)
end

function Z.polar(size, angle) return z(size * cos(angle), size * sin(angle)) end
function Z.exp(a) return Z.polar(exp(a[1]), a[2]) end
function Z.log(a) return z(log(Z.abs(a)), Z.angle(a)) end
function Z.sqrt(a) return Z.polar(sqrt(Z.abs(a)), Z.angle(a) / 2) end
function Z.rsqrt(a) return Z.reciprocal(Z.sqrt(a)) end
function Z.pow(a, b) return Z.exp(Z.mul(b, Z.log(a))) end
function Z.exp2(a) return Z.exp(Z.times(log(2), a)) end
function Z.expm1(a) return Z.sub(Z.exp(a), Z.one) end
function Z.log2(a) return Z.times(1 / log(2), Z.log(a)) end
function Z.log10(a) return Z.times(1 / log(10), Z.log(a)) end
function Z.log1p(a) return Z.log(Z.add(Z.one, a)) end
function Z.sigmoid(a) return Z.reciprocal(Z.add(Z.one, Z.exp(Z.neg(a)))) end
function Z.silu(a) return Z.mul(a, Z.sigmoid(a)) end

-- the hyperbolic ones from exponentials, the others turned by i, the inverses from logarithms (DLMF 4.23, 4.37)
function Z.sinh(a) return Z.times(0.5, Z.sub(Z.exp(a), Z.exp(Z.neg(a)))) end
function Z.cosh(a) return Z.times(0.5, Z.add(Z.exp(a), Z.exp(Z.neg(a)))) end
function Z.tanh(a) return Z.div(Z.sinh(a), Z.cosh(a)) end
local function turned(f) return function(a) return Z.neg(Z.mul(Z.i, f(Z.mul(Z.i, a)))) end end -- -i f(i a)
Z.sin, Z.tan = turned(Z.sinh), turned(Z.tanh)
function Z.cos(a) return Z.cosh(Z.mul(Z.i, a)) end
function Z.asinh(a) return Z.log(Z.add(a, Z.sqrt(Z.add(Z.square(a), Z.one)))) end
function Z.acosh(a) return Z.log(Z.add(a, Z.mul(Z.sqrt(Z.add(a, Z.one)), Z.sqrt(Z.sub(a, Z.one))))) end
function Z.atanh(a) return Z.times(0.5, Z.sub(Z.log(Z.add(Z.one, a)), Z.log(Z.sub(Z.one, a)))) end
Z.asin, Z.atan = turned(Z.asinh), turned(Z.atanh)
function Z.acos(a) return Z.sub(z(math.pi / 2, 0), Z.asin(a)) end
function Z.sinc(a)
  local t = Z.times(math.pi, a)
  return Z.abs(a) == 0 and Z.one or Z.div(Z.sin(t), t)
end
function Z.logaddexp(a, b) return Z.log(Z.add(Z.exp(a), Z.exp(b))) end

return Z
