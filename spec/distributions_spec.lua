-- Distributions: densities against formulas written out, moments and entropies against samples, gradients through samples,
-- divergences against Monte Carlo, transforms against their inverses and numeric Jacobians, constraints' errors.
local tocha = require 'tocha'
local S = require 'spec.support'
local D = tocha.distributions
local T, C = D.transforms, D.constraints

local function f64(v) return tocha.tensor(v, {dtype = 'float64'}) end
local function close(got, want, rtol, atol) S.close(got, want, rtol or 1e-9, atol or 1e-9) end

-- one of each, with two entries in the batch where that is possible
local function everyone()
  local m = f64{{2, 0.5}, {0.5, 1}}
  return {
    Bernoulli = D.Bernoulli(f64{0.2, 0.7}), Beta = D.Beta(f64{2, 0.7}, f64{3, 1.5}), Binomial = D.Binomial(5, f64{0.2, 0.7}),
    ContinuousBernoulli = D.ContinuousBernoulli(f64{0.2, 0.5}), Chi2 = D.Chi2(f64{2, 5}),
    Dirichlet = D.Dirichlet(f64{{1, 2, 3}, {0.5, 2, 2}}), Exponential = D.Exponential(f64{1, 2}),
    FisherSnedecor = D.FisherSnedecor(f64{4, 6}, f64{12, 15}), Gamma = D.Gamma(f64{2, 0.7}, f64{1, 2}),
    GeneralizedPareto = D.GeneralizedPareto(f64{0, 1}, f64{1, 2}, f64{0.1, -0.3}), Geometric = D.Geometric(f64{0.2, 0.7}),
    Gumbel = D.Gumbel(f64{0.5, 1}, f64{1, 2}), HalfNormal = D.HalfNormal(f64{1, 2}),
    Independent = D.Independent(D.Normal(f64{0, 1}, f64{1, 2}), 1), InverseGamma = D.InverseGamma(f64{6, 7}, f64{1, 2}),
    Kumaraswamy = D.Kumaraswamy(f64{2, 0.8}, f64{3, 1.5}), Laplace = D.Laplace(f64{0, 1}, f64{1, 2}),
    LogNormal = D.LogNormal(f64{0, 0.5}, f64{0.5, 0.25}),
    LowRankMultivariateNormal = D.LowRankMultivariateNormal(f64{1, 2}, f64{{1}, {0.5}}, f64{1, 2}),
    MixtureSameFamily = D.MixtureSameFamily(D.Categorical(f64{0.3, 0.7}), D.Normal(f64{-1, 2}, f64{1, 0.5})),
    Multinomial = D.Multinomial(4, f64{{0.2, 0.3, 0.5}, {1, 1, 1}}), MultivariateNormal = D.MultivariateNormal(f64{1, 2}, m),
    NegativeBinomial = D.NegativeBinomial(f64{3, 5}, f64{0.3, 0.5}), Normal = D.Normal(f64{0, 1}, f64{1, 2}),
    OneHotCategorical = D.OneHotCategorical(f64{{0.2, 0.3, 0.5}, {1, 1, 1}}), Pareto = D.Pareto(f64{1, 2}, f64{6, 7}),
    Poisson = D.Poisson(f64{1, 4}), StudentT = D.StudentT(f64{8, 12}, f64{0, 1}, f64{1, 2}),
    Uniform = D.Uniform(f64{0, 1}, f64{1, 3}), Weibull = D.Weibull(f64{1, 2}, f64{1, 2}),
    Wishart = D.Wishart(f64(5), m),
  }
end

local n = 20000

-- within six standard errors of the mean of a sample (along dim 1)
local function agrees(what, sample, want)
  local mean, err = sample:mean(1), sample:std(1) / math.sqrt(n)
  local apart = (mean - want):abs() - err * 6 - 1e-9
  if not apart:le(0):all():item() then error(('%s: sample says %s, not %s'):format(what, tostring(mean), tostring(want)), 2) end
end

describe('every distribution', function()
  before_each(function() tocha.manual_seed(11) end)

  it('has the mean and the variance that its samples have', function()
    for name, d in pairs(everyone()) do
      local x = d:sample{n}
      assert.is_false(x.requires_grad)
      assert.are.same({n, unpack(D.utils.join(d.batch_shape, d.event_shape))}, x.shape)
      agrees(name .. ' mean', x, d.mean)
      agrees(name .. ' variance', (x - d.mean):square(), d.variance)
      close(d.stddev:square(), d.variance)
    end
  end)

  -- the largest distance between the empirical distribution of a sample and a distribution function (Kolmogorov and Smirnov), times
  -- the root of the size: below 1.95 for 99.9 in 100 good samples
  local function furthest(u) -- the distribution function at the sample, sorted
    local size = u:size(1)
    local rank = tocha.arange(1, size + 1, {dtype = 'float64'}):unsqueeze(2)
    u = u:reshape(size, -1):sort(1)
    return tocha.maximum((rank / size - u):abs(), (u - (rank - 1) / size):abs()):amax():item() * math.sqrt(size)
  end

  it('has samples that follow its distribution function', function()
    tocha.manual_seed(71)
    local tested = 0
    for name, d in pairs(everyone()) do
      local good, u = pcall(function() return d:cdf(d:sample({n})) end)
      local discrete = name == 'Binomial' or name == 'Poisson' or name == 'Geometric' or name == 'Bernoulli' or name == 'NegativeBinomial'
      if good and not discrete and #d.event_shape == 0 then
        tested = tested + 1
        assert.is_true(furthest(u) < 2.3, name .. ': ' .. furthest(u)) -- two of each of many distributions: a wider bound
      end
    end
    assert.is_true(tested >= 14, tested .. ' were tested')
  end)

  it('has samples whose transforms are uniform, where there is no distribution function', function()
    tocha.manual_seed(72)
    local gammainc = tocha.special.gammainc
    -- a beta variate over its sum with another gamma variate: x = a / (a + b) of Beta(2, 3) has the distribution function of a polynomial
    local x = D.Beta(f64(2), f64(3)):sample({n})
    assert.is_true(furthest(6 * x ^ 2 - 8 * x ^ 3 + 3 * x ^ 4) < 1.95)
    local t = D.StudentT(f64(2)):sample({n}) -- of two degrees of freedom: in closed form
    assert.is_true(furthest(t / (2 * (2 + t ^ 2):sqrt()) + 0.5) < 1.95)
    local f = D.FisherSnedecor(f64(2), f64(4)):sample({n})
    assert.is_true(furthest(1 - (1 + f / 2) ^ -2) < 1.95)
    assert.is_true(furthest(1 - gammainc(f64(3), 2 / D.InverseGamma(f64(3), f64(2)):sample({n}))) < 1.95)
    local p = D.Dirichlet(f64{1, 2, 3}):sample({n}):select(2, 3) -- Beta(3, 3)
    assert.is_true(furthest(10 * p ^ 3 - 15 * p ^ 4 + 6 * p ^ 5) < 1.95)
    local v = D.VonMises(f64(0.5), f64(1e-6)):sample({n}) -- nearly uniform on the circle
    assert.is_true(furthest((v + math.pi) / (2 * math.pi)) < 1.95)
    local m = D.MultivariateNormal(f64{1, 2}, f64{{2, 0.5}, {0.5, 1}}):sample({n})
    assert.is_true(furthest(tocha.special.ndtr((m:select(2, 1) - 1) / math.sqrt(2))) < 1.95)
    assert.is_true(furthest(tocha.special.ndtr((m:select(2, 1) + m:select(2, 2) - 3) / 2)) < 1.95)
  end)

  it('counts as its probabilities say', function()
    tocha.manual_seed(73)
    local function chi_square(d, values) -- in standard deviations, over the values with enough expected counts
      local x, total, cells = d:sample({n}), 0, 0
      for _, value in ipairs(values) do
        local expected = n * d:log_prob(f64(value)):exp():item()
        if expected > 8 then
          total, cells = total + (x:eq(value):sum():item() - expected) ^ 2 / expected, cells + 1
        end
      end
      return (total - cells) / math.sqrt(2 * cells)
    end
    local counts = {}
    for i = 0, 60 do counts[i + 1] = i end
    for name, d in pairs {
      Binomial = D.Binomial(60, f64(0.35)), Poisson = D.Poisson(f64(14)), small = D.Poisson(f64(0.8)), Geometric = D.Geometric(f64(0.2)),
      NegativeBinomial = D.NegativeBinomial(f64(4), f64(0.4)), Bernoulli = D.Bernoulli(f64(0.3)),
    } do assert.is_true(chi_square(d, name == 'Bernoulli' and {0, 1} or counts) < 4, name) end
    assert.is_true(chi_square(D.Categorical(f64{0.1, 0.2, 0.3, 0.4}), {1, 2, 3, 4}) < 4)
  end)

  it('has samples within its support, and finite densities there', function()
    for name, d in pairs(everyone()) do
      local density = d:log_prob(d:sample{200})
      assert.are.same({200, unpack(d.batch_shape)}, density.shape, name)
      assert.is_true(density:isfinite():all():item(), name)
    end
  end)

  it('has the entropy that is the mean of -log_prob', function()
    for name, d in pairs(everyone()) do
      if pcall(d.entropy, d) then agrees(name, -d:log_prob(d:sample{n}), d:entropy()) end
    end
    close(D.Categorical(f64{1, 1, 2}):perplexity(), math.exp(1.5 * math.log(2)))
  end)

  it('expands to other batch shapes', function()
    for name, d in pairs(everyone()) do
      local shape = D.utils.join({3}, d.batch_shape)
      local e = d:expand(shape)
      assert.are.same(shape, e.batch_shape, name)
      assert.are.same(d.event_shape, e.event_shape, name)
      local x = e:sample()
      assert.are.same(D.utils.join(shape, d.event_shape), x.shape, name)
      close(e:log_prob(x), d:log_prob(x))
    end
  end)

  it('has a distribution function and its inverse, where both are known', function()
    local q = f64{0.2, 0.7}
    for _, d in pairs(everyone()) do
      if #d.event_shape == 0 and pcall(d.icdf, d, q) then close(d:cdf(d:icdf(q)), q, 1e-6, 1e-6) end
    end
    close(D.Normal(0, 1):cdf(f64(1.96)), 0.9750021048517795, 1e-7)
    close(D.HalfCauchy(f64(2)):cdf(f64(2)), 0.5)
    close(D.Gamma(f64(1), f64(2)):cdf(f64(1)), 1 - math.exp(-2))
  end)

  it('sends gradients through reparameterised samples', function()
    for name, make in pairs{
      Normal = function(p) return D.Normal(p, 1) end, Gamma = function(p) return D.Gamma(p, 1) end,
      Beta = function(p) return D.Beta(p, 2) end, Laplace = function(p) return D.Laplace(0, p) end,
      StudentT = function(p) return D.StudentT(5, p, 1) end, Weibull = function(p) return D.Weibull(p, 2) end,
      Gumbel = function(p) return D.Gumbel(p, 1) end, LogNormal = function(p) return D.LogNormal(p, 1) end,
      Kumaraswamy = function(p) return D.Kumaraswamy(p, 2) end, Uniform = function(p) return D.Uniform(0, p) end,
      RelaxedBernoulli = function(p) return D.RelaxedBernoulli(0.5, {logits = p}) end,
    } do
      local p = f64{1, 2}:requires_grad_()
      local z = make(p):rsample{7}
      z:sum():backward()
      assert.is_true(p.grad:ne(0):all():item() and p.grad:isfinite():all():item(), name)
    end
    local a = tocha.full({n}, 2.5, {dtype = 'float64'}):requires_grad_() -- the mean of Gamma(a, 2) is a / 2
    D.Gamma(a, 2):rsample():sum():backward()
    agrees('d mean / d a', a.grad, 0.5)
    assert.error_matches(function() D.Poisson(2):rsample() end, 'Poisson: rsample')
  end)
end)

describe('densities', function()
  it('are those of the formulas', function()
    close(D.Normal(1, f64(2)):log_prob(f64(2)), -0.125 - math.log(2 * math.sqrt(2 * math.pi)))
    close(D.Cauchy(f64(0), 1):log_prob(f64(1)), -math.log(2 * math.pi))
    close(D.Gamma(f64(3), 2):log_prob(f64(1.5)), math.log(8 / 2 * 2.25) - 3)
    close(D.Beta(f64(2), 3):log_prob(f64(0.25)), math.log(12 * 0.25 * 0.75 ^ 2))
    close(D.Binomial(4, f64(0.3)):log_prob(f64(2)), math.log(6 * 0.09 * 0.49))
    close(D.NegativeBinomial(2, f64(0.3)):log_prob(f64(3)), math.log(4 * 0.49 * 0.027))
    close(D.Poisson(f64(2)):log_prob(f64(3)), math.log(8 / 6) - 2)
    close(D.Weibull(f64(2), 3):log_prob(f64(1)), math.log(3 / 2 / 4) - 1 / 8)
    close(D.Pareto(f64(2), 3):log_prob(f64(4)), math.log(3 * 8 / 4 ^ 4))
    close(D.Kumaraswamy(f64(2), 3):log_prob(f64(0.5)), math.log(6 * 0.5 * 0.75 ^ 2))
    close(D.Multinomial(3, f64{0.2, 0.3, 0.5}):log_prob(f64{1, 1, 1}), math.log(6 * 0.03))
    close(D.Dirichlet(f64{1, 2, 3}):log_prob(f64{0.2, 0.3, 0.5}), math.log(60 * 0.3 * 0.25))
    close(D.StudentT(f64(1)):log_prob(f64(1)), -math.log(2 * math.pi))
    close(D.InverseGamma(f64(2), 1):log_prob(f64(0.5)), math.log(8) - 2)
    close(D.VonMises(f64(0), f64(1e-9)):log_prob(f64(2)), -math.log(2 * math.pi), 1e-7)
    close(D.Categorical(f64{1, 2, 1}):log_prob(tocha.int64{2, 3}), {math.log(0.5), math.log(0.25)})
    close(D.LKJCholesky(2, f64(1)):log_prob(f64{{1, 0}, {0.6, 0.8}}), -math.log(2)) -- the correlation is uniform on -1..1
  end)

  it('of a vector do not depend on how its covariance is given', function()
    local cov = f64{{2, 0.5, 0.1}, {0.5, 1, 0.2}, {0.1, 0.2, 1.5}}
    local a = D.MultivariateNormal(f64{0, 1, 2}, cov)
    local b = D.MultivariateNormal(f64{0, 1, 2}, {precision_matrix = a.precision_matrix})
    local c = D.MultivariateNormal(f64{0, 1, 2}, {scale_tril = a.scale_tril})
    local x = f64{{1, 1, 1}, {0, 2, -1}}
    close(b:log_prob(x), a:log_prob(x), 1e-7)
    close(c:log_prob(x), a:log_prob(x))
    close(a.precision_matrix:matmul(cov), tocha.eye(3))
    local w, d = f64{{1}, {0.5}, {-1}}, f64{1, 2, 0.5}
    local low = D.LowRankMultivariateNormal(f64{0, 1, 2}, w, d)
    local full = D.MultivariateNormal(f64{0, 1, 2}, w:matmul(w.mT) + d:diag_embed())
    close(low:log_prob(x), full:log_prob(x))
    close(low.scale_tril, full.scale_tril)
    close(low.precision_matrix, full.precision_matrix)
    close(low:entropy(), full:entropy())
  end)
end)

describe('classes', function()
  it('count from 1', function()
    local d = D.Categorical(tocha.tensor{0, 0, 1})
    assert.are.same({3, 3}, d:sample{2}:totable())
    assert.are.equal(3, d.mode:item())
    assert.are.same({1, 2, 3}, d:enumerate_support():totable())
    assert.has_error(function() d:log_prob(tocha.int64{0}) end)
    assert.are.same({{0, 0, 1}}, D.OneHotCategorical(tocha.tensor{0, 0, 1}):sample{1}:totable())
  end)

  it('as one-hot vectors pass gradients straight through', function()
    local logits = f64{0.1, 0.2, 0.3}:requires_grad_()
    local z = D.OneHotCategoricalStraightThrough{logits = logits}:rsample()
    assert.are.equal(1, z:sum():item())
    z[1]:backward()
    assert.is_true(logits.grad:ne(0):all():item())
  end)
end)

describe('kl_divergence', function()
  it('is the mean of the difference of the logarithms', function()
    tocha.manual_seed(5)
    local u = D.Uniform(f64{0.1, 0.5}, f64{0.9, 1})
    local pairs_of = {
      {D.Normal(f64{0, 1}, f64{1, 2}), D.Normal(f64{1, 0}, f64{2, 1})}, {D.Gamma(f64{2, 3}, f64{1, 2}), D.Gamma(f64{1, 3}, f64{1, 1})},
      {D.Beta(f64{2, 3}, f64{3, 1}), D.Beta(f64{1, 2}, f64{1, 2})}, {D.Normal(f64{0, 1}, f64{1, 2}), D.Laplace(f64{1, 0}, f64{2, 1})},
      {D.Exponential(f64{1, 2}), D.Gumbel(f64{0, 1}, f64{1, 2})}, {u, D.Beta(f64{2, 3}, f64{3, 1})}, {u, D.Gamma(f64{2, 3}, f64{3, 1})},
      {D.Categorical(f64{{0.2, 0.8}, {1, 1}}), D.Categorical(f64{{1, 1}, {1, 3}})}, {D.Poisson(f64{1, 2}), D.Poisson(f64{2, 2})},
      {D.Wishart(f64(4), f64{{2, 0.5}, {0.5, 1}}), D.Wishart(f64(5), f64{{1, 0.2}, {0.2, 2}})},
      {D.LogNormal(f64{0, 1}, f64{1, 2}), D.LogNormal(f64{1, 0}, f64{2, 1})},
    }
    for _, pair in ipairs(pairs_of) do
      local p, q = pair[1], pair[2]
      local x = p:sample{n}
      agrees(tostring(p) .. ' ' .. tostring(q), p:log_prob(x) - q:log_prob(x), D.kl_divergence(p, q))
    end
  end)

  it('is infinite where the support does not fit, and takes new pairs', function()
    assert.are.equal(math.huge, D.kl_divergence(D.Normal(0, 1), D.Exponential(1)):item())
    S.fails(function() D.kl_divergence(D.Poisson(1), D.Normal(0, 1)) end, 'kl_divergence', 'Poisson', 'Normal')
    local Mine = tocha.class('Mine', D.Normal)
    D.register_kl(Mine, Mine, function() return 42 end)
    assert.are.equal(42, D.kl_divergence(Mine(0, 1), Mine(0, 1)))
    close(D.kl_divergence(Mine(0, 1), D.Normal(0, 1)), 0)
  end)
end)

describe('transforms', function()
  it('go back, and know their Jacobian', function()
    local x = f64{0.3, 1.2, 0.7}
    for _, t in ipairs{T.ExpTransform(), T.SigmoidTransform(), T.SoftplusTransform(), T.TanhTransform(), T.AffineTransform(1, -2),
      T.PowerTransform(f64(3)), T.ComposeTransform{T.ExpTransform(), T.AffineTransform(1, 2)}, T.ExpTransform().inv,
      T.CumulativeDistributionTransform(D.Normal(f64(0), 1)), T.identity_transform} do
      local v = x:clone():requires_grad_()
      local y = t(v)
      close(t.inv(y), x, 1e-6, 1e-7)
      local slope = tocha.autograd.grad(y:sum(), {v}, {create_graph = true})
      close(t:log_abs_det_jacobian(v, y), slope:abs():log(), 1e-6, 1e-7)
      assert.are.equal(t, t.inv.inv)
    end
  end)

  it('of vectors and matrices go back, and keep what they promise', function()
    local x = f64{{0.3, -0.2, 0.5}, {1, 0, -1}}
    local simplex, corr = T.StickBreakingTransform(), T.CorrCholeskyTransform()
    assert.is_true(C.simplex:check(simplex(x)):all():item())
    close(simplex.inv(simplex(x)), x, 1e-7)
    assert.is_true(C.corr_cholesky:check(corr(x)):all():item())
    close(corr.inv(corr(x)), x, 1e-7)
    local m = f64{{0.3, 0}, {-1, 0.2}}
    assert.is_true(C.positive_definite:check(T.PositiveDefiniteTransform()(m)):item())
    close(T.PositiveDefiniteTransform().inv(T.PositiveDefiniteTransform()(m)), m)
    local cat = T.CatTransform({T.ExpTransform(), T.AffineTransform(0, 2)}, 2, {1, 2})
    close(cat(x):select(2, 3), x:select(2, 3) * 2)
    close(cat.inv(cat(x)), x)
    close(T.StackTransform({T.ExpTransform(), T.identity_transform}, 1)(x)[2], x[2])
    assert.are.same({2, 3, 1}, T.ReshapeTransform({3}, {3, 1})(x).shape)
  end)

  it('are found by the constraint that they should satisfy', function()
    local x = f64{{0.3, -2}, {1, 0}}
    for _, c in ipairs{C.real, C.positive, C.nonnegative, C.greater_than(2), C.less_than(-1), C.interval(-1, 3), C.unit_interval,
      C.simplex, C.lower_cholesky, C.positive_definite, C.real_vector, C.independent(C.positive, 1)} do
      for _, registry in ipairs{D.biject_to, D.transform_to} do
        assert.is_true(c:check(registry(c)(x)):all():item(), tostring(c))
      end
    end
    S.fails(function() D.biject_to(C.boolean) end, 'Boolean')
  end)
end)

describe('what is not allowed', function()
  it('is refused with the names of the parameter and its constraint', function()
    S.fails(function() D.Normal(0, -1) end, 'Normal', 'scale', '-1', 'GreaterThan(lower_bound=0)')
    S.fails(function() D.Normal(tocha.nan, 1) end, 'loc', 'Real')
    S.fails(function() D.Bernoulli(1.5) end, 'Bernoulli', 'probs', '1.5')
    S.fails(function() D.Bernoulli() end, 'exactly one of probs, logits')
    S.fails(function() D.Bernoulli(0.5, {logits = 0}) end, 'exactly one of probs, logits')
    S.fails(function() D.Uniform(1, 0) end, 'Uniform', 'low')
    S.fails(function() D.MultivariateNormal(tocha.zeros(2), -tocha.eye(2)) end, 'covariance_matrix', 'PositiveDefinite')
    S.fails(function() D.Normal{loc = 0, scale = 1, sigma = 2} end, 'sigma', 'loc, scale')
    S.fails(function() D.Exponential(1):log_prob(tocha.tensor(-1)) end, 'value', 'support', 'GreaterThanEq')
    S.fails(function() D.Normal(tocha.zeros(3), 1):log_prob(tocha.zeros(2)) end, 'Normal: value', '[2]', '[3]')
    S.fails(function() D.Cauchy(0, 1):enumerate_support() end, 'Cauchy', 'enumerate_support')
  end)

  it('is let through without validation', function()
    assert.is_true(D.Normal(0, -1, {validate_args = false}):log_prob(tocha.tensor(1)):isnan():item())
    D.Distribution.set_default_validate_args(false)
    local good = pcall(D.Normal, 0, -1)
    D.Distribution.set_default_validate_args(true)
    assert.is_true(good)
  end)
end)
