--- Small helpers of PyTorch's nn.utils: modules without first values, older names, memory formats.
-- @module tocha.nn.utils.layout

local args = require 'tocha.args'
local class = require 'tocha.class'

local M = {}

--- A module without drawing first values: `skip_init(nn.Linear, 20, 30)`. Its parameters are not defined until they are loaded.
-- @param module_class a class of modules
-- @param ... the arguments of its constructor
-- @raise for what is no class of modules
-- @usage
-- nn.utils.skip_init(nn.Linear, 20, 30).weight.shape  --> {30, 20}
function M.skip_init(module_class, ...)
  local Module = require 'tocha.nn.module'
  if not class.is_class(module_class) or not class.issubclass(module_class, Module) then
    args.fail('skip_init: module_cls: got %s, takes a class of modules', args.show(module_class))
  end
  local own, had = rawget(module_class, 'reset_parameters'), module_class.reset_parameters
  if had then rawset(module_class, 'reset_parameters', function() end) end
  local results = {pcall(module_class, ...)}
  if had then rawset(module_class, 'reset_parameters', own) end
  if not results[1] then error(results[2], 0) end
  return results[2]
end

--- The older name of clip_grad_norm_.
-- @usage
-- local p = tocha.zeros(2):requires_grad_()
-- p.grad = tocha.tensor{3, 4}
-- nn.utils.clip_grad_norm({p}, 10)  --> 5
function M.clip_grad_norm(...) return require('tocha.nn.utils.clip_grad').clip_grad_norm_(...) end

--- The module as it is: kernels choose the layout they compute in themselves.
-- @type convert_conv2d_weight_memory_format convert_conv3d_weight_memory_format
-- @param module an nn.Module
-- @param memory_format 'channels_last' or another; nothing changes
-- @usage
-- local net = nn.Conv2d(1, 1, 1)
-- nn.utils.convert_conv2d_weight_memory_format(net, 'channels_last') == net  --> true
-- nn.utils.convert_conv3d_weight_memory_format(net, 'channels_last_3d') == net  --> true
local function unchanged(name)
  M[name] = function(module, memory_format)
    if type(memory_format) ~= 'string' and memory_format ~= nil then
      args.fail('%s: memory_format: got %s, takes a name', name, args.show(memory_format))
    end
    return module
  end
end
--- The module as it is: kernels choose the layout they compute in themselves.
unchanged('convert_conv2d_weight_memory_format')
unchanged('convert_conv3d_weight_memory_format')

return M
