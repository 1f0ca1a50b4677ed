--- HMC: Hamiltonian Monte Carlo. A position gets a random momentum and moves along the potential for a while; the end is
-- accepted or not. Sources: S. Duane et al., "Hybrid Monte Carlo", 1987; R. Neal, "MCMC using Hamiltonian dynamics", 2011.
-- @classmod tocha.infer.HMC

local args = require 'tocha.args'
local class = require 'tocha.class'
local tocha = require 'tocha'
local Potential = require 'tocha.infer.potential'
local adaptation = require 'tocha.infer.adaptation'
local cholesky = require 'tocha.distributions.cholesky'

local HMC = class('HMC')

local read = args.spec('HMC', 'model:callable', '*', 'step_size:num=nil', 'trajectory_length:num=nil', 'num_steps:int=nil',
  'adapt_step_size:bool=true', 'adapt_mass_matrix:bool=true', 'full_mass:bool=false', 'target_accept_prob:num=0.8',
  'init_values=nil')

--- @tparam function model
-- @tparam[opt] number step_size the first one; found by itself if not given. By name only, as all below
-- @tparam[opt] number trajectory_length 2 pi if not given
-- @tparam[opt] int num_steps steps of a trajectory, instead of its length
-- @tparam[opt=true] bool adapt_step_size during warm-up
-- @tparam[opt=true] bool adapt_mass_matrix during warm-up
-- @tparam[opt=false] bool full_mass whether the mass matrix has covariances too
-- @tparam[opt=0.8] number target_accept_prob what the step size aims at
-- @tparam[opt] table init_values where chains begin, by name
-- @usage
-- local function model() infer.sample('x', D.Normal(tocha.tensor(5.0), 1)) end
-- local mcmc = infer.MCMC(infer.HMC(model, {num_steps = 4}), {num_samples = 100, warmup_steps = 50})
-- math.abs(mcmc:run():get_samples().x:mean():item() - 5) < 0.8  --> true
function HMC:__init(...)
  local length
  self.model, self.first_step, length, self.num_steps, self.adapts_step, self.adapts_mass, self.full_mass, self.target,
    self.init_values = read(...)
  self.trajectory_length = length or 2 * math.pi
  self:check()
end

function HMC:check()
  if self.target <= 0 or self.target >= 1 then
    args.fail('%s: target_accept_prob: got %g, takes a number between 0 and 1', self.__name, self.target)
  end
  if self.first_step and self.first_step <= 0 then
    args.fail('%s: step_size: got %g, takes a number above 0', self.__name, self.first_step)
  end
end

-- ------------------------------------------------------------------------------------------------- the metric

local function set_mass(self, covariance)
  self.inverse_mass = covariance
  -- momenta have the covariance's inverse as covariance: p = L^-T z, where the covariance is L L^T
  if self.full_mass then self.factor = cholesky.cholesky(covariance) else self.root = covariance:sqrt() end
end

--- The velocity of a momentum.
function HMC:velocity(p)
  if self.full_mass then return self.inverse_mass:mv(p) end
  return self.inverse_mass * p
end

function HMC:momentum()
  local z = tocha.randn(self.potential.size, {dtype = 'float64'})
  if self.full_mass then return cholesky.solve_upper(self.factor, z:unsqueeze(2)):squeeze(2) end
  return z / self.root
end

--- A point of phase space: position q, momentum p, velocity v, gradient g, potential u, energy h (all float64).
function HMC:point(q, p, u, g)
  local v = self:velocity(p)
  return {q = q, p = p, v = v, u = u, g = g, h = u + 0.5 * p:dot(v):item()}
end

--- One step of the leapfrog integrator; eps may be negative.
function HMC:leapfrog(point, eps)
  local half = point.p - point.g * (eps / 2)
  local q = point.q + self:velocity(half) * eps
  local u, g = self.potential(q)
  return self:point(q, half - g * (eps / 2), u, g)
end

-- ------------------------------------------------------------------------------------------------- a chain

-- A step size whose one step is accepted with a probability near a half. Source: Hoffman and Gelman, algorithm 4.
local function reasonable_step(self, eps)
  local start = self:point(self.q, self:momentum(), self.u, self.g)
  local function gain(step)
    local d = start.h - self:leapfrog(start, step).h
    return d == d and d or -math.huge
  end
  local direction = gain(eps) > math.log(0.8) and 1 or -1
  for _ = 1, 60 do
    if (gain(eps) > math.log(0.8)) ~= (direction == 1) then break end
    eps = eps * 2 ^ direction
  end
  return eps
end

local function restart_step(self)
  if not self.adapts_step then return end
  self.step_size = reasonable_step(self, self.step_size)
  self.averaging:restart(self.step_size)
end

--- Begins a chain.
-- @tparam int warmup iterations of warm-up
-- @param ... the model's arguments
function HMC:setup(warmup, ...)
  self.potential = Potential(self.model, ...)
  local n, f64 = self.potential.size, {dtype = 'float64'}
  self.warmup, self.iteration, self.divergences = warmup, 0, 0
  self.accepted, self.counted = 0, 0
  self.ends, self.collect_from, self.collect_to = adaptation.windows(warmup)
  self.averaging = adaptation.DualAveraging(self.target)
  self.moments = adaptation.Welford(n, self.full_mass)
  set_mass(self, self.full_mass and tocha.eye(n, nil, f64) or tocha.ones(n, f64))
  self.q = self.init_values and self.potential:unconstrain(self.init_values) or self.potential:first()
  self.u, self.g = self.potential(self.q)
  self.step_size = self.first_step or 1
  if warmup > 0 or not self.first_step then restart_step(self) end
end

local function adapt(self, accept)
  local i = self.iteration
  if self.adapts_step then
    self.step_size = self.averaging:update(accept)
    if i == self.warmup then self.step_size = self.averaging:mean() end
  end
  if not self.adapts_mass then return end
  if i >= self.collect_from and i <= self.collect_to then self.moments:add(self.q) end
  if self.ends[i] then
    set_mass(self, self.moments:covariance())
    self.moments:restart()
    restart_step(self)
  end
end

-- Moves self.q, self.u, self.g; gives the acceptance probability and whether the trajectory diverged.
function HMC:move()
  local start = self:point(self.q, self:momentum(), self.u, self.g)
  local point = start
  local steps = self.num_steps or math.max(1, math.floor(self.trajectory_length / self.step_size))
  for _ = 1, math.min(steps, 1024) do
    point = self:leapfrog(point, self.step_size)
    local error_of_energy = point.h - start.h
    if error_of_energy ~= error_of_energy or error_of_energy > 1000 then return 0, true end
  end
  local accept = math.min(1, math.exp(start.h - point.h))
  if tocha.rand(1, {dtype = 'float64'}):item() < accept then self.q, self.u, self.g = point.q, point.u, point.g end
  return accept, false
end

--- One iteration of the chain; gives the vector it is at.
function HMC:sample()
  self.iteration = self.iteration + 1
  local accept, diverged = self:move()
  if self.iteration <= self.warmup then
    adapt(self, accept)
  else
    self.accepted, self.counted = self.accepted + accept, self.counted + 1
    if diverged then self.divergences = self.divergences + 1 end
  end
  return self.q
end

return HMC
