--- Loops over operators compile: no trace of the compiler is given up because of something the library does.

local S = require 'spec.support'

-- Runs a loop body in its own process; gives the compiler's reasons for giving up, and how many traces it made.
local function compile(setup, body)
  local output = S.runs([[
    local tocha = require 'tocha'
    ]] .. setup .. [[

    local aborts, stops = {}, 0
    local traceerr = require('jit.vmdef').traceerr
    local function note(what, _, _, _, code, reason)
      if what == 'stop' then stops = stops + 1 end
      if what == 'abort' then
        local text = traceerr[code] or '?'
        if type(reason) == 'number' then reason = require('jit.vmdef').bcnames:sub(reason * 6 + 1, reason * 6 + 6) end
        aborts[#aborts + 1] = text:gsub('%%[sd]', (tostring(reason):gsub('%%', '%%%%')))
      end
    end
    local function run(n)
      for i = 1, n do ]] .. body .. [[ end
    end
    run(1) -- makes the wrappers
    jit.attach(note, 'trace')
    run(3000)
    jit.attach(note)
    print('stops ' .. stops)
    for _, text in ipairs(aborts) do print('abort ' .. text) end]])
  local reasons = {}
  for text in output:gmatch('abort ([^\n]+)') do
    if text:find('NYI') or text:find('blacklisted') then reasons[#reasons + 1] = text end
  end
  return reasons, tonumber(output:match('stops (%d+)'))
end

local function compiles(setup, body)
  local reasons, stops = compile(setup, body)
  assert.equal('', table.concat(reasons, '; '))
  assert.is_true(stops > 0, 'nothing was compiled')
end

describe('the compiler keeps up with', function()
  it('x + y', function() compiles('local x, y = tocha.ones(4), tocha.ones(4)', 'local z = x + y') end)
  it('a running sum', function() compiles('local x, y = tocha.ones(4), tocha.ones(4)', 'x = x + y') end)
  it('numbers', function() compiles('local x = tocha.ones(4)', 'local z = x * 2 - 1 + i') end)
  it('methods', function() compiles('local x, y = tocha.ones(4), tocha.ones(4)', 'local z = x:mul(y):relu()') end)
  it('functions', function() compiles('local x, y = tocha.ones(4), tocha.ones(4)', 'local z = tocha.add(x, y)') end)
  it('in-place operators', function() compiles('local x, y = tocha.ones(4), tocha.ones(4)', 'x:add_(y)') end)
  it('a graph', function() compiles('local x = tocha.ones(4):requires_grad_()', 'local z = (x * x):exp()') end)
  it('reductions with a dim', function() compiles('local x = tocha.ones(4, 4)', 'local z = x:sum(2)') end)
  it('item', function() compiles('local x = tocha.ones(1)', 'local z = x:item() + 1') end)
  it('matrix products', function() compiles('local x = tocha.ones(4, 4)', 'local z = x:mm(x)') end)
end)
