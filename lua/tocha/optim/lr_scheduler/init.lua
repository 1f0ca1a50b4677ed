--- tocha.optim.lr_scheduler: schedules of the learning rate. A class is loaded when it is first used.
-- @module tocha.optim.lr_scheduler

return require 'tocha.onuse'({}, 'tocha.optim.lr_scheduler.', {
  base = 'LRScheduler', onecyclelr = 'OneCycleLR', cycliclr = 'CyclicLR', reducelronplateau = 'ReduceLROnPlateau',
  factors = 'StepLR MultiStepLR ConstantLR LinearLR ExponentialLR PolynomialLR LambdaLR MultiplicativeLR',
  cosine = 'CosineAnnealingLR CosineAnnealingWarmRestarts',
  warmup = 'WarmupConstantLR WarmupLinearLR WarmupCosineLR WarmupInverseSqrtLR',
  compose = 'ChainedScheduler SequentialLR',
})
