--- optim.Rprop: steps that grow while a gradient keeps its sign and shrink when it turns (Riedmiller and Braun, 1993).
-- @classmod tocha.optim.Rprop

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'
local Optimizer = require 'tocha.optim.optimizer'
local C = require('tocha.library').C

local Rprop = class('Rprop', Optimizer)
Rprop.shaped = {'prev', 'step_size'}
Optimizer.declare('rprop_step')

local read = args.spec('Rprop', 'params', 'lr:num=0.01', 'etas:list=nil', 'step_sizes:list=nil', '*', 'capturable:bool=false',
  'foreach=nil', 'maximize:bool=false', 'differentiable:off=nil')

--- @param params list of tensors, or of groups
-- @tparam[opt=0.01] number lr the first step
-- @tparam[opt={0.5, 1.2}] table etas the factors by which a step shrinks and grows
-- @tparam[opt={1e-6, 50}] table step_sizes the smallest and the largest step
-- @tparam[opt=false] bool maximize by name only
-- @usage
-- local p = tocha.tensor({1, -2}, {requires_grad = true})
-- local optimizer = optim.Rprop({p}, {lr = 0.1})
-- for _ = 1, 2 do
--   optimizer:zero_grad()
--   p:square():sum():backward()
--   optimizer:step()
-- end
-- p  --> {0.78, -1.78}
function Rprop:__init(...)
  local params, lr, etas, step_sizes, _, _, maximize = read(...)
  self:setup(params, {lr = lr, etas = etas or {0.5, 1.2}, step_sizes = step_sizes or {1e-6, 50},
    maximize = maximize})
end

function Rprop:check(group)
  self:check_number(group, 'lr', 0)
  local minus, plus = group.etas[1], group.etas[2]
  if not (minus and plus and minus > 0 and minus < 1 and plus > 1) then
    args.fail('Rprop: etas: got %s, takes a number between 0 and 1 and one above 1', args.show(group.etas))
  end
end

function Rprop.init_state(_, state, p, group)
  state.step, state.prev, state.step_size = Optimizer.number(0), tocha.zeros_like(p), Optimizer.filled(p, group.lr)
end

local names = {'prev', 'step_size', 'step'}

function Rprop:update()
  for i = 1, #self.param_groups do
    local g, pack = self.param_groups[i], self:ready(i, names)
    local n = pack.n
    self.done(C.tc_h_rprop_step(pack.params, n, pack.prev, n, pack.step_size, n, pack.step, n, g.etas[1], g.etas[2],
      g.step_sizes[1], g.step_sizes[2], g.maximize))
  end
end

return Rprop
