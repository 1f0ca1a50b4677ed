--- Guides that are made from a model: AutoNormal (mean field) and AutoDelta (the most probable values).
-- They work on the unconstrained variables: each support is reached by the bijection of `distributions.biject_to`.
-- @module tocha.infer.guide

local args = require 'tocha.args'
local class = require 'tocha.class'
local tocha = require 'tocha'
local Normal = require 'tocha.distributions.normal'
local biject_to = require('tocha.distributions.registry').biject_to
local trace = require 'tocha.infer.trace'

local Auto = class('AutoGuide')

local function check_continuous(self, site)
  local support = site.dist.support
  if support == nil or support.is_discrete then
    args.fail("%s: '%s' is discrete; an automatic guide takes continuous variables", self.__name, site.name)
  end
end

-- what is known of the latent variables after one run of the model
local function look(self, ...)
  self.sites = {}
  for _, site in ipairs(tocha.no_grad(trace.aside, trace.trace, self.model, ...):latent()) do
    check_continuous(self, site)
    local transform = biject_to(site.dist.support)
    self.sites[#self.sites + 1] = {name = site.name, transform = transform, first = transform.inv(site.value):detach()}
  end
end

-- gives a value to `sample`, with the density it has here
local function emit(site, value, density)
  return trace.with({before = function(_, s) s.value, s.density, s.reparameterised = value, density, true end}, trace.sample,
    site.name, Normal(0, 1))
end

function Auto:prepare(...)
  if not self.sites then look(self, ...) end
end

--- Runs the guide; gives the values by name.
function Auto:__call(...)
  self:prepare(...)
  local out = {}
  for _, site in ipairs(self.sites) do out[site.name] = self:draw(site) end
  return out
end

-- ------------------------------------------------------------------------------------------------- mean field

local AutoNormal = class('AutoNormal', Auto)

local read_normal = args.spec('AutoNormal', 'model:callable', '*', 'prefix:str="auto"', 'init_scale:num=0.1')

--- A normal distribution for each unconstrained variable, independent of the others. Its parameters are
-- `prefix.NAME.loc` and `prefix.NAME.scale` of the store.
-- @tparam function model
-- @tparam[opt='auto'] string prefix by name only
-- @tparam[opt=0.1] number init_scale by name only: the first standard deviation
-- Source: A. Kucukelbir et al., "Automatic differentiation variational inference", 2017.
-- @usage
-- local function model() infer.sample('x', D.LogNormal(1, 0.5)) end
-- infer.clear_param_store()
-- local guide = infer.AutoNormal(model)
-- local svi = infer.SVI(model, guide, optim.Adam, {lr = 0.1, num_particles = 4})
-- for _ = 1, 100 do svi:step() end
-- math.abs(guide:median().x:item() - math.exp(1)) < 0.5  --> true
-- infer.clear_param_store()
function AutoNormal:__init(...)
  self.model, self.prefix, self.init_scale = read_normal(...)
end

local function moments(self, site)
  local name = self.prefix .. '.' .. site.name
  local loc = trace.param(name .. '.loc', site.first)
  local scale = trace.param(name .. '.scale', function() return tocha.full_like(site.first, self.init_scale) end,
    {constraint = require('tocha.distributions.constraints').positive})
  return loc, scale
end

function AutoNormal:draw(site)
  local loc, scale = moments(self, site)
  local d = Normal(loc, scale)
  local u = d:rsample()
  local value = site.transform(u)
  return emit(site, value, d:log_prob(u):sum() - site.transform:log_abs_det_jacobian(u, value):sum())
end

--- The medians of the variables by name: what the locations of the normal distributions stand for.
function AutoNormal:median(...)
  self:prepare(...)
  local out = {}
  for _, site in ipairs(self.sites) do
    out[site.name] = tocha.no_grad(function() return site.transform((moments(self, site))) end)
  end
  return out
end

-- ------------------------------------------------------------------------------------------------- one point

local AutoDelta = class('AutoDelta', Auto)

local read_delta = args.spec('AutoDelta', 'model:callable', '*', 'prefix:str="auto"')

--- All of the probability on one point: SVI then finds the most probable values (maximum a posteriori).
-- Its parameters are `prefix.NAME` of the store.
-- @param model a function
-- @param prefix of its parameters' names, by name only
-- @usage
-- local function model() infer.sample('x', D.Normal(3, 1)) end
-- infer.clear_param_store()
-- local guide = infer.AutoDelta(model)
-- local svi = infer.SVI(model, guide, optim.Adam, {lr = 0.2})
-- for _ = 1, 100 do svi:step() end
-- math.abs(guide:median().x:item() - 3) < 0.05  --> true
-- infer.clear_param_store()
function AutoDelta:__init(...)
  self.model, self.prefix = read_delta(...)
end

function AutoDelta:draw(site)
  local value = site.transform(trace.param(self.prefix .. '.' .. site.name, site.first))
  return emit(site, value, tocha.zeros({}, {dtype = value.dtype, device = value.device}))
end

--- The values by name.
function AutoDelta:median(...)
  local out = tocha.no_grad(self, ...)
  for name, value in pairs(out) do out[name] = value:detach() end
  return out
end

return {AutoNormal = AutoNormal, AutoDelta = AutoDelta}
