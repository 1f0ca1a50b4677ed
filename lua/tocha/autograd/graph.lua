--- Saved-tensor hooks, hooks on several gradients at once, and the nodes of graphs.
-- @module tocha.autograd.graph

local library = require 'tocha.library'
local handle = require 'tocha.handle'
local errors = require 'tocha.errors'
local engine = require 'tocha.engine'
local gradmode = require 'tocha.gradmode'
local watch = require 'tocha.watch'
local is_tensor = require('tocha.arguments').is_tensor
local C = library.C

local graph = {}

---------------------------------------------------------------- saved-tensor hooks
local pairs_of_hooks, forbidden, packing = {}, nil, false

local function drain()
  while C.tc_pack_next() ~= nil do C.tc_pack_done(0) end
end

-- x as the innermost pair of hooks keeps it
local function pack_one(x)
  local hooks = pairs_of_hooks[#pairs_of_hooks]
  packing = true
  C.tc_watch_saves(false)
  local ok, value = pcall(gradmode.no_grad, hooks.pack, x)
  C.tc_watch_saves(true)
  packing = false
  if not ok then
    drain()
    error(value, 0)
  end
  return {value = value, unpack = hooks.unpack, shape = x.shape, dtype = x.dtype}
end

-- after each operator: what it saved is handed to the hooks
local function after(status)
  if packing then return status end
  if status == 1 then drain() end
  local t = C.tc_pack_next()
  while t ~= nil do
    C.tc_pack_done(engine.keep(pack_one(handle.wrap(t))))
    t = C.tc_pack_next()
  end
  return status
end

-- what custom functions save goes the same way
function engine.pack(x) return #pairs_of_hooks > 0 and not packing and pack_one(x) or nil end

local function leave(ok, ...)
  pairs_of_hooks[#pairs_of_hooks] = nil
  if #pairs_of_hooks == 0 then
    C.tc_watch_saves(false)
    watch.after = false
  end
  if not ok then error((...), 0) end
  return ...
end

local function callable(who, name, f)
  local meta = getmetatable(f)
  if type(f) ~= 'function' and not (type(meta) == 'table' and meta.__call) then
    errors.raise('%s: %s: got %s, takes a function', who, name, errors.describe(f))
  end
end

--- Calls f(...) and gives its results; every tensor that operators save for backward meanwhile is replaced by what pack(x) gives, which may be
-- anything, and unpack of that has to give the tensor back when backward needs it. Inner hooks take the place of outer ones.
-- @tparam function pack called with a tensor apart from the graph; must not change it
-- @tparam function unpack gives a tensor of the same shape and dtype
-- @tparam function f
function graph.saved_tensors_hooks(pack, unpack, f, ...)
  callable('saved_tensors_hooks', 'pack', pack)
  callable('saved_tensors_hooks', 'unpack', unpack)
  callable('saved_tensors_hooks', 'f', f)
  if forbidden then errors.raise('saved_tensors_hooks: %s', forbidden) end
  watch.install()
  pairs_of_hooks[#pairs_of_hooks + 1] = {pack = pack, unpack = unpack}
  watch.after = after
  C.tc_watch_saves(true)
  return leave(pcall(f, ...))
end

--- Calls f(...) and gives its results; what operators save for backward is kept in the memory of the CPU and copied back when it is needed.
-- @tparam function f
-- @param ... its arguments
function graph.save_on_cpu(f, ...)
  return graph.saved_tensors_hooks(function(x) return {tensor = x:to('cpu'), device = x.device} end,
    function(kept) return kept.tensor:to(kept.device) end, f, ...)
end

-- one copy of each state that a tensor was saved in; the tensor stays beside it, so that its memory is not another's meanwhile
local function copier()
  local copies = setmetatable({}, {__mode = 'v'})
  return function(x)
    local key = table.concat({tostring(x:data_ptr()), x._version, tostring(x.dtype), table.concat(x.shape, ' '), table.concat(x:stride(), ' ')}, '/')
    local entry = copies[key]
    if not entry then
      entry = {copy = x:clone(), kept = x}
      copies[key] = entry
    end
    return entry
  end
end

--- Calls f(...) and gives its results; tensors that operators save for backward meanwhile may be changed in place afterwards: backward sees them
-- as they were. It costs a copy of everything that is saved (one for all operators that save the same tensor), held as long as the graph.
-- @tparam function f
-- @param ... its arguments
function graph.allow_mutation_on_saved_tensors(f, ...)
  callable('allow_mutation_on_saved_tensors', 'f', f)
  return graph.saved_tensors_hooks(copier(), function(entry) return entry.copy end, f, ...)
end

local function allow_again(before, ok, ...)
  forbidden = before
  if not ok then error((...), 0) end
  return ...
end

--- Calls f(...) and gives its results; saved-tensor hooks raise an error with this message meanwhile.
-- @tparam string message
-- @tparam function f
function graph.disable_saved_tensors_hooks(message, f, ...)
  if type(message) ~= 'string' then errors.raise('disable_saved_tensors_hooks: message: got %s, takes a string', errors.describe(message)) end
  callable('disable_saved_tensors_hooks', 'f', f)
  local before = forbidden
  forbidden = message
  return allow_again(before, pcall(f, ...))
end

--- Says that the values of tensors have changed in a way that operators do not see (through `data_ptr`): backward notices where one was saved.
-- @param tensors a tensor or a list
function graph.increment_version(tensors)
  for _, x in ipairs(engine.list_of_tensors(tensors, 'increment_version: tensors')) do C.tc_increment_version(x._t) end
end

---------------------------------------------------------------- hooks on several gradients
local function all_of(tensors, f)
  local pass, gradients, left
  return function(i, g)
    if engine.walk ~= pass then -- the first gradient of another walk
      pass, gradients, left = engine.walk, {n = #tensors}, 0
      for _, x in ipairs(tensors) do
        if C.tc_engine_reaches(engine.current, x._t) then left = left + 1 end
      end
    end
    gradients[i] = g
    left = left - 1
    if left == 0 then f(gradients) end
  end
end

local function first_of(f)
  local pass
  return function(_, g)
    if engine.walk == pass then return end
    pass = engine.walk
    f(g)
  end
end

local Handle = {}
Handle.__index = Handle
--- Takes the hook out again.
function Handle:remove()
  for _, h in ipairs(self) do h:remove() end
end

--- Calls f in each backward that comes to these tensors: with mode 'all' once all gradients that it computes are there, f(gradients), a list
-- with nil for a tensor that has none and their number as `n`; with mode 'any' at the first of them, f(gradient).
-- @param tensors a list of tensors that require grad
-- @tparam function f what it gives is not used
-- @tparam[opt='all'] string mode
-- @treturn table with `:remove()`
function graph.register_multi_grad_hook(tensors, f, mode)
  if type(mode) == 'table' then mode = mode.mode end
  callable('register_multi_grad_hook', 'f', f)
  if type(tensors) ~= 'table' then errors.raise('register_multi_grad_hook: tensors: got %s, takes a list', errors.describe(tensors)) end
  for i, x in ipairs(tensors) do
    if not is_tensor(x) or not x.requires_grad then
      errors.raise('register_multi_grad_hook: tensors: entry %d: takes a tensor that requires grad', i)
    end
  end
  if mode ~= nil and mode ~= 'all' and mode ~= 'any' then
    errors.raise("register_multi_grad_hook: mode: got %s, takes 'all' or 'any'", errors.describe(mode))
  end
  local each, handles = mode == 'any' and first_of(f) or all_of(tensors, f), setmetatable({}, Handle)
  for i, x in ipairs(tensors) do
    handles[i] = engine.register_hook(x, function(g) each(i, g) end)
  end
  return handles
end

local Edge = {}
Edge.__index = Edge
function Edge:__tostring() return ('<edge to result %d of %s>'):format(self.output_nr, tostring(self.node)) end

--- A place in a graph where a gradient arrives: it keeps the node, not the tensor, and can stand for the tensor among the `inputs` of
-- `tocha.autograd.grad`.
-- @tparam Node node
-- @tparam[opt=1] number output_nr which of its results, from 1
-- @treturn table `node`, `output_nr`
function graph.GradientEdge(node, output_nr)
  if getmetatable(node) ~= require('tocha.autograd.node') then
    errors.raise('GradientEdge: node: got %s, takes a node (x.grad_fn)', errors.describe(node))
  end
  output_nr = output_nr == nil and 1 or output_nr
  local results = tonumber(C.tc_node_outputs(node._pointer))
  if type(output_nr) ~= 'number' or output_nr % 1 ~= 0 or output_nr < 1 or output_nr > results then
    errors.raise('GradientEdge: output_nr: got %s, takes 1..%d', errors.describe(output_nr), results)
  end
  return setmetatable({node = node, output_nr = output_nr}, Edge)
end

--- Is it a GradientEdge?
function graph.is_edge(v) return getmetatable(v) == Edge end

--- The place that the gradient of x goes to, also for a leaf.
-- @param x a tensor that requires grad
-- @treturn GradientEdge
function graph.get_gradient_edge(x)
  if not is_tensor(x) or not x.requires_grad then errors.raise('get_gradient_edge: takes a tensor that requires grad') end
  return graph.GradientEdge(require('tocha.autograd.node').take(C.tc_node_of(x._t)), tonumber(C.tc_output_index(x._t)) + 1)
end

return graph
