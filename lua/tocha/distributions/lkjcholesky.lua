--- The distribution of Cholesky factors of correlation matrices (Lewandowski, Kurowicka and Joe 2009).
-- @module tocha.distributions.lkjcholesky

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local utils = require 'tocha.distributions.utils'
local Distribution = require 'tocha.distributions.distribution'
local Beta = require 'tocha.distributions.beta'

local LKJCholesky = class('LKJCholesky', Distribution)
LKJCholesky.support = constraints.corr_cholesky
LKJCholesky.arg_constraints = {concentration = constraints.positive}

local read = args.spec('LKJCholesky', 'dim:int', 'concentration=1', 'validate_args:bool=nil')

--- Lower Cholesky factors of correlation matrices. Source: D. Lewandowski, D. Kurowicka, H. Joe, 2009.
-- @param dim size of the matrices, at least 2
-- @param concentration 1 makes all correlation matrices equally likely, more prefers weak correlations
-- @shape batch as concentration, event (dim, dim)
-- @usage
-- local d = D.LKJCholesky(3, 2)
-- local L = d:sample()
-- (L:mm(L:t())):diag()  --> {1, 1, 1}
-- d:log_prob(tocha.eye(3))  --> -0.6155
function LKJCholesky:__init(...)
  local dim, concentration, validate_args = read(...)
  if dim < 2 then args.fail('LKJCholesky: dim: got %d, takes an integer of 2 or more', dim) end
  self.dim, self.concentration = dim, utils.tensor(concentration)
  Distribution.__init(self, self.concentration.shape, {dim, dim}, validate_args)
end

--- By the onion method: the squared length of each row's part below the diagonal is a beta variable, its direction
-- uniform on the sphere.
function LKJCholesky:draw(shape)
  local c, n = self.concentration:unsqueeze(-1), self.dim
  local offset = tocha.cat{utils.full({1}, 0, c), utils.count_up(0, n - 1, c)}
  local beta = Beta(offset + 0.5, c + 0.5 * (n - 2) - offset * 0.5, {validate_args = false})
  local matrices = self:extended(shape)
  local y = beta:expand(utils.slice(matrices, 1, #matrices - 1)):sample():unsqueeze(-1)
  local normal = utils.randn(matrices, c):tril(-1)
  local length = normal:square():sum(-1, true):sqrt()
  local w = y:sqrt() * normal / tocha.where(length:eq(0), 1, length) -- the first row is 0
  local diagonal = (1 - w:square():sum(-1)):clamp_min(tocha.finfo(w.dtype).tiny):sqrt()
  return w + diagonal:diag_embed()
end

function LKJCholesky:log_prob(value)
  value = self:checked(value)
  local n, c = self.dim, self.concentration
  local diagonal = value:diagonal(0, -2, -1):narrow(-1, 2, n - 1)
  local order = ((c - 1) * 2):unsqueeze(-1) + n - utils.count_up(2, n - 1, c)
  local alpha = c + 0.5 * (n - 1)
  local normalizer = (alpha - 0.5):mvlgamma(n - 1) - alpha:lgamma() * (n - 1) + 0.5 * (n - 1) * math.log(math.pi)
  return (order * diagonal:log()):sum(-1) - normalizer
end

return LKJCholesky
