-- coverage-layers.lua: which names of PyTorch's and Torch7's layers, losses, optimizers and distributions Tocha has, under which name the
-- others are found, and why some are left out (usage: luajit tools/coverage-layers.lua > docs/coverage.md). tools/names/ holds the names, a
-- group a line; the library itself is asked for each, and for each other name that this file gives.
package.path = 'lua/?.lua;lua/?/init.lua;' .. package.path
local tocha = require 'tocha'

-- Names that Tocha spells in another way: NAME=PATH in tocha. A dotted path may end in a method of a class or module.
local elsewhere_list = [[
  WeightNorm=nn.utils.parametrizations.weight_norm LinearWeightNorm=nn.utils.parametrizations.weight_norm
  Decorator=nn.Module NaN=autograd.detect_anomaly Profile=profiler.profile Convert=nn.Module.type GPU=nn.Module.to
  Collapse=nn.Flatten SparseLinear=nn.EmbeddingBag IndexLinear=nn.EmbeddingBag LookupTable=nn.Embedding Copy=nn.Module.to
  SpatialDropout=nn.Dropout2d VolumetricDropout=nn.Dropout3d
  BatchNormalization=nn.BatchNorm1d SpatialBatchNormalization=nn.BatchNorm2d VolumetricBatchNormalization=nn.BatchNorm3d
  LayerNormalization=nn.LayerNorm SpatialCrossMapLRN=nn.LocalResponseNorm
  HardTanh=nn.Hardtanh LogSoftMax=nn.LogSoftmax SoftMax=nn.Softmax SoftMin=nn.Softmin SoftPlus=nn.Softplus SoftSign=nn.Softsign
  TanhShrink=nn.Tanhshrink HardShrink=nn.Hardshrink SoftShrink=nn.Softshrink GatedLinearUnit=nn.GLU SpatialSoftMax=nn.Softmax2d
  SpatialLogSoftMax=nn.LogSoftmax
  SpatialConvolution=nn.Conv2d SpatialFullConvolution=nn.ConvTranspose2d SpatialConvolutionMM=nn.Conv2d
  SpatialDepthWiseConvolution=nn.Conv2d SpatialDilatedConvolution=nn.Conv2d SpatialMaxPooling=nn.MaxPool2d
  SpatialDilatedMaxPooling=nn.MaxPool2d SpatialMaxUnpooling=nn.MaxUnpool2d SpatialFractionalMaxPooling=nn.FractionalMaxPool2d
  SpatialLPPooling=nn.LPPool2d SpatialAveragePooling=nn.AvgPool2d SpatialAdaptiveMaxPooling=nn.AdaptiveMaxPool2d
  SpatialAdaptiveAveragePooling=nn.AdaptiveAvgPool2d SpatialZeroPadding=nn.ZeroPad2d SpatialReflectionPadding=nn.ReflectionPad2d
  SpatialReplicationPadding=nn.ReplicationPad2d SpatialUpSamplingNearest=nn.UpsamplingNearest2d
  SpatialUpSamplingBilinear=nn.UpsamplingBilinear2d UpSampling=nn.Upsample
  TemporalConvolution=nn.Conv1d TemporalMaxPooling=nn.MaxPool1d TemporalRowConvolution=nn.Conv1d
  VolumetricConvolution=nn.Conv3d VolumetricFullConvolution=nn.ConvTranspose3d VolumetricDilatedConvolution=nn.Conv3d
  VolumetricMaxPooling=nn.MaxPool3d VolumetricDilatedMaxPooling=nn.MaxPool3d VolumetricFractionalMaxPooling=nn.FractionalMaxPool3d
  VolumetricMaxUnpooling=nn.MaxUnpool3d VolumetricAveragePooling=nn.AvgPool3d VolumetricReplicationPadding=nn.ReplicationPad3d
  MSECriterion=nn.MSELoss SmoothL1Criterion=nn.SmoothL1Loss SoftMarginCriterion=nn.SoftMarginLoss AbsCriterion=nn.L1Loss
  ClassNLLCriterion=nn.NLLLoss SpatialClassNLLCriterion=nn.NLLLoss DistKLDivCriterion=nn.KLDivLoss
  HingeEmbeddingCriterion=nn.HingeEmbeddingLoss CosineEmbeddingCriterion=nn.CosineEmbeddingLoss
  MarginRankingCriterion=nn.MarginRankingLoss MultiMarginCriterion=nn.MultiMarginLoss
  MultiLabelMarginCriterion=nn.MultiLabelMarginLoss MultiLabelSoftMarginCriterion=nn.MultiLabelSoftMarginLoss BCECriterion=nn.BCELoss
  CrossEntropyCriterion=nn.CrossEntropyLoss
  sgd=optim.SGD asgd=optim.ASGD lbfgs=optim.LBFGS cg=optim.ConjugateGradient adadelta=optim.Adadelta adagrad=optim.Adagrad
  adam=optim.Adam adamax=optim.Adamax fista=optim.FISTA nag=optim.SGD rmsprop=optim.RMSprop rprop=optim.Rprop cmaes=optim.CMAES
  de=optim.DifferentialEvolution lswolfe=optim.LBFGS polyinterp=optim.LBFGS checkgrad=autograd.gradcheck
  batchAdd=utils.ConfusionMatrix.add updateValids=utils.ConfusionMatrix.accuracy render=utils.ConfusionMatrix.__tostring
  __tostring__=utils.ConfusionMatrix.__tostring zero=utils.ConfusionMatrix setNames=utils.Logger plot=utils.Logger.plot setlogscale=utils.Logger.plot
  style=utils.Logger.plot display=utils.Logger.plot
]]
local elsewhere = {}
for name, path in elsewhere_list:gmatch('(%S+)=(%S+)') do elsewhere[name] = path end

local lazy = 'lazy layers become ordinary ones when they see their input; no parameter is ever without a shape'
local vendor = 'they choose between kernels of one vendor\'s GPUs; `scaled_dot_product_attention` chooses by itself'
local reasons = {
  ['one process and one GPU: there is nothing to spread over'] = 'DataParallel DistributedDataParallel torch.nn.parallel.data_parallel',
  ['no such device'] = 'xpu',
  [vendor] = [[grouped_mm scaled_mm scaled_grouped_mm nn.attention.sdpa_kernel nn.attention.SDPBackend nn.attention.flex_attention
    nn.attention.bias]],
  ['PyTorch 2.15 has no such function'] = 'gated_delta_rule',
  [lazy] = 'UninitializedParameter UninitializedBuffer',
  ['processes that share tensors are no part of Tocha; workers of a `DataLoader` have what the process had'] = 'share_memory',
  ['PyTorch\'s inner functions; the classes call C'] = 'adadelta adafactor adagrad adam adamax adamw asgd muon nadam radam rmsprop rprop sgd sparse_adam',
  ['`net:to(dtype)` casts floating tensors only'] = 'DontCast',
  ['superseded: batch and group normalisation'] = [[SpatialSubtractiveNormalization SpatialDivisiveNormalization
    SpatialContrastiveNormalization]],
  ['superseded: grouped convolutions, `nn.Unfold`'] = [[SpatialConvolutionLocal SpatialConvolutionMap SpatialFullConvolutionMap]],
  ['a pooling with weights of its own: `AvgPool2d` and a layer `CMul`'] = 'SpatialSubSampling TemporalSubSampling',
  ['`topk` and `gather` in a forward of one\'s own'] = 'TemporalDynamicKMaxPooling',
  ['clustering is no layer; sums of a tensor'] = 'Kmeans FeatureLPPooling',
  ['a slice of `Linear`: `F.linear(x, weight[rows])`'] = 'PartialLinear',
  ['no users that could be found'] = 'SpatialAutoCropMSECriterion ClassSimplexCriterion farFrr',
}
local why = {}
for reason, names in pairs(reasons) do
  for name in names:gmatch('%S+') do why[name] = reason end
end

-- the value at a dotted path under tocha, or nil
local function at(path)
  local good, value = pcall(function()
    local t = tocha
    for part in path:gmatch('[^.]+') do t = t[part] end
    return t
  end)
  return good and value or nil
end

local function under(space)
  return function(name) return at(space .. '.' .. name) end
end

-- a method or option is asked of an instance
local normal = tocha.distributions.Normal(0, 1)
local weights = tocha.zeros(2, 2)
local own_state = {get_extra_state = true, set_extra_state = true} -- a class defines them; state_dict calls them (nn/module_state.lua)
local options = {
  ['param-groups'] = function() return tocha.optim.SGD({{params = {weights}, lr = 1}}) end,
  ['named-parameters'] = function() return tocha.optim.SGD(tocha.nn.Linear(2, 2):named_parameters()) end,
  closure = function() return tocha.optim.SGD({weights}):step(function() return true end) end,
  nesterov = function() return tocha.optim.SGD({weights}, {momentum = 0.9, nesterov = true}) end,
}
local function option(name)
  local good, value = pcall(options[name] or function() return tocha.optim.RMSprop({weights}, {[name] = false}) end)
  if not good then good, value = pcall(function() return tocha.optim.Adam({weights}, {[name] = false}) end) end
  return good and value or nil
end

-- where the names of a group are, other than in the space of their file
local places = {
  ['nn.init'] = under('nn.init'), prune = under('nn.utils.prune'), rnn = under('nn.utils.rnn'),
  ['optim.functional'] = under('optim.functional'), lr_scheduler = under('optim.lr_scheduler'),
  swa_utils = under('optim.swa_utils'), ['Optimizer methods'] = under('optim.Optimizer'), options = option,
  constraints = under('distributions.constraints'), transforms = under('distributions.transforms'),
  Module = function(name) return own_state[name] or at('nn.Module.' .. name) end,
  methods = function(name) return normal[name] or at('distributions.Distribution.' .. name) end,
  ConfusionMatrix = under('utils.ConfusionMatrix'), Logger = under('utils.Logger'),
}

local out, left_out = {}, {}
local function say(format, ...) out[#out + 1] = format:format(...) end
local all, there, twins = 0, 0, 0

-- counts one name, and notes it if it is elsewhere or left out
local function ask(place, name, others, renamed, missing)
  all = all + 1
  if place(name) then there = there + 1 return end
  local path = others[name]
  if path then
    assert(at(path), path)
    twins = twins + 1
    renamed[#renamed + 1] = ('`%s` = `%s`'):format(name, path)
  else
    missing[#missing + 1] = '`' .. name .. '`'
    left_out[name] = true
    if not why[name] then io.stderr:write('no reason for ', name, '\n') os.exit(1) end
  end
end

local function section(title, file, space)
  say('## %s\n\n| group | names | under another name | left out |\n|---|---|---|---|', title)
  for line in io.lines('tools/names/' .. file .. '.txt') do
    local group, names = line:match('^(.-): (.*)$')
    local place, renamed, missing, before = places[group] or under(space), {}, {}, all
    for name in names:gmatch('%S+') do ask(place, name, file:find('^torch7') and elsewhere or {}, renamed, missing) end
    say('| %s | %d | %s | %s |', group, all - before, table.concat(renamed, ', '), table.concat(missing, ' '))
  end
  say('')
end

say('# Names of PyTorch and Torch7: layers, losses, optimizers, distributions\n')
say('Made by `tools/coverage-layers.lua`, which asks the library for each name, and for each other name that it gives. Operators, methods and')
say('fields of tensors, linear algebra: [coverage-operators.md](coverage-operators.md). Gradients, and what checks them:')
say('[coverage-gradients.md](coverage-gradients.md).\n')
section('PyTorch: `nn`', 'modules', 'nn')
section('PyTorch: methods of `nn.Module`', 'module_methods', 'nn')
section('PyTorch: losses', 'losses', 'nn')
section('PyTorch: `nn.functional`', 'functional', 'nn.functional')
section('PyTorch: `nn.init`, `nn.utils`', 'nn_utils', 'nn.utils')
section('PyTorch: `optim`', 'optim', 'optim')
section('PyTorch: `distributions`', 'distributions', 'distributions')
section('Torch7: `nn`', 'torch7_layers', 'nn')
section('Torch7: `optim`', 'torch7_optim', 'optim')
say('%d of %d names are there, %d more under another name (%.1f %% together).\n', there, all, twins, 100 * (there + twins) / all)
say([[
Torch7's spellings are not repeated as aliases: an alias would have PyTorch's arguments under Torch7's name (`SpatialConvolution(3, 16, 5, 5)` is
`Conv2d(3, 16, 5)`, and read as `Conv2d` it would be a stride of 5). [Coming from Torch7](coming-from-torch7.md) shows them side by side.
]])
say('## Why\n\n| left out | because |\n|---|---|')
local list = {}
for reason, names in pairs(reasons) do
  local missing = {}
  for name in names:gmatch('%S+') do
    if left_out[name] then missing[#missing + 1] = '`' .. name .. '`' end
  end
  if #missing > 0 then list[#list + 1] = ('| %s | %s |'):format(table.concat(missing, ' '), reason) end
end
table.sort(list)
say('%s', table.concat(list, '\n'))
say('| `SharedDict` `SharedList`, data pipes, `DataChunk` of `utils.data` | workers are copies of the process with what it has; data pipes are on '
  .. 'their way out in PyTorch |')
print(table.concat(out, '\n'))
