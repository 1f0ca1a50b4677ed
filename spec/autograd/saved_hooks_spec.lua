--- Saved-tensor hooks and hooks on several gradients.

local tocha = require 'tocha'
local S = require 'spec.support'
local G = tocha.autograd.graph

local function leaf(...) return tocha.tensor({...}, {dtype = 'float64'}):requires_grad_() end
local function box(x) return {x:clone()} end
local function unbox(v) return v[1] end

describe('saved_tensors_hooks', function()
  it('hand what is saved to pack, and its result to unpack, and gradients stay the same', function()
    local x, packs, unpacks = leaf(0.5, 1, 2), 0, 0
    local y = G.saved_tensors_hooks(function(t)
      packs = packs + 1
      assert.is_false(t.requires_grad)
      return {values = t:totable()}
    end, function(v)
      unpacks = unpacks + 1
      return tocha.tensor(v.values, {dtype = 'float64'})
    end, function() return (x:sin() * x:exp()):sum() end)
    assert.equal(4, packs) -- x for sin, exp(x) for exp, both factors for mul
    y:backward()
    assert.equal(4, unpacks)
    local expected = {}
    for i, v in ipairs{0.5, 1, 2} do expected[i] = math.exp(v) * (math.sin(v) + math.cos(v)) end
    S.close(x.grad, expected)
  end)

  it('are asked again by each pass over a graph that is kept', function()
    local x, unpacks = leaf(3), 0
    local y = G.saved_tensors_hooks(box, function(v)
      unpacks = unpacks + 1
      return v[1]
    end, function() return x * x * x end)
    y:backward{retain_graph = true}
    local first = unpacks
    y:backward()
    assert.equal(2 * first, unpacks)
    S.close(x.grad, {54})
  end)

  it('serve second derivatives', function()
    local function f(x) return G.saved_tensors_hooks(box, unbox, function() return (x:tanh() * x ^ 3):sum() end) end
    assert.is_true(tocha.autograd.gradcheck(f, {leaf(0.3, -1.2)}))
    assert.is_true(tocha.autograd.gradgradcheck(f, {leaf(0.3, -1.2)}))
  end)

  it('see what custom functions save, with their results', function()
    local Exp = tocha.class('Exp', tocha.autograd.Function)
    function Exp.forward(ctx, x)
      local y = x:exp()
      ctx:save_for_backward(y)
      return y
    end
    function Exp.backward(ctx, g) return g * ctx.saved_tensors[1] end
    local packs = 0
    local function pack(t)
      packs = packs + 1
      return {t:clone()}
    end
    local function f(x) return G.saved_tensors_hooks(pack, unbox, Exp.apply, x) end
    local x = leaf(1)
    f(x):backward()
    assert.equal(1, packs)
    S.close(x.grad, {math.exp(1)})
    assert.is_true(tocha.autograd.gradgradcheck(f, {leaf(0.3, -1.2)}))
  end)

  it('reach through layers', function()
    local net = tocha.nn.Sequential(tocha.nn.Linear(3, 4), tocha.nn.Tanh(), tocha.nn.Linear(4, 2))
    local x = tocha.randn(5, 3)
    net(x):square():sum():backward()
    local expected = net[1].weight.grad:clone()
    net:zero_grad()
    G.saved_tensors_hooks(box, unbox, net, x):square():sum():backward()
    assert.is_true(tocha.allclose(expected, net[1].weight.grad))
  end)

  it('nest: the inner take the place of the outer', function()
    local x, outer, inner = leaf(1), 0, 0
    local function count_outer(t)
      outer = outer + 1
      return {t}
    end
    local function count_inner(t)
      inner = inner + 1
      return {t}
    end
    local y = G.saved_tensors_hooks(count_outer, unbox, function()
      local a = G.saved_tensors_hooks(count_inner, unbox, function() return x:sin() end)
      return a:cos()
    end)
    y:backward()
    assert.equal(1, outer)
    assert.equal(1, inner)
    S.close(x.grad, {-math.sin(math.sin(1)) * math.cos(1)})
  end)

  it('drop what they keep with the graph', function()
    local kept = setmetatable({}, {__mode = 'k'})
    local x = leaf(1)
    local y = G.saved_tensors_hooks(function(t)
      local v = {t:clone()}
      kept[v] = true
      return v
    end, unbox, function() return x:sin() end)
    y:backward()
    y = nil -- luacheck: ignore
    leaf(1):exp():backward() -- a walk sweeps numbers whose nodes are gone
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(kept))
  end)

  it('let errors of pack and unpack through, and are over then', function()
    local x = leaf(1)
    assert.has_error(function() G.saved_tensors_hooks(function() error('no room', 0) end, unbox, function() return x:sin() end) end, 'no room')
    x:sin():backward()
    local y = G.saved_tensors_hooks(box, function() return 'lost' end, function() return x:sin() end)
    assert.error_matches(function() y:backward() end, "unpack gave string 'lost', takes a tensor")
    y = G.saved_tensors_hooks(box, function() return tocha.zeros(2) end, function() return x:sin() end)
    assert.error_matches(function() y:backward() end, 'unpack gave float32 %[2%] for float64 %[1%]')
  end)

  it('can be forbidden', function()
    assert.error_matches(function()
      G.disable_saved_tensors_hooks('not here', function() return G.save_on_cpu(function() end) end)
    end, 'not here')
    assert.equal(3, (G.save_on_cpu(function() return 3 end)))
  end)

  it('refuse what is no function', function()
    assert.error_matches(function() G.saved_tensors_hooks(1, unbox, print) end, 'pack: got number 1, takes a function')
  end)
end)

describe('save_on_cpu', function()
  it('leaves gradients as they are', function()
    local x = leaf(0.5, 2)
    G.save_on_cpu(function() return (x:exp() * x):sum() end):backward()
    S.close(x.grad, {math.exp(0.5) * 1.5, math.exp(2) * 3})
  end)
end)

describe('register_multi_grad_hook', function()
  it('is called once a walk, with all gradients that it computes', function()
    local a, b, c, seen = leaf(1), leaf(2), leaf(3), {}
    local handle = G.register_multi_grad_hook({a, b, c}, function(g) seen[#seen + 1] = g end)
    ;(a * b):backward()
    assert.equal(1, #seen)
    S.close(seen[1][1], {2})
    S.close(seen[1][2], {1})
    assert.is_nil(seen[1][3])
    assert.equal(3, seen[1].n)
    ;(a * b * c):backward()
    assert.equal(2, #seen)
    S.close(seen[2][3], {2})
    handle:remove()
    ;(a * b):backward()
    assert.equal(2, #seen)
  end)

  it('sees tensors inside the graph, and grad() of some inputs', function()
    local a, calls = leaf(1, 2), 0
    local m = a * 2
    G.register_multi_grad_hook({m, a}, function(g)
      calls = calls + 1
      S.close(g[1], {1, 1})
    end)
    tocha.autograd.grad(m:sum(), a)
    assert.equal(1, calls)
  end)

  it("mode 'any' is called with the first gradient alone", function()
    local a, b, calls = leaf(1), leaf(2), 0
    G.register_multi_grad_hook({a, b}, function(g)
      assert.is_true(tocha.is_tensor(g))
      calls = calls + 1
    end, {mode = 'any'})
    ;(a * b):backward()
    ;(a * b):backward()
    assert.equal(2, calls)
  end)

  it('refuses other things', function()
    assert.error_matches(function() G.register_multi_grad_hook({tocha.ones(1)}, print) end, 'entry 1: takes a tensor that requires grad')
    assert.error_matches(function() G.register_multi_grad_hook({leaf(1)}, print, 'some') end, "mode: got string 'some', takes 'all' or 'any'")
  end)
end)

describe('graph.allow_mutation_on_saved_tensors', function()
  it('keeps copies, so that what was saved may change', function()
    local x = tocha.tensor({2, 3}, {dtype = 'float64'}):requires_grad_()
    local a, y
    tocha.autograd.graph.allow_mutation_on_saved_tensors(function()
      a = x * 1
      y = a * a
    end)
    a:detach():fill_(100)
    y:sum():backward()
    assert.same({4, 6}, x.grad:totable())
  end)
end)
