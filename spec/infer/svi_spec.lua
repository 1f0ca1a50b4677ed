--- Variational inference: statements of models, guides, the ELBO, predictions.

local tocha = require 'tocha'
local infer, D, optim = tocha.infer, tocha.distributions, tocha.optim
local f64 = {dtype = 'float64'}

local function t(v) return tocha.tensor(v, f64) end

local function near(want, got, within)
  assert.is_true(math.abs(want - got) < within, ('got %g, not %g within %g'):format(got, want, within))
end

local data = {1.2, 0.4, 2.1, 1.7, 0.9}
local function model(y)
  local mu = infer.sample('mu', D.Normal(t(0), t(2)))
  return infer.sample('y', D.Normal(mu, 1):expand{5}, {obs = y})
end

-- the posterior of mu, and the log evidence of the data
local function exactly()
  local n, sum, square = #data, 0, 0
  for _, v in ipairs(data) do sum, square = sum + v, square + v * v end
  local precision = 1 / 4 + n
  local mean = sum / precision
  local log_evidence = -n / 2 * math.log(2 * math.pi) - math.log(2) - 0.5 * math.log(precision) - 0.5 * square + 0.5 * mean * sum
  return mean, math.sqrt(1 / precision), log_evidence
end

before_each(function()
  tocha.manual_seed(4)
  infer.clear_param_store()
end)

describe('a model', function()
  it('is traced, conditioned and replayed', function()
    local trace, y = infer.trace(model, t(data))
    assert.is_true(trace.sites.y.observed)
    assert.is_false(trace.sites.mu.observed)
    assert.are.equal(trace.sites.y.value, y)
    local mu = trace.sites.mu.value
    local want = D.Normal(t(0), t(2)):log_prob(mu) + D.Normal(mu, 1):log_prob(t(data)):sum()
    near(want:item(), trace:log_density():item(), 1e-9)
    near(want:item(), infer.log_density(model, {mu = mu}, t(data)):item(), 1e-9)
    local conditioned = infer.trace(infer.condition(model, {mu = t(3)}), nil)
    assert.is_true(conditioned.sites.mu.observed)
    assert.are.equal(1, #conditioned:latent())
  end)

  it('scales densities, and refuses names that occur twice', function()
    local trace = infer.trace(function() infer.sample('y', D.Normal(0, 1), {obs = 1, scale = 10}) end)
    near(10 * (-0.5 - 0.5 * math.log(2 * math.pi)), trace:log_density():item(), 1e-5)
    local ok, message = pcall(infer.trace, function()
      infer.sample('a', D.Normal(0, 1))
      infer.sample('a', D.Normal(0, 1))
    end)
    assert.is_false(ok)
    assert.is_truthy(message:find("'a' occurs twice", 1, true))
    assert.are.same({}, infer.sample('free', D.Normal(0, 1)).shape) -- the failed run left no handler behind
  end)
end)

describe('SVI', function()
  it('finds a normal posterior with AutoNormal, and its evidence', function()
    local guide = infer.AutoNormal(model)
    local svi = infer.SVI(model, guide, optim.Adam, {lr = 0.05, num_particles = 4})
    for i = 1, 400 do
      if i == 300 then svi.optimizer.param_groups[1].lr = 0.005 end
      svi:step(t(data))
    end
    local mean, std, log_evidence = exactly()
    local store = infer.get_param_store()
    near(mean, store:get('auto.mu.loc'):item(), 0.05)
    near(std, store:get('auto.mu.scale'):item(), 0.05)
    near(mean, guide:median().mu:item(), 0.05)
    svi.num_particles = 200
    near(-log_evidence, svi:evaluate_loss(t(data)), 0.05)
  end)

  it('finds the most probable value with AutoDelta', function()
    local function positive(y)
      local rate = infer.sample('rate', D.Gamma(t(3), t(1)))
      infer.sample('y', D.Poisson(rate), {obs = y})
    end
    local guide = infer.AutoDelta(positive)
    local svi = infer.SVI(positive, guide, optim.Adam, {lr = 0.05})
    for _ = 1, 300 do svi:step(t{3, 5, 4}) end
    near(14 / 4, guide:median().rate:item(), 0.02)            -- the mode of Gamma(3 + 12, 1 + 3)
  end)

  it('trains parameters of guide and model that are written out, with constraints', function()
    local function learned(y)
      local mu = infer.sample('mu', D.Normal(infer.param('prior', t(0)), t(2)))
      infer.sample('y', D.Normal(mu, 1), {obs = y})
    end
    local function guide()
      local loc = infer.param('loc', t(0))
      local scale = infer.param('scale', t(1), {constraint = D.constraints.positive})
      infer.sample('mu', D.Normal(loc, scale))
    end
    local svi = infer.SVI(learned, guide, optim.Adam, {lr = 0.03})
    for _ = 1, 600 do svi:step(t(data)) end
    -- the best prior mean is the data's, and the posterior's then too
    local store = infer.get_param_store()
    near(1.26, store:get('prior'):item(), 0.25)
    near(1.26, store:get('loc'):item(), 0.15)
    near(math.sqrt(1 / 5.25), store:get('scale'):item(), 0.1)
    assert.are.same({'loc', 'scale', 'prior'}, store.names)
  end)

  it('estimates gradients through discrete variables by their score', function()
    local function coin()
      local k = infer.sample('k', D.Bernoulli(t(0.5)))
      infer.sample('y', D.Normal(k * 2, t(1)), {obs = t(1.5)})
    end
    local function guide() infer.sample('k', D.Bernoulli(infer.param('p', t(0.5), {constraint = D.constraints.unit_interval}))) end
    local svi = infer.SVI(coin, guide, optim.Adam, {lr = 0.05, num_particles = 8})
    for _ = 1, 300 do svi:step() end
    local one, zero = math.exp(-0.125), math.exp(-1.125)
    near(one / (one + zero), infer.get_param_store():get('p'):item(), 0.08)
  end)

  it('trains networks that are declared by module', function()
    local net = tocha.nn.Linear(1, 1)
    local x = tocha.linspace(-1, 1, 20):view(-1, 1)
    local function regression(y)
      infer.module('net', net)
      infer.sample('y', D.Normal(net(x), 0.1), {obs = y})
    end
    local svi = infer.SVI(regression, function() end, optim.Adam, {lr = 0.1})
    for _ = 1, 200 do svi:step(x * 3 + 1) end
    near(3, net.weight:item(), 0.01)
    near(1, net.bias:item(), 0.01)
    assert.are.same({'net.weight', 'net.bias'}, infer.get_param_store().names)
  end)

  it('says what is missing', function()
    local function message(f, ...) return select(2, pcall(f, ...)) end
    assert.is_truthy(message(infer.SVI, model, nil, optim.Adam):find('guide', 1, true))
    assert.is_truthy(message(infer.SVI, model, model, 3):find('takes a class of tocha.optim', 1, true))
    local svi = infer.SVI(model, function() infer.param('x', 0) end, optim.Adam)
    assert.is_truthy(message(svi.step, svi, t(data)):find("does not sample 'mu'", 1, true))
  end)
end)

describe('Predictive', function()
  it('draws from the prior, from posterior samples and from a guide', function()
    local prior = infer.Predictive(model, {num_samples = 300})(nil)
    assert.are.same({300, 5}, prior.y.shape)
    near(math.sqrt(5), prior.y:std():item(), 0.4)
    local posterior = infer.Predictive(model, {posterior_samples = {mu = tocha.full({200}, 7, f64)}})(nil)
    near(7, posterior.y:mean():item(), 0.2)
    local guided = infer.Predictive(model, {num_samples = 50, guide = function() infer.sample('mu', D.Normal(t(-5), t(0.1))) end})(nil)
    near(-5, guided.mu:mean():item(), 0.2)
  end)
end)
