--- The command `tocha` and its prompt, as a person meets them: in a terminal.

local Pty = require 'spec.repl.pty'

local function read_all(command)
  local pipe = io.popen(command .. ' 2>&1; echo "exit $?"')
  local text = pipe:read('*a')
  pipe:close()
  return text
end

describe('the command tocha', function()
  it('says its version and its options', function()
    assert.is_truthy(read_all('bin/tocha --version'):find('^Tocha %d+%.%d+%.%d+ on LuaJIT'))
    assert.is_truthy(read_all('bin/tocha --help'):find('-e code', 1, true))
  end)

  it('runs code and scripts with their arguments', function()
    assert.equal('3\nexit 0\n', read_all("bin/tocha -e 'print(tocha.ones(3):sum():item())'"))
    local path = os.tmpname()
    local file = io.open(path, 'w')
    file:write('#!/usr/bin/env tocha\nprint(arg[0] == ', ('%q'):format(path), ', arg[1], tocha ~= nil, nn ~= nil, ...)')
    file:close()
    assert.equal('true\ta\ttrue\ttrue\ta\tb\nexit 0\n', read_all('bin/tocha ' .. path .. ' a b'))
    assert.equal('7\nexit 0\n', read_all("echo 'print(3 + 4)' | bin/tocha"))
    os.remove(path)
  end)

  it('fails with a traceback, and says what it does not understand', function()
    local text = read_all("bin/tocha -e 'local function f() error(\"oh no\") end f()'")
    assert.is_truthy(text:find('tocha: (command line):1: oh no\nstack traceback:', 1, true))
    assert.is_truthy(text:find('exit 1', 1, true))
    assert.is_truthy(read_all('bin/tocha --nonsense'):find("unknown option '--nonsense'", 1, true))
    assert.is_truthy(read_all('bin/tocha nosuch.lua'):find('cannot open nosuch.lua', 1, true))
  end)

  it('is there from plain LuaJIT as well', function()
    local paths = 'LUA_PATH="lua/?.lua;lua/?/init.lua;;" luajit '
    assert.equal('true\nexit 0\n', read_all(paths .. "-ltocha -e 'print(tocha == require \"tocha\")'"))
    assert.equal('nil\nexit 0\n', read_all(paths .. "-e 'require \"tocha\" print(rawget(_G, \"tocha\"))'"))
  end)
end)

for _, editor in ipairs{'readline.so.8', 'edit.so.2', 'none'} do
  local there = editor == 'none' or pcall(require('ffi').load, editor)
  local case = there and describe or pending

  case('the prompt with ' .. editor, function()
    local p, history

    setup(function()
      history = os.tmpname()
      p = Pty.start(('TOCHA_EDITLINE=%s TOCHA_HISTORY=%s bin/tocha'):format(editor, history))
      p:expect('tocha> ', 30)
    end)
    teardown(function()
      p:close()
      os.remove(history)
    end)

    -- types a line that runs for long, then Ctrl-C
    local function interrupted(line)
      p:send(line .. '\n')
      p:expect(line:sub(-8))
      os.execute('sleep 0.3')
      p:send('\3')
      return p:expect('tocha> ', 20)
    end

    it('shows results without being asked', function()
      assert.equal('3', p:line('1 + 2'))
      assert.is_truthy(p:line('tocha.ones(2)'):find('[tocha.float32 of size 2 on cpu]', 1, true))
      assert.equal('', p:line('local kept = tocha.ones(3)'))
      assert.equal('3', p:line('kept:sum():item()'))
      assert.equal('4', p:line('_ + 1'))
    end)

    it('reads on until a statement is complete', function()
      p:line('for i = 1, 2 do', '.. ')
      p:line('print(i * 10)', '.. ')
      assert.equal('10\n20', p:line('end'))
    end)

    it('keeps the session after an error', function()
      local text = p:line('(function() error("bad luck") end)()')
      assert.is_truthy(text:find('stdin:1: bad luck', 1, true))
      assert.is_truthy(p:line('x.y.z'):find("attempt to index", 1, true))
      assert.is_truthy(p:line('1 2'):find('near', 1, true))
      assert.equal('3', p:line('kept:sum():item()'))
    end)

    it('answers questions', function()
      assert.is_truthy(p:line('?tocha.softmax'):find('x:softmax(', 1, true))
      assert.matches('2\n%(%d+.* [um]?s%)', p:line(':time 1 + 1'))
      assert.is_truthy(p:line(':nonsense'):find("no command ':nonsense'", 1, true))
    end)

    it('stops loops at Ctrl-C, compiled or not, and keeps what there is', function()
      for _, line in ipairs{'while true do end', 'while true do kept = kept + 1 end', 'for i = 1, 1e15 do end',
        'function f() return f() end f()', 'm = tocha.ones(400, 400) while true do m = m:mm(m) end',
        'x = kept:clone():requires_grad_() while true do (x * 2):sum():backward() end'} do
        assert.matches('interrupted!', interrupted(line))
      end
      assert.equal('true', p:line('kept:sum():item() > 3'))
      assert.equal('true', p:line('tocha.is_grad_enabled()'))
    end)

    it('gives a line up at Ctrl-C', function()
      p:send('this is no')
      os.execute('sleep 0.2')
      p:send('\3')
      p:expect('tocha> ')
      assert.equal('5', p:line('2 + 3'))
    end)

    if editor ~= 'none' then
      it('completes with Tab and remembers lines', function()
        p:send('tocha.manual_se\t')
        os.execute('sleep 0.3')
        p:send('(1) == nil\n')
        assert.is_truthy(p:expect('tocha> '):find('false', 1, true))
        p:send('\27[A\n')
        assert.is_truthy(p:expect('tocha> '):find('false', 1, true))
        local file = io.open(history)
        local text = file:read('*a')
        file:close()
        assert.is_truthy(text:find('manual_seed', 1, true))
      end)
    end

    it('leaves at Ctrl-D', function()
      for _ = 1, 5 do -- an editor that is just taking over the terminal may drop what was typed before
        p:send('\4')
        if pcall(p.expect, p, 'left with 0', 4) then return end
      end
      p:expect('left with 0')
    end)
  end)
end
