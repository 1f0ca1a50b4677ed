--- nn.Module: the base of all layers and networks.
--
-- Parameters, buffers and submodules are ordinary fields, so that reading them in `forward` costs nothing; beside
-- them a module keeps in which order and as what they were registered. Assigning a new field registers it; a field
-- that was assigned over is noticed when the module is next walked. Assign one field a statement where the order matters:
-- Lua fills `self.a, self.b = x, y` from right to left. Integer fields are items of a container: `net[1]` is called `0` in
-- names.
-- @classmod tocha.nn.Module

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local lists = require 'tocha.nn.lists'
local Buffer = require 'tocha.nn.buffer'
local recording = require 'tocha.recording'

local Module = class('Module')

local is_tensor = tocha.is_tensor
local everywhere = require('tocha.nn.module_hooks').everywhere

-- What an instance keeps for itself.
-- _order: the registered fields; _kind: as what; _known: the values they had when they were last looked at
local private = {training = true, _order = true, _kind = true, _known = true, _hooks = true}

function Module.__new()
  return {training = true, _order = {}, _kind = {}, _known = {}, _hooks = false}
end

--- The base of all layers and networks: a class derived from it has a `forward`, and registers parameters, buffers and modules by
-- assigning them to fields. Nothing happens in this constructor, so a derived class need not call it.
-- @shape as forward takes and gives
-- @usage
-- local Double = tocha.class('Double', nn.Module)
-- function Double:__init()
--   self.linear = nn.Linear(3, 3)
--   self.factor = nn.Parameter(tocha.tensor(2.0))
-- end
-- function Double:forward(x) return self.linear(x) * self.factor end
-- local net = Double()
-- net(tocha.ones(4, 3)).shape  --> {4, 3}
-- net:num_parameters()  --> 13
-- net:eval().training  --> false
function Module:__init() end -- luacheck: ignore self

--- True if `value` is a module.
function Module.is_module(value)
  return type(value) == 'table' and class.isinstance(value, Module)
end
local is_module = Module.is_module

local function kind_of(value)
  local t = type(value)
  if t == 'cdata' then return is_tensor(value) and value.is_parameter and 'parameter' or nil end
  return t == 'table' and is_module(value) and 'module' or nil
end

local function name_of(key) return type(key) == 'number' and tostring(key - 1) or key end

--- The field of a registered name: `'0'` of a container is its first item.
function Module.key_of(name) return tonumber(name) and tonumber(name) + 1 or name end
local key_of = Module.key_of

-- --------------------------------------------------------------------------------------------------------- registry

local function forget(self, key)
  self._kind[key], self._known[key] = nil, nil
  for i, k in ipairs(self._order) do
    if k == key then return table.remove(self._order, i) end
  end
end

local function register(self, key, kind)
  local had = self._kind[key]
  if had == kind then return end
  if had then forget(self, key) end
  self._kind[key] = kind
  self._order[#self._order + 1] = key
end

-- Sets a registered field to what the global hooks of registration make of the value.
local function put(self, key, kind, value)
  register(self, key, kind)
  if everywhere._hooks and value ~= nil then
    value = everywhere.registered(self, kind == 'transient' and 'buffer' or kind, name_of(key), value)
  end
  rawset(self, key, value)
end

local function put_buffer(self, key, buffer) put(self, key, buffer.persistent and 'buffer' or 'transient', buffer.data) end

function Module:__newindex(key, value)
  if getmetatable(value) == Buffer then return put_buffer(self, key, value) end
  local kind = kind_of(value)
  if kind then return put(self, key, kind, value) end
  rawset(self, key, value)
end

-- Whether a registered field still holds what it may; a parameter may not silently become a plain tensor.
local function still(self, key, kind, value)
  if value == nil then return true end
  if kind == 'buffer' or kind == 'transient' then return is_tensor(value) and not value.is_parameter end
  if kind == 'parameter' and is_tensor(value) and not value.is_parameter then
    args.fail('%s: %s is a parameter and was assigned a plain tensor; it takes nn.Parameter(tensor), or nil',
      self.__name, name_of(key))
  end
  return kind_of(value) == kind
end

local function by_name(a, b) return tostring(a) < tostring(b) end

-- Registers what was assigned over other fields (Lua tells of new fields only), forgets what is gone. In a container
-- with names (`_named`) the first items are other names of fields.
local function refresh(self)
  local found
  local kinds, known, aliases = self._kind, self._known, self._named and #self._named or 0
  for i = 1, aliases do rawset(self, self._named[i], rawget(self, i)) end
  for key, value in pairs(self) do
    if getmetatable(value) == Buffer then
      put_buffer(self, key, value)
    elseif not rawequal(known[key], value) and not private[key] and not (type(key) == 'number' and key <= aliases) then
      local kind = kind_of(value)
      if kind and kinds[key] ~= kind then
        found = found or {}
        found[#found + 1] = key
      end
    end
  end
  for i = #self._order, 1, -1 do
    local key = self._order[i]
    local value = rawget(self, key)
    if not rawequal(known[key], value) then
      if still(self, key, kinds[key], value) then known[key] = value else forget(self, key) end
    end
  end
  if found then
    table.sort(found, by_name)
    for _, key in ipairs(found) do put(self, key, kind_of(rawget(self, key)), rawget(self, key)) end
  end
end

local function check_name(self, what, name, value)
  if type(name) ~= 'string' or name == '' or name:find('.', 1, true) then
    args.fail('%s: name: got %s, takes a string without dots', what, args.show(name))
  end
  if value ~= nil and self[key_of(name)] ~= nil and not self._kind[key_of(name)] then
    args.fail("%s: %s already has a field or method '%s'", what, self.__name, name)
  end
end

--- Adds a parameter.
-- @tparam string name
-- @param parameter an nn.Parameter, or nil for one that is absent
function Module:register_parameter(name, parameter)
  check_name(self, 'register_parameter', name, parameter)
  if parameter ~= nil and kind_of(parameter) ~= 'parameter' then
    args.fail('register_parameter: %s: got %s, takes an nn.Parameter or nil', name, args.show(parameter))
  end
  put(self, name, 'parameter', parameter)
end

local read_buffer = args.spec('register_buffer', 'name', 'tensor=nil', 'persistent:bool=true')

--- Adds a tensor that belongs to the state but is not trained.
-- @tparam string name
-- @param tensor the tensor, or nil for one that is absent
-- @tparam[opt=true] bool persistent whether it is part of `state_dict()`
function Module:register_buffer(...)
  local name, tensor, persistent = read_buffer(...)
  check_name(self, 'register_buffer', name, tensor)
  if tensor ~= nil and not is_tensor(tensor) then
    args.fail('register_buffer: %s: got %s, takes a tensor or nil', name, args.show(tensor))
  end
  put(self, name, persistent and 'buffer' or 'transient', tensor)
end

--- Adds a submodule.
-- @tparam string name
-- @param module a module, or nil for one that is absent
function Module:add_module(name, module)
  check_name(self, 'add_module', name, module)
  if module ~= nil and not is_module(module) then
    args.fail('add_module: %s: got %s, takes a module or nil', name, args.show(module))
  end
  put(self, key_of(name), 'module', module)
end
Module.register_module = Module.add_module

--- Takes a parameter, buffer or submodule out; the field is then nil.
function Module:unregister(name)
  local key = key_of(name)
  forget(self, key)
  rawset(self, key, nil)
end

--- The fields of one kind in order of registration: names, values (which may be nil) and their number.
-- @tparam string kind `parameter`, `buffer` (both kinds), `state` (buffers that are saved) or `module`
function Module:registered(kind)
  refresh(self)
  local names, values, n = {}, {}, 0
  for _, key in ipairs(self._order) do
    local k = self._kind[key]
    if k == kind or (kind == 'buffer' and k == 'transient') or (kind == 'state' and k == 'buffer') then
      n = n + 1
      names[n], values[n] = name_of(key), rawget(self, key)
    end
  end
  return names, values, n
end

-- ------------------------------------------------------------------------------------------------------------ walking

local function join(prefix, name) return prefix == '' and name or prefix .. '.' .. name end

local function walk(module, prefix, visit, seen)
  if seen then
    if seen[module] then return end
    seen[module] = true
  end
  visit(prefix, module)
  local names, values, n = module:registered('module')
  for i = 1, n do
    if values[i] then walk(values[i], join(prefix, names[i]), visit, seen) end
  end
end

local read_modules = args.spec('named_modules', 'memo=nil', 'prefix:str=""', 'remove_duplicate:bool=true')

--- All modules, this one first, with their paths.
-- @treturn list of {path, module}, which a `for` can walk: `for path, m in net:named_modules() do`
function Module:named_modules(...)
  local memo, prefix, once = read_modules(...)
  local out = {}
  walk(self, prefix, function(path, m) out[#out + 1] = {path, m} end, once and (memo or {}) or nil)
  return lists.pairs(out)
end

--- All modules, this one first.
function Module:modules()
  local out = {}
  walk(self, '', function(_, m) out[#out + 1] = m end, {})
  return lists.values(out)
end

--- The direct submodules with their names.
function Module:named_children()
  local names, values, n = self:registered('module')
  local out, seen = {}, {}
  for i = 1, n do
    local m = values[i]
    if m and not seen[m] then
      seen[m] = true
      out[#out + 1] = {names[i], m}
    end
  end
  return lists.pairs(out)
end

local function seconds(named)
  local out = {}
  for i = 1, #named do out[i] = named[i][2] end
  return lists.values(out)
end

--- The direct submodules.
function Module:children() return seconds(self:named_children()) end

-- Tensors of one kind; a tensor that is registered in several places is listed once.
local function collect(self, kind, prefix, recurse, once)
  local out, seen = {}, once and {} or nil
  local function visit(path, module)
    local names, values, n = module:registered(kind)
    for i = 1, n do
      local x = values[i]
      if x ~= nil and not (seen and seen[x]) then
        if seen then seen[x] = true end
        out[#out + 1] = {join(path, names[i]), x}
      end
    end
  end
  if recurse then walk(self, prefix, visit, once and {} or nil) else visit(prefix, self) end
  return lists.pairs(out)
end

local read_named = args.spec('named_parameters', 'prefix:str=""', 'recurse:bool=true', 'remove_duplicate:bool=true')
local read_named_buffers = args.spec('named_buffers', 'prefix:str=""', 'recurse:bool=true',
  'remove_duplicate:bool=true')
local read_recurse = args.spec('parameters', 'recurse:bool=true')

--- The parameters with their paths: `for name, p in net:named_parameters() do`.
-- @tparam[opt=''] string prefix put before every name
-- @tparam[opt=true] bool recurse whether those of submodules are meant too
-- @tparam[opt=true] bool remove_duplicate whether a shared parameter comes once
function Module:named_parameters(...) return collect(self, 'parameter', read_named(...)) end

--- The parameters, as a list that a `for` can walk too: `optim.Adam(net:parameters())`, `for p in net:parameters() do`.
-- @tparam[opt=true] bool recurse whether those of submodules are meant too
function Module:parameters(...) return seconds(collect(self, 'parameter', '', read_recurse(...), true)) end

--- The buffers with their paths.
function Module:named_buffers(...) return collect(self, 'buffer', read_named_buffers(...)) end

--- The buffers.
function Module:buffers(...) return seconds(collect(self, 'buffer', '', read_recurse(...), true)) end

-- The module at a dotted path; `what` names the caller in the error.
local function find(self, path, what)
  local m = self
  for name in path:gmatch('[^.]+') do
    local value = m[key_of(name)]
    if not is_module(value) then
      args.fail("%s: %s has no submodule '%s' (looking for '%s')", what, m.__name, name, path)
    end
    m = value
  end
  return m
end

--- The submodule at a dotted path (`''` is the module itself); an error says where the path breaks.
function Module:get_submodule(target) return find(self, target, 'get_submodule') end

--- Puts a module at a dotted path.
function Module:set_submodule(target, module)
  local path, name = target:match('^(.-)%.?([^.]+)$')
  if not name then args.fail("set_submodule: target: got '%s', takes a path", target) end
  if not is_module(module) then args.fail('set_submodule: got %s, takes a module', args.show(module)) end
  local parent, key = find(self, path, 'set_submodule'), key_of(name)
  put(parent, key, 'module', module)
end

local function get_tensor(self, target, what, wanted)
  local path, name = target:match('^(.-)%.?([^.]+)$')
  local owner = find(self, path or '', what)
  local names, values, n = owner:registered(wanted)
  for i = 1, n do
    if names[i] == name then return values[i] end
  end
  args.fail("%s: %s has no %s '%s' (looking for '%s')", what, owner.__name, wanted, tostring(name), target)
end

--- The parameter at a dotted path.
function Module:get_parameter(target) return get_tensor(self, target, 'get_parameter', 'parameter') end

--- The buffer at a dotted path.
function Module:get_buffer(target) return get_tensor(self, target, 'get_buffer', 'buffer') end

--- Calls `f` with every submodule and then with this module; returns this module.
function Module:apply(f)
  local children = self:children()
  for i = 1, #children do children[i]:apply(f) end
  f(self)
  return self
end

-- -------------------------------------------------------------------------------------------------------------- state

local read_mode = args.spec('train', 'mode:bool=true')

--- Sets training mode (dropout drops, batch norm learns its statistics) here and in all submodules.
function Module:train(...)
  local mode = read_mode(...)
  self.training = mode
  for child in self:children() do child:train(mode) end
  return self
end

--- Sets evaluation mode, as `train(false)`.
function Module:eval() return self:train(false) end

--- Sets whether the parameters are trained.
function Module:requires_grad_(flag)
  for p in self:parameters() do p:requires_grad_(flag ~= false) end
  return self
end

local read_zero = args.spec('zero_grad', 'set_to_none:bool=true')

-- Runs once a step: no lists are made
local function clear_gradients(self, to_nil, seen)
  if seen[self] then return end
  seen[self] = true
  refresh(self)
  for i = 1, #self._order do
    local key = self._order[i]
    local kind, value = self._kind[key], rawget(self, key)
    if kind == 'module' and value then
      clear_gradients(value, to_nil, seen)
    elseif kind == 'parameter' and value ~= nil then
      if to_nil then
        value.grad = nil
      else
        local g = value.grad
        if g ~= nil then g:detach():zero_() end
      end
    end
  end
end

--- Forgets the gradients of all parameters, or fills them with zeros.
-- @tparam[opt=true] bool set_to_none whether they are forgotten
function Module:zero_grad(...)
  clear_gradients(self, read_zero(...), {})
end

-- Every tensor of a module through f. Parameters and buffers stay the same objects, which an optimizer may hold.
local function convert(self, f)
  local seen = {}
  walk(self, '', function(_, m)
    for _, kind in ipairs{'parameter', 'buffer'} do
      local _, values, n = m:registered(kind)
      for i = 1, n do
        local x = values[i]
        if x ~= nil and not seen[x] then
          seen[x] = true
          local grad = x.grad
          x.data = f(x:detach())
          if grad ~= nil then x.grad = f(grad:detach()) end
        end
      end
    end
  end, {})
  return self
end

local function floating(x) return x:is_floating_point() or x:is_complex() end

local function caster(dtype)
  return function(self)
    return convert(self, function(x) return floating(x) and x:to(dtype) or x end)
  end
end

--- Makes the floating parameters and buffers float32.
Module.float = caster('float32')
--- Makes the floating parameters and buffers float64.
Module.double = caster('float64')
--- Makes the floating parameters and buffers float16.
Module.half = caster('float16')
--- Makes the floating parameters and buffers bfloat16.
Module.bfloat16 = caster('bfloat16')

--- Casts all parameters and buffers to a dtype.
function Module:type(dtype) return convert(self, function(x) return x:to(dtype) end) end

--- Moves the parameters and buffers to the CPU.
function Module:cpu() return convert(self, function(x) return x:to('cpu') end) end

--- Moves the parameters and buffers to a GPU.
-- @param[opt] device its number (from 0, as in `'cuda:0'`) or name
function Module:cuda(device)
  local name = type(device) == 'number' and 'cuda:' .. device or device or 'cuda'
  return convert(self, function(x) return x:to(name) end)
end

local dtypes = {}
for name in ([[float64 float32 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64 complex128
    double float half]]):gmatch('%w+') do dtypes[name] = true end

local read_to = args.spec('to', 'first=nil', 'second=nil', 'non_blocking:bool=false', '*', 'device=nil', 'dtype=nil',
  'copy:bool=false')

local function target_of(value, device, dtype)
  if value == nil then return device, dtype end
  if is_tensor(value) then return value.device, value.dtype end
  if dtypes[(tostring(value):gsub('^.*%.', ''))] then return device, value end
  return value, dtype
end

--- Moves and casts: `net:to('cuda')`, `net:to(tocha.float64)`, `net:to(other)`, `net:to{device = 'cuda', dtype =
-- 'float16'}`. A dtype applies to floating parameters and buffers, which stay the same objects.
function Module:to(...)
  local first, second, _, device, dtype = read_to(...)
  device, dtype = target_of(first, device, dtype)
  device, dtype = target_of(second, device, dtype)
  return convert(self, function(x)
    if device ~= nil then x = x:to(device) end
    if dtype ~= nil and floating(x) then x = x:to(dtype) end
    return x
  end)
end

--- Moves the parameters and buffers to a device without copying their values, which are then undefined.
function Module:to_empty(device)
  if type(device) == 'table' then device = device.device end
  return convert(self, function(x) return tocha.empty_like(x, {device = device}) end)
end

-- Tables and modules are copied, tensors cloned; what occurs twice is copied once.
local function deep(value, made)
  if made[value] ~= nil then return made[value] end
  local out
  if is_tensor(value) then
    out = value:detach():clone()
    if value.is_parameter then out = require('tocha.nn.parameter')(out, value.requires_grad) end
    made[value] = out
  elseif type(value) == 'table' and not class.is_class(value) then
    out = {}
    made[value] = out
    for k, v in pairs(value) do rawset(out, k, deep(v, made)) end
    setmetatable(out, getmetatable(value))
  end
  if out == nil then return value end
  return out
end

--- A copy with parameters and buffers of its own; what this module shares inside, the copy shares inside.
function Module:copy() return deep(self, {}) end

--- How many elements the parameters have together.
function Module:num_parameters()
  local n = 0
  for p in self:parameters() do n = n + p:numel() end
  return n
end

--- What the network is made of, as a report that prints itself: see `tocha.nn.summary`.
-- @param ... the inputs of forward, or a table of sizes: `print(net:summary{1, 3, 224, 224})`
function Module:summary(...) return require('tocha.nn.summary').summary(self, ...) end

-- ------------------------------------------------------------------------------------------------------------- calling

--- Makes forward of this module a compiled function (see `tocha.compile`), from now on; hooks run outside of it. A copy made later has the plain
-- forward. Returns this module.
function Module:compile()
  local plain = getmetatable(self).forward or self.forward
  local compiled = tocha.compile(function(...)
    if recording.now then recording.now:module(self) end
    return plain(self, ...)
  end)
  rawset(self, 'forward', function(m, ...)
    if rawequal(m, self) then return compiled(...) end
    return plain(m, ...)
  end)
  return self
end

--- What the module computes; every class defines it.
function Module:forward()
  args.fail('%s: forward is not defined', self.__name)
end

local call_with_hooks

function Module:__call(...)
  if recording.now then recording.now:module(self) end
  if self._hooks or everywhere._hooks then return call_with_hooks(self, ...) end
  return self:forward(...)
end

--- What stands in parentheses when the module is printed; a class of its own may define it.
function Module.extra_repr() return '' end

for _, part in ipairs{'hooks', 'state', 'repr'} do
  for name, f in pairs(require('tocha.nn.module_' .. part)) do Module[name] = f end
end
call_with_hooks = Module.call_with_hooks
Module.everywhere, Module.register_everywhere = nil, nil

package.loaded['tocha.nn.module'] = Module
require 'tocha.nn.context'

return Module
