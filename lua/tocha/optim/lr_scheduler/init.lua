--- tocha.optim.lr_scheduler: schedules of the learning rate. A class is loaded when it is first used.
-- @module tocha.optim.lr_scheduler

local lr_scheduler = {}

-- Which file gives which classes: a file of one class returns it, the others return a table of theirs.
local one = {base = 'LRScheduler', onecyclelr = 'OneCycleLR', cycliclr = 'CyclicLR',
  reducelronplateau = 'ReduceLROnPlateau'}
local several = {
  factors = 'StepLR MultiStepLR ConstantLR LinearLR ExponentialLR PolynomialLR LambdaLR MultiplicativeLR',
  cosine = 'CosineAnnealingLR CosineAnnealingWarmRestarts',
  warmup = 'WarmupConstantLR WarmupLinearLR WarmupCosineLR WarmupInverseSqrtLR',
  compose = 'ChainedScheduler SequentialLR',
}

local file_of = {}
for file, name in pairs(one) do file_of[name] = file end
for file, names in pairs(several) do
  for name in names:gmatch('%S+') do file_of[name] = file end
end

return setmetatable(lr_scheduler, {__index = function(self, name)
  local file = file_of[name]
  if not file then return nil end
  local value = require('tocha.optim.lr_scheduler.' .. file)
  if several[file] then value = value[name] end
  rawset(self, name, value)
  return value
end, __names = function()
  local names = {}
  for name in pairs(file_of) do names[#names + 1] = name end
  return names
end})
