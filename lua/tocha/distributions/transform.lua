--- Transforms of variables: the base, inverses, compositions. `t(x)` transforms, `t.inv(y)` goes back, and
-- `t:log_abs_det_jacobian(x, y)` gives log |dy/dx|, summed over the dims of one event.
-- A derived class defines `call(x)`, `inverse(y)`, `log_abs_det_jacobian(x, y)` and the fields below.
-- @module tocha.distributions.transform

local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'
local constraints = require 'tocha.distributions.constraints'
local fields = require 'tocha.distributions.fields'
local utils = require 'tocha.distributions.utils'

local M = {}

---------------------------------------------------------------- the base
local Transform = fields(class('Transform'))
Transform.bijective, Transform.cache_size = false, 0
Transform.domain, Transform.codomain = constraints.real, constraints.real
M.Transform = Transform

--- The base of transforms of variables: `t(x)` transforms, `t.inv(y)` goes back, `t:log_abs_det_jacobian(x, y)` is log |dy/dx|, summed
-- over the dims of one event. domain and codomain are constraints. A derived class gives call(x), inverse(y), log_abs_det_jacobian(x, y).
-- @param cache_size 0 or 1: whether the last pair of values is kept, so that going back is exact
-- @shape (..., event) -> (..., event'); `forward_shape(shape)` and `inverse_shape(shape)`
-- @usage
-- local t = D.ExpTransform()
-- t(tocha.tensor(0))  --> 1
-- t.inv(tocha.tensor(1))  --> 0
-- t:log_abs_det_jacobian(tocha.tensor(2), t(tocha.tensor(2)))  --> 2
-- tocha.class.isinstance(t, D.Transform)  --> true
function Transform:__init(cache_size)
  cache_size = cache_size or 0
  if cache_size ~= 0 and cache_size ~= 1 then
    args.fail('%s: cache_size: got %s, takes 0 or 1', getmetatable(self).__name, args.show(cache_size))
  end
  if cache_size == 1 then self.cache_size = 1 end
end

--- With cache_size 1 the last pair (x, y) is kept, so that going back is exact.
function Transform:__call(x)
  if self.cache_size == 0 then return self:call(x) end
  if self._x ~= x or self._y == nil then self._x, self._y = x, self:call(x) end
  return self._y
end

-- what t.inv(y) calls
function Transform:back(y)
  if self.cache_size == 0 then return self:inverse(y) end
  if self._y ~= y or self._x == nil then self._x, self._y = self:inverse(y), y end
  return self._x
end

function Transform:call() args.fail('%s: has no forward computation', getmetatable(self).__name) end
function Transform:inverse() args.fail('%s: inv: has no inverse', getmetatable(self).__name) end
function Transform:log_abs_det_jacobian()
  args.fail('%s: log_abs_det_jacobian: is not known: the transform is no bijection', getmetatable(self).__name)
end

function Transform:get_inv() return M.InverseTransform(self) end
function Transform:get_sign() args.fail('%s: sign: is not known', getmetatable(self).__name) end
function Transform.forward_shape(_, shape) return shape end
function Transform.inverse_shape(_, shape) return shape end

--- The same transform with another cache size.
function Transform:with_cache(cache_size)
  local new = setmetatable({}, getmetatable(self))
  for key, value in pairs(self) do new[key] = value end
  new._x, new._y, new.cache_size = nil, nil, cache_size or 1
  return new
end

--- Are both the same function? Derived classes with parameters say more.
function Transform:equals(other) return getmetatable(self) == getmetatable(other) end
function Transform.__eq(a, b) return a:equals(b) end
function Transform:__tostring() return getmetatable(self).__name .. '()' end

---------------------------------------------------------------- the inverse
local Inverse = class('InverseTransform', Transform)
M.InverseTransform = Inverse

--- The inverse of a bijective transform, as t.inv gives it.
-- @param transform which
-- @shape as the transform, the other way round
-- @usage
-- local t = D.ExpTransform().inv
-- t(tocha.tensor(1))  --> 0
-- t.__name  --> 'InverseTransform'
function Inverse:__init(transform) self._inv = transform end
function Inverse:get_inv() return self._inv end
function Inverse:get_domain() return self._inv.codomain end
function Inverse:__call(x) return self._inv:back(x) end
function Inverse:call(x) return self._inv:back(x) end
function Inverse:inverse(y) return self._inv(y) end
function Inverse:back(y) return self._inv(y) end
function Inverse:log_abs_det_jacobian(x, y) return -self._inv:log_abs_det_jacobian(y, x) end
function Inverse:forward_shape(shape) return self._inv:inverse_shape(shape) end
function Inverse:inverse_shape(shape) return self._inv:forward_shape(shape) end
function Inverse:with_cache(cache_size) return self._inv:with_cache(cache_size).inv end
function Inverse:equals(other) return getmetatable(other) == Inverse and self._inv:equals(other._inv) end
-- these shadow class fields of the base, so an index function of its own asks the inverted transform
local from_inverse = {domain = 'codomain', codomain = 'domain', bijective = 'bijective', sign = 'sign', cache_size = 'cache_size'}
local plain_index = Inverse.__index
function Inverse.__index(self, key)
  local other = from_inverse[key]
  if other then return rawget(self, '_inv')[other] end
  return plain_index(self, key)
end

---------------------------------------------------------------- one after another
local Compose = class('ComposeTransform', Transform)
M.ComposeTransform = Compose

local read_compose = args.spec('ComposeTransform', 'parts:list', 'cache_size:int=0')

-- how many dims one event has before the first part, if after the last it has `n`
local function events_before(parts)
  local n = parts[#parts].codomain.event_dim
  for i = #parts, 1, -1 do
    local t = parts[i]
    n = math.max(n + t.domain.event_dim - t.codomain.event_dim, t.domain.event_dim)
  end
  return n
end

local function events_after(parts)
  local n = parts[1].domain.event_dim
  for _, t in ipairs(parts) do n = math.max(n + t.codomain.event_dim - t.domain.event_dim, t.codomain.event_dim) end
  return n
end

local function raised(constraint, n)
  if n > constraint.event_dim then return constraints.independent(constraint, n - constraint.event_dim) end
  return constraint
end

--- Transforms, one after the other.
-- @param parts a list of transforms
-- @shape as the parts, one after the other
-- @raise for what is no transform
-- @usage
-- local t = D.ComposeTransform{D.AffineTransform(0, 2), D.ExpTransform()}
-- t(tocha.tensor(1))  --> 7.389
-- t.inv(tocha.tensor(1))  --> 0
-- t:log_abs_det_jacobian(tocha.tensor(0), tocha.tensor(1))  --> 0.6931
function Compose:__init(...)
  local parts, cache_size = read_compose(...)
  self.parts = parts
  Transform.__init(self, cache_size)
  self.bijective = true
  for i, t in ipairs(parts) do
    if not class.isinstance(t, Transform) then args.fail('ComposeTransform: parts: entry %d is no transform', i) end
    self.bijective = self.bijective and t.bijective
  end
  if #parts > 0 then
    self.domain = raised(parts[1].domain, events_before(parts))
    self.codomain = raised(parts[#parts].codomain, events_after(parts))
  end
end

function Compose:get_sign()
  local sign = 1
  for _, t in ipairs(self.parts) do sign = sign * t.sign end
  return sign
end

function Compose:call(x)
  for _, t in ipairs(self.parts) do x = t(x) end
  return x
end

function Compose:inverse(y)
  for i = #self.parts, 1, -1 do y = self.parts[i].inv(y) end
  return y
end

function Compose:log_abs_det_jacobian(x, y)
  if #self.parts == 0 then return tocha.zeros_like(x) end
  local total, n = nil, self.domain.event_dim
  for i, t in ipairs(self.parts) do
    local z = i == #self.parts and y or t(x)
    local term = utils.sum_rightmost(t:log_abs_det_jacobian(x, z), n - t.domain.event_dim)
    total = total and total + term or term
    n = n + t.codomain.event_dim - t.domain.event_dim
    x = z
  end
  return total
end

function Compose:forward_shape(shape)
  for _, t in ipairs(self.parts) do shape = t:forward_shape(shape) end
  return shape
end

function Compose:inverse_shape(shape)
  for i = #self.parts, 1, -1 do shape = self.parts[i]:inverse_shape(shape) end
  return shape
end

function Compose:equals(other)
  if getmetatable(other) ~= Compose or #self.parts ~= #other.parts then return false end
  for i, t in ipairs(self.parts) do
    if not t:equals(other.parts[i]) then return false end
  end
  return true
end

--- The transform that changes nothing.
-- @type identity_transform
-- @shape any -> the same
-- @usage
-- D.identity_transform(tocha.tensor(3))  --> 3
M.identity_transform = Compose({}, 0)

---------------------------------------------------------------- batch dims as event dims
local Independent = class('IndependentTransform', Transform)
M.IndependentTransform = Independent

local read_independent = args.spec('IndependentTransform', 'base_transform', 'reinterpreted_batch_ndims:int', 'cache_size:int=0')

--- The same function; the Jacobian is summed over more dims.
-- @param base_transform which
-- @param reinterpreted_batch_ndims over how many
-- @shape any -> the same
-- @usage
-- local t = D.IndependentTransform(D.ExpTransform(), 1)
-- t:log_abs_det_jacobian(tocha.tensor{1, 2}, tocha.tensor{1, 2}:exp())  --> 3
function Independent:__init(...)
  local base, n, cache_size = read_independent(...)
  if type(base) ~= 'table' or not base.log_abs_det_jacobian then
    args.fail('IndependentTransform: base_transform: got %s, takes a transform', args.show(base))
  end
  Transform.__init(self, cache_size)
  self.base_transform, self.reinterpreted_batch_ndims, self.bijective = base, n, base.bijective
  self.domain, self.codomain = constraints.independent(base.domain, n), constraints.independent(base.codomain, n)
end

function Independent:get_sign() return self.base_transform.sign end
function Independent:call(x) return self.base_transform(x) end
function Independent:inverse(y) return self.base_transform.inv(y) end
function Independent:log_abs_det_jacobian(x, y)
  return utils.sum_rightmost(self.base_transform:log_abs_det_jacobian(x, y), self.reinterpreted_batch_ndims)
end
function Independent:forward_shape(shape) return self.base_transform:forward_shape(shape) end
function Independent:inverse_shape(shape) return self.base_transform:inverse_shape(shape) end
function Independent:equals(other)
  return getmetatable(other) == Independent and self.reinterpreted_batch_ndims == other.reinterpreted_batch_ndims
    and self.base_transform:equals(other.base_transform)
end

---------------------------------------------------------------- another shape
local Reshape = class('ReshapeTransform', Transform)
Reshape.bijective = true
M.ReshapeTransform = Reshape

local function check_sizes(shape, what)
  for i = 1, #shape do
    if type(shape[i]) ~= 'number' then args.fail('ReshapeTransform: %s: got %s, takes sizes', what, args.show(shape)) end
  end
end

local read_reshape = args.spec('ReshapeTransform', 'in_shape:list', 'out_shape:list', 'cache_size:int=0')

--- The last dims in another shape.
-- @param in_shape sizes before
-- @param out_shape sizes after
-- @shape (..., in_shape...) -> (..., out_shape...)
-- @raise if they have different numbers of elements
-- @usage
-- D.ReshapeTransform({2, 3}, {6})(tocha.ones(5, 2, 3)).shape  --> {5, 6}
function Reshape:__init(...)
  local in_shape, out_shape, cache_size = read_reshape(...)
  Transform.__init(self, cache_size)
  check_sizes(in_shape, 'in_shape')
  check_sizes(out_shape, 'out_shape')
  if utils.count(in_shape) ~= utils.count(out_shape) then
    args.fail('ReshapeTransform: in_shape and out_shape have different numbers of elements: %s, %s', utils.show(in_shape),
      utils.show(out_shape))
  end
  self.in_shape, self.out_shape = in_shape, out_shape
  self.domain = constraints.independent(constraints.real, #in_shape)
  self.codomain = constraints.independent(constraints.real, #out_shape)
end

local function lead(shape, n) return utils.slice(shape, 1, #shape - n) end

local function exchanged(shape, from, to)
  local rest = utils.slice(shape, #shape - #from + 1)
  if not utils.same(rest, from) then
    args.fail('ReshapeTransform: got shape %s, takes one that ends in %s', utils.show(shape), utils.show(from))
  end
  return utils.join(lead(shape, #from), to)
end

function Reshape:call(x) return x:reshape(exchanged(x.shape, self.in_shape, self.out_shape)) end
function Reshape:inverse(y) return y:reshape(exchanged(y.shape, self.out_shape, self.in_shape)) end
function Reshape:log_abs_det_jacobian(x) return utils.full(lead(x.shape, #self.in_shape), 0, x) end
function Reshape:forward_shape(shape) return exchanged(shape, self.in_shape, self.out_shape) end
function Reshape:inverse_shape(shape) return exchanged(shape, self.out_shape, self.in_shape) end
function Reshape:equals(other)
  return getmetatable(other) == Reshape and utils.same(self.in_shape, other.in_shape)
    and utils.same(self.out_shape, other.out_shape)
end

return M
