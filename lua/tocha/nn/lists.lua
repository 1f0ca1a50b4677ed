--- Lists that a generic `for` can walk too: `for name, p in net:named_parameters() do`, and `#list`, `list[i]` all
-- the same.
-- @module tocha.nn.lists

local lists = {}

-- The control variable is nil when a loop begins: the list may be walked any number of times.
local function walker(list, advance)
  local i = 0
  return setmetatable(list, {__call = function(_, _, control)
    i = control == nil and 1 or i + 1
    return advance(list[i])
  end})
end

local function one(item) return item end
local function pair(item) if item then return item[1], item[2] end end

--- A list of values: a loop over it gets them one by one.
function lists.values(list) return walker(list, one) end

--- A list of `{name, value}`: a loop over it gets name and value.
function lists.pairs(list) return walker(list, pair) end

return lists
