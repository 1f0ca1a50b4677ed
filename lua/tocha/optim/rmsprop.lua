--- optim.RMSprop: the gradient over a running average of its size (Tieleman and Hinton, 2012).
-- @classmod tocha.optim.RMSprop

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'
local Optimizer = require 'tocha.optim.optimizer'
local C = require('tocha.library').C

local RMSprop = class('RMSprop', Optimizer)
RMSprop.shaped = {'square_avg', 'grad_avg', 'momentum_buffer'}
Optimizer.declare('rmsprop_step')

local read = args.spec('RMSprop', 'params', 'lr:num=0.01', 'alpha:num=0.99', 'eps:num=1e-08', 'weight_decay:num=0',
  'momentum:num=0', 'centered:bool=false', 'capturable:bool=false', 'foreach=nil', 'maximize:bool=false',
  'differentiable:off=nil')

--- @param params list of tensors, or of groups
-- @tparam[opt=0.01] number lr
-- @tparam[opt=0.99] number alpha how slowly the averages move
-- @tparam[opt=1e-8] number eps
-- @tparam[opt=0] number weight_decay
-- @tparam[opt=0] number momentum
-- @tparam[opt=false] bool centered whether the variance is used, not the mean square
-- @tparam[opt=false] bool maximize
-- @usage
-- local p = tocha.tensor({1, -2}, {requires_grad = true})
-- local optimizer = optim.RMSprop({p}, {lr = 0.1})
-- for _ = 1, 2 do
--   optimizer:zero_grad()
--   p:square():sum():backward()
--   optimizer:step()
-- end
-- p  --> {-4.054e-10, -0.551}
function RMSprop:__init(...)
  local params, lr, alpha, eps, weight_decay, momentum, centered, _, _, maximize = read(...)
  self:setup(params, {lr = lr, alpha = alpha, eps = eps, weight_decay = weight_decay, momentum = momentum,
    centered = centered, maximize = maximize})
end

function RMSprop:check(group)
  for _, name in ipairs{'lr', 'eps', 'weight_decay', 'momentum', 'alpha'} do self:check_number(group, name, 0) end
end

function RMSprop.init_state(_, state, p, group)
  state.step, state.square_avg = state.step or Optimizer.number(0), state.square_avg or tocha.zeros_like(p)
  if group.centered then state.grad_avg = state.grad_avg or tocha.zeros_like(p) end
  if group.momentum > 0 then state.momentum_buffer = state.momentum_buffer or tocha.zeros_like(p) end
end

local needs = {[0] = {'square_avg', 'step'}, {'square_avg', 'step', 'grad_avg'},
  {'square_avg', 'step', 'momentum_buffer'}, {'square_avg', 'step', 'grad_avg', 'momentum_buffer'}}

function RMSprop:update()
  for i = 1, #self.param_groups do
    local g = self.param_groups[i]
    local pack = self:ready(i, needs[(g.centered and 1 or 0) + (g.momentum > 0 and 2 or 0)])
    local n = pack.n
    self.done(C.tc_h_rmsprop_step(pack.params, n, pack.square_avg, n, pack.grad_avg, g.centered and n or 0,
      pack.momentum_buffer, g.momentum > 0 and n or 0, pack.step, n, g.lr, g.alpha, g.eps, g.weight_decay, g.momentum,
      g.maximize))
  end
end

return RMSprop
