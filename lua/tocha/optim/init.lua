--- tocha.optim: optimizers and schedules of the learning rate. A class is loaded when it is first used.
-- @module tocha.optim

local files = {
  closures = 'ConjugateGradient FISTA CMAES DifferentialEvolution', exchange = 'save_pytorch load_pytorch',
  swap = 'swap_in_optimizer_params_and_state',
  optimizer = 'Optimizer register_optimizer_step_pre_hook register_optimizer_step_post_hook',
}
local classes = 'SGD Adam AdamW RMSprop Adagrad Adadelta Adamax NAdam RAdam ASGD Rprop LBFGS Adafactor Muon Lion LAMB SparseAdam'
for name in classes:gmatch('%S+') do files[name:lower()] = name end

return require 'tocha.onuse'({}, 'tocha.optim.', files, 'lr_scheduler swa_utils')
