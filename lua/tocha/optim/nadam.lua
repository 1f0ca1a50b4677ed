--- optim.NAdam: Adam with Nesterov momentum (Dozat, 2016).
-- @classmod tocha.optim.NAdam

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'
local Optimizer = require 'tocha.optim.optimizer'
local C = require('tocha.library').C

local NAdam = class('NAdam', Optimizer)
NAdam.shaped = {'exp_avg', 'exp_avg_sq'}
Optimizer.declare('nadam_step')

local read = args.spec('NAdam', 'params', 'lr:num=0.002', 'betas:list=nil', 'eps:num=1e-08', 'weight_decay:num=0',
  'momentum_decay:num=0.004', 'decoupled_weight_decay:bool=false', '*', 'foreach=nil', 'maximize:bool=false',
  'capturable:bool=false', 'differentiable:off=nil')

--- @param params list of tensors, or of groups
-- @tparam[opt=0.002] number lr
-- @tparam[opt={0.9, 0.999}] table betas how slowly the two averages move
-- @tparam[opt=1e-8] number eps
-- @tparam[opt=0] number weight_decay
-- @tparam[opt=0.004] number momentum_decay how fast the momentum grows to its end
-- @tparam[opt=false] bool decoupled_weight_decay decays the parameter itself, as AdamW
-- @tparam[opt=false] bool maximize by name only
-- @usage
-- local p = tocha.tensor({1, -2}, {requires_grad = true})
-- local optimizer = optim.NAdam({p}, {lr = 0.1})
-- for _ = 1, 2 do
--   optimizer:zero_grad()
--   p:square():sum():backward()
--   optimizer:step()
-- end
-- p  --> {0.8211, -1.819}
function NAdam:__init(...)
  local params, lr, betas, eps, weight_decay, momentum_decay, decoupled, _, maximize = read(...)
  self:setup(params, {lr = lr, betas = betas or {0.9, 0.999}, eps = eps, weight_decay = weight_decay,
    momentum_decay = momentum_decay, decoupled_weight_decay = decoupled, maximize = maximize})
end

function NAdam:check(group)
  for _, name in ipairs{'lr', 'eps', 'weight_decay', 'momentum_decay'} do self:check_number(group, name, 0) end
  self:check_betas(group)
end

function NAdam.init_state(_, state, p)
  state.step, state.mu_product = Optimizer.number(0), Optimizer.number(1)
  state.exp_avg, state.exp_avg_sq = tocha.zeros_like(p), tocha.zeros_like(p)
end

local names = {'exp_avg', 'exp_avg_sq', 'step', 'mu_product'}

function NAdam:update()
  for i = 1, #self.param_groups do
    local g, pack = self.param_groups[i], self:ready(i, names)
    local n = pack.n
    self.done(C.tc_h_nadam_step(pack.params, n, pack.exp_avg, n, pack.exp_avg_sq, n, pack.step, n, pack.mu_product, n,
      g.lr, g.betas[1], g.betas[2], g.eps, g.weight_decay, g.momentum_decay, g.decoupled_weight_decay, g.maximize))
  end
end

return NAdam
