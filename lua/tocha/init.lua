--- Tocha: tensors, automatic differentiation and neural networks for LuaJIT.
-- Everything here loads on first use; `require 'tocha'` itself takes a few milliseconds.
-- @module tocha

local ffi = require 'ffi'
local library = require 'tocha.library'
local errors = require 'tocha.errors'
local handle = require 'tocha.handle'
local binding = require 'tocha.binding'
local tensor = require 'tocha.tensor'
local dtype = require 'tocha.dtype'
local C = library.C

local tocha = {version = ffi.string(C.tc_version_text()), is_tensor = tensor.is_tensor, inf = math.huge, pi = math.pi, nan = 0 / 0}

for name, d in pairs(dtype.by_name) do tocha[name] = d end

-- what is in files of its own: name -> module, and the field of it that is meant
local lazy = {
  nn = 'tocha.nn', optim = 'tocha.optim', autograd = 'tocha.autograd', utils = 'tocha.utils', data = 'tocha.utils.data',
  class = 'tocha.class', func = 'tocha.func', signal = 'tocha.signal',
  profiler = 'tocha.profiler', debug = 'tocha.debug', graph = 'tocha.graph', infer = 'tocha.infer',
  distributions = 'tocha.distributions', linalg = 'tocha.linalg', cuda = 'tocha.cuda',
  quasirandom = 'tocha.quasirandom', amp = 'tocha.amp', backends = 'tocha.backends', memory = 'tocha.memory', random = 'tocha.random',
}
local fields = {
  ['tocha.create'] = 'tensor as_tensor scalar_tensor arange get_default_dtype set_default_dtype promote_types can_cast ' ..
    'result_type finfo iinfo',
  ['tocha.compile'] = 'compile',
  ['tocha.amp'] = 'autocast is_autocast_enabled get_autocast_dtype',
  ['tocha.backends'] = 'set_float32_matmul_precision get_float32_matmul_precision',
  ['tocha.switches'] = 'set_default_device get_default_device set_default_tensor_type set_flush_denormal use_deterministic_algorithms ' ..
    'are_deterministic_algorithms_enabled is_deterministic_algorithms_warn_only_enabled set_deterministic_debug_mode ' ..
    'get_deterministic_debug_mode set_warn_always is_warn_always_enabled get_num_interop_threads set_num_interop_threads ' ..
    'is_inference_mode_enabled _assert cond',
  ['tocha.storage'] = 'is_storage from_file frombuffer contiguous_format preserve_format channels_last channels_last_3d',
  ['tocha.gradmode'] = 'no_grad enable_grad inference_mode set_grad_enabled is_grad_enabled',
  ['tocha.lists'] = 'split split_with_sizes chunk tensor_split unbind hsplit vsplit dsplit broadcast_tensors ' ..
    'broadcast_shapes broadcast_to ' ..
    'atleast_1d atleast_2d atleast_3d meshgrid cartesian_prod combinations block_diag',
  ['tocha.choose'] = 'max min median nanmedian where var std var_mean std_mean equal allclose is_floating_point ' ..
    'is_complex is_signed is_nonzero norm dist is_same_size',
  ['tocha.places'] = 'nonzero nonzero_static unravel_index',
  ['tocha.io'] = 'save load',
  ['tocha.numeric'] = 'gradient',
  ['tocha.spectral'] = 'stft istft',
  ['tocha.products'] = 'chain_matmul',
  ['tocha.matrices'] = 'det logdet slogdet inverse cholesky cholesky_solve cholesky_inverse qr svd pinverse matrix_power matrix_exp lu lu_solve ' ..
    'lu_unpack triangular_solve orgqr cross vander svd_lowrank pca_lowrank',
  ['tocha.odds'] = 'narrow_copy frexp histogram histogramdd asarray empty_strided',
  ['tocha.lobpcg'] = 'lobpcg',
  ['tocha.func'] = 'vmap',
  ['tocha.einsum'] = 'einsum tensordot',
  ['tocha.print'] = 'set_printoptions get_printoptions',
  ['tocha.memory'] = 'memory_stats memory_summary reset_peak_memory_stats empty_cache scope live_tensors',
  ['tocha.indexing'] = 'ellipsis newaxis',
  ['tocha.random'] = 'manual_seed seed initial_seed get_rng_state set_rng_state Generator default_generator randint',
}
local home = {}
for module, names in pairs(fields) do
  for name in names:gmatch('%S+') do home[name] = module end
end

local function find_module(name)
  local ok, loader = pcall(require, name)
  if ok then return loader end
  if not tostring(loader):find("module '" .. name .. "' not found", 1, true) then error(loader, 0) end
end

local function resolve(name)
  if home[name] then
    local module = find_module(home[name])
    if module and module[name] ~= nil then return module[name] end
  end
  if lazy[name] then
    local module = find_module(lazy[name])
    if module then return module end
  end
  local f = binding.get(name)
  if f then return f end
  if #binding.names('space', name) > 0 then return require('tocha.space')(name) end
end

setmetatable(tocha, {__index = function(self, name)
  local value = type(name) == 'string' and resolve(name)
  if value ~= nil and value ~= false then rawset(self, name, value) else value = nil end
  return value
end, __names = function() -- what could be loaded: for completion
  local names = binding.names()
  for _, list in ipairs{lazy, home} do
    for name in pairs(list) do names[#names + 1] = name end
  end
  return names
end})

-- methods written in Lua that take part in the metatable like the operators of the C side
local method_homes = {
  ['tocha.storage'] = 'storage untyped_storage storage_type const_data_ptr set_ module_load dim_order is_shared share_memory_ is_inference',
  ['tocha.lists'] = 'split split_with_sizes chunk tensor_split unbind hsplit vsplit dsplit broadcast_to',
  ['tocha.choose'] = 'max min median nanmedian var std var_mean std_mean equal allclose is_nonzero norm ' ..
    'apply_ expand_as view_as reshape_as is_same_size dist',
  ['tocha.create'] = 'new_tensor',
  ['tocha.spectral'] = 'stft istft',
  ['tocha.places'] = 'nonzero nonzero_static',
  ['tocha.matrices'] = 'det logdet slogdet inverse cholesky cholesky_solve cholesky_inverse qr svd pinverse matrix_power matrix_exp lu lu_solve ' ..
    'triangular_solve orgqr cross',
  ['tocha.odds'] = 'narrow_copy frexp histogram get_device resize_as_ map_ float_power_ polygamma_',
}
local method_home = {}
for module, names in pairs(method_homes) do
  for name in names:gmatch('%S+') do method_home[name] = module end
end
local of_binding = getmetatable(tensor.methods).__index
setmetatable(tensor.methods, {__index = function(self, name)
  local module = method_home[name] and find_module(method_home[name])
  local f = module and module[name] or name == 'where' and require('tocha.choose').where_method or of_binding(self, name)
  if f then rawset(self, name, f) end
  return f
end, __names = function()
  local names = {'where'}
  for name in pairs(method_home) do names[#names + 1] = name end
  return names
end})

-- `luajit -ltocha`: who asks for the library on the command line wants its name there
for i, word in pairs(type(arg) == 'table' and arg or {}) do
  if type(i) == 'number' and i < 0 and (word == '-ltocha' or word == '-l' and arg[i + 1] == 'tocha') then rawset(_G, 'tocha', tocha) end
end

tocha.errors, tocha.handles_hooked = errors, handle.hooked
return tocha
