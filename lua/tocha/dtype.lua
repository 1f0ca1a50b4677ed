--- Dtypes: `tocha.float32` and its like. A dtype is a value with a name, and a constructor: `tocha.int64{1, 2}`.
-- @module tocha.dtype

local ffi = require 'ffi'
local library = require 'tocha.library'
local errors = require 'tocha.errors'
local C = library.C

local dtype = {by_code = {}, by_name = {}, codes = {}} -- codes: by name and by dtype
local Dtype = {}
Dtype.__index = Dtype
function Dtype:__tostring() return self.name end
function Dtype:__call(data, options)
  if options ~= nil and type(options) ~= 'table' then
    errors.raise('%s: got %s, takes a table of options', self.name, errors.describe(options))
  end
  local copy = {}
  for k, v in pairs(options or {}) do copy[k] = v end
  copy.dtype = self
  return require('tocha').tensor(data, copy)
end

for code = 0, 63 do
  local name = C.tc_dtype_name(code)
  if name == nil then break end
  name = ffi.string(name)
  local kind = name:match('^%a+')
  local d = setmetatable({name = name, code = code, itemsize = tonumber(C.tc_dtype_bytes(code)), is_bool = kind == 'bool',
    is_floating_point = kind == 'float' or kind == 'bfloat', is_complex = kind == 'complex',
    is_signed = kind ~= 'uint' and kind ~= 'bool'}, Dtype)
  dtype.by_code[code], dtype.by_name[name] = d, d
end
for alias, name in pairs{float = 'float32', double = 'float64', half = 'float16', long = 'int64', int = 'int32', short = 'int16',
  byte = 'uint8',
  char = 'int8', cfloat = 'complex64', cdouble = 'complex128'} do
  dtype.by_name[alias] = dtype.by_name[name]
end

for name, d in pairs(dtype.by_name) do dtype.codes[name], dtype.codes[d] = d.code, d.code end

function dtype.is(v) return getmetatable(v) == Dtype end

--- The code of a dtype given as such or by name; raises an error that names `who` otherwise.
function dtype.code(v, who)
  local d = type(v) == 'string' and dtype.by_name[v] or v
  if getmetatable(d) == Dtype then return d.code end
  local names = {}
  for code = 0, #dtype.by_code do names[#names + 1] = dtype.by_code[code].name end
  return errors.raise('%s: dtype: got %s, takes one of %s', who, errors.describe(v), table.concat(names, ', '))
end

return dtype
