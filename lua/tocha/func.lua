--- tocha.func: functions that make functions: gradients, products with Jacobians, vectorised maps, calls of modules with other parameters.
--
-- Positions (`argnums`, `in_dims`, `out_dims`) count from 1. An argument may be a tensor or a table of tensors (a list, or names to tensors, also
-- nested); gradients come in the same form. Transformations nest. Derivatives are computed by walking back: jvp and jacfwd walk twice, once
-- through the first walk, and cost about three times what vjp costs; vmap calls the function once for each slice.
-- @module tocha.func

local tocha = require 'tocha'
local args = require 'tocha.args'
local engine = require 'tocha.engine'
local gradmode = require 'tocha.gradmode'
local functional = require 'tocha.autograd.functional'
local class = require 'tocha.class'
local checked = require 'tocha.checked'

local func = {}
local is_tensor, fail = tocha.is_tensor, args.fail

---------------------------------------------------------------- trees of tensors
local function sorted_keys(t)
  local keys = {}
  for key in pairs(t) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return type(a) == type(b) and a < b or type(a) == 'number' and type(b) ~= 'number' end)
  return keys
end

-- appends the tensors of a tree to `list`
local function flatten(tree, list, who)
  if is_tensor(tree) then
    list[#list + 1] = tree
  elseif type(tree) == 'table' then
    for _, key in ipairs(sorted_keys(tree)) do flatten(tree[key], list, who) end
  else
    fail('%s: got %s, takes a tensor or a table of tensors', who, args.show(tree))
  end
  return list
end

-- a tree of the same form with the list's entries from number `at` on; also the next number
local function unflatten(tree, list, at)
  if is_tensor(tree) then return list[at], at + 1 end
  local out = {}
  for _, key in ipairs(sorted_keys(tree)) do out[key], at = unflatten(tree[key], list, at) end
  return out, at
end

local function map_tree(tree, f)
  if is_tensor(tree) then return f(tree) end
  local out = {}
  for key, value in pairs(tree) do out[key] = map_tree(value, f) end
  return out
end

---------------------------------------------------------------- levels
-- Inside another transformation, or where an argument requires grad, results stay in the graph.
local depth = 0

local function close_level(ok, ...)
  depth = depth - 1
  if not ok then error((...), 0) end
  return ...
end
local function within(f, ...)
  depth = depth + 1
  return close_level(pcall(gradmode.enable_grad, f, ...))
end

local function connected(list)
  if depth > 1 then return true end
  for _, x in ipairs(list) do
    if x.requires_grad then return tocha.is_grad_enabled() end
  end
  return false
end

local function fresh(tree, keep)
  return map_tree(tree, function(x) return keep and x.requires_grad and x:view_as(x) or x:detach():requires_grad_() end)
end
local function released(tree, keep) return keep and tree or map_tree(tree, function(x) return x:detach() end) end

-- argnums as a list; says whether it was one number
local function positions(argnums, who)
  if argnums == nil then return {1}, true end
  if type(argnums) == 'number' then return {argnums}, true end
  if type(argnums) ~= 'table' or #argnums == 0 then fail('%s: argnums: got %s, takes positions from 1', who, args.show(argnums)) end
  return argnums, false
end

---------------------------------------------------------------- gradients
local read_grad = args.spec('func.grad', 'func:callable', 'argnums=1', 'has_aux:bool=false')

--- A function of the same arguments that gives the gradient of `func` (which gives one number) and the number itself, then what else `func`
-- gave if `has_aux`. argnums: a position, or a list of them for a list of gradients.
function func.grad_and_value(...)
  local f, argnums, has_aux = read_grad(...)
  local at, single = positions(argnums, 'grad')
  return function(...)
    local n, given = select('#', ...), {...}
    return within(function()
      local trees = {}
      for i, k in ipairs(at) do
        if k < 1 or k > n or k % 1 ~= 0 then fail('grad: argnums: got %s for a call with %d arguments', tostring(k), n) end
        trees[i] = given[k]
      end
      local keep = connected(flatten(trees, {}, 'grad'))
      local xs = fresh(trees, keep)
      for i, k in ipairs(at) do given[k] = xs[i] end
      local value, aux = f(unpack(given, 1, n))
      if not is_tensor(value) or value:numel() ~= 1 then fail('grad: the function gave %s, must give a tensor of one element', args.show(value)) end
      local list = engine.dense_gradients({value}, flatten(xs, {}, 'grad'), nil, keep)
      local g = released(unflatten(trees, list, 1), keep)
      value = released(value, keep)
      if has_aux then return single and g[1] or g, value, aux end
      return single and g[1] or g, value
    end)
  end
end
func.value_and_grad = function(...)
  local both = func.grad_and_value(...)
  return function(...)
    local g, value, aux = both(...)
    return value, g, aux
  end
end

--- grad_and_value without the value.
function func.grad(...)
  local both = func.grad_and_value(...)
  local _, _, has_aux = read_grad(...)
  return function(...)
    local g, _, aux = both(...)
    if has_aux then return g, aux end
    return g
  end
end

---------------------------------------------------------------- products with Jacobians
--- The result of f(...) and a function from a cotangent of the result's form to those of the arguments, in order.
function func.vjp(f, ...)
  local given = {...}
  local all = flatten(given, {}, 'vjp')
  depth = depth + 1
  local keep = connected(all)
  local xs = fresh(given, keep)
  local ok, output = pcall(gradmode.enable_grad, f, unpack(xs))
  depth = depth - 1
  if not ok then error(output, 0) end
  local outputs, inputs = flatten(output, {}, 'vjp'), flatten(xs, {}, 'vjp')
  local function back(cotangent)
    local v = flatten(cotangent, {}, 'vjp')
    if #v ~= #outputs then fail('vjp: got %d cotangents, takes %d', #v, #outputs) end
    local list = within(function()
      local create = keep or depth > 1 or connected(v)
      return released(engine.dense_gradients(outputs, inputs, v, create), create)
    end)
    return unpack((unflatten(given, list, 1)))
  end
  return released(output, keep), back
end

--- The result of f at the list `primals`, and its derivative in the direction of the list `tangents`.
function func.jvp(f, primals, tangents)
  if type(primals) ~= 'table' or type(tangents) ~= 'table' then fail('jvp: takes lists of primals and of tangents') end
  return within(function()
    local direction = flatten(tangents, {}, 'jvp')
    local keep = connected(flatten(primals, {}, 'jvp')) or connected(direction)
    local xs = fresh(primals, keep)
    local output = f(unpack(xs))
    local outputs, u = flatten(output, {}, 'jvp'), {}
    for i, y in ipairs(outputs) do u[i] = tocha.zeros_like(y):requires_grad_() end
    local inputs = flatten(xs, {}, 'jvp')
    if #direction ~= #inputs then fail('jvp: got %d tangents, takes %d', #direction, #inputs) end
    local back = engine.dense_gradients(outputs, inputs, u, true) -- J^T u, whose gradient by u along the tangents is J v
    local products = engine.dense_gradients(back, u, direction, keep)
    return released(output, keep), released((unflatten(output, products, 1)), keep)
  end)
end

--- linearize(f, ...): the result, and the function of tangents that gives the derivative there.
function func.linearize(f, ...)
  local primals = {...}
  return f(...), function(...)
    local _, product = func.jvp(f, primals, {...})
    return product
  end
end

local read_jacobian = args.spec('func.jacrev', 'func:callable', 'argnums=1')

--- A function of the same arguments that gives the Jacobian of `func`: the result's shape, then the argument's; lists for lists.
function func.jacrev(...)
  local f, argnums = read_jacobian(...)
  local at, single = positions(argnums, 'jacrev')
  return function(...)
    local n, given, chosen = select('#', ...), {...}, {}
    for i, k in ipairs(at) do chosen[i] = given[k] end
    return within(function()
      local function of_chosen(...)
        for i, k in ipairs(at) do given[k] = (select(i, ...)) end
        return f(unpack(given, 1, n))
      end
      local keep = connected(flatten(chosen, {}, 'jacrev'))
      return functional.jacobian(of_chosen, single and chosen[1] or chosen, keep)
    end)
  end
end

--- The same as jacrev; results of forward mode would be the same, too.
func.jacfwd = func.jacrev

--- A function of the same arguments that gives the second derivatives of `func`: jacfwd of jacrev.
function func.hessian(f, argnums) return func.jacfwd(func.jacrev(f, argnums), argnums) end

---------------------------------------------------------------- vectorised maps
local read_vmap = args.spec('func.vmap', 'func:callable', 'in_dims=1', 'out_dims=1', 'randomness:str="error"', '*', 'chunk_size=nil')

local function slice(tree, dim, i)
  if dim == nil or dim == false then return tree end
  if is_tensor(tree) then return tree:select(dim, i) end
  if type(tree) ~= 'table' then return tree end
  local out = {}
  for key, value in pairs(tree) do
    local along = dim
    if type(dim) == 'table' then along = dim[key] end
    out[key] = slice(value, along, i)
  end
  return out
end

local function check_sizes(tree, dim, size, who)
  if dim == nil or dim == false then return size end
  if is_tensor(tree) then
    if tree:dim() == 0 then fail('%s: in_dims: got %s for a 0-dim tensor', who, args.show(dim)) end
    local n = tree:size(dim)
    if size and n ~= size then fail('%s: the mapped dims have sizes %d and %d', who, size, n) end
    return n
  end
  for key, value in pairs(type(tree) == 'table' and tree or {}) do
    local along = dim
    if type(dim) == 'table' then along = dim[key] end
    size = check_sizes(value, along, size, who)
  end
  return size
end

local function stack(list, dim, who)
  if is_tensor(list[1]) then return tocha.stack(list, dim) end
  if type(list[1]) ~= 'table' then fail('%s: the function gave %s, must give tensors', who, args.show(list[1])) end
  local out = {}
  for key in pairs(list[1]) do
    local column = {}
    for i, entry in ipairs(list) do column[i] = entry[key] end
    out[key] = stack(column, dim, who)
  end
  return out
end

--- A function that maps `func` over a dim of its arguments: it calls `func` once for each slice and stacks the results, so every function can be
-- mapped, differentiably and nested; it costs as much as the loop. in_dims: the dim for all arguments, or a list with one for each (false: the
-- argument goes to every call as it is); out_dims: where the new dim goes, one or a list. randomness: 'different' draws for each slice, 'same'
-- once for all; 'error' is taken as 'different'.
function func.vmap(...)
  local f, in_dims, out_dims, randomness = read_vmap(...)
  return function(...)
    local n, given, size = select('#', ...), {...}, nil
    local function along(k)
      if type(in_dims) == 'table' then return in_dims[k] end
      return (is_tensor(given[k]) or type(given[k]) == 'table') and in_dims
    end
    if type(in_dims) == 'table' and #in_dims ~= n then fail('vmap: in_dims: got %d for %d arguments', #in_dims, n) end
    for k = 1, n do size = check_sizes(given[k], along(k), size, 'vmap') end
    if not size or size == 0 then fail('vmap: no argument has a dim of slices to map over') end
    local state, columns, results = randomness == 'same' and tocha.get_rng_state(), {}, 0
    for i = 1, size do
      if state then tocha.set_rng_state(state) end
      local one = {}
      for k = 1, n do one[k] = slice(given[k], along(k), i) end
      local gave = {f(unpack(one, 1, n))}
      results = math.max(results, #gave)
      for r, v in ipairs(gave) do
        columns[r] = columns[r] or {}
        columns[r][i] = v
      end
    end
    local out = {}
    for r = 1, results do out[r] = stack(columns[r], type(out_dims) == 'table' and out_dims[r] or out_dims, 'vmap') end
    return unpack(out, 1, results)
  end
end

---------------------------------------------------------------- modules
local function owner(module, path)
  local parent, key = path:match('^(.*)%.([^.]+)$')
  return parent and module:get_submodule(parent) or module, key or path
end

--- functional_call(module, tensors, ...): module(...) with the tensors (names as in named_parameters and named_buffers, or a list of such tables)
-- in place of its own, which come back afterwards, also after an error.
function func.functional_call(module, tensors, ...)
  local before = {}
  local lists = tensors[1] and tensors or {tensors}
  local function replace(path, value)
    local at, key = owner(module, path)
    local old = rawget(at, key)
    if not is_tensor(old) then fail("functional_call: the module has no parameter or buffer '%s'", path) end
    before[#before + 1] = {at, key, old}
    rawset(at, key, value)
  end
  local function restore(ok, ...)
    for i = #before, 1, -1 do rawset(before[i][1], before[i][2], before[i][3]) end
    if not ok then error((...), 0) end
    return ...
  end
  return restore(pcall(function(...)
    for _, list in ipairs(lists) do
      for path, value in pairs(list) do replace(path, value) end
    end
    return module(...)
  end, ...))
end

--- The parameters and the buffers of modules of one form, stacked: two tables of names to tensors with a new first dim.
function func.stack_module_state(modules)
  if type(modules) ~= 'table' or #modules == 0 then fail('stack_module_state: takes a list of modules') end
  for i, m in ipairs(modules) do
    if type(m) ~= 'table' or not m.named_parameters then fail('stack_module_state: entry %d: got %s, takes a module', i, args.show(m)) end
  end
  local function stacked(method)
    local lists, out = {}, {}
    for _, module in ipairs(modules) do
      for name, value in module[method](module) do
        lists[name] = lists[name] or {}
        table.insert(lists[name], value:detach())
      end
    end
    for name, list in pairs(lists) do
      if #list ~= #modules then fail("stack_module_state: '%s' is not in all modules", name) end
      out[name] = tocha.stack(list)
    end
    return out
  end
  local parameters = stacked('named_parameters')
  for _, value in pairs(parameters) do value:requires_grad_() end
  return parameters, stacked('named_buffers')
end

local function forget_averages(norm)
  for _, name in ipairs{'running_mean', 'running_var', 'num_batches_tracked'} do norm:register_buffer(name, nil) end
  norm.track_running_stats = false
end

--- Batch norms of a module (and of all below it) give up their running statistics, so that functional_call, vmap and grad see no buffers that
-- change: they normalise by the batch from then on, also in evaluation. Changes the module and gives it back; instance norms stay as they are.
function func.replace_all_batch_norm_modules_(module)
  local nn = tocha.nn
  for m in module:modules() do
    for _, kind in ipairs{nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm} do
      if class.isinstance(m, kind) then forget_averages(m) end
    end
  end
  return module
end

func.rearrange = require('tocha.rearrange').rearrange

checked.all(func, '', {functional_call = 'module:module tensors:list', replace_all_batch_norm_modules_ = 'module:module',
  linearize = 'func:callable', vjp = 'func:callable'})

return func
