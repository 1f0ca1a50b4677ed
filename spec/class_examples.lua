--- Runs the examples of classes: `expression  --> value` must hold, value being a number, a boolean, a text in quotes or a list of such.
-- @module spec.class_examples

local tocha = require 'tocha'

local E = {}

--- What examples find without asking.
E.environment = setmetatable({
  tocha = tocha, nn = tocha.nn, F = tocha.nn.functional, optim = tocha.optim, lr_scheduler = tocha.optim.lr_scheduler,
  D = tocha.distributions, infer = tocha.infer, utils = tocha.utils, data = tocha.utils.data,
}, {__index = _G})

-- tensors and lists as nested lists of numbers, booleans and texts
local function plain(value)
  if tocha.is_tensor(value) then
    value = value:detach()
    return value:dim() == 0 and plain(value:item()) or plain(value:totable())
  end
  if type(value) == 'cdata' then return tonumber(value) end
  if type(value) ~= 'table' or getmetatable(value) and not rawget(value, 1) then
    if type(value) == 'table' then return tostring(value) end
    return value
  end
  local out = {}
  for i = 1, #value do out[i] = plain(value[i]) end
  return out
end

--- A value as an example shows it.
function E.show(value)
  value = plain(value)
  if type(value) == 'table' then
    local parts = {}
    for i, v in ipairs(value) do parts[i] = E.show(v) end
    return '{' .. table.concat(parts, ', ') .. '}'
  end
  if type(value) == 'number' then
    if value ~= value then return 'nan' end
    return ('%.4g'):format(value)
  end
  if type(value) == 'string' then return ('%q'):format(value):gsub('^"(.*)"$', "'%1'") end
  return tostring(value)
end

local function close(a, b)
  if type(a) ~= type(b) then return false end
  if type(a) == 'number' then return a == b or a ~= a and b ~= b or math.abs(a - b) <= 2e-4 + 2e-3 * math.abs(b) end
  if type(a) ~= 'table' then return a == b end
  if #a ~= #b then return false end
  for i = 1, #a do
    if not close(a[i], b[i]) then return false end
  end
  return true
end

local constants = {nan = 0 / 0, inf = math.huge}
local function parse(text)
  local chunk = assert(loadstring('return ' .. text), 'the expected value is no value: ' .. text)
  return setfenv(chunk, constants)()
end

-- Lines as one chunk; what stands before an arrow is handed to `check` with the number of its line.
local function chunk_of(lines)
  local out, expected = {}, {}
  for i, line in ipairs(lines) do
    local code, want = line:match('^(.-)%s*%-%->%s*(.-)%s*$')
    if code then
      expected[i] = want
      line = ('__check(%d, %s)'):format(i, code)
    end
    out[i] = line
  end
  return table.concat(out, '\n'), expected
end

--- Runs one example.
-- @tparam table lines
-- @treturn int how many arrows there are
-- @treturn table the lines that do not hold: {line number, what is there}
function E.run(lines)
  local code, expected = chunk_of(lines)
  local n, wrong = 0, {}
  local environment = setmetatable({__check = function(i, ...)
    n = n + 1
    local value = plain((...))
    if expected[i] == '?' or not close(value, parse(expected[i])) then wrong[#wrong + 1] = {i, E.show((...))} end
  end}, {__index = E.environment})
  tocha.manual_seed(1)
  setfenv(assert(loadstring(code, '=example')), environment)()
  return n, wrong
end

return E
