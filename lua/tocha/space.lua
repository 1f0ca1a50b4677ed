--- A namespace made of the functions that tocha.h tags with @in: tocha.special, tocha.linalg, tocha.fft, tocha.nn.functional.
-- @module tocha.space

local binding = require 'tocha.binding'

--- A table whose functions are made at their first use. `own` holds what Lua adds.
return function(name, own)
  return setmetatable(own or {}, {__index = function(self, key)
    local f = binding.in_space(name, key)
    if f then rawset(self, key, f) end
    return f
  end, __names = function() return binding.names('space', name) end})
end
