--- No arguments from Lua may crash the process: every function and method is called with arguments of all sorts.

local S = require 'spec.support'

local script = [==[
local tocha = require 'tocha'
local binding = require 'tocha.binding'
local C = require('tocha.library').C
C.tc_set_memory_limit(2e9)
tocha.set_num_threads(1)
math.randomseed(tonumber(SEED))
local random = math.random
local function tensor()
  local shapes = {{}, {0}, {1}, {3}, {2, 3}, {3, 3}, {1, 3}, {2, 0, 3}, {2, 3, 4}, {1, 2, 5, 5}, {2, 2, 3, 4, 5}, {1, 1, 1, 1, 1, 1, 2}}
  local dtypes = {'float32', 'float32', 'float32', 'float64', 'int64', 'int64', 'bool', 'float16', 'bfloat16', 'uint8', 'int32', 'int8', 'complex64'}
  local good, x = pcall(function()
    local x = tocha.full(shapes[random(#shapes)], random(-1, 4), {dtype = dtypes[random(#dtypes)]})
    local kind = random(8)
    if kind == 1 and x:is_floating_point() then x:requires_grad_() end
    if kind == 2 then x = x:unsqueeze(1):expand(2, unpack(x.shape)) end
    if kind == 3 and x:dim() >= 2 then x = x:transpose(1, 2) end
    if kind == 4 and x:dim() >= 1 and x:size(1) > 1 then x = x:narrow(1, 2, 1) end
    return x
  end)
  return good and x or tocha.ones(2, 2)
end
local numbers = {-3, -2, -1, 0, 1, 1, 2, 2, 3, 4, 0.5, 1.5, -0.5, 100, 2147483648, 4611686018427387904, -9007199254740993, 1/0, -1/0, 0/0}
local words = {'mean', 'sum', 'none', 'text', '', 'float64', 'constant', 'reflect', 'floor', 'tanh', 'same', 'amax'}
local function number() return numbers[random(#numbers)] end
local function value(depth)
  local kind = random(14)
  if kind <= 6 then return tensor() end
  if kind <= 9 then return number() end
  if kind == 10 then return words[random(#words)] end
  if kind == 11 then return random(2) == 1 end
  if kind == 12 then return nil end
  if depth > 1 then return {} end
  local list = {}
  for i = 1, random(0, 3) do list[i] = value(depth + 1) or 1 end
  if kind == 14 then list[({'dim', 'keepdim', 'dtype', 'bogus', 'value'})[random(5)]] = value(2) end
  return list
end
-- arguments of the kinds that the function takes, which reach deeper than any others
local function suited(p)
  local kind = p.kind
  if random(8) == 1 then return value(1) end
  if kind == 'tensor' or kind == 'indices' then return (p.optional and random(2) == 1) and nil or tensor() end
  if kind == 'operand' then return random(2) == 1 and tensor() or number() end
  if p.optional and random(3) > 1 then return nil end
  if kind == 'tensors' then return {tensor(), tensor()} end
  if kind == 'dims' or kind == 'integers' or kind == 'positions' or kind == 'numbers' then
    local list = {}
    for i = 1, random(0, 4) do list[i] = number() end
    return list
  end
  if kind == 'boolean' then return random(2) == 1 end
  if kind == 'string' then return words[random(#words)] end
  if kind == 'dtype' then return ({'float64', 'int64', 'bool', 'complex64', 'float16'})[random(5)] end
  return number()
end
local ONLY = os.getenv("TOCHA_CASES")
local log = io.open(LOG, 'w')
log:setvbuf('no')
local function show(v)
  if tocha.is_tensor(v) then return 'T[' .. table.concat(v.shape, 'x') .. ']' .. v.dtype.name .. '/' .. table.concat(v:stride(), ',') end
  if type(v) == 'table' then local t = {} for k, w in pairs(v) do t[#t + 1] = tostring(k) .. '=' .. show(w) end return '{' .. table.concat(t, ' ') .. '}' end
  return tostring(v)
end
local skip = {set_num_threads = true, manual_seed = true, file_write = true}
local count, raised = 0, 0
local function try(name, f, args)
  if VERBOSE then
    local texts = {}
    for i = 1, args.n do texts[i] = show(args[i]) end
    log:seek('set', 0)
    log:write(name, '(', table.concat(texts, ', '), ')', '\n', ('#'):rep(20), '\n')
  end
  count = count + 1
  local good, result = pcall(function() return f(unpack(args, 1, args.n)) end)
  if not good then
    raised = raised + 1
    assert(type(result) == 'string' and #result > 8, name .. ' raised ' .. tostring(result))
  elseif tocha.is_tensor(result) and result.requires_grad and result:numel() < 10000 then
    pcall(function() result:sum():backward() end)
  end
end
for _, fn in ipairs(binding.functions()) do
  if fn.name and not skip[fn.name] and (not ONLY or fn.name:match(ONLY)) then
    local f = binding.get(fn.name) or binding.method(fn.name) or binding.hidden(fn.name)
    for space in pairs(fn.tags['in'] and {[fn.tags['in'][1]] = true} or {}) do f = f or binding.in_space(space, fn.name) end
    if f then
      for round = 1, tonumber(ROUNDS) do
        local args = {n = 0}
        if round % 4 == 0 then
          args.n = random(0, 5)
          for i = 1, args.n do args[i] = value(0) end
        else
          for _, p in ipairs(fn.params) do
            if p.kind ~= 'result' then
              args.n = args.n + 1
              args[args.n] = suited(p)
            end
          end
        end
        try(fn.name, f, args)
        local inplace = fn.tags.inplace and binding.method(fn.name .. '_')
        if inplace then try(fn.name .. '_', inplace, args) end
      end
    end
  end
end
assert((tocha.ones(2) + 1):sum():item() == 4)
print('calls', count, 'raised', raised)
]==]

local function misuse(seed, rounds)
  local log = os.tmpname()
  local head = string.format('local SEED, ROUNDS, LOG, VERBOSE = %d, %d, %q, true\n', seed, rounds, log)
  local output, status = S.run(head .. script, {timeout = 200})
  local file = io.open(log)
  local last = file and file:read('*l') or '?'
  if file then file:close() end
  os.remove(log)
  if status ~= 0 then error('status ' .. tostring(status) .. ' in ' .. last .. ': ' .. output:sub(-400)) end
  assert.matches('calls%s+%d+', output)
end

describe('every operator', function()
  it('survives arguments of all sorts', function() misuse(tonumber(os.getenv('TOCHA_MISUSE_SEED')) or 1, tonumber(os.getenv('TOCHA_MISUSE_ROUNDS')) or 12) end)
end)
