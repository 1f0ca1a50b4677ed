--- Convolutions: nn.Conv1d, Conv2d, Conv3d and their transposes.
-- @module tocha.nn.conv

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local show = require 'tocha.nn.show'
local sizes = require 'tocha.nn.sizes'
local Module = require 'tocha.nn.module'
local Parameter = require 'tocha.nn.parameter'
local F = require 'tocha.nn.functional'
local init = require 'tocha.nn.initializers'

local ConvNd = class('ConvNd', Module)

local modes = {zeros = 'constant', reflect = 'reflect', replicate = 'replicate', circular = 'circular'}

local function check(self, name)
  local i, o, g = self.in_channels, self.out_channels, self.groups
  if g < 1 then args.fail('%s: groups: got %d, takes at least 1', name, g) end
  if i % g ~= 0 then args.fail('%s: in_channels %d is not divisible by groups %d', name, i, g) end
  if o % g ~= 0 then args.fail('%s: out_channels %d is not divisible by groups %d', name, o, g) end
  if not modes[self.padding_mode] then
    args.fail("%s: padding_mode: got '%s', takes zeros, reflect, replicate or circular", name, self.padding_mode)
  end
  local p = self.padding
  if type(p) ~= 'string' then return end
  if p ~= 'same' and p ~= 'valid' then args.fail("%s: padding: got '%s', takes 'same', 'valid' or sizes", name, p) end
  if p == 'same' and not sizes.all(self.stride, 1) then args.fail("%s: padding 'same' takes a stride of 1", name) end
end

-- Padding before and after each dimension, the last dimension first, as F.pad takes it.
local function both_sides(self, n)
  local out = {}
  for i = 1, n do
    local before, after = 0, 0
    if type(self.padding) == 'table' then
      before, after = self.padding[i], self.padding[i]
    elseif self.padding == 'same' then
      local total = self.dilation[i] * (self.kernel_size[i] - 1)
      before = math.floor(total / 2)
      after = total - before
    end
    out[2 * (n - i) + 1], out[2 * (n - i) + 2] = before, after
  end
  return out
end

-- shape: of the weight before the kernel's sizes. `pass` holds what the operator is given, one number where it serves.
function ConvNd:setup(n, shape, bias, device, dtype)
  local name = self.__name
  for _, field in ipairs{'kernel_size', 'stride', 'dilation', 'padding', 'output_padding'} do
    local value = rawget(self, field)
    if value ~= nil and type(value) ~= 'string' then self[field] = sizes.tuple(value, n, name, field) end
  end
  check(self, name)
  self.pad_both = false
  if self.padding_mode ~= 'zeros' then
    self.pad_both, self.pad_mode = both_sides(self, n), modes[self.padding_mode]
  end
  self.pass = {}
  for _, field in ipairs{'stride', 'padding', 'dilation', 'output_padding'} do
    self.pass[field] = sizes.collapse(rawget(self, field))
  end
  for i = 1, n do shape[2 + i] = self.kernel_size[i] end
  local options = {device = device, dtype = dtype}
  self.weight = Parameter(tocha.empty(shape, options))
  self:register_parameter('bias', bias and Parameter(tocha.empty({self.out_channels}, options)) or nil)
  self:reset_parameters()
end

--- Draws new values: uniform in +-1/sqrt(fan_in), where fan_in is the number of weights of one output.
function ConvNd:reset_parameters()
  init.kaiming_uniform_(self.weight, math.sqrt(5))
  if self.bias == nil then return end
  local fan_in = init.fans(self.weight)
  if fan_in == 0 then return end
  local bound = 1 / math.sqrt(fan_in)
  init.uniform_(self.bias, -bound, bound)
end

function ConvNd:extra_repr()
  local parts = {('%d, %d'):format(self.in_channels, self.out_channels), show.fields(self, 'kernel_size', 'stride')}
  local function add(field, unless)
    local value = rawget(self, field)
    if value == nil or value == unless or (type(value) == 'table' and sizes.all(value, unless)) then return end
    parts[#parts + 1] = show.fields(self, field)
  end
  add('padding', 0)
  add('dilation', 1)
  add('output_padding', 0)
  add('groups', 1)
  if self.bias == nil then parts[#parts + 1] = 'bias=False' end
  add('padding_mode', 'zeros')
  return table.concat(parts, ', ')
end

local function forward(name)
  return function(self, input)
    local both, pass = self.pad_both, self.pass
    if both then
      input = F.pad(input, both, self.pad_mode)
      return (F[name](input, self.weight, self.bias, pass.stride, 0, pass.dilation, self.groups))
    end
    return (F[name](input, self.weight, self.bias, pass.stride, pass.padding, pass.dilation, self.groups))
  end
end

--- Convolutions in one, two or three dims: each output channel is a sum, over input channels and the places of a window, of
-- the input times trained weights. weight is (out_channels, in_channels / groups, kernel...), bias (out_channels).
-- @type Conv1d Conv2d Conv3d
-- @param in_channels channels of an input
-- @param out_channels channels of an output
-- @param kernel_size of the window: one number for all dims, or a list
-- @param stride steps between windows
-- @param padding zeros (or what padding_mode says) on both sides; 'same' keeps the size (stride 1 only), 'valid' is none
-- @param dilation distance between the places of a window
-- @param groups so many independent convolutions, each of its part of the channels; divides both numbers of channels
-- @param bias whether a trained number is added to each channel
-- @param padding_mode 'zeros', 'reflect', 'replicate' or 'circular'
-- @shape (n, in_channels, size...) or without n -> (n, out_channels, size'...), where
-- size' = floor((size + 2 padding - dilation (kernel_size - 1) - 1) / stride) + 1
-- @raise if groups do not divide the channels, if the input has other channels, or is smaller than the window
-- @usage
-- local layer = nn.Conv2d(3, 8, 3, {stride = 2, padding = 1})
-- layer(tocha.ones(5, 3, 9, 9)).shape  --> {5, 8, 5, 5}
-- layer.weight.shape  --> {8, 3, 3, 3}
-- nn.Conv1d(4, 8, 3, {groups = 4, padding = 'same'})(tocha.ones(4, 10)).shape  --> {8, 10}
-- nn.Conv3d(1, 2, {1, 2, 2})(tocha.ones(1, 1, 3, 4, 5)).shape  --> {1, 2, 3, 3, 4}
-- local sums = nn.Conv1d(1, 1, 2, {bias = false})
-- nn.init.ones_(sums.weight)
-- sums(tocha.tensor{{1, 2, 3}})  --> {{3, 5}}
local function define(n)
  local name = ('Conv%dd'):format(n)
  local Conv = class(name, ConvNd)
  Conv.pure = true
  local read = args.spec(name, 'in_channels:int', 'out_channels:int', 'kernel_size:size', 'stride:size=1',
    'padding:padding=0',
    'dilation:size=1', 'groups:int=1', 'bias:bool=true', 'padding_mode:str="zeros"', 'device=nil', 'dtype=nil')
  function Conv:__init(...)
    local bias, device, dtype
    self.in_channels, self.out_channels, self.kernel_size, self.stride, self.padding, self.dilation, self.groups, bias,
      self.padding_mode, device, dtype = read(...)
    self:setup(n, {self.out_channels, self.in_channels / self.groups}, bias, device, dtype)
  end
  Conv.forward = forward(('conv%dd'):format(n))
  return Conv
end

-- The output_padding that gives `wanted`, the sizes of the output with or without batch and channel.
local function padding_for(self, input, wanted)
  local n, out = #self.kernel_size, {}
  local skip = #wanted - n
  for i = 1, n do
    local size = input:size(input:dim() - n + i)
    local least = (size - 1) * self.stride[i] - 2 * self.padding[i] + self.dilation[i] * (self.kernel_size[i] - 1) + 1
    out[i] = wanted[skip + i] - least
    if out[i] < 0 or out[i] >= math.max(self.stride[i], self.dilation[i]) then
      args.fail('%s: output_size: got %s, takes %d to %d in dimension %d', self.__name, args.show(wanted), least,
        least + math.max(self.stride[i], self.dilation[i]) - 1, i)
    end
  end
  return out
end

--- Transposed convolutions: what a convolution does backwards, so that images grow; each input value is spread over a window.
-- weight is (in_channels, out_channels / groups, kernel...).
-- @type ConvTranspose1d ConvTranspose2d ConvTranspose3d
-- @param in_channels channels of an input
-- @param out_channels channels of an output
-- @param kernel_size of the window: one number, or a list
-- @param stride steps between windows in the output
-- @param padding places that are cut off on both sides of the output
-- @param output_padding places more at the end, smaller than stride or dilation
-- @param groups independent parts, as for Conv2d
-- @param bias whether a trained number is added to each channel
-- @param dilation distance between the places of a window
-- @param padding_mode 'zeros' only
-- @shape (n, in_channels, size...) or without n -> (n, out_channels, size'...), where
-- size' = (size - 1) stride - 2 padding + dilation (kernel_size - 1) + output_padding + 1; `layer(x, {output_size = ...})` asks for a size
-- @raise if an output_size cannot be, or for another padding_mode
-- @usage
-- nn.ConvTranspose2d(3, 8, 2, {stride = 2})(tocha.ones(5, 3, 4, 4)).shape  --> {5, 8, 8, 8}
-- nn.ConvTranspose1d(3, 8, 3, {stride = 2})(tocha.ones(3, 4), {output_size = {10}}).shape  --> {8, 10}
-- nn.ConvTranspose3d(1, 2, 2)(tocha.ones(1, 1, 3, 3, 3)).shape  --> {1, 2, 4, 4, 4}
-- local spread = nn.ConvTranspose1d(1, 1, 2, {stride = 2, bias = false})
-- nn.init.ones_(spread.weight)
-- spread(tocha.tensor{{1, 2}})  --> {{1, 1, 2, 2}}
local function define_transposed(n)
  local name, fn = ('ConvTranspose%dd'):format(n), ('conv_transpose%dd'):format(n)
  local Conv = class(name, ConvNd)
  Conv.pure = true
  local read = args.spec(name, 'in_channels:int', 'out_channels:int', 'kernel_size:size', 'stride:size=1',
    'padding:size=0',
    'output_padding:size=0', 'groups:int=1', 'bias:bool=true', 'dilation:size=1', 'padding_mode:str="zeros"',
      'device=nil',
    'dtype=nil')
  function Conv:__init(...)
    local bias, device, dtype
    self.in_channels, self.out_channels, self.kernel_size, self.stride, self.padding, self.output_padding, self.groups,
      bias,
      self.dilation, self.padding_mode, device, dtype = read(...)
    if self.padding_mode ~= 'zeros' then args.fail("%s: padding_mode: takes 'zeros' only", name) end
    self:setup(n, {self.in_channels, self.out_channels / self.groups}, bias, device, dtype)
  end
  function Conv:forward(input, output_size)
    local pass = self.pass
    local extra = pass.output_padding
    if output_size ~= nil then extra = padding_for(self, input, output_size.output_size or output_size) end
    return (F[fn](input, self.weight, self.bias, pass.stride, pass.padding, extra, self.groups, pass.dilation))
  end
  return Conv
end

local conv = {}

conv.Conv1d = define(1)

conv.Conv2d = define(2)

conv.Conv3d = define(3)

conv.ConvTranspose1d = define_transposed(1)

conv.ConvTranspose2d = define_transposed(2)

conv.ConvTranspose3d = define_transposed(3)

return conv
