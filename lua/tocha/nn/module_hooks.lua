--- The hooks of nn.Module: functions that see, and may replace, what goes in and comes out, forward and backward.
--
-- A hook that returns nil changes nothing. Each `register_` method returns a handle; `handle:remove()` takes the hook
-- away.
-- @module tocha.nn.module_hooks

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'

local Handle = class('RemovableHandle')

function Handle:__init(list, entry) self.list, self.entry = list, entry end

--- Takes the hook away; again is allowed.
function Handle:remove()
  for i, entry in ipairs(self.list) do
    if entry == self.entry then return table.remove(self.list, i) end
  end
end

local function pack(...) return {n = select('#', ...), ...} end

local function is_list(value) return type(value) == 'table' and getmetatable(value) == nil end

local function as_list(value)
  if not is_list(value) then return {value, n = 1} end
  value.n = value.n or #value
  return value
end

local hooks = {}

-- name: the key in self._hooks; front: whether the hook comes before those that are there
local function add(self, name, hook, front, what)
  if type(hook) ~= 'function' then args.fail('%s: hook: got %s, takes a function', what, args.show(hook)) end
  if not self._hooks then self._hooks = {} end
  local list = self._hooks[name]
  if not list then
    list = {}
    self._hooks[name] = list
  end
  local entry = {hook = hook}
  table.insert(list, front and 1 or #list + 1, entry)
  return Handle(list, entry)
end

local function registrar(name, what)
  local read = args.spec(what, 'hook', 'prepend:bool=false')
  return function(self, ...)
    local hook, prepend = read(...)
    return add(self, name, hook, prepend, what)
  end
end

--- `hook(module, inputs)` before forward; it may return the new inputs, one value or a list.
hooks.register_forward_pre_hook = registrar('forward_pre', 'register_forward_pre_hook')

--- `hook(module, inputs, output)` after forward; it may return the new output. Several results come as a list.
hooks.register_forward_hook = registrar('forward', 'register_forward_hook')

--- `hook(module, grad_input, grad_output)` once the gradients of the inputs are known; it may return new ones for the
-- inputs.
hooks.register_full_backward_hook = registrar('backward', 'register_full_backward_hook')
hooks.register_backward_hook = registrar('backward', 'register_backward_hook')

--- `hook(module, grad_output)` before the gradients of the inputs are computed; it may return new ones for the outputs.
hooks.register_full_backward_pre_hook = registrar('backward_pre', 'register_full_backward_pre_hook')

--- `hook(module, state, prefix)` when `state_dict` has written this module's entries.
hooks.register_state_dict_post_hook = registrar('state_post', 'register_state_dict_post_hook')

--- `hook(module, prefix, keep_vars)` before `state_dict` writes this module's entries.
hooks.register_state_dict_pre_hook = registrar('state_pre', 'register_state_dict_pre_hook')

--- `hook(module, state, prefix, strict)` before this module's entries are loaded; it may change the state.
hooks.register_load_state_dict_pre_hook = registrar('load_pre', 'register_load_state_dict_pre_hook')

--- `hook(module, missing, unexpected)` after `load_state_dict` called on this module or on one above it.
hooks.register_load_state_dict_post_hook = registrar('load_post', 'register_load_state_dict_post_hook')

-- The hooks of all modules; `false` while there is none, so that calling a module asks one field.
local everywhere = {_hooks = false}
hooks.everywhere = everywhere

--- A registrar of hooks of all modules: see `tocha.nn.global_hooks`.
function hooks.register_everywhere(name, hook, what)
  everywhere._hooks = everywhere._hooks or {}
  local handle = add(everywhere, name, hook, false, what)
  function handle.remove(self)
    Handle.remove(self)
    for _, list in pairs(everywhere._hooks or {}) do
      if #list > 0 then return end
    end
    everywhere._hooks = false
  end
  return handle
end

--- Calls all hooks of one kind.
function hooks.run_hooks(self, name, ...)
  local list = self._hooks and self._hooks[name]
  for i = 1, list and #list or 0 do list[i].hook(self, ...) end
end

local function some(list) return list and #list > 0 end

-- hooks of all modules come before a module's own
local function hooks_of(self, name)
  local own, all = self._hooks and self._hooks[name], everywhere._hooks and everywhere._hooks[name]
  if not some(all) then return own or {} end
  local out = {}
  for _, list in ipairs{all, own or {}} do
    for _, entry in ipairs(list) do out[#out + 1] = entry end
  end
  return out
end

-- What is registered, as the hooks of registration leave it. Almost always there are none.
function everywhere.registered(self, kind, name, value)
  local list = everywhere._hooks and everywhere._hooks[kind]
  for i = 1, list and #list or 0 do
    local new = list[i].hook(self, name, value)
    if new ~= nil then value = new end
  end
  return value
end

-- An identity in the graph through which all gradients of a module's inputs (or outputs) pass together.
local Gate

local function make_gate()
  Gate = class('ModuleBackward', tocha.autograd.Function)
  function Gate.forward(ctx, visit, ...)
    ctx.visit = visit
    local out = pack(...)
    for i = 1, out.n do out[i] = out[i]:view_as(out[i]) end
    return unpack(out, 1, out.n)
  end
  function Gate.backward(ctx, ...)
    local grads = pack(...)
    grads = ctx.visit(grads) or grads
    return nil, unpack(grads, 1, grads.n)
  end
end

local function through_gate(values, visit)
  if not Gate then make_gate() end
  local at, tensors = {}, {}
  for i = 1, values.n do
    local v = values[i]
    if tocha.is_tensor(v) and v.requires_grad then
      at[#at + 1], tensors[#tensors + 1] = i, v
    end
  end
  if #at == 0 then return values, false end
  local passed, out = pack(Gate.apply(visit, unpack(tensors))), {n = values.n}
  for i = 1, values.n do out[i] = values[i] end
  for k, i in ipairs(at) do out[i] = passed[k] end
  return out, at
end

-- grads are of the tensors at positions `at`; a hook sees one entry for each argument
local function spread(grads, at, n)
  local out = {n = n}
  for k, i in ipairs(at) do out[i] = grads[k] end
  return out
end

local function gather(list, at)
  local out = {n = #at}
  for k, i in ipairs(at) do out[k] = list[i] end
  return out
end

local function backward_hooks(self, grad_input, grad_output)
  local list = hooks_of(self, 'backward')
  for i = 1, #list do
    local new = list[i].hook(self, grad_input, grad_output)
    if new ~= nil then
      new = as_list(new)
      new.n = grad_input.n
      grad_input = new
    end
  end
  return grad_input
end

local function backward_pre_hooks(self, grad_output)
  local list = hooks_of(self, 'backward_pre')
  for i = 1, #list do
    local new = list[i].hook(self, grad_output)
    if new ~= nil then
      new = as_list(new)
      new.n = grad_output.n
      grad_output = new
    end
  end
  return grad_output
end

-- Forward between two gates: the one on the outputs notes their gradients, the one on the inputs calls the hooks.
local function gated_forward(self, inputs)
  local seen, at_in, at_out
  local n_in = inputs.n
  inputs, at_in = through_gate(inputs, function(grads)
    return gather(backward_hooks(self, spread(grads, at_in, n_in), seen), at_in)
  end)
  local outputs = pack(self:forward(unpack(inputs, 1, inputs.n)))
  local n_out = outputs.n
  outputs, at_out = through_gate(outputs, function(grads)
    seen = backward_pre_hooks(self, spread(grads, at_out, n_out))
    if not at_in then backward_hooks(self, {n = n_in}, seen) end
    return gather(seen, at_out)
  end)
  return outputs
end

--- What calling a module does when it has hooks.
function hooks.call_with_hooks(self, ...)
  local inputs = pack(...)
  for _, entry in ipairs(hooks_of(self, 'forward_pre')) do
    local new = entry.hook(self, inputs)
    if new ~= nil then inputs = as_list(new) end
  end
  local outputs
  if some(hooks_of(self, 'backward')) or some(hooks_of(self, 'backward_pre')) then
    outputs = gated_forward(self, inputs)
  else
    outputs = pack(self:forward(unpack(inputs, 1, inputs.n)))
  end
  for _, entry in ipairs(hooks_of(self, 'forward')) do
    local one = outputs.n == 1
    local new = entry.hook(self, inputs, one and outputs[1] or outputs)
    if new ~= nil then outputs = one and {new, n = 1} or as_list(new) end
  end
  return unpack(outputs, 1, outputs.n)
end

return hooks
