--- Transforms of each element on its own: exp, powers, sigmoid, affine maps and others.
-- @module tocha.distributions.transforms_scalar

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Transform = require('tocha.distributions.transform').Transform
local F = tocha.nn.functional

local M = {}

--- y = exp(x).
-- @type ExpTransform
-- @shape any -> the same
-- @usage
-- D.ExpTransform()(tocha.tensor{0, 1})  --> {1, 2.718}

--- y = |x|; the inverse gives y, one of two values.
-- @type AbsTransform
-- @shape any -> the same
-- @usage
-- D.AbsTransform()(tocha.tensor{-2, 1})  --> {2, 1}

--- y = 1 / (1 + exp(-x)), kept off 0 and 1.
-- @type SigmoidTransform
-- @shape any -> the same
-- @usage
-- local t = D.SigmoidTransform()
-- t(tocha.tensor(0))  --> 0.5
-- t.inv(tocha.tensor(0.5))  --> 0

--- y = log(1 + exp(x)).
-- @type SoftplusTransform
-- @shape any -> the same
-- @usage
-- local t = D.SoftplusTransform()
-- t(tocha.tensor(0))  --> 0.6931
-- t.inv(t(tocha.tensor(3)))  --> 3

--- y = tanh(x).
-- @type TanhTransform
-- @shape any -> the same
-- @usage
-- local t = D.TanhTransform()
-- t(tocha.tensor(1))  --> 0.7616
-- t.inv(t(tocha.tensor(1)))  --> 1

-- a bijection without parameters: `sign` is 1 where it rises
local function simple(name, domain, codomain, sign)
  local cls = class(name, Transform)
  cls.domain, cls.codomain, cls.bijective, cls.sign = domain, codomain, sign ~= nil, sign
  local read = args.spec(name, 'cache_size:int=0')
  function cls:__init(...) Transform.__init(self, (read(...))) end
  M[name] = cls
  return cls
end

--- y = exp(x).
local Exp = simple('ExpTransform', constraints.real, constraints.positive, 1)
function Exp.call(_, x) return x:exp() end
function Exp.inverse(_, y) return y:log() end
function Exp.log_abs_det_jacobian(_, x) return x end

--- y = |x|: no bijection; its inverse gives the positive x.
local Abs = simple('AbsTransform', constraints.real, constraints.positive)
function Abs.call(_, x) return x:abs() end
function Abs.inverse(_, y) return y end

--- y = sigmoid(x), kept inside of (0, 1).
local Sigmoid = simple('SigmoidTransform', constraints.real, constraints.unit_interval, 1)
function Sigmoid.call(_, x)
  local info = tocha.finfo(x.dtype)
  return x:sigmoid():clamp(info.tiny, 1 - info.eps)
end
function Sigmoid.inverse(_, y)
  local info = tocha.finfo(y.dtype)
  y = y:clamp(info.tiny, 1 - info.eps)
  return y:log() - (-y):log1p()
end
function Sigmoid.log_abs_det_jacobian(_, x) return -F.softplus(-x) - F.softplus(x) end

--- y = log(1 + exp(x)).
local Softplus = simple('SoftplusTransform', constraints.real, constraints.positive, 1)
function Softplus.call(_, x) return F.softplus(x) end
function Softplus.inverse(_, y) return (-(-y):expm1()):log() + y end
function Softplus.log_abs_det_jacobian(_, x) return -F.softplus(-x) end

--- y = tanh(x).
local Tanh = simple('TanhTransform', constraints.real, constraints.interval(-1, 1), 1)
function Tanh.call(_, x) return x:tanh() end
function Tanh.inverse(_, y) return y:atanh() end
function Tanh.log_abs_det_jacobian(_, x) return (math.log(2) - x - F.softplus(x * -2)) * 2 end

-- are two parameters, numbers or tensors, the same?
local function same(a, b)
  local ta, tb = tocha.is_tensor(a), tocha.is_tensor(b)
  if not ta and not tb then return a == b end
  local x, y = utils.broadcast_all(a, b)
  return x:eq(y):all():item()
end

local function sign_of(v)
  if tocha.is_tensor(v) then return v:sign() end
  return v > 0 and 1 or v < 0 and -1 or 0
end

local Affine = class('AffineTransform', Transform)
Affine.bijective = true
M.AffineTransform = Affine
local read_affine = args.spec('AffineTransform', 'loc', 'scale', 'event_dim:int=0', 'cache_size:int=0')

--- y = loc + scale x.
-- @param loc a number or tensor
-- @param scale a number or tensor, not 0
-- @param event_dim how many dims are one event
-- @shape any -> the same
-- @usage
-- local t = D.AffineTransform(1, 2)
-- t(tocha.tensor{0, 3})  --> {1, 7}
-- t.inv(tocha.tensor(7))  --> 3
function Affine:__init(...)
  local loc, scale, event_dim, cache_size = read_affine(...)
  Transform.__init(self, cache_size)
  self.loc, self.scale, self.event_dim = loc, scale, event_dim
  if event_dim > 0 then
    self.domain = constraints.independent(constraints.real, event_dim)
    self.codomain = self.domain
  end
end
function Affine:get_sign() return sign_of(self.scale) end
function Affine:call(x) return self.scale * x + self.loc end
function Affine:inverse(y) return (y - self.loc) / self.scale end
function Affine:log_abs_det_jacobian(x)
  local scale = self.scale
  local each = tocha.is_tensor(scale) and scale:abs():log() or tocha.full_like(x, math.log(math.abs(scale)))
  if tocha.is_tensor(scale) then each = each:expand(tocha.broadcast_shapes(each.shape, x.shape)) end
  return utils.sum_rightmost(each, self.event_dim)
end
local function widened(self, shape)
  local loc, scale = self.loc, self.scale
  return tocha.broadcast_shapes(shape, tocha.is_tensor(loc) and loc.shape or {}, tocha.is_tensor(scale) and scale.shape or {})
end
function Affine:forward_shape(shape) return widened(self, shape) end
function Affine:inverse_shape(shape) return widened(self, shape) end
function Affine:equals(other)
  return getmetatable(other) == Affine and same(self.loc, other.loc) and same(self.scale, other.scale)
end

local Power = class('PowerTransform', Transform)
Power.domain, Power.codomain, Power.bijective = constraints.positive, constraints.positive, true
M.PowerTransform = Power
local read_power = args.spec('PowerTransform', 'exponent', 'cache_size:int=0')

--- y = x^exponent, for x above 0.
-- @param exponent not 0
-- @shape any -> the same
-- @usage
-- D.PowerTransform(3)(tocha.tensor(2))  --> 8
-- D.PowerTransform(3).inv(tocha.tensor(8))  --> 2
function Power:__init(...)
  local exponent, cache_size = read_power(...)
  Transform.__init(self, cache_size)
  self.exponent = utils.tensor(exponent)
end
function Power:get_sign() return self.exponent:sign() end
function Power:call(x) return x:pow(self.exponent) end
function Power:inverse(y) return y:pow(self.exponent:reciprocal()) end
function Power:log_abs_det_jacobian(x, y) return (self.exponent * y / x):abs():log() end
function Power:forward_shape(shape) return tocha.broadcast_shapes(shape, self.exponent.shape) end
function Power:inverse_shape(shape) return tocha.broadcast_shapes(shape, self.exponent.shape) end
function Power:equals(other) return getmetatable(other) == Power and same(self.exponent, other.exponent) end

local Cumulative = class('CumulativeDistributionTransform', Transform)
Cumulative.bijective, Cumulative.codomain, Cumulative.sign = true, constraints.unit_interval, 1
M.CumulativeDistributionTransform = Cumulative
local read_cumulative = args.spec('CumulativeDistributionTransform', 'distribution:distribution', 'cache_size:int=0')

--- y = distribution:cdf(x): uniform numbers, if x has that distribution.
-- @param distribution one with cdf and icdf
-- @shape any -> the same
-- @usage
-- local t = D.CumulativeDistributionTransform(D.Normal(0, 1))
-- t(tocha.tensor(0))  --> 0.5
-- t.inv(tocha.tensor(0.5))  --> 0
function Cumulative:__init(...)
  local distribution, cache_size = read_cumulative(...)
  Transform.__init(self, cache_size)
  self.distribution, self.domain = distribution, distribution.support
end
function Cumulative:call(x) return self.distribution:cdf(x) end
function Cumulative:inverse(y) return self.distribution:icdf(y) end
function Cumulative:log_abs_det_jacobian(x) return self.distribution:log_prob(x) end
function Cumulative:equals(other) return getmetatable(other) == Cumulative and self.distribution == other.distribution end

return M
