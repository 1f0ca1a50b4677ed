--- Batch and instance normalisation: nn.BatchNorm1d, 2d, 3d and nn.InstanceNorm1d, 2d, 3d.
--
-- Source: S. Ioffe, C. Szegedy, "Batch normalization", 2015; D. Ulyanov et al., "Instance normalization", 2016.
-- @module tocha.nn.batchnorm

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local show = require 'tocha.nn.show'
local Module = require 'tocha.nn.module'
local Parameter = require 'tocha.nn.parameter'
local F = require 'tocha.nn.functional'

local Norm = class('BatchNorm', Module)

function Norm:setup(affine, track, device, dtype, bias)
  local n, options = self.num_features, {device = device, dtype = dtype}
  self.affine, self.track_running_stats = affine, track
  self:register_parameter('weight', affine and Parameter(tocha.ones(n, options)) or nil)
  self:register_parameter('bias', affine and bias and Parameter(tocha.zeros(n, options)) or nil)
  self:register_buffer('running_mean', track and tocha.zeros(n, options) or nil)
  self:register_buffer('running_var', track and tocha.ones(n, options) or nil)
  self:register_buffer('num_batches_tracked', track and tocha.tensor(0, {dtype = 'int64', device = device}) or nil)
end

--- Forgets the running statistics.
function Norm:reset_running_stats()
  if not self.track_running_stats then return end
  self.running_mean:zero_()
  self.running_var:fill_(1)
  self.num_batches_tracked:zero_()
end

--- Sets weight to 1 and bias to 0, and forgets the running statistics.
function Norm:reset_parameters()
  self:reset_running_stats()
  if not self.affine then return end
  self.weight:detach():fill_(1)
  if self.bias ~= nil then self.bias:detach():zero_() end
end

-- States written before num_batches_tracked existed are complete without it.
function Norm:before_load(_, prefix, optional) -- luacheck: ignore self
  optional[prefix .. 'num_batches_tracked'] = true
end

function Norm:extra_repr()
  return tostring(self.num_features) .. ', ' .. show.fields(self, 'eps', 'momentum', 'affine', 'track_running_stats')
end

local function shape(x)
  local parts = {}
  for i = 1, x:dim() do parts[i] = tostring(x:size(i)) end
  return '[' .. table.concat(parts, ' x ') .. ']'
end

local function wrong_rank(self, input)
  args.fail('%s: got an input %s of %d dimensions, takes %s', self.__name, shape(input), input:dim(), self.takes)
end

local function wrong_channels(self, input, dim)
  args.fail('%s: input %s has %d channels, num_features is %d', self.__name, shape(input), input:size(dim),
    self.num_features)
end

local function check_tensor(self, input)
  if not tocha.is_tensor(input) then args.fail('%s: input: got %s, takes a tensor', self.__name, args.show(input)) end
end

local function batch_norm_forward(self, input)
  check_tensor(self, input)
  local rank = input:dim()
  if rank ~= self.rank and rank ~= self.other_rank then wrong_rank(self, input) end
  if input:size(2) ~= self.num_features then wrong_channels(self, input, 2) end
  local training, momentum = self.training, self.momentum
  local mean, var = self.running_mean, self.running_var
  if training and self.track_running_stats then
    self.num_batches_tracked:add_(1)
    -- without momentum the statistics are plain averages over all batches
    if momentum == nil then momentum = 1 / self.num_batches_tracked:item() end
  end
  if mean == nil then training = true end
  return (F.batch_norm(input, mean, var, self.weight, self.bias, training, momentum or 0, self.eps))
end

local batchnorm = {}

--- Batch normalisation: each channel is moved and scaled to mean 0 and variance 1 over the batch and all places, then by a trained
-- weight and bias. In evaluation the running averages of mean and variance stand for those of the batch.
-- Source: S. Ioffe, C. Szegedy, "Batch normalization", 2015.
-- @type BatchNorm1d BatchNorm2d BatchNorm3d
-- @param num_features the number of channels
-- @param eps added to the variance
-- @param momentum how much a new batch counts in the running averages; false: all batches count the same
-- @param affine whether there are weight and bias
-- @param bias false: no bias, by name only
-- @param track_running_stats whether there are running averages; without, batches are normalised in evaluation too
-- @shape (n, c) or (n, c, length); (n, c, h, w); (n, c, d, h, w) -> the same
-- @raise for another number of dims or channels, and in training for one value a channel
-- @usage
-- local layer = nn.BatchNorm1d(2, {eps = 0})
-- layer(tocha.tensor{{1, 10}, {3, 30}})  --> {{-1, -1}, {1, 1}}
-- layer.running_mean  --> {0.2, 2}
-- nn.BatchNorm2d(3)(tocha.randn(4, 3, 5, 5)).shape  --> {4, 3, 5, 5}
-- nn.BatchNorm3d(3):eval()(tocha.randn(1, 3, 2, 2, 2)).shape  --> {1, 3, 2, 2, 2}
local function define_batch(n, rank, other, takes)
  local name = ('BatchNorm%dd'):format(n)
  local Class = class(name, Norm)
  Class.pure = true
  Class.rank, Class.other_rank, Class.takes = rank, other, takes
  local read = args.spec(name, 'num_features:int', 'eps:num=1e-5', 'momentum:num?=0.1', 'affine:bool=true',
    'track_running_stats:bool=true', 'device=nil', 'dtype=nil', '*', 'bias:bool=true')
  function Class:__init(...)
    local affine, track, device, dtype, bias
    self.num_features, self.eps, self.momentum, affine, track, device, dtype, bias = read(...)
    self:setup(affine, track, device, dtype, bias)
  end
  Class.forward = batch_norm_forward
  batchnorm[name] = Class
end

define_batch(1, 2, 3, '2 or 3 (batch, channel[, length])')
define_batch(2, 4, 4, '4 (batch, channel, height, width)')
define_batch(3, 5, 5, '5 (batch, channel, depth, height, width)')

local function instance_norm_forward(self, input)
  check_tensor(self, input)
  local rank, full = input:dim(), self.rank
  if rank ~= full and rank ~= full - 1 then wrong_rank(self, input) end
  local channel = rank == full and 2 or 1
  if self.affine and input:size(channel) ~= self.num_features then wrong_channels(self, input, channel) end
  local use_input = self.training or not self.track_running_stats
  local x = channel == 1 and input:unsqueeze(1) or input
  local y = F.instance_norm(x, self.running_mean, self.running_var, self.weight, self.bias, use_input,
    self.momentum or 0, self.eps)
  if channel == 1 then return y:squeeze(1) end
  return y
end

--- Instance normalisation: each channel of each item to mean 0 and variance 1 over its places.
-- Source: D. Ulyanov et al., "Instance normalization", 2016.
-- @type InstanceNorm1d InstanceNorm2d InstanceNorm3d
-- @param num_features the number of channels
-- @param eps added to the variance
-- @param momentum how much a new batch counts in running averages
-- @param affine whether there are weight and bias
-- @param bias false: no bias, by name only
-- @param track_running_stats whether there are running averages, which are used in evaluation
-- @shape (n, c, length), (n, c, h, w), (n, c, d, h, w), or each without n -> the same
-- @raise for another number of dims; with `affine` for other channels
-- @usage
-- nn.InstanceNorm1d(1, {eps = 0})(tocha.tensor{{1, 3}})  --> {{-1, 1}}
-- nn.InstanceNorm2d(3)(tocha.randn(2, 3, 4, 4)):sum{3, 4}:abs():max():item() < 1e-4  --> true
-- nn.InstanceNorm3d(3, {affine = true})(tocha.randn(2, 3, 2, 2, 2)).shape  --> {2, 3, 2, 2, 2}
local function define_instance(n, takes)
  local name = ('InstanceNorm%dd'):format(n)
  local Class = class(name, Norm)
  Class.pure = true
  Class.rank, Class.takes = n + 2, takes
  local read = args.spec(name, 'num_features:int', 'eps:num=1e-5', 'momentum:num?=0.1', 'affine:bool=false',
    'track_running_stats:bool=false', 'device=nil', 'dtype=nil', '*', 'bias:bool=true')
  function Class:__init(...)
    local affine, track, device, dtype, bias
    self.num_features, self.eps, self.momentum, affine, track, device, dtype, bias = read(...)
    self:setup(affine, track, device, dtype, bias)
  end
  Class.forward = instance_norm_forward
  batchnorm[name] = Class
end

define_instance(1, '2 or 3 ([batch, ]channel, length)')
define_instance(2, '3 or 4 ([batch, ]channel, height, width)')
define_instance(3, '4 or 5 ([batch, ]channel, depth, height, width)')

-- ------------------------------------------------------------------------------------------------------ SyncBatchNorm

local Sync = class('SyncBatchNorm', Norm)
Sync.pure = true
Sync.takes = '2 or more (batch, channel, ...)'
local read_sync = args.spec('SyncBatchNorm', 'num_features:int', 'eps:num=1e-5', 'momentum:num?=0.1', 'affine:bool=true',
  'track_running_stats:bool=true', 'process_group=nil', 'device=nil', 'dtype=nil', '*', 'bias:bool=true')

--- Batch normalisation for any number of dims after the channels. In one process, which is what there is, it is BatchNorm.
-- @param num_features the number of channels
-- @param eps added to the variance
-- @param momentum as for BatchNorm2d
-- @param affine whether there are weight and bias
-- @param bias false: no bias, by name only
-- @param track_running_stats whether there are running averages
-- @param process_group taken for PyTorch's sake
-- @shape (n, c, ...) -> the same
-- @usage
-- nn.SyncBatchNorm(2, {eps = 0})(tocha.tensor{{1, 10}, {3, 30}})  --> {{-1, -1}, {1, 1}}
-- local net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
-- nn.SyncBatchNorm.convert_sync_batchnorm(net)[2].__name  --> 'SyncBatchNorm'
function Sync:__init(...)
  local affine, track, device, dtype, bias
  self.num_features, self.eps, self.momentum, affine, track, self.process_group, device, dtype, bias = read_sync(...)
  self:setup(affine, track, device, dtype, bias)
end

function Sync:forward(input)
  check_tensor(self, input)
  if input:dim() < 2 then wrong_rank(self, input) end
  self.rank = input:dim()
  return batch_norm_forward(self, input)
end

local function converted(module, process_group)
  local out = Sync(module.num_features, module.eps, module.momentum or false, module.affine, module.track_running_stats, process_group,
    {bias = module.bias ~= nil})
  for _, kind in ipairs{'weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'} do
    if module[kind] ~= nil then rawset(out, kind, module[kind]) end
  end
  out.training = module.training
  return out
end

--- A module with all its BatchNorm layers replaced by SyncBatchNorm of the same parameters.
function Sync.convert_sync_batchnorm(module, process_group)
  for n = 1, 3 do
    if class.isinstance(module, batchnorm[('BatchNorm%dd'):format(n)]) then return converted(module, process_group) end
  end
  for name, child in module:named_children() do
    local new = Sync.convert_sync_batchnorm(child, process_group)
    if new ~= child then module:set_submodule(name, new) end
  end
  return module
end
batchnorm.SyncBatchNorm = Sync

return batchnorm
