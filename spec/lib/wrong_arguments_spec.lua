--- What a user may have in mind wrongly is told to him: no function or class lets an error of its own inside show.

local S = require 'spec.support'

local script = [==[
local tocha = require 'tocha'
local names = require 'tocha.repl.names'
require('tocha.library').C.tc_set_memory_limit(1e9)
tocha.set_num_threads(1)

-- parts that are no interface, ask the system, or switch something on for the process
local skipped = {'^tocha%.errors', '^tocha%.distributions%.utils', '^tocha%.cuda', '^tocha%.debug', '^tocha%.handles', 'Print', 'print', 'set_',
  'interop', 'manual_seed', 'file_write', 'register_', '%.seed$', '%.start$', 'profile', 'nn%.Module', 'nn%.RNNBase', 'class$', 'draw'}
local found, seen = {}, {}
local function crawl(path, t, depth)
  if seen[t] then return end
  seen[t] = true
  for _, name in ipairs(names.of(t)) do
    local v, full = t[name], path .. '.' .. name
    local skip = name:find('^_')
    for _, pattern in ipairs(skipped) do skip = skip or full:find(pattern) end
    if not skip and type(v) == 'function' then found[#found + 1] = {full, v} end
    if not skip and type(v) == 'table' then
      local mt = getmetatable(v)
      if rawget(v, '__init') then found[#found + 1] = {full, v, class = true}
      elseif depth < 3 and not rawget(v, '__index') and not (mt and mt.__name) then crawl(full, v, depth + 1) end
    end
  end
end
crawl('tocha', tocha, 0)

local problems, calls = {}, 0
local function try(name, f, ...)
  calls = calls + 1
  local ok, result = pcall(f, ...)
  if ok then return result end
  local ours = type(result) ~= 'string' or result:find('lua/tocha/[%w_/]*%.lua:%d') or result:find('attempt to') or result:find('bad argument')
  if ours then problems[#problems + 1] = name .. ': ' .. tostring(result) end
end
local x = tocha.ones(2, 3)
local sets = {{}, {'bogus'}, {{}}, {x}, {-1}, {x, 'bogus'}, {x, {}}, {{x}, 1.5}, {print}, {2, x}, {tocha.nn.ReLU()}}
for _, entry in ipairs(found) do
  local name, f = entry[1], entry[2]
  for _, set in ipairs(sets) do
    local made = try(name, f, unpack(set))
    if entry.class and type(made) == 'table' and made.forward and getmetatable(made).__call then
      for _, input in ipairs{'bogus', {}, x} do try(name .. '()', made, input) end
      try(name .. '()', made)
    end
  end
end
os.remove 'bogus' -- what writes files has written one of that name
print('calls', calls, 'problems', #problems)
print(table.concat(problems, '\n'))
]==]

describe('wrong arguments', function()
  it('are named by each function, not met inside of it', function()
    local output = S.runs(script)
    assert(tonumber(output:match('calls%s+(%d+)')) > 5000, output)
    assert(output:find('problems%s+0\n'), output)
  end)
end)
