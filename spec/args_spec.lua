-- tocha.args: positional and named arguments, defaults, and what is refused.
local args = require 'tocha.args'

describe('tocha.args', function()
  local read, store = args.spec('Conv', 'channels:int', 'kernel:size', 'stride:size=1', 'momentum:num?=0.1', 'bias:bool=true',
    'name:str=nil', '*', 'mode="zeros"')

  local function message(...)
    local ok, text = pcall(read, ...)
    assert.is_false(ok)
    return text
  end

  it('gives arguments in order, and defaults for those that are missing', function()
    assert.are.same({3, 5, 1, 0.1, true, nil, 'zeros'}, {read(3, 5)})
    assert.are.same({3, 5, 2, 0.1, false, 'x', 'zeros'}, {read(3, 5, 2, nil, false, 'x')})
  end)

  it('takes optional arguments by name in one trailing table', function()
    assert.are.same({3, 5, 2, 0.1, false, nil, 'same'}, {read(3, 5, {stride = 2, bias = false, mode = 'same'})})
    assert.are.same({3, 5, 2, 0.1, false, nil, 'zeros'}, {read(3, 5, 2, {bias = false})})
  end)

  it('takes required arguments by name too', function()
    assert.are.same({3, {1, 2}, 1}, {(function(a, b, c) return a, b, c end)(read{channels = 3, kernel = {1, 2}})})
  end)

  it('keeps a list of numbers apart from options', function()
    local _, kernel, stride = read(3, {1, 2}, {3, 4})
    assert.are.same({{1, 2}, {3, 4}}, {kernel, stride})
  end)

  it('gives nil for false where booleans do not belong, and false where they do', function()
    local _, _, _, momentum, bias = read(3, 5, {momentum = false, bias = false})
    assert.is_nil(momentum)
    assert.is_false(bias)
  end)

  it('stores arguments as fields', function()
    local t = {}
    store(t, 3, 5, {bias = false})
    assert.are.same({channels = 3, kernel = 5, stride = 1, momentum = 0.1, bias = false, mode = 'zeros'}, t)
  end)

  it('refuses an unknown option, and lists the known ones', function()
    assert.matches("Conv: unknown option 'strid'; it takes channels, kernel, stride, momentum, bias, name, mode",
      message(3, 5, {strid = 1}), 1, true)
  end)

  it('refuses an argument that is given twice', function()
    assert.matches('Conv: stride is given twice, as argument 3 and by name', message(3, 5, 2, {stride = 1}), 1, true)
  end)

  it('refuses a missing argument and too many', function()
    assert.matches('Conv: argument 2 (kernel) is missing', message(3), 1, true)
    assert.matches('Conv: too many arguments', message(3, 5, 1, 0.1, true, 'x', 'zeros'), 1, true)
  end)

  it('refuses a value of the wrong kind, naming it', function()
    assert.matches("Conv: channels: got 'a', takes an integer", message('a', 5), 1, true)
    assert.matches('Conv: channels: got 2.5, takes an integer', message(2.5, 5), 1, true)
    assert.matches('Conv: bias: got 1, takes true or false', message(3, 5, {bias = 1}), 1, true)
  end)

  it('blames the line of the caller', function()
    assert.matches('^[^:]*args_spec.lua:%d+: Conv', message(3))
  end)
end)
