--- Containers of Torch7 beside nn.Sequential: branches whose results are joined or stay a list.
-- A list of tensors is a plain Lua table; where a module takes a list, it takes several arguments as well.
-- @module tocha.nn.container

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local Module = require 'tocha.nn.module'
local Sequential = require 'tocha.nn.sequential'

local M = {}

--- The base: modules by position, as in nn.Sequential; `:add(module)` gives the container back.
local Container = class('Container', Module)
M.Container = Container
for _, name in ipairs{'len', '__len', 'get', 'append', 'extend', 'insert', 'pop', 'iter', 'items'} do
  Container[name] = Sequential[name]
end
Container.add = Container.append

--- @param ... modules, or one list of them
function Container:__init(first, ...)
  if first == nil then return end
  self:extend(type(first) == 'table' and getmetatable(first) == nil and first or {first, ...})
end

--- What a module got as a list: one plain table, or several arguments.
function M.list_of(self, first, ...)
  if type(first) == 'table' and getmetatable(first) == nil then return first end
  if first == nil then args.fail('%s: takes a list of tensors', self.__name) end
  return {first, ...}
end
local list_of = M.list_of

-- ------------------------------------------------------------------------------------------------- lists come out

--- Gives each module the same input; the results are a list.
local ConcatTable = class('ConcatTable', Container)
M.ConcatTable = ConcatTable
function ConcatTable:forward(...)
  local out = {}
  for i = 1, #self do out[i] = self[i](...) end
  return out
end

--- Gives module i the i-th entry of a list; the results are a list.
local ParallelTable = class('ParallelTable', Container)
M.ParallelTable = ParallelTable
function ParallelTable:forward(...)
  local list, out = list_of(self, ...), {}
  if #list ~= #self then args.fail('ParallelTable: got a list of %d, there are %d modules', #list, #self) end
  for i = 1, #self do out[i] = self[i](list[i]) end
  return out
end

--- Gives one module each entry of a list; the results are a list.
local MapTable = class('MapTable', Container)
M.MapTable = MapTable
function MapTable:forward(...)
  local list, out = list_of(self, ...), {}
  for i = 1, #list do out[i] = self[1](list[i]) end
  return out
end

-- ------------------------------------------------------------------------------------------------- joined along a dim

local function with_dims(name, n)
  local Class = class(name, Container)
  M[name] = Class
  function Class:__init(a, b, ...)
    local dims = {a, b}
    for i = 1, n do
      if type(dims[i]) ~= 'number' then args.fail('%s: dim: got %s, takes an integer', name, args.show(dims[i])) end
    end
    self.dimension = a
    if n == 2 then
      self.output_dimension = b
      Container.__init(self, ...)
    else
      Container.__init(self, b, ...)
    end
  end
  return Class
end

--- Concat(dim, modules...): gives each module the same input and joins the results along a dim.
local Concat = with_dims('Concat', 1)
function Concat:forward(...) return tocha.cat(ConcatTable.forward(self, ...), self.dimension) end

-- x in the middle of zeros of the given sizes, all dims but one
local function centred(x, sizes, but)
  local pads = {}
  for d = x:dim(), 1, -1 do
    local extra = d == but and 0 or sizes[d] - x:size(d)
    pads[#pads + 1], pads[#pads + 2] = math.floor(extra / 2), extra - math.floor(extra / 2)
  end
  return tocha.nn.functional.pad(x, pads)
end

--- DepthConcat(dim, modules...): as Concat; results that are smaller in other dims stand in the middle of zeros.
local DepthConcat = with_dims('DepthConcat', 1)
function DepthConcat:forward(...)
  local out, sizes = ConcatTable.forward(self, ...), {}
  for _, x in ipairs(out) do
    for d = 1, x:dim() do sizes[d] = math.max(sizes[d] or 0, x:size(d)) end
  end
  local but = self.dimension < 0 and #sizes + 1 + self.dimension or self.dimension
  for i, x in ipairs(out) do out[i] = centred(x, sizes, but) end
  return tocha.cat(out, but)
end

--- Parallel(input_dim, output_dim, modules...): module i gets the i-th slice along one dim; results are joined along another.
local Parallel = with_dims('Parallel', 2)
function Parallel:forward(input)
  local out = {}
  if input:size(self.dimension) ~= #self then
    args.fail('Parallel: input %s has %d slices along dim %d, there are %d modules', args.show(input),
      input:size(self.dimension), self.dimension, #self)
  end
  for i = 1, #self do out[i] = self[i](input:select(self.dimension, i)) end
  return tocha.cat(out, self.output_dimension)
end

-- ------------------------------------------------------------------------------------------------- around one module

local Bottle = class('Bottle', Container)
M.Bottle = Bottle

--- Bottle(module, n_input_dim = 2, n_output_dim = n_input_dim): all leading dims are one batch dim for the module.
function Bottle:__init(module, n_input, n_output)
  Container.__init(self, module)
  self.n_input_dim = n_input or 2
  self.n_output_dim = n_output or self.n_input_dim
end

function Bottle:forward(input)
  local extra = input:dim() - self.n_input_dim
  if extra <= 0 then return self[1](input) end
  local lead, rest = {}, {-1}
  for d = 1, input:dim() do
    if d <= extra + 1 then lead[#lead + 1] = input:size(d) else rest[#rest + 1] = input:size(d) end
  end
  local y = self[1](input:reshape(rest))
  if y:dim() ~= self.n_output_dim then
    args.fail('Bottle: the module gave %s, n_output_dim is %d', args.show(y), self.n_output_dim)
  end
  for d = 2, y:dim() do lead[#lead + 1] = y:size(d) end
  return y:reshape(lead)
end

--- Residual(modules...): x + f(x), where f is the modules one after the other.
local Residual = class('Residual', Container)
M.Residual = Residual
function Residual:forward(x)
  local y = x
  for i = 1, #self do y = self[i](y) end
  return x + y
end

return M
