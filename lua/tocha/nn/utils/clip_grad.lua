--- Limits on gradients: by their common norm or by value.
-- @module tocha.nn.utils.clip_grad

local tocha = require 'tocha'
local args = require 'tocha.args'

local clip = {}

-- Gradients of one tensor, a list, or an iterator such as `net:parameters()`.
local function gradients(parameters, who)
  local out = {}
  local function add(p)
    if not tocha.is_tensor(p) then args.fail('%s: parameters: got %s, takes tensors', who, args.show(p)) end
    local g = p.grad
    if g ~= nil then out[#out + 1] = g:detach() end
  end
  if tocha.is_tensor(parameters) then add(parameters)
  elseif type(parameters) == 'function' then for p in parameters do add(p) end
  elseif type(parameters) ~= 'table' then args.fail('%s: parameters: got %s, takes a tensor, a list, or net:parameters()', who, args.show(parameters))
  else for i = 1, #parameters do add(parameters[i]) end end
  return out
end

local read_total = args.spec('get_total_norm', 'tensors', 'norm_type:num=2', 'error_if_nonfinite:bool=false',
  'foreach:bool=nil')

--- The norm of all tensors as if they were one vector.
-- @param tensors a tensor or a list
-- @tparam[opt=2] number norm_type which norm; math.huge is the largest absolute value
-- @tparam[opt=false] bool error_if_nonfinite whether a norm that is not finite is an error
-- @return a 0-dim tensor
-- @usage
-- nn.utils.get_total_norm{tocha.tensor{3, 0}, tocha.tensor{4}}  --> 5
function clip.get_total_norm(...)
  local tensors, norm_type, strict = read_total(...)
  if tocha.is_tensor(tensors) then tensors = {tensors} end
  if type(tensors) ~= 'table' then args.fail('get_total_norm: tensors: got %s, takes a tensor or a list', args.show(tensors)) end
  for i = 1, #tensors do
    if not tocha.is_tensor(tensors[i]) then
      args.fail('get_total_norm: tensors: entry %d: got %s, takes a tensor', i, args.show(tensors[i]))
    end
  end
  if #tensors == 0 then return tocha.tensor(0) end
  local norms = {}
  for i = 1, #tensors do norms[i] = tocha.linalg.vector_norm(tensors[i]:detach(), norm_type) end
  local total = #norms == 1 and norms[1] or tocha.linalg.vector_norm(tocha.stack(norms), norm_type)
  if strict then
    local value = total:item()
    if value ~= value or math.abs(value) == math.huge then
      args.fail('get_total_norm: the norm of the gradients is %s', tostring(value))
    end
  end
  return total
end

local function scale(grads, max_norm, total)
  local factor = (max_norm / (total + 1e-6)):clamp({max = 1})
  for i = 1, #grads do grads[i]:mul_(factor) end
end

local read_with = args.spec('clip_grads_with_norm_', 'parameters', 'max_norm:num', 'total_norm:tensor',
  'foreach:bool=nil')

--- Scales the gradients of `parameters` down by a norm that is known.
-- @param max_norm the largest norm
-- @param total_norm the norm that is known
-- @usage
-- local p = tocha.zeros(2):requires_grad_()
-- p.grad = tocha.tensor{3, 4}
-- nn.utils.clip_grads_with_norm_({p}, 1, tocha.tensor(5))
-- p.grad  --> {0.6, 0.8}
function clip.clip_grads_with_norm_(...)
  local parameters, max_norm, total = read_with(...)
  scale(gradients(parameters, 'clip_grads_with_norm_'), max_norm, total)
end

local read_norm = args.spec('clip_grad_norm_', 'parameters', 'max_norm:num', 'norm_type:num=2',
  'error_if_nonfinite:bool=false',
  'foreach:bool=nil')

--- Scales all gradients down, together, to a norm of at most `max_norm`.
-- @param parameters a tensor, a list, or `net:parameters()`
-- @tparam number max_norm the largest norm
-- @tparam[opt=2] number norm_type
-- @tparam[opt=false] bool error_if_nonfinite whether a norm that is not finite is an error
-- @return the norm before, a 0-dim tensor
-- @usage
-- local p = tocha.zeros(2):requires_grad_()
-- p.grad = tocha.tensor{3, 4}
-- nn.utils.clip_grad_norm_({p}, 1)  --> 5
-- p.grad  --> {0.6, 0.8}
function clip.clip_grad_norm_(...)
  local parameters, max_norm, norm_type, strict = read_norm(...)
  local grads = gradients(parameters, 'clip_grad_norm_')
  local total = clip.get_total_norm(grads, norm_type, strict)
  scale(grads, max_norm, total)
  return total
end

local read_value = args.spec('clip_grad_value_', 'parameters', 'clip_value:num', 'foreach:bool=nil')

--- Limits every gradient to [-clip_value, clip_value].
-- @param clip_value the limit
-- @usage
-- local p = tocha.zeros(2):requires_grad_()
-- p.grad = tocha.tensor{-3, 0.5}
-- nn.utils.clip_grad_value_({p}, 1)
-- p.grad  --> {-1, 0.5}
function clip.clip_grad_value_(...)
  local parameters, value = read_value(...)
  for _, g in ipairs(gradients(parameters, 'clip_grad_value_')) do g:clamp_(-value, value) end
end

return clip
