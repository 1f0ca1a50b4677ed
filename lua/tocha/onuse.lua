--- Packages whose parts are loaded when they are first used: the one place that turns a list of files into a package.
-- @module tocha.onuse

-- A file gives a table of its names, or a class of that name, which may lend functions of other names, or the one thing that it has.
local function part_of(value, name)
  if type(value) ~= 'table' or value.__name == name or value[name] == nil then return value end
  return value[name]
end

local function file_of_each(files)
  local file_of = {}
  for file, names in pairs(files) do
    for name in names:gmatch('%S+') do file_of[name] = file end
  end
  return file_of
end

-- 'prune init=initializers': the file of each package that is a field
local function file_of_packages(text)
  local out = {}
  for word in (text or ''):gmatch('%S+') do
    local name, file = word:match('^(.-)=(.*)$')
    out[name or word] = file or word
  end
  return out
end

--- Makes the fields of a table load on first use.
-- @tparam table package which may have fields already; its metatable is set
-- @tparam string prefix what the files' names begin with: 'tocha.nn.'
-- @tparam table files the names that each file gives, by file: {linear = 'Linear Identity'}
-- @tparam[opt] string packages files that are fields as they are: 'utils init=initializers'
-- @treturn table the package. Its metatable has `__names()`, all names that could be loaded, sorted, and `__module_of(name)`.
return function(package, prefix, files, packages)
  local file_of, packages_of = file_of_each(files), file_of_packages(packages)
  local function index(self, name)
    local value
    if packages_of[name] then
      value = require(prefix .. packages_of[name])
    elseif file_of[name] then
      value = part_of(require(prefix .. file_of[name]), name)
    end
    if value ~= nil then rawset(self, name, value) end
    return value
  end
  local function names()
    local out = {}
    for name in pairs(file_of) do out[#out + 1] = name end
    for name in pairs(packages_of) do out[#out + 1] = name end
    table.sort(out)
    return out
  end
  local function module_of(name)
    local file = file_of[name] or packages_of[name]
    return file and prefix .. file
  end
  return setmetatable(package, {__index = index, __names = names, __module_of = module_of})
end
