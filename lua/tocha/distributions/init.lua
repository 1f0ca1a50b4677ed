--- tocha.distributions: probability distributions, their transforms, constraints and divergences. A class is loaded when
-- it is first used.
-- @module tocha.distributions

local distributions = {}

-- which file gives which class: a file of one class returns it, others return a table
local one = {
  distribution = 'Distribution', exponentialfamily = 'ExponentialFamily', independent = 'Independent',
  transformed = 'TransformedDistribution', mixture = 'MixtureSameFamily', bernoulli = 'Bernoulli', beta = 'Beta',
  binomial = 'Binomial', categorical = 'Categorical', continuousbernoulli = 'ContinuousBernoulli', dirichlet = 'Dirichlet',
  exponential = 'Exponential', fishersnedecor = 'FisherSnedecor', generalizedpareto = 'GeneralizedPareto',
  geometric = 'Geometric', gumbel = 'Gumbel', inversegamma = 'InverseGamma', kumaraswamy = 'Kumaraswamy',
  laplace = 'Laplace', lkjcholesky = 'LKJCholesky', lognormal = 'LogNormal', logisticnormal = 'LogisticNormal',
  lowrankmultivariatenormal = 'LowRankMultivariateNormal', multinomial = 'Multinomial',
  multivariatenormal = 'MultivariateNormal', negativebinomial = 'NegativeBinomial', normal = 'Normal', pareto = 'Pareto',
  poisson = 'Poisson', studentt = 'StudentT', uniform = 'Uniform', vonmises = 'VonMises', weibull = 'Weibull',
  halfnormal = 'HalfNormal', wishart = 'Wishart',
}
local several = {
  cauchy = 'Cauchy HalfCauchy', gamma = 'Gamma Chi2',
  onehotcategorical = 'OneHotCategorical OneHotCategoricalStraightThrough',
  relaxedbernoulli = 'RelaxedBernoulli LogitRelaxedBernoulli',
  relaxedonehotcategorical = 'RelaxedOneHotCategorical ExpRelaxedCategorical',
  kl = 'kl_divergence register_kl', registry = 'biject_to transform_to ConstraintRegistry',
}
local packages = {
  transforms = 'transforms', constraints = 'constraints', kl = 'kl', utils = 'utils', constraint_registry = 'registry',
}

local file_of = {}
for file, name in pairs(one) do file_of[name] = file end
for file, names in pairs(several) do
  for name in names:gmatch('%S+') do file_of[name] = file end
end

-- classes of transforms are here too, as in PyTorch
local function find(name)
  if packages[name] then return require('tocha.distributions.' .. packages[name]) end
  local file = file_of[name]
  if file then
    local value = require('tocha.distributions.' .. file)
    return several[file] and value[name] or value
  end
  if type(name) == 'string' and (name:find('Transform$') or name == 'identity_transform') then
    return require('tocha.distributions.transforms')[name]
  end
end

--- The names of all classes and functions here, sorted: for completion and documentation.
function distributions.names()
  local out = {}
  for name in pairs(file_of) do out[#out + 1] = name end
  for name in pairs(packages) do out[#out + 1] = name end
  table.sort(out)
  return out
end

return setmetatable(distributions, {__index = function(self, name)
  local value = find(name)
  if value ~= nil then rawset(self, name, value) end
  return value
end})
