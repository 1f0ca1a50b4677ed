--- Student's t distribution.
-- @module tocha.distributions.studentt

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'

local StudentT = class('StudentT', Distribution)
StudentT.has_rsample, StudentT.support = true, constraints.real
StudentT.arg_constraints = {df = constraints.positive, loc = constraints.real, scale = constraints.positive}

local read = args.spec('StudentT', 'df', 'loc=0', 'scale=1', 'validate_args:bool=nil')

--- A normal variable over the root of a chi-squared one: heavy tails.
-- @param df degrees of freedom, above 0
-- @param loc the centre
-- @param scale above 0
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.StudentT(5)
-- d:log_prob(tocha.tensor(1))  --> -1.516
-- d.mean  --> 0
-- d.variance  --> 1.667
-- d:entropy()  --> 1.628
-- d:sample{3}.shape  --> {3}
function StudentT:__init(...)
  local df, loc, scale, validate_args = read(...)
  self.df, self.loc, self.scale = utils.broadcast_all(df, loc, scale)
  Distribution.__init(self, self.df.shape, {}, validate_args)
end

function StudentT:get_mean() return tocha.where(self.df:gt(1), self.loc, tocha.nan) end
function StudentT:get_mode() return self.loc end

function StudentT:get_variance()
  local df = self.df
  local finite = self.scale:square() * df / (df - 2)
  return tocha.where(df:gt(2), finite, tocha.where(df:gt(1), tocha.full_like(df, math.huge), tocha.nan))
end

function StudentT:draw(shape)
  local whole = self:extended(shape)
  local chi2 = tocha._standard_gamma((self.df * 0.5):expand(whole)) * 2
  local y = utils.randn(whole, self.df) * (chi2:clamp_min(tocha.finfo(chi2.dtype).tiny) / self.df):rsqrt()
  return self.loc + self.scale * y
end

function StudentT:log_prob(value)
  value = self:checked(value)
  local df = self.df
  local y, half = (value - self.loc) / self.scale, (df + 1) * 0.5
  local z = self.scale:log() + df:log() * 0.5 + 0.5 * math.log(math.pi) + (df * 0.5):lgamma() - half:lgamma()
  return -half * (y:square() / df):log1p() - z
end

function StudentT:entropy()
  local df = self.df
  local half = (df + 1) * 0.5
  local log_beta = (df * 0.5):lgamma() + 0.5 * math.log(math.pi) - half:lgamma()
  return self.scale:log() + half * (half:digamma() - (df * 0.5):digamma()) + df:log() * 0.5 + log_beta
end

return StudentT
