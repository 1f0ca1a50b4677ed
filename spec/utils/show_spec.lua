-- What a training script shows: progress, confusion, pictures.
local tocha = require 'tocha'
local utils = tocha.utils

local function sink()
  local out = {}
  return {write = function(_, ...) for i = 1, select('#', ...) do out[#out + 1] = (select(i, ...)) end end,
    flush = function() end, text = function() return table.concat(out) end}
end

describe('Progress', function()
  it('writes a few lines to a log and gives the mean loss', function()
    local stream = sink()
    local bar = utils.Progress(40, {label = 'epoch 1/2', unit = 'images', stream = stream, lines = 4})
    for i = 1, 40 do bar:step(10, i <= 20 and 1 or 3) end
    assert.are.equal(2, bar:finish())
    local text = stream.text()
    local _, lines = text:gsub('\n', '')
    assert.are.equal(4, lines)
    assert.is_truthy(text:find('^epoch 1/2  %[==== '))
    assert.is_truthy(text:find(' 50%%  loss 1.0000'))
    assert.is_truthy(text:find('100%%  loss 2.0000  %d+ images/s'))
    assert.is_nil(text:find('\r', 1, true))
  end)

  it('redraws one line on a terminal', function()
    local stream = sink()
    local bar = utils.Progress(3, {stream = stream, terminal = true})
    for _ = 1, 3 do bar:step() end
    bar:finish()
    local text = stream.text()
    assert.is_truthy(text:find('\r', 1, true))
    assert.is_truthy(text:find('100%', 1, true))
    assert.are.equal('\n', text:sub(-1))
  end)
end)

describe('ConfusionMatrix', function()
  it('counts labels and predictions, and shows them', function()
    local m = utils.ConfusionMatrix{'cat', 'dog', 'emu'}
    m:add(tocha.int64{1, 2, 2, 3}, tocha.int64{1, 2, 1, 3})
    m:add(tocha.tensor{{0, 5, 1}}, tocha.int64{2})
    assert.are.same({{1, 1, 0}, {0, 2, 0}, {0, 0, 1}}, m.counts:totable())
    assert.are.equal(0.8, m:accuracy())
    assert.are.same({0.5, 1, 1}, m:recall())
    local text = tostring(m)
    assert.is_truthy(text:find('cat     1   1   .   50.0%', 1, true), text)
  end)

  it('refuses what is no class', function()
    local m = utils.ConfusionMatrix(3)
    local ok, message = pcall(m.add, m, tocha.int64{1, 2}, tocha.int64{1, 4})
    assert.is_false(ok)
    assert.is_truthy(message:find('label 4: classes are 1..3', 1, true))
    assert.has_error(function() m:add(tocha.int64{1}, tocha.int64{1, 2}) end)
    assert.has_error(function() utils.ConfusionMatrix('x') end)
  end)
end)

describe('draw_image', function()
  local x = tocha.tensor{{0, 1}, {0, 1}, {1, 0}}

  it('draws with plain characters', function()
    assert.are.equal(' @\n+ ', utils.draw_image(x, 'shades'):gsub('=', '+'), nil)
  end)

  it('draws half blocks in greys, and pictures side by side with captions', function()
    assert.is_truthy(utils.draw_image(x, 'blocks'):find('\27[38;5;232;48;5;232m▀\27[38;5;255;48;5;255m▀\27[0m', 1, true))
    local both = utils.draw_images({x, x:unsqueeze(1)}, {'a', 'bcd'}, 'shades')
    assert.are.equal(3, select(2, both:gsub('\n', '')) + 1)
    assert.is_truthy(both:find('a   bc', 1, true))
    assert.has_error(function() utils.draw_image(tocha.zeros(3, 4, 5)) end)
    assert.has_error(function() utils.draw_image(x, 'colours') end)
  end)
end)
