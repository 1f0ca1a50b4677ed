--- optim.LAMB: Adam whose step is scaled, for each parameter, to the parameter's own length (Y. You et al., "Large batch
-- optimization for deep learning", 2020).
-- @classmod tocha.optim.LAMB

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'
local Optimizer = require 'tocha.optim.optimizer'
local C = require('tocha.library').C

local LAMB = class('LAMB', Optimizer)
LAMB.shaped = {'exp_avg', 'exp_avg_sq'}
Optimizer.declare('lamb_step')

local read = args.spec('LAMB', 'params', 'lr:num=0.001', 'betas:list=nil', 'eps:num=1e-06', 'weight_decay:num=0', '*',
  'trust_clip:num=10', 'maximize:bool=false')

--- @param params list of tensors, or of groups
-- @tparam[opt=0.001] number lr
-- @tparam[opt={0.9, 0.999}] table betas how slowly the two averages move
-- @tparam[opt=1e-6] number eps
-- @tparam[opt=0] number weight_decay
-- @tparam[opt=10] number trust_clip the largest length of a parameter that counts, by name only
-- @tparam[opt=false] bool maximize by name only
-- @usage
-- local p = tocha.tensor({1, -2}, {requires_grad = true})
-- local optimizer = optim.LAMB({p}, {lr = 0.1})
-- for _ = 1, 2 do
--   optimizer:zero_grad()
--   p:square():sum():backward()
--   optimizer:step()
-- end
-- p  --> {0.6991, -1.698}
function LAMB:__init(...)
  local params, lr, betas, eps, weight_decay, clip, maximize = read(...)
  self:setup(params, {lr = lr, betas = betas or {0.9, 0.999}, eps = eps, weight_decay = weight_decay, trust_clip = clip,
    maximize = maximize})
end

function LAMB:check(group)
  self:check_real(group)
  for _, name in ipairs{'lr', 'eps', 'weight_decay', 'trust_clip'} do self:check_number(group, name, 0) end
  self:check_betas(group)
end

function LAMB.init_state(_, state, p)
  state.step = state.step or Optimizer.number(0)
  state.exp_avg, state.exp_avg_sq = tocha.zeros_like(p), tocha.zeros_like(p)
end

local names = {'exp_avg', 'exp_avg_sq', 'step'}

function LAMB:update()
  for i = 1, #self.param_groups do
    local g, pack = self.param_groups[i], self:ready(i, names)
    local n = pack.n
    self.done(C.tc_h_lamb_step(pack.params, n, pack.exp_avg, n, pack.exp_avg_sq, n, pack.step, n, g.lr, g.betas[1], g.betas[2], g.eps,
      g.weight_decay, g.trust_clip, g.maximize))
  end
end

return LAMB
