--- Turns errors of the C side, and wrong arguments, into Lua errors that name the line of the user's code.
-- @module tocha.errors

local ffi = require 'ffi'
local library = require 'tocha.library'
local C = library.C

local errors = {}
local inside = debug.getinfo(1, 'S').source:match('^(@.*/)errors%.lua$') or '@tocha/'

--- 'file:line: ' of the innermost function that is not part of the library.
function errors.where()
  local level = 2
  while true do
    local info = debug.getinfo(level, 'Sl')
    if not info then return '' end
    local ours = info.source:sub(1, #inside) == inside or info.source:sub(1, 7) == '=tocha.'
    if info.currentline > 0 and not ours then return info.short_src .. ':' .. info.currentline .. ': ' end
    level = level + 1
  end
end

--- Raises `message`, blaming the user's line.
function errors.raise(message, ...)
  if select('#', ...) > 0 then message = message:format(...) end
  if errors.context then message = message .. errors.context() end
  error(errors.where() .. message, 0)
end

--- Raises the error that waits on the C side.
function errors.pending()
  local message = ffi.string(C.tc_error_text())
  C.tc_clear_error()
  if message == '' then message = 'tocha: an operator failed without saying why' end
  local place = C.tc_blamed() -- of the call whose gradient failed, where lines are recorded
  if place ~= 0 then message = message .. '; called at ' .. require('tocha.origins').text(place) end
  if message:find('interrupted$') then
    C.tc_take_interrupt()
    error('interrupted!', 0)
  end
  errors.raise('%s', message)
end

--- The error that waits on the C side, told of another function than C knows.
function errors.pending_as(who)
  local message = ffi.string(C.tc_error_text()):gsub('^[%w_]+: ', '')
  C.tc_clear_error()
  errors.raise('%s: %s', who, message)
end

--- What a value is, for messages: "a string 'x'", "a table", "a float32 tensor of shape [2 x 3]".
function errors.describe(v)
  local kind = type(v)
  if kind == 'string' then return ("string '%s'"):format(#v > 40 and v:sub(1, 37) .. '...' or v) end
  if kind == 'number' or kind == 'boolean' then return kind .. ' ' .. tostring(v) end
  if kind == 'cdata' and ffi.istype('tc_handle', v) then return 'tensor' end
  return kind
end

return errors
