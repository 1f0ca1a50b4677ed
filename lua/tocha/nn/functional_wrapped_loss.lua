--- The losses that are operators of the library, with PyTorch's argument lists: its older arguments `size_average`
-- and `reduce` say the same as `reduction`.
-- @module tocha.nn.functional_wrapped_loss

local args = require 'tocha.args'
local native = require 'tocha.nn.native'

local loss = {}

local function legacy(size_average, reduce, reduction)
  if reduce == false then return 'none' end
  if size_average ~= nil or reduce then return size_average == false and 'sum' or 'mean' end
  return reduction
end

local average, reduce, reduction = 'size_average:bool=nil', 'reduce:bool=nil', 'reduction:str="mean"'
local weight = 'weight:tensor=nil'

-- input, target, size_average, reduce, reduction, then one more parameter (or none) that the operator takes after
-- reduction
local function plain(name, extra)
  local f = native[name]
  local read = args.spec(name, 'input:tensor', 'target:tensor', average, reduce, reduction, extra)
  loss[name] = function(...)
    local input, target, a, r, how, last = read(...)
    return f(input, target, legacy(a, r, how), last)
  end
end

plain('mse_loss', weight)
plain('l1_loss', weight)
plain('smooth_l1_loss', 'beta:num=1')
plain('kl_div', 'log_target:bool=false')

local read_huber = args.spec('huber_loss', 'input:tensor', 'target:tensor', reduction, 'delta:num=1', weight)

function loss.huber_loss(...) return native.huber_loss(read_huber(...)) end

local read_bce = args.spec('binary_cross_entropy', 'input:tensor', 'target:tensor', weight, average, reduce, reduction)

function loss.binary_cross_entropy(...)
  local input, target, w, a, r, how = read_bce(...)
  return native.binary_cross_entropy(input, target, w, legacy(a, r, how))
end

local read_bcel = args.spec('binary_cross_entropy_with_logits', 'input:tensor', 'target:tensor', weight, average,
  reduce,
  reduction, 'pos_weight:tensor=nil')

function loss.binary_cross_entropy_with_logits(...)
  local input, target, w, a, r, how, pos_weight = read_bcel(...)
  return native.binary_cross_entropy_with_logits(input, target, w, legacy(a, r, how), pos_weight)
end

local read_nll = args.spec('nll_loss', 'input:tensor', 'target:tensor', weight, average, 'ignore_index:int=-100',
  reduce, reduction)

function loss.nll_loss(...)
  local input, target, w, a, ignored, r, how = read_nll(...)
  return native.nll_loss(input, target, w, ignored, legacy(a, r, how))
end

local read_cross = args.spec('cross_entropy', 'input:tensor', 'target:tensor', weight, average,
  'ignore_index:int=-100', reduce,
  reduction, 'label_smoothing:num=0')

function loss.cross_entropy(...)
  local input, target, w, a, ignored, r, how, smoothing = read_cross(...)
  return native.cross_entropy(input, target, w, ignored, legacy(a, r, how), smoothing)
end

return loss
