--- optim.Lion: steps of the sign of a running average (X. Chen et al., "Symbolic discovery of optimization algorithms", 2023).
-- @classmod tocha.optim.Lion

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'
local Optimizer = require 'tocha.optim.optimizer'
local C = require('tocha.library').C

local Lion = class('Lion', Optimizer)
Lion.shaped = {'exp_avg'}
Optimizer.declare('lion_step')

local read = args.spec('Lion', 'params', 'lr:num=0.0001', 'betas:list=nil', 'weight_decay:num=0', '*', 'maximize:bool=false')

--- @param params list of tensors, or of groups
-- @tparam[opt=1e-4] number lr every element moves by that much
-- @tparam[opt={0.9, 0.99}] table betas weight of the average in a step, and how slowly the average moves
-- @tparam[opt=0] number weight_decay of the parameter itself
-- @tparam[opt=false] bool maximize by name only
-- @usage
-- local p = tocha.tensor({1, -2}, {requires_grad = true})
-- local optimizer = optim.Lion({p}, {lr = 0.1})
-- for _ = 1, 2 do
--   optimizer:zero_grad()
--   p:square():sum():backward()
--   optimizer:step()
-- end
-- p  --> {0.8, -1.8}
function Lion:__init(...)
  local params, lr, betas, weight_decay, maximize = read(...)
  self:setup(params, {lr = lr, betas = betas or {0.9, 0.99}, weight_decay = weight_decay, maximize = maximize})
end

function Lion:check(group)
  for _, name in ipairs{'lr', 'weight_decay'} do self:check_number(group, name, 0) end
  self:check_betas(group)
end

function Lion.init_state(_, state, p) state.exp_avg = tocha.zeros_like(p) end

local names = {'exp_avg'}

function Lion:update()
  for i = 1, #self.param_groups do
    local g = self.param_groups[i]
    local pack = self:ready(i, names)
    self.done(C.tc_h_lion_step(pack.params, pack.n, pack.exp_avg, pack.n, g.lr, g.betas[1], g.betas[2], g.weight_decay, g.maximize))
  end
end

return Lion
