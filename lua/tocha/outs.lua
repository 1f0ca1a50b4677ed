--- The option `out` for functions written in Lua: a tensor, or a list for several results, that the results go into.
-- @module tocha.outs

local errors = require 'tocha.errors'
local is_tensor = require('tocha.arguments').is_tensor

local outs = {}

-- results may be tensors that others have too: they are copied, not released
local function put(out, ...)
  local list = is_tensor(out) and {out} or out
  if type(list) ~= 'table' then errors.raise('out: got %s, takes a tensor or a list of tensors', errors.describe(out)) end
  local first = ...
  local results = is_tensor(first) and {...} or type(first) == 'table' and first or {...}
  for i, x in ipairs(list) do
    if not is_tensor(x) or not is_tensor(results[i]) then
      errors.raise('out: entry %d: got %s for %s, takes a tensor for each result', i, errors.describe(x), errors.describe(results[i]))
    end
    x:set_result_(results[i])
  end
  if is_tensor(out) then return out end
  return unpack(list)
end

-- f without the option; then its results go where it says
local function into(f, n, ...)
  local list, options = {...}, {}
  local given = list[n]
  for key, value in pairs(given) do
    if key ~= 'out' then options[key] = value end
  end
  list[n] = options
  return put(given.out, f(unpack(list, 1, next(options) == nil and n - 1 or n)))
end

--- f, which takes {out = tensor} or {out = {tensor, ...}} as the last argument now, alone or among its other options. A tensor of another shape
-- takes that of the result; one whose dtype cannot hold it is an error. Gives what is in `out`.
function outs.wrap(f)
  return function(...)
    local n = select('#', ...)
    if n > 0 then
      local last = select(n, ...)
      if type(last) == 'table' and rawget(last, 'out') ~= nil then return into(f, n, ...) end
    end
    return f(...)
  end
end

--- The same for functions of a module by their names.
function outs.all(module, names)
  for name in names:gmatch('%S+') do module[name] = outs.wrap(module[name]) end
end

return outs
