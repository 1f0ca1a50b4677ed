-- nn.Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict.
local tocha = require 'tocha'
local nn = tocha.nn

local function keys(module)
  local out = {}
  for k in pairs(module:state_dict()) do out[#out + 1] = k end
  table.sort(out)
  return out
end

local function names(list)
  local out = {}
  for name in list do out[#out + 1] = name end
  return out
end

describe('nn.Sequential', function()
  it('runs its modules one after the other', function()
    local net = nn.Sequential(nn.Flatten(), nn.Linear(4, 2), nn.ReLU())
    assert.are.same({3, 2}, net(tocha.ones(3, 2, 2)).shape)
    assert.are.equal(3, net:len())
    assert.are.equal('ReLU()', tostring(net[3]))
    assert.are.equal(net[3], net:get(-1))
  end)

  it('releases what passes between its layers at once, and nothing that others may hold', function()
    local live = require('tocha.library').C.tc_live_tensors
    local net, x = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.Tanh(), nn.Linear(4, 4)), nn.ReLU()), tocha.ones(2, 4)
    local outputs = {}
    tocha.no_grad(function()
      net(x)
      collectgarbage()
      collectgarbage('stop')
      local before = live()
      for i = 1, 50 do outputs[i] = net(x) end
      assert.is_true(live() - before <= 60)
      assert.are.equal(50, #outputs)
      collectgarbage('restart')
    end)
    local kept
    local Keep = tocha.class('Keep', nn.Module)
    function Keep:forward(y) -- luacheck: ignore self
      kept = y
      return y
    end
    nn.Sequential(nn.Linear(4, 4), Keep(), nn.ReLU(), nn.Identity(), nn.Tanh())(x)
    assert.are.same({2, 4}, kept.shape)
    assert.are.same({2, 4}, nn.Sequential(nn.Identity(), nn.Flatten(), nn.ReLU())(x).shape)
    assert.are.equal(8, x:sum():item())
  end)

  it('takes a list, and pairs that name the modules', function()
    assert.are.equal(2, nn.Sequential{nn.ReLU(), nn.Tanh()}:len())
    local net = nn.Sequential{{'first', nn.Linear(2, 2)}, {'act', nn.ReLU()}}
    assert.are.same({'first.bias', 'first.weight'}, keys(net))
    assert.are.equal(net.first, net[1])
    assert.are.same({2, 2}, net(tocha.ones(2, 2)).shape)
    net[1] = nn.Linear(2, 3)
    assert.are.same({2, 3}, net(tocha.ones(2, 2)).shape)
    assert.are.same({3, 2}, net:state_dict()['first.weight'].shape)
  end)

  it('grows, shrinks and replaces', function()
    local net = nn.Sequential(nn.Linear(1, 2))
    net:append(nn.Linear(2, 3)):extend{nn.Linear(3, 4)}
    assert.are.same({'0.bias', '0.weight', '1.bias', '1.weight', '2.bias', '2.weight'}, keys(net))
    net:insert(1, nn.ReLU())
    assert.are.same({'1.bias', '1.weight', '2.bias', '2.weight', '3.bias', '3.weight'}, keys(net))
    assert.are.equal('ReLU()', tostring(net:pop(1)))
    assert.are.same({'0.bias', '0.weight', '1.bias', '1.weight', '2.bias', '2.weight'}, keys(net))
    assert.are.same({'0', '1', '2'}, names(net:named_children()))
    assert.are.same({4}, net(tocha.ones(1)).shape)
  end)

  it('refuses what is no module', function()
    assert.error_matches(function() nn.Sequential(nn.ReLU(), 3) end, 'Sequential: item 2: got 3, takes a module')
    assert.error_matches(function() nn.Sequential(nn.ReLU()):get(2) end, 'index 2 is outside 1..1')
  end)
end)

describe('nn.ModuleList', function()
  it('holds modules by position', function()
    local list = nn.ModuleList{nn.Linear(1, 1), nn.ReLU()}
    list:append(nn.Linear(1, 1, false))
    assert.are.equal(3, list:len())
    assert.are.same({'0.bias', '0.weight', '2.weight'}, keys(list))
    local n = 0
    for i, m in list:iter() do
      assert.are.equal(list[i], m)
      n = n + 1
    end
    assert.are.equal(3, n)
  end)

  it('prints equal neighbours once', function()
    assert.are.equal('ModuleList(\n  (0-1): 2 x ReLU()\n  (2): Tanh()\n)', tostring(nn.ModuleList{nn.ReLU(), nn.ReLU(), nn.Tanh()}))
  end)
end)

describe('nn.ModuleDict', function()
  it('holds modules by name, in the order of names or in the order given', function()
    local dict = nn.ModuleDict{b = nn.Linear(1, 1), a = nn.ReLU()}
    assert.are.same({'a', 'b'}, names(dict:keys()))
    assert.are.same({'b', 'a'}, names(nn.ModuleDict{{'b', nn.ReLU()}, {'a', nn.ReLU()}}:keys()))
    assert.are.same({'b.bias', 'b.weight'}, keys(dict))
    assert.are.equal('ReLU()', tostring(dict.a))
    assert.is_true(dict:contains('a'))
    assert.are.equal(2, dict:len())
    for name, m in dict:items() do assert.are.equal(dict[name], m) end
  end)

  it('is changed by update, pop and clear', function()
    local dict = nn.ModuleDict{a = nn.ReLU()}
    dict:update{a = nn.Tanh(), c = nn.ReLU()}
    assert.are.equal('Tanh()', tostring(dict:pop('a')))
    assert.are.same({'c'}, names(dict:keys()))
    dict:clear()
    assert.are.equal(0, dict:len())
    assert.error_matches(function() dict:pop('a') end, "ModuleDict has no module 'a'")
  end)

  it('refuses names that hide its methods', function()
    assert.error_matches(function() nn.ModuleDict{train = nn.ReLU()} end, "already has a field or method 'train'")
  end)
end)

describe('nn.ParameterList and nn.ParameterDict', function()
  it('make parameters of tensors and train them', function()
    local list = nn.ParameterList{tocha.ones(2), nn.Parameter(tocha.zeros(3))}
    assert.are.same({'0', '1'}, keys(list))
    assert.are.equal(2, #list:parameters())
    assert.is_true(list[1].requires_grad)
    local dict = nn.ParameterDict{a = tocha.ones(2)}
    assert.are.same({'a'}, keys(dict))
    assert.is_true(dict.a.is_parameter)
    assert.are.equal(1, dict:len())
    assert.is_nil(dict:get('b'))
  end)
end)
