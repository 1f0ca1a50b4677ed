--- SVI: fits a guide (an approximate posterior with parameters) to a model by raising the evidence lower bound (ELBO), and
-- Predictive: samples of a model under given or fitted values of its variables.
-- @module tocha.infer.svi

local args = require 'tocha.args'
local class = require 'tocha.class'
local tocha = require 'tocha'
local trace = require 'tocha.infer.trace'

local SVI = class('SVI')

local function check(self, optimizer)
  for _, what in ipairs{'model', 'guide'} do
    local kind = type(self[what])
    if kind ~= 'function' and kind ~= 'table' then
      args.fail('SVI: %s: got %s, takes a function', what, args.show(self[what]))
    end
  end
  if not class.is_class(optimizer) then
    args.fail('SVI: optimizer: got %s, takes a class of tocha.optim, such as optim.Adam', args.show(optimizer))
  end
  local n = self.num_particles
  if type(n) ~= 'number' or n < 1 or n % 1 ~= 0 then
    args.fail('SVI: num_particles: got %s, takes an integer of at least 1', args.show(n))
  end
end

--- Stochastic variational inference: fits a guide (an approximate posterior with parameters) to a model by raising the evidence lower
-- bound. `svi:step(...)` takes one step and gives minus the bound, `svi:evaluate_loss(...)` estimates it.
-- @param model a function
-- @param guide takes the arguments of the model and samples all its unobserved variables
-- @param optimizer a class of tocha.optim; parameters join it when they first appear
-- @param options of the optimizer, `{lr = 0.01}`; and `num_particles` (1), over how many runs the bound is averaged
-- @usage
-- local function model() infer.sample('x', D.Normal(3, 1)) end
-- local function guide() infer.sample('x', D.Normal(infer.param('m', tocha.tensor(0.0)), 1)) end
-- infer.clear_param_store()
-- local svi = infer.SVI(model, guide, optim.Adam, {lr = 0.1, num_particles = 4})
-- for _ = 1, 100 do svi:step() end
-- math.abs(infer.param('m'):item() - 3) < 0.6  --> true
-- infer.clear_param_store()
function SVI:__init(model, guide, optimizer, options)
  self.model, self.guide, self.class, self.options, self.known = model, guide, optimizer, {}, {}
  if options ~= nil and type(options) ~= 'table' then args.fail('SVI: options: got %s, takes a table', args.show(options)) end
  for name, value in pairs(options or {}) do self.options[name] = value end
  self.num_particles, self.options.num_particles = self.options.num_particles or 1, nil
  check(self, optimizer)
end

-- The trained leaves that traces met for the first time.
local function new_leaves(self, traces)
  local new = {}
  for _, t in ipairs(traces) do
    for _, site in ipairs(t.list) do
      local leaf = site.kind == 'param' and site.leaf
      if leaf and leaf.requires_grad and not self.known[leaf] then
        self.known[leaf] = true
        new[#new + 1] = leaf
      end
    end
  end
  return new
end

local function admit(self, ...)
  local new = new_leaves(self, {...})
  if #new == 0 then return end
  if self.optimizer then self.optimizer:add_param_group{params = new} else self.optimizer = self.class(new, self.options) end
end

-- The log densities of guide sites through whose values no gradient flows: their gradient is estimated by the score.
local function score(guide_trace)
  local total
  for _, site in ipairs(guide_trace:latent()) do
    if not (site.reparameterised or site.dist.has_rsample) then
      local d = trace.density_of(site)
      total = total and total + d or d
    end
  end
  return total
end

local function check_sites(model_trace, guide_trace)
  for _, site in ipairs(model_trace:latent()) do
    if not guide_trace.sites[site.name] then
      args.fail("SVI: the guide does not sample '%s', which the model leaves unobserved", site.name)
    end
  end
end

-- One run: the ELBO, and a tensor with the same gradient in expectation.
local function one_particle(self, ...)
  local guide_trace = trace.trace(self.guide, ...)
  local model_trace = trace.trace(trace.replay(self.model, guide_trace), ...)
  check_sites(model_trace, guide_trace)
  local elbo, log_q = model_trace:log_density(), guide_trace:log_density()
  if elbo == nil then args.fail('SVI: the model samples nothing') end
  if log_q then elbo = elbo - log_q end
  local surrogate, s = elbo, score(guide_trace)
  if s then surrogate = elbo + s * (elbo:detach() - (self.baseline or 0)) end
  return elbo, surrogate, guide_trace, model_trace, s
end

-- A running mean of the ELBO lowers the variance of the score's gradient.
local function note(self, value) self.baseline = self.baseline and 0.9 * self.baseline + 0.1 * value or value end

--- One step of the optimizer.
-- @param ... the arguments of model and guide
-- @treturn number minus the estimated ELBO
function SVI:step(...)
  local total, n, has_score, optimizer = 0, self.num_particles, false, nil
  for i = 1, n do
    local elbo, surrogate, guide_trace, model_trace, s = one_particle(self, ...)
    if i == 1 then
      admit(self, guide_trace, model_trace)
      optimizer = self.optimizer
      if not optimizer then args.fail('SVI: neither model nor guide has a parameter to train') end
      optimizer:zero_grad()
    end
    has_score, total = has_score or s ~= nil, total + elbo:item() / n
    ;(surrogate * (-1 / n)):backward()
  end
  if has_score then note(self, total) end
  optimizer:step()
  return -total
end

--- Minus the ELBO, estimated without a step.
function SVI:evaluate_loss(...)
  local total = 0
  for _ = 1, self.num_particles do
    local elbo = tocha.no_grad(one_particle, self, ...)
    total = total + elbo:item() / self.num_particles
  end
  return -total
end

-- ------------------------------------------------------------------------------------------------- predictions

local Predictive = class('Predictive')

local read_predictive = args.spec('Predictive', 'model:callable', '*', 'posterior_samples=nil', 'guide=nil', 'num_samples:int=nil')

--- Samples of all variables of a model.
-- @tparam function model
-- @tparam[opt] table posterior_samples values by name, the draws along dim 1, as `mcmc:get_samples()` gives; by name only
-- @tparam[opt] function guide draws the values instead; by name only
-- @tparam[opt] int num_samples by name only; as many as there are posterior_samples, if not given
-- @usage
-- local function model(y)
--   local x = infer.sample('x', D.Normal(0, 1))
--   infer.sample('y', D.Normal(x, 0.001), {obs = y})
-- end
-- local draws = infer.Predictive(model, {posterior_samples = {x = tocha.tensor{1, 2, 3}}})(nil)
-- draws.y:round()  --> {1, 2, 3}
function Predictive:__init(...)
  self.model, self.samples, self.guide, self.num_samples = read_predictive(...)
  local name = self.samples and next(self.samples)
  if not self.num_samples then
    if not name then args.fail('Predictive: num_samples is missing: takes it, or posterior_samples') end
    self.num_samples = self.samples[name]:size(1)
  end
end

local function values_of(self, i, ...)
  if self.guide then return trace.trace(self.guide, ...) end
  local values = {}
  for name, x in pairs(self.samples or {}) do values[name] = x[(i - 1) % x:size(1) + 1] end
  return values
end

--- The draws of every variable by name, stacked along dim 1.
-- @param ... the arguments of the model; observed variables are to be given as nil there, so that they are drawn
function Predictive:__call(...)
  local columns = {}
  for i = 1, self.num_samples do
    local values = tocha.no_grad(values_of, self, i, ...)
    for _, site in ipairs(tocha.no_grad(trace.trace, trace.replay(self.model, values), ...).list) do
      if site.kind == 'sample' then
        columns[site.name] = columns[site.name] or {}
        columns[site.name][i] = site.value:detach()
      end
    end
  end
  for name, list in pairs(columns) do columns[name] = tocha.stack(list, 1) end
  return columns
end

return {SVI = SVI, Predictive = Predictive}
