--- tocha.infer: Bayesian inference for models that are Lua functions: variational (SVI) and by Markov chains (HMC, NUTS).
--
--     local function model(y)
--       local mu = infer.sample('mu', D.Normal(0, 10))
--       infer.sample('y', D.Normal(mu, 1), {obs = y})
--     end
--     local mcmc = infer.MCMC(infer.NUTS(model), {num_samples = 1000, warmup_steps = 500})
--     mcmc:run(y)
--     print(mcmc)
-- @module tocha.infer

local infer = {}

local home = {
  trace = 'sample param module trace condition replay log_density',
  store = 'get_param_store clear_param_store',
  guide = 'AutoNormal AutoDelta',
  svi = 'SVI Predictive',
  potential = 'Potential',
  hmc = 'HMC', nuts = 'NUTS', mcmc = 'MCMC',
  diagnostics = [[autocorrelation autocovariance effective_sample_size gelman_rubin split_gelman_rubin hpdi
    summary print_summary]],
}

local file_of = {}
for file, names in pairs(home) do
  for name in names:gmatch('%S+') do file_of[name] = file end
end

return setmetatable(infer, {__index = function(self, name)
  if not file_of[name] then return nil end
  local value = require('tocha.infer.' .. file_of[name])
  if type(value) == 'table' and not value.__class then value = value[name] end
  rawset(self, name, value)
  return value
end, __names = function()
  local names = {}
  for name in pairs(file_of) do names[#names + 1] = name end
  return names
end})
