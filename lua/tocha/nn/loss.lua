--- Losses. Each is a module with PyTorch's options; `reduction` is `'mean'`, `'sum'` or `'none'`.
--
-- A loss refuses a target that would only fit by broadcasting, and labels out of range.
-- @module tocha.nn.loss

local class = require 'tocha.class'
local args = require 'tocha.args'
local define = require 'tocha.nn.simple'
local Module = require 'tocha.nn.module'
local F = require 'tocha.nn.functional'
local native = require 'tocha.nn.native'

local loss = {}

local Loss = class('Loss', Module)

local reductions = {mean = true, sum = true, none = true}

-- size_average and reduce are PyTorch's old way to say reduction
local function check(self)
  if self.reduce == false then
    self.reduction = 'none'
  elseif self.size_average ~= nil or self.reduce then
    self.reduction = self.size_average == false and 'sum' or 'mean'
  end
  if not reductions[self.reduction] and not (self.reduction == 'batchmean' and self.__name == 'KLDivLoss') then
    args.fail("%s: reduction: got '%s', takes 'mean', 'sum' or 'none'", self.__name, self.reduction)
  end
end

local reduction = 'reduction:str="mean"'
local size_average, reduce = 'size_average:bool=nil', 'reduce:bool=nil'

local function nothing() return '' end

local function add(name, parameters, forward, setup)
  loss[name] = define(name, parameters, forward, nothing, Loss, setup or check)
end

-- --------------------------------------------------------------------------------------------------- input and target

add('L1Loss', {size_average, reduce, reduction}, function(self, input, target)
  return native.l1_loss(input, target, self.reduction)
end)

add('MSELoss', {size_average, reduce, reduction}, function(self, input, target)
  return native.mse_loss(input, target, self.reduction)
end)

add('SmoothL1Loss', {size_average, reduce, reduction, 'beta:num=1'}, function(self, input, target)
  return native.smooth_l1_loss(input, target, self.reduction, self.beta)
end)

add('HuberLoss', {reduction, 'delta:num=1'}, function(self, input, target)
  return native.huber_loss(input, target, self.reduction, self.delta)
end)

add('KLDivLoss', {size_average, reduce, reduction, 'log_target:bool=false'}, function(self, input, target)
  return native.kl_div(input, target, self.reduction, self.log_target)
end)

add('PoissonNLLLoss', {'log_input:bool=true', 'full:bool=false', size_average, 'eps:num=1e-8', reduce, reduction},
  function(self, input, target)
    return native.poisson_nll_loss(input, target, self.log_input, self.full, self.eps, self.reduction)
  end)

add('GaussianNLLLoss', {'*', 'full:bool=false', 'eps:num=1e-6', reduction}, function(self, input, target, var)
  return native.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)
end)

add('SoftMarginLoss', {size_average, reduce, reduction}, function(self, input, target)
  return native.soft_margin_loss(input, target, self.reduction)
end)

add('HingeEmbeddingLoss', {'margin:num=1', size_average, reduce, reduction}, function(self, input, target)
  return native.hinge_embedding_loss(input, target, self.margin, self.reduction)
end)

add('MultiLabelMarginLoss', {size_average, reduce, reduction}, function(self, input, target)
  return native.multilabel_margin_loss(input, target, self.reduction)
end)

-- --------------------------------------------------------------------------------------------------- several inputs

add('MarginRankingLoss', {'margin:num=0', size_average, reduce, reduction}, function(self, input1, input2, target)
  return native.margin_ranking_loss(input1, input2, target, self.margin, self.reduction)
end)

add('CosineEmbeddingLoss', {'margin:num=0', size_average, reduce, reduction}, function(self, input1, input2, target)
  return native.cosine_embedding_loss(input1, input2, target, self.margin, self.reduction)
end)

add('TripletMarginLoss', {'margin:num=1', 'p:num=2', 'eps:num=1e-6', 'swap:bool=false', size_average, reduce,
  reduction},
  function(self, anchor, positive, negative)
    return native.triplet_margin_loss(anchor, positive, negative, self.margin, self.p, self.eps, self.swap,
      self.reduction)
  end)

add('TripletMarginWithDistanceLoss', {'*', 'distance_function:callable=nil', 'margin:num=1', 'swap:bool=false',
  reduction},
  function(self, anchor, positive, negative)
    return F.triplet_margin_with_distance_loss(anchor, positive, negative, {distance_function = self.distance_function,
      margin = self.margin, swap = self.swap, reduction = self.reduction})
  end)

add('CTCLoss', {'blank:int=1', reduction, 'zero_infinity:bool=false'},
  function(self, log_probs, targets, input_lengths, target_lengths)
    return native.ctc_loss(log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction,
      self.zero_infinity)
  end)

-- ------------------------------------------------------------------------------------------------ with class weights

-- The weights are buffers: they move with the module and are saved.
local function weighted(name, parameters, forward, buffers)
  local Class = class(name, Loss)
  local _, store = args.spec(name, unpack(parameters))
  function Class:__init(...)
    local given = {}
    store(given, ...)
    for _, field in ipairs(buffers) do
      self:register_buffer(field, given[field])
      given[field] = nil
    end
    for field, value in pairs(given) do self[field] = value end
    check(self)
  end
  Class.forward = forward
  loss[name] = Class
end

local weight = 'weight:tensor=nil'

weighted('CrossEntropyLoss', {weight, size_average, 'ignore_index:int=-100', reduce, reduction,
  'label_smoothing:num=0'},
  function(self, input, target)
    return native.cross_entropy(input, target, self.weight, self.ignore_index, self.reduction,
      self.label_smoothing)
  end, {'weight'})

weighted('NLLLoss', {weight, size_average, 'ignore_index:int=-100', reduce, reduction}, function(self, input, target)
  return native.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)
end, {'weight'})

weighted('BCELoss', {weight, size_average, reduce, reduction}, function(self, input, target)
  return native.binary_cross_entropy(input, target, self.weight, self.reduction)
end, {'weight'})

weighted('BCEWithLogitsLoss', {weight, size_average, reduce, reduction, 'pos_weight:tensor=nil'},
  function(self, input, target)
    return native.binary_cross_entropy_with_logits(input, target, self.weight, self.reduction, self.pos_weight)
  end, {'weight', 'pos_weight'})

weighted('MultiLabelSoftMarginLoss', {weight, size_average, reduce, reduction}, function(self, input, target)
  return native.multilabel_soft_margin_loss(input, target, self.weight, self.reduction)
end, {'weight'})

weighted('MultiMarginLoss', {'p:num=1', 'margin:num=1', weight, size_average, reduce, reduction}, function(self, input,
  target)
  return native.multi_margin_loss(input, target, self.p, self.margin, self.weight, self.reduction)
end, {'weight'})

return loss
