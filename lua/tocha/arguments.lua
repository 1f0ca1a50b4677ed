--- The slow path of calls: options tables, lists, names; and the errors for what does not fit.
-- @module tocha.arguments

local ffi = require 'ffi'
local handle = require 'tocha.handle'
local errors = require 'tocha.errors'
local dtype = require 'tocha.dtype'
local library = require 'tocha.library'
local C = library.C

local arguments = {}
local Handle, istype = handle.type, ffi.istype

local function is_tensor(v) return type(v) == 'cdata' and istype(Handle, v) end
arguments.is_tensor = is_tensor

--- A table whose keys are names, or nothing at all.
local function is_options(v)
  if type(v) ~= 'table' or getmetatable(v) ~= nil then return false end
  return v[1] == nil and (next(v) == nil or type(next(v)) == 'string')
end
arguments.is_options = is_options

local function is_list(v) return type(v) == 'table' and getmetatable(v) == nil and (v[1] ~= nil or v.n ~= nil or next(v) == nil) end

---------------------------------------------------------------- one argument of each kind
local takes = {tensor = 'a tensor', operand = 'a tensor, a number or {re, im}', indices = 'an int64 tensor or a table of positions',
  number = 'a number',
  integer = 'a whole number', boolean = 'true or false', dim = 'a dim, counted from 1 or from the end with negative numbers',
  position = 'a position, counted from 1', string = 'a string', tensors = 'a table of tensors', dims = 'a dim or a table of dims',
  integers = 'a number or a table of numbers', positions = 'a position or a table of positions', numbers = 'a table of numbers',
  generator = 'a tocha.Generator', dtype = 'a dtype', device = "a device such as 'cpu' or 'cuda:0'", raw = 'a value'}

local read = {}
local function whole(v) return type(v) == 'number' and v % 1 == 0 and v or nil end
function read.tensor(v) return is_tensor(v) and v or nil end
function read.indices(v)
  if is_tensor(v) then return v end
  if type(v) == 'number' or is_list(v) then return require('tocha').tensor(v, {dtype = 'int64'}) end
end
function read.operand(v)
  if is_tensor(v) or type(v) == 'number' then return v end
  if type(v) == 'boolean' then return require('tocha').tensor(v) end
  if type(v) == 'cdata' and tonumber(v) then return require('tocha').tensor(v, {dtype = 'int64'}) end
  if type(v) == 'table' and #v == 2 and type(v[1]) == 'number' and type(v[2]) == 'number' then -- {re, im}
    local o, mark = handle.new(), C.tc_scope_begin()
    C.tc_handle_set(o, C.tc_complex_number(v[1], v[2]))
    C.tc_scope_end(mark)
    return o
  end
end
function read.number(v)
  if type(v) == 'number' then return v end
  if is_tensor(v) and v:numel() == 1 then return tonumber(v:item()) end
end
function read.integer(v) return whole(v) or (type(v) == 'cdata' and not is_tensor(v) and tonumber(v)) or nil end
read.dim = whole
function read.position(v) return whole(v) or is_tensor(v) and v:numel() == 1 and not v:is_floating_point() and whole(tonumber(v:item())) or nil end
function read.boolean(v) return v end
function read.string(v) return type(v) == 'string' and v or nil end
function read.generator(v)
  if type(v) == 'table' then v = v.cdata end
  return type(v) == 'cdata' and istype('tc_generator *', v) and v or nil
end
function read.raw(v) return v end
local function list_of(check)
  return function(v)
    if check(v) ~= nil then return v end
    if not is_list(v) then return nil end
    for i = 1, #v do
      if check(v[i]) == nil then return nil end
    end
    return v
  end
end
read.dims, read.integers, read.positions, read.numbers = list_of(whole), list_of(whole), list_of(whole), list_of(read.number)
function read.tensors(v)
  if type(v) ~= 'table' then return nil end
  for i = 1, v.n or #v do
    if v[i] and not is_tensor(v[i]) then return nil end
  end
  return v
end

local function convert(who, p, v)
  if v == nil or (v == false and p.kind ~= 'boolean' and p.kind ~= 'operand' and p.optional) then
    if p.optional then return nil end
    errors.raise('%s: %s is missing: takes %s', who, p.lua, takes[p.kind])
  end
  if p.kind == 'dtype' then return dtype.code(v, who) end
  if p.kind == 'device' then
    if type(v) ~= 'string' then errors.raise('%s: %s: got %s, takes %s', who, p.lua, errors.describe(v), takes.device) end
    if v:sub(1, 4) == 'cuda' then require('tocha.cuda').is_available() end -- opens the library
    C.tc_clear_error()
    local device = C.tc_device_from_name(v)
    if device == -2147483648 then errors.pending_as(who) end
    return device
  end
  if p.lua == 'padding' and p.kind == 'integers' and (v == 'same' or v == 'valid') then return v == 'valid' and 0 or -2147483648 end
  local value = read[p.kind](v)
  if p.kind == 'boolean' and type(v) ~= 'boolean' then value = nil end
  if value == nil then errors.raise('%s: %s: got %s, takes %s', who, p.lua, errors.describe(v), takes[p.kind]) end
  return value
end

---------------------------------------------------------------- all arguments of a call
local function known_names(params)
  local names = {}
  for _, p in ipairs(params) do names[#names + 1] = p.lua end
  return table.concat(names, ', ')
end

-- numbers one by one become the variadic list; gives the position after them
local function gather(args, n, at)
  local list = {}
  while at <= n and type(args[at]) == 'number' do
    list[#list + 1] = args[at]
    at = at + 1
  end
  return list, at
end

local function place(who, params, args, n, values)
  local at = 1
  for i, p in ipairs(params) do
    if at > n then return end
    if p.variadic and type(args[at]) == 'number' then
      values[i], at = gather(args, n, at)
    else
      values[i] = args[at]
      at = at + 1
    end
  end
  if at <= n then errors.raise('%s: too many arguments: takes %s', who, known_names(params)) end
end

local function name_options(who, params, options, values, gives_new)
  local out
  for key, v in pairs(options) do
    local found
    for i, p in ipairs(params) do
      if p.lua == key then
        found = true
        if values[i] ~= nil then errors.raise('%s: %s is given twice', who, key) end
        values[i] = v
      end
    end
    if key == 'out' and not found and gives_new then
      out, found = v, true
    end
    if not found then errors.raise("%s: unknown option '%s': takes %s", who, tostring(key), known_names(params)) end
  end
  return out
end

local function take(out, result)
  out:set_result_(result)
  if result ~= out then result:free() end
  return out
end

--- Results go into the tensors of the option `out`.
function arguments.into(out, result, ...)
  if type(out) == 'table' then
    for i, t in ipairs(out) do
      local r = select(i, result, ...)
      if r then take(t, r) end
    end
    return unpack(out)
  end
  return take(out, result)
end

local function is_dtype(v) return dtype.is(v) or type(v) == 'string' and dtype.by_name[v] ~= nil end

--- The parameters of a function but for those that are results.
function arguments.given(fn)
  local params = {}
  for _, p in ipairs(fn.params) do
    if p.kind ~= 'result' then params[#params + 1] = p end
  end
  return params
end

--- The slow path of one function (its results are new tensors: it takes `out`): reads the arguments and calls `core` with each in its place.
function arguments.reader(fn, who, gives_new)
  local params = arguments.given(fn)
  local count = #params
  local of_bytes = fn.c == 'tc_view_shape'
  return function(core, ...)
    if of_bytes and is_dtype((select(2, ...))) then return require('tocha.binding').method('view_dtype')(...) end -- x:view(dtype)
    local n, args, values = select('#', ...), {...}, {}
    while n > 0 and args[n] == nil do n = n - 1 end
    local options
    local last = args[n]
    if n > 0 and is_options(last) and (next(last) ~= nil or (params[n] and params[n].keyword) or n > count) then
      options = last
      n = n - 1
    end
    place(who, params, args, n, values)
    local out = options and name_options(who, params, options, values, gives_new)
    for i, p in ipairs(params) do
      if p.variadic and values[i] == nil then values[i] = {} end
      values[i] = convert(who, p, values[i])
    end
    if out then return arguments.into(out, core(unpack(values, 1, count))) end
    return core(unpack(values, 1, count))
  end
end

return arguments
