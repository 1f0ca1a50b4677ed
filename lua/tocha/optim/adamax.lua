--- optim.Adamax: Adam with the largest gradient in place of the mean square (Kingma and Ba, 2015).
-- @classmod tocha.optim.Adamax

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'
local Optimizer = require 'tocha.optim.optimizer'
local C = require('tocha.library').C

local Adamax = class('Adamax', Optimizer)
Adamax.shaped = {'exp_avg', 'exp_inf'}
Optimizer.declare('adamax_step')

local read = args.spec('Adamax', 'params', 'lr:num=0.002', 'betas:list=nil', 'eps:num=1e-08', 'weight_decay:num=0', 'foreach=nil',
  '*', 'maximize:bool=false', 'capturable:bool=false', 'differentiable:off=nil')

--- @param params list of tensors, or of groups
-- @tparam[opt=0.002] number lr
-- @tparam[opt={0.9, 0.999}] table betas how slowly the two averages move
-- @tparam[opt=1e-8] number eps
-- @tparam[opt=0] number weight_decay
-- @tparam[opt=false] bool maximize by name only
-- @usage
-- local p = tocha.tensor({1, -2}, {requires_grad = true})
-- local optimizer = optim.Adamax({p}, {lr = 0.1})
-- for _ = 1, 2 do
--   optimizer:zero_grad()
--   p:square():sum():backward()
--   optimizer:step()
-- end
-- p  --> {0.8052, -1.803}
function Adamax:__init(...)
  local params, lr, betas, eps, weight_decay, _, maximize = read(...)
  self:setup(params, {lr = lr, betas = betas or {0.9, 0.999}, eps = eps, weight_decay = weight_decay,
    maximize = maximize})
end

function Adamax:check(group)
  for _, name in ipairs{'lr', 'eps', 'weight_decay'} do self:check_number(group, name, 0) end
  self:check_betas(group)
end

function Adamax.init_state(_, state, p)
  state.step, state.exp_avg, state.exp_inf = Optimizer.number(0), tocha.zeros_like(p), tocha.zeros_like(p)
end

local names = {'exp_avg', 'exp_inf', 'step'}

function Adamax:update()
  for i = 1, #self.param_groups do
    local g, pack = self.param_groups[i], self:ready(i, names)
    local n = pack.n
    self.done(C.tc_h_adamax_step(pack.params, n, pack.exp_avg, n, pack.exp_inf, n, pack.step, n, g.lr, g.betas[1],
      g.betas[2], g.eps, g.weight_decay, g.maximize))
  end
end

return Adamax
