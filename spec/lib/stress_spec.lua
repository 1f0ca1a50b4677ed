--- A randomised load on handles and memory: coroutines, caught errors, released tensors, graphs; in every mode of the compiler.

local S = require 'spec.support'

local script = [[
local tocha = require 'tocha'
local C = require('tocha.library').C
math.randomseed(tonumber(SEED))
local random = math.random

local pool, size = {}, 64
local function fresh()
  local x = tocha.full({random(1, 4), random(1, 300)}, random(1, 9), {dtype = 'float64'})
  return random() < 0.3 and x:requires_grad_() or x
end
for i = 1, size do pool[i] = fresh() end
local function pick() return pool[random(size)] end

local acts = {
  function() return pick() * 2 end,
  function() local x = pick() return x + x end,
  function() return pick():t() end,
  function() return pick():narrow(2, 1, 1) end,
  function() return pick():sum() + fresh() end,
  function() return pick():detach():clone() end,
  function() return fresh() end,
  function() -- an error is caught
    assert(not pcall(function() return tocha.ones(3) + tocha.ones(4) * pick():sum() end))
    return fresh()
  end,
  function() -- an error through a coroutine
    local co = coroutine.create(function() local y = pick() * 3 coroutine.yield(y) error('gone') end)
    local _, y = coroutine.resume(co)
    coroutine.resume(co)
    return y
  end,
  function() -- a coroutine that is dropped in the middle
    local co = coroutine.wrap(function() local y = pick() * 3 coroutine.yield(y:sum()) return y end)
    co()
    return fresh()
  end,
  function() -- released, then used
    local x = pick() * 1
    x:free()
    local good, message = pcall(function() return x + 1 end)
    assert(not good and message:find('released'), message)
    assert(not pcall(function() return x.shape end))
    return fresh()
  end,
  function() -- a graph, walked
    local x = tocha.ones(5, {dtype = 'float64', requires_grad = true})
    local y = (x * x * pick():detach():sum():reshape(1)):sum()
    y:backward()
    return x.grad
  end,
  function() -- an error inside backward
    local x = tocha.ones(5, {requires_grad = true})
    local y = x * 2
    y:register_hook(function() error('hook') end)
    assert(not pcall(y.backward, y:sum()))
    return fresh()
  end,
  function() collectgarbage('step', random(200)) return fresh() end,
  function() return pick().grad or fresh() end,
}
for i = 1, tonumber(ROUNDS) do
  local x = acts[random(#acts)]()
  assert(tocha.is_tensor(x))
  if x:numel() > 2000 or x:dim() ~= 2 or i % 50 == 0 then x = fresh() end
  pool[random(size)] = x
end
local sum = 0
for i = 1, size do sum = sum + pool[i]:sum():item() end
assert(sum == sum)
pool, pick, acts, fresh = nil, nil, nil, nil
collectgarbage() collectgarbage()
print('left', C.tc_live_tensors())
]]

local function stress(seed, rounds, options)
  local eager = options and options.eager and "collectgarbage(\"setstepmul\", 1000) collectgarbage(\"setpause\", 10)\n" or ""
  local output = S.runs(eager .. 'local SEED, ROUNDS = ' .. seed .. ', ' .. rounds .. '\n' .. script, options)
  local left = tonumber(output:match('left%s+(%d+)'))
  assert.is_not_nil(left, output)
  assert.is_true(left < 60, 'tensors left over: ' .. left)
end

describe('handles under a random load', function()
  it('hold, compiled', function() stress(1, 20000) end)
  it('hold, compiled from the second round of every loop', function() stress(2, 10000, {flags = '-Ohotloop=2 -Ohotexit=2'}) end)
  it('hold, interpreted', function() stress(3, 10000, {flags = '-joff'}) end)
  it('hold with finalisers', function() stress(4, 5000, {env = 'TOCHA_HANDLES=finaliser'}) end)
  it('hold when garbage is collected all the time', function() stress(5, 5000, {eager = true}) end)
end)
