--- Measures Tocha on a GPU; one JSON object a line. Time on the device is taken between events, after three calls to warm up, calls under a
-- millisecond in groups of 50; the median of seven. bench/peer/gpu.py says the same of PyTorch under the same names.
--     luajit bench/gpu.lua --out tocha.jsonl [--only PATTERN] [--small 1]

local tocha = require 'tocha'
local cuda, nn = tocha.cuda, tocha.nn
local F = nn.functional
local clock = require('tocha.utils.terminal').clock

local o = {out = '', only = '', small = '0'}
for i = 1, #arg - 1, 2 do
  local name = arg[i]:match('^%-%-(%w+)$')
  if o[name] == nil then error('bench/gpu.lua: cannot use ' .. arg[i] .. ': takes --out, --only, --small', 0) end
  o[name] = arg[i + 1]
end
if not cuda.is_available() then error('bench/gpu.lua: ' .. cuda.reason(), 0) end
local small = o.small ~= '0' -- tiny shapes: does everything run?

---------------------------------------------------------------- lines of JSON
local file = o.out ~= '' and assert(io.open(o.out, 'w')) or nil
local function quoted(v)
  if type(v) ~= 'number' then return ('%q'):format(tostring(v)) end
  return v == math.floor(v) and ('%d'):format(v) or ('%.6g'):format(v)
end
local function say(row)
  local keys, parts = {}, {}
  for key in pairs(row) do keys[#keys + 1] = key end
  table.sort(keys)
  for _, key in ipairs(keys) do parts[#parts + 1] = ('%q: %s'):format(key, quoted(row[key])) end
  local line = '{"side": "tocha", ' .. table.concat(parts, ', ') .. '}'
  print(line)
  if file then file:write(line, '\n') file:flush() end
end

---------------------------------------------------------------- time
local function timed(f, count)
  local from, to = cuda.Event{enable_timing = true}, cuda.Event{enable_timing = true}
  from:record()
  for _ = 1, count do f() end
  to:record()
  to:synchronize()
  return from:elapsed_time(to) / count
end

local function milliseconds(f)
  for _ = 1, 3 do f() end
  local count, all = timed(f, 1) < 1 and 50 or 1, {}
  if small then count = 1 end
  for i = 1, small and 1 or 7 do all[i] = timed(f, count) end
  table.sort(all)
  return all[math.ceil(#all / 2)], all[1], all[#all]
end

local function measure(row, f, bytes, flop)
  local ms, low, high = milliseconds(f)
  row.ms, row.ms_p10, row.ms_p90 = ms, low, high
  if bytes then row.gbs = bytes / ms / 1e6 end
  if flop then row.tflops = flop / ms / 1e9 end
  say(row)
end

local benches = {}
local function bench(name, f) benches[#benches + 1] = {name, f} end
local function device_randn(...) return tocha.randn(..., {device = 'cuda'}) end

---------------------------------------------------------------- what is measured
bench('ceiling_copy', function()
  local x = tocha.empty({small and 1024 or 2 ^ 30}, {device = 'cuda'})
  local y = tocha.zeros_like(x)
  measure({bench = 'ceiling_copy'}, function() y:copy_(x) end, 8 * x:numel())
end)

bench('ceiling_matmul', function()
  local n = small and 16 or 8192
  local a, b = device_randn({n, n}):bfloat16(), device_randn({n, n}):bfloat16()
  measure({bench = 'ceiling_matmul', dtype = 'bfloat16'}, function() return a:mm(b) end, nil, 2 * n ^ 3)
end)

-- m, n, k
local products = {{8192, 8192, 8192}, {4096, 4096, 1024}, {1024, 1024, 1024}, {65536, 768, 768}, {65536, 3072, 768}, {256, 256, 256}}
bench('matmul', function()
  for _, dtype in ipairs{'bfloat16', 'float16', 'tf32', 'float32'} do
    tocha.set_float32_matmul_precision(dtype == 'tf32' and 'high' or 'highest')
    for _, s in ipairs(small and {{8, 8, 8}} or products) do
      local kind = dtype == 'tf32' and 'float32' or dtype
      local a, b = device_randn({s[1], s[3]}):to(kind), device_randn({s[3], s[2]}):to(kind)
      measure({bench = 'matmul', dtype = dtype, size = table.concat(s, 'x')}, function() return a:mm(b) end, nil, 2 * s[1] * s[2] * s[3])
    end
  end
  tocha.set_float32_matmul_precision('highest')
end)

-- bytes moved for each element of the result, as multiples of an element
local elementwise = {
  {'mul_scalar', 2, function(x) return x * 2 end}, {'relu', 2, function(x) return x:relu() end},
  {'gelu_tanh', 2, function(x) return F.gelu(x, {approximate = 'tanh'}) end}, {'exp', 2, function(x) return x:exp() end},
  {'add', 3, function(x, y) return x + y end}, {'add_', 3, function(x, y) x:add_(y) end}, {'sum_all', 1, function(x) return x:sum() end},
  {'sum_rows', 1, function(x) return x:sum(2) end}, {'sum_cols', 1, function(x) return x:sum(1) end}, {'cumsum_rows', 2, function(x) return x:cumsum(2) end},
  {'softmax_rows', 2, function(x) return x:softmax(2) end}, {'transpose_copy', 2, function(x) return x:t():contiguous() end},
  {'layer_norm', 2, function(x, _, w) return F.layer_norm(x, {1024}, w, w) end}, {'argmax_rows', 1, function(x) return x:argmax(2) end},
}
bench('bandwidth', function()
  for _, dtype in ipairs{'float32', 'bfloat16'} do
    for _, s in ipairs(small and {{'tiny', 4}} or {{'64M', 65536}, {'1M', 1024}}) do
      local x, y = device_randn({s[2], 1024}):to(dtype), device_randn({s[2], 1024}):to(dtype)
      local w, bytes = tocha.ones({1024}, {device = 'cuda'}):to(dtype), x:numel() * x:element_size()
      for _, e in ipairs(elementwise) do
        measure({bench = 'bandwidth', op = e[1], dtype = dtype, size = s[1]}, function() return e[3](x, y, w) end, e[2] * bytes)
      end
    end
  end
end)

-- microseconds that issuing one call takes the host
local function host(op, f)
  local calls, all = small and 10 or 1000, {}
  for block = 1, 6 do
    cuda.synchronize()
    local began = clock()
    for _ = 1, calls do f() end
    all[block] = (clock() - began) / calls * 1e6
  end
  table.remove(all, 1)
  table.sort(all)
  say{bench = 'overhead', op = op, host_us = all[3]}
end
bench('overhead', function()
  local x, y = tocha.ones(1, {device = 'cuda'}), tocha.ones(1, {device = 'cuda'})
  local g, w = tocha.ones(1, {device = 'cuda'}):requires_grad_(), tocha.ones(32, 32, {device = 'cuda'})
  local v, b = tocha.ones(1, 32, {device = 'cuda'}), tocha.ones(32, {device = 'cuda'})
  host('add', function() return x + y end)
  host('add_', function() x:add_(y) end)
  host('add_scalar', function() return x + 1 end)
  host('relu', function() return x:relu() end)
  host('sum', function() return x:sum() end)
  host('add_autograd', function() return g + y end)
  host('empty', function() return tocha.empty(1, {device = 'cuda'}) end)
  host('view', function() return w:view(1024) end)
  host('narrow', function() return w:narrow(1, 2, 3) end)
  host('linear32', function() return F.linear(v, w, b) end)
  host('matmul32', function() return v:mm(w) end)
  host('item', function() return x:item() end)
end)

-- a training step of two layers over (time, batch, features): our kernels, and cuDNN
bench('rnn', function()
  local time, batch, size = small and 3 or 128, small and 2 or 64, small and 4 or 512
  for _, name in ipairs{'LSTM', 'GRU'} do
    for _, dtype in ipairs{'float32', 'bfloat16'} do
      local layer = nn[name](size, size, 2):to('cuda'):to(dtype)
      local x = device_randn({time, batch, size}):to(dtype)
      for _, variant in ipairs{'own', 'cudnn'} do
        tocha.backends.cudnn.rnn = variant == 'cudnn'
        measure({bench = 'rnn', op = name, dtype = dtype, variant = variant}, function()
          layer:zero_grad()
          layer(x):sum():backward()
        end)
      end
      tocha.backends.cudnn.rnn = false
    end
  end
end)

-- tokens a second of the whole training step of examples/gpt2.lua's model
bench('gpt2_124m_train', function()
  local text = os.tmpname()
  local f = assert(io.open(text, 'wb'))
  for i = 1, 4000 do f:write(('%d: a line of a text that says little\n'):format(i)) end
  f:close()
  local batch = small and '--config tiny --context 16 --batch 2 --steps 3' or '--config 124m --batch 32 --steps 25'
  local command = ('luajit examples/gpt2.lua --text %s --device cuda --dtype bfloat16 --graph %d --sample 0 --print %d %s')
  for graph = 0, 1 do
    local pipe = io.popen(command:format(text, graph, small and 1 or 5, batch))
    local last
    for line in pipe:lines() do last = line:match('(%d+) tokens/s') or last end
    pipe:close()
    say{bench = 'gpt2_124m_train', variant = graph == 1 and 'graph' or 'eager', tokens_s = tonumber(last) or -1}
  end
  os.remove(text)
end)

for _, b in ipairs(benches) do
  if b[1]:find(o.only) then
    local good, message = pcall(b[2])
    if not good then say{bench = b[1], error = message} end
    cuda.empty_cache()
  end
end
