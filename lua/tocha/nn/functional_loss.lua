--- Losses of tocha.nn.functional that are composed of other operators.
-- @module tocha.nn.functional_loss

local tocha = require 'tocha'
local args = require 'tocha.args'
local F = require 'tocha.nn.functional'

local loss = {}



local function reduce(name, x, reduction)
  if reduction == 'mean' then return x:mean() end
  if reduction == 'sum' then return x:sum() end
  if reduction == 'none' then return x end
  args.fail("%s: reduction: got '%s', takes 'mean', 'sum' or 'none'", name, tostring(reduction))
end

-- The older arguments size_average and reduce say the same as reduction.
local function legacy(size_average, should_reduce, reduction)
  if should_reduce == false then return 'none' end
  if size_average ~= nil or should_reduce then return size_average == false and 'sum' or 'mean' end
  return reduction
end

local function same_shape(name, input, target, what)
  local n = input:dim()
  local fits = n == target:dim()
  for i = 1, fits and n or 0 do fits = fits and input:size(i) == target:size(i) end
  if not fits then
    args.fail('%s: %s: got %s, takes the shape of the input, %s', name, what or 'target', args.show(target),
      args.show(input))
  end
end

local old = {'size_average:bool=nil', 'reduce:bool=nil', 'reduction:str="mean"'}

-- ------------------------------------------------------------------------------------------------------ likelihoods

local read_poisson = args.spec('poisson_nll_loss', 'input:tensor', 'target:tensor', 'log_input:bool=true',
  'full:bool=false',
  'size_average:bool=nil', 'eps:num=1e-8', 'reduce:bool=nil', 'reduction:str="mean"')

--- Negative log likelihood of counts under Poisson distributions.
function loss.poisson_nll_loss(...)
  local input, target, log_input, full, average, eps, should_reduce, reduction = read_poisson(...)
  same_shape('poisson_nll_loss', input, target)
  local out
  if log_input then out = input:exp() - target * input else out = input - target * (input + eps):log() end
  if full then
    -- Stirling's formula for log(target!), for targets above 1
    local stirling = target * target:log() - target + 0.5 * (2 * math.pi * target):log()
    out = out + stirling:masked_fill(target:le(1), 0)
  end
  return reduce('poisson_nll_loss', out, legacy(average, should_reduce, reduction))
end

local read_gaussian = args.spec('gaussian_nll_loss', 'input:tensor', 'target:tensor', 'var', 'full:bool=false',
  'eps:num=1e-6',
  'reduction:str="mean"')

-- var has the input's shape, or lacks its last dimension, or has 1 there
local function fit_variance(input, var)
  local n = input:dim()
  if var:dim() == n - 1 then var = var:unsqueeze(-1) end
  local fits = var:dim() == n
  for i = 1, fits and n or 0 do fits = fits and (var:size(i) == input:size(i) or (i == n and var:size(i) == 1)) end
  if not fits then
    args.fail('gaussian_nll_loss: var: got %s, takes the shape of the input, %s, or one variance for each row',
      args.show(var),
      args.show(input))
  end
  return var
end

--- Negative log likelihood of targets under normal distributions.
function loss.gaussian_nll_loss(...)
  local input, target, var, full, eps, reduction = read_gaussian(...)
  same_shape('gaussian_nll_loss', input, target)
  if type(var) == 'number' then var = tocha.full_like(input, var) else var = fit_variance(input, var) end
  if var:lt(0):any():item() then args.fail('gaussian_nll_loss: var: has negative entries') end
  -- the limit eps is no part of the gradient
  var = var + (var:detach():clamp({min = eps}) - var:detach())
  local out = 0.5 * (var:log() + (input - target):square() / var)
  if full then out = out + 0.5 * math.log(2 * math.pi) end
  return reduce('gaussian_nll_loss', out, reduction)
end

-- ----------------------------------------------------------------------------------------------------------- margins

local read_ranking = args.spec('margin_ranking_loss', 'input1:tensor', 'input2:tensor', 'target:tensor',
  'margin:num=0', unpack(old))

--- max(0, -target (input1 - input2) + margin).
function loss.margin_ranking_loss(...)
  local a, b, target, margin, average, should_reduce, reduction = read_ranking(...)
  same_shape('margin_ranking_loss', a, b, 'input2')
  same_shape('margin_ranking_loss', a, target)
  local out = ((b - a) * target + margin):clamp_min(0)
  return reduce('margin_ranking_loss', out, legacy(average, should_reduce, reduction))
end

local read_hinge = args.spec('hinge_embedding_loss', 'input:tensor', 'target:tensor', 'margin:num=1', unpack(old))

--- x where the target is 1, max(0, margin - x) where it is -1.
function loss.hinge_embedding_loss(...)
  local input, target, margin, average, should_reduce, reduction = read_hinge(...)
  same_shape('hinge_embedding_loss', input, target)
  local zeros = tocha.zeros_like(input)
  local apart = tocha.where(target:eq(1), zeros, (margin - input):clamp_min(0))
  local near = tocha.where(target:eq(-1), zeros, input)
  return reduce('hinge_embedding_loss', apart + near, legacy(average, should_reduce, reduction))
end

local read_soft = args.spec('soft_margin_loss', 'input:tensor', 'target:tensor', unpack(old))

--- log(1 + exp(-target x)).
function loss.soft_margin_loss(...)
  local input, target, average, should_reduce, reduction = read_soft(...)
  same_shape('soft_margin_loss', input, target)
  return reduce('soft_margin_loss', F.softplus(-target * input), legacy(average, should_reduce, reduction))
end

local read_cosine = args.spec('cosine_embedding_loss', 'input1:tensor', 'input2:tensor', 'target:tensor',
  'margin:num=0',
  unpack(old))

--- 1 - cos(x1, x2) where the target is 1, max(0, cos(x1, x2) - margin) where it is -1.
function loss.cosine_embedding_loss(...)
  local a, b, target, margin, average, should_reduce, reduction = read_cosine(...)
  same_shape('cosine_embedding_loss', a, b, 'input2')
  if target:dim() ~= a:dim() - 1 or (target:dim() == 1 and target:size(1) ~= a:size(1)) then
    args.fail('cosine_embedding_loss: target: got %s, takes one value for each row of %s', args.show(target),
      args.show(a))
  end
  local dim, eps = a:dim(), 1e-12
  local squares = (a * a):sum(dim) + eps
  local cos = (a * b):sum(dim) / (squares * ((b * b):sum(dim) + eps)):sqrt()
  local zeros = tocha.zeros_like(cos)
  local out = tocha.where(target:eq(1), 1 - cos, zeros) + tocha.where(target:eq(-1), (cos - margin):clamp_min(0), zeros)
  return reduce('cosine_embedding_loss', out, legacy(average, should_reduce, reduction))
end

-- -------------------------------------------------------------------------------------------------- classes and labels

-- input as (batch, classes), target as (batch); and whether there was a batch
local function rows(name, input, target)
  if input:dim() == 1 then
    if target:dim() == 0 then target = target:unsqueeze(1) end
    return input:unsqueeze(1), target, false
  end
  if input:dim() ~= 2 or target:dim() ~= 1 or target:size(1) ~= input:size(1) then
    args.fail('%s: target: got %s, takes one label for each row of %s', name, args.show(target), args.show(input))
  end
  return input, target, true
end

local function check_labels(name, target, classes, least)
  if target:numel() == 0 then return end
  local low, high = target:min():item(), target:max():item()
  if low >= least and high <= classes then return end
  for i, label in ipairs(target:reshape(-1):totable()) do
    if label < least or label > classes then
      args.fail('%s: label %d at position %d: labels are 1..%d', name, label, i, classes)
    end
  end
end

local read_multi = args.spec('multi_margin_loss', 'input:tensor', 'target:tensor', 'p:num=1', 'margin:num=1',
  'weight:tensor=nil',
  unpack(old))

--- The mean over other classes of max(0, margin - x[label] + x[class])^p, weighted by the label's weight.
function loss.multi_margin_loss(...)
  local input, target, p, margin, weight, average, should_reduce, reduction = read_multi(...)
  if p ~= 1 and p ~= 2 then args.fail('multi_margin_loss: p: got %g, takes 1 or 2', p) end
  local x, labels, batched = rows('multi_margin_loss', input, target)
  local classes = x:size(2)
  check_labels('multi_margin_loss', labels, classes, 1)
  local at = labels:unsqueeze(2)
  local out = (margin - x:gather(2, at) + x):clamp_min(0)
  if p == 2 then out = out * out end
  if weight ~= nil then out = out * weight:index_select(1, labels):unsqueeze(2) end
  -- the label itself does not count
  out = out:masked_fill(tocha.arange(1, classes + 1, {device = x.device}):unsqueeze(1):eq(at), 0):sum(2) / classes
  if not batched then out = out:squeeze(1) end
  return reduce('multi_margin_loss', out, legacy(average, should_reduce, reduction))
end

local read_multilabel = args.spec('multilabel_margin_loss', 'input:tensor', 'target:tensor', unpack(old))

-- Which classes are labels: a row of labels ends at the first -1.
local function label_mask(x, target)
  local ended = target:eq(-1):cumsum(2):gt(0)
  local safe = target:masked_fill(ended, 1)
  local counts = tocha.zeros({x:size(1), x:size(2)}, {dtype = x.dtype, device = x.device})
  return counts:scatter_add(2, safe, ended:logical_not():to(x.dtype)):gt(0), ended, safe
end

--- The sum over labels and other classes of max(0, 1 - (x[label] - x[other])) / classes. Labels end at -1.
function loss.multilabel_margin_loss(...)
  local input, target, average, should_reduce, reduction = read_multilabel(...)
  same_shape('multilabel_margin_loss', input, target)
  local batched = input:dim() == 2
  local x, labels = batched and input or input:unsqueeze(1), batched and target or target:unsqueeze(1)
  local mask, ended, safe = label_mask(x, labels)
  check_labels('multilabel_margin_loss', safe, x:size(2), 1)
  -- (batch, label, class)
  local gap = (1 - x:gather(2, safe):unsqueeze(3) + x:unsqueeze(2)):clamp_min(0)
  gap = gap:masked_fill(ended:unsqueeze(3), 0):masked_fill(mask:unsqueeze(2), 0)
  local out = gap:sum{2, 3} / x:size(2)
  if not batched then out = out:squeeze(1) end
  return reduce('multilabel_margin_loss', out, legacy(average, should_reduce, reduction))
end

local read_multilabel_soft = args.spec('multilabel_soft_margin_loss', 'input:tensor', 'target:tensor',
  'weight:tensor=nil',
  unpack(old))

--- The mean over classes of the binary cross-entropy with logits.
function loss.multilabel_soft_margin_loss(...)
  local input, target, weight, average, should_reduce, reduction = read_multilabel_soft(...)
  same_shape('multilabel_soft_margin_loss', input, target)
  local out = -(target * F.logsigmoid(input) + (1 - target) * F.logsigmoid(-input))
  if weight ~= nil then out = out * weight end
  return reduce('multilabel_soft_margin_loss', out:mean(-1), legacy(average, should_reduce, reduction))
end

-- ---------------------------------------------------------------------------------------------------------- triplets

local function triplet(name, near, far, pair, margin, swap, reduction)
  if swap then far = tocha.minimum(far, pair()) end
  return reduce(name, (near - far + margin):clamp_min(0), reduction)
end

local read_triplet = args.spec('triplet_margin_loss', 'anchor:tensor', 'positive:tensor', 'negative:tensor',
  'margin:num=1',
  'p:num=2', 'eps:num=1e-6', 'swap:bool=false', unpack(old))

--- max(0, |a - p| - |a - n| + margin). Source: V. Balntas et al., 2016 (swap).
function loss.triplet_margin_loss(...)
  local a, pos, neg, margin, p, eps, swap, average, should_reduce, reduction = read_triplet(...)
  same_shape('triplet_margin_loss', a, pos, 'positive')
  same_shape('triplet_margin_loss', a, neg, 'negative')
  local distance = F.pairwise_distance
  return triplet('triplet_margin_loss', distance(a, pos, p, eps), distance(a, neg, p, eps),
    function() return distance(pos, neg, p, eps) end, margin, swap, legacy(average, should_reduce, reduction))
end

local read_triplet_with = args.spec('triplet_margin_with_distance_loss', 'anchor:tensor', 'positive:tensor',
  'negative:tensor',
  '*', 'distance_function:callable=nil', 'margin:num=1', 'swap:bool=false', 'reduction:str="mean"')

--- The same with any distance; the default is F.pairwise_distance.
function loss.triplet_margin_with_distance_loss(a, pos, neg, ...)
  local distance, margin, swap, reduction
  local first = ...
  if first == nil or (select('#', ...) == 1 and args.is_options(first)) then
    a, pos, neg, distance, margin, swap, reduction = read_triplet_with(a, pos, neg, first)
  else
    distance, margin, swap, reduction = ...
    a, pos, neg, distance, margin, swap, reduction = read_triplet_with(a, pos, neg,
      {distance_function = distance, margin = margin, swap = swap, reduction = reduction})
  end
  distance = distance or F.pairwise_distance
  return triplet('triplet_margin_with_distance_loss', distance(a, pos), distance(a, neg),
    function() return distance(pos, neg) end, margin, swap, reduction)
end

return loss
