--- Markov chains: conjugate posteriors, eight schools, constrained variables, diagnostics.

local tocha = require 'tocha'
local infer, D = tocha.infer, tocha.distributions
local f64 = {dtype = 'float64'}

local function t(v) return tocha.tensor(v, f64) end

local function near(want, got, within, what)
  assert.is_true(math.abs(want - got) < within, ('%s: got %g, not %g within %g'):format(what or 'value', got, want, within))
end

-- mu ~ N(0, 2), y ~ N(mu, 1): a normal posterior
local y = {1.2, 0.4, 2.1, 1.7, 0.9}
local function normal_model()
  local mu = infer.sample('mu', D.Normal(t(0), t(2)))
  infer.sample('y', D.Normal(mu, t(1)), {obs = t(y)})
end

local function normal_posterior()
  local sum = 0
  for _, v in ipairs(y) do sum = sum + v end
  local precision = 1 / 4 + #y
  return sum / precision, math.sqrt(1 / precision)
end

-- within five standard errors of the mean, by the chain's own effective sample size
local function agrees(row, mean, std)
  near(mean, row.mean, 5 * std / math.sqrt(row.n_eff), row.name .. ' mean')
  near(std, row.std, 0.12 * std + 0.01, row.name .. ' std')
  assert.is_true(row.r_hat < 1.03)
end

describe('a chain', function()
  before_each(function() tocha.manual_seed(5) end)

  it('of NUTS has the posterior of a normal mean', function()
    local mcmc = infer.MCMC(infer.NUTS(normal_model), {num_samples = 800, warmup_steps = 200, num_chains = 2}):run()
    agrees(mcmc:summary().mu, normal_posterior())
    assert.are.same({1600}, mcmc:get_samples().mu.shape)
    assert.are.same({2, 800}, mcmc:get_samples{group_by_chain = true}.mu.shape)
    assert.are.equal(0, mcmc:diagnostics()[1].divergences)
    assert.is_truthy(tostring(mcmc):find('n_eff', 1, true))
  end)

  it('of HMC has it too', function()
    local kernel = infer.HMC(normal_model, {trajectory_length = 2})
    agrees(infer.MCMC(kernel, {num_samples = 1500, warmup_steps = 300}):run():summary().mu, normal_posterior())
  end)

  it('finds conjugate posteriors of positive and of unit-interval variables', function()
    local function model()
      local rate = infer.sample('rate', D.Gamma(t(2), t(1)))
      infer.sample('n', D.Poisson(rate), {obs = t{3, 5, 4, 2}})
      local p = infer.sample('p', D.Beta(t(1), t(2)))
      infer.sample('k', D.Binomial(10, p), {obs = t{7, 6}})
    end
    local rows = infer.MCMC(infer.NUTS(model), {num_samples = 1500, warmup_steps = 300}):run():summary()
    agrees(rows.rate, 16 / 5, math.sqrt(16) / 5)                     -- Gamma(2 + 14, 1 + 4)
    local a, b = 1 + 13, 2 + 7
    agrees(rows.p, a / (a + b), math.sqrt(a * b / ((a + b) ^ 2 * (a + b + 1))))
  end)

  it('learns a dense mass matrix for correlated variables', function()
    local cov = t{{4, 1.9}, {1.9, 1}}
    local function model() infer.sample('x', D.MultivariateNormal(tocha.zeros(2, f64), cov)) end
    local kernel = infer.NUTS(model, {full_mass = true})
    local mcmc = infer.MCMC(kernel, {num_samples = 1200, warmup_steps = 300}):run()
    local x = mcmc:get_samples().x
    local centred = x - x:mean(1)
    local got = centred.mT:mm(centred) / (x:size(1) - 1)
    assert.is_true((got - cov):abs():max():item() < 0.6)
    assert.is_true(kernel.inverse_mass[{1, 2}]:item() > 0.8)
  end)

  it('keeps simplices on the simplex', function()
    local function model() infer.sample('p', D.Dirichlet(t{2, 3, 5})) end
    local mcmc = infer.MCMC(infer.NUTS(model), {num_samples = 1200, warmup_steps = 300}):run()
    assert.is_true((mcmc:get_samples().p:sum(2) - 1):abs():max():item() < 1e-9)
    for i, want in ipairs{0.2, 0.3, 0.5} do
      agrees(mcmc:summary()[('p[%d]'):format(i)], want, math.sqrt(want * (1 - want) / 11))
    end
  end)
end)

-- The posterior mean of mu and tau by quadrature over tau; mu and the schools' effects are integrated exactly.
local function schools_exactly(effects, sigmas)
  local total, mean_mu, mean_tau = 0, 0, 0
  for i = 0, 40000 do
    local tau = (i + 0.5) * 0.005
    local precision, weighted, log_w, square = 1 / 25, 0, 0, 0
    for j, e in ipairs(effects) do
      local v = sigmas[j] ^ 2 + tau ^ 2
      precision, weighted, log_w, square = precision + 1 / v, weighted + e / v, log_w - 0.5 * math.log(v), square + e * e / v
    end
    log_w = log_w - 0.5 * math.log(precision) - 0.5 * (square - weighted ^ 2 / precision)
    local w = math.exp(log_w + 30) / (1 + (tau / 5) ^ 2)
    total, mean_mu, mean_tau = total + w, mean_mu + w * weighted / precision, mean_tau + w * tau
  end
  return mean_mu / total, mean_tau / total
end

describe('eight schools', function()
  -- D. Rubin, 1981; priors as in posteriordb's eight_schools_noncentered, whose reference draws have means 4.4 (mu) and 3.6 (tau)
  it('has the published posterior', function()
    tocha.manual_seed(1)
    local effects, sigmas = {28, 8, -3, 7, -1, 1, 18, 12}, {15, 10, 16, 11, 9, 11, 10, 18}
    local function model()
      local mu, tau = infer.sample('mu', D.Normal(t(0), t(5))), infer.sample('tau', D.HalfCauchy(t(5)))
      local z = infer.sample('z', D.Normal(tocha.zeros(8, f64), tocha.ones(8, f64)))
      infer.sample('y', D.Normal(mu + tau * z, t(sigmas)), {obs = t(effects)})
    end
    local rows = infer.MCMC(infer.NUTS(model), {num_samples = 1000, warmup_steps = 400, num_chains = 2}):run():summary()
    local mu, tau = schools_exactly(effects, sigmas)
    near(4.4, mu, 0.05)
    near(3.6, tau, 0.05)
    near(mu, rows.mu.mean, 0.35, 'mu')
    near(tau, rows.tau.mean, 0.4, 'tau')
    near(3.3, rows.mu.std, 0.3, 'std of mu')
    for _, row in ipairs(rows) do assert.is_true(row.r_hat < 1.02 and row.n_eff > 400, row.name) end
  end)
end)

describe('diagnostics', function()
  it('tell chains that mix from chains that do not', function()
    tocha.manual_seed(2)
    local x = tocha.randn(4, 500, 3, f64)
    local good = infer.split_gelman_rubin(x)
    assert.are.same({3}, good.shape)
    assert.is_true((good - 1):abs():max():item() < 0.02)
    assert.is_true(infer.effective_sample_size(x):min():item() > 1400)
    local apart = x + tocha.arange(4, f64):view(4, 1, 1)
    assert.is_true(infer.gelman_rubin(apart):min():item() > 1.2)
    local drifting = x:narrow(1, 1, 1) + tocha.linspace(0, 3, 500, f64):view(1, 500, 1)
    assert.is_true(infer.split_gelman_rubin(drifting):min():item() > 1.2)
  end)

  it('know the effective size of an autoregressive chain', function()
    tocha.manual_seed(3)
    local noise, chains, phi = tocha.randn(4, 4000, f64):totable(), {}, 0.8
    for c, list in ipairs(noise) do
      local v, out = 0, {}
      for i = 1, 4000 do
        v = phi * v + math.sqrt(1 - phi * phi) * list[i]
        out[i] = v
      end
      chains[c] = out
    end
    local x = t(chains)
    local want = 16000 * (1 - phi) / (1 + phi)
    near(want, infer.effective_sample_size(x):item(), 0.2 * want)
    local rho = infer.autocorrelation(x, 2):mean(1)
    near(1, rho[1]:item(), 1e-12)
    near(phi ^ 2, rho[3]:item(), 0.05)
  end)

  it('give the narrowest interval', function()
    local x = t{0, 1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 9}
    assert.are.same({1, 1.7}, infer.hpdi(x, 0.7):totable())
  end)

  it('refuse what they cannot use', function()
    assert.has_error(function() infer.gelman_rubin(tocha.zeros(1, 10)) end,
      'gelman_rubin: got 1 chain, takes at least 2; split_gelman_rubin takes one')
    assert.has_error(function() infer.effective_sample_size(tocha.zeros(3)) end)
    local function discrete() infer.sample('k', D.Bernoulli(0.5)) end
    local ok, message = pcall(function() infer.MCMC(infer.NUTS(discrete)):run() end)
    assert.is_false(ok)
    assert.is_truthy(message:find("'k' is discrete", 1, true))
  end)
end)
