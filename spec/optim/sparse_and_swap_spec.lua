-- optim.SparseAdam, and optimizers that step other tensors for a while.
local tocha = require 'tocha'
local S = require 'spec.support'
local nn, optim = tocha.nn, tocha.optim

local function close(expected, x)
  for i, v in ipairs(x:reshape(-1):totable()) do assert.is_true(math.abs(v - expected[i]) < 2e-6, i .. ': ' .. v) end
end

-- Four steps with gradients of some rows; the third sees no row.
local function stepped(w)
  local opt = optim.SparseAdam({w}, {lr = 0.1, betas = {0.8, 0.9}, eps = 1e-6, maximize = true})
  for _, rows in ipairs{{0, 2}, {2, 3}, {}, {0, 3}} do
    local grad = tocha.zeros(4, 2)
    for _, r in ipairs(rows) do grad[r + 1] = tocha.tensor{r + 1, -2 * r - 0.5} end
    w.grad = grad
    opt:step()
  end
  return opt
end

describe('optim.SparseAdam', function()
  it('moves the rows that have a gradient as PyTorch does with sparse gradients', function()
    local w = (tocha.range(0, 7):view(4, 2) / 4):requires_grad_()
    local opt = stepped(w)
    close({0.182034, 0.067967, 0.5, 0.75, 1.2, 1.05, 1.658612, 1.591388}, w)
    close({-0.36, 0.18, 0, 0, -1.08, 1.62, -1.44, 2.34}, opt.state[w].exp_avg)
    assert.are.equal(4, opt.state[w].step:item())
  end)

  it('does the same to a parameter whose memory is transposed', function()
    local a, b = tocha.ones(4, 2):requires_grad_(), tocha.ones(2, 4):t():requires_grad_()
    stepped(a)
    stepped(b)
    assert.is_true(a:equal(b))
  end)

  it('takes parameters without dims and empty ones, and states', function()
    local a, b = tocha.tensor(1.0):requires_grad_(), tocha.zeros(0, 3):requires_grad_()
    local opt = optim.SparseAdam({a, b}, {lr = 0.5})
    a.grad, b.grad = tocha.tensor(2.0), tocha.zeros(0, 3)
    opt:step()
    close({0.5}, a)
    local other = optim.SparseAdam({a, b})
    other:load_state_dict(opt:state_dict())
    assert.are.equal(0.5, other.param_groups[1].lr)
    assert.is_true(other.state[a].exp_avg:equal(opt.state[a].exp_avg))
    assert.is_false((pcall(optim.SparseAdam, {a}, {betas = {1, 2}})))
  end)
end)

describe('swap_in_optimizer_params_and_state', function()
  it('steps the given tensors with the given state, and leaves its own alone', function()
    local p, q = tocha.ones(2):requires_grad_(), tocha.ones(2):requires_grad_()
    local opt = optim.Adam({p}, {lr = 0.1})
    p.grad = tocha.ones(2)
    opt:step()
    local state = opt:state_dict()
    state.state[1].exp_avg, state.state[1].exp_avg_sq = tocha.zeros(2), tocha.zeros(2)
    state.state[1].step = tocha.tensor(0.0)
    state.param_groups[1].lr = 0.25
    q.grad = tocha.ones(2)
    local back = optim.swap_in_optimizer_params_and_state(opt, {q}, state, function() opt:step() return 7 end)
    assert.are.equal(7, back)
    close({0.75, 0.75}, q)
    close({0.9, 0.9}, p)
    assert.are.equal(1, state.state[1].step:item())
    assert.are.equal(0.1, opt.param_groups[1].lr)
    opt:step()
    close({0.8, 0.8}, p)
  end)

  it('has its own again after an error, and says what does not fit', function()
    local p = tocha.ones(2):requires_grad_()
    local opt = optim.SGD({p}, {lr = 0.1})
    assert.is_false((pcall(optim.swap_in_optimizer_params_and_state, opt, {tocha.ones(2)}, opt:state_dict(), function() error('no') end)))
    assert.is_true(rawequal(p, opt.param_groups[1].params[1]))
    S.fails(function() optim.swap_in_optimizer_params_and_state(opt, {}, opt:state_dict(), print) end, 'got 0, the optimizer has 1')
  end)
end)

describe('hooks of registration', function()
  it('see parameters, buffers and modules of every module, and may give others', function()
    local seen = {}
    local a = nn.register_module_parameter_registration_hook(function(m, name, p)
      seen[#seen + 1] = m.__name .. '.' .. name
      if name == 'scale' then return nn.Parameter(tocha.full_like(p, 2)) end
    end)
    local b = nn.register_module_buffer_registration_hook(function(_, name) seen[#seen + 1] = 'buffer ' .. name end)
    local c = nn.register_module_module_registration_hook(function(_, name) seen[#seen + 1] = 'module ' .. name end)
    local net = nn.Sequential(nn.Linear(2, 1), nn.ReLU())
    net:register_buffer('steps', tocha.zeros(1))
    net.scale = nn.Parameter(tocha.zeros(2))
    for _, handle in ipairs{a, b, c} do handle:remove() end
    assert.are.same({'Linear.weight', 'Linear.bias', 'module 0', 'module 1', 'buffer steps', 'Sequential.scale'}, seen)
    close({2, 2}, net.scale)
    close({2, 2}, net:get_parameter('scale'))
    nn.Linear(2, 1)
    assert.are.equal(6, #seen)
  end)
end)

describe('Module:compile', function()
  it('computes and differentiates as before; a copy has the plain forward and its own parameters', function()
    local net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    local x = tocha.randn(5, 3)
    local y = net(x)
    assert.is_true(rawequal(net, net:compile()))
    for _ = 1, 4 do assert.is_true(net(x):allclose(y)) end
    net(x):sum():backward()
    assert.is_true(net[1].weight.grad:abs():sum():item() > 0)
    local copy = net:copy()
    tocha.no_grad(function() copy[3].bias:add_(1) end)
    assert.is_true(copy(x):allclose(y + 1))
    assert.is_true(net(x):allclose(y))
    assert.are.equal(4, #net:parameters())
  end)
end)
