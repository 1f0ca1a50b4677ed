--- The code in README.md and docs/ runs as it stands there.

local S = require 'spec.support'

local function read(path)
  local file = assert(io.open(path))
  local text = file:read('*a')
  file:close()
  return text
end

local function listed(pattern)
  local pipe = assert(io.popen('ls ' .. pattern))
  local text = pipe:read('*a')
  pipe:close()
  return text:gmatch('%S+')
end

-- the ```lua blocks of a page, one after another, as one script
local function script_of(page)
  local blocks = {}
  for block in ('\n' .. page):gmatch('\n```lua\n(.-)\n```') do blocks[#blocks + 1] = block end
  return table.concat(blocks, '\n'), #blocks
end

describe('the code in', function()
  for _, path in ipairs{'README.md', 'docs/getting-started.md', 'docs/coming-from-pytorch.md', 'docs/coming-from-torch7.md',
    'docs/profiler.md', 'docs/complex.md', 'docs/inference.md', 'docs/layers.md', 'docs/training.md', 'docs/debugging.md', 'docs/compile.md',
    'docs/gradients.md'} do
    it(path .. ' runs', function()
      local script, n = script_of(read(path))
      assert.is_true(n > 0)
      local folder = os.tmpname()
      os.remove(folder)
      assert(os.execute('mkdir ' .. folder))
      script = script:gsub("'(%w+%.safetensors)'", function(name) return ("'%s/%s'"):format(folder, name) end)
      S.runs(script)
      os.execute('rm -r ' .. folder)
    end)
  end

  it('links of the pages lead somewhere', function()
    for path in listed('README.md CONTRIBUTING.md docs/*.md docs/reference/*.md') do
      local folder = path:match('^(.*/)') or ''
      local prose = ('\n' .. read(path)):gsub('\n```.-\n```', ''):gsub('`[^`\n]*`', '')
      for link in prose:gmatch('%]%(([^)#]+)%)') do
        if not link:find('^https?:') then assert(io.open(folder .. link), path .. ': ' .. link):close() end
      end
    end
  end)
end)

local function is_made_by(path, tool)
  local pipe = assert(io.popen('luajit ' .. tool))
  local made = pipe:read('*a')
  pipe:close()
  assert.equal(made, read(path))
end

describe('the lists of names', function()
  it('docs/coverage-operators.md is what tools/coverage.lua makes of the library', function()
    is_made_by('docs/coverage-operators.md', 'tools/coverage.lua')
  end)

  it('docs/coverage.md is what tools/coverage-layers.lua makes of the library', function()
    is_made_by('docs/coverage.md', 'tools/coverage-layers.lua')
  end)
end)

describe('docs/reference', function()
  it('is what `make docs` makes of the declarations', function()
    local folder = os.tmpname()
    os.remove(folder)
    os.execute('luajit tools/reference.lua ' .. folder)
    local pipe = assert(io.popen('diff -r docs/reference ' .. folder))
    local differences = pipe:read('*a')
    pipe:close()
    os.execute('rm -r ' .. folder)
    assert(differences == '', '`make docs` has to run again:\n' .. differences:sub(1, 2000))
  end)
end)
