--- The memory behind tensors: storages, tensors over files and buffers, and the order in which elements lie.
-- @module tocha.storage

local ffi = require 'ffi'
local library = require 'tocha.library'
local args = require 'tocha.args'
local dtype = require 'tocha.dtype'
local handle = require 'tocha.handle'
local errors = require 'tocha.errors'
local is_tensor = require('tocha.arguments').is_tensor
local C = library.C

local storage = {contiguous_format = 'contiguous_format', preserve_format = 'preserve_format', channels_last = 'channels_last',
  channels_last_3d = 'channels_last_3d'}

---------------------------------------------------------------- Storage
-- All elements of the memory that a tensor lies in, as numbers of its dtype; counted from 1. It keeps the memory alive.
local Storage = {}

--- How many elements it has; `#s` is the same where Lua allows it.
function Storage:size() return self._flat:size(1) end
function Storage:nbytes() return tonumber(C.tc_storage_bytes(self._flat._t)) end
function Storage:element_size() return self._flat:element_size() end
function Storage:data_ptr() return C.tc_storage_data(self._flat._t) end
function Storage:device() return self._flat.device end
function Storage:dtype() return self._flat.dtype end
--- Every element becomes the number; gives the storage.
function Storage:fill(value)
  self._flat:fill_(value)
  return self
end
Storage.fill_ = Storage.fill
--- Takes over the elements of another storage of as many.
function Storage:copy(other)
  if not storage.is_storage(other) then args.fail('copy: got %s, takes a storage', args.show(other)) end
  self._flat:copy_(other._flat)
  return self
end
Storage.copy_ = Storage.copy
function Storage:totable() return self._flat:totable() end
Storage.tolist = Storage.totable
--- Its bytes as a Lua string.
function Storage:string()
  local flat = self._flat:cpu()
  return ffi.string(C.tc_storage_data(flat._t), tonumber(C.tc_storage_bytes(flat._t)))
end
--- A storage of its own with the same elements.
function Storage:clone() return self._flat:clone():storage() end

local function place(self, i)
  if i % 1 ~= 0 or i < 1 or i > self:size() then args.fail('storage: index %s is outside 1..%d', tostring(i), self:size()) end
  return i
end
local meta = {__type = 'tocha.Storage'}
function meta.__index(self, key)
  if type(key) == 'number' then return self._flat[place(self, key)]:item() end
  return Storage[key]
end
function meta.__newindex(self, key, value)
  if type(key) ~= 'number' then args.fail('storage: has no field %s to set, takes an index', args.show(key)) end
  self._flat[place(self, key)] = value
end
function meta.__len(self) return self:size() end
function meta.__eq(a, b) return C.tc_shares_storage(a._flat._t, b._flat._t) end
function meta.__tostring(self) return ('[tocha storage of %d %s on %s]'):format(self:size(), self._flat.dtype.name, self._flat.device) end

function storage.is_storage(v) return type(v) == 'table' and getmetatable(v) == meta end

local function over(x)
  local bytes, width = tonumber(C.tc_storage_bytes(x._t)), x:element_size()
  return setmetatable({_flat = x:detach():as_strided({math.floor(bytes / width)}, {1}, 0)}, meta)
end

--- x:storage(): the memory x lies in, as numbers of its dtype: `#`, `[i]`, size, fill, copy, totable, string, nbytes, data_ptr, clone.
storage['storage'] = over
--- x:untyped_storage(): the same memory as bytes.
function storage.untyped_storage(x)
  local whole = over(x)._flat
  if x.dtype.name == 'bool' then whole = whole:to('uint8') end
  return setmetatable({_flat = whole:view(dtype.by_name.uint8)}, meta)
end
function storage.storage_type(x) return x.dtype.name end
function storage.const_data_ptr(x) return x:data_ptr() end

---------------------------------------------------------------- tensors that get other memory
--- x:set_(source, storage_offset, size, stride): x becomes a window on the memory of a tensor or storage, of its dtype; without arguments, empty.
-- storage_offset is an amount, from 0; without size, x is the source's twin.
function storage.set_(x, source, offset, size, stride)
  local tocha = require 'tocha'
  if source == nil then source = tocha.empty(0, {dtype = x.dtype, device = x.device}) end
  local from = storage.is_storage(source) and source._flat or source
  if not is_tensor(from) then args.fail('set_: source: got %s, takes a tensor or a storage', args.show(source)) end
  if from.dtype ~= x.dtype then args.fail('set_: source: got %s, takes %s', from.dtype.name, x.dtype.name) end
  local window = from:detach()
  if size then
    size = type(size) == 'number' and {size} or size
    local step = 1
    if not stride then
      stride = {}
      for d = #size, 1, -1 do
        stride[d] = step
        step = step * size[d]
      end
    end
    window = window:as_strided(size, stride, offset or 0)
  elseif offset and offset ~= 0 then
    window = window:as_strided({window:storage():size() - offset}, {1}, offset)
  end
  if not C.tc_set_data(x._t, window._t) then errors.pending() end
  return x
end

--- x:module_load(other, assign): what a module's parameter x becomes when `other` is loaded for it: other's values in x's dtype, or other itself.
function storage.module_load(x, other, assign)
  if not is_tensor(other) then args.fail('module_load: other: got %s, takes a tensor', args.show(other)) end
  return assign and other:detach() or x:detach():copy_(other)
end

local read_file = args.spec('from_file', 'filename:str', 'shared:bool=false', 'size:int=nil', '*', 'dtype=nil')

--- A 1-d tensor of a file's bytes as numbers. The file is mapped: pages are read when they are used.
-- @tparam string filename
-- @tparam[opt=false] boolean shared changes are written into the file, which is made, or made longer, if needed
-- @tparam[opt] number size how many numbers; all that fit unless given
-- @param[opt] dtype by name; the default dtype unless given
function storage.from_file(...)
  local name, shared, size, type_given = read_file(...)
  local d = type_given or require('tocha').get_default_dtype()
  local code = dtype.code(d, 'from_file')
  C.tc_clear_error()
  local t = C.tc_map_file(name, shared, size or -1, code)
  if t == nil then errors.pending_as('from_file') end
  return handle.wrap(t)
end

local read_buffer = args.spec('frombuffer', 'buffer', '*', 'dtype=nil', 'count:int=-1', 'offset:int=0')

--- A 1-d tensor of the bytes of a Lua string, or of `count` numbers behind a C pointer; copied.
-- @param buffer a string or a pointer
-- @param[opt] dtype by name; the default dtype unless given
-- @tparam[opt=-1] number count numbers, by name; all of a string
-- @tparam[opt=0] number offset bytes to skip, by name
function storage.frombuffer(...)
  local buffer, d, count, offset = read_buffer(...)
  local code = dtype.code(d or require('tocha').get_default_dtype(), 'frombuffer')
  local width = dtype.by_code[code].itemsize
  if type(buffer) ~= 'string' and type(buffer) ~= 'cdata' then args.fail('frombuffer: buffer: got %s, takes a string or a pointer', args.show(buffer)) end
  if type(buffer) == 'cdata' and count < 0 then args.fail('frombuffer: count: takes a number of elements for a pointer') end
  if offset < 0 then args.fail('frombuffer: offset: got %d, takes 0 or more', offset) end
  local room = type(buffer) == 'string' and #buffer - offset or count * width
  if count < 0 then
    if room < 0 or room % width ~= 0 then args.fail('frombuffer: got %d bytes, takes a multiple of %d', room, width) end
    count = room / width
  end
  if count * width > room then args.fail('frombuffer: got %d bytes, takes %d numbers of %d bytes', room, count, width) end
  local size = ffi.new('int64_t[1]', count)
  C.tc_clear_error()
  local t = C.tc_from_bytes(ffi.cast('const char *', buffer) + offset, count * width, size, 1, code)
  if t == nil then errors.pending_as('frombuffer') end
  return handle.wrap(t)
end

---------------------------------------------------------------- order and place
--- x:dim_order(): the dims (from 1) by how far apart their elements lie, the farthest first: {1, 3, 4, 2} for channels_last.
function storage.dim_order(x)
  local order, stride = {}, x:stride()
  for d = 1, x:dim() do order[d] = d end
  table.sort(order, function(a, b) return stride[a] > stride[b] or stride[a] == stride[b] and a < b end)
  return order
end

--- x:is_shared(): whether other processes see its memory: on a GPU, or in a file mapped with shared = true.
function storage.is_shared(x) return x.is_cuda or C.tc_is_shared(x._t) end

--- x:share_memory_(): x moves to memory that processes forked from now on share with this one.
function storage.share_memory_(x)
  if storage.is_shared(x) then return x end
  C.tc_clear_error()
  local t = C.tc_shared_copy(x._t)
  if t == nil then errors.pending_as('share_memory_') end
  local copy = handle.wrap(t)
  if not C.tc_set_data(x._t, copy._t) then errors.pending() end
  return x
end

--- x:is_inference(): was it made in tocha.inference_mode?
function storage.is_inference(x) return C.tc_is_inference(x._t) end

return storage
