--- Pooling layers in one, two and three dimensions. Options have PyTorch's names and defaults; indices count from 1.
-- @module tocha.nn.pooling

local tocha = require 'tocha'
local args = require 'tocha.args'
local define = require 'tocha.nn.simple'
local show = require 'tocha.nn.show'
local F = require 'tocha.nn.functional'

local pooling = {}

local function default_stride(self)
  if self.stride == nil then self.stride = self.kernel_size end
end

--- The largest value of each window; with return_indices also its place.
-- @type MaxPool1d MaxPool2d MaxPool3d
-- @param kernel_size of a window: a number, or a list
-- @param stride between windows; kernel_size if not given
-- @param padding places of -inf on both sides, at most half the window
-- @param dilation distance between the places of a window
-- @param return_indices whether forward also gives the places, counted from 1 over the last dims together, as MaxUnpool takes them
-- @param ceil_mode whether a window may reach beyond the end
-- @shape (n, c, size...) or (c, size...) -> size' = floor((size + 2 padding - dilation (kernel_size - 1) - 1) / stride) + 1
-- @raise if the padding is more than half the window, or the window larger than the input
-- @usage
-- nn.MaxPool1d(2)(tocha.tensor{{1, 3, 2, 5, 4}})  --> {{3, 5}}
-- local y, at = nn.MaxPool2d(2, {return_indices = true})(tocha.tensor{{{1, 2}, {4, 3}}})
-- y  --> {{{4}}}
-- at  --> {{{3}}}
-- nn.MaxPool3d(2, {ceil_mode = true})(tocha.ones(1, 2, 5, 5, 5)).shape  --> {1, 2, 3, 3, 3}
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

--- The mean of each window.
-- @type AvgPool1d AvgPool2d AvgPool3d
-- @param kernel_size of a window: a number, or a list
-- @param stride between windows; kernel_size if not given
-- @param padding zeros on both sides, at most half the window
-- @param ceil_mode whether a window may reach beyond the end
-- @param count_include_pad whether zeros of the padding count in the mean
-- @param divisor_override divides by this number instead (not in one dimension)
-- @shape as MaxPool2d
-- @usage
-- nn.AvgPool1d(2)(tocha.tensor{{1, 3, 2, 6}})  --> {{2, 4}}
-- nn.AvgPool2d(2, {divisor_override = 1})(tocha.ones(1, 2, 2))  --> {{{4}}}
-- nn.AvgPool3d(2)(tocha.ones(1, 4, 4, 4)).shape  --> {1, 2, 2, 2}
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

--- The p-norm of each window: (sum x^p)^(1/p).
-- @type LPPool1d LPPool2d LPPool3d
-- @param norm_type p: 1 is the sum, inf would be the maximum
-- @param kernel_size of a window
-- @param stride between windows; kernel_size if not given
-- @param ceil_mode whether a window may reach beyond the end
-- @shape (n, c, size...) or (c, size...), as AvgPool without padding
-- @usage
-- nn.LPPool1d(2, 2)(tocha.tensor{{3, 4, 6, 8}})  --> {{5, 10}}
-- nn.LPPool2d(1, 2)(tocha.ones(1, 2, 4))  --> {{{4, 4}}}
-- nn.LPPool3d(2, 2)(tocha.ones(1, 1, 2, 2, 2)):reshape(-1)  --> {2.828}
local function add_lp(n)
  local name, fn = ('LPPool%dd'):format(n), ('lp_pool%dd'):format(n)
  pooling[name] = define(name, {'norm_type:num', 'kernel_size:size', 'stride:size=nil', 'ceil_mode:bool=false'},
    function(self, input) return F[fn](input, self.norm_type, self.kernel_size, self.stride, self.ceil_mode) end)
end

--- Puts values back to the places that MaxPool gave, and zeros elsewhere.
-- @type MaxUnpool1d MaxUnpool2d MaxUnpool3d
-- @param kernel_size of the pooling
-- @param stride of the pooling; kernel_size if not given
-- @param padding of the pooling
-- @shape (n, c, size...) and indices of the same shape -> (size - 1) stride - 2 padding + kernel_size; `layer(x, at, {output_size = ...})`
-- asks for another size
-- @raise if an index is outside the output
-- @usage
-- local y, at = nn.MaxPool1d(2, {return_indices = true})(tocha.tensor{{1, 3, 5, 4}})
-- nn.MaxUnpool1d(2)(y, at)  --> {{0, 3, 5, 0}}
-- local y2, at2 = nn.MaxPool2d(2, {return_indices = true})(tocha.ones(1, 4, 4))
-- nn.MaxUnpool2d(2)(y2, at2):sum()  --> 4
-- local y3, at3 = nn.MaxPool3d(2, {return_indices = true})(tocha.ones(1, 4, 4, 4))
-- nn.MaxUnpool3d(2)(y3, at3).shape  --> {1, 4, 4, 4}
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
  if type(size) ~= 'table' or not tocha.is_tensor(input) then return size end
  local out
  for i = 1, n do
    if not size[i] then
      out = out or {unpack(size, 1, n)}
      out[i] = input:size(input:dim() - n + i)
    end
  end
  return out or size
end

--- Pooling to a wanted size, whatever comes in: the windows are as even as they can be.
-- @type AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d
-- @param output_size a number, or a list; `false` in it keeps a size
-- @param return_indices (max) whether forward also gives the places, as MaxPool
-- @shape (n, c, size...) or (c, size...) -> (n, c, output_size...)
-- @usage
-- nn.AdaptiveAvgPool1d(2)(tocha.tensor{{1, 3, 5, 7}})  --> {{2, 6}}
-- nn.AdaptiveMaxPool1d(2)(tocha.tensor{{1, 3, 5, 7}})  --> {{3, 7}}
-- nn.AdaptiveAvgPool2d{1, false}(tocha.ones(2, 3, 8, 9)).shape  --> {2, 3, 1, 9}
-- nn.AdaptiveMaxPool2d(3)(tocha.ones(2, 3, 8, 9)).shape  --> {2, 3, 3, 3}
-- nn.AdaptiveAvgPool3d(1)(tocha.ones(2, 3, 4, 4, 4)).shape  --> {2, 3, 1, 1, 1}
-- nn.AdaptiveMaxPool3d{1, 2, 3}(tocha.ones(2, 3, 4, 4, 4)).shape  --> {2, 3, 1, 2, 3}
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

--- The largest value of windows whose positions are drawn so that the size shrinks by a broken factor.
-- Source: B. Graham, "Fractional max-pooling", 2014.
-- @type FractionalMaxPool2d FractionalMaxPool3d
-- @param kernel_size of a window
-- @param output_size the wanted size; or
-- @param output_ratio its ratio to the input's, between 0 and 1
-- @param return_indices whether forward also gives the places
-- @shape (n, c, size...) or (c, size...) -> (n, c, output_size...)
-- @raise unless one of output_size and output_ratio is given
-- @usage
-- nn.FractionalMaxPool2d(2, {output_size = {3, 4}})(tocha.randn(1, 2, 7, 7)).shape  --> {1, 2, 3, 4}
-- nn.FractionalMaxPool3d(2, {output_ratio = 0.5})(tocha.randn(1, 2, 6, 6, 6)).shape  --> {1, 2, 3, 3, 3}
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
    local samples = self._random_samples
    self._random_samples = nil
    self:register_buffer('_random_samples', samples)
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
