--- net:summary(input): what a network is made of, layer by layer: shape of the output, parameters, multiplications, memory.
-- @module tocha.nn.summary

local tocha = require 'tocha'
local args = require 'tocha.args'

local M = {}

local bytes_of = {float64 = 8, float32 = 4, float16 = 2, bfloat16 = 2, int64 = 8, int32 = 4, int16 = 2, int8 = 1, uint8 = 1, bool = 1,
  complex64 = 8, complex128 = 16}

local function size_of(x) return x:numel() * (bytes_of[(tostring(x.dtype):gsub('^.*%.', ''))] or 4) end

-- the first tensor of a value that may be a nested table
local function first_tensor(value)
  if tocha.is_tensor(value) then return value end
  if type(value) ~= 'table' then return nil end
  if tocha.is_tensor(value.data) then return value.data end
  for i = 1, value.n or #value do
    local x = first_tensor(value[i])
    if x then return x end
  end
end

local function bytes(value)
  if tocha.is_tensor(value) then return size_of(value) end
  local sum = 0
  if type(value) == 'table' and getmetatable(value) == nil then
    for i = 1, value.n or #value do sum = sum + bytes(value[i]) end
  end
  return sum
end

-- ------------------------------------------------------------------------------------------------- multiplications

local function product(list, from)
  local n = 1
  for i = from or 1, #list do n = n * list[i] end
  return n
end

-- Multiply-adds of one call, by class: (module, input, output)
local rules = {}

function rules.Linear(m, _, y) return y:numel() * m.in_features end
function rules.Bilinear(m, _, y) return y:numel() * m.in1_features * (m.in2_features + 1) end
function rules.LinearCrossEntropyLoss(m, x) return x:numel() * m.num_classes end

-- each output element takes one product for each element of its filter
local function convolution(m, _, y) return y:numel() * product(m.weight.shape, 2) end
local function transposed(m, x) return x:numel() * product(m.weight.shape, 2) end
for n = 1, 3 do
  rules[('Conv%dd'):format(n)], rules[('ConvTranspose%dd'):format(n)] = convolution, transposed
end

local function recurrent(m, x)
  local steps, per_step = x:numel() / m.input_size, 0
  for name, p in m:named_parameters() do
    if name:find('weight') then per_step = per_step + p:numel() end
  end
  return steps * per_step
end
for _, name in ipairs{'RNN', 'LSTM', 'GRU', 'RNNCell', 'LSTMCell', 'GRUCell'} do rules[name] = recurrent end

-- projections are submodules or parameters of its own; scores and their use are time x source x width each
function rules.MultiheadAttention(m, query, _, inputs)
  local key = inputs[2] or query
  local e = m.embed_dim
  local tokens, sources = query:numel() / e, key:numel() / key:size(-1)
  local batch = query:dim() == 3 and query:size(m.batch_first and 1 or 2) or 1
  local projected = tokens * e * e + sources * (m.kdim + m.vdim) * e
  return projected + 2 * (tokens / batch) * (sources / batch) * e * batch
end

function rules.GroupedQueryAttention(m, x)
  return 2 * x:size(1) * x:size(2) * x:size(2) * m.num_heads * m.head_dim
end

-- ------------------------------------------------------------------------------------------------- walking

local function pack(...) return {n = select('#', ...), ...} end

-- Adds a row for each module, filled in when forward passes it.
local function prepare(module, path, depth, report, handles)
  local row = {path = path, depth = depth, name = module.__name, calls = 0, macs = 0, output = 0, module = module}
  row.parameters = module:num_parameters()
  local rule, is_leaf = rules[module.__name], #module:children() == 0
  report[#report + 1] = row
  handles[#handles + 1] = module:register_forward_hook(function(m, inputs, output)
    row.calls = row.calls + 1
    local x, y = first_tensor(inputs), first_tensor(output)
    row.shape = y and y.shape
    if rule and x and y then row.macs = row.macs + rule(m, x, y, inputs) end
    if is_leaf then row.output = row.output + bytes(output) end
  end)
  for name, child in module:named_children() do
    local full = path == '' and name or path .. '.' .. name
    if not report.seen[child] then
      report.seen[child] = true
      prepare(child, full, depth + 1, report, handles)
    end
  end
end

local function totals(net, report)
  local n, trained, memory = 0, 0, 0
  local seen = {}
  for m in net:modules() do
    for _, p in m:named_parameters{recurse = false} do
      if not seen[p] then
        seen[p] = true
        n, memory = n + p:numel(), memory + size_of(p)
        if p.requires_grad then trained = trained + p:numel() end
      end
    end
  end
  local macs, activations = 0, 0
  for _, row in ipairs(report) do macs, activations = macs + row.macs, activations + row.output end
  report.parameters, report.trainable, report.macs = n, trained, macs
  report.parameter_bytes, report.activation_bytes = memory, activations
end

-- ------------------------------------------------------------------------------------------------- as text

local function thousands(n)
  local text = ('%.0f'):format(n):reverse():gsub('(%d%d%d)', '%1,'):reverse()
  return (text:gsub('^,', ''))
end

local function megabytes(n) return ('%.2f MB'):format(n / 1e6) end

local function show(report)
  local width, shapes = 20, 14
  local names = {}
  for i, row in ipairs(report) do
    local own = row.path:match('[^.]*$')
    names[i] = ('  '):rep(row.depth) .. row.name .. (own ~= '' and ' (' .. own .. ')' or '')
    width = math.max(width, #names[i])
    shapes = math.max(shapes, row.shape and #table.concat(row.shape, ' x ') + 2 or 0)
  end
  local line = '%-' .. width .. 's  %-' .. shapes .. 's %14s %16s'
  local out = {line:format('layer', 'output', 'parameters', 'multiply-adds')}
  for i, row in ipairs(report) do
    local shape = row.shape and '[' .. table.concat(row.shape, ' x ') .. ']' or 'not called'
    local count = row.parameters > 0 and thousands(row.parameters) or '-'
    out[#out + 1] = line:format(names[i], shape, count, row.macs > 0 and thousands(row.macs) or '-')
  end
  out[#out + 1] = ('%s parameters, %s of them trained (%s); %s multiply-adds; activations of %s'):format(thousands(report.parameters),
    thousands(report.trainable), megabytes(report.parameter_bytes), thousands(report.macs), megabytes(report.activation_bytes))
  return table.concat(out, '\n')
end

local Report = {__tostring = show}

--- Runs a network once, without gradients and in evaluation mode, and tells what passed where.
-- @tparam Module net
-- @param ... the inputs of forward; a table of sizes stands for random floats: `net:summary{1, 3, 224, 224}`
-- @return a report that prints itself. Its rows are tables with `path`, `name`, `depth`, `shape` of the output, `parameters`
-- (submodules' too), `macs` (multiply-adds of the layer itself; nothing is known of functions between layers), `calls`; its totals
-- `parameters`, `trainable`, `macs`, `parameter_bytes`, `activation_bytes` (outputs of the innermost layers).
function M.summary(net, ...)
  local inputs = pack(...)
  if inputs.n == 0 then args.fail('summary: input is missing: takes the arguments of forward, or a table of sizes') end
  for i = 1, inputs.n do
    local v = inputs[i]
    if type(v) == 'table' and type(v[1]) == 'number' then inputs[i] = tocha.randn(v) end
  end
  local report, handles = setmetatable({seen = {[net] = true}}, Report), {}
  prepare(net, '', 0, report, handles)
  local was = {}
  for m in net:modules() do was[#was + 1] = {m, m.training} end
  net:eval()
  local ok, message = pcall(tocha.no_grad, net, unpack(inputs, 1, inputs.n))
  for _, h in ipairs(handles) do h:remove() end
  for _, pair in ipairs(was) do pair[1].training = pair[2] end
  if not ok then error(message, 0) end
  report.seen = nil
  totals(net, report)
  return report
end

--- The number of floating operations of one forward pass: two for each multiply-add.
function M.flop_count(net, ...) return 2 * M.summary(net, ...).macs end

return M
