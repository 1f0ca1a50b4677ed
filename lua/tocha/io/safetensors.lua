--- Files of tensors in the safetensors format: 8 bytes with the length of the header (little-endian), the header as
-- JSON,
-- the tensors without gaps. Nothing in such a file is ever run.
-- @module tocha.io.safetensors

local ffi = require 'ffi'
local args = require 'tocha.args'
local binding = require 'tocha.binding'
local json = require 'tocha.io.json'
local tree = require 'tocha.io.tree'

local safetensors = {}

local LONGEST_HEADER = 100 * 1000 * 1000
local to_file = {float64 = 'F64', float32 = 'F32', float16 = 'F16', bfloat16 = 'BF16', int64 = 'I64', int32 = 'I32',
  int16 = 'I16', int8 = 'I8', uint8 = 'U8', bool = 'BOOL', complex64 = 'C64'}
local from_file, bytes_of = {}, {F64 = 8, F32 = 4, F16 = 2, BF16 = 2, I64 = 8, I32 = 4, I16 = 2, I8 = 1, U8 = 1,
  BOOL = 1, C64 = 8}
for ours, theirs in pairs(to_file) do from_file[theirs] = ours end

local function dtype_name(x) return (tostring(x.dtype):gsub('^.*%.', '')) end

-- ------------------------------------------------------------------------------------------------- writing

-- Larger elements first: then every tensor lies at a multiple of its element's size.
local function by_size(tensors)
  return function(a, b)
    local x, y = tensors[a]:element_size(), tensors[b]:element_size()
    if x ~= y then return x > y end
    return a < b
  end
end

local function describe(name, x, offset)
  local dtype, shape = dtype_name(x), {}
  for d = 1, x:dim() do shape[d] = json.number(x:size(d)) end
  local bytes = x:numel() * x:element_size()
  local text = ('%s:{"dtype":"%s","shape":[%s],"data_offsets":[%s,%s]}'):format(json.quote(name), to_file[dtype],
    table.concat(shape, ','), json.number(offset), json.number(offset + bytes))
  return text, offset + bytes
end

local function header_of(names, tensors, metadata)
  local entries, offset = {}, 0
  local keys = {}
  for key in pairs(metadata) do keys[#keys + 1] = key end
  table.sort(keys)
  for i, key in ipairs(keys) do keys[i] = json.quote(key) .. ':' .. json.quote(metadata[key]) end
  if #keys > 0 then entries[1] = '"__metadata__":{' .. table.concat(keys, ',') .. '}' end
  for _, name in ipairs(names) do
    entries[#entries + 1], offset = describe(name, tensors[name], offset)
  end
  local header = '{' .. table.concat(entries, ',') .. '}'
  return header .. (' '):rep(-#header % 8)
end

local function check_path(who, path)
  if type(path) ~= 'string' or path == '' or path:find('\0', 1, true) then
    args.fail('%s: path: got %s, takes the name of a file', who, args.show(path))
  end
end

local write = binding.hidden('file_write')

--- Writes a value to a file, which is then there whole or not at all.
-- @param value a tensor, or a table of tensors, numbers, strings, booleans and tables
-- @tparam string path
-- @tparam[opt] table metadata strings by name for the file's `__metadata__`
function safetensors.save(value, path, metadata)
  check_path('save', path)
  local names, tensors, contents = tree.encode(value)
  if not names then args.fail('save: %s', tensors) end
  for _, name in ipairs(names) do
    if not to_file[dtype_name(tensors[name])] then
      args.fail('save: %s: a %s tensor has no place in a safetensors file; save real and imaginary part', name,
        dtype_name(tensors[name]))
    end
  end
  table.sort(names, by_size(tensors))
  local all = {format = 'tocha', tocha = contents}
  for key, text in pairs(metadata or {}) do
    if type(key) ~= 'string' or type(text) ~= 'string' then args.fail('save: metadata: takes strings by name') end
    all[key] = text
  end
  local list = {}
  for i, name in ipairs(names) do list[i] = tensors[name] end
  local header = header_of(names, tensors, all)
  if #header > LONGEST_HEADER then args.fail('save: %s: the header is too long (%d bytes)', path, #header) end
  local ok, problem = pcall(write, path, header, list)
  if not ok then args.fail('save: %s', (tostring(problem):gsub('^.-file_write: ', ''))) end
end

-- ------------------------------------------------------------------------------------------------- reading

local file_bytes, file_slice = binding.hidden('file_bytes'), binding.hidden('file_slice')

local function broken(path, format, ...) args.fail('load: %s: ' .. format, path, ...) end

local function read_header(path, bytes)
  local size = bytes:numel()
  if size < 8 then broken(path, 'no safetensors file: %d bytes, takes at least 8', size) end
  local data, length = ffi.cast('const uint8_t *', bytes:data_ptr()), 0
  for i = 7, 0, -1 do length = length * 256 + data[i] end
  if length > LONGEST_HEADER then
    broken(path, 'no safetensors file: a header of %.0f bytes, takes at most %d', length, LONGEST_HEADER)
  end
  if length > size - 8 then
    broken(path, 'truncated, or no safetensors file: a header of %d bytes in a file of %d', length, size)
  end
  local text = ffi.string(data + 8, length)
  if text:sub(1, 1) ~= '{' then broken(path, 'no safetensors file: its header does not begin with {') end
  local header, problem = json.decode(text)
  if problem then broken(path, 'its header is no JSON: %s', problem) end
  return header, size - 8 - length, 8 + length
end

local function is_count(v) return type(v) == 'number' and v >= 0 and v % 1 == 0 and v < 2 ^ 53 end

local function counts(path, name, what, list)
  if getmetatable(list) ~= json.array then broken(path, '%s of %s is no list', what, name) end
  for _, v in ipairs(list) do
    if not is_count(v) then broken(path, '%s of %s: got %s, takes whole numbers from 0', what, name, tostring(v)) end
  end
  return list
end

local fields = {dtype = true, shape = true, data_offsets = true}

-- What the header says of one tensor, checked against itself and the length of the data.
local function check_entry(path, name, entry, length)
  if getmetatable(entry) ~= json.object then broken(path, 'the entry of %s is no object', name) end
  for key in pairs(entry) do
    if not fields[key] then broken(path, "the entry of %s has a '%s'", name, key) end
  end
  local dtype = entry.dtype
  if not from_file[dtype] then
    broken(path, 'dtype of %s: got %s, takes BOOL, U8, I8, I16, I32, I64, F16, BF16, F32, F64 or C64', name,
      tostring(dtype))
  end
  local shape = counts(path, name, 'shape', entry.shape)
  local offsets = counts(path, name, 'data_offsets', entry.data_offsets)
  if #shape > 64 then broken(path, 'shape of %s has %d dims, takes at most 64', name, #shape) end
  if #offsets ~= 2 then broken(path, 'data_offsets of %s: got %d numbers, takes 2', name, #offsets) end
  local first, last, need = offsets[1], offsets[2], bytes_of[dtype]
  for _, n in ipairs(shape) do need = need * n end
  if first > last then
    broken(path, 'data_offsets of %s: begins at %.0f and ends before, at %.0f', name, first, last)
  end
  if last > length then
    broken(path, 'truncated: %s ends at byte %.0f of the data, which has %.0f', name, last, length)
  end
  if need ~= last - first then
    broken(path, '%s has %.0f bytes, its dtype and shape take %.0f', name, last - first, need)
  end
  return {name = name, dtype = from_file[dtype], shape = shape, first = first, last = last}
end

local function in_order(a, b)
  if a.first ~= b.first then return a.first < b.first end
  if a.last ~= b.last then return a.last < b.last end
  return a.name < b.name
end

-- Every byte of the data belongs to one tensor.
local function check_cover(path, entries, length)
  table.sort(entries, in_order)
  local at, before = 0, nil
  for _, e in ipairs(entries) do
    if e.first < at then broken(path, '%s and %s overlap', before, e.name) end
    if e.first > at then broken(path, '%.0f bytes before %s belong to no tensor', e.first - at, e.name) end
    at, before = e.last, e.name
  end
  if at < length then broken(path, '%.0f bytes at the end belong to no tensor', length - at) end
end

local function check_metadata(path, metadata)
  if metadata == nil then return {} end
  if getmetatable(metadata) ~= json.object then broken(path, '__metadata__ is no object') end
  for key, text in pairs(metadata) do
    if type(text) ~= 'string' then broken(path, "__metadata__: '%s' is no string", key) end
  end
  return metadata
end

local function read_entries(path, header, length)
  local entries = {}
  for name, entry in pairs(header) do
    if name ~= '__metadata__' then entries[#entries + 1] = check_entry(path, name, entry, length) end
  end
  check_cover(path, entries, length)
  return entries
end

local function cut(path, bytes, entry, base)
  local shape = {}
  for i, n in ipairs(entry.shape) do shape[i] = n end
  local ok, x = pcall(file_slice, bytes, base + entry.first, shape, entry.dtype)
  if not ok then broken(path, '%s: %s', entry.name, (tostring(x):gsub('^.*file_slice: ', ''))) end
  return x
end

local function open(path, mapped)
  local ok, bytes = pcall(file_bytes, path, mapped)
  if not ok then args.fail('load: %s', (tostring(bytes):gsub('^.-file_bytes: ', ''))) end
  return bytes
end

--- Reads a file.
-- @tparam string path
-- @tparam[opt] string map_location the device of the tensors
-- @tparam[opt=true] bool mmap whether the file is mapped into memory; changes to the tensors never reach it
-- @return what was saved; of a file by others the tensors by name
-- @treturn table the strings of the file's `__metadata__`
function safetensors.load(path, map_location, mmap)
  check_path('load', path)
  local bytes = open(path, mmap ~= false)
  local header, length, base = read_header(path, bytes)
  local entries, metadata = read_entries(path, header, length), check_metadata(path, rawget(header, '__metadata__'))
  local tensors = {}
  for _, entry in ipairs(entries) do
    local x = cut(path, bytes, entry, base)
    tensors[entry.name] = map_location and x:to(map_location) or x
  end
  local strings = {}
  for key, text in pairs(metadata) do strings[key] = text end
  if not strings.tocha then return tensors, strings end
  local ok, value = tree.decode(strings.tocha, tensors)
  if not ok then broken(path, '%s', value) end
  strings.tocha = nil
  return value, strings
end

return safetensors
