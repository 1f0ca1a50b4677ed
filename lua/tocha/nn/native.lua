--- The operators of the library by PyTorch's name in torch.nn.functional, without what nn adds: used inside nn only.
-- @module tocha.nn.native

local tocha = require 'tocha'
local binding = require 'tocha.binding'

return setmetatable({}, {__index = function(native, name)
  local f = binding.in_space('F', name) or tocha[name]
  if f ~= nil then rawset(native, name, f) end
  return f
end})
