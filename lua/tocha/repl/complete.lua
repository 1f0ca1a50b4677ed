--- Completion: the names that could stand where the cursor is.
-- @module tocha.repl.complete

local names = require 'tocha.repl.names'

local keywords = {}
local words = [[and break do else elseif end false for function if in local nil not or repeat return then true until while]]
for word in words:gmatch('%a+') do
  keywords[#keywords + 1] = word
end

local function starting_with(list, start, out, before, keep)
  for _, name in ipairs(list) do
    local fits = name:sub(1, #start) == start and name:find('^[%a_][%w_]*$')
    local hidden = name:sub(1, 2) == '__' and start:sub(1, 2) ~= '__' or name:sub(1, 1) == '_' and start == ''
    if fits and not hidden and (not keep or keep(name)) then out[#out + 1] = before .. name end
  end
  return out
end

local function callable(owner)
  return function(name)
    local ok, v = pcall(function() return owner[name] end)
    local mt = ok and debug.getmetatable(v)
    return type(v) == 'function' or type(mt) == 'table' and mt.__call ~= nil
  end
end

--- Completes `word`, a path such as `tocha.nn.Li` or `x:su`.
-- @tparam string word what stands before the cursor
-- @treturn table the sorted list of whole words that it could become
return function(word)
  local path, separator, start = word:match('^([%a_][%w_%.:]*)([%.:])([%w_]*)$')
  if not path then
    if word:find('[^%w_]') then return {} end
    local out = starting_with(names.of(_G), word, {}, '')
    starting_with(keywords, word, out, '')
    table.sort(out)
    return out
  end
  local value = names.value(path)
  if value == nil then return {} end
  return starting_with(names.of(value), start, {}, path .. separator, separator == ':' and callable(value))
end
