--- What the prompt knows: completion, help, how results are shown.

local tocha = require 'tocha'
local complete = require 'tocha.repl.complete'
local help = require 'tocha.repl.help'
local show = require 'tocha.repl.show'

local function has(list, word)
  for _, w in ipairs(list) do
    if w == word then return true end
  end
  return false
end

-- the names of a session, for as long as one spec runs
local function with_globals(values, f)
  local saved = {}
  for name, value in pairs(values) do saved[name], _G[name] = rawget(_G, name) or false, value end
  local ok, message = pcall(f)
  for name, value in pairs(saved) do rawset(_G, name, value or nil) end
  if not ok then error(message, 0) end
end

describe('completion', function()
  local function of(word, values)
    local list
    with_globals(values or {tocha = tocha, nn = tocha.nn, F = tocha.nn.functional}, function() list = complete(word) end)
    return list
  end

  it('knows globals and keywords', function()
    assert.same({'tocha'}, of 'toch')
    assert.is_true(has(of 'fun', 'function'))
    assert.is_true(has(of 'str', 'string'))
  end)

  it('knows what modules would load, before they did', function()
    assert.is_true(has(of 'tocha.soft', 'tocha.softmax'))
    assert.is_true(has(of 'tocha.manual', 'tocha.manual_seed'))
    assert.is_true(has(of 'tocha.nn.Conv', 'tocha.nn.ConvTranspose2d'))
    assert.is_true(has(of 'F.cross', 'F.cross_entropy'))
    assert.is_true(has(of 'tocha.optim.Ada', 'tocha.optim.AdamW'))
  end)

  it('knows methods and fields of tensors', function()
    local x = {x = tocha.ones(2)}
    assert.is_true(has(of('x:cums', x), 'x:cumsum'))
    assert.is_true(has(of('x:sq', x), 'x:sqrt_'))
    assert.is_true(has(of('x.requires', x), 'x.requires_grad'))
    assert.is_false(has(of('x:requires', x), 'x:requires_grad'))
  end)

  it('knows members of classes and parts of modules', function()
    local m = {net = tocha.nn.Sequential(tocha.nn.Linear(2, 2)), lin = tocha.nn.Linear(2, 2)}
    assert.is_true(has(of('net:param', m), 'net:parameters'))
    assert.is_true(has(of('lin.we', m), 'lin.weight'))
  end)

  it('is silent about what it does not know', function()
    assert.same({}, of 'nosuch.thing')
    assert.same({}, of 'tocha.nosuch_')
    assert.same({}, of 'f(x')
  end)
end)

describe('help', function()
  it('shows the signature and text of an operator', function()
    local text = help 'tocha.softmax'
    assert.is_truthy(text:find('tocha.softmax(input, dim', 1, true))
    assert.is_truthy(text:find('x:softmax(', 1, true))
    assert.is_truthy(text:find('exp(x)', 1, true))
    assert.equal(text, help 'softmax')
  end)

  it('shows the comment above classes and Lua functions', function()
    with_globals({tocha = tocha}, function()
      assert.is_truthy(help('tocha.nn.Linear'):find('in_features', 1, true))
      assert.is_truthy(help('tocha.set_printoptions'):find('How tensors are printed', 1, true))
      assert.is_truthy(help('tocha.optim'):find('AdamW', 1, true))
    end)
  end)

  it('searches, and says what is unknown', function()
    assert.is_truthy(help('?softmax'):find('log_softmax', 1, true))
    assert.is_truthy(help('nosuch'):find("there is no 'nosuch'", 1, true))
    assert.is_truthy(help('os.execute("x") .. 1'):find('there is no', 1, true))
    assert.is_truthy(help(''):find(':time', 1, true))
  end)

  it('has an answer for every operator', function()
    local binding = require 'tocha.binding'
    for _, name in ipairs(binding.names()) do assert.is_truthy(#help('tocha.' .. name) > 10, name) end
  end)
end)

describe('results', function()
  it('are shown as what they are', function()
    assert.equal('12', show(12))
    assert.equal('nil', show(nil))
    assert.equal('"a\\"b"', show('a"b'))
    assert.equal('two\nlines', show('two\nlines'))
    assert.equal(tostring(tocha.ones(2)), show(tocha.ones(2)))
  end)

  it('of tables show what is in them, tensors in short', function()
    assert.equal('{1, 2, a = float32 [2 x 3], ["b c"] = {x = true}}', show{1, 2, a = tocha.ones(2, 3), ['b c'] = {x = true}})
    local loop = {}
    loop.self = loop
    assert.equal('{self = {...: itself}}', show(loop))
  end)

  it('of long tables stop somewhere', function()
    local list = {}
    for i = 1, 1000 do list[i] = i end
    assert.is_truthy(show(list):find('960 more', 1, true))
  end)
end)
