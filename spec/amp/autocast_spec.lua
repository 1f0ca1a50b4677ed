--- Mixed precision: which dtype operators compute in under autocast, gradients through it, how it nests and ends; GradScaler. On the CPU, and on CUDA
-- where there is a device.

local tocha = require 'tocha'
local S = require 'spec.support'
local nn, amp = tocha.nn, tocha.amp
local F = nn.functional

local function name(x) return S.dtype(x) end

describe('autocast on the CPU', function()
  local a, b = tocha.randn(4, 6), tocha.randn(6, 5)

  it('computes products in bfloat16', function()
    amp.autocast('cpu', 'bfloat16', function()
      assert.equal('bfloat16', name(a:mm(b)))
      assert.equal('bfloat16', name(a:matmul(b)))
      assert.equal('bfloat16', name(F.linear(a, b:t())))
      assert.equal('bfloat16', name(F.linear(a, b:t(), tocha.randn(5))))
      assert.equal('bfloat16', name(F.conv1d(tocha.randn(1, 2, 8), tocha.randn(3, 2, 3))))
      assert.equal('bfloat16', name(F.scaled_dot_product_attention(tocha.randn(1, 2, 3, 4), tocha.randn(1, 2, 3, 4), tocha.randn(1, 2, 3, 4))))
    end)
    assert.equal('float32', name(a:mm(b)))
  end)

  it('gives the product of the rounded operands', function()
    local got = amp.autocast('cpu', 'bfloat16', function() return a:mm(b) end)
    assert.is_true(tocha.equal(got, a:bfloat16():mm(b:bfloat16())))
  end)

  it('computes losses and softmax in float32', function()
    amp.autocast('cpu', 'bfloat16', function()
      local y = a:mm(b)
      assert.equal('float32', name(y:softmax(2)))
      assert.equal('float32', name(F.cross_entropy(y, tocha.tensor({1, 2, 3, 4}):long())))
      assert.equal('float32', name(F.mse_loss(y, tocha.zeros(4, 5))))
    end)
  end)

  it('leaves the rest, float64 and whole numbers alone', function()
    amp.autocast('cpu', 'bfloat16', function()
      assert.equal('float32', name(a + 1))
      assert.equal('float32', name(a:relu()))
      assert.equal('float64', name(a:double():mm(b:double())))
      assert.equal('int64', name(tocha.ones(2, 2, {dtype = 'int64'}):mm(tocha.ones(2, 2, {dtype = 'int64'}))))
    end)
  end)

  it('gives gradients in the dtype of the parameters, close to those without it', function()
    tocha.manual_seed(1)
    local net = nn.Sequential(nn.Linear(6, 16), nn.LayerNorm(16), nn.GELU(), nn.Linear(16, 3))
    local x, y = tocha.randn(8, 6), tocha.tensor({1, 2, 3, 1, 2, 3, 1, 2}):long()
    local function gradients(on)
      net:zero_grad()
      amp.autocast('cpu', {dtype = 'bfloat16', enabled = on})(function() return F.cross_entropy(net(x), y) end):backward()
      local list = {}
      for _, p in ipairs(net:parameters()) do
        assert.equal('float32', name(p.grad))
        list[#list + 1] = p.grad:clone()
      end
      return list
    end
    local exact, mixed = gradients(false), gradients(true)
    for i, g in ipairs(exact) do
      local error = (mixed[i] - g):norm():item() / math.max(g:norm():item(), 1e-6)
      assert.is_true(error < 0.03, 'gradient ' .. i .. ' is off by ' .. error)
    end
  end)

  it('can be nested and switched off inside', function()
    amp.autocast('cpu', 'bfloat16', function()
      assert.is_true(amp.is_autocast_enabled('cpu'))
      amp.autocast('cpu', {enabled = false})(function()
        assert.is_false(amp.is_autocast_enabled('cpu'))
        assert.equal('float32', name(a:mm(b)))
      end)
      assert.equal('bfloat16', amp.get_autocast_dtype('cpu').name)
    end)
    assert.is_false(amp.is_autocast_enabled('cpu'))
    assert.is_nil(amp.get_autocast_dtype('cpu'))
  end)

  it('ends with an error too, and passes results on', function()
    S.fails(function() amp.autocast('cpu', 'bfloat16', function() error('broken') end) end, 'broken')
    assert.is_false(amp.is_autocast_enabled('cpu'))
    assert.same({1, nil, 3}, {amp.autocast('cpu', 'bfloat16', function() return 1, nil, 3 end)})
  end)

  it('keeps CUDA and the CPU apart', function()
    amp.autocast('cuda', 'float16', function()
      assert.is_true(amp.is_autocast_enabled())
      assert.equal('float32', name(a:mm(b)))
    end)
  end)

  it('refuses wrong arguments', function()
    S.fails(function() amp.autocast('tpu') end, 'autocast', 'device_type')
    S.fails(function() amp.autocast('cpu', 'float64') end, 'autocast', 'float64')
    S.fails(function() amp.autocast('cpu', {speed = 1}) end, 'autocast', 'speed')
    S.fails(function() amp.autocast('cpu', 'bfloat16')(3) end, 'autocast')
  end)
end)

local function model_and_optimizer(value)
  local p = nn.Parameter(tocha.ones(3) * (value or 1))
  return p, tocha.optim.SGD({p}, {lr = 0.5})
end

describe('GradScaler', function()
  it('scales the loss and takes the scale out of the gradients', function()
    local p, optimizer = model_and_optimizer()
    local scaler = amp.GradScaler{init_scale = 1024}
    local loss = scaler:scale((p * 2):sum())
    assert.equal(6 * 1024, loss:item())
    loss:backward()
    assert.equal(2048, p.grad[1]:item())
    scaler:step(optimizer)
    scaler:update()
    S.close(p, {0, 0, 0})
    assert.equal(1024, scaler:get_scale())
  end)

  it('skips a step that overflowed and takes the scale back', function()
    local p, optimizer = model_and_optimizer()
    local scaler = amp.GradScaler{init_scale = 8}
    scaler:scale((p * math.huge):sum()):backward()
    scaler:step(optimizer)
    scaler:update()
    S.close(p, {1, 1, 1})
    assert.equal(4, scaler:get_scale())
  end)

  it('raises the scale after good steps', function()
    local p, optimizer = model_and_optimizer()
    local scaler = amp.GradScaler{init_scale = 2, growth_interval = 2}
    for _ = 1, 4 do
      optimizer:zero_grad()
      scaler:scale(p:sum()):backward()
      scaler:step(optimizer)
      scaler:update()
    end
    assert.equal(8, scaler:get_scale())
  end)

  it('lets gradients be clipped between', function()
    local p, optimizer = model_and_optimizer()
    local scaler = amp.GradScaler{init_scale = 4}
    scaler:scale((p * 10):sum()):backward()
    scaler:unscale_(optimizer)
    assert.equal(10, p.grad[1]:item())
    nn.utils.clip_grad_norm_({p}, 1)
    S.fails(function() scaler:unscale_(optimizer) end, 'unscale_')
    scaler:step(optimizer)
    S.fails(function() scaler:step(optimizer) end, 'step')
    scaler:update()
    assert.is_true(p[1]:item() > 0.6)
  end)

  it('saves and loads its state', function()
    local scaler, other = amp.GradScaler{init_scale = 16}, amp.GradScaler()
    other:load_state_dict(scaler:state_dict())
    assert.equal(16, other:get_scale())
  end)

  it('does nothing where it is not enabled', function()
    local p, optimizer = model_and_optimizer()
    local scaler = amp.GradScaler{enabled = false}
    scaler:scale(p:sum()):backward()
    scaler:step(optimizer)
    scaler:update()
    S.close(p, {0.5, 0.5, 0.5})
    assert.equal(1, scaler:get_scale())
    assert.same({}, scaler:state_dict())
  end)

  it('refuses factors that make no sense', function()
    S.fails(function() amp.GradScaler{growth_factor = 1} end, 'growth_factor')
    S.fails(function() amp.GradScaler{backoff_factor = 2} end, 'backoff_factor')
  end)
end)

describe('the precision of float32 products', function()
  it('is a switch', function()
    assert.equal('highest', tocha.get_float32_matmul_precision())
    tocha.set_float32_matmul_precision('high')
    assert.is_true(tocha.backends.cuda.matmul.allow_tf32)
    tocha.set_float32_matmul_precision('highest')
    assert.is_false(tocha.backends.cuda.matmul.allow_tf32)
    S.fails(function() tocha.set_float32_matmul_precision('low') end, 'set_float32_matmul_precision')
    S.fails(function() tocha.backends.cudnn.speed = 1 end, 'speed')
  end)
end)

if tocha.cuda.is_available() then
  describe('autocast on CUDA', function()
    it('computes products in 16 bits and norms in float32', function()
      local a, b = tocha.randn(4, 6):to('cuda'), tocha.randn(6, 5):to('cuda')
      amp.autocast('cuda', 'bfloat16', function()
        local y = a:mm(b)
        assert.equal('bfloat16', name(y))
        assert.equal('float32', name(F.layer_norm(y, {5})))
        assert.equal('float32', name(y:softmax(2)))
        S.fails(function() F.binary_cross_entropy(y:sigmoid(), y:sigmoid()) end, 'binary_cross_entropy', 'autocast')
      end)
    end)
  end)
end
