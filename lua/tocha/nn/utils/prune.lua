--- tocha.nn.utils.prune: weights set to zero by a mask. A pruned `weight` is `weight_orig * weight_mask`, computed
-- before each forward.
-- @module tocha.nn.utils.prune

local tocha = require 'tocha'
local args = require 'tocha.args'
local Parameter = require 'tocha.nn.parameter'
local checked = require 'tocha.checked'

local prune = {}

local function apply_mask(module, name, mask)
  local noted = rawget(module, '_pruned') or {}
  rawset(module, '_pruned', noted)
  if noted[name] then
    module[name .. '_mask']:mul_(mask)
  else
    local w = module[name]
    local trained = w.requires_grad
    module:unregister(name)
    module:register_parameter(name .. '_orig', Parameter(w:detach(), trained))
    module:register_buffer(name .. '_mask', mask:to(w.dtype))
    noted[name] = module:register_forward_pre_hook(function(m) rawset(m, name,
      m[name .. '_orig'] * m[name .. '_mask']) end)
  end
  rawset(module, name, module[name .. '_orig'] * module[name .. '_mask'])
  return module
end

local function weight_of(module, name, what)
  local w = module[name]
  if not tocha.is_tensor(w) then args.fail("%s: %s has no parameter '%s'", what, tostring(module.__name), name) end
  return w:detach()
end

-- How many of n: a share from 0 to 1, or a number.
local function count(amount, n, what)
  if amount < 0 or (amount > 1 and amount % 1 ~= 0) then
    args.fail('%s: amount: got %g, takes a share from 0 to 1 or a number of entries', what, amount)
  end
  local k = amount <= 1 and amount % 1 ~= 0 and math.floor(amount * n + 0.5) or amount
  if k > n then args.fail('%s: amount: got %d of %d entries', what, k, n) end
  return k
end

-- A mask that is 0 where the `k` smallest scores are, among entries that are not pruned yet.
local function smallest(scores, k, old)
  local mask = tocha.ones_like(scores):reshape(-1)
  if k > 0 then
    local flat = scores:reshape(-1)
    if old ~= nil then flat = flat:masked_fill(old:reshape(-1):eq(0), math.huge) end
    local _, at = flat:topk(k, {largest = false})
    mask[at] = 0
  end
  return mask:view_as(scores)
end

local function old_mask(module, name)
  local noted = rawget(module, '_pruned')
  return noted and noted[name] and module[name .. '_mask'] or nil
end

local function left(w, old) return old ~= nil and old:sum():item() or w:numel() end

--- Prunes the entries of the smallest absolute value (l1_unstructured), or random ones (random_unstructured). Returns the module.
-- @type l1_unstructured random_unstructured
-- @param amount a share from 0 to 1, or a number of entries
-- @param importance_scores of the entries, instead of absolute values
-- @usage
-- local layer = nn.Linear(10, 4)
-- nn.utils.prune.l1_unstructured(layer, 'weight', 0.3)
-- layer.weight:eq(0):sum()  --> 12
-- layer.weight_mask.shape  --> {4, 10}
-- nn.utils.prune.random_unstructured(nn.Linear(10, 4), 'weight', 5).weight:eq(0):sum()  --> 5
local function entries(what, score)
  local read = args.spec(what, 'module:module', 'name:str', 'amount:num', 'importance_scores:tensor=nil')
  return function(...)
    local module, name, amount, scores = read(...)
    local w, old = weight_of(module, name, what), old_mask(module, name)
    return apply_mask(module, name, smallest(scores or score(w), count(amount, left(w, old), what), old))
  end
end

--- Prunes the entries of the smallest absolute value: `l1_unstructured(module, 'weight', 0.3)`; a whole amount is a
-- number of them.
prune.l1_unstructured = entries('l1_unstructured', function(w) return w:abs() end)

--- Prunes random entries.
prune.random_unstructured = entries('random_unstructured', function(w) return tocha.rand_like(w) end)

local function structured(what, module, name, amount, dim, scores)
  local w = weight_of(module, name, what)
  local keep, shape = smallest(scores, count(amount, scores:numel(), what)), {}
  for i = 1, w:dim() do shape[i] = (i == dim or i == w:dim() + 1 + dim) and -1 or 1 end
  return apply_mask(module, name, keep:reshape(shape):expand_as(w):clone())
end

local function other_dims(w, dim)
  local out = {}
  for i = 1, w:dim() do
    if i ~= dim and i ~= w:dim() + 1 + dim then out[#out + 1] = i end
  end
  return out
end

local read_ln = args.spec('ln_structured', 'module:module', 'name:str', 'amount:num', 'n:num', 'dim:int')

--- Prunes the slices along `dim` of the smallest n-norm.
-- @param amount a share from 0 to 1, or a number of slices
-- @param n which norm
-- @param importance_scores of the entries, instead of the weights
-- @usage
-- local layer = nn.utils.prune.ln_structured(nn.Linear(10, 4), 'weight', 0.5, 2, 1)
-- layer.weight:abs():sum(2):eq(0):sum()  --> 2
function prune.ln_structured(...)
  local module, name, amount, n, dim = read_ln(...)
  local w = weight_of(module, name, 'ln_structured')
  return structured('ln_structured', module, name, amount, dim, tocha.linalg.vector_norm(w, n, other_dims(w, dim)))
end

local read_rs = args.spec('random_structured', 'module:module', 'name:str', 'amount:num', 'dim:int')

--- Prunes random slices along `dim`.
-- @param amount a share from 0 to 1, or a number of slices
-- @usage
-- nn.utils.prune.random_structured(nn.Linear(10, 4), 'weight', 3, 1).weight:abs():sum(2):eq(0):sum()  --> 3
function prune.random_structured(...)
  local module, name, amount, dim = read_rs(...)
  local w = weight_of(module, name, 'random_structured')
  return structured('random_structured', module, name, amount, dim, tocha.rand({w:size(dim)}, {device = w.device}))
end

--- Prunes nothing; the mask is there.
-- @param module an nn.Module
-- @param name of the parameter
-- @usage
-- nn.utils.prune.identity(nn.Linear(2, 2), 'weight').weight_mask  --> {{1, 1}, {1, 1}}
function prune.identity(module, name)
  return apply_mask(module, name, tocha.ones_like(weight_of(module, name, 'identity')))
end

--- Prunes by a given mask of zeros and ones.
-- @param module an nn.Module
-- @param name of the parameter
-- @param mask of its shape
-- @usage
-- local layer = nn.utils.prune.custom_from_mask(nn.Linear(2, 1), 'weight', tocha.tensor{{0, 1}})
-- layer.weight:eq(0)  --> {{true, false}}
function prune.custom_from_mask(module, name, mask)
  weight_of(module, name, 'custom_from_mask')
  return apply_mask(module, name, mask)
end

local read_global = args.spec('global_unstructured', 'parameters:list', 'pruning_method', 'importance_scores=nil', '*', 'amount:num=nil')

-- the scores of one parameter among all
local function global_scores(module, name, how, given)
  if given then
    for key, x in pairs(given) do
      if type(key) == 'table' and key[1] == module and key[2] == name then return x end
    end
  end
  local w = weight_of(module, name, 'global_unstructured')
  return how == 'random' and tocha.rand_like(w) or w:abs()
end

--- Prunes the smallest entries of several parameters taken together: {{module, 'weight'}, ...}.
-- @tparam table parameters list of {module, name}
-- @param pruning_method prune.L1Unstructured or prune.RandomUnstructured
-- @param[opt] importance_scores scores by {module, name}, instead of absolute values
-- @tparam number amount a share from 0 to 1, or a number of entries, by name
-- @usage
-- local a, b = nn.Linear(2, 2), nn.Linear(2, 2)
-- nn.init.ones_(a.weight)
-- nn.init.zeros_(b.weight)
-- local prune = nn.utils.prune
-- prune.global_unstructured({{a, 'weight'}, {b, 'weight'}}, prune.L1Unstructured, {amount = 0.5})
-- a.weight_mask:sum() + b.weight_mask:sum() * 10  --> 4
function prune.global_unstructured(...)
  local parameters, method, given, amount = read_global(...)
  local how = type(method) == 'table' and method.kind
  if not how or amount == nil then
    args.fail('global_unstructured: takes prune.L1Unstructured or prune.RandomUnstructured, and an amount')
  end
  local scores, olds, total, any = {}, {}, 0, false
  for i, pair in ipairs(parameters) do
    local s, old = global_scores(pair[1], pair[2], how, given), old_mask(pair[1], pair[2])
    total, any = total + left(s, old), any or old ~= nil
    scores[i], olds[i] = s:reshape(-1), (old ~= nil and old or tocha.ones_like(s)):reshape(-1)
  end
  local keep = smallest(tocha.cat(scores, 1), count(amount, total, 'global_unstructured'), any and tocha.cat(olds, 1) or nil)
  local at = 1
  for i, pair in ipairs(parameters) do
    local n = scores[i]:numel()
    apply_mask(pair[1], pair[2], keep:narrow(1, at, n):view_as(pair[1][pair[2]]))
    at = at + n
  end
end

-- PyTorch's classes: each prunes by its `apply(module, name, ...)`
for class_name, f in pairs{L1Unstructured = 'l1_unstructured', RandomUnstructured = 'random_unstructured', LnStructured = 'ln_structured',
  RandomStructured = 'random_structured', Identity = 'identity', CustomFromMask = 'custom_from_mask'} do
  prune[class_name] = {apply = function(...) return prune[f](...) end,
    kind = class_name == 'L1Unstructured' and 'l1' or class_name == 'RandomUnstructured' and 'random' or nil}
end

--- Makes the pruned weight a plain parameter.
-- @param module an nn.Module
-- @param name of the parameter
-- @usage
-- local layer = nn.utils.prune.l1_unstructured(nn.Linear(2, 2), 'weight', 2)
-- nn.utils.prune.remove(layer, 'weight')
-- layer.weight.is_leaf and layer.weight:eq(0):sum()  --> 2
function prune.remove(module, name)
  local noted = rawget(module, '_pruned')
  if not (noted and noted[name]) then args.fail("remove: '%s' of %s is not pruned", name, tostring(module.__name)) end
  local w, trained = (module[name .. '_orig'] * module[name .. '_mask']):detach(), module[name .. '_orig'].requires_grad
  noted[name]:remove()
  noted[name] = nil
  module:unregister(name .. '_orig')
  module:unregister(name .. '_mask')
  rawset(module, name, nil)
  module:register_parameter(name, Parameter(w, trained))
  return module
end

--- True if the module, or one inside it, has a pruned parameter.
-- @param module an nn.Module
-- @usage
-- nn.utils.prune.is_pruned(nn.Linear(2, 2))  --> false
function prune.is_pruned(module)
  for m in module:modules() do
    local noted = rawget(m, '_pruned')
    if noted and next(noted) then return true end
  end
  return false
end

--- What a method of pruning of one's own derives from. It has `PRUNING_TYPE` (`'unstructured'`: it is given the entries that are left, as a vector;
-- `'structured'`: the slices along `self.dim`, default 1, in which something is left; `'global'`: all), and `compute_mask(t, default_mask)`, which gives
-- zeros where it prunes. `Method:apply(module, name, ...)` prunes; the arguments after the name are those of its constructor.
-- `method:prune(t, default_mask)` gives a pruned tensor without a module.
-- @type BasePruningMethod
-- @usage
-- local Second = tocha.class('Second', nn.utils.prune.BasePruningMethod)
-- Second.PRUNING_TYPE = 'unstructured'
-- function Second:compute_mask(t, mask)
--   local out = mask:clone()
--   out[{{2, -1, 2}}] = 0
--   return out
-- end
-- local layer = nn.Linear(4, 1)
-- Second:apply(layer, 'weight')
-- layer.weight_mask  --> {{1, 0, 1, 0}}
-- Second:apply(layer, 'weight')
-- layer.weight_mask  --> {{1, 0, 0, 0}}

--- Several methods, each of which prunes what those before it left: `PruningContainer(a, b)`, or `container:add_pruning_method(c)`.
-- @type PruningContainer
-- @param ... instances of classes derived from BasePruningMethod
-- @usage
-- local Left = tocha.class('Left', nn.utils.prune.BasePruningMethod)
-- Left.PRUNING_TYPE = 'global'
-- function Left:compute_mask(t, mask) return tocha.tensor{1, 0, 0} end
-- nn.utils.prune.PruningContainer(Left()):prune(tocha.ones(3))  --> {1, 0, 0}
for name, Class in pairs(require('tocha.nn.utils.prunemethod')(apply_mask)) do prune[name] = Class end

checked.all(prune, '', {identity = 'module:module name:str', remove = 'module:module name:str', is_pruned = 'module:module',
  custom_from_mask = 'module:module name:str mask:tensor'})

return prune
