--- What a result has to say about the machine it was measured on.

local ffi = require 'ffi'
local machine = {}

local function first_line(command)
  local pipe = io.popen(command .. ' 2>/dev/null')
  local line = pipe and pipe:read('*l')
  if pipe then pipe:close() end
  return line and line ~= '' and line or nil
end
machine.first_line = first_line

local function find(path, pattern)
  for line in io.lines(path) do
    local found = line:match(pattern)
    if found then return found end
  end
end

local function openblas()
  pcall(ffi.cdef, 'char *openblas_get_config(void); char *openblas_get_corename(void);')
  local ok, text = pcall(function()
    local blas = ffi.load('libopenblas.so.0')
    return ffi.string(blas.openblas_get_config()):gsub('%s+$', '') .. ', runs its ' .. ffi.string(blas.openblas_get_corename()) .. ' kernels'
  end)
  return ok and text or nil
end

--- Average load over the last minute.
function machine.load()
  local file = io.open('/proc/loadavg')
  if not file then return 0 end
  local n = file:read('*n')
  file:close()
  return n
end

--- Seconds the processors have been busy since the start, all of them together.
function machine.busy()
  local user, nice, system, irq, soft, steal = 0, 0, 0, 0, 0, 0
  local file = io.open('/proc/stat')
  if file then
    local u, n, s, _, _, i, o, st = file:read('*l'):match('cpu%s+(%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+) (%d+)')
    user, nice, system, irq, soft, steal = u, n, s, i, o, st
    file:close()
  end
  return (user + nice + system + irq + soft + steal) / 100
end

--- A list of {what, text}.
function machine.describe(peer)
  return {
    {'processor', (find('/proc/cpuinfo', 'model name%s*:%s*(.*)') or 'unknown') .. ', ' .. (first_line('nproc') or '?') .. ' cores'},
    {'memory', ('%.1f GiB'):format((tonumber(find('/proc/meminfo', 'MemTotal:%s*(%d+)')) or 0) / 1048576)},
    {'system', first_line('uname -srm') or 'unknown'},
    {'LuaJIT', jit.version},
    {'compiler', first_line('gcc --version') or 'unknown'},
    {'OpenBLAS', openblas() or 'unknown'},
    {'Tocha', first_line('git rev-parse --short HEAD') or 'unknown'},
    {'PyTorch', peer or 'not measured'},
    {'date', os.date('!%Y-%m-%d %H:%M UTC')},
  }
end

return machine
