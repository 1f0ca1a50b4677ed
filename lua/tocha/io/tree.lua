--- Nested Lua tables as JSON beside their tensors, and back: what a safetensors file alone cannot say. Numbers, strings
-- and booleans stand for themselves, a list is an array, other values are objects of one key:
--     {"tensor": name}  {"table": [[key, value], ...]}  {"number": "inf"}  {"int64": "123"}
-- Tensors are named after their place: `model.fc1.weight`, `optimizer.state.1.exp_avg`.
-- @module tocha.io.tree

local ffi = require 'ffi'
local tocha = require 'tocha'
local json = require 'tocha.io.json'

local tree = {}
local is_tensor = tocha.is_tensor

-- ------------------------------------------------------------------------------------------------- writing

local function fail(path, what)
  error({tree = ('%s %s'):format(path == '' and 'the value' or path, what)}, 0)
end

local function show_key(key)
  if type(key) == 'number' and key % 1 == 0 then return ('%.0f'):format(key) end
  return tostring(key)
end

local function join(path, key)
  key = show_key(key)
  return path == '' and key or path .. '.' .. key
end

local function encode_number(v)
  if v ~= v then return '{"number":"nan"}' end
  if v == math.huge then return '{"number":"inf"}' end
  if v == -math.huge then return '{"number":"-inf"}' end
  return json.number(v)
end

-- A name for a tensor that no other has; the same tensor gets the same name again.
local function name_tensor(out, x, path)
  if out.name_of[x] then return out.name_of[x] end
  local name, n = path == '' and 'tensor' or path, 1
  while out.by_name[name] or name == '__metadata__' do
    n = n + 1
    name = path .. '~' .. n
  end
  out.by_name[name], out.name_of[x] = x, name
  out.names[#out.names + 1] = name
  return name
end

local function key_order(a, b)
  if type(a) ~= type(b) then return type(a) < type(b) end
  if type(a) == 'boolean' then return a and not b end
  return a < b
end

local function sorted_keys(t, path)
  local keys = {}
  for key in pairs(t) do
    local kind = type(key)
    local finite = kind == 'number' and key == key and math.abs(key) < math.huge
    if kind ~= 'string' and kind ~= 'boolean' and not finite then
      fail(path, ('has a key that is a %s; takes strings, numbers and booleans'):format(kind))
    end
    keys[#keys + 1] = key
  end
  table.sort(keys, key_order)
  return keys
end

local encode

local function encode_table(out, t, path)
  if getmetatable(t) ~= nil then
    local name = type(t.state_dict) == 'function' and 'an object; save its state_dict()' or 'a table with a metatable'
    fail(path, 'is ' .. name)
  end
  if out.open[t] then fail(path, 'contains itself') end
  out.open[t] = true
  local keys, parts = sorted_keys(t, path), {}
  local list = #keys > 0 and #keys == #t and keys[1] == 1 and keys[#keys] == #keys
  for i, key in ipairs(keys) do
    local value = encode(out, t[key], join(path, key))
    parts[i] = list and value or ('[%s,%s]'):format(encode(out, key, path), value)
  end
  out.open[t] = nil
  local body = '[' .. table.concat(parts, ',') .. ']'
  return list and body or '{"table":' .. body .. '}'
end

function encode(out, v, path)
  local kind = type(v)
  if kind == 'number' then return encode_number(v) end
  if kind == 'string' then return json.quote(v) end
  if kind == 'boolean' then return tostring(v) end
  if kind == 'table' then return encode_table(out, v, path) end
  if is_tensor(v) then return ('{"tensor":%s}'):format(json.quote(name_tensor(out, v, path))) end
  if kind == 'cdata' and ffi.istype('int64_t', v) then
    return ('{"int64":"%s"}'):format((tostring(v):gsub('LL$', '')))
  end
  fail(path, ('is a %s; takes tensors, numbers, strings, booleans and tables of them'):format(kind))
end

-- Is it a table of tensors by name, which a plain file holds as it is?
local function is_flat(value)
  if type(value) ~= 'table' or getmetatable(value) ~= nil or next(value) == nil then return false end
  local seen = {}
  for key, x in pairs(value) do
    if type(key) ~= 'string' or key == '__metadata__' or not is_tensor(x) or seen[x] then return false end
    if (tostring(x.dtype):find('complex128', 1, true)) then return false end
    seen[x] = true
  end
  return true
end

--- Takes a value apart.
-- @return list of names in order, table of tensors by name, and the JSON that puts them together (nil for a plain table
-- of tensors by name); or nil and what cannot be saved, and where
function tree.encode(value)
  local out = {names = {}, by_name = {}, name_of = {}, open = {}}
  local ok, text = pcall(encode, out, value, '')
  if not ok then
    if type(text) == 'table' and text.tree then return nil, text.tree end
    error(text, 0)
  end
  return out.names, out.by_name, not is_flat(value) and text or nil
end

-- ------------------------------------------------------------------------------------------------- reading

local special = {nan = 0 / 0, inf = math.huge, ['-inf'] = -math.huge}
local decode

local function bad(what) error({tree = 'its table of contents ' .. what}, 0) end

local function decode_table(entries, tensors)
  if getmetatable(entries) ~= json.array then bad('has a table that is no array') end
  local out = {}
  for _, entry in ipairs(entries) do
    if getmetatable(entry) ~= json.array or #entry ~= 2 then bad('has an entry that is not [key, value]') end
    local key = decode(entry[1], tensors)
    local kind = type(key)
    if key ~= key or (kind ~= 'string' and kind ~= 'number' and kind ~= 'boolean') then
      bad('has a key that cannot be one')
    end
    if out[key] ~= nil then bad(('has the key %s twice'):format(tostring(key))) end
    out[key] = decode(entry[2], tensors)
  end
  return out
end

local function decode_object(node, tensors)
  local kind, value = next(node)
  if kind == nil or next(node, kind) ~= nil then bad('has an object that is not of one key') end
  if kind == 'table' then return decode_table(value, tensors) end
  if type(value) ~= 'string' then bad(("has a %s that is no string"):format(kind)) end
  if kind == 'tensor' then
    local x = tensors[value]
    if x == nil then bad(("names a tensor '%s' that is not there"):format(value)) end
    return x
  end
  if kind == 'number' and special[value] then return special[value] end
  if kind == 'int64' and value:find('^%-?%d+$') and #value <= 20 then
    local negative, n = value:sub(1, 1) == '-', ffi.new('int64_t', 0)
    for digit in value:gmatch('%d') do n = n * 10 + tonumber(digit) end
    return negative and -n or n
  end
  bad(("has a '%s' that is not known"):format(kind))
end
-- LuaJIT from before April 2022 (Debian 12 has it) can compile a `next` that comes back with nil into a crash (its issue 829).
jit.off(decode_object)

function decode(node, tensors)
  if type(node) ~= 'table' then return node end
  if node == json.null then bad('has a null') end
  if getmetatable(node) == json.object then return decode_object(node, tensors) end
  local out = {}
  for i, item in ipairs(node) do out[i] = decode(item, tensors) end
  return out
end

--- Puts a value together again.
-- @tparam string text the JSON
-- @tparam table tensors by name
-- @return true and the value; or false and what is wrong
function tree.decode(text, tensors)
  local node, problem = json.decode(text)
  if problem then return false, 'its table of contents is no JSON: ' .. problem end
  local ok, value = pcall(decode, node, tensors)
  if ok then return true, value end
  if type(value) == 'table' and value.tree then return false, value.tree end
  error(value, 0)
end

return tree
