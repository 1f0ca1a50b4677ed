--- Constraints: which values a parameter or a sample may have. `constraint:check(x)` says for each value whether it is allowed.
-- A name in lower case is a constraint or, where it needs numbers, a class that makes one: `constraints.interval(0, 1)`.
-- @module tocha.distributions.constraints

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local checked = require 'tocha.checked'
local utils = require 'tocha.distributions.utils'

local constraints = {}

--- The base. `is_discrete` and `event_dim` (how many of the last dims make one value) are fields.
local Constraint = class('Constraint')
Constraint.is_discrete, Constraint.event_dim = false, 0
constraints.Constraint = Constraint

--- A bool tensor over the batch dims: which values satisfy the constraint.
function Constraint.check() error('Constraint: check: is for derived classes', 2) end

function Constraint:__tostring()
  local parts = {}
  for _, name in ipairs(self.shown or {}) do
    local v = self[name]
    if tocha.is_tensor(v) then v = v:numel() == 1 and v:item() or 'tensor ' .. utils.show(v.shape) end
    parts[#parts + 1] = name .. '=' .. tostring(v)
  end
  return getmetatable(self).__name .. '(' .. table.concat(parts, ', ') .. ')'
end

-- a class whose constructor stores its arguments under the given names, in order
local function make(name, shown, check, fields)
  local cls = class(name, Constraint)
  cls.shown, cls.check = shown, check
  for key, value in pairs(fields or {}) do cls[key] = value end
  function cls:__init(...)
    for i, key in ipairs(shown) do self[key] = select(i, ...) end
  end
  return cls
end

local function all_true(x) return x:eq(x) end

---------------------------------------------------------------- depends on other values
local Dependent = class('Dependent', Constraint)
function Dependent:__init(options)
  if options ~= nil and type(options) ~= 'table' then args.fail('dependent: got %s, takes a table of options', args.show(options)) end
  options = options or {}
  if options.is_discrete ~= nil then self.is_discrete = options.is_discrete end
  if options.event_dim ~= nil then self.event_dim = options.event_dim end
end
function Dependent.check() error('dependent: cannot be checked without the values that it depends on', 2) end
-- Called, it makes one with its own is_discrete and event_dim.
function Dependent.__call(_, options) return Dependent(options) end

--- Stands for a constraint that depends on other parameters: checked by the constructor, not here.
constraints.dependent = Dependent()
--- The same, for a support that an instance computes.
constraints.dependent_property = constraints.dependent
--- Is the constraint only known together with other values?
function constraints.is_dependent(c) return class.isinstance(c, Dependent) end

---------------------------------------------------------------- discrete values
local Boolean = make('Boolean', {}, function(_, v) return v:eq(0):logical_or(v:eq(1)) end, {is_discrete = true})
local OneHot = make('OneHot', {}, function(_, v)
  return v:eq(0):logical_or(v:eq(1)):all(-1):logical_and(v:sum(-1):eq(1))
end, {is_discrete = true, event_dim = 1})
local IntegerInterval = make('IntegerInterval', {'lower_bound', 'upper_bound'}, function(self, v)
  return (v % 1):eq(0):logical_and(v:ge(self.lower_bound)):logical_and(v:le(self.upper_bound))
end, {is_discrete = true})
local IntegerLessThan = make('IntegerLessThan', {'upper_bound'}, function(self, v)
  return (v % 1):eq(0):logical_and(v:le(self.upper_bound))
end, {is_discrete = true})
local IntegerGreaterThan = make('IntegerGreaterThan', {'lower_bound'}, function(self, v)
  return (v % 1):eq(0):logical_and(v:ge(self.lower_bound))
end, {is_discrete = true})
local Multinomial = make('Multinomial', {'upper_bound'}, function(self, v)
  return v:ge(0):all(-1):logical_and(v:sum(-1):le(self.upper_bound))
end, {is_discrete = true, event_dim = 1})

---------------------------------------------------------------- intervals
local Real = make('Real', {}, function(_, v) return all_true(v) end) -- all but nan
local GreaterThan = make('GreaterThan', {'lower_bound'}, function(self, v) return v:gt(self.lower_bound) end)
local GreaterThanEq = make('GreaterThanEq', {'lower_bound'}, function(self, v) return v:ge(self.lower_bound) end)
local LessThan = make('LessThan', {'upper_bound'}, function(self, v) return v:lt(self.upper_bound) end)
local Interval = make('Interval', {'lower_bound', 'upper_bound'}, function(self, v)
  return v:ge(self.lower_bound):logical_and(v:le(self.upper_bound))
end)
local HalfOpenInterval = make('HalfOpenInterval', {'lower_bound', 'upper_bound'}, function(self, v)
  return v:ge(self.lower_bound):logical_and(v:lt(self.upper_bound))
end)

---------------------------------------------------------------- vectors and matrices
local Simplex = make('Simplex', {}, function(_, v)
  return v:ge(0):all(-1):logical_and((v:sum(-1) - 1):abs():lt(1e-6))
end, {event_dim = 1})
local LowerTriangular = make('LowerTriangular', {}, function(_, v)
  return v:tril():eq(v):flatten(-2, -1):all(-1)
end, {event_dim = 2})
local LowerCholesky = make('LowerCholesky', {}, function(_, v)
  return v:tril():eq(v):flatten(-2, -1):all(-1):logical_and(v:diagonal(0, -2, -1):gt(0):all(-1))
end, {event_dim = 2})
local CorrCholesky = make('CorrCholesky', {}, function(_, v)
  local tolerance = tocha.finfo(v.dtype).eps * v:size(-1) * 10
  local unit = (v:square():sum(-1):sqrt() - 1):abs():lt(tolerance):all(-1)
  return LowerCholesky.check(nil, v):logical_and(unit)
end, {event_dim = 2})
local Square = make('Square', {}, function(_, v)
  return tocha.full(utils.slice(v.shape, 1, v:dim() - 2), v:size(-1) == v:size(-2) and 1 or 0, {device = v.device}):ne(0)
end, {event_dim = 2})
local Symmetric = make('Symmetric', {}, function(_, v)
  local square = Square.check(nil, v)
  if v:size(-1) ~= v:size(-2) then return square end
  return square:logical_and(v:isclose(v.mT, 1e-5, 1e-6):flatten(-2, -1):all(-1))
end, {event_dim = 2})

-- For each matrix: can its Cholesky factor be computed? Works column by column, without errors for those that cannot.
local function positive(v, margin)
  local n = v:size(-1)
  local rest, good = v:detach(), Square.check(nil, v)
  for j = 1, n do
    local pivot = rest:narrow(-1, 1, 1):narrow(-2, 1, 1)
    local fine = pivot:gt(margin)
    good = good:logical_and(fine:squeeze(-1):squeeze(-1))
    if j < n then
      local column = rest:narrow(-1, 1, 1):narrow(-2, 2, n - j)
      local tail = rest:narrow(-1, 2, n - j):narrow(-2, 2, n - j)
      rest = tail - column:matmul(column.mT) / tocha.where(fine, pivot, 1)
    end
  end
  return good
end

local PositiveDefinite = make('PositiveDefinite', {}, function(_, v)
  local symmetric = Symmetric.check(nil, v)
  if v:size(-1) ~= v:size(-2) then return symmetric end
  return symmetric:logical_and(positive(v, 0))
end, {event_dim = 2})
-- semidefinite: definite once a multiple of the identity in the size of rounding errors is added
local PositiveSemidefinite = make('PositiveSemidefinite', {}, function(_, v)
  local symmetric = Symmetric.check(nil, v)
  if v:size(-1) ~= v:size(-2) then return symmetric end
  local n = v:size(-1)
  local size = v:detach():abs():amax{-2, -1}:unsqueeze(-1):unsqueeze(-1)
  local eye = tocha.eye(n, nil, {dtype = v.dtype, device = v.device})
  return symmetric:logical_and(positive(v + eye * (size + 1e-30) * (tocha.finfo(v.dtype).eps * n * 8), 0))
end, {event_dim = 2})

---------------------------------------------------------------- made of others
local Independent = class('IndependentConstraint', Constraint)
function Independent:__init(base, reinterpreted_batch_ndims)
  self.base_constraint, self.reinterpreted_batch_ndims = base, reinterpreted_batch_ndims
  self.is_discrete, self.event_dim = base.is_discrete, base.event_dim + reinterpreted_batch_ndims
end
function Independent:check(v)
  local result, n = self.base_constraint:check(v), self.reinterpreted_batch_ndims
  if n == 0 then return result end
  if result:dim() < n then
    error(('independent: check: takes a value of %d or more dims, got %s'):format(self.event_dim, utils.show(v.shape)), 2)
  end
  return result:flatten(-n, -1):all(-1)
end
function Independent:__tostring()
  return ('Independent(%s, %d)'):format(tostring(self.base_constraint), self.reinterpreted_batch_ndims)
end

local function any_discrete(list)
  for _, c in ipairs(list) do
    if c.is_discrete then return true end
  end
  return false
end

local function largest_event(list)
  local n = 0
  for _, c in ipairs(list) do n = math.max(n, c.event_dim) end
  return n
end

-- dims of a whole value from a dim of cat or stack
local function absolute(dim, v) return dim < 0 and dim + v:dim() + 1 or dim end

local Cat = class('Cat', Constraint)
--- Parts along a dim (1 unless given) with a constraint each; lengths are 1 each unless given.
function Cat:__init(cseq, dim, lengths)
  self.cseq, self.dim, self.lengths = cseq, dim or 1, lengths or {}
  if not lengths then
    for i = 1, #cseq do self.lengths[i] = 1 end
  end
  self.is_discrete, self.event_dim = any_discrete(cseq), largest_event(cseq)
end
function Cat:check(v)
  local dim, checks, start = absolute(self.dim, v), {}, 1
  for i, c in ipairs(self.cseq) do
    checks[i] = c:check(v:narrow(dim, start, self.lengths[i]))
    start = start + self.lengths[i]
  end
  return tocha.cat(checks, dim)
end

local Stack = class('Stack', Constraint)
--- Slices of a dim (1 unless given) with a constraint each.
function Stack:__init(cseq, dim)
  self.cseq, self.dim = cseq, dim or 1
  self.is_discrete, self.event_dim = any_discrete(cseq), largest_event(cseq) + ((dim or 1) < 0 and 1 or 0)
end
function Stack:check(v)
  local dim, checks = absolute(self.dim, v), {}
  for i, c in ipairs(self.cseq) do checks[i] = c:check(v:select(dim, i)) end
  return tocha.stack(checks, dim)
end

local Mixture = class('MixtureSameFamilyConstraint', Constraint)
--- The component's constraint, checked with the component's dim of the batch inserted.
function Mixture:__init(base)
  self.base_constraint, self.is_discrete, self.event_dim = base, base.is_discrete, base.event_dim
end
function Mixture:check(v)
  local n = self.event_dim
  return self.base_constraint:check(v:unsqueeze(-1 - n)):all(-1)
end
constraints.MixtureSameFamilyConstraint = Mixture

Independent.__init = checked('constraints.independent', Independent.__init, 'self', 'base:constraint', 'reinterpreted_batch_ndims:int')
Cat.__init = checked('constraints.cat', Cat.__init, 'self', 'cseq:constraints', 'dim:int?', 'lengths:list?')
Stack.__init = checked('constraints.stack', Stack.__init, 'self', 'cseq:constraints', 'dim:int?')
Mixture.__init = checked('MixtureSameFamilyConstraint', Mixture.__init, 'self', 'base:constraint')

---------------------------------------------------------------- the names
constraints.boolean, constraints.one_hot, constraints.multinomial = Boolean(), OneHot(), Multinomial
constraints.integer_interval, constraints.nonnegative_integer = IntegerInterval, IntegerGreaterThan(0)
constraints.positive_integer, constraints.integer_less_than = IntegerGreaterThan(1), IntegerLessThan
constraints.integer_greater_than = IntegerGreaterThan
constraints.real, constraints.positive, constraints.nonnegative = Real(), GreaterThan(0), GreaterThanEq(0)
constraints.greater_than, constraints.greater_than_eq, constraints.less_than = GreaterThan, GreaterThanEq, LessThan
constraints.interval, constraints.half_open_interval, constraints.unit_interval = Interval, HalfOpenInterval, Interval(0, 1)
constraints.simplex, constraints.lower_triangular, constraints.lower_cholesky = Simplex(), LowerTriangular(), LowerCholesky()
constraints.corr_cholesky, constraints.square, constraints.symmetric = CorrCholesky(), Square(), Symmetric()
constraints.positive_definite, constraints.positive_semidefinite = PositiveDefinite(), PositiveSemidefinite()
constraints.independent, constraints.cat, constraints.stack = Independent, Cat, Stack
constraints.real_vector = Independent(constraints.real, 1)

return constraints
