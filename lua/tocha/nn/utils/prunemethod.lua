--- Methods of pruning of one's own: what BasePruningMethod and PruningContainer are in PyTorch.
-- @module tocha.nn.utils.prunemethod

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'

local kinds = {unstructured = true, structured = true, global = true}

-- The slices along the first dim, or along all dims for 'structured', in which some entry is left.
local function alive(mask, dim)
  local others = {}
  for d = 1, mask:dim() do
    if d ~= dim then others[#others + 1] = d end
  end
  local count = #others > 0 and mask:ne(0):to('int64'):sum(others) or mask:ne(0):to('int64')
  return count:ne(0):nonzero():reshape(-1)
end

-- The dim along which entries are pruned whole, counted from 1; the first if the method does not say.
local function dim_of(method, mask)
  local dim = method.dim or 1
  return dim < 0 and mask:dim() + 1 + dim or dim
end

-- the mask of one method, of the entries that `mask` leaves
local function combine(method, t, mask)
  local kind = method.PRUNING_TYPE
  if not kinds[kind] then
    args.fail("%s: PRUNING_TYPE: got %s, takes 'unstructured', 'structured' or 'global'", tostring(method.__name), args.show(kind))
  end
  if kind == 'global' then return method:compute_mask(t, mask) * mask end
  if kind == 'structured' then
    local dim = dim_of(method, mask)
    local at = alive(mask, dim)
    local part = method:compute_mask(t:index_select(dim, at), mask:index_select(dim, at))
    return mask:index_copy(dim, at, part:to(mask.dtype) * mask:index_select(dim, at))
  end
  local left = mask:ne(0)
  local part = method:compute_mask(t[left], mask[left])
  return mask:masked_scatter(left, part:to(mask.dtype))
end

return function(apply_mask)
  local Base = class('BasePruningMethod')

  -- what a derived class has to define
  function Base.compute_mask(self)
    args.fail('%s: compute_mask is not defined', tostring(self.__name))
  end

  --- Prunes a parameter of a module by this method, on top of what is pruned of it; returns the module.
  function Base:apply(module, name, ...)
    local method, noted = self(...), rawget(module, '_pruned')
    local pruned = noted and noted[name]
    local t = module[pruned and name .. '_orig' or name]
    if not tocha.is_tensor(t) then args.fail("%s: apply: %s has no parameter '%s'", tostring(self.__name), tostring(module.__name), name) end
    t = t:detach()
    local mask = pruned and module[name .. '_mask'] or tocha.ones_like(t)
    return apply_mask(module, name, combine(method, t, mask:detach()))
  end

  --- A tensor pruned by this method, without any module.
  -- @param t a tensor
  -- @param[opt] default_mask what is pruned of it already
  function Base:prune(t, default_mask)
    return t * combine(self, t:detach(), default_mask or tocha.ones_like(t))
  end

  local Container = class('PruningContainer', Base)
  Container.PRUNING_TYPE = 'global'

  function Container:__init(...)
    self.methods = {}
    for _, method in ipairs{...} do self:add_pruning_method(method) end
  end

  --- Adds a method.
  function Container:add_pruning_method(method)
    if type(method) ~= 'table' or not class.isinstance(method, Base) then
      args.fail('PruningContainer: method: got %s, takes an instance of a BasePruningMethod', args.show(method))
    end
    self.methods[#self.methods + 1] = method
    return self
  end

  --- The masks of all methods, one after another.
  function Container:compute_mask(t, mask)
    for _, method in ipairs(self.methods) do mask = combine(method, t, mask) end
    return mask
  end

  return {BasePruningMethod = Base, PruningContainer = Container}
end
