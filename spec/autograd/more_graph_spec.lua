--- Edges of graphs, versions, saved tensors that may be changed, Jacobians as matrices, batch normalisation without averages.

local tocha = require 'tocha'
local autograd, graph, nn = tocha.autograd, tocha.autograd.graph, tocha.nn

local function rand(...) return tocha.randn(..., {dtype = 'float64'}) end
local function close(a, b) assert.is_true(tocha.allclose(a, b, 1e-6, 1e-8), tostring(a) .. '\n' .. tostring(b)) end

describe('graph.GradientEdge', function()
  it('stands for a tensor among the inputs of grad', function()
    local x = rand{3}:requires_grad_()
    local h = x * 2
    local leaf, inner = graph.get_gradient_edge(x), graph.get_gradient_edge(h)
    assert.equal(1, inner.output_nr)
    assert.equal('mul', inner.node.name)
    local y = (h * h):sum()
    local gx, gh, same = autograd.grad(y, {leaf, inner, h}, {retain_graph = true})
    close(gx, (8 * x):detach())
    close(gh, (4 * x):detach())
    close(gh, same)
    close((autograd.grad(y, inner)), gh)
    assert.is_truthy(tostring(inner):find('mul', 1, true))
  end)

  it('names one of several results', function()
    local x = rand{4, 3}:requires_grad_()
    local values, places = x:topk(2, 2)
    local first, second = unpack(x:unbind(2))
    local edge = graph.get_gradient_edge(second)
    close((autograd.grad((first * second):sum(), graph.GradientEdge(edge.node, edge.output_nr), {retain_graph = true})), first:detach())
    assert.is_false(places.requires_grad)
    assert.equal(1, graph.get_gradient_edge(values).output_nr)
    assert.has_error(function() graph.GradientEdge(edge.node, 9) end)
    assert.has_error(function() graph.GradientEdge({}, 1) end)
    assert.has_error(function() autograd.grad(first:sum(), {edge}, {materialize_grads = true}) end)
    assert.has_error(function() autograd.grad(first:sum(), {edge, 3}) end)
    assert.has_error(function() graph.get_gradient_edge(tocha.ones(2)) end)
    assert.is_nil((autograd.grad(x:sum(), {edge}, {allow_unused = true})))
  end)

  it('outlives the tensor', function()
    local x = rand{3}:requires_grad_()
    local function make()
      local h = x:exp()
      return graph.get_gradient_edge(h), (h * 3):sum()
    end
    local edge, y = make()
    collectgarbage()
    close((autograd.grad(y, edge)), tocha.full({3}, 3, {dtype = 'float64'}))
  end)
end)

describe('graph.increment_version', function()
  it('makes backward refuse what was saved before', function()
    local x = rand{3}:requires_grad_()
    local h = x * 2
    local y, before = h * h, h._version
    graph.increment_version{h}
    assert.equal(before + 1, h._version)
    assert.has_error(function() y:sum():backward() end)
    assert.has_error(function() graph.increment_version(3) end)
  end)
end)

describe('graph.allow_mutation_on_saved_tensors', function()
  it('lets tensors change after they were saved', function()
    local x = rand{3}:requires_grad_()
    local expected = (2 * (x + 1) * 4):detach()
    graph.allow_mutation_on_saved_tensors(function()
      local h = x + 1
      local y = (h * h):sum() * 2
      h:zero_()
      local z = y * 2
      z:backward()
    end)
    close(x.grad, expected)
  end)

  it('also through views, results and in the second order', function()
    local x = rand{2, 3}:requires_grad_()
    local g = graph.allow_mutation_on_saved_tensors(function()
      local h = x * 1
      local e = h:exp()
      local y = (e * h):sum()
      h:select(1, 1):fill_(7)
      e:add_(1)
      return (autograd.grad(y, x, {create_graph = true}))
    end)
    close(g, x:exp() * (1 + x))
    close((autograd.grad(g:sum(), x)), (x:exp() * (2 + x)):detach())
  end)

  it('keeps one copy of what several operators save', function()
    local x = tocha.ones(100000):requires_grad_()
    collectgarbage()
    local before = tocha.memory_stats().allocated
    local kept = graph.allow_mutation_on_saved_tensors(function()
      local h, list = x * 1, {}
      for i = 1, 20 do list[i] = h:sin() end
      return list
    end)
    collectgarbage()
    local more = (tocha.memory_stats().allocated - before) / 400000
    assert.equal(20, #kept)
    assert.is_true(more < 30, more) -- 20 results, h and its copy
  end)

  it('refuses what is no function', function()
    assert.has_error(function() graph.allow_mutation_on_saved_tensors(3) end)
  end)
end)

describe('Jacobians as matrices', function()
  local function f(a, b) return a:matmul(b):sin() end

  it('agree by differences and by backward', function()
    tocha.manual_seed(2)
    local a, b = rand{2, 3}:requires_grad_(), rand{3, 2}:requires_grad_()
    local numeric = autograd.get_numerical_jacobian(f, {a, b})
    local exact, same = autograd.get_analytical_jacobian({a, b}, f(a, b))
    assert.is_true(same)
    for i, m in ipairs(numeric) do
      assert.same({6, 4}, m.shape)
      close(m, exact[i])
    end
    local full = autograd.functional.jacobian(f, {a, b})
    close(exact[1], full[1]:reshape(4, 6):t())
    close(autograd.get_numerical_jacobian(f, {a, b}, {target = {b}, grad_out = 2})[1], exact[2] * 2)
    close(autograd.get_analytical_jacobian(a, f(a, b), {grad_out = 3})[1], exact[1] * 3)
  end)

  it('are zeros for what takes no part, and refuse complex numbers', function()
    local a, b = rand{2}:requires_grad_(), rand{3}:requires_grad_()
    close(autograd.get_analytical_jacobian({a, b}, a * 2)[2], tocha.zeros({3, 2}, {dtype = 'float64'}))
    assert.same({0, 2}, autograd.get_numerical_jacobian(function(x, y) return x * 2 + y:sum() end, {a:detach(), rand{0}:requires_grad_()})[1].shape)
    local z = tocha.randn({2}, {dtype = 'complex128'}):requires_grad_()
    assert.has_error(function() autograd.get_numerical_jacobian(function(v) return v:abs() end, z) end)
    assert.has_error(function() autograd.get_analytical_jacobian(a, 3) end)
    assert.has_error(function() autograd.get_numerical_jacobian(f, {a:detach()}) end)
  end)
end)

describe('func.replace_all_batch_norm_modules_', function()
  it('makes evaluation use the batch, and leaves other layers', function()
    local net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Sequential(nn.BatchNorm1d(4)))
    local x = tocha.randn(6, 3)
    net:train()
    net(x)
    local expected = net(x)
    assert.equal(net, tocha.func.replace_all_batch_norm_modules_(net))
    net:eval()
    close(net(x), expected)
    assert.is_nil(net[2].running_mean)
    assert.is_nil(net:state_dict()['2.running_mean'])
    assert.equal(4, net[2].weight:numel())
    local instance = nn.InstanceNorm1d(4, {track_running_stats = true})
    tocha.func.replace_all_batch_norm_modules_(instance)
    assert.is_truthy(instance.running_mean)
    assert.has_error(function() tocha.func.replace_all_batch_norm_modules_(3) end)
  end)
end)

describe('a profile', function()
  it('adds everything up', function()
    local p = tocha.profiler.profile(function() return tocha.ones(10):exp():sum() end)
    local row, sum = p:total_average(), 0
    for _, e in ipairs(p:events()) do sum = sum + e.self_time end
    assert.equal(#p:events(), row.calls)
    assert.near(sum, p:self_cpu_time_total(), 1e-6 * sum + 1e-9)
    assert.equal('total', row.name)
  end)
end)
