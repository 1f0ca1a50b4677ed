--- Distributions p(x; t) = exp(<s(x), t> - A(t) + k(x)) with natural parameters t and log normalizer A.
-- A derived class gives `natural_params()` (a list), `log_normalizer(...)` and `mean_carrier_measure` (the mean of k).
-- @module tocha.distributions.exponentialfamily

local tocha = require 'tocha'
local class = require 'tocha.class'
local Distribution = require 'tocha.distributions.distribution'
local utils = require 'tocha.distributions.utils'

--- Distributions exp(t(x) . n - F(n)) h(x): entropy, and divergences of two of one class, follow from natural_params() and
-- log_normalizer(...), whose gradients are taken.
-- @type ExponentialFamily
-- @shape as Distribution
-- @usage
-- local d = D.Gamma(2, 3)
-- tocha.class.isinstance(d, D.ExponentialFamily)  --> true
-- d:natural_params()  --> {1, -3}
local ExponentialFamily = class('ExponentialFamily', Distribution)

ExponentialFamily.mean_carrier_measure = 0

--- A(t) at fresh leaves, and its gradients: the means of the sufficient statistics.
function ExponentialFamily:normalizer_gradients()
  local leaves = {}
  for i, t in ipairs(self:natural_params()) do leaves[i] = t:detach():requires_grad_() end
  return tocha.enable_grad(function()
    local a = self:log_normalizer(unpack(leaves))
    return leaves, a, {tocha.autograd.grad(a:sum(), leaves, {create_graph = true})}
  end)
end

--- The entropy by the Bregman divergence of the log normalizer: A(t) - <t, A'(t)> - E[k(x)].
function ExponentialFamily:entropy()
  local params = self:natural_params()
  local _, _, gradients = self:normalizer_gradients()
  local result = self:log_normalizer(unpack(params)) - self.mean_carrier_measure
  for i, t in ipairs(params) do
    result = result - utils.sum_rightmost(t * gradients[i], t:dim() - #self.batch_shape)
  end
  return result
end

return ExponentialFamily
