-- tocha.nn as a whole: every name that is listed is there, and errors say where in a network they happened.
local tocha = require 'tocha'
local nn = tocha.nn

describe('tocha.nn', function()
  it('has everything it lists, under its own name', function()
    for _, name in ipairs(getmetatable(nn).__names()) do
      local value = nn[name]
      assert.is_not_nil(value, name)
      if tocha.class.is_class(value) then assert.are.equal(name, value.__name) end
    end
  end)

  it('lists every class of its files', function()
    local listed = {}
    for _, name in ipairs(getmetatable(nn).__names()) do listed[nn[name]] = true end
    for module, value in pairs(package.loaded) do
      if module:find('^tocha%.nn%.%l+$') and type(value) == 'table' and not tocha.class.is_class(value) then
        for name, class in pairs(value) do
          if tocha.class.is_class(class) and class.__name == name then assert.is_true(listed[class], module .. ' ' .. name) end
        end
      end
    end
  end)

  it('gives nil for names it does not know', function()
    assert.is_nil(nn.Lineer)
    assert.is_nil(nn.functional.lineer)
    assert.is_nil(nn.utils.clip)
  end)

  it('says in which module of a network an error happened', function()
    local net = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.ReLU(), nn.Linear(5, 2)))
    assert.error_matches(function() return net(tocha.ones(2, 3)) end, '%(in module 1%.1, a Linear%)')
    local ok, message = pcall(function() local y = nn.Linear(5, 2)(tocha.ones(2, 3)) return y end)
    assert.is_false(ok)
    assert.not_matches('in module', message)
  end)

  it('blames the line that called the network', function()
    local net = nn.Sequential(nn.Linear(3, 4))
    local ok, message = pcall(function()
      local y = net(tocha.ones(2, 5))
      return y
    end)
    assert.is_false(ok)
    assert.matches('nn_spec.lua:%d+: linear', message)
  end)
end)
