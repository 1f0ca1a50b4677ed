--- The von Mises distribution on the circle.
-- @module tocha.distributions.vonmises

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'

local VonMises = class('VonMises', Distribution)
VonMises.support = constraints.real
VonMises.arg_constraints = {loc = constraints.real, concentration = constraints.positive}

local read = args.spec('VonMises', 'loc', 'concentration', 'validate_args:bool=nil')

--- Angles in radians, from -pi to pi: exp(concentration cos(x - loc)), normalised.
-- @param loc the mean angle
-- @param concentration how densely values lie around it, above 0
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.VonMises(0, 2)
-- d:log_prob(tocha.tensor(1))  --> -1.581
-- d.mean  --> 0
-- d.variance  --> 0.3022
-- d:sample{3}.shape  --> {3}
function VonMises:__init(...)
  local loc, concentration, validate_args = read(...)
  self.loc, self.concentration = utils.broadcast_all(loc, concentration)
  Distribution.__init(self, self.loc.shape, {}, validate_args)
end

function VonMises:log_prob(value)
  value = self:checked(value)
  local k = self.concentration
  return k * (value - self.loc):cos() - math.log(2 * math.pi) - tocha.special.i0e(k):log() - k
end

-- the parameter r of the wrapped Cauchy envelope (Best and Fisher 1979); its limit for small k
local function envelope(k)
  local tau = (k:square() * 4 + 1):sqrt() + 1
  local rho = (tau - (tau * 2):sqrt()) / (k * 2)
  return tocha.where(k:lt(1e-5), k:reciprocal() + k, (rho:square() + 1) / (rho * 2))
end

-- one try for every element: angles around 0, and which of them are accepted
local function try(k, r)
  local u1, u2, u3 = tocha.rand_like(k), tocha.rand_like(k), tocha.rand_like(k)
  local z = (u1 * math.pi):cos()
  local f = ((r * z + 1) / (r + z)):clamp(-1, 1)
  local c = k * (r - f)
  local accept = (c * (2 - c) - u2):gt(0):logical_or(((c / u2):log() + 1 - c):ge(0))
  return (u3 - 0.5):sign() * f:acos(), accept
end

--- Rejection sampling in float64. From a concentration of 1e7 on the normal distribution is nearer than rounding lets the envelope be.
function VonMises:draw(shape)
  local given = self.concentration:double():expand(self:extended(shape))
  local narrow, senseless = given:ge(1e7), given:ge(0):logical_not()
  local k = given:masked_fill(narrow:logical_or(senseless), 1)
  local r = envelope(k)
  local x, done = tocha.zeros_like(k), tocha.zeros_like(k):ne(0)
  while not done:all():item() do
    local angle, accept = try(k, r)
    x = tocha.where(accept:logical_and(done:logical_not()), angle, x)
    done = done:logical_or(accept)
  end
  if narrow:any():item() then x = tocha.where(narrow, tocha.randn_like(given) * given:rsqrt(), x) end
  x = x:masked_fill(senseless, 0 / 0)
  return ((x + math.pi + self.loc) % (2 * math.pi) - math.pi):to(self.loc.dtype)
end

function VonMises:get_mean() return self.loc end
function VonMises:get_mode() return self.loc end

--- The circular variance.
function VonMises:get_variance()
  local k = self.concentration
  return 1 - tocha.special.i1e(k) / tocha.special.i0e(k)
end

return VonMises
