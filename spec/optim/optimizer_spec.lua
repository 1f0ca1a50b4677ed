-- What all optimizers share: groups, options, gradients, states, errors.
local tocha = require 'tocha'
local nn, optim = tocha.nn, tocha.optim

local function fails(says, f, ...)
  local ok, message = pcall(f, ...)
  assert.is_false(ok)
  for _, part in ipairs(says) do
    assert(tostring(message):find(part, 1, true), ('%q does not say %q'):format(tostring(message), part))
  end
end

local function leaf(...) return tocha.ones(...):requires_grad_() end

describe('An optimizer', function()
  it('takes parameters as a list, as net:parameters(), or from an iterator', function()
    local net = nn.Linear(3, 2)
    assert.are.equal(2, #optim.SGD(net:parameters(), {lr = 1}).param_groups[1].params)
    assert.are.equal(2, #optim.SGD({net.weight, net.bias}, 1).param_groups[1].params)
    local at, list = 0, {net.weight, net.bias}
    local function each()
      at = at + 1
      return list[at]
    end
    assert.are.equal(2, #optim.SGD(each).param_groups[1].params)
  end)

  it('takes parameters with their names, and keeps these beside a state that is loaded', function()
    local net = nn.Linear(3, 2)
    local opt = optim.SGD(net:named_parameters(), {lr = 1})
    assert.are.same({'weight', 'bias'}, opt.param_groups[1].param_names)
    assert.is_true(rawequal(net.bias, opt.param_groups[1].params[2]))
    opt:load_state_dict(optim.SGD(net:parameters(), {lr = 0.5}):state_dict())
    assert.are.same({'weight', 'bias'}, opt.param_groups[1].param_names)
    assert.are.equal(0.5, opt.param_groups[1].lr)
    fails({'SGD', 'params', 'item 2', '{name, tensor}'}, optim.SGD, {{'a', leaf(1)}, leaf(1)})
  end)

  it('takes the options that choose between implementations in PyTorch, and refuses to be differentiable', function()
    for name in ('Adadelta Adagrad Adam AdamW Adamax ASGD NAdam RAdam RMSprop Rprop SGD'):gmatch('%S+') do
      optim[name]({leaf(1)}, {lr = 0.1, foreach = false, differentiable = false, maximize = true})
      fails({name, 'differentiable', 'got true, takes false'}, optim[name], {leaf(1)}, {differentiable = true})
    end
    optim.AdamW({leaf(1)}, {fused = true, capturable = true, foreach = true})
  end)

  it('takes groups with options of their own', function()
    local a, b = leaf(2), leaf(3)
    local opt = optim.Adam({{params = {a}, lr = 0.5}, {params = b, betas = {0.5, 0.6}}}, {lr = 0.1})
    assert.are.equal(0.5, opt.param_groups[1].lr)
    assert.are.equal(0.1, opt.param_groups[2].lr)
    assert.are.same({0.9, 0.999}, opt.param_groups[1].betas)
    assert.are.same({0.5, 0.6}, opt.param_groups[2].betas)
    opt:add_param_group({params = leaf(1), lr = 7})
    assert.are.equal(7, opt.param_groups[3].lr)
    assert.is_truthy(tostring(opt):find('Parameter Group 3', 1, true))
  end)

  it('clears gradients, to nil or to zero', function()
    local p = leaf(2)
    local opt = optim.SGD({p}, {lr = 0.1})
    p.grad = tocha.ones(2)
    opt:zero_grad(false)
    assert.are.same({0, 0}, p.grad:totable())
    opt:zero_grad()
    assert.is_nil(p.grad)
    p.grad = tocha.ones(2)
    opt:zero_grad{set_to_none = false}
    assert.are.same({0, 0}, p.grad:totable())
  end)

  it('calls a closure with recording on and gives its result', function()
    local p = leaf(2)
    local opt = optim.SGD({p}, {lr = 0.1})
    local loss = tocha.no_grad(function()
      return opt:step(function()
        opt:zero_grad()
        local l = (p * p):sum()
        l:backward()
        return l
      end)
    end)
    assert.are.equal(2, loss:item())
    assert.is_true(math.abs(p[1]:item() - 0.8) < 1e-6)
  end)

  it('calls hooks before and after a step', function()
    local p, seen = leaf(1), {}
    local opt = optim.SGD({p}, {lr = 1})
    p.grad = tocha.ones(1)
    local before = opt:register_step_pre_hook(function(o) seen[#seen + 1] = o.param_groups[1].params[1]:item() end)
    opt:register_step_post_hook(function(o) seen[#seen + 1] = o.param_groups[1].params[1]:item() end)
    opt:step()
    before:remove()
    opt:step()
    assert.are.same({1, 0, -1}, seen)
    assert.has_error(function() opt:register_step_pre_hook(3) end)
  end)

  it('names what it cannot use', function()
    local p = leaf(2)
    fails({'SGD', 'params', 'a tensor'}, optim.SGD, p)
    fails({'SGD', 'empty'}, optim.SGD, {})
    fails({'SGD', 'item 2', '3'}, optim.SGD, {p, 3})
    fails({'Adam', 'leaves'}, optim.Adam, {p * 2})
    fails({'Adam', 'int64'}, optim.Adam, {tocha.int64{1}})
    fails({'Adam', "unknown option 'beta'", 'betas'}, optim.Adam, {p}, {beta = 1})
    fails({'Adam', "unknown option 'momentum'", 'betas'}, optim.Adam, {{params = {p}, momentum = 1}})
    fails({'Adam', 'betas', '1.5'}, optim.Adam, {p}, {betas = {1.5, 0.9}})
    fails({'SGD', 'lr', '-1'}, optim.SGD, {p}, {lr = -1})
    fails({'SGD', 'nesterov', 'momentum'}, optim.SGD, {p}, {nesterov = true})
    fails({'SGD', 'in this group already'}, optim.SGD, {p, p})
    fails({'SGD', 'in group 1 already'}, optim.SGD, {{params = {p}}, {params = {p}}})
    fails({'Rprop', 'etas'}, optim.Rprop, {p}, {etas = {2, 3}})
    fails({'Muon', 'matrices'}, optim.Muon, {p})
    fails({'LBFGS', 'one'}, optim.LBFGS, {{params = {p}}, {params = {leaf(1)}}})
  end)
end)

describe('The state of an optimizer', function()
  local function trained()
    local p, q = leaf(2), leaf(3, 2)
    local opt = optim.Adam({{params = {p}, lr = 0.5}, {params = {q}}}, {lr = 0.1, amsgrad = true})
    p.grad, q.grad = tocha.ones(2), tocha.ones(3, 2)
    opt:step()
    return opt, p, q
  end

  it('has the layout of PyTorch, counted from 1', function()
    local state = trained():state_dict()
    assert.are.same({1}, state.param_groups[1].params)
    assert.are.same({2}, state.param_groups[2].params)
    assert.are.equal(0.5, state.param_groups[1].lr)
    local names = {}
    for name in pairs(state.state[2]) do names[#names + 1] = name end
    table.sort(names)
    assert.are.same({'exp_avg', 'exp_avg_sq', 'max_exp_avg_sq', 'step'}, names)
    assert.are.equal(1, state.state[1].step:item())
  end)

  it('is copied when it is loaded', function()
    local opt = trained()
    local state = opt:state_dict()
    local other, p = trained()
    other:load_state_dict(state)
    state.state[1].exp_avg:fill_(9)
    state.param_groups[1].betas[1] = 0
    assert.are_not.equal(9, other.state[p].exp_avg[1]:item())
    assert.are.equal(0.9, other.param_groups[1].betas[1])
  end)

  it('is refused when it does not fit, by name', function()
    local opt = trained()
    fails({'load_state_dict', 'param_groups'}, opt.load_state_dict, opt, {})
    local state = opt:state_dict()
    state.param_groups[2] = nil
    fails({'1 groups', '2'}, opt.load_state_dict, opt, state)
    state = opt:state_dict()
    state.param_groups[2].params = {2, 3}
    fails({'group 2', '2 parameters', '1'}, opt.load_state_dict, opt, state)
    state = opt:state_dict()
    state.state[2].exp_avg = tocha.zeros(2)
    fails({'exp_avg', '[2]', '[3 x 2]'}, opt.load_state_dict, opt, state)
  end)

  it('of another shape is an error of the step, not a crash', function()
    local opt, p = trained()
    opt.state[p].exp_avg = tocha.zeros(5)
    opt.packs = {}
    p.grad = tocha.ones(2)
    fails({'adam_step', '[5]', '[2]'}, opt.step, opt)
  end)
end)

describe('Optimizers that work in several steps', function()
  it('LBFGS evaluates no more than max_eval asks for, inside of a line search too', function()
    local a = tocha.tensor({0.416, -0.248, 1.09, 1.25}, {dtype = 'float64'}):requires_grad_()
    local b = tocha.tensor({-1.353, 0.703, 0.928, 1.308}, {dtype = 'float64'}):requires_grad_()
    local opt = optim.LBFGS({a, b}, {lr = 1, max_iter = 5, history_size = 3, line_search_fn = 'strong_wolfe'})
    local n = 0
    for _ = 1, 3 do
      opt:step(function()
        n = n + 1
        opt:zero_grad()
        local loss = (a:pow(2):sum() - 2) ^ 2 + ((a - b) ^ 4):sum() + b:sin():sum()
        loss:backward()
        return loss
      end)
    end
    assert.are.equal(19, n)
    for i, v in ipairs{-0.856086413, -0.800123456, -0.049780556, 0.534076395} do
      assert.is_true(math.abs(a[i]:item() - v) < 1e-6, i .. ': ' .. a[i]:item())
    end
  end)

  it('LBFGS climbs where the loss is to grow, as it goes down with the sign turned', function()
    for _, search in ipairs{false, 'strong_wolfe'} do
      local function solve(sign)
        local p = tocha.tensor({1, -2}, {dtype = 'float64', requires_grad = true})
        local opt = optim.LBFGS({p}, {line_search_fn = search or nil, max_iter = 8, lr = search and 1 or 0.5, maximize = sign < 0})
        local losses = {}
        for i = 1, 3 do
          losses[i] = sign * opt:step(function()
            opt:zero_grad()
            local loss = (p - tocha.tensor({3, 4}, {dtype = 'float64'})):pow(4):sum() * sign
            loss:backward()
            return loss
          end):item()
        end
        return losses, p:totable()
      end
      local down, up = {solve(1)}, {solve(-1)}
      assert.are.same(down, up)
      assert.is_true(down[1][3] < down[1][1])
    end
  end)

  it('LBFGS finds the minimum of a quadratic', function()
    local a = tocha.tensor({{3, 0.5}, {0.5, 1}}, {dtype = 'float64'})
    local b = tocha.tensor({1, -2}, {dtype = 'float64'})
    for _, search in ipairs{'strong_wolfe', false} do
      local p = tocha.zeros(2, {dtype = 'float64'}):requires_grad_()
      local opt = optim.LBFGS({p}, {line_search_fn = search, max_iter = 30, lr = search and 1 or 0.5})
      for _ = 1, 4 do
        opt:step(function()
          opt:zero_grad()
          local loss = p:matmul(a):dot(p) * 0.5 - b:dot(p)
          loss:backward()
          return loss
        end)
      end
      assert.is_true((a:mv(p:detach()) - b):abs():max():item() < 1e-3, tostring(search))
    end
  end)

  it('Adafactor and Muon lower a loss', function()
    for _, name in ipairs{'Adafactor', 'Muon'} do
      tocha.manual_seed(1)
      local w, x = tocha.randn(4, 3):requires_grad_(), tocha.randn(20, 4)
      local y, opt = x:mm(tocha.randn(4, 3)), optim[name]({w}, {lr = 0.1})
      local first, last
      for _ = 1, 60 do
        opt:zero_grad()
        local loss = (x:mm(w) - y):square():mean()
        loss:backward()
        opt:step()
        first, last = first or loss:item(), loss:item()
      end
      assert.is_true(last < first / 4, name)
    end
  end)
end)

describe('swa_utils', function()
  it('AveragedModel averages what it is given', function()
    local net = nn.Linear(2, 1)
    local average = optim.swa_utils.AveragedModel(net)
    for k = 1, 3 do
      tocha.no_grad(function() net.weight:fill_(k) end)
      average:update_parameters(net)
    end
    assert.are.equal(2, average.module.weight[{1, 1}]:item())
    assert.are.equal(3, average.n_averaged:item())
  end)

  it('SWALR goes to its rate and stays', function()
    local opt = optim.SGD({leaf(1)}, {lr = 1})
    local schedule = optim.swa_utils.SWALR(opt, {swa_lr = 0.2, anneal_epochs = 4, anneal_strategy = 'linear'})
    local seen = {}
    for i = 1, 6 do
      opt:step()
      schedule:step()
      seen[i] = math.floor(opt.param_groups[1].lr * 1e6 + 0.5) / 1e6
    end
    assert.are.same({0.8, 0.6, 0.4, 0.2, 0.2, 0.2}, seen)
  end)
end)
