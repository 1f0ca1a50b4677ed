--- The Laplace distribution.
-- @module tocha.distributions.laplace

local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'

local Laplace = class('Laplace', Distribution)
Laplace.has_rsample, Laplace.support = true, constraints.real
Laplace.arg_constraints = {loc = constraints.real, scale = constraints.positive}

local read = args.spec('Laplace', 'loc', 'scale', 'validate_args:bool=nil')

--- exp(-|x - loc| / scale) / (2 scale).
-- @param loc the mean
-- @param scale the mean absolute deviation, above 0
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.Laplace(0, 2)
-- d:log_prob(tocha.tensor(1))  --> -1.886
-- d.mean  --> 0
-- d.variance  --> 8
-- d:entropy()  --> 2.386
-- d:sample{3}.shape  --> {3}
function Laplace:__init(...)
  local loc, scale, validate_args = read(...)
  self.loc, self.scale = utils.broadcast_all(loc, scale)
  Distribution.__init(self, self.loc.shape, {}, validate_args)
end

function Laplace:get_mean() return self.loc end
function Laplace:get_mode() return self.loc end
function Laplace:get_stddev() return self.scale * math.sqrt(2) end
function Laplace:get_variance() return self.scale:square() * 2 end

function Laplace:draw(shape) return self:icdf(utils.rand_open(self:extended(shape), self.loc)) end

function Laplace:log_prob(value)
  value = self:checked(value)
  return -(self.scale * 2):log() - (value - self.loc):abs() / self.scale
end

function Laplace:cdf(value)
  value = self:checked(value)
  local d = value - self.loc
  return 0.5 - d:sign() * (-d:abs() / self.scale):expm1() * 0.5
end

function Laplace:icdf(value)
  local term = utils.tensor(value, self.loc) - 0.5
  return self.loc - self.scale * term:sign() * (term:abs() * -2):log1p()
end

function Laplace:entropy() return (self.scale * 2):log() + 1 end

return Laplace
