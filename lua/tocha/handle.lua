--- Handles: what a tensor is to Lua, and when its memory is given back.
-- A handle is a small cdata that owns one reference to a C tensor. Handles have no finaliser, which would cost LuaJIT hundreds of
-- nanoseconds each; a hook in Lua's allocator, installed and tested here, releases the tensor of a handle that was collected. Where the
-- hook cannot work each handle gets a finaliser after all.
-- @module tocha.handle

local ffi = require 'ffi'
local library = require 'tocha.library'
local C = library.C

local Struct = ffi.typeof('tc_handle')
local collectgarbage = collectgarbage

local handle = {type = Struct}

-- Makes handles, drops them, collects: were they released?
local function works()
  local none = ffi.new('int64_t[1]')
  local before = C.tc_live_tensors()
  local function make()
    for _ = 1, 100 do
      local h = Struct()
      C.tc_handle_set(h, C.tc_zeros(none, 0, -2147483648, 0, false))
    end
  end
  make()
  C.tc_scope_end(0)
  collectgarbage()
  collectgarbage()
  return C.tc_live_tensors() - before < 10
end

local function install()
  if os.getenv('TOCHA_HANDLES') == 'finaliser' then return false end
  return C.tc_hook_install(tonumber(Struct), ffi.abi('gc64')) and works()
end

-- the metatype must be set before the first handle is made, and hold no __gc
local metatable = {}
handle.metatable = metatable
ffi.metatype(Struct, metatable)
handle.hooked = install()

--- A new, empty handle.
if handle.hooked then
  handle.new = Struct
else
  local gc, free = ffi.gc, C.tc_handle_free
  function handle.new() return gc(Struct(), free) end
end

local function new_limit() C.tc_pressure_reset(collectgarbage('count') * 1024) end

--- Collects all that Lua no longer reaches.
function handle.collect()
  collectgarbage()
  new_limit()
end

--- Called when native memory has grown much: a collection, then a new limit. The collector's cycle as one step takes two thirds of the time of
-- collectgarbage(), which first sweeps up after the cycle before, all of the heap; but a cycle that is under way it merely ends.
function handle.relieve()
  local multiplier = collectgarbage('setstepmul', 0)
  collectgarbage('step', 0)
  collectgarbage('setstepmul', multiplier)
  if C.tc_pressure_lasts() then collectgarbage() end
  new_limit()
end

--- A handle for a tensor that C gave outside an operator; nil for NULL.
function handle.wrap(tensor)
  if tensor == nil then return nil end
  local h = handle.new()
  C.tc_handle_set(h, tensor)
  return h
end

return handle
