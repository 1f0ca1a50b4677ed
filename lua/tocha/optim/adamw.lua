--- optim.AdamW: Adam whose weight decay acts on the parameter itself (Loshchilov and Hutter, 2019).
-- @classmod tocha.optim.AdamW

local class = require 'tocha.class'
local args = require 'tocha.args'
local Adam = require 'tocha.optim.adam'

local AdamW = class('AdamW', Adam)

local read = args.spec('AdamW', 'params', 'lr:num=0.001', 'betas:list=nil', 'eps:num=1e-08', 'weight_decay:num=0.01',
  'amsgrad:bool=false', '*', 'maximize:bool=false', 'foreach=nil', 'fused=nil', 'capturable=nil',
  'differentiable:off=nil')

--- @param params list of tensors, or of groups
-- @tparam[opt=0.001] number lr
-- @tparam[opt={0.9, 0.999}] table betas how slowly the two averages move
-- @tparam[opt=1e-8] number eps
-- @tparam[opt=0.01] number weight_decay
-- @tparam[opt=false] bool amsgrad whether the largest square so far is used
-- @tparam[opt=false] bool maximize by name only
-- @usage
-- local p = tocha.tensor({1, -2}, {requires_grad = true})
-- local optimizer = optim.AdamW({p}, {lr = 0.1})
-- for _ = 1, 2 do
--   optimizer:zero_grad()
--   p:square():sum():backward()
--   optimizer:step()
-- end
-- p  --> {0.7985, -1.796}
function AdamW:__init(...)
  local params, lr, betas, eps, weight_decay, amsgrad, maximize = read(...)
  self:setup(params, {lr = lr, betas = betas or {0.9, 0.999}, eps = eps, weight_decay = weight_decay,
    amsgrad = amsgrad, maximize = maximize, decoupled_weight_decay = true})
end

return AdamW
