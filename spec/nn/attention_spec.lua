-- nn.MultiheadAttention and the transformer: shapes, masks, agreement of forms, refusals.
local tocha = require 'tocha'
local nn = tocha.nn

local function near(a, b)
  assert.are.same(a.shape, b.shape)
  assert.is_true((a - b):detach():abs():amax():item() < 1e-5)
end

describe('nn.MultiheadAttention', function()
  local m, x
  before_each(function()
    tocha.manual_seed(5)
    m, x = nn.MultiheadAttention(6, 2), tocha.randn(4, 3, 6)
  end)

  it('gives a result and weights that sum to 1', function()
    local out, weights = m(x, x, x)
    assert.are.same({{4, 3, 6}, {3, 4, 4}}, {out.shape, weights.shape})
    near(tocha.ones(3, 4), weights:sum(3))
    local _, each = m(x, x, x, {average_attn_weights = false})
    near(weights, each:mean(2))
  end)

  it('computes the same with and without weights, batch first, and for separate inputs', function()
    local out = m(x, x, x)
    local same, none = m(x, x, x, {need_weights = false})
    near(out, same)
    assert.is_nil(none)
    near(out, (m(x, x:clone(), x:clone())))
    local first = nn.MultiheadAttention(6, 2, {batch_first = true})
    first:load_state_dict(m:state_dict())
    local y = x:transpose(1, 2)
    near(out:transpose(1, 2), (first(y, y, y)))
    local single = x:select(2, 1)
    near(out:select(2, 1), (m(single, single, single)))
  end)

  it('does not look at what is masked, in either way', function()
    local mask = tocha.ones(4, 4):triu(1):bool()
    local _, weights = m(x, x, x, {attn_mask = mask})
    assert.are.equal(0, weights:triu(1):abs():amax():item())
    near(weights, (select(2, m(x, x, x, {attn_mask = tocha.zeros(4, 4):masked_fill(mask, -math.huge)}))))
    local padding = tocha.tensor{{false, false, false, true}, {false, false, false, false}, {false, true, false, false}}
    local _, padded = m(x, x, x, {key_padding_mask = padding})
    assert.are.equal(0, padded:masked_select(padding:unsqueeze(2):expand(3, 4, 4)):abs():amax():item())
  end)

  it('takes keys and values of other sizes', function()
    local o = nn.MultiheadAttention(6, 2, {kdim = 3, vdim = 5})
    assert.are.same({4, 1, 6}, (o(tocha.randn(4, 1, 6), tocha.randn(7, 1, 3), tocha.randn(7, 1, 5))).shape)
    assert.is_nil(o:state_dict().in_proj_weight)
  end)

  it('refuses heads that do not divide, and masks of other shapes', function()
    assert.error_matches(function() nn.MultiheadAttention(5, 2) end, 'embed_dim 5 is not divisible by num_heads 2')
    assert.error_matches(function() m(x, x, x, {attn_mask = tocha.zeros(3, 4)}) end, 'attn_mask: got a tensor %[3 x 4%]')
    assert.error_matches(function() m(tocha.randn(4, 3, 5), x, x) end, 'query: got .* takes embed_dim 6')
  end)
end)

describe('nn.Transformer', function()
  it('joins encoder and decoder, and trains', function()
    tocha.manual_seed(1)
    local t = nn.Transformer{d_model = 4, nhead = 2, num_encoder_layers = 2, num_decoder_layers = 1, dim_feedforward = 8, dropout = 0}
    local out = t(tocha.randn(5, 2, 4), tocha.randn(3, 2, 4))
    assert.are.same({3, 2, 4}, out.shape)
    out:square():sum():backward()
    for name, p in t:named_parameters() do assert.is_not_nil(p.grad, name) end
  end)

  it('copies its layers, each with parameters of its own', function()
    local encoder = nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8), 2)
    local a, b = encoder.layers[1].linear1.weight, encoder.layers[2].linear1.weight
    assert.is_true(a:eq(b):all():item())
    a:detach():fill_(0)
    assert.is_false(b:eq(0):all():item())
  end)

  it('cannot see the future with the causal mask', function()
    tocha.manual_seed(2)
    local mask = nn.Transformer.generate_square_subsequent_mask(4)
    assert.are.equal(-math.huge, mask[{1, 2}]:item())
    assert.are.equal(0, mask[{2, 1}]:item())
    local layer = nn.TransformerEncoderLayer(4, 2, {dim_feedforward = 8, dropout = 0, batch_first = true})
    local x = tocha.randn(1, 4, 4)
    local y = x:clone()
    y[{1, 4}] = 9
    near((layer(x, mask)):narrow(2, 1, 3), (layer(y, mask)):narrow(2, 1, 3))
  end)

  it('takes gelu and functions, and refuses other names', function()
    assert.are.same({2, 1, 4}, nn.TransformerEncoderLayer(4, 2, {activation = 'gelu'})(tocha.randn(2, 1, 4)).shape)
    assert.are.same({2, 1, 4}, nn.TransformerEncoderLayer(4, 2, {activation = tocha.tanh})(tocha.randn(2, 1, 4)).shape)
    assert.error_matches(function() nn.TransformerEncoderLayer(4, 2, {activation = 'sine'}) end, "activation: got 'sine'")
  end)
end)
