--- A session at the prompt: reads, runs, shows, until the end of the input.
-- @module tocha.repl

local ffi = require 'ffi'
local tocha = require 'tocha'
local chunk = require 'tocha.repl.chunk'
local interrupt = require 'tocha.repl.interrupt'
local show = require 'tocha.repl.show'

local repl = {}

local PROMPT, MORE = 'tocha> ', '    .. '
local SLOW = 1 -- seconds from which a command's time is shown unasked

ffi.cdef [[
  struct tocha_timespec { long s, ns; };
  int clock_gettime(int clock, struct tocha_timespec *now);
]]
local now_buffer = ffi.new('struct tocha_timespec')
local function now()
  ffi.C.clock_gettime(1, now_buffer) -- CLOCK_MONOTONIC
  return tonumber(now_buffer.s) + tonumber(now_buffer.ns) * 1e-9
end

---------------------------------------------------------------- running
local here = debug.getinfo(1, 'S').short_src:match('^(.*)init%.lua$')

-- the lines of a traceback that are the user's: not the prompt's own, not the calls that raised the error
local function user_frames(trace)
  local lines = {}
  for line in trace:gmatch('\n(\t[^\n]*)') do
    if line:find("in function 'xpcall'", 1, true) then break end
    local internal = line:find(here, 1, true) or line:find("[C]: in function 'error'", 1, true) or line:find('tocha/errors.lua', 1, true)
      or line:find('^\ttocha%.[%w_]+:%d+:') or line:find('^\t%[builtin') or line:find('^\t%[C%]: at') -- a generated operator, `error`
    if not internal then lines[#lines + 1] = line end
  end
  return lines
end

--- For xpcall: the error's text and where it happened.
function repl.describe_error(err)
  local mt = debug.getmetatable(err)
  local text = type(err) == 'string' and err or type(mt) == 'table' and mt.__tostring and tostring(err)
    or type(err) == 'number' and tostring(err) or ('(an error that is a %s: %s)'):format(type(err), tostring(err))
  if text == 'interrupted!' then return text end
  local lines = user_frames(debug.traceback('', 2))
  if #lines == 0 then return text end
  return text .. '\nstack traceback:\n' .. table.concat(lines, '\n')
end

local function pack(...) return {n = select('#', ...), ...} end

-- f's results behind `true`, or false and the error's text; afterwards Ctrl-C no longer stops anything
local function protected(f)
  local restore = interrupt.checkpoint()
  interrupt.reset()
  local results = pack(xpcall(function()
    interrupt.hold(false)
    return f()
  end, repl.describe_error))
  interrupt.hold(true)
  if not results[1] then restore() end
  return results
end

local function show_results(results)
  for i = 2, results.n do io.write(show(results[i]), '\n') end
  _G._ = results[2]
end

local function complain(text) io.stderr:write(text, '\n') end

local function duration(seconds)
  if seconds < 1e-3 then return ('%.0f us'):format(seconds * 1e6) end
  if seconds < 1 then return ('%.1f ms'):format(seconds * 1e3) end
  return ('%.2f s'):format(seconds)
end

-- Runs a compiled line, shows what it gives; `timed` says always how long it took.
local function run(f, timed)
  local start = now()
  local results = protected(f)
  local took = now() - start
  if not results[1] then
    complain(results[2])
  elseif results.n > 1 then
    local shown = protected(function() show_results(results) end)
    if not shown[1] then complain(shown[2]) end
  end
  if timed or took > SLOW then io.write(('(%s)\n'):format(duration(took))) end
  io.flush()
end

---------------------------------------------------------------- reading
local function is_leaving(line)
  local word = line:match('^%s*:?(%a+)%s*%(?%)?%s*$')
  return (word == 'quit' or word == 'exit') and _G[word] == nil
end

-- What is no Lua: ?name, :time code. Gives the Lua source that is left to run and whether to time it; nil if all is done.
local function command(line)
  local question = line:match('^%s*%?(.*)$')
  if question then
    local answer = protected(function() return require('tocha.repl.help')(question) end)
    io.write(answer[2], '\n')
    return nil
  end
  local name, rest = line:match('^%s*:(%a+)%s*(.*)$')
  if not name then return line, false end
  if name == 'time' then return rest, true end
  io.write(name == 'help' and require('tocha.repl.help')('') or ("there is no command ':%s': ? lists them"):format(name), '\n')
  return nil
end

-- Reads on until the source is complete. Gives the function, or nothing after an error or Ctrl-C.
local function complete_chunk(source, read)
  while true do
    local f, message, unfinished = chunk.compile(source, '=stdin')
    if f then return f end
    local line = unfinished and read(MORE)
    if not line then
      if line == nil or not unfinished then complain(message) end
      return nil
    end
    source = source .. '\n' .. line
  end
end

-- One command; false at the end of the input.
local function step(read)
  interrupt.reset()
  local line = read(PROMPT)
  if line == nil then
    io.write('\n')
    return false
  end
  if line == false or not line:find('%S') then return true end
  if is_leaving(line) then return false end
  local source, timed = command(line)
  if not source then return true end
  local f = complete_chunk(source, read)
  if f then run(f, timed) end
  return true
end

---------------------------------------------------------------- the session
local function banner()
  local C = require('tocha.library').C
  local threads = tonumber(C.tc_get_num_threads())
  io.write(('Tocha %s on %s (%s %s, %d thread%s). ? helps, Ctrl-D leaves.\n'):format(tocha.version, jit.version, jit.arch,
    ffi.string(C.tc_cpu_level()), threads, threads == 1 and '' or 's'))
end

--- Sets the globals of a session: tocha, nn, F, optim.
function repl.globals()
  _G.tocha, _G.nn, _G.optim, _G.F = tocha, tocha.nn, tocha.optim, tocha.nn.functional
end

--- Runs a session on standard input and output.
-- @tparam[opt] table options `quiet` leaves the greeting out
function repl.run(options)
  local read = require('tocha.repl.input').open()
  repl.globals()
  chunk.install()
  interrupt.hold(true)
  interrupt.install()
  if not (options and options.quiet) then banner() end
  while true do
    local ok, more = pcall(step, read) -- an interrupt between two commands hits the prompt itself
    interrupt.hold(true)
    if ok and not more then return end
    if not ok then complain(tostring(more)) end
  end
end

return repl
