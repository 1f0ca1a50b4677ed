--- tocha.optim: optimizers and schedules of the learning rate. A class is loaded when it is first used.
-- @module tocha.optim

local optim = {}

local files = {}
local classes = 'Optimizer SGD Adam AdamW RMSprop Adagrad Adadelta Adamax NAdam RAdam ASGD Rprop LBFGS Adafactor Muon Lion LAMB'
for name in classes:gmatch('%S+') do
  files[name] = name:lower()
end
-- files of several names
local within = {ConjugateGradient = 'closures', FISTA = 'closures', CMAES = 'closures', DifferentialEvolution = 'closures'}
for _, name in ipairs{'register_optimizer_step_pre_hook', 'register_optimizer_step_post_hook'} do within[name] = 'optimizer' end
within.save_pytorch, within.load_pytorch = 'exchange', 'exchange'
for name, file in pairs(within) do files[name] = file end
files.lr_scheduler, files.swa_utils = 'lr_scheduler', 'swa_utils'

return setmetatable(optim, {__index = function(self, name)
  if not files[name] then return nil end
  local value = require('tocha.optim.' .. files[name])
  if within[name] then value = value[name] end
  rawset(self, name, value)
  return value
end, __names = function()
  local names = {}
  for name in pairs(files) do names[#names + 1] = name end
  return names
end})
