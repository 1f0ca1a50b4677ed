-- Losses as modules and as functions: agreement of the two, options, and what is refused. Values are checked with the operators.
local tocha = require 'tocha'
local nn = tocha.nn
local F = nn.functional

local function near(expected, got)
  if not tocha.is_tensor(expected) then expected = tocha.tensor(expected) end
  assert.are.same(expected.shape, got.shape)
  assert.is_true((expected - got):detach():abs():amax():item() < 1e-5)
end

local x, y = tocha.tensor{{0.2, 0.5, 0.9}, {0.1, 0.7, 0.3}}, tocha.tensor{{0, 1, 0.5}, {1, 0, 0.25}}
local labels = tocha.int64{3, 1}

describe('losses of input and target', function()
  local functions = {L1Loss = 'l1_loss', MSELoss = 'mse_loss', SmoothL1Loss = 'smooth_l1_loss', HuberLoss = 'huber_loss',
    BCELoss = 'binary_cross_entropy', BCEWithLogitsLoss = 'binary_cross_entropy_with_logits', PoissonNLLLoss = 'poisson_nll_loss'}

  it('are the same as modules and functions, for each reduction', function()
    for class, name in pairs(functions) do
      local each = F[name](x, y, {reduction = 'none'})
      assert.are.same({2, 3}, each.shape)
      near(each, nn[class]{reduction = 'none'}(x, y))
      near(each:mean(), nn[class]()(x, y))
      near(each:sum(), nn[class]{reduction = 'sum'}(x, y))
      near(each:mean(), F[name](x, y))
    end
  end)

  it('take PyTorch\'s older arguments at their places', function()
    near(F.mse_loss(x, y, {reduction = 'sum'}), F.mse_loss(x, y, false))
    near(F.mse_loss(x, y, {reduction = 'none'}), F.mse_loss(x, y, nil, false))
    near(F.mse_loss(x, y, {reduction = 'sum'}), nn.MSELoss{size_average = false}(x, y))
  end)

  it('refuse targets that would only fit by broadcasting', function()
    for _, name in pairs(functions) do
      local ok, message = pcall(F[name], tocha.ones(3, 1) * 0.5, tocha.ones(3))
      assert.is_false(ok)
      assert.matches('[3 x 1]', message, 1, true)
    end
  end)

  it('refuse an unknown reduction', function()
    assert.error_matches(function() nn.MSELoss{reduction = 'average'} end, "MSELoss: reduction: got 'average'")
    assert.has_error(function() F.mse_loss(x, y, {reduction = 'average'}) end)
    assert.has_no_error(function() nn.KLDivLoss{reduction = 'batchmean'} end)
  end)
end)

describe('cross entropy', function()
  it('is the negative log likelihood of log softmax', function()
    near(F.nll_loss(F.log_softmax(x, 2), labels), nn.CrossEntropyLoss()(x, labels))
    near(-F.log_softmax(x, 2):gather(2, labels:unsqueeze(2)):mean(), F.cross_entropy(x, labels))
  end)

  it('weighs classes, leaves some out, smooths labels', function()
    local w = tocha.tensor{1, 2, 3}
    near(F.cross_entropy(x, labels, w), nn.CrossEntropyLoss(w)(x, labels))
    near(F.cross_entropy(x:narrow(1, 1, 1), labels:narrow(1, 1, 1)), nn.CrossEntropyLoss{ignore_index = 1}(x, labels))
    local one = F.one_hot(labels, 3):float()
    near(F.cross_entropy(x, one * 0.7 + 0.1), F.cross_entropy(x, labels, {label_smoothing = 0.3}))
  end)

  it('keeps its weights as a buffer', function()
    local m = nn.CrossEntropyLoss{weight = tocha.ones(3)}
    assert.is_not_nil(m:state_dict().weight)
    assert.are.equal(0, #m:parameters())
  end)

  it('names a label that is no class', function()
    assert.error_matches(function() F.cross_entropy(x, tocha.int64{1, 4}) end, 'label 4 at position 2: labels are 1..3')
    assert.error_matches(function() F.cross_entropy(x, tocha.int64{0, 1}) end, 'label 0 at position 1: labels are 1..3')
  end)
end)

describe('margin losses', function()
  local a, b, c = tocha.tensor{{0, 0}, {3, 4}}, tocha.tensor{{3, 4}, {3, 4}}, tocha.tensor{{0, 1}, {0, 0}}

  it('compare distances', function()
    near(F.triplet_margin_loss(a, b, c), nn.TripletMarginLoss()(a, b, c))
    near(F.triplet_margin_loss(a, b, c, {swap = true, reduction = 'sum'}),
      nn.TripletMarginWithDistanceLoss{swap = true, reduction = 'sum'}(a, b, c))
    local city = nn.TripletMarginWithDistanceLoss{distance_function = function(p, q) return (p - q):abs():sum(2) end}
    near((7 - 1 + 1 + 0) / 2, city(a, b, c))
  end)

  it('rank, hinge and count several labels', function()
    local t = tocha.tensor{1, -1}
    near((1 + 0.5) / 2 + 0, nn.MarginRankingLoss(1)(tocha.tensor{1, 0.5}, tocha.tensor{1, 1}, t) )
    near((0.5 + 0.25) / 2, nn.HingeEmbeddingLoss()(tocha.tensor{0.5, 0.75}, t))
    assert.are.same({}, nn.MultiMarginLoss()(x, labels).shape)
    assert.are.same({}, nn.MultiLabelMarginLoss()(x, tocha.int64{{1, -1, 1}, {2, 3, -1}}).shape)
  end)
end)

describe('adaptive softmax', function()
  it('gives probabilities of all classes, consistent with its loss', function()
    tocha.manual_seed(1)
    local m = nn.AdaptiveLogSoftmaxWithLoss(4, 10, {2, 6})
    local input, target = tocha.randn(5, 4), tocha.int64{1, 2, 5, 7, 10}
    local all = m:log_prob(input)
    near({1, 1, 1, 1, 1}, all:exp():sum(2))
    local output, loss = m(input, target)
    near(all:gather(2, target:unsqueeze(2)):squeeze(2), output)
    near(-output:mean(), loss)
    assert.are.same(all:argmax(2):totable(), m:predict(input):totable())
    assert.error_matches(function() m(input, tocha.int64{1, 2, 5, 7, 11}) end, 'label 11: labels are 1..10')
  end)
end)
