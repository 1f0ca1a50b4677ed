--- Parameters as one vector, and back.
-- @module tocha.nn.utils.convert

local tocha = require 'tocha'
local args = require 'tocha.args'

local convert = {}

local function list_of(parameters, who)
  local out = {}
  if type(parameters) == 'table' and not parameters.forward then
    for i, p in ipairs(parameters) do
      if not tocha.is_tensor(p) then args.fail('%s: parameters: entry %d: got %s, takes a tensor', who, i, args.show(p)) end
    end
    return parameters
  end
  if type(parameters) ~= 'function' then
    args.fail('%s: parameters: got %s, takes a list of tensors, or net:parameters()', who, args.show(parameters))
  end
  for p in parameters do out[#out + 1] = p end
  return out
end

--- All parameters in one vector, in order; gradients flow back.
-- @param parameters a list, or `net:parameters()`
-- @usage
-- nn.utils.parameters_to_vector{tocha.ones(2), tocha.zeros(1, 2)}  --> {1, 1, 0, 0}
function convert.parameters_to_vector(parameters)
  local out = {}
  for i, p in ipairs(list_of(parameters, 'parameters_to_vector')) do out[i] = p:reshape(-1) end
  return tocha.cat(out, 1)
end

--- Writes a vector into the parameters, in order.
-- @param vector a tensor of as many elements as all parameters have
-- @param parameters a list, or `net:parameters()`
-- @raise if the vector has another number of elements
-- @usage
-- local a, b = tocha.zeros(2), tocha.zeros(1, 2)
-- nn.utils.vector_to_parameters(tocha.tensor{1, 2, 3, 4}, {a, b})
-- b  --> {{3, 4}}
function convert.vector_to_parameters(vector, parameters)
  local list, total, first = list_of(parameters, 'vector_to_parameters'), 0, 1
  for _, p in ipairs(list) do total = total + p:numel() end
  if not tocha.is_tensor(vector) or vector:dim() ~= 1 or vector:numel() ~= total then
    args.fail('vector_to_parameters: vector: got %s, takes [%d]', args.show(vector), total)
  end
  for _, p in ipairs(list) do
    p:detach():copy_(vector:detach():narrow(1, first, p:numel()):view_as(p))
    first = first + p:numel()
  end
end

return convert
