--- Attention as one kernel on CUDA, forward and backward, against the composed one on the CPU. On a real device or the emulated one.

local tocha = require 'tocha'
local S = require 'spec.support'
local D = require 'spec.cuda.device'
local F = tocha.nn.functional

local bounds = {float32 = 2e-5, float16 = 4e-3, bfloat16 = 3e-2}

-- the result and the gradients of q, k, v on a device; the CPU's in float64, from values that the dtype can hold
local function run(case, device, dtype)
  tocha.manual_seed(11)
  local function make(heads, length, width, turned)
    local x = (turned and tocha.randn(case.batch or 2, length, heads, width):transpose(2, 3) or tocha.randn(case.batch or 2, heads, length, width))
      :to(case.dtype):to(dtype):to(device)
    return x:detach():requires_grad_()
  end
  local q = make(case.heads or 2, case.queries, case.dim, case.turned)
  local k = make(case.key_heads or case.heads or 2, case.keys, case.dim, case.turned)
  local v = make(case.key_heads or case.heads or 2, case.keys, case.value_dim or case.dim)
  local g = tocha.randn(case.batch or 2, case.heads or 2, case.queries, case.value_dim or case.dim):to(case.dtype):to(dtype):to(device)
  local mask
  if case.mask == 'bool' then
    mask = tocha.rand(case.queries, case.keys):gt(0.4)
    mask[1] = false -- a row that sees nothing
    mask = mask:to(device)
  elseif case.mask then
    mask = tocha.randn(case.batch or 2, 1, case.queries, case.keys):to(case.dtype):to(dtype):to(device)
  end
  local y = F.scaled_dot_product_attention(q, k, v, mask, 0, case.causal or false, {scale = case.scale, enable_gqa = case.key_heads ~= nil})
  y:backward(g)
  return {y = y:detach(), dq = q.grad, dk = k.grad, dv = v.grad}
end

local cases = {
  {queries = 70, keys = 70, dim = 32, causal = true},
  {queries = 33, keys = 65, dim = 20, value_dim = 24, mask = 'bool'},
  {queries = 65, keys = 40, dim = 64, mask = 'float', batch = 1},
  {queries = 20, keys = 90, dim = 16, heads = 4, key_heads = 2, causal = true},
  {queries = 17, keys = 3, dim = 5, scale = 0.3},
  {queries = 66, keys = 35, dim = 72, turned = true, batch = 1, heads = 1},
  {queries = 9, keys = 40, dim = 136, causal = true, batch = 1, heads = 1},
}

describe('attention as one kernel', function()
  if not D.there() then return pending(D.needs) end

  for _, dtype in ipairs{'float32', 'float16', 'bfloat16'} do
    for i, case in ipairs(cases) do
      it(('gives the CPU\'s values and gradients: case %d, %s'):format(i, dtype), function()
        case.dtype = dtype
        local want, got = run(case, 'cpu', 'float64'), run(case, 'cuda', dtype)
        for name, x in pairs(got) do
          local w, bound = want[name], bounds[dtype] * math.max(1, want[name]:abs():max():item())
          assert.equal(dtype, tostring(x.dtype):match('%w+$'))
          local worst = (x:to('cpu'):double() - w):abs():max():item()
          assert.is_true(worst <= bound, ('%s: off by %g, %g allowed'):format(name, worst, bound))
        end
      end)
    end
  end

  it('keeps no matrix of scores', function()
    local n = 512
    local q = tocha.randn(1, 1, n, 16):to('cuda'):requires_grad_()
    local before = tocha.cuda.memory_allocated()
    tocha.cuda.reset_peak_memory_stats()
    F.scaled_dot_product_attention(q, q, q, {is_causal = true})
    assert.is_true(tocha.cuda.max_memory_allocated() - before < n * n * 4)
  end)

  it('has second derivatives', function()
    local function second(device)
      tocha.manual_seed(2)
      local x = tocha.randn(1, 2, 5, 4):to(device):requires_grad_()
      local y = F.scaled_dot_product_attention(x, x, x, {is_causal = true})
      local g = tocha.autograd.grad((y * y):sum(), {x}, {create_graph = true})[1]
      return tocha.autograd.grad((g * g):sum(), {x})[1]:to('cpu')
    end
    S.close(second('cuda'), S.plain(second('cpu')), 1e-3, 1e-3)
  end)

  it('takes fewer and more than four dims', function()
    for _, shape in ipairs{{6, 4}, {3, 6, 4}, {2, 1, 3, 6, 4}} do
      local x = tocha.randn(shape)
      S.close(F.scaled_dot_product_attention(x:to('cuda'), x:to('cuda'), x:to('cuda')):to('cpu'),
        S.plain(F.scaled_dot_product_attention(x, x, x)), 1e-5, 1e-5)
    end
  end)
end)
