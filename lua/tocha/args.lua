--- Arguments of Lua functions: positional in PyTorch's order, the optional ones also by name in one trailing table.
--
--     local args = require 'tocha.args'
--     local read, store = args.spec('Conv2d', 'in_channels:int', 'out_channels:int', 'kernel_size:size',
--       'stride:size=1', 'bias:bool=true')
--     local i, o, k, stride, bias = read(3, 16, 3, {bias = false})     -- 3, 16, 3, 1, false
--     store(self, 3, 16, 3, 2)                                         -- self.in_channels = 3, ...
--
-- A parameter is `name`, `name:type`, `name=default` or `name:type=default`; without a default it is required. A
-- default is a number, a string in quotes, `true`, `false`, `inf` or `nil`. After a lone `*` parameters are given by
-- name only. `false` says None where booleans do not belong: it arrives as nil; numbers that have a default may be None
-- only with a `?`: `momentum:num?=0.1`. For each spec a function is generated, at its first call, that makes no garbage.
-- @module tocha.args

local ffi = require 'ffi'
local errors = require 'tocha.errors'

local args = {}

local here = debug.getinfo(1, 'S').source:gsub('args%.lua$', '')

--- The declared parameters of each function, by its name: for the documentation.
args.signatures = {}

--- What stands behind a function that only looks at arguments (see tocha.checked), for the documentation.
args.original = setmetatable({}, {__mode = 'k'})

--- Raises an error that blames the nearest line outside this library: a format and its values, as for `string.format`.
args.fail = errors.raise

--- What generated code is called, so that errors are not blamed on it.
function args.chunkname(name) return here .. 'args/' .. name end

--- True for a table of options: plain, without list items, with string keys if any.
function args.is_options(value)
  if type(value) ~= 'table' or getmetatable(value) ~= nil then return false end
  local key = next(value)
  return key == nil or (type(key) == 'string' and value[1] == nil)
end

local function is_int(v) return type(v) == 'number' and v % 1 == 0 end

local function is_ints(v)
  if type(v) ~= 'table' then return is_int(v) end
  for i = 1, #v do
    if not is_int(v[i]) then return false end
  end
  return #v > 0
end

local function is_callable(v)
  if type(v) ~= 'table' then return type(v) == 'function' end
  local mt = getmetatable(v)
  return type(mt) == 'table' and mt.__call ~= nil
end

local function has(field, takes)
  return {function(v) return type(v) == 'table' and v[field] ~= nil end, takes}
end

-- What a type accepts, and how a message says it.
local types = {
  int = {is_int, 'an integer'},
  num = {function(v) return type(v) == 'number' end, 'a number'},
  bool = {function(v) return type(v) == 'boolean' end, 'true or false'},
  off = {function(v) return v == false end, 'false (there is nothing of that kind to switch on)'},
  str = {function(v) return type(v) == 'string' end, 'a string'},
  size = {is_ints, 'an integer or a list of integers'},
  padding = {function(v) return type(v) == 'string' or is_ints(v) end,
    "an integer, a list of integers, 'same' or 'valid'"},
  list = {function(v) return type(v) == 'table' end, 'a list'},
  tensor = {function(v) return type(v) == 'cdata' and ffi.istype('tc_handle', v) end, 'a tensor'},
  callable = {is_callable, 'a function'},
  module = has('forward', 'a module'),
  optimizer = has('param_groups', 'an optimizer'),
  distribution = has('log_prob', 'a distribution'),
}

args.types = types

--- How a message shows a value: `'abc'`, `2.5`, `{1, 2}`, `a tensor [2 x 3]`; lists `inside` of a list shortly.
function args.show(value, inside)
  local kind = type(value)
  if kind == 'string' then return "'" .. value .. "'" end
  if kind == 'table' and getmetatable(value) == nil then
    if inside then return '{...}' end
    local parts = {}
    for i = 1, math.min(#value, 8) do
      local kind_of = type(value[i])
      parts[i] = (kind_of == 'table' or kind_of == 'cdata') and args.show(value[i], true) or tostring(value[i])
    end
    return '{' .. table.concat(parts, ', ') .. (#value > 8 and ', ...' or '') .. '}'
  end
  if kind == 'cdata' and require('tocha').is_tensor(value) then
    local sizes = {}
    for i = 1, value:dim() do sizes[i] = tostring(value:size(i)) end
    return 'a tensor [' .. table.concat(sizes, ' x ') .. ']'
  end
  return kind == 'number' and tostring(value) or kind == 'boolean' and tostring(value) or 'a ' .. kind
end

local function wrong(name, parameter, kind, value)
  args.fail('%s: %s: got %s, takes %s', name, parameter, args.show(value), types[kind][2])
end

local function known_names(parameters)
  local names = {}
  for i, p in ipairs(parameters) do names[i] = p.name end
  return table.concat(names, ', ')
end

-- Run only when options are given: every key must be a parameter that was not given before.
local function check_options(spec, options, given)
  for key in pairs(options) do
    local at = spec.position[key]
    if not at then
      args.fail("%s: unknown option '%s'; it takes %s", spec.name, tostring(key), known_names(spec.parameters))
    end
    if at <= given then args.fail('%s: %s is given twice, as argument %d and by name', spec.name, key, at) end
  end
end

local function missing(spec, i)
  local name, all = spec.parameters[i].name, known_names(spec.parameters)
  args.fail('%s: argument %d (%s) is missing; it takes %s', spec.name, i, name, all)
end

local function too_many(spec)
  args.fail('%s: too many arguments; it takes %s', spec.name, known_names(spec.parameters))
end

local function parse(text)
  local head, default = text:match('^([^=]+)=(.*)$')
  local name, kind, none = (head or text):match('^([%w_]+):?([%a]*)(%??)$')
  assert(name and (kind == '' or types[kind]), text)
  if default == 'inf' then default = 'math.huge' end
  return {name = name, kind = kind ~= '' and kind or nil, required = not head, default = default,
    counts = none == '' and default ~= 'nil' and (kind == 'int' or kind == 'num')}
end

local function parse_all(name, ...)
  local spec = {name = name, parameters = {}, position = {}, positional = nil}
  for i = 1, select('#', ...) do
    local text = select(i, ...)
    if text == '*' then
      spec.positional = #spec.parameters
    else
      local p = parse(text)
      spec.parameters[#spec.parameters + 1] = p
      spec.position[p.name] = #spec.parameters
    end
  end
  spec.positional = spec.positional or #spec.parameters
  return spec
end

-- The names in generated code are numbered: a parameter may be called `end`.
local function numbered(prefix, first, last)
  local out = {}
  for i = first, last do out[#out + 1] = prefix .. i end
  return table.concat(out, ', ')
end

-- The trailing table: the last argument that is not nil. Where an argument is required, an empty table is that
-- argument.
local function emit_options(spec, out)
  local n = spec.positional
  out[#out + 1] = 'local o, given = nil, 0'
  for i = n + 1, 1, -1 do
    local p = spec.parameters[i]
    local a, also = 'a' .. i, i <= n and p.required and ' and next(a' .. i .. ') ~= nil' or ''
    out[#out + 1] = ('%s %s ~= nil then'):format(i == n + 1 and 'if' or 'elseif', a)
    out[#out + 1] = ('  if type(%s) == "table" and is_options(%s)%s then'):format(a, a, also)
    out[#out + 1] = ('    o, %s, given = %s, nil, %d'):format(a, a, i - 1)
    out[#out + 1] = i == n + 1 and '  else too_many(spec) end' or '  end'
  end
  out[#out + 1] = 'end'
  out[#out + 1] = 'if o then check_options(spec, o, given)'
  for i, p in ipairs(spec.parameters) do
    out[#out + 1] = ('  if o[%q] ~= nil then a%s = o[%q] end'):format(p.name, i > n and 'k' .. i or i, p.name)
  end
  out[#out + 1] = 'end'
end

local function emit_parameter(i, p, a, out)
  if p.required then
    out[#out + 1] = ('if %s == nil then missing(spec, %d) end'):format(a, i)
  else
    if p.counts then
      out[#out + 1] = ('if %s == nil then %s = %s end'):format(a, a, p.default)
    elseif p.kind ~= 'bool' and p.default ~= 'true' and p.default ~= 'false' then
      out[#out + 1] = ('if %s == false then %s = nil elseif %s == nil then %s = %s end'):format(a, a, a, a, p.default)
    else
      out[#out + 1] = ('if %s == nil then %s = %s end'):format(a, a, p.default)
    end
  end
  if p.kind then
    out[#out + 1] = ('if %s ~= nil and not is_%s(%s) then wrong(name, %q, %q, %s) end'):format(a, p.kind, a, p.name,
      p.kind, a)
  end
end

local template = [[
local spec, is_options, check_options, missing, too_many, wrong, types = ...
local name = spec.name
local is_int, is_num, is_bool, is_str, is_size = types.int[1], types.num[1], types.bool[1], types.str[1], types.size[1]
local is_padding, is_list, is_tensor, is_callable = types.padding[1], types.list[1], types.tensor[1], types.callable[1]
local is_off = types.off[1]
local is_module, is_optimizer, is_distribution = types.module[1], types.optimizer[1], types.distribution[1]
return function(PARAMETERS, extra)
  if extra ~= nil then too_many(spec) end
  BODY
  RESULT
end]]

local function generate(spec, storing)
  local n, all = spec.positional, #spec.parameters
  local out, values, stores = {}, {}, {}
  if all > n then out[1] = 'local ' .. numbered('ak', n + 1, all) end
  emit_options(spec, out)
  for i, p in ipairs(spec.parameters) do
    values[i] = (i > n and 'ak' or 'a') .. i
    emit_parameter(i, p, values[i], out)
    stores[i] = ('self[%q] = %s'):format(p.name, values[i])
  end
  local parts = {
    PARAMETERS = (storing and 'self, ' or '') .. numbered('a', 1, n + 1), BODY = table.concat(out, '\n'),
    RESULT = storing and table.concat(stores, '\n') or 'return ' .. table.concat(values, ', '),
  }
  return (template:gsub('%u%u%u%u%u*', parts))
end

-- Most programs call few of the functions they load: what reads the arguments is made at the first call.
local function lazily(storing, name, texts)
  local made
  return function(...)
    if not made then
      local spec = parse_all(name, unpack(texts))
      local chunk = assert(loadstring(generate(spec, storing), args.chunkname(name)))
      made = chunk(spec, args.is_options, check_options, missing, too_many, wrong, types)
    end
    return made(...)
  end
end

--- Declares the parameters of a function or constructor.
-- @tparam string name what messages call it
-- @param ... the parameters, as the opening comment says
-- @treturn function read(...), which returns the value of each parameter in order
-- @treturn function store(t, ...), which sets a field of `t` for each
function args.spec(name, ...)
  local texts = {...}
  args.signatures[name] = args.signatures[name] or texts
  return lazily(false, name, texts), lazily(true, name, texts)
end

return args
