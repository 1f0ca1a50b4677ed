--- A quick look beside run.lua: some workloads of Tocha, and of PyTorch where it is importable, as a table of ratios within a minute.
--     luajit bench/quick.lua [--only PATTERN] [--threads N] [--seconds S] [--rounds N] [--json FILE] [--python PATH] [--no-peer]
-- Each round runs every workload of one side in a process of its own, then of the other; a workload's figure is the median over rounds.

local here = arg[0]:match('^(.*)/quick%.lua$') or '.'
package.path = here .. '/?.lua;' .. here .. '/../lua/?.lua;' .. here .. '/../lua/?/init.lua;' .. package.path

local options = {only = '', threads = 1, seconds = 0.2, rounds = 3, json = '', python = os.getenv('PYTHON') or 'python3', ['no-peer'] = false}

local function usage()
  print('usage: luajit bench/quick.lua [--only PATTERN] [--threads N] [--seconds S] [--rounds N] [--json FILE] [--python PATH] [--no-peer]')
  os.exit(0)
end

local function read_options()
  local i = 1
  while arg[i] do
    local name = arg[i]:match('^%-%-(.+)$')
    if name == 'help' then usage() end
    if options[name] == nil then
      io.stderr:write('bench: cannot use ' .. arg[i] .. '\n')
      os.exit(2)
    end
    if options[name] == false then options[name] = true
    else
      i = i + 1
      options[name] = type(options[name]) == 'number' and tonumber(arg[i]) or arg[i]
    end
    i = i + 1
  end
end

---------------------------------------------------------------- one side, one round
local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- lines 'name seconds' of a side's process, in order
local function collect(command, into, order)
  local pipe = io.popen(command)
  for line in pipe:lines() do
    local name, seconds = line:match('^(%S+)\t(%S+)$')
    if name then
      if not into[name] then
        into[name] = {}
        order[#order + 1] = name
      end
      table.insert(into[name], tonumber(seconds))
    end
  end
  return pipe:close()
end

local function arguments() return ('%d %g %s'):format(options.threads, options.seconds, quote(options.only)) end

local function tocha_command()
  return ('LUA_PATH=%s OMP_NUM_THREADS=%d luajit %s/side.lua %s'):format(quote(package.path), options.threads, here, arguments())
end

local function peer_command()
  return ('OMP_NUM_THREADS=%d %s %s/peer/side.py %s 2>/dev/null'):format(options.threads, options.python, here, arguments())
end

local function peer_is_there()
  if options['no-peer'] then return false end
  local status = os.execute(options.python .. " -c 'import torch' >/dev/null 2>&1")
  return status == 0 or status == true
end

---------------------------------------------------------------- figures
local function median(list)
  table.sort(list)
  return list[math.floor((#list + 1) / 2)]
end

local function readable(seconds)
  if not seconds then return '-' end
  for _, unit in ipairs{{1, 's'}, {1e-3, 'ms'}, {1e-6, 'us'}} do
    if seconds >= unit[1] then return ('%.3g %s'):format(seconds / unit[1], unit[2]) end
  end
  return ('%.3g ns'):format(seconds * 1e9)
end

local function print_table(order, ours, theirs)
  print(('%-34s %12s %12s %10s'):format('workload', 'Tocha', 'PyTorch', 'ratio'))
  local product, count = 0, 0
  for _, name in ipairs(order) do
    local a, b = median(ours[name]), theirs[name] and median(theirs[name])
    if b then product, count = product + math.log(b / a), count + 1 end
    print(('%-34s %12s %12s %10s'):format(name, readable(a), readable(b), b and ('%.2f'):format(b / a) or '-'))
  end
  if count > 0 then print(('%-34s %36.2f'):format('geometric mean (over 1: Tocha is faster)', math.exp(product / count))) end
end

local function write_json(path, order, ours, theirs)
  local file = assert(io.open(path, 'w'))
  file:write(('{"threads": %d, "rounds": %d, "luajit": "%s", "workloads": [\n'):format(options.threads, options.rounds, jit.version))
  for i, name in ipairs(order) do
    local b = theirs[name]
    file:write(('  {"name": "%s", "tocha_s": %.6g, "torch_s": %s}%s\n'):format(name, median(ours[name]), b and ('%.6g'):format(median(b)) or 'null',
      order[i + 1] and ',' or ''))
  end
  file:write(']}\n')
  file:close()
end

read_options()
local ours, theirs, order, seen = {}, {}, {}, {}
local peer = peer_is_there()
if not peer then print('PyTorch is not importable by ' .. options.python .. ': Tocha alone (--python names another interpreter)') end
for round = 1, options.rounds do
  io.stderr:write(('round %d of %d\n'):format(round, options.rounds))
  collect(tocha_command(), ours, order)
  if peer then collect(peer_command(), theirs, seen) end
end
if #order == 0 then
  print('no workload matches')
  os.exit(1)
end
print_table(order, ours, theirs)
if options.json ~= '' then write_json(options.json, order, ours, theirs) end
