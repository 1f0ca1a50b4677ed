--- ConfusionMatrix: how often each class was taken for each other.
-- @classmod tocha.utils.ConfusionMatrix

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'

local ConfusionMatrix = class('ConfusionMatrix')

local read = args.spec('ConfusionMatrix', 'classes', 'names:list=nil')

--- @param classes how many there are, or the list of their names
-- @param names of the classes, for printing
-- @usage
-- local matrix = utils.ConfusionMatrix(2)
-- matrix:add(tocha.int64{1, 1, 2}, tocha.int64{1, 2, 2})
-- matrix:accuracy()  --> 0.6667
-- matrix:recall()  --> {1, 0.5}
function ConfusionMatrix:__init(...)
  local classes, names = read(...)
  if type(classes) == 'table' then classes, names = #classes, classes end
  if type(classes) ~= 'number' or classes < 1 or classes % 1 ~= 0 then
    args.fail('ConfusionMatrix: classes: got %s, takes a number of classes or a list of names', args.show(classes))
  end
  self.classes, self.names = classes, names or {}
  self.counts = tocha.zeros(classes, classes, {dtype = 'int64'})
end

--- Counts a batch.
-- @param predicted int64 tensor of classes from 1, or scores of shape [items x classes]
-- @param labels int64 tensor of classes from 1
function ConfusionMatrix:add(predicted, labels)
  if predicted:dim() == 2 then predicted = predicted:argmax(2) end
  if predicted:dim() ~= 1 or labels:dim() ~= 1 or predicted:size(1) ~= labels:size(1) then
    args.fail('ConfusionMatrix: add: got %s and %s, takes as many predictions as labels', args.show(predicted),
      args.show(labels))
  end
  if labels:numel() == 0 then return self end
  local k = self.classes
  for what, x in pairs{label = labels, prediction = predicted} do
    local low, high = x:amin():item(), x:amax():item()
    if low < 1 or high > k then
      args.fail('ConfusionMatrix: add: %s %d: classes are 1..%d', what, low < 1 and low or high, k)
    end
  end
  self.counts:add_(tocha.bincount((labels - 1) * k + predicted, {minlength = k * k}):view(k, k):to(self.counts.device))
  return self
end

--- The share of items that were given their label.
function ConfusionMatrix:accuracy()
  local total = self.counts:sum():item()
  return total > 0 and self.counts:diagonal():sum():item() / total or 0
end

--- The share of each class that was given its label, as a list.
function ConfusionMatrix:recall()
  local out, rows = {}, self.counts:totable()
  for i, row in ipairs(rows) do
    local sum = 0
    for _, n in ipairs(row) do sum = sum + n end
    out[i] = sum > 0 and row[i] / sum or 0
  end
  return out
end

--- A table: a row for each label, a column for each prediction, the share that was right.
function ConfusionMatrix:__tostring()
  local rows, recall, width, column = self.counts:totable(), self:recall(), 5, 4
  for i = 1, self.classes do width = math.max(width, #(self.names[i] or tostring(i))) end
  for _, row in ipairs(rows) do
    for _, n in ipairs(row) do column = math.max(column, #tostring(n) + 1) end
  end
  local lines = {'label' .. (' '):rep(width - 5)}
  for i = 1, self.classes do lines[1] = lines[1] .. (' '):rep(column - #tostring(i)) .. i end
  for i, row in ipairs(rows) do
    local name = self.names[i] or tostring(i)
    local cells = {name .. (' '):rep(width - #name)}
    for _, n in ipairs(row) do cells[#cells + 1] = (' '):rep(column - #tostring(n)) .. (n == 0 and '.' or n) end
    lines[#lines + 1] = table.concat(cells) .. ('  %5.1f%%'):format(100 * recall[i])
  end
  return table.concat(lines, '\n')
end

return ConfusionMatrix
