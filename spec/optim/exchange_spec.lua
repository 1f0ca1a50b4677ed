--- Optimizers' states in PyTorch's layout; with TOCHA_TORCH_PYTHON PyTorch goes on with one of them and gives it back.

local tocha = require 'tocha'
local optim, S = tocha.optim, require 'spec.support'

local python = os.getenv('TOCHA_TORCH_PYTHON')

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

  it('goes on in PyTorch as it does here', function()
    if not python then return end
    local p, optimizer = adam(0.25)
    step(p, optimizer, {3, -1})
    optim.save_pytorch(optimizer, path)
    p:detach():copy_(tocha.tensor{1, 2})
    step(p, optimizer, {0.5, -1})
    local back = os.tmpname()
    local pipe = io.popen(('%s spec/data/exchange/exchange.py adam %s %s 2>&1'):format(python, path, back))
    local text = pipe:read('*a')
    pipe:close()
    assert.are.equal('', text)
    local _, metadata = require('tocha.io.safetensors').load(back)
    local theirs = {}
    for v in metadata.parameter:gmatch('[%d.e-]+') do theirs[#theirs + 1] = tonumber(v) end
    S.close(p:detach(), tocha.tensor(theirs), 1e-5, 1e-6)
    local _, other = adam(1)
    optim.load_pytorch(other, back)
    S.close(other.state[other.param_groups[1].params[1]].exp_avg_sq, optimizer.state[p].exp_avg_sq, 1e-5, 1e-7)
    os.remove(back)
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
