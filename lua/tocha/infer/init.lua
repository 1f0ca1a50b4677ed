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

return require 'tocha.onuse'({}, 'tocha.infer.', {
  trace = 'sample param module trace condition replay log_density', store = 'get_param_store clear_param_store',
  guide = 'AutoNormal AutoDelta', svi = 'SVI Predictive', potential = 'Potential', hmc = 'HMC', nuts = 'NUTS', mcmc = 'MCMC',
  diagnostics = [[autocorrelation autocovariance effective_sample_size gelman_rubin split_gelman_rubin hpdi
    summary print_summary]],
})
