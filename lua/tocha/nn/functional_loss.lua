--- The losses of tocha.nn.functional, with PyTorch's argument lists.
--
-- The operators of the library know `reduction` alone; PyTorch's lists hold its older forms too, `size_average` and
-- `reduce`, and where they stand decides which argument is which by position.
-- @module tocha.nn.functional_loss

local args = require 'tocha.args'
local native = require 'tocha.nn.native'
local F = require 'tocha.nn.functional'

local loss = {}

local function legacy(size_average, reduce, reduction)
  if reduce == false then return 'none' end
  if size_average ~= nil or reduce then return size_average == false and 'sum' or 'mean' end
  return reduction
end

local template = [[
local f, read, legacy = ...
return function(...)
  local ALL = read(...)
  return f(GIVEN)
end]]

local old = {size_average = true, reduce = true, reduction = true}

-- A function that reads PyTorch's parameters and hands the operator the same without the older two.
local function wrap(name, ...)
  local all, given = {}, {}
  for i = 1, select('#', ...) do
    local parameter = select(i, ...):match('^[%w_]+')
    all[i] = parameter
    if parameter == 'reduction' then
      given[#given + 1] = 'legacy(size_average, reduce, reduction)'
    elseif not old[parameter] then
      given[#given + 1] = parameter
    end
  end
  local parts = {ALL = table.concat(all, ', '), GIVEN = table.concat(given, ', ')}
  local source = template:gsub('%u%u%u+', parts)
  loss[name] = assert(loadstring(source, args.chunkname(name)))(native[name], args.spec(name, ...), legacy)
end

local input, target, weight = 'input:tensor', 'target:tensor', 'weight:tensor=nil'
local average, reduce, reduction = 'size_average:bool=nil', 'reduce:bool=nil', 'reduction:str="mean"'
local labels = 'target'

wrap('cross_entropy', input, labels, weight, average, 'ignore_index:int=-100', reduce, reduction,
  'label_smoothing:num=0')
wrap('nll_loss', input, labels, weight, average, 'ignore_index:int=-100', reduce, reduction)
wrap('binary_cross_entropy', input, target, weight, average, reduce, reduction)
wrap('binary_cross_entropy_with_logits', input, target, weight, average, reduce, reduction, 'pos_weight:tensor=nil')
wrap('mse_loss', input, target, average, reduce, reduction, weight)
wrap('l1_loss', input, target, average, reduce, reduction, weight)
wrap('smooth_l1_loss', input, target, average, reduce, reduction, 'beta:num=1')
wrap('kl_div', input, target, average, reduce, reduction, 'log_target:bool=false')
wrap('poisson_nll_loss', input, target, 'log_input:bool=true', 'full:bool=false', average, 'eps:num=1e-8', reduce,
  reduction)
wrap('hinge_embedding_loss', input, target, 'margin:num=1', average, reduce, reduction)
wrap('soft_margin_loss', input, target, average, reduce, reduction)
wrap('margin_ranking_loss', 'input1:tensor', 'input2:tensor', target, 'margin:num=0', average, reduce, reduction)
wrap('cosine_embedding_loss', 'input1:tensor', 'input2:tensor', target, 'margin:num=0', average, reduce, reduction)
wrap('multi_margin_loss', input, labels, 'p:num=1', 'margin:num=1', weight, average, reduce, reduction)
wrap('multilabel_margin_loss', input, labels, average, reduce, reduction)
wrap('multilabel_soft_margin_loss', input, target, weight, average, reduce, reduction)
wrap('triplet_margin_loss', 'anchor:tensor', 'positive:tensor', 'negative:tensor', 'margin:num=1', 'p:num=2',
  'eps:num=1e-6',
  'swap:bool=false', average, reduce, reduction)

-- -------------------------------------------------------------------------------------- triplets with any distance

local read_triplet = args.spec('triplet_margin_with_distance_loss', 'anchor:tensor', 'positive:tensor',
  'negative:tensor', '*',
  'distance_function:callable=nil', 'margin:num=1', 'swap:bool=false', reduction)

--- max(0, d(anchor, positive) - d(anchor, negative) + margin).
-- Options: distance_function (of two tensors, default F.pairwise_distance), margin = 1, swap = false (whether the
-- distance of positive and negative counts where it is less), reduction = 'mean'
function loss.triplet_margin_with_distance_loss(...)
  local anchor, positive, negative, distance, margin, swap, how = read_triplet(...)
  distance = distance or F.pairwise_distance
  local near, far = distance(anchor, positive), distance(anchor, negative)
  if swap then far = far:minimum(distance(positive, negative)) end
  local out = (near - far + margin):clamp_min(0)
  if how == 'none' then return out end
  if how ~= 'mean' and how ~= 'sum' then
    args.fail("triplet_margin_with_distance_loss: reduction: got '%s', takes 'mean', 'sum' or 'none'", how)
  end
  return how == 'mean' and out:mean() or out:sum()
end

return loss
