--- Hooks of every module: they run before a module's own. Each gives a handle with `:remove()`.
-- @module tocha.nn.global_hooks

local hooks = require 'tocha.nn.module_hooks'

local M = {}

local function define(name, kind) M[name] = function(hook) return hooks.register_everywhere(kind, hook, name) end end

--- `hook(module, inputs)` before forward of any module; it may return the new inputs.
define('register_module_forward_pre_hook', 'forward_pre')
--- `hook(module, inputs, output)` after forward of any module; it may return the new output.
define('register_module_forward_hook', 'forward')
--- `hook(module, grad_input, grad_output)` in backward of any module.
define('register_module_full_backward_hook', 'backward')
--- `hook(module, grad_output)` before backward of any module.
define('register_module_full_backward_pre_hook', 'backward_pre')

-- of PyTorch's older scripts, where such a hook saw the gradients of the last operator alone
M.register_module_backward_hook = M.register_module_full_backward_hook

--- `hook(module, name, parameter)` when any module registers a parameter; it may return another parameter.
define('register_module_parameter_registration_hook', 'parameter')
--- `hook(module, name, buffer)` when any module registers a buffer; it may return another tensor.
define('register_module_buffer_registration_hook', 'buffer')
--- `hook(module, name, submodule)` when any module registers a submodule; it may return another module.
define('register_module_module_registration_hook', 'module')

return M
