-- reference.lua: writes docs/reference from the declarations: a page for each section of tocha.h, and a page of classes for each
-- package (nn, optim, distributions, ...) from the comments above them, with examples that the specs run.
-- Usage: luajit tools/reference.lua [folder], docs/reference without one (the library must be built for the classes).
package.path = 'lua/?.lua;lua/?/init.lua;' .. package.path
local schema = require 'tocha.schema'
local forms = require 'tocha.repl.forms'
local examples = require 'tocha.repl.examples'
local classdoc -- needs the library

local OUT = arg[1] or 'docs/reference'

local function read(path)
  local file = assert(io.open(path, 'rb'))
  local text = file:read('*a')
  file:close()
  return text
end

local function write(name, text)
  local file = assert(io.open(OUT .. '/' .. name, 'wb'))
  file:write(text)
  file:close()
end

---------------------------------------------------------------- operators
-- '/* ---- creation (lib/ops/create.c) ---- */' as its title and its files; what the header says to programmers, said to users
local titles = {['errors, scopes, memory, threads'] = 'threads', ['fields of tensors'] = 'properties of tensors',
  ['softmax, losses, norms, embedding, recurrence'] = 'softmax, losses, norms, embedding'}
local function section_of(line)
  local text = line:match('^/%* %-%-%-%- (.-) %-%-%-%- %*/$')
  if not text then return nil end
  local title = text:gsub('%s*%b()', ''):gsub('[;:].*$', '')
  return titles[title] or title, text:match('%((.-)%)')
end

-- the parts of the header that belong together; sections that come again (a second one on pooling) stay apart
local function sections(header)
  local list, now = {}, {title = 'general', lines = {}}
  for line in header:gmatch('[^\n]*') do
    local title, files = section_of(line)
    if title then
      now = {title = title, files = files, lines = {}}
      list[#list + 1] = now
    end
    now.lines[#now.lines + 1] = line
  end
  return list
end

local function entry(fn)
  local out = {('### %s\n'):format(fn.name), '```lua'}
  for _, form in ipairs(forms(fn)) do out[#out + 1] = form end
  out[#out + 1] = '```\n'
  out[#out + 1] = fn.text .. (fn.tags.alias and ('\n\nAlso called ' .. table.concat(fn.tags.alias, ', ') .. '.') or '') .. '\n'
  if examples[fn.name] then out[#out + 1] = ('```lua\n%s\n```\n'):format(examples[fn.name]) end
  return table.concat(out, '\n')
end

local function documented(section)
  local list = {}
  for _, fn in ipairs(schema.parse(table.concat(section.lines, '\n'))) do
    if fn.name and not fn.tags.only and fn.name:sub(1, 1) ~= '_' then list[#list + 1] = fn end
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

local function capital(text) return text:sub(1, 1):upper() .. text:sub(2) end

local function operator_pages(index)
  for _, section in ipairs(sections(read 'lib/tocha.h')) do
    local list = documented(section)
    if #list > 0 then
      local title, names = capital(section.title), {}
      local page = title:lower():gsub('[^%w]+', '-'):gsub('%-$', ''):sub(1, 40) .. '.md'
      local out = {'# ' .. title .. '\n'}
      for i, fn in ipairs(list) do out[i + 1], names[i] = entry(fn), fn.name end
      write(page, table.concat(out, '\n'))
      index[#index + 1] = ('- [%s](%s): %s'):format(title, page, table.concat(names, ', '))
    end
  end
end

---------------------------------------------------------------- classes
-- one section for classes that are explained together
local function sections_of(place)
  local list, by_family = {}, {}
  for _, part in ipairs(classdoc.list(place)) do
    local doc = classdoc.of(part.name, part.value, part.module)
    local section = doc.family and by_family[doc.family]
    if not section then
      section = {names = {}, heads = {}, doc = doc}
      list[#list + 1] = section
      if doc.family then by_family[doc.family] = section end
    end
    table.insert(section.names, part.name)
    table.insert(section.heads, ('%s.%s(%s)'):format(place.as, part.name, doc.signature))
  end
  return list
end

local function class_page(index, place)
  local out, names = {('# %s: %s\n'):format(place.title, place.path)}, {}
  if place.as ~= place.path then out[1] = out[1] .. ('\nIn the examples `%s` is `%s`.\n'):format(place.as, place.path) end
  for _, section in ipairs(sections_of(place)) do
    local title = table.concat(section.names, ', ')
    out[#out + 1] = ('### %s\n\n%s'):format(title, classdoc.render(section.doc, table.concat(section.heads, '\n'), true))
    names[#names + 1] = title
  end
  write(place.page .. '.md', table.concat(out, '\n'))
  index[#index + 1] = ('- [%s: %s](%s.md): %s'):format(place.title, place.path, place.page, table.concat(names, ', '))
end

local function class_pages(index)
  _G.tocha = require 'tocha'
  classdoc = require 'tocha.repl.classdoc'
  for _, place in ipairs(classdoc.packages) do class_page(index, place) end
end

---------------------------------------------------------------- functions written in Lua
local modules = {
  {title = 'Linear algebra', path = 'tocha.linalg', page = 'linalg', files = {'linalg'}, table = 'linalg'},
  {title = 'Functions that make functions', path = 'tocha.func', page = 'func', files = {'func', 'rearrange'}, table = 'func'},
  {title = 'Gradients as values, and what checks them', path = 'tocha.autograd', page = 'gradients', files = {'autograd', 'autograd/gradcheck'},
    table = '[%w_]+'},
  {title = 'Jacobians, Hessians and their products', path = 'tocha.autograd.functional', page = 'jacobians', files = {'autograd/functional'},
    table = 'functional'},
  {title = 'Forward mode', path = 'tocha.autograd.forward_ad', page = 'forward-mode', files = {'autograd/forward_ad'}, table = 'forward_ad'},
  {title = 'Graphs and what they save', path = 'tocha.autograd.graph', page = 'graphs', files = {'autograd/graph'}, table = 'graph'},
  {title = 'Checkpoints', path = 'tocha.utils.checkpoint', page = 'checkpoints', files = {'utils/checkpoint'}, table = 'checkpoint'},
  {title = 'Linear algebra by its older names, sums by labels, histograms, and more', path = 'tocha', page = 'more-functions',
    files = {'matrices', 'einsum', 'products', 'numeric', 'odds', 'places', 'lists', 'choose', 'lobpcg'}, table = '[%w_]+'},
  {title = 'Sequences that fill a cube', path = 'tocha.quasirandom', page = 'quasirandom', files = {'quasirandom'}, table = 'SobolEngine'},
}

-- what args.spec says of a function that reads its arguments itself: 'A, B, *, left = true'
local function spec_of(text, path, name)
  for _, full in ipairs {path .. '.' .. name, path:gsub('^tocha%.', '') .. '.' .. name, name, 'SobolEngine:' .. name} do
    local list = text:match("args%.spec%('" .. full:gsub('%p', '%%%0') .. "',(.-)%)\n")
    if list then
      local out = {}
      for word in list:gmatch("'([^']*)'") do out[#out + 1] = (word:gsub(':[%w]+', ''):gsub('=', ' = ')) end
      return table.concat(out, ', ')
    end
  end
  return '...'
end

-- the comment right above each public function, and its arguments
local function functions_of(place)
  local list = {}
  for _, file in ipairs(place.files) do
    local text, comment = read('lua/tocha/' .. file .. '.lua'), {}
    for line in text:gmatch('([^\n]*)\n') do
      local name, parameters = line:match('^function ' .. place.table .. '[.:]([%a][%w_]*)%((.-)%)')
      if not name and file == 'lobpcg' then name, parameters = line:match('^local function (lobpcg)%((.-)%)') end
      if name and #comment > 0 then
        list[#list + 1] = {name = name, parameters = parameters == '...' and spec_of(text, place.path, name) or parameters, text = table.concat(comment, ' ')}
      end
      if line:match('^%-%-%- ') then comment = {line:sub(5)}
      elseif #comment > 0 and line:match('^%-%- @') then comment[#comment + 1] = '\n- ' .. line:match('@(.*)$')
      elseif #comment > 0 and line:match('^%-%- ') then comment[#comment + 1] = line:sub(4)
      else comment = {} end
    end
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

local function module_pages(index)
  for _, place in ipairs(modules) do
    local out, names = {('# %s: %s\n'):format(place.title, place.path)}, {}
    for _, f in ipairs(functions_of(place)) do
      names[#names + 1] = f.name
      out[#out + 1] = ('### %s\n\n```lua\n%s.%s(%s)\n```\n\n%s\n'):format(f.name, place.path, f.name, f.parameters, f.text)
    end
    write(place.page .. '.md', table.concat(out, '\n'))
    index[#index + 1] = ('- [%s: %s](%s.md): %s'):format(place.title, place.path, place.page, table.concat(names, ', '))
  end
end

os.execute(arg[1] and 'mkdir -p ' .. OUT or 'rm -rf docs/reference && mkdir -p docs/reference')
local index = {'# Reference\n', 'Made by `make docs` from lib/tocha.h and the comments in lua/tocha. In the prompt `?name` shows the same.\n', '## Operators\n'}
operator_pages(index)
module_pages(index)
index[#index + 1] = '\n## Classes\n'
class_pages(index)
write('README.md', table.concat(index, '\n') .. '\n')
