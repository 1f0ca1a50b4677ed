--- nn.Buffer: says that a tensor is part of a module's state: `self.mean = nn.Buffer(tocha.zeros(3))` is
-- `self:register_buffer('mean', tocha.zeros(3))`. The field then is the tensor itself.
-- @classmod tocha.nn.Buffer

local class = require 'tocha.class'
local args = require 'tocha.args'

local Buffer = class('Buffer')

local _, store = args.spec('Buffer', 'data:tensor=nil', 'persistent:bool=true')

--- @param[opt] data the tensor
-- @tparam[opt=true] bool persistent whether it is part of `state_dict()`
function Buffer:__init(...) store(self, ...) end

return Buffer
