--- tocha.distributions: probability distributions, their transforms, constraints and divergences. A class is loaded when
-- it is first used.
-- @module tocha.distributions

-- classes of transforms are here too, as in PyTorch
return require 'tocha.onuse'({}, 'tocha.distributions.', {
  distribution = 'Distribution', exponentialfamily = 'ExponentialFamily', independent = 'Independent',
  transformed = 'TransformedDistribution', mixture = 'MixtureSameFamily', bernoulli = 'Bernoulli', beta = 'Beta',
  binomial = 'Binomial', categorical = 'Categorical', continuousbernoulli = 'ContinuousBernoulli', dirichlet = 'Dirichlet',
  exponential = 'Exponential', fishersnedecor = 'FisherSnedecor', generalizedpareto = 'GeneralizedPareto',
  geometric = 'Geometric', gumbel = 'Gumbel', inversegamma = 'InverseGamma', kumaraswamy = 'Kumaraswamy', laplace = 'Laplace',
  lkjcholesky = 'LKJCholesky', lognormal = 'LogNormal', logisticnormal = 'LogisticNormal',
  lowrankmultivariatenormal = 'LowRankMultivariateNormal', multinomial = 'Multinomial',
  multivariatenormal = 'MultivariateNormal', negativebinomial = 'NegativeBinomial', normal = 'Normal', pareto = 'Pareto',
  poisson = 'Poisson', studentt = 'StudentT', uniform = 'Uniform', vonmises = 'VonMises', weibull = 'Weibull',
  halfnormal = 'HalfNormal', wishart = 'Wishart',
  cauchy = 'Cauchy HalfCauchy', gamma = 'Gamma Chi2',
  onehotcategorical = 'OneHotCategorical OneHotCategoricalStraightThrough',
  relaxedbernoulli = 'RelaxedBernoulli LogitRelaxedBernoulli',
  relaxedonehotcategorical = 'RelaxedOneHotCategorical ExpRelaxedCategorical',
  kl = 'kl_divergence register_kl', registry = 'biject_to transform_to ConstraintRegistry',
  transform = 'Transform ComposeTransform IndependentTransform ReshapeTransform InverseTransform identity_transform',
  transforms_scalar = [[AbsTransform AffineTransform CumulativeDistributionTransform ExpTransform PowerTransform SigmoidTransform
    SoftplusTransform TanhTransform]],
  transforms_matrix = [[CatTransform CorrCholeskyTransform LowerCholeskyTransform PositiveDefiniteTransform SoftmaxTransform
    StackTransform StickBreakingTransform]],
}, 'transforms constraints kl utils constraint_registry=registry')
