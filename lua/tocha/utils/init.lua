--- tocha.utils: data, checkpointing, and what a training script shows. A part is loaded when it is first used.
-- @module tocha.utils

local utils = {}

local home = {
  AverageMeter = 'meters', MovingAverageMeter = 'meters', TopKMeter = 'meters', PrecisionRecallMeter = 'meters', AUCMeter = 'meters',
  APMeter = 'meters', EarlyStopping = 'earlystopping', Logger = 'logger',
  clock = 'terminal', save_image = 'png', make_grid = 'png',
  Progress = 'progress', ConfusionMatrix = 'confusion', draw_image = 'draw', draw_images = 'draw',
}

local function find(name)
  local ok, value = pcall(require, name)
  if ok then return value end
  if not tostring(value):find("module '" .. name .. "' not found", 1, true) then error(value, 0) end
end

return setmetatable(utils, {__index = function(self, name)
  if type(name) ~= 'string' then return nil end
  local value = find('tocha.utils.' .. (home[name] or name))
  if home[name] and type(value) == 'table' and value[name] then value = value[name] end
  if value ~= nil then rawset(self, name, value) end
  return value
end, __names = function()
  local names = {'data', 'checkpoint', 'options', 'benchmark'}
  for name in pairs(home) do names[#names + 1] = name end
  return names
end})
