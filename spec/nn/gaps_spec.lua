--- SyncBatchNorm, hooks of all modules, skip_init, pruning over several modules, parametrizations that move, streams of data.

local tocha = require 'tocha'
local nn, data, S = tocha.nn, tocha.utils.data, require 'spec.support'

describe('SyncBatchNorm', function()
  it('is BatchNorm in one process, for any number of dims, and replaces it', function()
    tocha.manual_seed(1)
    local sync, plain = nn.SyncBatchNorm(3), nn.BatchNorm1d(3)
    local x = tocha.randn(4, 3, 5)
    S.close(sync(x), plain(x))
    S.close(sync.running_var, plain.running_var)
    assert.are.same({2, 3}, sync(tocha.randn(2, 3)).shape)
    local net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Sequential(nn.BatchNorm1d(3)))
    local weight = net[2].weight
    local new = nn.SyncBatchNorm.convert_sync_batchnorm(net)
    assert.are.equal('SyncBatchNorm', new[2].__name)
    assert.are.equal('SyncBatchNorm', new[3][1].__name)
    assert.are.equal(weight, new[2].weight)
    assert.are.same({5, 3}, new(tocha.randn(5, 2)).shape)
  end)
end)

describe('hooks of all modules', function()
  it('see each module, and are gone when they are removed', function()
    local seen = {}
    local net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU()))
    local handles = {
      nn.register_module_forward_pre_hook(function(m) seen[#seen + 1] = m.__name end),
      nn.register_module_forward_hook(function(m, _, y) if m.__name == 'ReLU' then return y + 1 end end),
      nn.register_module_full_backward_hook(function(m) seen[#seen + 1] = 'back ' .. m.__name end),
    }
    local x = tocha.ones(1, 2, {requires_grad = true})
    local y = net(x)
    assert.are.same({'Sequential', 'Linear', 'Sequential', 'ReLU'}, seen)
    S.close(y:detach(), net[1](x):relu():detach() + 1)
    seen = {}
    net(x):sum():backward()
    assert.are.equal('back ReLU', seen[5])
    for _, h in ipairs(handles) do h:remove() end
    seen = {}
    net(x)
    assert.are.same({}, seen)
  end)
end)

describe('nn.utils', function()
  it('skip_init draws nothing', function()
    local before = tocha.get_rng_state()
    local l = nn.utils.skip_init(nn.Linear, 3, 4, {bias = false})
    assert.are.same({4, 3}, l.weight.shape)
    S.close(tocha.get_rng_state():float(), before:float())
    assert.is_true(nn.Linear(3, 4).weight:abs():max():item() > 0)
    assert.has_error(function() nn.utils.skip_init(3) end, 'skip_init: module_cls: got 3, takes a class of modules')
  end)

  it('global_unstructured prunes the smallest of all', function()
    local prune = nn.utils.prune
    local a, b = nn.Linear(2, 2, {bias = false}), nn.Linear(2, 1, {bias = false})
    a.weight:detach():copy_(tocha.tensor{{0.1, 5}, {0.2, 6}})
    b.weight:detach():copy_(tocha.tensor{{0.3, 7}})
    prune.global_unstructured({{a, 'weight'}, {b, 'weight'}}, prune.L1Unstructured, {amount = 0.5})
    assert.are.same({{0, 5}, {0, 6}}, a.weight:detach():totable())
    assert.are.same({{0, 7}}, b.weight:detach():totable())
    prune.global_unstructured({{a, 'weight'}, {b, 'weight'}}, prune.L1Unstructured, {amount = 1})
    assert.are.same({{0, 0}, {0, 6}}, a.weight:detach():totable())
    prune.RandomUnstructured.apply(b, 'weight', 1)
    assert.are.equal(0, b.weight:abs():sum():item())
  end)

  it('parametrizations move with their values', function()
    local parametrize = nn.utils.parametrize
    local Double = tocha.class('Double', nn.Module)
    function Double.forward(_, x) return x * 2 end
    function Double.right_inverse(_, x) return x / 2 end
    local a, b = nn.Linear(2, 2), nn.Linear(2, 2)
    parametrize.register_parametrization(a, 'weight', Double())
    parametrize.transfer_parametrizations_and_params(a, b)
    S.close(b.weight:detach(), a.weight:detach())
    assert.is_true(parametrize.is_parametrized(b, 'weight'))
  end)
end)

describe('streams of data', function()
  local Count = tocha.class('Count', data.IterableDataset)
  function Count:__init(first, last) self.first, self.last = first, last end
  function Count:iter()
    local i = self.first - 1
    return function()
      i = i + 1
      if i <= self.last then return i, i * 10 end
    end
  end
  function Count:len() return self.last - self.first + 1 end

  it('become batches', function()
    local loader, got = data.DataLoader(Count(1, 5), {batch_size = 2}), {}
    for a, b in loader:iter() do got[#got + 1] = {a:totable(), b:totable()} end
    assert.are.same({{{1, 2}, {10, 20}}, {{3, 4}, {30, 40}}, {{5}, {50}}}, got)
    local n = 0
    for _ in data.DataLoader(Count(1, 5), {batch_size = 2, drop_last = true}):iter() do n = n + 1 end
    assert.are.equal(2, n)
    assert.has_error(function() data.DataLoader(Count(1, 5), {shuffle = true}) end,
      'DataLoader: an IterableDataset has an order of its own: takes neither shuffle nor samplers')
  end)

  it('follow one another, and datasets stand side by side', function()
    local got = {}
    for i in (Count(1, 2) + Count(7, 8)):iter() do got[#got + 1] = i end
    assert.are.same({1, 2, 7, 8}, got)
    assert.are.equal(4, data.ChainDataset{Count(1, 2), Count(7, 8)}:len())
    local a, b = data.TensorDataset(tocha.tensor{1, 2}), data.TensorDataset(tocha.tensor{3, 4})
    local x, y = data.StackDataset(a, b):get(2)
    assert.are.same({2, 4}, {x:item(), y:item()})
    assert.are.equal(3, data.StackDataset{image = a, label = b}:get(1).label:item())
    assert.are.equal('int64', S.dtype(data.default_convert{1, 2}[1]))
    assert.is_nil(data.get_worker_info())
  end)

  it('are shared out by DistributedSampler', function()
    local d = data.TensorDataset(tocha.arange(7))
    local seen = {}
    for rank = 0, 2 do
      local s = data.DistributedSampler(d, {num_replicas = 3, rank = rank, shuffle = true})
      s:set_epoch(4)
      assert.are.equal(3, s:len())
      for i in s:iter() do seen[i] = true end
    end
    assert.are.equal(7, #seen)
    assert.are.same({2, 5}, data.DistributedSampler(d, 3, 1, false, 0, true):positions():totable())
  end)
end)

describe('where PyTorch does it in its own way', function()
  it('GaussianNLLLoss has a gradient by a variance that was too small', function()
    local var = tocha.tensor({0.1, 2}, {requires_grad = true})
    nn.GaussianNLLLoss{eps = 0.5, reduction = 'sum'}(tocha.tensor{1, 1}, tocha.tensor{0, 0}, var):backward()
    -- (1 / v - 1 / v^2) / 2 at v = 0.5 and 2
    S.close(var.grad, {-1, 0.125})
  end)

  it('huber_loss with weights has the mean of the elements, l1_loss and mse_loss the weighted one', function()
    local x, y, w = tocha.tensor{0.5, 3}, tocha.zeros(2), tocha.tensor{1, 3}
    local F = nn.functional
    S.close(F.huber_loss(x, y, {weight = w}), (0.125 + 3 * 2.5) / 2)
    S.close(F.l1_loss(x, y, {weight = w}), (0.5 + 9) / 4)
    S.close(F.mse_loss(x, y, {weight = w}), (0.25 + 27) / 4)
  end)

  it('a hint is_causal counts keys that MultiheadAttention adds', function()
    tocha.manual_seed(1)
    local attention = nn.MultiheadAttention(4, 2, {add_bias_kv = true})
    local x, mask = tocha.randn(3, 1, 4), nn.Transformer.generate_square_subsequent_mask(3)
    local hinted = attention(x, x, x, {attn_mask = mask, is_causal = true, need_weights = false})
    attention.bias_k:detach():fill_(9)
    attention.bias_v:detach():fill_(9)
    S.close(attention(x, x, x, {attn_mask = mask, is_causal = true, need_weights = false}), hinted)
    assert.is_false(attention(x, x, x, {attn_mask = mask, need_weights = false}):equal(hinted))
  end)

  it('samples of FractionalMaxPool2d belong to its state', function()
    local samples = tocha.rand(1, 2, 2)
    local pool = nn.FractionalMaxPool2d(2, {output_size = 3, _random_samples = samples})
    S.close(pool:state_dict()._random_samples, samples)
    assert.is_nil(next(nn.FractionalMaxPool2d(2, {output_size = 3}):state_dict()))
  end)

  it('update_bn finds plain averages over all batches', function()
    local net = nn.Sequential(nn.BatchNorm1d(1), nn.SyncBatchNorm(1))
    local loader = data.DataLoader(data.TensorDataset(tocha.tensor{{1}, {3}, {5}, {7}}), {batch_size = 2})
    tocha.optim.swa_utils.update_bn(loader, net)
    S.close(net[1].running_mean, {4})
    S.close(net[1].running_var, {2})
    assert.are.equal(0.1, net[1].momentum)
    assert.are.equal(2, net[2].num_batches_tracked:item())
  end)
end)

describe('norms without a bias', function()
  it('have a weight alone, and normalise as if the bias were 0', function()
    local x = tocha.randn(4, 6, 3)
    for name, make in pairs{BatchNorm1d = function(o) return nn.BatchNorm1d(6, o) end, GroupNorm = function(o) return nn.GroupNorm(2, 6, o) end,
      InstanceNorm1d = function(o) return nn.InstanceNorm1d(6, o) end, SyncBatchNorm = function(o) return nn.SyncBatchNorm(6, o) end} do
      local with, without = make{affine = true}, make{affine = true, bias = false}
      assert.is_nil(without.bias)
      assert.is_nil(without:state_dict().bias)
      assert.is_true(tocha.equal(with(x), without(x)), name)
      if without.reset_parameters then without:reset_parameters() end
    end
    local sync = nn.SyncBatchNorm.convert_sync_batchnorm(nn.Sequential(nn.BatchNorm2d(3, {bias = false})))
    assert.is_nil(sync[1].bias)
  end)
end)

describe('losses of shapes that PyTorch takes:', function()
  it('a variance with 1 in one dim, a divergence of single numbers', function()
    local F = nn.functional
    local x, y, var = tocha.randn(4, 3), tocha.randn(4, 3), tocha.rand(1, 3) + 0.5
    assert.is_true(tocha.allclose(F.gaussian_nll_loss(x, y, var), F.gaussian_nll_loss(x, y, var:expand(4, 3))))
    assert.error_matches(function() F.gaussian_nll_loss(x, y, tocha.ones(1, 1)) end, 'var has shape')
    local p, q = tocha.tensor(-0.5), tocha.tensor(0.3)
    assert.equal(F.kl_div(p, q, {reduction = 'sum'}):item(), F.kl_div(p, q, {reduction = 'batchmean'}):item())
  end)
end)
