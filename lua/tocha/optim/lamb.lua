--- optim.LAMB: Adam whose step is scaled, for each parameter, to the parameter's own length (Y. You et al., "Large batch
-- optimization for deep learning", 2020).
-- @classmod tocha.optim.LAMB

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'
local Optimizer = require 'tocha.optim.optimizer'

local LAMB = class('LAMB', Optimizer)
LAMB.shaped = {'exp_avg', 'exp_avg_sq'}

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
  for _, name in ipairs{'lr', 'eps', 'weight_decay', 'trust_clip'} do self:check_number(group, name, 0) end
  self:check_betas(group)
end

function LAMB.init_state(_, state, p)
  state.step = state.step or Optimizer.number(0)
  state.exp_avg, state.exp_avg_sq = tocha.zeros_like(p), tocha.zeros_like(p)
end

local function update_one(p, g, state, group)
  local b1, b2 = group.betas[1], group.betas[2]
  state.step:add_(1)
  local t = state.step:item()
  if group.maximize then g = -g end
  state.exp_avg:lerp_(g, 1 - b1)
  state.exp_avg_sq:mul_(b2):addcmul_(g, g, {value = 1 - b2})
  local move = state.exp_avg / (1 - b1 ^ t) / ((state.exp_avg_sq / (1 - b2 ^ t)):sqrt() + group.eps)
  if group.weight_decay ~= 0 then move = move + p * group.weight_decay end
  -- lengths stay tensors: nothing waits for a GPU
  local length, of_move = p:norm():clamp_max(group.trust_clip), move:norm()
  local one = tocha.ones_like(length)
  local trust = (length / of_move):where(length:gt(0):logical_and(of_move:gt(0)), one)
  p:sub_(move * trust * group.lr)
end

local function update_all(self)
  for _, group in ipairs(self.param_groups) do
    for _, p in ipairs(group.params) do
      local g = p.grad
      if g ~= nil then
        if not self.state[p] then self:make_state(p, group) end
        update_one(p, g:detach(), self.state[p], group)
      end
    end
  end
end

function LAMB:update() tocha.no_grad(update_all, self) end

return LAMB
