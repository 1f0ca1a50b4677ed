--- What the prompt does to source: cutting it into tokens, questions for Ctrl-C, locals that stay, incomplete lines.

local tokens = require 'tocha.repl.tokens'
local rewrite = require 'tocha.repl.rewrite'
local chunk = require 'tocha.repl.chunk'

local function texts(source)
  local out = {}
  for i, token in ipairs(tokens(source)) do out[i] = token.text end
  return out
end

describe('tokens', function()
  it('are names, keywords, numbers, strings and symbols', function()
    assert.same({'local', 'x1', '=', '0x1F', '+', '2.5e-3', '..', '"a\\"b"', '[', '1', ']'}, texts('local x1=0x1F + 2.5e-3 .. "a\\"b"[1]'))
    assert.same({'1', '-', 'x'}, texts('1-x'))
    assert.same({'a', '...', '==', '::', 'l', '::'}, texts('a ... == ::l::'))
  end)

  it('leave comments and the insides of long strings out', function()
    assert.same({'a', 'b', 'c'}, texts('a --[[ while do ]] b --[==[ x\n]==] c -- do'))
    assert.same({'[[ do\nend ]]', 'x'}, texts('[[ do\nend ]] x'))
    assert.same({'[=[ ]] ]=]'}, texts('[=[ ]] ]=]'))
  end)

  it('end where an unfinished string ends', function()
    assert.same({'x', '=', '"abc'}, texts('x = "abc'))
    assert.same({'x', '=', '[[abc'}, texts('x = [[abc'))
  end)
end)

describe('locals of a session', function()
  local keep = rewrite.keep_locals
  local function same(expected, source) assert.equal(expected, (keep(source):gsub('^ +', ''):gsub('  +', ' '))) end

  it('become variables where they are outermost', function()
    same('x = 1', 'local x = 1')
    same('a, b = nil;', 'local a, b')
    same('function f() local y = 1 end', 'local function f() local y = 1 end')
  end)

  it('stay local inside blocks, strings and comments', function()
    for _, source in ipairs{'do local x = 1 end', 'if a then local b end', 'repeat local x until x', 'for i = 1, 2 do local x end',
      's = "local x"', 's = [[local x]]', '-- local x', 'while a do local b = 1 end'} do
      assert.equal(source, keep(source))
    end
  end)

  it('are found again after a block', function()
    same('do local x end y = 1', 'do local x end local y = 1')
  end)
end)

describe('questions for Ctrl-C', function()
  it('stand in loops, functions and before goto, and change no line', function()
    local count = 0
    local env = setmetatable({[rewrite.tick] = function() count = count + 1 end}, {__index = _G})
    local function run(source)
      count = 0
      return setfenv(assert(loadstring(rewrite.interruptible(source))), env)()
    end
    run 'for i = 1, 3 do end'
    assert.equal(3, count)
    run 'local i = 0 while i < 4 do i = i + 1 end'
    assert.equal(4, count)
    run 'local i = 0 repeat i = i + 1 until i == 5'
    assert.equal(5, count)
    run 'local function f(a, ...) return ... end f(1) f(2)'
    assert.equal(2, count)
    run 'local i = 0 ::again:: i = i + 1 if i < 3 then goto again end'
    assert.equal(2, count)
    run 'local function f() end for i = 1, 2 do (f or error)() end' -- no call of what the question gives
    assert.equal(4, count)
    assert.equal(2, select(2, rewrite.interruptible('for i = 1, 2 do\nx()\nend'):gsub('\n', '')))
  end)

  it('do not touch fields that are called goto', function()
    assert.equal('x.goto = y', rewrite.interruptible('x.goto = y'))
  end)
end)

describe('compiling a line', function()
  it('takes expressions as they are, with or without =', function()
    assert.equal(3, chunk.compile('1 + 2', '=t')())
    assert.equal(3, chunk.compile('= 1 + 2', '=t')())
    assert.equal(3, chunk.compile('1 + 2 -- three', '=t')())
  end)

  it('tells the incomplete from the wrong', function()
    for _, source in ipairs{'for i = 1, 2 do', 'f(', 'x = [[', 'function f()', '--[[ a', 'if x then', 'x = {1,'} do
      local f, message, unfinished = chunk.compile(source, '=t')
      assert.is_nil(f)
      assert.is_string(message)
      assert.is_true(unfinished, source)
    end
    for _, source in ipairs{'x = = 1', ')', 'end', 'x = "abc'} do
      assert.is_false((select(3, chunk.compile(source, '=t'))), source)
    end
  end)

  it('refuses bytecode', function()
    assert.is_nil((chunk.compile(string.dump(function() end), '=t')))
  end)

  it('gives up the questions, not the source, where they do not fit', function()
    local names = {}
    for i = 1, 250 do names[i] = ('function f%d() end'):format(i) end
    assert.is_function(chunk.compile(table.concat(names, ' '), '=t'))
  end)
end)
