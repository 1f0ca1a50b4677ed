--- tocha.nn.utils.stateless: a module called with other parameters than its own.
-- @module tocha.nn.utils.stateless

local args = require 'tocha.args'
local checked = require 'tocha.checked'

local stateless = {}

local function owner(module, path)
  local parent, name = path:match('^(.-)%.?([^.]+)$')
  return module:get_submodule(parent), name
end

local function swap(module, values)
  local old = {}
  for path, value in pairs(values) do
    local m, name = owner(module, path)
    local key = m.key_of(name)
    if m._kind[key] == nil then args.fail("functional_call: the module has no parameter or buffer '%s'", path) end
    old[#old + 1] = {m, key, rawget(m, key)}
    rawset(m, key, value)
  end
  return old
end

local function restore(old)
  for _, entry in ipairs(old) do rawset(entry[1], entry[2], entry[3]) end
end

local function finish(old, ok, ...)
  restore(old)
  if not ok then error((...), 0) end
  return ...
end

--- Calls a module with tensors in place of its parameters and buffers; gradients flow to these tensors.
-- @param module
-- @tparam table parameters tensors by path, as in `state_dict`
-- @tparam table inputs a list of forward's arguments, or one tensor
function stateless.functional_call(module, parameters, inputs)
  if type(inputs) ~= 'table' then inputs = {inputs} end
  return finish(swap(module, parameters), pcall(module, unpack(inputs)))
end

checked.all(stateless, '', {functional_call = 'module:module parameters:list'})

return stateless
