--- Options of a script from the words of its command line: `--name value` or `--name=value`; `--help` lists them.
--     local o = tocha.utils.options('train', {{'epochs', 5, 'passes over the data'}, {'quiet', false, 'prints less'}}, arg)
-- @module tocha.utils.options

local args = require 'tocha.args'

local function usage(script, list, stream, words)
  stream:write(('usage: luajit %s [options]\n'):format(words[0] or script .. '.lua'))
  for _, o in ipairs(list) do stream:write(('  --%-12s %s (%s)\n'):format(o[1], o[3], tostring(o[2]))) end
end

local function refuse(script, list, word, words)
  io.stderr:write(('%s: cannot use %s\n'):format(script, word))
  usage(script, list, io.stderr, words)
  os.exit(2)
end

local function converted(option, value)
  local kind = type(option[2])
  if kind == 'number' then return tonumber(value) end
  if kind == 'boolean' then
    if value == 'true' or value == nil then return true end
    if value == 'false' then return false end
    return nil
  end
  return value
end

--- Reads options; an unknown one, or a value of the wrong kind, is told on stderr with the list of options and ends the script
-- with status 2, as `--help` does with 0.
-- @tparam string script its name
-- @tparam table list of {name, default, what it is}; the default's type is the option's: number, string or boolean
-- @tparam table words as `arg` holds them: number 0, if there is one, is the script's path
-- @treturn table values by name; words that are no options in order, from 1
-- @usage
-- local given = utils.options('train', {{'epochs', 5, 'passes'}, {'quiet', false, 'less'}}, {'--epochs', '7'})
-- given.epochs  --> 7
-- given.quiet  --> false
return function(script, list, words)
  if type(script) ~= 'string' or type(list) ~= 'table' then
    args.fail('options: got %s and %s, takes a name and a list', args.show(script), args.show(list))
  end
  if words ~= nil and type(words) ~= 'table' then args.fail('options: words: got %s, takes a list', args.show(words)) end
  local values, known, i = {}, {}, 1
  for _, o in ipairs(list) do
    if type(o) ~= 'table' or type(o[1]) ~= 'string' then args.fail('options: got %s, takes {name, default, what it is}', args.show(o)) end
  end
  for _, o in ipairs(list) do values[o[1]], known[o[1]] = o[2], o end
  while words and words[i] do
    local name, equals, value = words[i]:match('^%-%-([%w_-]+)(=?)(.*)$')
    local option = known[name]
    if name == 'help' then
      usage(script, list, io.stdout, words)
      os.exit(0)
    elseif not name then
      values[#values + 1] = words[i]
    elseif not option then
      refuse(script, list, words[i], words)
    else
      local word = words[i]
      if equals == '' then
        value = nil
        if type(option[2]) ~= 'boolean' then
          i = i + 1
          value = words[i]
        end
      end
      local v = converted(option, value)
      if v == nil then refuse(script, list, word .. (value and ' ' .. value or ''), words) end
      values[name] = v
    end
    i = i + 1
  end
  return values
end
