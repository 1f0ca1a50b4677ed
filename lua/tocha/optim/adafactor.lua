--- optim.Adafactor: keeps the squares of a matrix's gradients by rows and columns only (Shazeer and Stern, 2018).
-- @classmod tocha.optim.Adafactor

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'
local Optimizer = require 'tocha.optim.optimizer'

local Adafactor = class('Adafactor', Optimizer)
Adafactor.shaped = {'variance'}

local read = args.spec('Adafactor', 'params', 'lr:num=0.01', 'beta2_decay:num=-0.8', 'eps:list=nil', 'd:num=1',
  'weight_decay:num=0', '*', 'foreach=nil', 'maximize:bool=false')

--- @param params list of tensors, or of groups
-- @tparam[opt=0.01] number lr the largest step relative to the parameter's size
-- @tparam[opt=-0.8] number beta2_decay how the averages slow down with the steps
-- @tparam[opt={false, 1e-3}] table eps the least square (false: as the dtype resolves) and size of a parameter
-- @tparam[opt=1] number d where updates are clipped
-- @tparam[opt=0] number weight_decay
-- @tparam[opt=false] bool maximize by name only
-- @usage
-- local p = tocha.tensor({1, -2}, {requires_grad = true})
-- local optimizer = optim.Adafactor({p}, {lr = 0.1})
-- for _ = 1, 2 do
--   optimizer:zero_grad()
--   p:square():sum():backward()
--   optimizer:step()
-- end
-- p  --> {0.7098, -1.704}
function Adafactor:__init(...)
  local params, lr, beta2_decay, eps, d, weight_decay, _, maximize = read(...)
  self:setup(params, {lr = lr, beta2_decay = beta2_decay, eps = eps or {false, 1e-3}, d = d,
    weight_decay = weight_decay, maximize = maximize})
end

function Adafactor:check(group)
  self:check_real(group)
  for _, name in ipairs{'lr', 'weight_decay'} do self:check_number(group, name, 0) end
  self:check_number(group, 'd', 1)
  if group.beta2_decay > 0 then
    args.fail('Adafactor: beta2_decay: got %s, takes a number of at most 0', args.show(group.beta2_decay))
  end
  if (group.eps[1] or 0) < 0 or (group.eps[2] or -1) < 0 then
    args.fail('Adafactor: eps: got %s, takes false or a number of at least 0, and such a number', args.show(group.eps))
  end
end

local function size_but(p, dim)
  local size = p:size()
  size[dim] = 1
  return size
end

function Adafactor.init_state(_, state, p)
  state.step = Optimizer.number(0)
  local n = p:dim()
  if n > 1 then
    state.row_var, state.col_var = p:new_zeros(size_but(p, n)), p:new_zeros(size_but(p, n - 1))
  else
    state.variance = tocha.zeros_like(p)
  end
end

local function mean_square(g, dim) return g:square():mean(dim, true) end

-- The estimate of the mean square of each element. For matrices (... x rows x columns) it has rank 1.
local function estimate(state, g, weight, least)
  if g:dim() <= 1 then return state.variance:lerp_(g:square(), weight):clone() end
  state.row_var:lerp_(mean_square(g, -1), weight)
  state.col_var:lerp_(mean_square(g, -2), weight)
  return state.row_var:matmul(state.col_var) / state.row_var:mean(-2, true):clamp_min(least)
end

-- () in float64: it stays on the device, so that nothing waits for a GPU
local function root_mean_square(x) return x:double():square():mean():sqrt() end

local function update_one(p, g, state, group)
  state.step:add_(1)
  local t, least = state.step:item(), group.eps[1] or tocha.finfo(p.dtype).eps
  local alpha = root_mean_square(p):clamp_min(group.eps[2]) * math.min(group.lr, 1 / math.sqrt(t))
  if group.maximize then g = -g end
  if group.weight_decay ~= 0 then p:mul_(1 - group.lr * group.weight_decay) end
  local move = estimate(state, g, t ^ group.beta2_decay, least):clamp_min(least * least):rsqrt() * g
  p:addcmul_(move, alpha / (root_mean_square(move) / group.d):clamp_min(1), {value = -1})
end

local function update_all(self)
  for _, group in ipairs(self.param_groups) do
    for _, p in ipairs(group.params) do
      local g = p.grad
      if g ~= nil then
        if not self.state[p] then self:make_state(p, group) end
        update_one(p, g, self.state[p], group)
      end
    end
  end
end

function Adafactor:update() tocha.no_grad(update_all, self) end

return Adafactor
