local tocha = require 'tocha'
local func, nn = tocha.func, tocha.nn

local function close(a, b) assert.is_true(tocha.allclose(a, b, 1e-5, 1e-6), tostring(a) .. '\n' .. tostring(b)) end

describe('tocha.func', function()
  before_each(function() tocha.manual_seed(1) end)

  it('grad is the derivative, also of itself', function()
    local f = function(x) return x:sin() end
    local x = tocha.tensor(0.7)
    close(func.grad(f)(x), x:cos())
    close(func.grad(func.grad(f))(x), -x:sin())
    close(func.grad(func.grad(func.grad(f)))(x), -x:cos())
    assert.is_false(func.grad(f)(x).requires_grad)
  end)

  it('grad takes positions, tables and more results', function()
    local function f(a, b) return (a * b.w + b.list[1]):sum(), 'more' end
    local a, b = tocha.randn(3), {w = tocha.randn(3), list = {tocha.randn(3)}}
    local ga, gb = unpack((func.grad(f, {1, 2})(a, b)))
    close(ga, b.w)
    close(gb.w, a)
    close(gb.list[1], tocha.ones(3))
    local g, value, aux = func.grad_and_value(f, 1, true)(a, b)
    close(g, b.w)
    close(value, (f(a, b)))
    assert.equal('more', aux)
    local v, g2 = func.value_and_grad(f)(a, b)
    close(v, value)
    close(g2, g)
    assert.has_error(function() func.grad(function(x) return x end)(a) end)
    assert.has_error(function() func.grad(f, 3)(a, b) end)
  end)

  it('stays in the graph of arguments that require grad', function()
    local x = tocha.randn(3):requires_grad_()
    local g = func.grad(function(y) return (y ^ 3):sum() end)(x)
    g:sum():backward()
    close(x.grad, 6 * x:detach())
  end)

  it('vjp and jvp are products with the Jacobian', function()
    local w = tocha.randn(4, 3)
    local f = function(x) return w:matmul(x):tanh() end
    local x, v, u = tocha.randn(3), tocha.randn(3), tocha.randn(4)
    local j = func.jacrev(f)(x)
    local y, back = func.vjp(f, x)
    close(y, f(x))
    close(back(u), u:matmul(j))
    local z, forward = func.jvp(f, {x}, {v})
    close(z, f(x))
    close(forward, j:matmul(v))
    close(func.jacfwd(f)(x), j)
    local _, linear = func.linearize(f, x)
    close(linear(v), forward)
  end)

  it('hessian equals the one of autograd.functional', function()
    local a = tocha.randn(3, 3)
    local f = function(x) return (x:matmul(a):matmul(x)):exp() * 0.1 end
    local x = tocha.randn(3) * 0.3
    close(func.hessian(f)(x), tocha.autograd.functional.hessian(f, x))
  end)

  it('vmap is the loop', function()
    local x, y = tocha.randn(5, 3), tocha.randn(3, 5)
    local f = function(a, b, n) return a * b * n, {sum = a:sum()} end
    local product, more = func.vmap(f, {1, 2, false})(x, y, 2)
    close(product, x * y.T * 2)
    close(more.sum, x:sum(2))
    close((func.vmap(f, {1, 2, false}, {2, 1})(x, y, 2)), (x * y.T * 2).T)
    local outer = tocha.vmap(function(a) return tocha.vmap(function(b) return a * b end)(x:select(2, 1)) end)(y:select(1, 1))
    close(outer, tocha.outer(y[1], x:select(2, 1)))
    assert.has_error(function() func.vmap(f)(x, tocha.randn(4, 3), tocha.randn(5)) end)
    assert.has_error(function() func.vmap(f, {1})(x, y, 2) end)
    assert.has_error(function() func.vmap(function() return 1 end)(x) end)
    local same = func.vmap(function(a) return a + tocha.randn(3) end, 1, 1, 'same')(tocha.zeros(4, 3))
    close(same[1], same[4])
  end)

  it('gives gradients sample by sample through functional_call', function()
    local net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    local parameters = {}
    for name, p in net:named_parameters() do parameters[name] = p:detach() end
    local x, labels = tocha.randn(5, 3), tocha.randint(1, 3, {5})
    local function loss(p, one, label)
      return nn.functional.cross_entropy(func.functional_call(net, p, one:unsqueeze(1)), label:unsqueeze(1))
    end
    local each = func.vmap(func.grad(loss), {false, 1, 1})(parameters, x, labels)
    for i = 1, 5 do
      net:zero_grad()
      nn.functional.cross_entropy(net(x[{{i, i}}]), labels[{{i, i}}]):backward()
      for name, p in net:named_parameters() do close(each[name][i], p.grad) end
    end
  end)

  it('puts the module back, also after an error, and stacks modules', function()
    local net = nn.Linear(2, 2)
    local weight = net.weight
    assert.has_error(function() func.functional_call(net, {weight = tocha.ones(2, 3)}, tocha.ones(1, 2)) end)
    assert.has_error(function() func.functional_call(net, {nothing = tocha.ones(1)}, tocha.ones(1, 2)) end)
    assert.is_true(net.weight == weight)
    local other = nn.Linear(2, 2)
    local parameters, buffers = func.stack_module_state{net, other}
    assert.is_nil(next(buffers))
    local x = tocha.randn(3, 2)
    local y = func.vmap(function(p) return func.functional_call(net, p, x) end)(parameters)
    close(y[1], net(x))
    close(y[2], other(x))
  end)
end)

describe('func.replace_all_batch_norm_modules_', function()
  it('takes the running statistics away, so that batches are normalised by themselves', function()
    local net = tocha.nn.Sequential(tocha.nn.Linear(3, 4), tocha.nn.Sequential(tocha.nn.BatchNorm1d(4)))
    local x = tocha.randn(5, 3)
    local want = net(x)
    assert.equal(net, tocha.func.replace_all_batch_norm_modules_(net:eval()))
    assert.is_nil(net[2][1].running_mean)
    assert.is_true(tocha.allclose(net(x), want, {atol = 1e-6}))
    local names = {}
    for name in net:named_buffers() do names[#names + 1] = name end
    assert.same({}, names)
    assert.is_false(pcall(tocha.func.replace_all_batch_norm_modules_, 3))
  end)
end)
