--- The potential energy of a model: minus its log density as a function of one vector of unconstrained numbers, with its
-- gradient. This is what Markov chains walk on.
-- @classmod tocha.infer.Potential

local args = require 'tocha.args'
local class = require 'tocha.class'
local tocha = require 'tocha'
local Distribution = require 'tocha.distributions.distribution'
local biject_to = require('tocha.distributions.registry').biject_to
local trace = require 'tocha.infer.trace'

local Potential = class('Potential')

local function add_site(self, site)
  local support = site.dist.support
  if support == nil or support.is_discrete then
    args.fail("Potential: '%s' is discrete; Markov chains with gradients take continuous variables", site.name)
  end
  local transform = biject_to(support)
  local first = transform.inv(site.value):detach()
  local count = first:numel()
  self.sites[#self.sites + 1] = {name = site.name, transform = transform, shape = first.shape, at = self.size + 1, count = count,
    dtype = first.dtype, device = first.device, identity = transform == require('tocha.distributions.transforms').identity_transform}
  self.size = self.size + count
end

--- @tparam function model
-- @param ... its arguments
-- @param model a function
-- @param ... its arguments
-- @usage
-- local function model() infer.sample('x', D.Normal(0, 1)) end
-- local potential = infer.Potential(model)
-- local energy, gradient = potential(tocha.tensor({2}, {dtype = 'float64'}))
-- energy  --> 2.9189
-- gradient  --> {2}
function Potential:__init(model, ...)
  self.model, self.arguments, self.count = model, {...}, select('#', ...)
  self.sites, self.size, self.calls = {}, 0, 0
  for _, site in ipairs(tocha.no_grad(trace.trace, model, ...):latent()) do add_site(self, site) end
  if self.size == 0 then args.fail('Potential: the model has no variable that is not observed') end
end

-- The values of the variables at a vector, and the sum of the transforms' log determinants (nil where all are real).
local function values_at(self, q)
  local values, log_det = {}, nil
  for _, s in ipairs(self.sites) do
    local u = q:narrow(1, s.at, s.count):view(s.shape):to(s.dtype):to(s.device)
    values[s.name] = u
    if not s.identity then
      local value = s.transform(u)
      values[s.name] = value
      local d = s.transform:log_abs_det_jacobian(u, value):sum()
      log_det = log_det and log_det + d or d
    end
  end
  return values, log_det
end

--- The values of the variables at a vector, by name.
function Potential:constrain(q)
  return (tocha.no_grad(values_at, self, q))
end

--- The vector at given values.
-- @tparam table values by name
function Potential:unconstrain(values)
  local parts = {}
  for i, s in ipairs(self.sites) do
    if values[s.name] == nil then args.fail("Potential: '%s' has no value", s.name) end
    local value = values[s.name]
    if type(value) == 'number' then value = tocha.tensor(value) end
    parts[i] = s.transform.inv(value:to(s.dtype)):reshape(-1):to('float64'):cpu()
  end
  return tocha.cat(parts, 1)
end

--- The energy as a 0-dim tensor that is differentiable by q.
function Potential:energy(q)
  local values, log_det = values_at(self, q)
  local density = trace.trace(trace.replay(self.model, values), unpack(self.arguments, 1, self.count)):log_density()
  if log_det then density = density + log_det end
  return -density
end

local function value_and_gradient(self, q)
  local x = q:detach():clone():requires_grad_()
  local energy = self:energy(x)
  local value = energy:item()
  if value ~= value or value == math.huge or value == -math.huge then return math.huge, tocha.zeros_like(q) end
  energy:backward()
  return value, x.grad
end

--- The energy as a number and its gradient. Where the density is zero or not a number, the energy is infinite.
-- @tparam tensor q float64 [size]
function Potential:__call(q)
  self.calls = self.calls + 1
  local before = Distribution.get_default_validate_args()
  Distribution.set_default_validate_args(false)
  local ok, value, gradient = pcall(tocha.enable_grad, value_and_gradient, self, q)
  Distribution.set_default_validate_args(before)
  if not ok then error(value, 0) end
  return value, gradient
end

--- A vector to begin with: uniform in (-2, 2), tried until the density is positive.
function Potential:first()
  for _ = 1, 100 do
    local q = tocha.rand(self.size, {dtype = 'float64'}) * 4 - 2
    local value, gradient = self(q)
    if value < math.huge and gradient:isfinite():all():item() then return q end
  end
  args.fail('Potential: no point with a positive density was found in 100 tries; takes initial values')
end

return Potential
