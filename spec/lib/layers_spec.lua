--- The rooms of the source and who may look into which: what each file includes, and which C functions Lua calls.

local lfs = require 'lfs'

local function files_under(root, pattern, list)
  list = list or {}
  if not lfs.attributes(root) then return list end
  for name in lfs.dir(root) do
    local path = root .. '/' .. name
    local mode = name:sub(1, 1) ~= '.' and lfs.attributes(path, 'mode')
    if mode == 'directory' then files_under(path, pattern, list) elseif mode == 'file' and name:match(pattern) then list[#list + 1] = path end
  end
  table.sort(list)
  return list
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read('*a')
  file:close()
  return text
end

-- 'lib/ops/../../kernels/view.h' without the steps back
local function normal(path)
  local parts = {}
  for part in path:gmatch('[^/]+') do
    if part == '..' then parts[#parts] = nil elseif part ~= '.' then parts[#parts + 1] = part end
  end
  return table.concat(parts, '/')
end

-- the files of ours that a file includes, as paths from the root
local function includes(path)
  local list, folder = {}, path:match('^(.*)/')
  for name in ('\n' .. read(path)):gmatch('\n%s*#%s*include%s+"([^"]+)"') do
    local there = normal(folder .. '/' .. name)
    list[#list + 1] = lfs.attributes(there) and there or name
  end
  return list
end

local function check(root, pattern, allowed)
  local wrong = {}
  for _, path in ipairs(files_under(root, pattern)) do
    for _, target in ipairs(includes(path)) do
      if not allowed(target, path) then wrong[#wrong + 1] = path .. ' includes ' .. target end
    end
  end
  assert.equal('', table.concat(wrong, '\n'))
end

describe('the layers', function()
  it('keep kernels to headers of kernels', function()
    check('kernels', '%.[chu][uh]?$', function(target) return target:match('^kernels/') ~= nil end)
  end)

  it('keep the CPU kernels apart from those for CUDA', function()
    check('kernels/cpu', '%.[ch]$', function(target) return not target:match('cuda') end)
  end)

  it('keep tocha.h to itself', function() assert.same({}, includes('lib/tocha.h')) end)

  it('keep the runtime to itself and the headers of kernels', function()
    check('lib', '%.[ch]$', function(target)
      return target:match('^lib/.*%.h$') or target:match('^kernels/[^/]+%.h$')
    end)
  end)

  it('let Lua call only what tocha.h declares', function()
    local header, wrong = read('lib/tocha.h'), {}
    local wrappers = {}
    local schema = require 'tocha.schema'
    for _, fn in ipairs(schema.parse(header)) do
      for _, form in ipairs(schema.forms(fn)) do wrappers[form .. fn.c:sub(4)] = true end
    end
    local of_cuda = header .. read('lua/tocha/cuda/library.lua')
    for _, path in ipairs(files_under('lua', '%.lua$')) do
      local declared = (path:find('^lua/tocha/cuda') or path == 'lua/tocha/backends.lua') and of_cuda or header
      for name in read(path):gmatch('[%W]C%.(tc_[%w_]+)') do
        if not wrappers[name] and not declared:find('[%s%*]' .. name .. '%(') then wrong[#wrong + 1] = path .. ' calls ' .. name end
      end
    end
    assert.equal('', table.concat(wrong, '\n'))
  end)

  it('export nothing but tocha.h and its wrappers', function()
    local library = require('tocha.library').path or 'build/libtocha.so'
    local pipe = io.popen('nm -D --defined-only ' .. library .. ' 2>/dev/null')
    local text = pipe:read('*a')
    pipe:close()
    if text == '' then return pending('nm is not there') end
    local header, wrong = read('lib/tocha.h'), {}
    for name in text:gmatch(' T ([%w_]+)') do
      local public = header:find('[%s%*]' .. name .. '%(') or name:match('^tc_[hi]_') or name == '_init' or name == '_fini'
      if not public then wrong[#wrong + 1] = name end
    end
    assert.equal('', table.concat(wrong, ' '))
  end)
end)

describe('the build for the CPU', function()
  it('needs nothing of kernels/cuda', function()
    local copy = os.tmpname()
    os.remove(copy)
    local script = 'mkdir -p %s/kernels && cp -r lib lua tools Makefile mk %s/ 2>/dev/null; cp -r kernels/*.h kernels/cpu %s/kernels/; ' ..
      'cd %s && make -n build/libtocha.so > log 2>&1; echo "status $?"; grep -c cuda log'
    local pipe = io.popen((script:gsub('%%s', copy)))
    local text = pipe:read('*a')
    pipe:close()
    os.execute('rm -rf ' .. copy)
    assert.matches('status 0', text)
  end)
end)

describe('the Lua source', function()
  it('is clean by luacheck', function()
    local pipe = io.popen('command -v luacheck > /dev/null && luacheck -q --no-color lua 2>&1; echo "status $?"')
    local text = pipe:read('*a')
    pipe:close()
    if text:match('^status 127') or text:match('^status 1%s*$') then return pending('luacheck is not there') end
    assert.matches('status 0', text)
  end)

  it('opens every file with what it is', function()
    local wrong = {}
    for _, path in ipairs(files_under('lua', '%.lua$')) do
      if not read(path):match('^#?[^\n]*\n?%-%-%-? %S') and not read(path):match('^%-%-') then wrong[#wrong + 1] = path end
    end
    for _, root in ipairs {'lib', 'kernels'} do
      for _, path in ipairs(files_under(root, '%.[chu][uh]?$')) do
        if not read(path):match('^/[/%*]') then wrong[#wrong + 1] = path end
      end
    end
    assert.equal('', table.concat(wrong, ' '))
  end)
end)
