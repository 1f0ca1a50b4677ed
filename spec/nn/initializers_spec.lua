-- nn.init: the distribution or pattern of each function.
local tocha = require 'tocha'
local nn = tocha.nn
local init = nn.init

local function within(low, high, value)
  if tocha.is_tensor(value) then value = value:item() end
  assert.is_true(value >= low and value <= high, ('%g is outside %g..%g'):format(value, low, high))
end

describe('nn.init', function()
  before_each(function() tocha.manual_seed(3) end)

  it('returns its tensor, fills parameters unrecorded and leaves them leaves', function()
    local p = nn.Parameter(tocha.zeros(3, 4))
    assert.is_true(init.xavier_uniform_(p) == p)
    assert.is_true(p.is_leaf and p.requires_grad)
    assert.is_nil(p.grad_fn)
  end)

  it('fills with one value', function()
    assert.are.same({5, 5}, init.constant_(tocha.empty(2), 5):totable())
    assert.are.same({1, 1}, init.ones_(tocha.empty(2)):totable())
    assert.are.same({0, 0}, init.zeros_(tocha.empty(2)):totable())
    assert.are.same({{1, 0, 0}, {0, 1, 0}}, init.eye_(tocha.empty(2, 3)):totable())
  end)

  it('draws uniform and normal values', function()
    local u = init.uniform_(tocha.empty(100, 100), -2, 4)
    within(-2, -1.95, u:amin())
    within(3.95, 4, u:amax())
    within(0.9, 1.1, u:mean())
    local n = init.normal_(tocha.empty(100, 100), 3, 0.5)
    within(2.97, 3.03, n:mean())
    within(0.48, 0.52, (n - 3):square():mean():sqrt())
  end)

  it('cuts normal values off', function()
    local x = init.trunc_normal_(tocha.empty(100, 100), 0, 1, -0.5, 2)
    within(-0.5, -0.49, x:amin())
    within(1.8, 2, x:amax())
  end)

  it('scales with the fans of xavier and kaiming', function()
    local w = tocha.empty(40, 10, 3, 3) -- fan_in 90, fan_out 360
    within(0.98, 1, init.xavier_uniform_(w):abs():amax() / math.sqrt(6 / 450))
    within(0.95, 1.05, init.xavier_normal_(w, 2):square():mean():sqrt() / (2 * math.sqrt(2 / 450)))
    within(0.98, 1, init.kaiming_uniform_(w):abs():amax() / math.sqrt(6 / 90))
    within(0.95, 1.05, init.kaiming_normal_(w, {mode = 'fan_out', nonlinearity = 'relu'}):square():mean():sqrt() / math.sqrt(2 / 360))
  end)

  it('makes orthogonal matrices', function()
    local w = init.orthogonal_(tocha.empty(4, 2, 2), 3)
    local square = w:reshape(4, 4):mm(w:reshape(4, 4):t()) - tocha.eye(4) * 9
    within(0, 1e-4, square:abs():amax())
  end)

  it('zeroes a share of each column', function()
    local w = init.sparse_(tocha.empty(10, 4), 0.3)
    assert.are.same({3, 3, 3, 3}, w:eq(0):sum(1):totable())
  end)

  it('makes kernels that pass channels through', function()
    local w = init.dirac_(tocha.empty(2, 2, 3))
    assert.are.same({{{0, 1, 0}, {0, 0, 0}}, {{0, 0, 0}, {0, 1, 0}}}, w:totable())
  end)

  it('knows the gain of nonlinearities', function()
    assert.are.equal(math.sqrt(2), init.calculate_gain('relu'))
    assert.are.equal(5 / 3, init.calculate_gain('tanh'))
    assert.are.equal(math.sqrt(2 / 1.04), init.calculate_gain('leaky_relu', 0.2))
    assert.error_matches(function() init.calculate_gain('sine') end, "calculate_gain: nonlinearity: got 'sine'")
  end)

  it('refuses tensors without fans', function()
    assert.error_matches(function() init.xavier_uniform_(tocha.empty(3)) end, 'xavier_uniform_: got a tensor of 1 dimensions')
  end)
end)

describe('layers start as in PyTorch', function()
  it('with weights and biases in +-1/sqrt(fan_in)', function()
    tocha.manual_seed(1)
    local m = nn.Linear(50, 400)
    within(0.98, 1, m.weight:abs():amax() * math.sqrt(50))
    within(0.9, 1, m.bias:abs():amax() * math.sqrt(50))
    local c = nn.Conv2d(4, 100, 3, {groups = 2})
    within(0.95, 1, c.weight:abs():amax() * math.sqrt(18))
    local r = nn.GRU(3, 64)
    within(0.95, 1, r.weight_ih_l0:abs():amax() * 8)
  end)

  it('with normal embeddings whose padding is zero', function()
    local e = nn.Embedding(2000, 5, {padding_idx = -1})
    within(0.95, 1.05, e.weight:square():mean():sqrt())
    assert.are.same({0, 0, 0, 0, 0}, e.weight[2000]:totable())
    assert.are.equal(2000, e.padding_idx)
  end)

  it('with norms that change nothing', function()
    local m = nn.BatchNorm2d(2)
    assert.are.same({{1, 1}, {0, 0}, {0, 0}, {1, 1}}, {m.weight:totable(), m.bias:totable(), m.running_mean:totable(), m.running_var:totable()})
  end)
end)
