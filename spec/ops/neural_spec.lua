--- What rows of cases cannot say of softmax, losses, norms, embeddings and attention: edges, side effects, chance.

local tocha = require 'tocha'
local F = tocha.nn.functional
local inf = math.huge

local function close(expected, x, tolerance)
  local got = x:reshape(-1):totable()
  assert.equal(#expected, #got)
  for i = 1, #got do
    assert.is_true(math.abs(got[i] - expected[i]) <= (tolerance or 1e-5) * (1 + math.abs(expected[i])),
      ('element %d is %.9g, expected %.9g'):format(i, got[i], expected[i]))
  end
end

describe('softmax', function()
  it('is NaN only in rows of minus infinity', function()
    local y = tocha.tensor{{-inf, -inf}, {0, -inf}}:softmax(2)
    assert.is_true(y[1]:isnan():all():item())
    close({1, 0}, y[2])
  end)

  it('passes NaN on to its row alone', function()
    local y = tocha.tensor{{0 / 0, 1}, {1, 1}}:log_softmax(2)
    assert.is_true(y[1]:isnan():all():item())
    close({-math.log(2), -math.log(2)}, y[2])
  end)

  it('computes in another dtype on demand', function()
    local y = tocha.int64{1, 2}:softmax(1, {dtype = 'float64'})
    assert.matches('float64', tostring(y.dtype))
  end)

  it('gives the same bits with one thread and with all', function()
    local x, threads = tocha.randn(300, 1000), tocha.get_num_threads()
    local many = x:softmax(2)
    tocha.set_num_threads(1)
    local one = x:softmax(2)
    tocha.set_num_threads(threads)
    assert.is_true(tocha.equal(many, one))
  end)
end)

describe('cross_entropy', function()
  it('does not overflow', function()
    local x = tocha.tensor{{1000, -1000, 0}}:requires_grad_()
    local loss = F.cross_entropy(x, tocha.int64{2})
    loss:backward()
    close({2000}, loss)
    close({1, -1, 0}, x.grad)
  end)

  it('is NaN as a mean of nothing and 0 as a sum', function()
    local x, none = tocha.zeros(2, 3), tocha.int64{-100, -100}
    assert.is_true(F.cross_entropy(x, none):isnan():item())
    close({0}, F.cross_entropy(x, none, {reduction = 'sum'}))
  end)

  it('keeps its digits over a large vocabulary far from zero', function()
    local x = tocha.full({1, 50000}, 1e4, {dtype = 'float32'})
    close({math.log(50000)}, F.cross_entropy(x, tocha.int64{7}), 1e-6)
  end)

  it('has the same first gradient with and without create_graph', function()
    local x, y = tocha.randn(6, 5, 3), tocha.randint(1, 6, {6, 3}, {dtype = 'int64'})
    local options = {label_smoothing = 0.1, weight = tocha.rand(5) + 0.5, ignore_index = 2}
    local a, b = x:clone():requires_grad_(), x:clone():requires_grad_()
    F.cross_entropy(a, y, options):backward()
    local g = tocha.autograd.grad({F.cross_entropy(b, y, options)}, {b}, {create_graph = true})
    assert.is_true(tocha.allclose(a.grad, g, 1e-5, 1e-7))
  end)
end)

describe('binary_cross_entropy', function()
  it('cuts logarithms at -100', function()
    close({100, 100}, F.binary_cross_entropy(tocha.tensor{0, 1}, tocha.tensor{1, 0}, {reduction = 'none'}))
  end)

  it('refuses what is no probability', function()
    assert.error_matches(function() F.binary_cross_entropy(tocha.tensor{1.5}, tocha.tensor{1}) end, 'between 0 and 1')
  end)
end)

describe('batch_norm', function()
  it('moves the running statistics, with the unbiased variance', function()
    local x, mean, var = tocha.tensor{{1, 10}, {3, 30}}, tocha.zeros(2), tocha.ones(2)
    F.batch_norm(x, mean, var, {training = true, momentum = 0.5})
    close({1, 10}, mean)
    close({1.5, 100.5}, var)
  end)

  it('leaves them alone in evaluation', function()
    local mean, var = tocha.zeros(3), tocha.ones(3)
    F.batch_norm(tocha.randn(4, 3), mean, var)
    close({0, 0, 0}, mean)
    close({1, 1, 1}, var)
  end)

  it('keeps its digits where the mean is large', function()
    local x = tocha.randn(8, 2, 32, 32, {dtype = 'float64'})
    local exact = F.batch_norm(x, nil, nil, nil, nil, true)
    local rough = F.batch_norm((x + 1000):float(), nil, nil, nil, nil, true)
    assert.is_true((exact - rough):abs():max():item() < 1e-3)
  end)

  it('keeps statistics of another dtype than the input', function()
    local mean, var = tocha.zeros(2), tocha.ones(2)
    local y = F.batch_norm(tocha.tensor({{1, 2}, {3, 4}}, {dtype = 'bfloat16'}), mean, var, {training = true,
      momentum = 1})
    assert.matches('bfloat16', tostring(y.dtype))
    close({2, 3}, mean)
  end)
end)

describe('instance_norm', function()
  it('averages the running statistics over the batch', function()
    local x = tocha.tensor{{{1, 3}}, {{5, 9}}}
    local mean, var = tocha.zeros(1), tocha.zeros(1)
    F.instance_norm(x, mean, var, {momentum = 1})
    close({4.5}, mean)
    close({5}, var)
  end)
end)

describe('layer_norm', function()
  it('gives the same gradients with one thread and with all', function()
    local threads = tocha.get_num_threads()
    local x, g = tocha.randn(500, 130), tocha.randn(500, 130)
    local function gradients()
      local w, b = tocha.ones(130):requires_grad_(), tocha.zeros(130):requires_grad_()
      F.layer_norm(x, {130}, w, b):backward(g)
      return w.grad, b.grad
    end
    local w, b = gradients()
    tocha.set_num_threads(1)
    local w1, b1 = gradients()
    tocha.set_num_threads(threads)
    assert.is_true(tocha.equal(w, w1) and tocha.equal(b, b1))
  end)
end)

describe('embedding', function()
  it('gives padding no gradient, counted from either end', function()
    for _, padding in ipairs{2, -2} do
      local w = tocha.ones(3, 2):requires_grad_()
      F.embedding(tocha.int64{1, 2, 2, 3}, w, padding):sum():backward()
      close({1, 1, 0, 0, 1, 1}, w.grad)
    end
  end)

  it('divides gradients by frequency on demand', function()
    local w = tocha.ones(3, 1):requires_grad_()
    F.embedding(tocha.int64{1, 2, 2, 2}, w, {scale_grad_by_freq = true}):sum():backward()
    close({1, 1, 0}, w.grad)
  end)

  it('shrinks rows longer than max_norm in place, only those in use', function()
    local w = tocha.tensor{{3, 4}, {0.3, 0.4}, {30, 40}}
    F.embedding(tocha.int64{1, 2, 1}, w, {max_norm = 1})
    close({0.6, 0.8, 0.3, 0.4, 30, 40}, w)
  end)

  it('takes labels as a table', function() close({5, 4}, F.embedding({2, 1}, tocha.tensor{{4}, {5}})) end)
end)

describe('embedding_bag', function()
  it('can end with the last offset', function()
    local w = tocha.tensor{{1}, {2}, {3}}
    close({1, 5}, F.embedding_bag(tocha.int64{1, 2, 3}, w, tocha.int64{1, 2, 4}, {mode = 'sum',
      include_last_offset = true}))
  end)

  it('refuses offsets out of order', function()
    local w = tocha.ones(3, 1)
    assert.error_matches(function() F.embedding_bag(tocha.int64{1, 2}, w, tocha.int64{1, 3, 2}) end, 'offsets')
    assert.error_matches(function() F.embedding_bag(tocha.int64{1, 2}, w, tocha.int64{2}) end, 'takes 1')
  end)
end)

describe('scaled_dot_product_attention', function()
  it('gives zeros and zero gradients where everything is masked', function()
    local q, k, v = tocha.randn(1, 2, 3):requires_grad_(), tocha.randn(1, 2, 3), tocha.randn(1, 2, 3)
    local mask = tocha.tensor{{true, false}, {false, false}}
    local y = F.scaled_dot_product_attention(q, k, v, mask)
    y:sum():backward()
    close({0, 0, 0}, y[{1, 2}])
    close({0, 0, 0}, q.grad[{1, 2}])
    assert.is_false(q.grad:isnan():any():item())
  end)

  it('shares heads of keys and values', function()
    local q, k, v = tocha.randn(2, 4, 3, 5), tocha.randn(2, 2, 3, 5), tocha.randn(2, 2, 3, 5)
    local shared = F.scaled_dot_product_attention(q, k, v, {enable_gqa = true})
    local repeated = F.scaled_dot_product_attention(q, k:repeat_interleave(2, 2), v:repeat_interleave(2, 2))
    assert.is_true(tocha.allclose(shared, repeated))
  end)

  -- a few queries without gradient have a kernel of their own; with gradient they are composed, and float64 is
  local function both(q, k, v, options)
    local wide = {}
    for name, value in pairs(options) do wide[name] = value end
    if wide.attn_mask and wide.attn_mask.dtype == tocha.float32 then wide.attn_mask = wide.attn_mask:double() end
    local exact = F.scaled_dot_product_attention(q:double(), k:double(), v:double(), wide):float()
    local composed = F.scaled_dot_product_attention(q:detach():requires_grad_(), k, v, options):detach()
    local few = F.scaled_dot_product_attention(q, k, v, options)
    assert.same(exact.shape, few.shape)
    assert.is_true(tocha.allclose(exact, few, 1e-5, 1e-6, true))
    assert.is_true(tocha.allclose(composed, few, 1e-5, 1e-6, true))
    assert.is_true(tocha.equal(few:isnan(), composed:isnan()))
  end

  it('of a few queries is what it is of many', function()
    for _, keys in ipairs{1, 3, 70, 2100} do
      for queries = 1, 4 do
        local q, k, v = tocha.randn(2, 4, queries, 24), tocha.randn(2, 4, keys, 24), tocha.randn(2, 4, keys, 17)
        both(q, k, v, {scale = 0.2})
        both(q, k, v, {is_causal = true, scale = 0.3})
        both(q, k, v, {attn_mask = tocha.rand(2, 1, queries, keys):lt(0.6)})
        both(q, k, v, {attn_mask = tocha.randn(queries, keys)})
      end
    end
  end)

  it('of a few queries takes shared heads, other layouts, fewer dims, and what is not a number', function()
    local q, k = tocha.randn(3, 2, 6, 8):transpose(2, 3), tocha.randn(3, 5, 2, 8):transpose(2, 3)
    both(q, k, tocha.randn(3, 2, 8, 5):transpose(3, 4), {enable_gqa = true})
    both(q[1], k[1]:repeat_interleave(3, 1), k[1]:repeat_interleave(3, 1), {dropout_p = 0})
    both(q[1][1], k[1][1], tocha.randn(1, 1):expand(5, 3), {dropout_p = 0})
    local odd = k:clone()
    odd[{1, 1, 2, 3}], odd[{2, 1, 1, 1}], odd[{3, 2, 1, 1}] = 0 / 0, math.huge, -math.huge
    both(q:narrow(2, 1, 2), odd, k, {dropout_p = 0})
    both(q:narrow(2, 1, 2), odd, k, {attn_mask = tocha.full({2, 5}, -math.huge)})
    both(q:narrow(2, 1, 2), k, k, {attn_mask = tocha.eye(5):narrow(1, 4, 2):eq(1)})
  end)

  it('of a few queries compiles', function()
    local q, k = tocha.randn(2, 3, 1, 16), tocha.randn(2, 3, 33, 16)
    local mask = tocha.rand(1, 33):lt(0.7)
    local function f(x, y, m) return F.scaled_dot_product_attention(x * 2, y, y + 1, m) end
    local compiled = tocha.compile(f)
    for _ = 1, 4 do
      q:normal_()
      assert.is_true(tocha.equal(f(q, k, mask), compiled(q, k, mask)))
      assert.is_true(tocha.equal(f(q, k), compiled(q, k)))
    end
  end)

  it('refuses a mask next to is_causal', function()
    local x = tocha.randn(2, 3, 4)
    assert.error_matches(function() F.scaled_dot_product_attention(x, x, x, tocha.ones(3, 3), 0, true) end, 'is_causal')
  end)
end)

describe('ctc_loss', function()
  it('drops what has no alignment under zero_infinity', function()
    local x = tocha.zeros(1, 1, 4):requires_grad_()
    local function loss(zero)
      return F.ctc_loss(x:log_softmax(3), tocha.tensor({{2, 2}}, {dtype = 'int64'}), tocha.int64{1}, tocha.int64{2},
        {zero_infinity = zero})
    end
    assert.equal(inf, loss(false):item())
    loss(true):backward()
    close({0, 0, 0, 0}, x.grad)
  end)
end)

describe('rrelu', function()
  it('has the middle slope in evaluation', function() close({-0.3, 2}, F.rrelu(tocha.tensor{-1, 2}, 0.2, 0.4)) end)

  it('draws slopes between its bounds in training, and its gradient knows them', function()
    tocha.manual_seed(3)
    local x = tocha.full({1000}, -1, {dtype = 'float32'}):requires_grad_()
    local y = F.rrelu(x, 0.2, 0.4, true)
    y:sum():backward()
    assert.is_true(y:max():item() <= -0.2 and y:min():item() >= -0.4 and y:std():item() > 0.04)
    assert.is_true(tocha.equal(x.grad, -y))
  end)

  it('works in place', function()
    local x = tocha.tensor{-1, 2}
    assert.equal(x, F.rrelu(x, 0.2, 0.4, false, true))
    close({-0.3, 2}, x)
  end)
end)

describe('gumbel_softmax', function()
  it('draws classes as often as their probabilities say', function()
    tocha.manual_seed(5)
    local logits = tocha.tensor{0.2, 0.5, 0.3}:log():expand(20000, 3)
    local share = F.gumbel_softmax(logits, {hard = true}):mean(1)
    close({0.2, 0.5, 0.3}, share, 0.02)
  end)

  it('is one-hot when hard, with the gradient of the soft sample', function()
    tocha.manual_seed(5)
    local x = tocha.randn(4, 3):requires_grad_()
    local y = F.gumbel_softmax(x, 0.5, true)
    close({1, 1, 1, 1}, y:sum(2))
    assert.is_true(y:eq(0):logical_or(y:sub(1):abs():lt(1e-6)):all():item())
    local weighed = y * tocha.randn(4, 3)
    weighed:sum():backward()
    assert.is_true(x.grad:abs():max():item() > 0)
  end)
end)
