--- Helpers around training: `tocha.utils.data`, `tocha.utils.checkpoint`. Each loads on first use.
-- @module tocha.utils

local parts = {data = 'tocha.utils.data', checkpoint = 'tocha.utils.checkpoint'}

return setmetatable({}, {__index = function(self, name)
  if not parts[name] then return nil end
  local part = require(parts[name])
  rawset(self, name, part)
  return part
end})
