--- What there is to call: reads tocha.h and gives each function's C prototype, its signature in Lua, its documentation.
-- Used by the build (tools/handles.lua), by the binding at run time, by `?name` in the REPL and by the reference pages.
-- It needs nothing of the runtime.
-- @module tocha.schema

local schema = {}

if jit then jit.off(true, true) end -- it runs once, over short texts: compiling it takes longer than it saves

-- C types of parameters, and what they are to Lua. A pair of pointer and count is one list.
local kinds = {
  ['tc_tensor *'] = 'tensor', ['tc_operand *'] = 'operand', ['tc_indices *'] = 'indices', ['double'] = 'number', ['int64_t'] = 'integer',
  ['int32_t'] = 'integer', ['int'] = 'integer', ['bool'] = 'boolean', ['tc_dim'] = 'dim', ['tc_index'] = 'position', ['tc_dtype'] = 'dtype',
  ['tc_device'] = 'device', ['const char *'] = 'string', ['tc_generator *'] = 'generator', ['tc_tensor **'] = 'result',
}
local lists = {
  ['tc_tensor *const *'] = 'tensors', ['const tc_dim *'] = 'dims', ['const int64_t *'] = 'integers', ['const double *'] = 'numbers',
  ['const tc_index *'] = 'positions',
}

local function trim(s) return (s:gsub('^%s+', ''):gsub('%s+$', '')) end

-- 'tc_tensor *const *xs' as type and name
local function split_parameter(text)
  local ctype, name = trim(text):match('^(.-)([%w_]+)$')
  return trim(ctype), name
end

local function parse_parameters(text)
  local raw, params = {}, {}
  if trim(text) ~= 'void' and trim(text) ~= '' then
    for part in text:gmatch('[^,]+') do
      local ctype, name = split_parameter(part)
      raw[#raw + 1] = {type = ctype, name = name}
    end
  end
  local i = 1
  while raw[i] do
    local p, following = raw[i], raw[i + 1]
    local list = lists[p.type]
    if list and following and following.type == 'int' and following.name == 'n_' .. p.name then
      params[#params + 1] = {kind = list, type = p.type, name = p.name}
      i = i + 1
    else
      params[#params + 1] = {kind = kinds[p.type] or 'raw', type = p.type, name = p.name}
    end
    i = i + 1
  end
  return params
end

local literals = {['nil'] = {}, ['true'] = {value = true}, ['false'] = {value = false}, inf = {value = math.huge},
  ['-inf'] = {value = -math.huge}}

local function parse_default(text)
  local known = literals[text]
  if known then return known.value end
  local quoted = text:match("^'(.*)'$")
  if quoted then return quoted end
  local number = tonumber(text)
  if number == nil then error('tocha.h: a default that is no literal: ' .. text) end
  return number
end

-- 'input, dim = nil, *, dtype = nil, size...' as a list of {name, default, optional, keyword, variadic}
local function parse_signature(text)
  local list, keyword = {}, false
  for part in text:gmatch('[^,]+') do
    part = trim(part)
    if part == '*' then
      keyword = true
    elseif part ~= '' then
      local name, default = part:match('^([%w_]+)%s*=%s*(.+)$')
      local variadic = part:match('^([%w_]+)%.%.%.$')
      list[#list + 1] = {name = name or variadic or part, optional = name ~= nil, keyword = keyword, variadic = variadic ~= nil,
        default = default and parse_default(default)}
    end
  end
  return list
end

local function parse_tags(text)
  local tags = {}
  local body = text:gsub('@(%l+)([^@]*)', function(tag, rest)
    local words = {}
    for word in rest:gmatch('%S+') do words[#words + 1] = word end
    tags[tag] = words
    return ''
  end)
  return tags, trim(body)
end

-- joins what the doc comment says of each argument to the C parameter
local function join(fn, signature)
  local position = 0
  for _, p in ipairs(fn.params) do
    if p.kind ~= 'result' then
      position = position + 1
      local s = signature[position]
      if not s then error('tocha.h: ' .. fn.name .. ': the comment does not name parameter ' .. p.name) end
      p.lua, p.optional, p.default, p.keyword, p.variadic = s.name, s.optional, s.default, s.keyword, s.variadic
    end
  end
  if signature[position + 1] then error('tocha.h: ' .. fn.name .. ': the comment names too much: ' .. signature[position + 1].name) end
end

local function describe(fn, doc)
  local name, signature, text = doc:match('^([%w_]+)(%b())%s*(.*)$')
  if not name then error('tocha.h: a comment without a signature: ' .. doc) end
  fn.tags, fn.text = parse_tags(text)
  fn.name = fn.tags.name and fn.tags.name[1] or name
  fn.signature = signature
end

-- the parameters are read when somebody asks for them: at most few functions are called by a program, and it starts sooner
local lazy = {__index = function(fn, key)
  if key ~= 'params' then return nil end
  fn.params = parse_parameters(fn.parameters)
  if fn.signature then join(fn, parse_signature(fn.signature:sub(2, -2))) end
  return fn.params
end}

--- Is the first parameter a tensor (or a number in its place)? Without reading the others.
function schema.begins_with_tensor(fn)
  local first = fn.parameters:match('^[^,]*[%w_]')
  local kind = first and kinds[(split_parameter(first))]
  return kind == 'tensor' or kind == 'operand'
end

--- Does the function collect garbage, when memory is tight, before it makes its tensor? Those do whose arguments can be read a second time.
function schema.collects_first(fn)
  if fn.returns ~= 'tc_tensor *' then return false end
  for _, p in ipairs(fn.params) do
    if p.variadic then return false end
  end
  return true
end

--- Reads the text of tocha.h.
-- @param text the header
-- @return list of functions in order: `c` (its C name), `returns` (C type), `parameters` (as in C), `params` (kind, type, name; for
--   documented ones also lua, optional, default, keyword, variadic), and for documented ones `name`, `signature`, `text`, `tags`,
--   `first` and `last` (where comment and declaration begin and end in the text)
function schema.parse(text)
  local functions, doc, first = {}, nil, nil
  for at, line in text:gmatch('()([^\n]*)') do
    local comment = line:match('^///%s?(.*)$')
    if comment then
      first = doc and first or at
      doc = doc and doc .. ' ' .. trim(comment) or comment
    else
      local returns, name, params = line:match('^([%a_][%w_ ]*[%w_]%s*%**)%s*(tc_[%w_]+)%((.*)%);')
      if not returns then returns, name, params = line:match('^(.-)%s*(luaopen_[%w_]+)%((.*)%);') end
      if name then
        local fn = setmetatable({c = name, returns = trim(returns), parameters = params}, lazy)
        if doc then
          describe(fn, doc)
          fn.first, fn.last = first, at + #line - 1
        end
        functions[#functions + 1] = fn
        doc = nil
      elseif line ~= '' then
        doc = nil
      end
    end
  end
  return functions
end

--- The C declaration of a function's wrapper, as both the build and the FFI see it.
-- @param fn a documented function from `parse`
-- @param prefix 'tc_h_' for the plain form, 'tc_i_' for the in-place one
function schema.wrapper(fn, prefix)
  local args = {}
  local function add(text) args[#args + 1] = text end
  if prefix == 'tc_h_' then
    if fn.returns == 'tc_tensor *' then add('tc_handle *out')
    elseif fn.returns ~= 'void' then add('double *out') end
    for _, p in ipairs(fn.params) do
      if p.kind == 'result' then add('tc_handle *' .. p.name) end
    end
  end
  for _, p in ipairs(fn.params) do
    local kind, name = p.kind, p.name
    if kind == 'tensor' or kind == 'indices' then add('const tc_handle *' .. name)
    elseif kind == 'operand' then
      add('const tc_handle *' .. name)
      add('double ' .. name .. '_number')
      if p.optional then add('bool ' .. name .. '_given') end
    elseif kind == 'tensors' then
      add('tc_handle *const *' .. name)
      add('int n_' .. name)
    elseif kind == 'dims' or kind == 'integers' or kind == 'positions' then
      add('const int64_t *' .. name)
      add('int n_' .. name)
    elseif kind == 'numbers' then
      add('const double *' .. name)
      add('int n_' .. name)
    elseif kind == 'dim' or kind == 'position' then add('int64_t ' .. name)
    elseif kind ~= 'result' then add(p.type .. (p.type:find('%*$') and '' or ' ') .. name)
    end
  end
  return string.format('int %s%s(%s)', prefix, fn.c:sub(4), #args > 0 and table.concat(args, ', ') or 'void')
end

--- Which wrappers a function has: the plain form, and the in-place one for @inplace and @mutates.
function schema.forms(fn)
  if not fn.name then return {} end
  if fn.tags.mutates then return {'tc_i_'} end
  if fn.tags.inplace then return {'tc_h_', 'tc_i_'} end
  return {'tc_h_'}
end

-- 'linalg_norm' is called norm in the space linalg
local function short_name(name, space)
  local prefix = space:lower() .. '_'
  return name:sub(1, #prefix) == prefix and name:sub(#prefix + 1) or name
end

--- Under which keys Lua finds a function: 'abs' is tocha.abs, ':abs' is x:abs, 'F.relu' a name of the space F, '.abs' what only the
-- library may call.
-- @return list of {key, form}, form as in `schema.forms`
function schema.keys(fn)
  local keys = {}
  local method = not fn.tags['function'] and schema.begins_with_tensor(fn)
  for _, form in ipairs(schema.forms(fn)) do
    for _, name in ipairs{fn.name, unpack(fn.tags.alias or {})} do
      if form == 'tc_i_' and not name:find('_$') then name = name .. '_' end
      local function add(key) keys[#keys + 1] = {key, form} end
      if fn.tags.only then
        add('.' .. name)
      else
        if not fn.tags.method then add(name) end
        if method or form == 'tc_i_' then add(':' .. name) end
        for _, space in ipairs(fn.tags['in'] or {}) do add(space .. '.' .. short_name(name, space)) end
      end
    end
  end
  return keys
end

return schema
