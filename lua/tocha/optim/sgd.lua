--- optim.SGD: stochastic gradient descent, with momentum.
-- @classmod tocha.optim.SGD

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'
local Optimizer = require 'tocha.optim.optimizer'
local C = require('tocha.library').C

local SGD = class('SGD', Optimizer)
SGD.shaped = {'momentum_buffer'}
Optimizer.declare('sgd_step')

local read = args.spec('SGD', 'params', 'lr:num=0.001', 'momentum:num=0', 'dampening:num=0', 'weight_decay:num=0',
  'nesterov:bool=false', '*', 'maximize:bool=false', 'foreach=nil', 'fused=nil', 'differentiable:off=nil')

--- @param params list of tensors, or of groups
-- @tparam[opt=0.001] number lr
-- @tparam[opt=0] number momentum
-- @tparam[opt=0] number dampening how much of a new gradient the momentum leaves out
-- @tparam[opt=0] number weight_decay
-- @tparam[opt=false] bool nesterov whether the momentum is looked ahead
-- @tparam[opt=false] bool maximize by name only
-- @usage
-- local p = tocha.tensor({1, -2}, {requires_grad = true})
-- local optimizer = optim.SGD({p}, {lr = 0.1, momentum = 0.9})
-- for _ = 1, 2 do
--   optimizer:zero_grad()
--   p:square():sum():backward()
--   optimizer:step()
-- end
-- p  --> {0.46, -0.92}
function SGD:__init(...)
  local params, lr, momentum, dampening, weight_decay, nesterov, maximize = read(...)
  self:setup(params, {lr = lr, momentum = momentum, dampening = dampening, weight_decay = weight_decay,
    nesterov = nesterov, maximize = maximize})
end

function SGD:check(group)
  for _, name in ipairs{'lr', 'momentum', 'weight_decay'} do self:check_number(group, name, 0) end
  if group.nesterov and (group.momentum <= 0 or group.dampening ~= 0) then
    args.fail('SGD: nesterov: takes momentum above 0 and dampening 0, got %s and %s', tostring(group.momentum),
      tostring(group.dampening))
  end
end

function SGD.init_state(_, state, p) state.momentum_buffer = tocha.zeros_like(p) end

local none, buffered = {}, {'momentum_buffer'}

function SGD:update()
  for i = 1, #self.param_groups do
    local g = self.param_groups[i]
    if g.momentum == 0 then
      local pack = self:ready(i, none)
      self.done(C.tc_h_sgd_step(pack.params, pack.n, nil, 0, g.lr, 0, 0, g.weight_decay, false, g.maximize))
    else
      local pack, came = self:ready(i, buffered)
      local old = pack.n - came
      self.done(C.tc_h_sgd_step(pack.params, old, pack.momentum_buffer, old, g.lr, g.momentum, g.dampening,
        g.weight_decay, g.nesterov, g.maximize))
      -- a first gradient is the momentum, undampened
      if came > 0 then
        self.done(C.tc_h_sgd_step(pack.params + old, came, pack.momentum_buffer + old, came, g.lr, g.momentum, 0,
          g.weight_decay, g.nesterov, g.maximize))
      end
    end
  end
end

return SGD
