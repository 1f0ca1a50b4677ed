--- Makes the Lua functions from the schema: for every documented C function one Lua function, generated at its first use.
-- The fast path (tensors, numbers and nils in their places) compiles into a few instructions around one C call; everything else
-- (options tables, lists, wrong arguments) goes through `arguments.lua`.
-- @module tocha.binding

local ffi = require 'ffi'
local library = require 'tocha.library'
local schema = require 'tocha.schema'
local handle = require 'tocha.handle'
local errors = require 'tocha.errors'
local arguments = require 'tocha.arguments'
local options = require 'tocha.options'
local dtype = require 'tocha.dtype'
local C = library.C

local binding = {}
local NONE = -2147483648
binding.NONE = NONE

---------------------------------------------------------------- generating one
local out_of_memory = ': out of memory'

--- After a call that did not return 0: collects if memory is tight; true if the call should be tried again; else raises.
function binding.recover(status, tried)
  if status >= 2 then -- 3: nothing was done yet (lib/glue.h)
    handle.relieve()
    return status == 3
  end
  if not tried and ffi.string(C.tc_error_text()):find(out_of_memory, 1, true) then
    handle.collect()
    C.tc_empty_cache()
    return true
  end
  return errors.pending()
end

-- how a C argument is made from Lua argument `a`: test for the fast path, statements, expressions to pass
local makers = {}
local function plain(test, optional_value, default)
  return function(p, a)
    local t, pre = test:gsub('%$', a), ''
    if p.optional then
      t = ('(%s == nil or %s)'):format(a, t)
      local value = p.default
      if value == nil then value = tostring(optional_value)
      else value = default and default(value) or tostring(value) end
      pre = ('if %s == nil then %s = %s end'):format(a, a, value)
    end
    return t, pre, a
  end
end
local function literal(v)
  if v == math.huge then return 'math.huge' elseif v == -math.huge then return '-math.huge' end
  return type(v) == 'string' and ('%q'):format(v) or tostring(v)
end

function makers.tensor(p, a)
  local test = ('istype(Handle, %s)'):format(a)
  return p.optional and ('(%s == nil or %s)'):format(a, test) or test, '', a
end
makers.indices = makers.tensor
function makers.operand(p, a)
  local t, n, given = a .. '_t', a .. '_n', a .. '_given'
  local test = ('(type(%s) == "number" or istype(Handle, %s)%s)'):format(a, a, p.optional and (' or %s == nil'):format(a) or '')
  local pre = ('local %s, %s = %s, 0 if type(%s) == "number" then %s, %s = nil, %s end'):format(t, n, a, a, t, n, a)
  if p.optional then pre = pre .. (' local %s = %s ~= nil'):format(given, a) end
  return test, pre, t .. ', ' .. n .. (p.optional and ', ' .. given or '')
end
makers.number = plain('type($) == "number"', '0/0', literal)
makers.integer = plain('(type($) == "number" and $ % 1 == 0)', NONE)
makers.dim = makers.integer
makers.position = makers.integer
makers.boolean = plain('type($) == "boolean"', false)
makers.string = plain('type($) == "string"', 'nil', literal)
function makers.dtype(_, a) -- the core is also given codes
  return ('(%s == nil or codes[%s])'):format(a, a), ('if %s == nil then %s = %d else %s = codes[%s] or %s end'):format(a, a, NONE, a, a, a), a
end
function makers.device(_, a) return a .. ' == nil', ('if %s == nil then %s = %d end'):format(a, a, NONE), a end
function makers.generator(_, a) return a .. ' == nil', '', a end
makers.raw = makers.generator

-- lists travel in buffers that each generated function owns
local function list_maker(kind)
  return function(p, a)
    local pre = ('local %s_p, %s_n = fill_%s(buffers, %q, %s)'):format(a, a, kind, p.name, a)
    local test = kind == 'tensors' and 'false' or ('type(%s) == "number"'):format(a)
    if p.optional then test = ('(%s == nil or %s)'):format(a, test) end
    return test, pre, ('%s_p, %s_n'):format(a, a)
  end
end
makers.tensors, makers.integers, makers.numbers = list_maker('tensors'), list_maker('integers'), list_maker('numbers')
makers.dims, makers.positions = makers.integers, makers.integers

local template = [[
local C, Handle, new, istype, recover, codes, buffers, fill_tensors, fill_integers, fill_numbers = ...
local type, call = type, C.%s
local function core(%s)
  %s
  local status = call(%s)
  if status ~= 0 and recover(status) then
    %s
    status = call(%s)
    if status ~= 0 then recover(status, true) end
  end
  return %s
end
local function front(%s%s)
  if %s then return core(%s) end
  return buffers.read(core, %s%s)
end
return front, core
]]

local fillers, prefilled = {}, {} -- prefilled says that the numbers are in the buffer already

-- sizes given as numbers one by one, up to six of them: x:view(2, -1), tocha.zeros(3, 4)
local sizes_template = [[
local core, slow, buffers, prefilled, istype, Handle = ...
local type, buffer = type, buffers.%s
return function(%sn1, n2, n3, n4, n5, n6, extra, ...)
  if %stype(n1) == 'number' and n1 %% 1 == 0 and extra == nil then
    local count = 1
    buffer[0] = n1
    if type(n2) == 'number' and n2 %% 1 == 0 then
      buffer[1], count = n2, 2
      if type(n3) == 'number' and n3 %% 1 == 0 then
        buffer[2], count = n3, 3
        if type(n4) == 'number' and n4 %% 1 == 0 then
          buffer[3], count = n4, 4
          if type(n5) == 'number' and n5 %% 1 == 0 then
            buffer[4], count = n5, 5
            if type(n6) == 'number' and n6 %% 1 == 0 then
              buffer[5], count = n6, 6
            end
          end
        end
      end
    end
    if (count == 6 and true or count == 5 and n6 == nil or count == 4 and n5 == nil or count == 3 and n4 == nil or
      count == 2 and n3 == nil or
        count == 1 and n2 == nil) then
      buffers.count = count
      return core(%sprefilled)
    end
  end
  return slow(core, %sn1, n2, n3, n4, n5, n6, extra, ...)
end
]]

-- the fast path for variadic sizes, where they come first or right after a tensor and the rest can be left out
local function sizes_front(fn, name, core, slow, buffers)
  local params = arguments.given(fn)
  local at = params[1] and params[1].variadic and 1 or params[2] and params[2].variadic and params[1].kind == 'tensor' and 2
  if not at then return nil end
  for i = at + 1, #params do
    if not params[i].optional then return nil end
  end
  local first = at == 2 and 'a1, ' or ''
  local test = at == 2 and 'istype(Handle, a1) and ' or ''
  local chunk = assert(loadstring(sizes_template:format(params[at].name, first, test, first, first), '=tocha.' .. name))
  return chunk(core, slow, buffers, prefilled, ffi.istype, handle.type)
end

local function results_of(fn, form)
  if form == 'tc_i_' or fn.tags.self or fn.name:find('_$') and not fn.tags['function'] and schema.begins_with_tensor(fn) then return 'a1', nil end
  if fn.returns == 'void' then return '', nil end
  if fn.returns == 'bool' then return 'number[0] ~= 0', nil end
  if fn.returns ~= 'tc_tensor *' then return 'number[0]', nil end
  local names, list = {}, {'out'}
  for _, p in ipairs(fn.params) do
    if p.kind == 'result' then list[#list + 1] = 'r_' .. p.name end
  end
  for i, name in ipairs(list) do names[i] = i == 1 and name or ('(%s._t ~= nil and %s or nil)'):format(name, name) end
  return table.concat(names, ', '), list
end

function fillers.integers(buffers, name, v)
  if v == nil then return nil, 0 end
  local buffer = buffers[name]
  if v == prefilled then return buffer, buffers.count end
  if type(v) == 'number' then
    buffer[0] = v
    return buffer, 1
  end
  local n = #v
  if n > 64 then buffer = ffi.new('int64_t[?]', n) end
  for i = 1, n do buffer[i - 1] = v[i] end
  return buffer, n
end
function fillers.numbers(_, _, v)
  if v == nil then return nil, 0 end
  if type(v) == 'number' then v = {v} end
  return ffi.new('double[?]', math.max(#v, 1), v), #v
end
function fillers.tensors(buffers, name, v)
  if v == nil then return nil, 0 end
  local n, buffer = v.n or #v, buffers[name]
  if n > 64 then buffer = ffi.new('tc_handle *[?]', n) end
  for i = 1, n do buffer[i - 1] = v[i] or nil end
  return buffer, n
end

local function buffers_for(fn)
  local buffers = {}
  for _, p in ipairs(fn.params) do
    if p.kind == 'tensors' then buffers[p.name] = ffi.new('tc_handle *[64]')
    elseif p.kind == 'dims' or p.kind == 'integers' or p.kind == 'positions' then buffers[p.name] = ffi.new('int64_t[64]') end
  end
  return buffers
end

local number_out = ffi.new('double[1]')
local declared = {}

local function source_of(fn, form, symbol)
  local names, tests, pre, pass, count, variadic = {}, {}, {}, {}, 0, false
  local again = {} -- before a second call lists are read once more: their buffers may have served another call meanwhile
  local value, outs = results_of(fn, form)
  local makes_result = form == 'tc_h_' and fn.returns ~= 'void'
  if makes_result then pass[1] = fn.returns == 'tc_tensor *' and 'out' or 'number' end
  if makes_result and fn.returns == 'tc_tensor *' then
    for _, name in ipairs(outs or {'out'}) do pre[#pre + 1] = ('local %s = new()'):format(name) end
    for i = 2, #(outs or {}) do pass[#pass + 1] = outs[i] end
  elseif makes_result then
    pre[1] = 'local number = buffers.number'
  end
  for _, p in ipairs(fn.params) do
    if p.kind ~= 'result' then
      count = count + 1
      local a = 'a' .. count
      local test, before, expression = makers[p.kind](p, a)
      names[count], tests[count], pass[#pass + 1] = a, p.variadic and 'false' or test, expression
      if before ~= '' then pre[#pre + 1] = before end
      if before:find('_p, ', 1, true) then again[#again + 1] = before end
      variadic = variadic or p.variadic
    end
  end
  names, tests, pass = table.concat(names, ', '), table.concat(tests, ' and '), table.concat(pass, ', ')
  pre, again = table.concat(pre, '\n  '), table.concat(again, '\n  ')
  if tests == '' then tests = 'true' end
  local comma = names == '' and '' or names .. ', '
  local rest = variadic and '...' or 'extra'
  if not variadic then tests = tests .. ' and extra == nil' end
  return template:format(symbol, names, pre, pass, again, pass, value, comma, rest, tests, names, comma, rest)
end

-- The C call of each function made so far is an upvalue named `call`; debugging puts a function of its own around it (watch.lua).
local cores, around = {}, nil

local function enclose(core)
  local i = 1
  while true do
    local name, call = debug.getupvalue(core, i)
    if name == 'call' then return debug.setupvalue(core, i, around(call)) end
    i = i + 1
  end
end

--- From now on every operator of C runs inside f(call), which gives what takes the place of `call`. Once in a process.
function binding.enclose(f)
  around = f
  for _, core in ipairs(cores) do enclose(core) end
  jit.flush()
end

local function variadic(fn)
  for _, p in ipairs(fn.params) do
    if p.variadic then return true end
  end
end

local function generate(fn, form, name)
  local symbol = form .. fn.c:sub(4)
  if not declared[symbol] then
    ffi.cdef(schema.wrapper(fn, form) .. ';')
    declared[symbol] = true
  end
  local buffers = buffers_for(fn)
  buffers.number = number_out
  local chunk = assert(loadstring(source_of(fn, form, symbol), '=tocha.' .. name))
  local front, core = chunk(C, handle.type, handle.new, ffi.istype, binding.recover, dtype.codes, buffers, fillers.tensors, fillers.integers,
    fillers.numbers)
  local gives_new = results_of(fn, form):find('^out') ~= nil
  local reader = arguments.reader(fn, name, gives_new)
  buffers.read = reader
  local sizes = sizes_front(fn, name, core, reader, buffers)
  if sizes then front = sizes
  elseif not variadic(fn) then options.read_in(buffers, arguments.given(fn), name, front, reader, gives_new) end
  cores[#cores + 1] = core
  if around then enclose(core) end
  return front
end

---------------------------------------------------------------- the functions by name
-- The C side knows the names and where the header documents them (schema.keys says what keys are): a list of them in Lua would be
-- walked through by each collection.
local made = {}

local function describe(key)
  local at = C.tc_find_key(key)
  if at < 0 then return nil end
  return schema.parse(ffi.string(C.tc_key_text(at), C.tc_key_length(at)))[1], C.tc_key_inplace(at) and 'tc_i_' or 'tc_h_'
end

local function get(prefix, name)
  local key = prefix .. name
  local f = made[key]
  if f then return f end
  local fn, form = describe(key)
  if not fn then return nil end
  f = generate(fn, form, name)
  made[key] = f
  return f
end

--- tocha.NAME, x:NAME, tocha.SPACE.NAME; nil if there is none.
function binding.get(name) return get('', name) end
function binding.method(name) return get(':', name) end
function binding.in_space(space, name) return get(space .. '.', name) end

--- Functions that only the library uses.
function binding.hidden(name) return get('.', name) end

--- The names there are: of functions, of methods, or within a space.
function binding.names(of, space)
  local pattern, list, i = '^([%w_]+)$', {}, 0
  if of == 'method' then pattern = '^:([%w_]+)$' elseif of == 'space' then pattern = '^' .. space .. '%.([%w_]+)$' end
  local key = C.tc_key(0)
  while key ~= nil do
    list[#list + 1] = ffi.string(key):match(pattern)
    i = i + 1
    key = C.tc_key(i)
  end
  return list
end

--- The schema entry of a name, wherever it is: for help.
function binding.describe(name)
  local fn = describe(name) or describe(':' .. name)
  local i, key = 0, C.tc_key(0)
  while not fn and key ~= nil do
    key = ffi.string(key)
    if key:match('%w%.([%w_]+)$') == name then fn = describe(key) end
    i = i + 1
    key = C.tc_key(i)
  end
  return fn
end

--- All functions of the header, as schema.parse gives them.
function binding.functions() return schema.parse(ffi.string(C.tc_header())) end

return binding
