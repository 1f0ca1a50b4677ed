--- optim.ASGD: SGD that also keeps the average of the parameters (Polyak and Juditsky, 1992).
-- @classmod tocha.optim.ASGD

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'
local Optimizer = require 'tocha.optim.optimizer'
local C = require('tocha.library').C

local ASGD = class('ASGD', Optimizer)
ASGD.shaped = {'ax'}
Optimizer.declare('asgd_step')

local read = args.spec('ASGD', 'params', 'lr:num=0.01', 'lambd:num=0.0001', 'alpha:num=0.75', 't0:num=1000000',
  'weight_decay:num=0', 'foreach=nil', 'maximize:bool=false', '*', 'capturable:bool=false', 'differentiable:off=nil')

--- @param params list of tensors, or of groups
-- @tparam[opt=0.01] number lr
-- @tparam[opt=1e-4] number lambd decay
-- @tparam[opt=0.75] number alpha the power by which the rate falls
-- @tparam[opt=1e6] number t0 the step from which on the average is taken
-- @tparam[opt=0] number weight_decay
-- @tparam[opt=false] bool maximize
-- @usage
-- local p = tocha.tensor({1, -2}, {requires_grad = true})
-- local optimizer = optim.ASGD({p}, {lr = 0.1})
-- for _ = 1, 2 do
--   optimizer:zero_grad()
--   p:square():sum():backward()
--   optimizer:step()
-- end
-- p  --> {0.64, -1.28}
function ASGD:__init(...)
  local params, lr, lambd, alpha, t0, weight_decay, _, maximize = read(...)
  self:setup(params, {lr = lr, lambd = lambd, alpha = alpha, t0 = t0, weight_decay = weight_decay,
    maximize = maximize})
end

function ASGD:check(group)
  for _, name in ipairs{'lr', 'weight_decay'} do self:check_number(group, name, 0) end
end

function ASGD.init_state(_, state, p, group)
  state.step, state.eta, state.mu = Optimizer.number(0), Optimizer.number(group.lr), Optimizer.number(1)
  state.ax = tocha.zeros_like(p)
end

local names = {'ax', 'step', 'eta', 'mu'}

function ASGD:update()
  for i = 1, #self.param_groups do
    local g, pack = self.param_groups[i], self:ready(i, names)
    local n = pack.n
    self.done(C.tc_h_asgd_step(pack.params, n, pack.ax, n, pack.step, n, pack.eta, n, pack.mu, n, g.lr, g.lambd,
      g.alpha, g.t0, g.weight_decay, g.maximize))
  end
end

return ASGD
