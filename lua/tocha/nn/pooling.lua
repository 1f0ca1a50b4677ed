--- Pooling layers in one, two and three dimensions. Options have PyTorch's names and defaults; indices count from 1.
-- @module tocha.nn.pooling

local args = require 'tocha.args'
local define = require 'tocha.nn.simple'
local show = require 'tocha.nn.show'
local F = require 'tocha.nn.functional'

local pooling = {}

local function default_stride(self)
  if self.stride == nil then self.stride = self.kernel_size end
end

local function add_max(n)
  local name, fn = ('MaxPool%dd'):format(n), ('max_pool%dd'):format(n)
  pooling[name] = define(name, {'kernel_size:size', 'stride:size=nil', 'padding:size=0', 'dilation:size=1',
    'return_indices:bool=false', 'ceil_mode:bool=false'}, function(self, input)
    local y, indices = F[fn](input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode,
      self.return_indices)
    if self.return_indices then return y, indices end
    return y
  end, {'kernel_size', 'stride', 'padding', 'dilation', 'ceil_mode'}, nil, default_stride)
end

local avg_repr = {'kernel_size', 'stride', 'padding'}

local function add_avg(n)
  local name, fn = ('AvgPool%dd'):format(n), ('avg_pool%dd'):format(n)
  local parameters = {'kernel_size:size', 'stride:size=nil', 'padding:size=0', 'ceil_mode:bool=false',
    'count_include_pad:bool=true'}
  if n > 1 then parameters[6] = 'divisor_override:int=nil' end
  pooling[name] = define(name, parameters, function(self, input)
    return (F[fn](input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad,
      self.divisor_override))
  end, avg_repr, nil, default_stride)
end

local function add_lp(n)
  local name, fn = ('LPPool%dd'):format(n), ('lp_pool%dd'):format(n)
  pooling[name] = define(name, {'norm_type:num', 'kernel_size:size', 'stride:size=nil', 'ceil_mode:bool=false'},
    function(self, input) return F[fn](input, self.norm_type, self.kernel_size, self.stride, self.ceil_mode) end)
end

local function add_unpool(n)
  local name, fn = ('MaxUnpool%dd'):format(n), ('max_unpool%dd'):format(n)
  pooling[name] = define(name, {'kernel_size:size', 'stride:size=nil', 'padding:size=0'},
    function(self, input, indices, output_size)
      if args.is_options(output_size) then output_size = output_size.output_size end
      return F[fn](input, indices, self.kernel_size, self.stride, self.padding, output_size)
    end, nil, nil, default_stride)
end

-- a dimension that keeps its size is None
local function show_size(self) return (show.fields(self, 'output_size'):gsub('False', 'None')) end

-- A dimension that keeps its size is `false` in a list of sizes.
local function resolve(size, input, n)
  if type(size) ~= 'table' then return size end
  local out
  for i = 1, n do
    if not size[i] then
      out = out or {unpack(size, 1, n)}
      out[i] = input:size(input:dim() - n + i)
    end
  end
  return out or size
end

local function add_adaptive(n)
  local avg, max = ('AdaptiveAvgPool%dd'):format(n), ('AdaptiveMaxPool%dd'):format(n)
  local avg_fn, max_fn = ('adaptive_avg_pool%dd'):format(n), ('adaptive_max_pool%dd'):format(n)
  pooling[avg] = define(avg, {'output_size'}, function(self, input)
    return F[avg_fn](input, resolve(self.output_size, input, n))
  end, show_size)
  pooling[max] = define(max, {'output_size', 'return_indices:bool=false'}, function(self, input)
    return F[max_fn](input, resolve(self.output_size, input, n), self.return_indices)
  end, show_size)
end

local function add_fractional(n)
  local name, fn = ('FractionalMaxPool%dd'):format(n), ('fractional_max_pool%dd'):format(n)
  pooling[name] = define(name, {'kernel_size:size', 'output_size:size=nil', 'output_ratio=nil',
    'return_indices:bool=false',
    '_random_samples=nil'}, function(self, input)
    return F[fn](input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices,
      self._random_samples)
  end, {'kernel_size', 'output_size', 'output_ratio'}, nil, function(self)
    if (self.output_size == nil) == (self.output_ratio == nil) then
      args.fail('%s: takes either output_size or output_ratio', name)
    end
  end)
end

for n = 1, 3 do
  add_max(n)
  add_avg(n)
  add_lp(n)
  add_unpool(n)
  add_adaptive(n)
end
add_fractional(2)
add_fractional(3)

return pooling
