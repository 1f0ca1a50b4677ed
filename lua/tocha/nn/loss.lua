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

--- |x - y|.
-- @type L1Loss
-- @shape any twice -> (), or the same with reduction 'none'
-- @raise where the shapes differ, as all losses of two tensors
-- @usage
-- nn.L1Loss()(tocha.tensor{1, 2}, tocha.tensor{3, 2})  --> 1
-- nn.L1Loss{reduction = 'none'}(tocha.tensor{1, 2}, tocha.tensor{3, 2})  --> {2, 0}
add('L1Loss', {size_average, reduce, reduction}, function(self, input, target)
  return native.l1_loss(input, target, self.reduction)
end)

--- (x - y)^2.
-- @type MSELoss
-- @shape any twice -> (), or the same with reduction 'none'
-- @usage
-- nn.MSELoss()(tocha.tensor{1, 2}, tocha.tensor{3, 2})  --> 2
-- nn.MSELoss{reduction = 'sum'}(tocha.tensor{1, 2}, tocha.tensor{3, 2})  --> 4
add('MSELoss', {size_average, reduce, reduction}, function(self, input, target)
  return native.mse_loss(input, target, self.reduction)
end)

--- (x - y)^2 / (2 beta) where |x - y| is below beta, |x - y| - beta / 2 elsewhere.
-- @type SmoothL1Loss
-- @param beta where the square ends; with 0 it is L1Loss
-- @shape any twice -> (), or the same with reduction 'none'
-- @usage
-- nn.SmoothL1Loss{reduction = 'none', beta = 2}(tocha.tensor{0, 0}, tocha.tensor{1, 4})  --> {0.25, 3}
add('SmoothL1Loss', {size_average, reduce, reduction, 'beta:num=1'}, function(self, input, target)
  return native.smooth_l1_loss(input, target, self.reduction, self.beta)
end)

--- (x - y)^2 / 2 where |x - y| is at most delta, delta (|x - y| - delta / 2) elsewhere.
-- @type HuberLoss
-- @param delta where the square ends, above 0
-- @shape any twice -> (), or the same with reduction 'none'
-- @usage
-- nn.HuberLoss{reduction = 'none', delta = 2}(tocha.tensor{0, 0}, tocha.tensor{1, 4})  --> {0.5, 6}
add('HuberLoss', {reduction, 'delta:num=1'}, function(self, input, target)
  return native.huber_loss(input, target, self.reduction, self.delta)
end)

--- Kullback-Leibler divergence from logarithms of probabilities to a target: y (log y - x).
-- @type KLDivLoss
-- @param reduction 'mean', 'sum', 'none', or 'batchmean': the sum over the first size, which is the divergence
-- @param log_target whether the target too is logarithms
-- @shape any twice -> (), or the same with reduction 'none'
-- @usage
-- local x, y = tocha.tensor{{0.5, 0.5}}:log(), tocha.tensor{{0.25, 0.75}}
-- nn.KLDivLoss{reduction = 'batchmean'}(x, y)  --> 0.1308
-- nn.KLDivLoss{reduction = 'batchmean', log_target = true}(x, x)  --> 0
add('KLDivLoss', {size_average, reduce, reduction, 'log_target:bool=false'}, function(self, input, target)
  return native.kl_div(input, target, self.reduction, self.log_target)
end)

--- Negative log-likelihood of counts: exp(x) - y x, or x - y log(x + eps).
-- @type PoissonNLLLoss
-- @param log_input whether the input is the logarithm of the rate
-- @param full whether Stirling's approximation of log y! is added, for y above 1
-- @param eps added to the rate where log_input is false
-- @shape any twice -> (), or the same with reduction 'none'
-- @usage
-- nn.PoissonNLLLoss()(tocha.tensor{0, 1}, tocha.tensor{2, 1})  --> 1.359
-- nn.PoissonNLLLoss(false)(tocha.tensor{1, 2}, tocha.tensor{0, 0})  --> 1.5
add('PoissonNLLLoss', {'log_input:bool=true', 'full:bool=false', size_average, 'eps:num=1e-8', reduce, reduction},
  function(self, input, target)
    return native.poisson_nll_loss(input, target, self.log_input, self.full, self.eps, self.reduction)
  end)

--- Negative log-likelihood of normal numbers: (log var + (x - y)^2 / var) / 2.
-- @type GaussianNLLLoss
-- @param full whether log(2 pi) / 2 is added
-- @param eps least variance
-- @shape input, target any; var the same, or with last size 1, or without it -> ()
-- @raise for a variance below 0
-- @usage
-- nn.GaussianNLLLoss()(tocha.tensor{1, 2}, tocha.tensor{3, 2}, tocha.tensor{1, 1})  --> 1
-- nn.GaussianNLLLoss{full = true, reduction = 'none'}(tocha.zeros(1, 2), tocha.zeros(1, 2), tocha.ones(1, 1))  --> {{0.9189, 0.9189}}
add('GaussianNLLLoss', {'*', 'full:bool=false', 'eps:num=1e-6', reduction}, function(self, input, target, var)
  return native.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)
end)

--- log(1 + exp(-y x)) for targets 1 and -1.
-- @type SoftMarginLoss
-- @shape any twice -> (), or the same with reduction 'none'
-- @usage
-- nn.SoftMarginLoss()(tocha.tensor{0, 0}, tocha.tensor{1, -1})  --> 0.6931
add('SoftMarginLoss', {size_average, reduce, reduction}, function(self, input, target)
  return native.soft_margin_loss(input, target, self.reduction)
end)

--- x where the target is 1, max(0, margin - x) where it is -1; x is a distance.
-- @type HingeEmbeddingLoss
-- @param margin from where unlike ones are far enough
-- @shape any twice -> (), or the same with reduction 'none'
-- @usage
-- nn.HingeEmbeddingLoss{reduction = 'none'}(tocha.tensor{0.2, 0.2, 3}, tocha.tensor{1, -1, -1})  --> {0.2, 0.8, 0}
add('HingeEmbeddingLoss', {'margin:num=1', size_average, reduce, reduction}, function(self, input, target)
  return native.hinge_embedding_loss(input, target, self.margin, self.reduction)
end)

--- Hinge loss with several classes right: the sum of max(0, 1 - (x[right] - x[wrong])) over the number of classes.
-- @type MultiLabelMarginLoss
-- @shape (n, classes) or (classes), targets int64 of the same shape: labels from 1, ended by -1 -> (), or (n) with reduction 'none'
-- @usage
-- nn.MultiLabelMarginLoss()(tocha.tensor{0.1, 0.2, 0.4, 0.8}, tocha.int64{4, 1, -1, 2})  --> 0.85
add('MultiLabelMarginLoss', {size_average, reduce, reduction}, function(self, input, target)
  return native.multilabel_margin_loss(input, target, self.reduction)
end)

-- --------------------------------------------------------------------------------------------------- several inputs

--- max(0, margin - y (x1 - x2)): x1 shall be above x2 where y is 1, below it where y is -1.
-- @type MarginRankingLoss
-- @param margin by how much
-- @shape (n) three times -> (), or (n) with reduction 'none'
-- @usage
-- nn.MarginRankingLoss{reduction = 'none'}(tocha.tensor{3, 1}, tocha.tensor{1, 3}, tocha.tensor{1, 1})  --> {0, 2}
add('MarginRankingLoss', {'margin:num=0', size_average, reduce, reduction}, function(self, input1, input2, target)
  return native.margin_ranking_loss(input1, input2, target, self.margin, self.reduction)
end)

--- 1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1.
-- @type CosineEmbeddingLoss
-- @param margin the cosine from which unlike ones are far enough, from -1 to 1
-- @shape (n, d), (n, d), (n); or (d), (d), () -> (), or (n) with reduction 'none'
-- @usage
-- local a, b = tocha.tensor{{1, 0}, {1, 0}}, tocha.tensor{{0, 2}, {3, 0}}
-- nn.CosineEmbeddingLoss{reduction = 'none'}(a, b, tocha.tensor{1, -1})  --> {1, 1}
add('CosineEmbeddingLoss', {'margin:num=0', size_average, reduce, reduction}, function(self, input1, input2, target)
  return native.cosine_embedding_loss(input1, input2, target, self.margin, self.reduction)
end)

--- max(0, d(anchor, positive) - d(anchor, negative) + margin), d being the p-norm.
-- @type TripletMarginLoss
-- @param margin by how much the negative shall be farther
-- @param p which norm
-- @param eps added to differences
-- @param swap whether the negative's distance to the positive counts, where that is smaller
-- @shape (n, d) or (d) three times -> (), or (n) with reduction 'none'
-- @usage
-- local a, p, n = tocha.tensor{{0, 0}}, tocha.tensor{{0, 3}}, tocha.tensor{{2, 0}}
-- nn.TripletMarginLoss()(a, p, n)  --> 2
add('TripletMarginLoss', {'margin:num=1', 'p:num=2', 'eps:num=1e-6', 'swap:bool=false', size_average, reduce,
  reduction},
  function(self, anchor, positive, negative)
    return native.triplet_margin_loss(anchor, positive, negative, self.margin, self.p, self.eps, self.swap,
      self.reduction)
  end)

--- TripletMarginLoss with any distance.
-- @type TripletMarginWithDistanceLoss
-- @param distance_function of two tensors; their Euclidean distance if not given
-- @param margin by how much the negative shall be farther
-- @param swap whether the negative's distance to the positive counts, where that is smaller
-- @shape (n, d) three times -> (), or (n) with reduction 'none'
-- @usage
-- local function apart(x, y) return (x - y):abs():amax(-1) end
-- local a, p, n = tocha.tensor{{0, 0}}, tocha.tensor{{1, 3}}, tocha.tensor{{2, 1}}
-- nn.TripletMarginWithDistanceLoss{distance_function = apart}(a, p, n)  --> 2
add('TripletMarginWithDistanceLoss', {'*', 'distance_function:callable=nil', 'margin:num=1', 'swap:bool=false',
  reduction},
  function(self, anchor, positive, negative)
    return F.triplet_margin_with_distance_loss(anchor, positive, negative, {distance_function = self.distance_function,
      margin = self.margin, swap = self.swap, reduction = self.reduction})
  end)

--- Connectionist temporal classification: the negative log-probability of a sequence of labels under all ways to stretch it over the
-- time steps, with blanks between. Source: A. Graves et al., 2006.
-- @type CTCLoss
-- @param blank the label of the blank, from 1
-- @param reduction 'mean' (each loss over its target's length, then over the batch), 'sum' or 'none'
-- @param zero_infinity whether infinite losses (targets longer than the input allows) and their gradients become 0
-- @shape log-probabilities (time, n, classes) or (time, classes); targets (n, length) or all in one row, labels from 1; lengths (n)
-- -> (), or (n) with reduction 'none'
-- @usage
-- local logits = tocha.zeros(2, 1, 3):log_softmax(3)
-- -- of 9 ways 3 spell 2: "blank 2", "2 blank", "2 2"
-- nn.CTCLoss{reduction = 'sum'}(logits, tocha.int64{{2}}, tocha.int64{2}, tocha.int64{1})  --> 1.0986
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

--- Cross entropy of logits: minus the log-softmax at the right class. Targets are classes, or probabilities of the input's shape.
-- @type CrossEntropyLoss
-- @param weight a factor for each class
-- @param ignore_index the class that does not count
-- @param label_smoothing the share of the target that is spread over all classes, from 0 to 1
-- @shape (n, c, ...) or (c); target int64 (n, ...) or (), classes from 1, or the input's shape -> (), or (n, ...) with reduction 'none'
-- @raise for classes out of range
-- @usage
-- local logits = tocha.tensor{{0, 0, 0}, {2, 0, 0}}
-- nn.CrossEntropyLoss()(logits, tocha.int64{1, 1})  --> 0.6691
-- nn.CrossEntropyLoss{reduction = 'none', label_smoothing = 0.3}(logits, tocha.int64{1, 2})  --> {1.099, 2.04}
-- nn.CrossEntropyLoss()(logits, tocha.ones(2, 3) / 3)  --> 1.336
weighted('CrossEntropyLoss', {weight, size_average, 'ignore_index:int=-100', reduce, reduction,
  'label_smoothing:num=0'},
  function(self, input, target)
    return native.cross_entropy(input, target, self.weight, self.ignore_index, self.reduction,
      self.label_smoothing)
  end, {'weight'})

--- Minus the entry at the right class, of logarithms of probabilities.
-- @type NLLLoss
-- @param weight a factor for each class
-- @param ignore_index the class that does not count
-- @shape (n, c, ...) or (c); target int64 (n, ...) or (), classes from 1 -> (), or (n, ...) with reduction 'none'
-- @raise for classes out of range
-- @usage
-- nn.NLLLoss()(tocha.tensor{{-1, -2}, {-3, -4}}, tocha.int64{1, 2})  --> 2.5
weighted('NLLLoss', {weight, size_average, 'ignore_index:int=-100', reduce, reduction}, function(self, input, target)
  return native.nll_loss(input, target, self.weight, self.ignore_index, self.reduction)
end, {'weight'})

--- Binary cross entropy of probabilities: -(y log x + (1 - y) log(1 - x)); logarithms end at -100.
-- @type BCELoss
-- @param weight a factor for each element, broadcast
-- @shape any twice -> (), or the same with reduction 'none'
-- @raise for inputs outside 0..1
-- @usage
-- nn.BCELoss()(tocha.tensor{0.5, 0.9}, tocha.tensor{1, 1})  --> 0.3993
weighted('BCELoss', {weight, size_average, reduce, reduction}, function(self, input, target)
  return native.binary_cross_entropy(input, target, self.weight, self.reduction)
end, {'weight'})

--- A sigmoid and BCELoss in one, exact for large numbers.
-- @type BCEWithLogitsLoss
-- @param weight a factor for each element, broadcast
-- @param pos_weight a factor for positives, for each class
-- @shape any twice -> (), or the same with reduction 'none'
-- @usage
-- nn.BCEWithLogitsLoss()(tocha.tensor{0, 200}, tocha.tensor{1, 0})  --> 100.3
-- nn.BCEWithLogitsLoss{pos_weight = tocha.tensor{3}}(tocha.tensor{0}, tocha.tensor{1})  --> 2.079
weighted('BCEWithLogitsLoss', {weight, size_average, reduce, reduction, 'pos_weight:tensor=nil'},
  function(self, input, target)
    return native.binary_cross_entropy_with_logits(input, target, self.weight, self.reduction, self.pos_weight)
  end, {'weight', 'pos_weight'})

--- BCEWithLogitsLoss, averaged over the classes of each item.
-- @type MultiLabelSoftMarginLoss
-- @param weight a factor for each class
-- @shape (n, c) twice -> (), or (n) with reduction 'none'
-- @usage
-- nn.MultiLabelSoftMarginLoss()(tocha.zeros(2, 3), tocha.ones(2, 3))  --> 0.6931
weighted('MultiLabelSoftMarginLoss', {weight, size_average, reduce, reduction}, function(self, input, target)
  return native.multilabel_soft_margin_loss(input, target, self.weight, self.reduction)
end, {'weight'})

--- Hinge loss of several classes: the sum of max(0, margin - x[right] + x[wrong])^p over the number of classes.
-- @type MultiMarginLoss
-- @param p 1 or 2
-- @param margin by how much the right class shall be above
-- @param weight a factor for each class
-- @shape (n, c) or (c); target int64 (n) or (), classes from 1 -> (), or (n) with reduction 'none'
-- @usage
-- nn.MultiMarginLoss()(tocha.tensor{{0.1, 0.2, 0.9}}, tocha.int64{3})  --> 0.1667
weighted('MultiMarginLoss', {'p:num=1', 'margin:num=1', weight, size_average, reduce, reduction}, function(self, input,
  target)
  return native.multi_margin_loss(input, target, self.p, self.margin, self.weight, self.reduction)
end, {'weight'})

return loss
