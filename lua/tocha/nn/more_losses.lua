--- Losses beside PyTorch's usual ones: linear layer and cross entropy in one, focal, dice, InfoNCE, and those of Torch7 without a twin.
-- @module tocha.nn.more_losses

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local checked = require 'tocha.checked'
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
-- `linear` is the layer.
-- @param in_features size of an input
-- @param num_classes classes
-- @param out_features more dims of the loss, a list of sizes
-- @param bias whether the layer has a bias
-- @param weight a factor for each class
-- @param ignore_index the class that does not count
-- @param label_smoothing the share of the target that is spread over all classes
-- @param options of F.linear_cross_entropy
-- @shape (n, in_features), classes int64 (n) from 1 -> (), or (n) with reduction 'none'
-- @usage
-- local head = nn.LinearCrossEntropyLoss(4, 1000)
-- local x, y = tocha.ones(3, 4), tocha.int64{1, 500, 1000}
-- local loss = head(x, y)
-- (loss - F.cross_entropy(head.linear(x), y)):abs():item() < 1e-5  --> true
-- head.linear.weight.shape  --> {1000, 4}
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

--- Cross entropy of logits in which easy items count less: times (1 - p)^gamma. Source: T. Lin et al., 2017.
-- @type FocalLoss
-- @param gamma how much less; 0 is cross entropy
-- @param weight a factor for each class
-- @param ignore_index the class that does not count
-- @shape (n, c), classes int64 (n) from 1 -> (), or (n) with reduction 'none'
-- @usage
-- nn.FocalLoss(2)(tocha.tensor{{0, 0}}, tocha.int64{1})  --> 0.1733
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

--- The focal loss of one logit for each class.
-- @type SigmoidFocalLoss
-- @param alpha weight of positives; 1 - alpha is that of negatives
-- @param gamma how much less easy ones count
-- @shape any twice -> (), or the same with reduction 'none'
-- @usage
-- nn.SigmoidFocalLoss()(tocha.tensor{0}, tocha.tensor{1})  --> 0.04332
add('SigmoidFocalLoss', {'alpha:num=0.25', 'gamma:num=2', reduction}, function(self, input, target)
  return F.sigmoid_focal_loss(input, target, self.alpha, self.gamma, self.reduction)
end)

--- 1 - 2 |x y| / (|x| + |y|) of probabilities, by item and class: for masks. Source: F. Milletari et al., 2016.
-- @type DiceLoss
-- @param smooth added above and below
-- @param squared whether squares are summed below
-- @shape (n, c, ...) twice -> (), or (n, c) with reduction 'none'
-- @usage
-- nn.DiceLoss(0)(tocha.tensor{{{1, 1, 0, 0}}}, tocha.tensor{{{1, 0, 0, 0}}})  --> 0.3333
add('DiceLoss', {'smooth:num=1', reduction, 'squared:bool=false'}, function(self, input, target)
  return F.dice_loss(input, target, self.smooth, self.reduction, {squared = self.squared})
end)

--- Each query shall be most like its own key, among all keys (or given negatives). Source: A. van den Oord et al., 2018.
-- @type InfoNCELoss
-- @param temperature what cosines are divided by
-- @param symmetric whether keys look for their queries as well
-- @shape queries and keys (n, d), negatives (m, d) -> (), or (n) with reduction 'none'
-- @usage
-- nn.InfoNCELoss(1)(tocha.eye(2), tocha.eye(2))  --> 0.3133
add('InfoNCELoss', {'temperature:num=0.1', reduction, 'symmetric:bool=false'}, function(self, query, key, negatives)
  return F.info_nce_loss(query, key, self.temperature, negatives, self.reduction, {symmetric = self.symmetric})
end)

-- ------------------------------------------------------------------------------------------------- Torch7's

local function averaged(x, average) return average and x:mean() or x:sum() end

-- the two tensors of {a, b}
local function pair_of(name, input)
  local a, b = nil, nil
  if type(input) == 'table' then a, b = input[1], input[2] end
  if not (tocha.is_tensor(a) and tocha.is_tensor(b)) then args.fail('%s: input: got %s, takes a list of two tensors', name, args.show(input)) end
  return a, b
end

local average = 'size_average:bool=true'

--- max(0, margin - y x) for targets 1 and -1. From Torch7.
-- @type MarginCriterion
-- @param margin from where it is 0
-- @param size_average whether the mean is taken, else the sum
-- @shape any twice -> ()
-- @usage
-- nn.MarginCriterion()(tocha.tensor{0.5, -2}, tocha.tensor{1, -1})  --> 0.25
add('MarginCriterion', {'margin:num=1', average}, function(self, input, target)
  if not tocha.is_tensor(input) then args.fail('MarginCriterion: input: got %s, takes a tensor', args.show(input)) end
  return averaged((self.margin - input * target):clamp_min(0), self.size_average)
end)

--- The sum of |x|. From Torch7.
-- @type L1Cost
-- @shape any -> ()
-- @usage
-- nn.L1Cost()(tocha.tensor{1, -2})  --> 3
add('L1Cost', {}, function(_, input)
  if not tocha.is_tensor(input) then args.fail('L1Cost: input: got %s, takes a tensor', args.show(input)) end
  return input:abs():sum()
end)

--- |a - b|_1 where y is 1, max(0, margin - |a - b|_1) where it is -1; of {a, b}. From Torch7.
-- @type L1HingeEmbeddingCriterion
-- @param margin from where unlike ones are far enough
-- @shape {(n, d), (n, d)} or {(d), (d)}, target (n) or a number -> ()
-- @usage
-- nn.L1HingeEmbeddingCriterion(5)({tocha.tensor{1, 2}, tocha.tensor{3, 3}}, -1)  --> 2
add('L1HingeEmbeddingCriterion', {'margin:num=1'}, function(self, input, target)
  local a, b = pair_of('L1HingeEmbeddingCriterion', input)
  local d = (a - b):abs():sum(-1)
  local y = tocha.is_tensor(target) and target or tocha.full(d.shape, target, {dtype = d.dtype, device = d.device})
  return d:where(y:gt(0), (self.margin - d):clamp_min(0)):sum()
end)

--- -log(exp(-x) / (exp(-x) + exp(-y))) of distances {x, y}, x the smaller one.
-- Source: E. Hoffer and N. Ailon, "Semi-supervised deep learning by metric embedding", 2016.
-- @type DistanceRatioCriterion
-- @param size_average whether the mean is taken, else the sum
-- @shape {(n), (n)} -> ()
-- @usage
-- nn.DistanceRatioCriterion()({tocha.zeros(2), tocha.zeros(2)})  --> 0.6931
add('DistanceRatioCriterion', {average}, function(self, input)
  local a, b = pair_of('DistanceRatioCriterion', input)
  return averaged(F.softplus(a - b), self.size_average)
end)

local WeightedMSE = class('WeightedMSECriterion', Module)
M.WeightedMSECriterion = WeightedMSE
--- The squared error after both are multiplied by weights. From Torch7.
-- @param weight a tensor, broadcast
-- @param size_average whether the mean is taken, else the sum
-- @shape any twice -> ()
-- @usage
-- nn.WeightedMSECriterion(tocha.tensor{1, 2})(tocha.tensor{1, 1}, tocha.tensor{0, 0})  --> 2.5
function WeightedMSE:__init(weight, size_average)
  if not tocha.is_tensor(weight) then args.fail('WeightedMSECriterion: weight: got %s, takes a tensor', args.show(weight)) end
  self:register_buffer('weight', weight)
  self.size_average = size_average ~= false
end
function WeightedMSE:forward(input, target)
  for i = 1, 2 do
    local x = select(i, input, target)
    if not tocha.is_tensor(x) then
      args.fail('WeightedMSECriterion: %s: got %s, takes a tensor', i == 1 and 'input' or 'target', args.show(x))
    end
  end
  return averaged(((input - target) * self.weight):square(), self.size_average)
end

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

--- A weighted sum of losses of the same input and target; `:add(criterion, weight)` adds one. From Torch7.
-- @type MultiCriterion
-- @shape as its criterions
-- @raise if there is none
-- @usage
-- local both = nn.MultiCriterion():add(nn.MSELoss()):add(nn.L1Loss(), 0.5)
-- both(tocha.tensor{2}, tocha.tensor{0})  --> 5
combination('MultiCriterion', function(criterion, _, input, target) return criterion(input, target) end)
--- A weighted sum of losses, each of its own entries of two lists; `:add(criterion, weight)` adds one. From Torch7.
-- @type ParallelCriterion
-- @shape lists of what its criterions take
-- @raise if there is none
-- @usage
-- local each = nn.ParallelCriterion():add(nn.MSELoss()):add(nn.L1Loss(), 0.5)
-- each({tocha.tensor{2}, tocha.tensor{2}}, {tocha.tensor{0}, tocha.tensor{0}})  --> 5
combination('ParallelCriterion', function(criterion, i, input, target) return criterion(input[i], target[i]) end)

--- A criterion of {input, target}, so that it can stand in a network. From Torch7.
-- @type CriterionTable
-- @param criterion any loss
-- @shape {input, target} -> as the criterion
-- @usage
-- nn.CriterionTable(nn.MSELoss()){tocha.tensor{2}, tocha.tensor{0}}  --> 4
local CriterionTable = class('CriterionTable', Module)
M.CriterionTable = CriterionTable
function CriterionTable:__init(criterion) self.criterion = criterion end
function CriterionTable:forward(list)
  if type(list) ~= 'table' then args.fail('CriterionTable: got %s, takes {input, target}', args.show(list)) end
  return self.criterion(list[1], list[2])
end
CriterionTable.__init = checked('CriterionTable', CriterionTable.__init, 'self', 'criterion:module')

--- A criterion of what modules make of input and target. From Torch7.
-- @type ModuleCriterion
-- @param criterion any loss
-- @param input_module what the input goes through, or nil
-- @param target_module what the target goes through, or nil
-- @shape as the modules take
-- @usage
-- nn.ModuleCriterion(nn.L1Loss(), nn.ReLU())(tocha.tensor{-5, 1}, tocha.tensor{0, 0})  --> 0.5
local ModuleCriterion = class('ModuleCriterion', Module)
M.ModuleCriterion = ModuleCriterion
function ModuleCriterion:__init(criterion, input_module, target_module)
  self.criterion = criterion
  self.input_module = input_module
  self.target_module = target_module
end
ModuleCriterion.__init = checked('ModuleCriterion', ModuleCriterion.__init, 'self', 'criterion:module', 'input_module:module?',
  'target_module:module?')
function ModuleCriterion:forward(input, target)
  if self.input_module then input = self.input_module(input) end
  if self.target_module then target = self.target_module(target) end
  return self.criterion(input, target)
end

return M
