--- NUTS: the No-U-Turn sampler. Trajectories double in a random direction until they turn back; a point of them is drawn by its
-- weight. Sources: M. Hoffman and A. Gelman, 2014; M. Betancourt, "A conceptual introduction to Hamiltonian Monte Carlo", 2017
-- (multinomial weights, the generalised criterion).
-- @classmod tocha.infer.NUTS

local args = require 'tocha.args'
local class = require 'tocha.class'
local tocha = require 'tocha'
local HMC = require 'tocha.infer.hmc'

local NUTS = class('NUTS', HMC)

local read = args.spec('NUTS', 'model:callable', '*', 'step_size:num=nil', 'max_tree_depth:int=10', 'adapt_step_size:bool=true',
  'adapt_mass_matrix:bool=true', 'full_mass:bool=false', 'target_accept_prob:num=0.8', 'init_values=nil')

--- @tparam function model
-- @tparam[opt] number step_size the first one; found by itself if not given. By name only, as all below
-- @tparam[opt=10] int max_tree_depth a trajectory has at most 2^max_tree_depth - 1 steps
-- @tparam[opt=true] bool adapt_step_size during warm-up
-- @tparam[opt=true] bool adapt_mass_matrix during warm-up
-- @tparam[opt=false] bool full_mass whether the mass matrix has covariances too
-- @tparam[opt=0.8] number target_accept_prob what the step size aims at
-- @tparam[opt] table init_values where chains begin, by name
-- @usage
-- local function model() infer.sample('x', D.Exponential(tocha.tensor(0.5))) end
-- local mcmc = infer.MCMC(infer.NUTS(model), {num_samples = 100, warmup_steps = 60})
-- math.abs(mcmc:run():get_samples().x:mean():item() - 2) < 1.2  --> true
function NUTS:__init(...)
  self.model, self.first_step, self.max_tree_depth, self.adapts_step, self.adapts_mass, self.full_mass, self.target,
    self.init_values = read(...)
  if self.max_tree_depth < 1 then
    args.fail('NUTS: max_tree_depth: got %d, takes at least 1', self.max_tree_depth)
  end
  self:check()
end

local function uniform() return tocha.rand(1, {dtype = 'float64'}):item() end

local function log_add(a, b)
  local m = math.max(a, b)
  if m == -math.huge then return m end
  return m + math.log(math.exp(a - m) + math.exp(b - m))
end

-- Does a stretch with these ends and this sum of momenta still go forward?
local function forward(left, right, rho)
  return left.v:dot(rho):item() > 0 and right.v:dot(rho):item() > 0
end

-- A tree over a stretch of the trajectory: its ends, the sum rho of its momenta, a point drawn from it, the log of its weight.
local function leaf(self, from, direction, walk)
  local point = self:leapfrog(from, direction * self.step_size)
  local weight = walk.h0 - point.h
  if weight ~= weight then weight = -math.huge end
  walk.steps, walk.accept = walk.steps + 1, walk.accept + math.min(1, math.exp(weight))
  if weight < -1000 then
    walk.diverged = true
    return nil
  end
  return {left = point, right = point, rho = point.p, drawn = point, weight = weight}
end

-- Two neighbours as one, and whether the whole still goes forward; also across the seam, where ends may miss a turn.
local function joined(a, b)
  local rho = a.rho + b.rho
  local good = forward(a.left, b.right, rho) and forward(a.left, b.left, a.rho + b.left.p) and
    forward(a.right, b.right, b.rho + a.right.p)
  return {left = a.left, right = b.right, rho = rho}, good
end

-- The tree of 2^depth steps from a point; nil if it diverged or turned.
local function build(self, from, direction, depth, walk)
  if depth == 0 then return leaf(self, from, direction, walk) end
  local first = build(self, from, direction, depth - 1, walk)
  if not first then return nil end
  local second = build(self, direction == 1 and first.right or first.left, direction, depth - 1, walk)
  if not second then return nil end
  local a, b = first, second
  if direction == -1 then a, b = second, first end
  local tree, good = joined(a, b)
  if not good then return nil end
  tree.weight = log_add(first.weight, second.weight)
  tree.drawn = uniform() < math.exp(second.weight - tree.weight) and second.drawn or first.drawn
  return tree
end

function NUTS:move()
  local start = self:point(self.q, self:momentum(), self.u, self.g)
  local walk = {h0 = start.h, steps = 0, accept = 0, diverged = false}
  local tree = {left = start, right = start, rho = start.p, drawn = start, weight = 0}
  local depth = 0
  while depth < self.max_tree_depth do
    local direction = uniform() < 0.5 and -1 or 1
    local new = build(self, direction == 1 and tree.right or tree.left, direction, depth, walk)
    if not new then break end
    -- what lies farther away is preferred
    local drawn = uniform() < math.exp(new.weight - tree.weight) and new.drawn or tree.drawn
    local weight = log_add(tree.weight, new.weight)
    local good
    if direction == 1 then tree, good = joined(tree, new) else tree, good = joined(new, tree) end
    tree.drawn, tree.weight, depth = drawn, weight, depth + 1
    if not good then break end
  end
  local to = tree.drawn
  self.q, self.u, self.g, self.depth = to.q, to.u, to.g, depth
  return walk.accept / math.max(walk.steps, 1), walk.diverged
end

return NUTS
