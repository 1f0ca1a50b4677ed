--- The F distribution: the ratio of two chi-squared variables, each over its degrees of freedom.
-- @module tocha.distributions.fishersnedecor

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'

local FisherSnedecor = class('FisherSnedecor', Distribution)
FisherSnedecor.has_rsample, FisherSnedecor.support = true, constraints.positive
FisherSnedecor.arg_constraints = {df1 = constraints.positive, df2 = constraints.positive}

local read = args.spec('FisherSnedecor', 'df1', 'df2', 'validate_args:bool=nil')

--- The F distribution: (a / df1) / (b / df2) for chi-squared a, b.
-- @param df1 degrees of freedom of the numerator
-- @param df2 degrees of freedom of the denominator
-- @shape parameters broadcast to the batch shape; `sample{n}` gives (n, batch...)
-- @raise for parameters out of range
-- @usage
-- local d = D.FisherSnedecor(4, 10)
-- d:log_prob(tocha.tensor(1))  --> -0.7867
-- d.mean  --> 1.25
-- d.variance  --> 1.563
-- d:sample{3}.shape  --> {3}
function FisherSnedecor:__init(...)
  local df1, df2, validate_args = read(...)
  self.df1, self.df2 = utils.broadcast_all(df1, df2)
  Distribution.__init(self, self.df1.shape, {}, validate_args)
end

function FisherSnedecor:get_mean() return tocha.where(self.df2:gt(2), self.df2 / (self.df2 - 2), tocha.nan) end

function FisherSnedecor:get_mode()
  local mode = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
  return tocha.where(self.df1:gt(2), mode, tocha.nan)
end

function FisherSnedecor:get_variance()
  local a, b = self.df1, self.df2
  local variance = b:square() * 2 * (a + b - 2) / (a * (b - 2):square() * (b - 4))
  return tocha.where(b:gt(4), variance, tocha.nan)
end

function FisherSnedecor:draw(shape)
  local whole, tiny = self:extended(shape), tocha.finfo(self.df1.dtype).tiny
  local x1 = tocha._standard_gamma((self.df1 * 0.5):expand(whole)) / self.df1
  local x2 = tocha._standard_gamma((self.df2 * 0.5):expand(whole)) / self.df2
  return (x1 / x2:clamp_min(tiny)):clamp_min(tiny)
end

function FisherSnedecor:log_prob(value)
  value = self:checked(utils.tensor(value, self.df1))
  local a, b, ratio = self.df1 * 0.5, self.df2 * 0.5, self.df1 / self.df2
  local t1 = (a + b):lgamma() - a:lgamma() - b:lgamma()
  local t2 = a * ratio:log() + (a - 1) * value:log()
  return t1 + t2 - (a + b) * (ratio * value):log1p()
end

return FisherSnedecor
