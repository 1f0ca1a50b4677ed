--- Losses that PyTorch leaves to others: focal, dice, InfoNCE.
-- @module tocha.nn.functional_more_losses

local tocha = require 'tocha'
local args = require 'tocha.args'
local F = require 'tocha.nn.functional'

local M = {}

local function reduce(x, how, who)
  if how == 'mean' then return x:mean() end
  if how == 'sum' then return x:sum() end
  if how ~= 'none' then args.fail("%s: reduction: got '%s', takes 'mean', 'sum' or 'none'", who, how) end
  return x
end

local function same_shape(a, b, who)
  local fits = a:dim() == b:dim()
  for d = 1, fits and a:dim() or 0 do fits = fits and a:size(d) == b:size(d) end
  if not fits then args.fail('%s: input %s and target %s differ in shape', who, args.show(a), args.show(b)) end
end

local read_sigmoid = args.spec('sigmoid_focal_loss', 'input:tensor', 'target:tensor', 'alpha:num=0.25', 'gamma:num=2',
  'reduction:str="none"')

--- Focal loss of logits for two classes; target is 0 or 1 (or between), of input's shape. A negative alpha leaves the balance out.
-- Source: T.-Y. Lin et al., "Focal loss for dense object detection", 2017.
function M.sigmoid_focal_loss(...)
  local input, target, alpha, gamma, how = read_sigmoid(...)
  same_shape(input, target, 'sigmoid_focal_loss')
  target = target:to(input.dtype)
  local p = input:sigmoid()
  local ce = F.binary_cross_entropy_with_logits(input, target, {reduction = 'none'})
  local missed = p + target - p * target * 2             -- 1 minus the probability of what is true
  local loss = ce * missed ^ gamma
  if alpha >= 0 then loss = loss * (target * alpha + (1 - target) * (1 - alpha)) end
  return reduce(loss, how, 'sigmoid_focal_loss')
end

local read_focal = args.spec('focal_loss', 'input:tensor', 'target:tensor', 'gamma:num=2', 'weight:tensor=nil',
  'ignore_index:int=-100', 'reduction:str="mean"')

--- Focal loss of logits for many classes: cross entropy times (1 - p)^gamma, where p is the probability of the true class.
-- @tparam tensor input (N, C) or (N, C, d1, ...)
-- @tparam tensor target classes from 1, (N) or (N, d1, ...)
-- @tparam[opt=2] number gamma 0 is cross entropy
-- @tparam[opt] tensor weight (C); 'mean' divides by the sum of the weights, as cross_entropy does
function M.focal_loss(...)
  local input, target, gamma, weight, ignore, how = read_focal(...)
  local nll = F.cross_entropy(input, target, {ignore_index = ignore, reduction = 'none'})
  local loss = nll * (1 - (-nll):exp()):clamp_min(0) ^ gamma
  local valid = target:ne(ignore)
  local share = valid:to(loss.dtype)
  if weight ~= nil then
    local safe = target:where(valid, tocha.ones_like(target))
    share = share * weight:index_select(1, safe:reshape(-1)):reshape(target.shape)
    loss = loss * share
  end
  if how == 'mean' then return loss:sum() / share:sum() end
  return reduce(loss, how, 'focal_loss')
end

local read_dice = args.spec('dice_loss', 'input:tensor', 'target:tensor', 'smooth:num=1', 'reduction:str="mean"', '*',
  'squared:bool=false')

--- 1 - (2 |A B| + smooth) / (|A| + |B| + smooth) for each item of the batch (each class of it, for input of 3 dims or more).
-- @tparam tensor input probabilities, (N, ...) or (N, C, ...)
-- @tparam tensor target of the same shape, 0 to 1
-- Source: F. Milletari et al., "V-Net", 2016 (where sizes are sums of squares: squared = true).
function M.dice_loss(...)
  local input, target, smooth, how, squared = read_dice(...)
  same_shape(input, target, 'dice_loss')
  target = target:to(input.dtype)
  local from = input:dim() >= 3 and 3 or 2
  local function total(x) return x:dim() >= from and x:flatten(from, -1):sum(-1) or x end
  local sizes = squared and total(input:square()) + total(target:square()) or total(input) + total(target)
  return reduce(1 - (total(input * target) * 2 + smooth) / (sizes + smooth), how, 'dice_loss')
end

local read_nce = args.spec('info_nce_loss', 'query:tensor', 'key:tensor', 'temperature:num=0.1', 'negatives:tensor=nil',
  'reduction:str="mean"', '*', 'symmetric:bool=false')

--- InfoNCE: row i of query belongs to row i of key; the other rows, or the given negatives, are wrong answers. Rows are
-- normalised to length 1. Source: A. van den Oord et al., "Contrastive predictive coding", 2018; symmetric: as CLIP, 2021.
-- @tparam tensor query (N, D)
-- @tparam tensor key (N, D)
-- @tparam[opt=0.1] number temperature
-- @tparam[opt] tensor negatives (M, D) for all, instead of the other rows of key
-- @tparam[opt=false] bool symmetric by name only: the mean of both directions
function M.info_nce_loss(...)
  local query, key, temperature, negatives, how, symmetric = read_nce(...)
  same_shape(query, key, 'info_nce_loss')
  local q, k = F.normalize(query, 2, -1), F.normalize(key, 2, -1)
  local n = q:size(1)
  local first = tocha.ones({n}, {dtype = 'int64', device = q.device})
  if negatives ~= nil then
    local scores = tocha.cat({(q * k):sum(2, true), q:mm(F.normalize(negatives, 2, -1):t())}, 2) / temperature
    return F.cross_entropy(scores, first, {reduction = how})
  end
  local scores = q:mm(k:t()) / temperature
  local own = tocha.arange(1, n + 1, 1, {dtype = 'int64', device = q.device})
  local loss = F.cross_entropy(scores, own, {reduction = how})
  if not symmetric then return loss end
  return (loss + F.cross_entropy(scores:t(), own, {reduction = how})) / 2
end

return M
