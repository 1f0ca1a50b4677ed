--- Cuts Lua source into tokens: enough to find blocks, loops and names, not a parser.
-- @module tocha.repl.tokens

local keywords = {}
local words = [[and break do else elseif end false for function if in local nil not or repeat return then true until while]]
for word in words:gmatch('%a+') do
  keywords[word] = true
end

-- the end of a string in quotes that begins at `at`; nil if it is not closed in its line
local function quoted(source, at)
  local quote, i = source:sub(at, at), at + 1
  while i <= #source do
    local c = source:sub(i, i)
    if c == '\\' then i = i + 2
    elseif c == quote then return i
    elseif c == '\n' then return nil
    else i = i + 1 end
  end
end

-- the end of [[...]] or [=[...]=] that begins at `at`; nil if none begins there, the end of the source if it is not closed
local function long_bracket(source, at)
  local level = source:match('^%[(=*)%[', at)
  if not level then return nil end
  local _, stop = source:find(']' .. level .. ']', at, true)
  return stop or #source
end

local function comment(source, at)
  local stop = long_bracket(source, at + 2)
  if stop then return stop end
  return (source:find('\n', at, true) or #source + 1) - 1
end

local function next_token(source, at)
  local c = source:sub(at, at)
  if c:find('[%a_]') then
    local word = source:match('^[%w_]+', at)
    return keywords[word] and 'keyword' or 'name', at + #word - 1
  elseif c:find('%d') or c == '.' and source:find('^%.%d', at) then
    local _, stop = source:find('^0[xX][%x%.]*[pP]?[+-]?[%w]*', at)
    if not stop then _, stop = source:find('^[%d%.]+[eE]?[+-]?[%w]*', at) end
    if source:sub(at, stop):find('[+-]') and not source:sub(at, stop):find('[eEpP][+-]') then -- '1-x': the sign is not the number's
      stop = at + source:sub(at, stop):find('[+-]') - 2
    end
    return 'number', stop
  elseif c == '"' or c == "'" then
    return 'string', quoted(source, at) or #source
  elseif c == '[' and long_bracket(source, at) then
    return 'string', long_bracket(source, at)
  end
  for length = 3, 2, -1 do
    local symbol = source:sub(at, at + length - 1)
    if symbol == '...' or symbol == '..' or symbol == '==' or symbol == '~=' or symbol == '<=' or symbol == '>=' or symbol == '::' then
      return 'symbol', at + length - 1
    end
  end
  return 'symbol', at
end

--- The tokens of `source`, without space and comments.
-- @tparam string source
-- @treturn table list of {kind = 'keyword' | 'name' | 'number' | 'string' | 'symbol', text =, from =, to =}
return function(source)
  local list, at = {}, 1
  while true do
    at = source:find('%S', at)
    if not at then return list end
    if source:sub(at, at + 1) == '--' then
      at = comment(source, at) + 1
    else
      local kind, stop = next_token(source, at)
      list[#list + 1] = {kind = kind, text = source:sub(at, stop), from = at, to = stop}
      at = stop + 1
    end
  end
end
