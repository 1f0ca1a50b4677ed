--- Padding layers. A padding is one number for all sides, or `{left, right, top, bottom, front, back}` as far as
-- dimensions go.
-- @module tocha.nn.padding

local define = require 'tocha.nn.simple'
local sizes = require 'tocha.nn.sizes'
local show = require 'tocha.nn.show'
local F = require 'tocha.nn.functional'

local padding = {}

--- Adds a border: of a value, of zeros, mirrored without the edge itself (Reflection), of the edge's value (Replication), or of the
-- other side (Circular). Negative paddings cut.
-- @type ConstantPad1d ConstantPad2d ConstantPad3d ZeroPad1d ZeroPad2d ZeroPad3d ReflectionPad1d ReflectionPad2d
-- @type ReflectionPad3d ReplicationPad1d ReplicationPad2d ReplicationPad3d CircularPad1d CircularPad2d CircularPad3d
-- @param padding one number for all sides, or {left, right, top, bottom, front, back} as far as dimensions go
-- @param value what ConstantPad puts there
-- @shape (n, c, w), (n, c, h, w), (n, c, d, h, w), or each without n -> each size grows by its two paddings
-- @raise if a reflected border is as wide as the input, or a circular one wider
-- @usage
-- local x = tocha.tensor{{1, 2, 3}}
-- nn.ConstantPad1d({1, 2}, 9)(x)  --> {{9, 1, 2, 3, 9, 9}}
-- nn.ZeroPad1d(1)(x)  --> {{0, 1, 2, 3, 0}}
-- nn.ReflectionPad1d(2)(x)  --> {{3, 2, 1, 2, 3, 2, 1}}
-- nn.ReplicationPad1d({2, 0})(x)  --> {{1, 1, 1, 2, 3}}
-- nn.CircularPad1d(1)(x)  --> {{3, 1, 2, 3, 1}}
-- local image, volume = tocha.ones(1, 3, 4), tocha.ones(1, 3, 4, 5)
-- nn.ConstantPad2d({1, 0, 0, 2}, 7)(image).shape  --> {1, 5, 5}
-- nn.ZeroPad2d({-1, 0, 0, 0})(image).shape  --> {1, 3, 3}
-- nn.ReflectionPad2d(1)(image).shape  --> {1, 5, 6}
-- nn.ReplicationPad2d(1)(image).shape  --> {1, 5, 6}
-- nn.CircularPad2d(1)(image).shape  --> {1, 5, 6}
-- nn.ConstantPad3d(1, 2)(volume).shape  --> {1, 5, 6, 7}
-- nn.ZeroPad3d(1)(volume):sum()  --> 60
-- nn.ReflectionPad3d(1)(volume).shape  --> {1, 5, 6, 7}
-- nn.ReplicationPad3d({0, 0, 0, 0, 1, 1})(volume).shape  --> {1, 5, 4, 5}
-- nn.CircularPad3d(1)(volume).shape  --> {1, 5, 6, 7}
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
