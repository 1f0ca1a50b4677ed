--- Recurrent layers through cuDNN (backends.cudnn.rnn) against the library's own kernels: values, states and gradients of both orders.

local tocha = require 'tocha'
local S = require 'spec.support'
local D = require 'spec.cuda.device'
local nn, cudnn = tocha.nn, tocha.backends.cudnn

local function with_library(on, f)
  cudnn.rnn = on
  local ok, result = pcall(f)
  cudnn.rnn = false
  if not ok then error(result, 0) end
  return result
end

local function list_of(y, state)
  if tocha.is_tensor(state) then return {y, state} end
  return {y, state[1], state[2]}
end

-- outputs, last states, and the gradients by input, first states and weights
local function everything(layer, x, state)
  local leaves = {x:detach():requires_grad_()}
  for _, s in ipairs(state or {}) do leaves[#leaves + 1] = s:detach():requires_grad_() end
  local hx = state and (#state == 2 and {leaves[2], leaves[3]} or leaves[2]) or nil
  local all = list_of(layer(leaves[1], hx))
  local loss = 0
  for k, y in ipairs(all) do loss = loss + (y:float() * (y:float() + k)):sum() end
  layer:zero_grad()
  loss:backward()
  for _, leaf in ipairs(leaves) do all[#all + 1] = leaf.grad end
  for p in layer:parameters() do all[#all + 1] = p.grad:clone() end
  for i = 1, #all do all[i] = all[i]:detach():to('cpu'):double() end
  return all
end

local function same(got, want, tol)
  assert.equal(#want, #got)
  for i = 1, #want do
    local scale = math.max(1, want[i]:abs():max():item())
    assert.is_nil(S.difference(S.plain(got[i]), S.plain(want[i]), 0, tol * scale), 'result ' .. i)
  end
end

local function layer_of(name, options, dtype)
  tocha.manual_seed(4)
  return nn[name](3, 5, options or {}):to('cuda'):to(dtype or 'float32')
end
local function input(dtype) return tocha.arange(4 * 2 * 3):mul(0.37):sin():reshape(4, 2, 3):to(dtype or 'float32'):to('cuda') end
local function first(name, layers, dtype)
  local h = tocha.arange(layers * 2 * 5):mul(0.61):cos():reshape(layers, 2, 5):to(dtype or 'float32'):to('cuda')
  return name == 'LSTM' and {h, h * 0.5} or {h}
end

local function compare(name, options, dtype, tol, state)
  local layer, x = layer_of(name, options, dtype), input(dtype)
  local want = with_library(false, function() return everything(layer, x, state) end)
  same(with_library(true, function() return everything(layer, x, state) end), want, tol or 1e-5)
end

local kinds = {{'LSTM'}, {'GRU'}, {'RNN'}, {'RNN', {nonlinearity = 'relu'}}}

describe('recurrent layers through cuDNN', function()
  if not D.there() then return pending(D.needs) end
  for _, kind in ipairs(kinds) do
    local name, options = kind[1], kind[2] or {}
    local title = name .. (options.nonlinearity or '')
    local function more(t)
      for k, v in pairs(options) do t[k] = v end
      return t
    end
    it(title .. ' gives what our kernels give', function()
      compare(name, options)
      compare(name, options, 'float32', 1e-5, first(name, 1))
      compare(name, options, 'float64', 1e-11, first(name, 1, 'float64'))
    end)
    it(title .. ' takes the half types', function()
      compare(name, options, 'float16', 2e-2, first(name, 1, 'float16'))
      compare(name, options, 'bfloat16', 1e-1, first(name, 1, 'bfloat16'))
    end)
    it(title .. ' has layers, directions, no biases, batches first', function()
      compare(name, more{num_layers = 2, bidirectional = true}, 'float32', 1e-5, first(name, 4))
      compare(name, more{bias = false}, 'float32', 1e-5)
      local layer, x = layer_of(name, more{batch_first = true}), input():transpose(1, 2)
      local want = with_library(false, function() return everything(layer, x) end)
      same(with_library(true, function() return everything(layer, x) end), want, 1e-5)
    end)
    it(title .. ' has second derivatives', function()
      local layer = layer_of(name, options, 'float64')
      local function twice()
        local x = input('float64'):requires_grad_()
        local y = layer(x, nil)
        local g = {tocha.autograd.grad(y:square():sum(), {x, layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0}, {create_graph = true})}
        local loss = 0
        for _, v in ipairs(g) do loss = loss + v:square():sum() end
        local gg = {tocha.autograd.grad(loss, {x, layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0})}
        for i = 1, #gg do gg[i] = gg[i]:to('cpu') end
        return gg
      end
      same(with_library(true, twice), with_library(false, twice), 1e-9)
    end)
  end

  it('can be gone back through twice, and need no gradient', function()
    local layer, x = layer_of 'LSTM', input():requires_grad_()
    with_library(true, function()
      local y = layer(x)
      y:sum():backward(nil, {retain_graph = true})
      local once = x.grad:clone()
      y:sum():backward()
      assert.is_true(tocha.allclose(x.grad, once * 2, {rtol = 1e-5}))
      local plain = tocha.no_grad(function() return (layer(x)) end)
      assert.is_true(tocha.allclose(plain, y:detach(), {rtol = 1e-5, atol = 1e-6}))
    end)
  end)

  it('have gradients of single weights, and none where nothing is asked', function()
    local layer, x = layer_of 'GRU', input()
    for p in layer:parameters() do p:requires_grad_(false) end
    layer.bias_hh_l0:requires_grad_(true)
    local function grad()
      layer:zero_grad()
      layer(x):square():sum():backward()
      return {layer.bias_hh_l0.grad:clone():to('cpu')}
    end
    same(with_library(true, grad), with_library(false, grad), 1e-5)
    assert.is_nil(layer.weight_ih_l0.grad)
  end)

  it('take the 16-bit dtype under autocast', function()
    local layer, x = layer_of 'LSTM', input()
    local function run() return {tocha.amp.autocast('cuda', 'bfloat16', function() return (layer(x)) end):detach():to('cpu'):double()} end
    same(with_library(true, run), with_library(false, run), 5e-2)
  end)

  it('leave projections and packed sequences to our kernels', function()
    with_library(true, function()
      local y = layer_of('LSTM', {proj_size = 2})(input())
      assert.same({4, 2, 2}, {y:size(1), y:size(2), y:size(3)})
      local packed = nn.utils.rnn.pack_padded_sequence(input(), {4, 2})
      assert.equal(6, layer_of('GRU')(packed).data:size(1))
    end)
  end)

  it('can be recorded as a CUDA graph', function()
    local layer, x = layer_of 'LSTM', input()
    with_library(true, function()
      local out
      local graph = tocha.cuda.graph(function() out = tocha.no_grad(function() return (layer(x)) end) end)
      x:mul_(0.5)
      graph()
      local want = tocha.no_grad(function() return (layer(x)) end)
      assert.is_true(tocha.allclose(out, want, {rtol = 1e-5, atol = 1e-6}))
    end)
  end)
end)

describe('the switch of recurrent layers', function()
  it('is off at the start and takes true or false', function()
    assert.is_false(cudnn.rnn)
    S.fails(function() cudnn.rnn = 1 end, 'rnn', 'true or false')
    S.fails(function() tocha.backends.cuda.matmul.rnn = true end, 'unknown switch')
    cudnn.rnn = true
    local y = nn.GRU(3, 4)(tocha.ones(2, 1, 3)) -- the CPU does not mind
    cudnn.rnn = false
    assert.equal(4, y:size(3))
  end)
end)
