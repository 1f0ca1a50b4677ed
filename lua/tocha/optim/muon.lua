--- optim.Muon: momentum whose update of a matrix is made nearly orthogonal (Jordan et al., 2024).
-- @classmod tocha.optim.Muon

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'
local Optimizer = require 'tocha.optim.optimizer'

local Muon = class('Muon', Optimizer)
Muon.shaped = {'momentum_buffer'}

local read = args.spec('Muon', 'params', 'lr:num=0.001', 'weight_decay:num=0.1', 'momentum:num=0.95',
  'nesterov:bool=true', 'ns_coefficients:list=nil', 'eps:num=1e-07', 'ns_steps:int=5', 'adjust_lr_fn=nil')

--- @param params list of matrices, or of groups
-- @tparam[opt=0.001] number lr
-- @tparam[opt=0.1] number weight_decay of the parameter itself
-- @tparam[opt=0.95] number momentum
-- @tparam[opt=true] bool nesterov whether the momentum is looked ahead
-- @tparam[opt={3.4445, -4.775, 2.0315}] table ns_coefficients of the odd polynomial that is iterated
-- @tparam[opt=1e-7] number eps
-- @tparam[opt=5] int ns_steps how often
-- @tparam[opt] string adjust_lr_fn 'original' or 'match_rms_adamw': how the rate depends on the shape
-- @raise for parameters that are no matrices
-- @usage
-- local p = tocha.tensor({{1, 0}, {0, 3}}, {requires_grad = true})
-- local optimizer = optim.Muon({p}, {lr = 0.1})
-- p:square():sum():backward()
-- optimizer:step()
-- -- nearly the same step in all directions
-- (p - tocha.tensor{{0.9, 0}, {0, 2.9}}):abs():max():item() < 0.05  --> true
function Muon:__init(...)
  local params, lr, weight_decay, momentum, nesterov, coefficients, eps, steps, adjust = read(...)
  self:setup(params, {lr = lr, weight_decay = weight_decay, momentum = momentum, nesterov = nesterov,
    ns_coefficients = coefficients or {3.4445, -4.775, 2.0315}, eps = eps, ns_steps = steps, adjust_lr_fn = adjust},
    {'adjust_lr_fn'})
end

function Muon:check(group)
  for _, name in ipairs{'lr', 'weight_decay', 'momentum'} do self:check_number(group, name, 0) end
  if #group.ns_coefficients ~= 3 then
    args.fail('Muon: ns_coefficients: got %s, takes a table of 3 numbers', args.show(group.ns_coefficients))
  end
  local adjust = group.adjust_lr_fn
  if adjust ~= nil and adjust ~= 'original' and adjust ~= 'match_rms_adamw' then
    args.fail("Muon: adjust_lr_fn: got %s, takes 'original' or 'match_rms_adamw'", args.show(adjust))
  end
  for i, p in ipairs(group.params) do
    if p:dim() ~= 2 then args.fail('Muon: params: item %d is %s, takes matrices', i, args.show(p)) end
  end
end

function Muon.init_state(_, state, p) state.momentum_buffer = tocha.zeros_like(p) end

-- The nearest orthogonal matrix, roughly: Newton-Schulz steps x <- a x + (b s + c s s) x with s = x x', in bfloat16.
local function orthogonal(g, group)
  local a, b, c = unpack(group.ns_coefficients)
  local x, tall = g:bfloat16(), g:size(1) > g:size(2)
  if tall then x = x:t() end
  x = x / x:float():square():sum():sqrt():clamp_min(group.eps):bfloat16()
  for _ = 1, group.ns_steps do
    local s = x:mm(x:t())
    local polynomial = tocha.addmm(s, s, s, {beta = b, alpha = c})
    x = tocha.addmm(x, polynomial, x, {beta = a})
  end
  return (tall and x:t() or x):to(g.dtype)
end

local function adjusted(group, p)
  local rows, columns = p:size(1), p:size(2)
  if group.adjust_lr_fn == 'match_rms_adamw' then return group.lr * 0.2 * math.sqrt(math.max(rows, columns)) end
  return group.lr * math.sqrt(math.max(1, rows / columns))
end

local function update_one(p, g, state, group)
  local buffer = state.momentum_buffer
  buffer:lerp_(g, 1 - group.momentum)
  local move = orthogonal(group.nesterov and g:lerp(buffer, group.momentum) or buffer, group)
  p:mul_(1 - group.lr * group.weight_decay)
  p:add_(move, {alpha = -adjusted(group, p)})
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

function Muon:update() tocha.no_grad(update_all, self) end

return Muon
