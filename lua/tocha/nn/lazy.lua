--- Layers that find the size of their input when they first see it, and then become the ordinary layer.
-- @module tocha.nn.lazy

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local Module = require 'tocha.nn.module'
local linear = require 'tocha.nn.linear'
local conv = require 'tocha.nn.conv'
local batchnorm = require 'tocha.nn.batchnorm'

local lazy = {}

-- Takes over class and fields of a new ordinary module; whoever holds the lazy one then holds that.
local function become(self, Class, arguments)
  local training, hooks = self.training, self._hooks
  local made = Class(unpack(arguments, 1, arguments.n))
  setmetatable(self, Class)
  for key in pairs(self) do rawset(self, key, nil) end
  for key, value in pairs(made) do rawset(self, key, value) end
  self.training, self._hooks = training, hooks
end

--- Layers that find out the size of their input when they first see one (or load a state), and then are the ordinary layer.
-- Their arguments are those of the ordinary layer without the first.
-- @type LazyLinear LazyConv1d LazyConv2d LazyConv3d LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d
-- @type LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d LazyInstanceNorm1d LazyInstanceNorm2d LazyInstanceNorm3d
-- @param ... the arguments after the first
-- @shape as the ordinary layer
-- @usage
-- local layer = nn.LazyLinear(5)
-- layer(tocha.ones(2, 7)).shape  --> {2, 5}
-- layer.weight.shape  --> {5, 7}
-- layer.__name  --> 'Linear'
-- nn.LazyConv1d(4, 3)(tocha.ones(2, 6, 8)).shape  --> {2, 4, 6}
-- nn.LazyConv2d(4, 3, {padding = 1})(tocha.ones(2, 6, 8, 8)).shape  --> {2, 4, 8, 8}
-- nn.LazyConv3d(4, 1)(tocha.ones(2, 6, 2, 2, 2)).shape  --> {2, 4, 2, 2, 2}
-- nn.LazyConvTranspose1d(4, 2, 2)(tocha.ones(2, 6, 8)).shape  --> {2, 4, 16}
-- nn.LazyConvTranspose2d(4, 2, 2)(tocha.ones(2, 6, 3, 3)).shape  --> {2, 4, 6, 6}
-- nn.LazyConvTranspose3d(4, 2, 2)(tocha.ones(2, 6, 1, 1, 1)).shape  --> {2, 4, 2, 2, 2}
-- nn.LazyBatchNorm1d()(tocha.randn(4, 3)).shape  --> {4, 3}
-- nn.LazyBatchNorm2d()(tocha.randn(4, 3, 2, 2)).shape  --> {4, 3, 2, 2}
-- nn.LazyBatchNorm3d()(tocha.randn(4, 3, 2, 2, 2)).shape  --> {4, 3, 2, 2, 2}
-- nn.LazyInstanceNorm1d()(tocha.randn(4, 3, 5)).shape  --> {4, 3, 5}
-- nn.LazyInstanceNorm2d()(tocha.randn(4, 3, 2, 2)).shape  --> {4, 3, 2, 2}
-- nn.LazyInstanceNorm3d()(tocha.randn(4, 3, 2, 2, 2)).shape  --> {4, 3, 2, 2, 2}

-- at: which argument of the ordinary class is found; size_of(input) gives it; so does size_of_state(the tensor `key`
-- of a state)
local function define(name, Class, at, size_of, key, size_of_state)
  local Lazy = class(name, Module)
  function Lazy:__init(...)
    local given = {n = select('#', ...), ...}
    if given.n < at - 1 then args.fail('%s: argument %d is missing', name, given.n + 1) end
    table.insert(given, at, 0)
    given.n = math.max(given.n + 1, #given)
    rawset(self, 'arguments', given)
  end
  -- a state that holds the tensor has its size
  function Lazy:before_load(state, prefix)
    local stored = state[prefix .. key]
    if stored ~= nil then self:materialize(size_of_state(stored, self.arguments)) end
  end
  function Lazy:materialize(size)
    self.arguments[at] = size
    become(self, Class, self.arguments)
  end
  function Lazy:forward(input)
    if not tocha.is_tensor(input) then args.fail('%s: input: got %s, takes a tensor', self.__name, args.show(input)) end
    self:materialize(size_of(input))
    return self:forward(input)
  end
  lazy[name] = Lazy
end

local function last(x) return x:size(-1) end

-- The weight of Linear is (out, in).
define('LazyLinear', linear.Linear, 1, last, 'weight', last)

local function groups_of(arguments, at)
  local options = arguments[arguments.n]
  if type(options) == 'table' and options.groups then return options.groups end
  return type(arguments[at]) == 'number' and arguments[at] or 1
end

for n = 1, 3 do
  -- channels come before the n dimensions of space, with or without a batch
  local function channels(x) return x:dim() > n and x:size(-n - 1) or 1 end
  define(('LazyConv%dd'):format(n), conv[('Conv%dd'):format(n)], 1, channels, 'weight', function(w, arguments)
    return w:size(2) * groups_of(arguments, 7)
  end)
  define(('LazyConvTranspose%dd'):format(n), conv[('ConvTranspose%dd'):format(n)], 1, channels, 'weight', function(w)
    return w:size(1)
  end)
  local function second(x) return x:dim() > 1 and x:size(2) or 1 end
  local function first(w) return w:size(1) end
  define(('LazyBatchNorm%dd'):format(n), batchnorm[('BatchNorm%dd'):format(n)], 1, second, 'running_mean', first)
  define(('LazyInstanceNorm%dd'):format(n), batchnorm[('InstanceNorm%dd'):format(n)], 1, channels, 'running_mean',
    first)
end

return lazy
