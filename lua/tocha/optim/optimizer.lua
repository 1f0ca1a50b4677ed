--- optim.Optimizer: what all optimizers share: groups of parameters with options, states, saving and loading them.
--
-- A class derived from it has `init_state(state, p, group)`, which makes the tensors of one parameter's state, and
-- `update()`, which takes one step. Most do so by one call into C over all parameters of a group; what C is given then
-- lies ready in a pack, so that a step makes no garbage.
-- @classmod tocha.optim.Optimizer

local ffi = require 'ffi'
local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local binding = require 'tocha.binding'
local recording = require 'tocha.recording'
local C = require('tocha.library').C

--- What all optimizers share: groups of parameters with options, `step(closure)`, `zero_grad(set_to_none)`, `add_param_group(group)`,
-- `state_dict()` and `load_state_dict(state)`, and hooks before and after steps. A class derived from it makes its states in
-- `init_state(state, p, group)` and steps in `update()`.
-- @type Optimizer
-- @usage
-- local a, b = tocha.tensor({1}, {requires_grad = true}), tocha.tensor({1}, {requires_grad = true})
-- local optimizer = optim.SGD({{params = {a}}, {params = {b}, lr = 0.5}}, {lr = 0.1})
-- tocha.cat{a, b}:sum():backward()
-- optimizer:step()
-- a  --> {0.9}
-- b  --> {0.5}
-- #optimizer:state_dict().param_groups  --> 2
-- tocha.class.isinstance(optimizer, optim.Optimizer)  --> true
local Optimizer = class('Optimizer')
local is_tensor = tocha.is_tensor
local Handles = ffi.typeof('tc_handle *[?]')

--- Names of states that are one number for a parameter and keep their dtype when they are loaded.
local numbers = {step = true, mu_product = true, eta = true, mu = true}

-- ------------------------------------------------------------------------------------------------- groups

-- A list, a list that is walked by calling it (net:parameters()), an iterator function or one tensor: as a plain list.
local function list_of(self, params)
  if type(params) == 'function' then
    local out = {}
    for p in params do out[#out + 1] = p end
    return out
  end
  if type(params) ~= 'table' then
    args.fail('%s: params: got %s, takes a list of tensors or of groups {params = list, lr = ...}', self.__name,
      args.show(params))
  end
  local out = {}
  for i = 1, #params do out[i] = params[i] end
  return out
end

local function is_named(item) return type(item) == 'table' and type(item[1]) == 'string' and is_tensor(item[2]) end

-- A list of {name, tensor} as net:named_parameters() gives it, as two lists; other lists as they are.
local function without_names(self, list)
  if not is_named(list[1]) then return list end
  local params, names = {}, {}
  for i, item in ipairs(list) do
    if not is_named(item) then
      args.fail('%s: params: item %d is %s, takes {name, tensor} as those before it', self.__name, i, args.show(item))
    end
    names[i], params[i] = item[1], item[2]
  end
  return params, names
end

local function check_param(self, p, i)
  if not is_tensor(p) then
    args.fail('%s: params: item %d is %s, takes a tensor', self.__name, i, args.show(p))
  end
  if not p:is_floating_point() and not p:is_complex() then
    args.fail('%s: params: item %d is %s, takes a floating dtype', self.__name, i, tostring(p.dtype))
  end
  if not p.is_leaf then
    args.fail('%s: params: item %d was computed from other tensors and has no gradient of its own: takes leaves',
      self.__name, i)
  end
end

local function address(p) return tonumber(ffi.cast('intptr_t', p._t)) end

-- Raises if a parameter is in a group already, or twice in this one.
local function check_duplicates(self, group)
  local seen = {}
  for k, g in ipairs(self.param_groups) do
    for _, p in ipairs(g.params) do seen[address(p)] = 'group ' .. k end
  end
  for i, p in ipairs(group.params) do
    local where = seen[address(p)]
    if where then
      args.fail('%s: params: item %d is in %s already; a parameter is updated once', self.__name, i, where)
    end
    seen[address(p)] = 'this group'
  end
end

-- What a group may say: the options of the optimizer, and what schedulers note.
local also = {params = true, param_names = true, name = true, initial_lr = true, max_lr = true, min_lr = true, max_momentum = true,
  base_momentum = true, initial_momentum = true, swa_lr = true}

local function known_options(defaults)
  local names = {}
  for name in pairs(defaults) do names[#names + 1] = name end
  table.sort(names)
  return 'params, ' .. table.concat(names, ', ')
end

local function check_options(self, group)
  for name in pairs(group) do
    if not also[name] and self.known[name] == nil then
      args.fail("%s: unknown option '%s' in a group; it takes %s", self.__name, tostring(name),
        known_options(self.known))
    end
  end
end

local function copy_value(v)
  if type(v) ~= 'table' or getmetatable(v) ~= nil then return v end
  local out = {}
  for k, x in pairs(v) do out[k] = x end
  return out
end

--- Adds parameters with options of their own.
-- @tparam table group `params` (a list of tensors, of {name, tensor} as `net:named_parameters()` gives it, or one tensor) and any options of
-- the optimizer; names are kept as `param_names`
function Optimizer:add_param_group(group)
  if type(group) ~= 'table' or group.params == nil then
    args.fail('add_param_group: group: got %s, takes a table {params = list, lr = ...}', args.show(group))
  end
  check_options(self, group)
  local own = {}
  for name, value in pairs(group) do own[name] = copy_value(value) end
  own.params = is_tensor(group.params) and {group.params} or list_of(self, group.params)
  own.params, own.param_names = without_names(self, own.params)
  for i, p in ipairs(own.params) do check_param(self, p, i) end
  for name, value in pairs(self.defaults) do
    if own[name] == nil then own[name] = copy_value(value) end
  end
  check_duplicates(self, own)
  if self.check then self:check(own) end
  self.param_groups[#self.param_groups + 1] = own
  self.packs = {}
end

--- What constructors end with.
-- @param params the first argument of the constructor
-- @tparam table defaults the options that hold for groups that do not say otherwise
-- @tparam[opt] table optional names of options that are nil by default
function Optimizer:setup(params, defaults, optional)
  self.defaults, self.param_groups, self.state, self.packs = defaults, {}, {}, {}
  self.known, self.hooks = {}, {pre = {}, post = {}}
  for name in pairs(defaults) do self.known[name] = true end
  for _, name in ipairs(optional or {}) do self.known[name] = true end
  if is_tensor(params) then
    args.fail('%s: params: got a tensor, takes a list of tensors: {x}', self.__name)
  end
  local list = list_of(self, params)
  if #list == 0 then args.fail('%s: params: got an empty list; there is nothing to optimize', self.__name) end
  if type(list[1]) ~= 'table' or is_named(list[1]) then list = {{params = list}} end
  for _, group in ipairs(list) do self:add_param_group(group) end
end

--- Raises unless an option of a group is a number within [low, high).
function Optimizer:check_number(group, name, low, high)
  local v = group[name]
  if type(v) == 'number' and v >= low and (not high or v < high) then return end
  local range = high and ('from %g to below %g'):format(low, high) or ('of at least %g'):format(low)
  args.fail('%s: %s: got %s, takes a number %s', self.__name, name, args.show(v), range)
end

--- Raises unless `group.betas` is two numbers in [0, 1).
function Optimizer:check_betas(group)
  local b = group.betas
  local function good(v) return type(v) == 'number' and v >= 0 and v < 1 end
  if type(b) == 'table' and #b == 2 and good(b[1]) and good(b[2]) then return end
  args.fail('%s: betas: got %s, takes a table of two numbers from 0 to below 1', self.__name, args.show(b))
end

-- ------------------------------------------------------------------------------------------------- packs

--- An array of handles for C. The caller keeps the tensors alive.
local function array(list)
  local a = Handles(math.max(#list, 1))
  for i = 1, #list do a[i - 1] = list[i] end
  return a
end

-- Fills the arrays of a pack from its list of parameters that have a state.
local function fill(self, pack)
  pack.n, pack.params = #pack.list, array(pack.list)
  for _, name in ipairs(pack.names) do
    local states = {}
    for i, p in ipairs(pack.list) do states[i] = self.state[p][name] end
    pack.kept[name], pack[name] = states, array(states)
  end
end

local function has_states(state, names)
  if not state then return #names == 0 end
  for _, name in ipairs(names) do
    if state[name] == nil then return false end
  end
  return true
end

local function new_pack(self, group, names)
  local pack = {names = names, state = self.state, list = {}, waiting = {}, kept = {}}
  for _, p in ipairs(group.params) do
    local ready = has_states(self.state[p], names)
    local list = ready and pack.list or pack.waiting
    list[#list + 1] = p
  end
  fill(self, pack)
  return pack
end

--- Gives a parameter its state now, whether or not it has a gradient.
function Optimizer:make_state(p, group)
  if recording.now and recording.now.no_states then
    args.fail('%s: step: its states would be made anew at each replay of the CUDA graph: take a step before it is recorded (warmup of at least 1)',
      self.__name)
  end
  local state = self.state[p] or {}
  self:init_state(state, p, group)
  self.state[p] = state
end

-- Parameters that have a gradient for the first time get their states; returns how many there are of them.
local function admit(self, pack, group)
  local still, came = {}, 0
  for _, p in ipairs(pack.waiting) do
    if C.tc_handle_alive(p) and C.tc_grad_of(p._t) ~= nil then
      self:make_state(p, group)
      pack.list[#pack.list + 1] = p
      came = came + 1
    else
      still[#still + 1] = p
    end
  end
  if came > 0 then
    pack.waiting = still
    fill(self, pack)
  end
  return came
end

--- The parameters of group i that have a state, and their states, as arrays for C.
-- @tparam int i the group
-- @tparam table names which states are needed; the same table at each call
-- @treturn table `n`, `params` and an array for each name
-- @treturn int how many parameters were new; they are the last ones
function Optimizer:ready(i, names)
  local pack = self.packs[i]
  if not pack or pack.state ~= self.state or pack.names ~= names then
    pack = new_pack(self, self.param_groups[i], names)
    self.packs[i] = pack
  end
  local came = #pack.waiting > 0 and admit(self, pack, self.param_groups[i]) or 0
  return pack, came
end

--- Declares a step of the C side; to be called when a class is loaded.
function Optimizer.declare(name) binding.hidden(name) end

--- Raises if a call of the C side did not succeed, or collects garbage when it says so.
function Optimizer.done(status)
  if status ~= 0 then binding.recover(status, true) end
end

--- A state tensor of one number, on the CPU where the step reads it, whatever the default device is. float64 parameters count their steps in
-- float32 too, as PyTorch does.
function Optimizer.number(value) return tocha.tensor(value, {dtype = 'float32', device = 'cpu'}) end

--- A state of one value everywhere; of complex parameters in both parts, which are updated like two real numbers.
function Optimizer.filled(p, value)
  if not p:is_complex() then return tocha.full_like(p, value) end
  local part = tocha.full_like(p.real, value)
  return tocha.complex(part, part)
end

--- Raises if a parameter is complex: for optimizers whose step would not be that of two real numbers.
function Optimizer:check_real(group)
  for i, p in ipairs(group.params) do
    if p:is_complex() then args.fail('%s: params: item %d is %s, takes a floating dtype', self.__name, i, tostring(p.dtype)) end
  end
end

-- ------------------------------------------------------------------------------------------------- stepping

local Hook = class('Hook')
function Hook:__init(list, f) self.list, self.f = list, f end
--- Takes the hook out.
function Hook:remove()
  for i = #self.list, 1, -1 do
    if self.list[i] == self then table.remove(self.list, i) end
  end
end

local function add_hook(self, when, f)
  if type(f) ~= 'function' then args.fail('register_step_%s_hook: got %s, takes a function', when, args.show(f)) end
  local list = self.hooks[when]
  list[#list + 1] = Hook(list, f)
  return list[#list]
end

--- Calls f(optimizer) before every step. Gives a handle with `:remove()`.
function Optimizer:register_step_pre_hook(f) return add_hook(self, 'pre', f) end

--- Calls f(optimizer) after every step. Gives a handle with `:remove()`.
function Optimizer:register_step_post_hook(f) return add_hook(self, 'post', f) end

-- hooks of every optimizer
local everywhere = {pre = {}, post = {}}

local function add_everywhere(when, f)
  if type(f) ~= 'function' then args.fail('register_optimizer_step_%s_hook: got %s, takes a function', when, args.show(f)) end
  local list = everywhere[when]
  list[#list + 1] = Hook(list, f)
  return list[#list]
end

--- Calls f(optimizer) before every step of any optimizer. Gives a handle with `:remove()`.
-- @param f a function of the optimizer
-- @usage
-- local steps = 0
-- local hook = optim.register_optimizer_step_pre_hook(function() steps = steps + 1 end)
-- optim.SGD({tocha.zeros(1)}):step()
-- hook:remove()
-- steps  --> 1
function Optimizer.register_optimizer_step_pre_hook(f) return add_everywhere('pre', f) end

--- Calls f(optimizer) after every step of any optimizer. Gives a handle with `:remove()`.
-- @param f a function of the optimizer
-- @usage
-- local steps = 0
-- local hook = optim.register_optimizer_step_post_hook(function() steps = steps + 1 end)
-- optim.SGD({tocha.zeros(1)}):step()
-- hook:remove()
-- steps  --> 1
function Optimizer.register_optimizer_step_post_hook(f) return add_everywhere('post', f) end

local function run_hooks(self, when)
  local all, own = everywhere[when], self.hooks[when]
  for i = 1, #all do all[i].f(self) end
  for i = 1, #own do own[i].f(self) end
end

-- f(optimizer, state) may give another state
local function run_state_hooks(self, when, state)
  for _, hook in ipairs(self.hooks[when] or {}) do state = hook.f(self, state) or state end
  return state
end

for _, what in ipairs{'state_dict', 'load_state_dict'} do
  for _, when in ipairs{'pre', 'post'} do
    local name = ('register_%s_%s_hook'):format(what, when)
    --- Hooks of saving and loading: register_state_dict_pre_hook(f) and load_state_dict_post_hook call f(optimizer);
    -- register_state_dict_post_hook and load_state_dict_pre_hook call f(optimizer, state), which may give another state.
    Optimizer[name] = function(self, f, prepend)
      if type(f) ~= 'function' then args.fail('%s: got %s, takes a function', name, args.show(f)) end
      local key = what .. '_' .. when
      self.hooks[key] = self.hooks[key] or {}
      local list = self.hooks[key]
      local hook = Hook(list, f)
      local first = prepend == true or type(prepend) == 'table' and prepend.prepend
      table.insert(list, first and 1 or #list + 1, hook)
      return hook
    end
  end
end

--- Takes one step. Inside `tocha.cuda.graph` it is recorded and taken at each replay, with the numbers (lr, weight_decay, ...) that the groups
-- have then; hooks run at the recording alone.
-- @tparam[opt] function closure computes the loss anew with its gradients, and returns it
-- @return what the closure returned
function Optimizer:step(closure)
  local loss
  run_hooks(self, 'pre')
  if closure then loss = tocha.enable_grad(closure) end
  if recording.now then recording.now:optimizer(self) else self:update() end
  run_hooks(self, 'post')
  return loss
end

local read_zero = args.spec('zero_grad', 'set_to_none:bool=true')

--- Forgets the gradients of all parameters.
-- @tparam[opt=true] bool set_to_none whether they become nil; else they are filled with zeros
function Optimizer:zero_grad(...)
  local to_nil = true
  if select('#', ...) > 0 then to_nil = read_zero(...) end
  for _, group in ipairs(self.param_groups) do
    local params = group.params
    for i = 1, #params do
      local p = params[i]
      if to_nil then
        if C.tc_handle_alive(p) then C.tc_set_grad(p._t, nil) end
      else
        local g = p.grad
        if g ~= nil then p.grad = g:detach():zero_() end
      end
    end
  end
end

-- ------------------------------------------------------------------------------------------------- saving

-- Positions of all parameters over all groups, from 1.
local function numbering(self)
  local ids, n = {}, 0
  for _, group in ipairs(self.param_groups) do
    for _, p in ipairs(group.params) do
      n = n + 1
      ids[p] = n
    end
  end
  return ids
end

--- The state as plain tables in PyTorch's layout: `state[i]` holds the tensors of parameter i (counted from 1 over
-- all groups), `param_groups[k]` the options of a group, with the numbers of its parameters in `params`. The tensors
-- are those of the optimizer, not copies.
function Optimizer:state_dict()
  run_state_hooks(self, 'state_dict_pre')
  local ids, out = numbering(self), {state = {}, param_groups = {}}
  for p, state in pairs(self.state) do
    if ids[p] then out.state[ids[p]] = copy_value(state) end
  end
  for k, group in ipairs(self.param_groups) do
    local saved = {}
    for name, value in pairs(group) do saved[name] = copy_value(value) end
    saved.params = {}
    for i, p in ipairs(group.params) do saved.params[i] = ids[p] end
    out.param_groups[k] = saved
  end
  return run_state_hooks(self, 'state_dict_post', out)
end

local function check_groups(self, given)
  if type(given) ~= 'table' or type(given.state) ~= 'table' or type(given.param_groups) ~= 'table' then
    args.fail('load_state_dict: got %s, takes what state_dict() gives: {state = ..., param_groups = ...}',
      args.show(given))
  end
  if #given.param_groups ~= #self.param_groups then
    args.fail('load_state_dict: the state has %d groups, the optimizer %d', #given.param_groups, #self.param_groups)
  end
  for k, group in ipairs(self.param_groups) do
    local saved = given.param_groups[k].params or {}
    if #saved ~= #group.params then
      args.fail('load_state_dict: group %d has %d parameters in the state, %d in the optimizer', k, #saved,
        #group.params)
    end
  end
end

-- One value of a parameter's state, as the optimizer's own.
local function adopt(p, name, value)
  if numbers[name] then
    if type(value) == 'number' then return Optimizer.number(value) end
    return value:detach():to('cpu'):clone()
  end
  if not is_tensor(value) then return copy_value(value) end
  if value:is_floating_point() and p:is_floating_point() then value = value:to(p.dtype) end
  return value:detach():to(p.device):clone()
end

local function same_shape(a, b)
  if a:dim() ~= b:dim() then return false end
  for d = 1, a:dim() do
    if a:size(d) ~= b:size(d) then return false end
  end
  return true
end

-- States of the parameter's shape must have it; which those are a class says by `shaped`.
local function check_state(self, p, id, state)
  for _, name in ipairs(self.shaped or {}) do
    local value = state[name]
    if is_tensor(value) and not same_shape(value, p) then
      args.fail('load_state_dict: %s of parameter %s: got %s, takes %s', name, tostring(id), args.show(value),
        args.show(p))
    end
  end
end

local function loaded_states(self, given)
  local states = {}
  for k, group in ipairs(self.param_groups) do
    for i, id in ipairs(given.param_groups[k].params) do
      local saved, p = given.state[id], group.params[i]
      if saved then
        check_state(self, p, id, saved)
        local own = {}
        for name, value in pairs(saved) do own[name] = adopt(p, name, value) end
        states[p] = own
      end
    end
  end
  return states
end

--- Takes over a state: a copy of its tensors, and the options of its groups.
-- @tparam table given what `state_dict` gave, of an optimizer with as many parameters in each group
-- @raise says what does not fit; the optimizer is then unchanged
function Optimizer:load_state_dict(given)
  given = run_state_hooks(self, 'load_state_dict_pre', given)
  check_groups(self, given)
  self.state = loaded_states(self, given)
  for k, group in ipairs(self.param_groups) do
    for name in pairs(group) do
      if name ~= 'params' and name ~= 'param_names' then group[name] = nil end
    end
    for name, value in pairs(given.param_groups[k]) do
      if name ~= 'params' and name ~= 'param_names' then group[name] = copy_value(value) end
    end
    for name, value in pairs(self.defaults) do
      if group[name] == nil then group[name] = copy_value(value) end
    end
  end
  self.packs = {}
  run_state_hooks(self, 'load_state_dict_post')
end

local function show(v)
  if type(v) ~= 'table' then return tostring(v) end
  local parts = {}
  for i, x in ipairs(v) do parts[i] = tostring(x) end
  return '(' .. table.concat(parts, ', ') .. ')'
end

--- The class and the options of each group.
function Optimizer:__tostring()
  local lines = {self.__name .. ' ('}
  for k, group in ipairs(self.param_groups) do
    local names = {}
    for name in pairs(group) do
      if name ~= 'params' then names[#names + 1] = name end
    end
    table.sort(names)
    lines[#lines + 1] = 'Parameter Group ' .. k
    for _, name in ipairs(names) do lines[#lines + 1] = '    ' .. name .. ': ' .. show(group[name]) end
  end
  return table.concat(lines, '\n') .. '\n)'
end

return Optimizer
