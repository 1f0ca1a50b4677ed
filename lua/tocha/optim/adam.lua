--- optim.Adam: steps scaled by running averages of the gradient and of its square (Kingma and Ba, 2015).
-- @classmod tocha.optim.Adam

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'
local Optimizer = require 'tocha.optim.optimizer'
local C = require('tocha.library').C

local Adam = class('Adam', Optimizer)
Adam.shaped = {'exp_avg', 'exp_avg_sq', 'max_exp_avg_sq'}
Optimizer.declare('adam_step')

local read = args.spec('Adam', 'params', 'lr:num=0.001', 'betas:list=nil', 'eps:num=1e-08', 'weight_decay:num=0',
  'amsgrad:bool=false', '*', 'foreach=nil', 'maximize:bool=false', 'fused=nil', 'decoupled_weight_decay:bool=false',
  'capturable=nil', 'differentiable:off=nil')

--- @param params list of tensors, or of groups
-- @tparam[opt=0.001] number lr
-- @tparam[opt={0.9, 0.999}] table betas how slowly the two averages move
-- @tparam[opt=1e-8] number eps
-- @tparam[opt=0] number weight_decay
-- @tparam[opt=false] bool amsgrad whether the largest square so far is used
-- @tparam[opt=false] bool maximize by name only
-- @tparam[opt=false] bool decoupled_weight_decay by name only: decays the parameter itself, as AdamW
-- @usage
-- local p = tocha.tensor({1, -2}, {requires_grad = true})
-- local optimizer = optim.Adam({p}, {lr = 0.1})
-- for _ = 1, 2 do
--   optimizer:zero_grad()
--   p:square():sum():backward()
--   optimizer:step()
-- end
-- p  --> {0.8004, -1.8}
function Adam:__init(...)
  local params, lr, betas, eps, weight_decay, amsgrad, _, maximize, _, decoupled = read(...)
  self:setup(params, {lr = lr, betas = betas or {0.9, 0.999}, eps = eps, weight_decay = weight_decay,
    amsgrad = amsgrad, maximize = maximize, decoupled_weight_decay = decoupled})
end

function Adam:check(group)
  for _, name in ipairs{'lr', 'eps', 'weight_decay'} do self:check_number(group, name, 0) end
  self:check_betas(group)
end

function Adam.init_state(_, state, p, group)
  state.step = state.step or Optimizer.number(0)
  state.exp_avg, state.exp_avg_sq = state.exp_avg or tocha.zeros_like(p), state.exp_avg_sq or tocha.zeros_like(p)
  if group.amsgrad then state.max_exp_avg_sq = tocha.zeros_like(p) end
end

local plain, amsgrad = {'exp_avg', 'exp_avg_sq', 'step'}, {'exp_avg', 'exp_avg_sq', 'step', 'max_exp_avg_sq'}

function Adam:update()
  for i = 1, #self.param_groups do
    local g = self.param_groups[i]
    local pack = self:ready(i, g.amsgrad and amsgrad or plain)
    local n = pack.n
    self.done(C.tc_h_adam_step(pack.params, n, pack.exp_avg, n, pack.exp_avg_sq, n, pack.max_exp_avg_sq,
      g.amsgrad and n or 0, pack.step, n, g.lr, g.betas[1], g.betas[2], g.eps, g.weight_decay,
      g.decoupled_weight_decay, g.maximize))
  end
end

return Adam
