--- The documentation of classes, read from the comments of the file that defines them: for `?name`, docs/reference and the specs.
--
-- A class is explained by the comment above its `class('Name', ...)`, by the one above its constructor, and by any comment with
-- `@type Name` (several names for a family: `@type Conv1d Conv2d Conv3d`). Tags in them: `@param name text` (also `@tparam`),
-- `@shape`, `@raise`, `@return`, and `@usage`, whose lines are run by spec/class_docs_spec.lua: what stands before `-->` must
-- have the value that stands after it.
-- @module tocha.repl.classdoc

local args = require 'tocha.args'

local classdoc = {}

--- Parameters that mean the same everywhere.
classdoc.common = {
  device = 'where parameters and buffers are made', dtype = 'of parameters and buffers',
  inplace = 'whether the input itself is changed', validate_args = 'whether arguments and values are checked (true by default)',
  cache_size = '1: the last pair of values is kept, so that going back is exact; else 0',
  reduction = "'mean', 'sum' or 'none'", foreach = 'taken, and without effect: a step is always over all parameters at once',
  fused = 'as foreach', capturable = 'as foreach', differentiable = 'as foreach',
  size_average = "old form of reduction", reduce = 'old form of reduction',
  maximize = 'whether to go up instead of down', last_epoch = 'the epoch to go on after; -1 to begin',
  lr = 'the learning rate', eps = 'added to what is divided by', weight_decay = 'how much of a parameter is added to its gradient',
  module = 'an nn.Module', name = "of the parameter: 'weight'", parameters = 'a tensor, a list, or `net:parameters()`', dim = 'which dim',
  norm_type = 'which norm: 2, or math.huge for the largest absolute value', generator = 'a tocha.Generator; the default one if not given',
  batch_first = 'whether tensors are (n, time, ...)', dataset = 'which', model = 'a function of its arguments',
  betas = 'how slowly the averages move',
  momentum = 'how much of the last step goes on', optimizer = 'whose rates are set', params = 'list of tensors, or of groups `{params = list, lr = ...}`',
}

--- Where documented classes are: what the page is called, its title, the Lua path, and whether functions are documented too.
classdoc.packages = {
  {page = 'nn', title = 'Layers and losses', path = 'tocha.nn', as = 'nn'},
  {page = 'nn-utils', title = 'Helpers for parameters, gradients and sequences', path = 'tocha.nn.utils', functions = true, as = 'nn.utils'},
  {page = 'rnn', title = 'Sequences of different lengths', path = 'tocha.nn.utils.rnn', functions = true, as = 'nn.utils.rnn'},
  {page = 'parametrize', title = 'Parametrizations: how', path = 'tocha.nn.utils.parametrize', functions = true, as = 'nn.utils.parametrize'},
  {page = 'parametrizations', title = 'Parametrizations: which', path = 'tocha.nn.utils.parametrizations', functions = true,
    as = 'nn.utils.parametrizations'},
  {page = 'prune', title = 'Pruning', path = 'tocha.nn.utils.prune', functions = true, as = 'nn.utils.prune'},
  {page = 'optim', title = 'Optimizers', path = 'tocha.optim', functions = true, as = 'optim'},
  {page = 'lr_scheduler', title = 'Learning rates', path = 'tocha.optim.lr_scheduler', functions = true, as = 'optim.lr_scheduler'},
  {page = 'swa_utils', title = 'Averages of weights', path = 'tocha.optim.swa_utils', functions = true, as = 'optim.swa_utils'},
  {page = 'distributions', title = 'Distributions and transforms', path = 'tocha.distributions', functions = true, as = 'D'},
  {page = 'infer', title = 'Bayesian inference', path = 'tocha.infer', functions = true, as = 'infer'},
  {page = 'data', title = 'Data', path = 'tocha.utils.data', functions = true, as = 'data'},
  {page = 'utils', title = 'Training scripts', path = 'tocha.utils', functions = true, as = 'utils'},
}

--- The classes (and functions) of a package of that list, sorted by name: `{name, value, module}` each.
function classdoc.list(place)
  local package, out = require(place.path), {}
  local tocha = require 'tocha'
  for _, name in ipairs(require 'tocha.repl.names'.of(package)) do
    local value = package[name]
    local is_class = type(value) == 'table' and rawget(value, '__name')
    if name:sub(1, 1) ~= '_' and (is_class or place.functions and type(value) == 'function'
      or value == tocha.distributions.identity_transform) then
      out[#out + 1] = {name = name, value = value, module = classdoc.module_of(package, place.path, name)}
    end
  end
  return out
end

-- ------------------------------------------------------------------------------------------------- comments

local kept = {}

-- the lines of a Lua module's file
local function lines_of(module)
  if kept[module] then return kept[module] end
  local file = io.open(package.searchpath(module, package.path) or '')
  local lines = {}
  if file then
    for line in file:lines() do lines[#lines + 1] = line end
    file:close()
  end
  kept[module] = lines
  return lines
end

--- The block of comment lines that ends just above line `at`, without the dashes.
function classdoc.above(lines, at)
  local block, i = {}, at - 1
  while lines[i] and lines[i]:find('^%s*%-%-') and not lines[i]:find('^%s*%-%- ?%-%-%-%-') do
    table.insert(block, 1, (lines[i]:gsub('^%s*%-%-+ ?', '', 1)))
    i = i - 1
  end
  return block
end

-- does a word of the line name it?
local function names_it(words, name)
  for word in words:gmatch('[%w_]+') do
    if word == name then return true end
  end
  return false
end

local function typed_block(lines, name)
  for i, line in ipairs(lines) do
    local words = line:match('^%s*%-%- @type (.*)$')
    if words and names_it(words, name) then
      local last = i
      while lines[last + 1] and lines[last + 1]:find('^%s*%-%-') do last = last + 1 end
      local block, family = classdoc.above(lines, last + 1), {}
      for _, text in ipairs(block) do family[#family + 1] = text:match('^@type (.*)$') end
      return block, table.concat(family, ' ')
    end
  end
end

local function named_block(lines, name)
  local quoted = "'" .. name .. "'"
  for i, line in ipairs(lines) do
    local named = line:find(quoted, 1, true) or line:find('[%.:]' .. name .. '%s*%(') or line:find('function ' .. name .. '%s*%(')
    if named and not line:find('^%s*%-%-') then
      local block = classdoc.above(lines, i)
      if #block > 0 and lines[i - #block]:find('^%s*%-%-%-') then return block end
    end
  end
end

-- above the constructor, if it is in this file
local function constructor_block(lines, value, module)
  local init = type(value) == 'table' and value.__init or value
  init = args.original[init or false] or init
  local info = type(init) == 'function' and debug.getinfo(init, 'S')
  if not info or info.what == 'C' or info.source ~= '@' .. (package.searchpath(module, package.path) or '') then return nil end
  return classdoc.above(lines, info.linedefined)
end

-- ------------------------------------------------------------------------------------------------- tags

-- '@tparam[opt=0.9] number momentum how much'
local function parameter_of(line)
  local mark, rest = line:match('^@t?param(%b[])%s*(.*)$')
  rest = rest or line:match('^@t?param%s+(.*)$')
  local kind
  if line:sub(1, 2) == '@t' then kind, rest = rest:match('^(%S+)%s*(.*)$') end
  local name, text = rest:match('^(%S+)%s*(.*)$')
  return {name = name, kind = kind, default = mark and (mark:match('=(.*)%]') or 'nil'), text = text}
end

local function join(a, b) return a == nil and b or a == '' and b or a .. ' ' .. b end

local function read_block(doc, block)
  local at
  for _, line in ipairs(block) do
    local tag, rest = line:match('^@(%a+)%s*(.*)$')
    if line:find('^@t?param') then
      at = parameter_of(line)
      if not doc.by_name[at.name] then
        doc.params[#doc.params + 1], doc.by_name[at.name] = at, at
      end
    elseif tag == 'usage' then
      at = 'usage'
    elseif tag == 'shape' or tag == 'raise' or tag == 'return' or tag == 'treturn' then
      at = tag == 'treturn' and 'return' or tag
      doc[at] = doc[at] and doc[at] .. '; ' .. rest or rest
    elseif tag then
      at = tag -- module, classmod, type, function: nothing to say
    elseif at == 'usage' then
      if line:find('%S') or #doc.usage > 0 then doc.usage[#doc.usage + 1] = line end
    elseif type(at) == 'table' then
      at.text = join(at.text, line:match('^%s*(.-)%s*$'))
    elseif at and doc[at] then
      doc[at] = join(doc[at], line:match('^%s*(.-)%s*$'))
    elseif not at then
      doc.text = doc.text and doc.text .. '\n' .. line or line
    end
  end
end

-- ------------------------------------------------------------------------------------------------- signatures

-- 'stride:size=1' as its name, kind and default
local function declared(text)
  local head, default = text:match('^([^=]+)=(.*)$')
  local name, kind = (head or text):match('^([%w_]+):?(%a*)%??$')
  return {name = name, kind = kind ~= '' and kind or nil, default = default and default:gsub('"', "'")}
end

local function add_signature(doc, name)
  local texts = args.signatures[name]
  if not texts then return end
  local shown = {}
  doc.declared = {}
  for i, text in ipairs(texts) do
    if text == '*' then
      shown[i] = '*'
    else
      local p = declared(text)
      shown[i] = p.name .. (p.default and ' = ' .. p.default or '')
      doc.declared[#doc.declared + 1] = p
      local known = doc.by_name[p.name]
      if known then
          known.kind, known.default = known.kind or p.kind, known.default or p.default
      elseif classdoc.common[p.name] then
        p.text = classdoc.common[p.name]
        doc.params[#doc.params + 1], doc.by_name[p.name] = p, p
      end
    end
  end
  doc.signature = table.concat(shown, ', ')
end

local function signature_of_function(value)
  local f = type(value) == 'table' and value.__init or value
  f = args.original[f] or f
  if type(f) ~= 'function' then return '' end
  local info, list = debug.getinfo(f, 'Su'), {}
  if info.what == 'C' then return '' end
  for i = 1, info.nparams or 0 do list[#list + 1] = debug.getlocal(f, i) end
  if list[1] == 'self' then table.remove(list, 1) end
  if info.isvararg then list[#list + 1] = '...' end
  return table.concat(list, ', ')
end

-- '--- optim.Adam: steps scaled by ...' with '@classmod' opens a file of one class
local function opening(lines, name)
  local block, i = {}, 1
  while lines[i] and lines[i]:find('^%-%-') do
    block[i] = lines[i]:gsub('^%-+ ?', '')
    i = i + 1
  end
  local text = {}
  for _, line in ipairs(block) do
    if line:match('^@classmod .-([%w_]+)$') == name then
      return (table.concat(text, '\n'):gsub('^[%w_.]+: ', ''):gsub('%s+$', ''):gsub('^%l', string.upper))
    end
    text[#text + 1] = line
  end
end

-- ------------------------------------------------------------------------------------------------- one class

--- What is known of a class or function.
-- @tparam string name
-- @param value the class or function
-- @tparam string module the Lua module whose file defines it
-- @treturn table `text`, `params` (each with name, kind, default, text), `signature`, `shape`, `raise`, `return`, `usage` (lines),
-- `family` (the names of its `@type`), `declared` (parameters of its signature)
function classdoc.of(name, value, module)
  local lines, doc, seen = lines_of(module), {params = {}, by_name = {}, usage = {}}, {}
  local typed, words = typed_block(lines, name)
  doc.family = words
  -- a comment with @type says all that the class needs
  for _, block in ipairs(typed and {typed} or {named_block(lines, name) or {}, constructor_block(lines, value, module) or {}}) do
    local key = table.concat(block, '\n')
    if not seen[key] then read_block(doc, block) end
    seen[key] = true
  end
  doc.text = doc.text or opening(lines, name)
  for _, p in ipairs(doc.params) do
    if p.text == '' then p.text = classdoc.common[p.name] or '' end
  end
  add_signature(doc, name)
  doc.signature = doc.signature or signature_of_function(value)
  while #doc.usage > 0 and not doc.usage[#doc.usage]:find('%S') do doc.usage[#doc.usage] = nil end
  return doc
end

--- The Lua module whose file defines a name of a package.
-- @tparam table package `tocha.nn` or another that loads on first use, or a plain table
-- @tparam string path what the package is called in Lua: 'tocha.nn'
-- @tparam string name
function classdoc.module_of(package, path, name)
  local mt = getmetatable(package)
  return mt and mt.__module_of and mt.__module_of(name) or path
end

-- ------------------------------------------------------------------------------------------------- as text

local function note_of(p)
  local notes = {}
  if p.kind then notes[1] = p.kind end
  if p.default == 'nil' then notes[#notes + 1] = 'optional' elseif p.default then notes[#notes + 1] = p.default end
  return #notes > 0 and ' (' .. table.concat(notes, ', ') .. ')' or ''
end

--- The parts of an explanation, for `?name` (plain) or a page (Markdown). `heads` is how it is called.
-- @treturn string
function classdoc.render(doc, heads, markdown)
  local out = {}
  local function say(text) out[#out + 1] = text end
  say(markdown and '```lua\n' .. heads .. '\n```\n' or heads)
  if doc.text and doc.text:find('%S') then say(markdown and doc.text .. '\n' or '  ' .. doc.text:gsub('\n', '\n  ')) end
  for _, p in ipairs(doc.params) do
    say(((markdown and '- `%s`%s: %s' or '      %s%s  %s'):format(p.name, note_of(p), p.text):gsub('[%s:]+$', '')))
  end
  if markdown and #doc.params > 0 then say('') end
  for _, part in ipairs{'shape', 'return', 'raise'} do
    if doc[part] then
      local label = ({shape = 'Shapes', raise = 'Errors', ['return'] = 'Gives'})[part]
      say((markdown and '%s: %s\n' or '    %s: %s'):format(label, doc[part]))
    end
  end
  if #doc.usage > 0 then
    say(markdown and '```lua\n' .. table.concat(doc.usage, '\n') .. '\n```\n' or '    ' .. table.concat(doc.usage, '\n    '))
  end
  return table.concat(out, '\n')
end

return classdoc
