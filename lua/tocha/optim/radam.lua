--- optim.RAdam: Adam that waits for its variance to be known before it trusts it (Liu et al., 2020).
-- @classmod tocha.optim.RAdam

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'
local Optimizer = require 'tocha.optim.optimizer'
local C = require('tocha.library').C

local RAdam = class('RAdam', Optimizer)
RAdam.shaped = {'exp_avg', 'exp_avg_sq'}
Optimizer.declare('radam_step')

local read = args.spec('RAdam', 'params', 'lr:num=0.001', 'betas:list=nil', 'eps:num=1e-08', 'weight_decay:num=0',
  'decoupled_weight_decay:bool=false', '*', 'foreach=nil', 'maximize:bool=false', 'capturable:bool=false',
  'differentiable:off=nil')

--- @param params list of tensors, or of groups
-- @tparam[opt=0.001] number lr
-- @tparam[opt={0.9, 0.999}] table betas how slowly the two averages move
-- @tparam[opt=1e-8] number eps
-- @tparam[opt=0] number weight_decay
-- @tparam[opt=false] bool decoupled_weight_decay decays the parameter itself, as AdamW
-- @tparam[opt=false] bool maximize by name only
-- @usage
-- local p = tocha.tensor({1, -2}, {requires_grad = true})
-- local optimizer = optim.RAdam({p}, {lr = 0.1})
-- for _ = 1, 2 do
--   optimizer:zero_grad()
--   p:square():sum():backward()
--   optimizer:step()
-- end
-- p  --> {0.6211, -1.242}
function RAdam:__init(...)
  local params, lr, betas, eps, weight_decay, decoupled, _, maximize = read(...)
  self:setup(params, {lr = lr, betas = betas or {0.9, 0.999}, eps = eps, weight_decay = weight_decay,
    decoupled_weight_decay = decoupled, maximize = maximize})
end

function RAdam:check(group)
  for _, name in ipairs{'lr', 'eps', 'weight_decay'} do self:check_number(group, name, 0) end
  self:check_betas(group)
end

function RAdam.init_state(_, state, p)
  state.step, state.exp_avg, state.exp_avg_sq = Optimizer.number(0), tocha.zeros_like(p), tocha.zeros_like(p)
end

local names = {'exp_avg', 'exp_avg_sq', 'step'}

function RAdam:update()
  for i = 1, #self.param_groups do
    local g, pack = self.param_groups[i], self:ready(i, names)
    local n = pack.n
    self.done(C.tc_h_radam_step(pack.params, n, pack.exp_avg, n, pack.exp_avg_sq, n, pack.step, n, g.lr, g.betas[1],
      g.betas[2], g.eps, g.weight_decay, g.decoupled_weight_decay, g.maximize))
  end
end

return RAdam
