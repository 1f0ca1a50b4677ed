--- Positions for attention, grouped queries with a cache, gated layers, newer losses.

local tocha = require 'tocha'
local nn, F, S = tocha.nn, tocha.nn.functional, require 'spec.support'

local function t(v) return tocha.tensor(v, {dtype = 'float64'}) end
local f64 = {dtype = 'float64'}

before_each(function() tocha.manual_seed(3) end)

describe('rotary embeddings', function()
  it('make products depend on the distance only', function()
    for _, interleaved in ipairs{true, false} do
      local rope = nn.RotaryEmbedding(8, {interleaved = interleaved})
      local q, k = tocha.randn(1, 8, f64), tocha.randn(1, 8, f64)
      local near = (rope(q, 5) * rope(k, 2)):sum():item()
      assert.is_true(math.abs(near - (rope(q, 103) * rope(k, 100)):sum():item()) < 1e-9)
      assert.is_true(math.abs(near - (rope(q, 5) * rope(k, 3)):sum():item()) > 1e-6)
      S.close(rope(q, 7):norm(), q:norm(), 1e-9, 1e-9)
    end
  end)

  it('turn pairs by the angles of the paper', function()
    local rope = nn.RotaryEmbedding(4, {interleaved = true})
    local y = rope(t{{1, 0, 1, 0}, {1, 0, 1, 0}})
    S.close(y[2], t{math.cos(1), math.sin(1), math.cos(0.01), math.sin(0.01)}, 1e-9, 1e-9)
    local part = nn.RotaryEmbedding(2)(t{{0, 1, 5}, {0, 1, 5}})
    S.close(part[2], t{-math.sin(1), math.cos(1), 5}, 1e-9, 1e-9)
    assert.has_error(function() nn.RotaryEmbedding(3) end, 'RotaryEmbedding: dim: got 3, takes an even number')
  end)
end)

describe('ALiBi', function()
  it('has the slopes of the paper, and biases that fall with the distance', function()
    S.close(nn.ALiBi(8).slopes, tocha.tensor{1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256})
    assert.are.same({6}, nn.ALiBi(6).slopes.shape)
    local bias = nn.ALiBi(8)(2, 3)
    assert.are.same({{-0.5, 0, -0.5}, {-1, -0.5, 0}}, bias[1]:totable())
  end)
end)

describe('grouped-query attention', function()
  local function reference(m, x)
    local b, n, d = x:size(1), x:size(2), m.head_dim
    local function split(y, h) return y:view(b, n, h, d):transpose(2, 3) end
    local q, k, v = split(m.q_proj(x), m.num_heads), split(m.k_proj(x), m.num_kv_heads), split(m.v_proj(x), m.num_kv_heads)
    local times = m.num_heads / m.num_kv_heads
    k, v = k:repeat_interleave(times, 2), v:repeat_interleave(times, 2)
    local scores = q:matmul(k.mT) / math.sqrt(d)
    scores = scores:masked_fill(tocha.ones(n, n):tril():eq(0), -math.huge)
    return m.o_proj(scores:softmax(-1):matmul(v):transpose(2, 3):reshape(b, n, -1))
  end

  it('is attention with repeated keys and values', function()
    local m = nn.GroupedQueryAttention(12, 6, 2)
    local x = tocha.randn(2, 5, 12)
    S.close(m(x), reference(m, x), 1e-4, 1e-5)
    assert.are.same({4, 12}, nn.GroupedQueryAttention(12, 6, 2).k_proj.weight.shape)
  end)

  it('gives the same token by token with a cache', function()
    for _, options in ipairs{{}, {rope = true}, {alibi = true}, {rope = {base = 500}, window = 3}} do
      local m = nn.GroupedQueryAttention(8, 4, 2, options):eval()
      local x = tocha.randn(2, 7, 8)
      local want, cache, parts = m(x), nn.KVCache(), {}
      for i = 1, 3 do parts[i] = m(x:narrow(2, i, 1), {cache = cache}) end
      parts[4] = m(x:narrow(2, 4, 4), {cache = cache})
      S.close(tocha.cat(parts, 2), want, 1e-4, 1e-5)
      assert.are.equal(7, cache.length)
      cache:reset()
      S.close(m(x:narrow(2, 1, 2), {cache = cache}), want:narrow(2, 1, 2), 1e-4, 1e-5)
    end
  end)

  it('takes masks', function()
    local m = nn.GroupedQueryAttention(8, 2, {is_causal = false})
    local x = tocha.randn(1, 4, 8)
    local mask = tocha.tensor{true, true, false, false}
    local y = m(x, {mask = mask})
    S.close(y:narrow(2, 1, 2), m(x:narrow(2, 1, 2)), 1e-4, 1e-5)
    assert.has_error(function() nn.GroupedQueryAttention(8, 4, 3) end,
      'GroupedQueryAttention: num_kv_heads: got 3, takes a divisor of num_heads 4')
    local cache = nn.KVCache(2)
    assert.has_error(function() m(x, {cache = cache}) end, 'KVCache: 4 tokens, max_length is 2')
  end)

  it('has correct gradients', function()
    local m = nn.GroupedQueryAttention(4, 2, 1, {rope = true}):double()
    local x = tocha.randn(1, 3, 4, {dtype = 'float64', requires_grad = true})
    assert.is_true(tocha.autograd.gradcheck(function(v) return m(v) end, {x}))
  end)
end)

describe('gated layers', function()
  it('multiply an activated gate', function()
    local x = tocha.randn(2, 6)
    for name, f in pairs{SwiGLU = 'silu', GEGLU = 'gelu', ReGLU = 'relu'} do
      local m = nn[name](6, 10)
      S.close(m(x), m.down_proj(F[f](m.gate_proj(x)) * m.up_proj(x)))
    end
    assert.are.same({16, 6}, nn.SwiGLU(6).gate_proj.weight.shape)
    assert.are.same({2, 3}, nn.GEGLU(6, 10, {out_features = 3})(x).shape)
  end)
end)

describe('linear layer and cross entropy in one', function()
  local function both(options, target)
    local x = tocha.randn(7, 4, {dtype = 'float64', requires_grad = true})
    local w = tocha.randn(5, 4, {dtype = 'float64', requires_grad = true})
    local b = tocha.randn(5, {dtype = 'float64', requires_grad = true})
    local fused, plain = {linear_bias = b, options = {chunk_size = 3}}, {}
    for k, v in pairs(options) do fused[k], plain[k] = v, v end
    local got = F.linear_cross_entropy(x, w, target, fused)
    local want = F.cross_entropy(F.linear(x, w, b), target, plain)
    S.close(got, want, 1e-9, 1e-9)
    local scale = tocha.rand(want.shape, f64)
    local g1 = {tocha.autograd.grad((got * scale):sum(), {x, w, b})}
    local g2 = {tocha.autograd.grad((want * scale):sum(), {x, w, b})}
    for i = 1, 3 do S.close(g1[i], g2[i], 1e-9, 1e-9) end
  end

  it('is the composition of the two, with every option', function()
    local target = tocha.int64{1, 5, 3, 2, 2, 4, 1}
    local weight = tocha.rand(5, f64) + 0.1
    for _, reduction in ipairs{'mean', 'sum', 'none'} do
      both({reduction = reduction}, target)
      both({reduction = reduction, weight = weight, label_smoothing = 0.2}, target)
      both({reduction = reduction, label_smoothing = 0.1, ignore_index = 2}, target)
      both({reduction = reduction, weight = weight, ignore_index = 2}, target)
    end
  end)

  it('can be differentiated twice', function()
    local target = tocha.int64{1, 3, 2}
    local x, w = tocha.randn(3, 2, {dtype = 'float64', requires_grad = true}), tocha.randn(3, 2, {dtype = 'float64', requires_grad = true})
    local function f(a, b) return F.linear_cross_entropy(a, b, target, {options = {chunk_size = 2}, label_smoothing = 0.1}) end
    assert.is_true(tocha.autograd.gradcheck(f, {x, w}))
    assert.is_true(tocha.autograd.gradgradcheck(f, {x, w}))
  end)

  it('takes one row, more dims, probabilities, and refuses what does not fit', function()
    local x, w = tocha.randn(4), tocha.randn(5, 4)
    S.close(F.linear_cross_entropy(x, w, tocha.tensor(2, {dtype = 'int64'})), F.cross_entropy(F.linear(x, w), tocha.tensor(2, {dtype = 'int64'})))
    local m = nn.LinearCrossEntropyLoss(4, 5, {out_features = {2}, bias = true})
    local target = tocha.int64{{1, 5}, {2, 3}, {4, 4}}
    local logits = m.linear(tocha.ones(3, 4)):view(3, 5, 2)
    S.close(m(tocha.ones(3, 4), target), F.cross_entropy(logits, target))
    local p = tocha.rand(3, 5):softmax(2)
    S.close(F.linear_cross_entropy(tocha.ones(3, 4), w, p), F.cross_entropy(F.linear(tocha.ones(3, 4), w), p))
    assert.has_error(function() F.linear_cross_entropy(tocha.ones(3, 4), w, tocha.int64{1, 2}) end,
      'linear_cross_entropy: target: got a tensor [2], takes [3]')
  end)
end)

describe('newer losses', function()
  it('focal: cross entropy where gamma is 0, less for what is easy', function()
    local x, target = tocha.randn(6, 4, f64), tocha.int64{1, 2, 3, 4, 1, 2}
    S.close(F.focal_loss(x, target, 0), F.cross_entropy(x, target), 1e-9, 1e-9)
    local weight = tocha.rand(4, f64)
    S.close(nn.FocalLoss(0, weight)(x, target), F.cross_entropy(x, target, {weight = weight}), 1e-9, 1e-9)
    local p = x:softmax(2):gather(2, target:unsqueeze(2)):squeeze(2)
    S.close(F.focal_loss(x, target, 2, {reduction = 'none'}), -p:log() * (1 - p):square(), 1e-8, 1e-9)
    local y = t{1, 0, 1}
    S.close(F.sigmoid_focal_loss(t{0.3, -1, 2}, y, -1, 0, 'mean'), F.binary_cross_entropy_with_logits(t{0.3, -1, 2}, y), 1e-9, 1e-9)
    local q = t(0.3):sigmoid():item()
    S.close(F.sigmoid_focal_loss(t{0.3}, t{1})[1], t(0.25 * (1 - q) ^ 2 * -math.log(q)), 1e-9, 1e-9)
  end)

  it('dice: 0 for a perfect answer', function()
    local y = t{{1, 0, 1, 0}, {0, 0, 0, 1}}
    S.close(F.dice_loss(y, y), t(0))
    S.close(F.dice_loss(1 - y, y, 0), t(1))
    S.close(nn.DiceLoss(0, 'none')(t{{0.5, 0.5}}, t{{1, 0}}), t{0.5})
  end)

  it('InfoNCE: cross entropy of similarities', function()
    local q, k = tocha.randn(4, 3, f64), tocha.randn(4, 3, f64)
    local s = F.normalize(q, 2, 2):mm(F.normalize(k, 2, 2):t()) / 0.2
    S.close(F.info_nce_loss(q, k, 0.2), F.cross_entropy(s, tocha.int64{1, 2, 3, 4}), 1e-9, 1e-9)
    local both = (F.info_nce_loss(q, k, 0.2) + F.info_nce_loss(k, q, 0.2)) / 2
    S.close(nn.InfoNCELoss(0.2, {symmetric = true})(q, k), both, 1e-9, 1e-9)
    assert.is_true(F.info_nce_loss(q, q, 0.01, k):item() < F.info_nce_loss(q, k, 0.01, q):item())
  end)

  it('of Torch7', function()
    local x = t{0.5, -2}
    S.close(nn.MarginCriterion()(x, t{1, 1}), t((0.5 + 3) / 2))
    S.close(nn.L1Cost()(x), t(2.5))
    S.close(nn.WeightedMSECriterion(t{1, 2})(x, t{0, 0}), t((0.25 + 16) / 2))
    S.close(nn.DistanceRatioCriterion(){t{1}, t{2}}, t(math.log(1 + math.exp(-1))), 1e-9, 1e-9)
    S.close(nn.L1HingeEmbeddingCriterion(4)({t{1, 2}, t{2, 4}}, -1), t(1))
    local multi = nn.MultiCriterion():add(nn.MSELoss()):add(nn.L1Loss(), 0.5)
    S.close(multi(x, t{0, 0}), t(4.25 / 2 + 0.5 * 1.25))
    local parallel = nn.ParallelCriterion():add(nn.MSELoss()):add(nn.L1Loss(), 2)
    S.close(parallel({x, x}, {x, t{0, 0}}), t(2.5))
    S.close(nn.ModuleCriterion(nn.L1Loss(), nn.Square())(x, t{0, 0}), t(4.25 / 2))
  end)
end)
