--- Fields that are computed when they are read: for a class treated by this function, `d.mean` calls `d:get_mean()`.
-- @module tocha.distributions.fields

local getters = setmetatable({}, {__index = function(self, key)
  local name = 'get_' .. key
  self[key] = name
  return name
end})

--- Gives a class, and those derived from it, computed fields. Returns the class.
return function(cls)
  function cls.__index(self, key)
    local own = getmetatable(self)
    local value = own[key]
    if value ~= nil or type(key) ~= 'string' then return value end
    local get = own[getters[key]]
    if get then return get(self) end
  end
  return cls
end
