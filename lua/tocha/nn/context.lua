--- Where in a network an error happened: the path of the innermost module that is running.
--
-- Nothing is kept while modules run; when an error is raised the stack is searched for methods of modules.
-- @module tocha.nn.context

local errors = require 'tocha.errors'
local Module = require 'tocha.nn.module'

-- The modules whose forward is on the stack: the innermost and the outermost.
local function running()
  local inner, outer
  local level = 3
  while true do
    local info = debug.getinfo(level, 'f')
    if not info then return inner, outer end
    local name, value = debug.getlocal(level, 1)
    if name == 'self' and Module.is_module(value) and (info.func == value.forward or info.func == Module.call_with_hooks) then
      inner, outer = inner or value, value
    end
    level = level + 1
  end
end

local function path_of(module, root)
  for path, m in root:named_modules() do
    if m == module then return path end
  end
end

--- ' (in module 0.1, a Linear)' or nothing.
function errors.context()
  local inner, outer = running()
  if not inner or inner == outer then return '' end
  local ok, path = pcall(path_of, inner, outer)
  if not ok or not path or path == '' then return '' end
  return (' (in module %s, a %s)'):format(path, inner.__name)
end

return errors.context
