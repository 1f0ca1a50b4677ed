--- The command `tocha`: reads its arguments, runs scripts, code, or the prompt. Started by bin/tocha as `luajit main.lua ...`.
-- @module tocha.repl.main

local root = arg[0]:match('^(.*)/tocha/repl/main%.lua$')
if root then package.path = root .. '/?.lua;' .. root .. '/?/init.lua;' .. package.path end

local usage = [=[
tocha [options] [script [arguments]]
  -e code        runs the code
  -l name        requires the module
  -i             goes to the prompt after script or code
  -q             without the greeting
  -v, --version  says which version this is
  -h, --help     shows this
  -              reads a script from standard input
Without script and code it goes to the prompt. tocha, nn, F and optim are there as globals.]=]

local function fail(text)
  io.stderr:write('tocha: ', text, '\n')
  os.exit(1, true)
end

local function value_of(list, i, option)
  if list[i] == nil then fail(option .. ' takes a value; tocha --help lists the options') end
  return list[i]
end

-- options in order, the script's name and the position of its first argument
local function parse(list)
  local jobs, o, i = {}, {}, 1
  while list[i] do
    local word = list[i]
    if word == '-e' or word == '-l' then
      i = i + 1
      jobs[#jobs + 1] = {what = word, value = value_of(list, i, word)}
    elseif word == '-i' then o.interactive = true
    elseif word == '-q' then o.quiet = true
    elseif word == '-v' or word == '--version' then o.version = true
    elseif word == '-h' or word == '--help' then o.help = true
    elseif word == '--' then
      i = i + 1
      break
    elseif word:sub(1, 1) == '-' and word ~= '-' then fail(("unknown option '%s'; tocha --help lists them"):format(word))
    else break end
    i = i + 1
  end
  return jobs, o, list[i], i
end

local function attempt(repl, f, ...)
  local arguments = {n = select('#', ...), ...}
  local ok, message = xpcall(function() return f(unpack(arguments, 1, arguments.n)) end, repl.describe_error)
  if not ok then
    io.stderr:write('tocha: ', message, '\n')
    return false
  end
  return true
end

local function compiled(f, message)
  if not f then fail(message) end
  return f
end

local function run_job(repl, job)
  if job.what == '-l' then return attempt(repl, require, job.value) end
  return attempt(repl, compiled(loadstring(job.value, '=(command line)')))
end

-- `arg` is the script's own, as under luajit
local function run_script(repl, list, script, at)
  local own = {[0] = script}
  for i = at + 1, #list do own[i - at] = list[i] end
  _G.arg = own
  local path = script ~= '-' and script or nil
  return attempt(repl, compiled(loadfile(path)), unpack(own))
end

local function version_text(tocha)
  return ('Tocha %s on %s'):format(tocha.version, jit.version)
end

local function main(list)
  local jobs, o, script, at = parse(list)
  if o.help then return print(usage) end
  local tocha = require 'tocha'
  if o.version then return print(version_text(tocha)) end
  local repl, ok = require 'tocha.repl', true
  repl.globals()
  for _, job in ipairs(jobs) do ok = ok and run_job(repl, job) end
  if not script and #jobs == 0 and not o.interactive and not require('tocha.repl.input').is_terminal(0) then script, at = '-', #list end
  if ok and script then ok = run_script(repl, list, script, at) end
  if o.interactive or not script and #jobs == 0 then
    repl.run(o)
    ok = true
  end
  if not ok then os.exit(1, true) end
end

main(arg)
