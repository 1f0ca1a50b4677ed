--- Measures Tocha, beside PyTorch where that is importable, and prints a table of ratios.
-- Each side is a process of its own; they work in turns, sample by sample, so that a busy moment of the machine strikes both.
--     luajit bench/run.lua --only '^matmul' --threads 1,2 --out result

local folder = arg[0]:match('^(.*)/[^/]*$') or '.'
package.path = folder .. '/?.lua;' .. package.path
package.path = ('%s/../lua/?.lua;%s/../lua/?/init.lua;%s'):format(folder, folder, package.path)
local groups, report, machine, Worker = require 'groups', require 'report', require 'machine', require 'worker_process'

local options = {
  only = {'', "PATTERN: only workloads whose name has this Lua pattern, or whose group is named so"},
  threads = {'1,2', 'N,N...: numbers of threads'},
  peer = {'python3', 'PYTHON: the interpreter that has PyTorch; none measures Tocha alone'},
  out = {'', 'NAME: writes NAME.json and NAME.md'},
  samples = {'9', 'N: samples of each side and workload'},
  limit = {'3600', 'SECONDS: begins no workload after this time'},
}

local function usage(status)
  print('usage: luajit bench/run.lua [options]')
  for _, name in ipairs{'only', 'threads', 'peer', 'out', 'samples', 'limit'} do
    print(('  --%-8s %s (%s)'):format(name, options[name][2], options[name][1] == '' and 'none' or options[name][1]))
  end
  os.exit(status)
end

local function read_options(words)
  local values, i = {}, 1
  for name, o in pairs(options) do values[name] = o[1] end
  while words[i] do
    local name, value = words[i]:match('^%-%-(%w+)=?(.*)$')
    if name == 'help' then usage(0) end
    if name and not words[i]:find('=', 1, true) then
      i = i + 1
      value = words[i]
    end
    if not options[name] or not value then usage(2) end
    values[name], i = value, i + 1
  end
  values.samples, values.limit = tonumber(values.samples), tonumber(values.limit)
  values.out = values.out:gsub('%.json$', '')
  return values
end

local opt = read_options(arg)
local lua = arg[-1] or 'luajit'
local started = os.time()

local function peer_version()
  if opt.peer == 'none' then return nil end
  return machine.first_line(opt.peer .. " -c 'import torch; print(torch.__version__)'")
end
local peer = peer_version()

local ffi = require 'ffi'
ffi.cdef [[
typedef struct { long sec, nsec; } tocha_run_time;
int clock_gettime(int clock, tocha_run_time *t);
]]
local stamp = ffi.new('tocha_run_time')
local function now()
  ffi.C.clock_gettime(1, stamp)
  return tonumber(stamp.sec) + tonumber(stamp.nsec) * 1e-9
end

---------------------------------------------------------------- workers, started when first needed
local workers = {}

local function command(side, threads)
  local words = {tocha = ('%s %s/worker.lua'):format(lua, folder), torch = ('%s %s/peer/torch_peer.py'):format(opt.peer, folder)}
  return ('LUA_PATH="%s" OMP_NUM_THREADS=%d %s %d'):format(package.path, threads, words[side], threads)
end

local function worker(side, threads)
  local key = side .. threads
  if not workers[key] then workers[key] = Worker.start(command(side, threads)) end
  return workers[key], key
end

local function stop_workers()
  for key, w in pairs(workers) do
    w:stop()
    workers[key] = nil
  end
end

---------------------------------------------------------------- where the time of a workload goes that misses its target
local function faster(list, side)
  local best
  for _, s in ipairs(list) do
    local time = s.side == side and #s.samples > 0 and report.summary(s.samples).median
    if time and (not best or time < best.time) then best = {time = time, threads = s.threads} end
  end
  return best
end

-- the functions of C that take most of it, where perf is there and may look
local function symbols(w)
  if not machine.first_line('command -v perf') then return nil end
  local file = os.tmpname()
  local recording = io.popen(('perf record -q -F 5000 -o %s -p %d -- sleep 0.3 2>&1'):format(file, w:ask 'pid'))
  local until_then = now() + 0.6
  repeat w:ask 'time' until now() > until_then
  recording:read('*a') -- waits for its end
  recording:close()
  local pipe, list = io.popen(('perf report -i %s --stdio --no-children -F overhead,symbol 2>/dev/null'):format(file)), {}
  for line in pipe:lines() do
    local share, symbol = line:match('^%s*([%d.]+)%%%s+%[[.k]%]%s+(%S+)')
    if share and #list < 5 and tonumber(share) >= 3 then list[#list + 1] = ('%s %.0f %%'):format(symbol, share) end
  end
  pipe:close()
  os.remove(file)
  return #list > 0 and table.concat(list, ', ') or nil
end

local function loss(list, name, target)
  local ours, theirs = faster(list, 'tocha'), faster(list, 'torch')
  if not (target and ours and theirs) or ours.time <= target * theirs.time then return nil end
  return {name = name, target = target, ratio = ours.time / theirs.time, threads = ours.threads}
end

-- Where its time goes, in a process of its own: what a profile writes down would be in the way of later workloads.
local function look_into(miss, line)
  local w = Worker.start(command('tocha', miss.threads))
  local ok, why = pcall(function()
    w:ask('open ' .. line)
    miss.symbols, miss.operators = symbols(w), w:words 'profile'
  end)
  if not ok then io.stderr:write(('%s: %s\n'):format(miss.name, why)) end
  w:stop()
end

---------------------------------------------------------------- one workload
local function sides(group)
  local list = {}
  for n in opt.threads:gmatch('%d+') do
    list[#list + 1] = {side = 'tocha', threads = tonumber(n), samples = {}}
    if peer and not group.only_tocha then list[#list + 1] = {side = 'torch', threads = tonumber(n), samples = {}} end
  end
  return list
end

local function attempt(s, order)
  if s.failed then return nil end
  local ok, a, b = pcall(s.worker.ask, s.worker, order)
  if ok then return a, b end
  io.stderr:write(('%s: %s: %s\n'):format(s.side, order, a))
  s.failed = a
end

local function foreign(list, busy, wall)
  local own = 0
  for _, s in ipairs(list) do own = own + (s.last_cpu or 0) - (s.first_cpu or 0) end
  return math.max(0, (busy - own) / math.max(wall, 0.01))
end

local function sample(list, per)
  for turn = 0, opt.samples do -- turn 0 only reads the clocks
    for _, s in ipairs(list) do
      local seconds, cpu = attempt(s, 'time')
      if turn == 0 then s.first_cpu = cpu elseif seconds then s.samples[turn] = seconds / per end
      s.last_cpu = cpu
    end
    if turn == 0 then list.busy, list.since = machine.busy(), now() end
  end
  return foreign(list, machine.busy() - list.busy, now() - list.since)
end

local function measured(list, name, group, workload, others)
  local by_threads, rows = {}, {}
  for _, s in ipairs(list) do
    local row = by_threads[s.threads]
    if not row then
      row = {name = name, group = group.name, threads = s.threads, others = others, amount = workload.amount, unit = workload.unit}
      by_threads[s.threads], rows[#rows + 1] = row, row
    end
    row[s.side] = #s.samples > 0 and report.summary(s.samples) or {failed = s.failed or 'no samples'}
    row[s.side].peak, row[s.side].before, row[s.side].added = s.peak, s.before, s.added
  end
  for _, row in ipairs(rows) do
    if row.torch and row.torch.median and row.tocha.median then
      row.ratio, row.ratio_of_least = row.tocha.median / row.torch.median, row.tocha.least / row.torch.least
    end
  end
  return rows
end

local function run_workload(group, workload)
  local list = sides(group)
  for _, s in ipairs(list) do
    s.worker = worker(s.side, s.threads)
    attempt(s, 'open ' .. groups.line(workload))
    if workload.compiled and s.side == 'tocha' then s.added = attempt(s, 'added') end
  end
  local others = sample(list, workload.per or 1)
  local miss = loss(list, workload.name, workload.target or group.target)
  for _, s in ipairs(list) do
    s.peak, s.before = attempt(s, 'peak')
    attempt(s, 'close')
  end
  if group.alone then stop_workers() end
  if miss then look_into(miss, groups.line(workload)) end
  return measured(list, workload.name, group, workload, others), miss
end

---------------------------------------------------------------- whole processes
local peak_lua = "for line in io.lines('/proc/self/status') do local n = line:match('^VmHWM:%s*(%d+)') if n then print(n) end end\n"
local peak_python = "\nfor line in open('/proc/self/status'):\n    if line.startswith('VmHWM'): print(line.split()[1])\n"

local function run_script(interpreter, file, threads)
  local from = now()
  local peak = machine.first_line(('LUA_PATH="%s" OMP_NUM_THREADS=%d %s %s'):format(package.path, threads, interpreter, file))
  return now() - from, tonumber(peak)
end

local function script_file(text)
  local name = os.tmpname()
  local file = assert(io.open(name, 'w'))
  file:write(text)
  file:close()
  return name
end

local function run_process(group, workload)
  local list = {{side = 'tocha', interpreter = lua, file = script_file(workload.lua .. '\n' .. peak_lua)}}
  if peer then list[2] = {side = 'torch', interpreter = opt.peer, file = script_file(workload.python .. peak_python)} end
  local busy, from = machine.busy(), now()
  for turn = 0, opt.samples do
    for _, s in ipairs(list) do
      local seconds, peak = run_script(s.interpreter, s.file, 1)
      if not peak then s.failed = 'the script failed' end
      s.samples, s.threads, s.peak = s.samples or {}, 1, math.max(s.peak or 0, peak or 0)
      if turn > 0 then s.samples[turn] = seconds end
    end
  end
  local others = math.max(0, (machine.busy() - busy) / (now() - from) - 1)
  for _, s in ipairs(list) do os.remove(s.file) end
  return measured(list, workload.name, group, workload, others), loss(list, workload.name, workload.target)
end

---------------------------------------------------------------- all of them
local function wanted(group, workload) return opt.only == '' or group.name == opt.only or workload.name:find(opt.only) ~= nil end

local function write(name, text)
  local file = assert(io.open(name, 'w'))
  file:write(text)
  file:close()
end

local function run_group(group, result)
  for _, workload in ipairs(group.list) do
    if wanted(group, workload) then
      if os.time() - started > opt.limit then
        result.skipped[#result.skipped + 1] = workload.name
      else
        local rows, miss = (group.processes and run_process or run_workload)(group, workload)
        for _, row in ipairs(rows) do
          result.rows[#result.rows + 1] = row
          print(report.row(row))
        end
        if miss then
          result.missed[#result.missed + 1] = miss
          print(report.miss(miss))
        end
      end
    end
  end
  stop_workers()
end

local result = {rows = {}, missed = {}, skipped = {}, machine = machine.describe(peer), load_before = machine.load(), repetitions = opt.samples}
io.stdout:setvbuf('line')
for _, group in ipairs(groups) do run_group(group, result) end
result.load_after = machine.load()
local text = report.markdown(result)
if opt.out ~= '' then
  write(opt.out .. '.json', report.json(result) .. '\n')
  write(opt.out .. '.md', text)
end
print('\n' .. text)
