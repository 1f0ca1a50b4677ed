--- Switches of the whole process that PyTorch's scripts set: the default device, deterministic algorithms, tiny numbers, warnings.
-- @module tocha.switches

local library = require 'tocha.library'
local args = require 'tocha.args'
local is_tensor = require('tocha.arguments').is_tensor
local C, ffi = library.C, require 'ffi'

local switches = {}

---------------------------------------------------------------- where tensors are made
local function code_of(device, who)
  if type(device) ~= 'string' then args.fail("%s: device: got %s, takes 'cpu', 'cuda' or 'cuda:0'", who, args.show(device)) end
  if device:sub(1, 4) == 'cuda' then require('tocha.cuda').is_available() end -- opens the library
  C.tc_clear_error()
  local code = C.tc_device_from_name(device)
  if code < 0 then require('tocha.errors').pending_as(who) end
  return code
end

--- Tensors that are made without naming a device (zeros, rand, tensor, arange, ... and layers) are made there from now on.
-- @param device 'cpu', 'cuda' or 'cuda:1'; nil for 'cpu'
function switches.set_default_device(device) C.tc_set_default_device(code_of(device == nil and 'cpu' or device, 'set_default_device')) end
function switches.get_default_device() return ffi.string(C.tc_device_name(C.tc_get_default_device())) end

local of_type = {FloatTensor = 'float32', DoubleTensor = 'float64', HalfTensor = 'float16', BFloat16Tensor = 'bfloat16'}

--- Torch7's way to say both: 'tocha.DoubleTensor', 'torch.cuda.FloatTensor' (Float, Double, Half, BFloat16); or a floating dtype.
function switches.set_default_tensor_type(t)
  local name = type(t) == 'string' and t:match('%.?(%a+%d*Tensor)$')
  if name and not of_type[name] then args.fail('set_default_tensor_type: got %s, takes a type of floating numbers, as tocha.FloatTensor', t) end
  require('tocha').set_default_dtype(name and of_type[name] or t)
  if name then switches.set_default_device(t:find('cuda', 1, true) and 'cuda' or 'cpu') end
end

---------------------------------------------------------------- how operators compute
--- Numbers below the normal range (1e-38 in float32) count as 0 in every kernel: faster on some processors. Gives whether the processor can.
function switches.set_flush_denormal(on)
  if type(on) ~= 'boolean' then args.fail('set_flush_denormal: mode: got %s, takes true or false', args.show(on)) end
  return C.tc_set_flush_denormal(on)
end

-- Every operator gives the same bits each time (docs/design.md), so these change nothing: they keep what scripts have said.
local deterministic = 0
local read_deterministic = args.spec('use_deterministic_algorithms', 'mode:bool', '*', 'warn_only:bool=false')
local modes = {default = 0, warn = 1, error = 2}

--- Asks for algorithms that give the same bits each time. All do, so nothing is slower and nothing is refused.
-- @tparam boolean mode
-- @tparam[opt=false] boolean warn_only by name
function switches.use_deterministic_algorithms(...)
  local mode, warn_only = read_deterministic(...)
  deterministic = mode and (warn_only and 1 or 2) or 0
end
function switches.are_deterministic_algorithms_enabled() return deterministic > 0 end
function switches.is_deterministic_algorithms_warn_only_enabled() return deterministic == 1 end

--- The same as a level: 'default' or 0, 'warn' or 1, 'error' or 2.
function switches.set_deterministic_debug_mode(mode)
  local level = modes[mode] or mode
  if level ~= 0 and level ~= 1 and level ~= 2 then
    args.fail("set_deterministic_debug_mode: got %s, takes 'default', 'warn', 'error' or 0 to 2", args.show(mode))
  end
  deterministic = level
end
function switches.get_deterministic_debug_mode() return deterministic end

local warn_always = false
--- Whether warnings come each time. The library does not warn: what is wrong is an error.
function switches.set_warn_always(on)
  if type(on) ~= 'boolean' then args.fail('set_warn_always: got %s, takes true or false', args.show(on)) end
  warn_always = on
end
function switches.is_warn_always_enabled() return warn_always end

--- Operators run one after another, each on all threads (`set_num_threads`): there is one between them.
function switches.get_num_interop_threads() return 1 end
--- Takes a positive number as PyTorch does; operators still run one after another.
function switches.set_num_interop_threads(n)
  if type(n) ~= 'number' or n < 1 or n % 1 ~= 0 then args.fail('set_num_interop_threads: got %s, takes a positive number', args.show(n)) end
end

function switches.is_inference_mode_enabled() return C.tc_inference_enabled() end

---------------------------------------------------------------- conditions
local function truth(v, who)
  if type(v) == 'boolean' then return v end
  if not is_tensor(v) or v:numel() ~= 1 then args.fail('%s: got %s, takes true, false or a tensor of one element', who, args.show(v)) end
  local item = v:item()
  return item ~= false and item ~= 0
end

--- An error with the message unless the condition (true, false, a tensor of one element) holds.
function switches._assert(condition, message)
  if not truth(condition, '_assert: condition') then args.fail('%s', tostring(message or 'assertion failed')) end
end

--- cond(pred, true_fn, false_fn, operands): what true_fn(operands...) gives if pred holds, else what false_fn(operands...) gives; differentiable.
-- @param pred true, false or a tensor of one element
-- @tparam function true_fn
-- @tparam function false_fn
-- @tparam[opt] table operands the arguments of either
function switches.cond(pred, true_fn, false_fn, operands)
  for name, f in pairs{true_fn = true_fn or false, false_fn = false_fn or false} do
    local meta = getmetatable(f)
    if type(f) ~= 'function' and not (type(meta) == 'table' and meta.__call) then args.fail('cond: %s: got %s, takes a function', name, args.show(f)) end
  end
  if is_tensor(operands) then operands = {operands} end
  if operands ~= nil and type(operands) ~= 'table' then args.fail('cond: operands: got %s, takes a list', args.show(operands)) end
  local list = operands or {}
  return (truth(pred, 'cond: pred') and true_fn or false_fn)(unpack(list, 1, list.n or #list))
end

return switches
