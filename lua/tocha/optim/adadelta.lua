--- optim.Adadelta: steps as large as the steps before them, over the size of the gradient (Zeiler, 2012).
-- @classmod tocha.optim.Adadelta

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'
local Optimizer = require 'tocha.optim.optimizer'
local C = require('tocha.library').C

local Adadelta = class('Adadelta', Optimizer)
Adadelta.shaped = {'square_avg', 'acc_delta'}
Optimizer.declare('adadelta_step')

local read = args.spec('Adadelta', 'params', 'lr:num=1', 'rho:num=0.9', 'eps:num=1e-06', 'weight_decay:num=0', 'foreach=nil', '*',
  'capturable:bool=false', 'maximize:bool=false', 'differentiable:off=nil')

--- @param params list of tensors, or of groups
-- @tparam[opt=1] number lr
-- @tparam[opt=0.9] number rho how slowly the averages move
-- @tparam[opt=1e-6] number eps
-- @tparam[opt=0] number weight_decay
-- @tparam[opt=false] bool maximize by name only
-- @usage
-- local p = tocha.tensor({1, -2}, {requires_grad = true})
-- local optimizer = optim.Adadelta({p}, {lr = 1})
-- for _ = 1, 2 do
--   optimizer:zero_grad()
--   p:square():sum():backward()
--   optimizer:step()
-- end
-- p  --> {0.9936, -1.994}
function Adadelta:__init(...)
  local params, lr, rho, eps, weight_decay, _, _, maximize = read(...)
  self:setup(params, {lr = lr, rho = rho, eps = eps, weight_decay = weight_decay, maximize = maximize})
end

function Adadelta:check(group)
  for _, name in ipairs{'lr', 'eps', 'weight_decay'} do self:check_number(group, name, 0) end
  self:check_number(group, 'rho', 0, 1.0000001)
end

function Adadelta.init_state(_, state, p)
  state.step, state.square_avg, state.acc_delta = Optimizer.number(0), tocha.zeros_like(p), tocha.zeros_like(p)
end

local names = {'square_avg', 'acc_delta', 'step'}

function Adadelta:update()
  for i = 1, #self.param_groups do
    local g, pack = self.param_groups[i], self:ready(i, names)
    local n = pack.n
    self.done(C.tc_h_adadelta_step(pack.params, n, pack.square_avg, n, pack.acc_delta, n, pack.step, n, g.lr, g.rho,
      g.eps, g.weight_decay, g.maximize))
  end
end

return Adadelta
