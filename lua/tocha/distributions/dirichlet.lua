--- The Dirichlet distribution on the simplex.
-- @module tocha.distributions.dirichlet

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local ExponentialFamily = require 'tocha.distributions.exponentialfamily'

local Dirichlet = class('Dirichlet', ExponentialFamily)
Dirichlet.has_rsample, Dirichlet.support = true, constraints.simplex
Dirichlet.arg_constraints = {concentration = constraints.independent(constraints.positive, 1)}

local read = args.spec('Dirichlet', 'concentration', 'validate_args:bool=nil')

--- Numbers that sum to 1: the product of x_i^(a_i - 1), normalised.
-- @param concentration a: one for each entry of the last dim, above 0
-- @shape batch (...), event (n): `sample{m}` gives (m, batch..., n)
-- @raise for parameters out of range
-- @usage
-- local d = D.Dirichlet(tocha.tensor{1, 2, 3})
-- d:log_prob(tocha.tensor{0.2, 0.3, 0.5})  --> 1.504
-- d.mean  --> {0.1667, 0.3333, 0.5}
-- d.variance  --> {0.01984, 0.03175, 0.03571}
-- d:sample{5}.shape  --> {5, 3}
function Dirichlet:__init(...)
  local concentration, validate_args = read(...)
  concentration = utils.tensor(concentration)
  if concentration:dim() < 1 then args.fail('Dirichlet: concentration: takes a tensor of 1 or more dims, got 0') end
  self.concentration = concentration
  local shape = concentration.shape
  ExponentialFamily.__init(self, utils.slice(shape, 1, #shape - 1), {shape[#shape]}, validate_args)
end

--- Gamma variates divided by their sum; in float64, where small concentrations do not all vanish.
function Dirichlet.draw_from(concentration)
  local g = tocha._standard_gamma(concentration:double()):clamp_min(1e-300)
  return (g / g:sum(-1, true)):to(concentration.dtype):clamp_min(tocha.finfo(concentration.dtype).tiny)
end

function Dirichlet:draw(shape) return Dirichlet.draw_from(self.concentration:expand(self:extended(shape))) end

function Dirichlet:log_prob(value)
  value = self:checked(value)
  local a = self.concentration
  return (a - 1):xlogy(value):sum(-1) + a:sum(-1):lgamma() - a:lgamma():sum(-1)
end

function Dirichlet:get_mean() return self.concentration / self.concentration:sum(-1, true) end

--- Where all concentrations are below 1 the corners are the modes, and one of them is given.
function Dirichlet:get_mode()
  local above = (self.concentration - 1):clamp_min(0)
  local mode = above / above:sum(-1, true)
  local corner = utils.one_hot(mode:argmax(-1), mode:size(-1), mode)
  return tocha.where(self.concentration:lt(1):all(-1, true), corner, mode)
end

function Dirichlet:get_variance()
  local a, total = self.concentration, self.concentration:sum(-1, true)
  return a * (total - a) / (total:square() * (total + 1))
end

function Dirichlet:entropy()
  local a = self.concentration
  local total = a:sum(-1)
  return a:lgamma():sum(-1) - total:lgamma() - (a:size(-1) - total) * total:digamma() - ((a - 1) * a:digamma()):sum(-1)
end

function Dirichlet:natural_params() return {self.concentration} end

function Dirichlet.log_normalizer(_, x) return x:lgamma():sum(-1) - x:sum(-1):lgamma() end

return Dirichlet
