--- nn.AdaptiveLogSoftmaxWithLoss: a softmax over many classes, of which rare ones are grouped in clusters.
--
-- Source: E. Grave et al., "Efficient softmax approximation for GPUs", 2016.
-- @classmod tocha.nn.AdaptiveLogSoftmaxWithLoss

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local Module = require 'tocha.nn.module'
local ModuleList = require 'tocha.nn.modulelist'
local Sequential = require 'tocha.nn.sequential'
local Linear = require('tocha.nn.linear').Linear

local Adaptive = class('AdaptiveLogSoftmaxWithLoss', Module)

local read = args.spec('AdaptiveLogSoftmaxWithLoss', 'in_features:int', 'n_classes:int', 'cutoffs:size',
  'div_value:num=4',
  'head_bias:bool=false', 'device=nil', 'dtype=nil')

--- A softmax over many classes of which few are frequent: rare ones are in clusters with fewer features. forward gives the
-- log-probability of each target, and the loss; log_prob(x) and predict(x) see all classes. Source: E. Grave et al., 2017.
-- @param in_features size of an input
-- @param n_classes classes, the frequent ones first
-- @param cutoffs the last class of the head and of each cluster but the last, in rising order
-- @param div_value by which the features of each cluster are fewer than those of the one before
-- @param head_bias whether the head has a bias
-- @shape (n, in_features) or (in_features), classes int64 (n) or () from 1 -> {output = (n), loss = ()}
-- @raise for cutoffs that do not rise, and for classes out of range
-- @usage
-- local head = nn.AdaptiveLogSoftmaxWithLoss(8, 20, {4, 10})
-- local x = tocha.randn(3, 8)
-- local output, loss = head(x, tocha.int64{1, 7, 20})
-- output.shape  --> {3}
-- head:log_prob(x).shape  --> {3, 20}
-- head:log_prob(x):exp():sum(2)  --> {1, 1, 1}
-- head:predict(x).shape  --> {3}
function Adaptive:__init(...)
  local cutoffs, bias, device, dtype
  self.in_features, self.n_classes, cutoffs, self.div_value, bias, device, dtype = read(...)
  for i, c in ipairs(cutoffs) do
    if c <= (cutoffs[i - 1] or 0) or c >= self.n_classes then
      args.fail('AdaptiveLogSoftmaxWithLoss: cutoffs: got %s, takes rising numbers from 1 to %d', args.show(cutoffs),
        self.n_classes - 1)
    end
  end
  self.cutoffs, self.shortlist_size = {unpack(cutoffs)}, cutoffs[1]
  self.cutoffs[#cutoffs + 1] = self.n_classes
  self.n_clusters, self.head_bias = #cutoffs, bias
  local options = {device = device, dtype = dtype}
  self.head = Linear(self.in_features, self.shortlist_size + self.n_clusters, {bias = bias, device = device,
    dtype = dtype})
  self.tail = ModuleList()
  for i = 1, self.n_clusters do
    local inner = math.floor(self.in_features / self.div_value ^ i)
    local size = self.cutoffs[i + 1] - self.cutoffs[i]
    self.tail:append(Sequential(Linear(self.in_features, inner, false, options), Linear(inner, size, false, options)))
  end
end

--- Draws new values.
function Adaptive:reset_parameters()
  self.head:reset_parameters()
  for i = 1, self.n_clusters do
    self.tail[i][1]:reset_parameters()
    self.tail[i][2]:reset_parameters()
  end
end

-- Log probabilities of all classes, given the head's results.
local function all_log_prob(self, input, head)
  local log_head = head:log_softmax(2)
  local parts = {log_head:narrow(2, 1, self.shortlist_size)}
  for i = 1, self.n_clusters do
    local cluster = self.tail[i](input):log_softmax(2)
    parts[i + 1] = cluster + log_head:narrow(2, self.shortlist_size + i, 1)
  end
  return tocha.cat(parts, 2)
end

--- The log probabilities of all classes, (batch, n_classes).
function Adaptive:log_prob(input) return all_log_prob(self, input, self.head(input)) end

--- The most probable class of each row, from 1.
function Adaptive:predict(input) return self:log_prob(input):argmax(2) end

local function check(self, input, target)
  if target:dim() ~= input:dim() - 1 or (input:dim() == 2 and target:size(1) ~= input:size(1)) then
    args.fail('AdaptiveLogSoftmaxWithLoss: target: got %s, takes one label for each row of %s', args.show(target),
      args.show(input))
  end
  if target:numel() == 0 then return end
  local low, high = target:min():item(), target:max():item()
  if low < 1 or high > self.n_classes then
    args.fail('AdaptiveLogSoftmaxWithLoss: label %d: labels are 1..%d', low < 1 and low or high, self.n_classes)
  end
end

-- The rows of cluster i: their labels inside it, from 1, and the rows' numbers; nil if there are none.
local function members(self, target, i)
  local low, high = i == 0 and 0 or self.cutoffs[i], self.cutoffs[i + 1]
  local rows = target:gt(low):logical_and(target:le(high)):nonzero():squeeze(2)
  if rows:numel() == 0 then return nil end
  return rows, target:index_select(1, rows) - low
end

--- @param input (batch, in_features)
-- @param target labels, (batch)
-- @return the log probability of each label
-- @return the loss, minus their mean
function Adaptive:forward(input, target)
  check(self, input, target)
  local single = input:dim() == 1
  if single then input, target = input:unsqueeze(1), target:unsqueeze(1) end
  local log_head = self.head(input):log_softmax(2)
  local output = tocha.zeros({input:size(1)}, {dtype = input.dtype, device = input.device})
  for i = 0, self.n_clusters do
    local rows, labels = members(self, target, i)
    if rows ~= nil then
      local part
      if i == 0 then
        part = log_head:index_select(1, rows):gather(2, labels:unsqueeze(2))
      else
        local cluster = self.tail[i](input:index_select(1, rows)):log_softmax(2)
        part = cluster:gather(2, labels:unsqueeze(2)) + log_head:index_select(1, rows):narrow(2,
          self.shortlist_size + i, 1)
      end
      output = output:index_add(1, rows, part:squeeze(2))
    end
  end
  local loss = -output:mean()
  return single and output:squeeze(1) or output, loss
end

return Adaptive
