--- The options at the end of a call: `x:sum(2, {keepdim = true})`. A function that is called so gets a reader of its own, which moves what the
-- table holds into the places of the arguments and calls the fast path. It compiles into the caller's trace; the general reader of
-- arguments.lua, which also says what is wrong with a call, takes ten microseconds.
-- @module tocha.options

local arguments = require 'tocha.arguments'

local options = {}

-- Has o no keys but the `count` that were found in it? Up to four.
local function has_only(o, count)
  local key = next(o)
  if count > 1 then key = next(o, key) end
  if count > 2 then key = next(o, key) end
  if count > 3 then key = next(o, key) end
  return count <= 4 and next(o, key) == nil
end

-- The table is what stands last. Whatever is out of the ordinary (a value given twice, unknown keys, a table inside) spoils the count.
local template = [[
local front, general, into, has_only = ...
local type, getmetatable = type, getmetatable
local SPOILED = -1000
return function(core, %s, extra)
  local %s, o = %s, nil
  %s
  if type(o) == 'table' and o[1] == nil and getmetatable(o) == nil then
    local count, v, out = 0, nil, nil
    %s
    if count > 0 and has_only(o, count) then
      if out ~= nil then return into(out, front(%s)) end
      return front(%s)
    end
  end
  return general(core, %s, extra)
end
]]

local function joined(count, separator, format)
  local list = {}
  for i = 1, count do list[i] = (format:gsub('#', tostring(i))) end
  return table.concat(list, separator)
end

local function source_of(params, gives_new)
  local n = #params
  local last = {'if extra ~= nil then o = extra'}
  for i = n, 1, -1 do last[#last + 1] = ('elseif b%d ~= nil then o, b%d = b%d, nil'):format(i, i, i) end
  last[#last + 1] = 'end'
  local moves = {gives_new and 'out, count = o.out, o.out == nil and 0 or 1' or ''}
  for i, p in ipairs(params) do
    moves[i + 1] = ([[
    v = o[%q]
    if v ~= nil then
      if b%d == nil and (type(v) ~= 'table' or v[1] ~= nil) then b%d, count = v, count + 1 else count = SPOILED end
    end]]):format(p.lua, i, i)
  end
  local a, b = joined(n, ', ', 'a#'), joined(n, ', ', 'b#')
  return template:format(a, b, a, table.concat(last, '\n  '), table.concat(moves, '\n'), b, b, a)
end

--- What reads the calls of a function that its fast path `front` does not take: goes into buffers.read, where a reader of options takes its
-- place when the first call brings some.
function options.read_in(buffers, params, name, front, general, gives_new)
  if #params == 0 then return end
  function buffers.read(core, ...)
    local n = select('#', ...)
    while n > 0 and (select(n, ...)) == nil do n = n - 1 end
    if n == 0 or not arguments.is_options((select(n, ...))) then return general(core, ...) end
    buffers.read = assert(loadstring(source_of(params, gives_new), '=tocha.' .. name))(front, general, arguments.into, has_only)
    return buffers.read(core, ...)
  end
end

return options
