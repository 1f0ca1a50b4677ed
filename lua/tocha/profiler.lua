--- The profiler: which operators run, how long, how much they allocate; as a table and as a trace for Chrome's chrome://tracing and Perfetto.
--
--     local p = tocha.profiler.profile(function() step(x, y) end)
--     print(p:table())
--     p:export_chrome_trace('step.json')
--
-- The runtime writes events down (lib/profile.c); here they are put together. Nothing is recorded, and next to nothing spent, while no
-- profile runs. Times are wall-clock times of the calling thread.
-- @module tocha.profiler

local ffi = require 'ffi'
local library = require 'tocha.library'
local errors = require 'tocha.errors'
local args = require 'tocha.args'
local C = library.C

local profiler = {}

local KINDS = {[0] = 'operator', 'backward', 'range', 'walk'}

---------------------------------------------------------------- one profile
local Profile = {}
Profile.__index = Profile

local function text_of(p) return p ~= nil and ffi.string(p) or nil end

local function read_events()
  local list = {}
  for i = 0, C.tc_profile_count() - 1 do
    local e = C.tc_profile_event(i)
    local kind = KINDS[e.kind]
    local name = ffi.string(e.name)
    list[#list + 1] = {
      name = kind == 'backward' and name .. 'Backward' or name, kind = kind, shapes = text_of(e.shapes), depth = e.depth,
      start = tonumber(e.begin) / 1000, time = tonumber(e.time) / 1000, self_time = tonumber(e.time - e.inner_time) / 1000,
      bytes = tonumber(e.bytes), self_bytes = tonumber(e.bytes - e.inner_bytes),
    }
  end
  return list
end

local read_options = args.spec('profile', 'f:callable', '*', 'shapes:bool=false')
local read_start = args.spec('start', '*', 'shapes:bool=false')

local function begin(shapes)
  C.tc_clear_error()
  if not C.tc_profile_start(shapes) then errors.pending() end
  return setmetatable({running = true}, Profile)
end

--- Starts to record; `:stop()` of what it gives ends it.
-- @tparam[opt=false] bool shapes whether the shapes and dtypes of operands are recorded too
-- @treturn Profile
-- @raise if a profile is running already
function profiler.start(...) return begin((read_start(...))) end

--- Ends the recording; a second call does nothing. The open ranges end with it.
-- @treturn Profile itself
function Profile:stop()
  if not self.running then return self end
  self.running = false
  self.wall = C.tc_profile_stop() / 1000
  self.list = read_events()
  C.tc_profile_forget()
  return self
end

--- Calls f() and records what it does.
-- @tparam function f
-- @tparam[opt=false] bool shapes whether the shapes and dtypes of operands are recorded too
-- @treturn Profile stopped; `results` holds what f returned (and `results.n` how many)
-- @raise what f raises, after the recording has ended
function profiler.profile(...)
  local f, shapes = read_options(...)
  local p = begin(shapes)
  local function done(ok, ...)
    p:stop()
    if not ok then error((...), 0) end
    p.results = {n = select('#', ...), ...}
    return p
  end
  return done(pcall(f))
end

--- Is a profile running?
function profiler.is_running() return C.tc_profile_running() end

---------------------------------------------------------------- ranges of the user
local function close_range(ok, ...)
  C.tc_profile_range_end()
  if not ok then error((...), 0) end
  return ...
end

--- Calls f(...) as a range of that name and gives its results. Costs nothing but the call while no profile runs.
-- @tparam string name
-- @tparam function f
function profiler.record_function(name, f, ...)
  if type(name) ~= 'string' then errors.raise('record_function: name: got %s, takes a string', errors.describe(name)) end
  local mt = type(f) == 'table' and getmetatable(f)
  if type(f) ~= 'function' and not (mt and mt.__call) then
    errors.raise('record_function: f: got %s, takes a function and its arguments', errors.describe(f))
  end
  if not C.tc_profile_running() then return f(...) end
  C.tc_profile_range(name)
  return close_range(pcall(f, ...))
end

local Range = {}
Range.__index = Range
--- Ends the range.
function Range:stop()
  if self.open then C.tc_profile_range_end() end
  self.open = false
end

--- Begins a range; `:stop()` of what it gives ends it. Ranges end in the reverse order of their beginnings.
-- @tparam string name
function profiler.range(name)
  if type(name) ~= 'string' then errors.raise('range: name: got %s, takes a string', errors.describe(name)) end
  local open = C.tc_profile_running()
  if open then C.tc_profile_range(name) end
  return setmetatable({open = open}, Range)
end

---------------------------------------------------------------- tables
--- The recorded events in the order in which they began. Times are microseconds.
-- @treturn table list of {name, kind ('operator', 'backward', 'range', 'walk'), start, time, self_time, bytes, self_bytes, depth,
--   shapes}: self_ is without the events inside; bytes counts what was allocated, whether or not it was freed again
function Profile:events() return self:stop().list end

local function add_up(list, by_shapes)
  local rows, by_key = {}, {}
  for _, e in ipairs(list) do
    local key = by_shapes and e.name .. '\0' .. (e.shapes or '') or e.name
    local row = by_key[key]
    if not row then
      row = {name = e.name, kind = e.kind, shapes = by_shapes and e.shapes or nil, calls = 0, total = 0, self = 0, bytes = 0, self_bytes = 0,
        least = math.huge, most = 0}
      by_key[key], rows[#rows + 1] = row, row
    end
    row.calls = row.calls + 1
    row.self, row.self_bytes = row.self + e.self_time, row.self_bytes + e.self_bytes
    row.least, row.most = math.min(row.least, e.time), math.max(row.most, e.time)
  end
  return rows, by_key
end

-- A range inside one of the same name is counted once in the total.
local function add_totals(list, by_key, by_shapes)
  local open, ends = {}, {}
  for _, e in ipairs(list) do
    local key = by_shapes and e.name .. '\0' .. (e.shapes or '') or e.name
    for d = #ends, e.depth + 1, -1 do
      open[ends[d]], ends[d] = open[ends[d]] - 1, nil
    end
    local row = by_key[key]
    if (open[key] or 0) == 0 then row.total, row.bytes = row.total + e.time, row.bytes + e.bytes end
    open[key], ends[e.depth + 1] = (open[key] or 0) + 1, key
  end
end

local sorts = {self = 'self', total = 'total', calls = 'calls', bytes = 'self_bytes', name = 'name'}
local sort_names = 'self, total, calls, bytes or name'

--- What each operator took in all.
-- @tparam[opt='self'] string sort_by 'self', 'total', 'calls', 'bytes' or 'name'
-- @tparam[opt=false] bool by_shapes one row for each operator and shapes; needs a profile with {shapes = true}
-- @treturn table list of {name, kind, calls, total, self, least, most (microseconds), bytes, self_bytes, shapes}
function Profile:averages(...)
  local sort_by, by_shapes = profiler.read_averages(...)
  local field = sorts[sort_by]
  if not field then errors.raise("averages: sort_by: got '%s', takes %s", sort_by, sort_names) end
  local list = self:stop().list
  local rows, by_key = add_up(list, by_shapes)
  add_totals(list, by_key, by_shapes)
  for i, row in ipairs(rows) do row.at = i end
  table.sort(rows, function(a, b)
    if a[field] == b[field] then return a.at < b.at end
    if field == 'name' then return a.name < b.name end
    return a[field] > b[field]
  end)
  for _, row in ipairs(rows) do row.at = nil end
  return rows
end
profiler.read_averages = args.spec('averages', "sort_by:str='self'", 'by_shapes:bool=false')
Profile.key_averages = Profile.averages

--- All operators together: {name = 'total', calls, self (microseconds), self_bytes}.
function Profile:total_average()
  local sum = {name = 'total', calls = 0, self = 0, self_bytes = 0}
  for _, row in ipairs(self:averages()) do
    for _, field in ipairs{'calls', 'self', 'self_bytes'} do sum[field] = sum[field] + row[field] end
  end
  return sum
end

--- The time within operators and ranges, in microseconds, each moment counted once.
function Profile:self_cpu_time_total() return self:total_average().self end

local function time_text(us)
  if us >= 1e6 then return ('%.3f s'):format(us / 1e6) elseif us >= 1e3 then return ('%.3f ms'):format(us / 1e3) end
  return ('%.3f us'):format(us)
end

local function bytes_text(bytes)
  if bytes >= 2 ^ 30 then return ('%.2f GiB'):format(bytes / 2 ^ 30) elseif bytes >= 2 ^ 20 then return ('%.2f MiB'):format(bytes / 2 ^ 20) end
  return bytes >= 1024 and ('%.2f KiB'):format(bytes / 1024) or ('%d B'):format(bytes)
end

local read_table = args.spec('table', "sort_by:str='self'", 'rows:int=30', 'by_shapes:bool=false')

-- Columns as wide as their widest entry, numbers to the right.
local function lay_out(cells, left)
  local width = {}
  for _, row in ipairs(cells) do
    for i, cell in ipairs(row) do width[i] = math.max(width[i] or 0, #cell) end
  end
  local lines = {}
  for k, row in ipairs(cells) do
    local parts = {}
    for i, cell in ipairs(row) do
      local pad = (' '):rep(width[i] - #cell)
      parts[i] = left[i] and cell .. pad or pad .. cell
    end
    lines[k] = (table.concat(parts, '  '):gsub('%s+$', ''))
  end
  return lines
end

--- The table by operator as text: calls, time with and without nested events, share of the whole, bytes allocated.
-- @tparam[opt='self'] string sort_by 'self', 'total', 'calls', 'bytes' or 'name'
-- @tparam[opt=30] int rows at most
-- @tparam[opt=false] bool by_shapes one row for each operator and shapes
function Profile:table(...)
  local sort_by, most, by_shapes = read_table(...)
  local rows = self:averages(sort_by, by_shapes)
  local cells = {{'operator', 'calls', 'self', 'self %', 'total', 'mean', 'allocated', by_shapes and 'shapes' or nil}}
  local sum = 0
  for _, row in ipairs(rows) do sum = sum + row.self end
  for i = 1, math.min(most, #rows) do
    local row = rows[i]
    cells[#cells + 1] = {row.name, tostring(row.calls), time_text(row.self), ('%.1f'):format(100 * row.self / math.max(sum, 1e-9)),
      time_text(row.total), time_text(row.total / row.calls), bytes_text(row.self_bytes), by_shapes and (row.shapes or '') or nil}
  end
  local lines = lay_out(cells, {true, [8] = true})
  if #rows > most then lines[#lines + 1] = ('... and %d more'):format(#rows - most) end
  lines[#lines + 1] = ('recorded: %s in operators and ranges, %s in all'):format(time_text(sum), time_text(self.wall))
  return table.concat(lines, '\n')
end

function Profile:__tostring() return self:table() end

---------------------------------------------------------------- traces
local escapes = {['"'] = '\\"', ['\\'] = '\\\\', ['\n'] = '\\n', ['\r'] = '\\r', ['\t'] = '\\t'}
local function quoted(text)
  return '"' .. text:gsub('["\\%c]', function(c) return escapes[c] or ('\\u%04x'):format(c:byte()) end) .. '"'
end

--- Writes the events as a trace that chrome://tracing and ui.perfetto.dev open.
-- @tparam string path
-- @raise if the file cannot be written
function Profile:export_chrome_trace(path)
  if type(path) ~= 'string' then errors.raise('export_chrome_trace: path: got %s, takes a string', errors.describe(path)) end
  local lines = {}
  for i, e in ipairs(self:events()) do
    local shapes = e.shapes and (',"shapes":' .. quoted(e.shapes)) or ''
    lines[i] = ('{"ph":"X","pid":1,"tid":1,"name":%s,"cat":"%s","ts":%.3f,"dur":%.3f,"args":{"bytes":%d%s}}'):format(
      quoted(e.name), e.kind, e.start, e.time, e.bytes, shapes)
  end
  local file, why = io.open(path, 'wb')
  if not file then errors.raise('export_chrome_trace: %s', why) end
  local ok, problem = file:write('{"displayTimeUnit":"ms","traceEvents":[\n', table.concat(lines, ',\n'), '\n]}\n')
  local closed, late = file:close()
  if not ok or not closed then errors.raise('export_chrome_trace: %s: %s', path, problem or late) end
end

return profiler
