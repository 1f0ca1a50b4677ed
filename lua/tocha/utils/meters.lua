--- Meters: what is told of a model over many batches. Each has `:add(...)`, `:value()` and `:reset()`.
-- @module tocha.utils.meters

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'

local M = {}

local function define(name)
  local Class = class(name)
  M[name] = Class
  function Class:__tostring() return ('%s: %s'):format(name, tostring(self:value())) end
  return Class
end

local function number(v) return tocha.is_tensor(v) and v:item() or v end

-- ------------------------------------------------------------------------------------------------- averages

--- Mean and deviation of numbers: `add(value, weight)`, `value()` gives both, `reset()`.
-- @type AverageMeter
-- @usage
-- local meter = utils.AverageMeter()
-- meter:add(1)
-- meter:add(tocha.tensor(4), 2)
-- meter:value()  --> 3
local Average = define('AverageMeter')
function Average:__init() self:reset() end
function Average:reset() self.n, self.mean, self.m2, self.last = 0, 0, 0, nil end
--- @param value a number or a tensor of one element
-- @tparam[opt=1] number weight such as the size of the batch whose mean it is
function Average:add(value, weight)
  value, weight = number(value), weight or 1
  if type(value) ~= 'number' then args.fail('AverageMeter: add: got %s, takes a number', args.show(value)) end
  if weight <= 0 then return self end
  self.n = self.n + weight
  local d = value - self.mean
  self.mean = self.mean + d * weight / self.n
  self.m2, self.last = self.m2 + weight * d * (value - self.mean), value
  return self
end
--- The mean, and the standard deviation.
function Average:value() return self.n > 0 and self.mean or 0 / 0, math.sqrt(self.n > 1 and self.m2 / (self.n - 1) or 0) end

--- The mean of the last values: `add(value)`, `value()`, `reset()`.
-- @type MovingAverageMeter
-- @param window how many: 100
-- @usage
-- local meter = utils.MovingAverageMeter(2)
-- for _, v in ipairs{1, 2, 6} do meter:add(v) end
-- meter:value()  --> 4
local Moving = define('MovingAverageMeter')
function Moving:__init(window)
  self.window = window or 100
  self:reset()
end
function Moving:reset() self.values, self.at, self.sum = {}, 0, 0 end
function Moving:add(value)
  value = number(value)
  self.at = self.at % self.window + 1
  self.sum = self.sum + value - (self.values[self.at] or 0)
  self.values[self.at] = value
  return self
end
function Moving:value() return #self.values > 0 and self.sum / #self.values or 0 / 0 end

-- ------------------------------------------------------------------------------------------------- classes

--- The share of items whose label is among the k best scores, in percent: `add(scores, labels)`, `value()` gives one share for each k.
-- @type TopKMeter
-- @param k a list: {1, 5}
-- @shape scores (items, classes), labels int64 (items) from 1
-- @usage
-- local meter = utils.TopKMeter{1, 2}
-- meter:add(tocha.tensor{{0.1, 0.9, 0}, {0.5, 0.4, 0.1}}, tocha.int64{2, 2})
-- {meter:value()}  --> {50, 100}
local TopK = define('TopKMeter')
function TopK:__init(k)
  self.k = type(k) == 'number' and {k} or k or {1, 5}
  if type(self.k) ~= 'table' then args.fail('TopKMeter: k: got %s, takes a list of numbers', args.show(k)) end
  for _, n in ipairs(self.k) do
    if type(n) ~= 'number' or n < 1 then args.fail('TopKMeter: k: got %s, takes numbers from 1', args.show(k)) end
  end
  self:reset()
end
function TopK:reset()
  self.n, self.hits = 0, {}
  for i = 1, #self.k do self.hits[i] = 0 end
end
--- @param scores (items, classes)
-- @param labels (items), classes from 1
function TopK:add(scores, labels)
  if scores:dim() ~= 2 or labels:dim() ~= 1 or labels:size(1) ~= scores:size(1) then
    args.fail('TopKMeter: add: got %s and %s, takes [items x classes] and [items]', args.show(scores), args.show(labels))
  end
  local most = math.min(math.max(unpack(self.k)), scores:size(2))
  local _, best = scores:detach():topk(most, 2)
  local right = best:eq(labels:unsqueeze(2))
  for i, k in ipairs(self.k) do self.hits[i] = self.hits[i] + right:narrow(2, 1, math.min(k, most)):sum():item() end
  self.n = self.n + scores:size(1)
  return self
end
--- One share for each k.
function TopK:value()
  local out = {}
  for i, h in ipairs(self.hits) do out[i] = 100 * h / math.max(self.n, 1) end
  return unpack(out)
end

--- Precision, recall and F1: `add(predicted, labels)`, `value()` gives the three, as lists with average 'none'.
-- @type PrecisionRecallMeter
-- @param classes how many
-- @param average 'macro' (the mean of the classes), 'micro' (over all items), or 'none'
-- @shape predicted int64 (items) from 1, or scores (items, classes); labels int64 (items) from 1
-- @usage
-- local meter = utils.PrecisionRecallMeter(2, 'none')
-- meter:add(tocha.int64{1, 1, 2}, tocha.int64{1, 2, 2})
-- {meter:value()}  --> {{0.5, 1}, {1, 0.5}, {0.6667, 0.6667}}
local PR = define('PrecisionRecallMeter')
local read_pr = args.spec('PrecisionRecallMeter', 'classes:int', 'average:str="macro"')
function PR:__init(...)
  self.classes, self.average = read_pr(...)
  if self.average ~= 'macro' and self.average ~= 'micro' and self.average ~= 'none' then
    args.fail("PrecisionRecallMeter: average: got '%s', takes 'macro', 'micro' or 'none'", self.average)
  end
  self:reset()
end
function PR:reset() self.matrix = require('tocha.utils.confusion')(self.classes) end
--- @param predicted classes from 1, or scores (items, classes)
-- @param labels classes from 1
function PR:add(predicted, labels)
  self.matrix:add(predicted, labels)
  return self
end
local function share(a, b) return b > 0 and a / b or 0 end
local function scores_of(hit, said, is)
  local p, r = share(hit, said), share(hit, is)
  return p, r, share(2 * p * r, p + r)
end
--- Precision, recall and F1: numbers, or lists with average 'none'.
function PR:value()
  local counts = self.matrix.counts
  local hit, said, is = counts:diagonal():totable(), counts:sum(1):totable(), counts:sum(2):totable()
  local p, r, f = {}, {}, {}
  local total, all = 0, 0
  for c = 1, self.classes do
    p[c], r[c], f[c] = scores_of(hit[c], said[c], is[c])
    total, all = total + hit[c], all + is[c]
  end
  if self.average == 'none' then return p, r, f end
  if self.average == 'micro' then return scores_of(total, all, all) end
  local function mean(list)
    local sum = 0
    for _, v in ipairs(list) do sum = sum + v end
    return sum / #list
  end
  return mean(p), mean(r), mean(f)
end

-- ------------------------------------------------------------------------------------------------- ranking

-- All scores and labels so far, best score first.
local function ranked(self)
  local scores, labels = tocha.cat(self.scores, 1):double(), tocha.cat(self.labels, 1):double()
  local sorted, order = scores:sort(1, true)
  return sorted:totable(), labels:index_select(1, order):totable()
end

local function add_scores(self, scores, labels)
  if scores:dim() ~= 1 or labels:dim() ~= 1 or scores:size(1) ~= labels:size(1) then
    args.fail('%s: add: got %s and %s, takes as many scores as labels of 0 and 1', self.__name, args.show(scores), args.show(labels))
  end
  self.scores[#self.scores + 1], self.labels[#self.labels + 1] = scores:detach():cpu(), labels:detach():cpu()
  return self
end

local function ranking(name)
  local Class = define(name)
  function Class:__init() self:reset() end
  function Class:reset() self.scores, self.labels = {}, {} end
  Class.add = add_scores
  return Class
end

--- The area under the curve of true over false positives: the chance that a positive item scores higher than a negative one.
-- @type AUCMeter
-- @shape add(scores (items), labels of 0 and 1 (items)); value() gives the area, and the points of the curve
-- @usage
-- local meter = utils.AUCMeter()
-- meter:add(tocha.tensor{0.9, 0.8, 0.3, 0.1}, tocha.int64{1, 0, 1, 0})
-- meter:value()  --> 0.75
local AUC = ranking('AUCMeter')
-- points of the curve; items of equal score move together
local function curve(scores, labels)
  local points, tp, fp, i = {{0, 0}}, 0, 0, 1
  while i <= #scores do
    local s = scores[i]
    while scores[i] == s do
      if labels[i] > 0.5 then tp = tp + 1 else fp = fp + 1 end
      i = i + 1
    end
    points[#points + 1] = {fp, tp}
  end
  return points, tp, fp
end
--- The area, and the points of the curve as a list of {false, true} positive rates.
function AUC:value()
  if #self.scores == 0 then return 0 / 0, {} end
  local points, tp, fp = curve(ranked(self))
  local area = 0
  for i = 2, #points do area = area + (points[i][1] - points[i - 1][1]) * (points[i][2] + points[i - 1][2]) / 2 end
  local rates = {}
  for i, p in ipairs(points) do rates[i] = {p[1] / math.max(fp, 1), p[2] / math.max(tp, 1)} end
  return tp > 0 and fp > 0 and area / (tp * fp) or 0 / 0, rates
end

--- Average precision: the mean of the precision at each positive item, best score first.
-- @type APMeter
-- @shape add(scores (items), labels of 0 and 1 (items))
-- @usage
-- local meter = utils.APMeter()
-- meter:add(tocha.tensor{0.9, 0.8, 0.3}, tocha.int64{1, 0, 1})
-- meter:value()  --> 0.8333
local AP = ranking('APMeter')
function AP:value()
  if #self.scores == 0 then return 0 / 0 end
  local points, positives = curve(ranked(self))
  local sum = 0
  for i = 2, #points do
    local fp, tp = points[i][1], points[i][2]
    sum = sum + (tp - points[i - 1][2]) * tp / (tp + fp)
  end
  return positives > 0 and sum / positives or 0 / 0
end

return M
