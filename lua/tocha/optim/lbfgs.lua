--- optim.LBFGS: a quasi-Newton method with a limited memory of past steps (Nocedal and Wright, algorithm 7.5).
-- @classmod tocha.optim.LBFGS

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'
local Optimizer = require 'tocha.optim.optimizer'
local strong_wolfe = require 'tocha.optim.strong_wolfe'
local flat = require 'tocha.optim.flat'
local flat_gradient, move, number = flat.gradient, flat.move, flat.number

local LBFGS = class('LBFGS', Optimizer)

local read = args.spec('LBFGS', 'params', 'lr:num=1', 'max_iter:int=20', 'max_eval:int=nil', 'tolerance_grad:num=1e-07',
  'tolerance_change:num=1e-09', 'history_size:int=100', 'line_search_fn=nil', '*', 'maximize:bool=false')

--- @param params list of tensors; one group only
-- @tparam[opt=1] number lr
-- @tparam[opt=20] int max_iter iterations in a step
-- @tparam[opt] int max_eval evaluations of the closure in a step, 1.25 max_iter by default
-- @tparam[opt=1e-7] number tolerance_grad the largest element of a gradient that counts as zero
-- @tparam[opt=1e-9] number tolerance_change where it stops
-- @tparam[opt=100] int history_size how many past steps are kept
-- @tparam[opt] string line_search_fn 'strong_wolfe' or nil
-- @tparam[opt=false] bool maximize the loss is to grow; by name only
-- @raise for several groups
-- @usage
-- local p = tocha.tensor({1, -2}, {requires_grad = true})
-- local optimizer = optim.LBFGS({p}, {line_search_fn = 'strong_wolfe'})
-- optimizer:step(function()
--   optimizer:zero_grad()
--   local loss = (p - tocha.tensor{3, 4}):square():sum()
--   loss:backward()
--   return loss
-- end)
-- p  --> {3, 4}
function LBFGS:__init(...)
  local params, lr, max_iter, max_eval, tolerance_grad, tolerance_change, history_size, search, maximize = read(...)
  self:setup(params, {lr = lr, max_iter = max_iter, max_eval = max_eval or math.floor(max_iter * 5 / 4),
    tolerance_grad = tolerance_grad, tolerance_change = tolerance_change, history_size = history_size,
    line_search_fn = search, maximize = maximize}, {'line_search_fn'})
  if #self.param_groups ~= 1 then args.fail('LBFGS: params: got %d groups, takes one', #self.param_groups) end
  if search ~= nil and search ~= 'strong_wolfe' then
    args.fail("LBFGS: line_search_fn: got %s, takes 'strong_wolfe' or nil", args.show(search))
  end
end

local function largest(x) return x:abs():max():item() end
local function dot(a, b) return a:dot(b):item() end

-- ------------------------------------------------------------------------------------------------ directions

-- Notes the last move and how the gradient changed, if they speak of positive curvature.
local function remember(s, gradient, history_size)
  local y, moved = gradient - s.prev_flat_grad, s.d * s.t
  local curvature = dot(y, moved)
  if curvature <= 1e-10 then return end
  if #s.old_dirs == history_size then
    for _, list in ipairs{s.old_dirs, s.old_stps, s.ro} do table.remove(list, 1) end
  end
  local n = #s.old_dirs + 1
  s.old_dirs[n], s.old_stps[n], s.ro[n] = y, moved, 1 / curvature
  s.H_diag = curvature / dot(y, y)
end

-- The two loops: minus the approximate inverse Hessian times the gradient.
local function direction(s, gradient)
  local q, weights = -gradient, {}
  for i = #s.old_dirs, 1, -1 do
    weights[i] = dot(s.old_stps[i], q) * s.ro[i]
    q:add_(s.old_dirs[i], {alpha = -weights[i]})
  end
  q:mul_(s.H_diag)
  for i = 1, #s.old_dirs do
    local b = dot(s.old_dirs[i], q) * s.ro[i]
    q:add_(s.old_stps[i], {alpha = weights[i] - b})
  end
  return q
end

local function next_direction(s, gradient, group)
  if s.n_iter == 1 then
    s.d, s.old_dirs, s.old_stps, s.ro, s.H_diag = -gradient, {}, {}, {}, 1
  else
    remember(s, gradient, group.history_size)
    s.d = direction(s, gradient)
  end
  s.prev_flat_grad, s.prev_loss = gradient:clone(), s.loss
  s.t = s.n_iter == 1 and math.min(1, 1 / gradient:abs():sum():item()) * group.lr or group.lr
end

-- ------------------------------------------------------------------------------------------------ stepping

-- Goes along d, with at most `left` evaluations after the first of a search; returns the new gradient and how often the closure was evaluated.
local function advance(s, params, group, closure, gradient, slope, last, left)
  if group.line_search_fn then
    local loss, new, t, evals = strong_wolfe(flat.evaluator(params, closure, group.maximize), s.t, s.d, s.loss, gradient, slope, nil, left)
    s.loss, s.t = loss, t
    move(params, t, s.d)
    return new, evals
  end
  move(params, s.t, s.d)
  if last then return gradient, 0 end
  s.loss = number(tocha.enable_grad(closure), group.maximize)
  return flat_gradient(params, group.maximize), 1
end

local function iterate(s, params, group, closure, gradient)
  local iterations, evals = 0, 1
  while iterations < group.max_iter do
    iterations, s.n_iter = iterations + 1, s.n_iter + 1
    next_direction(s, gradient, group)
    local slope = dot(gradient, s.d)
    if slope > -group.tolerance_change then break end
    local new, more = advance(s, params, group, closure, gradient, slope, iterations == group.max_iter, group.max_eval - evals)
    gradient, evals, s.func_evals = new, evals + more, s.func_evals + more
    if evals >= group.max_eval or largest(gradient) <= group.tolerance_grad then break end
    if largest(s.d) * math.abs(s.t) <= group.tolerance_change then break end
    if math.abs(s.loss - s.prev_loss) < group.tolerance_change then break end
  end
end

local function take_step(self, closure)
  local group = self.param_groups[1]
  local params = group.params
  local s = self.state[params[1]] or {func_evals = 0, n_iter = 0}
  self.state[params[1]] = s
  local first = tocha.enable_grad(closure)
  s.loss, s.func_evals = number(first, group.maximize), s.func_evals + 1
  local gradient = flat_gradient(params, group.maximize)
  if largest(gradient) > group.tolerance_grad then iterate(s, params, group, closure, gradient) end
  return first
end

--- Takes one step, of up to max_iter iterations.
-- @tparam function closure clears the gradients, computes the loss and its gradients, and returns the loss
-- @return the loss before the step
function LBFGS:step(closure)
  if closure == nil then args.fail('LBFGS: step: closure is missing: takes a function that computes the loss anew') end
  self.closure = closure
  Optimizer.step(self)
  local loss = self.first_loss
  self.closure, self.first_loss = nil, nil
  return loss
end

function LBFGS:update() self.first_loss = tocha.no_grad(take_step, self, self.closure) end

return LBFGS
