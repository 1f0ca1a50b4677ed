-- The strict reader of JSON.
local json = require 'tocha.io.json'

describe('json.decode', function()
  it('reads every kind of value', function()
    local v = json.decode(' {"a": [1, -2.5e3, 0, true, false, null], "b": {"": "x"}, "c": []} ')
    assert.are.equal(-2500, v.a[2])
    assert.are.equal(true, v.a[4])
    assert.are.equal(false, v.a[5])
    assert.are.equal(json.null, v.a[6])
    assert.are.equal('x', v.b[''])
    assert.are.equal(json.array, getmetatable(v.c))
    assert.are.equal(json.object, getmetatable(v.b))
  end)

  it('reads escapes, surrogate pairs and UTF-8', function()
    assert.are.equal('a"\\/\b\f\n\r\t', json.decode([["a\"\\\/\b\f\n\r\t"]]))
    assert.are.equal('é€😀\0', json.decode([["\u00e9\u20ac\ud83d\ude00\u0000"]]))
    assert.are.equal('é', json.decode('"é"'))
  end)

  it('refuses what is no JSON, and says where', function()
    local wrong = {'', ' ', '{', '[', '"', '"a', '{"a"}', '{"a":}', '{"a":1,}', '[1,]', '[1 2]', '{a:1}', "'a'", '01', '-', '1.',
      '.5', '1e', '+1', '1x', 'nan', 'Infinity', 'tru', 'True', '"\\x"', '"\\u12"', '"\\ud800"', '"\\ud800\\u0041"',
      '"\\udc00"', '"\n"', '{"a":1,"a":2}', '1 2', '[1]]', '{"a":1}}', ('['):rep(5000)}
    for _, text in ipairs(wrong) do
      local value, problem = json.decode(text)
      assert.is_nil(value, text)
      assert(problem and problem:find('byte %d+'), text)
    end
  end)

  it('reads back what it wrote', function()
    for _, s in ipairs{'', 'plain', '"\\\n\0\127', 'é€'} do assert.are.equal(s, json.decode(json.quote(s))) end
    for _, v in ipairs{0, 1, -17, 0.1, 1e300, -1e-300, 2 ^ 53, 123456789.25} do
      assert.are.equal(v, json.decode(json.number(v)))
    end
    assert.are.equal(-math.huge, 1 / json.decode(json.number(-0.0)))
  end)
end)
