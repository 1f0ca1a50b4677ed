--- optim.Muon: momentum whose update of a matrix is made nearly orthogonal (Jordan et al., 2024).
-- @classmod tocha.optim.Muon

local ffi = require 'ffi'
local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'
local Optimizer = require 'tocha.optim.optimizer'
local C = require('tocha.library').C

local Muon = class('Muon', Optimizer)
Muon.shaped = {'momentum_buffer'}
Optimizer.declare('muon_step')

local Doubles = ffi.typeof('double[?]')
local adjusts = {original = true, match_rms_adamw = true, spectral_unclamped = true}

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
-- @tparam[opt] string adjust_lr_fn 'original', 'match_rms_adamw' or 'spectral_unclamped': how the rate depends on the shape
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
  if adjust ~= nil and not adjusts[adjust] then
    args.fail("Muon: adjust_lr_fn: got %s, takes 'original', 'match_rms_adamw' or 'spectral_unclamped'", args.show(adjust))
  end
  self:check_real(group)
  for i, p in ipairs(group.params) do
    if p:dim() ~= 2 then args.fail('Muon: params: item %d is %s, takes matrices', i, args.show(p)) end
  end
end

function Muon.init_state(_, state, p) state.momentum_buffer = tocha.zeros_like(p) end

local names = {'momentum_buffer'}

function Muon:update()
  for i = 1, #self.param_groups do
    local g, pack = self.param_groups[i], self:ready(i, names)
    local coefficients = Doubles(#g.ns_coefficients, g.ns_coefficients)
    self.done(C.tc_h_muon_step(pack.params, pack.n, pack.momentum_buffer, pack.n, g.lr, g.weight_decay, g.momentum, g.nesterov, coefficients,
      #g.ns_coefficients, g.eps, g.ns_steps, g.adjust_lr_fn or 'original'))
  end
end

return Muon
