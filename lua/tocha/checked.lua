--- Functions of Lua that look at their first arguments before they run, so that a wrong one is no error in the middle of their work.
--
--     local checked = require 'tocha.checked'
--     choose.dist = checked('dist', choose.dist, 'input:tensor', 'other:tensor', 'p:num?')
--
-- An argument is `name:kind`, with `?` behind it if nil will do, or `name` alone if anything will. What reads options needs `tocha.args` instead.
-- @module tocha.checked

local args = require 'tocha.args'

local kinds = {}
for kind, entry in pairs(args.types) do kinds[kind] = entry end

kinds.any = {function(v) return v ~= nil end, 'a value'}
local function is_constraint(v) return type(v) == 'table' and v.check ~= nil end
kinds.constraint = {is_constraint, 'a constraint'}
kinds.constraints = {function(v)
  if type(v) ~= 'table' or #v == 0 then return false end
  for i = 1, #v do
    if not is_constraint(v[i]) then return false end
  end
  return true
end, 'a list of constraints'}
kinds.dataset = {function(v) return type(v) == 'table' and v.get ~= nil and v.len ~= nil end, 'a dataset'}
local function test_of(text)
  local name, kind, optional = text:match('^([%w_]+):?(%a*)(%??)$')
  if kind == '' then return name end
  local test = kinds[kind][1]
  if optional == '' then return name, kind, test end
  return name, kind, function(v) return v == nil or test(v) end
end

-- `place` counts as the user does: without self
local function refuse(who, names, words, i, value)
  local place = names[1] == 'self' and i - 1 or i
  if value == nil then args.fail('%s: argument %d (%s) is missing; it takes %s', who, place, names[i], words[i]) end
  args.fail('%s: %s: got %s, takes %s', who, names[i], args.show(value), words[i])
end

local checked = {}

--- f with its arguments checked.
-- @param who what messages call it
-- @param f the function
-- @param ... up to four arguments; those behind them pass as they are
-- @return the function
function checked.one(who, f, ...)
  local names, words, tests = {}, {}, {}
  for i, text in ipairs{...} do
    local name, kind, test = test_of(text)
    names[i], words[i], tests[i] = name, kind and kinds[kind][2], test or false
  end
  local t1, t2, t3, t4 = tests[1], tests[2], tests[3], tests[4]
  local function look(a, b, c, d)
    if t1 and not t1(a) then refuse(who, names, words, 1, a) end
    if t2 and not t2(b) then refuse(who, names, words, 2, b) end
    if t3 and not t3(c) then refuse(who, names, words, 3, c) end
    if t4 and not t4(d) then refuse(who, names, words, 4, d) end
  end
  -- how many arguments there are is passed on as well, since f may count them
  local function looking(...)
    look(...)
    return f(...)
  end
  args.original[looking] = args.original[f] or f
  return looking
end

--- Puts checked functions in place of those in a table.
-- @param t where they are
-- @param prefix of their names in messages: '' or 'infer.'
-- @param list what each takes, by name: {dist = 'input:tensor other:tensor p:num?'}
function checked.all(t, prefix, list)
  for name, text in pairs(list) do
    local arguments = {}
    for word in text:gmatch('%S+') do arguments[#arguments + 1] = word end
    t[name] = checked.one(prefix .. name, t[name], unpack(arguments))
  end
end

return setmetatable(checked, {__call = function(_, ...) return checked.one(...) end})
