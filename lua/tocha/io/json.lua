--- A small strict reader and writer of JSON (RFC 8259), for the headers of files. Objects and arrays come as tables
-- of the
-- metatables `json.object` and `json.array`, null as `json.null`. A key that comes twice is an error.
-- @module tocha.io.json

local json = {object = {}, array = {}, null = setmetatable({}, {__tostring = function() return 'null' end})}

local DEEPEST = 2000

local function fail(text, at, what)
  error({json = ('%s at byte %d'):format(what, math.min(at, #text + 1))}, 0)
end

local function skip(text, at) return text:find('[^ \t\r\n]', at) or #text + 1 end

-- ------------------------------------------------------------------------------------------------- strings

local escapes = {['"'] = '"', ['\\'] = '\\', ['/'] = '/', b = '\b', f = '\f', n = '\n', r = '\r', t = '\t'}
local char, floor = string.char, math.floor

local function utf8(code)
  if code < 0x80 then return char(code) end
  if code < 0x800 then return char(0xC0 + floor(code / 64), 0x80 + code % 64) end
  if code < 0x10000 then return char(0xE0 + floor(code / 4096), 0x80 + floor(code / 64) % 64, 0x80 + code % 64) end
  return char(0xF0 + floor(code / 262144), 0x80 + floor(code / 4096) % 64, 0x80 + floor(code / 64) % 64,
    0x80 + code % 64)
end

local function hex4(text, at)
  local digits = text:match('^%x%x%x%x', at)
  if not digits then fail(text, at, 'four hexadecimal digits expected') end
  return tonumber(digits, 16)
end

-- \uXXXX, or a pair of them for what lies beyond 16 bits; `at` is the first digit
local function unicode(text, at)
  local code = hex4(text, at)
  if code >= 0xDC00 and code <= 0xDFFF then fail(text, at, 'second half of a surrogate pair without the first') end
  if code < 0xD800 or code > 0xDBFF then return utf8(code), at + 4 end
  if text:sub(at + 4, at + 5) ~= '\\u' then fail(text, at, 'first half of a surrogate pair without the second') end
  local low = hex4(text, at + 6)
  if low < 0xDC00 or low > 0xDFFF then fail(text, at, 'first half of a surrogate pair without the second') end
  return utf8(0x10000 + (code - 0xD800) * 0x400 + low - 0xDC00), at + 10
end

local function read_string(text, at)
  local parts, from = {}, at + 1
  while true do
    local stop = text:find('["\\%c]', from)
    if not stop then fail(text, #text + 1, 'string without an end') end
    parts[#parts + 1] = text:sub(from, stop - 1)
    local c = text:sub(stop, stop)
    if c == '"' then return table.concat(parts), stop + 1 end
    if c == '\127' then
      parts[#parts + 1], from = c, stop + 1
    elseif c ~= '\\' then
      fail(text, stop, 'control character in a string')
    else
      local e = text:sub(stop + 1, stop + 1)
      if e == 'u' then
        parts[#parts + 1], from = unicode(text, stop + 2)
      else
        if not escapes[e] then fail(text, stop, 'unknown escape') end
        parts[#parts + 1], from = escapes[e], stop + 2
      end
    end
  end
end

-- ------------------------------------------------------------------------------------------------- values

local function read_number(text, at)
  local digits = text:match('^%-?%d+', at)
  if not digits or digits:match('^%-?0%d') then fail(text, at, 'malformed number') end
  local stop = at + #digits
  local fraction = text:match('^%.%d+', stop)
  if fraction then stop = stop + #fraction end
  local power = text:match('^[eE][+-]?%d+', stop)
  if power then stop = stop + #power end
  if text:find('^[%.eE%w+-]', stop) then fail(text, stop, 'malformed number') end
  return tonumber(text:sub(at, stop - 1)), stop
end

local words = {{'true', true}, {'false', false}, {'null', json.null}}
local read_value

local function read_array(text, at, depth)
  local out, n = setmetatable({}, json.array), 0
  at = skip(text, at + 1)
  if text:sub(at, at) == ']' then return out, at + 1 end
  while true do
    n = n + 1
    out[n], at = read_value(text, at, depth)
    at = skip(text, at)
    local c = text:sub(at, at)
    if c == ']' then return out, at + 1 end
    if c ~= ',' then fail(text, at, "',' or ']' expected") end
    at = skip(text, at + 1)
  end
end

local function read_object(text, at, depth)
  local out = setmetatable({}, json.object)
  at = skip(text, at + 1)
  if text:sub(at, at) == '}' then return out, at + 1 end
  while true do
    if text:sub(at, at) ~= '"' then fail(text, at, 'a key in quotes expected') end
    local key, after = read_string(text, at)
    if rawget(out, key) ~= nil then fail(text, at, ("key '%s' a second time"):format(key)) end
    at = skip(text, after)
    if text:sub(at, at) ~= ':' then fail(text, at, "':' expected") end
    out[key], at = read_value(text, skip(text, at + 1), depth)
    at = skip(text, at)
    local c = text:sub(at, at)
    if c == '}' then return out, at + 1 end
    if c ~= ',' then fail(text, at, "',' or '}' expected") end
    at = skip(text, at + 1)
  end
end

function read_value(text, at, depth)
  if depth > DEEPEST then fail(text, at, 'nested too deeply') end
  local c = text:sub(at, at)
  if c == '{' then return read_object(text, at, depth + 1) end
  if c == '[' then return read_array(text, at, depth + 1) end
  if c == '"' then return read_string(text, at) end
  for _, word in ipairs(words) do
    if text:sub(at, at + #word[1] - 1) == word[1] then return word[2], at + #word[1] end
  end
  if c:find('[%-%d]') then return read_number(text, at) end
  fail(text, at, c == '' and 'the end where a value is expected' or 'a value expected')
end

--- Reads one value, which may have white space around it.
-- @tparam string text
-- @return the value; or nil and what is wrong, with the byte where it is
function json.decode(text)
  local ok, value, at = pcall(read_value, text, skip(text, 1), 0)
  if ok then
    at = skip(text, at)
    if at <= #text then return nil, ('something after the value at byte %d'):format(at) end
    return value
  end
  if type(value) == 'table' and value.json then return nil, value.json end
  error(value, 0)
end

-- ------------------------------------------------------------------------------------------------- writing

local function escape(c) return ('\\u%04x'):format(c:byte()) end

--- A string as JSON. Bytes beyond ASCII stay as they are.
function json.quote(s) return '"' .. s:gsub('[%c"\\]', escape) .. '"' end

--- A finite number as JSON, exactly.
function json.number(v)
  if v % 1 == 0 and math.abs(v) < 2 ^ 53 and (v ~= 0 or 1 / v > 0) then return ('%.0f'):format(v) end
  return ('%.17g'):format(v)
end

return json
