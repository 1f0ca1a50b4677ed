--- Padding layers. A padding is one number for all sides, or `{left, right, top, bottom, front, back}` as far as
-- dimensions go.
-- @module tocha.nn.padding

local define = require 'tocha.nn.simple'
local sizes = require 'tocha.nn.sizes'
local show = require 'tocha.nn.show'
local F = require 'tocha.nn.functional'

local padding = {}

local function add(prefix, mode, n)
  local name = ('%sPad%dd'):format(prefix, n)
  local constant = prefix == 'Constant'
  padding[name] = define(name, {'padding:size', constant and 'value:num' or nil}, function(self, input)
    return F.pad(input, self.padding, mode, mode == 'constant' and (self.value or 0) or nil)
  end, function(self)
    return constant and show.fields(self, 'padding', 'value') or show.python(self.padding)
  end, nil, function(self) self.padding = sizes.tuple(self.padding, 2 * n, name, 'padding') end)
end

for n = 1, 3 do
  add('Constant', 'constant', n)
  add('Zero', 'constant', n)
  add('Reflection', 'reflect', n)
  add('Replication', 'replicate', n)
  add('Circular', 'circular', n)
end

return padding
