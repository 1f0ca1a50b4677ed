--- The state of nn.Module as a table of tensors, and back.
-- @module tocha.nn.module_state

local tocha = require 'tocha'
local args = require 'tocha.args'

local state = {}

local function shape(x)
  local sizes = {}
  for i = 1, x:dim() do sizes[i] = tostring(x:size(i)) end
  return '[' .. table.concat(sizes, ' x ') .. ']'
end

-- Whether a class has such a method of its own: nn.Module has none of that name.
local function own(self, name) return type(self[name]) == 'function' end

local function put(self, kind, out, prefix, keep_vars)
  local names, values, n = self:registered(kind)
  for i = 1, n do
    local x = values[i]
    if x ~= nil then out[prefix .. names[i]] = keep_vars and x or x:detach() end
  end
end

local function save(self, out, prefix, keep_vars)
  self:run_hooks('state_pre', prefix, keep_vars)
  put(self, 'parameter', out, prefix, keep_vars)
  put(self, 'state', out, prefix, keep_vars)
  if own(self, 'get_extra_state') then out[prefix .. '_extra_state'] = self:get_extra_state() end
  for name, child in self:named_children() do save(child, out, prefix .. name .. '.', keep_vars) end
  self:run_hooks('state_post', out, prefix)
end

local read_state = args.spec('state_dict', '*', 'destination=nil', 'prefix:str=""', 'keep_vars:bool=false')

--- The parameters and persistent buffers by path, sharing their memory: `net:state_dict()['fc1.weight']`.
-- The options are `destination`, a table to write into, `prefix`, put before every name (default `''`), and
-- `keep_vars`, whether the tensors themselves are given, not detached ones (default false).
function state:state_dict(options)
  local out, prefix, keep_vars = read_state(options)
  out = out or {}
  save(self, out, prefix, keep_vars)
  return out
end

-- ------------------------------------------------------------------------------------------------------------ loading

local function load_one(log, key, x, given)
  if not tocha.is_tensor(given) then
    log.errors[#log.errors + 1] = ('%s is %s, not a tensor'):format(key, args.show(given))
  elseif shape(x) ~= shape(given) then
    log.errors[#log.errors + 1] = ('size mismatch for %s: the state has %s, the module %s'):format(key, shape(given),
      shape(x))
  else
    log.todo[#log.todo + 1] = {x, given}
  end
end

local function take(self, kind, given, prefix, log)
  local names, values, n = self:registered(kind)
  for i = 1, n do
    local key, x = prefix .. names[i], values[i]
    if x ~= nil then
      log.known[key] = true
      local value = given[key]
      if value == nil then
        if not log.optional[key] then log.missing[#log.missing + 1] = key end
      else
        load_one(log, key, x, value)
      end
    end
  end
end

local function load(self, given, prefix, log)
  self:run_hooks('load_pre', given, prefix, log.strict)
  if own(self, 'before_load') then self:before_load(given, prefix, log.optional) end
  take(self, 'parameter', given, prefix, log)
  take(self, 'state', given, prefix, log)
  if own(self, 'set_extra_state') then
    local key = prefix .. '_extra_state'
    log.known[key] = true
    if given[key] == nil then log.missing[#log.missing + 1] = key
    else log.extra[#log.extra + 1] = {self, given[key]} end
  end
  for name, child in self:named_children() do load(child, given, prefix .. name .. '.', log) end
end

local function unexpected(given, log)
  local out = {}
  for key in pairs(given) do
    if not log.known[key] then out[#out + 1] = tostring(key) end
  end
  table.sort(out)
  return out
end

local function describe(self, log, extra)
  local lines = {}
  if #log.missing > 0 then lines[#lines + 1] = 'missing keys: ' .. table.concat(log.missing, ', ') end
  if #extra > 0 then lines[#lines + 1] = 'unexpected keys: ' .. table.concat(extra, ', ') end
  if not log.strict then lines = {} end
  for _, line in ipairs(log.errors) do lines[#lines + 1] = line end
  if #lines == 0 then return end
  return ('load_state_dict: %s: %s'):format(self.__name, table.concat(lines, '; '))
end

-- Nothing is changed until all of the state is known to fit.
local function commit(log, assign)
  for _, pair in ipairs(log.todo) do
    local x, given = pair[1], pair[2]:detach()
    if assign then x.data = given else x:detach():copy_(given) end
  end
  for _, pair in ipairs(log.extra) do pair[1]:set_extra_state(pair[2]) end
end

local read_load = args.spec('load_state_dict', 'strict:bool=true', 'assign:bool=false')

--- Copies the tensors of a state into the parameters and buffers of the same paths.
-- @tparam table given as `state_dict()` or `tocha.load` gives it
-- @tparam[opt=true] bool strict whether a missing or unexpected key is an error
-- @tparam[opt=false] bool assign whether the tensors are taken over, not copied
-- @treturn table the missing keys
-- @treturn table the unexpected keys
-- @raise names the keys, and the shapes that do not fit; the module is then unchanged
function state:load_state_dict(given, ...)
  if type(given) ~= 'table' then
    args.fail('load_state_dict: state_dict: got %s, takes a table of tensors', args.show(given))
  end
  local strict, assign = read_load(...)
  local log = {strict = strict, known = {}, missing = {}, optional = {}, errors = {}, todo = {}, extra = {}}
  local copy = {}
  for key, value in pairs(given) do copy[key] = value end
  load(self, copy, '', log)
  local extra = unexpected(copy, log)
  local message = describe(self, log, extra)
  if message then args.fail('%s', message) end
  commit(log, assign)
  for module in self:modules() do module:run_hooks('load_post', log.missing, extra) end
  return log.missing, extra
end

return state
