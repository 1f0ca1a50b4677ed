--- A linear layer and cross entropy in one, over chunks of rows: the logits of all rows are never in memory together.
-- With N rows and C classes that is O(chunk * C) instead of O(N * C), forward and backward; backward computes the chunks' logits again.
-- @module tocha.nn.functional_linear_loss

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local F = require 'tocha.nn.functional'

local M = {}

local elements = 2 ^ 21 -- of a chunk's logits, unless the caller says how many rows

local function rows_of(options, classes)
  local rows = type(options) == 'table' and options.chunk_size or nil
  return rows or math.max(1, math.floor(elements / classes))
end

-- What one row's loss is made of: a * -log p[target] + b * sum_c w[c] * -log p[c], for rows that count
local function coefficients(o, target)
  local valid = target:ne(o.ignore_index)
  local safe = target:where(valid, tocha.ones_like(target))
  local a = valid:to(o.dtype)
  if o.weight ~= nil then a = a * o.weight:index_select(1, safe) end
  return valid, safe, a
end

local function each_chunk(n, rows, f)
  for first = 1, n, rows do f(first, math.min(rows, n - first + 1)) end
end

local function logits_of(x, w, b, first, count) return F.linear(x:narrow(1, first, count), w, b) end

-- losses (N) of all rows, in the dtype of x
local function losses_of(o, x, w, b, target)
  local parts = {}
  each_chunk(x:size(1), o.rows, function(first, count)
    local logits = logits_of(x, w, b, first, count)
    parts[#parts + 1] = F.cross_entropy(logits, target:narrow(1, first, count), {weight = o.weight, ignore_index = o.ignore_index,
      reduction = 'none', label_smoothing = o.smoothing})
    logits:free()
  end)
  return tocha.cat(parts, 1)
end

-- the gradient by a chunk's logits, where g (count) is that by the rows' losses
local function logits_gradient(o, logits, target, g)
  local valid, safe, a = coefficients(o, target)
  local p, smooth, n = logits:softmax(-1), o.smoothing, logits:size(2)
  local hit = (a * ((1 - smooth) * g)):unsqueeze(2)
  local d
  if smooth > 0 then
    local spread = (valid:to(o.dtype) * (g * (smooth / n))):unsqueeze(2)
    local w = o.weight
    d = p * (hit + spread * (w ~= nil and w:sum() or n)) - (w ~= nil and spread * w or spread)
  else
    d = p * hit
  end
  return d:scatter_add(2, safe:unsqueeze(2), -hit)
end

local Fused

local function fused()
  if Fused then return Fused end
  Fused = class('LinearCrossEntropy', tocha.autograd.Function)
  function Fused.forward(ctx, x, w, b, target, o)
    ctx.o, ctx.target = o, target
    ctx:save_for_backward(x, w, b)
    return losses_of(o, x, w, b, target)
  end
  function Fused.backward(ctx, g)
    local o, target = ctx.o, ctx.target
    local x, w, b = unpack(ctx.saved_tensors, 1, 3)
    local dx, dw, db = {}, nil, nil
    local add = tocha.is_grad_enabled() and function(sum, d) return sum + d end or function(sum, d) return sum:add_(d) end
    each_chunk(x:size(1), o.rows, function(first, count)
      local d = logits_gradient(o, logits_of(x, w, b, first, count), target:narrow(1, first, count), g:narrow(1, first, count))
      if ctx.needs_input_grad[1] then dx[#dx + 1] = d:mm(w) end
      if ctx.needs_input_grad[2] then
        local part = d:t():mm(x:narrow(1, first, count))
        dw = dw and add(dw, part) or part
      end
      if b ~= nil and ctx.needs_input_grad[3] then
        local part = d:sum(1)
        db = db and add(db, part) or part
      end
    end)
    return #dx > 0 and tocha.cat(dx, 1) or nil, dw, db
  end
  return Fused
end

local function reduce(o, losses, target, how)
  if how == 'none' then return losses end
  if how == 'sum' then return losses:sum() end
  local _, _, a = coefficients(o, target)
  return losses:sum() / a:sum()
end

-- K-dimensional losses and targets of probabilities: with all logits
local function plain(x, w, target, b, weight, how, ignore, smoothing)
  local logits = F.linear(x, w:reshape(-1, w:size(-1)), b ~= nil and b:reshape(-1) or nil)
  local shape = x.shape
  shape[#shape] = nil
  for d = 1, w:dim() - 1 do shape[#shape + 1] = w:size(d) end
  return F.cross_entropy(logits:reshape(shape), target, {weight = weight, ignore_index = ignore, reduction = how,
    label_smoothing = smoothing})
end

local read = args.spec('linear_cross_entropy', 'input:tensor', 'linear_weight:tensor', 'target:tensor', '*', 'linear_bias:tensor=nil',
  'weight:tensor=nil', 'reduction:str="mean"', 'ignore_index:int=nil', 'label_smoothing:num=0', 'options=nil')

local reductions = {mean = true, sum = true, none = true}

--- cross_entropy(linear(input, linear_weight, linear_bias), target), without storing the logits.
-- @tparam tensor input (N, in), or (in)
-- @tparam tensor linear_weight (C, in); with more dims, (C, d1, ..., in), or a target of probabilities, all logits are made
-- @tparam tensor target (N) int64 classes from 1
-- @param[opt] linear_bias (C); by name only, as all below
-- @param[opt] weight (C) of the classes
-- @tparam[opt='mean'] string reduction
-- @tparam[opt=-100] int ignore_index
-- @tparam[opt=0] number label_smoothing
-- @tparam[opt] table options {chunk_size = rows}; about two million logits at once if not given
function M.linear_cross_entropy(...)
  local x, w, target, b, weight, how, ignore, smoothing, options = read(...)
  if not reductions[how] then args.fail("linear_cross_entropy: reduction: got '%s', takes 'mean', 'sum' or 'none'", how) end
  ignore = ignore or -100
  if w:dim() ~= 2 or x:dim() > 2 or target:is_floating_point() then
    return plain(x, w, target, b, weight, how, ignore, smoothing)
  end
  if x:size(-1) ~= w:size(2) then
    args.fail('linear_cross_entropy: input %s by weight %s: %d features, takes %d', args.show(x), args.show(w), x:size(-1), w:size(2))
  end
  local single = x:dim() == 1
  if single then x, target = x:unsqueeze(1), target:reshape(1) end
  if target:dim() ~= 1 or target:size(1) ~= x:size(1) then
    args.fail('linear_cross_entropy: target: got %s, takes [%d]', args.show(target), x:size(1))
  end
  if x:size(1) == 0 then return plain(x, w, target, b, weight, how, ignore, smoothing) end
  local o = {rows = rows_of(options, w:size(1)), weight = weight, ignore_index = ignore, smoothing = smoothing, dtype = x.dtype}
  local losses = fused().apply(x, w, b, target, o)
  if single then losses = losses:squeeze(1) end
  if single and how ~= 'mean' then return losses end
  return reduce(o, losses, target, how)
end

return M
