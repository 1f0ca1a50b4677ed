--- Affine layers and reshaping ones: nn.Linear, nn.Bilinear, nn.Identity, nn.Flatten, nn.Unflatten.
-- @module tocha.nn.linear

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local show = require 'tocha.nn.show'
local Module = require 'tocha.nn.module'
local Parameter = require 'tocha.nn.parameter'
local F = require 'tocha.nn.functional'
local init = require 'tocha.nn.initializers'

local sqrt = math.sqrt

-- Parameter(empty), or nothing
local function new(wanted, options, ...)
  return wanted and Parameter(tocha.empty({...}, options)) or nil
end

-- ------------------------------------------------------------------------------------------------------------- Linear

local Linear = class('Linear', Module)
Linear.pure = true

local read_linear = args.spec('Linear', 'in_features:int', 'out_features:int', 'bias:bool=true', 'device=nil',
  'dtype=nil')

--- y = x W' + b, over the last dimension. weight is (out_features, in_features), bias (out_features).
-- @param in_features size of an input
-- @param out_features size of an output
-- @param bias whether there is b
-- @shape (..., in_features) -> (..., out_features)
-- @raise if the last dim has another size
-- @usage
-- local layer = nn.Linear(3, 2)
-- layer(tocha.ones(5, 3)).shape  --> {5, 2}
-- nn.init.ones_(layer.weight)
-- nn.init.zeros_(layer.bias)
-- layer(tocha.tensor{1, 2, 3})  --> {6, 6}
function Linear:__init(...)
  local size_in, size_out, bias, device, dtype = read_linear(...)
  self.in_features, self.out_features = size_in, size_out
  local options = {device = device, dtype = dtype}
  self.weight = new(true, options, size_out, size_in)
  self:register_parameter('bias', new(bias, options, size_out))
  self:reset_parameters()
end

--- Draws new values: uniform in +-1/sqrt(in_features).
function Linear:reset_parameters()
  init.kaiming_uniform_(self.weight, sqrt(5))
  if self.bias ~= nil then
    local bound = self.in_features > 0 and 1 / sqrt(self.in_features) or 0
    init.uniform_(self.bias, -bound, bound)
  end
end

function Linear:forward(input) return (F.linear(input, self.weight, self.bias)) end

function Linear:extra_repr()
  return show.fields(self, 'in_features', 'out_features') .. ', bias=' .. show.python(self.bias ~= nil)
end

-- ----------------------------------------------------------------------------------------------------------- Bilinear

local Bilinear = class('Bilinear', Module)

local read_bilinear = args.spec('Bilinear', 'in1_features:int', 'in2_features:int', 'out_features:int',
  'bias:bool=true',
  'device=nil', 'dtype=nil')

--- y = x1' A x2 + b: each output is a trained bilinear form of two inputs. weight is (out_features, in1_features, in2_features).
-- @param in1_features size of the first input
-- @param in2_features size of the second input
-- @param out_features size of an output
-- @param bias whether there is b
-- @shape (..., in1_features) and (..., in2_features) -> (..., out_features)
-- @usage
-- local layer = nn.Bilinear(2, 3, 4)
-- layer(tocha.ones(5, 2), tocha.ones(5, 3)).shape  --> {5, 4}
-- nn.init.ones_(layer.weight)
-- nn.init.zeros_(layer.bias)
-- layer(tocha.tensor{1, 2}, tocha.tensor{1, 1, 1})  --> {9, 9, 9, 9}
function Bilinear:__init(...)
  local in1, in2, out, bias, device, dtype = read_bilinear(...)
  self.in1_features, self.in2_features, self.out_features = in1, in2, out
  local options = {device = device, dtype = dtype}
  self.weight = new(true, options, out, in1, in2)
  self:register_parameter('bias', new(bias, options, out))
  self:reset_parameters()
end

--- Draws new values: uniform in +-1/sqrt(in1_features).
function Bilinear:reset_parameters()
  local bound = 1 / sqrt(self.in1_features)
  init.uniform_(self.weight, -bound, bound)
  if self.bias ~= nil then init.uniform_(self.bias, -bound, bound) end
end

function Bilinear:forward(input1, input2) return (F.bilinear(input1, input2, self.weight, self.bias)) end

function Bilinear:extra_repr()
  return show.fields(self, 'in1_features', 'in2_features', 'out_features') .. ', bias=' .. show.python(self.bias ~= nil)
end

-- ----------------------------------------------------------------------------------------------------------- reshaping

local Identity = class('Identity', Module)
Identity.pure = true

--- Gives what it gets; arguments of the constructor are ignored.
-- @type Identity
-- @shape any -> the same
-- @usage
-- nn.Identity(54, 'anything')(tocha.tensor{1, 2})  --> {1, 2}
function Identity:forward(...) return ... end -- luacheck: ignore self

local Flatten = class('Flatten', Module)
Flatten.pure = true

local _, store_flatten = args.spec('Flatten', 'start_dim:int=2', 'end_dim:int=-1')

--- Makes one dimension of several.
-- @param start_dim the first of them
-- @param end_dim the last of them
-- @shape (n, a, b, ...) -> (n, a b ...)
-- @usage
-- nn.Flatten()(tocha.ones(2, 3, 4, 5)).shape  --> {2, 60}
-- nn.Flatten(1, 2)(tocha.ones(2, 3, 4)).shape  --> {6, 4}
function Flatten:__init(...) store_flatten(self, ...) end

function Flatten:forward(input)
  if not tocha.is_tensor(input) then args.fail('Flatten: input: got %s, takes a tensor', args.show(input)) end
  return input:flatten(self.start_dim, self.end_dim)
end

function Flatten:extra_repr() return show.fields(self, 'start_dim', 'end_dim') end

local Unflatten = class('Unflatten', Module)
Unflatten.pure = true

local _, store_unflatten = args.spec('Unflatten', 'dim:int', 'unflattened_size:size')

--- Makes several dimensions of one.
-- @param dim which
-- @param unflattened_size their sizes; one may be -1
-- @shape (..., a b, ...) -> (..., a, b, ...)
-- @raise if the sizes do not multiply to that of the dim
-- @usage
-- nn.Unflatten(2, {3, -1})(tocha.ones(2, 12)).shape  --> {2, 3, 4}
function Unflatten:__init(...) store_unflatten(self, ...) end

function Unflatten:forward(input)
  if not tocha.is_tensor(input) then args.fail('Unflatten: input: got %s, takes a tensor', args.show(input)) end
  return input:unflatten(self.dim, self.unflattened_size)
end

function Unflatten:extra_repr() return show.fields(self, 'dim', 'unflattened_size') end

return {Linear = Linear, Bilinear = Bilinear, Identity = Identity, Flatten = Flatten, Unflatten = Unflatten}
