--- optim.Adagrad: each element has a rate of its own, which sinks with the squares it has seen (Duchi et al., 2011).
-- @classmod tocha.optim.Adagrad

local class = require 'tocha.class'
local args = require 'tocha.args'
local Optimizer = require 'tocha.optim.optimizer'
local C = require('tocha.library').C

local Adagrad = class('Adagrad', Optimizer)
Adagrad.shaped = {'sum'}
Optimizer.declare('adagrad_step')

local read = args.spec('Adagrad', 'params', 'lr:num=0.01', 'lr_decay:num=0', 'weight_decay:num=0',
  'initial_accumulator_value:num=0', 'eps:num=1e-10', 'foreach=nil', '*', 'maximize:bool=false', 'fused=nil',
  'differentiable:off=nil')

--- @param params list of tensors, or of groups
-- @tparam[opt=0.01] number lr
-- @tparam[opt=0] number lr_decay by which the rate falls: lr / (1 + step lr_decay)
-- @tparam[opt=0] number weight_decay
-- @tparam[opt=0] number initial_accumulator_value what the sums begin with
-- @tparam[opt=1e-10] number eps
-- @tparam[opt=false] bool maximize by name only
-- @usage
-- local p = tocha.tensor({1, -2}, {requires_grad = true})
-- local optimizer = optim.Adagrad({p}, {lr = 0.1})
-- for _ = 1, 2 do
--   optimizer:zero_grad()
--   p:square():sum():backward()
--   optimizer:step()
-- end
-- p  --> {0.8331, -1.831}
function Adagrad:__init(...)
  local params, lr, lr_decay, weight_decay, initial, eps, _, maximize = read(...)
  self:setup(params, {lr = lr, lr_decay = lr_decay, weight_decay = weight_decay, initial_accumulator_value = initial,
    eps = eps, maximize = maximize})
end

function Adagrad:check(group)
  for _, name in ipairs{'lr', 'lr_decay', 'eps', 'weight_decay', 'initial_accumulator_value'} do
    self:check_number(group, name, 0)
  end
  -- the states are there from the start, as PyTorch has them
  for _, p in ipairs(group.params) do self:make_state(p, group) end
end

function Adagrad.init_state(_, state, p, group)
  state.step = Optimizer.number(0)
  state.sum = Optimizer.filled(p, group.initial_accumulator_value)
end

local names = {'sum', 'step'}

function Adagrad:update()
  for i = 1, #self.param_groups do
    local g, pack = self.param_groups[i], self:ready(i, names)
    local n = pack.n
    self.done(C.tc_h_adagrad_step(pack.params, n, pack.sum, n, pack.step, n, g.lr, g.lr_decay, g.eps, g.weight_decay,
      g.maximize))
  end
end

return Adagrad
