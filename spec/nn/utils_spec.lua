-- nn.utils: gradients, vectors, weights that are computed, pruning, fusing.
local tocha = require 'tocha'
local nn = tocha.nn
local utils = nn.utils

local function near(expected, got, tolerance)
  if not tocha.is_tensor(expected) then expected = tocha.tensor(expected) end
  assert.are.same(expected.shape, got.shape)
  local gap = (expected - got):detach():abs():amax():item()
  assert.is_true(gap <= (tolerance or 1e-5), ('differs by %g'):format(gap))
end

local function keys(module)
  local out = {}
  for k in pairs(module:state_dict()) do out[#out + 1] = k end
  table.sort(out)
  return out
end

describe('gradients of several parameters', function()
  local a, b
  before_each(function()
    a, b = nn.Parameter(tocha.zeros(1)), nn.Parameter(tocha.zeros(2))
    a.grad, b.grad = tocha.tensor{3}, tocha.tensor{0, -4}
  end)

  it('are scaled together to a norm, which is returned', function()
    near(5, utils.clip_grad_norm_({a, b}, 1))
    near({0.6}, a.grad)
    near({0, -0.8}, b.grad)
  end)

  it('stay when they are short, and know other norms', function()
    near(4, utils.clip_grad_norm_({a, b}, 10, math.huge))
    near({3}, a.grad)
    near(7, utils.get_total_norm({a.grad, b.grad}, 1))
  end)

  it('come from a module too; parameters without gradient do not count', function()
    local m = nn.Linear(1, 1)
    m.bias.grad = tocha.tensor{2}
    near(2, utils.clip_grad_norm_(m:parameters(), 1))
    near({1}, m.bias.grad)
  end)

  it('raise when asked to and not finite', function()
    a.grad = tocha.tensor{math.huge}
    assert.error_matches(function() utils.clip_grad_norm_({a, b}, 1, 2, true) end, 'the norm of the gradients is inf')
  end)

  it('are limited by value', function()
    utils.clip_grad_value_({a, b}, 3.5)
    near({3}, a.grad)
    near({0, -3.5}, b.grad)
  end)
end)

describe('parameters as one vector', function()
  it('are joined in order, with gradients, and written back', function()
    local m = nn.Linear(2, 1)
    local v = utils.parameters_to_vector(m:parameters())
    assert.are.same({3}, v.shape)
    v:sum():backward()
    near({{1, 1}}, m.weight.grad)
    utils.vector_to_parameters(tocha.tensor{1, 2, 3}, m:parameters())
    near({{1, 2}}, m.weight:detach())
    near({3}, m.bias:detach())
    assert.error_matches(function() utils.vector_to_parameters(tocha.ones(2), m:parameters()) end, 'takes %[3%]')
  end)
end)

describe('weight norm', function()
  it('splits a weight into length and direction and computes it before forward', function()
    local m = nn.Linear(2, 1, false)
    m:load_state_dict{weight = tocha.tensor{{3, 4}}}
    assert.are.equal(m, utils.weight_norm(m))
    assert.are.same({'weight_g', 'weight_v'}, keys(m))
    near({{5}}, m.weight_g:detach())
    m.weight_g:detach():fill_(10)
    near({{14}}, m(tocha.ones(1, 2)))
    m(tocha.ones(1, 2)):sum():backward()
    near({{1.4}}, m.weight_g.grad)
    utils.remove_weight_norm(m)
    assert.are.same({'weight'}, keys(m))
    near({{6, 8}}, m.weight:detach())
    assert.error_matches(function() utils.remove_weight_norm(m) end, "'weight' of Linear is not normalised")
  end)

  it('takes one length for all, or for each input', function()
    assert.are.same({1, 3}, utils.weight_norm(nn.Linear(3, 4), 'weight', 2).weight_g.shape)
    assert.are.same({}, utils.weight_norm(nn.Linear(3, 4), 'weight', false).weight_g.shape)
  end)
end)

describe('spectral norm', function()
  it('divides a weight by its largest singular value', function()
    tocha.manual_seed(2)
    local m = nn.Linear(2, 2, false)
    m:load_state_dict{weight = tocha.tensor{{4, 0}, {0, 1}}}
    utils.spectral_norm(m, {n_power_iterations = 30})
    m(tocha.ones(1, 2))
    near({{1, 0}, {0, 0.25}}, m.weight:detach(), 1e-3)
    assert.are.same({'weight_orig', 'weight_u', 'weight_v'}, keys(m))
    utils.remove_spectral_norm(m)
    assert.are.same({'weight'}, keys(m))
  end)
end)

describe('parametrizations', function()
  local parametrize = utils.parametrize
  local Double = tocha.class('Double', nn.Module)
  function Double:forward(x) return x * 2 end -- luacheck: ignore self
  function Double:right_inverse(x) return x / 2 end -- luacheck: ignore self

  it('compute a field from its original', function()
    local m = nn.Linear(2, 1, false)
    m:load_state_dict{weight = tocha.tensor{{2, 4}}}
    parametrize.register_parametrization(m, 'weight', Double())
    near({{2, 4}}, m.weight:detach())
    near({{1, 2}}, m.parametrizations.weight.original:detach())
    assert.are.same({'parametrizations.weight.original'}, keys(m))
    assert.are.equal(1, #m:parameters())
    m(tocha.ones(1, 2)):sum():backward()
    near({{2, 2}}, m.parametrizations.weight.original.grad)
    assert.matches('^ParametrizedLinear', tostring(m))
    assert.is_true(tocha.class.isinstance(m, nn.Linear))
  end)

  it('are chained, assigned through, and removed', function()
    local m = nn.Linear(2, 1, false)
    parametrize.register_parametrization(m, 'weight', Double())
    parametrize.register_parametrization(m, 'weight', Double())
    m.weight = tocha.tensor{{4, 8}}
    near({{1, 2}}, m.parametrizations.weight.original:detach())
    near({{4, 8}}, m.weight:detach())
    assert.is_true(parametrize.is_parametrized(m, 'weight'))
    parametrize.remove_parametrizations(m, 'weight')
    assert.is_false(parametrize.is_parametrized(m))
    assert.are.same({'weight'}, keys(m))
    near({{4, 8}}, m.weight:detach())
  end)

  it('are computed once where they are cached', function()
    local n = 0
    local Count = tocha.class('Count', nn.Module)
    function Count:forward(x) -- luacheck: ignore self
      n = n + 1
      return x
    end
    local m = parametrize.register_parametrization(nn.Linear(1, 1), 'weight', Count())
    n = 0
    parametrize.cached(function() return m.weight + m.weight end)
    assert.are.equal(1, n)
    assert.are.equal(2, (function() local _ = m.weight + m.weight return n end)() - 1)
  end)

  it('keep weights normed, or orthogonal', function()
    tocha.manual_seed(4)
    local w = utils.parametrizations.weight_norm(nn.Linear(3, 2))
    assert.are.same({'bias', 'parametrizations.weight.original0', 'parametrizations.weight.original1'}, keys(w))
    for _, shape in ipairs{{3, 3}, {4, 2}, {2, 4}} do
      local m = utils.parametrizations.orthogonal(nn.Linear(shape[2], shape[1]))
      m.parametrizations.weight.original:detach():normal_(0, 1)
      local q = m.weight:detach()
      local gram = shape[1] < shape[2] and q:mm(q:transpose(1, 2)) or q:transpose(1, 2):mm(q)
      near(tocha.eye(math.min(shape[1], shape[2])), gram, 1e-4)
    end
  end)

  it('refuse a result of another shape', function()
    local Half = tocha.class('Half', nn.Module)
    function Half:forward(x) return x:narrow(1, 1, 1) end -- luacheck: ignore self
    assert.error_matches(function() parametrize.register_parametrization(nn.Linear(2, 2), 'weight', Half()) end,
      'register_parametrization: weight: the parametrization gives')
  end)
end)

describe('pruning', function()
  local prune = utils.prune

  it('masks the smallest entries, more of them each time', function()
    local m = nn.Linear(4, 1, false)
    m:load_state_dict{weight = tocha.tensor{{4, -1, 3, 2}}}
    prune.l1_unstructured(m, 'weight', 1)
    near({{4, 0, 3, 2}}, m.weight:detach())
    prune.l1_unstructured(m, 'weight', {amount = 1})
    near({{4, 0, 3, 0}}, m.weight:detach())
    assert.are.same({'weight_mask', 'weight_orig'}, keys(m))
    assert.is_true(prune.is_pruned(m))
    m(tocha.ones(1, 4)):sum():backward()
    near({{1, 0, 1, 0}}, m.weight_orig.grad)
    prune.remove(m, 'weight')
    assert.are.same({'weight'}, keys(m))
    assert.is_false(prune.is_pruned(m))
  end)

  it('masks whole slices, and by a given mask', function()
    local m = nn.Linear(2, 2, false)
    m:load_state_dict{weight = tocha.tensor{{1, 1}, {5, 5}}}
    prune.ln_structured(m, 'weight', {amount = 1, n = 2, dim = 1})
    near({{0, 0}, {5, 5}}, m.weight:detach())
    local c = prune.custom_from_mask(nn.Linear(1, 2, false), 'weight', tocha.tensor{{0}, {1}})
    assert.are.equal(0, c.weight[{1, 1}]:item())
  end)
end)

describe('fusing', function()
  it('folds a batch norm into the layer before', function()
    tocha.manual_seed(1)
    local bn = nn.BatchNorm1d(3)
    bn(tocha.randn(8, 3) * 2 + 1)
    local linear = nn.Linear(4, 3)
    linear:eval()
    bn:eval()
    local fused, x = utils.fusion.fuse_linear_bn_eval(linear, bn), tocha.randn(5, 4)
    near(bn(linear(x)):detach(), fused(x):detach(), 1e-4)
    assert.are.equal(2, #fused:parameters())
    linear:train()
    assert.error_matches(function() utils.fusion.fuse_linear_bn_eval(linear, bn) end, 'must be in evaluation mode')
  end)
end)

describe('functional_call', function()
  it('calls a module with other parameters, which get the gradients', function()
    local m = nn.Sequential(nn.Linear(1, 1, false))
    local w = tocha.tensor{{7}}:requires_grad_()
    local y = utils.stateless.functional_call(m, {['0.weight'] = w}, {tocha.ones(1, 1)})
    near({{7}}, y:detach())
    y:sum():backward()
    near({{1}}, w.grad)
    assert.is_true(m[1].weight.is_parameter)
    assert.error_matches(function() utils.stateless.functional_call(m, {['0.bia'] = w}, {w}) end,
      "no parameter or buffer '0.bia'")
  end)
end)

describe('a method of pruning of one\'s own', function()
  local prune = utils.prune
  local Smallest, Slice = tocha.class('Smallest', prune.BasePruningMethod), tocha.class('Slice', prune.BasePruningMethod)
  Smallest.PRUNING_TYPE, Slice.PRUNING_TYPE = 'unstructured', 'structured'
  function Smallest:__init(k) self.k = k end
  function Smallest:compute_mask(t, mask)
    mask = mask:clone()
    local _, at = t:abs():reshape(-1):topk(self.k, {largest = false})
    mask:view(-1)[at] = 0
    return mask
  end
  function Slice:__init(dim) self.dim = dim end
  function Slice:compute_mask(t, mask)
    return mask:index_fill(self.dim, t:abs():sum(3 - self.dim):argmin():reshape(1), 0)
  end
  local w = {{1, -8, 3, 2}, {5, -4, 7, 6}, {9, 0.5, -11, 12}}

  it('sees what those before it left, as in PyTorch', function()
    local layer = tocha.nn.Linear(4, 3)
    layer.weight.data = tocha.tensor(w)
    local function step(Method, value, expected)
      assert.is_true(rawequal(layer, Method:apply(layer, 'weight', value)))
      assert.are.same(expected, layer.weight_mask:totable())
    end
    step(Smallest, 2, {{0, 1, 1, 1}, {1, 1, 1, 1}, {1, 0, 1, 1}})
    step(Slice, 1, {{0, 0, 0, 0}, {1, 1, 1, 1}, {1, 0, 1, 1}})
    step(Slice, 2, {{0, 0, 0, 0}, {1, 0, 1, 1}, {1, 0, 1, 1}})
    step(Smallest, 1, {{0, 0, 0, 0}, {0, 0, 1, 1}, {1, 0, 1, 1}})
    assert.are.same({0, 0, 7, 6}, layer.weight:totable()[2])
    prune.remove(layer, 'weight')
    assert.is_false(prune.is_pruned(layer))
  end)

  it('is one of several in a container', function()
    local all = prune.PruningContainer(Smallest(2), Slice(1), Slice(2))
    local pruned = all:add_pruning_method(Smallest(1)):prune(tocha.tensor(w))
    assert.are.same({{0, 0, 0, 0}, {0, 0, 7, 6}, {9, 0, -11, 12}}, pruned:totable())
    assert.is_false((pcall(prune.PruningContainer, 3)))
    assert.is_false((pcall(prune.BasePruningMethod.apply, prune.BasePruningMethod, tocha.nn.Linear(2, 2), 'weight')))
  end)
end)
