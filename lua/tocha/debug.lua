--- Looking at what a program does: the lines its operators were called from, the first NaN, the memory that is alive.
--
--     tocha.debug.nan(true)              -- an error at the first operator whose result, or whose gradient, has NaN
--     tocha.debug.lines(true)            -- graphs and live memory know the lines they come from
--     print(tocha.debug.live())          -- the largest tensors that are alive, and who made them
--
-- Off, which they are at first, they cost nothing; on, each operator takes some microseconds more.
-- @module tocha.debug

local ffi = require 'ffi'
local library = require 'tocha.library'
local errors = require 'tocha.errors'
local origins = require 'tocha.origins'
local dtype = require 'tocha.dtype'
local C = library.C

local debugging = {}
local checks = {anomaly = false, nan = false}

local function check(who, on)
  checks[who] = on
  C.tc_watch_nan(checks.anomaly or checks.nan, checks.nan)
end

local function flag(who, on)
  if type(on) ~= 'boolean' then errors.raise('%s: got %s, takes true or false', who, errors.describe(on)) end
end

--- Whether graphs and memory remember the lines of Lua that operators were called from.
-- @tparam boolean on
function debugging.lines(on)
  flag('lines', on)
  origins.want('lines', on)
end

--- Whether an operator whose result has NaN, or whose gradient in backward has, raises an error. The error names the operator, the line it was
-- called from and the module that ran. Only `empty` may give NaN. What runs under tocha.compile is not looked at.
-- @tparam boolean on
function debugging.nan(on)
  flag('nan', on)
  origins.want('nan', on)
  check('nan', on)
end

-- anomaly mode (tocha.autograd.set_detect_anomaly): lines, and NaN in gradients
function debugging.anomaly(on, check_nan)
  origins.want('anomaly', on)
  check('anomaly', on and check_nan)
end

--- Is anomaly mode on, and does it look for NaN?
function debugging.anomaly_state() return origins.wanted('anomaly'), checks.anomaly end

---------------------------------------------------------------- memory that is alive
local Live = {}
Live.__index = Live

local function size_text(bytes)
  for _, unit in ipairs{{2 ^ 30, 'GiB'}, {2 ^ 20, 'MiB'}, {2 ^ 10, 'KiB'}} do
    if bytes >= unit[1] then return ('%.4g %s'):format(bytes / unit[1], unit[2]) end
  end
  return ('%d B'):format(bytes)
end

local function shape_text(shape) return shape and '[' .. table.concat(shape, ' x ') .. ']' or '' end

function Live:__tostring()
  local lines = {('%d tensors, %s'):format(self.count, size_text(self.bytes))}
  for _, row in ipairs(self) do
    lines[#lines + 1] = ('  %10s  %-9s %-20s %s%s'):format(size_text(row.bytes), row.dtype or '', shape_text(row.shape), row.origin or '',
      row.device == 'cpu' and '' or '  ' .. row.device)
  end
  return table.concat(lines, '\n')
end

local function row_of(block)
  local shape
  if block.ndim >= 0 then
    shape = {}
    for d = 1, math.min(block.ndim, 6) do shape[d] = tonumber(block.size[d - 1]) end
  end
  return {bytes = block.bytes, dtype = shape and dtype.by_code[block.dtype].name or nil, shape = shape, origin = origins.text(block.origin),
    device = block.device == 0 and 'cpu' or 'cuda:' .. block.device - 1}
end

--- Tensors with memory of their own that were made since `lines(true)` and are alive: on the Lua side, in graphs, or waiting for Lua's collector.
-- @tparam[opt=10] number limit how many of the largest
-- @treturn table a list of {bytes, dtype, shape, device, origin}, the largest first, with `count` and `bytes` of all; prints as a table
function debugging.live(limit)
  if limit ~= nil and type(limit) ~= 'number' then errors.raise('live: limit: got %s, takes a number', errors.describe(limit)) end
  local all = setmetatable({count = 0, bytes = 0}, Live)
  for i = 0, C.tc_live_blocks() - 1 do
    local block = C.tc_live_block(i)
    if block ~= nil then
      all[#all + 1] = row_of(block)
      all.count, all.bytes = all.count + 1, all.bytes + block.bytes
    end
  end
  table.sort(all, function(a, b) return a.bytes > b.bytes end)
  for i = #all, (limit or 10) + 1, -1 do all[i] = nil end
  return all
end

--- What lies in a tensor: its numbers of elements, of NaN and of infinities, and least, greatest, mean and standard deviation of the rest.
-- @param x a tensor of real numbers
-- @treturn table {numel, nan, inf, min, max, mean, std}; the last four are nil if nothing is finite
function debugging.stats(x)
  if not ffi.istype('tc_handle', x) then errors.raise('stats: got %s, takes a tensor', errors.describe(x)) end
  local values = x:detach():double():flatten()
  local finite = values:masked_select(values:isfinite())
  local out = {numel = x:numel(), nan = values:isnan():sum():item(), inf = values:isinf():sum():item()}
  if finite:numel() > 0 then
    out.min, out.max, out.mean, out.std = finite:amin():item(), finite:amax():item(), finite:mean():item(), finite:std(1, {correction = 0}):item()
  end
  return out
end

return debugging
