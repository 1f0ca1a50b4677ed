--- Memory: what is in use, giving it back, releasing temporaries early.
-- @module tocha.memory

local library = require 'tocha.library'
local handle = require 'tocha.handle'
local errors = require 'tocha.errors'
local arguments = require 'tocha.arguments'
local checked = require 'tocha.checked'
local C = library.C
local is_tensor = arguments.is_tensor

local memory = {}

--- What the CPU allocator holds, in bytes unless the name says otherwise.
-- @return table: allocated (in tensors), peak, cached (kept for reuse), limit, tensors (their number), system_calls (how often the
--   system was asked for memory), lua (the Lua heap), released (handles collected so far)
function memory.memory_stats()
  return {allocated = C.tc_memory_live(), peak = C.tc_memory_peak(), cached = C.tc_memory_cached(), limit = C.tc_memory_limit(),
    tensors = C.tc_live_tensors(), system_calls = C.tc_memory_system_calls(), lua = collectgarbage('count') * 1024,
    released = C.tc_handle_releases()}
end

local function size_text(bytes)
  local unit = 1
  local units = {'B', 'KiB', 'MiB', 'GiB', 'TiB'}
  while bytes >= 1024 and unit < #units do
    bytes, unit = bytes / 1024, unit + 1
  end
  return ('%.4g %s'):format(bytes, units[unit])
end

--- memory_stats() as a few lines of text; after tocha.debug.lines(true) also the largest tensors, with the lines that made them.
function memory.memory_summary()
  local s = memory.memory_stats()
  local lines = {'Tocha memory (CPU)'}
  for _, row in ipairs{{'in tensors', 'allocated'}, {'at most so far', 'peak'}, {'kept for reuse', 'cached'}, {'limit', 'limit'},
    {'Lua heap', 'lua'}} do
    lines[#lines + 1] = ('  %-16s %12s'):format(row[1], size_text(s[row[2]]))
  end
  lines[#lines + 1] = ('  %-16s %12d'):format('tensors', s.tensors)
  lines[#lines + 1] = ('  %-16s %12d'):format('system calls', s.system_calls)
  if C.tc_live_blocks() > 0 then lines[#lines + 1] = '  the largest since lines were recorded: ' .. tostring(require('tocha.debug').live(10)) end
  return table.concat(lines, '\n')
end

--- Collects what Lua no longer reaches and gives the blocks kept for reuse back to the system.
function memory.empty_cache()
  handle.collect()
  C.tc_empty_cache()
end

--- The peak of memory_stats() starts again from what is in use now.
function memory.reset_peak_memory_stats() C.tc_reset_peak_memory() end

--- How many bytes tensors may take in all; beyond that an allocation raises an error. nil: the machine's memory.
function memory.set_memory_limit(bytes)
  if bytes ~= nil and (type(bytes) ~= 'number' or bytes < 1) then
    errors.raise('set_memory_limit: got %s, takes a number of bytes or nil', errors.describe(bytes))
  end
  C.tc_set_memory_limit(bytes or 0)
end

--- How many bytes of freed blocks are kept for reuse at most.
function memory.set_cache_limit(bytes)
  if type(bytes) ~= 'number' or bytes < 0 then errors.raise('set_cache_limit: got %s, takes a number of bytes', errors.describe(bytes)) end
  C.tc_set_cache_cap(bytes)
end

--- The number of tensors alive, on the Lua side and inside graphs.
function memory.live_tensors() return C.tc_live_tensors() end

---------------------------------------------------------------- scopes
local function hold(mark, v, depth)
  if is_tensor(v) then
    C.tc_notes_hold(mark, v._t)
  elseif type(v) == 'table' and depth < 8 then
    for _, x in pairs(v) do hold(mark, x, depth + 1) end
  end
end

local function close(mark, ok, ...)
  for i = 1, ok and select('#', ...) or 0 do hold(mark, (select(i, ...)), 1) end
  C.tc_notes_close(mark)
  if not ok then error((...), 0) end
  return ...
end

--- Calls f(...) and releases every tensor made inside at once, but those it returns (also in tables). A tensor that was put elsewhere, in
-- an upvalue say, is empty afterwards and its use an error.
function memory.scope(f, ...)
  local mark = C.tc_notes_open()
  return close(mark, pcall(f, ...))
end

checked.all(memory, '', {scope = 'f:callable'})

return memory
