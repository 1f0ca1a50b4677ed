--- Optimizers that evaluate their closure several times a step: conjugate gradients, FISTA, CMA-ES, differential evolution.
-- The closure clears the gradients, computes the loss and, for the first two, its gradients, and returns the loss.
-- @module tocha.optim.closures

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'
local Optimizer = require 'tocha.optim.optimizer'
local strong_wolfe = require 'tocha.optim.strong_wolfe'
local flat = require 'tocha.optim.flat'
local cholesky = require 'tocha.distributions.cholesky'

local M = {}

-- A class whose `run(self, group, state, closure)` does one step and gives the loss before it.
local function define(name)
  local Class = class(name, Optimizer)
  M[name] = Class
  function Class:step(closure)
    if closure == nil then args.fail('%s: step: closure is missing: takes a function that computes the loss anew', name) end
    self.closure = closure
    Optimizer.step(self)
    local loss = self.first_loss
    self.closure, self.first_loss = nil, nil
    return loss
  end
  function Class:update()
    local group = self.param_groups[1]
    local first = group.params[1]
    self.state[first] = self.state[first] or {}
    self.first_loss = tocha.no_grad(self.run, self, group, self.state[first], self.closure)
  end
  function Class:one_group(params, defaults, optional)
    self:setup(params, defaults, optional)
    if #self.param_groups ~= 1 then args.fail('%s: params: got %d groups, takes one', name, #self.param_groups) end
  end
  return Class
end

local function evaluate(closure) return flat.number(tocha.enable_grad(closure)) end

-- ------------------------------------------------------------------------------------------------- conjugate gradients

local CG = define('ConjugateGradient')

local read_cg = args.spec('ConjugateGradient', 'params', 'max_iter:int=20', 'tolerance_grad:num=1e-07', 'tolerance_change:num=1e-09')

--- Nonlinear conjugate gradients (Polak and Ribiere's, which start anew where the direction would not descend) with a search for
-- the strong Wolfe conditions. Source: J. Nocedal and S. Wright, "Numerical optimization", 5.2.
-- @param params list of tensors; one group only
-- @tparam[opt=20] int max_iter iterations in a step
-- @tparam[opt=1e-7] number tolerance_grad the largest element of a gradient that counts as zero
-- @tparam[opt=1e-9] number tolerance_change of the loss, where it stops
-- @usage
-- local p = tocha.tensor({1, -2}, {requires_grad = true})
-- local optimizer = optim.ConjugateGradient({p})
-- optimizer:step(function()
--   optimizer:zero_grad()
--   local loss = (p - tocha.tensor{3, 4}):square():sum()
--   loss:backward()
--   return loss
-- end)
-- p  --> {3, 4}
function CG:__init(...)
  local params, max_iter, tolerance_grad, tolerance_change = read_cg(...)
  self:one_group(params, {max_iter = max_iter, tolerance_grad = tolerance_grad, tolerance_change = tolerance_change})
end

function CG.run(_, group, s, closure)
  local params = group.params
  local first = evaluate(closure)
  local loss, g = first, flat.gradient(params)
  local d = s.direction and s.direction:numel() == g:numel() and s.direction or nil
  local before, t = s.gradient, s.t or math.min(1, 1 / math.max(g:abs():sum():item(), 1e-30))
  for _ = 1, group.max_iter do
    if g:abs():max():item() <= group.tolerance_grad then break end
    local beta = d and math.max(0, g:dot(g - before):item() / math.max(before:dot(before):item(), 1e-30)) or 0
    d = d and beta > 0 and d * beta - g or -g
    local slope = g:dot(d):item()
    if slope >= 0 then d, slope = -g, -g:dot(g):item() end
    local old = loss
    local new
    before = g
    loss, new, t = strong_wolfe(flat.evaluator(params, closure), t, d, loss, g, slope, 0.1)
    flat.move(params, t, d)
    g = new
    if math.abs(loss - old) < group.tolerance_change then break end
  end
  s.direction, s.gradient, s.t = d, before, t
  return first
end

-- ------------------------------------------------------------------------------------------------- FISTA

local FISTA = define('FISTA')

local read_fista = args.spec('FISTA', 'params', 'lr:num=1', 'l1:num=0', 'max_iter:int=10', 'backtrack:num=0.5', '*',
  'nonnegative:bool=false')

--- Accelerated proximal gradients: minimises closure + l1 * |params|_1, where the closure computes the smooth part alone. Many
-- elements become exactly zero. The step shrinks where it promised too much.
-- Source: A. Beck and M. Teboulle, "A fast iterative shrinkage-thresholding algorithm", 2009.
-- @param params list of tensors; one group only
-- @tparam[opt=1] number lr the first length of a step
-- @tparam[opt=0] number l1 how much the norm counts
-- @tparam[opt=10] int max_iter iterations in a step
-- @tparam[opt=0.5] number backtrack the factor by which the length shrinks
-- @tparam[opt=false] bool nonnegative whether elements below zero are made zero, by name only
-- @usage
-- local p = tocha.tensor({1, -2}, {requires_grad = true})
-- local optimizer = optim.FISTA({p}, {l1 = 2, lr = 0.5})
-- -- the least of (p - a)^2 + 2 |p| is a, moved towards 0 by 1
-- optimizer:step(function()
--   optimizer:zero_grad()
--   local loss = (p - tocha.tensor{3, 0.5}):square():sum()
--   loss:backward()
--   return loss
-- end)
-- p  --> {2, 0}
function FISTA:__init(...)
  local params, lr, l1, max_iter, backtrack, nonnegative = read_fista(...)
  self:one_group(params, {lr = lr, l1 = l1, max_iter = max_iter, backtrack = backtrack, nonnegative = nonnegative})
end

function FISTA:check(group)
  self:check_number(group, 'l1', 0)
  self:check_number(group, 'backtrack', 1e-3, 1)
end

local function shrunk(v, by, nonnegative)
  if nonnegative then return (v - by):clamp_min(0) end
  return v:sign() * (v:abs() - by):clamp_min(0)
end

function FISTA.run(_, group, s, closure)
  local params, first = group.params, nil
  local x = flat.values(params):clone()
  local y, momentum, t = s.y or x, s.momentum or 1, s.t or group.lr
  for _ = 1, group.max_iter do
    flat.put(params, y)
    local loss = evaluate(closure)
    local g = flat.gradient(params)
    first = first or loss
    local new
    for _ = 1, 60 do
      new = shrunk(y - g * t, t * group.l1, group.nonnegative)
      flat.put(params, new)
      local d = new - y
      local bound = loss + g:dot(d):item() + d:dot(d):item() / (2 * t)
      if evaluate(closure) <= bound + 1e-7 * math.abs(loss) then break end
      t = t * group.backtrack
    end
    local next_momentum = (1 + math.sqrt(1 + 4 * momentum ^ 2)) / 2
    y = new + (new - x) * ((momentum - 1) / next_momentum)
    x, momentum = new, next_momentum
  end
  flat.put(params, x)
  s.y, s.momentum, s.t = y, momentum, t
  return first
end

-- ------------------------------------------------------------------------------------------------- CMA-ES

local CMAES = define('CMAES')

local read_cma = args.spec('CMAES', 'params', 'sigma:num=0.3', 'population:int=nil')

--- Covariance matrix adaptation: draws a population around a mean, moves the mean to the better half and learns the shape of the
-- valley. Needs no gradient; for up to some hundred numbers. One step is one generation; the parameters are then the mean.
-- Sources: N. Hansen, "The CMA evolution strategy: a tutorial", 2016; the Cholesky factor as root of the matrix: T. Suttorp,
-- N. Hansen, C. Igel, 2009.
-- @param params list of tensors; one group only
-- @tparam[opt=0.3] number sigma the first standard deviation
-- @tparam[opt] int population 4 + 3 log(n) if not given
-- @usage
-- local p = tocha.tensor{1, -2}
-- local optimizer = optim.CMAES({p})
-- for _ = 1, 60 do
--   optimizer:step(function() return (p - tocha.tensor{3, 4}):square():sum() end)
-- end
-- (p - tocha.tensor{3, 4}):abs():max():item() < 0.01  --> true
function CMAES:__init(...)
  local params, sigma, population = read_cma(...)
  self:one_group(params, {sigma = sigma, population = population}, {'population'})
end

local function f64_at(device) return {dtype = 'float64', device = device} end

-- The constants of the tutorial's table 1.
local function constants(n, population)
  local c = {n = n, population = population or 4 + math.floor(3 * math.log(n))}
  c.parents = math.floor(c.population / 2)
  local weights, sum, squares = {}, 0, 0
  for i = 1, c.parents do
    weights[i] = math.log((c.population + 1) / 2) - math.log(i)
    sum = sum + weights[i]
  end
  for i = 1, c.parents do
    weights[i] = weights[i] / sum
    squares = squares + weights[i] ^ 2
  end
  c.weights, c.effective = weights, 1 / squares
  local e = c.effective
  c.of_sigma = (e + 2) / (n + e + 5)
  c.damping = 1 + 2 * math.max(0, math.sqrt((e - 1) / (n + 1)) - 1) + c.of_sigma
  c.of_path = (4 + e / n) / (n + 4 + 2 * e / n)
  c.rank_one = 2 / ((n + 1.3) ^ 2 + e)
  c.rank_many = math.min(1 - c.rank_one, 2 * (e - 2 + 1 / e) / ((n + 2) ^ 2 + e))
  c.expected = math.sqrt(n) * (1 - 1 / (4 * n) + 1 / (21 * n * n))
  return c
end

local function begin(s, group)
  local x = flat.values(group.params):double()
  local n = x:numel()
  s.c, s.mean, s.sigma, s.generation = constants(n, group.population), x, group.sigma, 0
  local f64 = f64_at(x.device)
  s.c.weights = tocha.tensor(s.c.weights, f64)
  s.covariance, s.path, s.sigma_path = tocha.eye(n, nil, f64), tocha.zeros(n, f64), tocha.zeros(n, f64)
end

-- losses of points around the mean, best first
local function population_of(s, params, closure)
  local c = s.c
  local z = tocha.randn(c.population, c.n, f64_at(s.mean.device))
  local y = z:mm(cholesky.cholesky(s.covariance).mT)
  local losses = {}
  for i = 1, c.population do
    flat.put(params, s.mean + y[i] * s.sigma)
    losses[i] = {loss = evaluate(closure), at = i}
  end
  table.sort(losses, function(a, b) return a.loss < b.loss end)
  return z, y, losses
end

-- z (parents, n) are the standard normal numbers behind the steps y
local function adapt(s, z, y)
  local c = s.c
  local e, step = c.effective, (c.weights:unsqueeze(2) * y):sum(1)
  s.mean = s.mean + step * s.sigma
  local whitened = (c.weights:unsqueeze(2) * z):sum(1)
  s.sigma_path = s.sigma_path * (1 - c.of_sigma) + whitened * math.sqrt(c.of_sigma * (2 - c.of_sigma) * e)
  local length = s.sigma_path:norm():item()
  s.generation = s.generation + 1
  local usual = length / math.sqrt(1 - (1 - c.of_sigma) ^ (2 * s.generation)) < (1.4 + 2 / (c.n + 1)) * c.expected
  s.path = s.path * (1 - c.of_path) + step * (usual and math.sqrt(c.of_path * (2 - c.of_path) * e) or 0)
  local missing = usual and 0 or c.of_path * (2 - c.of_path)
  s.covariance = s.covariance * (1 - c.rank_one - c.rank_many + c.rank_one * missing) + tocha.outer(s.path, s.path) * c.rank_one +
    (y * c.weights:unsqueeze(2)).mT:mm(y) * c.rank_many
  s.sigma = s.sigma * math.exp((length / c.expected - 1) * c.of_sigma / c.damping)
end

function CMAES.run(_, group, s, closure)
  if not s.c then begin(s, group) end
  local z, y, losses = population_of(s, group.params, closure)
  local best = {}
  for i = 1, s.c.parents do best[i] = losses[i].at end
  best = tocha.tensor(best, {dtype = 'int64', device = z.device})
  s.best_loss = math.min(s.best_loss or math.huge, losses[1].loss)
  adapt(s, z:index_select(1, best), y:index_select(1, best))
  flat.put(group.params, s.mean)
  return losses[1].loss
end

-- ------------------------------------------------------------------------------------------------- differential evolution

local DE = define('DifferentialEvolution')

local read_de = args.spec('DifferentialEvolution', 'params', 'population:int=nil', 'weight:num=0.8', 'crossover:num=0.9',
  'spread:num=1')

--- Differential evolution (rand/1/bin): each member is challenged by a third one plus a difference of two others. Needs no
-- gradient. One step is one generation; the parameters are then the best member.
-- Source: R. Storn and K. Price, "Differential evolution", 1997.
-- @param params list of tensors; one group only
-- @tparam[opt] int population 10 a number, from 8 to 200, if not given
-- @tparam[opt=0.8] number weight of the difference
-- @tparam[opt=0.9] number crossover the share of numbers that a challenger takes from the mutation
-- @tparam[opt=1] number spread how far around the parameters the first members lie, uniformly
-- @usage
-- local p = tocha.tensor{1, -2}
-- local optimizer = optim.DifferentialEvolution({p}, {spread = 8})
-- for _ = 1, 60 do
--   optimizer:step(function() return (p - tocha.tensor{3, 4}):square():sum() end)
-- end
-- (p - tocha.tensor{3, 4}):abs():max():item() < 0.1  --> true
function DE:__init(...)
  local params, population, weight, crossover, spread = read_de(...)
  self:one_group(params, {population = population, weight = weight, crossover = crossover, spread = spread}, {'population'})
end

function DE:check(group)
  self:check_number(group, 'crossover', 0, 1 + 1e-12)
  if group.population and group.population < 4 then
    args.fail('DifferentialEvolution: population: got %s, takes at least 4', args.show(group.population))
  end
end

local function loss_at(params, x, closure)
  flat.put(params, x)
  return evaluate(closure)
end

local function first_members(s, group, closure)
  local x = flat.values(group.params):clone()
  local n = x:numel()
  s.size = group.population or math.max(8, math.min(200, 10 * n))
  s.members, s.losses = {x}, {}
  for i = 1, s.size do
    s.members[i] = s.members[i] or x + (tocha.rand_like(x) * 2 - 1) * group.spread
    s.losses[i] = loss_at(group.params, s.members[i], closure)
  end
end

local function challenger(s, i, group)
  local order = tocha.randperm(s.size):totable()
  local chosen = {}
  for _, k in ipairs(order) do
    if k ~= i and #chosen < 3 then chosen[#chosen + 1] = s.members[k] end
  end
  local x = s.members[i]
  local mutation = chosen[1] + (chosen[2] - chosen[3]) * group.weight
  local taken = tocha.rand_like(x):lt(group.crossover)
  taken[tocha.randint(1, x:numel() + 1, {1}):item()] = true
  return mutation:where(taken, x)
end

function DE.run(_, group, s, closure)
  if not s.members then first_members(s, group, closure) end
  local best = 1
  for i = 1, s.size do
    local new = challenger(s, i, group)
    local loss = loss_at(group.params, new, closure)
    if loss <= s.losses[i] then s.members[i], s.losses[i] = new, loss end
    if s.losses[i] < s.losses[best] then best = i end
  end
  flat.put(group.params, s.members[best])
  return s.losses[best]
end

return M
