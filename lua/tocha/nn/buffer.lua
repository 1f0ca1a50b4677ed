--- nn.Buffer: says that a tensor is part of a module's state: `self.mean = nn.Buffer(tocha.zeros(3))` is
-- `self:register_buffer('mean', tocha.zeros(3))`. The field then is the tensor itself.
-- @classmod tocha.nn.Buffer

local class = require 'tocha.class'
local args = require 'tocha.args'

local Buffer = class('Buffer')

local _, store = args.spec('Buffer', 'data:tensor=nil', 'persistent:bool=true')

--- A tensor that a module keeps and saves, but does not train: `self.mean = nn.Buffer(tocha.zeros(3))` is
-- `self:register_buffer('mean', tocha.zeros(3))`. The field then is the tensor itself.
-- @param data the tensor
-- @param persistent whether it is part of `state_dict()`
-- @shape any
-- @usage
-- local net = nn.Module()
-- net.mean = nn.Buffer(tocha.zeros(3))
-- net:state_dict().mean  --> {0, 0, 0}
function Buffer:__init(...) store(self, ...) end

return Buffer
