--- The Gumbel distribution, of largest values.
-- @module tocha.distributions.gumbel

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'
local TransformedDistribution = require 'tocha.distributions.transformed'
local Uniform = require 'tocha.distributions.uniform'
local transforms = require 'tocha.distributions.transforms'

local Gumbel = class('Gumbel', TransformedDistribution)
Gumbel.has_rsample, Gumbel.support = true, constraints.real
Gumbel.arg_constraints = {loc = constraints.real, scale = constraints.positive}

local read = args.spec('Gumbel', 'loc', 'scale', 'validate_args:bool=nil')

--- loc - scale log(-log(u)) for uniform u: the limit of maxima.
-- @param loc the mode
-- @param scale above 0
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.Gumbel(1, 2)
-- d:log_prob(tocha.tensor(1))  --> -1.693
-- d.mean  --> 2.154
-- d.variance  --> 6.58
-- d:sample{3}.shape  --> {3}
function Gumbel:__init(...)
  local loc, scale, validate_args = read(...)
  self.loc, self.scale = utils.broadcast_all(loc, scale)
  local info = tocha.finfo(self.loc.dtype)
  local base = Uniform(tocha.full_like(self.loc, info.tiny), tocha.full_like(self.loc, 1 - info.eps), false)
  local steps = {transforms.ExpTransform().inv, transforms.AffineTransform(0, -tocha.ones_like(self.scale)),
    transforms.ExpTransform().inv, transforms.AffineTransform(self.loc, -self.scale)}
  TransformedDistribution.__init(self, base, steps, false)
  Distribution.__init(self, self.batch_shape, {}, validate_args)
end

function Gumbel:get_mean() return self.loc + self.scale * utils.euler end
function Gumbel:get_mode() return self.loc end
function Gumbel:get_stddev() return self.scale * (math.pi / math.sqrt(6)) end
function Gumbel:get_variance() return self.scale:square() * (math.pi ^ 2 / 6) end

function Gumbel:log_prob(value)
  value = self:checked(value)
  local y = (self.loc - value) / self.scale
  return y - y:exp() - self.scale:log()
end

function Gumbel:entropy() return self.scale:log() + (1 + utils.euler) end

return Gumbel
