--- The tensor as Lua sees it: its metatable, fields, and the methods that are not operators of the C side.
-- @module tocha.tensor

local ffi = require 'ffi'
local handle = require 'tocha.handle'
local binding = require 'tocha.binding'
local errors = require 'tocha.errors'
local dtype = require 'tocha.dtype'
local arguments = require 'tocha.arguments'
local library = require 'tocha.library'

local C = library.C
local wrap = handle.wrap
local NONE = binding.NONE
local is_tensor = arguments.is_tensor

local tensor = {is_tensor = is_tensor}

local function alive(x, who)
  if x._t == nil or not C.tc_handle_alive(x) then errors.raise('%s: the tensor was released', who) end
  return x._t
end

---------------------------------------------------------------- numbers out
local kind_of = {} -- by dtype code: how an element becomes a Lua value
for code, d in pairs(dtype.by_code) do
  kind_of[code] = d.is_bool and 'bool' or d.name == 'int64' and 'int64' or d.is_complex and 'complex' or 'number'
end

local function int64_value(v) -- a Lua number where it is exact
  local n = tonumber(v)
  if n > -9007199254740992 and n < 9007199254740992 then return n end
  return v
end

-- a reader: position in row-major order -> Lua value
local function element_reader(x)
  local t = alive(x, 'totable')
  local count, kind = tonumber(C.tc_numel(t)), kind_of[C.tc_dtype_of(t)]
  local mark = C.tc_scope_begin()
  local buffer, good
  if kind == 'int64' then
    buffer = ffi.new('int64_t[?]', math.max(count, 1))
    good = C.tc_read_int64s(t, buffer)
  elseif kind == 'complex' then
    buffer = ffi.new('double[?]', math.max(2 * count, 1))
    good = C.tc_read_pairs(t, buffer)
  else
    buffer = ffi.new('double[?]', math.max(count, 1))
    good = C.tc_read_doubles(t, buffer)
  end
  C.tc_scope_end(mark)
  if not good then errors.pending() end
  if kind == 'bool' then return function(i) return buffer[i] ~= 0 end end
  if kind == 'int64' then return function(i) return int64_value(buffer[i]) end end
  if kind == 'complex' then return function(i) return {buffer[2 * i], buffer[2 * i + 1]} end end
  return function(i) return buffer[i] end
end

local one_double, one_int64 = ffi.new 'double[1]', ffi.new 'int64_t[1]' -- so that `item` makes no garbage and compiles

--- The single element as a Lua value: number, boolean, int64_t if a double cannot hold it, {re, im} if complex.
function tensor.item(x)
  if not is_tensor(x) then errors.raise('item: got %s, takes a tensor', errors.describe(x)) end
  local t = alive(x, 'item')
  local n, kind = tonumber(C.tc_numel(t)), kind_of[C.tc_dtype_of(t)]
  if n ~= 1 then errors.raise('item: takes a tensor of one element, got %d', n) end
  if kind == 'complex' then return element_reader(x)(0) end
  local mark = C.tc_scope_begin()
  local good
  if kind == 'int64' then good = C.tc_read_int64s(t, one_int64) else good = C.tc_read_doubles(t, one_double) end
  C.tc_scope_end(mark)
  if not good then errors.pending() end
  if kind == 'int64' then return int64_value(one_int64[0]) end
  if kind == 'bool' then return one_double[0] ~= 0 end
  return one_double[0]
end

--- Nested tables of Lua values; a 0-dim tensor gives the value itself.
function tensor.totable(x)
  local read, at = element_reader(x), -1
  local t = x._t
  local ndim, sizes = tonumber(C.tc_ndim(t)), C.tc_sizes_of(t)
  local function level(d)
    if d == ndim then
      at = at + 1
      return read(at)
    end
    local list = {}
    for i = 1, tonumber(sizes[d]) do list[i] = level(d + 1) end
    return list
  end
  return level(0)
end
tensor.tolist = tensor.totable

---------------------------------------------------------------- shape
local function int_list(pointer, n)
  local list = {}
  for i = 1, n do list[i] = tonumber(pointer[i - 1]) end
  return list
end

local function one_of(x, pointer, dim, who)
  local n = tonumber(C.tc_ndim(x))
  if type(dim) ~= 'number' or dim % 1 ~= 0 then errors.raise('%s: dim: got %s, takes a dim', who, errors.describe(dim)) end
  local d = dim < 0 and dim + n or dim - 1
  if d < 0 or d >= n then errors.raise('%s: dim %d is outside a tensor of %d dims', who, dim, n) end
  return tonumber(pointer[d])
end

--- The sizes as a list, or that of one dim.
function tensor.size(x, dim)
  local t = alive(x, 'size')
  if dim then return one_of(t, C.tc_sizes_of(t), dim, 'size') end
  return int_list(C.tc_sizes_of(t), tonumber(C.tc_ndim(t)))
end

--- The strides in elements as a list, or that of one dim.
function tensor.stride(x, dim)
  local t = alive(x, 'stride')
  if dim then return one_of(t, C.tc_strides_of(t), dim, 'stride') end
  return int_list(C.tc_strides_of(t), tonumber(C.tc_ndim(t)))
end

--- Runs over the rows: `for row in x:iter() do ... end`.
function tensor.iter(x)
  if tensor.dim(x) == 0 then errors.raise('iter: a 0-dim tensor has no rows') end
  local i, n = 0, tensor.size(x, 1)
  local row = binding.get('select')
  return function()
    i = i + 1
    if i <= n then return row(x, 1, i) end
  end
end

--- The number of dims.
function tensor.dim(x) return tonumber(C.tc_ndim(alive(x, 'dim'))) end
tensor.ndimension = tensor.dim

---------------------------------------------------------------- conversion
local convert_result = function(x, code, device, copy, non_blocking)
  local o = handle.new()
  local mark = C.tc_scope_begin()
  if non_blocking then C.tc_set_non_blocking(true) end
  local t = C.tc_to(alive(x, 'to'), code, device, copy)
  if non_blocking then C.tc_set_non_blocking(false) end
  if t == nil then
    C.tc_scope_end(mark)
    binding.recover(1, true)
  end
  if t == x._t then
    C.tc_scope_end(mark)
    return x
  end
  C.tc_handle_set(o, t)
  C.tc_scope_end(mark)
  return o
end

local function device_code(name)
  if name:sub(1, 4) == 'cuda' then require('tocha.cuda').is_available() end -- opens the library
  C.tc_clear_error()
  local code = C.tc_device_from_name(name)
  if code == NONE then errors.pending_as('to') end
  return code
end

--- Converts to a dtype, a device, or the dtype and device of another tensor: x:to('float64'), x:to('cuda', 'float16'), x:to(y).
-- The tensor itself comes back if nothing changes, unless {copy = true}. {non_blocking = true}: a copy from pinned memory (x:pin_memory()) to a
-- GPU is not waited for.
function tensor.to(x, ...)
  local code, device, copy, non_blocking, format = NONE, NONE, false, false, nil
  for i = 1, select('#', ...) do
    local v = select(i, ...)
    if is_tensor(v) then
      code, device = C.tc_dtype_of(v._t), C.tc_device_of(v._t)
    elseif type(v) == 'string' and not dtype.by_name[v] then
      device = device_code(v)
    elseif type(v) == 'boolean' then
      copy = select('#', ...) > i and copy or v
    elseif arguments.is_options(v) then
      for key in pairs(v) do
        if key ~= 'dtype' and key ~= 'device' and key ~= 'copy' and key ~= 'non_blocking' and key ~= 'memory_format' then
          errors.raise("to: unknown option '%s': takes dtype, device, copy, non_blocking, memory_format", tostring(key))
        end
      end
      if v.dtype then code = dtype.code(v.dtype, 'to') end
      if v.device then device = device_code(v.device) end
      copy, non_blocking, format = v.copy or copy, v.non_blocking or non_blocking, v.memory_format
    elseif v ~= nil then
      code = dtype.code(v, 'to')
    end
  end
  local y = convert_result(x, code, device, copy, non_blocking)
  if format and format ~= 'preserve_format' then return y:contiguous(format) end
  return y
end
--- Is this memory of the host that GPUs copy from by themselves?
function tensor.is_pinned(x) return C.tc_is_pinned(alive(x, 'is_pinned')) end
--- On a GPU: its memory is not reused before the stream has come past the tensor's end.
function tensor.record_stream(x, stream) return require('tocha.cuda.stream').record_stream(x, stream) end
function tensor.cpu(x) return convert_result(x, NONE, 0, false) end
function tensor.cuda(x, index) return convert_result(x, NONE, device_code(index and 'cuda:' .. index or 'cuda'), false) end
function tensor.type_as(x, y) return convert_result(x, C.tc_dtype_of(alive(y, 'type_as')), C.tc_device_of(y._t), false) end
for name, target in pairs{float = 'float32', double = 'float64', half = 'float16', bfloat16 = 'bfloat16', long = 'int64', int = 'int32',
  short = 'int16', char = 'int8', byte = 'uint8', bool = 'bool', cfloat = 'complex64', cdouble = 'complex128'} do
  local code = dtype.by_name[target].code
  tensor[name] = function(x) return convert_result(x, code, NONE, false) end
end
--- The dtype's name as a string, or the tensor converted to one.
function tensor.type(x, to) return to and tensor.to(x, to) or x.dtype.name end

local function asks(field)
  return function(x) return dtype.by_code[C.tc_dtype_of(alive(x, field))][field] end
end
tensor.is_floating_point, tensor.is_complex, tensor.is_signed = asks('is_floating_point'), asks('is_complex'), asks('is_signed')

local fields = {}
tensor.fields = fields

---------------------------------------------------------------- life
--- Releases the tensor's memory now; later use of x is an error.
function tensor.free(x) C.tc_handle_free(x) end

local function same_shape(x, y)
  local n, a, b = C.tc_ndim(x), C.tc_sizes_of(x), C.tc_sizes_of(y)
  if n ~= C.tc_ndim(y) then return false end
  for i = 0, tonumber(n) - 1 do
    if a[i] ~= b[i] then return false end
  end
  return true
end

--- What `out = x` does with a result: x takes its values, and its shape if it had another. Its dtype must hold what comes.
function tensor.set_result_(x, result)
  if not C.tc_can_cast(C.tc_dtype_of(alive(result, 'out')), C.tc_dtype_of(alive(x, 'out'))) then
    errors.raise('out: got a tensor of %s, which cannot hold %s', tostring(fields.dtype(x)), tostring(fields.dtype(result)))
  end
  if not same_shape(alive(x, 'out'), alive(result, 'out')) then
    local fresh = result:detach():to(x.dtype, {copy = true})
    if not C.tc_set_data(x._t, fresh._t) then errors.pending() end
    return x
  end
  return x:copy_(result)
end

--- Changes the shape of x itself; elements are kept in row-major order as far as they go, others are 0.
function tensor.resize_(x, ...)
  local sizes = type(...) == 'table' and ... or {...}
  local tocha = require 'tocha'
  local fresh = tocha.zeros(sizes, {dtype = x.dtype, device = x.device})
  local keep = math.min(fresh:numel(), x:numel())
  if keep > 0 then fresh:view(-1):narrow(1, 1, keep):copy_(x:detach():reshape(-1):narrow(1, 1, keep)) end
  if not C.tc_set_data(alive(x, 'resize_'), fresh._t) then errors.pending() end
  return x
end

function tensor.data_ptr(x) return C.tc_data_of(alive(x, 'data_ptr')) end
function tensor.is_set_to(x, y) return x._t == y._t end
function tensor.retain_grad(x)
  if not C.tc_retain_grad(alive(x, 'retain_grad')) then errors.pending() end
end
function tensor.backward(x, ...) return require('tocha.engine').backward(x, ...) end
function tensor.register_hook(x, hook) return require('tocha.engine').register_hook(x, hook) end
function tensor.register_post_accumulate_grad_hook(x, hook) return require('tocha.engine').register_post_hook(x, hook) end

---------------------------------------------------------------- fields
local setters = {}

function fields.dtype(x) return dtype.by_code[C.tc_dtype_of(alive(x, 'dtype'))] end
function fields.shape(x) return tensor.size(x) end
function fields.ndim(x) return tensor.dim(x) end
function fields.device(x) return ffi.string(C.tc_device_name(C.tc_device_of(alive(x, 'device')))) end
function fields.is_cuda(x) return C.tc_device_of(alive(x, 'is_cuda')) > 0 end
function fields.requires_grad(x) return C.tc_get_requires_grad(alive(x, 'requires_grad')) end
function fields.is_leaf(x) return C.tc_is_leaf(alive(x, 'is_leaf')) end
function fields.grad(x) return wrap(C.tc_grad_of(alive(x, 'grad'))) end
function fields.data(x) return x:detach() end
function fields.is_parameter(x) return C.tc_is_parameter(alive(x, 'is_parameter')) end
function fields._version(x) return tonumber(C.tc_version(alive(x, '_version'))) end
function fields.itemsize(x) return fields.dtype(x).itemsize end
function fields.nbytes(x) return fields.itemsize(x) * tonumber(C.tc_numel(x._t)) end
function fields.T(x)
  local order = {}
  for d = x:dim(), 1, -1 do order[#order + 1] = d end
  return x:permute(order)
end
function fields.mT(x)
  if x:dim() < 2 then errors.raise('mT: takes a tensor of 2 or more dims, got %d', x:dim()) end
  return x:transpose(-2, -1)
end
function fields.H(x)
  if x:dim() > 2 or x:dim() == 1 then errors.raise('H: takes a matrix, got %d dims', x:dim()) end
  return x:dim() == 0 and x:conj() or x:transpose(1, 2):conj()
end
function fields.mH(x) return fields.mT(x):conj() end
for name, answer in pairs{layout = 'strided', is_meta = false, is_quantized = false, is_sparse = false, is_sparse_csr = false, is_mkldnn = false} do
  fields[name] = function() return answer end
end
function fields.real(x) return binding.get('real')(x) end
function fields.imag(x) return binding.get('imag')(x) end
function fields.grad_fn(x)
  if C.tc_is_leaf(alive(x, 'grad_fn')) then return nil end
  return require('tocha.autograd.node').take(C.tc_node_of(x._t))
end

function setters.requires_grad(x, on) x:requires_grad_(on) end
function setters.grad(x, grad)
  if grad ~= nil and not is_tensor(grad) then errors.raise('grad: got %s, takes a tensor or nil', errors.describe(grad)) end
  if not C.tc_set_grad(alive(x, 'grad'), grad and alive(grad, 'grad')) then errors.pending() end
end
function setters.data(x, y)
  if not is_tensor(y) then errors.raise('data: got %s, takes a tensor', errors.describe(y)) end
  if not C.tc_set_data(alive(x, 'data'), alive(y, 'data')) then errors.pending() end
end

---------------------------------------------------------------- the metatable
local methods = {}
tensor.methods = methods
for _, name in ipairs{'item', 'totable', 'tolist', 'size', 'stride', 'dim', 'ndimension', 'iter', 'to', 'cpu', 'cuda', 'type_as',
  'float', 'double', 'half', 'bfloat16', 'long', 'int', 'short', 'char', 'byte', 'bool', 'cfloat', 'cdouble', 'type',
  'is_floating_point', 'is_complex', 'is_signed', 'free', 'resize_', 'set_result_', 'data_ptr', 'is_set_to', 'retain_grad', 'backward', 'register_hook',
  'register_post_accumulate_grad_hook', 'is_pinned', 'record_stream'} do
  methods[name] = tensor[name]
end
setmetatable(methods, {__index = function(_, name)
  local f = binding.method(name)
  if f then rawset(methods, name, f) end
  return f
end})

local metatable = handle.metatable
local index, assign
function metatable.__index(x, key)
  if type(key) == 'string' then
    local method = methods[key]
    if method then return method end
    local field = fields[key]
    if field then return field(x) end
    return nil
  end
  index = index or require('tocha.indexing').get
  return index(x, key)
end
function metatable.__newindex(x, key, value)
  if type(key) == 'string' then
    local setter = setters[key]
    if not setter then errors.raise("a tensor has no field '%s' to set: takes grad, data, requires_grad, or an index", key) end
    return setter(x, value)
  end
  assign = assign or require('tocha.indexing').set
  return assign(x, key, value)
end

local function operator(name)
  local f
  return function(a, b)
    f = f or binding.get(name)
    return f(a, b)
  end
end
metatable.__add, metatable.__sub, metatable.__mul = operator('add'), operator('sub'), operator('mul')
metatable.__div, metatable.__mod, metatable.__pow = operator('div'), operator('remainder'), operator('pow')
function metatable.__unm(x) return methods.neg(x) end
function metatable.__eq(a, b) return is_tensor(a) and is_tensor(b) and a._t == b._t end
function metatable.__len(x)
  if x:dim() == 0 then errors.raise('#: a 0-dim tensor has no length') end
  return tensor.size(x, 1)
end
function metatable.__tostring(x)
  if x._t == nil or not C.tc_handle_alive(x) then return '[tocha tensor, released]' end
  return require('tocha.print').tensor(x)
end
function metatable.__concat(a, b) return tostring(a) .. tostring(b) end

return tensor
