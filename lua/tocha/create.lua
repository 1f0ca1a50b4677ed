--- Tensors from Lua values: tocha.tensor, as_tensor, arange, dtypes and defaults.
-- @module tocha.create

local ffi = require 'ffi'
local handle = require 'tocha.handle'
local errors = require 'tocha.errors'
local dtype = require 'tocha.dtype'
local arguments = require 'tocha.arguments'
local binding = require 'tocha.binding'
local library = require 'tocha.library'
local C = library.C
local is_tensor = arguments.is_tensor
local NONE = binding.NONE

local create = {}

local function adopt(t, who)
  if t == nil then
    if who then binding.recover(1, true) end
    errors.pending()
  end
  local o = handle.new()
  C.tc_handle_set(o, t)
  C.tc_scope_end(0)
  return o
end

---------------------------------------------------------------- nested tables
-- the sizes of a nested table, and whether its leaves are numbers, booleans, tensors
local function shape_of(data, who)
  local sizes, level = {}, data
  while type(level) == 'table' do
    sizes[#sizes + 1] = #level
    if #sizes > 64 then errors.raise('%s: tables are nested deeper than 64', who) end
    level = level[1]
    if level == nil then break end
  end
  return sizes, level
end

local function check_length(t, sizes, depth, who)
  if type(t) ~= 'table' then
    errors.raise('%s: expected a table of %d at depth %d, got %s', who, sizes[depth], depth, errors.describe(t))
  end
  if #t ~= sizes[depth] then
    errors.raise('%s: a table at depth %d has %d entries, its neighbours have %d', who, depth, #t, sizes[depth])
  end
end

local function number_of(v, who)
  local kind = type(v)
  if kind == 'number' then return v end
  if kind == 'boolean' then return v and 1 or 0 end
  if kind == 'cdata' then
    if is_tensor(v) then
      if v:numel() ~= 1 or v:is_complex() then
        errors.raise('%s: got a tensor [%s] of %s among the data, takes real tensors of one element there', who, table.concat(v:size(), ' x '),
          v.dtype.name)
      end
      local item = v:item()
      return type(item) == 'boolean' and (item and 1 or 0) or item
    end
    if tonumber(v) then return v end
  end
  return errors.raise('%s: got %s among the data, takes numbers or booleans', who, errors.describe(v))
end

local function fill(data, sizes, depth, put, who)
  check_length(data, sizes, depth, who)
  if depth == #sizes then
    for i = 1, sizes[depth] do
      if type(data[i]) == 'table' then errors.raise('%s: tables are nested unevenly', who) end
      put(number_of(data[i], who))
    end
    return
  end
  for i = 1, sizes[depth] do fill(data[i], sizes, depth + 1, put, who) end
end

local function dtype_for(leaf)
  if type(leaf) == 'boolean' then return dtype.by_name.bool.code end
  if is_tensor(leaf) then return C.tc_dtype_of(leaf._t) end
  if type(leaf) == 'cdata' then return dtype.by_name.int64.code end
  return C.tc_default_dtype()
end

local function from_table(data, code, who)
  local sizes, leaf = shape_of(data, who)
  local count = 1
  for i = 1, #sizes do count = count * sizes[i] end
  if code == NONE then code = dtype_for(leaf) end
  local size = ffi.new('int64_t[?]', math.max(#sizes, 1), sizes)
  local at = 0
  if code == dtype.by_name.int64.code then
    local buffer = ffi.new('int64_t[?]', math.max(count, 1))
    local function put(v)
      buffer[at] = v
      at = at + 1
    end
    if #sizes == 0 then put(number_of(data, who)) elseif count > 0 then fill(data, sizes, 1, put, who) end
    return adopt(C.tc_from_bytes(buffer, count * 8, size, #sizes, code), who)
  end
  local buffer = ffi.new('double[?]', math.max(count, 1))
  local function put(v)
    buffer[at] = tonumber(v)
    at = at + 1
  end
  if #sizes == 0 then put(number_of(data, who)) elseif count > 0 then fill(data, sizes, 1, put, who) end
  return adopt(C.tc_from_doubles(buffer, count, size, #sizes, code, NONE, false), who)
end

-- a table of tensors, or nested ones, is stacked
local function holds_tensors(data)
  local depth = 0 -- a table may hold itself
  while type(data) == 'table' and depth <= 64 do data, depth = data[1], depth + 1 end
  return is_tensor(data) and data:dim() > 0
end
local function stacked(data, depth)
  if is_tensor(data) then return data end
  if type(data) ~= 'table' then errors.raise('tensor: got %s beside tensors, takes tables of tensors', errors.describe(data)) end
  if depth > 64 then errors.raise('tensor: tables are nested deeper than 64') end
  local list = {}
  for i = 1, #data do list[i] = stacked(data[i], depth + 1) end
  return binding.get('stack')(list)
end

local known = {dtype = true, device = true, requires_grad = true, pin_memory = true}
local function options_of(options, who)
  if options == nil then return {} end
  if not arguments.is_options(options) then errors.raise('%s: got %s, takes a table of options', who, errors.describe(options)) end
  for key in pairs(options) do
    if not known[key] then errors.raise("%s: unknown option '%s': takes dtype, device, requires_grad", who, tostring(key)) end
  end
  return options
end

-- device: where data from Lua goes unless one is named
local function finish(x, options, device)
  device = options.device or device
  if device then x = x:to(device) end
  if options.requires_grad then x:requires_grad_() end
  return x
end

local function default_device() return ffi.string(C.tc_device_name(C.tc_get_default_device())) end

--- A tensor from a number, a boolean, a table nested evenly, or a copy of another tensor.
-- @param data the values; Lua numbers give the default dtype, booleans bool
-- @param options dtype, device, requires_grad
function create.tensor(data, options)
  options = options_of(options, 'tensor')
  local code = options.dtype and dtype.code(options.dtype, 'tensor') or NONE
  if is_tensor(data) then return finish(data:detach():to({dtype = options.dtype, copy = true}), options) end
  if type(data) == 'table' and holds_tensors(data) then
    local x = stacked(data, 1):detach()
    return finish(options.dtype and x:to(options.dtype) or x, options)
  end
  if data == nil then errors.raise('tensor: data is missing: takes a number, a boolean, a table or a tensor') end
  return finish(from_table(data, code, 'tensor'), options, C.tc_get_default_device() ~= 0 and default_device() or nil)
end
function create.as_tensor(data, options)
  if is_tensor(data) then
    options = options_of(options, 'as_tensor')
    if options.dtype then data = data:to(options.dtype) end
    return options.device and data:to(options.device) or data
  end
  return create.tensor(data, options)
end
function create.scalar_tensor(value, options) return create.tensor(value, options) end
--- A tensor of x's dtype and device from Lua values.
function create.new_tensor(x, data, options)
  options = options_of(options, 'new_tensor')
  return create.tensor(data, {dtype = options.dtype or x.dtype, device = options.device or x.device, requires_grad = options.requires_grad})
end

--- arange(end), arange(start, end, step): half-open; int64 if all are whole numbers.
function create.arange(...)
  local n, args = select('#', ...), {...}
  local options = {}
  if n > 0 and arguments.is_options(args[n]) then
    for key, v in pairs(args[n]) do
      if not known[key] and key ~= 'start' and key ~= 'end' and key ~= 'step' then
        errors.raise("arange: unknown option '%s': takes start, end, step, dtype, device, requires_grad", tostring(key))
      end
      options[key] = v
    end
    args[n] = nil
    n = n - 1
  end
  local start, stop, step = args[1], args[2], args[3]
  if n == 1 then start, stop = 0, args[1] end
  start, stop, step = options.start or start or 0, options['end'] or stop, options.step or step or 1
  for name, v in pairs{start = start, ['end'] = stop or false, step = step} do
    if type(v) ~= 'number' then errors.raise('arange: %s: got %s, takes a number', name, errors.describe(v or nil)) end
  end
  local code = options.dtype and dtype.code(options.dtype, 'arange') or NONE
  C.tc_clear_error()
  local t = C.tc_arange(start, stop, step, code, NONE, false)
  if t == nil then errors.raise('arange: %s', ffi.string(C.tc_error_text()):gsub('^.-: ', '')) end
  return finish(adopt(t), {device = options.device, requires_grad = options.requires_grad})
end

---------------------------------------------------------------- defaults, promotion, limits
function create.get_default_dtype() return dtype.by_code[C.tc_default_dtype()] end
function create.set_default_dtype(d)
  C.tc_set_default_dtype(dtype.code(d, 'set_default_dtype'))
  if ffi.string(C.tc_error_text()) ~= '' then errors.pending() end
end
function create.promote_types(a, b)
  return dtype.by_code[C.tc_promote_types(dtype.code(a, 'promote_types'), dtype.code(b, 'promote_types'))]
end
function create.can_cast(a, b) return C.tc_can_cast(dtype.code(a, 'can_cast'), dtype.code(b, 'can_cast')) end
--- The dtype in which a and b (tensors or numbers) meet.
function create.result_type(a, b)
  local zero = binding.get('add')(is_tensor(a) and binding.get('empty_like')(a) or a, is_tensor(b) and binding.get('empty_like')(b) or b)
  return is_tensor(zero) and zero.dtype or dtype.by_name.float32
end

local integers = {int8 = {-128, 127}, uint8 = {0, 255}, int16 = {-32768, 32767}, int32 = {-2147483648, 2147483647},
  int64 = {-9223372036854775807LL - 1LL, 9223372036854775807LL}, bool = {0, 1}}
local floats = {float64 = {64, 2.2204460492503131e-16, 1.7976931348623157e308, 2.2250738585072014e-308, 15},
  float32 = {32, 1.1920928955078125e-07, 3.4028234663852886e38, 1.1754943508222875e-38, 6},
  float16 = {16, 0.0009765625, 65504, 6.103515625e-05, 3}, bfloat16 = {16, 0.0078125, 3.3895313892515355e38, 1.1754943508222875e-38, 2}}
--- The limits of a floating dtype: bits, eps, max, min, tiny, smallest_normal, resolution.
function create.finfo(d)
  local name = d and dtype.by_code[dtype.code(d, 'finfo')].name or create.get_default_dtype().name
  local f = floats[({complex64 = 'float32', complex128 = 'float64'})[name] or name]
  if not f then errors.raise('finfo: got %s, takes a floating dtype', name) end
  return {bits = f[1], eps = f[2], max = f[3], min = -f[3], tiny = f[4], smallest_normal = f[4], resolution = 10 ^ -f[5], dtype = name}
end
--- The limits of an integer dtype: bits, max, min.
function create.iinfo(d)
  local info = dtype.by_code[dtype.code(d, 'iinfo')]
  local i = integers[info.name]
  if not i or info.is_bool then errors.raise('iinfo: got %s, takes an integer dtype', info.name) end
  return {bits = 8 * info.itemsize, min = i[1], max = i[2], dtype = info.name}
end

require('tocha.outs').all(create, 'arange')

return create
