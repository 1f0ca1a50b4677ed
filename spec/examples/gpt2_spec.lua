-- The tiny GPT-2 learns a text that repeats itself, in float32 and in mixed precision, the same way twice.

local path

local function run(options)
  local interpreter = arg and arg[-1] and arg[-1]:find('luajit') and arg[-1] or 'luajit'
  local pipe = assert(io.popen(('LUA_PATH="lua/?.lua;lua/?/init.lua;;" %s examples/gpt2.lua %s 2>&1'):format(interpreter, options)))
  local text = pipe:read('*a')
  pipe:close()
  return text
end

describe('examples/gpt2.lua', function()
  setup(function()
    path = os.tmpname()
    local file = assert(io.open(path, 'wb'))
    file:write(('the quick brown fox jumps over the lazy dog. '):rep(40))
    file:close()
  end)
  teardown(function() os.remove(path) end)

  local function losses(text)
    local list = {}
    for loss in text:gmatch('loss ([%d.]+)') do list[#list + 1] = tonumber(loss) end
    return list
  end
  local function numbers(text) return (text:gsub('%s*[%d-]+ tokens/s', '')) end
  local options = ' --steps 60 --batch 8 --context 32 --threads 1 --lr 3e-3 --sample 20'

  it('learns, and does the same again to the last digit', function()
    local first, second = run('--text ' .. path .. options), run('--text ' .. path .. options)
    local l = losses(first)
    assert.is_true(#l >= 3, first)
    assert.is_true(l[1] > 5 and l[#l] < 2.7, first)
    assert.equal(numbers(first), numbers(second))
  end)

  it('learns in mixed precision', function()
    local l = losses(run('--text ' .. path .. options .. ' --dtype bfloat16'))
    assert.is_true(#l >= 3 and l[#l] < 2.7)
  end)

  it('says what it cannot use', function()
    assert.is_truthy(run('--txt x'):find('cannot use --txt', 1, true))
    assert.is_truthy(run('--text ' .. path .. ' --config huge'):find('tiny, small, 124m', 1, true))
    assert.is_truthy(run('--help'):find('--graph', 1, true))
  end)
end)
