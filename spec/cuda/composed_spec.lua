--- Functions that are made of several operators keep to the device of their inputs, whatever the default device is.

local tocha = require 'tocha'
local S = require 'spec.support'
local D = require 'spec.cuda.device'
local F, nn = tocha.nn.functional, tocha.nn

local calls = {
  gradient = function(x) return tocha.gradient(x, {spacing = 0.5})[1] end,
  histogram = function(x) return tocha.histogram(x, 4) end,
  histogramdd = function(x) return (tocha.histogramdd(x:reshape(-1, 2), {2, 3})) end,
  block_diag = function(x) return tocha.block_diag(x, x:square()) end,
  cartesian_prod = function(x) return tocha.cartesian_prod(x:flatten(), x:flatten()) end,
  combinations = function(x) return tocha.combinations(x:flatten()) end,
  matrix_rank = function(x) return tocha.linalg.matrix_rank(x, 0.1) end,
  pinv = function(x) return tocha.linalg.pinv(x, {atol = 0.1}) end,
  pdist = function(x) return F.pdist(x) end,
  one_hot = function(x) return F.one_hot(x:abs():to('int64') + 1) end,
  affine_grid = function(x) return F.affine_grid(x:reshape(-1):narrow(1, 1, 6):reshape(1, 2, 3), {1, 1, 3, 4}) end,
  interpolate = function(x) return F.interpolate(x[{nil, nil}]:reshape(1, 1, 4, 3), {size = {5, 6}, mode = 'bicubic'}) end,
  stft = function(x) return tocha.view_as_real(tocha.stft(x:flatten(), 4, {return_complex = true})) end,
  ['asked positions'] = function(x) return nn.SinusoidalPositionalEncoding(4)(x:reshape(1, 3, 4)) end,
  ['rotary embedding'] = function(x) return nn.RotaryEmbedding(4)(x:reshape(1, 1, 3, 4)) end,
  ['a hinge of embeddings'] = function(x) return nn.L1HingeEmbeddingCriterion(1)({x, x:flip(1)}, -1) end,
  ['packed sequences'] = function(x)
    local rnn = nn.utils.rnn
    local packed = rnn.pack_padded_sequence(x, {2, 4, 1}, {enforce_sorted = false})
    return packed.data, (rnn.pad_packed_sequence(packed))
  end,
  ['a packed LSTM'] = function(x)
    tocha.manual_seed(5)
    local lstm = nn.LSTM(1, 3):to(x.device)
    local packed = nn.utils.rnn.pack_padded_sequence(x:unsqueeze(3), {2, 4, 1}, {enforce_sorted = false})
    local y, h = lstm(packed)
    return y.data:detach(), h[1]:detach()
  end,
  ['pruning'] = function(x)
    local layer = nn.Linear(3, 4):to(x.device)
    nn.utils.prune.random_structured(layer, 'weight', 2, 1)
    return layer.weight:abs():sum(2):gt(0):sum()
  end,
  ['a grid of images'] = function(x) return tocha.utils.make_grid(x:reshape(2, 1, 2, 3)) end,
  ['a confusion matrix'] = function(x)
    local labels = x:flatten():gt(0):to('int64') + 1
    return tocha.utils.ConfusionMatrix(2):add(labels, labels).counts:to(x.device)
  end,
  ['CMA-ES'] = function(x)
    local p = x:clone()
    local optimizer = tocha.optim.CMAES({p}, {sigma = 0.1})
    for _ = 1, 2 do optimizer:step(function() return p:square():sum() end) end
    return p
  end,
}

describe('on CUDA', function()
  if not D.there() then return pending(D.needs) end
  for name, f in pairs(calls) do
    it(name .. ' stays where its inputs are', function()
      local x = tocha.arange(12, {dtype = 'float32'}):mul(0.7):sin():reshape(4, 3)
      local function run(device)
        tocha.manual_seed(2)
        return {f(x:to(device))}
      end
      local want, got = run('cpu'), run('cuda')
      assert.equal(#want, #got)
      for i = 1, #want do
        if tocha.is_tensor(want[i]) then assert.equal('cuda', tostring(got[i].device):sub(1, 4)) end
        assert.is_nil(S.difference(S.plain(got[i]), S.plain(want[i]), 1e-4, 1e-4))
      end
    end)
  end

  it('gradcheck takes its inputs there', function()
    local x = tocha.arange(4, {dtype = 'float64'}):to('cuda'):requires_grad_()
    assert.is_true(tocha.autograd.gradcheck(function(v) return v:sin():mul(v) end, {x}))
  end)
end)
