--- The parameters that models and guides declare by `infer.param`: kept unconstrained, by name, until they are cleared.
-- @module tocha.infer.store

local args = require 'tocha.args'
local class = require 'tocha.class'
local tocha = require 'tocha'

--- The store of the parameters that models and guides declare by infer.param; clear_param_store() forgets them all.
-- @type get_param_store clear_param_store
-- @usage
-- infer.clear_param_store()
-- infer.param('a', tocha.tensor{1.0, 2.0})
-- infer.get_param_store():get('a')  --> {1, 2}
-- infer.get_param_store().names  --> {'a'}
-- infer.clear_param_store()
-- #infer.get_param_store().names  --> 0
local ParamStore = class('ParamStore')

function ParamStore:__init() self:clear() end

--- Forgets all parameters.
function ParamStore:clear() self.names, self.entries = {}, {} end

--- The leaf tensor of a name, made by `init` when it is new. An `nn.Parameter` stays what it is.
-- @tparam string name
-- @param init tensor, number, or a function that gives one
-- @param[opt] transform from real numbers to the values that are allowed
-- @treturn table `leaf` (the unconstrained tensor), `transform`
function ParamStore:entry(name, init, transform)
  local entry = self.entries[name]
  if entry then return entry end
  if init == nil then args.fail("param: '%s' has no value yet: takes one as second argument", name) end
  if type(init) == 'function' then init = init() end
  if type(init) == 'number' or type(init) == 'table' then init = tocha.tensor(init) end
  if not tocha.is_tensor(init) then args.fail("param: '%s': got %s, takes a tensor or a number", name, args.show(init)) end
  local leaf = init
  if not (init.is_parameter and not transform) then
    local value = init:detach()
    leaf = (transform and transform.inv(value) or value:clone()):detach():clone():requires_grad_()
  end
  entry = {leaf = leaf, transform = transform}
  self.entries[name] = entry
  self.names[#self.names + 1] = name
  return entry
end

--- The value of a parameter within its constraint, connected to the unconstrained leaf; nil if there is none.
function ParamStore:get(name)
  local entry = self.entries[name]
  if not entry then return nil end
  return entry.transform and entry.transform(entry.leaf) or entry.leaf
end

--- All leaves in the order in which they were declared.
function ParamStore:leaves()
  local out = {}
  for i, name in ipairs(self.names) do out[i] = self.entries[name].leaf end
  return out
end

local store = ParamStore()

return {
  ParamStore = ParamStore,
  --- The store of `infer.param`: `:get(name)`, `.names`, `:clear()`.
  get_param_store = function() return store end,
  --- Forgets all parameters.
  clear_param_store = function() store:clear() end,
}
