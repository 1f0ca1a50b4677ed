--- What a tensor says of itself.

local tocha = require 'tocha'
local S = require 'spec.support'

describe('a tensor knows', function()
  local x = tocha.zeros(2, 3, 4, {dtype = 'float64'})

  it('its number of elements and their size', function()
    assert.equal(24, tonumber(x:numel()))
    assert.equal(24, tonumber(x:nelement()))
    assert.equal(24, tonumber(tocha.numel(x)))
    assert.equal(8, tonumber(x:element_size()))
    assert.equal(1, tonumber(tocha.zeros(2, {dtype = 'bool'}):element_size()))
    assert.equal(2, tonumber(tocha.zeros(2, {dtype = 'bfloat16'}):element_size()))
    assert.equal(0, tonumber(tocha.zeros(2, 0):numel()))
    assert.equal(1, tonumber(tocha.zeros({}):numel()))
  end)

  it('its shape, as a list, by dim, and as #x', function()
    assert.same({2, 3, 4}, x.shape)
    assert.same({2, 3, 4}, x:size())
    assert.equal(4, x:size(-1))
    assert.equal(2, x:size(1))
    assert.equal(3, x:dim())
    S.fails(function() return x:size(4) end, 'size', '4', '3')
  end)

  it('its strides and where it begins', function()
    assert.same({12, 4, 1}, x:stride())
    local v = x:select(1, 2):narrow(1, 2, 2)
    assert.equal(16, tonumber(v:storage_offset()))
    assert.same({4, 1}, v:stride())
    assert.same({1, 4}, v:t():stride())
  end)

  it('whether it lies row by row', function()
    assert.is_true(x:is_contiguous())
    assert.is_false(x:transpose(1, 2):is_contiguous())
    assert.is_true(x:narrow(1, 2, 1):is_contiguous())
    assert.is_false(x:narrow(3, 1, 2):is_contiguous())
    assert.is_true(x:transpose(1, 2):contiguous():is_contiguous())
  end)

  it('up to 64 dims', function()
    local shape = {}
    for i = 1, 64 do shape[i] = 1 end
    local y = tocha.ones(shape)
    assert.equal(64, y:dim())
    S.close((y + 1):sum(), 2)
    S.close(y:permute(64, unpack((function() local l = {} for i = 1, 63 do l[i] = i end return l end)())):sum(), 1)
    shape[65] = 1
    S.fails(function() tocha.ones(shape) end, 'ones', '64')
  end)
end)
