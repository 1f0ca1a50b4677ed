--- Tocha's side of the benchmarks: a process that reads one order a line and answers with one line, beginning with '=' or '!'.
--     open KIND key=value ...   prepares a workload, warms it up: how many calls make one sample, seconds a call
--     time                      one sample: seconds a call, processor seconds of this process so far
--     added                     seconds that the first three calls of a compiled workload took beyond three eager ones
--     peak                      peak resident memory since open, and resident memory before it, in KiB
--     close                     forgets the workload
--     pid                       the number of this process
--     profile                   the operators that take most of the workload's time, in words (Tocha's side alone)
-- bench/peer/torch_peer.py answers the same orders.

local folder, threads = arg[0]:match('^(.*)/[^/]*$') or '.', tonumber(arg[1])
local ffi = require 'ffi'
local tocha = require 'tocha'
local groups = dofile(folder .. '/groups.lua')

ffi.cdef [[
typedef struct { long sec, nsec; } tocha_bench_time;
int getpid(void);
int clock_gettime(int clock, tocha_bench_time *t);
]]
local stamp = ffi.new('tocha_bench_time')
local function now()
  ffi.C.clock_gettime(1, stamp)
  return tonumber(stamp.sec) + tonumber(stamp.nsec) * 1e-9
end

local SAMPLE, WARM = 0.005, 0.15 -- seconds

-- each workload has a loop of its own, so that a trace compiled for one never serves another
local function timer(step)
  return loadstring([[local step, now = ...
  return function(n)
    local from = now()
    for _ = 1, n do step() end
    return now() - from
  end]])(step, now)
end

local function warm_up(time)
  time(1)
  local one, until_then = time(1), now() + WARM
  while now() < until_then do one = time(math.max(1, math.floor(1e-3 / one))) / math.max(1, math.floor(1e-3 / one)) end
  return one
end

local function status(field)
  for line in io.lines('/proc/self/status') do
    local kib = line:match('^' .. field .. ':%s*(%d+) kB')
    if kib then return tonumber(kib) end
  end
  return 0
end

local function restart_peak()
  local file = io.open('/proc/self/clear_refs', 'w')
  if file then
    file:write('5')
    file:close()
  end
end

local step, time, inner, before, added
local orders = {}

-- Two calls record, the third is the first to use the planned memory.
local function compile()
  local function least(f, n)
    local best, all = math.huge, 0
    for _ = 1, n do
      local from = now()
      f()
      local t = now() - from
      best, all = math.min(best, t), all + t
    end
    return best, all
  end
  local one = least(step, 5)
  step = tocha.compile(step)
  local _, three = least(step, 3)
  added = math.max(0, three - 3 * one)
end

function orders.open(kind, p)
  local make = groups.make[kind] or error('no workload of kind ' .. kind)
  before = status('VmRSS')
  restart_peak()
  step = make(tocha, p, threads)
  added = 0
  if p.compiled then compile() end
  time = timer(step)
  local one = warm_up(time)
  inner = math.max(1, math.floor(SAMPLE / one))
  return inner, one
end

function orders.time()
  time(math.floor(inner / 4) + 1)
  return time(inner) / inner, os.clock()
end

function orders.added() return added end

function orders.peak() return status('VmHWM'), before end

function orders.pid() return ffi.C.getpid() end

function orders.profile()
  local p = tocha.profiler.profile(function()
    local until_then = now() + SAMPLE * 4
    repeat step() until now() > until_then
  end)
  local all, parts, rest = p.wall, {}, p.wall
  for i, row in ipairs(p:averages{sort_by = 'self'}) do
    rest = rest - row.self
    if i <= 6 and row.self > 0.02 * all then parts[#parts + 1] = ('%s %.0f %%'):format(row.name, 100 * row.self / all) end
  end
  parts[#parts + 1] = ('between operators %.0f %%'):format(100 * math.max(0, rest) / all)
  return table.concat(parts, ', ')
end

function orders.close()
  step, time = nil, nil
  tocha.set_grad_enabled(true)
  tocha.empty_cache()
  return 0
end

local function parameters(text)
  local p = {}
  for key, value in text:gmatch('(%w+)=(%S+)') do
    if value:find('^%d+[x%d]*x%d+$') then
      p[key] = {}
      for n in value:gmatch('%d+') do p[key][#p[key] + 1] = tonumber(n) end
    else
      p[key] = tonumber(value) or value
    end
  end
  return p
end

local function answer(ok, ...)
  local words = {ok and '=' or '!', ...}
  for i = 2, #words do words[i] = type(words[i]) == 'number' and ('%.9g'):format(words[i]) or tostring(words[i]):gsub('\n', ' ') end
  io.write(table.concat(words, ' '), '\n')
  io.flush()
end

tocha.set_num_threads(threads)
tocha.manual_seed(1)
for line in io.lines() do
  local order, kind, rest = line:match('^(%S+)%s*(%S*)%s*(.*)$')
  if order == 'quit' then break end
  answer(pcall(orders[order], kind, parameters(rest)))
end
