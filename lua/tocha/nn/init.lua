--- tocha.nn: modules, their functions, initial values and helpers. A class is loaded when it is first used.
-- @module tocha.nn

-- `require 'tocha.nn.init'` finds this very file, and means the initial values.
if (...) == 'tocha.nn.init' then return require 'tocha.nn.initializers' end
package.preload['tocha.nn.init'] = function() return require 'tocha.nn.initializers' end

-- which file gives which names
return require 'tocha.onuse'({}, 'tocha.nn.', {
  module = 'Module', parameter = 'Parameter', buffer = 'Buffer', sequential = 'Sequential',
  modulelist = 'ModuleList', moduledict = 'ModuleDict', parameterlist = 'ParameterList',
  parameterdict = 'ParameterDict', embedding = 'Embedding', embeddingbag = 'EmbeddingBag',
  multiheadattention = 'MultiheadAttention', adaptivelogsoftmax = 'AdaptiveLogSoftmaxWithLoss',
  linear = 'Linear Identity Bilinear Flatten Unflatten',
  conv = 'Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d',
  batchnorm = 'BatchNorm1d BatchNorm2d BatchNorm3d InstanceNorm1d InstanceNorm2d InstanceNorm3d SyncBatchNorm',
  normalization = 'LayerNorm GroupNorm RMSNorm LocalResponseNorm',
  global_hooks = [[register_module_forward_pre_hook register_module_forward_hook register_module_full_backward_hook
    register_module_full_backward_pre_hook register_module_backward_hook register_module_parameter_registration_hook
    register_module_buffer_registration_hook register_module_module_registration_hook]],
  dropout = 'Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout',
  pooling = [[MaxPool1d MaxPool2d MaxPool3d AvgPool1d AvgPool2d AvgPool3d LPPool1d LPPool2d LPPool3d AdaptiveAvgPool1d
    AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d MaxUnpool1d MaxUnpool2d
    MaxUnpool3d FractionalMaxPool2d FractionalMaxPool3d]],
  padding = [[ConstantPad1d ConstantPad2d ConstantPad3d ZeroPad1d ZeroPad2d ZeroPad3d ReflectionPad1d ReflectionPad2d
    ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d CircularPad1d CircularPad2d CircularPad3d]],
  activation = [[ReLU ReLU6 LeakyReLU PReLU RReLU ELU CELU SELU GELU GLU SiLU Mish Sigmoid LogSigmoid Tanh
    Tanhshrink Softplus Softsign Softshrink Hardshrink Hardtanh Hardsigmoid Hardswish Threshold Softmax Softmin
    LogSoftmax Softmax2d]],
  rnn = 'RNN LSTM GRU RNNBase',
  rnncell = 'RNNCell LSTMCell GRUCell',
  loss = [[L1Loss MSELoss SmoothL1Loss HuberLoss CrossEntropyLoss NLLLoss BCELoss BCEWithLogitsLoss KLDivLoss
    PoissonNLLLoss GaussianNLLLoss MarginRankingLoss HingeEmbeddingLoss CosineEmbeddingLoss SoftMarginLoss
    MultiMarginLoss MultiLabelMarginLoss MultiLabelSoftMarginLoss TripletMarginLoss TripletMarginWithDistanceLoss
    CTCLoss]],
  distance = 'CosineSimilarity PairwiseDistance',
  vision = 'PixelShuffle PixelUnshuffle ChannelShuffle Upsample UpsamplingNearest2d UpsamplingBilinear2d Fold Unfold',
  lazy = [[LazyLinear LazyConv1d LazyConv2d LazyConv3d LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d
    LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d LazyInstanceNorm1d LazyInstanceNorm2d
    LazyInstanceNorm3d]],
  positions = 'RotaryEmbedding ALiBi SinusoidalPositionalEncoding',
  gqattention = 'GroupedQueryAttention KVCache SwiGLU GEGLU ReGLU',
  more_losses = [[LinearCrossEntropyLoss FocalLoss SigmoidFocalLoss DiceLoss InfoNCELoss MarginCriterion L1Cost
    L1HingeEmbeddingCriterion DistanceRatioCriterion WeightedMSECriterion MultiCriterion ParallelCriterion CriterionTable
    ModuleCriterion]],
  container = 'Container ConcatTable ParallelTable MapTable Concat DepthConcat Parallel Bottle Residual',
  tables = [[JoinTable SplitTable SelectTable NarrowTable FlattenTable ZipTable ZipTableOneToMany CAddTable CSubTable CMulTable
    CDivTable CMaxTable CMinTable CAddTensorTable MM MV DotProduct CosineDistance MixtureTable]],
  graph = 'Graph Node Input',
  torch7_layers = [[View Reshape Select Narrow Index Squeeze Unsqueeze Replicate Contiguous MaskedSelect Transpose Padding Min Max
    Sum Mean Exp Log Abs Square Sqrt Power Clamp MulConstant AddConstant Normalize CReLU OneHot PrintSize WhiteNoise Constant
    Maxout CMul CAdd Mul Add Euclidean WeightedEuclidean Cosine GradientReversal ZeroGrad L1Penalty]],
  transformer = 'Transformer TransformerEncoder TransformerDecoder TransformerEncoderLayer TransformerDecoderLayer',
}, 'functional init=initializers utils')
