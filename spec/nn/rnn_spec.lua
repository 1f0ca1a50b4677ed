-- Recurrent layers: the equations, shapes, packing and refusals.
local tocha = require 'tocha'
local nn = tocha.nn
local rnn_utils = nn.utils.rnn

local function near(a, b)
  assert.are.same(a.shape, b.shape)
  local gap = (a - b):detach():abs():amax():item()
  assert.is_true(gap < 1e-5, ('differs by %g'):format(gap))
end

local function linear(x, w, b) return x:matmul(w:t()) + b end

describe('recurrent cells', function()
  local x, h, c = tocha.randn(2, 3), tocha.randn(2, 4), tocha.randn(2, 4)

  it('nn.RNNCell is tanh(W x + b + U h + c)', function()
    local m = nn.RNNCell(3, 4)
    near((linear(x, m.weight_ih, m.bias_ih) + linear(h, m.weight_hh, m.bias_hh)):tanh(), m(x, h))
  end)

  it('nn.LSTMCell follows the equations of its gates', function()
    local m = nn.LSTMCell(3, 4)
    local g = linear(x, m.weight_ih, m.bias_ih) + linear(h, m.weight_hh, m.bias_hh)
    local function gate(i) return g:narrow(2, 4 * i + 1, 4) end
    local cell = gate(1):sigmoid() * c + gate(0):sigmoid() * gate(2):tanh()
    local out, state = m(x, {h, c})
    near(cell, state)
    near(gate(3):sigmoid() * cell:tanh(), out)
  end)

  it('nn.GRUCell resets inside the product of the new gate', function()
    local m = nn.GRUCell(3, 4)
    local a, b = linear(x, m.weight_ih, m.bias_ih), linear(h, m.weight_hh, m.bias_hh)
    local function part(g, i) return g:narrow(2, 4 * i + 1, 4) end
    local r, z = (part(a, 0) + part(b, 0)):sigmoid(), (part(a, 1) + part(b, 1)):sigmoid()
    local n = (part(a, 2) + r * part(b, 2)):tanh()
    near((1 - z) * n + z * h, m(x, h))
  end)

  it('start from zeros, and work without a batch', function()
    local m = nn.GRUCell(3, 4)
    near(m(x, tocha.zeros(2, 4)), m(x))
    near(m(x)[1], m(x[1]))
    local l = nn.LSTMCell(3, 4)
    local out, state = l(x[1])
    assert.are.same({{4}, {4}}, {out.shape, state.shape})
  end)

  it('refuse inputs of other features', function()
    assert.error_matches(function() nn.LSTMCell(4, 4)(x) end, 'LSTMCell: the input .* has 3 features, input_size is 4')
  end)
end)

describe('recurrent layers', function()
  local x = tocha.randn(5, 2, 3)

  it('run the cell over time', function()
    for _, kind in ipairs{'RNN', 'GRU'} do
      local m, cell = nn[kind](3, 4), nn[kind .. 'Cell'](3, 4)
      local state = {}
      for name, p in m:named_parameters() do state[name:gsub('_l0', '')] = p:detach() end
      cell:load_state_dict(state)
      local out, last = m(x)
      local h
      for t = 1, 5 do
        h = cell(x[t], h)
        near(h, out[t])
      end
      near(h, last[1])
    end
  end)

  it('give output and the last state; an LSTM gives two states in a table', function()
    local out, state = nn.LSTM(3, 4, {num_layers = 2, bidirectional = true})(x)
    assert.are.same({{5, 2, 8}, {4, 2, 4}, {4, 2, 4}}, {out.shape, state[1].shape, state[2].shape})
    local projected, last = nn.LSTM(3, 4, {proj_size = 2})(x)
    assert.are.same({{5, 2, 2}, {1, 2, 2}, {1, 2, 4}}, {projected.shape, last[1].shape, last[2].shape})
  end)

  it('take the batch first, or none', function()
    local a, b = nn.GRU(3, 4), nn.GRU(3, 4, {batch_first = true})
    b:load_state_dict(a:state_dict())
    near(a(x):transpose(1, 2), (b(x:transpose(1, 2))))
    local out, last = a(x:select(2, 1))
    near(a(x):select(2, 1), out)
    assert.are.same({1, 4}, last.shape)
  end)

  it('go on from a state', function()
    local m = nn.LSTM(3, 4)
    local whole = m(x)
    local first, state = m(x:narrow(1, 1, 2))
    near(whole, tocha.cat({first, (m(x:narrow(1, 3, 3), state))}, 1))
  end)

  it('pass gradients to all weights and the first state', function()
    local m = nn.LSTM(3, 4, 2)
    local h0, c0 = tocha.zeros(2, 2, 4):requires_grad_(), tocha.zeros(2, 2, 4):requires_grad_()
    local out = m(x, {h0, c0})
    out:sum():backward()
    for name, p in m:named_parameters() do assert.is_true(p.grad:abs():amax():item() > 0, name) end
    assert.is_true(h0.grad:abs():amax():item() > 0 and c0.grad:abs():amax():item() > 0)
  end)

  it('treat packed sequences as each sequence alone', function()
    local m = nn.LSTM(3, 4, {bidirectional = true})
    local packed = rnn_utils.pack_padded_sequence(x, {3, 5}, {enforce_sorted = false})
    local out, state = m(packed)
    local padded, lengths = rnn_utils.pad_packed_sequence(out)
    assert.are.same({3, 5}, lengths:totable())
    local alone, last = m(x:narrow(1, 1, 3):narrow(2, 1, 1))
    near(alone:squeeze(2), padded:select(2, 1):narrow(1, 1, 3))
    near(last[2]:squeeze(2), state[2]:select(2, 1))
    assert.are.equal(0, padded:select(2, 1):narrow(1, 4, 2):abs():amax():item())
  end)

  it('drop between layers in training only', function()
    local m = nn.GRU(3, 4, {num_layers = 2, dropout = 0.9})
    assert.is_false((m(x)):equal((m(x))))
    m:eval()
    assert.is_true((m(x)):equal((m(x))))
  end)

  it('refuse inputs, states and options that do not fit', function()
    assert.error_matches(function() nn.LSTM(4, 2)(x) end, 'LSTM: the input .* has 3 features in its last dimension, input_size is 4')
    assert.error_matches(function() nn.GRU(3, 2)(x, tocha.zeros(1, 3, 2)) end, 'GRU: h_0: got .*, takes %[1 x 2 x 2%]')
    assert.error_matches(function() nn.RNN(3, 2, {nonlinearity = 'sine'}) end, "RNN: nonlinearity: got 'sine'")
    assert.error_matches(function() nn.LSTM(3, 2, {proj_size = 2}) end, 'LSTM: proj_size: got 2')
  end)
end)

describe('sequences of several lengths', function()
  local a, b = tocha.tensor{1, 2, 3}, tocha.tensor{4}

  it('are padded and cut again', function()
    local padded = rnn_utils.pad_sequence({a, b}, {batch_first = true, padding_value = -1})
    assert.are.same({{1, 2, 3}, {4, -1, -1}}, padded:totable())
    assert.are.same({{-1, -1, 4}}, rnn_utils.pad_sequence({a, b}, true, -1, 'left'):narrow(1, 2, 1):totable())
    local list = rnn_utils.unpad_sequence(padded, {3, 1}, true)
    assert.are.same({{1, 2, 3}, {4}}, {list[1]:totable(), list[2]:totable()})
  end)

  it('are packed and unpacked', function()
    local packed = rnn_utils.pack_sequence({b, a}, false)
    assert.are.same({1, 4, 2, 3}, packed.data:totable())
    assert.are.same({2, 1, 1}, packed.batch_sizes:totable())
    assert.are.same({2, 1}, packed.sorted_indices:totable())
    local list = rnn_utils.unpack_sequence(packed)
    assert.are.same({{4}, {1, 2, 3}}, {list[1]:totable(), list[2]:totable()})
  end)

  it('must be sorted unless told otherwise', function()
    assert.error_matches(function() rnn_utils.pack_sequence{b, a} end, 'lengths: 3 comes after 1')
  end)
end)
