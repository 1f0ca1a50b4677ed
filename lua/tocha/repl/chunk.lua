--- Compiles what is typed: expressions and statements, complete or not; and files, so that Ctrl-C stops them.
-- @module tocha.repl.chunk

local rewrite = require 'tocha.repl.rewrite'

local chunk = {}

-- a string in quotes ends with its line: no other line completes it
local function ends_too_early(message)
  return message:find("near '<eof>'", 1, true) ~= nil and not message:find('unfinished string', 1, true)
end

-- Compiled with the questions of rewrite.interruptible; as it is where these do not fit (a function with too many locals).
local function build(source, name)
  local plain, message = loadstring(source, name)
  if not plain then return nil, message end
  return loadstring(rewrite.interruptible(source), name) or plain
end

--- Compiles a line or lines of a session.
-- @tparam string source
-- @tparam string name what tracebacks call it
-- @return the function; or nil, the error message, and whether more lines could complete the source
function chunk.compile(source, name)
  if source:byte(1) == 27 then return nil, 'an escape character: this is no Lua' end -- loadstring would take it for bytecode
  source = source:gsub('^%s*=', 'return ')
  local expression = build('return ' .. source, name)
  if expression then return expression end
  local ok, message = loadstring(source, name)
  if not ok then return nil, message, ends_too_early(message) end
  return build(rewrite.keep_locals(source), name) or ok
end

--- As `loadfile`, for a session.
function chunk.loadfile(path)
  if path == nil then return loadfile() end
  local file, message = io.open(path, 'rb')
  if not file then return nil, 'cannot open ' .. message end
  local source = file:read('*a')
  file:close()
  if not source then return nil, 'cannot read ' .. path end
  if source:byte(1) == 27 then return loadfile(path) end -- bytecode
  return build((source:gsub('^#[^\n]*', '')), '@' .. path)
end

-- files of the library itself have no endless loops, and need no questions
local ours = debug.getinfo(1, 'S').source:match('^@(.*/)repl/chunk%.lua$')

local function search(name)
  local path = package.searchpath(name, package.path)
  if not path or ours and path:sub(1, #ours) == ours then return nil end
  local loader, message = chunk.loadfile(path)
  if not loader then error(("error loading module '%s' from file '%s':\n\t%s"):format(name, path, message), 0) end
  return loader
end

--- Makes `require`, `dofile` and `loadfile` of the session load files that Ctrl-C can stop.
function chunk.install()
  table.insert(package.loaders, 2, search)
  _G.loadfile = chunk.loadfile
  function _G.dofile(path)
    local f, message = chunk.loadfile(path)
    if not f then error(message, 2) end
    return f()
  end
end

return chunk
