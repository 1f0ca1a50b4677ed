--- Bayesian regression with NUTS: a line through points of which some are wrong, with honest uncertainty.
--     luajit examples/bayes_regression.lua --draws 600

local tocha = require 'tocha'
local infer, D, utils = tocha.infer, tocha.distributions, tocha.utils

local o = utils.options('bayes_regression', {
  {'draws', 500, 'draws of each chain'},
  {'warmup', 300, 'iterations of warm-up'},
  {'chains', 2, 'chains'},
  {'points', 40, 'how many points there are'},
  {'seed', 1, 'the same seed gives the same numbers'},
}, arg)
tocha.manual_seed(o.seed)

-- y = 1 + 2 x + noise; every eighth point is far off
local n = o.points
local x = tocha.linspace(-2, 2, n)
local y = x * 2 + 1 + tocha.randn(n) * 0.5
for i = 4, n, 8 do y[i] = y[i]:item() + 8 end

-- Student's t has heavy tails, so that outliers pull little; its degrees of freedom are found too
local function robust()
  local intercept = infer.sample('intercept', D.Normal(0, 5))
  local slope = infer.sample('slope', D.Normal(0, 5))
  local noise = infer.sample('noise', D.HalfNormal(2))
  local freedom = infer.sample('freedom', D.Gamma(2, 0.1))
  infer.sample('y', D.StudentT(freedom, x * slope + intercept, noise), {obs = y})
end

local function least_squares()
  local intercept = infer.sample('intercept', D.Normal(0, 5))
  local slope = infer.sample('slope', D.Normal(0, 5))
  local noise = infer.sample('noise', D.HalfNormal(5))
  infer.sample('y', D.Normal(x * slope + intercept, noise), {obs = y})
end

local options = {num_samples = o.draws, warmup_steps = o.warmup, num_chains = o.chains}
local normal = infer.MCMC(infer.NUTS(least_squares), options):run()
print('with normal noise (the truth: intercept 1, slope 2, noise 0.5):')
print(normal)
local mcmc = infer.MCMC(infer.NUTS(robust), options):run()
print('\nwith heavy tails:')
print(mcmc)

-- the band in which the line lies with 90 %
local draws = mcmc:get_samples()
local lines = draws.intercept:unsqueeze(2) + draws.slope:unsqueeze(2) * x
local band = infer.hpdi(lines, 0.9)
local function column(v) return math.floor((v + 4) / 18 * 60 + 0.5) + 1 end
print('\no: points, |: where the line is, 90 %')
for i = 1, n, 2 do
  local row = {}
  for c = 1, 61 do row[c] = ' ' end
  for c = math.max(1, column(band[{1, i}]:item())), math.min(61, column(band[{2, i}]:item())) do row[c] = '|' end
  row[math.max(1, math.min(61, column(y[i]:item())))] = 'o'
  print(('x=%5.2f %s'):format(x[i]:item(), table.concat(row)))
end
