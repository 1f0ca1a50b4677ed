--- What is known of the terminal: whether a stream is one, and whether it shows Unicode.
-- @module tocha.utils.terminal

local ffi = require 'ffi'

local terminal = {}

pcall(ffi.cdef, 'int isatty(int file); int fileno(void *stream);')

--- Does a stream (an open file of Lua) go to a terminal?
function terminal.is_terminal(stream)
  local ok, answer = pcall(function() return ffi.C.isatty(ffi.C.fileno(stream)) == 1 end)
  return ok and answer
end

--- Does the user's language setting say UTF-8?
function terminal.is_utf8()
  for _, name in ipairs{'LC_ALL', 'LC_CTYPE', 'LANG'} do
    local value = os.getenv(name)
    if value and value ~= '' then return value:lower():find('utf%-?8') ~= nil end
  end
  return false
end

--- Seconds, from some moment on.
-- @usage
-- local before = utils.clock()
-- utils.clock() >= before  --> true
function terminal.clock()
  local ok, now = pcall(function()
    pcall(ffi.cdef, 'struct tocha_timespec { long seconds, nanoseconds; }; int clock_gettime(int, void *);')
    local t = ffi.new('struct tocha_timespec')
    ffi.C.clock_gettime(1, t)
    return tonumber(t.seconds) + tonumber(t.nanoseconds) * 1e-9
  end)
  return ok and now or os.time()
end

return terminal
