--- A node of a graph: the operator that made a tensor, as `x.grad_fn` gives it.
-- Fields: `name`, that of the operator (of a custom function: its class); `next_functions`, a list of {node, number of its output}, false where
-- an input needs no gradient; `origin`, the line that called it, if lines were recorded (tocha.debug.lines); `saved_bytes`; `leaf`, the tensor
-- for which the node adds up a gradient; `metadata`, a table for whatever you want to keep there, for as long as the node is referred to.
-- Methods: `register_hook`, `register_prehook`, `input`. Nodes of the same operator are equal.
-- @classmod tocha.autograd.Node

local ffi = require 'ffi'
local library = require 'tocha.library'
local handle = require 'tocha.handle'
local C = library.C

local Node = {}
local fields = {}

local function address(pointer) return tonumber(ffi.cast('intptr_t', pointer)) end

-- by address, for as long as anybody holds it: so that nodes can be compared and metadata stays
local known = setmetatable({}, {__mode = 'v'})

--- The node behind a pointer that C counts for the caller; nil for NULL.
function Node.take(pointer)
  if pointer == nil then return nil end
  local key = address(pointer)
  if known[key] then
    C.tc_node_free(pointer)
    return known[key]
  end
  known[key] = setmetatable({_pointer = ffi.gc(pointer, C.tc_node_free), metadata = {}}, Node)
  return known[key]
end

function fields.name(self)
  local custom = tonumber(C.tc_node_function(self._pointer))
  return custom ~= 0 and require('tocha.engine').name_of(custom) or ffi.string(C.tc_node_name(self._pointer))
end
function fields.origin(self) return require('tocha.origins').text(C.tc_node_origin(self._pointer)) end
function fields.saved_bytes(self) return tonumber(C.tc_node_saved(self._pointer)) end
function fields.leaf(self) return handle.wrap(C.tc_node_leaf(self._pointer)) end

local input = ffi.new('tc_input[1]')

--- What is known of input i (from 1): its node, which output of that, dtype and shape; nil if it needs no gradient.
function Node:input(i)
  if not C.tc_node_input(self._pointer, i - 1, input) then return nil end
  local shape = {}
  for d = 1, input[0].ndim do shape[d] = tonumber(input[0].size[d - 1]) end
  return {node = Node.take(input[0].node), output = input[0].index + 1, dtype = require('tocha.dtype').by_code[input[0].dtype], shape = shape}
end

function fields.next_functions(self)
  local list = {}
  for i = 1, C.tc_node_inputs(self._pointer) do
    local from = self:input(i)
    list[i] = from and {from.node, from.output} or false
  end
  return list
end

--- hook(gradients) runs in backward before the node is walked through, with a list of the gradients of its results; a list (or the only one) that
-- it gives takes their place. Nodes exist while a graph holds them. Gives a handle with `:remove()`.
function Node:register_prehook(hook) return require('tocha.engine').register_node_hook(self._pointer, 'before', hook) end

--- hook(input gradients, result gradients) runs in backward after the node; a list (or the only gradient) that it gives takes the place of the
-- input gradients. Of a leaf, the first list is empty and what the hook gives does not count. Gives a handle with `:remove()`.
function Node:register_hook(hook) return require('tocha.engine').register_node_hook(self._pointer, 'after', hook) end

--- When the operator ran: later ones have larger numbers; 0 for leaves.
function fields.time(self) return tonumber(C.tc_node_time(self._pointer)) end

function Node.__index(self, key)
  local field = fields[key]
  if field then return field(self) end
  return rawget(Node, key)
end
function Node.__tostring(self) return '<' .. self.name .. ' backward>' end

return Node
