--- Containers of Torch7 beside nn.Sequential: branches whose results are joined or stay a list.
-- A list of tensors is a plain Lua table; where a module takes a list, it takes several arguments as well.
-- @module tocha.nn.container

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local Module = require 'tocha.nn.module'
local Sequential = require 'tocha.nn.sequential'

local M = {}

--- The base of Torch7's containers: modules by position, as in nn.Sequential; `:add(module)` gives the container back.
-- @type Container
-- @param ... modules, or one list of them
-- @shape as derived classes say
-- @usage
-- local two = nn.Container(nn.Linear(2, 3)):add(nn.ReLU())
-- #two  --> 2
-- two:get(2).__name  --> 'ReLU'
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
-- @type ConcatTable
-- @param ... modules, or one list of them
-- @shape as the modules take -> a list
-- @usage
-- nn.ConcatTable(nn.ReLU(), nn.Identity())(tocha.tensor{-1, 2})  --> {{0, 2}, {-1, 2}}
local ConcatTable = class('ConcatTable', Container)
M.ConcatTable = ConcatTable
function ConcatTable:forward(...)
  local out = {}
  for i = 1, #self do out[i] = self[i](...) end
  return out
end

--- Gives module i the i-th entry of a list; the results are a list.
-- @type ParallelTable
-- @param ... modules, or one list of them
-- @shape a list -> a list
-- @raise if the list is of another length
-- @usage
-- nn.ParallelTable(nn.ReLU(), nn.Identity())({tocha.tensor{-1}, tocha.tensor{-2}})  --> {{0}, {-2}}
local ParallelTable = class('ParallelTable', Container)
M.ParallelTable = ParallelTable
function ParallelTable:forward(...)
  local list, out = list_of(self, ...), {}
  if #list ~= #self then args.fail('ParallelTable: got a list of %d, there are %d modules', #list, #self) end
  for i = 1, #self do out[i] = self[i](list[i]) end
  return out
end

--- Gives one module each entry of a list; the results are a list.
-- @type MapTable
-- @param ... the module
-- @shape a list -> a list
-- @usage
-- nn.MapTable(nn.ReLU())({tocha.tensor{-1}, tocha.tensor{2}})  --> {{0}, {2}}
local MapTable = class('MapTable', Container)
M.MapTable = MapTable
function MapTable:forward(...)
  local list, out = list_of(self, ...), {}
  if #self == 0 then args.fail('MapTable: has no module') end
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
-- @type Concat
-- @param a the dim
-- @param b the first module
-- @param ... more modules
-- @shape (..., n, ...) -> (..., sum of what the modules give, ...)
-- @usage
-- nn.Concat(1, nn.ReLU(), nn.Identity())(tocha.tensor{-1, 2})  --> {0, 2, -1, 2}
-- nn.Concat(2, nn.Linear(4, 3), nn.Linear(4, 5))(tocha.ones(2, 4)).shape  --> {2, 8}
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
-- @type DepthConcat
-- @param a the dim
-- @param b the first module
-- @param ... more modules
-- @shape as Concat, with the largest of the other sizes
-- @usage
-- local both = nn.DepthConcat(2, nn.Conv2d(1, 2, 1), nn.Conv2d(1, 3, 3))
-- both(tocha.ones(1, 1, 5, 5)).shape  --> {1, 5, 5, 5}
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
-- @type Parallel
-- @param a the input's dim
-- @param b the results' dim
-- @param ... modules
-- @shape (..., number of modules, ...) -> what the modules give, joined
-- @raise if there are not as many slices as modules
-- @usage
-- nn.Parallel(1, 1, nn.ReLU(), nn.Identity())(tocha.tensor{{-1, 1}, {-2, 2}})  --> {0, 1, -2, 2}
local Parallel = with_dims('Parallel', 2)
function Parallel:forward(input)
  local out = {}
  if not tocha.is_tensor(input) then args.fail('Parallel: input: got %s, takes a tensor', args.show(input)) end
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

--- All leading dims are one batch dim for the module.
-- @type Bottle
-- @param module which
-- @param n_input dims that the module takes: 2
-- @param n_output dims that it gives: as it takes
-- @shape (a, b, ..., features) -> (a, b, ..., features')
-- @raise if the module gives another number of dims
-- @usage
-- nn.Bottle(nn.Linear(4, 3))(tocha.ones(2, 5, 4)).shape  --> {2, 5, 3}
function Bottle:__init(module, n_input, n_output)
  for i, n in ipairs{n_input or 2, n_output or 2} do
    if type(n) ~= 'number' then args.fail('Bottle: %s: got %s, takes an integer', i == 1 and 'n_input' or 'n_output', args.show(n)) end
  end
  Container.__init(self, module)
  self.n_input_dim = n_input or 2
  self.n_output_dim = n_output or self.n_input_dim
end

function Bottle:forward(input)
  if not tocha.is_tensor(input) then args.fail('Bottle: input: got %s, takes a tensor', args.show(input)) end
  if #self == 0 then args.fail('Bottle: has no module') end
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

--- x + f(x), where f is the modules one after the other.
-- @type Residual
-- @param ... modules, or one list of them
-- @shape any -> the same
-- @usage
-- nn.Residual(nn.ReLU())(tocha.tensor{-1, 2})  --> {-1, 4}
local Residual = class('Residual', Container)
M.Residual = Residual
function Residual:forward(x)
  if not tocha.is_tensor(x) then args.fail('Residual: input: got %s, takes a tensor', args.show(x)) end
  local y = x
  for i = 1, #self do y = self[i](y) end
  return x + y
end

return M
