--- Losses beside PyTorch's usual ones: linear layer and cross entropy in one, focal, dice, InfoNCE, and those of Torch7 without a twin.
-- @module tocha.nn.more_losses

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local define = require 'tocha.nn.simple'
local Module = require 'tocha.nn.module'
local F = require 'tocha.nn.functional'

local M = {}

local reduction = 'reduction:str="mean"'

local function add(name, parameters, forward) M[name] = define(name, parameters, forward) end

-- ------------------------------------------------------------------------------------------------- newer ones

local LinearCrossEntropy = class('LinearCrossEntropyLoss', Module)
M.LinearCrossEntropyLoss = LinearCrossEntropy

local read = args.spec('LinearCrossEntropyLoss', 'in_features:int', 'num_classes:int', '*', 'out_features:list=nil', 'bias:bool=false',
  'device=nil', 'dtype=nil', reduction, 'weight:tensor=nil', 'ignore_index:int=nil', 'label_smoothing:num=0', 'options=nil')

--- The last layer of a classifier with its loss: forward(input, target) never stores the logits (F.linear_cross_entropy).
-- `linear` is the layer. @tparam int in_features @tparam int num_classes
-- Options: out_features ({}, more dims of the loss), bias (false), reduction ('mean'), weight, ignore_index, label_smoothing, options.
function LinearCrossEntropy:__init(...)
  local bias, device, dtype, weight
  self.in_features, self.num_classes, self.out_features, bias, device, dtype, self.reduction, weight, self.ignore_index,
    self.label_smoothing, self.options = read(...)
  self.out_features = self.out_features or {}
  local n = self.num_classes
  for _, d in ipairs(self.out_features) do n = n * d end
  self.linear = tocha.nn.Linear(self.in_features, n, {bias = bias, device = device, dtype = dtype})
  self:register_buffer('weight', weight)
end

function LinearCrossEntropy:forward(input, target)
  local w, b = self.linear.weight, self.linear.bias
  if #self.out_features > 0 then
    local shape = {self.num_classes, unpack(self.out_features)}
    if b ~= nil then b = b:reshape(shape) end
    shape[#shape + 1] = self.in_features
    w = w:reshape(shape)
  end
  return F.linear_cross_entropy(input, w, target, {linear_bias = b, weight = self.weight, reduction = self.reduction,
    ignore_index = self.ignore_index, label_smoothing = self.label_smoothing, options = self.options})
end

--- FocalLoss(gamma = 2, weight, ignore_index = -100, reduction = 'mean'): F.focal_loss of logits and classes.
local Focal = class('FocalLoss', Module)
M.FocalLoss = Focal
local read_focal = args.spec('FocalLoss', 'gamma:num=2', 'weight:tensor=nil', 'ignore_index:int=-100', reduction)
function Focal:__init(...)
  local weight
  self.gamma, weight, self.ignore_index, self.reduction = read_focal(...)
  self:register_buffer('weight', weight)
end
function Focal:forward(input, target)
  return F.focal_loss(input, target, self.gamma, self.weight, self.ignore_index, self.reduction)
end

--- SigmoidFocalLoss(alpha = 0.25, gamma = 2, reduction = 'mean'): F.sigmoid_focal_loss of logits.
add('SigmoidFocalLoss', {'alpha:num=0.25', 'gamma:num=2', reduction}, function(self, input, target)
  return F.sigmoid_focal_loss(input, target, self.alpha, self.gamma, self.reduction)
end)

--- DiceLoss(smooth = 1, reduction = 'mean', squared = false): F.dice_loss of probabilities.
add('DiceLoss', {'smooth:num=1', reduction, 'squared:bool=false'}, function(self, input, target)
  return F.dice_loss(input, target, self.smooth, self.reduction, {squared = self.squared})
end)

--- InfoNCELoss(temperature = 0.1, reduction = 'mean', symmetric = false): F.info_nce_loss of queries, keys and, perhaps, negatives.
add('InfoNCELoss', {'temperature:num=0.1', reduction, 'symmetric:bool=false'}, function(self, query, key, negatives)
  return F.info_nce_loss(query, key, self.temperature, negatives, self.reduction, {symmetric = self.symmetric})
end)

-- ------------------------------------------------------------------------------------------------- Torch7's

local function averaged(x, average) return average and x:mean() or x:sum() end

local average = 'size_average:bool=true'

--- MarginCriterion(margin = 1, size_average = true): max(0, margin - y x), y is 1 or -1.
add('MarginCriterion', {'margin:num=1', average}, function(self, input, target)
  return averaged((self.margin - input * target):clamp_min(0), self.size_average)
end)

--- L1Cost(): the sum of |x|.
add('L1Cost', {}, function(_, input) return input:abs():sum() end)

--- L1HingeEmbeddingCriterion(margin = 1): |a - b|_1 where y is 1, max(0, margin - |a - b|_1) where it is -1; of {a, b}.
add('L1HingeEmbeddingCriterion', {'margin:num=1'}, function(self, input, target)
  local d = (input[1] - input[2]):abs():sum(-1)
  local y = tocha.is_tensor(target) and target or tocha.full(d.shape, target, {dtype = d.dtype})
  return d:where(y:gt(0), (self.margin - d):clamp_min(0)):sum()
end)

--- DistanceRatioCriterion(size_average = true): -log(exp(-x) / (exp(-x) + exp(-y))) of distances {x, y}, x the smaller one.
-- Source: E. Hoffer and N. Ailon, "Semi-supervised deep learning by metric embedding", 2016.
add('DistanceRatioCriterion', {average}, function(self, input)
  return averaged(F.softplus(input[1] - input[2]), self.size_average)
end)

local WeightedMSE = class('WeightedMSECriterion', Module)
M.WeightedMSECriterion = WeightedMSE
--- WeightedMSECriterion(weight, size_average = true): the squared error after both are multiplied by weights.
function WeightedMSE:__init(weight, size_average)
  if not tocha.is_tensor(weight) then args.fail('WeightedMSECriterion: weight: got %s, takes a tensor', args.show(weight)) end
  self:register_buffer('weight', weight)
  self.size_average = size_average ~= false
end
function WeightedMSE:forward(input, target) return averaged(((input - target) * self.weight):square(), self.size_average) end

local function combination(name, total)
  local Class = class(name, Module)
  function Class:__init() self.weights = {} end
  --- Adds a criterion with a weight (1 if not given).
  function Class:add(criterion, weight)
    self.weights[#self.weights + 1] = weight or 1
    self[#self.weights] = criterion
    return self
  end
  function Class:forward(input, target)
    if #self.weights == 0 then args.fail('%s: there is no criterion; takes :add(criterion, weight)', name) end
    local sum
    for i, w in ipairs(self.weights) do
      local term = total(self[i], i, input, target) * w
      sum = sum and sum + term or term
    end
    return sum
  end
  M[name] = Class
end

--- MultiCriterion(): a weighted sum of losses of the same input and target.
combination('MultiCriterion', function(criterion, _, input, target) return criterion(input, target) end)
--- ParallelCriterion(): a weighted sum of losses, each of its own entries of two lists.
combination('ParallelCriterion', function(criterion, i, input, target) return criterion(input[i], target[i]) end)

--- CriterionTable(criterion): a criterion of {input, target}.
local CriterionTable = class('CriterionTable', Module)
M.CriterionTable = CriterionTable
function CriterionTable:__init(criterion) self.criterion = criterion end
function CriterionTable:forward(list) return self.criterion(list[1], list[2]) end

--- ModuleCriterion(criterion, input_module, target_module, cast_target): a criterion of what modules make of input and target.
local ModuleCriterion = class('ModuleCriterion', Module)
M.ModuleCriterion = ModuleCriterion
function ModuleCriterion:__init(criterion, input_module, target_module)
  self.criterion = criterion
  self.input_module = input_module
  self.target_module = target_module
end
function ModuleCriterion:forward(input, target)
  if self.input_module then input = self.input_module(input) end
  if self.target_module then target = self.target_module(target) end
  return self.criterion(input, target)
end

return M
