--- The profiler: what is in its table, its trace, and that it is off when nothing runs.

local tocha = require 'tocha'
local json = require 'tocha.io.json'
local profiler = tocha.profiler

local function rows_of(p, ...)
  local rows = {}
  for _, row in ipairs(p:averages(...)) do rows[row.name] = row end
  return rows
end

local function step()
  local x = tocha.ones(4, 3):requires_grad_()
  local y = (x * 2):exp():sum()
  y:backward()
  return y
end

describe('a profile', function()
  it('counts operators of both directions', function()
    local rows = rows_of(profiler.profile(function() for _ = 1, 5 do step() end end))
    for _, name in ipairs{'mul', 'exp', 'sum', 'mulBackward', 'expBackward', 'sumBackward', 'backward'} do
      assert.equal(5, rows[name] and rows[name].calls, name)
      assert.is_true(rows[name].total >= rows[name].self and rows[name].self >= 0)
      assert.is_true(rows[name].least <= rows[name].most)
    end
    assert.equal('backward', rows.mulBackward.kind)
    assert.equal('operator', rows.mul.kind)
    assert.is_true(rows.backward.total >= rows.mulBackward.total)
  end)

  it('counts the bytes that were allocated', function()
    local x = tocha.ones(100, 10)
    local rows = rows_of(profiler.profile(function() return x + x, x:exp(), x:exp() end))
    assert.equal(4000, rows.add.bytes)
    assert.equal(8000, rows.exp.self_bytes)
  end)

  it('names operators in place and those without results', function()
    local x = tocha.ones(3)
    local rows = rows_of(profiler.profile(function() x:mul_(2) x:zero_() end))
    assert.equal(1, rows.mul_.calls)
    assert.equal(1, rows.zero_.calls)
  end)

  it('tells shapes on request', function()
    local a, b = tocha.ones(2, 3), tocha.ones(3, 4)
    local function work() return a:matmul(b), a:matmul(b), b + 1 end
    local p = profiler.profile(work, {shapes = true})
    local list = p:averages{by_shapes = true, sort_by = 'calls'}
    assert.equal('[2 x 3] float32, [3 x 4] float32', list[1].shapes)
    assert.equal(2, list[1].calls)
    assert.equal('[3 x 4] float32, number', list[2].shapes)
    assert.is_nil(profiler.profile(work):events()[1].shapes)
  end)

  it('keeps results and passes errors on', function()
    local p = profiler.profile(function() return 1, nil, 'x' end)
    assert.same({n = 3, [1] = 1, [3] = 'x'}, p.results)
    local ok, message = pcall(profiler.profile, function() error('broken', 0) end)
    assert.same({false, 'broken'}, {ok, message})
    assert.is_false(profiler.is_running())
  end)

  it('survives operators that fail', function()
    local p = profiler.profile(function() pcall(function() return tocha.ones(2) + tocha.ones(3) end) return tocha.ones(2) + 1 end)
    assert.equal(2, rows_of(p).add.calls)
    for _, e in ipairs(p:events()) do assert.equal(0, e.depth) end
  end)
end)

describe('start and stop', function()
  it('record what lies between', function()
    local x = tocha.ones(2)
    local _ = x + 1
    local p = profiler.start()
    assert.is_true(profiler.is_running())
    _ = x * 2
    p:stop()
    _ = x - 1
    assert.equal(1, #p:events())
    assert.equal('mul', p:events()[1].name)
    assert.equal(p, p:stop())
  end)

  it('refuse a second profile', function()
    local p = profiler.start()
    local ok, message = pcall(profiler.start)
    p:stop()
    assert.is_false(ok)
    assert.truthy(message:find('runs already', 1, true), message)
  end)
end)

describe('ranges', function()
  it('nest, and give what their function gives', function()
    local p = profiler.profile(function()
      return profiler.record_function('outer', function(a)
        local r = profiler.range('inner')
        local y = tocha.ones(2) + a
        r:stop()
        return y, a
      end, 3)
    end)
    assert.same({'outer', 'inner', 'ones', 'add'}, {p:events()[1].name, p:events()[2].name, p:events()[3].name, p:events()[4].name})
    assert.same({0, 1, 2, 2}, {p:events()[1].depth, p:events()[2].depth, p:events()[3].depth, p:events()[4].depth})
    assert.equal(3, p.results[2])
    local rows = rows_of(p)
    assert.is_true(rows.outer.self <= rows.outer.total - rows.inner.total + 1e-6)
  end)

  it('within themselves are counted once in the total', function()
    local p = profiler.profile(function()
      profiler.record_function('r', function() profiler.record_function('r', step) end)
    end)
    local e = p:events()[1]
    assert.equal(2, rows_of(p).r.calls)
    assert.is_true(math.abs(rows_of(p).r.total - e.time) < 1e-6)
  end)

  it('close when their function fails, and do nothing when off', function()
    assert.equal(5, profiler.record_function('off', function(x) return x end, 5))
    local p = profiler.profile(function()
      pcall(profiler.record_function, 'bad', function() error('x') end)
      return tocha.ones(1)
    end)
    assert.equal(0, p:events()[2].depth)
    assert.has_error(function() profiler.record_function(1, step) end)
  end)
end)

describe('presentation', function()
  local p = profiler.profile(function() profiler.record_function('a "quoted"\n\\ name', step) end, {shapes = true})

  it('is a table of text', function()
    local text = p:table()
    assert.truthy(text:find('mulBackward', 1, true))
    assert.truthy(text:find('calls', 1, true))
    assert.equal(text, tostring(p))
    assert.truthy(p:table{rows = 2}:find('more', 1, true))
    assert.has_error(function() p:table('size') end)
  end)

  it('is a trace in JSON', function()
    local path = os.tmpname()
    p:export_chrome_trace(path)
    local file = assert(io.open(path))
    local trace = json.decode(file:read('*a'))
    file:close()
    os.remove(path)
    assert.equal(#p:events(), #trace.traceEvents)
    assert.equal('a "quoted"\n\\ name', trace.traceEvents[1].name)
    assert.equal('X', trace.traceEvents[2].ph)
    assert.has_error(function() p:export_chrome_trace('/nowhere/at/all.json') end)
  end)
end)
