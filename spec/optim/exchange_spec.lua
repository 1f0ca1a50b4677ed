--- Optimizers' states in PyTorch's layout: those that PyTorch wrote (spec/data/exchange) go on here as there, and, where PyTorch is
-- found, those written here go on there.

local tocha = require 'tocha'
local optim, S = tocha.optim, require 'spec.support'

local exchange = require 'spec.exchange'

local function adam(lr)
  local p = tocha.tensor({1, 2}, {requires_grad = true})
  return p, optim.Adam({p}, {lr = lr, betas = {0.8, 0.9}})
end

local function step(p, optimizer, g)
  p.grad = tocha.tensor(g)
  optimizer:step()
end

describe('the state of an optimizer', function()
  local path
  before_each(function() path = os.tmpname() end)
  after_each(function() os.remove(path) end)

  it('comes back from PyTorch\'s layout', function()
    local p, optimizer = adam(0.25)
    step(p, optimizer, {3, -1})
    optim.save_pytorch(optimizer, path)
    local tensors, metadata = require('tocha.io.safetensors').load(path)
    S.close(tensors['state.0.exp_avg'], optimizer.state[p].exp_avg)
    assert.is_truthy(metadata.param_groups:find('"params":[0]', 1, true))
    local q, other = adam(1)
    optim.load_pytorch(other, path)
    assert.are.equal(0.25, other.param_groups[1].lr)
    assert.are.same({0.8, 0.9}, other.param_groups[1].betas)
    q:detach():copy_(p:detach())
    step(p, optimizer, {1, 1})
    step(q, other, {1, 1})
    S.close(q:detach(), p:detach())
  end)

  it('is refused where it cannot be written or is none', function()
    local x = tocha.tensor({1}, {requires_grad = true})
    local lbfgs = optim.LBFGS({x})
    lbfgs:step(function()
      lbfgs:zero_grad()
      local loss = (x * x):sum()
      loss:backward()
      return loss
    end)
    assert.has_error(function() optim.save_pytorch(lbfgs, path) end)
    tocha.save({a = tocha.ones(1)}, path)
    local _, optimizer = adam(1)
    assert.has_error(function() optim.load_pytorch(optimizer, path) end)
  end)
end)

-- as in exchange.py
local grads = {{{0.5, -1.0, 2.0}, {0.25, 1.5, -0.75}}, {{-0.5, -0.5, 1.0}, {1.25, 0.5, 0.75}}, {{1.5, 0.25, -1.0}, {-0.25, 1.0, 0.5}}}
local options = {
  SGD = {lr = 0.1, momentum = 0.9, nesterov = true, weight_decay = 0.01}, Adam = {lr = 0.1, amsgrad = true}, AdamW = {lr = 0.1},
  RMSprop = {lr = 0.1, momentum = 0.9, centered = true}, Adagrad = {lr = 0.1, lr_decay = 0.1}, Adadelta = {lr = 0.5}, Adamax = {lr = 0.1},
  NAdam = {lr = 0.1}, RAdam = {lr = 0.1}, ASGD = {lr = 0.1}, Rprop = {lr = 0.1}, Adafactor = {lr = 0.1}, Muon = {lr = 0.1},
}

local function start(name, given)
  local p = tocha.tensor({{1.0, 2.0, 3.0}, {-1.0, -2.0, 0.5}}, {requires_grad = true})
  return p, optim[name]({p}, given or options[name])
end

-- Muon computes in bfloat16; versions of PyTorch differ in a factor of NAdam's mean
local loose = {Muon = 2e-2, NAdam = 2e-3}
local function close(name, got, want) S.close(got, want, loose[name] or 1e-4, (loose[name] or 4e-5) / 4, name) end

describe('the state of', function()
  for name in pairs(options) do
    it(name .. ' that PyTorch wrote goes on as there', function()
      local path = 'spec/data/exchange/' .. name:lower() .. '.safetensors'
      local file = tocha.load(path)
      local p, optimizer = start(name, {lr = 77})
      p:detach():copy_(file.parameter)
      optim.load_pytorch(optimizer, path)
      step(p, optimizer, grads[3])
      close(name, p:detach(), file.after)
    end)

    it(name .. ' after the same steps is what PyTorch wrote', function()
      local file = tocha.load('spec/data/exchange/' .. name:lower() .. '.safetensors')
      local p, optimizer = start(name)
      step(p, optimizer, grads[1])
      step(p, optimizer, grads[2])
      close(name, p:detach(), file.parameter)
      local mine = optimizer:state_dict().state[1]
      for key, value in pairs(file) do
        local own = key:match('^state%.0%.(.*)$')
        if own then S.close(mine[own], value, 1e-4, 1e-5, name .. ' ' .. own) end
      end
    end)
  end

  it('every optimizer goes on in PyTorch as it does here', function()
    if not exchange.python() then return end
    local names, kept = {}, {}
    for name in pairs(options) do names[#names + 1] = name end
    exchange.with_torch(names, function(name, path)
      local p, optimizer = start(name)
      step(p, optimizer, grads[1])
      step(p, optimizer, grads[2])
      optim.save_pytorch(optimizer, path, {parameter = p:detach()})
      step(p, optimizer, grads[3])
      kept[name] = p
    end, function(name, result) close(name, kept[name]:detach(), result.after) end)
  end)
end)
